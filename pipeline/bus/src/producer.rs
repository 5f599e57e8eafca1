//! The producer: idempotent, `acks=all`, no time limit on delivery.
//!
//! Messages to one partition arrive in the order they were sent, without a hole: a message that cannot be delivered is retried
//! for as long as the producer lives. Whoever needs an end to that drops the producer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _};

use vonggac_event::limits::KAFKA_MESSAGE_BYTES_MAX;

use crate::link::Link;
use crate::{BusError, Connection, client};

/// Most bytes that wait in the producer, in KiB; a sender waits when it is full.
const QUEUE_KIB_MAX: u32 = 64 * 1024;
/// How long a message waits for others to go with it, in milliseconds: a request for each few would cost the broker more than the events.
const LINGER_MS: &str = "20";
/// Pause before another try when the queue is full.
pub(crate) const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);

/// Sends messages.
#[derive(Clone)]
pub struct Producer {
    inner: FutureProducer<Link>,
}

/// Resolves once the brokers have the message.
pub struct Delivery {
    topic: &'static str,
    future: DeliveryFuture,
}

impl Producer {
    /// A producer. Does not wait for a connection.
    ///
    /// # Errors
    /// When a file of the connection cannot be read, or librdkafka refuses the settings.
    pub fn new(connection: &Connection) -> Result<Self, BusError> {
        Self::with(connection, "false")
    }

    /// As [`Self::new`], but once a message is refused for good none that was sent after it is delivered: this producer has failed then,
    /// and whoever needs the order sends the rest with another.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn gapless(connection: &Connection) -> Result<Self, BusError> {
        Self::with(connection, "true")
    }

    fn with(connection: &Connection, gapless: &str) -> Result<Self, BusError> {
        let (mut config, link) = client(connection)?;
        let inner = settings(&mut config)
            .set("enable.gapless.guarantee", gapless)
            .set("message.timeout.ms", "0")
            .set("linger.ms", LINGER_MS)
            .create_with_context(link)
            .map_err(|source| BusError::client(connection, source))?;
        Ok(Self { inner })
    }

    /// Hands a message over; waits while the queue is full.
    ///
    /// # Errors
    /// When librdkafka refuses the message for another reason.
    pub async fn send(&self, topic: &'static str, key: &[u8], payload: &[u8]) -> Result<Delivery, BusError> {
        self.send_with(topic, key, payload, &[]).await
    }

    /// As [`Self::send`], with headers.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_with(
        &self,
        topic: &'static str,
        key: &[u8],
        payload: &[u8],
        headers: &[(&str, &str)],
    ) -> Result<Delivery, BusError> {
        let mut record = FutureRecord::to(topic).key(key).payload(payload);
        if !headers.is_empty() {
            let all = OwnedHeaders::new_with_capacity(headers.len());
            record = record.headers(headers.iter().fold(all, |all, &(key, value)| {
                all.insert(Header {
                    key,
                    value: Some(value),
                })
            }));
        }
        loop {
            match self.inner.send_result(record) {
                Ok(future) => return Ok(Delivery { topic, future }),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), same)) => {
                    record = same;
                    tokio::time::sleep(QUEUE_FULL_PAUSE).await;
                }
                Err((source, _)) => {
                    return Err(BusError::Produce {
                        topic: topic.to_owned(),
                        source,
                    });
                }
            }
        }
    }

    /// Waits until everything sent is delivered, or `limit` has passed; says which.
    pub fn flush(&self, limit: Duration) -> bool {
        self.inner.flush(limit).is_ok()
    }
}

/// What every producer has in common.
pub(crate) fn settings(config: &mut ClientConfig) -> &mut ClientConfig {
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("batch.size", "1000000")
        .set("message.max.bytes", KAFKA_MESSAGE_BYTES_MAX.to_string())
        .set("compression.type", "zstd")
        .set("compression.level", "1")
        .set("queue.buffering.max.kbytes", QUEUE_KIB_MAX.to_string())
}

impl Future for Delivery {
    type Output = Result<(), BusError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let topic = self.topic;
        Pin::new(&mut self.future)
            .poll(context)
            .map(|outcome| match outcome {
                Ok(Ok(_)) => Ok(()),
                Ok(Err((source, _))) => Err(BusError::Produce {
                    topic: topic.to_owned(),
                    source,
                }),
                Err(_) => Err(BusError::Closed),
            })
    }
}
