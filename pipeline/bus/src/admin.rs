//! Topics: their settings, and whether Kafka is there.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::types::RDKafkaErrorCode;
use vonggac_event::topic;

use crate::{BusError, client};

/// How many partitions the big topics get when they are created. Later changes are the operator's: keys move between partitions
/// then, and order within a key is broken once.
#[derive(Debug, Clone, Copy)]
pub struct Partitions {
    /// Of `events` and `matches`.
    pub data: i32,
    /// Copies of each topic.
    pub replicas: i32,
}

/// Creates the topics that are missing.
///
/// # Errors
/// When no broker answers or one refuses a topic.
pub async fn create_topics(brokers: &str, partitions: Partitions) -> Result<(), BusError> {
    let admin: AdminClient<DefaultClientContext> =
        client(brokers).create().map_err(|source| BusError::Client {
            brokers: brokers.to_owned(),
            source,
        })?;
    let topics: Vec<NewTopic<'_>> = topic::ALL
        .iter()
        .map(|&name| {
            let count = if matches!(name, topic::EVENTS | topic::MATCHES) {
                partitions.data
            } else {
                1
            };
            let fresh = NewTopic::new(name, count, TopicReplication::Fixed(partitions.replicas))
                .set("compression.type", "producer")
                .set("max.message.bytes", "1048588");
            // Alerts and undecodable messages are few and are looked for late; 90 days and 30 days.
            match name {
                topic::ALERTS => fresh.set("retention.ms", "7776000000"),
                topic::DEAD_LETTER => fresh.set("retention.ms", "2592000000"),
                _ => fresh,
            }
        })
        .collect();
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(15)));
    let outcomes = admin
        .create_topics(&topics, &options)
        .await
        .map_err(|source| BusError::Unreachable {
            brokers: brokers.to_owned(),
            source,
        })?;
    for outcome in outcomes {
        match outcome {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => {
                return Err(BusError::Topic {
                    topic: name,
                    problem: code.to_string(),
                });
            }
        }
    }
    Ok(())
}

/// Asks the brokers who they are. Blocks up to `limit`.
///
/// # Errors
/// When none answers.
pub fn probe(brokers: &str, limit: Duration) -> Result<usize, BusError> {
    let consumer: BaseConsumer = client(brokers).create().map_err(|source| BusError::Client {
        brokers: brokers.to_owned(),
        source,
    })?;
    let metadata = consumer
        .fetch_metadata(None, limit)
        .map_err(|source| BusError::Unreachable {
            brokers: brokers.to_owned(),
            source,
        })?;
    Ok(metadata.brokers().len())
}
