//! Keeps a resource served and registered, by what is seen: its own socket, kubelet's, and kubelet's stream.
//!
//! A kubelet that starts removes all sockets of its folder, perhaps while a plugin registers. One that is told of a
//! plugin anew ends the connection to the one before, and sometimes that to the new one with it. So nothing is
//! concluded from calls that went well: every turn looks at all three, and mends what is not so.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::api::{Empty, RegisterRequest, VERSION, path};
use super::ask::ask;
use super::files::identity;
use super::plugin::{OPTIONS, Plugin, Sent};
use super::pod_resources::allotted;
use super::server::Server;
use crate::model::{Allotted, Offer, Publication, Publications};
use crate::plan::kubelet::{Served, served_by_another};

/// Kubelet's socket in its folder.
const KUBELET: &str = "kubelet.sock";

/// How long kubelet may take to register a plugin: it gives up dialling after ten seconds.
const REGISTERS_WITHIN: Duration = Duration::from_secs(15);

/// How soon to look again when something is not as it should be, at first and at most.
const SOON: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How soon to look again at what another plugin serves.
const ANOTHER: Duration = Duration::from_secs(2);

/// How soon to ask kubelet again at rest, whatever is announced.
const REST: Duration = Duration::from_secs(30);

/// How long kubelet may take to ask for the list once it has registered a plugin.
const ASKS_WITHIN: Duration = Duration::from_secs(3);

/// What a keeper works with.
#[derive(Debug, Clone)]
pub(super) struct Bench {
    /// Kubelet's folder of sockets.
    pub(super) folder: PathBuf,
    /// Kubelet's socket of pods' resources.
    pub(super) pod_resources: PathBuf,
    /// What the agent has listed, in this life and the one before.
    pub(super) served: watch::Receiver<Served>,
    /// That something has changed in the folder.
    pub(super) changes: watch::Receiver<()>,
    /// Where to say what became of the resource.
    pub(super) published: Arc<watch::Sender<Publications>>,
}

/// The keeper of a resource.
pub(super) struct Keeper {
    bench: Bench,
    plugin: Plugin,
    sent: watch::Receiver<Option<Sent>>,
    socket: PathBuf,
    server: Option<Server>,
    /// What was said last.
    said: Option<Publication>,
    /// The list that kubelet was last seen to have.
    confirmed: Option<Vec<Offer>>,
}

impl Keeper {
    pub(super) fn new(bench: Bench, plugin: Plugin, socket: PathBuf) -> Self {
        let sent = plugin.sent.subscribe();
        Self { bench, plugin, sent, socket, server: None, said: None, confirmed: None }
    }

    /// Keeps it so, until it is dropped.
    pub(super) async fn keep(mut self) {
        let mut wait = SOON.0;
        loop {
            self.bench.changes.mark_unchanged();
            let publication = self.turn().await;
            wait = match &publication {
                Publication::Waiting(_) => (wait * 2).clamp(SOON.0, SOON.1),
                Publication::ServedByAnother(_) => ANOTHER,
                Publication::Listed(_) | Publication::Configured(_) => REST,
            };
            self.say(publication);
            if self.wait(wait).await {
                wait = SOON.0;
            } else {
                self.confirmed = None;
            }
        }
    }

    /// Waits until something happens, or for a time. Whether something has.
    async fn wait(&mut self, time: Duration) -> bool {
        tokio::select! {
            _ = self.bench.changes.changed() => true,
            changed = self.plugin.list.changed() => {
                if changed.is_err() {
                    // Its sender is dropped after this task is stopped.
                    sleep(time).await;
                }
                true
            }
            _ = self.sent.changed() => true,
            () = sleep(time) => false,
        }
    }

    /// Says what became of the resource, if that is something new.
    fn say(&mut self, publication: Publication) {
        if self.said.as_ref() == Some(&publication) {
            return;
        }
        let resource = &self.plugin.resource;
        match &publication {
            Publication::Listed(devices) => tracing::info!(resource, ?devices, "kubelet has the list"),
            Publication::ServedByAnother(why) => tracing::warn!(resource, why, "not registered"),
            Publication::Waiting(why) => tracing::debug!(resource, why, "kubelet does not have the list"),
            Publication::Configured(_) => {}
        }
        self.bench.published.send_modify(|all| {
            all.insert(resource.clone(), publication.clone());
        });
        self.said = Some(publication);
    }

    /// Looks, and mends.
    async fn turn(&mut self) -> Publication {
        self.mended().await.unwrap_or_else(|publication| publication)
    }

    async fn mended(&mut self) -> Result<Publication, Publication> {
        let waiting = |why: String| Publication::Waiting(why);
        if !self.server.as_ref().is_some_and(Server::is_there) {
            // The old one's connections end before a new one is told of: kubelet would mix them up.
            self.server = None;
            self.plugin.sent.send_replace(None);
            let server = Server::start(&self.socket, &self.plugin);
            self.server =
                Some(server.map_err(|error| waiting(format!("{}: {error}", self.socket.display())))?);
        }
        let socket = self.bench.folder.join(KUBELET);
        if identity(&socket).is_none() {
            return Err(waiting(format!("{}: kubelet is not there", socket.display())));
        }
        let list = self.plugin.list.borrow_and_update().clone();
        if self.sent.borrow_and_update().is_none() {
            self.confirmed = None;
            if matches!(self.said, Some(Publication::Listed(_))) {
                self.say(waiting("kubelet has no connection to the plugin any more".to_owned()));
            }
            self.register(&list).await?;
        }
        let sent = self.sent.borrow_and_update().clone();
        match sent {
            Some(sent) if sent.list == list => self.confirmed(&list).await,
            Some(_) => Err(waiting("kubelet is being sent the list".to_owned())),
            None => Err(waiting("kubelet has not asked for the list yet".to_owned())),
        }
    }

    /// Tells kubelet of the plugin, and waits until it asks for the list.
    async fn register(&mut self, list: &[Offer]) -> Result<(), Publication> {
        let allotted = self.allotted().await?;
        let served = self.bench.served.borrow().clone();
        if let Some(who) = served_by_another(&self.plugin.resource, list, &served, &allotted) {
            return Err(Publication::ServedByAnother(who));
        }
        let endpoint = self.socket.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let request = RegisterRequest {
            version: VERSION.to_owned(),
            endpoint,
            resource_name: self.plugin.resource.clone(),
            options: Some(OPTIONS),
        };
        let socket = self.bench.folder.join(KUBELET);
        // Kubelet's clean-up may take the server's socket away meanwhile: it would then dial in vain.
        let mut changes = self.bench.changes.clone();
        let is_there = async {
            while self.server.as_ref().is_some_and(Server::is_there) {
                let _ = timeout(SOON.1, changes.changed()).await;
            }
        };
        let mut sent = self.sent.clone();
        let registered = async {
            let _: Empty = ask(&socket, path::REGISTER, request, REGISTERS_WITHIN).await?;
            match timeout(ASKS_WITHIN, sent.wait_for(Option::is_some)).await {
                Ok(_) => Ok(()),
                Err(_) => {
                    Err("kubelet has registered the resource, and does not ask for its list".to_owned())
                }
            }
        };
        let registered = tokio::select! {
            registered = registered => registered,
            () = is_there => Err("kubelet has cleaned up its folder meanwhile".to_owned()),
        };
        registered.map_err(Publication::Waiting)
    }

    async fn allotted(&self) -> Result<Allotted, Publication> {
        allotted(&self.bench.pod_resources).await.map_err(Publication::Waiting)
    }

    /// The list, once kubelet itself says that it has its healthy devices and no others. Those that are not healthy it
    /// does not tell of.
    async fn confirmed(&mut self, list: &[Offer]) -> Result<Publication, Publication> {
        let healthy: BTreeMap<_, _> =
            list.iter().map(|offer| (offer.device.clone(), offer.healthy)).collect();
        if self.confirmed.as_deref() != Some(list) {
            let allotted = self.allotted().await?;
            let known = allotted.offered.get(&self.plugin.resource).into_iter().flatten();
            let usable = healthy.iter().filter(|(_, healthy)| **healthy);
            if !known.eq(usable.map(|(device, _)| device.as_str())) {
                let served = self.bench.served.borrow();
                let who = served_by_another(&self.plugin.resource, list, &served, &allotted);
                let waiting = "kubelet was sent the list, and does not show it yet".to_owned();
                return Err(who.map_or(Publication::Waiting(waiting), Publication::ServedByAnother));
            }
            self.confirmed = Some(list.to_vec());
        }
        Ok(Publication::Listed(healthy))
    }
}
