//! Which partitions this member of a group holds. It reads nothing itself: each partition has a [`PartitionReader`](crate::PartitionReader).
//!
//! What Kafka says here decides who *works* on a partition. It does not decide who may *write*: a member that was paused past its session
//! still believes what it heard last. The fence for that is [`TransactionalProducer`](crate::TransactionalProducer).

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::{ClientContext, TopicPartitionList};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::link::Link;
use crate::{BusError, Connection, client, consumer};

/// A member that is not heard of for this long loses its partitions.
const SESSION_LIMIT_MS: u32 = 10_000;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// Topic.
    pub topic: String,
    /// Number of the partition.
    pub partition: i32,
}

impl std::fmt::Display for TopicPartition {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}", self.topic, self.partition)
    }
}

/// What a rebalance changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// These are this member's now.
    Assigned(Vec<TopicPartition>),
    /// These are not any more.
    Revoked(Vec<TopicPartition>),
}

/// A place in a group.
pub struct Membership {
    inner: StreamConsumer<Rebalances>,
    changes: UnboundedReceiver<Change>,
}

impl Membership {
    /// Joins `group` for `topics`.
    ///
    /// # Errors
    /// When librdkafka refuses the settings or the topics.
    pub fn join(connection: &Connection, group: &str, topics: &[&str]) -> Result<Self, BusError> {
        // As many as there are rebalances that nobody has looked at yet, and they are looked at at once.
        let (sender, changes) = unbounded_channel();
        let failed = |source| BusError::client(connection, source);
        let (mut config, link) = client(connection)?;
        let inner: StreamConsumer<Rebalances> = config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", SESSION_LIMIT_MS.to_string())
            .set("heartbeat.interval.ms", "2000")
            // Nothing is processed between two polls here.
            .set("max.poll.interval.ms", "86400000")
            .set("topic.metadata.refresh.interval.ms", "5000")
            .set("allow.auto.create.topics", "false")
            .create_with_context(Rebalances {
                link,
                changes: sender,
            })
            .map_err(failed)?;
        inner.subscribe(topics).map_err(failed)?;
        Ok(Self { inner, changes })
    }

    /// Waits for the next change. Giving up waiting loses nothing.
    ///
    /// # Errors
    /// When the group or the client is beyond repair.
    pub async fn change(&mut self) -> Result<Change, BusError> {
        loop {
            tokio::select! {
                Some(change) = self.changes.recv() => return Ok(change),
                // Being polled is what lets the client tell of changes; the partitions themselves are paused, so a message is one that was
                // under way when they were.
                outcome = consumer::received(&self.inner) => drop(outcome?),
            }
        }
    }
}

struct Rebalances {
    link: Link,
    changes: UnboundedSender<Change>,
}

impl Rebalances {
    fn tell(&self, change: Change) {
        // The receiver lives as long as the consumer.
        let _ = self.changes.send(change);
    }
}

impl ClientContext for Rebalances {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.link.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.link.error(error, reason);
    }
}

impl ConsumerContext for Rebalances {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            self.tell(Change::Revoked(partitions(list)));
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => {
                if let Err(error) = consumer.pause(list) {
                    tracing::warn!(%error, "partitions could not be paused; they are read for nothing");
                }
                self.tell(Change::Assigned(partitions(list)));
            }
            Rebalance::Revoke(_) => {}
            Rebalance::Error(error) => tracing::warn!(%error, "rebalance failed"),
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements()
        .iter()
        .map(|element| TopicPartition {
            topic: element.topic().to_owned(),
            partition: element.partition(),
        })
        .collect()
}
