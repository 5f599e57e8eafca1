//! Transforms between a buffer and the conditions on it.

use std::borrow::Cow;

/// A change made to a buffer before it is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Transform {
    /// Puts a dot before, so that `.example.com` matches the domain and what is under it.
    DotPrefix,
    Lowercase,
    Uppercase,
    /// Removes all white space.
    StripWhitespace,
    /// Makes one space of each run of white space.
    CompressWhitespace,
    /// Decodes `%41` and makes spaces of plus signs.
    UrlDecode,
    /// Lower-cases header names and leaves their values.
    HeaderLowercase,
    /// Drops the pseudo headers of HTTP/2.
    StripPseudoHeaders,
}

impl Transform {
    pub(crate) fn from_keyword(keyword: &str) -> Option<Transform> {
        Some(match keyword {
            "dotprefix" => Transform::DotPrefix,
            "to_lowercase" => Transform::Lowercase,
            "to_uppercase" => Transform::Uppercase,
            "strip_whitespace" => Transform::StripWhitespace,
            "compress_whitespace" => Transform::CompressWhitespace,
            "url_decode" => Transform::UrlDecode,
            "header_lowercase" => Transform::HeaderLowercase,
            "strip_pseudo_headers" => Transform::StripPseudoHeaders,
            _ => return None,
        })
    }

    fn apply(self, data: &[u8]) -> Vec<u8> {
        match self {
            Transform::DotPrefix => {
                let mut result = Vec::with_capacity(data.len() + 1);
                result.push(b'.');
                result.extend_from_slice(data);
                result
            }
            Transform::Lowercase => data.to_ascii_lowercase(),
            Transform::Uppercase => data.to_ascii_uppercase(),
            Transform::StripWhitespace => data.iter().copied().filter(|byte| !is_space(*byte)).collect(),
            Transform::CompressWhitespace => compress(data),
            Transform::UrlDecode => url_decode(data),
            Transform::HeaderLowercase => header_lowercase(data),
            Transform::StripPseudoHeaders => strip_pseudo_headers(data),
        }
    }
}

/// Applies transforms in order.
pub(crate) fn apply<'d>(transforms: &[Transform], data: &'d [u8]) -> Cow<'d, [u8]> {
    transforms.iter().fold(Cow::Borrowed(data), |data, transform| {
        Cow::Owned(transform.apply(&data))
    })
}

/// White space as C's `isspace` has it.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | 0x09..=0x0d)
}

fn compress(data: &[u8]) -> Vec<u8> {
    let mut result: Vec<u8> = Vec::with_capacity(data.len());
    let mut in_space = false;
    for byte in data {
        let space = is_space(*byte);
        // The first white-space byte of a run stays as it is.
        if !(space && in_space) {
            result.push(*byte);
        }
        in_space = space;
    }
    result
}

fn url_decode(data: &[u8]) -> Vec<u8> {
    let digit = |at: usize| {
        let digit = char::from(*data.get(at)?).to_digit(16)?;
        u8::try_from(digit).ok()
    };
    let mut result = Vec::with_capacity(data.len());
    let mut at = 0;
    while let Some(byte) = data.get(at) {
        match (*byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                result.push(high << 4 | low);
                at += 3;
                continue;
            }
            (b'+', ..) => result.push(b' '),
            (other, ..) => result.push(other),
        }
        at += 1;
    }
    result
}

/// Lower-cases header names, up to the colon of each line.
fn header_lowercase(data: &[u8]) -> Vec<u8> {
    let mut in_name = true;
    data.iter()
        .map(|byte| {
            match byte {
                b':' => in_name = false,
                b'\n' => in_name = true,
                _ => {}
            }
            if in_name { byte.to_ascii_lowercase() } else { *byte }
        })
        .collect()
}

/// Drops the lines of HTTP/2's pseudo headers, which start with a colon.
fn strip_pseudo_headers(data: &[u8]) -> Vec<u8> {
    data.split_inclusive(|byte| *byte == b'\n')
        .filter(|line| line.first() != Some(&b':'))
        .flatten()
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms() {
        let table: &[(&[Transform], &[u8], &[u8])] = &[
            (&[], b"a", b"a"),
            (&[Transform::DotPrefix], b"a.b", b".a.b"),
            (&[Transform::Uppercase, Transform::DotPrefix], b"a", b".A"),
            (&[Transform::StripWhitespace], b" a\t\r\nb ", b"ab"),
            (&[Transform::CompressWhitespace], b"a  \n b c", b"a b c"),
            (&[Transform::UrlDecode], b"a%41+%zz%4", b"aA %zz%4"),
            (
                &[Transform::HeaderLowercase],
                b"HoSt: A\r\nX: B\r\n",
                b"host: A\r\nx: B\r\n",
            ),
            (
                &[Transform::StripPseudoHeaders],
                b":method: GET\r\na: b\r\n",
                b"a: b\r\n",
            ),
        ];
        for (transforms, data, expected) in table {
            assert_eq!(apply(transforms, data).as_ref(), *expected, "{transforms:?}");
        }
    }
}
