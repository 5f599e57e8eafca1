//! Topics: their settings, and whether Kafka is there.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::types::RDKafkaErrorCode;
use vonggac_event::topic;

use crate::link::Link;
use crate::{BusError, Connection, client};

/// How long the brokers may take to say who they are before topics are made.
const PROBE_LIMIT: Duration = Duration::from_secs(10);
/// Longest wait for an answer before a look at what the link says.
const PROBE_STEP: Duration = Duration::from_secs(1);
/// How long such a look takes.
const PROBE_EVENTS: Duration = Duration::from_millis(10);

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
/// When no broker answers, or one refuses this client or a topic.
pub async fn create_topics(connection: &Connection, partitions: Partitions) -> Result<(), BusError> {
    // The admin client waits long and does not say for what.
    let probed = connection.clone();
    tokio::task::spawn_blocking(move || probe(&probed, PROBE_LIMIT))
        .await
        .map_err(|_| BusError::Closed)??;
    let (config, link) = client(connection)?;
    let admin: AdminClient<Link> = config
        .create_with_context(link.clone())
        .map_err(|source| BusError::client(connection, source))?;
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
        .map_err(|source| BusError::unreachable(connection, &link, source))?;
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
/// When none answers, or one refuses this client: then as soon as that is known.
pub fn probe(connection: &Connection, limit: Duration) -> Result<usize, BusError> {
    let (config, link) = client(connection)?;
    let consumer: BaseConsumer<Link> = config
        .create_with_context(link.clone())
        .map_err(|source| BusError::client(connection, source))?;
    let begun = Instant::now();
    loop {
        let left = limit.saturating_sub(begun.elapsed());
        let source = match consumer.fetch_metadata(None, left.min(PROBE_STEP)) {
            Ok(metadata) => return Ok(metadata.brokers().len()),
            Err(source) => source,
        };
        // The link hears of what happened meanwhile when the client is asked for events.
        while consumer.poll(PROBE_EVENTS).is_some() {}
        if link.refusal().is_some() || begun.elapsed() >= limit {
            return Err(BusError::unreachable(connection, &link, source));
        }
    }
}
