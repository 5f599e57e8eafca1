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

/// Boots remembered per sensor; repeats only ever come from the last ones.
const BOOTS_PER_SENSOR: usize = 4;

/// The work of an `events` partition.
pub(crate) struct Ingest {
    shared: Arc<Shared>,
    scratch: crate::rules::Scratch,
    /// Highest sequence seen, by sensor and boot. Within a partition a sensor's events come in order, so one at or below it is a repeat.
    highest: BTreeMap<(u32, u32), u64>,
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
        }
    }

    fn is_repeat(&mut self, id: EventId) -> bool {
        let highest = self.highest.entry((id.sensor(), id.boot())).or_insert(0);
        let repeat = id.sequence() <= *highest;
        *highest = id.sequence().max(*highest);
        repeat
    }

    fn forget_old_boots(&mut self) {
        let mut boots: HashMap<u32, usize> = HashMap::new();
        let mut keep = BTreeMap::new();
        for (&(sensor, boot), &sequence) in self.highest.iter().rev() {
            let count = boots.entry(sensor).or_insert(0);
            *count += 1;
            if *count <= BOOTS_PER_SENSOR {
                keep.insert((sensor, boot), sequence);
            }
        }
        self.highest = keep;
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
        let list: Vec<(u32, u32, u64)> =
            serde_json::from_slice(state).context("state of an events partition")?;
        self.highest.extend(
            list.into_iter()
                .map(|(sensor, boot, sequence)| ((sensor, boot), sequence)),
        );
        Ok(())
    }

    fn state(&self) -> Vec<u8> {
        let list: Vec<(u32, u32, u64)> = self
            .highest
            .iter()
            .map(|(&(s, b), &sequence)| (s, b, sequence))
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
        self.forget_old_boots();
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
