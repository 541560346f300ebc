//! Asynchronous calls from code that waits for them.

use std::{future::Future, panic, thread};

use anyhow::{Context, Result};

/// Runs a future to its end on a runtime and a thread of its own, so that the caller may have a runtime too.
pub fn block_on<F>(future: F) -> Result<F::Output>
where
    F: Future + Send,
    F::Output: Send,
{
    let run = || -> Result<F::Output> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().context("start tokio")?;
        Ok(runtime.block_on(future))
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|panic| panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn may_be_called_inside_a_runtime() {
        assert_eq!(super::block_on(async { 2 }).unwrap(), 2);
    }
}
