//! Kubelet's folder of sockets: what happens there is only that something happened, and who is woken looks.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

/// How often to try to watch a folder that cannot be watched; what waits for it is woken as often.
const AGAIN: Duration = Duration::from_millis(500);

/// Tells of changes in a folder, for ever.
pub(super) async fn watch(folder: PathBuf, changes: watch::Sender<()>) {
    loop {
        match watched(&folder) {
            Ok(inotify) => {
                changes.send_replace(());
                told(&inotify, &changes).await;
            }
            Err(error) => tracing::debug!(folder = %folder.display(), %error, "not to be watched yet"),
        }
        changes.send_replace(());
        tokio::time::sleep(AGAIN).await;
    }
}

fn watched(folder: &Path) -> io::Result<AsyncFd<OwnedFd>> {
    let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    let names = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVED_FROM | WatchFlags::MOVED_TO;
    let itself = WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR;
    inotify::add_watch(&inotify, folder, names | itself)?;
    #[expect(
        deprecated,
        reason = "what it is deprecated for is a type whose descriptor changes; this one's does not"
    )]
    AsyncFd::new(inotify)
}

/// Tells of changes until the folder itself goes.
async fn told(inotify: &AsyncFd<OwnedFd>, changes: &watch::Sender<()>) {
    loop {
        let Ok(mut ready) = inotify.readable().await else { return };
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(inotify.get_ref(), &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    let gone = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED;
                    if event.events().intersects(gone) {
                        return;
                    }
                }
                Err(rustix::io::Errno::WOULDBLOCK) => break,
                Err(_) => return,
            }
        }
        ready.clear_ready();
        changes.send_replace(());
    }
}
