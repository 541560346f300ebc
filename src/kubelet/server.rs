//! A plugin's socket, and who is connected to it.

use std::io;
use std::path::{Path, PathBuf};

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{AbortHandle, JoinSet};

use super::files::{Identity, identity, remove};
use super::plugin::Plugin;

/// A socket that is served. Dropping it ends its connections at once, whatever streams they have.
#[derive(Debug)]
pub(super) struct Server {
    path: PathBuf,
    identity: Option<Identity>,
    serving: AbortHandle,
}

impl Server {
    /// Serves a plugin at a path. What was there before is gone then.
    pub(super) fn start(path: &Path, plugin: &Plugin) -> io::Result<Self> {
        remove(path)?;
        let listener = UnixListener::bind(path)?;
        let identity = identity(path);
        let serving = tokio::spawn(serve(listener, plugin.clone())).abort_handle();
        Ok(Self { path: path.to_owned(), identity, serving })
    }

    /// Whether its socket is still there, and still the same.
    pub(super) fn is_there(&self) -> bool {
        self.identity.is_some() && identity(&self.path) == self.identity && !self.serving.is_finished()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
        // Another's is left alone.
        if self.identity.is_some() && identity(&self.path) == self.identity {
            let _ = remove(&self.path);
        }
    }
}

/// Serves all who connect, until the listener fails.
async fn serve(listener: UnixListener, plugin: Plugin) {
    // They end with this.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((connection, _)) => {
                    connections.spawn(connected(connection, plugin.clone()));
                }
                Err(error) => {
                    tracing::warn!(resource = plugin.resource, %error, "a plugin's socket fails, and is made anew");
                    return;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connected(connection: UnixStream, plugin: Plugin) {
    let service = service_fn(move |request| plugin.clone().answer(request));
    let served =
        http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(connection), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection to a plugin has ended");
    }
}
