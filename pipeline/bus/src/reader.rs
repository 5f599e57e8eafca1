//! Reading one partition from an exact offset, without a group.

use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};
use thiserror::Error;

use crate::link::Link;
use crate::{BusError, Connection, Message, TopicPartition, client, consumer};

/// Most bytes of a partition read ahead, in KiB.
const AHEAD_KIB_MAX: u32 = 16 * 1024;
/// Most messages of a partition read ahead; beyond it the broker is left alone.
const AHEAD_MESSAGES: u32 = 40_000;
/// Errors in a row after which somebody should look whether the partition is what it was.
const FAILURES_MAX: u32 = 20;

/// Reads committed messages of one partition.
pub struct PartitionReader {
    inner: StreamConsumer<Link>,
    /// Whether everything that was there when it last looked has been read.
    is_at_end: AtomicBool,
}

/// Why reading cannot go on as it was.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The offset asked for is not in the partition: its log was cut, made again, or what stood there is deleted.
    #[error("the offset is outside the partition")]
    OutOfRange,
    /// The partition is not there, or its broker has not answered for some time.
    #[error("the partition cannot be read: {0}")]
    Away(KafkaError),
    /// The client or its rights are beyond repair.
    #[error(transparent)]
    Fatal(#[from] BusError),
}

impl PartitionReader {
    /// Starts reading at `offset`.
    ///
    /// # Errors
    /// When librdkafka refuses the settings.
    pub fn open(connection: &Connection, place: &TopicPartition, offset: i64) -> Result<Self, BusError> {
        let failed = |source| BusError::client(connection, source);
        let (mut config, link) = client(connection)?;
        let inner: StreamConsumer<Link> = config
            // librdkafka wants a name, but nothing joins and nothing is committed.
            .set("group.id", "vonggac-reader")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            // Ends of transactions take offsets and are no messages, so offsets alone do not tell the end.
            .set("enable.partition.eof", "true")
            // An offset that is not there is for the owner to judge, never skipped.
            .set("auto.offset.reset", "error")
            .set("fetch.wait.max.ms", "500")
            .set("fetch.error.backoff.ms", "100")
            .set("queued.min.messages", AHEAD_MESSAGES.to_string())
            .set("queued.max.messages.kbytes", AHEAD_KIB_MAX.to_string())
            .set("max.poll.interval.ms", "86400000")
            .set("topic.metadata.refresh.interval.ms", "5000")
            .set("allow.auto.create.topics", "false")
            .create_with_context(link)
            .map_err(failed)?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&place.topic, place.partition, Offset::Offset(offset))
            .and_then(|()| inner.assign(&list))
            .map_err(failed)?;
        Ok(Self {
            inner,
            is_at_end: AtomicBool::new(false),
        })
    }

    /// The next message. Giving up waiting for it loses nothing.
    ///
    /// # Errors
    /// When the owner has to look: see [`ReadError`]. A new reader is wanted then.
    pub async fn next(&self) -> Result<Message, ReadError> {
        let mut failures = 0;
        loop {
            let error = match self.inner.recv().await {
                Ok(message) => {
                    self.is_at_end.store(false, Ordering::Relaxed);
                    return Ok(Message::from(&message));
                }
                Err(KafkaError::PartitionEOF(_)) => {
                    self.is_at_end.store(true, Ordering::Relaxed);
                    continue;
                }
                Err(error) => error,
            };
            if consumer::is_fatal(&error) {
                return Err(ReadError::Fatal(BusError::Consume(error)));
            }
            match error.rdkafka_error_code() {
                Some(Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation) => {
                    return Err(ReadError::OutOfRange);
                }
                Some(
                    Code::UnknownTopic
                    | Code::UnknownTopicOrPartition
                    | Code::UnknownPartition
                    | Code::UnknownTopicId,
                ) => {
                    return Err(ReadError::Away(error));
                }
                _ => {}
            }
            failures += 1;
            if failures >= FAILURES_MAX {
                return Err(ReadError::Away(error));
            }
            tokio::time::sleep(consumer::FAILURE_PAUSE).await;
        }
    }

    /// Whether no message was left when the broker was last asked for more.
    pub fn is_at_end(&self) -> bool {
        self.is_at_end.load(Ordering::Relaxed)
    }
}

impl Drop for PartitionReader {
    fn drop(&mut self) {
        // One that was opened for a single look may still be signing in somewhere.
        self.inner.context().close();
    }
}
