//! `xor`: with a key from the rule, or from the buffer itself.

use crate::error::{Complaint, value};
use crate::hexadecimal;
use crate::limits::XOR_KEY_BYTES_MAX;
use crate::number::number;

/// The key is repeated over the bytes from `offset` on; those before stay.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Xor {
    offset: usize,
    key: Key,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    Bytes(Vec<u8>),
    /// So many bytes of the buffer from that place on.
    Extract {
        bytes: usize,
        at: usize,
    },
}

impl Xor {
    /// Reads `"0d0ac8ff"`, or `[offset N,]extract BYTES PLACE`.
    pub(super) fn parse(text: &str) -> Result<Xor, Complaint> {
        if let Some(rest) = text.strip_prefix('"') {
            let digits = rest.strip_suffix('"').unwrap_or(rest);
            let key = Key::Bytes(hexadecimal(digits)?);
            return Ok(Xor { offset: 0, key });
        }
        let (mut offset, mut key) = (0, None);
        for word in text.split(',') {
            match word.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["offset", place] => offset = size(place)?,
                ["extract", bytes, at] => {
                    key = Some(Key::Extract {
                        bytes: size(bytes)?,
                        at: size(at)?,
                    });
                }
                [digits] if key.is_none() => key = Some(Key::Bytes(hexadecimal(digits)?)),
                _ => return Err(value(format!("unknown words {word:?}"))),
            }
        }
        match key {
            None => Err(value("extract is missing")),
            Some(Key::Extract { bytes, .. }) if !(1..=XOR_KEY_BYTES_MAX).contains(&bytes) => {
                Err(value(format!("a key has 1 to {XOR_KEY_BYTES_MAX} bytes")))
            }
            Some(key) => Ok(Xor { offset, key }),
        }
    }

    /// `None` if the key or the offset lies beyond the data.
    pub(super) fn apply(&self, data: &[u8]) -> Option<Vec<u8>> {
        let key = match &self.key {
            Key::Bytes(key) => key.as_slice(),
            Key::Extract { bytes, at } => data.get(*at..at.checked_add(*bytes)?)?,
        };
        let (before, after) = data.split_at_checked(self.offset)?;
        let changed = after.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
        Some(before.iter().copied().chain(changed).collect())
    }
}

fn size(text: &str) -> Result<usize, Complaint> {
    number(text).and_then(|n| usize::try_from(n).map_err(|_| value("too large")))
}

fn hexadecimal(digits: &str) -> Result<Vec<u8>, Complaint> {
    let key = hexadecimal::bytes(digits).filter(|key| key.len() <= XOR_KEY_BYTES_MAX);
    key.ok_or_else(|| value("the key must be pairs of hexadecimal digits"))
}
