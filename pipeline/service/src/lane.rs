//! A lane: one partition of one topic, its place, its state and its batches.
//!
//! The place and the state are one row in ClickHouse (`vonggac_store::Checkpoint`), so they never disagree. Kafka's committed offset
//! only follows, for displays and a quick start; where it differs, the row is right and the lane seeks.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout_at};
use vonggac_bus::Message;
use vonggac_store::Checkpoint;

use crate::{Shared, retry};

/// Most messages in a batch.
const BATCH_MESSAGES: usize = 20_000;
/// Most bytes in a batch.
const BATCH_BYTES: usize = 16 << 20;

/// What a lane does with its messages.
pub(crate) trait Work: Send {
    /// How long a batch waits for more after its first message.
    const LINGER: Duration;
    /// How often the place is saved under load. Zero: with every batch, its cut written down before it is begun.
    const SAVE_EVERY: Duration;
    /// What a batch comes to before anything is written.
    type Prepared: Send + Sync;

    /// Takes the state of a checkpoint; no bytes are the state before the first message.
    fn restore(&mut self, state: &[u8]) -> anyhow::Result<()>;
    /// The state as a checkpoint keeps it.
    fn state(&self) -> Vec<u8>;
    /// Works a batch through and moves the state. Writes nothing.
    fn prepare(&mut self, batch: &[Message]) -> Self::Prepared;
    /// Writes what came of it; called again with the same until it succeeds, so a repeat must change nothing.
    fn write(
        &self,
        prepared: &Self::Prepared,
        token: &str,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// One partition's worker.
pub(crate) struct Lane {
    shared: Arc<Shared>,
    receiver: Receiver<Message>,
    checkpoint: Checkpoint,
    /// A message that was read but belongs to the next batch.
    ahead: Option<Message>,
    unsaved: bool,
    saved_at: Instant,
}

impl Lane {
    pub(crate) fn new(shared: Arc<Shared>, topic: &str, partition: i32, receiver: Receiver<Message>) -> Self {
        let checkpoint = Checkpoint {
            topic: topic.to_owned(),
            partition,
            ..Checkpoint::default()
        };
        Self {
            shared,
            receiver,
            checkpoint,
            ahead: None,
            unsaved: false,
            saved_at: Instant::now(),
        }
    }

    /// Works until the channel closes.
    pub(crate) async fn run<W: Work>(mut self, mut work: W) -> anyhow::Result<()> {
        self.load(&mut work).await?;
        while let Some(batch) = self.collect(&mut work).await? {
            let (Some(first), Some(last)) = (batch.first(), batch.last()) else {
                continue;
            };
            let end = last.offset + 1;
            if W::SAVE_EVERY.is_zero() && self.checkpoint.planned_end != end {
                self.checkpoint.planned_end = end;
                self.save().await;
            }
            let token = format!(
                "{}-{}-{}-{}",
                self.checkpoint.topic, self.checkpoint.partition, first.offset, last.offset
            );
            let prepared = work.prepare(&batch);
            retry::until_ok(&token, || work.write(&prepared, &token)).await;
            self.checkpoint.next_offset = end;
            self.checkpoint.planned_end = 0;
            self.unsaved = true;
            let idle = self.ahead.is_none() && self.receiver.is_empty();
            let due = !W::SAVE_EVERY.is_zero() && self.saved_at.elapsed() >= W::SAVE_EVERY;
            if (idle && W::SAVE_EVERY.is_zero()) || due {
                self.checkpoint.state = work.state();
                self.save().await;
            } else if W::SAVE_EVERY.is_zero() {
                // Goes with the next batch's plan.
                self.checkpoint.state = work.state();
            }
        }
        if self.unsaved {
            self.checkpoint.state = work.state();
            self.save().await;
        }
        Ok(())
    }

    async fn load<W: Work>(&mut self, work: &mut W) -> anyhow::Result<()> {
        let (store, topic, partition) = (
            &self.shared.store,
            &self.checkpoint.topic,
            self.checkpoint.partition,
        );
        let found = retry::until_ok("checkpoint", || store.load_checkpoint(topic, partition)).await;
        if let Some(found) = found {
            self.checkpoint = found;
        } else {
            self.checkpoint = Checkpoint {
                topic: topic.clone(),
                partition,
                ..Checkpoint::default()
            };
        }
        work.restore(&self.checkpoint.state)?;
        tracing::info!(
            topic = self.checkpoint.topic,
            partition,
            next_offset = self.checkpoint.next_offset,
            "lane is ready"
        );
        Ok(())
    }

    async fn save(&mut self) {
        self.checkpoint.version += 1;
        let (store, checkpoint) = (&self.shared.store, &self.checkpoint);
        retry::until_ok("checkpoint", || store.save_checkpoint(checkpoint)).await;
        self.shared.consumer.commit(
            &self.checkpoint.topic,
            self.checkpoint.partition,
            self.checkpoint.next_offset,
        );
        self.unsaved = false;
        self.saved_at = Instant::now();
    }

    /// The next batch: as planned when a plan was found, else what comes within the linger and the limits. `None` at the end.
    async fn collect<W: Work>(&mut self, work: &mut W) -> anyhow::Result<Option<Vec<Message>>> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut deadline = None;
        loop {
            let planned = self.checkpoint.planned_end > 0;
            let message = match (self.ahead.take(), deadline) {
                (Some(message), _) => Some(message),
                (None, Some(deadline)) if !planned => {
                    match timeout_at(deadline, self.receiver.recv()).await {
                        Ok(message) => message,
                        Err(_) => return Ok(Some(batch)),
                    }
                }
                (None, None) if self.unsaved => self.receive_or_save(work).await,
                (None, _) => self.receiver.recv().await,
            };
            let Some(message) = message else {
                // A batch that was cut short by the end is done again later, whole.
                return Ok((!batch.is_empty() && !planned).then_some(batch));
            };
            let expected = batch
                .last()
                .map_or(self.checkpoint.next_offset, |last: &Message| last.offset + 1);
            if message.offset < expected {
                continue;
            }
            if message.offset > expected && !self.accept_jump(work, &message, &mut batch).await? {
                continue;
            }
            bytes += message.payload.len();
            deadline.get_or_insert_with(|| Instant::now() + W::LINGER);
            let end = message.offset + 1;
            batch.push(message);
            let planned = self.checkpoint.planned_end > 0;
            let full = batch.len() >= BATCH_MESSAGES || bytes >= BATCH_BYTES;
            if (planned && end >= self.checkpoint.planned_end) || (!planned && full) {
                return Ok(Some(batch));
            }
        }
    }

    /// Waits for a message; saves the place when none comes for a while.
    async fn receive_or_save<W: Work>(&mut self, work: &W) -> Option<Message> {
        match timeout_at(Instant::now() + Duration::from_millis(250), self.receiver.recv()).await {
            Ok(message) => message,
            Err(_) => {
                self.checkpoint.state = work.state();
                self.save().await;
                self.receiver.recv().await
            }
        }
    }

    /// A message further on than expected: the partition was elsewhere meanwhile, or Kafka's offset and ours differ, or messages are
    /// gone. Says whether the message is to be taken now.
    async fn accept_jump<W: Work>(
        &mut self,
        work: &mut W,
        message: &Message,
        batch: &mut Vec<Message>,
    ) -> anyhow::Result<bool> {
        // What is in `batch` was read before and will be read again.
        batch.clear();
        self.load(work).await?;
        self.unsaved = false;
        let next = self.checkpoint.next_offset;
        if message.offset <= next {
            return Ok(message.offset == next);
        }
        let (topic, partition) = (&self.checkpoint.topic, self.checkpoint.partition);
        let consumer = &self.shared.consumer;
        let (low, _) = retry::until_ok("watermarks", || async {
            tokio::task::block_in_place(|| consumer.watermarks(topic, partition))
        })
        .await;
        if low > next {
            tracing::error!(
                topic,
                partition,
                lost = low - next,
                "Kafka no longer has messages that were not yet done"
            );
            self.checkpoint.next_offset = low;
            self.checkpoint.planned_end = 0;
        }
        let next = self.checkpoint.next_offset;
        if message.offset == next {
            return Ok(true);
        }
        if let Err(error) = tokio::task::block_in_place(|| consumer.seek(topic, partition, next)) {
            tracing::warn!(topic, partition, next, %error, "seek failed, will be tried at the next message");
        }
        Ok(false)
    }
}
