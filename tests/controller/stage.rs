//! A world in a testbed, and one controller behind its door.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use xtask::chaos::{Controller, Door, World};
use xtask::kubectl::Kubectl;
use xtask::testbed::Testbed;

use crate::bed::{Bed, Ec2};

/// How long what is wanted may take to be there.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// The place of a controller for a world.
pub(crate) fn controller(testbed: &Testbed, name: &str, world: &World, door: &Door) -> Controller {
    let binary = Path::new(env!("CARGO_BIN_EXE_eni-operator"));
    Controller::new(binary, name, &world.name, door, testbed.folder())
}

/// A world, and a controller that is to make twelve ENIs in it.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) door: Door,
    pub(crate) controller: Controller,
    pub(crate) kubectl: Kubectl,
    begun: Instant,
    /// The last to go: the others are in it.
    pub(crate) testbed: Bed,
}

impl Stage {
    /// The controller does not run yet, and nothing is wanted yet.
    pub(crate) async fn set(name: &str) -> Option<Self> {
        let testbed = Bed::take(Ec2::Unthrottled)?;
        let mut world = World::make(&testbed, name).await.unwrap();
        world.want.made = 12;
        let door = Door::open(&testbed, name).await.unwrap();
        let controller = controller(&testbed, name, &world, &door).alone();
        let kubectl = Kubectl::find(&testbed.kubeconfig_path()).unwrap();
        Some(Self { world, door, controller, kubectl, begun: Instant::now(), testbed })
    }

    /// A controller at work.
    pub(crate) async fn begun(name: &str) -> Option<Self> {
        let mut stage = Self::set(name).await?;
        stage.controller.start().unwrap();
        stage.world.apply().await.unwrap();
        Some(stage)
    }

    /// Waits until what is wanted is there.
    pub(crate) async fn settles(&mut self) {
        self.world.settles(&mut self.controller, PATIENCE).await.unwrap();
    }

    /// Deletes the `NodeENI`, waits until nothing is left, and says how many requests there were in all.
    pub(crate) async fn end(mut self) -> usize {
        self.world.delete().await.unwrap();
        self.settles().await;
        self.controller.kill().unwrap();
        self.world.end().await.unwrap();
        let requests = self.door.gate.count();
        println!("{}: {requests} requests in {:.0?}", self.world.name, self.begun.elapsed());
        requests
    }

    /// What kubectl shows.
    pub(crate) fn get(&self, args: &[&str]) -> Value {
        let output = std::process::Command::new(self.kubectl.binary())
            .arg("--kubeconfig")
            .arg(self.testbed.kubeconfig_path())
            .args(["get", "-o", "json"])
            .args(args)
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// A condition of the `NodeENI`.
    pub(crate) fn condition(&self, type_: &str) -> Value {
        let conditions = self.get(&["nodeeni", &self.world.name])["status"]["conditions"].take();
        let all = conditions.as_array().cloned().unwrap_or_default();
        all.into_iter().find(|one| one["type"] == type_).unwrap_or_default()
    }

    /// Changes the `NodeENI`, or a slot's object, as a user does with a merge patch.
    pub(crate) fn patch(&self, kind: &str, name: &str, change: &Value) {
        self.kubectl.run(&["patch", kind, name, "--type=merge", "-p", &change.to_string()]).unwrap();
    }

    /// Waits until something holds, while the controller lives.
    pub(crate) async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            self.controller.check_alive().unwrap();
            let waited = begun.elapsed();
            assert!(waited < PATIENCE, "waited {waited:?} for {what}; {}", self.controller.last_words());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
