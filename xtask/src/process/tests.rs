use std::os::unix::process::ExitStatusExt;

use super::*;

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// Whether a process whose command line holds `mark` runs.
fn runs(mark: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.starts_with("sleep") && line.contains(mark)
    })
}

fn within_five_seconds(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(POLL);
    }
}

#[test]
fn exit_status_is_the_childs() {
    let mut child = Guarded::spawn("three", &shell("exit 3"), &Output::Inherited).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn early_death_is_told_with_the_end_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut child = Guarded::spawn("poet", &shell("echo last words; exit 1"), &Output::Log(log)).unwrap();
    child.wait().unwrap();
    let error = child.check_alive().unwrap_err().to_string();
    assert!(error.starts_with("poet ended early"), "{error}");
    assert!(error.contains("last words"), "{error}");
}

#[test]
fn stop_asks_first_and_kills_later() {
    let mut polite = Guarded::spawn("polite", &shell("exec sleep 60"), &Output::Inherited).unwrap();
    assert_eq!(polite.stop(Duration::from_secs(5)).unwrap().code(), Some(128 + 15));

    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let script = "trap '' TERM; echo deaf; while :; do sleep 0.05; done";
    let mut deaf = Guarded::spawn("deaf", &shell(script), &Output::Log(log.clone())).unwrap();
    within_five_seconds("it starts", || tail(&log, 1).contains("deaf"));
    let status = deaf.stop(Duration::from_millis(200)).unwrap();
    assert_eq!(status.code(), Some(128 + 9));
}

#[test]
fn closing_the_leash_kills_children_and_grandchildren() {
    let script = "sleep 61.4242 & sleep 61.4242";
    let mut child = Guarded::spawn("family", &shell(script), &Output::Inherited).unwrap();
    within_five_seconds("it starts", || runs("61.4242"));
    drop(child.leash.take());
    let status = child.guard.wait().unwrap();
    assert_eq!(status.signal(), Some(9));
    within_five_seconds("all of it ends", || !runs("61.4242"));
}

#[test]
fn limit_kills_children_and_grandchildren() {
    let script = "sleep 63.4242 & sleep 63.4242";
    let mut child = Guarded::spawn("slow", &shell(script), &Output::Inherited).unwrap();
    let limit = child.limit(Duration::from_millis(300)).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    drop(limit);
    within_five_seconds("all of it ends", || !runs("63.4242"));
}

#[test]
fn dropping_it_kills_the_child() {
    let child = Guarded::spawn("dropped", &shell("exec sleep 62.4242"), &Output::Inherited).unwrap();
    within_five_seconds("it starts", || runs("62.4242"));
    drop(child);
    within_five_seconds("it ends", || !runs("62.4242"));
}

#[test]
fn janitor_removes_the_folder_after_its_owner() {
    let folder = tempfile::tempdir().unwrap().keep();
    fs::write(folder.join("file"), "text").unwrap();
    drop(Janitor::start(&folder).unwrap());
    within_five_seconds("the folder goes", || !folder.exists());
}
