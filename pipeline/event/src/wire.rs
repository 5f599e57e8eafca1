//! The bytes of a Kafka message: `[version: u8][Protobuf]`.
//!
//! A reader refuses a version it does not know and says which; unknown Protobuf fields are skipped, so an older reader reads
//! a newer writer of the same version.

use prost::Message;
use thiserror::Error;

use crate::limits::MESSAGE_BYTES_MAX;

/// The version this build writes.
pub const VERSION: u8 = 1;

/// Why bytes are not a message of ours.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum WireError {
    /// There are no bytes.
    #[error("empty message")]
    Empty,
    /// The sender speaks a version this build does not.
    #[error("wire version {found} is not known here (this build reads {VERSION})")]
    Version {
        /// The version byte.
        found: u8,
    },
    /// More bytes than any sender may send.
    #[error("message of {length} bytes is over the limit of {MESSAGE_BYTES_MAX}")]
    OverLimit {
        /// Bytes in the message.
        length: usize,
    },
    /// The Protobuf part is broken.
    #[error("broken Protobuf: {0}")]
    Protobuf(String),
    /// A field does not have the shape it must have.
    #[error("field {field}: {problem}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// Appends the wire form of `message` to `out`.
pub fn encode(message: &impl Message, out: &mut Vec<u8>) {
    out.reserve(encoded_bytes(message));
    out.push(VERSION);
    message.encode_raw(out);
}

/// Bytes of the wire form of `message`.
pub fn encoded_bytes(message: &impl Message) -> usize {
    message.encoded_len() + 1
}

/// The wire form of `message`.
pub fn to_bytes(message: &impl Message) -> Vec<u8> {
    let mut out = Vec::new();
    encode(message, &mut out);
    out
}

/// Reads a message.
///
/// # Errors
/// When the bytes are empty, over the limit, of another version, or broken.
pub fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, WireError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(WireError::OverLimit { length: bytes.len() });
    }
    match bytes.split_first() {
        None => Err(WireError::Empty),
        Some((&VERSION, body)) => M::decode(body).map_err(|error| WireError::Protobuf(error.to_string())),
        Some((&found, _)) => Err(WireError::Version { found }),
    }
}

/// Reads an event and checks the fields every reader relies on.
///
/// # Errors
/// As [`decode`], and when the id, an address or the body is missing or has the wrong length.
pub fn decode_event(bytes: &[u8]) -> Result<crate::Event, WireError> {
    let event: crate::Event = decode(bytes)?;
    let field = |field, problem| Err(WireError::Field { field, problem });
    if event.event_id.len() != 16 {
        return field("event_id", "is not 16 bytes long");
    }
    if event.body.is_none() {
        return field("body", "is missing or of a class this build does not know");
    }
    for (name, address) in [("src", &event.src), ("dst", &event.dst)] {
        if !matches!(address.len(), 0 | 4 | 16) {
            return field(name, "is neither 4 nor 16 bytes long");
        }
    }
    if event.sport > 0xffff || event.dport > 0xffff {
        return field("port", "is over 65535");
    }
    Ok(event)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::proto::{Anomaly, Event, event::Body};
    use proptest::prelude::*;

    fn event() -> Event {
        Event {
            event_id: vec![7; 16],
            src: vec![10, 0, 0, 1],
            body: Some(Body::Anomaly(Anomaly {
                kind: "x".into(),
                ..Anomaly::default()
            })),
            ..Event::default()
        }
    }

    #[test]
    fn an_event_comes_back_as_it_went() {
        assert_eq!(decode_event(&to_bytes(&event())).unwrap(), event());
    }

    #[test]
    fn what_is_not_ours_is_named() {
        let check =
            |bytes: &[u8], expect: &str| assert_eq!(decode_event(bytes).unwrap_err().to_string(), expect);
        check(&[], "empty message");
        check(&[9, 1], "wire version 9 is not known here (this build reads 1)");
        check(
            &to_bytes(&Event::default()),
            "field event_id: is not 16 bytes long",
        );
        let bodyless = Event {
            body: None,
            ..event()
        };
        check(
            &to_bytes(&bodyless),
            "field body: is missing or of a class this build does not know",
        );
        let long = Event {
            dst: vec![0; 5],
            ..event()
        };
        check(&to_bytes(&long), "field dst: is neither 4 nor 16 bytes long");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = decode_event(&bytes);
        }
    }
}
