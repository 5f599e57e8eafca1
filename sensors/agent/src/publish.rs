//! The publisher: from the spool to Kafka, in order, acknowledged on delivery.
//!
//! It ends when the writer has ended and everything is delivered, and for no other reason: what is away, full or failing is waited for,
//! counted and logged. A message that Kafka refuses because of itself is tried once more alone, goes to `dead-letter` then, and into a file
//! beside the spool when even that refuses it; the others go on.
//!
//! Each message is sealed on its way out, when the sensor has a credential ([`crate::badge`]).
//!
//! Invariant: messages are handed to Kafka in the spool's order, also after a failure. What is sent again is a suffix of what was sent, so
//! the pipeline knows repeats by their sequence.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::stream::FuturesOrdered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use vonggac_bus::{BusError, Connection, Delivery, Producer};
use vonggac_event::limits::HEADERS_BYTES_MAX;
use vonggac_event::{limits, topic};
use vonggac_spool::{Acknowledger, Position, Reader, Record};

use crate::badge::Badge;
use crate::refused::RefusedFile;
use crate::tallies::{Tallies, add};

/// How long a sensor that is told to stop waits for Kafka.
pub(crate) const GRACE: Duration = Duration::from_secs(5);
/// Messages under way at once.
const UNDER_WAY_MAX: usize = 20_000;
/// Bytes under way at once, keys and values.
const UNDER_WAY_BYTES_MAX: usize = 64 << 20;
/// Pause between two turns of reading, sending and looking what was delivered.
const TURN: Duration = Duration::from_millis(5);
/// How often the mark is written down; what was delivered after it is sent again after a kill, and left out by the pipeline.
const ACKNOWLEDGE_EVERY: Duration = Duration::from_millis(500);
/// Pause after a failure: of the producer, of the disk, or of `dead-letter`.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Messages that are sent one by one after a refusal. A refusal tells of a batch; one by one it tells which message of it is meant.
const ALONE_AFTER_REFUSAL: usize = 1000;

/// Makes a producer.
pub(crate) type NewProducer = Box<dyn Fn() -> Result<Producer, BusError> + Send + Sync>;

/// Sends what the spool holds.
pub(crate) struct Publisher {
    /// What the sensor proves who it is with, and where it is enrolled.
    badge: Option<(Badge, Connection)>,
    new_producer: NewProducer,
    /// None while it is being replaced.
    producer: Option<Producer>,
    reader: Reader,
    acknowledger: Acknowledger,
    refused: RefusedFile,
    tallies: Arc<Tallies>,
    /// What was read and is not yet delivered, oldest first.
    window: VecDeque<(Record, Position)>,
    window_bytes: usize,
    /// Deliveries of the first ones of them, in the same order.
    deliveries: FuturesOrdered<Delivery>,
    /// How many more messages go one by one.
    alone: usize,
    /// Producers that failed since the last message was delivered.
    failed_in_a_row: u32,
    /// The spool is not read before this.
    read_again: Instant,
}

impl Publisher {
    pub(crate) fn new(
        badge: Option<(Badge, Connection)>,
        new_producer: NewProducer,
        reader: Reader,
        acknowledger: Acknowledger,
        refused: RefusedFile,
        tallies: Arc<Tallies>,
    ) -> Result<Self, BusError> {
        let producer = Some(new_producer()?);
        Ok(Self {
            badge,
            new_producer,
            producer,
            reader,
            acknowledger,
            refused,
            tallies,
            window: VecDeque::new(),
            window_bytes: 0,
            deliveries: FuturesOrdered::new(),
            alone: 0,
            failed_in_a_row: 0,
            read_again: Instant::now(),
        })
    }

    /// Runs until the writer has ended and everything it accepted is delivered.
    pub(crate) async fn run(mut self, mut end_of_writing: oneshot::Receiver<()>) {
        let mut delivered: Option<Position> = None;
        let mut acknowledged_at = Instant::now();
        let mut ended = false;
        self.enrol().await;
        loop {
            let drained = self.read();
            if let Some((badge, _)) = &mut self.badge {
                badge.look();
            }
            if let Err(error) = self.send().await {
                self.failed(&error, &mut delivered).await;
            }
            // Looked at in turns: to be woken by each delivery costs more than all the rest.
            while let Some(Some(outcome)) = self.deliveries.next().now_or_never() {
                match outcome {
                    Ok(()) => {
                        add(&self.tallies.kafka_delivered, 1);
                        delivered = self.pop().or(delivered);
                    }
                    Err(error) => self.failed(&error, &mut delivered).await,
                }
            }
            tokio::select! {
                _ = &mut end_of_writing, if !ended => ended = true,
                () = sleep(TURN) => {}
            }
            let done = ended && drained && self.window.is_empty();
            if done || acknowledged_at.elapsed() >= ACKNOWLEDGE_EVERY {
                acknowledged_at = Instant::now();
                self.acknowledge(&mut delivered);
            }
            // `drained` was found before `ended` was heard; another look makes sure.
            if done && self.read() && self.window.is_empty() {
                return;
            }
        }
    }

    /// Waits until an owner's sensor is in the register: what it sent before that would be a stranger's.
    async fn enrol(&mut self) {
        let Some((badge, connection)) = &mut self.badge else {
            return;
        };
        let mut failures = 0_u64;
        loop {
            let outcome = match &self.producer {
                Some(producer) => badge.enrol(connection, producer).await,
                None => Ok(()),
            };
            let Err(error) = outcome else { return };
            failures += 1;
            if failures.is_power_of_two() {
                tracing::warn!(
                    error = format!("{error:#}"),
                    failures,
                    "the sensor cannot be enrolled yet"
                );
            }
            sleep(RETRY_PAUSE).await;
        }
    }

    /// Reads until the window is full or the spool has nothing new; says whether it was the latter.
    fn read(&mut self) -> bool {
        while self.window.len() < UNDER_WAY_MAX && self.window_bytes < UNDER_WAY_BYTES_MAX {
            if self.read_again > Instant::now() {
                return false;
            }
            match self.reader.next_record() {
                Ok(Some((record, after))) => {
                    self.window_bytes += bytes_of(&record);
                    self.window.push_back((record, after));
                }
                Ok(None) => return true,
                Err(error) => {
                    let failures = add(&self.tallies.spool_read_failures, 1);
                    if failures.is_power_of_two() {
                        tracing::error!(%error, failures, "the spool cannot be read; tried again");
                    }
                    self.read_again = Instant::now() + RETRY_PAUSE;
                }
            }
        }
        false
    }

    /// Hands over what was read and is not sent yet; one at a time while it goes one by one.
    async fn send(&mut self) -> Result<(), BusError> {
        let at_once = if self.alone > 0 { 1 } else { usize::MAX };
        while self.deliveries.len() < at_once.min(self.window.len()) {
            let (Some((record, _)), Some(producer)) =
                (self.window.get(self.deliveries.len()), &self.producer)
            else {
                break;
            };
            let delivery = match &self.badge {
                Some((badge, _)) => {
                    let sealed = badge.seal(&record.value);
                    producer.send(topic::EVENTS, &record.key, &sealed).await?
                }
                None => producer.send(topic::EVENTS, &record.key, &record.value).await?,
            };
            self.deliveries.push_back(delivery);
        }
        self.note_under_way();
        Ok(())
    }

    /// The oldest message is done with.
    fn pop(&mut self) -> Option<Position> {
        let (record, after) = self.window.pop_front()?;
        self.window_bytes -= bytes_of(&record);
        self.alone = self.alone.saturating_sub(1);
        self.failed_in_a_row = 0;
        self.note_under_way();
        Some(after)
    }

    fn note_under_way(&self) {
        let tallies = &self.tallies;
        tallies
            .kafka_under_way
            .store(self.deliveries.len() as u64, Ordering::Relaxed);
        tallies
            .kafka_under_way_bytes
            .store(self.window_bytes as u64, Ordering::Relaxed);
    }

    /// Sends the window again with a fresh producer, one by one if a message was refused; a message that was alone goes aside.
    async fn failed(&mut self, error: &BusError, delivered: &mut Option<Position>) {
        // Gone before anything else is sent: what it still has under way must not arrive after that.
        self.producer = None;
        add(&self.tallies.kafka_sent_again, self.deliveries.len() as u64);
        self.deliveries = FuturesOrdered::new();
        self.failed_in_a_row += 1;
        if !error.is_message_refused() {
            // A refused message ends its producer; those before it may only hear of that end, again and again.
            if self.failed_in_a_row > 1 {
                self.alone = self.alone.max(ALONE_AFTER_REFUSAL);
            }
            let renewed = add(&self.tallies.kafka_producers_renewed, 1);
            if renewed.is_power_of_two() {
                tracing::error!(%error, renewed, "Kafka takes nothing now; a new producer sends again what is not delivered");
            }
        } else if self.alone > 0 {
            if let Some((record, _)) = self.window.front() {
                self.put_aside(record, &error.to_string()).await;
            }
            *delivered = self.pop().or(*delivered);
        } else {
            tracing::warn!(%error, "a message was refused; the next ones go one by one to find it");
            self.alone = ALONE_AFTER_REFUSAL;
        }
        self.renew().await;
    }

    async fn renew(&mut self) {
        loop {
            sleep(RETRY_PAUSE).await;
            match (self.new_producer)() {
                Ok(producer) => {
                    self.producer = Some(producer);
                    return;
                }
                // One was made with the same settings before; files of the connection may be away for a while.
                Err(error) => tracing::error!(%error, "no new producer; tried again"),
            }
        }
    }

    /// Sends a message to `dead-letter`, or keeps it beside the spool; waits for whichever takes it.
    async fn put_aside(&self, record: &Record, reason: &str) {
        let reason = limits::cut(reason.to_owned(), HEADERS_BYTES_MAX / 2);
        let place = format!("spool/{:016x}/{}", record.incarnation, record.sequence);
        let headers = [("reason", reason.as_str()), ("from", place.as_str())];
        let mut failures = 0_u64;
        loop {
            match self.dead_letter(record, &headers).await {
                Ok(()) => {
                    let refused = add(&self.tallies.kafka_refused, 1);
                    tracing::error!(
                        from = place,
                        reason,
                        refused,
                        "Kafka refuses an event: it is in dead-letter"
                    );
                    return;
                }
                Err(error) if error.is_message_refused() => break,
                Err(error) => {
                    failures += 1;
                    if failures.is_power_of_two() {
                        tracing::error!(%error, failures, "dead-letter takes nothing now");
                    }
                    sleep(RETRY_PAUSE).await;
                }
            }
        }
        self.keep(record, &place, &reason).await;
    }

    async fn dead_letter(&self, record: &Record, headers: &[(&str, &str)]) -> Result<(), BusError> {
        // A producer of its own: what failed on the other one may have ended it.
        let producer = (self.new_producer)()?;
        producer
            .send_with(topic::DEAD_LETTER, &record.key, &record.value, headers)
            .await?
            .await
    }

    async fn keep(&self, record: &Record, place: &str, reason: &str) {
        let path = self.refused.path().display();
        let mut failures = 0_u64;
        loop {
            match self.refused.keep(record, reason) {
                Ok(true) => {
                    let kept = add(&self.tallies.kafka_refused_kept, 1);
                    tracing::error!(from = place, reason, kept, file = %path, "Kafka refuses an event: it is kept in a file");
                    return;
                }
                Ok(false) => {
                    let lost = add(&self.tallies.kafka_refused_lost, 1);
                    tracing::error!(from = place, reason, lost, file = %path, "Kafka refuses an event and the file is full: it is lost");
                    return;
                }
                Err(error) => {
                    failures += 1;
                    if failures.is_power_of_two() {
                        tracing::error!(%error, failures, file = %path, "a refused event cannot be kept yet");
                    }
                    sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    /// Moves the mark; a disk that refuses is asked again the next time.
    fn acknowledge(&mut self, delivered: &mut Option<Position>) {
        let Some(position) = *delivered else { return };
        match self.acknowledger.acknowledge(position) {
            Ok(()) => *delivered = None,
            Err(error) => tracing::warn!(%error, "the spool's mark cannot be moved now; tried again"),
        }
    }
}

fn bytes_of(record: &Record) -> usize {
    record.key.len() + record.value.len()
}
