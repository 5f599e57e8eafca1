//! Bytes as hexadecimal digits.

/// Lower-case hexadecimal digits, two a byte, without separators.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    text.extend(digits.map(digit));
    text
}

fn digit(value: u8) -> char {
    char::from(match value {
        0..10 => b'0' + value,
        _ => b'a' + value - 10,
    })
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
