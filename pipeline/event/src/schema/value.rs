//! Values of columns.

use std::borrow::Cow;
use std::net::IpAddr;

/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text of any variety.
    Text,
    /// Text with few different values.
    LowText,
    /// Whole number up to 2^8 - 1.
    U8,
    /// Whole number up to 2^16 - 1.
    U16,
    /// Whole number up to 2^32 - 1.
    U32,
    /// Whole number up to 2^64 - 1.
    U64,
    /// Yes or no.
    Bool,
    /// IPv6 address; IPv4 stands mapped.
    Address,
    /// Microseconds since 1970, UTC.
    Time,
    /// 128-bit id.
    Id,
    /// List of texts.
    TextList,
    /// List of whole numbers up to 2^32 - 1.
    U32List,
    /// Names and whole numbers.
    Counters,
}

/// A value read from an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// The event has none.
    Null,
    /// Text.
    Text(Cow<'a, str>),
    /// Whole number.
    Number(u64),
    /// Yes or no.
    Bool(bool),
    /// Address.
    Address(IpAddr),
    /// Microseconds since 1970, UTC.
    Time(i64),
    /// 128-bit id.
    Id(u128),
    /// List of texts.
    TextList(&'a [String]),
    /// List of numbers.
    U32List(&'a [u32]),
    /// Names and numbers.
    Counters(&'a [crate::proto::Counter]),
}

impl<'a> Value<'a> {
    /// Text, or null when empty.
    pub fn text(text: &'a str) -> Self {
        if text.is_empty() {
            Self::Null
        } else {
            Self::Text(Cow::Borrowed(text))
        }
    }

    /// Text made for the occasion, or null when empty.
    pub fn owned(text: String) -> Self {
        if text.is_empty() {
            Self::Null
        } else {
            Self::Text(Cow::Owned(text))
        }
    }

    /// A number, or null when zero stands for "none".
    pub fn nonzero(number: u64) -> Self {
        if number == 0 {
            Self::Null
        } else {
            Self::Number(number)
        }
    }

    /// A time, or null when zero stands for "none".
    pub fn nonzero_time(us: i64) -> Self {
        if us == 0 { Self::Null } else { Self::Time(us) }
    }

    /// Bytes as text, with a sign in place of each that is none, or null when empty.
    pub fn lossy(bytes: &[u8]) -> Self {
        Self::owned(String::from_utf8_lossy(bytes).into_owned())
    }

    /// A 128-bit id from an event's bytes, or null.
    pub fn id(bytes: &[u8]) -> Self {
        crate::EventId::from_bytes(bytes).map_or(Self::Null, |id| Self::Id(id.0))
    }

    /// A list, or null when empty.
    pub fn list(list: &'a [String]) -> Self {
        if list.is_empty() {
            Self::Null
        } else {
            Self::TextList(list)
        }
    }

    /// An address from an event's bytes, or null.
    pub fn address(bytes: &[u8]) -> Self {
        crate::parse_address(bytes).map_or(Self::Null, Self::Address)
    }

    /// The value as one text, as a group key or a person wants it; lists are joined by a comma. `None` for null.
    pub fn to_text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Null => return None,
            Self::Text(text) => Cow::Borrowed(text.as_ref()),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Bool(yes) => Cow::Borrowed(if *yes { "true" } else { "false" }),
            Self::Address(address) => Cow::Owned(address.to_string()),
            Self::Time(us) => Cow::Owned(us.to_string()),
            Self::Id(id) => Cow::Owned(format!("{id:032x}")),
            Self::TextList(list) => Cow::Owned(list.join(",")),
            Self::U32List(list) => Cow::Owned(list.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
            Self::Counters(list) => Cow::Owned(
                list.iter()
                    .map(|c| format!("{}={}", c.name, c.value))
                    .collect::<Vec<_>>()
                    .join(","),
            ),
        })
    }
}
