//! Ids.
//!
//! ```text
//! event id (128 bit, big endian):  | sensor 32 | boot 32 | sequence 64 |
//! ```
//! The sequence counts from 1 without a hole over one boot of one sensor, so a gap shows loss and a repeat shows a
//! duplicate. `sensor` is a hash of the sensor's name; `boot` grows each time the sensor starts on its spool.

use std::fmt;
use std::str::FromStr;

/// Id of an event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u128);

impl EventId {
    /// Puts an id together.
    pub fn new(sensor: u32, boot: u32, sequence: u64) -> Self {
        Self(u128::from(sensor) << 96 | u128::from(boot) << 64 | u128::from(sequence))
    }

    /// Temporary until the sensor's branch lands.
    pub fn incarnation(self) -> u64 {
        (self.0 >> 64) as u64
    }

    /// The sensor's part.
    pub fn sensor(self) -> u32 {
        (self.0 >> 96) as u32
    }

    /// Which start of the sensor.
    pub fn boot(self) -> u32 {
        (self.0 >> 64) as u32
    }

    /// Place in the boot's order, from 1.
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

    /// The sensor part of a sensor's name: FNV-1a, 32 bit.
    pub fn sensor_hash(name: &str) -> u32 {
        name.bytes().fold(0x811c_9dc5, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        })
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

/// Id of a flow, unique on one sensor over one boot.
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
        let id = EventId::new(0xdead_beef, 3, u64::MAX);
        assert_eq!(
            (id.sensor(), id.boot(), id.sequence()),
            (0xdead_beef, 3, u64::MAX)
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
