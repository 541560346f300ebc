//! The configuration of the SR-IOV device plugin, as the way to offer devices instead of plugins of the agent's own.
//!
//! That plugin reads it when it starts. Starting it again is its owner's affair: the configuration's hash tells when.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::files::{replace, short};
use crate::model::{Offers, Publication, Publications};
use crate::plan::sriov::{Merged, Written, merge};

/// The record of what the agent has written.
const RECORD: &str = "sriov.json";

/// Who may read a configuration that the agent makes.
const MODE: u32 = 0o644;

/// How soon to look again whether somebody has changed the file.
const AGAIN: Duration = Duration::from_secs(10);

/// What the agent has written, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    file: PathBuf,
    pools: Written,
}

/// Keeps what is offered in a configuration, for ever. Nothing happens before anything is offered.
pub(super) async fn publish(
    file: PathBuf,
    state: PathBuf,
    mut offers: watch::Receiver<Option<Offers>>,
    published: Arc<watch::Sender<Publications>>,
) {
    loop {
        let offered = offers.borrow_and_update().clone();
        if let Some(offered) = offered {
            let became = put(&file, &state, &offered);
            published.send_if_modified(|now| {
                let other = *now != became;
                *now = became;
                other
            });
        }
        tokio::select! {
            changed = offers.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

/// Takes everything of the agent's out of the configuration that it wrote in an earlier life, if it wrote one: a
/// device is offered in one way, and not in two.
pub(super) fn withdraw(state: &Path) {
    match read_record(state) {
        Ok(record) if record.pools.is_empty() => {}
        Ok(record) => match written(&record.file, state, &Offers::new()) {
            Ok(_) => tracing::info!(file = %record.file.display(), "the agent's pools are taken out of it"),
            Err(why) => {
                tracing::error!(why, "the agent's pools stay in the SR-IOV device plugin's configuration");
            }
        },
        Err(why) => tracing::error!(why, "not known what the agent wrote for the SR-IOV device plugin"),
    }
}

/// Writes what is offered, and says what became of it.
fn put(file: &Path, state: &Path, offers: &Offers) -> Publications {
    let done = written(file, state, offers);
    if let Err(why) = &done {
        tracing::warn!(why, "the SR-IOV device plugin's configuration stays as it is");
    }
    let each = offers.keys().map(|name| {
        let publication = match &done {
            Err(why) => Publication::Waiting(why.clone()),
            Ok(merged) => match merged.refused.get(name) {
                Some(refused) => refused.clone(),
                None => Publication::Configured(short(&merged.text)),
            },
        };
        (name.clone(), publication)
    });
    each.collect()
}

fn written(file: &Path, state: &Path, offers: &Offers) -> Result<Merged, String> {
    let said = |error: io::Error| format!("{}: {error}", file.display());
    let before = read(file).map_err(said)?;
    let record = read_record(state)?;
    let own = if record.file == file { record.pools.clone() } else { Written::new() };
    if record.file != file && !record.pools.is_empty() {
        // It was another file, in an earlier life.
        written(&record.file, state, &Offers::new())?;
    }
    let merged =
        merge(before.as_deref(), offers, &own).map_err(|why| format!("{}: {why}", file.display()))?;
    let is_new = before.as_ref() != Some(&merged.text) && !(before.is_none() && merged.written.is_empty());
    if is_new {
        // Whichever of the two stands in the file after a power cut is then known as the agent's.
        write_record(state, file, both(&own, &merged.written))?;
        if read(file).map_err(said)? != before {
            return Err(format!("{}: somebody has just changed it", file.display()));
        }
        exchange(file, before.as_deref(), &merged.text).map_err(said)?;
        tracing::info!(file = %file.display(), hash = short(&merged.text), "written, for the SR-IOV device plugin");
    }
    write_record(state, file, merged.written.clone())?;
    Ok(merged)
}

/// Writes a text, reads it back, and puts the one before back if that is not it.
fn exchange(file: &Path, before: Option<&str>, text: &str) -> io::Result<()> {
    let mode = std::fs::metadata(file).map_or(MODE, |found| found.permissions().mode() & 0o777);
    let done = replace(file, text.as_bytes(), mode).and_then(|()| read(file));
    match done {
        Ok(found) if found.as_deref() == Some(text) => Ok(()),
        other => {
            if let Some(before) = before {
                replace(file, before.as_bytes(), mode)?;
            }
            Err(other.err().unwrap_or_else(|| io::Error::other("it does not hold what was written")))
        }
    }
}

fn read(file: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The pools that are the agent's before a change or after it.
fn both(one: &Written, two: &Written) -> Written {
    let mut both = one.clone();
    for (name, selectors) in two {
        both.entry(name.clone()).or_default().extend(selectors.iter().cloned());
    }
    both
}

fn read_record(state: &Path) -> Result<Record, String> {
    let path = state.join(RECORD);
    let said = |error: io::Error| format!("{}: {error}", path.display());
    let Some(text) = read(&path).map_err(said)? else { return Ok(Record::default()) };
    serde_json::from_str(&text).map_err(|error| said(error.into()))
}

fn write_record(state: &Path, file: &Path, pools: Written) -> Result<(), String> {
    let record = Record { file: file.to_owned(), pools };
    if read_record(state).is_ok_and(|before| before == record) {
        return Ok(());
    }
    let path = state.join(RECORD);
    let text = serde_json::to_vec(&record).map_err(io::Error::from);
    let done = text.and_then(|text| replace(&path, &text, 0o600));
    done.map_err(|error| format!("{}: {error}", path.display()))
}
