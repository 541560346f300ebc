//! `eni-operator drain`, as a process, on an API server of its own: it deletes all there is.

use std::process::{Command, Stdio};

use eni_operator::api::{NODE_ENI_FINALIZER, NodeENI};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;
use xtask::testbed::{Testbed, TestbedOptions};

/// An API server with the CRDs, where it can be had.
fn testbed() -> Option<Testbed> {
    Testbed::obtainable().unwrap().then(|| {
        let testbed = Testbed::start(&TestbedOptions::default()).unwrap();
        testbed.install_crds().unwrap();
        testbed
    })
}

fn drain(testbed: &Testbed, seconds: &str) -> Command {
    let mut drain = Command::new(env!("CARGO_BIN_EXE_eni-operator"));
    drain.args(["drain", "--timeout-seconds", seconds, "--kubeconfig"]).arg(testbed.kubeconfig_path());
    drain.stdout(Stdio::piped()).stderr(Stdio::piped());
    drain
}

/// A `NodeENI` that a controller holds on to.
async fn held(api: &Api<NodeENI>, name: &str) {
    let object = json!({
        "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENI",
        "metadata": { "name": name, "finalizers": [NODE_ENI_FINALIZER] },
        "spec": {
            "nodeSelector": { "ng": "multi-eni" }, "subnetID": "subnet-0aaaaaaaaaaaaaaa0",
            "securityGroupIDs": ["sg-0aaaaaaaaaaaaaaa0"],
        },
    });
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drain_deletes_every_node_eni_and_waits_until_the_controller_lets_go() {
    let Some(testbed) = testbed() else { return };
    let api: Api<NodeENI> = Api::all(testbed.kube_client().unwrap());
    held(&api, "one").await;
    held(&api, "two").await;
    let late = drain(&testbed, "3").output().unwrap();
    let said = String::from_utf8_lossy(&late.stderr);
    assert!(!late.status.success() && said.contains("2 NodeENIs are left after 3 s: one, two."), "{said}");
    let running = drain(&testbed, "120").spawn().unwrap();
    for name in ["one", "two"] {
        let object = api.get(name).await.unwrap();
        assert!(object.metadata.deletion_timestamp.is_some(), "{name}");
        let none = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
        api.patch_metadata(name, &PatchParams::default(), &none).await.unwrap();
    }
    let done = running.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let nothing = drain(&testbed, "10").output().unwrap();
    assert!(nothing.status.success());
}
