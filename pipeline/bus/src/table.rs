//! A topic of last words (`cleanup.policy=compact`, one partition): what there is of it, then what comes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::{BusError, Connection, GroupPlaces, Message, PartitionReader, ReadError, TopicPartition};

/// How long a message is waited for before it is looked whether that was all.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Group of which nothing is committed; it is asked for the topic's ends.
const GROUP: &str = "vonggac-table";

/// Reads such a topic from its first message on.
pub struct Table {
    ends: Ends,
    reader: PartitionReader,
    next_offset: i64,
}

/// Tells where a table ends.
#[derive(Clone)]
pub struct Ends {
    places: Arc<GroupPlaces>,
    place: TopicPartition,
}

impl Ends {
    /// One past the last offset now.
    ///
    /// # Errors
    /// When the broker does not answer in time, or the topic is not there.
    pub async fn now(&self) -> Result<i64, BusError> {
        self.marks().await.map(|(_, high)| high)
    }

    async fn marks(&self) -> Result<(i64, i64), BusError> {
        let (places, place) = (self.places.clone(), self.place.clone());
        let asked = tokio::task::spawn_blocking(move || places.watermarks(&place)).await;
        let marks = asked.map_err(|_| BusError::Closed)??;
        Ok((marks.low, marks.high))
    }
}

impl Table {
    /// Opens a topic at its first message.
    ///
    /// # Errors
    /// When the broker does not answer in time, the topic is not there, or librdkafka refuses the settings.
    pub async fn open(connection: &Connection, topic: &str) -> Result<Self, BusError> {
        let place = TopicPartition {
            topic: topic.to_owned(),
            partition: 0,
        };
        let places = Arc::new(GroupPlaces::new(connection, GROUP)?);
        let ends = Ends { places, place };
        let (low, _) = ends.marks().await?;
        Ok(Self {
            reader: PartitionReader::open(connection, &ends.place, low)?,
            ends,
            next_offset: low,
        })
    }

    /// Where it ends.
    pub fn ends(&self) -> Ends {
        self.ends.clone()
    }

    /// One past the last message that was read.
    pub fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// Whether nothing is left of what was there before `end`. Offsets at the end may hold no message for a reader.
    fn has_come_to(&self, end: i64) -> bool {
        self.next_offset >= end || self.reader.is_at_end()
    }

    /// The next message of those before `end`; `None` once nothing is left of them. Giving up waiting for it loses nothing.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn next_before(&mut self, end: i64) -> Result<Option<Message>, ReadError> {
        while !self.has_come_to(end) {
            if let Ok(message) = timeout(LOOK_EVERY, self.next()).await {
                return message.map(Some);
            }
        }
        Ok(None)
    }

    /// The next message. Giving up waiting for it loses nothing.
    ///
    /// # Errors
    /// When it cannot be read on: see [`ReadError`]. The topic is to be opened anew then.
    pub async fn next(&mut self) -> Result<Message, ReadError> {
        let message = self.reader.next().await?;
        self.next_offset = message.offset + 1;
        Ok(message)
    }
}
