//! What a controller takes for EC2: its connections go through a gate.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::gate::{Asked, Gate};

/// Serves connections for ever.
pub(super) async fn serve(listener: TcpListener, upstream: String, gate: Arc<Gate>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let (upstream, gate) = (upstream.clone(), gate.clone());
        // A connection that breaks is one that a kill or a lost answer broke.
        tokio::spawn(async move { converse(client, &upstream, &gate).await.ok() });
    }
}

/// Passes on requests and answers, one after the other.
async fn converse(client: TcpStream, upstream: &str, gate: &Gate) -> Result<()> {
    let upstream = TcpStream::connect(upstream).await.context("connect to EC2")?;
    let (from_client, mut to_client) = client.into_split();
    let (from_upstream, mut to_upstream) = upstream.into_split();
    let (mut from_client, mut from_upstream) = (BufReader::new(from_client), BufReader::new(from_upstream));
    loop {
        let request = message(&mut from_client).await?;
        let what = action(&request);
        let changes = !what.starts_with("Describe");
        let passing = gate.enter(Asked { ec2: true, what, changes }).await;
        to_upstream.write_all(&request).await?;
        let answer = message(&mut from_upstream).await?;
        gate.leave(passing).await;
        to_client.write_all(&answer).await?;
    }
}

/// One HTTP message with a `Content-Length`.
async fn message(from: &mut (impl AsyncBufRead + Unpin)) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut length = 0;
    loop {
        let start = text.len();
        if from.read_until(b'\n', &mut text).await? == 0 {
            bail!("the connection has ended");
        }
        let line = String::from_utf8_lossy(&text[start..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().context("a length")?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).await?;
    text.extend(body);
    Ok(text)
}

/// The action that a request asks for.
fn action(request: &[u8]) -> String {
    let text = String::from_utf8_lossy(request);
    let form = text.rsplit("\r\n\r\n").next().unwrap_or_default();
    form.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or("nothing").to_owned()
}
