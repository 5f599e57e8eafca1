//! The fence: whoever opens a transactional id last is the only one who can write under it.
//!
//! A lane of the pipeline writes all that follows from a batch (messages, and its place in the partition) in one transaction under an id of
//! its partition. [`TransactionalProducer::fence`] makes Kafka refuse every earlier holder of the id, whatever that one believes, and
//! ends what it left open. So a partition has one writer, enforced by the log.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use thiserror::Error;

use crate::link::Link;
use crate::{BusError, Connection, TopicPartition, client, producer};

/// How long one question to the coordinator may take before it is asked again.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// After this long an open transaction is ended by Kafka, and whoever had it open is fenced. Readers of committed messages wait no longer
/// than this for a writer that died.
const TRANSACTION_LIMIT_MS: u32 = 20_000;
/// Longest text that Kafka keeps beside an offset, in bytes; its own default.
pub const NOTE_BYTES_MAX: usize = 4096;

/// A message to be written in a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Topic.
    pub topic: &'static str,
    /// Key.
    pub key: Vec<u8>,
    /// Bytes.
    pub payload: Vec<u8>,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
}

/// A group's place in a partition: the next offset, and a note beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// First offset that is not done.
    pub next_offset: i64,
    /// Text of the owner, at most [`NOTE_BYTES_MAX`].
    pub note: String,
}

/// Why a transaction did not come about.
#[derive(Debug, Error)]
pub enum TransactionError {
    /// Somebody else holds the id now, or Kafka has ended this holder's turn. This producer is of no more use.
    #[error("another writer holds the partition: {0}")]
    Fenced(KafkaError),
    /// Nothing was written; trying again may help.
    #[error("Kafka: {0}")]
    Again(KafkaError),
    /// The client could not be made.
    #[error(transparent)]
    Client(#[from] BusError),
}

/// The places of a group, read and written from outside it.
pub struct GroupPlaces {
    inner: BaseConsumer<Link>,
}

impl GroupPlaces {
    /// Of `group`.
    ///
    /// # Errors
    /// When librdkafka refuses the settings.
    pub fn new(connection: &Connection, group: &str) -> Result<Self, BusError> {
        let (mut config, link) = client(connection)?;
        let inner = config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            // Waits for transactions that are about to change a place.
            .set("isolation.level", "read_committed")
            .create_with_context(link)
            .map_err(|source| BusError::client(connection, source))?;
        Ok(Self { inner })
    }

    /// The place last committed, if any. Blocks.
    ///
    /// # Errors
    /// When the coordinator does not answer in time.
    pub fn committed(&self, place: &TopicPartition) -> Result<Option<Committed>, BusError> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&place.topic, place.partition);
        let found = self
            .inner
            .committed_offsets(list, ANSWER_LIMIT)
            .map_err(BusError::Consume)?;
        let Some(element) = found.find_partition(&place.topic, place.partition) else {
            return Ok(None);
        };
        element.error().map_err(BusError::Consume)?;
        Ok(match element.offset() {
            Offset::Offset(next_offset) => Some(Committed {
                next_offset,
                note: element.metadata().to_owned(),
            }),
            _ => None,
        })
    }

    /// First and next offset of a partition. Blocks.
    ///
    /// # Errors
    /// When the broker does not answer in time, or the partition is not there.
    pub fn watermarks(&self, place: &TopicPartition) -> Result<Watermarks, BusError> {
        self.inner
            .fetch_watermarks(&place.topic, place.partition, ANSWER_LIMIT)
            .map(|(low, high)| Watermarks { low, high })
            .map_err(BusError::Consume)
    }
}

/// The offsets that a partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// Offset of the first message.
    pub low: i64,
    /// One past the last.
    pub high: i64,
}

/// Writes under a transactional id.
pub struct TransactionalProducer {
    inner: FutureProducer<Link>,
}

impl TransactionalProducer {
    /// A producer under `id`. Does not wait for a connection and fences nobody yet.
    ///
    /// # Errors
    /// When librdkafka refuses the settings.
    pub fn new(connection: &Connection, id: &str) -> Result<Self, BusError> {
        let (mut config, link) = client(connection)?;
        producer::settings(&mut config)
            .set("transactional.id", id)
            .set("transaction.timeout.ms", TRANSACTION_LIMIT_MS.to_string())
            // Messages wait for the transaction's end anyway.
            .set("linger.ms", "0");
        let inner = config
            .create_with_context(link)
            .map_err(|source| BusError::client(connection, source))?;
        Ok(Self { inner })
    }

    /// Fences every earlier holder of the id and ends what it left open. Blocks.
    ///
    /// # Errors
    /// When the coordinator does not answer; trying again with this producer is right then.
    pub fn fence(&self) -> Result<(), TransactionError> {
        self.inner.init_transactions(ANSWER_LIMIT).map_err(judged)
    }

    /// Writes `records` and the place, all or nothing. Blocks; gives up between two tries when `gives_up` says so.
    ///
    /// # Errors
    /// [`TransactionError::Again`]: nothing was written. [`TransactionError::Fenced`]: somebody else decides now what was.
    pub fn commit(
        &self,
        records: &[Record],
        places: &GroupPlaces,
        place: &TopicPartition,
        committed: &Committed,
        gives_up: &dyn Fn() -> bool,
    ) -> Result<(), TransactionError> {
        self.inner.begin_transaction().map_err(judged)?;
        let filled = records
            .iter()
            .try_for_each(|record| self.send(record))
            .and_then(|()| self.add_place(places, place, committed, gives_up))
            .and_then(|()| retried(gives_up, || self.inner.commit_transaction(ANSWER_LIMIT)));
        match filled {
            Ok(()) => Ok(()),
            Err(error @ TransactionError::Again(_)) => {
                self.abort(gives_up)?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Aborts what an earlier holder of the id left open and its coordinator has forgotten, as after a disk that broke or was full. Else Kafka
    /// would not tell the group's place, readers of the topics would get no further, and the next transaction that is committed there would
    /// take with it what was written and never committed. A transaction that touches the place and all partitions of `topics` and is aborted
    /// ends it. Blocks.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn abort_forgotten(
        &self,
        topics: &[&str],
        places: &GroupPlaces,
        place: &TopicPartition,
        gives_up: &dyn Fn() -> bool,
    ) -> Result<(), TransactionError> {
        self.inner.begin_transaction().map_err(judged)?;
        let touched = topics
            .iter()
            .try_for_each(|topic| self.touch(topic))
            .and_then(|()| {
                // Never read: the transaction is aborted.
                let nothing = Committed {
                    next_offset: 0,
                    note: String::new(),
                };
                self.add_place(places, place, &nothing, gives_up)
            });
        self.abort(gives_up)?;
        touched
    }

    /// Sends an empty message to each partition of a topic and waits until they are there.
    fn touch(&self, topic: &str) -> Result<(), TransactionError> {
        let known = self
            .inner
            .client()
            .fetch_metadata(Some(topic), ANSWER_LIMIT)
            .map_err(TransactionError::Again)?;
        for partition in known.topics().iter().flat_map(|topic| topic.partitions()) {
            let empty: FutureRecord<'_, [u8], [u8]> =
                FutureRecord::to(topic).partition(partition.id()).payload(&[]);
            self.inner
                .send_result(empty)
                .map_err(|(error, _)| TransactionError::Again(error))?;
        }
        self.inner.flush(ANSWER_LIMIT).map_err(TransactionError::Again)
    }

    fn add_place(
        &self,
        places: &GroupPlaces,
        place: &TopicPartition,
        committed: &Committed,
        gives_up: &dyn Fn() -> bool,
    ) -> Result<(), TransactionError> {
        let list = placed(place, committed).map_err(TransactionError::Again)?;
        let group = places
            .inner
            .group_metadata()
            .ok_or_else(|| TransactionError::Again(KafkaError::Global(RDKafkaErrorCode::InvalidGroupId)))?;
        retried(gives_up, || {
            self.inner
                .send_offsets_to_transaction(&list, &group, ANSWER_LIMIT)
        })
    }

    fn send(&self, record: &Record) -> Result<(), TransactionError> {
        let mut next = FutureRecord::to(record.topic)
            .key(record.key.as_slice())
            .payload(record.payload.as_slice());
        if !record.headers.is_empty() {
            let all = OwnedHeaders::new_with_capacity(record.headers.len());
            next = next.headers(record.headers.iter().fold(all, |all, (key, value)| {
                all.insert(Header {
                    key,
                    value: Some(value.as_str()),
                })
            }));
        }
        let begun = Instant::now();
        loop {
            match self.inner.send_result(next) {
                // The commit waits for all deliveries and fails when one does.
                Ok(_) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), same))
                    if begun.elapsed() < ANSWER_LIMIT =>
                {
                    next = same;
                    std::thread::sleep(producer::QUEUE_FULL_PAUSE);
                }
                Err((error, _)) => return Err(TransactionError::Again(error)),
            }
        }
    }

    fn abort(&self, gives_up: &dyn Fn() -> bool) -> Result<(), TransactionError> {
        retried(gives_up, || self.inner.abort_transaction(ANSWER_LIMIT))
    }
}

/// A place in the form in which it is committed.
fn placed(place: &TopicPartition, committed: &Committed) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    let mut element = list.add_partition(&place.topic, place.partition);
    element.set_offset(Offset::Offset(committed.next_offset))?;
    element.set_metadata(committed.note.as_str());
    Ok(list)
}

/// Asks again what may be asked again.
fn retried(
    gives_up: &dyn Fn() -> bool,
    mut ask: impl FnMut() -> Result<(), KafkaError>,
) -> Result<(), TransactionError> {
    loop {
        match ask() {
            Ok(()) => return Ok(()),
            Err(KafkaError::Transaction(error)) if error.is_retriable() && !gives_up() => {}
            Err(error) => return Err(judged(error)),
        }
    }
}

fn judged(error: KafkaError) -> TransactionError {
    let may_try_again = match &error {
        KafkaError::Transaction(inner) => {
            !inner.is_fatal() && (inner.txn_requires_abort() || inner.is_retriable())
        }
        _ => false,
    };
    // What is neither is a state that this producer cannot leave.
    if may_try_again {
        TransactionError::Again(error)
    } else {
        TransactionError::Fenced(error)
    }
}
