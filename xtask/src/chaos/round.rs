//! One round: a `NodeENI` from its birth to its end, with a controller that is killed on the way.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::controller::Controller;
use super::door::Door;
use super::gate::Moment;
use super::region::{Day, SUBNETS};
use super::rng::Rng;
use super::world::World;
use crate::testbed::Testbed;

/// Most kills of one phase.
const KILLS_OF_A_PHASE: usize = 8;

/// Within how many requests the next kill falls. A start takes six, and a phase some forty.
const SPAN: usize = 30;

/// How long a phase may take after its last kill.
const PATIENCE: Duration = Duration::from_mins(3);

/// What was done in a round.
#[derive(Debug, Clone, Default)]
pub(super) struct Done {
    /// Kills.
    pub(super) kills: usize,
    /// Those of them at a request to EC2.
    pub(super) at_ec2: usize,
    /// Requests that the controller made, to both ports.
    pub(super) requests: usize,
    /// ENIs that were made.
    pub(super) enis: usize,
}

/// A round under way.
pub(super) struct Round<'a> {
    world: World,
    door: Door,
    controller: Controller,
    chance: &'a mut Rng,
    /// Kills that are still wanted.
    left: usize,
    done: Done,
}

impl<'a> Round<'a> {
    /// Makes a world, with one of EC2's days.
    pub(super) async fn begin(
        testbed: &Testbed,
        binary: &std::path::Path,
        name: &str,
        chance: &'a mut Rng,
        left: usize,
    ) -> Result<Self> {
        let world = World::make(testbed, name).await?;
        let day = Day::draw(chance);
        println!("{name}: {day:?}");
        day.begin(&world.region)?;
        let door = Door::open(testbed, name).await?;
        let controller = Controller::new(binary, name, name, &door, testbed.folder()).alone();
        Ok(Self { world, door, controller, chance, left, done: Done::default() })
    }

    /// Goes through all phases.
    pub(super) async fn run(mut self) -> Result<Done> {
        self.controller.start()?;
        self.world.want.made = 12;
        self.world.apply().await?;
        self.phase("bring-up").await?;
        self.world.want.group = self.world.region.groups[1].clone();
        "of the second kind".clone_into(&mut self.world.want.description);
        self.world.apply().await?;
        self.phase("other groups and description").await?;
        self.world.want.subnets = SUBNETS[1..].iter().map(|&name| name.to_owned()).collect();
        self.world.want.made += 6;
        self.world.apply().await?;
        self.phase("other subnets").await?;
        self.world.select(4, false).await?;
        self.world.select(5, false).await?;
        self.phase("two nodes fewer").await?;
        self.world.select(4, true).await?;
        self.world.want.made += 2;
        self.phase("one node more").await?;
        self.world.lose(0).await?;
        // What is known of an instance is believed for a minute, and not by a new process.
        self.controller.kill()?;
        self.controller.start()?;
        self.phase("an instance terminated, and its node deleted").await?;
        self.world.delete().await?;
        self.phase("the NodeENI deleted").await?;
        self.controller.kill()?;
        self.world.end().await?;
        self.done.requests = self.door.gate.count();
        self.done.enis = self.world.want.made;
        Ok(self.done)
    }

    /// Waits until what is wanted is there, and kills the controller meanwhile.
    async fn phase(&mut self, what: &str) -> Result<()> {
        let begun = Instant::now();
        let planned = self.chance.up_to(KILLS_OF_A_PHASE).min(self.left);
        let mut kills = 0;
        while kills < planned && self.is_struck().await.with_context(|| self.place(what))? {
            kills += 1;
        }
        self.left -= kills;
        self.done.kills += kills;
        self.door.gate.disarm();
        self.world.settles(&mut self.controller, PATIENCE).await.with_context(|| self.place(what))?;
        println!("{}: {what}: {kills} kills, {:.1} s", self.world.name, begun.elapsed().as_secs_f64());
        Ok(())
    }

    fn place(&self, phase: &str) -> String {
        format!("{}: {phase}, after {} kills", self.world.name, self.done.kills)
    }

    /// Kills the controller at a request to come. `false` if all was done before it came.
    async fn is_struck(&mut self) -> Result<bool> {
        const MOMENTS: [Moment; 3] =
            [Moment::BeforeTheEffect, Moment::BeforeTheAnswer, Moment::AfterTheAnswer];
        let moment = self.chance.one_of(&MOMENTS).unwrap_or(Moment::BeforeTheEffect);
        let told = loop {
            let hit = self.door.gate.arm(self.chance.up_to(SPAN), moment);
            tokio::select! {
                biased;
                // A request whose answer EC2 itself lost tells nobody.
                told = hit => if let Ok(told) = told { break told },
                settled = self.world.settles(&mut self.controller, PATIENCE) => {
                    settled?;
                    return Ok(false);
                }
            }
        };
        if moment == Moment::AfterTheAnswer {
            // The answer is on its way; nothing else is.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.controller.kill()?;
        self.door.gate.open();
        self.controller.start()?;
        self.done.at_ec2 += usize::from(!told.contains('/'));
        println!("{}: killed {told}", self.world.name);
        Ok(true)
    }
}
