//! A slow interpreter of rules as written: the judge of the matcher in tests.
//!
//! It shares the parser with the matcher and nothing after it: modifiers are applied anew, wildcards become regular
//! expressions, every rule is evaluated on every event, nothing is remembered.

#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vonggac_event::{Class, Event, Kind, Value};

use crate::condition::{Condition, Quantity, name_matches};
use crate::detection::{Comparison, Item, Literal, Modifier, Search};
use crate::document::RuleDocument;
use crate::fold::fold;
use crate::time::TimePart;
use crate::yaml::Plain;

pub(crate) fn matches(document: &RuleDocument, event: &Event) -> bool {
    let class = Class::of(event).unwrap();
    document.logsource.class() == Ok(class)
        && document
            .conditions
            .iter()
            .any(|condition| holds(condition, document, class, event))
}

fn holds(condition: &Condition, document: &RuleDocument, class: Class, event: &Event) -> bool {
    let ask = |search: &Search| finds(search, class, event);
    match condition {
        Condition::Or(sides) => sides.iter().any(|side| holds(side, document, class, event)),
        Condition::And(sides) => sides.iter().all(|side| holds(side, document, class, event)),
        Condition::Not(inner) => !holds(inner, document, class, event),
        Condition::Name(name, _) => document
            .searches
            .iter()
            .any(|(other, search)| other == name && ask(search)),
        Condition::Of(quantity, pattern, _) => {
            let mut chosen = document.searches.iter().filter(|(name, _)| {
                if pattern == "them" {
                    !name.starts_with('_')
                } else {
                    name_matches(pattern, name)
                }
            });
            match quantity {
                Quantity::Any => chosen.any(|(_, search)| ask(search)),
                Quantity::All => chosen.all(|(_, search)| ask(search)),
            }
        }
    }
}

fn finds(search: &Search, class: Class, event: &Event) -> bool {
    match search {
        Search::All(sides) => sides.iter().all(|side| finds(side, class, event)),
        Search::Any(sides) => sides.iter().any(|side| finds(side, class, event)),
        Search::Item(item) => item_holds(item, class, event),
    }
}

fn item_holds(item: &Item, class: Class, event: &Event) -> bool {
    let value_holds = |literal: &Literal| {
        if item.field.is_empty() {
            class
                .columns()
                .filter(|column| crate::expression::is_searched(column))
                .any(|column| literal_holds(item, literal, class, column.kind, &(column.read)(event), event))
        } else {
            let column = class.column(&item.field).unwrap();
            literal_holds(item, literal, class, column.kind, &(column.read)(event), event)
        }
    };
    let joined = if item.modifiers.contains(&Modifier::All) {
        item.values.iter().all(value_holds)
    } else {
        item.values.iter().any(value_holds)
    };
    joined != item.modifiers.contains(&Modifier::Neq)
}

fn texts(value: &Value<'_>) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::TextList(list) => list.to_vec(),
        Value::U32List(list) => list.iter().map(ToString::to_string).collect(),
        Value::Counters(list) => list.iter().map(|c| format!("{}={}", c.name, c.value)).collect(),
        Value::Address(address) => vec![address.to_canonical().to_string()],
        other => vec![other.to_text().unwrap().into_owned()],
    }
}

fn literal_holds(
    item: &Item,
    literal: &Literal,
    class: Class,
    kind: Kind,
    value: &Value<'_>,
    event: &Event,
) -> bool {
    let has = |modifier| item.modifiers.contains(&modifier);
    let cased = has(Modifier::Cased);
    let text = &literal.scalar.text;
    let part = item.modifiers.iter().find_map(|modifier| match modifier {
        Modifier::Time(part) => Some(*part),
        _ => None,
    });
    let comparison = item.modifiers.iter().find_map(|modifier| match modifier {
        Modifier::Compare(comparison) => Some(*comparison),
        _ => None,
    });
    if has(Modifier::Exists) {
        return (*value != Value::Null) == (literal.scalar.value == Plain::Bool(true));
    }
    if has(Modifier::Re) {
        let flags: String = [
            (Modifier::ReInsensitive, 'i'),
            (Modifier::ReMultiLine, 'm'),
            (Modifier::ReDotAll, 's'),
        ]
        .iter()
        .filter(|(modifier, _)| has(*modifier))
        .map(|(_, flag)| *flag)
        .collect();
        let flags = if flags.is_empty() {
            String::new()
        } else {
            format!("(?{flags})")
        };
        let regex = regex::Regex::new(&format!("{flags}{text}")).unwrap();
        return texts(value).iter().any(|text| regex.is_match(text));
    }
    if has(Modifier::Cidr) {
        let (network, prefix) = text.split_once('/').unwrap();
        let network: IpAddr = network.parse().unwrap();
        return texts(value)
            .iter()
            .filter_map(|text| text.parse::<IpAddr>().ok())
            .any(|address| in_network(address, network, prefix.parse().unwrap()));
    }
    if has(Modifier::FieldRef) {
        let other = (class.column(text).unwrap().read)(event);
        let normal = |text: &String| if cased { text.clone() } else { fold(text) };
        return texts(value).iter().map(normal).any(|left| {
            texts(&other).iter().map(normal).any(|right| {
                if has(Modifier::StartsWith) {
                    left.starts_with(&right)
                } else if has(Modifier::EndsWith) {
                    left.ends_with(&right)
                } else if has(Modifier::Contains) {
                    left.contains(&right)
                } else {
                    left == right
                }
            })
        });
    }
    if comparison.is_some() || part.is_some() {
        return compares(literal, part, comparison, value);
    }
    let patterns = patterns(item, literal, kind);
    let shaped = item
        .modifiers
        .iter()
        .any(|modifier| !matches!(modifier, Modifier::All | Modifier::Neq | Modifier::Cased));
    if !shaped && !item.field.is_empty() {
        match literal.scalar.value {
            Plain::Null => return *value == Value::Null,
            Plain::Text if text.is_empty() => {
                return *value == Value::Null && matches!(kind, Kind::Text | Kind::LowText | Kind::TextList);
            }
            Plain::Integer(number) => match value {
                Value::Number(other) => return i128::from(*other) == number,
                Value::U32List(list) => return list.iter().any(|other| i128::from(*other) == number),
                _ => {}
            },
            Plain::Float(number) => {
                if let Value::Number(other) = value {
                    return *other as f64 == number;
                }
            }
            Plain::Text => {
                if let (Value::Address(address), Ok(wanted)) = (value, text.parse::<IpAddr>()) {
                    return address.to_canonical() == wanted.to_canonical();
                }
            }
            _ => {}
        }
    }
    texts(value).iter().any(|text| {
        let text = if cased { text.clone() } else { fold(text) };
        patterns
            .iter()
            .any(|pattern| whole_match(pattern, text.as_bytes()))
    })
}

fn whole_match(pattern: &str, text: &[u8]) -> bool {
    thread_local! {
        static COMPILED: RefCell<HashMap<String, regex::bytes::Regex>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        compiled
            .entry(pattern.to_owned())
            .or_insert_with(|| regex::bytes::Regex::new(&format!("(?s-u)^(?:{pattern})$")).unwrap())
            .is_match(text)
    })
}

fn in_network(address: IpAddr, network: IpAddr, prefix: u32) -> bool {
    match (address.to_canonical(), network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (0..prefix).all(|bit| address.to_bits() >> (31 - bit) & 1 == network.to_bits() >> (31 - bit) & 1)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => (0..prefix)
            .all(|bit| address.to_bits() >> (127 - bit) & 1 == network.to_bits() >> (127 - bit) & 1),
        _ => false,
    }
}

fn compares(
    literal: &Literal,
    part: Option<TimePart>,
    comparison: Option<Comparison>,
    value: &Value<'_>,
) -> bool {
    let wanted: f64 = literal.scalar.text.parse().unwrap();
    texts(value)
        .iter()
        .filter_map(|text| text.parse::<i64>().ok())
        .any(|number| {
            let number = part.map_or(number, |part| part.of(number)) as f64;
            match comparison {
                None => number == wanted,
                Some(Comparison::Less) => number < wanted,
                Some(Comparison::LessOrEqual) => number <= wanted,
                Some(Comparison::Greater) => number > wanted,
                Some(Comparison::GreaterOrEqual) => number >= wanted,
            }
        })
}

/// The alternatives of a value as regular expressions over bytes, folded unless cased.
fn patterns(item: &Item, literal: &Literal, kind: Kind) -> Vec<String> {
    let has = |modifier| item.modifiers.contains(&modifier);
    let mut plain: Vec<Vec<u8>> = Vec::new();
    let encodes = item.modifiers.iter().any(|modifier| {
        matches!(
            modifier,
            Modifier::Base64
                | Modifier::Base64Offset
                | Modifier::Utf16
                | Modifier::Utf16Be
                | Modifier::Utf16Le
        )
    });
    let mut open = (false, false);
    for modifier in &item.modifiers {
        match modifier {
            Modifier::Contains => open = (true, true),
            Modifier::StartsWith => open.1 = true,
            Modifier::EndsWith => open.0 = true,
            _ => {}
        }
    }
    if item.field.is_empty() && open == (false, false) {
        open = (true, true);
    }
    let close = |middle: String| {
        let any = |yes| if yes { "(?s-u:.)*" } else { "" };
        format!("{}{middle}{}", any(open.0), any(open.1))
    };
    if !encodes {
        return vec![close(wildcards(
            &literal.scalar.text,
            has(Modifier::Cased),
            has(Modifier::Windash),
            kind,
        ))];
    }
    let mut bytes = unescape(&literal.scalar.text).into_bytes();
    for modifier in &item.modifiers {
        let wide = |big: bool, bytes: &[u8]| -> Vec<u8> {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.encode_utf16()
                .flat_map(|unit| {
                    if big {
                        unit.to_be_bytes()
                    } else {
                        unit.to_le_bytes()
                    }
                })
                .collect()
        };
        match modifier {
            Modifier::Utf16Le => bytes = wide(false, &bytes),
            Modifier::Utf16Be => bytes = wide(true, &bytes),
            Modifier::Utf16 => bytes = [vec![0xff, 0xfe], wide(false, &bytes)].concat(),
            Modifier::Base64 => bytes = STANDARD.encode(&bytes).into_bytes(),
            Modifier::Base64Offset => {
                for offset in 0..3 {
                    let encoded = STANDARD.encode([vec![b' '; offset], bytes.clone()].concat());
                    let start = [0, 2, 3][offset];
                    let end = encoded.len() - [0, 3, 2][(bytes.len() + offset) % 3];
                    if start < end {
                        plain.push(encoded.as_bytes()[start..end].to_vec());
                    }
                }
            }
            _ => {}
        }
    }
    if plain.is_empty() {
        plain.push(bytes);
    }
    plain
        .into_iter()
        .map(|bytes| {
            let bytes = match String::from_utf8(bytes) {
                Ok(text) if !has(Modifier::Cased) => fold(&text).into_bytes(),
                Ok(text) => text.into_bytes(),
                Err(error) => error.into_bytes(),
            };
            close(bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect())
        })
        .collect()
}

fn unescape(text: &str) -> String {
    text.replace("\\\\", "\\")
}

fn wildcards(text: &str, cased: bool, windash: bool, _kind: Kind) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    let push = |out: &mut String, character: char| {
        let text = character.to_string();
        let text = if cased { text } else { fold(&text) };
        out.extend(text.bytes().map(|byte| format!("\\x{byte:02x}")));
    };
    while at < characters.len() {
        let next = characters.get(at + 1).copied();
        let before = at.checked_sub(1).map(|index| characters[index]);
        let is_word = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
        match characters[at] {
            '\\' if matches!(next, Some('*' | '?' | '\\')) => {
                push(&mut out, next.unwrap());
                at += 1;
            }
            '*' => out.push_str("(?s-u:.)*"),
            '?' => out.push_str("(?s:(?u:.))"),
            '-' | '/' | '–' | '—' | '―' if windash && is_word(next) && !is_word(before) => {
                out.push_str("(?u:[-/–—―])");
            }
            other => push(&mut out, other),
        }
        at += 1;
    }
    out
}
