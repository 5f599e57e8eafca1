//! Rules on payload, by what is known before anybody looks into it: the server's port and the protocol.
//!
//! ```text
//! port 80    ── not told yet ─▶ rules for any port or 80, of no protocol
//!            ── http         ─▶ the same and http's
//! port 445   ── …
//! all others ── …
//! ```
//!
//! Each cell is one group, so that bytes are searched once. Ports that few rules name share the last row: a group of its own for each would take more
//! memory than it saves time.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::context::Direction;
use crate::prefilter::{Group, GroupBuilder, Telling};
use crate::rule::{Rule, RuleIndex};
use crate::variables::PortSet;
use crate::vocabulary::{App, AppSet};

/// Most ports with groups of their own.
const OWN_PORTS_MAX: usize = 12;
/// Fewer rules on a port are not worth a group.
const OWN_PORT_RULES_MIN: u32 = 4;
/// A rule on more ports than these says little by them.
const NARROW_PORTS_MAX: u32 = 64;

/// The groups of one transport and direction.
#[derive(Debug, Default)]
pub(crate) struct PayloadGroups {
    /// Those with a row of their own, in order.
    ports: Box<[u16]>,
    /// One for each of these ports, and one for all others.
    rows: Box<[Row]>,
}

#[derive(Debug)]
struct Row {
    not_told: Arc<Group>,
    /// By the protocol's place; those that no rule names have the group of `not_told`.
    by_app: Box<[Arc<Group>]>,
}

impl PayloadGroups {
    /// What may match where the server has that port and the protocol is that one, or not told yet; `None` if no rule does.
    pub(crate) fn group(&self, server_port: u16, app: Option<App>) -> Option<&Group> {
        let others = self.ports.len();
        let row = self
            .rows
            .get(self.ports.binary_search(&server_port).unwrap_or(others))?;
        let of_app = app.and_then(|app| row.by_app.get(app.place()));
        Some(of_app.unwrap_or(&row.not_told))
    }

    /// Whether there are no rules.
    pub(crate) fn is_empty(&self) -> bool {
        self.groups().all(Group::is_empty)
    }

    /// Each group once.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.rows.iter().flat_map(|row| {
            let own = row
                .by_app
                .iter()
                .filter(|group| !Arc::ptr_eq(group, &row.not_told));
            std::iter::once(&row.not_told).chain(own).map(|group| &**group)
        })
    }
}

/// A rule in waiting for its cells.
#[derive(Debug)]
struct Member {
    index: RuleIndex,
    telling: Option<Telling>,
    /// The server's port is in either.
    ports: [Arc<PortSet>; 2],
    apps: Option<AppSet>,
}

impl Member {
    fn admits(&self, port: u16) -> bool {
        self.ports.iter().any(|set| set.contains(port))
    }

    /// Whether it admits a port beside these.
    fn admits_beside(&self, ports: &[u16]) -> bool {
        self.ports.iter().any(|set| {
            let among = ports.iter().filter(|port| set.contains(**port)).count();
            set.count() as usize > among
        })
    }

    /// The ports, if it says something by them.
    fn narrow_ports(&self) -> impl Iterator<Item = u16> {
        let is_narrow = self.ports.iter().all(|set| set.count() <= NARROW_PORTS_MAX);
        let [one, other] = &self.ports;
        let second = (!Arc::ptr_eq(one, other)).then_some(other);
        let sets = std::iter::once(one).chain(second).filter(move |_| is_narrow);
        sets.flat_map(|set| set.ranges())
            .flat_map(|(low, high)| *low..=*high)
    }
}

/// The groups of one transport and direction while rules are put into them.
#[derive(Debug)]
pub(crate) struct PayloadGroupsBuilder {
    direction: Direction,
    members: Vec<Member>,
}

impl PayloadGroupsBuilder {
    pub(crate) fn new(direction: Direction) -> PayloadGroupsBuilder {
        PayloadGroupsBuilder {
            direction,
            members: Vec::new(),
        }
    }

    /// Adds a rule by its pattern, or as one that is judged on all payload of its ports and protocols; unless it is about the other direction.
    pub(crate) fn add(&mut self, index: RuleIndex, rule: &Rule, telling: Option<&Telling>) {
        if rule
            .flow
            .direction
            .is_some_and(|direction| direction != self.direction)
        {
            return;
        }
        let (source, destination) = (&rule.header.source_ports, &rule.header.destination_ports);
        let ports = match self.direction {
            _ if rule.header.both_ways => [source, destination],
            Direction::ToServer => [destination, destination],
            // The header of a rule on both sides of a transaction speaks of client and server.
            Direction::ToClient if rule.is_exchange => [destination, destination],
            Direction::ToClient => [source, source],
        };
        self.members.push(Member {
            index,
            telling: telling.cloned(),
            ports: ports.map(Arc::clone),
            apps: rule.app,
        });
    }

    /// The groups; `apps` are the protocols there are.
    pub(crate) fn build(self, apps: &[App]) -> PayloadGroups {
        if self.members.is_empty() {
            return PayloadGroups::default();
        }
        let ports = self.own_ports();
        let of_port = |port: u16| self.row(apps, |member| member.admits(port));
        let mut rows: Vec<Row> = ports.iter().copied().map(of_port).collect();
        rows.push(self.row(apps, |member| member.admits_beside(&ports)));
        PayloadGroups {
            ports: ports.into(),
            rows: rows.into(),
        }
    }

    /// The ports that most rules name, in order.
    fn own_ports(&self) -> Vec<u16> {
        let mut rules: BTreeMap<u16, u32> = BTreeMap::new();
        for port in self.members.iter().flat_map(Member::narrow_ports) {
            *rules.entry(port).or_default() += 1;
        }
        let mut ports: Vec<(u16, u32)> = rules.into_iter().collect();
        ports.retain(|(_, rules)| *rules >= OWN_PORT_RULES_MIN);
        ports.sort_by_key(|(_, rules)| std::cmp::Reverse(*rules));
        ports.truncate(OWN_PORTS_MAX);
        let mut ports: Vec<u16> = ports.into_iter().map(|(port, _)| port).collect();
        ports.sort_unstable();
        ports
    }

    fn row(&self, apps: &[App], admits: impl Fn(&Member) -> bool) -> Row {
        let members: Vec<&Member> = self.members.iter().filter(|member| admits(member)).collect();
        let group = |is_in: &dyn Fn(AppSet) -> bool| {
            let mut group = GroupBuilder::default();
            for member in members.iter().filter(|member| member.apps.is_none_or(is_in)) {
                group.add(member.index, member.telling.as_ref());
            }
            Arc::new(group.build())
        };
        let not_told = group(&|_| false);
        let by_app = apps.iter().map(|app| {
            let named = |member: &&Member| member.apps.is_some_and(|apps| apps.contains(*app));
            match members.iter().any(named) {
                true => group(&|apps| apps.contains(*app)),
                false => Arc::clone(&not_told),
            }
        });
        Row {
            by_app: by_app.collect(),
            not_told,
        }
    }
}
