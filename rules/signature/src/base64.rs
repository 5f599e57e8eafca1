//! Base64 within payload: `base64_decode`.

use crate::limits::BASE64_BYTES_MAX;

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

/// Decodes up to the first byte that is neither of the alphabet nor white space.
fn decode_base64(text: &[u8]) -> Vec<u8> {
    let mut result = Vec::new();
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in text {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b' ' | b'\r' | b'\n' | b'\t' => continue,
            _ => break,
        };
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
    result
}

#[cfg(test)]
mod tests {
    use super::*;

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
