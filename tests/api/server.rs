//! The one API server of this test binary, and the ways to it.

use std::{
    future::Future,
    path::Path,
    process::{Command, Output},
    sync::OnceLock,
    time::Duration,
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
    core::{Request, Status},
};
use serde_json::{Value, json};
use xtask::{runtime::block_on, testbed::Testbed};

/// How long the server may take to do what it does in a tenth of a second, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A CRD of Multus' group and kind. It takes anything, as Multus' own does for our purposes.
const NETWORK_ATTACHMENT_DEFINITION: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: network-attachment-definitions.k8s.cni.cncf.io
spec:
  group: k8s.cni.cncf.io
  scope: Namespaced
  names:
    kind: NetworkAttachmentDefinition
    plural: network-attachment-definitions
    singular: network-attachment-definition
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          x-kubernetes-preserve-unknown-fields: true
";

/// The server, with our CRDs and Multus' in force.
pub(crate) fn testbed() -> &'static Testbed {
    static READY: OnceLock<&'static Testbed> = OnceLock::new();
    READY.get_or_init(|| {
        let testbed = Testbed::shared().unwrap();
        let config = testbed.kube_config().unwrap();
        block_on(async move {
            let client = Client::try_from(config).unwrap();
            let multus: Value = serde_yaml::from_str(NETWORK_ATTACHMENT_DEFINITION).unwrap();
            install(&client, &multus).await;
            for collection in [NODE_ENIS, ATTACHMENTS] {
                until_served(&client, collection).await;
            }
        })
        .unwrap();
        testbed
    })
}

/// Where `NodeENI`s are.
pub(crate) const NODE_ENIS: &str = "/apis/networking.k8s.aws/v1alpha1/nodeenis";
/// Where `NodeENIAttachment`s are.
pub(crate) const ATTACHMENTS: &str = "/apis/networking.k8s.aws/v1alpha1/nodeeniattachments";

/// An administrator's client, for the runtime of the test that asks.
pub(crate) fn client() -> Client {
    testbed().kube_client().unwrap()
}

/// Applies a CRD, and returns when its objects are served.
pub(crate) async fn install(client: &Client, crd: &Value) {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = crd["metadata"]["name"].as_str().unwrap();
    crds.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(crd)).await.unwrap();
    let spec = &crd["spec"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (group, version) = (text(&spec["group"]), text(&spec["versions"][0]["name"]));
    until_served(client, &format!("/apis/{group}/{version}/{}", text(&spec["names"]["plural"]))).await;
}

async fn until_served(client: &Client, collection: &str) {
    until(collection, || async move { get(client, collection).await.is_ok() }).await;
}

/// Asks again and again until the answer is yes.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let asking = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, asking).await.is_ok();
    assert!(in_time, "not after {} s: {what}", PATIENCE.as_secs());
}

/// What is at a path.
pub(crate) async fn get(client: &Client, path: &str) -> Result<Value, Box<Status>> {
    let request = Request::new(path).list(&kube::api::ListParams::default()).unwrap();
    refusal(client.request(request).await)
}

/// Creates an object as `kubectl create` does: unknown and repeated fields are errors.
pub(crate) async fn create(client: &Client, collection: &str, object: &Value) -> Result<Value, Box<Status>> {
    post(client, &format!("{collection}?fieldValidation=Strict"), object).await
}

/// Asks whether an object would be taken.
pub(crate) async fn try_create(
    client: &Client,
    collection: &str,
    object: &Value,
) -> Result<Value, Box<Status>> {
    post(client, &format!("{collection}?fieldValidation=Strict&dryRun=All"), object).await
}

async fn post(client: &Client, target: &str, object: &Value) -> Result<Value, Box<Status>> {
    let body = serde_json::to_vec(object).unwrap();
    let mut request = Request::new(target).create(&PostParams::default(), body).unwrap();
    // The parameters that kube knows have no field validation.
    *request.uri_mut() = target.parse().unwrap();
    refusal(client.request(request).await)
}

/// Changes parts of an object.
pub(crate) async fn merge(client: &Client, path: &str, change: Value) -> Result<Value, Box<Status>> {
    let (collection, rest) = split(path);
    let params = PatchParams::default();
    let request = Request::new(collection).patch(rest, &params, &Patch::Merge(change)).unwrap();
    refusal(client.request(request).await)
}

/// Applies the status of an object as a manager of fields.
pub(crate) async fn apply_status(
    client: &Client,
    path: &str,
    manager: &str,
    status: Value,
) -> Result<Value, Box<Status>> {
    let (collection, name) = split(path);
    let object = get(client, path).await?;
    let mut applied = json!({ "metadata": { "name": name }, "status": status });
    for word in ["apiVersion", "kind"] {
        applied[word] = object[word].clone();
    }
    let request = Request::new(collection);
    let request =
        request.patch_subresource("status", name, &PatchParams::apply(manager), &Patch::Apply(applied));
    refusal(client.request(request.unwrap()).await)
}

/// A collection and the name in it.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap()
}

/// The server's refusal; any other failure ends the test.
fn refusal(answer: kube::Result<Value>) -> Result<Value, Box<Status>> {
    match answer {
        Ok(value) => Ok(value),
        Err(kube::Error::Api(status)) => Err(status),
        Err(other) => panic!("the server did not answer: {other}"),
    }
}

/// What `kubectl` prints; it must succeed.
pub(crate) fn kubectl(args: &[&str]) -> String {
    let output = run_kubectl(args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "kubectl {args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Runs `kubectl`, which may fail.
pub(crate) fn run_kubectl(args: &[&str]) -> Output {
    let testbed = testbed();
    let mut kubectl = Command::new("kubectl");
    kubectl.args(args).arg("--kubeconfig").arg(testbed.kubeconfig_path());
    // What an earlier server at this port served is of no use.
    kubectl.arg("--cache-dir").arg(testbed.folder().join("kubectl-cache"));
    kubectl.output().expect("kubectl must be on PATH, of version 1.27 or later")
}

/// A path as an argument.
pub(crate) fn argument(path: &Path) -> &str {
    path.to_str().unwrap()
}
