//! Which module of the operator may name which.

use std::{collections::BTreeSet, fs};

use xtask::repo;

use super::source::{self, Source, tokens};

/// Each top-level module of `src/`, and the others that it may name.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("api", &["model"]),
    ("plan", &["model", "api"]),
    ("ec2", &["model"]),
    ("cluster", &["model", "api"]),
    ("controller", &["model", "api", "plan", "ec2", "cluster"]),
    ("cli", &[]),
    ("telemetry", &[]),
    ("http", &[]),
];

/// The files that put the modules together, and may name all of them.
const ROOTS: &[&str] = &["lib.rs", "main.rs"];

fn allowed(module: &str) -> Option<&'static [&'static str]> {
    MAY_USE.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed)
}

/// The top-level modules that a file names, by `crate::` or by as many `super::` as it takes.
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

/// The names that stand after the root of the crate: one, or those of a list in braces.
fn after_root(tokens: &[String]) -> Vec<String> {
    match tokens {
        [colons, open, rest @ ..] if colons == "::" && open == "{" => listed(rest),
        [colons, name, ..] if colons == "::" => vec![name.clone()],
        _ => Vec::new(),
    }
}

/// The first name of each entry of a list whose brace is open.
fn listed(tokens: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut first) = (1, true);
    for token in tokens {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => first = true,
            name if first => {
                names.push(name.to_owned());
                first = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// What a file names that it may not. Names of no module, such as macros at the root, are not looked at.
fn violations(source: &Source) -> Vec<String> {
    let Some(module) = source.module().first().cloned() else { return Vec::new() };
    let allowed = allowed(&module).unwrap_or_default();
    let names = named(source).into_iter();
    names
        .filter(|name| MAY_USE.iter().any(|(known, _)| known == name))
        .filter(|name| *name != module && !allowed.contains(&name.as_str()))
        .map(|name| format!("src/{} names crate::{name}", source.path.display()))
        .collect()
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
    let violations = |path: &str, text: &str| violations(&Source { path: path.into(), tokens: tokens(text) });
    for text in [
        "use crate::ec2::Ec2;",
        "use crate::{api, ec2::{Ec2, paced}};",
        "use crate::{\n    api::{a, b},\n    ec2,\n};",
        "fn f() { crate::ec2::f() }",
        "use super::super::ec2::Ec2;",
        "use super::super::{api, ec2};",
        "mod tests { use super::super::super::ec2; }",
    ] {
        assert_eq!(violations("plan/cloud.rs", text), ["src/plan/cloud.rs names crate::ec2"], "{text}");
    }
    for text in
        ["// crate::ec2", "use crate::api::ec2;", "use super::ec2;", "mod tests { use super::super::ec2; }"]
    {
        assert_eq!(violations("plan/cloud.rs", text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(violations("plan/mod.rs", "use super::ec2;").len(), 1);
    assert_eq!(violations("lib.rs", "use crate::ec2;").len(), 0);
}
