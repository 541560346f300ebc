//! The agent's process with what its pod has, and with less: a root that cannot be written, one capability, a folder
//! for its journal; and a process whose loop hangs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use eni_operator::api::ConditionType;
use serde_json::json;
use xtask::process::{Guarded, Output};

use crate::agent::{PATIENCE, mac};
use crate::cluster::{Cluster, Door};
use crate::netns::NetNs;

/// Makes all that is mounted read-only but for one folder, and then is what comes after.
const READ_ONLY: &str = r#"set -e
mount --make-rprivate /
mount --bind "$WRITABLE" "$WRITABLE"
for at in $(cut -d ' ' -f 5 /proc/self/mountinfo | sort -u); do
  case "$at" in "$WRITABLE"|/proc|/proc/*|/dev|/dev/*) ;; *)
    # Another test's namespace may have gone meanwhile, and its mount with it.
    mount -o remount,bind,ro "$at" || ! cut -d ' ' -f 5 /proc/self/mountinfo | grep -qxF "$at" ;; esac
done
! touch /etc/written 2>/dev/null && ! touch /tmp/written 2>/dev/null && test ! -w /sys/kernel
exec "$@""#;

/// An agent in a room of its own.
struct Room<'a> {
    ns: &'a NetNs,
    kubeconfig: PathBuf,
    /// All that can be written.
    writable: PathBuf,
    more: Vec<String>,
}

impl Room<'_> {
    fn start(&self, log: &Path) -> Guarded {
        let mut command = Command::new("ip");
        command.args([
            "netns",
            "exec",
            &self.ns.name,
            "unshare",
            "--mount",
            "bash",
            "-c",
            READ_ONLY,
            "confined",
        ]);
        command.env("WRITABLE", &self.writable);
        command.args(["setpriv", "--bounding-set", "-all,+net_admin", "--inh-caps", "-all,+net_admin"]);
        command.arg("--no-new-privs").arg(env!("CARGO_BIN_EXE_eni-operator"));
        command.args(["node-agent", "--node-name", "node-a", "--metrics-addr", "127.0.0.1:19476"]);
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(&self.more);
        Guarded::spawn("the agent", &command, &Output::Log(log.to_owned())).unwrap()
    }
}

/// A folder for the journal. Devices of this machine are none of the namespace's: there is another for sysfs.
fn state_in(folder: &Path) -> Vec<String> {
    let state = folder.join("state").display().to_string();
    vec![format!("--state-dir={state}"), format!("--sysfs-dir={state}"), format!("--udev-dir={state}")]
}

/// Waits until the process has ended by itself, and says what it wrote.
fn ended(agent: &mut Guarded, log: &Path, patience: Duration) -> String {
    let begun = Instant::now();
    while agent.check_alive().is_ok() {
        assert!(begun.elapsed() < patience, "it goes on: {}", std::fs::read_to_string(log).unwrap());
        std::thread::sleep(Duration::from_millis(100));
    }
    std::fs::read_to_string(log).unwrap()
}

#[test]
fn nothing_but_its_journals_folder_has_to_be_writable() {
    let Some(cluster) = Cluster::new() else { return };
    let (ns, folder) = (NetNs::new(), tempfile::tempdir().unwrap());
    let _door = Door::open(&ns, &cluster);
    let writable = folder.path().join("writable");
    std::fs::create_dir(&writable).unwrap();
    let (log, more) = (folder.path().join("log"), state_in(&writable));
    let room = Room { ns: &ns, kubeconfig: cluster.kubeconfig_of("node-a"), writable, more };
    let mut agent = room.start(&log);
    cluster.put("node-a", "one", mac(6), "eth2");
    cluster.set("one", &json!({ "release": true }));
    cluster.until_said("one", ConditionType::Released, "True", "Released");
    let metrics =
        ns.within(|| xtask::http::text("GET", "http://127.0.0.1:19476", "/healthz", "text/plain", ""));
    assert!(metrics.is_ok(), "{metrics:?}");
    assert!(room.writable.join("state").read_dir().unwrap().count() > 0);
    assert!(agent.stop(PATIENCE).unwrap().success(), "{}", agent.last_words());
}

#[test]
fn a_journal_that_cannot_be_written_ends_the_agent_with_its_flag_and_its_folder() {
    let Some(cluster) = Cluster::new() else { return };
    let (ns, folder) = (NetNs::new(), tempfile::tempdir().unwrap());
    let _door = Door::open(&ns, &cluster);
    let writable = folder.path().join("writable");
    std::fs::create_dir(&writable).unwrap();
    let (log, more) = (folder.path().join("log"), state_in(folder.path()));
    let mut agent = Room { ns: &ns, kubeconfig: cluster.kubeconfig_of("node-a"), writable, more }.start(&log);
    let said = ended(&mut agent, &log, PATIENCE);
    let state = folder.path().join("state").display().to_string();
    assert!(said.contains("--state-dir") && said.contains(&state) && said.contains("Read-only"), "{said}");
}

#[test]
fn an_agent_whose_loop_hangs_says_so_and_ends() {
    let Some(cluster) = Cluster::new() else { return };
    let (ns, folder) = (NetNs::new(), tempfile::tempdir().unwrap());
    let _door = Door::open(&ns, &cluster);
    // Whoever reads it waits for somebody who writes, as one does on a file system whose server is away.
    let hangs = folder.path().join("resolv.conf");
    assert!(Command::new("mkfifo").arg(&hangs).status().unwrap().success());
    let mut more = state_in(folder.path());
    more.extend(["--resolv-conf".to_owned(), hangs.display().to_string()]);
    let log = folder.path().join("log");
    let writable = folder.path().to_owned();
    let mut agent = Room { ns: &ns, kubeconfig: cluster.kubeconfig_of("node-a"), writable, more }.start(&log);
    cluster.put("node-a", "one", mac(6), "eth2");
    let said = ended(&mut agent, &log, Duration::from_mins(3));
    assert!(said.contains("loops do not turn any more") && said.contains("passes"), "{said}");
}
