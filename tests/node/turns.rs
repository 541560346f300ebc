//! Who may have a machine now: each is emulated by software and would keep the others waiting.

use std::sync::{Condvar, Mutex, PoisonError};

/// Machines at one time. With two, one has been silent at its start.
const MOST: usize = 1;

static HAD: Mutex<usize> = Mutex::new(0);
static GIVEN_BACK: Condvar = Condvar::new();

/// A right to have a machine, given back when it is dropped.
pub(crate) struct Turn(());

impl Turn {
    /// Waits for one.
    pub(crate) fn take() -> Self {
        let had = HAD.lock().unwrap_or_else(PoisonError::into_inner);
        let mut had = GIVEN_BACK.wait_while(had, |had| *had >= MOST).unwrap_or_else(PoisonError::into_inner);
        *had += 1;
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *HAD.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        GIVEN_BACK.notify_one();
    }
}
