//! The real kubelet.

use xtask::nodes::Nodes;

#[test]
fn parts() {
    if !xtask::parts::has(xtask::nodes::obtainable()).unwrap() {
        return;
    }
    drop(Nodes::start().unwrap());
}
