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

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
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

#[test]
fn a_bad_value_is_refused_with_the_name_of_its_flag() {
    for line in BAD {
        let flag = line.split('=').next().unwrap();
        let error = controller(line).expect_err(line);
        assert!(error.contains(flag), "{line}: {error}");
    }
    for line in ["--log-format=xml crd-gen", "--dev-mode=perhaps crd-gen", "crd-gen --kind=Node"] {
        let flag = line.split(['=', ' ']).find(|word| word.starts_with("--")).unwrap();
        assert!(parse(&format!("eni-operator {line}")).expect_err(line).contains(flag), "{line}");
    }
}

#[test]
fn every_flag_of_the_controller_is_among_those_whose_bad_values_are_tried() {
    let tried: Vec<&str> = BAD.iter().map(|line| line.split('=').next().unwrap()).collect();
    let command = ControllerArgs::augment_args(clap::Command::new("controller"));
    for flag in command.get_arguments().filter_map(Arg::get_long) {
        // Whether a file is there is seen when it is read.
        let free = ["help", "kubeconfig"].contains(&flag);
        assert!(free || tried.contains(&format!("--{flag}").as_str()), "{flag}");
    }
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
    let global = Cli::command();
    let controller = ControllerArgs::augment_args(clap::Command::new("controller"));
    let args =
        || global.get_arguments().chain(controller.get_arguments()).filter(|arg| arg.get_long().is_some());
    let read: Vec<&str> = args().filter_map(|arg| arg.get_env()?.to_str()).collect();
    let ignored = WITHOUT_EFFECT.iter().map(|one| one.variable);
    let mut all: Vec<&str> = read.iter().copied().chain(ignored).collect();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "a variable has two meanings");
    // kube reads KUBECONFIG itself, which can be a list.
    let bare = args().filter(|arg| arg.get_env().is_none()).filter_map(Arg::get_long).collect::<Vec<_>>();
    assert_eq!(
        bare,
        ["help", "version", "kubeconfig"].into_iter().filter(|name| bare.contains(name)).collect::<Vec<_>>()
    );
}

#[test]
fn the_document_has_every_flag_and_every_variable() {
    let text = document();
    let controller = ControllerArgs::augment_args(clap::Command::new("controller"));
    for arg in controller.get_arguments() {
        for name in arg.get_long().into_iter().chain(arg.get_visible_aliases().into_iter().flatten()) {
            assert!(name == "help" || text.contains(&format!("`--{name}`")), "{name}");
        }
        let variable = arg.get_env().map(|name| name.to_str().unwrap());
        assert!(variable.is_none_or(|name| text.contains(&format!("`{name}`"))), "{variable:?}");
    }
    assert!(WITHOUT_EFFECT.iter().all(|one| text.contains(&format!("`{}`", one.variable))));
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
