//! Kafka, as this platform uses it: an idempotent producer that never gives a message up by itself, a consumer whose
//! offsets its owner commits, and the topics with their settings.
//!
//! It knows nothing of what messages mean; keys and topics are in `vonggac_event::topic`.

mod admin;
mod certificate;
mod connection;
mod consumer;
mod link;
mod membership;
mod producer;
mod reader;
mod table;
mod transaction;

pub use admin::{TopicOptions, create_topics, missing_topics, probe};
pub use consumer::{Consumer, Message};
pub use membership::{Change, Membership, TopicPartition};
pub use producer::{Delivery, Producer};
pub use reader::{PartitionReader, ReadError};
pub use table::{Ends, Table};
pub use transaction::{
    Committed, GroupPlaces, NOTE_BYTES_MAX, Record, TransactionError, TransactionalProducer, Watermarks,
};
pub use vonggac_link::{KafkaConnection as Connection, KafkaSecurity as Security, SaslMechanism};

use connection::client;
use thiserror::Error;
use vonggac_link::SettingError;

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
    /// A setting of the connection cannot be used.
    #[error("Kafka at {brokers}: {source}")]
    Setting {
        /// Brokers as given.
        brokers: String,
        /// Which, and what is wrong.
        source: SettingError,
    },
    /// The brokers answer and refuse this client: TLS or its user.
    #[error("Kafka at {brokers}: {problem}")]
    Refused {
        /// Brokers as given.
        brokers: String,
        /// Why.
        problem: String,
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
    /// The client was closed before the brokers answered.
    #[error("the client closed before the brokers answered")]
    Closed,
    /// Reading failed for good.
    #[error("consumer: {0}")]
    Consume(rdkafka::error::KafkaError),
}

impl BusError {
    /// A failure to reach the brokers, with the reason that the link knows, if it knows a better one.
    fn unreachable(connection: &Connection, link: &link::Link, source: rdkafka::error::KafkaError) -> Self {
        let brokers = connection.kafka.clone();
        match link.refusal() {
            Some(problem) => Self::Refused { brokers, problem },
            None => Self::Unreachable { brokers, source },
        }
    }

    /// Settings that do not make a client.
    fn client(connection: &Connection, source: rdkafka::error::KafkaError) -> Self {
        Self::Client {
            brokers: connection.kafka.clone(),
            source,
        }
    }

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
