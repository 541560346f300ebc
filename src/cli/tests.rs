//! What the command line takes, and what it says of what it does not take.

use clap::Arg;

use super::*;

fn parse(line: &str) -> Result<Cli, String> {
    Cli::from(line.split_whitespace().map(OsString::from)).map_err(|error| error.to_string())
}

/// The arguments of `controller`, whatever the features are.
fn controller(line: &str) -> Result<ControllerArgs, String> {
    let command = without_empty_variables(ControllerArgs::augment_args(clap::Command::new("controller")));
    let args = ["controller"].into_iter().chain(line.split_whitespace());
    let matches = command.try_get_matches_from(args).map_err(|error| error.to_string())?;
    ControllerArgs::from_arg_matches(&matches).map_err(|error| error.to_string())
}

/// The arguments of `node-agent`, likewise.
fn node_agent(line: &str) -> Result<NodeAgentArgs, String> {
    let command = without_empty_variables(NodeAgentArgs::augment_args(clap::Command::new("node-agent")));
    let args = ["node-agent"].into_iter().chain(line.split_whitespace());
    let matches = command.try_get_matches_from(args).map_err(|error| error.to_string())?;
    NodeAgentArgs::from_arg_matches(&matches).map_err(|error| error.to_string())
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
    NodeAgentArgs::augment_args(clap::Command::new("node-agent")).debug_assert();
    ControllerArgs::augment_args(clap::Command::new("controller")).debug_assert();
}

/// Values that no flag of the controller takes, and some for every flag.
const BAD: &[&str] = &[
    "--cluster-id=",
    "--cluster-id=a,b",
    "--region=",
    "--region=frankfurt",
    "--region=eu-central",
    "--region=eu-central-1a",
    "--region=EU-central-1",
    "--metrics-addr=8080",
    "--metrics-addr=:65536",
    "--metrics-addr=nowhere:80",
    "--require-node-agent=maybe",
    "--listing-lag-seconds=0",
    "--listing-lag-seconds=3601",
    "--listing-lag-seconds=1m",
    "--leader-elect=2",
    "--lease-namespace=",
    "--lease-namespace=Kube",
    "--lease-namespace=-a",
    "--identity=",
    "--max-concurrent-reconciles=0",
    "--max-concurrent-reconciles=101",
    "--max-concurrent-instances=0",
    "--max-concurrent-instances=10001",
    "--max-concurrent-eni-cleanup=0",
    "--api-share=0",
    "--api-share=1.5",
    "--api-limits=AttachNetworkInterface",
    "--api-limits=Attach=1/1",
    "--imds-auto-configure-hop-limit=1",
    "--imds-hop-limit=0",
    "--imds-hop-limit=65",
    "--sweep-period-seconds=9",
    "--sweep-brake=101",
    "--sweep-deletions=-1",
    "--orphan-min-age-seconds=59",
];

/// Likewise of the node agent.
const BAD_ON_NODES: &[&str] = &[
    "--node-name=",
    "--node-name=Node",
    "--node-name=-a",
    "--node-ip=10.0.0.256",
    "--node-ip=10.0.0.1,node",
    "--primary-interface=a/b",
    "--default-mtu=127",
    "--default-mtu=9002",
    "--default-mtu=jumbo",
    "--interface-mtus=eth1",
    "--interface-mtus=eth1:9002",
    "--interface-mtus=eth1:1500,eth1:1500",
    "--interface-mtus=:1500",
    "--interface-up-timeout=0",
    "--interface-up-timeout=0s",
    "--interface-up-timeout=2",
    "--check-interval=0",
    "--check-interval=0s",
    "--check-interval=-1s",
    "--check-interval=25h",
    "--metrics-addr=19476",
    "--bind-devices=maybe",
    "--allow-unsafe-no-iommu=2",
    "--use-netlink=2",
    "--debug=perhaps",
];

#[test]
fn a_bad_value_is_refused_with_the_name_of_its_flag() {
    for line in BAD {
        let flag = line.split('=').next().unwrap();
        let error = controller(line).expect_err(line);
        assert!(error.contains(flag), "{line}: {error}");
    }
    for line in BAD_ON_NODES {
        let flag = line.split('=').next().unwrap();
        let error = node_agent(line).expect_err(line);
        assert!(error.contains(flag), "{line}: {error}");
    }
    for line in [
        "--log-format=xml crd-gen",
        "--dev-mode=perhaps crd-gen",
        "crd-gen --kind=Node",
        "load-modules --modules=../x",
        "load-modules --modules=",
    ] {
        let flag = line.split(['=', ' ']).find(|word| word.starts_with("--")).unwrap();
        assert!(parse(&format!("eni-operator {line}")).expect_err(line).contains(flag), "{line}");
    }
}

#[test]
fn every_flag_is_among_those_whose_bad_values_are_tried() {
    let controller = ControllerArgs::augment_args(clap::Command::new("controller"));
    let agent = NodeAgentArgs::augment_args(clap::Command::new("node-agent"));
    // Whether a file or a folder is there is seen when it is used, and what has no effect may be anything.
    let free = [
        "help",
        "kubeconfig",
        "state-dir",
        "sysfs-dir",
        "dev-dir",
        "device-plugin-dir",
        "pod-resources-socket",
        "device-info-dir",
        "sriov-config",
        "udev-dir",
        "networkd-dir",
        "resolv-conf",
    ];
    let free = [&free[..], &["eni-pattern", "ignore-interfaces"]].concat();
    for (command, bad) in [(controller, BAD), (agent, BAD_ON_NODES)] {
        let tried: Vec<&str> = bad.iter().map(|line| line.split('=').next().unwrap()).collect();
        for flag in command.get_arguments().filter_map(Arg::get_long) {
            assert!(free.contains(&flag) || tried.contains(&format!("--{flag}").as_str()), "{flag}");
        }
    }
}

#[test]
fn the_references_agent_flags_are_taken_and_those_without_effect_are_named() {
    let args = node_agent(
        "--check-interval=30s --primary-interface=eth0 --debug --eni-pattern=^([ --use-netlink=false \
         --ignore-interfaces=tunl0,gre0 --interface-mtus=eth1:9001,eth2:1500 --interface-up-timeout=2s",
    )
    .unwrap();
    assert_eq!((args.check_interval.as_secs(), args.primary_interface.as_str()), (30, "eth0"));
    assert_eq!(args.interface_mtus.0.get("eth2"), Some(&1500));
    let named: Vec<&str> = args.without_effect().iter().map(|(flag, _)| *flag).collect();
    assert_eq!(named, ["--eni-pattern", "--ignore-interfaces", "--use-netlink", "--debug"]);
    assert!(node_agent("").unwrap().without_effect().is_empty());
    let time = |text: &str| node_agent(&format!("--check-interval={text}")).unwrap().check_interval;
    assert_eq!(
        (time("1m30s").as_secs(), time("1.5s").as_millis(), time("500ms").as_millis()),
        (90, 1500, 500)
    );
}

#[test]
fn values_of_the_usual_kinds_are_taken() {
    for region in ["eu-central-1", "us-gov-west-1", "us-iso-east-1", "ap-southeast-7", "eusc-de-east-1"] {
        assert_eq!(controller(&format!("--region={region}")).unwrap().region.as_deref(), Some(region));
    }
    let args =
        controller("--enable-leader-election --imds-auto-configure-hop-limit --metrics-addr 0").unwrap();
    assert!(args.leader_elect && args.imds_auto_configure_hop_limit);
    assert_eq!((args.metrics_addr, args.imds_hop_limit), (ListenAddress(None), 2));
    let address = controller("--metrics-addr=:8081").unwrap().metrics_addr;
    assert_eq!(address, ListenAddress(Some(([0, 0, 0, 0], 8081).into())));
}

#[test]
fn text_is_logged_in_the_references_dev_mode_unless_a_format_is_asked_for() {
    let format = |line: &str| parse(&format!("eni-operator crd-gen {line}")).unwrap().format();
    assert_eq!(format(""), None);
    assert_eq!(format("--dev-mode"), Some(LogFormat::Text));
    assert_eq!(format("--dev-mode=false"), Some(LogFormat::Json));
    assert_eq!(format("--dev-mode --log-format=json"), Some(LogFormat::Json));
}

#[test]
fn a_command_line_of_the_references_image_means_the_component() {
    let command = Cli::command();
    let meant = |line: &str, component: Option<&str>| {
        let args = line.split_whitespace().map(OsString::from).collect();
        let args = with_subcommand(args, &command, component.map(OsStr::new));
        args.into_iter().map(|arg| arg.into_string().unwrap()).collect::<Vec<_>>().join(" ")
    };
    let controller = "manager controller --metrics-addr=:8080 --enable-leader-election";
    assert_eq!(meant("manager --metrics-addr=:8080 --enable-leader-election", None), controller);
    assert_eq!(meant("manager", Some("eni-manager")), "manager node-agent");
    assert_eq!(meant("manager", Some("eni-controller")), "manager controller");
    for line in
        ["eni-operator", "eni-operator --help", "eni-operator crd-gen", "eni-operator --log x crd-gen"]
    {
        assert_eq!(meant(line, None), line);
    }
}

#[test]
fn no_variable_is_read_twice_and_each_flag_has_one() {
    let controller = ControllerArgs::augment_args(clap::Command::new("controller"));
    let agent = NodeAgentArgs::augment_args(clap::Command::new("node-agent"));
    // kube reads KUBECONFIG itself, which can be a list; and what has no effect is a flag or a variable.
    let bare = ["help", "version", "kubeconfig", "eni-pattern", "ignore-interfaces", "use-netlink", "debug"];
    for (command, accepted) in [(controller, WITHOUT_EFFECT), (agent, WITHOUT_EFFECT_ON_NODES)] {
        let global = Cli::command();
        let args: Vec<&Arg> = global
            .get_arguments()
            .chain(command.get_arguments())
            .filter(|arg| arg.get_long().is_some())
            .collect();
        let read: Vec<&str> = args.iter().filter_map(|arg| arg.get_env()?.to_str()).collect();
        let mut all: Vec<&str> =
            read.iter().copied().chain(accepted.iter().map(|one| one.variable)).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "a variable has two meanings");
        let mut without = args.iter().filter(|arg| arg.get_env().is_none()).filter_map(|arg| arg.get_long());
        assert!(without.all(|flag| bare.contains(&flag)));
    }
}

#[test]
fn the_document_has_every_flag_and_every_variable() {
    let text = document();
    let controller = ControllerArgs::augment_args(clap::Command::new("controller"));
    let agent = NodeAgentArgs::augment_args(clap::Command::new("node-agent"));
    for arg in controller.get_arguments().chain(agent.get_arguments()) {
        for name in arg.get_long().into_iter().chain(arg.get_visible_aliases().into_iter().flatten()) {
            assert!(name == "help" || text.contains(&format!("`--{name}`")), "{name}");
        }
        let variable = arg.get_env().map(|name| name.to_str().unwrap());
        assert!(variable.is_none_or(|name| text.contains(&format!("`{name}`"))), "{variable:?}");
    }
    let accepted = WITHOUT_EFFECT.iter().chain(WITHOUT_EFFECT_ON_NODES);
    assert!(accepted.into_iter().all(|one| text.contains(&format!("`{}`", one.variable))));
}

#[test]
fn a_limit_that_is_none_is_refused_by_its_flags_name() {
    let refused = |line: &str, flag: &str| {
        let error = controller(line).expect_err(line);
        assert!(error.contains(flag), "{error}");
    };
    for share in ["0", "-0.5", "1.01", "NaN", "half", ""] {
        refused(&format!("--api-share={share}"), "--api-share");
    }
    for limits in [
        "AttachNetworkInterface",
        "AttachNetworkInterface=5",
        "AttachNetworkInterface=0/5",
        "AttachNetworkInterface=5/0",
        "AttachNetworkInterface=5/inf",
        "RunInstances=5/2",
        "DeleteTags=1/1,DeleteTags=2/2",
    ] {
        refused(&format!("--api-limits={limits}"), "--api-limits");
    }
    refused("--max-concurrent-eni-cleanup=0", "--max-concurrent-eni-cleanup");
}
