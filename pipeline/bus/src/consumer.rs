//! The consumer: a member of a group, whose owner says when an offset is done.

use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer as _, ConsumerContext, StreamConsumer};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::link::Link;
use crate::{BusError, Connection, client};

/// Pause after an error that goes away by itself.
pub(crate) const FAILURE_PAUSE: Duration = Duration::from_millis(50);

/// Reads topics as a member of a group.
pub struct Consumer {
    inner: StreamConsumer<Link>,
}

/// One message, with its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// When it came into the log, in milliseconds since 1970; -1 when Kafka does not say.
    pub timestamp_ms: i64,
    /// Key; empty when it has none.
    pub key: Vec<u8>,
    /// Bytes; empty when it has none.
    pub payload: Vec<u8>,
}

impl Consumer {
    /// Joins `group` on `topics`. Starts from the earliest message where the group has committed nothing.
    ///
    /// # Errors
    /// When a file of the connection cannot be read, or librdkafka refuses the settings or the topics.
    pub fn new(connection: &Connection, group: &str, topics: &[&str]) -> Result<Self, BusError> {
        let failed = |source| BusError::client(connection, source);
        let (mut config, link) = client(connection)?;
        let inner: StreamConsumer<Link> = config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", "10000")
            // The store may be away for long; what was read waits, and nobody else could do better.
            .set("max.poll.interval.ms", "86400000")
            .set("fetch.wait.max.ms", "20")
            .set("fetch.error.backoff.ms", "100")
            .set("queued.max.messages.kbytes", "32768")
            .set("topic.metadata.refresh.interval.ms", "5000")
            .set("allow.auto.create.topics", "false")
            .create_with_context(link)
            .map_err(failed)?;
        inner.subscribe(topics).map_err(failed)?;
        Ok(Self { inner })
    }

    /// The next message. What goes away by itself (a broker out of reach, a topic not there yet) is logged and waited for.
    ///
    /// # Errors
    /// When the group or the client is beyond repair.
    pub async fn next(&self) -> Result<Message, BusError> {
        received(&self.inner).await
    }

    /// Says that everything below `next_offset` of the partition is done. Does not wait for the broker: the truth about offsets is
    /// kept with the data; this is for lag displays and a quick start.
    pub fn commit(&self, topic: &str, partition: i32, next_offset: i64) {
        let mut list = TopicPartitionList::new();
        let outcome = list
            .add_partition_offset(topic, partition, Offset::Offset(next_offset))
            .and_then(|()| self.inner.commit(&list, CommitMode::Async));
        if let Err(error) = outcome {
            tracing::debug!(%error, topic, partition, "offset not committed");
        }
    }
}

impl From<&BorrowedMessage<'_>> for Message {
    fn from(message: &BorrowedMessage<'_>) -> Self {
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis().unwrap_or(-1),
            key: message.key().unwrap_or_default().to_vec(),
            payload: message.payload().unwrap_or_default().to_vec(),
        }
    }
}

/// The next message; what goes away by itself is waited for.
pub(crate) async fn received<C: ConsumerContext + 'static>(
    consumer: &StreamConsumer<C>,
) -> Result<Message, BusError> {
    let mut failures = 0_u64;
    loop {
        match consumer.recv().await {
            Ok(message) => return Ok(Message::from(&message)),
            Err(error) if is_fatal(&error) => return Err(BusError::Consume(error)),
            Err(error) => {
                failures += 1;
                if failures.is_power_of_two() {
                    tracing::warn!(%error, failures, "consumer waits");
                }
                tokio::time::sleep(FAILURE_PAUSE).await;
            }
        }
    }
}

pub(crate) fn is_fatal(error: &rdkafka::error::KafkaError) -> bool {
    use rdkafka::types::RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(Code::Fatal | Code::GroupAuthorizationFailed | Code::TopicAuthorizationFailed)
    )
}
