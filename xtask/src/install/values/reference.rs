//! What became of each value of the reference system's chart.

/// What became of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It is here, under the same name and with the same meaning.
    Kept,
    /// It is here under the same name, and this is different.
    KeptBut(&'static str),
    /// It is accepted and means nothing, for this reason.
    WithoutEffect(&'static str),
}

use Became::{Kept, KeptBut, WithoutEffect};

const BY_MAC: &str = "a link is known by the hardware address of its ENI, and never by its name";
const FIXED: &str = "names are fixed; it meant nothing there either";
const BY_SLOT: &str = "what a device is bound to and offered as stands in its NodeENI";

/// Every value of `aws-multi-eni-controller` 1.3.8, in its order.
pub const REFERENCE: &[(&str, Became)] = &[
    ("image.repository", KeptBut("the default is a local name, until you say where you pushed it")),
    ("image.tag", KeptBut("unset, it is the chart's version")),
    ("image.pullPolicy", KeptBut("the default is `IfNotPresent`: a version does not change")),
    ("namespace", KeptBut("unset, the namespace of the release is taken, which was ignored")),
    ("awsRegion", KeptBut("unset, it is found out; it was `us-east-1`")),
    (
        "imds.autoConfigureHopLimit",
        KeptBut("the default is `false`, and only instances of selected nodes are changed"),
    ),
    ("imds.hopLimit", Kept),
    ("imds.aggressiveConfiguration", WithoutEffect("no instance is touched that no NodeENI selects")),
    (
        "cloudNativeAuth",
        WithoutEffect("credentials are found as every AWS program finds them; it meant nothing there either"),
    ),
    ("controller.maxConcurrentENICleanup", Kept),
    ("controller.maxConcurrentReconciles", Kept),
    (
        "controller.enableLeaderElection",
        KeptBut("`false` asks for `controller.replicas: 1`, since there are two"),
    ),
    ("controller.metricsAddr", Kept),
    ("controller.terminationGracePeriodSeconds", KeptBut("the default is 30")),
    ("eniManager.defaultMTU", KeptBut("it has its effect; it had none")),
    ("eniManager.checkInterval", KeptBut("the default is 60s: the kernel announces what changes")),
    ("eniManager.debug", WithoutEffect("`logLevel` says what to log; it meant nothing there either")),
    ("eniManager.eniPattern", WithoutEffect(BY_MAC)),
    ("eniManager.ignoreInterfaces", WithoutEffect(BY_MAC)),
    ("eniManager.useNetlink", WithoutEffect("netlink is always used")),
    (
        "eniManager.dpdk.enabled",
        KeptBut("the default is `false`, and it changes nothing on a node that no NodeENI asks DPDK of"),
    ),
    ("eniManager.dpdk.driver", WithoutEffect(BY_SLOT)),
    ("eniManager.dpdk.bindingScript", WithoutEffect("no script is run")),
    (
        "eniManager.dpdk.sriovDPConfigPath",
        WithoutEffect(
            "`nodeAgent.sriovConfig` has another plugin's configuration written, and devices offered by nobody else",
        ),
    ),
    ("eniManager.dpdk.resourceNames", WithoutEffect(BY_SLOT)),
    ("resources.controller", KeptBut("the defaults are what is used")),
    ("resources.manager", KeptBut("the defaults are what is used")),
    ("nodeSelector", KeptBut("the default is empty; a node with ENIs always has its agent")),
    ("securityContext", Kept),
    ("serviceAccount.create", KeptBut("agents have an account of their own, `nodeAgent.serviceAccount`")),
    ("serviceAccount.name", Kept),
    ("serviceAccount.annotations", Kept),
    ("rbac.create", Kept),
    ("podAnnotations", Kept),
    ("podLabels", Kept),
    ("tolerations", KeptBut("the default is all taints")),
    ("affinity", Kept),
    ("metrics.enabled", Kept),
    ("metrics.port", WithoutEffect("the port is that of `controller.metricsAddr`")),
    ("metrics.service.type", Kept),
    ("metrics.service.port", Kept),
    ("logLevel", KeptBut("it has its effect; it had none")),
    ("nameOverride", WithoutEffect(FIXED)),
    ("fullnameOverride", WithoutEffect(FIXED)),
];

/// Those that are accepted and mean nothing, and why.
pub(super) fn without_effect() -> impl Iterator<Item = (&'static str, &'static str)> {
    REFERENCE.iter().filter_map(|(path, became)| match became {
        WithoutEffect(why) => Some((*path, *why)),
        Kept | KeptBut(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::values::all;

    #[test]
    fn what_is_kept_is_there_and_what_is_without_effect_is_not() {
        for (path, became) in REFERENCE {
            let there = all().iter().any(|setting| setting.path == *path);
            assert_eq!(there, !matches!(became, WithoutEffect(_)), "{path}");
        }
    }
}
