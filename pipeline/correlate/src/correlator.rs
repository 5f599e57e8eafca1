//! From matches to alerts.

use std::collections::HashMap;
use std::sync::Arc;

use vonggac_event::{Alert, EventId, Match, RuleCard, RuleKind};
use vonggac_sigma::{Correlation, CorrelationKind};

use crate::keys::{Key, group_key, hash_values, table_key};
use crate::outlet::emit;
use crate::session::{Session, is_address_or_empty};
use crate::table::{Group, InForce, Table, Target};
use crate::window::{Entry, Held, Insertion, Spec};
use crate::{IMMEDIATE_REVISIONS_MAX, OPEN_ALERTS_PER_GROUP_MAX, REMEMBERED_EVENTS_MAX};

/// Bounds of the state, and the two lengths of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a direct alert takes in the matches of its group, in microseconds.
    pub suppress_us: i64,
    /// How late a match may come, in microseconds of event time behind the watermark.
    pub lateness_us: i64,
    /// Most groups of one target, tenant and exercise.
    pub groups_per_rule_max: usize,
    /// Most matches kept of one group.
    pub matches_per_group_max: usize,
    /// Most matches kept of one target, tenant and exercise.
    pub matches_per_rule_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            suppress_us: 3_600_000_000,
            lateness_us: 60_000_000,
            groups_per_rule_max: 100_000,
            matches_per_group_max: 20_000,
            matches_per_rule_max: 2_000_000,
        }
    }
}

/// What happened to matches, and what limits took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Matches that came.
    pub matches: u64,
    /// Those that had come before.
    pub duplicates: u64,
    /// Those that came later than [`Limits::lateness_us`]; they count as well as what is left of their window lets them.
    pub late: u64,
    /// Those without a rule or an event id, which count nowhere.
    pub malformed: u64,
    /// Those for a correlation that is not in force, which count nowhere.
    pub unknown_target: u64,
    /// Groups given up for others of their rule.
    pub groups_evicted: u64,
    /// Matches given up for later ones of their group.
    pub matches_evicted: u64,
    /// Open alerts closed early for others of their group.
    pub alerts_closed_early: u64,
    /// Revisions of alerts that went out in a later one.
    pub revisions_gathered: u64,
}

/// The alert engine: state of every group, fed match by match.
#[derive(Debug)]
pub struct Correlator {
    pub(crate) limits: Limits,
    pub(crate) correlations: HashMap<String, Arc<InForce>>,
    pub(crate) tables: HashMap<Key, Table>,
    /// Groups with a revision that has not gone out, in the order they got it.
    pub(crate) dirty: Vec<(Key, Key)>,
    pub(crate) births: u64,
    pub(crate) watermark_us: i64,
    pub(crate) expired_us: i64,
    pub(crate) counters: Counters,
}

/// How far the watermark has to move before state is looked through again, in microseconds.
const EXPIRE_STEP_US: i64 = 1_000_000;

impl Correlator {
    /// An engine without state.
    pub fn new(correlations: &[Correlation], limits: Limits) -> Self {
        let correlations = correlations
            .iter()
            .map(|correlation| {
                let in_force = InForce {
                    card: correlation.rule.card(RuleKind::Correlation),
                    feeds: correlation
                        .feeds
                        .iter()
                        .map(|feed| feed.rule_id.clone())
                        .collect(),
                    fields: correlation.fields.clone(),
                    spec: Spec::new(correlation),
                };
                (correlation.rule.id.clone(), Arc::new(in_force))
            })
            .collect();
        Self {
            limits,
            correlations,
            tables: HashMap::new(),
            dirty: Vec::new(),
            births: 0,
            watermark_us: i64::MIN,
            expired_us: i64::MIN,
            counters: Counters::default(),
        }
    }

    /// What happened so far; not part of a snapshot.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Groups held now.
    pub fn groups(&self) -> usize {
        self.tables.values().map(|table| table.groups.len()).sum()
    }

    /// Takes a match in, at the time `detected_us` of the pipeline's clock, and appends the alert it raises or changes.
    pub fn apply(&mut self, item: &Match, detected_us: i64, out: &mut Vec<Alert>) {
        self.counters.matches += 1;
        let Some(event_id) = EventId::from_bytes(&item.event_id).filter(|_| {
            !item.target_id.is_empty() && is_address_or_empty(&item.src) && is_address_or_empty(&item.dst)
        }) else {
            self.counters.malformed += 1;
            return;
        };
        if item.ts_us < self.watermark_us.saturating_sub(self.limits.lateness_us) {
            self.counters.late += 1;
        }
        if item.target_id == item.rule_id {
            match &item.rule {
                Some(card) => self.apply_direct(item, event_id.0, card, detected_us, out),
                None => self.counters.malformed += 1,
            }
            return;
        }
        let in_force = self.correlations.get(&item.target_id).cloned();
        let feed = in_force
            .as_ref()
            .and_then(|in_force| in_force.feeds.iter().position(|id| *id == item.rule_id));
        match (in_force, feed.and_then(|feed| u16::try_from(feed).ok())) {
            (Some(in_force), Some(feed)) => {
                let value = match in_force.spec.kind {
                    CorrelationKind::ValueSum | CorrelationKind::ValueAverage => {
                        item.values.first().and_then(|field| field.value.parse().ok())
                    }
                    CorrelationKind::ValueCount => Some(hash_values(item)),
                    _ => Some(0),
                };
                let Some(value) = value else {
                    self.counters.malformed += 1;
                    return;
                };
                let entry = Entry {
                    ts_us: item.ts_us,
                    event_id: event_id.0,
                    feed,
                    value,
                    flow_id: item.flow_id,
                };
                self.apply_correlation(item, entry, &in_force, detected_us, out);
            }
            _ => self.counters.unknown_target += 1,
        }
    }

    /// Appends the alerts whose last revision has not gone out. To be run at the end of each batch, before a snapshot that
    /// its offsets are saved with.
    pub fn flush(&mut self, out: &mut Vec<Alert>) {
        for (table_key, group_key) in std::mem::take(&mut self.dirty) {
            let Some(table) = self.tables.get_mut(&table_key) else {
                continue;
            };
            let Some(group) = table.groups.get_mut(&group_key) else {
                continue;
            };
            for session in group.sessions.iter_mut().filter(|session| session.is_dirty) {
                out.push(emit(session, &table.card, &table.target));
            }
        }
    }

    /// Lets go of what no match at or after `watermark_us` less the lateness can touch. The watermark never goes back.
    pub fn expire(&mut self, watermark_us: i64) {
        self.watermark_us = self.watermark_us.max(watermark_us);
        if self.watermark_us < self.expired_us.saturating_add(EXPIRE_STEP_US) {
            return;
        }
        self.expired_us = self.watermark_us;
        let settled_us = self.watermark_us.saturating_sub(self.limits.lateness_us);
        for table in self.tables.values_mut() {
            let length_us = match &table.target {
                Target::Direct => self.limits.suppress_us,
                Target::Correlation(in_force) => in_force.spec.timespan_us,
            };
            let horizon_us = settled_us.saturating_sub(length_us);
            for group in table.groups.values_mut() {
                if let Target::Correlation(in_force) = &table.target {
                    group.window.prune(horizon_us, &in_force.spec);
                }
                // An alert is still to go out while it is dirty.
                group
                    .sessions
                    .retain(|session| session.is_dirty || session.held_us >= horizon_us);
            }
            table.sweep();
        }
        self.tables.retain(|_, table| !table.groups.is_empty());
    }

    fn apply_direct(
        &mut self,
        item: &Match,
        event_id: u128,
        card: &RuleCard,
        detected_us: i64,
        out: &mut Vec<Alert>,
    ) {
        let table_key = table_key(item, &card.version);
        let table = self
            .tables
            .entry(table_key.clone())
            .or_insert_with(|| Table::new(card.clone(), Target::Direct));
        let group_key = table.touch(&group_key(item), &item.group, &mut self.births);
        let Some(group) = table.groups.get_mut(&group_key) else {
            return;
        };
        if group.seen.contains(&event_id) {
            self.counters.duplicates += 1;
            return;
        }
        group.seen.push_back(event_id);
        table.entries += 1;
        if group.seen.len() > REMEMBERED_EVENTS_MAX {
            group.seen.pop_front();
            table.entries = table.entries.saturating_sub(1);
        }
        let index = match direct_session(group, item.ts_us, &self.limits) {
            Some(index) => index,
            None => {
                let session = Session::open(item, &card.id, &card.version, item.ts_us, detected_us);
                open(group, session, &mut self.counters)
            }
        };
        if let Some(session) = group.sessions.get_mut(index) {
            session.count(item.ts_us, event_id, item.flow_id);
        }
        self.revise(item, &table_key, &group_key, index, out);
        self.keep_to_limits(&table_key, &group_key, out);
    }

    fn apply_correlation(
        &mut self,
        item: &Match,
        entry: Entry,
        in_force: &Arc<InForce>,
        detected_us: i64,
        out: &mut Vec<Alert>,
    ) {
        let spec = &in_force.spec;
        let card = &in_force.card;
        let table_key = table_key(item, &card.version);
        let table = self
            .tables
            .entry(table_key.clone())
            .or_insert_with(|| Table::new(card.clone(), Target::Correlation(in_force.clone())));
        let group_key = table.touch(&group_key(item), &item.group, &mut self.births);
        let Some(group) = table.groups.get_mut(&group_key) else {
            return;
        };
        let held = match group.window.insert(entry, spec) {
            Insertion::Duplicate => {
                self.counters.duplicates += 1;
                return;
            }
            Insertion::New(held) => held,
        };
        table.entries += 1;
        if let Some(index) = correlation_session(group, &entry, held, spec) {
            if let Some(session) = group.sessions.get_mut(index) {
                session.count(entry.ts_us, entry.event_id, entry.flow_id);
                update(session, held);
            }
            self.revise(item, &table_key, &group_key, index, out);
        } else if let Some(held) = held {
            let mut session = Session::open(item, &card.id, &card.version, held.start_us, detected_us);
            let end_us = held.last_end_us.saturating_add(spec.timespan_us);
            for member in group.window.entries() {
                if (held.start_us..=end_us).contains(&member.ts_us) {
                    session.count(member.ts_us, member.event_id, member.flow_id);
                }
            }
            update(&mut session, Some(held));
            let index = open(group, session, &mut self.counters);
            self.revise(item, &table_key, &group_key, index, out);
        }
        self.keep_to_limits(&table_key, &group_key, out);
    }

    /// Makes a revision of an alert and sends it, now or with the next flush.
    fn revise(&mut self, item: &Match, table_key: &Key, group_key: &Key, index: usize, out: &mut Vec<Alert>) {
        let Some(table) = self.tables.get_mut(table_key) else {
            return;
        };
        let session = table
            .groups
            .get_mut(group_key)
            .and_then(|group| group.sessions.get_mut(index));
        let Some(session) = session else {
            return;
        };
        let was_dirty = session.is_dirty;
        session.describe(item);
        if session.alert.revision <= IMMEDIATE_REVISIONS_MAX {
            out.push(emit(session, &table.card, &table.target));
        } else if was_dirty {
            self.counters.revisions_gathered += 1;
        } else {
            self.dirty.push((table_key.clone(), group_key.clone()));
        }
    }

    /// Gives up the oldest until the limits hold. Alerts that are yet to go out go out first.
    fn keep_to_limits(&mut self, table_key: &Key, group_key: &Key, out: &mut Vec<Alert>) {
        let Some(table) = self.tables.get_mut(table_key) else {
            return;
        };
        if let (Target::Correlation(in_force), Some(group)) = (&table.target, table.groups.get_mut(group_key))
        {
            while group.window.len() > self.limits.matches_per_group_max {
                group.window.pop_oldest(&in_force.spec);
                table.entries = table.entries.saturating_sub(1);
                self.counters.matches_evicted += 1;
            }
        }
        while table.groups.len() > self.limits.groups_per_rule_max
            || table.entries > self.limits.matches_per_rule_max
        {
            let Some(mut group) = table.evict(group_key) else {
                break;
            };
            self.counters.groups_evicted += 1;
            for session in group.sessions.iter_mut().filter(|session| session.is_dirty) {
                out.push(emit(session, &table.card, &table.target));
            }
        }
    }
}

/// The open direct alert whose window takes in a match at `ts_us`: the last that started before it, or the first that started
/// not too long after it.
fn direct_session(group: &Group, ts_us: i64, limits: &Limits) -> Option<usize> {
    let fits = |session: &Session| {
        ts_us >= session.start_us().saturating_sub(limits.lateness_us)
            && ts_us < session.start_us().saturating_add(limits.suppress_us)
    };
    let fitting = || {
        group
            .sessions
            .iter()
            .enumerate()
            .filter(|(_, session)| fits(session))
    };
    fitting()
        .filter(|(_, session)| session.start_us() <= ts_us)
        .max_by_key(|(_, session)| session.start_us())
        .or_else(|| fitting().min_by_key(|(_, session)| session.start_us()))
        .map(|(index, _)| index)
}

/// The open alert of a correlation that a new entry belongs to: windows that hold because of it overlap the alert, or it lies
/// in the alert's time itself.
fn correlation_session(group: &Group, entry: &Entry, held: Option<Held>, spec: &Spec) -> Option<usize> {
    let (first_us, last_us) = held.map_or((entry.ts_us, entry.ts_us), |held| {
        (held.first_end_us, held.last_end_us)
    });
    group
        .sessions
        .iter()
        .enumerate()
        .filter(|(_, session)| {
            last_us >= session.start_us() && first_us <= session.held_us.saturating_add(spec.timespan_us)
        })
        .max_by_key(|(_, session)| session.start_us())
        .map(|(index, _)| index)
}

fn update(session: &mut Session, held: Option<Held>) {
    if let Some(held) = held
        && held.last_end_us >= session.held_us
    {
        session.held_us = held.last_end_us;
        session.metric = held.metric;
    }
}

/// Adds an open alert to its group; gives its place.
fn open(group: &mut Group, session: Session, counters: &mut Counters) -> usize {
    if group.sessions.len() >= OPEN_ALERTS_PER_GROUP_MAX {
        let oldest = group
            .sessions
            .iter()
            .enumerate()
            .filter(|(_, session)| !session.is_dirty)
            .min_by_key(|(_, session)| session.start_us())
            .map(|(index, _)| index);
        if let Some(oldest) = oldest {
            group.sessions.remove(oldest);
            counters.alerts_closed_early += 1;
        }
    }
    group.sessions.push(session);
    group.sessions.len() - 1
}
