//! The JSON side: what a test needs that EC2 does not have.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clock::ClockMode;
use super::shared::{Inner, Shared};
use crate::clock::Timestamp;
use crate::faults::{ActiveFault, FaultRule};
use crate::seed::{Seed, Seeded};
use crate::settings::Settings;
use crate::stats::Stats;

/// An answer, or what was wrong with the request in words.
type Answer<T> = Result<Json<T>, (StatusCode, String)>;

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn wrong(text: impl ToString) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, text.to_string())
}

/// Reads a body whatever its content type: `curl -d` says it is a form.
fn read<T: for<'de> Deserialize<'de>>(body: &str) -> Result<T, (StatusCode, String)> {
    serde_json::from_str(body).map_err(wrong)
}

pub(super) async fn seed(State(shared): State<Shared>, body: String) -> Answer<Seeded> {
    let seed: Seed = read(&body)?;
    shared.with(|inner| inner.simulator.apply_seed(&seed)).map(Json).map_err(wrong)
}

pub(super) async fn reset(State(shared): State<Shared>) -> Json<Value> {
    shared.with(Inner::reset);
    Json(json!({}))
}

pub(super) async fn faults(State(shared): State<Shared>) -> Json<Vec<ActiveFault>> {
    Json(shared.with(|inner| inner.simulator.faults().to_vec()))
}

/// Adds one rule or a list of them.
pub(super) async fn add_faults(State(shared): State<Shared>, body: String) -> Answer<Value> {
    let many = body.trim_start().starts_with('[');
    let rules: Vec<FaultRule> = if many { read(&body)? } else { vec![read(&body)?] };
    let add = |inner: &mut Inner| rules.into_iter().map(|rule| inner.simulator.add_fault(rule)).collect();
    let ids: Vec<u64> = shared.with(add);
    Ok(Json(json!({ "ids": ids })))
}

pub(super) async fn clear_faults(State(shared): State<Shared>) -> Json<Value> {
    shared.with(|inner| inner.simulator.clear_faults());
    Json(json!({}))
}

pub(super) async fn remove_fault(State(shared): State<Shared>, Path(id): Path<u64>) -> Answer<Value> {
    if shared.with(|inner| inner.simulator.remove_fault(id)) {
        return Ok(Json(json!({})));
    }
    Err((StatusCode::NOT_FOUND, format!("no fault rule {id}")))
}

/// The clock as it stands.
#[derive(Serialize)]
pub(super) struct ClockState {
    mode: ClockMode,
    now: Timestamp,
    now_millis: u64,
    next_due_millis: Option<u64>,
}

fn clock_state(inner: &mut Inner) -> Json<ClockState> {
    let now = inner.simulator.now();
    Json(ClockState {
        mode: inner.driver.mode(),
        now,
        now_millis: now.0,
        next_due_millis: inner.simulator.next_due().map(|at| at.0),
    })
}

/// What to do with the clock.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    mode: Option<ClockMode>,
    advance_millis: Option<u64>,
}

pub(super) async fn clock(State(shared): State<Shared>) -> Json<ClockState> {
    shared.with(clock_state)
}

pub(super) async fn move_clock(State(shared): State<Shared>, body: String) -> Answer<ClockState> {
    let change: ClockChange = read(&body)?;
    Ok(shared.with(|inner| {
        if let Some(mode) = change.mode {
            inner.driver.set_mode(mode);
        }
        inner.simulator.advance(Duration::from_millis(change.advance_millis.unwrap_or_default()));
        clock_state(inner)
    }))
}

pub(super) async fn stats(State(shared): State<Shared>) -> Json<Stats> {
    Json(shared.with(|inner| inner.simulator.stats().clone()))
}

pub(super) async fn reset_stats(State(shared): State<Shared>) -> Json<Value> {
    shared.with(|inner| inner.simulator.reset_stats());
    Json(json!({}))
}

/// Everything there is, with the free addresses counted and the tokens that were used.
pub(super) async fn state(State(shared): State<Shared>) -> Answer<Value> {
    shared.with(|inner| {
        let mut state = serde_json::to_value(inner.simulator.state()).map_err(wrong)?;
        for subnet in inner.simulator.state().subnets.values() {
            state["subnets"][&subnet.id]["free"] = json!(subnet.free());
        }
        state["tokens"] = serde_json::to_value(inner.simulator.tokens()).map_err(wrong)?;
        state["now"] = json!(inner.simulator.now());
        Ok(Json(state))
    })
}

pub(super) async fn settings(State(shared): State<Shared>) -> Json<Settings> {
    Json(shared.with(|inner| inner.simulator.settings().clone()))
}

/// Changes those settings that are given, and answers with all of them.
pub(super) async fn change_settings(State(shared): State<Shared>, body: String) -> Answer<Settings> {
    let changes: Value = read(&body)?;
    shared.with(|inner| {
        let mut merged = serde_json::to_value(inner.simulator.settings()).map_err(wrong)?;
        merge(&mut merged, changes);
        let settings: Settings = serde_json::from_value(merged).map_err(wrong)?;
        *inner.simulator.settings_mut() = settings.clone();
        Ok(Json(settings))
    })
}

/// Puts an object over another, key by key. Lists are replaced, and so are policies and the maps whose keys are
/// the caller's own, or they could never lose one.
fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, change) in changes {
                match into.get_mut(&key) {
                    Some(slot) if !["buckets", "policy"].contains(&key.as_str()) => merge(slot, change),
                    Some(_) | None => drop(into.insert(key, change)),
                }
            }
        }
        (into, change) => *into = change,
    }
}
