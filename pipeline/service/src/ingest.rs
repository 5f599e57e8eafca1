//! Events to tables, and what rules want of them to `matches`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::try_join_all;
use vonggac_bus::Message;
use vonggac_event::{Class, Event, EventId, Match, topic, wire};
use vonggac_store::{Rows, event_row};

use crate::Shared;
use crate::dead::{self, Dead};
use crate::lane::Work;

/// Incarnations of spools remembered per partition, those seen last; repeats only ever come from them.
const INCARNATIONS_MAX: usize = 4096;

/// The work of an `events` partition.
pub(crate) struct Ingest {
    shared: Arc<Shared>,
    scratch: crate::rules::Scratch,
    /// By incarnation: the highest sequence seen, and the batch it was last seen in. Within a partition an incarnation's events come in
    /// order, so one at or below it is a repeat.
    highest: BTreeMap<u64, (u64, u64)>,
    batches: u64,
}

/// A batch, ready to be written.
pub(crate) struct Prepared {
    rows: HashMap<Class, Rows>,
    matches: Vec<(Vec<u8>, Vec<u8>)>,
    dead: Vec<Dead>,
}

impl Ingest {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            scratch: crate::rules::Scratch::default(),
            highest: BTreeMap::new(),
            batches: 0,
        }
    }

    fn is_repeat(&mut self, id: EventId) -> bool {
        let (highest, batch) = self.highest.entry(id.incarnation()).or_default();
        let repeat = id.sequence() <= *highest;
        *highest = id.sequence().max(*highest);
        *batch = self.batches;
        repeat
    }

    fn forget_old_incarnations(&mut self) {
        while self.highest.len() > INCARNATIONS_MAX {
            let oldest = self.highest.iter().min_by_key(|(_, (_, batch))| *batch);
            let Some(&incarnation) = oldest.map(|(incarnation, _)| incarnation) else {
                return;
            };
            self.highest.remove(&incarnation);
        }
    }

    fn take(&mut self, event: &Event, prepared: &mut Prepared) {
        let Some(class) = Class::of(event) else { return };
        event_row(class, event, prepared.rows.entry(class).or_default());
        let mut matches: Vec<Match> = Vec::new();
        self.shared.rules.matches(event, &mut self.scratch, &mut matches);
        prepared.matches.extend(
            matches
                .iter()
                .map(|item| (topic::match_key(item), wire::to_bytes(item))),
        );
    }
}

impl Work for Ingest {
    const LINGER: Duration = Duration::from_millis(60);
    const SAVE_EVERY: Duration = Duration::ZERO;
    type Prepared = Prepared;

    fn restore(&mut self, state: &[u8]) -> anyhow::Result<()> {
        self.highest.clear();
        if state.is_empty() {
            return Ok(());
        }
        let list: Vec<(u64, u64)> = serde_json::from_slice(state).context("state of an events partition")?;
        self.highest.extend(
            list.into_iter()
                .map(|(incarnation, sequence)| (incarnation, (sequence, 0))),
        );
        Ok(())
    }

    fn state(&self) -> Vec<u8> {
        let list: Vec<(u64, u64)> = self
            .highest
            .iter()
            .map(|(&incarnation, &(sequence, _))| (incarnation, sequence))
            .collect();
        // Numbers in a list always serialise.
        serde_json::to_vec(&list).unwrap_or_default()
    }

    fn prepare(&mut self, batch: &[Message]) -> Prepared {
        let mut prepared = Prepared {
            rows: HashMap::new(),
            matches: Vec::new(),
            dead: Vec::new(),
        };
        self.batches += 1;
        let mut repeats = 0_u64;
        for message in batch {
            match wire::decode_event(&message.payload) {
                Err(error) => prepared.dead.push((message.clone(), error.to_string())),
                Ok(event) => match EventId::from_bytes(&event.event_id) {
                    Some(id) if self.is_repeat(id) => repeats += 1,
                    _ => self.take(&event, &mut prepared),
                },
            }
        }
        self.forget_old_incarnations();
        if repeats > 0 {
            tracing::info!(repeats, "left out what a sensor sent again");
        }
        if !prepared.dead.is_empty() {
            tracing::warn!(
                count = prepared.dead.len(),
                "undecodable messages go to dead-letter"
            );
        }
        prepared
    }

    async fn write(&self, prepared: &Prepared, token: &str) -> anyhow::Result<()> {
        let shared = &self.shared;
        let mut deliveries = Vec::with_capacity(prepared.matches.len() + prepared.dead.len());
        for (key, value) in &prepared.matches {
            deliveries.push(shared.producer.send(topic::MATCHES, key, value).await?);
        }
        deliveries.extend(dead::send(&shared.producer, &prepared.dead).await?);
        let inserts = prepared
            .rows
            .iter()
            .map(|(&class, rows)| shared.store.insert_events(class, token, rows));
        let (inserted, delivered) = tokio::join!(try_join_all(inserts), try_join_all(deliveries));
        inserted?;
        delivered?;
        Ok(())
    }
}
