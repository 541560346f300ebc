//! What is remembered over the agent's lives: which devices it has listed, and which files it has written.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::replace;
use crate::model::{Offer, Offers};
use crate::plan::kubelet::Served;

const NAME: &str = "kubelet.json";

/// The record, as it was last written.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    current: Content,
}

/// What stands in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Content {
    /// The devices on kubelet's lists, by resource.
    pub(super) listed: Served,
    /// The files that tell CNI plugins of devices.
    pub(super) infos: BTreeSet<String>,
}

impl Record {
    /// Reads the record. One that cannot be read is forgotten: its files and devices are then nobody's.
    pub(super) fn read(folder: &Path) -> Self {
        let path = folder.join(NAME);
        let current = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::error!(path = %path.display(), %error, "cannot be read, and is made anew");
                Content::default()
            }),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::error!(path = %path.display(), %error, "cannot be read, and is made anew");
                }
                Content::default()
            }
        };
        Self { path, current }
    }

    /// What stands in it.
    pub(super) fn current(&self) -> &Content {
        &self.current
    }

    /// Writes it, if it is another.
    pub(super) fn write(&mut self, content: &Content) -> Result<(), String> {
        if self.current == *content {
            return Ok(());
        }
        let written = serde_json::to_vec(content).map_err(io::Error::from);
        let written = written.and_then(|text| replace(&self.path, &text, 0o600));
        written.map_err(|error| format!("{}: {error}", self.path.display()))?;
        self.current = content.clone();
        Ok(())
    }

    /// The lists of an earlier life: of a device that was on one nothing is known but that.
    pub(super) fn lists(&self) -> Offers {
        let offer = |id: &String| {
            let device = id.parse().ok()?;
            Some(Offer { device, healthy: false, numa_node: None, driver: String::new(), nodes: vec![] })
        };
        let list = |ids: &BTreeSet<String>| ids.iter().filter_map(offer).collect();
        self.current.listed.iter().map(|(name, ids)| (name.clone(), list(ids))).collect()
    }
}

/// The ids on lists.
pub(super) fn ids(lists: &Offers) -> Served {
    let of = |list: &Vec<Offer>| list.iter().map(|offer| offer.device.to_string()).collect();
    lists.iter().map(|(name, list)| (name.clone(), of(list))).collect::<BTreeMap<_, _>>()
}
