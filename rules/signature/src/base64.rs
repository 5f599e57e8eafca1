//! Base64 within payload (`base64_decode`) and of whole buffers (`from_base64`).

use crate::error::{Complaint, value};
use crate::limits::BASE64_BYTES_MAX;
use crate::number::number;

/// `base64_decode`: which bytes are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Base64Range {
    pub(crate) bytes: Option<usize>,
    pub(crate) offset: usize,
    pub(crate) relative: bool,
}

impl Base64Range {
    /// The decoded bytes; `None` if there is nothing to decode.
    pub(crate) fn decode(&self, data: &[u8], cursor: usize) -> Option<Vec<u8>> {
        let base = if self.relative { cursor } else { 0 };
        let rest = data.get(base.checked_add(self.offset)?..)?;
        let length = self.bytes.unwrap_or(rest.len()).min(rest.len());
        let decoded = decode_base64(rest.get(..length)?);
        (!decoded.is_empty()).then_some(decoded)
    }
}

/// What is done about bytes outside of the alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Mode {
    /// They end the text; white space is skipped.
    Rfc4648,
    /// They are skipped.
    Rfc2045,
    /// They make the whole text undecodable, as does an incomplete last group.
    Strict,
}

/// `from_base64`: which bytes of a buffer are decoded, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Base64Transform {
    bytes: Option<usize>,
    offset: usize,
    mode: Mode,
}

impl Base64Transform {
    /// Reads `[bytes N][, offset N][, mode rfc4648|rfc2045|strict]`.
    pub(crate) fn parse(text: &str) -> Result<Base64Transform, Complaint> {
        let mut transform = Base64Transform {
            bytes: None,
            offset: 0,
            mode: Mode::Rfc4648,
        };
        let size = |text: &str| {
            let size = number(text)?;
            let size = usize::try_from(size)
                .ok()
                .filter(|size| *size < BASE64_OFFSET_BELOW);
            size.ok_or_else(|| value(format!("must be below {BASE64_OFFSET_BELOW}")))
        };
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let (name, rest) = word.split_once([' ', ':']).unwrap_or((word, ""));
            match (name, rest.trim()) {
                ("bytes", bytes) => transform.bytes = Some(size(bytes)?),
                ("offset", offset) => transform.offset = size(offset)?,
                ("mode", "rfc4648") => transform.mode = Mode::Rfc4648,
                ("mode", "rfc2045") => transform.mode = Mode::Rfc2045,
                ("mode", "strict") => transform.mode = Mode::Strict,
                _ => return Err(value(format!("unknown words {word:?}"))),
            }
        }
        Ok(transform)
    }

    /// The decoded bytes; as in Suricata the data itself where nothing can be decoded.
    pub(crate) fn apply(&self, data: &[u8]) -> Vec<u8> {
        let chosen = data.get(self.offset..).and_then(|rest| match self.bytes {
            Some(bytes) => rest.get(..bytes),
            None => Some(rest),
        });
        let decoded = chosen.map(|text| decode(text, self.mode)).unwrap_or_default();
        if decoded.is_empty() {
            data.to_vec()
        } else {
            decoded
        }
    }
}

const BASE64_OFFSET_BELOW: usize = 65_536;

/// Decodes up to the first byte that is neither of the alphabet nor white space.
fn decode_base64(text: &[u8]) -> Vec<u8> {
    decode(text, Mode::Rfc4648)
}

/// The bytes of base64 without anything else in it; `None` if the text is something else.
pub(crate) fn decode_strictly(text: &[u8]) -> Option<Vec<u8>> {
    let decoded = decode(text, Mode::Strict);
    (!decoded.is_empty()).then_some(decoded)
}

/// Base64 with padding.
pub(crate) fn encode(data: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| {
        ALPHABET
            .get((bits & 0x3f) as usize)
            .copied()
            .map_or('=', char::from)
    };
    let groups = data.chunks(3).flat_map(|group| {
        let bits =
            group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        let digits = [18, 12, 6, 0].map(|shift| digit(bits >> shift));
        let used = group.len() + 1;
        (0..4)
            .zip(digits)
            .map(move |(place, digit)| if place < used { digit } else { '=' })
    });
    groups.collect()
}

fn decode(text: &[u8], mode: Mode) -> Vec<u8> {
    let mut result = Vec::new();
    let (mut bits, mut held, mut digits) = (0u32, 0u32, 0usize);
    for (place, byte) in text.iter().enumerate() {
        let six = match (byte, mode) {
            (b'A'..=b'Z', _) => byte - b'A',
            (b'a'..=b'z', _) => byte - b'a' + 26,
            (b'0'..=b'9', _) => byte - b'0' + 52,
            (b'+', _) => 62,
            (b'/', _) => 63,
            (b'=', Mode::Strict) if is_padding(text, place, digits) => return result,
            (_, Mode::Strict) => return Vec::new(),
            (b'=', Mode::Rfc2045) => break,
            (_, Mode::Rfc2045) | (b' ' | b'\r' | b'\n' | b'\t', _) => continue,
            _ => break,
        };
        digits += 1;
        bits = (bits << 6 | u32::from(six)) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            result.push((bits >> held & 0xff) as u8);
            if result.len() >= BASE64_BYTES_MAX {
                break;
            }
        }
    }
    if mode == Mode::Strict && !digits.is_multiple_of(4) {
        return Vec::new();
    }
    result
}

/// Whether nothing but the right number of equals signs is left.
fn is_padding(text: &[u8], place: usize, digits: usize) -> bool {
    let rest = text.get(place..).unwrap_or_default();
    let missing = match digits % 4 {
        2 => 2,
        3 => 1,
        _ => return false,
    };
    rest.len() == missing && rest.iter().all(|byte| *byte == b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_is_decoded() {
        for text in ["a", "ab", "abc", "\u{ff}xyz"] {
            assert_eq!(
                decode_strictly(encode(text.as_bytes()).as_bytes()).as_deref(),
                Some(text.as_bytes())
            );
        }
        assert_eq!(encode(b"hello"), "aGVsbG8=");
        for text in [&b"aGVsbG8"[..], b"aGVs bG8=", b"aGVsbG8=x", b"=", b""] {
            assert_eq!(decode_strictly(text), None);
        }
    }

    #[test]
    fn base64() {
        assert_eq!(decode_base64(b"aGVsbG8="), b"hello");
        assert_eq!(decode_base64(b"aGVs\r\nbG8 !x"), b"hello");
        assert_eq!(decode_base64(b"a"), b"");
        let range = Base64Range {
            bytes: Some(4),
            offset: 1,
            relative: true,
        };
        assert_eq!(range.decode(b"x:aGVsbG8", 1), Some(b"hel".to_vec()));
        assert_eq!(range.decode(b"x", 5), None);
    }
}
