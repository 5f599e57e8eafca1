//! Predicates on one column of an event.
//!
//! A predicate is bound to a column's kind when it is made, so that evaluation does not ask again what the rule meant.

use std::fmt::Write as _;
use std::net::IpAddr;

use regex::Regex;
use vonggac_event::{Kind, Value};

use crate::detection::Comparison;
use crate::fold::fold_into;
use crate::lower::{Number, Relation, Test};
use crate::network::Network;
use crate::pattern::Pattern;
use crate::time::TimePart;

/// A test bound to a column.
#[derive(Debug)]
pub(crate) enum Check {
    /// The outcome does not depend on the event.
    Constant(bool),
    Null,
    NotNull,
    Bool(bool),
    /// The number equals; decided through a map where it is a whole one.
    Number(Number),
    Address(IpAddr),
    Network(Network),
    /// Decided or prepared by Aho-Corasick in text columns.
    Pattern(Pattern),
    Regex(Regex),
    Compare(Option<TimePart>, Comparison, Number),
    TimeIs(TimePart, Number),
    /// Slot of the other field.
    FieldRef(usize, Relation, bool),
}

/// Buffers that evaluation writes texts into.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    text: String,
    folded: String,
    other: String,
}

pub(crate) fn is_text(kind: Kind) -> bool {
    matches!(kind, Kind::Text | Kind::LowText | Kind::TextList)
}

fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 | Kind::U32List)
}

/// Binds a test to a column of this kind. `FieldRef` and `Placeholder` are not for here.
pub(crate) fn bind(test: &Test, kind: Kind) -> Result<Check, String> {
    Ok(match test {
        Test::Null | Test::Exists(false) => Check::Null,
        Test::Exists(true) => Check::NotNull,
        Test::Bool(yes) if kind == Kind::Bool => Check::Bool(*yes),
        Test::Bool(yes) => pattern(Pattern::new(&[literal(&yes.to_string())], false), kind),
        Test::Number(number, _) if is_number(kind) || kind == Kind::Time => Check::Number(*number),
        Test::Number(_, text) => pattern(Pattern::new(&[literal(text)], false), kind),
        Test::Pattern(wanted) => pattern(wanted.clone(), kind),
        Test::Regex(source) => Check::Regex(source.compile().map_err(|error| error.to_string())?),
        Test::Network(network) if kind == Kind::Address || is_text(kind) => Check::Network(*network),
        Test::Network(_) => return Err("cidr wants a field of addresses or texts".to_owned()),
        Test::Compare(Some(_), ..) | Test::TimeIs(..) if kind != Kind::Time => {
            return Err("a time modifier wants a field of time".to_owned());
        }
        Test::Compare(part, comparison, number) => {
            if !is_number(kind) && !is_text(kind) && kind != Kind::Time {
                return Err("a comparison wants a field of numbers".to_owned());
            }
            Check::Compare(*part, *comparison, *number)
        }
        Test::TimeIs(part, number) => Check::TimeIs(*part, *number),
        Test::FieldRef(_) | Test::Placeholder(_) => Check::Constant(false),
    })
}

fn literal(text: &str) -> crate::pattern::Part {
    crate::pattern::Part::Literal(text.into())
}

fn pattern(pattern: Pattern, kind: Kind) -> Check {
    if pattern.is_empty() {
        return if is_text(kind) {
            Check::Null
        } else {
            Check::Constant(false)
        };
    }
    let possible = match kind {
        Kind::Text | Kind::LowText | Kind::TextList | Kind::Counters => true,
        Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 | Kind::U32List | Kind::Time => {
            pattern.literals_all(|byte| byte.is_ascii_digit() || byte == b'-')
        }
        Kind::Address => pattern.literals_all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':')),
        Kind::Id => pattern.literals_all(|byte| byte.is_ascii_hexdigit()),
        Kind::Bool => {
            return match ["false", "true"].map(|text| pattern.matches(text.as_bytes())) {
                [false, false] => Check::Constant(false),
                [true, true] => Check::NotNull,
                [_, yes] => Check::Bool(yes),
            };
        }
    };
    if !possible {
        return Check::Constant(false);
    }
    match (kind, pattern.exact()) {
        (Kind::Address, Some(text)) => match text.parse::<IpAddr>() {
            Ok(address) => Check::Address(address.to_canonical()),
            Err(_) => Check::Constant(false),
        },
        (_, Some(text)) if is_number(kind) => match text.parse::<u64>() {
            Ok(number) if number.to_string() == text => Check::Number(Number::Integer(i128::from(number))),
            _ => Check::Constant(false),
        },
        _ => Check::Pattern(pattern),
    }
}

impl Check {
    /// A rough share of events in which it holds. A number is a port or a status and a short whole text is a method or a
    /// type, which many events have; of other literals a longer one is rarer.
    pub(crate) fn frequency(&self) -> f64 {
        const SHORT_BYTES: usize = 8;
        match self {
            Self::Pattern(pattern) if pattern.exact().is_some_and(|text| text.len() <= SHORT_BYTES) => 0.2,
            Self::Pattern(pattern) => {
                let bytes = pattern.needle().map_or(0, <[u8]>::len).min(32);
                0.15_f64.powi(i32::try_from(bytes).unwrap_or(32))
            }
            _ => 0.1,
        }
    }

    /// Whether the value fulfils it; `values` are those of all slots.
    pub(crate) fn holds(&self, value: &Value<'_>, values: &[Value<'_>], buffers: &mut Buffers) -> bool {
        match self {
            Self::Constant(yes) => *yes,
            Self::Null => *value == Value::Null,
            Self::NotNull => *value != Value::Null,
            Self::Bool(yes) => *value == Value::Bool(*yes),
            Self::Number(number) => any_number(value, |other| number.compare(other).is_eq()),
            Self::Address(address) => any_address(value, |other| other == *address),
            Self::Network(network) => any_address(value, |other| network.contains(other)),
            Self::Pattern(pattern) => {
                let Buffers { text, folded, .. } = buffers;
                any_text(value, text, |text| {
                    if pattern.cased {
                        return pattern.matches(text.as_bytes());
                    }
                    folded.clear();
                    fold_into(text, folded);
                    pattern.matches(folded.as_bytes())
                })
            }
            Self::Regex(regex) => any_text(value, &mut buffers.text, |text| regex.is_match(text)),
            Self::Compare(part, comparison, number) => any_number(value, |other| {
                let order = number.compare(part_of(*part, other));
                match comparison {
                    Comparison::Less => order.is_lt(),
                    Comparison::LessOrEqual => order.is_le(),
                    Comparison::Greater => order.is_gt(),
                    Comparison::GreaterOrEqual => order.is_ge(),
                }
            }),
            Self::TimeIs(part, number) => {
                any_number(value, |other| number.compare(part_of(Some(*part), other)).is_eq())
            }
            Self::FieldRef(slot, relation, cased) => {
                let other = values.get(*slot).unwrap_or(&Value::Null);
                relate(value, other, *relation, *cased, buffers)
            }
        }
    }
}

fn part_of(part: Option<TimePart>, number: i128) -> i128 {
    match part {
        Some(part) => i64::try_from(number).map_or(number, |time_us| i128::from(part.of(time_us))),
        None => number,
    }
}

fn relate(
    value: &Value<'_>,
    other: &Value<'_>,
    relation: Relation,
    cased: bool,
    buffers: &mut Buffers,
) -> bool {
    let Buffers {
        text,
        folded,
        other: wanted,
    } = buffers;
    let mut other_text = String::new();
    any_text(other, &mut other_text, |right| {
        wanted.clear();
        if cased {
            wanted.push_str(right);
        } else {
            fold_into(right, wanted);
        }
        any_text(value, text, |left| {
            folded.clear();
            if cased {
                folded.push_str(left);
            } else {
                fold_into(left, folded);
            }
            match relation {
                Relation::Equal => folded == wanted,
                Relation::StartsWith => folded.starts_with(wanted.as_str()),
                Relation::EndsWith => folded.ends_with(wanted.as_str()),
                Relation::Contains => folded.contains(wanted.as_str()),
            }
        })
    })
}

/// Whether some item of the value, as text, is accepted.
pub(crate) fn any_text(value: &Value<'_>, buffer: &mut String, mut accept: impl FnMut(&str) -> bool) -> bool {
    let mut written = |arguments: std::fmt::Arguments<'_>| {
        buffer.clear();
        buffer.write_fmt(arguments).is_ok() && accept(buffer)
    };
    match value {
        Value::Null => false,
        Value::Text(text) => accept(text),
        Value::TextList(list) => list.iter().any(|text| accept(text)),
        Value::Bool(yes) => accept(if *yes { "true" } else { "false" }),
        Value::Number(number) => written(format_args!("{number}")),
        Value::Time(time_us) => written(format_args!("{time_us}")),
        Value::Address(address) => written(format_args!("{}", address.to_canonical())),
        Value::Id(id) => written(format_args!("{id:032x}")),
        Value::U32List(list) => list.iter().any(|number| written(format_args!("{number}"))),
        Value::Counters(list) => list
            .iter()
            .any(|counter| written(format_args!("{}={}", counter.name, counter.value))),
    }
}

fn any_number(value: &Value<'_>, mut accept: impl FnMut(i128) -> bool) -> bool {
    match value {
        Value::Number(number) => accept(i128::from(*number)),
        Value::Time(time_us) => accept(i128::from(*time_us)),
        Value::U32List(list) => list.iter().any(|number| accept(i128::from(*number))),
        Value::Text(text) => text.trim().parse().is_ok_and(&mut accept),
        Value::TextList(list) => list.iter().any(|text| text.trim().parse().is_ok_and(&mut accept)),
        _ => false,
    }
}

fn any_address(value: &Value<'_>, mut accept: impl FnMut(IpAddr) -> bool) -> bool {
    let mut parsed = |text: &str| {
        text.trim()
            .parse::<IpAddr>()
            .is_ok_and(|address| accept(address.to_canonical()))
    };
    match value {
        Value::Text(text) => parsed(text),
        Value::TextList(list) => list.iter().any(|text| parsed(text)),
        Value::Address(address) => accept(address.to_canonical()),
        _ => false,
    }
}
