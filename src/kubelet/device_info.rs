//! The files that tell CNI plugins of devices.

use std::collections::BTreeSet;
use std::path::Path;

use super::files::{remove, replace};
use crate::model::Offers;
use crate::plan::kubelet::{info_file, info_name};

/// The names of the files of these lists.
pub(super) fn names(lists: &Offers) -> BTreeSet<String> {
    let each = lists
        .iter()
        .flat_map(|(resource, list)| list.iter().map(move |offer| info_name(resource, &offer.device)));
    each.collect()
}

/// Writes the files of these lists. One that is there, and is not among our own, is another's and stays as it is.
pub(super) fn write(folder: &Path, lists: &Offers, own: &BTreeSet<String>) -> Result<(), String> {
    for (resource, list) in lists {
        for offer in list {
            let name = info_name(resource, &offer.device);
            let path = folder.join(&name);
            let text = info_file(&offer.device);
            let there = std::fs::read(&path).ok();
            if there.as_deref() == Some(text.as_bytes()) || (there.is_some() && !own.contains(&name)) {
                continue;
            }
            replace(&path, text.as_bytes(), 0o444).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    Ok(())
}

/// The names whose file is another's: there already, and not among our own.
pub(super) fn of_others(folder: &Path, names: &BTreeSet<String>, own: &BTreeSet<String>) -> BTreeSet<String> {
    names.difference(own).filter(|name| folder.join(name).exists()).cloned().collect()
}

/// Removes our own files of these names.
pub(super) fn remove_all(folder: &Path, names: impl Iterator<Item = String>) {
    for name in names {
        let path = folder.join(name);
        if let Err(error) = remove(&path) {
            tracing::warn!(path = %path.display(), %error, "a file about a device is left behind");
        }
    }
}
