//! Values that the chart takes: each shape of what may be set, and what the processes say to it.

use std::{collections::BTreeSet, fs};

use clap::Args;
use eni_operator::cli::{ControllerArgs, NodeAgentArgs};
use serde_json::{Value, json};
use xtask::{
    install::values::{Became, REFERENCE, all},
    repo,
};

use super::{Objects, helm, render, values};

/// Values at the ends of what they may be, and in each way in which people write them.
const GOOD: &[&str] = &[
    "awsRegion=us-gov-west-1",
    "awsRegion=ap-southeast-4",
    "image.repository=registry.example:5000/a/eni-operator",
    "image.tag=_0.1.0-rc.1",
    "namespace=eni",
    "logLevel=eni_operator=debug",
    "imds.hopLimit=1",
    "imds.hopLimit=64",
    "controller.clusterID=prod/eu@2=x",
    "controller.replicas=0",
    "controller.replicas=9",
    "controller.metricsAddr=127.0.0.1:65535",
    "controller.metricsAddr=[::]:8080",
    "controller.apiShare=1",
    "controller.apiShare=0.05",
    "controller.apiShare=.5",
    "controller.apiShare=1.0",
    "controller.apiLimits=AttachNetworkInterface=100/10\\,CreateNetworkInterface=1/0.5",
    "controller.maxConcurrentReconciles=100",
    "controller.maxConcurrentInstances=10000",
    "controller.maxConcurrentENICleanup=1",
    "controller.listingLagSeconds=3600",
    "controller.sweepPeriodSeconds=10",
    "controller.orphanMinAgeSeconds=604800",
    "controller.sweepDeletions=0",
    "controller.sweepDeletions=65535",
    "controller.sweepBrake=100",
    "controller.requireNodeAgent=false",
    "controller.priorityClassName=",
    "controller.nodeSelector.node\\.example\\.com/pool=system",
    "controller.enableLeaderElection=false,controller.replicas=1",
    "nodeAgent.metricsAddr=:1",
    "nodeAgent.maxUnavailable=100%",
    "eniManager.checkInterval=100ms",
    "eniManager.checkInterval=0.5s",
    "eniManager.checkInterval=1m30s",
    "eniManager.checkInterval=1h0m0s",
    "eniManager.checkInterval=1.5h",
    "eniManager.defaultMTU=128",
    "eniManager.defaultMTU=9001",
    "resources.controller.limits.cpu=1",
    "resources.controller.limits.memory=1.5Gi",
    "resources.manager.requests.cpu=0.1",
    "resources.manager.requests.ephemeral-storage=1e6",
    "podLabels.app\\.kubernetes\\.io/part-of=networks",
    "podAnnotations.example\\.com/note=any text: at all",
    "securityContext.fsGroup=null",
    "serviceAccount.name=eni.operator-1",
    "metrics.serviceMonitor.interval=1m30s",
    r#"tolerations=[{"key":"dedicated","operator":"Equal","value":"x","effect":"NoExecute","tolerationSeconds":9}]"#,
    r#"controller.tolerations=[{"operator":"Exists"}]"#,
    r#"controller.extraEnv=[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s","key":"k","optional":true}}}]"#,
    r#"nodeAgent.extraEnv=[{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"status.hostIP"}}}]"#,
    r#"affinity={"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"NotIn","values":["b"]}]}]}}}"#,
];

/// What a process is told by the variables of its container, as flags, with what only a pod knows left out.
fn flags(objects: &Objects, kind: &str, command: &clap::Command) -> Vec<String> {
    let (_, object) = objects.iter().find(|(name, _)| name.starts_with(kind)).unwrap();
    let variables = object.pointer("/spec/template/spec/containers/0/env").unwrap().as_array().unwrap();
    let flag = |variable: &Value| {
        let name = variable["name"].as_str().unwrap();
        let value = variable["value"].as_str().filter(|value| !value.is_empty())?;
        let arg = command.get_arguments().find(|arg| arg.get_env().is_some_and(|env| env == name))?;
        Some(format!("--{}={value}", arg.get_long().unwrap()))
    };
    std::iter::once(command.get_name().to_owned()).chain(variables.iter().filter_map(flag)).collect()
}

#[test]
fn what_the_chart_takes_its_processes_take() {
    let Some((helm, _home)) = helm() else { return };
    let processes = [
        ("Deployment ", ControllerArgs::augment_args(clap::Command::new("controller"))),
        ("DaemonSet ", NodeAgentArgs::augment_args(clap::Command::new("node-agent"))),
    ];
    for set in GOOD {
        let rendered =
            render(&helm, &[values::flag(set), set]).unwrap_or_else(|error| panic!("{set}: {error:#}"));
        for (kind, command) in &processes {
            let flags = flags(&rendered, kind, command);
            assert!(flags.len() > 3, "{flags:?}");
            let parsed = command.clone().try_get_matches_from(flags);
            assert!(parsed.is_ok(), "{set}: {}", parsed.unwrap_err());
        }
    }
}

#[test]
fn a_value_that_a_process_refuses_is_noticed() {
    let Some((helm, _home)) = helm() else { return };
    let mut rendered = render(&helm, &[]).unwrap();
    let command = NodeAgentArgs::augment_args(clap::Command::new("node-agent"));
    let agent = rendered.iter_mut().find(|(name, _)| name.starts_with("DaemonSet ")).unwrap().1;
    let variables = agent.pointer_mut("/spec/template/spec/containers/0/env").unwrap();
    for variable in variables.as_array_mut().unwrap() {
        if variable["name"] == "DEFAULT_MTU" {
            variable["value"] = json!("100");
        }
    }
    let flags = flags(&rendered, "DaemonSet ", &command);
    assert!(command.try_get_matches_from(flags).unwrap_err().to_string().contains("--default-mtu"));
}

#[test]
fn every_value_of_the_reference_system_is_taken_by_its_name() {
    let Some((helm, _home)) = helm() else { return };
    let mut tried = BTreeSet::new();
    for (path, became) in REFERENCE {
        let value = match became {
            // It meant nothing, or does not any more: whatever it was, it is no obstacle.
            Became::WithoutEffect(_) => json!({ "anything": ["at", "all"] }),
            Became::Kept | Became::KeptBut(_) => {
                all().into_iter().find(|one| one.path == *path).unwrap().default
            }
        };
        let set = format!("{path}={value}");
        render(&helm, &["--set-json", &set]).unwrap_or_else(|error| panic!("{set}: {error:#}"));
        assert!(tried.insert(path), "{path} stands there twice");
    }
}

/// The values that documents set, each as the command line has them.
fn documented() -> Vec<(String, Vec<String>)> {
    let docs = fs::read_dir(repo::at("docs")).unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut found = vec![];
    for path in [repo::at("README.md"), repo::at("chart/README.md")].into_iter().chain(docs) {
        let text = fs::read_to_string(&path).unwrap().replace("\\\n", " ");
        for line in text.lines().filter(|line| line.trim_start().starts_with("helm ")) {
            let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches('\'')).collect();
            let sets = words.windows(2).filter(|pair| pair[0].starts_with("--set"));
            let sets: Vec<String> = sets.flatten().map(|word| (*word).to_owned()).collect();
            if !sets.is_empty() {
                found.push((format!("{}: {line}", path.display()), sets));
            }
        }
    }
    found
}

#[test]
fn every_value_that_a_document_sets_is_taken() {
    let Some((helm, _home)) = helm() else { return };
    let all = documented();
    assert!(all.len() >= 3, "{all:?}");
    for (at, sets) in all {
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        render(&helm, &sets).unwrap_or_else(|error| panic!("{at}: {error:#}"));
    }
}
