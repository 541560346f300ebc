//! A room: namespaces in which a node believes to be alone, and that end with all that is in them.
//!
//! Kubelet and its like have fixed places, and write settings of the whole machine. In a room they have their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::process::{Guarded, Output};

/// How long a room may take to be there.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// How long what was in it may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// Puts a shell into the room's control groups.
const JOIN: &str =
    r#"for group in $GROUPS_OF_ROOM; do echo $BASHPID > "$group/cgroup.procs" || exit 1; done"#;

/// What comes after it: namespaces, and their first process.
const UNSHARE: &str = r#"
echo $$ > "$ROOM/unshare.pid"
exec unshare --mount --net --pid --cgroup --ipc --uts --fork --kill-child bash -c "$INSIDE" room
"#;

/// The first process, which lays the room out. Only its own `/run` keeps `mount` from writing into the machine's.
const INSIDE: &str = r#"set -e
mount -n -t tmpfs -o mode=755 tmpfs /run
mount -t proc proc /proc
groups=$(ls /sys/fs/cgroup)
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
for group in $groups; do
  mkdir "/sys/fs/cgroup/$group"
  case "$group" in
    unified) mount -t cgroup2 none "/sys/fs/cgroup/$group" ;;
    systemd) mount -t cgroup -o none,name=systemd none "/sys/fs/cgroup/$group" ;;
    *) mount -t cgroup -o "$group" none "/sys/fs/cgroup/$group" ;;
  esac
done
mount -t tmpfs -o mode=755 tmpfs /var/lib
mkdir -p /var/lib/kubelet /var/lib/cni
mount --bind "$ROOM/kubelet" /var/lib/kubelet
mount --bind "$ROOM/log" /var/log
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys \
  kernel/keys/root_maxbytes; do
  own="$ROOM/settings/${setting//\//.}"
  cat "/proc/sys/$setting" > "$own"
  mount --bind "$own" "/proc/sys/$setting"
done
mount --make-rshared /
ip link set lo up
for address in $ADDRESSES; do ip addr add "$address/32" dev lo; done
: > "$ROOM/ready"
while :; do sleep 1000 & wait; done
"#;

/// The namespaces of a room.
#[derive(Debug)]
pub(super) struct Room {
    keeper: Guarded,
    folder: PathBuf,
    groups: Vec<PathBuf>,
    /// The first process, as it is seen from outside.
    first: u32,
}

impl Room {
    /// Makes one that has its files in `folder`, and these addresses.
    pub(super) fn new(folder: &Path, addresses: &[&str]) -> Result<Self> {
        for part in ["kubelet", "log", "settings"] {
            let path = folder.join(part);
            fs::create_dir_all(&path).with_context(|| format!("make {}", path.display()))?;
        }
        let groups = make_groups(folder)?;
        let mut command = Command::new("bash");
        command.arg("-c").arg([JOIN, UNSHARE].concat());
        command.env("GROUPS_OF_ROOM", words(&groups)).env("ROOM", folder);
        command.env("INSIDE", INSIDE).env("ADDRESSES", addresses.join(" "));
        let log = Output::Log(folder.join("room.log"));
        let mut keeper = Guarded::spawn("a node's room", &command, &log)?;
        let begun = Instant::now();
        while !folder.join("ready").exists() {
            keeper.check_alive()?;
            ensure!(begun.elapsed() < READY_WITHIN, "a node's room is not ready{}", keeper.last_words());
            std::thread::sleep(Duration::from_millis(10));
        }
        let first = first_process(folder)?;
        Ok(Self { keeper, folder: folder.to_owned(), groups, first })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn first(&self) -> u32 {
        self.first
    }

    /// Fails if it has ended.
    pub(super) fn check_alive(&mut self) -> Result<()> {
        self.keeper.check_alive()
    }

    /// A program in the room, in all of its namespaces and control groups.
    pub(super) fn command(&self, program: &Path) -> Command {
        let enter = r#"
exec nsenter -t "$FIRST_OF_ROOM" --mount --net --pid --cgroup --ipc --uts --root --wd="$ROOM" -- "$@""#;
        let mut command = Command::new("bash");
        command.arg("-c").arg([JOIN, enter].concat()).arg("room").arg(program);
        command.env("GROUPS_OF_ROOM", words(&self.groups)).env("ROOM", &self.folder);
        command.env("FIRST_OF_ROOM", self.first.to_string());
        command
    }

    /// A program of this machine that speaks to what is in the room.
    pub(super) fn beside(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.first.to_string(), "--net", "--"]).arg(program);
        command
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // The first process ends all others of its namespace. What is left are empty groups.
        let _ = self.keeper.stop(Duration::ZERO);
        let begun = Instant::now();
        while !self.groups.iter().all(|group| remove_group(group)) && begun.elapsed() < GONE_WITHIN {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn words(groups: &[PathBuf]) -> String {
    groups.iter().map(|group| group.display().to_string()).collect::<Vec<_>>().join(" ")
}

/// Makes a group below our own in every hierarchy.
fn make_groups(folder: &Path) -> Result<Vec<PathBuf>> {
    let own = fs::read_to_string("/proc/self/cgroup").context("read /proc/self/cgroup")?;
    let name: String = folder.display().to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    let mut groups = vec![];
    for line in own.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(hierarchy), Some(path)) = (parts.next(), parts.next()) else { continue };
        let hierarchy = match hierarchy.trim_start_matches("name=") {
            "" => "unified",
            named => named,
        };
        let mount = Path::new("/sys/fs/cgroup").join(hierarchy);
        if !mount.is_dir() {
            continue;
        }
        let parent = mount.join(path.trim_start_matches('/'));
        let group = parent.join(format!("room-{name}"));
        fs::create_dir_all(&group).with_context(|| format!("make the control group {}", group.display()))?;
        // Nothing enters a new cpuset before it has these.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if hierarchy == "cpuset" {
                let text = fs::read(parent.join(file)).with_context(|| format!("read {file}"))?;
                fs::write(group.join(file), text).with_context(|| format!("set {file}"))?;
            }
        }
        groups.push(group);
    }
    Ok(groups)
}

/// Removes a group and those below it, and says whether it is gone.
fn remove_group(group: &Path) -> bool {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_group(&entry.path());
        }
    }
    fs::remove_dir(group).is_ok() || !group.exists()
}

/// The only child of what made the namespaces.
fn first_process(folder: &Path) -> Result<u32> {
    let maker = fs::read_to_string(folder.join("unshare.pid")).context("read who made the room")?;
    let path = format!("/proc/{pid}/task/{pid}/children", pid = maker.trim());
    let children = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    children.trim().parse().with_context(|| format!("{path} says {children:?}"))
}
