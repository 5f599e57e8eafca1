//! Bytes as hexadecimal digits.

use std::fmt::Write as _;

/// Lower-case hexadecimal digits, two a byte, without separators.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::hexadecimal;

    #[test]
    fn a_byte_is_two_digits() {
        assert_eq!(hexadecimal(&[0, 0xab, 0xff]), "00abff");
        assert_eq!(hexadecimal(&[]), "");
    }
}
