//! An API server with what the chart installs, two nodes, and a pod of each identity.

use std::time::{Duration, Instant};

use axum::http;
use k8s_openapi::api::core::v1::{Node, Pod, ServiceAccount};
use kube::{
    Api, Client,
    api::{DeleteParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use xtask::{
    helm::Helm,
    install::{DEFAULT_NAMESPACE, Identity},
    kubectl::Kubectl,
    testbed::{Testbed, TestbedOptions, bound_token},
};

use super::super::helm;
use super::request::{Answer, Request, apply, create};
use super::{CONTROLLERS, GROUP, condition, slot, status_of};

/// The ENI of slot a.
pub(super) const ENI: &str = "eni-0aaaaaaaaaaaaaaa0";

/// Whose token a request bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Admin,
    AgentOnA,
    AgentOnB,
    /// A token that nobody gave to a pod, of the agents' account.
    AgentWithoutPod,
    /// The token of a pod on node a whose account has the name of the agents' account, in another namespace.
    Namesake,
    Controller,
    Uninstall,
    /// A token that the API server never made.
    Nobody,
}

/// What is installed, and where.
pub(super) struct Install {
    pub(super) namespace: &'static str,
    /// The agents' account.
    pub(super) agent: &'static str,
}

impl Default for Install {
    fn default() -> Self {
        Self { namespace: DEFAULT_NAMESPACE, agent: "eni-node-agent" }
    }
}

impl Install {
    /// Everything that the chart gives.
    fn objects(&self, helm: &Helm) -> String {
        let agent = format!("nodeAgent.serviceAccount.name={}", self.agent);
        let sets = ["--set", &agent, "--set", "uninstall.drain=true"];
        let template = ["template", "eni-operator", "chart", "--namespace", self.namespace];
        helm.run(&[&template[..], &sets[..]].concat()).unwrap()
    }
}

pub(super) struct Cluster {
    testbed: Testbed,
    install: Install,
    tokens: Vec<(Who, String)>,
}

impl Cluster {
    /// Starts one, where it can be had.
    pub(super) async fn start(install: Install) -> Option<Self> {
        let (helm, _home) = helm()?;
        if !Testbed::obtainable().unwrap() {
            return None;
        }
        let testbed = Testbed::start(&TestbedOptions::default()).unwrap();
        let file = testbed.folder().join("chart.yaml");
        std::fs::write(&file, install.objects(&helm)).unwrap();
        let kubectl = Kubectl::find(&testbed.kubeconfig_path()).unwrap();
        kubectl.run(&["create", "namespace", install.namespace]).unwrap();
        kubectl.run(&["apply", "--server-side", "-f", file.to_str().unwrap()]).unwrap();
        testbed.install_crds().unwrap();
        let mut cluster = Self { tokens: vec![], install, testbed };
        cluster.hand_out_tokens().await;
        cluster.fill().await;
        Some(cluster)
    }

    async fn hand_out_tokens(&mut self) {
        let client = self.testbed.kube_client().unwrap();
        for node in ["node-a", "node-b"] {
            put::<Node>(&Api::all(client.clone()), &json!({ "metadata": { "name": node } })).await;
        }
        let Install { namespace, agent } = self.install;
        let namesake = json!({ "metadata": { "name": agent } });
        put::<ServiceAccount>(&Api::namespaced(client.clone(), "default"), &namesake).await;
        for (who, namespace, account, pod) in [
            (Who::AgentOnA, namespace, agent, Some(("agent-a", "node-a"))),
            (Who::AgentOnB, namespace, agent, Some(("agent-b", "node-b"))),
            (Who::AgentWithoutPod, namespace, agent, None),
            (Who::Namesake, "default", agent, Some(("agent-a", "node-a"))),
            (Who::Controller, namespace, "eni-controller", Some(("controller", "node-a"))),
            (Who::Uninstall, namespace, Identity::Uninstall.name(), Some(("uninstall", "node-a"))),
        ] {
            let token = token(&client, namespace, account, pod).await;
            self.tokens.push((who, token));
        }
        self.tokens.push((Who::Admin, self.testbed.token().to_owned()));
        self.tokens.push((Who::Nobody, "abc.def.ghi".to_owned()));
    }

    /// A NodeENI, and a slot on each node as the controller leaves it.
    async fn fill(&self) {
        let node_eni = json!({
            "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENI", "metadata": { "name": "n" },
            "spec": {
                "nodeSelector": { "ng": "multi-eni" }, "subnetID": "subnet-0aaaaaaaaaaaaaaa0",
                "securityGroupIDs": ["sg-0aaaaaaaaaaaaaaa0"],
            },
        });
        self.must(&create(&format!("{GROUP}/nodeenis"), &node_eni)).await;
        for (name, node) in [("a", "node-a"), ("b", "node-b")] {
            self.must(&create(&format!("{GROUP}/nodeeniattachments"), &attachment(name, node))).await;
            let status = json!({
                "observedGeneration": 1, "cloud": cloud(ENI),
                "conditions": [condition("Attached", "True"), condition("Ready", "True")],
            });
            let path = format!("{}/status", slot(name));
            self.must(&apply(&path, CONTROLLERS, &status_of(name, &status))).await;
        }
    }

    /// Sends a request.
    pub(super) async fn ask(&self, who: Who, request: &Request) -> Answer {
        let mut config = self.testbed.kube_config().unwrap();
        let token = &self.tokens.iter().find(|(one, _)| *one == who).unwrap().1;
        config.auth_info = kube::config::AuthInfo { token: Some(token.clone().into()), ..Default::default() };
        let client = Client::try_from(config).unwrap();
        let body = request.body.as_ref().map(Value::to_string).unwrap_or_default().into_bytes();
        let sent = http::Request::builder().method(request.method).uri(&request.path);
        let sent = sent.header(http::header::CONTENT_TYPE, request.kind).body(body).unwrap();
        match client.request_text(sent).await {
            Ok(text) => Answer { status: 200, text },
            Err(kube::Error::Api(status)) => Answer { status: status.code, text: status.message.clone() },
            Err(error) => panic!("{} {}: {error}", request.method, request.path),
        }
    }

    async fn must(&self, request: &Request) {
        let answer = self.ask(Who::Admin, request).await;
        assert_eq!(answer.status, 200, "{}: {}", request.path, answer.text);
    }

    /// Sends a request again until its answer is so.
    pub(super) async fn until(&self, who: Who, request: &Request, is: impl Fn(&Answer) -> bool) -> Answer {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let answer = self.ask(who, request).await;
            if is(&answer) || Instant::now() > deadline {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(super) async fn slot(&self, name: &str) -> Value {
        let answer = self.ask(Who::Admin, &super::get(&slot(name))).await;
        serde_json::from_str(&answer.text).unwrap()
    }

    pub(super) async fn delete_pod(&self, name: &str) {
        let pods: Api<Pod> = Api::namespaced(self.testbed.kube_client().unwrap(), self.install.namespace);
        // There is no kubelet to wait for.
        pods.delete(name, &DeleteParams::default().grace_period(0)).await.unwrap();
    }
}

async fn put<K>(api: &Api<K>, object: &Value) -> K
where
    K: Clone + DeserializeOwned + Serialize + std::fmt::Debug,
{
    api.create(&PostParams::default(), &serde_json::from_value(object.clone()).unwrap()).await.unwrap()
}

/// A token of an account, bound to a pod of its own on a node, if it is to have one.
async fn token(client: &Client, namespace: &str, account: &str, pod: Option<(&str, &str)>) -> String {
    let made = match pod {
        Some((name, node)) => {
            let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
            let pod = json!({
                "metadata": { "name": name },
                "spec": {
                    "nodeName": node, "serviceAccountName": account,
                    "containers": [{ "name": "x", "image": "x" }],
                },
            });
            Some(put(&pods, &pod).await)
        }
        None => None,
    };
    bound_token(client, namespace, account, made.as_ref()).await.unwrap()
}

/// A slot of a node.
pub(super) fn attachment(name: &str, node: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENIAttachment",
        "metadata": { "name": name, "finalizers": ["nodeeniattachment.networking.k8s.aws/finalizer"] },
        "spec": {
            "nodeENI": "n", "nodeName": node, "instanceID": "i-0aaaaaaaaaaaaaaa0", "zone": "us-east-1a",
            "subnetID": "subnet-0aaaaaaaaaaaaaaa0", "offset": 0, "securityGroupIDs": ["sg-0aaaaaaaaaaaaaaa0"],
            "deviceIndex": 2, "deleteOnTermination": true, "description": "", "altName": "eth2",
            "uniqueAltName": "eth-0123abcd", "detachPolicy": { "type": "AfterTimeout" },
        },
    })
}

/// What the controller records of an ENI.
pub(super) fn cloud(eni: &str) -> Value {
    json!({
        "epoch": 1_700_000_000, "eniID": eni, "state": "Attached",
        "lastCreate": "2026-01-01T00:00:00Z", "lastChange": "2026-01-01T00:00:00Z",
    })
}
