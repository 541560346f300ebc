//! SIGTERM while ENIs come and go: the process ends by itself, and the next one finds what it needs.

use std::time::{Duration, Instant};

use xtask::chaos::{GRACE, Moment};

use crate::stage::Stage;

/// Requests from the last start at which the controller is told to stop; a start takes six.
const AT: [usize; 6] = [3, 12, 25, 40, 55, 30];

/// How long a request may take to come.
const COMES_WITHIN: Duration = Duration::from_secs(20);

/// Tells the controller to stop at a request, waits until it has ended, and starts it again. `false` if no
/// such request comes.
async fn stop_at(stage: &mut Stage, nth: usize) -> bool {
    let hit = stage.door.gate.arm(nth, Moment::Meanwhile);
    let Ok(told) = tokio::time::timeout(COMES_WITHIN, hit).await else {
        stage.door.gate.disarm();
        return false;
    };
    stage.controller.signal("TERM").unwrap();
    let asked = Instant::now();
    let status = stage.controller.ended(GRACE).await.unwrap();
    let told = told.unwrap();
    println!("told to stop at {told}, it ended after {:?}", asked.elapsed());
    assert!(
        status.success(),
        "told to stop at {told}, it ended with {status}; {}",
        stage.controller.last_words()
    );
    stage.controller.start().unwrap();
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_at_any_moment_the_controller_ends_by_itself_and_leaks_nothing() {
    let Some(mut stage) = Stage::begun("stopped").await else { return };
    let mut stops = 0;
    for nth in AT {
        stops += usize::from(stop_at(&mut stage, nth).await);
    }
    stage.settles().await;
    stage.world.delete().await.unwrap();
    for nth in AT {
        stops += usize::from(stop_at(&mut stage, nth).await);
        if stage.world.agrees().await.is_ok() {
            break;
        }
    }
    stage.settles().await;
    stage.controller.kill().unwrap();
    stage.world.end().await.unwrap();
    assert!(stops >= 6, "it was told to stop {stops} times only");
}
