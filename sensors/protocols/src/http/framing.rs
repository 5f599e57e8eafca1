//! Where a body ends, and the size lines of chunks.

use super::Header;

/// What the headers say about the body's length.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Framing {
    pub(super) content_length: Option<u64>,
    pub(super) chunked: bool,
    pub(super) anomaly: Option<&'static str>,
}

impl Framing {
    /// Takes note of a header that frames the body.
    pub(super) fn observe(&mut self, header: &Header) {
        if header.name.eq_ignore_ascii_case(b"content-length") {
            match (content_length(&header.value), self.content_length) {
                (None, _) => self.anomaly = Some("content-length without a number"),
                (Some(_), Some(_)) => self.anomaly = Some("content-length repeated"),
                (Some(length), None) => {
                    self.content_length = Some(length);
                    if !header.value.iter().all(u8::is_ascii_digit) {
                        self.anomaly = Some("content-length with junk");
                    }
                }
            }
        } else if header.name.eq_ignore_ascii_case(b"transfer-encoding") {
            let is_chunked = header
                .value
                .split(|byte| matches!(byte, b',' | b' ' | b'\t' | b';'))
                .any(|token| token.eq_ignore_ascii_case(b"chunked"));
            self.chunked |= is_chunked;
            if !header.value.eq_ignore_ascii_case(b"chunked") {
                self.anomaly = Some("unusual transfer-encoding");
            }
        }
        if self.chunked && self.content_length.is_some() {
            self.anomaly = Some("both content-length and chunked");
        }
    }
}

/// The first number in the value.
fn content_length(value: &[u8]) -> Option<u64> {
    let start = value.iter().position(u8::is_ascii_digit)?;
    let mut digits = value.iter().skip(start).take_while(|byte| byte.is_ascii_digit());
    digits.try_fold(0_u64, |length, digit| {
        length
            .checked_mul(10)?
            .checked_add(u64::from(digit.wrapping_sub(b'0')))
    })
}

/// The size that a chunk's line says, extensions and junk after it left aside; none when there is no hex digit or
/// too many.
pub(super) fn chunk_size(line: &[u8]) -> Option<u64> {
    let line = line.trim_ascii_start();
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits == 0 {
        return None;
    }
    line.iter().take(digits).try_fold(0_u64, |size, digit| {
        let value = char::from(*digit).to_digit(16)?;
        size.checked_mul(16)?.checked_add(u64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(content_length(b"12"), Some(12));
        assert_eq!(content_length(b" +12, 12"), Some(12));
        assert_eq!(content_length(b"x"), None);
        assert_eq!(content_length(b"99999999999999999999"), None);
        assert_eq!(chunk_size(b"1aF;name=value"), Some(0x1af));
        assert_eq!(chunk_size(b" 0000000000000000000010 "), Some(16));
        assert_eq!(chunk_size(b"g"), None);
        assert_eq!(chunk_size(b"10000000000000000"), None);
    }
}
