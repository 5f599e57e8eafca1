//! One record and its bytes.

use crate::RECORD_BYTES_MAX;

/// Bytes before the part that the checksum covers.
pub(crate) const HEAD_BYTES: usize = 8;
/// Sequence and key length.
const FIXED_BYTES: usize = 10;

/// An accepted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Place in its incarnation's order.
    pub sequence: u64,
    /// Kafka key.
    pub key: Vec<u8>,
    /// Kafka value.
    pub value: Vec<u8>,
}

/// What stands at a place in a segment.
pub(crate) enum Parsed {
    /// A whole record and its length on disk.
    Record(Record, usize),
    /// The bytes end before the record does.
    Short,
    /// The bytes are not a record.
    Broken,
}

/// Appends a record's bytes; `false` when it is too large.
pub(crate) fn put(sequence: u64, key: &[u8], value: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(key_length) = u16::try_from(key.len()) else {
        return false;
    };
    let length = FIXED_BYTES + key.len() + value.len();
    if length > RECORD_BYTES_MAX {
        return false;
    }
    let start = out.len();
    out.extend_from_slice(&(length as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&key_length.to_le_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(value);
    let checksum = crc32c::crc32c(&out[start + HEAD_BYTES..]);
    out[start + 4..start + HEAD_BYTES].copy_from_slice(&checksum.to_le_bytes());
    true
}

/// Reads the record at the start of `bytes`.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
        return Parsed::Short;
    };
    let [l0, l1, l2, l3, c0, c1, c2, c3] = *head;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if !(FIXED_BYTES..=RECORD_BYTES_MAX).contains(&length) {
        return Parsed::Broken;
    }
    let Some(body) = rest.get(..length) else {
        return Parsed::Short;
    };
    if crc32c::crc32c(body) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Parsed::Broken;
    }
    match split_body(body) {
        Some(record) => Parsed::Record(record, HEAD_BYTES + length),
        None => Parsed::Broken,
    }
}

fn split_body(body: &[u8]) -> Option<Record> {
    let (sequence, rest) = body.split_first_chunk::<8>()?;
    let (key_length, rest) = rest.split_first_chunk::<2>()?;
    let (key, value) = rest.split_at_checked(usize::from(u16::from_le_bytes(*key_length)))?;
    Some(Record {
        sequence: u64::from_le_bytes(*sequence),
        key: key.to_vec(),
        value: value.to_vec(),
    })
}
