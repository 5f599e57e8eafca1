//! The groups of one target, tenant and exercise.
//!
//! A group's matches lie in *strands*: stretches of event time so far apart that no window reaches from one to the next. Traffic of now
//! is one strand, last month's capture another, and each costs what it would cost alone.
//!
//! Groups stand on a clock: when there are too many, its hand takes the first that has not been touched since it last came
//! by. So a flood of keys made up by an attacker pushes out itself before it pushes out groups that live.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use vonggac_event::RuleCard;
use vonggac_event::proto::Field;

use crate::clocks::{Over, source_of};
use crate::session::Session;
use crate::window::{Spec, Window};

/// Most strands of a group.
const STRANDS_MAX: usize = 16;
/// Memory of a group beside its texts and entries, in bytes, about.
const GROUP_BYTES: usize = 512;
/// Memory of an entry with its share in the counts by value, about.
const ENTRY_BYTES: usize = 96;

/// A stretch of event time.
#[derive(Debug, Default)]
pub(crate) struct Strand {
    pub(crate) window: Window,
    /// When its last match came, in arrival time.
    pub(crate) touched_us: i64,
}

/// State of one group.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) fields: Vec<Field>,
    /// Matches of a correlation; empty for a direct rule.
    pub(crate) strands: Vec<Strand>,
    /// Last events of a direct rule, to tell duplicates.
    pub(crate) seen: VecDeque<u128>,
    /// Open alerts; the one that took a match in last stands last.
    pub(crate) sessions: Vec<Session>,
    pub(crate) is_touched: bool,
    pub(crate) birth: u64,
    /// As it was last weighed.
    pub(crate) weight: Weight,
}

/// What state holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Weight {
    pub(crate) groups: usize,
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

impl Weight {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            groups: self.groups + other.groups,
            entries: self.entries + other.entries,
            bytes: self.bytes + other.bytes,
        }
    }

    pub(crate) fn less(self, other: Self) -> Self {
        Self {
            groups: self.groups.saturating_sub(other.groups),
            entries: self.entries.saturating_sub(other.entries),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

impl Group {
    pub(crate) fn entries(&self) -> usize {
        self.strands
            .iter()
            .map(|strand| strand.window.len())
            .sum::<usize>()
            + self.seen.len()
    }

    /// What it holds now.
    fn weigh(&self, key: &[u8]) -> Weight {
        let matches: usize = self.strands.iter().map(|strand| strand.window.len()).sum();
        let fields = self
            .fields
            .iter()
            .map(|field| field.name.len() + field.value.len());
        let sessions = self.sessions.iter().map(Session::bytes);
        Weight {
            groups: 1,
            entries: self.entries(),
            bytes: GROUP_BYTES
                + key.len()
                + fields.sum::<usize>()
                + sessions.sum::<usize>()
                + matches * ENTRY_BYTES
                + self.seen.len() * size_of::<u128>(),
        }
    }

    /// The strand that a match at `ts_us` lies in: strands within `reach_us` of it become one. Gives its place, and the strand
    /// that was given up for it.
    pub(crate) fn strand(&mut self, ts_us: i64, reach_us: i64, spec: &Spec) -> (usize, Option<Strand>) {
        let is_near = |strand: &Strand| {
            strand.window.span_us().is_some_and(|(first_us, last_us)| {
                (first_us.saturating_sub(reach_us)..=last_us.saturating_add(reach_us)).contains(&ts_us)
            })
        };
        if let Some(found) = self.strands.iter().position(is_near) {
            while let Some(next) = self.strands.iter().skip(found + 1).position(is_near) {
                let other = self.strands.remove(found + 1 + next);
                if let Some(strand) = self.strands.get_mut(found) {
                    strand.window.merge(other.window, spec);
                }
            }
            return (found, None);
        }
        let mut given_up = None;
        if self.strands.len() >= STRANDS_MAX {
            let left_alone = self.strands.iter().enumerate();
            let left_alone = left_alone.min_by_key(|(index, strand)| (strand.touched_us, *index));
            given_up = left_alone
                .map(|(index, _)| index)
                .map(|index| self.strands.remove(index));
        }
        self.strands.push(Strand::default());
        (self.strands.len() - 1, given_up)
    }

    /// The session at `index` has taken a match in: it goes to the end. Gives its new place.
    pub(crate) fn move_to_end(&mut self, index: usize) -> usize {
        if let Some(tail) = self.sessions.get_mut(index..).filter(|tail| !tail.is_empty()) {
            tail.rotate_left(1);
        }
        self.sessions.len().saturating_sub(1)
    }
}

/// A correlation in force.
#[derive(Debug)]
pub(crate) struct InForce {
    pub(crate) card: RuleCard,
    pub(crate) feeds: Vec<String>,
    pub(crate) fields: Vec<String>,
    pub(crate) spec: Spec,
}

/// What a table's matches are judged by.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Direct,
    Correlation(Arc<InForce>),
}

/// The groups of one target.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) tenant: String,
    pub(crate) card: RuleCard,
    pub(crate) target: Target,
    pub(crate) groups: HashMap<Arc<[u8]>, Group>,
    pub(crate) clock: VecDeque<(Arc<[u8]>, u64)>,
    /// Of all groups.
    pub(crate) weight: Weight,
}

impl Table {
    pub(crate) fn new(tenant: String, card: RuleCard, target: Target) -> Self {
        Self {
            tenant,
            card,
            target,
            groups: HashMap::new(),
            clock: VecDeque::new(),
            weight: Weight::default(),
        }
    }

    /// The length of time that a match matters for, in microseconds.
    pub(crate) fn length_us(&self, suppress_us: i64) -> i64 {
        match &self.target {
            Target::Direct => suppress_us,
            Target::Correlation(in_force) => in_force.spec.timespan_us,
        }
    }

    /// Makes sure that there is a group of this key, and marks it as living. `births` numbers groups.
    pub(crate) fn touch(&mut self, key: &[u8], fields: &[Field], births: &mut u64) -> Arc<[u8]> {
        if let Some((known, _)) = self.groups.get_key_value(key) {
            let known = known.clone();
            if let Some(group) = self.groups.get_mut(key) {
                group.is_touched = true;
            }
            return known;
        }
        *births = births.saturating_add(1);
        let key: Arc<[u8]> = key.into();
        self.insert(
            key.clone(),
            Group {
                fields: fields.to_vec(),
                birth: *births,
                ..Group::default()
            },
        );
        key
    }

    pub(crate) fn insert(&mut self, key: Arc<[u8]>, mut group: Group) {
        group.weight = group.weigh(&key);
        self.weight = self.weight.plus(group.weight);
        self.clock.push_back((key.clone(), group.birth));
        self.groups.insert(key, group);
    }

    /// Removes the group that the clock's hand finds, but never `spared`; gives it back, `None` when there is no other.
    pub(crate) fn evict(&mut self, spared: Option<&Arc<[u8]>>) -> Option<Group> {
        // Two rounds: the first may only take the marks away.
        for _ in 0..self.clock.len().saturating_mul(2) {
            let (key, birth) = self.clock.pop_front()?;
            let Some(group) = self.groups.get_mut(&key).filter(|group| group.birth == birth) else {
                continue;
            };
            if group.is_touched || spared == Some(&key) {
                group.is_touched = false;
                self.clock.push_back((key, birth));
                continue;
            }
            let group = self.groups.remove(&key)?;
            self.weight = self.weight.less(group.weight);
            return Some(group);
        }
        None
    }

    /// Weighs a group that has changed.
    pub(crate) fn weigh(&mut self, key: &[u8]) {
        if let Some(group) = self.groups.get_mut(key) {
            let weight = group.weigh(key);
            self.weight = self.weight.less(group.weight).plus(weight);
            group.weight = weight;
        }
    }

    /// Removes entries and alerts that are over, and then groups that hold nothing any more.
    pub(crate) fn sweep(&mut self, over: &mut Over<'_>) {
        let spec = match &self.target {
            Target::Direct => None,
            Target::Correlation(in_force) => Some(&in_force.spec),
        };
        self.weight = Weight::default();
        self.groups.retain(|key, group| {
            if let Some(spec) = spec {
                group.strands.retain_mut(|strand| {
                    if over.is_left_alone(strand.touched_us) {
                        return false;
                    }
                    strand
                        .window
                        .prune(|entry| over.is_over(source_of(entry.event_id), entry.ts_us), spec);
                    strand.window.len() > 0
                });
            }
            // An alert is still to go out while it is dirty.
            group.sessions.retain(|session| {
                let is_over =
                    over.is_left_alone(session.touched_us) || over.is_over(session.source, session.held_us);
                session.is_dirty || !is_over
            });
            let is_kept = !group.strands.is_empty() || !group.sessions.is_empty();
            if is_kept {
                group.weight = group.weigh(key);
                self.weight = self.weight.plus(group.weight);
            }
            is_kept
        });
        let groups = &self.groups;
        self.clock
            .retain(|(key, birth)| groups.get(key).is_some_and(|group| group.birth == *birth));
    }
}
