//! What systemd-networkd is told: a file for each device that is none of its business.
//!
//! networkd reads such files when it starts and when it is told to reload. It is not told so from here.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use crate::model::MacAddress;

/// Before a device's address in the name of its file: early, since of several files the first counts.
const PREFIX: &str = "05-eni-operator-";

const SUFFIX: &str = ".network";

fn file_name(device: MacAddress) -> String {
    format!("{PREFIX}{}{SUFFIX}", device.to_string().replace(':', ""))
}

fn text(device: MacAddress) -> String {
    format!(
        "# Written by eni-operator, which looks after this device.\n\
         [Match]\nPermanentMACAddress={device}\n\n[Link]\nUnmanaged=yes\n"
    )
}

/// Makes the files of ours be those of these devices.
pub(super) fn write(folder: &Path, devices: &BTreeSet<MacAddress>) -> io::Result<()> {
    let wanted: BTreeSet<String> = devices.iter().map(|device| file_name(*device)).collect();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let ours = name.starts_with(PREFIX) && name.ends_with(SUFFIX);
        if ours && !wanted.contains(&name) {
            fs::remove_file(folder.join(name))?;
        }
    }
    for device in devices {
        let (path, text) = (folder.join(file_name(*device)), text(*device));
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        // networkd must not read half a file, and reads none that begins with a dot.
        let unfinished = folder.join(format!(".{}", file_name(*device)));
        fs::write(&unfinished, text)?;
        fs::rename(unfinished, path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_file_for_each_device_and_files_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let names = || {
            let mut names: Vec<String> = fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        fs::write(folder.path().join("80-ec2.network"), "x").unwrap();
        let [a, b] = [MacAddress([2, 0, 0, 0, 0, 10]), MacAddress([2, 0, 0, 0, 0, 11])];
        write(folder.path(), &BTreeSet::from([a, b])).unwrap();
        let [first, second] =
            ["05-eni-operator-02000000000a.network", "05-eni-operator-02000000000b.network"];
        assert_eq!(names(), [first, second, "80-ec2.network"]);
        let text = fs::read_to_string(folder.path().join(first)).unwrap();
        assert!(text.contains("[Match]\nPermanentMACAddress=02:00:00:00:00:0a\n"), "{text}");
        assert!(text.contains("[Link]\nUnmanaged=yes\n"), "{text}");
        write(folder.path(), &BTreeSet::from([b])).unwrap();
        assert_eq!(names(), [second, "80-ec2.network"]);
        assert!(write(&folder.path().join("nowhere"), &BTreeSet::new()).is_err());
    }
}
