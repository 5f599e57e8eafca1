//! The seal on a message.

use std::collections::HashMap;

use ring::hmac;
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use vonggac_event::limits::MESSAGE_BYTES_MAX;
pub use vonggac_event::limits::SEAL_BYTES;

use crate::{Credential, MasterKey, SensorId, SensorKey};

/// The first byte of a sealed message, in the place of the version of an unsealed one.
pub const VERSION: u8 = 2;

const HEAD_BYTES: usize = 1 + 16 + 4;
const CODE_BYTES: usize = 16;
const _: () = assert!(HEAD_BYTES + CODE_BYTES == SEAL_BYTES);

/// Why a message is not taken for a sensor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// It has no seal.
    #[error("the message is not sealed by a sensor")]
    None,
    /// It is cut short, or longer than any sender may send.
    #[error("a sealed message of {length} bytes is outside {SEAL_BYTES} to {}", MESSAGE_BYTES_MAX + SEAL_BYTES)]
    Length {
        /// Bytes of the message.
        length: usize,
    },
    /// Its code is not of that sensor's key.
    #[error("the seal is not of sensor {id}, generation {generation}")]
    Forged {
        /// Whose it says it is.
        id: SensorId,
        /// Of which credential.
        generation: u32,
    },
}

/// A message that its seal proves to be of a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// Who sent it.
    pub id: SensorId,
    /// With which of its credentials.
    pub generation: u32,
    /// What was sealed.
    pub message: &'a [u8],
}

/// The sealed form of `message`.
pub fn seal(credential: &Credential, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(SEAL_BYTES + message.len());
    out.push(VERSION);
    out.extend_from_slice(&credential.id.0);
    out.extend_from_slice(&credential.generation.to_be_bytes());
    let code = code(credential.key.mac(), &out, message);
    out.extend_from_slice(&code);
    out.extend_from_slice(message);
    out
}

/// Opens what was sealed under a deployment's key.
///
/// # Errors
/// When it has no seal, a broken one, or another's.
pub fn open<'a>(master: &MasterKey, bytes: &'a [u8]) -> Result<Sealed<'a>, SealError> {
    let parts = Parts::of(bytes)?;
    parts.proved_by(&master.sensor_key(parts.sealed.id, parts.sealed.generation))
}

/// What stands under a seal that nobody looks at: where no key is held, any sender is believed anyway.
///
/// # Errors
/// When there is no seal, or the message is cut short.
pub fn peel(bytes: &[u8]) -> Result<Sealed<'_>, SealError> {
    Parts::of(bytes).map(|parts| parts.sealed)
}

/// Opens one message after another, and remembers the keys of their senders.
#[derive(Debug)]
pub struct Opener {
    master: MasterKey,
    keys: HashMap<(SensorId, u32), SensorKey>,
}

impl Opener {
    /// Most keys remembered; those of a million sensors are derived anew each time.
    pub const KEYS_MAX: usize = 16 * 1024;

    /// Opens what was sealed under a deployment's key.
    pub fn new(master: MasterKey) -> Self {
        Self {
            master,
            keys: HashMap::new(),
        }
    }

    /// As [`open`].
    ///
    /// # Errors
    /// As [`open`].
    pub fn open<'a>(&mut self, bytes: &'a [u8]) -> Result<Sealed<'a>, SealError> {
        let parts = Parts::of(bytes)?;
        let sender = (parts.sealed.id, parts.sealed.generation);
        if let Some(key) = self.keys.get(&sender) {
            return parts.proved_by(key);
        }
        let key = self.master.sensor_key(sender.0, sender.1);
        let sealed = parts.proved_by(&key)?;
        // Only what is proved is remembered, so that made-up ids push nobody out.
        if self.keys.len() >= Self::KEYS_MAX {
            self.keys.clear();
        }
        self.keys.insert(sender, key);
        Ok(sealed)
    }
}

/// A message with a seal that is not proved yet.
struct Parts<'a> {
    head: &'a [u8],
    code: &'a [u8],
    sealed: Sealed<'a>,
}

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, SealError> {
        if bytes.first() != Some(&VERSION) {
            return Err(SealError::None);
        }
        let length = bytes.len();
        if length > MESSAGE_BYTES_MAX + SEAL_BYTES {
            return Err(SealError::Length { length });
        }
        Self::split(bytes).ok_or(SealError::Length { length })
    }

    fn split(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
        let (code, message) = rest.split_at_checked(CODE_BYTES)?;
        let (id, generation) = (head.get(1..17)?, head.get(17..)?);
        let sealed = Sealed {
            id: SensorId(id.try_into().ok()?),
            generation: u32::from_be_bytes(generation.try_into().ok()?),
            message,
        };
        Some(Self { head, code, sealed })
    }

    fn proved_by(&self, key: &SensorKey) -> Result<Sealed<'a>, SealError> {
        let Sealed {
            id,
            generation,
            message,
        } = self.sealed;
        let is_proved = code(key.mac(), self.head, message).ct_eq(self.code);
        if !bool::from(is_proved) {
            return Err(SealError::Forged { id, generation });
        }
        Ok(self.sealed)
    }
}

fn code(key: &hmac::Key, head: &[u8], message: &[u8]) -> [u8; CODE_BYTES] {
    let mut context = hmac::Context::with_key(key);
    context.update(head);
    context.update(message);
    let tag = context.sign();
    let mut code = [0; CODE_BYTES];
    code.iter_mut()
        .zip(tag.as_ref())
        .for_each(|(to, from)| *to = *from);
    code
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn credential(master: &MasterKey, generation: u32) -> Credential {
        let id = SensorId([7; 16]);
        Credential {
            id,
            generation,
            name: "tap-1".into(),
            organisation: "moh".into(),
            exercise_id: 0,
            key: master.sensor_key(id, generation),
        }
    }

    #[test]
    fn what_was_sealed_opens_under_the_same_key_alone() {
        let master = MasterKey::new([1; 32]);
        let credential = credential(&master, 3);
        let sealed = seal(&credential, b"message");
        let opened = open(&master, &sealed).unwrap();
        let expect = Sealed {
            id: credential.id,
            generation: 3,
            message: b"message",
        };
        assert_eq!(opened, expect);
        let forged = open(&MasterKey::new([2; 32]), &sealed);
        let (id, generation) = (credential.id, 3);
        assert_eq!(forged, Err(SealError::Forged { id, generation }));
    }

    #[test]
    fn each_byte_counts_and_none_may_be_missing() {
        let master = MasterKey::new([1; 32]);
        let sealed = seal(&credential(&master, 1), b"a message");
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(open(&master, &changed).is_err(), "byte {place}");
            assert!(open(&master, &sealed[..place]).is_err(), "cut at {place}");
        }
        assert_eq!(open(&master, b"\x01plain"), Err(SealError::None));
        assert_eq!(open(&master, b""), Err(SealError::None));
    }

    #[test]
    fn an_opener_takes_what_open_takes_at_the_first_time_and_later() {
        let master = MasterKey::new([1; 32]);
        let mut opener = Opener::new(master.clone());
        for generation in [1, 2, 1] {
            let sealed = seal(&credential(&master, generation), b"message");
            assert_eq!(opener.open(&sealed), open(&master, &sealed));
            let mut forged = sealed.clone();
            *forged.last_mut().unwrap() ^= 1;
            assert_eq!(opener.open(&forged), open(&master, &forged));
            assert_eq!(peel(&forged).unwrap().generation, generation);
        }
        assert_eq!(opener.keys.len(), 2);
        assert_eq!(peel(b"\x01plain"), Err(SealError::None));
    }

    proptest! {
        #[test]
        fn nothing_that_comes_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = open(&MasterKey::new([1; 32]), &bytes);
        }
    }
}
