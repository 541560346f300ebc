//! Free ports.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    net::TcpListener,
    ops::Range,
};

use anyhow::{Context, Result};

/// Where ports are looked for: below the range from which the kernel takes ports for outgoing connections,
/// so that none of those gets between finding a port and using it, or between stop and start of a server.
const RANGE: Range<u16> = 20_000..32_000;

/// What a server says when somebody else has its port.
const IN_USE: &str = "address already in use";

/// A port of the loopback address that nobody listens at.
pub(crate) fn free() -> Result<u16> {
    let size = u64::from(RANGE.end - RANGE.start);
    (0..100)
        .filter_map(|_| u16::try_from(random() % size).ok())
        .map(|offset| RANGE.start + offset)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .context("no free port found between 20000 and 32000 on 127.0.0.1: see `ss -ltn` for who has them")
}

/// Whether a start failed because somebody else took a port first.
pub(super) fn is_clash(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains(IN_USE)
}

/// A number that is another one each time.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_is_free_and_in_range() {
        let port = free().unwrap();
        assert!(RANGE.contains(&port));
        assert!(TcpListener::bind(("127.0.0.1", port)).is_ok());
    }

    #[test]
    fn clash_is_told_from_other_errors() {
        assert!(is_clash(
            &anyhow::anyhow!("listen tcp 127.0.0.1:1: bind: address already in use").context("x")
        ));
        assert!(!is_clash(&anyhow::anyhow!("no Go")));
    }
}
