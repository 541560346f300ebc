use std::collections::BTreeSet;

use clap::Args;
use eni_operator::cli::ControllerArgs;

use super::*;

/// The variables that a container sets, and their values by default.
fn environment(kind: &str) -> Vec<(String, Value)> {
    let parts = parts();
    let part = parts.iter().find(|part| part.object["kind"] == kind).unwrap();
    let manifest = part.manifest();
    let variables = manifest.pointer("/spec/template/spec/containers/0/env").unwrap().as_array().unwrap();
    variables.iter().map(|one| (one["name"].as_str().unwrap().to_owned(), one["value"].clone())).collect()
}

#[test]
fn controllers_variables_are_flags_and_their_defaults_are_those_of_the_chart() {
    let command = ControllerArgs::augment_args(clap::Command::new("controller"));
    for (name, value) in environment("Deployment") {
        if name == "ENI_LOG" {
            continue;
        }
        let flag = command
            .get_arguments()
            .find(|arg| arg.get_env().is_some_and(|env| env == name.as_str()))
            .unwrap_or_else(|| panic!("no flag reads {name}"));
        let default: Vec<_> =
            flag.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        if let Some(value) = value.as_str() {
            assert_eq!(default.first().map_or("", String::as_str), value, "{name}");
        }
    }
}

#[test]
fn every_flag_of_the_controller_with_a_variable_is_set_by_the_chart() {
    let set: BTreeSet<String> = environment("Deployment").into_iter().map(|(name, _)| name).collect();
    let command = ControllerArgs::augment_args(clap::Command::new("controller"));
    let missing: Vec<String> = command
        .get_arguments()
        .filter_map(|arg| arg.get_env())
        .map(|name| name.to_string_lossy().into_owned())
        // Left out by default: see there.
        .filter(|name| !set.contains(name) && name != "AWS_REGION")
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_value_is_used_and_no_other() {
    let text: String = parts().iter().map(|part| part.template().unwrap()).collect();
    let unused: Vec<&str> = values::all()
        .iter()
        .map(|setting| setting.path)
        .filter(|path| *path != "crds.install" && !text.contains(&format!(".Values.{path}")))
        .collect();
    assert_eq!(unused, Vec::<&str>::new());
    for (at, _) in text.match_indices(".Values.") {
        let path = text[at + ".Values.".len()..].split(|c: char| !c.is_alphanumeric() && c != '.').next();
        let path = path.unwrap();
        assert!(values::all().iter().any(|setting| setting.path == path), "no value {path}");
    }
}

#[test]
fn every_object_is_of_its_type() {
    for part in parts() {
        typed::check(&part.manifest()).unwrap();
    }
}

#[test]
fn agents_have_one_capability_and_controllers_none() {
    for (kind, added) in [("Deployment", Value::Null), ("DaemonSet", json!(["NET_ADMIN"]))] {
        let parts = parts();
        let part = parts.iter().find(|part| part.object["kind"] == kind).unwrap();
        let pod = part.manifest().pointer("/spec/template/spec").unwrap().clone();
        let context = &pod["containers"][0]["securityContext"];
        assert_eq!(context["capabilities"]["add"], added, "{kind}");
        assert_eq!(context["capabilities"]["drop"], json!(["ALL"]));
        assert_eq!(context["readOnlyRootFilesystem"], json!(true));
        assert_eq!(context["allowPrivilegeEscalation"], json!(false));
        assert_eq!(pod.get("hostPID"), None);
        assert_eq!(pod["hostNetwork"] == json!(true), kind == "DaemonSet");
    }
}

#[test]
fn what_alerts_and_panels_ask_for_is_told() {
    let told = std::fs::read_to_string(crate::repo::at("docs/metrics.md")).unwrap();
    let asked = rules::ALERTS.iter().map(|alert| alert.expression).chain(dashboard::expressions());
    for expression in asked {
        let names = expression
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| word.starts_with("eni_") || word.starts_with("aws_"));
        for name in names {
            let name = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(told.contains(&format!("| `{name}")), "no metric {name}");
        }
    }
}
