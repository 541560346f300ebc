//! Testbeds. A test has one to itself, a controller works on all that there is, and finds it empty.
//!
//! Starting one costs some ten seconds of a processor, so a test that went well hands its own on. That of a
//! test that failed is thrown away: what it left is nobody's business.

use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use xtask::testbed::{Testbed, TestbedOptions};

/// How EC2 takes many calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ec2 {
    /// As AWS does.
    Throttled,
    /// As many as there are.
    Unthrottled,
}

/// Those that nobody has.
static IDLE: Mutex<Vec<(Ec2, Testbed)>> = Mutex::new(Vec::new());

/// A testbed, for one test.
pub(crate) struct Bed {
    ec2: Ec2,
    testbed: Option<Testbed>,
}

impl Bed {
    /// An empty one, if its parts are to be had on this machine.
    pub(crate) fn take(ec2: Ec2) -> Option<Self> {
        if !Testbed::obtainable().unwrap() {
            return None;
        }
        let testbed = idle(ec2).unwrap_or_else(|| start(ec2));
        Some(Self { ec2, testbed: Some(testbed) })
    }
}

impl Deref for Bed {
    type Target = Testbed;

    fn deref(&self) -> &Testbed {
        self.testbed.as_ref().unwrap()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let testbed = self.testbed.take().filter(|_| !std::thread::panicking());
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(testbed.map(|testbed| (self.ec2, testbed)));
    }
}

/// One that a test has handed on, emptied.
fn idle(ec2: Ec2) -> Option<Testbed> {
    let testbed = {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle.iter().position(|one| one.0 == ec2)?;
        idle.swap_remove(at).1
    };
    match testbed.clear() {
        Ok(()) => Some(testbed),
        Err(error) => {
            println!("a testbed is thrown away: {error:#}");
            None
        }
    }
}

fn start(ec2: Ec2) -> Testbed {
    let ec2_args = match ec2 {
        Ec2::Throttled => vec![],
        Ec2::Unthrottled => vec!["--unthrottled".to_owned()],
    };
    let testbed =
        Testbed::start(&TestbedOptions { ec2: true, ec2_args, ..TestbedOptions::default() }).unwrap();
    testbed.install_crds().unwrap();
    testbed
}
