//! How far the pipeline has come in a partition.
//!
//! ```text
//! plan  (next_offset = first, planned_end = last + 1, state before)
//! insert the batch, produce what follows from it
//! done  (next_offset = last + 1, planned_end = 0, state after)      often together with the next plan
//! ```
//! Whoever takes the partition over, after whatever kind of end, reads the newest checkpoint: a plan that is not done is done
//! again with the same cut, so its inserts carry the same tokens.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use crate::{Store, StoreError};

/// Place, plan and state of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Grows with each write; the highest counts.
    pub version: u64,
    /// First offset that is not done.
    pub next_offset: i64,
    /// One past the last offset of the batch that is under way; 0 when none is.
    pub planned_end: i64,
    /// State of the partition as of `next_offset`, in its owner's form.
    #[serde(with = "serde_bytes")]
    pub state: Vec<u8>,
}

impl Store {
    /// The newest checkpoint of a partition.
    ///
    /// # Errors
    /// When ClickHouse does not answer.
    pub async fn load_checkpoint(
        &self,
        topic: &str,
        partition: i32,
    ) -> Result<Option<Checkpoint>, StoreError> {
        self.client
            .query(
                "SELECT topic, partition, version, next_offset, planned_end, state FROM checkpoint \
                 WHERE topic = ? AND partition = ? ORDER BY version DESC LIMIT 1",
            )
            .bind(topic)
            .bind(partition)
            .fetch_optional::<Checkpoint>()
            .await
            .map_err(StoreError::new("read checkpoint"))
    }

    /// Writes a checkpoint.
    ///
    /// # Errors
    /// When ClickHouse has not confirmed it.
    pub async fn save_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let failed = |source| StoreError::ClickHouse {
            doing: "write checkpoint".into(),
            source,
        };
        let mut insert = self
            .client
            .insert::<Checkpoint>("checkpoint")
            .await
            .map_err(failed)?;
        insert.write(checkpoint).await.map_err(failed)?;
        insert.end().await.map_err(failed)
    }
}
