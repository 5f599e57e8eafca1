//! Transforms between a buffer and the conditions on it.
//!
//! They are applied in the order in which the rule names them, each to what the one before made. Where one
//! fails (`pcrexform` without a match, a key beyond the buffer) the buffer meets no condition.

mod inflate;
mod key;
mod pattern;
mod text;

use std::borrow::Cow;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::base64::Base64Transform;
use crate::error::{Complaint, unsupported, value};

use inflate::Inflate;
use key::Xor;
use pattern::PatternTransform;

/// A change made to a buffer before it is looked into.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// The digest, raw.
    Md5,
    Sha1,
    Sha256,
    Base64(Base64Transform),
    Xor(Xor),
    Pattern(PatternTransform),
    Inflate(Inflate),
}

impl Transform {
    /// The transform that a keyword with that value asks for; `None` if the keyword is another's.
    pub(crate) fn parse(keyword: &str, text: &str) -> Option<Result<Transform, Complaint>> {
        let transform = match keyword {
            "from_base64" => return Some(Base64Transform::parse(text).map(Transform::Base64)),
            "xor" => return Some(Xor::parse(text).map(Transform::Xor)),
            "pcrexform" => return Some(PatternTransform::parse(text).map(Transform::Pattern)),
            "gunzip" | "zlib_deflate" => return Some(Inflate::parse(keyword, text).map(Transform::Inflate)),
            "luaxform" => return Some(Err(unsupported("luaxform: Lua scripts are not supported"))),
            "dotprefix" => Transform::DotPrefix,
            "to_lowercase" => Transform::Lowercase,
            "to_uppercase" => Transform::Uppercase,
            "strip_whitespace" => Transform::StripWhitespace,
            "compress_whitespace" => Transform::CompressWhitespace,
            "url_decode" => Transform::UrlDecode,
            "header_lowercase" => Transform::HeaderLowercase,
            "strip_pseudo_headers" => Transform::StripPseudoHeaders,
            "to_md5" => Transform::Md5,
            "to_sha1" => Transform::Sha1,
            "to_sha256" => Transform::Sha256,
            _ => return None,
        };
        Some(match text {
            "" => Ok(transform),
            _ => Err(value("takes no value")),
        })
    }

    fn apply(&self, data: &[u8]) -> Option<Vec<u8>> {
        Some(match self {
            Transform::DotPrefix => [b".", data].concat(),
            Transform::Lowercase => data.to_ascii_lowercase(),
            Transform::Uppercase => data.to_ascii_uppercase(),
            Transform::StripWhitespace => text::strip(data),
            Transform::CompressWhitespace => text::compress(data),
            Transform::UrlDecode => text::url_decode(data),
            Transform::HeaderLowercase => text::header_lowercase(data),
            Transform::StripPseudoHeaders => text::strip_pseudo_headers(data),
            Transform::Md5 => Md5::digest(data).to_vec(),
            Transform::Sha1 => Sha1::digest(data).to_vec(),
            Transform::Sha256 => Sha256::digest(data).to_vec(),
            Transform::Base64(base64) => base64.apply(data),
            Transform::Xor(xor) => return xor.apply(data),
            Transform::Pattern(pattern) => return pattern.apply(data),
            Transform::Inflate(inflate) => return inflate.apply(data),
        })
    }
}

/// Applies transforms in order; `None` if one of them fails.
pub(crate) fn apply<'d>(transforms: &[Transform], data: &'d [u8]) -> Option<Cow<'d, [u8]>> {
    transforms
        .iter()
        .try_fold(Cow::Borrowed(data), |data, transform| {
            transform.apply(&data).map(Cow::Owned)
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What keywords, each with its value, make of the data.
    fn check(keywords: &[(&str, &str)], data: &[u8], expected: Option<&[u8]>) {
        let transforms: Vec<Transform> = keywords
            .iter()
            .map(|(keyword, text)| Transform::parse(keyword, text).unwrap().unwrap())
            .collect();
        let made = apply(&transforms, data);
        assert_eq!(made.as_deref(), expected, "{keywords:?} of {data:?}");
    }

    #[test]
    fn text() {
        check(&[], b"a", Some(b"a"));
        check(&[("dotprefix", "")], b"a.b", Some(b".a.b"));
        check(&[("to_uppercase", ""), ("dotprefix", "")], b"a", Some(b".A"));
        check(&[("strip_whitespace", "")], b" a\t\r\nb ", Some(b"ab"));
        check(&[("compress_whitespace", "")], b"a  \n b c", Some(b"a b c"));
        check(&[("url_decode", "")], b"a%41+%zz%4", Some(b"aA %zz%4"));
        check(
            &[("header_lowercase", "")],
            b"HoSt: A\r\nX: B\r\n",
            Some(b"host: A\r\nx: B\r\n"),
        );
        check(
            &[("strip_pseudo_headers", "")],
            b":method: GET\r\na: b\r\n",
            Some(b"a: b\r\n"),
        );
    }

    #[test]
    fn digests() {
        let md5 = b"\x90\x01\x50\x98\x3c\xd2\x4f\xb0\xd6\x96\x3f\x7d\x28\xe1\x7f\x72";
        check(&[("to_md5", "")], b"abc", Some(md5));
        let lengths = ["to_md5", "to_sha1", "to_sha256"].map(|keyword| {
            let transform = Transform::parse(keyword, "").unwrap().unwrap();
            apply(&[transform], b"abc").unwrap().len()
        });
        assert_eq!(lengths, [16, 20, 32]);
    }

    #[test]
    fn base64() {
        let uri = b"/?arg=dGhpc2lzYXRlc3QK";
        check(&[("from_base64", "offset 6 ")], uri, Some(b"thisisatest\n"));
        check(&[("from_base64", "bytes 6, offset 6")], uri, Some(b"this"));
        check(
            &[("from_base64", "offset 6, mode strict")],
            uri,
            Some(b"thisisatest\n"),
        );
        check(
            &[("from_base64", "mode rfc2045")],
            b"dGhp!c2lz\r\nYQ==",
            Some(b"thisisa"),
        );
        check(&[("from_base64", "mode: rfc4648")], b"dGhp!c2lz", Some(b"thi"));
        // What cannot be decoded stays as it is.
        check(
            &[("from_base64", "mode strict")],
            b"dGhp!c2lz",
            Some(b"dGhp!c2lz"),
        );
        check(&[("from_base64", "offset 9")], b"dGhp", Some(b"dGhp"));
        check(&[("from_base64", "")], b"!", Some(b"!"));
    }

    #[test]
    fn keys() {
        check(&[("xor", "\"0d0a\"")], b"\x0d\x0a\x0c", Some(b"\x00\x00\x01"));
        check(
            &[("xor", "offset 1,extract 1 0")],
            b"\x01\x02\x03",
            Some(b"\x01\x03\x02"),
        );
        check(
            &[("xor", "offset   2,  extract 2 0")],
            b"\x01\x02\x01\x03",
            Some(b"\x01\x02\x00\x01"),
        );
        check(&[("xor", "extract 1 200")], b"abc", None);
        check(&[("xor", "offset 9,extract 1 0")], b"abc", None);
    }

    #[test]
    fn patterns() {
        check(
            &[("pcrexform", "\"/get\\?data=(.*)\"")],
            b"/get?data=xy",
            Some(b"xy"),
        );
        check(&[("pcrexform", "\"/get\\?data=(.*)\"")], b"/put?data=xy", None);
    }

    #[test]
    fn compressed() {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(b"This is compressed").unwrap();
        let gzip = encoder.finish().unwrap();
        check(&[("gunzip", "")], &gzip, Some(b"This is compressed"));
        check(&[("gunzip", "max-size 8")], &gzip, Some(b"This is "));
        check(&[("zlib_deflate", "")], &gzip, None);
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(b"This is compressed").unwrap();
        check(
            &[("zlib_deflate", "max-size 4")],
            &encoder.finish().unwrap(),
            Some(b"This"),
        );
    }

    #[test]
    fn refused() {
        let table = [
            ("luaxform", "x.lua", "Lua scripts are not supported"),
            ("to_md5", "x", "takes no value"),
            ("xor", "\"0\"", "hexadecimal"),
            ("xor", "\"\"", "hexadecimal"),
            ("xor", "offset 1", "extract is missing"),
            ("pcrexform", "\"abc\"", "exactly one group"),
            ("pcrexform", "\"(a)(b)\"", "exactly one group"),
            ("pcrexform", "(a)", "double quotes"),
            ("from_base64", "mode loose", "unknown"),
            ("from_base64", "offset 70000", "below 65536"),
            ("gunzip", "max-size 0", "max-size"),
        ];
        for (keyword, text, message) in table {
            let error = Transform::parse(keyword, text).unwrap().unwrap_err();
            assert!(
                error.message.contains(message),
                "{keyword}:{text}: {}",
                error.message
            );
        }
        assert!(Transform::parse("content", "x").is_none());
    }
}
