//! What the server refuses, and in which words.

mod attachment;
mod network;
mod nodes;
mod places;
mod shape;

use kube::core::Status;

use crate::{
    server::{client, create, get},
    table::{ATTACHMENT, Bad, Kind, NODE_ENI, all_good},
};

/// All rows of bad `NodeENI`s.
pub(crate) fn node_enis() -> impl Iterator<Item = &'static Bad> {
    [nodes::ROWS, places::ROWS, network::ROWS, shape::ROWS].into_iter().flatten()
}

#[tokio::test]
async fn bad_node_eni_is_refused_by_field_and_reason_and_not_stored() {
    check(&NODE_ENI, node_enis()).await;
}

#[tokio::test]
async fn bad_attachment_is_refused_by_field_and_reason_and_not_stored() {
    check(&ATTACHMENT, attachment::ROWS.iter()).await;
}

#[test]
fn rows_are_as_many_as_promised_and_each_has_its_own_case() {
    let mut cases: Vec<_> = node_enis().map(|row| row.case).collect();
    assert!(cases.len() >= 45, "{} rows", cases.len());
    let count = cases.len();
    cases.sort_unstable();
    cases.dedup();
    assert_eq!(cases.len(), count);
}

async fn check(kind: &Kind, rows: impl Iterator<Item = &'static Bad>) {
    let client = client();
    let mut failures = vec![];
    for (number, row) in rows.enumerate() {
        let name = format!("bad-{number}");
        let answer = create(&client, kind.collection, &kind.object(&name, row.spec)).await;
        if let Err(complaint) = judge(row, answer) {
            failures.push(format!("{}: {complaint}", row.case));
        }
        if get(&client, &format!("{}/{name}", kind.collection)).await.is_ok() {
            failures.push(format!("{}: it was stored", row.case));
        }
    }
    all_good(&failures);
}

fn judge<T>(row: &Bad, answer: Result<T, Box<Status>>) -> Result<(), String> {
    let status = answer.err().ok_or("it was taken")?;
    if names(&status, row) {
        return Ok(());
    }
    Err(format!(
        "no word of {:?} about {:?} in\n    {}",
        row.says,
        row.field,
        status.message.replace('\n', "\n    ")
    ))
}

/// Whether a refusal speaks of the field, and says what is expected, to programs and in the line for people.
fn names(status: &Status, row: &Bad) -> bool {
    let in_message = status.message.contains(row.field) && status.message.contains(row.says);
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let mut causes = causes.map(|cause| (cause.field.as_str(), cause.message.as_str())).peekable();
    // An object that cannot be read is refused as a whole, without causes.
    let in_causes = causes.peek().is_none()
        || causes.any(|(field, message)| field == row.field && message.contains(row.says));
    in_message && in_causes
}
