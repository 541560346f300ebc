//! Many announcements, and how fast one is answered.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::agent::Node;

/// Announcements of a storm.
const EVENTS: usize = 20_000;

/// Devices that are plugged in one after the other, to measure.
const PLUGS: u32 = 200;

#[test]
fn announcements_that_are_lost_are_made_up_for_by_a_look() {
    let Some(mut node) = Node::new() else { return };
    // The least that the kernel grants.
    node.event_buffer = Some(4096);
    node.start();
    node.want("a", 6, "eth2", Some(9001));
    node.ns.ip("link add other type veth peer name rehto");
    let lines: Vec<String> = (0..EVENTS).map(|n| format!("link set other mtu {}", 1000 + n % 300)).collect();
    let file = node.folder.path().join("storm");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let mut storm = Command::new("ip");
    storm.args(["-n", &node.ns.name, "-batch"]).arg(&file);
    let mut storm = storm.stdout(Stdio::null()).spawn().unwrap();
    node.plug("ens6", 6);
    assert!(storm.wait().unwrap().success());
    node.until_ready("a");
    assert!(node.is_up("ens6", 9001) && node.answers("ens6", "eth2"));
    let told = node.metrics.render();
    let lost = told.lines().find(|line| line.contains("wakeups_total{cause=\"lost\"}"));
    println!("{lost:?}");
    assert!(lost.is_some(), "nothing was lost: {told}");
    node.want("b", 7, "eth3", Some(1300));
    node.plug("ens7", 7);
    node.until_ready("b");
}

/// When `ip monitor` says that something was announced, in microseconds of the day.
pub(crate) fn stamp(line: &str) -> Option<i64> {
    let time = line.strip_prefix('[')?.split(']').next()?.split('T').nth(1)?;
    let mut parts = time.split([':', '.']).map(|part| part.parse::<i64>().ok());
    let mut next = || parts.next().flatten();
    Some(((next()? * 60 + next()?) * 60 + next()?) * 1_000_000 + next()?)
}

#[test]
fn a_device_is_up_with_its_mtu_within_milliseconds_of_its_announcement() {
    let Some(node) = Node::with_agent() else { return };
    node.want("a", 6, "eth2", Some(9001));
    let mut monitor = Command::new("ip");
    monitor.args(["-n", &node.ns.name, "-ts", "-o", "monitor", "link"]).stdout(Stdio::piped());
    let mut monitor = monitor.spawn().unwrap();
    let mut lines = BufReader::new(monitor.stdout.take().unwrap()).lines().map_while(Result::ok);
    // The monitor listens when it has seen this.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..100 {
                node.ns.ip("link set lo mtu 65535");
                node.ns.ip("link set lo mtu 65536");
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        lines.next().unwrap();
    });
    let mut times: Vec<i64> = vec![];
    for plug in 0..PLUGS {
        let begun = Instant::now();
        node.plug(&format!("dev{plug}"), 6);
        let name = format!(" dev{plug}@");
        let mut came = None;
        for line in lines.by_ref() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{line}");
            if !line.contains(&name) {
                continue;
            }
            let at = stamp(&line).unwrap();
            let came = *came.get_or_insert(at);
            if line.contains(",UP") && line.contains("mtu 9001 ") {
                times.push(at - came);
                break;
            }
        }
        node.ns.ip(&format!("link del dev{plug}"));
        // The agent has seen it go, and has nothing to do.
        std::thread::sleep(Duration::from_millis(150));
    }
    let _ = monitor.kill();
    let _ = monitor.wait();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    println!("{} devices: median {} us, 99th {} us, longest {} us", times.len(), at(50), at(99), at(100));
    assert_eq!(times.len(), PLUGS as usize);
    assert!(at(50) <= 50_000 && at(99) <= 200_000);
}
