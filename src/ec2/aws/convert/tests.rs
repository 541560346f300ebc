use aws_sdk_ec2::types::{
    GroupIdentifier, InstanceNetworkInterface, InstanceNetworkInterfaceAttachment, NetworkCardInfo,
    NetworkInfo, NetworkInterface, NetworkInterfaceAttachment, NetworkInterfacePrivateIpAddress, Placement,
    Tag,
};

use super::*;

const ENI: &str = "eni-0123456789abcdef0";
const INSTANCE: &str = "i-0123456789abcdef0";

fn listed() -> sdk::builders::NetworkInterfaceBuilder {
    NetworkInterface::builder()
        .network_interface_id(ENI)
        .subnet_id("subnet-0123abcd")
        .vpc_id("vpc-0123abcd")
        .availability_zone("eu-central-1a")
        .mac_address("0A:1B:2C:3D:4E:5F")
        .private_ip_address("10.0.1.4")
        .status(NetworkInterfaceStatus::Available)
}

fn attached() -> sdk::builders::NetworkInterfaceAttachmentBuilder {
    NetworkInterfaceAttachment::builder()
        .attachment_id("eni-attach-0123abcd")
        .instance_id(INSTANCE)
        .device_index(2)
        .network_card_index(1)
        .status(AttachmentStatus::Attached)
}

fn in_use(attachment: NetworkInterfaceAttachment) -> Eni {
    eni(listed().status(NetworkInterfaceStatus::InUse).attachment(attachment).build()).unwrap()
}

#[test]
fn an_eni_is_told_with_all_that_we_need() {
    let group = |id: &str| GroupIdentifier::builder().group_id(id).build();
    let address = |ip: &str, primary| {
        NetworkInterfacePrivateIpAddress::builder().private_ip_address(ip).primary(primary).build()
    };
    let told = listed()
        .groups(group("sg-0bbbbbbb"))
        .groups(group("sg-0aaaaaaa"))
        .private_ip_addresses(address("10.0.1.4", true))
        .private_ip_addresses(address("10.0.1.9", false))
        .private_ip_addresses(address("10.0.1.5", false))
        .description("ours")
        .source_dest_check(false)
        .tag_set(Tag::builder().key("Name").value("n").build());
    let told = eni(told.build()).unwrap();
    assert_eq!((told.id.as_str(), told.zone.as_str()), (ENI, "eu-central-1a"));
    assert_eq!(told.mac, "0a:1b:2c:3d:4e:5f");
    assert_eq!(told.private_ip, Some([10, 0, 1, 4].into()));
    assert_eq!(told.secondary_private_ips, ["10.0.1.9", "10.0.1.5"]);
    assert_eq!(
        told.groups.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["sg-0aaaaaaa", "sg-0bbbbbbb"]
    );
    assert_eq!((told.description.as_str(), told.source_dest_check), ("ours", false));
    assert_eq!(told.tags["Name"], "n");
    assert!(told.available && told.attachment.is_none());
}

#[test]
fn an_attachment_is_told_with_its_position() {
    let told = in_use(attached().delete_on_termination(true).build()).attachment.unwrap();
    assert_eq!((told.id.as_str(), told.instance.as_str()), ("eni-attach-0123abcd", INSTANCE));
    assert_eq!((told.at, told.state), (Position { card: 1, device: 2 }, AttachmentState::Attached));
    assert!(told.delete_on_termination);
}

#[test]
fn a_word_of_tomorrow_is_one_to_wait_for() {
    assert_eq!(attachment_state(Some(&"reattaching".into())), AttachmentState::Unsettled);
    assert_eq!(attachment_state(None), AttachmentState::Unsettled);
    assert_eq!(instance_state(&"hibernating".into()), InstanceState::Pending);
    for status in ["pending", "associated", "attaching", "detaching", "in-use", "reserved"] {
        assert!(!eni(listed().status(status.into()).build()).unwrap().available, "{status}");
    }
}

#[test]
fn what_is_detached_hangs_on_nothing() {
    let detached = attached().status(AttachmentStatus::Detached).build();
    let told = eni(listed().attachment(detached.clone()).build()).unwrap();
    assert!(told.available && told.attachment.is_none());
    assert!(!in_use(detached).available, "EC2 has not let go of it");
}

#[test]
fn an_eni_that_hangs_on_no_instance_is_left_alone() {
    let elsewhere =
        NetworkInterfaceAttachment::builder().attachment_id("ela-attach-0123abcd").device_index(1);
    let told = eni(listed().attachment(elsewhere.build()).build()).unwrap();
    assert!(!told.available && told.attachment.is_none());
}

#[test]
fn what_is_missing_is_named() {
    let without_id = NetworkInterface::builder().build();
    assert_eq!(eni(without_id), Err(Unusable::missing("an ENI", "networkInterfaceId")));
    let without_mac = listed().mac_address("").build();
    assert_eq!(eni(without_mac).unwrap_err().to_string(), format!("{ENI}: macAddress is missing"));
    let without_index = attached().set_device_index(None).build();
    let without_index = listed().attachment(without_index).build();
    assert_eq!(eni(without_index), Err(Unusable::missing(ENI, "deviceIndex")));
    assert_eq!(attachment_id(None, ENI), Err(Unusable::missing(ENI, "attachmentId")));
}

#[test]
fn what_is_unreadable_is_named() {
    let odd = eni(listed().subnet_id("net-1").build()).unwrap_err().to_string();
    assert!(odd.starts_with(&format!("{ENI}: subnetId is unreadable: \"net-1\"")), "{odd}");
    assert!(eni(listed().private_ip_address("10.0.1").build()).is_err());
}

#[test]
fn an_eni_without_ipv4_has_no_private_ip() {
    let told = eni(listed().set_private_ip_address(None).build()).unwrap();
    assert_eq!(told.private_ip, None);
}

fn running() -> sdk::builders::InstanceBuilder {
    sdk::Instance::builder()
        .instance_id(INSTANCE)
        .instance_type(sdk::InstanceType::M5Large)
        .state(sdk::InstanceState::builder().name(InstanceStateName::Running).build())
        .placement(Placement::builder().availability_zone("eu-central-1a").build())
}

fn on_instance(device: i32, status: AttachmentStatus) -> InstanceNetworkInterface {
    let attachment =
        InstanceNetworkInterfaceAttachment::builder().device_index(device).status(status).build();
    InstanceNetworkInterface::builder().network_interface_id(ENI).attachment(attachment).build()
}

#[test]
fn an_instance_is_told_with_the_positions_that_are_held() {
    let told = running()
        .vpc_id("vpc-0123abcd")
        .subnet_id("subnet-0123abcd")
        .network_interfaces(on_instance(0, AttachmentStatus::Attached))
        .network_interfaces(on_instance(1, AttachmentStatus::Attaching))
        .network_interfaces(on_instance(2, AttachmentStatus::Detaching))
        .network_interfaces(on_instance(3, AttachmentStatus::Detached))
        .build();
    let told = instance(told).unwrap();
    assert_eq!((told.instance_type.as_str(), told.state), ("m5.large", InstanceState::Running));
    let held: Vec<_> = told.held.iter().map(|held| held.at).collect();
    assert_eq!(held, [0, 1, 2].map(|device| Position { card: 0, device }));
}

#[test]
fn an_instance_that_is_gone_stands_nowhere() {
    let gone = sdk::InstanceState::builder().name(InstanceStateName::ShuttingDown).build();
    let told = instance(running().state(gone).vpc_id("").build()).unwrap();
    assert_eq!((told.state, told.vpc, told.subnet), (InstanceState::Terminated, None, None));
    let stateless = running().set_state(None).build();
    assert_eq!(instance(stateless), Err(Unusable::missing(INSTANCE, "instanceState")));
}

fn kind(network: sdk::builders::NetworkInfoBuilder) -> sdk::InstanceTypeInfo {
    let network = network.ipv4_addresses_per_interface(10).ipv6_addresses_per_interface(0);
    sdk::InstanceTypeInfo::builder()
        .instance_type(sdk::InstanceType::M5Large)
        .network_info(network.build())
        .build()
}

#[test]
fn a_type_is_told_card_by_card() {
    let card = |index, enis| {
        NetworkCardInfo::builder().network_card_index(index).maximum_network_interfaces(enis).build()
    };
    let told =
        instance_type(kind(NetworkInfo::builder().network_cards(card(1, 8)).network_cards(card(0, 7))));
    let cards = told.unwrap().cards;
    assert_eq!(cards, [Card { index: 0, max_enis: 7 }, Card { index: 1, max_enis: 8 }]);
    let told = instance_type(kind(NetworkInfo::builder().maximum_network_interfaces(3))).unwrap();
    assert_eq!((told.name.as_str(), told.ipv4_addresses_per_eni), ("m5.large", 10));
    assert_eq!(told.cards, [Card { index: 0, max_enis: 3 }]);
    assert!(instance_type(kind(NetworkInfo::builder())).is_err());
}

#[test]
fn a_subnet_is_told_with_its_name_and_room() {
    let listed = sdk::Subnet::builder()
        .subnet_id("subnet-0123abcd")
        .vpc_id("vpc-0123abcd")
        .availability_zone("eu-central-1a")
        .cidr_block("10.0.1.0/24")
        .tags(Tag::builder().key("Name").value("tenant-a").build());
    let told = subnet(listed.clone().available_ip_address_count(250).build()).unwrap();
    assert_eq!((told.name.as_deref(), told.free_addresses), (Some("tenant-a"), 250));
    assert_eq!(subnet(listed.available_ip_address_count(-9).build()).unwrap().free_addresses, 0);
}

#[test]
fn a_group_has_two_names() {
    let listed = sdk::SecurityGroup::builder()
        .group_id("sg-0123abcd")
        .group_name("data")
        .vpc_id("vpc-0123abcd")
        .tags(Tag::builder().key("Name").value("Data plane").build());
    let told = security_group(listed.build()).unwrap();
    assert_eq!((told.group_name.as_str(), told.name.as_deref()), ("data", Some("Data plane")));
}
