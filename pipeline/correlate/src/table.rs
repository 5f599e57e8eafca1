//! The groups of one target, tenant and exercise.
//!
//! Groups stand on a clock: when there are too many, its hand takes the first that has not been touched since it last came
//! by. So a flood of keys made up by an attacker pushes out itself before it pushes out groups that live.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use vonggac_event::RuleCard;
use vonggac_event::proto::Field;

use crate::session::Session;
use crate::window::{Spec, Window};

/// State of one group.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) fields: Vec<Field>,
    /// Matches in the window of a correlation; empty for a direct rule.
    pub(crate) window: Window,
    /// Last events of a direct rule, to tell duplicates.
    pub(crate) seen: VecDeque<u128>,
    /// Open alerts, oldest first.
    pub(crate) sessions: Vec<Session>,
    pub(crate) is_touched: bool,
    pub(crate) birth: u64,
}

impl Group {
    pub(crate) fn entries(&self) -> usize {
        self.window.len() + self.seen.len()
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
    pub(crate) card: RuleCard,
    pub(crate) target: Target,
    pub(crate) groups: HashMap<Arc<[u8]>, Group>,
    pub(crate) clock: VecDeque<(Arc<[u8]>, u64)>,
    /// Entries of all groups.
    pub(crate) entries: usize,
}

impl Table {
    pub(crate) fn new(card: RuleCard, target: Target) -> Self {
        Self {
            card,
            target,
            groups: HashMap::new(),
            clock: VecDeque::new(),
            entries: 0,
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
        *births += 1;
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

    pub(crate) fn insert(&mut self, key: Arc<[u8]>, group: Group) {
        self.entries += group.entries();
        self.clock.push_back((key.clone(), group.birth));
        self.groups.insert(key, group);
    }

    /// Removes the group that the clock's hand finds, but never `spared`; gives it back, `None` when there is no other.
    pub(crate) fn evict(&mut self, spared: &[u8]) -> Option<Group> {
        // Two rounds: the first may only take the marks away.
        for _ in 0..self.clock.len().saturating_mul(2) {
            let (key, birth) = self.clock.pop_front()?;
            let Some(group) = self.groups.get_mut(&key).filter(|group| group.birth == birth) else {
                continue;
            };
            if group.is_touched || *key == *spared {
                group.is_touched = false;
                self.clock.push_back((key, birth));
                continue;
            }
            let group = self.groups.remove(&key)?;
            self.entries = self.entries.saturating_sub(group.entries());
            return Some(group);
        }
        None
    }

    /// Removes groups that hold nothing any more.
    pub(crate) fn sweep(&mut self) {
        self.groups
            .retain(|_, group| group.window.len() > 0 || !group.sessions.is_empty());
        let groups = &self.groups;
        self.clock
            .retain(|(key, birth)| groups.get(key).is_some_and(|group| group.birth == *birth));
        self.entries = self.groups.values().map(Group::entries).sum();
    }
}
