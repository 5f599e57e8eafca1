//! From matches to alerts.

use std::collections::HashMap;
use std::sync::Arc;

use vonggac_event::{Alert, EventId, Match, RuleCard, RuleKind};
use vonggac_sigma::{Correlation, CorrelationKind};

use crate::clocks::{Clocks, source_of};
use crate::keys::{Key, group_key, hash_values, table_key};
use crate::limits::{Counters, Held, Limits};
use crate::outlet::emit;
use crate::session::{Session, is_address_or_empty};
use crate::table::{Group, InForce, Table, Target, Weight};
use crate::window::{Entry, Insertion, Spec, Stretch};
use crate::{IMMEDIATE_REVISIONS_MAX, OPEN_ALERTS_PER_GROUP_MAX, REMEMBERED_EVENTS_MAX};

/// The alert engine: state of every group, fed match by match.
#[derive(Debug)]
pub struct Correlator {
    pub(crate) limits: Limits,
    pub(crate) correlations: HashMap<String, Arc<InForce>>,
    pub(crate) tables: HashMap<Key, Table>,
    /// Of all tables.
    pub(crate) weight: Weight,
    pub(crate) clocks: Clocks,
    /// Groups with a revision that has not gone out, in the order they got it.
    pub(crate) dirty: Vec<(Key, Key)>,
    pub(crate) births: u64,
    /// Matches since state was last looked through.
    pub(crate) unswept: u64,
    /// When that was, in arrival time.
    pub(crate) swept_us: i64,
    pub(crate) counters: Counters,
    pub(crate) unknown_target: Option<String>,
}

/// State is looked through after this many matches, or when they are this part of what is held, whichever is more …
const SWEEP_MATCHES_MIN: u64 = 4096;
const SWEEP_PART: u64 = 8;
/// … and after this much arrival time, in microseconds.
const SWEEP_US: i64 = 60_000_000;
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
            weight: Weight::default(),
            clocks: Clocks::default(),
            dirty: Vec::new(),
            births: 0,
            unswept: 0,
            swept_us: 0,
            counters: Counters::default(),
            unknown_target: None,
        }
    }

    /// What happened so far; not part of a snapshot.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What is held now.
    pub fn held(&self) -> Held {
        let (watermark_lowest_us, watermark_highest_us) = self.clocks.watermarks_us().unwrap_or_default();
        Held {
            groups: self.weight.groups as u64,
            matches: self.weight.entries as u64,
            bytes: self.weight.bytes as u64,
            sources: self.clocks.sources.len() as u64,
            watermark_lowest_us,
            watermark_highest_us,
        }
    }

    /// The target of the last match that [`Counters::unknown_target`] counted, for a log line when it grows.
    pub fn last_unknown_target(&self) -> Option<&str> {
        self.unknown_target.as_deref()
    }

    /// Takes a match in and appends the alert it raises or changes.
    ///
    /// `arrival_us` is the time of its message on Kafka, in microseconds since 1970. It becomes [`Alert::detected_us`] of an alert
    /// that the match raises; so a replay of the same messages makes the same alerts, byte by byte, whenever it runs.
    pub fn apply(&mut self, item: &Match, arrival_us: i64, out: &mut Vec<Alert>) {
        self.counters.matches += 1;
        self.clocks.arrive(arrival_us);
        match EventId::from_bytes(&item.event_id) {
            Some(event_id)
                if !item.target_id.is_empty()
                    && is_address_or_empty(&item.src)
                    && is_address_or_empty(&item.dst) =>
            {
                self.hear(event_id.0, item.ts_us);
                self.route(item, event_id.0, arrival_us, out);
            }
            _ => self.counters.malformed += 1,
        }
        self.unswept = self.unswept.saturating_add(1);
        let held = (self.weight.entries + self.weight.groups) as u64;
        if self.unswept >= SWEEP_MATCHES_MIN.max(held / SWEEP_PART)
            || self.clocks.active_us.saturating_sub(self.swept_us) >= SWEEP_US
        {
            self.sweep();
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

    fn hear(&mut self, event_id: u128, ts_us: i64) {
        let heard = self.clocks.hear(event_id, ts_us, &self.limits);
        self.counters.late += u64::from(heard.is_late);
        self.counters.watermarks_turned_back += u64::from(heard.is_turned_back);
        self.counters.sources_evicted += u64::from(heard.is_forgetful);
    }

    fn route(&mut self, item: &Match, event_id: u128, arrival_us: i64, out: &mut Vec<Alert>) {
        if item.target_id == item.rule_id {
            match &item.rule {
                Some(card) => self.apply_direct(item, event_id, card, arrival_us, out),
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
                    event_id,
                    feed,
                    value,
                    flow_id: item.flow_id,
                };
                self.apply_correlation(item, entry, &in_force, arrival_us, out);
            }
            _ => {
                self.counters.unknown_target += 1;
                self.unknown_target
                    .get_or_insert_default()
                    .clone_from(&item.target_id);
            }
        }
    }

    fn apply_direct(
        &mut self,
        item: &Match,
        event_id: u128,
        card: &RuleCard,
        arrival_us: i64,
        out: &mut Vec<Alert>,
    ) {
        let table_key = table_key(item, &card.version);
        let table = self
            .tables
            .entry(table_key.clone())
            .or_insert_with(|| Table::new(item.tenant.clone(), card.clone(), Target::Direct));
        let before = table.weight;
        let group_key = table.touch(&group_key(item), &item.group, &mut self.births);
        self.weight = self.weight.less(before).plus(table.weight);
        let Some(group) = table.groups.get_mut(&group_key) else {
            return;
        };
        if group.seen.contains(&event_id) {
            self.counters.duplicates += 1;
            return;
        }
        group.seen.push_back(event_id);
        if group.seen.len() > REMEMBERED_EVENTS_MAX {
            group.seen.pop_front();
        }
        let index = match direct_session(group, item.ts_us, &self.limits) {
            Some(index) => index,
            None => {
                let session = Session::open(item, &card.id, &card.version, item.ts_us, arrival_us);
                open(group, session, &mut self.counters)
            }
        };
        if let Some(session) = group.sessions.get_mut(index) {
            session.count(item.ts_us, event_id, item.flow_id);
        }
        self.revise(item, event_id, &table_key, &group_key, index, out);
        self.keep_to_limits(&table_key, &group_key, out);
    }

    fn apply_correlation(
        &mut self,
        item: &Match,
        entry: Entry,
        in_force: &Arc<InForce>,
        arrival_us: i64,
        out: &mut Vec<Alert>,
    ) {
        let spec = &in_force.spec;
        let card = &in_force.card;
        let table_key = table_key(item, &card.version);
        let table = self.tables.entry(table_key.clone()).or_insert_with(|| {
            let target = Target::Correlation(in_force.clone());
            Table::new(item.tenant.clone(), card.clone(), target)
        });
        let before = table.weight;
        let group_key = table.touch(&group_key(item), &item.group, &mut self.births);
        self.weight = self.weight.less(before).plus(table.weight);
        let Some(group) = table.groups.get_mut(&group_key) else {
            return;
        };
        let reach_us = spec.timespan_us.saturating_add(self.limits.lateness_us);
        let (place, given_up) = group.strand(entry.ts_us, reach_us, spec);
        self.counters.matches_evicted += given_up.map_or(0, |strand| strand.window.len() as u64);
        let Some(strand) = group.strands.get_mut(place) else {
            return;
        };
        strand.touched_us = self.clocks.active_us;
        let held = match strand.window.insert(entry, spec) {
            Insertion::Duplicate => {
                self.counters.duplicates += 1;
                return;
            }
            Insertion::New(held) => held,
        };
        let stretch = held.map_or(Stretch::at(entry.ts_us), |held| held.ends);
        match correlation_session(group, stretch, self.limits.alert_us_max, spec) {
            Found::Open(index) => {
                if let Some(session) = group.sessions.get_mut(index) {
                    session.count(entry.ts_us, entry.event_id, entry.flow_id);
                    session.hold(held);
                }
                self.revise(item, entry.event_id, &table_key, &group_key, index, out);
            }
            found => {
                let Some(held) = held else {
                    self.keep_to_limits(&table_key, &group_key, out);
                    return;
                };
                self.counters.alerts_of_age += u64::from(found == Found::OfAge);
                let mut session = Session::open(item, &card.id, &card.version, held.start_us, arrival_us);
                let end_us = held.ends.last_us.saturating_add(spec.timespan_us);
                let members = group.strands.get(place).map(|strand| strand.window.entries());
                for member in members.into_iter().flatten() {
                    if (held.start_us..=end_us).contains(&member.ts_us) {
                        session.count(member.ts_us, member.event_id, member.flow_id);
                    }
                }
                session.hold(Some(held));
                let index = open(group, session, &mut self.counters);
                self.revise(item, entry.event_id, &table_key, &group_key, index, out);
            }
        }
        self.keep_to_limits(&table_key, &group_key, out);
    }

    /// Makes a revision of an alert and sends it, now or with the next flush.
    fn revise(
        &mut self,
        item: &Match,
        event_id: u128,
        table_key: &Key,
        group_key: &Key,
        index: usize,
        out: &mut Vec<Alert>,
    ) {
        let Some(table) = self.tables.get_mut(table_key) else {
            return;
        };
        let Some(group) = table.groups.get_mut(group_key) else {
            return;
        };
        let index = group.move_to_end(index);
        let Some(session) = group.sessions.get_mut(index) else {
            return;
        };
        session.source = source_of(event_id);
        session.touched_us = self.clocks.active_us;
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

/// Which alert of a correlation a new entry belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// The open one at this place.
    Open(usize),
    /// One that is too old to take it in.
    OfAge,
    Nothing,
}

/// The open alert of a correlation that a new entry belongs to: windows that hold because of it overlap the alert, or it lies
/// in the alert's time itself.
fn correlation_session(group: &Group, ends: Stretch, alert_us_max: i64, spec: &Spec) -> Found {
    // A new alert's first window then starts after the old one's, so that its id is another.
    let age_us_max = alert_us_max.max(spec.timespan_us.saturating_add(1));
    let latest = group
        .sessions
        .iter()
        .enumerate()
        .filter(|(_, session)| {
            ends.last_us >= session.start_us()
                && ends.first_us <= session.held_us.saturating_add(spec.timespan_us)
        })
        .max_by_key(|(_, session)| session.start_us());
    match latest {
        Some((_, session)) if ends.first_us >= session.start_us().saturating_add(age_us_max) => Found::OfAge,
        Some((index, _)) => Found::Open(index),
        None => Found::Nothing,
    }
}

/// Adds an open alert to its group; gives its place.
fn open(group: &mut Group, session: Session, counters: &mut Counters) -> usize {
    if group.sessions.len() >= OPEN_ALERTS_PER_GROUP_MAX {
        // The one that was left alone for longest, which another stretch of time may not need any more either.
        if let Some(index) = group.sessions.iter().position(|session| !session.is_dirty) {
            group.sessions.remove(index);
            counters.alerts_closed_early += 1;
        }
    }
    group.sessions.push(session);
    group.sessions.len() - 1
}
