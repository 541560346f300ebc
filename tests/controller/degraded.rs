//! An API server and an EC2 that misbehave: nothing is doubled or left, nobody crashes, and nobody asks
//! again and again.

use std::time::Duration;

use serde_json::json;
use xtask::chaos::{Moment, Weather};

use crate::stage::Stage;

/// Requests of a whole job, bring-up and removal of twelve ENIs. Undisturbed it takes some 250, and in these
/// weathers 250 to 320 were seen. A busy loop makes thousands.
const ENOUGH: usize = 600;

/// A job in this weather, the whole time.
async fn job(name: &str, weather: Weather) {
    let Some(mut stage) = Stage::set(name).await else { return };
    stage.door.sky.set(weather);
    stage.controller.start().unwrap();
    stage.world.apply().await.unwrap();
    stage.settles().await;
    let requests = stage.end().await;
    assert!(requests < ENOUGH, "{requests} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_are_told_to_come_back_later_are() {
    job("too-many", Weather { refuse_writes: Some((3, 429)), ..Weather::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_meet_a_conflict_are_made_anew() {
    job("conflicts", Weather { refuse_writes: Some((3, 409)), ..Weather::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_fail_in_the_api_server_are_made_again() {
    job("errors", Weather { refuse_writes: Some((3, 500)), ..Weather::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_that_break_off_again_and_again_are_taken_up() {
    let cut_watches = Some(Duration::from_millis(700));
    job("cut", Weather { cut_watches, ..Weather::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_refuses_every_write_is_not_asked_again_and_again() {
    let Some(mut stage) = Stage::set("all-refused").await else { return };
    stage.door.sky.set(Weather { refuse_writes: Some((1, 500)), ..Weather::default() });
    stage.controller.start().unwrap();
    stage.world.apply().await.unwrap();
    tokio::time::sleep(Duration::from_secs(15)).await;
    stage.controller.check_alive().unwrap();
    let requests = stage.door.gate.count();
    // Three lists and three watches, and a pass after 0, 2, 6 and 14 s.
    assert!(requests < 40, "{requests} requests in 15 s: {:?}", stage.door.gate.since(0));
    stage.door.sky.set(Weather::default());
    stage.settles().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_minute_of_silence_is_survived() {
    let Some(mut stage) = Stage::set("silence").await else { return };
    stage.controller.start().unwrap();
    let hit = stage.door.gate.arm(45, Moment::Meanwhile);
    stage.world.apply().await.unwrap();
    println!("silence begins at {}", hit.await.unwrap());
    stage.door.sky.set(Weather { silent: true, ..Weather::default() });
    let before = stage.door.gate.count();
    tokio::time::sleep(Duration::from_secs(30)).await;
    stage.controller.check_alive().unwrap();
    let asked = stage.door.gate.count() - before;
    assert!(asked < 150, "{asked} requests in 30 s of silence");
    let said = stage.controller.said();
    assert!(said.contains("the API server did not answer within"), "{}", stage.controller.last_words());
    stage.door.sky.set(Weather::default());
    stage.settles().await;
    let requests = stage.end().await;
    assert!(requests < ENOUGH, "{requests} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_whose_connections_have_died_are_noticed_within_two_minutes() {
    let Some(mut stage) = Stage::set("deaf").await else { return };
    stage.controller.start().unwrap();
    let hit = stage.door.gate.arm(45, Moment::Meanwhile);
    stage.world.apply().await.unwrap();
    println!("the watches die at {}", hit.await.unwrap());
    stage.door.sky.deafen();
    let died = std::time::Instant::now();
    stage.settles().await;
    println!("all was there {:?} later", died.elapsed());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_restarted_in_the_middle_is_found_again() {
    let Some(mut stage) = Stage::set("restarted").await else { return };
    stage.controller.start().unwrap();
    let hit = stage.door.gate.arm(45, Moment::Meanwhile);
    stage.world.apply().await.unwrap();
    println!("restarted at {}", hit.await.unwrap());
    tokio::task::block_in_place(|| stage.testbed.restart_apiserver()).unwrap();
    stage.controller.check_alive().unwrap();
    stage.settles().await;
    let requests = stage.end().await;
    assert!(requests < ENOUGH, "{requests} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ec2_that_hangs_is_waited_for_and_not_asked_again_and_again() {
    let Some(mut stage) = Stage::set("hanging").await else { return };
    stage.controller.start().unwrap();
    let hit = stage.door.gate.arm(60, Moment::Meanwhile);
    stage.world.apply().await.unwrap();
    println!("EC2 hangs from {}", hit.await.unwrap());
    stage.world.region.fail(&json!({ "action": "*", "fault": { "kind": "hang" } })).unwrap();
    let before = stage.door.gate.count();
    tokio::time::sleep(Duration::from_secs(20)).await;
    stage.controller.check_alive().unwrap();
    let asked = stage.door.gate.since(before).into_iter().filter(|asked| asked.ec2).count();
    assert!(asked < 80, "{asked} calls in 20 s to an EC2 that does not answer");
    stage.world.region.mend().unwrap();
    stage.settles().await;
    let requests = stage.end().await;
    assert!(requests < ENOUGH, "{requests} requests");
}
