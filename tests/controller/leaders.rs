//! Two controllers and one lease: one acts, the other waits, and neither acts while the other may.

use std::time::{Duration, Instant};

use xtask::chaos::{Asked, Controller, Door, GRACE, Moment, Weather, World};
use xtask::testbed::Testbed;

use crate::bed::{Bed, Ec2};
use crate::stage::{PATIENCE, controller};

/// What a controller says when it leads.
const LEADS: &str = " leading";

/// A world, and two controllers that want to work on it.
struct Rivals {
    world: World,
    first: (Door, Controller),
    second: (Door, Controller),
}

impl Rivals {
    /// The first leads, and the second waits.
    async fn set(testbed: &Testbed, name: &str) -> Self {
        let mut world = World::make(testbed, name).await.unwrap();
        world.want.made = 12;
        testbed.grant_in(name).unwrap();
        let mut all = vec![];
        for number in ["one", "two"] {
            let who = format!("{name}-{number}");
            let door = Door::open(testbed, &who).await.unwrap();
            let place = controller(testbed, &who, &world, &door).candidate(name);
            all.push((door, place));
        }
        let (second, first) = (all.pop().unwrap(), all.pop().unwrap());
        let mut rivals = Self { world, first, second };
        rivals.first.1.start().unwrap();
        leads(&rivals.first.1, Duration::from_secs(30)).await;
        rivals.second.1.start().unwrap();
        let begun = Instant::now();
        while rivals.second.0.gate.count() == 0 {
            assert!(begun.elapsed() < Duration::from_secs(30), "the second does not ask for the lease");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        rivals
    }

    /// Waits until the second has done what is wanted, then lets it remove everything.
    async fn second_ends_it(mut self) {
        self.world.settles(&mut self.second.1, PATIENCE).await.unwrap();
        self.world.delete().await.unwrap();
        self.world.settles(&mut self.second.1, PATIENCE).await.unwrap();
        self.second.1.kill().unwrap();
        self.world.end().await.unwrap();
    }
}

async fn leads(controller: &Controller, within: Duration) {
    let begun = Instant::now();
    while !controller.said().lines().any(|line| line.contains(LEADS)) {
        assert!(begun.elapsed() < within, "it does not lead; {}", controller.last_words());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The changes among some requests.
fn changes(asked: Vec<Asked>) -> Vec<Asked> {
    asked.into_iter().filter(|one| one.changes).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_controllers_one_acts_and_hands_over_when_told_to_stop() {
    let Some(testbed) = Bed::take(Ec2::Unthrottled) else { return };
    let mut rivals = Rivals::set(&testbed, "hand-over").await;
    rivals.world.apply().await.unwrap();
    rivals.world.settles(&mut rivals.first.1, PATIENCE).await.unwrap();
    let others: Vec<Asked> =
        rivals.second.0.gate.since(0).into_iter().filter(|one| one.ec2 || one.changes).collect();
    assert_eq!(others, [], "the second acted while the first led");
    rivals.first.1.signal("TERM").unwrap();
    let told = Instant::now();
    let status = rivals.first.1.ended(GRACE).await.unwrap();
    assert!(status.success(), "told to stop, it ended with {status}");
    leads(&rivals.second.1, Duration::from_secs(8)).await;
    println!("the second led {:?} after the first was told to stop", told.elapsed());
    rivals.second_ends_it().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_from_the_api_server_stops_acting_before_the_next_one_starts() {
    let Some(testbed) = Bed::take(Ec2::Unthrottled) else { return };
    let mut rivals = Rivals::set(&testbed, "cut-off").await;
    // Its work is slow, so that there is something left to do for whoever does not know better.
    rivals.world.region.set(&serde_json::json!({ "attach_millis": 3000 })).unwrap();
    let hit = rivals.first.0.gate.arm(60, Moment::Meanwhile);
    rivals.world.apply().await.unwrap();
    println!("cut off at {}", hit.await.unwrap());
    rivals.first.0.sky.set(Weather { silent: true, ..Weather::default() });
    let cut = Instant::now();
    let status = rivals.first.1.ended(Duration::from_secs(20)).await.unwrap();
    let (ended, asked) = (cut.elapsed(), rivals.first.0.gate.count());
    assert!(!status.success(), "it lost its lease, and ended with {status}");
    assert!(rivals.first.1.said().contains("the lease was lost"), "{}", rivals.first.1.last_words());
    let begun = changes(rivals.second.0.gate.since(0));
    assert_eq!(begun, [], "the second acted before the first had ended");
    assert!(!rivals.second.1.said().contains(LEADS), "the second led before the first had ended");
    leads(&rivals.second.1, Duration::from_secs(30)).await;
    println!("the first ended {ended:?} after the cut, the second led after {:?}", cut.elapsed());
    rivals.second_ends_it().await;
    assert!(asked > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_slept_through_its_lease_changes_nothing_in_ec2_any_more() {
    let Some(testbed) = Bed::take(Ec2::Unthrottled) else { return };
    let mut rivals = Rivals::set(&testbed, "asleep").await;
    let hit = rivals.first.0.gate.arm(60, Moment::Meanwhile);
    rivals.world.apply().await.unwrap();
    println!("stopped at {}", hit.await.unwrap());
    rivals.first.1.signal("STOP").unwrap();
    leads(&rivals.second.1, Duration::from_secs(30)).await;
    let asleep = rivals.first.0.gate.count();
    rivals.first.1.signal("CONT").unwrap();
    let status = rivals.first.1.ended(GRACE).await.unwrap();
    assert!(!status.success(), "it lost its lease, and ended with {status}");
    let acted: Vec<Asked> =
        changes(rivals.first.0.gate.since(asleep)).into_iter().filter(|one| one.ec2).collect();
    assert_eq!(acted, [], "it acted in EC2 while the other led");
    rivals.second_ends_it().await;
}
