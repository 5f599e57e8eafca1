//! The state as bytes: one format byte and then Protobuf.
//!
//! Format 1 had no clocks: its state waits for the first matches of its sources, as if they had just been silent.
//!
//! Groups stand in the order of their table's clock, so that a restored engine gives up the same groups as the one it was
//! saved from would have.

use std::sync::Arc;

use prost::Message;
use thiserror::Error;
use vonggac_event::proto::Field;
use vonggac_event::{Alert, EventId, RuleCard};

use crate::clocks::{Clock, Clocks, RECENT_EVENTS, source_of};
use crate::correlator::Correlator;
use crate::keys::tenant_of;
use crate::session::Session;
use crate::table::{Group, Strand, Table, Target, Weight};
use crate::window::{Entry, Window};

/// The format this build writes.
const FORMAT: u8 = 2;
/// The oldest that it reads.
const FORMAT_OLDEST: u8 = 1;

/// Why bytes are not a snapshot.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// There are no bytes.
    #[error("empty snapshot")]
    Empty,
    /// Another build wrote it, in a format this one does not know.
    #[error("snapshot format {found} is not known here (this build reads {FORMAT_OLDEST} to {FORMAT})")]
    Format {
        /// The format byte.
        found: u8,
    },
    /// The Protobuf part is broken.
    #[error("broken snapshot: {0}")]
    Broken(#[from] prost::DecodeError),
    /// Parts of it do not fit together.
    #[error("broken snapshot: {0}")]
    Inconsistent(&'static str),
}

/// What became of a snapshot's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// Groups that are back.
    pub groups_kept: u64,
    /// Groups of correlations that are gone or have changed.
    pub groups_dropped: u64,
}

#[derive(Clone, PartialEq, Message)]
struct SavedState {
    #[prost(message, repeated, tag = "1")]
    tables: Vec<SavedTable>,
    // 2 and 3 were format 1's watermark.
    #[prost(uint64, tag = "4")]
    births: u64,
    #[prost(message, repeated, tag = "5")]
    dirty: Vec<SavedKeys>,
    #[prost(message, repeated, tag = "6")]
    clocks: Vec<SavedClock>,
    #[prost(sint64, tag = "7")]
    active_us: i64,
    #[prost(sint64, optional, tag = "8")]
    arrival_us: Option<i64>,
    #[prost(uint64, tag = "9")]
    unswept: u64,
    #[prost(sint64, tag = "10")]
    swept_us: i64,
}

#[derive(Clone, PartialEq, Message)]
struct SavedClock {
    #[prost(fixed64, tag = "1")]
    source: u64,
    #[prost(sint64, optional, tag = "2")]
    watermark_us: Option<i64>,
    #[prost(sint64, tag = "3")]
    heard_us: i64,
    #[prost(uint64, repeated, tag = "4")]
    recent_sequences: Vec<u64>,
    #[prost(sint64, repeated, tag = "5")]
    recent_ts_us: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct SavedKeys {
    #[prost(bytes = "vec", tag = "1")]
    table: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    group: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct SavedTable {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bool, tag = "2")]
    is_correlation: bool,
    #[prost(message, optional, tag = "3")]
    card: Option<RuleCard>,
    #[prost(message, repeated, tag = "4")]
    groups: Vec<SavedGroup>,
}

#[derive(Clone, PartialEq, Message)]
struct SavedGroup {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    fields: Vec<Field>,
    #[prost(bool, tag = "3")]
    is_touched: bool,
    #[prost(uint64, tag = "4")]
    birth: u64,
    /// 16 bytes each.
    #[prost(bytes = "vec", tag = "5")]
    seen: Vec<u8>,
    // The entries of all strands, one strand after the other.
    #[prost(sint64, repeated, tag = "6")]
    entry_ts_us: Vec<i64>,
    /// 16 bytes each.
    #[prost(bytes = "vec", tag = "7")]
    entry_event_ids: Vec<u8>,
    #[prost(uint32, repeated, tag = "8")]
    entry_feeds: Vec<u32>,
    #[prost(uint64, repeated, tag = "9")]
    entry_values: Vec<u64>,
    #[prost(fixed64, repeated, tag = "10")]
    entry_flow_ids: Vec<u64>,
    /// Format 1, which had one strand.
    #[prost(sint64, repeated, tag = "11")]
    chain: Vec<i64>,
    #[prost(message, repeated, tag = "12")]
    sessions: Vec<SavedSession>,
    #[prost(message, repeated, tag = "13")]
    strands: Vec<SavedStrand>,
}

#[derive(Clone, PartialEq, Message)]
struct SavedStrand {
    #[prost(uint64, tag = "1")]
    entries: u64,
    #[prost(sint64, repeated, tag = "2")]
    chain: Vec<i64>,
    #[prost(sint64, tag = "3")]
    touched_us: i64,
}

#[derive(Clone, PartialEq, Message)]
struct SavedSession {
    #[prost(message, optional, tag = "1")]
    alert: Option<Alert>,
    #[prost(sint64, tag = "2")]
    held_us: i64,
    #[prost(double, tag = "3")]
    metric: f64,
    #[prost(bool, tag = "4")]
    is_dirty: bool,
    #[prost(fixed64, optional, tag = "5")]
    source: Option<u64>,
    #[prost(sint64, tag = "6")]
    touched_us: i64,
}

impl Correlator {
    /// The whole state.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut tables: Vec<SavedTable> = self
            .tables
            .iter()
            .map(|(key, table)| SavedTable {
                key: key.to_vec(),
                is_correlation: matches!(table.target, Target::Correlation(_)),
                card: Some(table.card.clone()),
                groups: table
                    .clock
                    .iter()
                    .filter_map(|(key, birth)| {
                        let group = table.groups.get(key).filter(|group| group.birth == *birth)?;
                        Some(save(key, group))
                    })
                    .collect(),
            })
            .collect();
        tables.sort_by(|left, right| left.key.cmp(&right.key));
        let state = SavedState {
            tables,
            births: self.births,
            dirty: self
                .dirty
                .iter()
                .map(|(table, group)| SavedKeys {
                    table: table.to_vec(),
                    group: group.to_vec(),
                })
                .collect(),
            clocks: self
                .clocks
                .sources
                .iter()
                .map(|(source, clock)| SavedClock {
                    source: *source,
                    watermark_us: clock.watermark_us,
                    heard_us: clock.heard_us,
                    recent_sequences: clock.recent.iter().map(|(sequence, _)| *sequence).collect(),
                    recent_ts_us: clock.recent.iter().map(|(_, ts_us)| *ts_us).collect(),
                })
                .collect(),
            active_us: self.clocks.active_us,
            arrival_us: self.clocks.arrival_us,
            unswept: self.unswept,
            swept_us: self.swept_us,
        };
        let mut out = Vec::with_capacity(state.encoded_len() + 1);
        out.push(FORMAT);
        state.encode_raw(&mut out);
        out
    }

    /// Replaces the state by a snapshot's. State of a correlation that is gone, or whose version is another, is left out.
    ///
    /// # Errors
    /// When the bytes are not a snapshot of a format known here; the state is then as it was.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<Restored, SnapshotError> {
        let body = match bytes.split_first() {
            None => return Err(SnapshotError::Empty),
            Some((FORMAT_OLDEST..=FORMAT, body)) => body,
            Some((&found, _)) => return Err(SnapshotError::Format { found }),
        };
        let is_old = bytes.first() != Some(&FORMAT);
        let state = SavedState::decode(body)?;
        let mut restored = Restored::default();
        let mut tables = std::collections::HashMap::new();
        for saved in state.tables {
            let card = saved
                .card
                .ok_or(SnapshotError::Inconsistent("a table has no rule"))?;
            let target = if saved.is_correlation {
                match self.correlations.get(&card.id) {
                    Some(in_force) if in_force.card.version == card.version => {
                        Target::Correlation(in_force.clone())
                    }
                    _ => {
                        restored.groups_dropped += saved.groups.len() as u64;
                        continue;
                    }
                }
            } else {
                Target::Direct
            };
            let mut table = Table::new(tenant_of(&saved.key), card, target);
            for group in saved.groups {
                let key: Arc<[u8]> = group.key.as_slice().into();
                table.insert(key, load(group, &table.target)?);
                restored.groups_kept += 1;
            }
            tables.insert(Arc::from(saved.key), table);
        }
        self.weight = tables
            .values()
            .fold(Weight::default(), |sum, table: &Table| sum.plus(table.weight));
        self.tables = tables;
        self.clocks = Clocks {
            sources: state.clocks.into_iter().map(load_clock).collect(),
            active_us: state.active_us,
            arrival_us: state.arrival_us,
        };
        if is_old {
            self.start_clocks();
        }
        self.unswept = state.unswept;
        self.swept_us = state.swept_us;
        self.counters.groups_dropped += restored.groups_dropped;
        self.births = state.births;
        self.dirty = state
            .dirty
            .into_iter()
            .map(|keys| (Arc::from(keys.table), Arc::from(keys.group)))
            .collect();
        Ok(restored)
    }

    /// Gives every source that holds state a clock that has just begun.
    fn start_clocks(&mut self) {
        for group in self.tables.values().flat_map(|table| table.groups.values()) {
            let windows = group.strands.iter().map(|strand| &strand.window);
            let entries = windows.flat_map(|window| window.entries().map(|entry| source_of(entry.event_id)));
            let sessions = group.sessions.iter().map(|session| session.source);
            for source in entries.chain(sessions) {
                self.clocks.sources.entry(source).or_default();
            }
        }
    }
}

fn load_clock(saved: SavedClock) -> (u64, Clock) {
    let recent = saved.recent_sequences.into_iter().zip(saved.recent_ts_us);
    let clock = Clock {
        watermark_us: saved.watermark_us,
        recent: recent.take(RECENT_EVENTS).collect(),
        heard_us: saved.heard_us,
    };
    (saved.source, clock)
}

fn save(key: &[u8], group: &Group) -> SavedGroup {
    let entries = || group.strands.iter().flat_map(|strand| strand.window.entries());
    SavedGroup {
        key: key.to_vec(),
        fields: group.fields.clone(),
        is_touched: group.is_touched,
        birth: group.birth,
        seen: group.seen.iter().flat_map(|id| id.to_be_bytes()).collect(),
        entry_ts_us: entries().map(|entry| entry.ts_us).collect(),
        entry_event_ids: entries().flat_map(|entry| entry.event_id.to_be_bytes()).collect(),
        entry_feeds: entries().map(|entry| u32::from(entry.feed)).collect(),
        entry_values: entries().map(|entry| entry.value).collect(),
        entry_flow_ids: entries().map(|entry| entry.flow_id).collect(),
        chain: Vec::new(),
        strands: group
            .strands
            .iter()
            .map(|strand| SavedStrand {
                entries: strand.window.len() as u64,
                chain: strand.window.chain().to_vec(),
                touched_us: strand.touched_us,
            })
            .collect(),
        sessions: group
            .sessions
            .iter()
            .map(|session| SavedSession {
                alert: Some(session.alert.clone()),
                held_us: session.held_us,
                metric: session.metric,
                is_dirty: session.is_dirty,
                source: Some(session.source),
                touched_us: session.touched_us,
            })
            .collect(),
    }
}

fn load(mut saved: SavedGroup, target: &Target) -> Result<Group, SnapshotError> {
    let count = saved.entry_ts_us.len();
    let event_ids = ids(&saved.entry_event_ids)?;
    let lengths = [
        event_ids.len(),
        saved.entry_feeds.len(),
        saved.entry_values.len(),
        saved.entry_flow_ids.len(),
    ];
    if lengths.iter().any(|length| *length != count) {
        return Err(SnapshotError::Inconsistent("a group's entries differ in number"));
    }
    let columns = saved.entry_ts_us.iter().zip(event_ids).zip(&saved.entry_feeds);
    let columns = columns.zip(&saved.entry_values).zip(&saved.entry_flow_ids);
    let mut entries = columns
        .map(|((((ts_us, event_id), feed), value), flow_id)| Entry {
            ts_us: *ts_us,
            event_id,
            feed: u16::try_from(*feed).unwrap_or(u16::MAX),
            value: *value,
            flow_id: *flow_id,
        })
        .fuse();
    if saved.strands.is_empty() && count > 0 {
        saved.strands.push(SavedStrand {
            entries: count as u64,
            chain: std::mem::take(&mut saved.chain),
            touched_us: 0,
        });
    }
    let mut strands = Vec::new();
    if let Target::Correlation(in_force) = target {
        for strand in std::mem::take(&mut saved.strands) {
            let count = usize::try_from(strand.entries).unwrap_or(usize::MAX);
            strands.push(Strand {
                window: Window::restore(
                    entries.by_ref().take(count).collect(),
                    strand.chain,
                    &in_force.spec,
                ),
                touched_us: strand.touched_us,
            });
        }
    }
    let sessions = saved
        .sessions
        .into_iter()
        .map(|session| {
            let alert = session
                .alert
                .ok_or(SnapshotError::Inconsistent("an open alert is empty"))?;
            let last_event = alert.event_ids.last().map(Vec::as_slice);
            let last_event = last_event.and_then(EventId::from_bytes);
            Ok(Session {
                source: session
                    .source
                    .unwrap_or_else(|| last_event.map_or(0, |id| source_of(id.0))),
                alert,
                held_us: session.held_us,
                metric: session.metric,
                is_dirty: session.is_dirty,
                touched_us: session.touched_us,
            })
        })
        .collect::<Result<_, SnapshotError>>()?;
    Ok(Group {
        fields: saved.fields,
        strands,
        weight: Weight::default(),
        seen: ids(&saved.seen)?.into(),
        sessions,
        is_touched: saved.is_touched,
        birth: saved.birth,
    })
}

fn ids(bytes: &[u8]) -> Result<Vec<u128>, SnapshotError> {
    let (chunks, rest) = bytes.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(SnapshotError::Inconsistent("event ids are cut"));
    }
    Ok(chunks.iter().map(|chunk| u128::from_be_bytes(*chunk)).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::tests::{Step, correlation, direct, engine, feed_match, rules, run};

    /// As format 1 had it: one window, no clocks, no source of an alert.
    fn format_1(bytes: &[u8]) -> Vec<u8> {
        let mut state = SavedState::decode(bytes.get(1..).unwrap()).unwrap();
        state.clocks.clear();
        (state.active_us, state.arrival_us, state.unswept, state.swept_us) = (0, None, 0, 0);
        for group in state.tables.iter_mut().flat_map(|table| &mut table.groups) {
            for strand in group.strands.drain(..) {
                group.chain = strand.chain;
            }
            for session in &mut group.sessions {
                (session.source, session.touched_us) = (None, 0);
            }
        }
        let mut out = vec![1];
        state.encode(&mut out).unwrap();
        out
    }

    #[test]
    fn format_1_is_still_read() {
        for kind in ["event_count", "temporal_ordered"] {
            let condition = if kind == "event_count" {
                "    condition: {gte: 3}"
            } else {
                ""
            };
            let set = rules(&correlation(kind, condition));
            let item = |number: u64| {
                feed_match(Step {
                    number,
                    ts_us: number as i64 * 1_000_000,
                    feed: (number % 3) as usize,
                    value: 0,
                    group: 1,
                })
            };
            let mut first = engine(&set, Limits::default());
            run(
                &mut first,
                &[item(3), item(4), direct(9, 0), item(5), item(6), item(7)],
            );
            let old = format_1(&first.snapshot());
            let mut second = engine(&set, Limits::default());
            let restored = second.restore(&old).unwrap();
            assert_eq!((restored.groups_kept, restored.groups_dropped), (2, 0));
            second.sweep();
            let next = [item(8), direct(10, 5), item(9)];
            let (expect, found) = (run(&mut first, &next), run(&mut second, &next));
            assert_eq!((found.len(), &found), (3, &expect), "{kind}");
        }
    }

    #[test]
    fn the_tenant_is_read_from_the_key() {
        let mut item = direct(1, 0);
        item.tenant = "bộ y tế".into();
        assert_eq!(tenant_of(&crate::keys::table_key(&item, "7")), "bộ y tế");
        assert_eq!(tenant_of(b"\xff\xff\xff\xff\xff\xff\xff\xffabc"), "");
    }
}
