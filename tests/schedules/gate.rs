//! Where every request of a pass stops until the schedule lets it go on.
//!
//! A request stops once, before it takes effect. A process that dies while a request stands here never
//! sent it; the one before it was sent, and its answer was never read. So to stop between any two requests
//! is to crash in both ways.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::key::Key;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// Nothing.
    None,
    /// Somebody else changes the object first (Kubernetes), or it is one call too many (EC2).
    Refused,
    /// It is never answered, and took no effect.
    Unsent,
    /// It takes effect, and the answer is lost.
    Lost,
}

/// A request that is about to be sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which one.
    pub call: &'static str,
    /// About what.
    pub about: String,
}

/// The gate; an open one lets everything pass at once.
#[derive(Debug, Clone, Default)]
pub struct Gate(Option<Arc<Mutex<Desk>>>);

/// Who stands at the gate.
#[derive(Debug, Default)]
pub struct Desk {
    count: u64,
    /// The pass that is being polled.
    current: Option<Key>,
    tickets: BTreeMap<u64, Ticket>,
}

#[derive(Debug)]
struct Ticket {
    key: Option<Key>,
    request: Request,
    waker: Waker,
    released: Option<Strike>,
}

impl Gate {
    /// A gate that lets nothing pass unless told to.
    pub fn closed() -> Self {
        Self(Some(Arc::default()))
    }

    fn desk(&self) -> Option<MutexGuard<'_, Desk>> {
        self.0.as_ref().map(|desk| desk.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until the request may be sent, and tells what goes wrong with it.
    pub fn pass(&self, request: Request) -> Pass {
        Pass { gate: self.clone(), request, ticket: None }
    }

    /// Says whose requests come next.
    pub fn polls(&self, key: Option<Key>) {
        if let Some(mut desk) = self.desk() {
            desk.current = key;
        }
    }

    /// Whether a request of a pass waits here.
    pub fn has(&self, key: &Key) -> bool {
        self.desk().is_some_and(|desk| desk.tickets.values().any(|ticket| ticket.key.as_ref() == Some(key)))
    }

    /// The tickets of those who wait.
    pub fn tickets(&self) -> Vec<u64> {
        self.desk().map(|desk| desk.tickets.keys().copied().collect()).unwrap_or_default()
    }

    /// The pass and the request behind a ticket.
    pub fn holder(&self, id: u64) -> Option<(Key, Request)> {
        let desk = self.desk()?;
        let ticket = desk.tickets.get(&id)?;
        Some((ticket.key.clone()?, ticket.request.clone()))
    }

    /// Lets one go on.
    pub fn release(&self, id: u64, strike: Strike) {
        let waker = self.desk().and_then(|mut desk| {
            let ticket = desk.tickets.get_mut(&id)?;
            ticket.released = Some(strike);
            Some(ticket.waker.clone())
        });
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A request that waits at the gate.
pub struct Pass {
    gate: Gate,
    request: Request,
    ticket: Option<u64>,
}

impl Future for Pass {
    type Output = Strike;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Strike> {
        let this = &mut *self;
        let Some(mut desk) = this.gate.desk() else { return Poll::Ready(Strike::None) };
        let Some(id) = this.ticket else {
            desk.count += 1;
            let (id, key) = (desk.count, desk.current.clone());
            let ticket =
                Ticket { key, request: this.request.clone(), waker: cx.waker().clone(), released: None };
            desk.tickets.insert(id, ticket);
            this.ticket = Some(id);
            return Poll::Pending;
        };
        let Some(ticket) = desk.tickets.get_mut(&id) else { return Poll::Pending };
        let Some(strike) = ticket.released else {
            ticket.waker.clone_from(cx.waker());
            return Poll::Pending;
        };
        desk.tickets.remove(&id);
        this.ticket = None;
        Poll::Ready(strike)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let (Some(id), Some(mut desk)) = (self.ticket, self.gate.desk()) {
            desk.tickets.remove(&id);
        }
    }
}
