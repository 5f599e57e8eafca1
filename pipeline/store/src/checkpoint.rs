//! The state of a partition of the pipeline, saved now and then.
//!
//! It belongs to an offset: it is a function of the messages before `next_offset`, so whoever saves it for that offset saves the same, and
//! no save can spoil another's. The newest counts. How far the partition is *done* is Kafka's to say; what lies between is read again.
//! `mark` is what the message before `next_offset` is known by, so that a log that was made anew is noticed.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use crate::{Store, StoreError};

/// State of one partition as of an offset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Grows with each write; the highest counts. 0 is a state that was never saved.
    pub version: u64,
    /// First offset that the state does not know of.
    pub next_offset: i64,
    /// One past the last offset of the batch under way, as builds wrote it that kept their place here; 0 otherwise.
    pub planned_end: i64,
    /// Time in milliseconds and checksum of the message before `next_offset`.
    pub mark: Option<(i64, u32)>,
    /// The state, in its owner's form.
    pub state: Vec<u8>,
}

impl Checkpoint {
    /// The one that replaces this.
    pub fn next(&self, next_offset: i64, mark: Option<(i64, u32)>, state: Vec<u8>) -> Self {
        Self {
            topic: self.topic.clone(),
            partition: self.partition,
            version: self.version + 1,
            next_offset,
            planned_end: 0,
            mark,
            state,
        }
    }
}

#[derive(Row, Serialize, Deserialize)]
struct Saved {
    topic: String,
    partition: i32,
    version: u64,
    next_offset: i64,
    planned_end: i64,
    has_mark: bool,
    mark_ms: i64,
    mark_checksum: u32,
    #[serde(with = "serde_bytes")]
    state: Vec<u8>,
}

impl Store {
    /// The newest state of a partition.
    ///
    /// # Errors
    /// When ClickHouse does not answer.
    pub async fn load_checkpoint(
        &self,
        topic: &str,
        partition: i32,
    ) -> Result<Option<Checkpoint>, StoreError> {
        let found = self
            .client
            .query(
                "SELECT topic, partition, version, next_offset, planned_end, has_mark, mark_ms, mark_checksum, state FROM checkpoint \
                 WHERE topic = ? AND partition = ? ORDER BY version DESC LIMIT 1",
            )
            .bind(topic)
            .bind(partition)
            .fetch_optional::<Saved>()
            .await
            .map_err(StoreError::new("read checkpoint"))?;
        Ok(found.map(|saved| Checkpoint {
            topic: saved.topic,
            partition: saved.partition,
            version: saved.version,
            next_offset: saved.next_offset,
            planned_end: saved.planned_end,
            mark: saved.has_mark.then_some((saved.mark_ms, saved.mark_checksum)),
            state: saved.state,
        }))
    }

    /// Saves a state.
    ///
    /// # Errors
    /// When ClickHouse has not confirmed it.
    pub async fn save_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let failed = |source| StoreError::ClickHouse {
            doing: "write checkpoint".into(),
            source,
        };
        let (mark_ms, mark_checksum) = checkpoint.mark.unwrap_or_default();
        let saved = Saved {
            topic: checkpoint.topic.clone(),
            partition: checkpoint.partition,
            version: checkpoint.version,
            next_offset: checkpoint.next_offset,
            planned_end: checkpoint.planned_end,
            has_mark: checkpoint.mark.is_some(),
            mark_ms,
            mark_checksum,
            state: checkpoint.state.clone(),
        };
        let mut insert = self
            .client
            .insert::<Saved>("checkpoint")
            .await
            .map_err(failed)?
            .with_setting("async_insert", "0")
            .with_timeouts(Some(crate::INSERT_LIMIT), Some(crate::INSERT_LIMIT));
        insert.write(&saved).await.map_err(failed)?;
        insert.end().await.map_err(failed)
    }
}
