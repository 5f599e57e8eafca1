//! Messages that could not be read or written: put aside with the reason, replayable.

use vonggac_bus::{Message, Record};
use vonggac_event::limits::cut;
use vonggac_event::topic;

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

/// The records for `dead-letter`: original key and bytes, the reason and the place as headers.
pub(crate) fn records<'a>(dead: &'a [Dead], batch: &'a [Message]) -> impl Iterator<Item = Record> + 'a {
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
