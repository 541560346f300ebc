//! One alternative name means one subnet on all nodes of a zone, whatever is done to the list of subnets.

use std::collections::BTreeMap;

use eni_operator::api::{NodeENIAttachment, NodeENIStatus};
use eni_operator::model::{InstanceId, Subnet};
use eni_operator::plan::fanout::{World, instances, plan};
use eni_operator::plan::instance::Sighting;
use eni_operator::plan::neighbours::Neighbours;
use eni_operator::plan::node::NodeFacts;
use eni_operator::plan::resolve::{self, Network};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;
use serde_json::json;

use crate::make::{NOW, at, instance, instance_id, node, node_eni, settings, subnet, subnet_id};

/// Something that happens.
#[derive(Debug, Clone)]
enum Edit {
    Prepend(u32),
    Append(u32),
    Remove(usize),
    Reverse,
    Rotate(usize),
    AddNode {
        zone_b: bool,
    },
    LoseNode(usize),
    ForgetStatus,
    /// The ENIs of slots that are to go are gone, of every nth slot.
    Finish(usize),
    OnePolicy(bool),
    Pause(bool),
    /// The next pass does not see the slots that the last one made: the watch is behind.
    Behind,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (1u32..7).prop_map(Edit::Prepend),
        3 => (1u32..7).prop_map(Edit::Append),
        4 => (0usize..6).prop_map(Edit::Remove),
        1 => Just(Edit::Reverse),
        1 => (1usize..4).prop_map(Edit::Rotate),
        4 => any::<bool>().prop_map(|zone_b| Edit::AddNode { zone_b }),
        1 => (0usize..4).prop_map(Edit::LoseNode),
        1 => Just(Edit::ForgetStatus),
        3 => (1usize..3).prop_map(Edit::Finish),
        1 => any::<bool>().prop_map(Edit::OnePolicy),
        1 => any::<bool>().prop_map(Edit::Pause),
        2 => Just(Edit::Behind),
    ]
}

#[derive(Debug, Clone, Default)]
struct History {
    list: Vec<u32>,
    zones: Vec<bool>,
    lost: Vec<usize>,
    children: Vec<NodeENIAttachment>,
    status: Option<NodeENIStatus>,
    one: bool,
    paused: bool,
    /// Whether the next pass sees the slots as they were before the last one.
    behind: bool,
    /// The slots as they were before the last pass.
    seen: Vec<NodeENIAttachment>,
}

impl History {
    fn apply(&mut self, edit: &Edit) {
        match *edit {
            Edit::Prepend(n) if !self.list.contains(&n) => self.list.insert(0, n),
            Edit::Append(n) if !self.list.contains(&n) => self.list.push(n),
            Edit::Prepend(_) | Edit::Append(_) => {}
            Edit::Remove(place) if place < self.list.len() => drop(self.list.remove(place)),
            Edit::Remove(_) => {}
            Edit::Reverse => self.list.reverse(),
            Edit::Rotate(by) if !self.list.is_empty() => {
                let by = by % self.list.len();
                self.list.rotate_left(by);
            }
            Edit::Rotate(_) => {}
            Edit::AddNode { zone_b } => self.zones.push(zone_b),
            Edit::LoseNode(n) => self.lost.push(n),
            Edit::ForgetStatus => self.status = None,
            Edit::Finish(nth) => {
                let mut n = 0;
                self.children.retain(|child| {
                    n += 1;
                    !(child.spec.release && n % nth == 0)
                });
            }
            Edit::OnePolicy(one) => self.one = one,
            Edit::Pause(paused) => self.paused = paused,
            Edit::Behind => self.behind = true,
        }
    }

    fn nodes(&self) -> Vec<NodeFacts> {
        let there = (0..self.zones.len()).filter(|n| !self.lost.contains(n));
        there.map(|n| node(&format!("node-{n}"), u32::try_from(n).unwrap() + 1)).collect()
    }

    fn world(&self) -> World {
        let ids: Vec<String> = self.list.iter().map(|n| subnet_id(*n).to_string()).collect();
        let mut object = node_eni(&json!({
            "nodeSelector": {"ng": "a"}, "subnetIDs": ids, "securityGroupIDs": ["sg-00000001"],
            "subnetPolicy": if self.one { "One" } else { "All" }, "paused": self.paused,
        }));
        object.status.clone_from(&self.status);
        let nodes = self.nodes();
        let asked = instances(&object, &nodes, &self.children, None);
        let sightings =
            asked.into_iter().map(|id| (id.clone(), Sighting::Seen(self.instance(&id)))).collect();
        let listed = resolve::subnet_ids(&object.spec);
        World {
            neighbours: Neighbours { types: Some(vec![]), cni_is_imds_only: false },
            now: at(NOW),
            nodes,
            instances: sightings,
            network: Network {
                subnets: all().into_iter().filter(|one| listed.contains(&one.id)).collect(),
                ..Network::default()
            },
            children: if self.behind { self.seen.clone() } else { self.children.clone() },
            leftovers: None,
            authority: eni_operator::plan::authority::Known::default(),
            tagged: vec![],
            held: None,
            node_eni: object,
        }
    }

    fn instance(&self, id: &InstanceId) -> eni_operator::model::Instance {
        let n = (0..self.zones.len()).find(|n| instance_id(u32::try_from(*n).unwrap() + 1) == *id).unwrap();
        instance(u32::try_from(n).unwrap() + 1, if self.zones[n] { "b" } else { "a" })
    }

    /// Carries out a plan as the pass does: the places are written first, against the state that was seen, and
    /// without them no slot is made. The process may die before the status is written.
    fn pass(&mut self, dies: bool) {
        let plan = plan(&self.world(), &settings());
        self.behind = false;
        let before = self.children.clone();
        let places = self.status.as_ref().map_or(&[][..], |status| &status.subnet_offsets);
        let is_told_first = !plan.create.is_empty() && places != plan.status.subnet_offsets;
        if is_told_first && dies {
            return;
        }
        for new in plan.update.iter().chain(&plan.remove) {
            // One that is gone, or was changed since it was seen, is refused.
            let same = |child: &&mut NodeENIAttachment| child.metadata.name == new.metadata.name;
            let Some(old) = self.children.iter_mut().find(same) else { continue };
            *old = new.clone();
            if old.spec.release {
                old.metadata.deletion_timestamp = Some(Time(at(NOW)));
            }
        }
        for new in plan.create {
            if self.children.iter().all(|child| child.metadata.name != new.metadata.name) {
                self.children.push(new);
            }
        }
        self.seen = before;
        if !dies || is_told_first {
            self.status = Some(plan.status);
        }
    }

    /// Every name of every zone, with the subnets that it means.
    fn names(&self) -> BTreeMap<(String, String), Vec<String>> {
        let mut names: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for child in &self.children {
            let all = names.entry((child.spec.zone.clone(), child.spec.alt_name.clone())).or_default();
            if !all.contains(&child.spec.subnet_id) {
                all.push(child.spec.subnet_id.clone());
            }
        }
        names
    }
}

/// Six subnets, three to a zone.
fn all() -> Vec<Subnet> {
    (1..7).map(|n| subnet(n, if n % 2 == 0 { "a" } else { "b" }, 1, 10 * n)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn one_name_means_one_subnet_in_a_zone_as_long_as_its_enis_live(
        edits in proptest::collection::vec((edit(), prop::bool::weighted(0.1)), 1..25),
    ) {
        let mut history = History { list: vec![2, 1, 4], zones: vec![false, true], ..History::default() };
        history.pass(false);
        for (edit, dies) in &edits {
            let before = history.clone();
            history.apply(edit);
            history.pass(*dies);
            for (name, subnets) in history.names() {
                prop_assert_eq!(subnets.len(), 1, "{:?} means {:?} after {:?}", name, subnets, edit);
            }
            for old in &before.children {
                let new = history.children.iter().find(|child| child.metadata.name == old.metadata.name);
                prop_assert!(new.is_none_or(|new| new.spec.alt_name == old.spec.alt_name), "{edit:?} renames a link");
            }
        }
    }

    #[test]
    fn every_node_of_a_zone_has_the_same_names_once_all_is_quiet(
        edits in proptest::collection::vec(edit(), 1..20),
    ) {
        let mut history = History { list: vec![2, 1, 4], zones: vec![false, true], ..History::default() };
        for edit in &edits {
            history.apply(edit);
            history.pass(false);
        }
        (history.one, history.paused) = (false, false);
        for _ in 0..3 {
            history.pass(false);
            history.apply(&Edit::Finish(1));
        }
        history.pass(false);
        let of_node = |node: &str| -> BTreeMap<String, String> {
            let own = history.children.iter().filter(|child| child.spec.node_name == node);
            own.map(|child| (child.spec.alt_name.clone(), child.spec.subnet_id.clone())).collect()
        };
        let nodes = history.nodes();
        for zone_b in [false, true] {
            let same: Vec<_> = nodes.iter().filter(|node| history.zones[node.name[5..].parse::<usize>().unwrap()] == zone_b)
                .map(|node| of_node(&node.name)).collect();
            prop_assert!(same.windows(2).all(|pair| pair[0] == pair[1]), "{same:?}");
        }
    }
}
