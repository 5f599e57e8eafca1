//! Events to tables, and what rules want of them to `matches`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use vonggac_bus::{Message, Record, TopicPartition};
use vonggac_event::{Class, Event, EventId, Match, topic, wire};
use vonggac_store::{Rows, event_row};

use crate::Shared;
use crate::dead::{self, Dead};
use crate::gauges::now_ms;
use crate::guard::{Guard, Refusal, Sealing, unsealed};
use crate::halt::{Halt, Server, Stop, Waiting};
use crate::lane::{Attempt, Work};
use crate::refusals::Refusals;
use crate::runs::{REPEATS_EXPLAINED, Runs, Seen};
use crate::strangers::{self, Alarm};
use crate::tables::{Table, insert};

/// The work of an `events` partition.
pub(crate) struct Ingest {
    shared: Arc<Shared>,
    partition: TopicPartition,
    scratch: crate::rules::Scratch,
    runs: Runs,
    guard: Guard,
}

/// A batch, ready to be written.
#[derive(Default)]
pub(crate) struct Prepared {
    tables: HashMap<Class, ClassTable>,
    /// Messages of the slices that were worked through.
    messages: usize,
    /// What rules want of the last slice.
    matches: Vec<Record>,
    /// Messages of the last slice that cannot be read, or are refused.
    dead: Vec<Dead>,
    /// The seals of the next slice.
    seals: Vec<Sealing>,
    /// Messages that were refused.
    refusals: Refusals,
    /// Whether that was decided before, so that nobody is asked again.
    is_decided: bool,
}

/// The rows of one class.
#[derive(Default)]
struct ClassTable {
    rows: Rows,
    /// Number of each row's message in the batch.
    origins: Vec<usize>,
    ids: Vec<EventId>,
    first_us: i64,
    last_us: i64,
}

impl ClassTable {
    fn take(&mut self, class: Class, event: &Event, id: EventId, origin: usize) {
        event_row(class, event, &mut self.rows);
        if self.origins.is_empty() {
            (self.first_us, self.last_us) = (event.ts_us, event.ts_us);
        }
        self.first_us = self.first_us.min(event.ts_us);
        self.last_us = self.last_us.max(event.ts_us);
        self.origins.push(origin);
        self.ids.push(id);
    }
}

impl Ingest {
    pub(crate) fn new(shared: Arc<Shared>, partition: &TopicPartition) -> Self {
        Self {
            partition: partition.clone(),
            scratch: crate::rules::Scratch::default(),
            runs: Runs::default(),
            guard: Guard::new(&shared.door),
            shared,
        }
    }

    fn is_new(&mut self, id: EventId, event: &Event, sealing: Sealing, is_repeat: bool) -> bool {
        let sensor = sealing.ok().flatten().map(|sender| sender.id);
        let Seen::Repeat { in_a_row } = self.runs.see(id, sensor) else {
            return true;
        };
        self.shared.gauges.repeats.add(1);
        // In a log that is read again repeats are what is expected.
        if !is_repeat
            && in_a_row >= REPEATS_EXPLAINED
            && (in_a_row / REPEATS_EXPLAINED).is_power_of_two()
            && in_a_row % REPEATS_EXPLAINED == 0
        {
            tracing::error!(
                partition = %self.partition,
                sensor = event.sensor,
                tenant = event.tenant,
                incarnation = format!("{:016x}", id.incarnation()),
                repeats = in_a_row,
                "a flood of events that were stored already: two sensors share a spool, or a log is read again"
            );
        }
        false
    }

    fn take(&mut self, event: &Event, id: EventId, number: usize, prepared: &mut Prepared) {
        let Some(class) = Class::of(event) else { return };
        prepared
            .tables
            .entry(class)
            .or_default()
            .take(class, event, id, number);
        let mut matches: Vec<Match> = Vec::new();
        self.shared.rules.matches(event, &mut self.scratch, &mut matches);
        prepared.matches.extend(matches.iter().map(|item| Record {
            topic: topic::MATCHES,
            key: topic::match_key(item),
            payload: wire::to_bytes(item),
            headers: Vec::new(),
        }));
    }

    /// Why a message does not count. What was decided before stays decided.
    fn refuses(
        &self,
        sealing: Sealing,
        event: Option<&Event>,
        number: usize,
        prepared: &Prepared,
    ) -> Option<Refusal> {
        if prepared.is_decided {
            return prepared
                .refusals
                .contains(prepared.messages + number)
                .then_some(Refusal::Before);
        }
        match (event, sealing) {
            (Some(event), sealing) => self.guard.refuses(sealing, event),
            (None, Err(error)) => Some(error.into()),
            (None, Ok(_)) => None,
        }
    }

    /// Puts a refused message aside, and sees to it that somebody hears of it.
    fn turn_away(
        &self,
        refusal: &Refusal,
        event: Option<&Event>,
        (number, message, sealing): (usize, &Message, Sealing),
        prepared: &mut Prepared,
    ) {
        prepared.refusals.add(prepared.messages + number);
        if *refusal == Refusal::Before {
            return;
        }
        let words = strangers::words(refusal, event);
        let who = strangers::who(refusal);
        self.shared.strangers.note(refusal, &who, &words);
        let nation = || self.shared.nation.clone();
        let alarm = Alarm {
            organisation: self.guard.organisation(sealing).unwrap_or_else(nation),
            who: &who,
            reason: refusal.reason(),
            words: &words,
        };
        let now_us = now_ms().saturating_mul(1000);
        prepared.matches.push(alarm.record(message, now_us));
        prepared.dead.push(Dead::new(number, words));
    }

    /// The numbers of a table's rows that are not stored yet.
    async fn missing(&self, class: Class, table: &ClassTable, stop: &Stop) -> Result<Vec<usize>, Halt> {
        let mut by_run: BTreeMap<u64, Vec<EventId>> = BTreeMap::new();
        for &id in &table.ids {
            by_run.entry(id.incarnation()).or_default().push(id);
        }
        let mut stored = BTreeSet::new();
        for ids in by_run.values() {
            let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else {
                continue;
            };
            let store = &self.shared.store;
            let waiting = Waiting::new(&self.shared.metrics, Server::ClickHouse, "the ids in ClickHouse");
            let found = stop
                .until_ok(waiting, || {
                    store.stored_events(class, first.0..=last.0, table.first_us..=table.last_us)
                })
                .await?;
            stored.extend(found);
        }
        let missing: Vec<usize> = (0..table.ids.len())
            .filter(|&row| table.ids.get(row).is_some_and(|id| !stored.contains(&id.0)))
            .collect();
        self.shared
            .gauges
            .stored_before
            .add((table.ids.len() - missing.len()) as u64);
        Ok(missing)
    }
}

impl Work for Ingest {
    const LINGER: Duration = Duration::from_millis(40);
    const PLANS: bool = true;
    const WRITES: &[&str] = &[topic::MATCHES, topic::DEAD_LETTER];
    type Prepared = Prepared;

    fn restore(&mut self, state: &[u8]) -> anyhow::Result<()> {
        self.runs = Runs::from_bytes(state)?;
        Ok(())
    }

    fn state(&self) -> Vec<u8> {
        self.runs.to_bytes()
    }

    fn replay(&mut self, messages: &[Message]) {
        for message in messages {
            // What the register says of its sender changes nothing here: a message that was turned away was seen, too.
            let Ok(sender) = self.guard.sender(&message.payload) else {
                continue;
            };
            if let Ok(event) = wire::decode_event(unsealed(&message.payload))
                && let Some(id) = EventId::from_bytes(&event.event_id)
            {
                self.runs.see(id, sender.map(|sender| sender.id));
            }
        }
        self.runs.keep_to_limit();
    }

    fn again(&self, refusals: Refusals) -> Prepared {
        Prepared {
            refusals,
            is_decided: true,
            ..Prepared::default()
        }
    }

    fn refusals<'p>(&self, prepared: &'p Prepared) -> Option<&'p Refusals> {
        Some(&prepared.refusals)
    }

    async fn look(&mut self, slice: &[Message], prepared: &mut Prepared, stop: &Stop) -> Result<(), Halt> {
        prepared.seals = self.guard.look(slice, &self.shared.metrics, stop).await?;
        Ok(())
    }

    fn prepare(&mut self, slice: &[Message], is_repeat: bool, prepared: &mut Prepared) {
        let seals = std::mem::take(&mut prepared.seals);
        for (number, (message, sealing)) in slice.iter().zip(seals).enumerate() {
            let read = wire::decode_event(unsealed(&message.payload));
            let refusal = self.refuses(sealing, read.as_ref().ok(), number, prepared);
            let from = (number, message, sealing);
            match (read, refusal) {
                (Err(error), None) => prepared.dead.push(Dead::new(number, error)),
                (Err(_), Some(refusal)) => self.turn_away(&refusal, None, from, prepared),
                (Ok(event), Some(refusal)) if sealing.is_err() => {
                    self.turn_away(&refusal, Some(&event), from, prepared);
                }
                (Ok(event), refusal) => match (EventId::from_bytes(&event.event_id), refusal) {
                    (Some(id), refusal) if self.is_new(id, &event, sealing, is_repeat) => match refusal {
                        Some(refusal) => self.turn_away(&refusal, Some(&event), from, prepared),
                        None => self.take(&event, id, prepared.messages + number, prepared),
                    },
                    _ => {}
                },
            }
        }
        prepared.messages += slice.len();
        let forgotten = self.runs.keep_to_limit();
        self.shared.gauges.runs_forgotten.add(forgotten as u64);
    }

    async fn store(
        &self,
        prepared: &Prepared,
        batch: &[Message],
        attempt: Attempt<'_>,
        stop: &Stop,
    ) -> Result<Vec<Record>, Halt> {
        let inserts = prepared.tables.iter().map(|(&class, table)| async move {
            let numbers = if attempt.is_repeat {
                self.missing(class, table, stop).await?
            } else {
                (0..table.ids.len()).collect()
            };
            let count = numbers.len();
            let refused = insert(
                &self.shared,
                Table::Events(class),
                &table.rows,
                numbers,
                attempt.token,
                stop,
            )
            .await?;
            self.shared.gauges.stored(class, count - refused.len());
            let dead = refused.into_iter().filter_map(|(row, reason)| {
                let origin = table.origins.get(row)?;
                Some(Dead::new(*origin, reason))
            });
            Ok::<_, Halt>(dead.collect::<Vec<_>>())
        });
        let refused = futures_util::future::try_join_all(inserts).await?.concat();
        Ok(dead::records(&refused, batch, &self.partition, &self.shared.gauges).collect())
    }

    fn records(&self, prepared: &mut Prepared, slice: &[Message]) -> Vec<Record> {
        let gauges = &self.shared.gauges;
        let mut records = std::mem::take(&mut prepared.matches);
        gauges.matches.add(records.len() as u64);
        let dead = std::mem::take(&mut prepared.dead);
        records.extend(dead::records(&dead, slice, &self.partition, gauges));
        records
    }
}
