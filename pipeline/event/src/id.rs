//! Ids.
//!
//! ```text
//! event id (128 bit, big endian):  | incarnation 64 | sequence 64 |
//! ```
//! An incarnation is a random number that a sensor's spool draws each time it is opened (see `docs/adr/0004`); within it the sequence
//! counts from 1 without a hole, so a gap shows loss and a repeat shows a duplicate. Sensor and tenant are data beside the id.

use std::fmt;
use std::str::FromStr;

/// Id of an event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u128);

impl EventId {
    /// Puts an id together.
    pub fn new(incarnation: u64, sequence: u64) -> Self {
        Self(u128::from(incarnation) << 64 | u128::from(sequence))
    }

    /// Which opening of which spool; never 0 in a sensor's events.
    pub fn incarnation(self) -> u64 {
        (self.0 >> 64) as u64
    }

    /// Place in the incarnation's order, from 1.
    pub fn sequence(self) -> u64 {
        self.0 as u64
    }

    /// The id in an event's 16 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        <[u8; 16]>::try_from(bytes)
            .ok()
            .map(|octets| Self(u128::from_be_bytes(octets)))
    }

    /// The 16 bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

/// Id of an alert: a hash of what raised it, so that a replay raises the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertId(pub u128);

impl AlertId {
    /// The id in an alert's 16 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        <[u8; 16]>::try_from(bytes)
            .ok()
            .map(|octets| Self(u128::from_be_bytes(octets)))
    }

    /// The 16 bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

/// Id of a flow, unique over one incarnation of a sensor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct FlowId(pub u64);

macro_rules! hex_form {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{:032x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, concat!(stringify!($name), "({:032x})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let plain = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
                if !plain {
                    return Err(NotAnId);
                }
                u128::from_str_radix(text, 16)
                    .map(Self)
                    .map_err(|_| NotAnId)
            }
        }
    };
}
hex_form!(EventId);
hex_form!(AlertId);

/// The text is not 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is 32 hexadecimal digits")]
pub struct NotAnId;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back() {
        let id = EventId::new(0xdead_beef_0000_0003, u64::MAX);
        assert_eq!(
            (id.incarnation(), id.sequence()),
            (0xdead_beef_0000_0003, u64::MAX)
        );
        assert_eq!(EventId::from_bytes(&id.to_bytes()), Some(id));
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn only_32_digits_are_an_id() {
        for text in [
            "",
            "1",
            "+0000000000000000000000000000001",
            "g0000000000000000000000000000000",
        ] {
            assert_eq!(text.parse::<AlertId>(), Err(NotAnId), "{text}");
        }
    }
}
