//! The cluster, the region that it is in, and what is seen of both.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xtask::nodes::{NodeOptions, Nodes};
use xtask::testbed::{REGION, SECRET};

/// How long what is wanted may take to be there, on two cores that others use too.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// The namespace of the documented command.
pub(crate) const NAMESPACE: &str = "eni-controller-system";

/// The name by which the region knows this cluster's ENIs.
const CLUSTER: &str = "end-to-end";

/// A cluster of two nodes in a region.
pub(crate) struct World {
    pub(crate) nodes: Nodes,
    /// Where pods find EC2.
    pub(crate) ec2: String,
    pub(crate) subnet: String,
    pub(crate) group: String,
    begun: Instant,
}

impl World {
    /// None where there can be none.
    pub(crate) fn new() -> Option<Self> {
        if !xtask::parts::has(xtask::nodes::obtainable()).unwrap() {
            return None;
        }
        let image = xtask::image::archive().unwrap();
        let simulator = xtask::cargo::build_binary("ec2-sim").unwrap();
        let begun = Instant::now();
        let mut nodes = Nodes::start().unwrap();
        let ec2 = nodes.ec2(&simulator).unwrap();
        let mut world = Self { nodes, ec2, subnet: String::new(), group: String::new(), begun };
        let made = world.seed();
        let id = |kind: &str, key: &str| made[kind][key].as_str().unwrap().to_owned();
        (world.subnet, world.group) = (id("subnets", "multus"), id("security_groups", "multus"));
        for (name, label) in [("node-a", "ng=multi-eni,"), ("node-b", "")] {
            let zone = format!("{REGION}a");
            let options = NodeOptions {
                name: name.to_owned(),
                provider_id: format!("aws:///{zone}/{}", id("instances", name)),
                labels: format!("{label}topology.kubernetes.io/zone={zone}"),
            };
            world.nodes.add(&options, std::slice::from_ref(&image)).unwrap();
        }
        world.say("two nodes are started");
        Some(world)
    }

    fn seed(&self) -> Value {
        let zone = format!("{REGION}a");
        let instance = |name: &str| json!({ "key": name, "subnet": "nodes", "instance_type": "m6i.xlarge", "tags": { "Name": name } });
        let seed = json!({
            "vpcs": [{ "key": "vpc", "cidr": "10.128.0.0/16" }],
            "subnets": [
                { "key": "nodes", "zone": zone, "cidr": "10.128.0.0/20", "tags": { "Name": "nodes" } },
                { "key": "multus", "zone": zone, "cidr": "10.128.16.0/20", "tags": { "Name": "multus" } },
            ],
            "security_groups": [{ "key": "multus" }],
            "instances": [instance("node-a"), instance("node-b")],
        });
        let begun = Instant::now();
        loop {
            match self.ask("POST", "/_sim/seed", Some(&seed)) {
                Ok(made) => return made,
                Err(error) => assert!(begun.elapsed() < PATIENCE, "{error:#}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks the simulator itself.
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let (url, method, path) = (self.ec2.clone(), method.to_owned(), path.to_owned());
        let body = body.cloned();
        self.nodes.within(move || xtask::http::request(&method, &url, &path, body.as_ref()))?
    }

    /// The ENIs that this cluster has in EC2.
    pub(crate) fn enis(&self) -> Vec<Value> {
        let state = self.ask("GET", "/_sim/state", None).unwrap();
        let enis = state["enis"].as_object().unwrap().values().cloned();
        enis.filter(|eni| eni.to_string().contains(CLUSTER)).collect()
    }

    /// Runs kubectl.
    pub(crate) fn kubectl(&self, words: &str) -> String {
        self.try_kubectl(words).unwrap()
    }

    pub(crate) fn try_kubectl(&self, words: &str) -> anyhow::Result<String> {
        self.nodes.kubectl(&words.split_whitespace().collect::<Vec<_>>())
    }

    /// What kubectl gets.
    pub(crate) fn get(&self, words: &str) -> Value {
        serde_json::from_str(&self.kubectl(&format!("get -o json {words}"))).unwrap()
    }

    /// Applies an object.
    pub(crate) fn apply(&self, object: &Value) {
        let file = self.nodes.folder().join("object.json");
        std::fs::write(&file, object.to_string()).unwrap();
        self.kubectl(&format!("apply --server-side -f {}", file.display()));
    }

    /// The documented command, and what a cluster that is not on AWS needs besides: where EC2 is, a credential, a
    /// name for the cluster by which the test finds its ENIs, and agents that do not see this machine's devices.
    pub(crate) fn helm(&self, verb: &str, more: &[&str]) -> anyhow::Result<String> {
        let environment = json!([
            { "name": "AWS_ENDPOINT_URL", "value": self.ec2 },
            { "name": "AWS_ACCESS_KEY_ID", "value": SECRET },
            { "name": "AWS_SECRET_ACCESS_KEY", "value": SECRET },
        ]);
        let region = format!("awsRegion={REGION}");
        let extra = format!("controller.extraEnv={environment}");
        // The devices of this machine's PCI bus are in no node's network, and an agent could not tell whose they are.
        let agents = r#"nodeAgent.extraEnv=[{"name":"SYSFS_DIR","value":"/var/lib/eni-operator"}]"#;
        let cluster = format!("controller.clusterID={CLUSTER}");
        let documented = [
            verb,
            "eni-operator",
            "chart",
            "--set",
            &region,
            "--set",
            "nodeSelector.ng=multi-eni",
            "--namespace",
            NAMESPACE,
        ];
        let here = ["--set-json", &extra, "--set-json", agents, "--set", &cluster];
        self.nodes.helm(&[documented.as_slice(), &here, more].concat())
    }

    /// The documented command that takes it away.
    pub(crate) fn uninstall(&self) {
        self.nodes.helm(&["uninstall", "eni-operator", "--namespace", NAMESPACE]).unwrap();
    }

    /// Waits until something holds; says what is there if it does not come.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            self.nodes.check_alive().unwrap();
            if begun.elapsed() > PATIENCE {
                let asked = [
                    "get -A pods,nodes,nodeeni,nodeeniattachment,lease -o wide".to_owned(),
                    format!("get events -n {NAMESPACE}"),
                    "get nodeeniattachment -o yaml".to_owned(),
                    format!("logs -n {NAMESPACE} --prefix --tail=60 -l app.kubernetes.io/name=eni-operator"),
                ];
                let told =
                    asked.map(|words| self.try_kubectl(&words).unwrap_or_else(|error| format!("{error:#}")));
                panic!("waited for {what}:\n{}", told.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        self.say(what);
    }

    /// Says what has been seen, and when.
    pub(crate) fn say(&self, what: &str) {
        println!("{:6.1} s  {what}", self.begun.elapsed().as_secs_f64());
    }

    /// How many pods of a part are ready.
    pub(crate) fn ready(&self, part: &str) -> usize {
        let selector = format!("pods -n {NAMESPACE} -l app.kubernetes.io/component={part}");
        let pods = self.get(&selector);
        let is_ready = |pod: &&Value| {
            let conditions = pod["status"]["conditions"].as_array();
            pod["metadata"]["deletionTimestamp"].is_null()
                && conditions.is_some_and(|all| {
                    all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
                })
        };
        pods["items"].as_array().unwrap().iter().filter(is_ready).count()
    }
}
