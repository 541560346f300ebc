//! The node's own network, before a device came and after.

use super::{Say, World};
use crate::api::{ConditionType, NodeENIAttachment, Reason};
use crate::model::{HostView, Link, MAIN_TABLE};

/// By what the node reaches the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Surroundings {
    /// Whether it had a default route by another link, for IPv4 and for IPv6.
    had_default: [bool; 2],
    /// Its name servers, if they could be seen.
    resolvers: Option<String>,
}

/// The links of the default route that counts, of a family: those of the lowest metric in the main table.
pub(super) fn lowest(view: &HostView, v6: bool) -> Vec<u32> {
    let all = || view.routes.iter().filter(|route| route.v6 == v6 && route.table == MAIN_TABLE);
    let metric = all().map(|route| route.metric).min();
    all().filter(|route| Some(route.metric) == metric).map(|route| route.link).collect()
}

impl Surroundings {
    /// Those of a node, without a link.
    pub(super) fn of(view: &HostView, without: Option<u32>) -> Self {
        let had = |v6| lowest(view, v6).iter().any(|link| Some(*link) != without);
        Self { had_default: [had(false), had(true)], resolvers: view.resolvers.clone() }
    }

    /// What is worse with a link than it was before it.
    fn trouble(&self, view: &HostView, link: &Link) -> Option<(Reason, String)> {
        for (v6, family) in [(false, "IPv4"), (true, "IPv6")] {
            let now = lowest(view, v6);
            if !self.had_default[usize::from(v6)] {
                continue;
            }
            if now.contains(&link.index) {
                let why = format!("the node's default route of {family} goes out by {} now", link.name);
                return Some((Reason::DefaultRoute, why));
            }
            if now.is_empty() {
                let why = format!("the node has no default route of {family} any more");
                return Some((Reason::DefaultRouteLost, why));
            }
        }
        let changed = self.resolvers.is_some() && view.resolvers != self.resolvers;
        changed.then(|| {
            (Reason::ResolversChanged, "the node's name servers are others than before the link".to_owned())
        })
    }
}

/// What there is to say of the node's network beside what is said of the link.
pub(super) fn judge(
    world: &World<'_>,
    slot: &NodeENIAttachment,
    link: &Link,
    before: Option<&Surroundings>,
    say: Say,
) -> Say {
    match before.and_then(|before| before.trouble(world.view, link)) {
        Some((reason, why)) => say.yes(ConditionType::NodeDisturbed, reason, why),
        None if slot.holds(ConditionType::NodeDisturbed) => {
            say.no(ConditionType::NodeDisturbed, Reason::AsSpecified, "")
        }
        None => say,
    }
}
