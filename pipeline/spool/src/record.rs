//! One record and its bytes.
//!
//! ```text
//! | marker u32 | length u32 | crc32c u32 | sequence u64 | key length u16 | key | value |      little endian
//!   length counts from `sequence` on; the checksum covers incarnation, length and those bytes
//! ```
//! Marker and checksum follow from the incarnation, which traffic does not know: bytes of a packet that stand in a value cannot pass
//! for a record when a reader looks for the next one after broken bytes.

use crate::{KEY_BYTES_MAX, VALUE_BYTES_MAX};

/// Bytes before `sequence`.
const HEAD_BYTES: usize = 12;
/// Sequence and key length.
const FIXED_BYTES: usize = 10;
/// Bytes of a record beside its key and value.
pub(crate) const EXTRA_BYTES: usize = HEAD_BYTES + FIXED_BYTES;
/// Longest `length`.
const LENGTH_MAX: usize = FIXED_BYTES + KEY_BYTES_MAX + VALUE_BYTES_MAX;

/// An accepted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Whose order it belongs to.
    pub incarnation: u64,
    /// Place in that order, from 1.
    pub sequence: u64,
    /// Kafka key.
    pub key: Vec<u8>,
    /// Kafka value.
    pub value: Vec<u8>,
}

/// What stands at a place in a segment.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// A whole record and its length on disk.
    Record(Record, usize),
    /// The bytes end before the record does.
    Short,
    /// The bytes are not a record.
    Broken,
}

/// The first bytes of each record of an incarnation.
pub(crate) fn marker(incarnation: u64) -> [u8; 4] {
    // Never four zeros, which is what a hole in a file reads as.
    (((incarnation ^ (incarnation >> 32)) as u32) | 1).to_le_bytes()
}

fn checksum(incarnation: u64, length: u32, body: &[u8]) -> u32 {
    let mut start = [0; 12];
    start[..8].copy_from_slice(&incarnation.to_le_bytes());
    start[8..].copy_from_slice(&length.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c(&start), body)
}

/// Appends a record's bytes; `false` when it is too large.
pub(crate) fn put(incarnation: u64, sequence: u64, key: &[u8], value: &[u8], out: &mut Vec<u8>) -> bool {
    if key.len() > KEY_BYTES_MAX || value.len() > VALUE_BYTES_MAX {
        return false;
    }
    // Both fit: the limits are far below.
    let key_length = key.len() as u16;
    let length = (FIXED_BYTES + key.len() + value.len()) as u32;
    let start = out.len();
    out.extend_from_slice(&marker(incarnation));
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&key_length.to_le_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(value);
    let sum = checksum(incarnation, length, &out[start + HEAD_BYTES..]);
    out[start + 8..start + HEAD_BYTES].copy_from_slice(&sum.to_le_bytes());
    true
}

/// Reads the record at the start of `bytes`.
pub(crate) fn parse(incarnation: u64, bytes: &[u8]) -> Parsed {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
        return Parsed::Short;
    };
    let [m0, m1, m2, m3, l0, l1, l2, l3, c0, c1, c2, c3] = *head;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let is_head =
        [m0, m1, m2, m3] == marker(incarnation) && (FIXED_BYTES..=LENGTH_MAX).contains(&(length as usize));
    if !is_head {
        return Parsed::Broken;
    }
    let Some(body) = rest.get(..length as usize) else {
        return Parsed::Short;
    };
    if checksum(incarnation, length, body) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Parsed::Broken;
    }
    match split_body(incarnation, body) {
        Some(record) => Parsed::Record(record, HEAD_BYTES + body.len()),
        None => Parsed::Broken,
    }
}

fn split_body(incarnation: u64, body: &[u8]) -> Option<Record> {
    let (sequence, rest) = body.split_first_chunk::<8>()?;
    let (key_length, rest) = rest.split_first_chunk::<2>()?;
    let (key, value) = rest.split_at_checked(usize::from(u16::from_le_bytes(*key_length)))?;
    Some(Record {
        incarnation,
        sequence: u64::from_le_bytes(*sequence),
        key: key.to_vec(),
        value: value.to_vec(),
    })
}
