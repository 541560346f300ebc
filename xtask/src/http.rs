//! JSON over plain HTTP/1.1, as far as `ec2-sim`'s own side needs it.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends a request to `base`, such as `http://127.0.0.1:4000`, and returns the answer's JSON, or null.
pub fn request(method: &str, base: &str, path: &str, body: Option<&Value>) -> Result<Value> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let answer = text(method, base, path, "application/json", &body)?;
    if answer.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&answer)
        .with_context(|| format!("{method} {base}{path}: the answer is no JSON: {answer}"))
}

/// Sends a request with a body of a kind, and returns the answer's text.
pub fn text(method: &str, base: &str, path: &str, kind: &str, body: &str) -> Result<String> {
    let what = || format!("{method} {base}{path}");
    let answer = exchange(method, base, path, kind, body).with_context(what)?;
    let text = String::from_utf8(answer).with_context(what)?;
    let (head, body) =
        text.split_once("\r\n\r\n").with_context(|| format!("{}: no end of the headers", what()))?;
    let status = head.split(' ').nth(1).unwrap_or("no status");
    if !status.starts_with('2') {
        bail!("{} was answered with {status}: {}", what(), body.trim());
    }
    Ok(body.to_owned())
}

fn exchange(method: &str, base: &str, path: &str, kind: &str, body: &str) -> Result<Vec<u8>> {
    let host = base.strip_prefix("http://").context("the URL does not start with http://")?;
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    // HTTP/1.0 is answered in one piece, and by closing the connection.
    let head = format!("{method} {path} HTTP/1.0\r\nhost: {host}\r\ncontent-type: {kind}");
    let request = format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    ensure!(!answer.is_empty(), "the connection was closed without an answer");
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// A server that answers once.
    fn answering(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        format!("http://{address}")
    }

    #[test]
    fn answers_are_json_or_nothing() {
        let base = answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"a\": 1}\n");
        assert_eq!(request("GET", &base, "/", None).unwrap(), serde_json::json!({"a": 1}));
        let base = answering("HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(request("DELETE", &base, "/", None).unwrap(), Value::Null);
    }

    #[test]
    fn refusal_is_told_with_its_reason() {
        let base = answering("HTTP/1.1 422 Unprocessable\r\n\r\nno such zone");
        let error = request("POST", &base, "/x", Some(&Value::Null)).unwrap_err().to_string();
        assert_eq!(error, format!("POST {base}/x was answered with 422: no such zone"));
    }
}
