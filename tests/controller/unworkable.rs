//! Objects that are well-formed and cannot work: each gets a condition with a reason of its own and one
//! event, nothing is made for it in EC2, and it is backed off.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xtask::http::request;
use xtask::process::Guarded;

use crate::bed::{Bed, Ec2};
use crate::world::World;

/// Longest that a condition may take to appear.
const DEADLINE: Duration = Duration::from_mins(1);

/// How long the calls to EC2 are counted once everything has been told.
const WINDOW: Duration = Duration::from_secs(10);

/// Calls to EC2 that all the objects together may make in that window.
const CALLS: i64 = 20;

/// An object that cannot work, and what it gets.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Which node: see [`region`].
    pub(crate) node: &'static str,
    /// What the spec has instead of the ordinary.
    pub(crate) spec: Value,
    /// Type, status and reason of the condition.
    pub(crate) condition: (&'static str, &'static str, &'static str),
    /// What its message must say.
    pub(crate) says: &'static str,
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let case = |name, node, spec, condition, says| Case { name, node, spec, condition, says };
    let invalid = |reason| ("SpecValid", "False", reason);
    let degraded = |reason| ("Degraded", "True", reason);
    let unsupported = |reason| ("NodesSupported", "False", reason);
    vec![
        case(
            "no-such-name",
            "plain",
            json!({"subnetNames": ["nowhere"]}),
            invalid("SubnetNotFound"),
            "Name=nowhere",
        ),
        case(
            "no-such-id",
            "plain",
            json!({"subnetIDs": ["subnet-0123456789abcdef0"]}),
            invalid("SubnetNotFound"),
            "subnet-0123456789abcdef0",
        ),
        case(
            "two-of-a-name",
            "plain",
            json!({"subnetNames": ["twice"]}),
            invalid("SubnetAmbiguous"),
            "stands for several",
        ),
        case(
            "other-vpc",
            "plain",
            json!({"subnetIDs": ["subnet-0000000000000000b"]}),
            invalid("SubnetInOtherVPC"),
            "the nodes are in",
        ),
        case(
            "other-zone",
            "plain",
            json!({"subnetNames": ["only-b"]}),
            degraded("NoSubnetInZone"),
            "us-east-1a",
        ),
        case(
            "no-such-group",
            "plain",
            json!({"securityGroupNames": ["nobody"]}),
            invalid("SecurityGroupNotFound"),
            "nobody",
        ),
        case(
            "no-such-group-id",
            "plain",
            json!({"securityGroupNames": [], "securityGroupIDs": ["sg-0123456789abcdef0"]}),
            invalid("SecurityGroupNotFound"),
            "sg-0123456789abcdef0",
        ),
        case(
            "group-of-other-vpc",
            "plain",
            json!({"securityGroupNames": [], "securityGroupIDs": ["sg-0000000000000000b"]}),
            invalid("SecurityGroupInOtherVPC"),
            "the nodes are in",
        ),
        case("no-room", "full", json!({}), degraded("InstanceFull"), "t3.micro carries 2 ENIs"),
        case(
            "no-such-card",
            "plain",
            json!({"networkCardIndex": 1}),
            degraded("NoSuchNetworkCard"),
            "networkCardIndex asks for 1",
        ),
        case(
            "no-address",
            "plain",
            json!({"subnetNames": ["crowded"]}),
            degraded("SubnetFull"),
            "InsufficientFreeAddressesInSubnet",
        ),
        case("auto-mode", "auto", json!({}), unsupported("AutoModeNode"), "EKS Auto Mode"),
        case("fargate", "fargate", json!({}), unsupported("FargateNode"), "Fargate"),
        case("hybrid", "hybrid", json!({}), unsupported("HybridNode"), "hybrid"),
        case("no-provider", "new", json!({}), unsupported("NoProviderID"), "providerID"),
    ]
}

#[test]
fn what_cannot_work_is_told_once_and_backed_off_and_nothing_is_made() {
    let Some(testbed) = Bed::take(Ec2::Throttled) else { return };
    let mut world = World::new(&testbed, "unworkable");
    make_nodes(&world);
    let mut controller = world.controller(&world.ec2.clone());
    for case in cases() {
        world.apply(&node_eni(case.name, case.node, &case.spec));
    }
    let mut wrong = vec![];
    for case in cases() {
        wrong.extend(told(&world, &mut controller, &case).err());
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), controller.last_words());
    wrong.extend(cases().iter().filter_map(|case| told_once(&world, case).err()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    nothing_is_made(&world);
    calls_are_few(&world);
}

#[test]
fn a_missing_permission_is_named_and_all_goes_on_once_it_is_given() {
    let Some(testbed) = Bed::take(Ec2::Throttled) else { return };
    let mut world = World::new(&testbed, "forbidden");
    make_nodes(&world);
    let mut controller = world.controller(&world.ec2.clone());
    for (name, action) in
        [("reads", "DescribeInstances"), ("creates", "CreateNetworkInterface"), ("tags", "CreateTags")]
    {
        world.set(&json!({ "denied": [action] }));
        world.apply(&node_eni(name, "plain", &json!({})));
        let condition = if name == "reads" {
            ("Ready", "False", "Unauthorized")
        } else {
            ("Degraded", "True", "Unauthorized")
        };
        let says = if name == "tags" { "ec2:CreateTags" } else { action };
        let case = Case { name, node: "plain", spec: json!({}), condition, says };
        told(&world, &mut controller, &case).unwrap();
        told_once(&world, &case).unwrap();
        if name != "reads" {
            nothing_is_made(&world);
        }
        world.kubectl.run(&["delete", "nodeeni", name, "--wait=false"]).unwrap();
        world.set(&json!({ "denied": [] }));
        let gone = |world: &World<'_>| world.get(&["nodeeni", name]).is_null();
        wait(&world, &mut controller, "the NodeENI to be gone", gone).unwrap();
    }
}

/// A VPC, nodes of all kinds, and another VPC.
pub(crate) fn make_nodes(world: &World<'_>) {
    let made = world.seed(&region());
    let instance = |key: &str| made["instances"][key].as_str().unwrap().to_owned();
    let ec2 = |key| format!("aws:///us-east-1a/{}", instance(key));
    let kinds = [
        ("plain", ec2("plain"), None),
        ("full", ec2("full"), None),
        ("auto", ec2("auto"), Some("auto")),
        (
            "fargate",
            "aws:///us-east-1a/0123456789-abc/fargate-ip-10-0-0-9.ec2.internal".to_owned(),
            Some("fargate"),
        ),
        ("hybrid", "eks-hybrid:///us-east-1/cluster/mi-0123456789abcdef0".to_owned(), Some("hybrid")),
        ("new", String::new(), None),
    ];
    for (kind, provider, compute) in kinds {
        let mut labels = json!({ "kind": kind, "topology.kubernetes.io/zone": "us-east-1a" });
        if let Some(compute) = compute {
            labels["eks.amazonaws.com/compute-type"] = json!(compute);
        }
        let spec = if provider.is_empty() { json!({}) } else { json!({ "providerID": provider }) };
        world.apply(&json!({
            "apiVersion": "v1", "kind": "Node", "metadata": { "name": format!("node-{kind}"), "labels": labels },
            "spec": spec,
        }));
    }
}

fn region() -> Value {
    let subnet = |key: &str, zone: &str, cidr: &str, name: &str| json!({ "key": key, "vpc": "vpc", "zone": zone, "cidr": cidr, "tags": { "Name": name } });
    let mut subnets = vec![
        subnet("home", "us-east-1a", "10.0.0.0/24", "home"),
        subnet("good", "us-east-1a", "10.0.1.0/24", "good"),
        subnet("only-b", "us-east-1b", "10.0.2.0/24", "only-b"),
        subnet("twice-1", "us-east-1a", "10.0.3.0/24", "twice"),
        subnet("twice-2", "us-east-1a", "10.0.4.0/24", "twice"),
        subnet("crowded", "us-east-1a", "10.0.5.0/28", "crowded"),
    ];
    let mut other = subnet("other", "us-east-1a", "10.1.0.0/24", "other");
    other["vpc"] = json!("other");
    other["id"] = json!("subnet-0000000000000000b");
    subnets.push(other);
    json!({
        "vpcs": [{ "key": "vpc", "cidr": "10.0.0.0/16" }, { "key": "other", "cidr": "10.1.0.0/16" }],
        "subnets": subnets,
        "security_groups": [
            { "key": "group", "vpc": "vpc", "name": "group" },
            { "key": "other", "vpc": "other", "name": "other", "id": "sg-0000000000000000b" },
        ],
        "instances": [
            { "key": "plain", "subnet": "home", "instance_type": "m6i.xlarge" },
            { "key": "full", "subnet": "home", "instance_type": "t3.micro", "enis": [{ "device_index": 1 }] },
            { "key": "auto", "subnet": "home", "instance_type": "m6i.xlarge" },
            // Eleven addresses are what a /28 has.
            { "key": "crowd", "count": 11, "subnet": "crowded", "instance_type": "t3.micro" },
        ],
    })
}

pub(crate) fn node_eni(name: &str, node: &str, changes: &Value) -> Value {
    let mut spec = json!({
        "nodeSelector": { "kind": node }, "subnetNames": ["good"], "securityGroupNames": ["group"], "deviceIndex": 2,
    });
    for (field, value) in changes.as_object().unwrap() {
        spec[field] = value.clone();
    }
    if spec["subnetIDs"].is_array() {
        spec.as_object_mut().unwrap().remove("subnetNames");
    }
    json!({ "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENI", "metadata": { "name": name }, "spec": spec })
}

/// Waits until something holds.
fn wait(
    world: &World<'_>,
    controller: &mut Guarded,
    what: &str,
    holds: impl Fn(&World<'_>) -> bool,
) -> Result<(), String> {
    let begun = Instant::now();
    while !holds(world) {
        controller.check_alive().unwrap();
        if begun.elapsed() > DEADLINE {
            return Err(format!("waited {DEADLINE:?} for {what}"));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// The object's condition appears, with its reason and what its message must say.
pub(crate) fn told(world: &World<'_>, controller: &mut Guarded, case: &Case) -> Result<(), String> {
    let (type_, status, reason) = case.condition;
    let holds = |world: &World<'_>| {
        let object = world.get(&["nodeeni", case.name]);
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|one| {
            one["type"] == type_
                && one["status"] == status
                && one["reason"] == reason
                && one["message"].as_str().unwrap().contains(case.says)
        })
    };
    let what = format!("{}: {type_}={status}, {reason}, saying {:?}", case.name, case.says);
    wait(world, controller, &what, holds).map_err(|error| {
        format!("{error}; it has {}", world.get(&["nodeeni", case.name])["status"]["conditions"])
    })
}

/// There is one warning about the object.
pub(crate) fn told_once(world: &World<'_>, case: &Case) -> Result<(), String> {
    let events = world.get(&["events.v1.events.k8s.io", "-n", "default"]);
    let about: Vec<&Value> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["regarding"]["name"] == case.name && event["type"] == "Warning")
        .collect();
    let notes: Vec<&Value> = about.iter().map(|event| &event["note"]).collect();
    let repeated = about.iter().any(|event| !event["series"].is_null());
    if about.len() == 1 && !repeated {
        Ok(())
    } else {
        Err(format!("{}: not one warning: {notes:?}", case.name))
    }
}

/// EC2 has no ENI of ours.
fn nothing_is_made(world: &World<'_>) {
    let state = world.state();
    let ours = state["enis"].as_object().unwrap().values();
    let ours: Vec<&Value> =
        ours.filter(|eni| !eni["tags"]["networking.k8s.aws/cluster-id"].is_null()).collect();
    assert_eq!(ours, Vec::<&Value>::new());
}

/// Over a while, EC2 is hardly asked.
fn calls_are_few(world: &World<'_>) {
    let calls = || request("GET", &world.ec2, "/_sim/stats", None).unwrap()["calls"].as_i64().unwrap();
    let before = calls();
    let begun = Instant::now();
    while begun.elapsed() < WINDOW {
        assert!(calls() - before <= CALLS, "{} calls within {:?}", calls() - before, begun.elapsed());
        std::thread::sleep(Duration::from_millis(200));
    }
}
