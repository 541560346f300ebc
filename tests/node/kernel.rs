//! The kernel's answers, as they come through netlink.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eni_operator::host::{Host, Linux, Places};
use eni_operator::model::{HostError, HostView, LinkChange};

use crate::netns::{NetNs, obtainable};

/// Dumps of links while they come and go.
const DUMPS: usize = 300;

/// Does something with a namespace as the agent sees it.
fn with_host<T: Send + 'static>(ns: &NetNs, what: impl AsyncFnOnce(&Linux) -> T + Send + 'static) -> T {
    ns.within(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let nowhere = || "nowhere".into();
        let places = Places {
            sysfs: nowhere(),
            dev: nowhere(),
            udev: nowhere(),
            networkd: None,
            resolvers: nowhere(),
        };
        runtime.block_on(async { what(&Linux::new(places)).await })
    })
}

fn index(view: &HostView, name: &str) -> u32 {
    view.links.iter().find(|link| link.name == name).unwrap().index
}

#[test]
fn a_refusal_has_the_kernels_number_and_words() {
    if !obtainable() {
        return;
    }
    let ns = NetNs::new();
    ns.ip("link add one type veth peer name two");
    let (range, refusals) = with_host(&ns, async |host| {
        let view = host.look().await.unwrap();
        let index = index(&view, "one");
        let link = view.links.iter().find(|link| link.index == index).unwrap();
        let too_much = LinkChange::Set { index, mtu: Some(70_000), up: None };
        let gone = LinkChange::Set { index: 9_999, mtu: Some(1_400), up: None };
        let names = ["two".to_owned()].into();
        let taken = LinkChange::AddNames { index, names };
        let mut refusals: Vec<HostError> = vec![];
        for change in [too_much, gone, taken] {
            refusals.push(host.change(&change).await.unwrap_err());
        }
        ((link.min_mtu, link.max_mtu), refusals)
    });
    assert_eq!(range, (68, 65_535));
    let told: Vec<String> =
        refusals.iter().map(|error| format!("{:?} {}", error.code, error.message)).collect();
    assert!(told[0].starts_with("Some(22) mtu greater than device maximum"), "{told:?}");
    assert!(told[1].starts_with("Some(19) "), "{told:?}");
    assert!(told[2].starts_with("Some(17) "), "{told:?}");
}

#[test]
fn a_dump_is_whole_though_links_come_and_go_while_it_is_made() {
    if !obtainable() {
        return;
    }
    let ns = NetNs::new();
    let stays: Vec<String> = (0..40).map(|number| format!("stays{number}")).collect();
    for name in &stays {
        ns.ip(&format!("link add {name} type veth peer name x{name}"));
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let lines: Vec<String> = (0..200)
        .flat_map(|_| ["link add comes type veth peer name goes".to_owned(), "link del comes".to_owned()])
        .collect();
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let churn = std::thread::spawn({
        let (name, path, over) = (ns.name.clone(), file.path().to_owned(), over.clone());
        move || {
            while !over.load(Ordering::SeqCst) {
                let mut batch = std::process::Command::new("ip");
                assert!(batch.args(["-n", &name, "-batch"]).arg(&path).status().unwrap().success());
            }
        }
    });
    let wanted = stays.clone();
    let whole = with_host(&ns, async move |host| {
        for _ in 0..DUMPS {
            let view = host.look().await.unwrap();
            for name in &wanted {
                let count = view.links.iter().filter(|link| link.name == *name).count();
                assert_eq!(count, 1, "{name}");
            }
        }
        true
    });
    over.store(true, Ordering::SeqCst);
    churn.join().unwrap();
    assert!(whole);
}
