//! A proxy between the controller and EC2 that counts requests, and strikes at some of them.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

/// When to kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kill {
    /// At which request, counted from 1.
    pub(crate) request: usize,
    /// Where in it.
    pub(crate) moment: Moment,
}

/// Where in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// EC2 never sees it.
    BeforeTheEffect,
    /// EC2 does what it asks, and the answer never arrives.
    BeforeTheAnswer,
    /// The answer arrives, and nothing can be written of it.
    AfterTheAnswer,
}

/// The proxy.
pub(crate) struct Proxy {
    /// Where the controller finds it.
    pub(crate) url: String,
    shared: Arc<Shared>,
    struck: Receiver<SyncSender<()>>,
}

struct Shared {
    upstream: String,
    seen: AtomicUsize,
    kills: Mutex<Vec<Kill>>,
    strike: SyncSender<SyncSender<()>>,
}

impl Proxy {
    /// Stands before `upstream`, given as `http://ADDRESS:PORT`.
    pub(crate) fn start(upstream: &str, kills: Vec<Kill>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (strike, struck) = sync_channel(1);
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let shared =
            Arc::new(Shared { upstream, seen: AtomicUsize::new(0), kills: Mutex::new(kills), strike });
        let for_connections = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = for_connections.clone();
                // A connection that breaks is one that a kill broke.
                std::thread::spawn(move || shared.converse(client));
            }
        });
        Self { url, shared, struck }
    }

    /// Whether a request has come at which to kill; if so, kills and lets the request go on.
    pub(crate) fn strike(&self, kill: impl FnOnce()) -> bool {
        let Ok(go_on) = self.struck.try_recv() else { return false };
        kill();
        // The connection may have noticed first.
        let _ = go_on.send(());
        true
    }

    /// The kills that are still to come.
    pub(crate) fn left(&self) -> Vec<Kill> {
        self.shared.kills.lock().unwrap().clone()
    }

    /// How many requests there were.
    pub(crate) fn seen(&self) -> usize {
        self.shared.seen.load(Ordering::SeqCst)
    }
}

impl Shared {
    /// Passes on requests and answers, one after the other.
    fn converse(&self, client: TcpStream) -> Option<()> {
        let upstream = TcpStream::connect(&self.upstream).ok()?;
        let (mut to_client, mut to_upstream) = (client.try_clone().ok()?, upstream.try_clone().ok()?);
        let (mut from_client, mut from_upstream) = (BufReader::new(client), BufReader::new(upstream));
        loop {
            let request = message(&mut from_client)?;
            let moment = self.moment();
            if moment == Some(Moment::BeforeTheEffect) {
                return self.wait_for_the_kill();
            }
            to_upstream.write_all(&request).ok()?;
            let answer = message(&mut from_upstream)?;
            if moment == Some(Moment::BeforeTheAnswer) {
                return self.wait_for_the_kill();
            }
            to_client.write_all(&answer).ok()?;
            if moment.is_some() {
                return self.wait_for_the_kill();
            }
        }
    }

    /// Counts a request. Says where in it to kill, if it is the next one to kill at.
    fn moment(&self) -> Option<Moment> {
        let mut kills = self.kills.lock().unwrap();
        let number = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        let due = kills.first().is_some_and(|kill| kill.request <= number);
        due.then(|| kills.remove(0).moment)
    }

    /// Asks for the kill, and holds the connection until it is done.
    fn wait_for_the_kill(&self) -> Option<()> {
        let (go_on, done) = sync_channel(1);
        self.strike.send(go_on).ok()?;
        done.recv().ok()
    }
}

/// One HTTP message with a `Content-Length`, or none if the connection has ended.
fn message(from: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let mut length = 0;
    loop {
        let start = text.len();
        if from.read_until(b'\n', &mut text).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&text[start..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    text.extend(body);
    Some(text)
}
