//! Network namespaces of a test's own.

use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A network namespace that ends with this.
#[derive(Debug)]
pub(crate) struct NetNs {
    pub(crate) name: String,
}

/// Whether namespaces can be made here. If not, says so; in CI that is an error.
pub(crate) fn obtainable() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let uid = status.lines().find(|line| line.starts_with("Uid:")).unwrap();
    let root = uid.split_whitespace().nth(2) == Some("0");
    assert!(root || std::env::var_os("CI").is_none(), "tests in network namespaces need root");
    if !root {
        println!("skipped: tests in network namespaces need root");
    }
    root
}

impl NetNs {
    /// A new one, with its loopback up.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("eni-test-{}-{number}", std::process::id());
        run(&["netns", "add", &name]);
        let this = Self { name };
        this.ip("link set lo up");
        this
    }

    /// Runs `ip` in it.
    #[track_caller]
    pub(crate) fn ip(&self, words: &str) -> String {
        let (done, text) = self.try_ip(words);
        assert!(done, "ip -n {} {words}: {text}", self.name);
        text
    }

    /// Likewise, where it may fail.
    pub(crate) fn try_ip(&self, words: &str) -> (bool, String) {
        let args = ["-n", &self.name].into_iter().chain(words.split_whitespace());
        let output = Command::new("ip").args(args).output().unwrap();
        (output.status.success(), said(&output))
    }

    /// Does something on a thread in it.
    pub(crate) fn within<T: Send + 'static>(&self, what: impl FnOnce() -> T + Send + 'static) -> T {
        let name = self.name.clone();
        std::thread::spawn(move || {
            Self::enter(&name);
            what()
        })
        .join()
        .unwrap()
    }

    /// Puts this thread into it.
    pub(crate) fn enter(name: &str) {
        let file = std::fs::File::open(format!("/run/netns/{name}")).unwrap();
        let kind = rustix::thread::LinkNameSpaceType::Network;
        rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(kind)).unwrap();
    }

    /// What a link was set to, for comparing. What it notices of its other end changes by itself.
    pub(crate) fn show(&self, link: &str) -> String {
        let text = self.ip(&format!("-d link show dev {link}"));
        let words: Vec<&str> = text.split_whitespace().collect();
        let flags = words[2].trim_matches(['<', '>']).split(',');
        let set: Vec<&str> =
            flags.filter(|flag| !["LOWER_UP", "NO-CARRIER", "M-DOWN"].contains(flag)).collect();
        let pairs = words
            .windows(2)
            .filter(|pair| ["mtu", "master", "link/ether", "altname", "promiscuity"].contains(&pair[0]));
        let told: Vec<String> = pairs.map(|pair| pair.join(" ")).collect();
        format!("{} {} {}", words[1], set.join(","), told.join(" "))
    }
}

impl Drop for NetNs {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

fn run(args: &[&str]) {
    let output = Command::new("ip").args(args).output().unwrap();
    assert!(output.status.success(), "ip {args:?}: {}", said(&output));
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
