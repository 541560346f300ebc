//! Nothing in the tree knows the machine that it was written on.

use std::{fs, process::Command};

use xtask::repo;

/// The files that are committed, or would be.
fn files() -> Vec<String> {
    let mut list = Command::new("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]).current_dir(repo::root());
    let output = list.output().unwrap();
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().split_terminator('\0').map(str::to_owned).collect()
}

/// The folders that mean something on this machine only: this clone's and the user's.
fn here() -> Vec<String> {
    let home = std::env::var("HOME").ok().map(|home| format!("{home}/"));
    let all = home.into_iter().chain([repo::root().display().to_string()]);
    // `/` and the like are in every file.
    all.filter(|path| path.len() > 4).collect()
}

#[test]
fn no_file_holds_a_path_of_this_machine() {
    let here = here();
    let mut found = Vec::new();
    for file in files() {
        // A file that is deleted but still listed, and a binary, hold nothing.
        let Ok(text) = fs::read_to_string(repo::at(&file)) else { continue };
        found.extend(
            here.iter().filter(|path| text.contains(*path)).map(|path| format!("{file} holds {path}")),
        );
    }
    assert_eq!(found, Vec::<String>::new());
}
