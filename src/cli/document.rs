//! The flags and variables, as a document.

use std::fmt::Write as _;

use clap::{Arg, Args, CommandFactory};

use super::{
    Cli, ControllerArgs, CrdGenArgs, DrainArgs, LoadModulesArgs, NodeAgentArgs, WITHOUT_EFFECT,
    WITHOUT_EFFECT_ON_NODES,
};

/// What is read by libraries rather than by the operator.
const OF_LIBRARIES: &[(&str, &str)] = &[
    ("KUBECONFIG", "files that say how to reach the API server, outside a pod; `--kubeconfig` names one"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN", "credentials by IRSA; EKS sets them in the pod"),
    (
        "AWS_CONTAINER_CREDENTIALS_FULL_URI, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "credentials by EKS Pod Identity; EKS sets them in the pod",
    ),
    ("AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN", "credentials by the environment"),
    ("AWS_PROFILE, AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE", "credentials and region by a profile"),
    ("AWS_EC2_METADATA_DISABLED", "`true` to ask IMDS for neither credentials nor region"),
    ("AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_EC2", "another address than EC2's own"),
];

/// The document, in Markdown.
#[must_use]
pub fn document() -> String {
    let mut text = String::from(INTRODUCTION);
    let all = Cli::command();
    table(&mut text, "All commands", all.get_arguments());
    let controller = ControllerArgs::augment_args(clap::Command::new("controller"));
    table(&mut text, "controller", controller.get_arguments());
    let drain = DrainArgs::augment_args(clap::Command::new("drain"));
    table(&mut text, "drain", drain.get_arguments());
    let agent = NodeAgentArgs::augment_args(clap::Command::new("node-agent"));
    table(&mut text, "node-agent", agent.get_arguments());
    let modules = LoadModulesArgs::augment_args(clap::Command::new("load-modules"));
    table(&mut text, "load-modules", modules.get_arguments());
    let crd_gen = CrdGenArgs::augment_args(clap::Command::new("crd-gen"));
    table(&mut text, "crd-gen", crd_gen.get_arguments());
    text.push_str("\n## What libraries read\n\n| variable | what |\n|---|---|\n");
    for (variables, what) in OF_LIBRARIES {
        let names: Vec<String> = variables.split(", ").map(|name| format!("`{name}`")).collect();
        row(&mut text, &[names.join(", "), (*what).to_owned()]);
    }
    text.push_str("\n## Of the reference system, and without effect\n\n");
    text.push_str("They are accepted, and the log says so once. Its other variables are above.\n\n");
    for (command, accepted) in [("controller", WITHOUT_EFFECT), ("node-agent", WITHOUT_EFFECT_ON_NODES)] {
        let _ = write!(text, "### {command}\n\n| variable | why |\n|---|---|\n");
        for one in accepted {
            row(&mut text, &[format!("`{}`", one.variable), one.why.to_owned()]);
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

const INTRODUCTION: &str = "# Flags and variables

A flag goes before its variable. A variable that is set to nothing counts as not set. A value that cannot be
is refused at the start, with the name of its flag. Without a subcommand, `COMPONENT=eni-manager` means
`node-agent`, and anything else `controller`, as in the reference system's image.
";

/// One table of flags.
fn table<'a>(text: &mut String, title: &str, args: impl Iterator<Item = &'a Arg>) {
    // Writing to a string cannot fail.
    let _ = write!(text, "\n## {title}\n\n| flag | variable | default | what |\n|---|---|---|---|\n");
    for arg in args.filter(|arg| arg.get_long().is_some_and(|name| name != "help" && name != "version")) {
        let names = arg.get_long().into_iter().chain(arg.get_visible_aliases().into_iter().flatten());
        let flags: Vec<String> = names.map(|name| format!("`--{name}`")).collect();
        let variable = arg.get_env().map(|name| format!("`{}`", name.to_string_lossy()));
        let default: Vec<String> = arg
            .get_default_values()
            .iter()
            .filter(|value| !value.is_empty())
            .map(|value| format!("`{}`", value.to_string_lossy()))
            .collect();
        let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
        row(text, &[flags.join(", "), variable.unwrap_or_default(), default.join(" "), help]);
    }
}

/// One row.
fn row(text: &mut String, cells: &[String]) {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| cell.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|"))
        .collect();
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}
