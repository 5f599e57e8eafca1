//! Kafka, as this platform uses it: an idempotent producer that never gives a message up by itself, a consumer whose
//! offsets its owner commits, and the topics with their settings.
//!
//! It knows nothing of what messages mean; keys and topics are in `vonggac_event::topic`.

mod admin;
mod consumer;
mod producer;

pub use admin::{Partitions, create_topics, probe};
pub use consumer::{Consumer, Message};
pub use producer::{Delivery, Producer};

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use thiserror::Error;

/// What went wrong on the bus.
#[derive(Debug, Error)]
pub enum BusError {
    /// The settings do not make a client.
    #[error("Kafka client for {brokers}: {source}")]
    Client {
        /// Brokers as given.
        brokers: String,
        /// What librdkafka says.
        source: rdkafka::error::KafkaError,
    },
    /// No broker answers.
    #[error("Kafka at {brokers} does not answer: {source}")]
    Unreachable {
        /// Brokers as given.
        brokers: String,
        /// What librdkafka says.
        source: rdkafka::error::KafkaError,
    },
    /// A topic could not be created.
    #[error("topic {topic}: {problem}")]
    Topic {
        /// Which.
        topic: String,
        /// What the broker says.
        problem: String,
    },
    /// A message was refused for good.
    #[error("message for topic {topic} was not taken: {source}")]
    Produce {
        /// Which topic.
        topic: String,
        /// What librdkafka says.
        source: rdkafka::error::KafkaError,
    },
    /// The producer was closed before the broker answered.
    #[error("the producer closed before the message was delivered")]
    Closed,
    /// Reading failed for good.
    #[error("consumer: {0}")]
    Consume(rdkafka::error::KafkaError),
}

impl BusError {
    /// Whether a message was refused because of itself, so that it would be refused again: too large, or not to Kafka's liking.
    pub fn is_message_refused(&self) -> bool {
        use rdkafka::types::RDKafkaErrorCode as Code;
        let Self::Produce { source, .. } = self else {
            return false;
        };
        matches!(
            source.rdkafka_error_code(),
            Some(
                Code::MessageSizeTooLarge
                    | Code::InvalidMessageSize
                    | Code::InvalidRecord
                    | Code::InvalidTimestamp
                    | Code::UnsupportedForMessageFormat
            )
        )
    }
}

/// Settings every client shares.
fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        .set("broker.address.family", "any")
        .set_log_level(RDKafkaLogLevel::Warning);
    config
}
