//! CBOR (RFC 8949), as far as authenticators write it (CTAP2 canonical form): definite lengths, no floating point, no tags.

/// Deepest nesting that is read; CTAP2 allows four.
pub const DEPTH_MAX: usize = 8;

/// What is no CBOR of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoCbor;

/// A value, borrowed from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// An integer from -2^63 to 2^63 - 1.
    Integer(i64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Text.
    Text(&'a str),
    /// An array.
    Array(Vec<Value<'a>>),
    /// A map, in its order.
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// `false`, `true`, `null` and the like, by number.
    Simple(u8),
}

impl<'a> Value<'a> {
    /// What a map has under an integer.
    pub fn by_number(&self, key: i64) -> Option<&Value<'a>> {
        self.find(&Value::Integer(key))
    }

    /// What a map has under a text.
    pub fn by_text(&self, key: &str) -> Option<&Value<'a>> {
        let Self::Map(pairs) = self else { return None };
        let found = pairs
            .iter()
            .find(|(name, _)| matches!(name, Value::Text(name) if *name == key));
        found.map(|(_, value)| value)
    }

    fn find(&self, key: &Value<'_>) -> Option<&Value<'a>> {
        let Self::Map(pairs) = self else { return None };
        pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

/// The first value of `bytes`, and what comes after it.
///
/// # Errors
/// [`NoCbor`] for what ends early, is nested too deep, or is of a kind that no authenticator writes.
pub fn read(bytes: &[u8]) -> Result<(Value<'_>, &[u8]), NoCbor> {
    let mut reader = Reader { rest: bytes };
    let value = reader.value(DEPTH_MAX)?;
    Ok((value, reader.rest))
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], NoCbor> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(NoCbor)?;
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self, short: u8) -> Result<u64, NoCbor> {
        let width = match short {
            0..=23 => return Ok(u64::from(short)),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return Err(NoCbor),
        };
        let bytes = self.take(width)?;
        Ok(bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn length(&mut self, short: u8) -> Result<usize, NoCbor> {
        usize::try_from(self.number(short)?).map_err(|_| NoCbor)
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, NoCbor> {
        let depth = depth.checked_sub(1).ok_or(NoCbor)?;
        let first = self.take(1)?.first().copied().ok_or(NoCbor)?;
        let short = first & 0x1f;
        match first >> 5 {
            0 => Ok(Value::Integer(self.integer(short)?)),
            1 => Ok(Value::Integer(-1 - self.integer(short)?)),
            2 => {
                let length = self.length(short)?;
                Ok(Value::Bytes(self.take(length)?))
            }
            3 => {
                let length = self.length(short)?;
                let text = std::str::from_utf8(self.take(length)?).map_err(|_| NoCbor)?;
                Ok(Value::Text(text))
            }
            // The count is not believed: each item takes a byte at least, and what is missing is an error.
            4 => {
                let count = self.length(short)?;
                let items: Result<Vec<_>, _> = (0..count).map(|_| self.value(depth)).collect();
                Ok(Value::Array(items?))
            }
            5 => {
                let count = self.length(short)?;
                let pairs: Result<Vec<_>, _> = (0..count)
                    .map(|_| Ok((self.value(depth)?, self.value(depth)?)))
                    .collect();
                Ok(Value::Map(pairs?))
            }
            7 if short < 24 => Ok(Value::Simple(short)),
            _ => Err(NoCbor),
        }
    }

    fn integer(&mut self, short: u8) -> Result<i64, NoCbor> {
        i64::try_from(self.number(short)?).map_err(|_| NoCbor)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn examples_of_rfc_8949_are_read() {
        let check = |hex: &str, expect: Option<Value<'_>>| {
            let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
            let read = read(&bytes).ok();
            assert_eq!(
                read.map(|(value, rest)| (value, rest.len())),
                expect.map(|value| (value, 0)),
                "{hex}"
            );
        };
        check("00", Some(Value::Integer(0)));
        check("1903e8", Some(Value::Integer(1000)));
        check("3863", Some(Value::Integer(-100)));
        check("3b7fffffffffffffff", Some(Value::Integer(i64::MIN)));
        check("4401020304", Some(Value::Bytes(&[1, 2, 3, 4])));
        check("62c3bc", Some(Value::Text("ü")));
        check("62c328", None);
        check("6449455446", Some(Value::Text("IETF")));
        check("f5", Some(Value::Simple(21)));
        check(
            "83010203",
            Some(Value::Array((1..4).map(Value::Integer).collect())),
        );
        check(
            "a201020304",
            Some(Value::Map(vec![
                (Value::Integer(1), Value::Integer(2)),
                (Value::Integer(3), Value::Integer(4)),
            ])),
        );
        // Too big, of indefinite length, a tag, a float, and deeper than anybody writes.
        for hex in [
            "1bffffffffffffffff",
            "9fff",
            "c001",
            "f93c00",
            "8181818181818181818100",
            "9bffffffffffffffff",
        ] {
            check(hex, None);
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
