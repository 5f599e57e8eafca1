//! The state as bytes: one format byte and then Protobuf.
//!
//! Groups stand in the order of their table's clock, so that a restored engine gives up the same groups as the one it was
//! saved from would have.

use std::sync::Arc;

use prost::Message;
use thiserror::Error;
use vonggac_event::proto::Field;
use vonggac_event::{Alert, RuleCard};

use crate::correlator::Correlator;
use crate::session::Session;
use crate::table::{Group, Table, Target};
use crate::window::{Entry, Window};

/// The format this build writes.
const FORMAT: u8 = 1;

/// Why bytes are not a snapshot.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// There are no bytes.
    #[error("empty snapshot")]
    Empty,
    /// Another build wrote it, in a format this one does not know.
    #[error("snapshot format {found} is not known here (this build reads {FORMAT})")]
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
    #[prost(sint64, tag = "2")]
    watermark_us: i64,
    #[prost(sint64, tag = "3")]
    expired_us: i64,
    #[prost(uint64, tag = "4")]
    births: u64,
    #[prost(message, repeated, tag = "5")]
    dirty: Vec<SavedKeys>,
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
    #[prost(sint64, repeated, tag = "11")]
    chain: Vec<i64>,
    #[prost(message, repeated, tag = "12")]
    sessions: Vec<SavedSession>,
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
            watermark_us: self.watermark_us,
            expired_us: self.expired_us,
            births: self.births,
            dirty: self
                .dirty
                .iter()
                .map(|(table, group)| SavedKeys {
                    table: table.to_vec(),
                    group: group.to_vec(),
                })
                .collect(),
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
            Some((&FORMAT, body)) => body,
            Some((&found, _)) => return Err(SnapshotError::Format { found }),
        };
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
            let mut table = Table::new(card, target);
            for group in saved.groups {
                let key: Arc<[u8]> = group.key.as_slice().into();
                table.insert(key, load(group, &table.target)?);
                restored.groups_kept += 1;
            }
            tables.insert(Arc::from(saved.key), table);
        }
        self.tables = tables;
        self.watermark_us = state.watermark_us;
        self.expired_us = state.expired_us;
        self.births = state.births;
        self.dirty = state
            .dirty
            .into_iter()
            .map(|keys| (Arc::from(keys.table), Arc::from(keys.group)))
            .collect();
        Ok(restored)
    }
}

fn save(key: &[u8], group: &Group) -> SavedGroup {
    let entries = || group.window.entries();
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
        chain: group.window.chain().to_vec(),
        sessions: group
            .sessions
            .iter()
            .map(|session| SavedSession {
                alert: Some(session.alert.clone()),
                held_us: session.held_us,
                metric: session.metric,
                is_dirty: session.is_dirty,
            })
            .collect(),
    }
}

fn load(saved: SavedGroup, target: &Target) -> Result<Group, SnapshotError> {
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
    let entries = columns
        .map(|((((ts_us, event_id), feed), value), flow_id)| Entry {
            ts_us: *ts_us,
            event_id,
            feed: u16::try_from(*feed).unwrap_or(u16::MAX),
            value: *value,
            flow_id: *flow_id,
        })
        .collect();
    let window = match target {
        Target::Correlation(in_force) => Window::restore(entries, saved.chain, &in_force.spec),
        Target::Direct => Window::default(),
    };
    let sessions = saved
        .sessions
        .into_iter()
        .map(|session| {
            Ok(Session {
                alert: session
                    .alert
                    .ok_or(SnapshotError::Inconsistent("an open alert is empty"))?,
                held_us: session.held_us,
                metric: session.metric,
                is_dirty: session.is_dirty,
            })
        })
        .collect::<Result<_, SnapshotError>>()?;
    Ok(Group {
        fields: saved.fields,
        window,
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
