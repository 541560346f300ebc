//! A server of its own for a test, and the little HTTP that it takes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    _out: BufReader<ChildStdout>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// What stands between the first pair of tags of that name.
    pub(crate) fn element(&self, name: &str) -> &str {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let rest = self.body.split_once(&open).unwrap_or_else(|| panic!("no <{name}> in {}", self.body)).1;
        rest.split_once(&close).unwrap().0
    }
}

impl Server {
    /// Starts a server with a clock that only the test moves.
    pub(crate) fn start(options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ec2-sim"))
            .args(["--listen", "127.0.0.1:0", "--manual-clock", "--unthrottled"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, address, _out: out }
    }

    /// Starts a server with a VPC, a subnet and an instance `node`.
    pub(crate) fn seeded() -> (Self, Value) {
        let server = Self::start(&[]);
        let seed = r#"{"vpcs": [{"key": "v", "cidr": "10.0.0.0/16"}],
            "subnets": [{"key": "s", "zone": "a", "cidr": "10.0.1.0/24"}],
            "instances": [{"key": "node", "subnet": "s", "instance_type": "m5.large"}]}"#;
        let ids = server.json("POST", "/_sim/seed", seed);
        (server, ids)
    }

    /// Sends a request whole. The bytes that come back may be none.
    pub(crate) fn open(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        stream
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut text = String::new();
        self.open(method, path, body).read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, body: body.to_owned() }
    }

    /// Makes a call of EC2.
    pub(crate) fn call(&self, form: &str) -> Answer {
        self.send("POST", "/", &format!("Version=2016-11-15&{form}"))
    }

    /// Asks the JSON side, which must agree.
    pub(crate) fn json(&self, method: &str, path: &str, body: &str) -> Value {
        let answer = self.send(method, path, body);
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    pub(crate) fn wait(&self, millis: u64) {
        self.json("POST", "/_sim/clock", &format!(r#"{{"advance_millis": {millis}}}"#));
    }

    /// Asks the process to end, and says how it did.
    pub(crate) fn end(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}
