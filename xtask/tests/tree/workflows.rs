//! The workflows give commands that can be given, on a machine that has the project's own versions.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Parser;
use serde_json::Value;
use xtask::{
    cli::{Cli, Command},
    repo, suite,
};

use super::documents::fault;

/// A file below `.github/`.
struct File {
    name: String,
    content: Value,
}

fn files_in(folder: &str) -> Vec<File> {
    let mut paths = vec![repo::at(folder)];
    let mut files = vec![];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            files.push(read(&path));
        }
    }
    assert!(!files.is_empty(), "nothing in {folder}");
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

fn read(path: &Path) -> File {
    let name = path.strip_prefix(repo::root()).unwrap().display().to_string();
    let text = fs::read_to_string(path).unwrap();
    File { content: serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}")), name }
}

fn workflows() -> Vec<File> {
    files_in(".github/workflows")
}

/// The jobs of a workflow, each with where it is.
fn jobs(file: &File) -> Vec<(String, &Value)> {
    let jobs = file.content["jobs"].as_object().unwrap_or_else(|| panic!("{} has no jobs", file.name));
    jobs.iter().map(|(name, job)| (format!("{} {name}", file.name), job)).collect()
}

/// Every step of the workflows and of the actions, with where it is.
fn steps() -> Vec<(String, Value)> {
    let mut all = vec![];
    for file in &workflows() {
        all.extend(jobs(file).into_iter().map(|(at, job)| (at, job["steps"].clone())));
    }
    let actions = files_in(".github/actions").into_iter();
    all.extend(actions.map(|file| (file.name, file.content["runs"]["steps"].clone())));
    let of_place = |(at, steps): (String, Value)| {
        let steps = steps.as_array().unwrap_or_else(|| panic!("{at} has no steps")).clone();
        steps.into_iter().map(move |step| (at.clone(), step))
    };
    all.into_iter().flat_map(of_place).collect()
}

/// Every command of every step, with where it is.
fn commands() -> Vec<(String, String)> {
    let of_step = |(at, step): (String, Value)| {
        let lines: Vec<String> =
            step["run"].as_str().unwrap_or_default().lines().map(str::to_owned).collect();
        lines.into_iter().map(move |line| (at.clone(), line))
    };
    steps().into_iter().flat_map(of_step).collect()
}

/// What is wrong with a command of a workflow.
fn wrong(command: &str) -> Option<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words.as_slice() {
        ["apt-get", "update" | "install", ..]
        | ["git", "config", ..]
        | ["rustup", "toolchain", "install"] => None,
        ["cargo", "xtask", rest @ ..] => fault(&words).or_else(|| of_filter(rest)),
        other => fault(other),
    }
}

/// Whether a filter chooses any step of `cargo xtask test`.
fn of_filter(args: &[&str]) -> Option<String> {
    let Ok(Cli { command: Command::Test { filter: Some(filter) } }) =
        Cli::try_parse_from(std::iter::once(&"xtask").chain(args))
    else {
        return None;
    };
    let chosen = suite::titles().iter().any(|title| title.contains(&filter));
    (!chosen).then(|| format!("no step of the test run has {filter:?} in its title"))
}

#[test]
fn every_command_of_a_workflow_can_be_given() {
    let all = commands();
    for expected in ["cargo xtask test", "cargo xtask image", "cargo xtask gen --check"] {
        assert!(all.iter().any(|(_, command)| command == expected), "no workflow runs `{expected}`");
    }
    let faults: Vec<String> = all
        .iter()
        .filter_map(|(at, command)| wrong(command).map(|why| format!("{at}: {command}: {why}")))
        .collect();
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn a_command_of_a_workflow_that_is_not_there_is_noticed() {
    for command in [
        "cargo xtask generate --check",
        "cargo xtask gen --verify",
        "cargo xtask image --platform s390x",
        "cargo xtask test --filter no-such-step",
        "make test",
    ] {
        assert!(wrong(command).is_some(), "{command}");
    }
}

#[test]
fn the_machine_of_every_job_is_the_projects_own() {
    let toolchain = fs::read_to_string(repo::at("rust-toolchain.toml")).unwrap();
    let channel = toolchain.split('"').nth(1).unwrap();
    let image = format!("rust:{channel}-bookworm");
    for file in &workflows() {
        for (at, job) in jobs(file) {
            assert_eq!(job["container"]["image"], image, "{at}");
            // Without an end, a job that hangs is six hours of somebody's money.
            assert!(job["timeout-minutes"].as_u64().is_some_and(|minutes| minutes <= 240), "{at}");
        }
    }
}

#[test]
fn a_workflow_writes_nothing_to_its_repository_and_an_action_is_of_a_version() {
    for file in workflows() {
        assert_eq!(file.content["permissions"], serde_json::json!({ "contents": "read" }), "{}", file.name);
    }
    for (at, step) in steps() {
        let Some(action) = step["uses"].as_str() else { continue };
        let here = action.strip_prefix("./").map(|path| repo::at(PathBuf::from(path).join("action.yaml")));
        match here {
            Some(path) => assert!(path.is_file(), "{at}: {action} is not there"),
            None => assert!(action.starts_with("actions/") && action.contains("@v"), "{at}: {action}"),
        }
    }
}

#[test]
fn files_that_a_workflow_names_are_there() {
    for (at, step) in steps() {
        if let Some(path) = step["with"]["go-version-file"].as_str() {
            assert!(repo::at(path).is_file(), "{at}: {path}");
        }
        let key = step["with"]["key"].as_str().unwrap_or_default();
        for pattern in key.split('\'').skip(1).step_by(2) {
            let folder = pattern.split('*').next().unwrap();
            assert!(repo::at(folder).exists(), "{at}: {pattern}");
        }
    }
}
