//! A lane's place: what Kafka keeps beside the offset it has come to.
//!
//! ```text
//! offset: first message that is not done
//! note:   "vg1 sent=<one past the batch under way, or 0> mark=<time of the last message done, ms>:<its CRC-32C, hexadecimal>"
//! ```
//! `out=` after that says which messages of the batch under way were refused, see [`crate::refusals`].
//! `planned=` instead of `sent=` says that what follows from the batch under way was not sent with its cut; an earlier build wrote it so.
//!
//! The *mark* is how a lane knows the log again: a topic that was made anew, or a log that was cut back and has grown since, holds another
//! message at that offset, or none. The cut of the batch under way is what makes a repeat of it carry the same token.

use vonggac_bus::{Committed, Message};

use crate::refusals::Refusals;

const FORM: &str = "vg1";
const REFUSED: &str = "out=";

/// The last message that is done, as far as it takes to know it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) timestamp_ms: i64,
    pub(crate) checksum: u32,
}

impl Mark {
    pub(crate) fn of(message: &Message) -> Self {
        Self {
            timestamp_ms: message.timestamp_ms,
            checksum: crc32c::crc32c_append(crc32c::crc32c(&message.key), &message.payload),
        }
    }
}

/// The batch under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned {
    /// One past its last offset.
    pub(crate) end: i64,
    /// Whether what follows from its messages is in Kafka.
    pub(crate) is_sent: bool,
}

/// How far a partition is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    /// First offset that is not done.
    pub(crate) next_offset: i64,
    /// The message before it; none where nothing was done yet.
    pub(crate) mark: Option<Mark>,
    /// The batch under way, if one was begun.
    pub(crate) planned: Option<Planned>,
}

impl Place {
    /// The place in Kafka's form.
    pub(crate) fn to_committed(self) -> Committed {
        let (word, end) = match self.planned {
            Some(Planned { end, is_sent: true }) => ("sent", end),
            Some(Planned { end, is_sent: false }) => ("planned", end),
            None => ("planned", 0),
        };
        let mark = self.mark.map_or_else(
            || "-".to_owned(),
            |mark| format!("{}:{:08x}", mark.timestamp_ms, mark.checksum),
        );
        Committed {
            next_offset: self.next_offset,
            note: format!("{FORM} {word}={end} mark={mark}"),
        }
    }

    /// The place in Kafka's form, with what was refused of the batch under way.
    pub(crate) fn with_refusals(self, refusals: &Refusals) -> Committed {
        let mut committed = self.to_committed();
        if !refusals.is_empty() {
            committed.note += &format!(" {REFUSED}{}", refusals.to_text());
        }
        committed
    }

    /// What was refused of the batch under way; nothing when the note does not say.
    pub(crate) fn refusals(committed: &Committed) -> Refusals {
        let word = committed
            .note
            .split(' ')
            .skip(3)
            .find_map(|word| word.strip_prefix(REFUSED));
        word.and_then(Refusals::from_text).unwrap_or_default()
    }

    /// Reads Kafka's form; `None` when the note is another's, such as an earlier build's or a tool's that moved the offset.
    pub(crate) fn from_committed(committed: &Committed) -> Option<Self> {
        let mut words = committed.note.split(' ');
        if words.next()? != FORM {
            return None;
        }
        let (is_sent, end) = match words.next()?.split_once('=')? {
            ("sent", end) => (true, end),
            ("planned", end) => (false, end),
            _ => return None,
        };
        let end: i64 = end.parse().ok()?;
        let mark = match words.next()?.strip_prefix("mark=")? {
            "-" => None,
            text => {
                let (timestamp_ms, checksum) = text.split_once(':')?;
                Some(Mark {
                    timestamp_ms: timestamp_ms.parse().ok()?,
                    checksum: u32::from_str_radix(checksum, 16).ok()?,
                })
            }
        };
        Some(Self {
            next_offset: committed.next_offset,
            mark,
            planned: (end > committed.next_offset).then_some(Planned { end, is_sent }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_went() {
        let check = |place: Place| {
            let committed = place.to_committed();
            assert!(committed.note.len() < vonggac_bus::NOTE_BYTES_MAX);
            assert_eq!(Place::from_committed(&committed), Some(place));
        };
        check(Place::default());
        check(Place {
            next_offset: i64::MAX - 1,
            mark: Some(Mark {
                timestamp_ms: -1,
                checksum: 0xdead_beef,
            }),
            planned: Some(Planned {
                end: i64::MAX,
                is_sent: true,
            }),
        });
        check(Place {
            next_offset: 5,
            mark: None,
            planned: Some(Planned {
                end: 9,
                is_sent: false,
            }),
        });
    }

    #[test]
    fn what_was_refused_of_the_longest_batch_fits_in_the_note() {
        let place = Place {
            next_offset: i64::MAX - 1,
            mark: Some(Mark {
                timestamp_ms: i64::MIN,
                checksum: u32::MAX,
            }),
            planned: Some(Planned {
                end: i64::MAX,
                is_sent: true,
            }),
        };
        let mut refusals = Refusals::default();
        assert_eq!(place.with_refusals(&refusals), place.to_committed());
        assert!(Place::refusals(&place.to_committed()).is_empty());
        refusals.add(2);
        refusals.add(crate::lane::BATCH_MESSAGES - 1);
        let committed = place.with_refusals(&refusals);
        assert!(committed.note.len() < vonggac_bus::NOTE_BYTES_MAX);
        assert_eq!(Place::from_committed(&committed), Some(place));
        assert_eq!(Place::refusals(&committed), refusals);
    }

    #[test]
    fn a_note_of_somebody_else_is_none_of_ours() {
        for note in [
            "",
            "vg1",
            "vg1 planned=x mark=-",
            "vg1 else=0 mark=-",
            "vg2 planned=0 mark=-",
            "vg1 planned=0 mark=1:xyz",
        ] {
            let committed = Committed {
                next_offset: 7,
                note: note.to_owned(),
            };
            assert_eq!(Place::from_committed(&committed), None, "{note}");
        }
    }

    #[test]
    fn a_mark_tells_messages_apart() {
        let message = |key: &[u8], payload: &[u8]| Message {
            key: key.to_vec(),
            payload: payload.to_vec(),
            ..Message::default()
        };
        let mark = Mark::of(&message(b"k", b"one"));
        assert_eq!(mark, Mark::of(&message(b"k", b"one")));
        assert_ne!(mark, Mark::of(&message(b"k", b"two")));
        assert_ne!(mark, Mark::of(&message(b"l", b"one")));
    }
}
