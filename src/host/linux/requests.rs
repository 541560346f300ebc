//! Requests to the kernel by rtnetlink: one message each, and all that comes back for it.
//!
//! neli's own router loses overruns, can hang on a full channel and drops the kernel's words, so the sequence
//! numbers and the ends of dumps are looked after here.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use neli::consts::nl::{NlmF, NlmsgerrAttr};
use neli::consts::socket::NlFamily;
use neli::nl::{NlPayload, Nlmsghdr, NlmsghdrBuilder};
use neli::socket::asynchronous::NlSocketHandle;
use neli::types::Buffer;
use neli::utils::Groups;
use tokio::sync::Mutex;

use super::wire::{Body, text};
use crate::model::HostError;

/// Longest that the kernel may take for an answer. It answers in microseconds, but for a driver that opens
/// its device, and one that hangs must not be waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How often a dump that was interrupted by a change is made anew.
const DUMP_TRIES: u32 = 16;

/// `NLMSG_DONE`.
const DONE: u16 = 3;

type Message = Nlmsghdr<u16, Buffer>;

/// A socket for requests, one after the other.
#[derive(Default)]
pub(super) struct Requests {
    socket: Mutex<Option<NlSocketHandle>>,
    sequence: AtomicU32,
}

/// Why an exchange came to nothing.
enum Failure {
    /// The kernel refused, with a number and perhaps words.
    Refused(i32, Option<String>),
    /// Something changed while it was read.
    Interrupted,
    /// The socket, or what came from it, is of no more use.
    Broken(String),
}

impl Requests {
    /// Everything of a kind: whole, or not at all.
    pub(super) async fn dump(&self, doing: &str, kind: u16, body: Body) -> Result<Vec<Vec<u8>>, HostError> {
        let body = body.bytes();
        for _ in 1..DUMP_TRIES {
            match self.exchange(kind, NlmF::DUMP, &body).await {
                Err(Failure::Interrupted) => tracing::debug!(doing, "the dump was interrupted"),
                done => return done.map_err(|failure| told(doing, failure)),
            }
        }
        self.exchange(kind, NlmF::DUMP, &body).await.map_err(|failure| told(doing, failure))
    }

    /// One question with one answer.
    pub(super) async fn ask(&self, doing: &str, kind: u16, body: Body) -> Result<Vec<Vec<u8>>, HostError> {
        self.exchange(kind, NlmF::ACK, &body.bytes()).await.map_err(|failure| told(doing, failure))
    }

    /// One change.
    pub(super) async fn change(
        &self,
        doing: &str,
        kind: u16,
        flags: NlmF,
        body: Body,
    ) -> Result<(), HostError> {
        let done = self.exchange(kind, NlmF::ACK | flags, &body.bytes()).await;
        done.map(drop).map_err(|failure| told(doing, failure))
    }

    async fn exchange(&self, kind: u16, flags: NlmF, body: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
        let mut held = self.socket.lock().await;
        // A socket on which something went wrong, or that was given up in the middle, may yet have answers
        // to earlier requests: it is not used again.
        let socket = match held.take() {
            Some(socket) => socket,
            None => connect()?,
        };
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let answer = tokio::time::timeout(ANSWER_WITHIN, async {
            send(&socket, kind, flags, sequence, body).await?;
            receive(&socket, sequence).await
        });
        let answer = answer
            .await
            .unwrap_or_else(|_| Err(Failure::Broken(format!("no answer within {ANSWER_WITHIN:?}"))));
        if !matches!(answer, Err(Failure::Broken(_) | Failure::Interrupted)) {
            *held = Some(socket);
        }
        answer
    }
}

fn connect() -> Result<NlSocketHandle, Failure> {
    let socket = NlSocketHandle::connect(NlFamily::Route, None, Groups::empty()).map_err(broken)?;
    socket.enable_ext_ack(true).map_err(broken)?;
    socket.enable_strict_checking(true).map_err(broken)?;
    Ok(socket)
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::Broken(error.to_string())
}

async fn send(
    socket: &NlSocketHandle,
    kind: u16,
    flags: NlmF,
    sequence: u32,
    body: &[u8],
) -> Result<(), Failure> {
    let message: Message = NlmsghdrBuilder::default()
        .nl_type(kind)
        .nl_flags(NlmF::REQUEST | flags)
        .nl_seq(sequence)
        .nl_payload(NlPayload::Payload(Buffer::from(body)))
        .build()
        .map_err(broken)?;
    socket.send(&message).await.map_err(broken)
}

/// All payloads of the answer to one request.
async fn receive(socket: &NlSocketHandle, sequence: u32) -> Result<Vec<Vec<u8>>, Failure> {
    let mut payloads = vec![];
    let mut interrupted = false;
    loop {
        let (messages, _) = socket.recv::<u16, Buffer>().await.map_err(broken)?;
        for message in messages {
            let message = message.map_err(broken)?;
            if *message.nl_seq() != sequence {
                continue;
            }
            interrupted |= message.nl_flags().contains(NlmF::DUMP_INTR);
            let done = *message.nl_type() == DONE;
            match message.nl_payload() {
                NlPayload::Payload(payload) if !done => payloads.push(payload.as_ref().to_vec()),
                NlPayload::Err(error) => {
                    let words = error.ext_ack().get_attr_handle();
                    let words = words.get_attribute(NlmsgerrAttr::Msg);
                    let words = words.map(|words| text(words.nla_payload().as_ref()));
                    return Err(Failure::Refused(-error.error(), words));
                }
                NlPayload::DumpExtAck(end) if *end.error() < 0 => {
                    return Err(Failure::Refused(-end.error(), None));
                }
                NlPayload::Ack(_) | NlPayload::DumpExtAck(_) | NlPayload::Payload(_) | NlPayload::Empty => {
                    return if interrupted { Err(Failure::Interrupted) } else { Ok(payloads) };
                }
            }
        }
    }
}

fn told(doing: &str, failure: Failure) -> HostError {
    let doing = doing.to_owned();
    match failure {
        Failure::Refused(code, words) => {
            let plain = std::io::Error::from_raw_os_error(code).to_string();
            let message = words.map_or(plain.clone(), |words| format!("{words} ({plain})"));
            HostError { doing, code: Some(code), message }
        }
        Failure::Interrupted => HostError {
            doing,
            code: None,
            message: "it changed while it was read, again and again".to_owned(),
        },
        Failure::Broken(message) => HostError { doing, code: None, message },
    }
}
