//! A node's kubelet, which can be ended and started again.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::control::spawn;
use super::node::{NodeOptions, SOCKET};
use super::room::Room;
use crate::debian::said;
use crate::go_tools::KUBELET;
use crate::process::{Guarded, on_path};

/// How long one that was sent a signal may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// Sends a signal to the kubelet of the room that it runs in. What brought it there is only its parent.
const SIGNAL: &str = r#"for process in /proc/[0-9]*; do
  if [ "$(cat "$process/comm" 2>/dev/null)" = kubelet ]; then kill -s "$0" "${process#/proc/}"; fi
done"#;

/// A kubelet, running or ended.
#[derive(Debug)]
pub(super) struct Kubelet {
    process: Option<Guarded>,
    arguments: Vec<String>,
    /// Where its files go.
    folder: PathBuf,
}

impl Kubelet {
    /// Starts one in a room.
    pub(super) fn start(
        room: &Room,
        folder: PathBuf,
        kubeconfig: &str,
        address: &str,
        options: &NodeOptions,
    ) -> Result<Self> {
        let settings = folder.join("kubelet.json");
        fs::write(&settings, self::settings(&folder, options).to_string())
            .context("write kubelet's settings")?;
        let arguments = vec![
            format!("--config={}", settings.display()),
            format!("--kubeconfig={kubeconfig}"),
            format!("--hostname-override={}", options.name),
            format!("--node-ip={address}"),
            format!("--node-labels={}", options.labels),
            "--v=2".to_owned(),
        ];
        let mut this = Self { process: None, arguments, folder };
        this.again(room)?;
        Ok(this)
    }

    /// Starts it, if it has ended.
    pub(super) fn again(&mut self, room: &Room) -> Result<()> {
        if self.process.is_none() {
            let mut command = room.command(&KUBELET.built()?);
            command.args(&self.arguments);
            self.process = Some(spawn("kubelet", &command, &self.folder)?);
        }
        Ok(())
    }

    /// Ends it by a signal, such as `KILL`. Its pods run on.
    pub(super) fn end(&mut self, room: &Room, signal: &str) -> Result<()> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let bash = on_path("bash").context("no bash")?;
        said(room.command(&bash).args(["-c", SIGNAL, signal])).context("send kubelet a signal")?;
        let begun = Instant::now();
        while process.try_wait()?.is_none() {
            ensure!(begun.elapsed() < ENDS_WITHIN, "kubelet has not ended after {signal}");
            thread::sleep(Duration::from_millis(10));
        }
        self.process = None;
        Ok(())
    }

    /// Fails, with the last lines of its log, if it has ended by itself.
    pub(super) fn check_alive(&mut self) -> Result<()> {
        self.process.as_mut().map_or(Ok(()), Guarded::check_alive)
    }

    /// What it has as `/var/lib/kubelet`.
    pub(super) fn root(&self) -> PathBuf {
        self.folder.join("kubelet")
    }
}

fn settings(folder: &Path, options: &NodeOptions) -> Value {
    let mut settings = common_settings(&folder.join("volume-plugins"));
    settings["providerID"] = json!(options.provider_id);
    settings["failCgroupV1"] = json!(false);
    settings["nodeLeaseDurationSeconds"] = json!(4);
    settings["crashLoopBackOff"] = json!({ "maxContainerRestartPeriod": "1s" });
    settings["serializeImagePulls"] = json!(false);
    settings
}

/// What every kubelet here is told. A disk that is nearly full would otherwise have pods evicted and images deleted.
pub(crate) fn common_settings(volume_plugins: &Path) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "cgroupDriver": "cgroupfs", "failSwapOn": false,
        "containerRuntimeEndpoint": format!("unix://{SOCKET}"),
        "authentication": { "anonymous": { "enabled": true }, "webhook": { "enabled": false } },
        "authorization": { "mode": "AlwaysAllow" },
        "makeIPTablesUtilChains": false, "enableControllerAttachDetach": false, "resolvConf": "",
        "nodeStatusUpdateFrequency": "1s", "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%",
            "imagefs.available": "0%", "imagefs.inodesFree": "0%",
        },
        "volumePluginDir": volume_plugins,
    })
}
