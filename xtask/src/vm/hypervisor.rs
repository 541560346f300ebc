//! What stands between EC2 and a machine: an ENI that EC2 attaches to an instance is plugged into the machine that plays
//! it, with its address, and pulled out when EC2 has detached it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{PORTS, Vm};

/// Moves what `ec2-sim` says into a machine.
#[derive(Debug)]
pub struct Hypervisor {
    events: Receiver<Value>,
    instance: String,
    /// The ports that hold ENIs, by their addresses.
    ports: BTreeMap<String, usize>,
}

impl Hypervisor {
    /// Listens to the simulator at `url` for what concerns an instance.
    pub fn listen(url: &str, instance: &str) -> Result<Self> {
        let address = url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).context("connect to ec2-sim")?;
        // The older protocol has no chunks: what comes is the events themselves.
        write!(stream, "GET /_sim/events?from=1 HTTP/1.0\r\nhost: {address}\r\n\r\n")
            .context("ask for events")?;
        let (send, events) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(stream).lines().map_while(std::result::Result::ok);
            for event in lines.filter_map(|line| serde_json::from_str(&line).ok()) {
                if send.send(event).is_err() {
                    break;
                }
            }
        });
        Ok(Self { events, instance: instance.to_owned(), ports: BTreeMap::new() })
    }

    /// Does in the machine what EC2 has done since.
    pub fn work(&mut self, vm: &mut Vm) -> Result<()> {
        while let Ok(event) = self.events.try_recv() {
            let word = |name: &str| event[name].as_str().unwrap_or_default();
            // The first device of an instance is the machine's own.
            if word("instance_id") != self.instance || event["device_index"] == 0 {
                continue;
            }
            let mac = word("mac").to_owned();
            match word("what") {
                "attached" => {
                    let used: Vec<usize> = self.ports.values().copied().collect();
                    let port = (0..PORTS).find(|port| !used.contains(port)).context("no port is free")?;
                    vm.plug(port, &mac)?;
                    self.ports.insert(mac, port);
                }
                "detached" => {
                    if let Some(port) = self.ports.remove(&mac) {
                        vm.pull(port)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
