//! Values that are no values are refused before anything is installed.

use std::fs;

use serde_json::Value;

use super::{helm, render};

/// What is set, and what Helm has to name.
const BAD: &[(&str, &str)] = &[
    ("awsregion=eu-central-1", "awsregion"),
    ("awsRegion=Frankfurt", "awsRegion"),
    ("awsRegion=eu-central", "awsRegion"),
    ("awsRegion=5", "awsRegion"),
    ("image.pullPolicy=Sometimes", "image.pullPolicy"),
    ("image.repository=eni-operator:v1", "image.repository"),
    ("image.tag=a b", "image.tag"),
    ("image.digest=sha256:abc", "image.digest"),
    ("image.registry=x", "image.registry"),
    ("namespace=Upper", "namespace"),
    ("logLevel=a b", "logLevel"),
    ("imds.hopLimit=0", "imds.hopLimit"),
    ("imds.hopLimit=65", "imds.hopLimit"),
    ("imds.hopLimit=two", "imds.hopLimit"),
    ("imds.autoConfigureHopLimit=yes", "imds.autoConfigureHopLimit"),
    ("controller.replicas=-1", "controller.replicas"),
    ("controller.replicas=two", "controller.replicas"),
    ("controller.replica=2", "controller.replica"),
    ("controller.maxConcurrentReconciles=0", "controller.maxConcurrentReconciles"),
    ("controller.maxConcurrentENICleanup=1000", "controller.maxConcurrentENICleanup"),
    ("controller.maxConcurrentEniCleanup=3", "controller.maxConcurrentEniCleanup"),
    ("controller.apiShare=0", "controller.apiShare"),
    ("controller.apiShare=1.5", "controller.apiShare"),
    ("controller.apiLimits=fast", "controller.apiLimits"),
    ("controller.metricsAddr=8080", "controller.metricsAddr"),
    ("controller.clusterID=a cluster", "controller.clusterID"),
    ("controller.sweepBrake=0", "controller.sweepBrake"),
    ("controller.sweepPeriodSeconds=5", "controller.sweepPeriodSeconds"),
    ("controller.listingLagSeconds=1.5", "controller.listingLagSeconds"),
    ("controller.extraEnv=A", "controller.extraEnv"),
    ("controller.enableLeaderElection=maybe", "controller.enableLeaderElection"),
    ("nodeSelector=multi-eni", "nodeSelector"),
    ("nodeSelector.ng=true", "nodeSelector.ng"),
    ("tolerations=Exists", "tolerations"),
    ("affinity=none", "affinity"),
    ("eniManager.checkInterval=0x", "eniManager.checkInterval"),
    ("eniManager.defaultMTU=9002", "eniManager.defaultMTU"),
    ("nodeAgent.dpdk=true", "nodeAgent.dpdk"),
    ("nodeAgent.dpdk.enable=true", "nodeAgent.dpdk.enable"),
    ("nodeAgent.maxUnavailable=most", "nodeAgent.maxUnavailable"),
    ("nodeAgent.devicePlugin=perhaps", "nodeAgent.devicePlugin"),
    ("nodeAgent.dpdk.loadModules=vfio-pci;rm", "nodeAgent.dpdk.loadModules"),
    ("nodeAgent.dpdk.allowUnsafeNoIommu=1", "nodeAgent.dpdk.allowUnsafeNoIommu"),
    ("nodeAgent.sriovConfig=config.json", "nodeAgent.sriovConfig"),
    ("nodeAgent.sriovConfig=/config.json", "nodeAgent.sriovConfig"),
    ("serviceAccount.name=-x", "serviceAccount.name"),
    ("serviceAccount.annotations.a=1", "serviceAccount.annotations.a"),
    ("rbac.create=no-thanks", "rbac.create"),
    ("metrics.service.type=Headless", "metrics.service.type"),
    ("metrics.service.port=70000", "metrics.service.port"),
    ("uninstall.timeoutSeconds=1", "uninstall.timeoutSeconds"),
    ("eniManager.interval=30s", "eniManager.interval"),
    // At the top, and at each level below.
    ("replicas=2", "replicas"),
    ("nodeAgent.tolerations=[]", "nodeAgent.tolerations"),
    ("nodeAgent.serviceAccount.annotations.a=b", "nodeAgent.serviceAccount.annotations"),
    ("eniManager.dpdk.enable=true", "eniManager.dpdk.enable"),
    ("metrics.service.targetPort=8080", "metrics.service.targetPort"),
    ("metrics.serviceMonitor.scrapeTimeout=5s", "metrics.serviceMonitor.scrapeTimeout"),
    ("resources.agent={}", "resources.agent"),
    ("crds.keep=true", "crds.keep"),
    ("rbac=true", "rbac"),
    ("uninstall=drain", "uninstall"),
    ("metrics.rules.enabled=1", "metrics.rules.enabled"),
    ("networkPolicy.enabled=on", "networkPolicy.enabled"),
    // Ranges, and forms.
    ("controller.sweepDeletions=65536", "controller.sweepDeletions"),
    ("controller.terminationGracePeriodSeconds=-1", "controller.terminationGracePeriodSeconds"),
    ("controller.orphanMinAgeSeconds=59", "controller.orphanMinAgeSeconds"),
    ("controller.apiLimits=AttachNetworkInterface=100/1.2.3", "controller.apiLimits"),
    ("controller.apiLimits=AttachNetworkInterface=0/1", "controller.apiLimits"),
    ("controller.metricsAddr=localhost:8080", "controller.metricsAddr"),
    ("nodeAgent.metricsAddr=:65536", "nodeAgent.metricsAddr"),
    ("controller.priorityClassName=High_Priority", "controller.priorityClassName"),
    ("eniManager.checkInterval=0s", "eniManager.checkInterval"),
    ("eniManager.checkInterval=30", "eniManager.checkInterval"),
    ("eniManager.checkInterval=10ms", "eniManager.checkInterval"),
    ("eniManager.defaultMTU=100", "eniManager.defaultMTU"),
    ("eniManager.defaultMTU=large", "eniManager.defaultMTU"),
    ("metrics.serviceMonitor.interval=often", "metrics.serviceMonitor.interval"),
    ("nodeAgent.maxUnavailable=0%", "nodeAgent.maxUnavailable"),
    ("nodeAgent.maxUnavailable=101%", "nodeAgent.maxUnavailable"),
    ("image.tag=-x", "image.tag"),
    ("image.tag=null-and-void!", "image.tag"),
    ("podLabels.team=a b", "podLabels.team"),
    ("podLabels.a b=c", "podLabels.a b"),
    ("nodeSelector.ng=multi/eni", "nodeSelector.ng"),
    // Quantities, and other parts of Kubernetes' objects.
    ("resources.controller.requests.cpu=lots", "resources.controller.requests.cpu"),
    ("resources.controller.limits.memory=128 Mi", "resources.controller.limits.memory"),
    ("resources.manager.limits.memory=128MB", "resources.manager.limits.memory"),
    ("resources.manager.limits.cpu=-1", "resources.manager.limits.cpu"),
    ("resources.manager.limit.cpu=1", "resources.manager.limit"),
    (r#"tolerations=[{"operator":"Exist"}]"#, "tolerations.0.operator"),
    (r#"tolerations=[{"effect":"NoRun","operator":"Exists"}]"#, "tolerations.0.effect"),
    (r#"tolerations=[{"keys":["a"]}]"#, "tolerations.0.keys"),
    (r#"controller.tolerations=["all"]"#, "controller.tolerations.0"),
    (r#"controller.extraEnv=[{"name":"A B","value":"c"}]"#, "controller.extraEnv.0.name"),
    (r#"controller.extraEnv=[{"name":"A","value":5}]"#, "controller.extraEnv.0.value"),
    (
        r#"nodeAgent.extraEnv=[{"name":"A","valueFrom":{"secret":"x"}}]"#,
        "nodeAgent.extraEnv.0.valueFrom.secret",
    ),
    (r#"imagePullSecrets=["registry"]"#, "imagePullSecrets.0"),
    (r#"affinity={"nodeAffinity":{"required":[]}}"#, "affinity.nodeAffinity.required"),
    ("securityContext.runAsUser=root", "securityContext.runAsUser"),
    ("securityContext.privileged=true", "securityContext.privileged"),
    ("securityContext.seccompProfile.type=Default", "securityContext.seccompProfile.type"),
    // Two would act at once.
    ("controller.enableLeaderElection=false", "controller.replicas"),
];

/// How a value is given on the command line.
pub(super) fn flag(set: &str) -> &'static str {
    let value = set.split_once('=').unwrap().1;
    let structured = value.starts_with(['[', '{']) && serde_json::from_str::<Value>(value).is_ok();
    if structured { "--set-json" } else { "--set" }
}

/// Whether Helm names a place: as such, or as a name that the place above it does not have.
fn names(said: &str, path: &str) -> bool {
    let pointer = format!("'/{}'", path.replace('.', "/"));
    let (above, name) = path.rsplit_once('.').unwrap_or(("", path));
    let above = if above.is_empty() { "''".to_owned() } else { format!("'/{}'", above.replace('.', "/")) };
    said.contains(&pointer) || (said.contains(&above) && said.contains(&format!("'{name}'")))
}

#[test]
fn bad_values_are_refused_by_name() {
    let Some((helm, _home)) = helm() else { return };
    for (set, name) in BAD {
        let error = match render(&helm, &[flag(set), set]) {
            Ok(_) => panic!("{set} was taken"),
            Err(error) => format!("{error:#}"),
        };
        assert!(error.contains("values don't meet the specifications of the schema"), "{set}: {error}");
        let said = error.split_once("schema").unwrap().1;
        assert!(names(said, name), "{set}: {said}");
    }
}

/// The reference system's `values.yaml`, 1.3.8, with what its users set.
const REFERENCE_VALUES: &str = r#"
image: { repository: ghcr.io/johnlam90/aws-multi-eni-controller, tag: v1.3.8, pullPolicy: Always }
namespace: eni-controller-system
awsRegion: us-east-1
imds: { autoConfigureHopLimit: true, hopLimit: 2, aggressiveConfiguration: true }
cloudNativeAuth: { enabled: true, preferIRSA: true }
controller:
  maxConcurrentENICleanup: 3
  maxConcurrentReconciles: 5
  enableLeaderElection: true
  metricsAddr: ":8080"
  terminationGracePeriodSeconds: 10
eniManager:
  defaultMTU: 0
  checkInterval: 30s
  debug: true
  eniPattern: "^(eth|ens|eni|en|enX)[0-9]+"
  ignoreInterfaces: "tunl0,gre0"
  useNetlink: true
  dpdk:
    enabled: true
    driver: vfio-pci
    bindingScript: /opt/dpdk/dpdk-devbind.py
    sriovDPConfigPath: /etc/pcidp/config.json
    resourceNames: ""
resources:
  controller: { limits: { cpu: 500m, memory: 512Mi }, requests: { cpu: 100m, memory: 128Mi } }
  manager: { limits: { cpu: 500m, memory: 512Mi }, requests: { cpu: 100m, memory: 128Mi } }
nodeSelector: { ng: multi-eni }
securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 2000 }
serviceAccount: { create: true, name: eni-controller, annotations: {} }
rbac: { create: true }
podAnnotations: {}
podLabels: {}
tolerations: []
affinity: {}
metrics: { enabled: false, port: 8080, service: { type: ClusterIP, port: 8080 } }
logLevel: info
"#;

#[test]
fn a_file_of_the_reference_systems_values_is_taken_as_it_is() {
    let Some((helm, home)) = helm() else { return };
    let file = home.path().join("values.yaml");
    fs::write(&file, REFERENCE_VALUES).unwrap();
    let all = render(&helm, &["--values", file.to_str().unwrap()]).unwrap();
    let controller = all["Deployment eni-controller-system/eni-controller"].to_string();
    assert!(controller.contains(r#"{"name":"IMDS_AUTO_CONFIGURE_HOP_LIMIT","value":"true"}"#));
    assert!(controller.contains("ghcr.io/johnlam90/aws-multi-eni-controller:v1.3.8"));
    assert!(all["DaemonSet eni-controller-system/eni-node-agent"].to_string().contains("/host/sys"));
}
