//! Topics: their settings, and whether Kafka is there.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::types::RDKafkaErrorCode;
use vonggac_event::limits::KAFKA_MESSAGE_BYTES_MAX;
use vonggac_event::topic;

use crate::link::Link;
use crate::{BusError, Connection, client};

/// How long the brokers may take to say who they are before topics are made.
const PROBE_LIMIT: Duration = Duration::from_secs(10);
/// Longest wait for an answer before a look at what the link says.
const PROBE_STEP: Duration = Duration::from_secs(1);
/// How long such a look takes.
const PROBE_EVENTS: Duration = Duration::from_millis(10);
/// How long the brokers may take to make topics or to name them.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
const HOUR_MS: u64 = 3_600_000;

/// How topics are kept. It counts when they are made; later changes are the operator's, with Kafka's own tools.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct TopicOptions {
    /// Partitions of `events`, `matches` and `alerts`. More of them later move keys between partitions, which breaks the order within a key once.
    #[arg(long, env = "VONGGAC_PARTITIONS", default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1024))]
    pub partitions: i32,
    /// Copies of each topic: 1 on one broker, 3 on three or more.
    #[arg(long, env = "VONGGAC_REPLICAS", default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=32))]
    pub replicas: i32,
    /// Copies that must have a message before it counts as written; left out, one less than the copies, and at least 1.
    #[arg(long, env = "VONGGAC_MIN_INSYNC_REPLICAS", value_name = "N")]
    pub min_insync_replicas: Option<i32>,
    /// Hours that `events` are kept in Kafka: how long every pipeline may be away.
    #[arg(
        long,
        env = "VONGGAC_EVENTS_HOURS",
        default_value_t = 168,
        value_name = "HOURS"
    )]
    pub events_hours: u64,
    /// Hours that `matches` are kept in Kafka.
    #[arg(
        long,
        env = "VONGGAC_MATCHES_HOURS",
        default_value_t = 168,
        value_name = "HOURS"
    )]
    pub matches_hours: u64,
    /// Hours that `alerts` are kept in Kafka: how long every console may be away.
    #[arg(
        long,
        env = "VONGGAC_ALERTS_HOURS",
        default_value_t = 2160,
        value_name = "HOURS"
    )]
    pub alerts_hours: u64,
    /// Hours that `dead-letter` is kept.
    #[arg(
        long,
        env = "VONGGAC_DEAD_LETTER_HOURS",
        default_value_t = 720,
        value_name = "HOURS"
    )]
    pub dead_letter_hours: u64,
}

impl TopicOptions {
    fn min_insync(&self) -> i32 {
        self.min_insync_replicas
            .unwrap_or(self.replicas - 1)
            .clamp(1, self.replicas)
    }

    fn partitions_of(&self, name: &str) -> i32 {
        if matches!(name, topic::EVENTS | topic::MATCHES | topic::ALERTS) {
            self.partitions
        } else {
            1
        }
    }

    fn retention_ms(&self, name: &str) -> u64 {
        let hours = match name {
            topic::EVENTS => self.events_hours,
            topic::MATCHES => self.matches_hours,
            topic::ALERTS => self.alerts_hours,
            topic::DEAD_LETTER => self.dead_letter_hours,
            _ => 168,
        };
        hours.saturating_mul(HOUR_MS)
    }
}

/// A topic of last words keeps the last of each key for ever; of the others what is old enough goes.
fn cleanup_of(name: &str) -> &'static str {
    if name == topic::SENSORS {
        "compact"
    } else {
        "delete"
    }
}

/// Creates the topics that are missing.
///
/// # Errors
/// When no broker answers, or one refuses this client or a topic.
pub async fn create_topics(connection: &Connection, options: &TopicOptions) -> Result<(), BusError> {
    // The admin client waits long and does not say for what.
    let probed = connection.clone();
    tokio::task::spawn_blocking(move || probe(&probed, PROBE_LIMIT))
        .await
        .map_err(|_| BusError::Closed)??;
    let (config, link) = client(connection)?;
    let admin: AdminClient<Link> = config
        .create_with_context(link.clone())
        .map_err(|source| BusError::client(connection, source))?;
    let min_insync = options.min_insync().to_string();
    let bytes_max = KAFKA_MESSAGE_BYTES_MAX.to_string();
    let retentions: Vec<String> = topic::ALL
        .iter()
        .map(|name| options.retention_ms(name).to_string())
        .collect();
    let topics: Vec<NewTopic<'_>> = topic::ALL
        .iter()
        .zip(&retentions)
        .map(|(&name, retention)| {
            let count = options.partitions_of(name);
            NewTopic::new(name, count, TopicReplication::Fixed(options.replicas))
                .set("compression.type", "producer")
                .set("max.message.bytes", &bytes_max)
                .set("min.insync.replicas", &min_insync)
                // A copy that fell behind must never lead: that would take back what was confirmed.
                .set("unclean.leader.election.enable", "false")
                .set("retention.ms", retention)
                .set("cleanup.policy", cleanup_of(name))
        })
        .collect();
    let answers = AdminOptions::new().operation_timeout(Some(ANSWER_LIMIT));
    let outcomes = admin
        .create_topics(&topics, &answers)
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

/// The topics that are not there. Blocks.
///
/// # Errors
/// When no broker answers.
pub fn missing_topics(connection: &Connection) -> Result<Vec<&'static str>, BusError> {
    let (config, link) = client(connection)?;
    let consumer: BaseConsumer<Link> = config
        .create_with_context(link.clone())
        .map_err(|source| BusError::client(connection, source))?;
    let metadata = consumer
        .fetch_metadata(None, ANSWER_LIMIT)
        .map_err(|source| BusError::unreachable(connection, &link, source))?;
    let there: HashSet<&str> = metadata.topics().iter().map(|topic| topic.name()).collect();
    Ok(topic::ALL
        .into_iter()
        .filter(|name| !there.contains(name))
        .collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_register_of_sensors_is_kept_and_nothing_else_is() {
        let kept: Vec<&str> = topic::ALL
            .into_iter()
            .filter(|name| cleanup_of(name) == "compact")
            .collect();
        assert_eq!(kept, [topic::SENSORS]);
    }
}
