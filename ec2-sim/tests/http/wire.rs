use std::io::Read;

use crate::server::Server;

#[test]
fn a_call_is_answered_in_ec2s_xml() {
    let (server, ids) = Server::seeded();
    let subnet = ids["subnets"]["s"].as_str().unwrap();
    let answer = server.call(&format!(
        "Action=CreateNetworkInterface&SubnetId={subnet}&Description=a+%26+b&ClientToken=t&\
         SecondaryPrivateIpAddressCount=1&TagSpecification.1.ResourceType=network-interface&\
         TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v"
    ));
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains(
        "<CreateNetworkInterfaceResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>"
    ));
    assert_eq!(answer.element("clientToken"), "t");
    assert_eq!(answer.element("description"), "a &amp; b");
    assert_eq!(answer.element("tagSet"), "<item><key>k</key><value>v</value></item>");
    assert_eq!(answer.element("privateIpAddressesSet").matches("<item>").count(), 2);
    assert_eq!(answer.element("groupName"), "default");
    assert!(!answer.body.contains("<attachment>"));
}

#[test]
fn an_eni_goes_on_and_off_over_http() {
    let (server, ids) = Server::seeded();
    let subnet = ids["subnets"]["s"].as_str().unwrap();
    let instance = ids["instances"]["node"].as_str().unwrap();
    let made = server.call(&format!("Action=CreateNetworkInterface&SubnetId={subnet}"));
    let eni = made.element("networkInterfaceId").to_owned();
    let attached = server.call(&format!(
        "Action=AttachNetworkInterface&NetworkInterfaceId={eni}&InstanceId={instance}&DeviceIndex=1"
    ));
    let attachment = attached.element("attachmentId").to_owned();
    assert_eq!(attached.element("networkCardIndex"), "0");
    let status = || {
        let found = server.call(&format!(
            "Action=DescribeNetworkInterfaces&Filter.1.Name=attachment.attachment-id&Filter.1.Value.1={attachment}"
        ));
        let place = found.element("attachment").to_owned();
        place.split_once("<status>").unwrap().1.split_once('<').unwrap().0.to_owned()
    };
    assert_eq!(status(), "attaching");
    server.wait(1500);
    assert_eq!(status(), "attached");
    let detached = server.call(&format!("Action=DetachNetworkInterface&AttachmentId={attachment}"));
    assert_eq!(detached.element("return"), "true");
    assert_eq!(status(), "detaching");
    server.wait(2000);
    let deleted = server.call(&format!("Action=DeleteNetworkInterface&NetworkInterfaceId={eni}"));
    assert_eq!(deleted.status, 200);
}

#[test]
fn a_refusal_has_its_code_and_its_status() {
    let server = Server::start(&[]);
    for (form, status, code) in [
        ("Action=Dance", 400, "InvalidAction"),
        ("Nothing=1", 400, "MissingAction"),
        ("Action=CreateNetworkInterface", 400, "MissingParameter"),
        ("Action=DescribeNetworkInterfaces&MaxResults=x", 400, "InvalidParameterValue"),
        ("Action=DescribeVpcs&DryRun=true", 412, "DryRunOperation"),
    ] {
        let answer = server.call(form);
        assert_eq!((answer.status, answer.element("Code")), (status, code));
        assert!(answer.body.contains("<Response><Errors><Error><Code>"));
        assert!(answer.body.contains("</Error></Errors><RequestID>"));
    }
}

#[test]
fn parameters_in_the_query_string_do_too() {
    let server = Server::start(&[]);
    let answer = server.send("GET", "/?Action=DescribeVpcs&Version=2016-11-15", "");
    assert_eq!(answer.element("vpcSet"), "");
}

#[test]
fn what_is_not_simulated_is_counted_or_refused() {
    let server = Server::start(&[]);
    assert_eq!(server.call("Action=DescribeVpcs&Shiny.1=x").status, 200);
    let stats = server.json("GET", "/_sim/stats", "");
    assert_eq!(stats["ignored_parameters"]["DescribeVpcs"]["Shiny"], 1);
    server.json("POST", "/_sim/settings", r#"{"strict_parameters": true}"#);
    assert_eq!(server.call("Action=DescribeVpcs&Shiny.1=x").element("Code"), "UnknownParameter");
}

#[test]
fn a_lost_answer_is_a_connection_that_closes_without_a_byte() {
    let (server, ids) = Server::seeded();
    let subnet = ids["subnets"]["s"].as_str().unwrap();
    let fault = r#"{"action": "CreateNetworkInterface", "nth": 1, "fault": {"kind": "lost"}}"#;
    server.json("POST", "/_sim/faults", fault);
    let mut bytes = Vec::new();
    let form = format!("Action=CreateNetworkInterface&SubnetId={subnet}");
    // Closed or reset, both are no answer.
    let _ = server.open("POST", "/", &form).read_to_end(&mut bytes);
    assert_eq!(bytes, b"");
    let state = server.json("GET", "/_sim/state", "");
    assert_eq!(state["enis"].as_object().unwrap().len(), 2);
}

#[test]
fn a_hung_call_keeps_its_connection_and_nobody_elses() {
    let server = Server::start(&[]);
    let fault = r#"[{"action": "DescribeVpcs", "limit": 1, "fault": {"kind": "hang"}}]"#;
    server.json("POST", "/_sim/faults", fault);
    let mut hung = server.open("POST", "/", "Action=DescribeVpcs");
    hung.set_read_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
    assert!(hung.read(&mut [0; 16]).is_err());
    assert_eq!(server.call("Action=DescribeVpcs").status, 200);
    assert_eq!(server.end(), Some(0));
}

#[test]
fn an_injected_error_comes_with_its_status() {
    let server = Server::start(&[]);
    let fault = r#"{"action": "*", "fault": {"kind": "error", "code": "Unavailable", "status": 503}}"#;
    server.json("POST", "/_sim/faults", fault);
    let answer = server.call("Action=DescribeVpcs");
    assert_eq!((answer.status, answer.element("Code")), (503, "Unavailable"));
}
