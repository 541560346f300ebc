//! A case: a conversation with EC2, what must come of it, and where it is held.

use std::{future::Future, panic::AssertUnwindSafe, pin::Pin};

use ec2_sim::Settings;
use futures::FutureExt as _;

use crate::{sim::Handle, world::World};

/// Where a case is run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Runs {
    /// Against `ec2-sim` and moto.
    Both,
    /// Against `ec2-sim` alone, because moto is not right: why.
    SimOnly(&'static str),
    /// Against `ec2-sim` alone, and not even tried on moto, which would work on it without an end: why.
    NeverOnMoto(&'static str),
}

/// The conversation.
pub(crate) type Body = for<'a> fn(&'a mut World) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A conversation and what must come of it.
pub(crate) struct Case {
    pub(crate) file: &'static str,
    pub(crate) name: &'static str,
    pub(crate) runs: Runs,
    pub(crate) set: fn(&mut Settings),
    pub(crate) body: Body,
    pub(crate) expected: &'static [&'static str],
}

impl Case {
    /// The simulator for the case: nothing takes time, unless the case wants it to.
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = crate::sim::instant();
        (self.set)(&mut settings);
        settings
    }

    /// The case as a sentence: action and what is said of it.
    pub(crate) fn title(&self) -> String {
        let file = self.file.rsplit("::").next().unwrap_or(self.file);
        format!("{}: {}", file.replace('_', " "), self.name.replace('_', " "))
    }

    /// Holds the conversation and gives what came of it, ids replaced; a panic is a line of it.
    pub(crate) async fn run(&self, endpoint: &str, sim: Option<Handle>) -> Vec<String> {
        let mut world = World::new(endpoint, sim).await;
        let outcome = AssertUnwindSafe((self.body)(&mut world)).catch_unwind().await;
        let mut lines = world.lines();
        if let Err(panic) = outcome {
            lines.push(format!("panic: {}", words(panic.as_ref()).lines().next().unwrap_or_default()));
        }
        lines
    }
}

/// What a panic said.
fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word")
}

/// Lists cases: name, where it runs, optionally what is set in the simulator, and the lines expected.
macro_rules! cases {
    (@set) => { |_| {} };
    (@set $set:expr) => { $set };
    ($($name:ident, $runs:expr $(, set $set:expr)? => [$($line:expr),* $(,)?];)*) => {
        /// The cases of this file.
        pub(crate) fn cases() -> Vec<$crate::case::Case> {
            vec![$($crate::case::Case {
                file: module_path!(),
                name: stringify!($name),
                runs: $runs,
                set: cases!(@set $($set)?),
                body: |world| Box::pin($name(world)),
                expected: &[$($line),*],
            }),*]
        }
    };
}
pub(crate) use cases;
