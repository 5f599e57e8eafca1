//! Hexadecimal digits as bytes.

/// The bytes that pairs of digits stand for; `None` if the text is something else.
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    let nibble = |byte: u8| {
        let digit = char::from(byte).to_digit(16)?;
        u8::try_from(digit).ok()
    };
    let pairs = text.as_bytes().chunks_exact(2).map(|pair| match pair {
        [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn pairs_only() {
        assert_eq!(bytes("0dFf"), Some(vec![0x0d, 0xff]));
        for text in ["", "0", "0g", "+1", "đ"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
