//! What the parsers share: the error type their nom parsers carry, and text forms of bytes.

use std::fmt::Write;

use nom::IResult;
use nom::error::{ErrorKind, ParseError};

/// What is wrong with a piece of a message, in words fit for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl<I> ParseError<I> for Malformed {
    fn from_error_kind(_input: I, _kind: ErrorKind) -> Self {
        Self("truncated")
    }

    fn append(_input: I, _kind: ErrorKind, other: Self) -> Self {
        other
    }
}

/// The result of a nom parser over bytes here: the rest and the value.
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T, Malformed>;

/// A parse error that says `reason`.
pub(crate) fn fail<T>(reason: &'static str) -> Parsed<'static, T> {
    Err(nom::Err::Error(Malformed(reason)))
}

/// The reason inside a nom error.
pub(crate) fn reason(error: nom::Err<Malformed>) -> &'static str {
    match error {
        nom::Err::Error(Malformed(reason)) | nom::Err::Failure(Malformed(reason)) => reason,
        nom::Err::Incomplete(_) => "truncated",
    }
}

/// Appends `byte` as text: printable ASCII as it is, the rest as `\DDD`. The bytes in `quoted` are written
/// as `\DDD` too, so that the text can be read back.
pub(crate) fn push_escaped(text: &mut String, byte: u8, quoted: &[u8]) {
    if (0x20..0x7f).contains(&byte) && byte != b'\\' && !quoted.contains(&byte) {
        text.push(char::from(byte));
    } else {
        // Writing to a String cannot fail.
        let _ = write!(text, "\\{byte:03}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_text() {
        let mut text = String::new();
        for byte in b"a.\\\x00\xff ~" {
            push_escaped(&mut text, *byte, b".");
        }
        assert_eq!(text, "a\\046\\092\\000\\255 ~");
    }
}
