use std::io::{BufRead, BufReader};

use serde_json::Value;

use crate::server::Server;

#[test]
fn faults_are_listed_counted_and_removed() {
    let server = Server::start(&[]);
    let rules = r#"[{"action": "DescribeVpcs", "fault": {"kind": "internal-error"}},
        {"action": "*", "probability": 0.5, "limit": 3, "fault": {"kind": "delay", "millis": 1}}]"#;
    let ids = server.json("POST", "/_sim/faults", rules);
    assert_eq!(server.call("Action=DescribeVpcs").status, 500);
    let listed = server.json("GET", "/_sim/faults", "");
    assert_eq!((&listed[0]["struck"], &listed[0]["fault"]["kind"]), (&1.into(), &"internal-error".into()));
    server.json("DELETE", &format!("/_sim/faults/{}", ids["ids"][0]), "");
    assert_eq!(server.send("DELETE", "/_sim/faults/77", "").status, 404);
    assert_eq!(server.call("Action=DescribeVpcs").status, 200);
    server.json("DELETE", "/_sim/faults", "");
    assert_eq!(server.json("GET", "/_sim/faults", ""), Value::Array(vec![]));
}

#[test]
fn a_rule_with_a_slip_is_refused() {
    let server = Server::start(&[]);
    for rule in [
        r#"{"action": "*", "probabilty": 1, "fault": {"kind": "lost"}}"#,
        r#"{"action": "*", "fault": {"kind": "lots"}}"#,
        r#"{"action": "*", "fault": {"kind": "delay"}}"#,
        "nonsense",
    ] {
        assert_eq!(server.send("POST", "/_sim/faults", rule).status, 400, "{rule}");
    }
}

#[test]
fn settings_change_one_by_one() {
    let server = Server::start(&[]);
    let changes = r#"{"attach_millis": 7, "throttle": {"enabled": true, "buckets":
        {"DescribeVpcs": {"capacity": 1, "refill": 0}}}}"#;
    let settings = server.json("POST", "/_sim/settings", changes);
    assert_eq!((&settings["attach_millis"], &settings["detach_millis"]), (&7.into(), &2000.into()));
    assert_eq!(server.call("Action=DescribeVpcs&Filter.1.Name=state&Filter.1.Value.1=x").status, 200);
    let second = server.call("Action=DescribeVpcs&Filter.1.Name=state&Filter.1.Value.1=x");
    assert_eq!((second.status, second.element("Code")), (503, "RequestLimitExceeded"));
    server.json("POST", "/_sim/settings", r#"{"throttle": {"buckets": {}}, "denied": ["DescribeVpcs"]}"#);
    assert_eq!(server.call("Action=DescribeVpcs").status, 403);
    assert_eq!(server.json("GET", "/_sim/settings", "")["attach_millis"], 7);
    assert_eq!(server.send("POST", "/_sim/settings", r#"{"attach": 7}"#).status, 400);
}

#[test]
fn the_clock_is_moved_or_moves_by_itself() {
    let server = Server::start(&[]);
    let start = server.json("GET", "/_sim/clock", "");
    assert_eq!(start["now"], "2026-01-01T00:00:00.000Z");
    server.wait(61_001);
    let now = server.json("GET", "/_sim/clock", "");
    assert_eq!((&now["now"], &now["mode"]), (&"2026-01-01T00:01:01.001Z".into(), &"manual".into()));
    server.json("POST", "/_sim/clock", r#"{"mode": "real"}"#);
    let moved = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(5));
        server.json("GET", "/_sim/clock", "")["now"] != now["now"]
    });
    assert!(moved);
}

#[test]
fn stats_count_by_action_and_outcome() {
    let server = Server::start(&[]);
    server.call("Action=DescribeVpcs");
    server.call("Action=DescribeVpcs&VpcId.1=vpc-01234567");
    let stats = server.json("GET", "/_sim/stats", "");
    assert_eq!(stats["calls"], 2);
    assert_eq!(stats["by_action"]["DescribeVpcs"]["ok"], 1);
    assert_eq!(stats["by_action"]["DescribeVpcs"]["InvalidVpcID.NotFound"], 1);
    server.json("DELETE", "/_sim/stats", "");
    assert_eq!(server.json("GET", "/_sim/stats", "")["calls"], 0);
}

#[test]
fn state_shows_everything_and_reset_clears_it() {
    let (server, ids) = Server::seeded();
    let subnet = ids["subnets"]["s"].as_str().unwrap();
    server.call(&format!("Action=CreateNetworkInterface&SubnetId={subnet}&ClientToken=tok"));
    let state = server.json("GET", "/_sim/state", "");
    let primary = &state["enis"][ids["primary_enis"]["node"].as_str().unwrap()];
    assert_eq!(primary["attachment"]["status"], "attached");
    assert_eq!(
        (&state["tokens"][0]["token"], &state["tokens"][0]["action"]),
        (&"tok".into(), &"CreateNetworkInterface".into())
    );
    assert_eq!(state["subnets"][subnet]["cidr"], "10.0.1.0/24");
    assert_eq!(state["subnets"][subnet]["free"], 249);
    server.json("POST", "/_sim/reset", "");
    assert_eq!(server.json("GET", "/_sim/state", "")["enis"], Value::Object(serde_json::Map::new()));
}

#[test]
fn events_come_as_they_happen() {
    let (server, ids) = Server::seeded();
    let subnet = ids["subnets"]["s"].as_str().unwrap();
    let stream = server.open("GET", "/_sim/events?from=1", "");
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap).filter(|line| line.starts_with('{'));
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap()).unwrap();
    let first: Vec<_> = (0..3).map(|_| next()["what"].clone()).collect();
    assert_eq!(first, ["created", "attaching", "attached"]);
    let made = server.call(&format!("Action=CreateNetworkInterface&SubnetId={subnet}"));
    let event = next();
    assert_eq!((&event["sequence"], &event["what"]), (&4.into(), &"created".into()));
    assert_eq!(event["eni_id"], made.element("networkInterfaceId"));
    let rest = server.send("GET", "/_sim/events?from=4&follow=false", "");
    assert_eq!(rest.body.lines().filter(|line| line.starts_with('{')).count(), 1);
}

#[test]
fn a_seed_that_does_not_fit_is_refused_in_words() {
    let server = Server::start(&[]);
    let answer = server.send("POST", "/_sim/seed", r#"{"instances": [{"subnet": "nowhere"}]}"#);
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("nowhere"), "{}", answer.body);
}

#[test]
fn the_process_ends_when_it_is_asked_to() {
    let (server, _) = Server::seeded();
    let _stream = server.open("GET", "/_sim/events", "");
    assert_eq!(server.end(), Some(0));
}
