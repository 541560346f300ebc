//! The manifest that is applied: an example, as it is.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use eni_operator::api::NodeENI;
use kube::ResourceExt;

use crate::repo;

/// The example, from the root of the repository. The region is made for it.
pub(super) const EXAMPLE: &str = "examples/multi-zone.yaml";

/// Reads the example.
pub(super) fn example() -> Result<NodeENI> {
    let text = fs::read_to_string(repo::at(Path::new(EXAMPLE))).with_context(|| format!("read {EXAMPLE}"))?;
    let node_eni: NodeENI =
        serde_yaml::from_str(&text).with_context(|| format!("read {EXAMPLE} as a NodeENI"))?;
    let subnets = node_eni.spec.subnet_names.as_ref().map_or(0, Vec::len);
    ensure!(
        (1..=4).contains(&subnets),
        "{EXAMPLE} has {subnets} subnetNames: the demonstration takes 1 to 4"
    );
    ensure!(node_eni.spec.node_selector.is_some(), "{EXAMPLE} has no nodeSelector to give to the nodes");
    Ok(node_eni)
}

/// How many ENIs the example asks for on each node.
pub(super) fn enis_per_node(example: &NodeENI) -> usize {
    example.spec.subnet_names.as_ref().map_or(0, Vec::len)
}

/// What can be typed while it is up.
pub(super) fn hints(example: &NodeENI, kubeconfig: &Path, ec2: &str) -> String {
    let (name, kubeconfig) = (example.name_any(), kubeconfig.display());
    format!(
        "
It stays up until Ctrl-C. In another terminal, in this folder:

  export KUBECONFIG={kubeconfig}
  kubectl get neni                             # desired, attached, ready
  kubectl get nenia -o wide                    # one per ENI
  kubectl describe neni {name}
  kubectl label node eni-demo-1 ng-            # its ENIs go
  kubectl label node eni-demo-1 ng=multi-eni   # and come back
  kubectl delete neni {name}
  kubectl apply -f {EXAMPLE}
  curl -s {ec2}/_sim/stats                     # every EC2 call
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_asks_for_enis_by_names() {
        let example = example().unwrap();
        assert_eq!(enis_per_node(&example), 2);
        assert!(example.spec.security_group_names.is_some_and(|names| !names.is_empty()));
    }
}
