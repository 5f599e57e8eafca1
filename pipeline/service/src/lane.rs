//! A lane: one partition of one topic, its place, its state and its batches.
//!
//! ```text
//! fence ─▶ place (Kafka) + state (ClickHouse) ─▶ know the log again ─▶ rebuild the state up to the place ─▶ batches
//!
//! batch of events:   { matches, the cut } in a transaction per slice ─▶ rows into ClickHouse ─▶ { what was refused, the place } in another
//! batch of matches:                                                  alerts into ClickHouse ─▶ { alerts, the place } in one
//! ```
//! A batch of events grows by slices for some times as long as the last one took to be stored: an insert costs ClickHouse by its parts more
//! than by its rows, and what follows from a slice's messages does not wait for it.
//!
//! Who may write is decided by Kafka: every transaction of a lane stands under one id per partition, and opening the id refuses whoever
//! had it before. What a lane that was refused had begun in ClickHouse is what its successor does again, with the same cut and the same token.
//!
//! The state is saved in ClickHouse now and then, at an offset at or before the place. It is a function of the messages up to there, so
//! whoever saves it saves the same; the messages between are read again to bring it up to the place.
//!
//! Invariants:
//! - Nothing is written for a batch before its cut is committed (where [`Work::PLANS`]), and its cut stays as it is from then on. What follows
//!   from a slice's messages is sent with a cut that has the slice in it, and never again; what follows from the writing is sent with the place.
//! - A log that is not the one the place was written for is recognised by the message before the place, see [`crate::place`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};
use vonggac_bus::{Committed, Message, ReadError, Record, TopicPartition, TransactionError};
use vonggac_store::StoreError;

use crate::gauges::{LaneGauges, Stage};
use crate::halt::{Halt, Server, Stop, Waiting};
use crate::opening::{Opened, open};
use crate::place::{Mark, Place, Planned};
use crate::refusals::Refusals;
use crate::{Shared, opening};

/// Most messages in a batch.
pub(crate) const BATCH_MESSAGES: usize = 20_000;
/// Most bytes in a batch.
const BATCH_BYTES: usize = 16 << 20;
/// A batch that is planned grows for so many times as long as the last one took to be stored,
const GROWTH: u32 = 3;
/// but no longer than this: by then its events should be found by a search.
const GROWTH_MAX: Duration = Duration::from_secs(1);
/// How often the state is saved under load.
const SAVE_EVERY: Duration = Duration::from_secs(2);
/// The state is saved when no message has come for this long.
const SAVE_AFTER_IDLE: Duration = Duration::from_millis(250);
/// How often it is looked whether a save is done while no message comes.
const SAVE_LOOK: Duration = Duration::from_millis(100);
/// How long the last save may take when a lane ends.
const LAST_SAVE_LIMIT: Duration = Duration::from_secs(3);
/// How often the partition is asked for its end.
const CHECK_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked whether the log is still the one it was.
const ANCHOR_EVERY: Duration = Duration::from_secs(20);
/// A batch that was begun by another is waited for this long before it is looked whether its messages are there.
const PLANNED_PATIENCE: Duration = Duration::from_secs(5);
/// Pause before a partition is opened again.
const REOPEN_PAUSE: Duration = Duration::from_millis(500);

/// A batch on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    /// The same for the same messages, whoever writes them.
    pub(crate) token: &'a str,
    /// Whether some of it may have been written before, longer ago than ClickHouse remembers tokens.
    pub(crate) is_repeat: bool,
}

/// What a lane does with its messages.
pub(crate) trait Work: Send {
    /// How long a slice waits for more after its first message.
    const LINGER: Duration;
    /// Whether the cut of a batch is written down, with what follows from its messages, before it is written. Then it has as many slices as
    /// come in time; else it is one slice.
    const PLANS: bool;
    /// Topics that [`Self::records`] and [`Self::store`] give messages for.
    const WRITES: &[&str];
    /// What a batch comes to before anything is written.
    type Prepared: Default + Send + Sync;

    /// Takes a saved state; no bytes are the state before the first message.
    fn restore(&mut self, state: &[u8]) -> anyhow::Result<()>;
    /// The state as it is saved.
    fn state(&self) -> Vec<u8>;
    /// Moves the state past messages that are done already.
    fn replay(&mut self, messages: &[Message]);
    /// A batch that was begun before, with what was refused of it then.
    fn again(&self, _refusals: Refusals) -> Self::Prepared {
        Self::Prepared::default()
    }
    /// Messages of the batch that were refused for what is known now and may be otherwise later; written down with its cut.
    fn refusals<'p>(&self, _prepared: &'p Self::Prepared) -> Option<&'p Refusals> {
        None
    }
    /// Finds out what must be known of the next slice before it is worked through.
    fn look(
        &mut self,
        _slice: &[Message],
        _prepared: &mut Self::Prepared,
        _stop: &Stop,
    ) -> impl Future<Output = Result<(), Halt>> + Send {
        std::future::ready(Ok(()))
    }
    /// Works the next slice of a batch through and moves the state. Writes nothing.
    fn prepare(&mut self, slice: &[Message], is_repeat: bool, prepared: &mut Self::Prepared);
    /// Takes out the messages that follow from the slice that was worked through last.
    fn records(&self, prepared: &mut Self::Prepared, slice: &[Message]) -> Vec<Record>;
    /// Writes what came of it into ClickHouse, however long that takes; a repeat changes nothing. Gives the messages that follow from that.
    fn store(
        &self,
        prepared: &Self::Prepared,
        batch: &[Message],
        attempt: Attempt<'_>,
        stop: &Stop,
    ) -> impl Future<Output = Result<Vec<Record>, Halt>> + Send;
}

/// One partition's worker.
pub(crate) struct Lane<W> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) partition: TopicPartition,
    pub(crate) stop: Stop,
    pub(crate) work: W,
    pub(crate) gauges: LaneGauges,
    /// Why the log is believed to be another one, when that was found while it was read.
    pub(crate) distrust: Option<String>,
}

impl<W: Work> Lane<W> {
    pub(crate) fn new(shared: Arc<Shared>, partition: TopicPartition, stop: Stop, work: W) -> Self {
        let gauges = LaneGauges::new(&shared.metrics, &partition);
        Self {
            shared,
            partition,
            stop,
            work,
            gauges,
            distrust: None,
        }
    }

    /// Works until something halts it for good.
    pub(crate) async fn run(mut self) -> Halt {
        loop {
            let halt = match self.turn().await {
                Ok(never) => match never {},
                Err(halt) => halt,
            };
            let Halt::Reopen(reason) = &halt else {
                return halt;
            };
            tracing::warn!(partition = %self.partition, reason, "the partition is opened again");
            self.gauges.reopened.add(1);
            if self.stop.pause(REOPEN_PAUSE).await.is_err() {
                return Halt::Stopped;
            }
        }
    }

    /// Asks Kafka's coordinator until it is done, or somebody else holds the partition.
    pub(crate) async fn transact(
        &self,
        what: &'static str,
        mut attempt: impl FnMut() -> Result<(), TransactionError>,
    ) -> Result<(), Halt> {
        let mut waiting = Waiting::new(&self.shared.metrics, Server::Kafka, what);
        loop {
            match tokio::task::block_in_place(&mut attempt) {
                Ok(()) => {
                    waiting.works();
                    return Ok(());
                }
                Err(TransactionError::Fenced(error)) => return Err(Halt::Fenced(error.to_string())),
                Err(error) if self.stop.is_set() => {
                    tracing::debug!(%error, what, "given up; whoever comes next goes on from the place");
                    return Err(Halt::Stopped);
                }
                Err(error) => self.stop.pause(waiting.failed(&error)).await?,
            }
        }
    }

    /// Opens the partition and works on it.
    async fn turn(&mut self) -> Result<std::convert::Infallible, Halt> {
        let opened = open(self).await?;
        let mut turn = Turn::new(self, opened);
        let outcome = turn.work().await;
        if matches!(outcome, Err(Halt::Stopped)) {
            turn.save_at_the_end().await;
        }
        outcome
    }
}

/// What became of a save.
struct Saved {
    next_offset: i64,
    state_bytes: usize,
    took: Duration,
    outcome: Result<(), StoreError>,
}

/// A batch, from its first slice on.
struct Batch<P> {
    messages: Vec<Message>,
    bytes: usize,
    prepared: P,
    /// What follows from its messages and is not sent yet.
    records: Vec<Record>,
    /// Whether some of it may have been written before, longer ago than ClickHouse remembers tokens.
    is_repeat: bool,
    begun: Instant,
}

impl<P: Default> Batch<P> {
    fn new(is_repeat: bool) -> Self {
        Self {
            messages: Vec::new(),
            bytes: 0,
            prepared: P::default(),
            records: Vec::new(),
            is_repeat,
            begun: Instant::now(),
        }
    }

    fn push(&mut self, message: Message) {
        self.bytes += message.payload.len();
        self.messages.push(message);
    }

    fn has_room(&self) -> bool {
        self.messages.len() < BATCH_MESSAGES && self.bytes < BATCH_BYTES
    }

    /// One past its last offset.
    fn end(&self) -> Option<i64> {
        self.messages.last().map(|last| last.offset + 1)
    }
}

/// A lane between opening its partition and losing it.
struct Turn<'a, W> {
    lane: &'a mut Lane<W>,
    opened: Opened,
    /// Messages that were read but belong to the next batch.
    ahead: VecDeque<Message>,
    is_saved: bool,
    /// The save under way, at most one: it goes on beside the batches, which do not depend on it.
    saving: JoinSet<Saved>,
    /// Whether a batch has moved the state and not yet the place.
    is_under_way: bool,
    saved_at: Instant,
    heard_at: Instant,
    checked_at: Instant,
    /// A place that was good some checks ago: were the log changed for another that is longer, what was read since would not show it.
    anchor: Place,
    anchored_at: Instant,
    /// When the last message that is done came into the log, in milliseconds.
    done_ms: i64,
    /// How long the last batch took to be stored.
    storing: Duration,
}

impl<'a, W: Work> Turn<'a, W> {
    fn new(lane: &'a mut Lane<W>, mut opened: Opened) -> Self {
        let now = Instant::now();
        Self {
            lane,
            ahead: std::mem::take(&mut opened.ahead),
            is_saved: opened.is_saved,
            saving: JoinSet::new(),
            is_under_way: false,
            anchor: opened.place,
            opened,
            saved_at: now,
            heard_at: now,
            checked_at: now,
            anchored_at: now,
            done_ms: 0,
            storing: Duration::ZERO,
        }
    }

    async fn work(&mut self) -> Result<std::convert::Infallible, Halt> {
        if self.opened.repeats_until > 0 {
            // Kafka still has the place in the log that is gone.
            self.commit(&[], &self.opened.place.to_committed()).await?;
        }
        if let Some(planned) = self.opened.place.planned {
            let messages = self.planned(planned.end).await?;
            if messages.is_empty() {
                self.opened.place.planned = None;
            } else {
                let mut batch = Batch::new(true);
                messages.into_iter().for_each(|message| batch.push(message));
                if let Some(refusals) = self.opened.refusals.take() {
                    batch.prepared = self.lane.work.again(refusals);
                }
                self.work_through(&mut batch, 0).await?;
                if planned.is_sent {
                    batch.records.clear();
                }
                self.write(batch).await?;
            }
        }
        loop {
            let batch = self.next_batch().await?;
            self.write(batch).await?;
        }
    }

    /// The batch that somebody began: every message before `end`.
    async fn planned(&mut self, end: i64) -> Result<Vec<Message>, Halt> {
        let mut batch = Vec::new();
        loop {
            match self.receive(Instant::now() + PLANNED_PATIENCE).await? {
                Some(message) if message.offset >= end => {
                    self.ahead.push_front(message);
                    return Ok(batch);
                }
                Some(message) => {
                    let is_last = message.offset + 1 >= end;
                    batch.push(message);
                    if is_last {
                        return Ok(batch);
                    }
                }
                None => self.check().await?,
            }
        }
    }

    /// What comes within the limits of time and size, worked through.
    async fn next_batch(&mut self) -> Result<Batch<W::Prepared>, Halt> {
        let first = loop {
            if let Some(message) = self.receive(self.next_duty()).await? {
                break message;
            }
            self.duties().await?;
        };
        self.heard_at = Instant::now();
        if self.checked_at.elapsed() >= CHECK_EVERY {
            self.check().await?;
        }
        let is_repeat = self.opened.place.next_offset < self.opened.repeats_until;
        let mut batch = Batch::new(is_repeat);
        self.slice(first, &mut batch).await?;
        if W::PLANS {
            self.grow(&mut batch).await?;
        }
        Ok(batch)
    }

    /// Takes in what comes within the linger and has room in the batch, and works it through.
    async fn slice(&mut self, first: Message, batch: &mut Batch<W::Prepared>) -> Result<(), Halt> {
        let deadline = Instant::now() + W::LINGER;
        let from = batch.messages.len();
        batch.push(first);
        while batch.has_room() {
            let Some(message) = self.receive(deadline).await? else {
                break;
            };
            batch.push(message);
        }
        self.work_through(batch, from).await
    }

    /// Works a batch's messages through, from one on.
    async fn work_through(&mut self, batch: &mut Batch<W::Prepared>, from: usize) -> Result<(), Halt> {
        let begun = Instant::now();
        let slice = batch.messages.get(from..).unwrap_or_default();
        let work = &mut self.lane.work;
        work.look(slice, &mut batch.prepared, &self.lane.stop).await?;
        self.is_under_way = true;
        work.prepare(slice, batch.is_repeat, &mut batch.prepared);
        batch.records.extend(work.records(&mut batch.prepared, slice));
        self.lane.gauges.spent(Stage::Prepare, begun.elapsed());
        Ok(())
    }

    /// Sends what follows from the slices, and takes more of them, until it is time to store the batch; then its cut is written down.
    async fn grow(&mut self, batch: &mut Batch<W::Prepared>) -> Result<(), Halt> {
        let deadline = batch.begun + (self.storing * GROWTH).min(GROWTH_MAX);
        loop {
            if !batch.records.is_empty() {
                self.plan(batch).await?;
            }
            if !batch.has_room() {
                break;
            }
            let Some(first) = self.receive(deadline).await? else {
                break;
            };
            self.slice(first, batch).await?;
        }
        if self.opened.place.planned.map(|planned| planned.end) != batch.end() {
            self.plan(batch).await?;
        }
        Ok(())
    }

    /// Writes down the cut as it is now, with what follows from the messages before it.
    async fn plan(&mut self, batch: &mut Batch<W::Prepared>) -> Result<(), Halt> {
        let begun = Instant::now();
        self.opened.place.planned = batch.end().map(|end| Planned { end, is_sent: true });
        let place = self.opened.place;
        let refusals = self.lane.work.refusals(&batch.prepared);
        let committed =
            refusals.map_or_else(|| place.to_committed(), |refusals| place.with_refusals(refusals));
        self.commit(&batch.records, &committed).await?;
        batch.records.clear();
        self.lane.gauges.spent(Stage::Plan, begun.elapsed());
        Ok(())
    }

    /// The next message, or nothing by the deadline.
    async fn receive(&mut self, deadline: Instant) -> Result<Option<Message>, Halt> {
        if let Some(message) = self.ahead.pop_front() {
            return Ok(Some(message));
        }
        loop {
            let received = tokio::select! {
                () = self.lane.stop.wait() => return Err(Halt::Stopped),
                received = timeout_at(deadline, self.opened.reader.next()) => received,
            };
            return match received {
                Err(_) => Ok(None),
                Ok(Ok(message)) if message.offset < self.opened.place.next_offset => continue,
                Ok(Ok(message)) => Ok(Some(message)),
                Ok(Err(error)) => Err(halt_of(error)),
            };
        }
    }

    /// Writes a batch and what follows from that, and moves the place.
    async fn write(&mut self, mut batch: Batch<W::Prepared>) -> Result<(), Halt> {
        let (Some(first), Some(last)) = (batch.messages.first(), batch.messages.last()) else {
            return Ok(());
        };
        let end = last.offset + 1;
        let gap = first.offset - self.opened.place.next_offset;
        self.lane.gauges.gaps.add(u64::try_from(gap).unwrap_or(0));
        let begun = Instant::now();
        let mut clock = Clock(begun);
        let token = format!(
            "{}-{}-{}-{end}-{}",
            self.lane.partition.topic, self.lane.partition.partition, first.offset, first.timestamp_ms
        );
        let attempt = Attempt {
            token: &token,
            is_repeat: batch.is_repeat,
        };
        let lane = &*self.lane;
        let stored = lane
            .work
            .store(&batch.prepared, &batch.messages, attempt, &lane.stop)
            .await?;
        self.storing = clock.lap();
        lane.gauges.spent(Stage::Store, self.storing);
        batch.records.extend(stored);
        let place = Place {
            next_offset: end,
            mark: Some(Mark::of(last)),
            planned: None,
        };
        self.commit(&batch.records, &place.to_committed()).await?;
        self.lane.gauges.spent(Stage::Commit, clock.lap());
        self.opened.place = place;
        self.is_under_way = false;
        self.done_ms = last.timestamp_ms;
        self.is_saved = false;
        self.lane.gauges.done(batch.messages.len(), begun.elapsed());
        self.look_whether_saved();
        if self.saved_at.elapsed() >= SAVE_EVERY {
            self.save();
        }
        Ok(())
    }

    /// Commits until it is done, or somebody else decides.
    async fn commit(&self, records: &[Record], committed: &Committed) -> Result<(), Halt> {
        let lane = &*self.lane;
        lane.transact("Kafka's transaction", || {
            let gives_up = || lane.stop.is_set();
            self.opened.producer.commit(
                records,
                &lane.shared.places,
                &lane.partition,
                committed,
                &gives_up,
            )
        })
        .await
    }

    fn next_duty(&self) -> Instant {
        let check = self.checked_at + CHECK_EVERY;
        if !self.saving.is_empty() {
            check.min(Instant::now() + SAVE_LOOK)
        } else if self.is_saved {
            check
        } else {
            check.min(self.heard_at + SAVE_AFTER_IDLE)
        }
    }

    /// What is done while no message comes.
    async fn duties(&mut self) -> Result<(), Halt> {
        self.look_whether_saved();
        if !self.is_saved && self.heard_at.elapsed() >= SAVE_AFTER_IDLE {
            self.save();
        }
        if self.checked_at.elapsed() >= CHECK_EVERY {
            self.check().await?;
        }
        Ok(())
    }

    /// Looks whether the partition is still the one it was, and how far its end is.
    async fn check(&mut self) -> Result<(), Halt> {
        self.checked_at = Instant::now();
        let place = self.opened.place;
        let found = tokio::task::block_in_place(|| self.lane.shared.places.watermarks(&self.lane.partition));
        let marks = match found {
            Ok(marks) => marks,
            Err(error) => {
                // Reading says so too, when it lasts.
                tracing::debug!(%error, partition = %self.lane.partition, "its end is not known");
                return Ok(());
            }
        };
        let is_at_end = self.ahead.is_empty() && self.opened.reader.is_at_end();
        let behind = if is_at_end {
            0
        } else {
            marks.high - place.next_offset
        };
        self.lane.gauges.behind(behind, self.done_ms);
        if marks.high < place.next_offset {
            return Err(Halt::Reopen(format!(
                "the log ends at {}, before the place {}",
                marks.high, place.next_offset
            )));
        }
        if self.anchored_at.elapsed() < ANCHOR_EVERY {
            return Ok(());
        }
        if !opening::is_known(self.lane, self.anchor, marks).await? {
            let reason = format!("another message stands before {}", self.anchor.next_offset);
            self.lane.distrust = Some(reason.clone());
            return Err(Halt::Reopen(reason));
        }
        self.anchor = place;
        self.anchored_at = Instant::now();
        Ok(())
    }

    /// Begins to save the state, unless a save is under way; where it fails it is tried again later, since the place does not depend on it.
    fn save(&mut self) {
        if !self.saving.is_empty() {
            return;
        }
        self.saved_at = Instant::now();
        let place = self.opened.place;
        let mark = place.mark.map(|mark| (mark.timestamp_ms, mark.checksum));
        let checkpoint = self
            .opened
            .checkpoint
            .next(place.next_offset, mark, self.lane.work.state());
        // Whether or not it comes through: a later one must count more.
        self.opened.checkpoint.version = checkpoint.version;
        let (shared, begun) = (self.lane.shared.clone(), self.saved_at);
        self.saving.spawn(async move {
            Saved {
                outcome: shared.store.save_checkpoint(&checkpoint).await,
                next_offset: checkpoint.next_offset,
                state_bytes: checkpoint.state.len(),
                took: begun.elapsed(),
            }
        });
    }

    /// Takes note of the save, if it is done.
    fn look_whether_saved(&mut self) {
        if let Some(joined) = self.saving.try_join_next() {
            self.note_saved(joined);
        }
    }

    fn note_saved(&mut self, joined: Result<Saved, JoinError>) {
        let done = match joined {
            Ok(done) => done,
            Err(error) => {
                self.heard_at = Instant::now();
                self.lane.gauges.unsaved.add(1);
                tracing::error!(%error, partition = %self.lane.partition, "saving the state crashed; it will be tried again");
                return;
            }
        };
        self.lane.gauges.spent(Stage::Save, done.took);
        match done.outcome {
            Ok(()) => {
                self.is_saved = done.next_offset == self.opened.place.next_offset;
                self.lane.gauges.saved(done.state_bytes);
            }
            Err(error) => {
                self.heard_at = Instant::now();
                self.lane.gauges.unsaved.add(1);
                tracing::warn!(%error, partition = %self.lane.partition, "the state could not be saved; it will be tried again");
            }
        }
    }

    async fn save_at_the_end(&mut self) {
        let last = async {
            if let Some(joined) = self.saving.join_next().await {
                self.note_saved(joined);
            }
            // A batch under way has moved the state already; whoever comes next rebuilds it.
            if !self.is_saved && !self.is_under_way {
                self.save();
                if let Some(joined) = self.saving.join_next().await {
                    self.note_saved(joined);
                }
            }
        };
        if tokio::time::timeout(LAST_SAVE_LIMIT, last).await.is_err() {
            tracing::debug!("the last state is not saved; it is rebuilt at the next start");
        }
    }
}

/// Tells the times between its laps.
struct Clock(Instant);

impl Clock {
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        std::mem::replace(&mut self.0, now).elapsed()
    }
}

/// What an error of reading means for the lane.
pub(crate) fn halt_of(error: ReadError) -> Halt {
    match error {
        ReadError::Fatal(error) => Halt::Failed(error.into()),
        error => Halt::Reopen(error.to_string()),
    }
}
