//! The region's state machine: the truth, what is due when, and what readers still see.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::api::{CreateNetworkInterface, CreateNetworkInterfaceAnswer, Reservation, RunInstances};
use crate::clock::{self, Timestamp};
use crate::error::ApiError;
use crate::events::Log;
use crate::ids::{self, Kind};
use crate::rng::Rng;
use crate::settings::Settings;
use crate::tokens::Tokens;
use crate::world::{Eni, Instance, SecurityGroup, Subnet, Table, Volume, Vpc, World};

/// What is going to happen by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The attach is done.
    Attached(String),
    /// The detach is done.
    Detached(String),
    /// The instance is up.
    Running(String),
    /// The instance is off.
    Stopped(String),
    /// The instance is gone.
    Terminated(String),
    /// The instance is no longer listed.
    Forgotten(String),
}

/// The state machine.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) world: World,
    pub(crate) rng: Rng,
    pub(crate) now: Timestamp,
    pub(crate) log: Log,
    pub(crate) eni_tokens: Tokens<CreateNetworkInterface, CreateNetworkInterfaceAnswer>,
    pub(crate) run_tokens: Tokens<RunInstances, Reservation>,
    /// Whether the attach or detach of the call under way never ends.
    pub(crate) endless: bool,
    pub(crate) macs: u32,
    /// Whether a seed is being applied, whose parts know each other.
    pub(crate) seeding: bool,
    /// What was there from the start, and known everywhere.
    pub(crate) seeded: BTreeSet<String>,
    timers: BTreeMap<(Timestamp, u64), Due>,
    timer_count: u64,
    history: VecDeque<(Timestamp, Arc<World>)>,
}

/// A state of the world to describe, and when it was true.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) world: &'a World,
    pub(crate) settings: &'a Settings,
    pub(crate) at: Timestamp,
}

/// A thing that lives in a table and is known by its id.
pub(crate) trait Made: Clone {
    const KIND: Kind;
    fn table(world: &World) -> &Table<Self>;
    fn created_at(&self) -> Timestamp;
}

macro_rules! made {
    ($($type:ident in $table:ident;)*) => {$(
        impl Made for $type {
            const KIND: Kind = kind!($type);

            fn table(world: &World) -> &Table<Self> {
                &world.$table
            }

            fn created_at(&self) -> Timestamp {
                self.created_at
            }
        }
    )*};
}

macro_rules! kind {
    (Eni) => {
        Kind::NetworkInterface
    };
    ($name:ident) => {
        Kind::$name
    };
}

made! {
    Eni in enis;
    Instance in instances;
    Subnet in subnets;
    SecurityGroup in groups;
    Vpc in vpcs;
    Volume in volumes;
}

impl Core {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            rng: Rng::new(settings.seed),
            now: settings.epoch(),
            world: World::default(),
            log: Log::default(),
            eni_tokens: Tokens::default(),
            run_tokens: Tokens::default(),
            endless: false,
            macs: 0,
            seeding: false,
            seeded: BTreeSet::new(),
            timers: BTreeMap::new(),
            timer_count: 0,
            history: VecDeque::new(),
            settings,
        }
    }

    /// Finds a thing that a changing call names. A young one may still be unknown there.
    pub(crate) fn find<V: Made>(&mut self, id: &str) -> Result<Arc<V>, ApiError> {
        ids::check(V::KIND, id)?;
        let found = self.get::<V>(id)?;
        let young = self.settings.lag > Duration::ZERO
            && !self.seeding
            && self.now < found.created_at().plus(self.settings.lag)
            && !self.seeded.contains(id);
        if young && self.rng.chance(self.settings.lag_hides_from_changes) {
            return Err(V::KIND.not_found(id));
        }
        Ok(found)
    }

    /// Finds a thing that another thing names, which is known wherever that one is.
    pub(crate) fn get<V: Made>(&self, id: &str) -> Result<Arc<V>, ApiError> {
        V::table(&self.world).shared(id).ok_or_else(|| V::KIND.not_found(id))
    }

    /// Draws a new id that nothing has.
    pub(crate) fn draw_id(&mut self, kind: Kind) -> String {
        ids::draw(kind, &mut self.rng)
    }

    /// Sets a timer.
    pub(crate) fn after(&mut self, delay: Duration, due: Due) {
        self.timer_count += 1;
        self.timers.insert((self.now.plus(delay), self.timer_count), due);
    }

    /// Moves the clock, and lets everything happen that is due on the way, each at its time.
    pub(crate) fn advance(&mut self, by: Duration) {
        let target = self.now.plus(by);
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= target) {
            let ((at, _), due) = entry.remove_entry();
            self.begin_history();
            self.now = self.now.max(at);
            self.happen(due);
            self.remember();
        }
        self.now = target;
    }

    /// When the next thing happens by itself.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Attached(attachment) => self.finish_attach(&attachment),
            Due::Detached(attachment) => self.finish_detach(&attachment),
            Due::Running(instance) => self.finish_start(&instance),
            Due::Stopped(instance) => self.finish_stop(&instance),
            Due::Terminated(instance) => self.finish_termination(&instance),
            Due::Forgotten(instance) => drop(self.world.instances.remove(&instance)),
        }
    }

    /// Keeps the state as it is now for readers that lag behind.
    pub(crate) fn remember(&mut self) {
        if self.settings.lag.is_zero() {
            self.history.clear();
            return;
        }
        let oldest = self.now.minus(self.settings.lag);
        while self.history.get(1).is_some_and(|(from, _)| *from <= oldest) {
            self.history.pop_front();
        }
        self.history.push_back((self.now, Arc::new(self.world.clone())));
    }

    /// Makes readers see the state as it is now, whatever the lag.
    pub(crate) fn forget(&mut self) {
        self.history.clear();
        self.begin_history();
    }

    /// Keeps the state before a first change: a lag may have been set since the last one.
    pub(crate) fn begin_history(&mut self) {
        if !self.settings.lag.is_zero() && self.history.is_empty() {
            self.history.push_back((Timestamp(0), Arc::new(self.world.clone())));
        }
    }

    /// Draws how old the state is that a describe sees.
    pub(crate) fn draw_moment(&mut self) -> Timestamp {
        let lag = clock::millis(self.settings.lag);
        let age = if lag == 0 { 0 } else { self.rng.below(lag + 1) };
        self.now.minus(Duration::from_millis(age))
    }

    /// The state as it was at a moment.
    pub(crate) fn view(&self, at: Timestamp) -> View<'_> {
        let past = self.history.iter().rev().find(|(from, _)| *from <= at).or_else(|| self.history.front());
        let world = match past {
            Some((_, world)) if at < self.now => world.as_ref(),
            Some(_) | None => &self.world,
        };
        View { world, settings: &self.settings, at }
    }
}
