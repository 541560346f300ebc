//! All device plugins of the agent: one for each resource that is offered, or was and is still held.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::device_plugins::Places;
use super::files::short;
use super::keeper::{Bench, Keeper};
use super::plugin::Plugin;
use super::pod_resources::allotted;
use super::record::{Content, Record, ids};
use super::{device_info, files, folder};
use crate::model::{Offer, Offers, Publication, Publications};
use crate::plan::kubelet::{Served, lists, remembered};

/// How the sockets of this agent's plugins begin.
const PREFIX: &str = "eni-operator-";

/// How soon to look again whether pods still hold what is not offered any more.
const HELD_AGAIN: Duration = Duration::from_secs(1);

/// How soon to look again at rest.
const REST: Duration = Duration::from_mins(1);

/// The plugins, as they run.
pub(super) struct Devices {
    places: Places,
    record: Record,
    lists: Offers,
    served: watch::Sender<Served>,
    changes: watch::Sender<()>,
    published: Arc<watch::Sender<Publications>>,
    running: BTreeMap<String, Running>,
    /// Why nothing new could be listed when that was last tried.
    fault: Option<String>,
}

/// A plugin that runs. Dropping it ends it.
struct Running {
    list: watch::Sender<Vec<Offer>>,
    _keeper: JoinSet<()>,
}

impl Devices {
    pub(super) fn new(places: Places, published: Arc<watch::Sender<Publications>>) -> Self {
        let record = Record::read(&places.state);
        let lists = record.lists();
        let served = watch::Sender::new(ids(&lists));
        let changes = watch::Sender::new(());
        Self { places, record, lists, served, changes, published, running: BTreeMap::new(), fault: None }
    }

    /// Serves what is offered until it is told to stop. Nothing happens before anything is offered: what an earlier
    /// life has listed may be offered again.
    pub(super) async fn run(mut self, mut offers: watch::Receiver<Option<Offers>>) {
        if offers.wait_for(Option::is_some).await.is_err() {
            return;
        }
        let mut watcher = JoinSet::new();
        watcher.spawn(folder::watch(self.places.device_plugins.clone(), self.changes.clone()));
        self.clean();
        loop {
            let now = offers.borrow_and_update().clone().unwrap_or_default();
            let again = self.turn(&now).await;
            tokio::select! {
                changed = offers.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(again) => {}
            }
        }
    }

    /// Removes the sockets of an earlier life.
    fn clean(&self) {
        let entries = std::fs::read_dir(&self.places.device_plugins);
        for entry in entries.into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                let _ = files::remove(&entry.path());
            }
        }
    }

    /// Brings everything to what is offered now, and says when to look again.
    async fn turn(&mut self, offers: &Offers) -> Duration {
        if offers.is_empty() && self.lists.is_empty() {
            return REST;
        }
        let allotted = allotted(&self.places.pod_resources).await.ok();
        let published = self.published.borrow().clone();
        let next = lists(offers, &self.lists, &published, allotted.as_ref());
        let prepared = self.prepare(&next);
        let next = if prepared.is_ok() { next } else { self.known(next) };
        self.serve(&next);
        if let Err(why) = &prepared {
            if self.fault.as_ref() != Some(why) {
                tracing::warn!(why, "nothing new is listed");
            }
            let new = offers.keys().filter(|name| !next.contains_key(*name));
            let waiting = new.map(|name| (name.clone(), Publication::Waiting(why.clone())));
            self.published.send_modify(|all| all.extend(waiting));
        }
        let settled = prepared.is_ok();
        self.fault = prepared.err();
        let held = next.iter().any(|(name, list)| offers.get(name).is_none_or(|offers| offers != list));
        self.lists = next;
        self.tidy();
        let settled = settled && !held && self.record.current().listed == ids(&self.lists);
        if settled { REST } else { HELD_AGAIN }
    }

    /// Writes down what is to be listed, and the files about it, before kubelet hears of it.
    fn prepare(&mut self, next: &Offers) -> Result<(), String> {
        let mut content = self.record.current().clone();
        if let Some(folder) = &self.places.device_info {
            let names = device_info::names(next);
            let others = device_info::of_others(folder, &names, &content.infos);
            content.infos.extend(names.difference(&others).cloned());
            self.record.write(&content)?;
            device_info::write(folder, next, &content.infos)?;
        }
        for (name, ids) in ids(next) {
            content.listed.entry(name).or_default().extend(ids);
        }
        self.record.write(&content)?;
        self.served.send_replace(content.listed);
        Ok(())
    }

    /// What of these lists was written down before.
    fn known(&self, lists: Offers) -> Offers {
        let known = lists.into_iter().filter_map(|(name, mut list)| {
            let ids = self.record.current().listed.get(&name)?;
            list.retain(|offer| ids.contains(offer.device.as_str()));
            Some((name, list))
        });
        known.collect()
    }

    fn serve(&mut self, next: &Offers) {
        self.running.retain(|name, _| next.contains_key(name));
        self.published.send_if_modified(|all| {
            let before = all.len();
            all.retain(|name, _| next.contains_key(name));
            all.len() != before
        });
        for (name, list) in next {
            if let Some(running) = self.running.get(name) {
                running.list.send_if_modified(|now| {
                    let other = now != list;
                    now.clone_from(list);
                    other
                });
            } else {
                let running = self.start(name, list.clone());
                self.running.insert(name.clone(), running);
            }
        }
    }

    fn start(&self, name: &str, list: Vec<Offer>) -> Running {
        let list = watch::Sender::new(list);
        let plugin = Plugin {
            resource: name.to_owned(),
            list: list.subscribe(),
            sent: watch::Sender::new(None),
            sysfs: self.places.sysfs.clone(),
        };
        let bench = Bench {
            folder: self.places.device_plugins.clone(),
            pod_resources: self.places.pod_resources.clone(),
            served: self.served.subscribe(),
            changes: self.changes.subscribe(),
            published: self.published.clone(),
        };
        let socket = self.places.device_plugins.join(socket_name(name));
        let mut keeper = JoinSet::new();
        keeper.spawn(Keeper::new(bench, plugin, socket).keep());
        Running { list, _keeper: keeper }
    }

    /// Forgets what is not listed any more.
    fn tidy(&mut self) {
        let names = device_info::names(&self.lists);
        if let Some(folder) = &self.places.device_info {
            device_info::remove_all(folder, self.record.current().infos.difference(&names).cloned());
        }
        let infos = self.record.current().infos.intersection(&names).cloned().collect();
        let listed = remembered(&self.lists, &self.record.current().listed, &self.published.borrow());
        let content = Content { listed, infos };
        if let Err(why) = self.record.write(&content) {
            tracing::warn!(why, "what is not listed any more is remembered for longer");
        }
    }
}

/// The name of a resource's socket: short, as the kernel wants it, and no other resource's.
fn socket_name(resource: &str) -> String {
    format!("{PREFIX}{}.sock", short(resource))
}
