//! Messages that could not be read or written: put aside with the reason, replayable.

use vonggac_bus::{Message, Record, TopicPartition};
use vonggac_event::limits::cut;
use vonggac_event::topic;

use crate::gauges::RoleGauges;

/// Longest reason kept, in bytes.
const REASON_BYTES_MAX: usize = 2048;

/// A message, by its number in the batch, and why it was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dead {
    pub(crate) number: usize,
    pub(crate) reason: String,
}

impl Dead {
    pub(crate) fn new(number: usize, reason: impl ToString) -> Self {
        Self {
            number,
            reason: cut(reason.to_string(), REASON_BYTES_MAX),
        }
    }
}

/// The records for `dead-letter`: original key and bytes, the reason and the place as headers. Says and counts that there are some.
pub(crate) fn records<'a>(
    dead: &'a [Dead],
    batch: &'a [Message],
    partition: &TopicPartition,
    gauges: &RoleGauges,
) -> impl Iterator<Item = Record> + use<'a> {
    gauges.dead.add(dead.len() as u64);
    if let Some(first) = dead.first() {
        tracing::warn!(%partition, count = dead.len(), first = first.reason, "messages go to dead-letter");
    }
    dead.iter().filter_map(|dead| {
        let message = batch.get(dead.number)?;
        let place = format!("{}/{}/{}", message.topic, message.partition, message.offset);
        Some(Record {
            topic: topic::DEAD_LETTER,
            key: message.key.clone(),
            payload: message.payload.clone(),
            headers: vec![("reason", dead.reason.clone()), ("from", place)],
        })
    })
}
