//! On which instances the hop limit of the metadata service is raised.

use eni_operator::model::{Call, Ec2Error, Ec2ErrorKind, InstanceState};
use eni_operator::plan::fanout::World;
use eni_operator::plan::hop_limit::{Raise, due, raised, refused};
use eni_operator::plan::instance::Sighting;

use crate::fanout_worlds::{NodePlanned, Planned, make};
use crate::make::instance_id;
use crate::rollup_table::calm;

/// The calm world, with a limit on its instances.
fn world(planned: &Planned, limit: Option<u32>, state: InstanceState) -> World {
    let mut world = make(planned);
    for sighting in world.instances.values_mut() {
        if let Sighting::Seen(instance) = sighting {
            instance.metadata_hop_limit = limit;
            instance.state = state;
        }
    }
    world
}

fn changes(planned: &Planned, limit: Option<u32>, wanted: Option<u32>) -> Vec<(u32, u32)> {
    let due = due(&world(planned, limit, InstanceState::Running), wanted);
    due.iter().map(|one| (one.from, one.to)).collect()
}

#[test]
fn a_limit_is_only_raised_and_only_if_that_was_asked_for() {
    for (limit, wanted, expected) in [
        (Some(1), Some(2), vec![(1, 2)]),
        (Some(1), Some(64), vec![(1, 64)]),
        (Some(2), Some(2), vec![]),
        (Some(3), Some(2), vec![]),
        (None, Some(2), vec![]),
        (Some(1), None, vec![]),
    ] {
        assert_eq!(changes(&calm(), limit, wanted), expected, "{limit:?} {wanted:?}");
    }
}

#[test]
fn only_instances_of_nodes_that_are_selected_are_touched() {
    let other = NodePlanned { selected: false, ..calm().nodes[0].clone() };
    let gone = NodePlanned { there: false, ..calm().nodes[0].clone() };
    for node in [other, gone] {
        assert_eq!(
            changes(&Planned { nodes: vec![node.clone()], ..calm() }, Some(1), Some(2)),
            [],
            "{node:?}"
        );
    }
}

#[test]
fn nothing_is_touched_for_an_object_on_which_nothing_is_done() {
    for still in [
        Planned { paused: true, ..calm() },
        Planned { deleted: true, ..calm() },
        Planned { finalizer: false, ..calm() },
    ] {
        // Whatever was seen before.
        let seen = world(&calm(), Some(1), InstanceState::Running).instances;
        let world = World { instances: seen, ..make(&still) };
        assert_eq!(due(&world, Some(2)), [], "{still:?}");
    }
}

#[test]
fn an_instance_that_does_not_run_is_left_alone() {
    for state in [InstanceState::Pending, InstanceState::Stopped, InstanceState::Terminated] {
        assert_eq!(due(&world(&calm(), Some(1), state), Some(2)), [], "{state:?}");
    }
}

#[test]
fn what_is_told_names_the_instance_and_both_limits() {
    let raise = Raise { instance: instance_id(7), from: 1, to: 2 };
    let error = Ec2Error {
        call: Call::ModifyMetadataOptions,
        kind: Ec2ErrorKind::Unauthorized,
        code: "UnauthorizedOperation".to_owned(),
        message: "EC2's words".to_owned(),
    };
    for (event, warning) in [(raised(&raise), false), (refused(&raise, &error), true)] {
        assert_eq!(event.warning, warning);
        for word in [raise.instance.as_str(), "1", "2"] {
            assert!(event.message.contains(word), "{word}: {}", event.message);
        }
    }
    assert!(refused(&raise, &error).message.contains("ec2:ModifyInstanceMetadataOptions"));
}
