//! What wakes the agent: the kernel's announcements. What they say is not believed, only that they came.

use std::sync::Arc;
use std::time::Duration;

use neli::consts::socket::{Msg, NlFamily};
use neli::socket::NlSocket;
use neli::socket::asynchronous::NlSocketHandle;
use neli::types::Buffer;
use neli::utils::Groups;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

use crate::host::{Wakeup, Wakeups};
use crate::model::HostError;

/// Groups of rtnetlink: links, IPv4 and IPv6 routes, and network namespaces that come and go.
const GROUPS: [u32; 4] = [1, 7, 11, 28];

/// Size of the buffer for announcements that have not been read, in bytes. The kernel grants no more than
/// `net.core.rmem_max`; what does not fit is noticed and read by a dump.
const BUFFER: usize = 1 << 20;

/// How long to leave a socket alone that fails.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// `ENOBUFS`: announcements were lost.
const ENOBUFS: i32 = 105;

/// Announcements, from the moment on at which this was made.
pub struct Events {
    links: NlSocketHandle,
    devices: Option<AsyncFd<NlSocket>>,
    late: Arc<Notify>,
    buffer: usize,
}

impl Events {
    /// Subscribes. To be done before the first look, so that nothing falls between.
    pub fn subscribe() -> Result<Self, HostError> {
        Self::with_buffer(BUFFER)
    }

    /// Subscribes with another size of the buffer, in bytes.
    pub fn with_buffer(buffer: usize) -> Result<Self, HostError> {
        let links = links(buffer).map_err(|error| failed(&error))?;
        let devices = devices();
        if let Err(error) = &devices {
            // Links announce themselves; only a device without one comes and goes unnoticed until the next
            // look.
            tracing::warn!(%error, "announcements of PCI devices cannot be had");
        }
        Ok(Self { links, devices: devices.ok(), late: Arc::default(), buffer })
    }

    /// Wakes also when the kernel has answered what it was asked long ago: [`super::Linux::late_answers`].
    #[must_use]
    pub fn heed(self, late: Arc<Notify>) -> Self {
        Self { late, ..self }
    }

    /// Subscribes to links anew.
    async fn renew(&mut self, error: &str) -> Wakeup {
        tracing::warn!(error, "the socket for announcements of links failed");
        tokio::time::sleep(AFTER_FAILURE).await;
        if let Ok(links) = links(self.buffer) {
            self.links = links;
        }
        Wakeup::Lost
    }
}

impl Wakeups for Events {
    async fn next(&mut self) -> Wakeup {
        loop {
            let failed = tokio::select! {
                biased;
                heard = self.links.recv::<u16, Buffer>() => match heard {
                    Ok(_) => return Wakeup::Changed,
                    Err(error) if is_overrun(&error) => return Wakeup::Lost,
                    Err(error) => Failed::Links(error.to_string()),
                },
                heard = next_device(self.devices.as_ref()) => match heard {
                    Ok(true) => return Wakeup::Device,
                    Ok(false) => continue,
                    Err(error) if error.raw_os_error() == Some(ENOBUFS) => return Wakeup::Lost,
                    Err(error) => Failed::Devices(error.to_string()),
                },
                () = self.late.notified() => return Wakeup::Device,
            };
            match failed {
                Failed::Links(error) => return self.renew(&error).await,
                Failed::Devices(error) => {
                    tracing::warn!(error, "announcements of PCI devices are lost from now on");
                    self.devices = None;
                }
            }
        }
    }
}

/// The socket that is of no more use, and why.
enum Failed {
    Links(String),
    Devices(String),
}

fn links(buffer: usize) -> Result<NlSocketHandle, neli::err::SocketError> {
    let socket = NlSocketHandle::connect(NlFamily::Route, None, Groups::new_groups(&GROUPS))?;
    socket.set_recv_buffer_size(buffer)?;
    Ok(socket)
}

fn devices() -> std::io::Result<AsyncFd<NlSocket>> {
    let socket = NlSocket::connect(NlFamily::KobjectUevent, None, Groups::new_groups(&[1]))?;
    socket.nonblock()?;
    #[expect(deprecated, reason = "its successor is an unsafe function; the socket owns its descriptor")]
    AsyncFd::new(socket)
}

/// Whether what was announced is about a PCI function.
async fn next_device(socket: Option<&AsyncFd<NlSocket>>) -> std::io::Result<bool> {
    let Some(socket) = socket else { return std::future::pending().await };
    let mut bytes = [0_u8; 2048];
    loop {
        let mut ready = socket.readable().await?;
        if let Ok(read) = ready.try_io(|socket| socket.get_ref().recv(&mut bytes[..], Msg::empty())) {
            let (length, _) = read?;
            let words = bytes[..length.min(bytes.len())].split(|byte| *byte == 0);
            return Ok(words.into_iter().any(|word| word == b"SUBSYSTEM=pci"));
        }
    }
}

fn is_overrun(error: &neli::err::SocketError) -> bool {
    matches!(error, neli::err::SocketError::Io(error) if error.raw_os_error() == Some(ENOBUFS))
}

fn failed(error: &neli::err::SocketError) -> HostError {
    HostError {
        doing: "subscribing to announcements of links".to_owned(),
        code: None,
        message: error.to_string(),
    }
}
