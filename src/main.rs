//! The binary.

fn main() {
    for crd in eni_operator::api::crds() { println!("---\n{}", eni_operator::api::to_yaml(&crd).unwrap()); }
}
