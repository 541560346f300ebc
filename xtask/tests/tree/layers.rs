//! Which module of the operator may name which.

use std::{collections::BTreeSet, fs};

use xtask::repo;

use super::source::{self, Source, tokens};

/// Each top-level module of `src/`, and the others, or parts of others, that it may name.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("mandate", &[]),
    ("api", &["model"]),
    ("plan", &["model", "api"]),
    ("ec2", &["model", "mandate"]),
    ("cluster", &["model", "mandate", "api", "plan::events", "plan::node"]),
    ("host", &["model", "lock"]),
    ("kubelet", &["model", "plan::kubelet", "plan::sriov", "lock", "whole_file"]),
    ("lock", &[]),
    ("whole_file", &[]),
    ("clock", &["plan::lease", "mandate"]),
    ("pulse", &["lock"]),
    ("controller", &["model", "mandate", "api", "plan", "ec2", "cluster", "clock", "lock", "pulse"]),
    (
        "agent",
        &["model", "api", "plan", "host", "kubelet", "cluster", "clock", "lock", "pulse", "whole_file"],
    ),
    ("cli", &["plan::budget"]),
    ("telemetry", &["cli"]),
    ("http", &["pulse"]),
];

/// The files that put the modules together, and may name all of them: the library's root, and the binary.
const ROOTS: &[&str] =
    &["lib.rs", "main.rs", "drain.rs", "load_modules.rs", "process.rs", "start.rs", "start_agent.rs"];

fn allowed(module: &str) -> Option<&'static [&'static str]> {
    MAY_USE.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed)
}

/// The modules that a file names, by `crate::` or by as many `super::` as it takes: `ec2`, or `ec2::paced`.
fn named(source: &Source) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    // For every open brace, whether it is a module's.
    let mut braces = Vec::new();
    for (at, token) in source.tokens.iter().enumerate() {
        match token.as_str() {
            "{" => braces.push(at >= 2 && source.tokens[at - 2] == "mod"),
            "}" => {
                braces.pop();
            }
            "crate" => names.extend(after_root(&source.tokens[at + 1..])),
            "super" if at < 2 || source.tokens[at - 2] != "super" => {
                let depth = source.module().len() + braces.iter().filter(|module| **module).count();
                let rest = &source.tokens[at..];
                let supers = rest.chunks(2).take_while(|pair| pair[0] == "super").count();
                if supers >= depth {
                    names.extend(after_root(&rest[supers * 2 - 1..]));
                }
            }
            _ => {}
        }
    }
    names
}

/// The first two parts of each path that goes on after the root of the crate.
fn after_root(tokens: &[String]) -> Vec<String> {
    if tokens.first().is_none_or(|token| token != "::") {
        return Vec::new();
    }
    let mut rest = &tokens[1..];
    tree(&mut rest).into_iter().map(|path| path[..path.len().min(2)].join("::")).collect()
}

/// Reads a path, or a list of paths in braces, off the front of `tokens`.
fn tree(tokens: &mut &[String]) -> Vec<Vec<String>> {
    let Some((first, rest)) = tokens.split_first() else { return Vec::new() };
    *tokens = rest;
    if first == "{" {
        return list(tokens);
    }
    if tokens.first().is_none_or(|token| token != "::") {
        return vec![vec![first.clone()]];
    }
    *tokens = &tokens[1..];
    let mut paths = tree(tokens);
    for path in &mut paths {
        path.insert(0, first.clone());
    }
    paths
}

/// Reads the rest of a list whose brace is open.
fn list(tokens: &mut &[String]) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    while let Some(first) = tokens.first() {
        match first.as_str() {
            "}" => {
                *tokens = &tokens[1..];
                return paths;
            }
            "," => *tokens = &tokens[1..],
            // The new name of something that was read already.
            "as" => *tokens = &tokens[2.min(tokens.len())..],
            _ => paths.extend(tree(tokens)),
        }
    }
    paths
}

/// What a file names that it may not. Names of no module, such as macros at the root, are not looked at.
fn violations(source: &Source) -> Vec<String> {
    let Some(module) = source.module().first().cloned() else { return Vec::new() };
    if ROOTS.iter().any(|root| source.path.as_os_str() == *root) {
        return Vec::new();
    }
    let allowed = allowed(&module).unwrap_or_default();
    let names = named(source).into_iter().filter(|name| {
        let top = name.split("::").next().unwrap();
        let known = MAY_USE.iter().any(|(known, _)| *known == top);
        known && top != module && !allowed.contains(&top) && !allowed.contains(&name.as_str())
    });
    names.map(|name| format!("src/{} names crate::{name}", source.path.display())).collect()
}

#[test]
fn modules_name_only_the_layers_above_them() {
    let found: Vec<String> = source::all().iter().flat_map(violations).collect();
    assert!(found.is_empty(), "MAY_USE in xtask/tests/tree/layers.rs has no:\n{}", found.join("\n"));
}

#[test]
fn every_module_has_its_layer() {
    let entries = fs::read_dir(repo::at("src")).unwrap().map(|entry| entry.unwrap().path());
    let unknown: Vec<String> = entries
        .filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| !ROOTS.contains(&path.file_name().unwrap().to_str().unwrap()))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|module| allowed(module).is_none())
        .collect();
    assert!(unknown.is_empty(), "MAY_USE in xtask/tests/tree/layers.rs does not know {unknown:?}");
}

#[test]
fn every_way_to_name_a_module_is_seen() {
    for text in [
        "use crate::ec2::paced;",
        "use crate::{api, ec2::paced::{A, B}};",
        "use crate::{\n    api::{a as b, c},\n    ec2::{paced},\n};",
        "fn f() { crate::ec2::paced::f() }",
        "use super::super::ec2::paced;",
        "use super::super::{api, ec2::paced};",
        "mod tests { use super::super::super::ec2::paced; }",
    ] {
        assert_eq!(
            violations_of("plan/cloud.rs", text),
            ["src/plan/cloud.rs names crate::ec2::paced"],
            "{text}"
        );
    }
    for text in
        ["// crate::ec2", "use crate::api::ec2;", "use super::ec2;", "mod tests { use super::super::ec2; }"]
    {
        assert_eq!(violations_of("plan/cloud.rs", text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(violations_of("plan/mod.rs", "use super::ec2;").len(), 1);
    assert_eq!(violations_of("lib.rs", "use crate::ec2;").len(), 0);
}

#[test]
fn part_of_a_module_can_be_allowed() {
    let text = "use crate::plan::{events::Event, node::NodeFacts};";
    assert_eq!(violations_of("cluster/mod.rs", text), Vec::<String>::new());
    let text = "use crate::plan::{cloud::World, node::NodeFacts};";
    assert_eq!(violations_of("cluster/mod.rs", text), ["src/cluster/mod.rs names crate::plan::cloud"]);
}

fn violations_of(path: &str, text: &str) -> Vec<String> {
    violations(&Source { path: path.into(), tokens: tokens(text) })
}
