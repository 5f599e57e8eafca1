//! The seal on a message.

use ring::{constant_time, hmac};
use thiserror::Error;
use vonggac_event::limits::MESSAGE_BYTES_MAX;

use crate::{Credential, MasterKey, SensorId};

/// The first byte of a sealed message, in the place of the version of an unsealed one.
pub const VERSION: u8 = 2;
/// Bytes that a seal adds to a message.
pub const SEAL_BYTES: usize = HEAD_BYTES + CODE_BYTES;

const HEAD_BYTES: usize = 1 + 16 + 4;
const CODE_BYTES: usize = 16;

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
    if bytes.first() != Some(&VERSION) {
        return Err(SealError::None);
    }
    let length = bytes.len();
    if length > MESSAGE_BYTES_MAX + SEAL_BYTES {
        return Err(SealError::Length { length });
    }
    let parts = || {
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
        let (told, message) = rest.split_at_checked(CODE_BYTES)?;
        let (_, id, generation) = (head.first()?, head.get(1..17)?, head.get(17..)?);
        let id = SensorId(id.try_into().ok()?);
        Some((
            head,
            told,
            message,
            id,
            u32::from_be_bytes(generation.try_into().ok()?),
        ))
    };
    let (head, told, message, id, generation) = parts().ok_or(SealError::Length { length })?;
    let key = master.sensor_key(id, generation);
    constant_time::verify_slices_are_equal(&code(key.mac(), head, message), told)
        .map_err(|_| SealError::Forged { id, generation })?;
    Ok(Sealed {
        id,
        generation,
        message,
    })
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

    proptest! {
        #[test]
        fn nothing_that_comes_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = open(&MasterKey::new([1; 32]), &bytes);
        }
    }
}
