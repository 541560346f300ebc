//! Values that are no values are refused before anything is installed.

use std::fs;

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
    ("image.registry=x", "registry"),
    ("namespace=Upper", "namespace"),
    ("logLevel=a b", "logLevel"),
    ("imds.hopLimit=0", "imds.hopLimit"),
    ("imds.hopLimit=65", "imds.hopLimit"),
    ("imds.hopLimit=two", "imds.hopLimit"),
    ("imds.autoConfigureHopLimit=yes", "imds.autoConfigureHopLimit"),
    ("controller.replicas=-1", "controller.replicas"),
    ("controller.replicas=two", "controller.replicas"),
    ("controller.replica=2", "replica"),
    ("controller.maxConcurrentReconciles=0", "controller.maxConcurrentReconciles"),
    ("controller.maxConcurrentENICleanup=1000", "controller.maxConcurrentENICleanup"),
    ("controller.maxConcurrentEniCleanup=3", "maxConcurrentEniCleanup"),
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
    ("nodeAgent.dpdk.enable=true", "enable"),
    ("nodeAgent.maxUnavailable=most", "nodeAgent.maxUnavailable"),
    ("serviceAccount.name=-x", "serviceAccount.name"),
    ("serviceAccount.annotations.a=1", "serviceAccount.annotations.a"),
    ("rbac.create=no-thanks", "rbac.create"),
    ("metrics.service.type=Headless", "metrics.service.type"),
    ("metrics.service.port=70000", "metrics.service.port"),
    ("uninstall.timeoutSeconds=1", "uninstall.timeoutSeconds"),
    ("eniManager.interval=30s", "interval"),
];

#[test]
fn bad_values_are_refused_by_name() {
    let Some((helm, _home)) = helm() else { return };
    assert!(BAD.len() >= 30);
    for (set, name) in BAD {
        let error = match render(&helm, &["--set", set]) {
            Ok(_) => panic!("{set} was taken"),
            Err(error) => format!("{error:#}"),
        };
        assert!(error.contains("values don't meet the specifications of the schema"), "{set}: {error}");
        // Helm 3 writes the place with dots or with strokes, by its version.
        let by_strokes = name.replace('.', "/");
        let said = error.split_once("schema").unwrap().1;
        assert!(said.contains(name) || said.contains(&by_strokes), "{set}: {said}");
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
