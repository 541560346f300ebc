//! No request for a process that may not act any more.
//!
//! Every connection of a client is a task that writes what is asked of it. Such a task is taken up only while
//! the mandate lasts; after that, it ends and its connection with it, and what it was to write stays unsent.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::Executor;

use crate::mandate::Mandate;

/// A task of a client.
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs the tasks of a client while the mandate lasts.
#[derive(Debug, Clone)]
pub(super) struct Fence(pub(super) Mandate);

impl Executor<Task> for Fence {
    fn execute(&self, task: Task) {
        tokio::spawn(Fenced { task, mandate: self.0.clone() });
    }
}

/// A task that ends with the mandate.
struct Fenced {
    task: Task,
    mandate: Mandate,
}

impl Future for Fenced {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.mandate.check().is_err() {
            return Poll::Ready(());
        }
        self.task.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kube::api::DeleteParams;
    use kube::{Client, Config, core::Request};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

    use super::*;
    use crate::cluster::request::client;
    use crate::mandate::uptime;

    /// Answers what comes on a connection, and hands it on.
    async fn serve(mut stream: TcpStream, sender: UnboundedSender<String>) {
        let mut chunk = vec![0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut chunk).await {
            let _ = sender.send(String::from_utf8_lossy(&chunk[..length]).into_owned());
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        }
    }

    /// A server, and what it has heard.
    async fn server() -> (Config, UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, heard) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, sender.clone()));
            }
        });
        (Config::new(url.parse().unwrap()), heard)
    }

    async fn delete(client: &Client) -> kube::Result<String> {
        let request = Request::new("/things").delete("one", &DeleteParams::default()).unwrap();
        tokio::time::timeout(Duration::from_secs(10), client.request_text(request)).await.unwrap()
    }

    #[tokio::test]
    async fn nothing_is_sent_without_a_mandate_neither_on_an_open_connection_nor_on_a_new_one() {
        let (config, mut heard) = server().await;
        let mandate = Mandate::none();
        let client = client(config, mandate.clone()).unwrap();
        assert!(delete(&client).await.is_err(), "before it began");
        mandate.extend(uptime() + Duration::from_mins(1));
        delete(&client).await.unwrap();
        assert!(heard.recv().await.unwrap().starts_with("DELETE /things/one"));
        mandate.extend(uptime());
        for connection in ["open", "new"] {
            assert!(delete(&client).await.is_err(), "after it ended, on a connection that is {connection}");
        }
        mandate.extend(uptime() + Duration::from_mins(1));
        delete(&client).await.unwrap();
        assert!(heard.recv().await.is_some() && heard.try_recv().is_err(), "it was sent without a mandate");
    }
}
