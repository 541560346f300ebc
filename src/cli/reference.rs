//! What the reference system's manifests set and what means nothing here: accepted, and said so once.

/// A variable of the reference system that has no effect.
#[derive(Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its name.
    pub variable: &'static str,
    /// What stands in its place.
    pub why: &'static str,
}

const fn accepted(variable: &'static str, why: &'static str) -> Accepted {
    Accepted { variable, why }
}

const BREAKER: &str = "each failure has a back-off of its own kind";
const SDK: &str = "the AWS SDK for Rust asks IMDSv2 only, with time-outs of its own";
const NOBODY: &str = "the reference system did not read it either";

/// Those of the controller. What the reference system reads and is not here has a flag of the same name.
pub const WITHOUT_EFFECT: &[Accepted] = &[
    accepted("RECONCILE_PERIOD", "changes are watched; the sweep has --sweep-period-seconds"),
    accepted(
        "DETACHMENT_TIMEOUT",
        "a detach is over when EC2 says so; spec.detachPolicy says when it may begin",
    ),
    accepted("MAX_CLEANUP_DURATION", "a finalizer goes when EC2 has nothing left, and never before"),
    accepted("DEFAULT_DEVICE_INDEX", "the default of spec.deviceIndex stands in the CRD"),
    accepted("DEFAULT_DELETE_ON_TERMINATION", "the default of spec.deleteOnTermination stands in the CRD"),
    accepted("CIRCUIT_BREAKER_ENABLED", BREAKER),
    accepted("CIRCUIT_BREAKER_FAILURE_THRESHOLD", BREAKER),
    accepted("CIRCUIT_BREAKER_SUCCESS_THRESHOLD", BREAKER),
    accepted("CIRCUIT_BREAKER_TIMEOUT", BREAKER),
    accepted("USE_EC2_FACADE", "there is one EC2 client"),
    accepted(
        "EC2_INSTANCE_ID",
        "the hop limit is raised on the instances of selected nodes, not on this pod's",
    ),
    accepted("PRIVATE_IP", "no instance is looked for by its address"),
    accepted("NODE_NAME", NOBODY),
    accepted("IMDS_AGGRESSIVE_CONFIGURATION", "no instance is touched that no NodeENI selects"),
    accepted("AWS_EC2_METADATA_V1_DISABLED", SDK),
    accepted("AWS_METADATA_SERVICE_TIMEOUT", SDK),
    accepted("AWS_METADATA_SERVICE_NUM_ATTEMPTS", SDK),
    accepted("LOG_LEVEL", "--log says what to log"),
    accepted("METRICS_PORT", "--metrics-addr says where to serve"),
];

const BY_SLOT: &str = "what a slot asks for stands in its NodeENI";
const BY_MAC: &str = "a link is known by the hardware address of its ENI, and never by its name";
const NO_AWS: &str = "a node's agent asks neither AWS nor the metadata service for anything";

/// Those of the node agent.
pub const WITHOUT_EFFECT_ON_NODES: &[Accepted] = &[
    accepted("ENI_PATTERN", BY_MAC),
    accepted("IGNORE_INTERFACES", BY_MAC),
    accepted("ENABLE_DPDK", "--bind-devices says whether devices are bound"),
    accepted("DEFAULT_DPDK_DRIVER", BY_SLOT),
    accepted("DPDK_RESOURCE_NAMES", BY_SLOT),
    accepted("DPDK_BINDING_SCRIPT", "no script is run"),
    accepted(
        "SRIOV_DP_CONFIG_PATH",
        "no other device plugin is needed; --sriov-config names the configuration of one that stays",
    ),
    accepted("INTERFACE_MAPPING_STORE_PATH", "--state-dir says where the journal is"),
    accepted("LOG_LEVEL", "--log says what to log"),
    accepted("METRICS_PORT", "--metrics-addr says where to serve"),
    accepted("AWS_REGION", NO_AWS),
    accepted("IMDS_AUTO_CONFIGURE_HOP_LIMIT", NO_AWS),
    accepted("IMDS_HOP_LIMIT", NO_AWS),
    accepted("IMDS_AGGRESSIVE_CONFIGURATION", NO_AWS),
    accepted("AWS_EC2_METADATA_V1_DISABLED", NO_AWS),
    accepted("AWS_METADATA_SERVICE_TIMEOUT", NO_AWS),
    accepted("AWS_METADATA_SERVICE_NUM_ATTEMPTS", NO_AWS),
];
