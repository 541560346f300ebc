//! What the controller does with the credentials that it has, or has not, and where it finds its region.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xtask::http::request;
use xtask::process::Guarded;

use crate::bed::{Bed, Ec2};
use crate::unworkable::{Case, make_nodes, node_eni, told, told_once};
use crate::world::World;

/// Longest that anything may take: the back-offs of half a minute and a minute, and what follows them.
const DEADLINE: Duration = Duration::from_mins(4);

/// The settings of a controller that has no credentials, whatever this machine has.
const CREDENTIALS: [&str; 4] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE"];

/// A cluster, if its parts are to be had.
fn testbed() -> Option<Bed> {
    Bed::take(Ec2::Throttled)
}

/// Waits until something holds.
#[track_caller]
fn wait(world: &World<'_>, controller: &mut Guarded, what: &str, holds: impl Fn(&World<'_>) -> bool) {
    let begun = Instant::now();
    while !holds(world) {
        controller.check_alive().unwrap();
        assert!(begun.elapsed() < DEADLINE, "waited for {what}{}", controller.last_words());
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Waits until the process has ended, and says whether it was content.
#[track_caller]
fn ended(process: &mut Guarded) -> bool {
    let begun = Instant::now();
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            return status.success();
        }
        assert!(begun.elapsed() < DEADLINE, "it goes on{}", process.last_words());
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn attached(name: &'static str) -> impl Fn(&World<'_>) -> bool {
    move |world| world.get(&["nodeeni", name])["status"]["attached"] == 1
}

/// The lines of the log with a message.
fn lines(world: &World<'_>, message: &str) -> Vec<Value> {
    let log = fs::read_to_string(world.log()).unwrap_or_default();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == message).collect()
}

fn not_authorized(name: &'static str, reason: &'static str, says: &'static str) -> Case {
    let condition = ("Authorized", "False", reason);
    Case { name, node: "plain", spec: json!({}), condition, says }
}

/// The calls of an action that EC2 carried out.
fn done(world: &World<'_>, action: &str) -> i64 {
    let stats = request("GET", &world.ec2, "/_sim/stats", None).unwrap();
    stats["by_action"][action]["ok"].as_i64().unwrap_or_default()
}

#[test]
fn without_credentials_the_process_ends_and_its_last_words_name_the_ways_to_them() {
    let Some(testbed) = testbed() else { return };
    let mut world = World::new(&testbed, "penniless");
    let (home, last_words) = (testbed.folder().join("home"), testbed.folder().join("last-words"));
    fs::create_dir_all(&home).unwrap();
    fs::write(&last_words, "").unwrap();
    let mut command = world.command(&world.ec2.clone());
    for name in CREDENTIALS {
        command.env_remove(name);
    }
    command.env("HOME", &home).env("TERMINATION_LOG", &last_words);
    let mut process = world.start(&command);
    assert!(!ended(&mut process));
    let words = fs::read_to_string(&last_words).unwrap();
    assert_eq!(words.lines().count(), 1, "{words}");
    for way in ["no AWS credentials", "IRSA", "Pod Identity", "IMDSv2 with a hop limit of 2", "environment"] {
        assert!(words.contains(way), "{way}: {words}");
    }
}

#[test]
fn credentials_that_expire_make_the_controller_read_only_until_they_are_taken_again() {
    let Some(testbed) = testbed() else { return };
    let mut world = World::new(&testbed, "expiring");
    make_nodes(&world);
    let mut controller = world.controller(&world.ec2.clone());
    world.apply(&node_eni("stays", "plain", &json!({})));
    wait(&world, &mut controller, "the first ENI", attached("stays"));
    let fault =
        json!({ "action": "*", "fault": { "kind": "error", "code": "ExpiredToken", "message": "expired" } });
    request("POST", &world.ec2, "/_sim/faults", Some(&fault)).unwrap();
    let before = world.state()["enis"].as_object().unwrap().len();
    world.apply(&node_eni("waits", "plain", &json!({ "deviceIndex": 3 })));
    world.kubectl.run(&["delete", "nodeeni", "stays", "--wait=false"]).unwrap();
    let case = not_authorized("waits", "Unauthenticated", "ExpiredToken");
    told(&world, &mut controller, &case).unwrap();
    told_once(&world, &case).unwrap();
    assert_eq!(world.state()["enis"].as_object().unwrap().len(), before);
    let lost = "AWS takes the credentials no more: nothing is changed until it does";
    assert_eq!(lines(&world, lost).len(), 1);
    request("DELETE", &world.ec2, "/_sim/faults", None).unwrap();
    wait(&world, &mut controller, "the second ENI", attached("waits"));
    wait(&world, &mut controller, "the first to be gone", |world| world.get(&["nodeeni", "stays"]).is_null());
    let authorized = |world: &World<'_>| {
        let object = world.get(&["nodeeni", "waits"]);
        let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        all.iter().any(|one| one["type"] == "Authorized" && one["status"] == "True")
    };
    wait(&world, &mut controller, "the condition to be taken back", authorized);
    assert_eq!(lines(&world, "AWS takes the credentials again").len(), 1);
}

#[test]
fn a_permission_that_is_missing_is_found_at_the_start_before_a_node_needs_it() {
    let Some(testbed) = testbed() else { return };
    let mut world = World::new(&testbed, "forbidding");
    make_nodes(&world);
    let mut controller = world.controller(&world.ec2.clone());
    world.apply(&node_eni("settled", "plain", &json!({})));
    wait(&world, &mut controller, "the ENI", attached("settled"));
    controller.stop(Duration::from_secs(20)).unwrap();
    world.set(&json!({ "denied": ["CreateTags"] }));
    let mut controller = world.controller(&world.ec2.clone());
    let case = not_authorized("settled", "Unauthorized", "ec2:CreateTags");
    told(&world, &mut controller, &case).unwrap();
    told_once(&world, &case).unwrap();
    assert!(attached("settled")(&world) && done(&world, "CreateNetworkInterface") == 1);
}

#[test]
fn the_region_comes_from_the_nodes_unless_it_is_configured_and_a_contradiction_is_told() {
    let Some(testbed) = testbed() else { return };
    let mut world = World::new(&testbed, "regional");
    let labels = json!({ "topology.kubernetes.io/region": "eu-west-1" });
    world.apply(
        &json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "there", "labels": labels } }),
    );
    let by = |environment: Option<&str>, flag: Option<&str>, world: &mut World<'_>| {
        let mut command = world.command(&world.ec2.clone());
        command.env("AWS_REGION", environment.unwrap_or_default());
        command.args(flag.map(|region| format!("--region={region}")));
        let mut process = world.start(&command);
        wait(world, &mut process, "the region", |world| !lines(world, "AWS region").is_empty());
        let told = lines(world, "AWS region").remove(0);
        let torn = lines(world, "regions contradict each other");
        (told["region"].clone(), told["by"].clone(), torn.first().map(|one| one["contradiction"].to_string()))
    };
    assert_eq!(by(None, None, &mut world), (json!("eu-west-1"), json!("Nodes"), None));
    let torn = by(Some("us-east-1"), None, &mut world);
    assert_eq!((&torn.0, &torn.1), (&json!("us-east-1"), &json!("Environment")));
    assert!(torn.2.is_some_and(|said| said.contains("us-east-1") && said.contains("eu-west-1")));
    let flag = by(Some("us-east-1"), Some("eu-west-1"), &mut world);
    assert_eq!(flag, (json!("eu-west-1"), json!("Flag"), None));
}

#[test]
fn the_hop_limit_is_raised_where_a_node_is_selected_and_nowhere_else() {
    let Some(testbed) = testbed() else { return };
    let mut world = World::new(&testbed, "hopping");
    make_nodes(&world);
    let mut command = world.command(&world.ec2.clone());
    command.env("IMDS_AUTO_CONFIGURE_HOP_LIMIT", "true").env("IMDS_HOP_LIMIT", "3");
    let mut controller = world.start(&command);
    world.apply(&node_eni("hops", "plain", &json!({})));
    let raised = |world: &World<'_>| done(world, "ModifyInstanceMetadataOptions") > 0;
    wait(&world, &mut controller, "the limit to be raised", raised);
    wait(&world, &mut controller, "the ENI", attached("hops"));
    let state = world.state();
    let limits: Vec<&Value> = state["instances"]
        .as_object()
        .unwrap()
        .values()
        .map(|one| &one["metadata"]["http_put_response_hop_limit"])
        .collect();
    assert_eq!(limits.iter().filter(|limit| **limit == 3).count(), 1, "{limits:?}");
    assert!(limits.iter().all(|limit| **limit == 3 || **limit == 2), "{limits:?}");
    // Nothing else of the service was set.
    let tokens = |one: &Value| one["metadata"]["http_tokens"] == "required";
    assert!(state["instances"].as_object().unwrap().values().all(tokens));
    assert_eq!(done(&world, "ModifyInstanceMetadataOptions"), 1);
    let events = world.get(&["events.v1.events.k8s.io", "-n", "default"]);
    let notes: Vec<&str> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["reason"] == "IMDSHopLimitRaised")
        .filter_map(|event| event["note"].as_str())
        .collect();
    assert!(matches!(notes.as_slice(), [one] if one.contains("from 2 to 3")), "{notes:?}");
}

#[test]
fn a_flag_that_cannot_be_is_refused_by_name_in_the_last_words_and_an_empty_variable_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let last_words = folder.path().join("last-words");
    fs::write(&last_words, "").unwrap();
    let run = |variable: (&str, &str)| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eni-operator"));
        command.args(["controller", "--kubeconfig", "nowhere"]).env("TERMINATION_LOG", &last_words);
        let output = command.env(variable.0, variable.1).output().unwrap();
        assert!(!output.status.success());
        fs::read_to_string(&last_words).unwrap()
    };
    for (variable, value, flag) in [
        ("AWS_REGION", "nowhere", "--region"),
        ("METRICS_ADDR", ":70000", "--metrics-addr"),
        ("MAX_CONCURRENT_RECONCILES", "0", "--max-concurrent-reconciles"),
    ] {
        let words = run((variable, value));
        assert!(words.contains(flag), "{variable}={value}: {words}");
        let words = run((variable, ""));
        assert!(!words.contains(flag) && words.contains("--kubeconfig"), "{variable}=: {words}");
    }
}
