//! One `filter` of a case: how many of the events match, by the suite's own rules.
//!
//! A name leads through objects (`dns.answers[0].rrname`); its last part may be a question instead (`rrname.__startswith`). What
//! Python raises an exception for, a name that leads through a number for instance, makes the whole check fail.

use serde_json::Value;

use crate::yaml::Yaml;

/// A question that cannot be asked of what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raised;

const SEARCHES: [&str; 4] = ["__find", "__contains", "__startswith", "__endswith"];
const COMPARISONS: [&str; 4] = ["__gt", "__gte", "__lt", "__lte"];

/// How many events match all lines.
///
/// # Errors
/// When a line cannot be asked of an event.
pub fn count(lines: &[(String, Yaml)], events: &[Value]) -> Result<usize, Raised> {
    let mut count = 0;
    for event in events {
        count += usize::from(matches(lines, event)?);
    }
    Ok(count)
}

fn matches(lines: &[(String, Yaml)], event: &Value) -> Result<bool, Raised> {
    for (key, expected) in lines {
        if !holds(key, expected, event)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether one line holds of an event.
pub(crate) fn holds(key: &str, expected: &Yaml, event: &Value) -> Result<bool, Raised> {
    if matches!(key, "has-key" | "not-has-key") {
        for name in expected.items() {
            let is_there = find(&name.written(), event)? != Value::Null;
            if is_there != (key == "has-key") {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    let value = find(key, event)?;
    if let Some(search) = SEARCHES.iter().find(|search| key.ends_with(**search)) {
        return searched(search, &value, expected);
    }
    let last = key.rsplit('.').next().unwrap_or_default();
    if COMPARISONS.contains(&last) {
        return Ok(compared(last, &value, expected));
    }
    Ok(equals(&value, expected))
}

/// What a name leads to; `Null` for nothing.
pub(crate) fn find(name: &str, event: &Value) -> Result<Value, Raised> {
    let mut at = event;
    for part in name.split('.') {
        if part == "__len" {
            return Ok(Value::from(match at {
                Value::String(text) => text.chars().count() as i64,
                Value::Array(items) => items.len() as i64,
                Value::Object(fields) => fields.len() as i64,
                _ => -1,
            }));
        }
        if SEARCHES.contains(&part) || COMPARISONS.contains(&part) {
            break;
        }
        let (part, index) = indexed(part);
        at = match at {
            Value::Object(fields) => match fields.get(part) {
                Some(value) => value,
                None => return Ok(Value::Null),
            },
            // Python asks whether the name is among them, and if it is, what is under it.
            Value::Array(items) if !items.iter().any(|item| item == part) => return Ok(Value::Null),
            Value::String(text) if !text.contains(part) => return Ok(Value::Null),
            _ => return Err(Raised),
        };
        if let Some(index) = index {
            at = match at.get(index) {
                Some(value) => value,
                None => return Ok(Value::Null),
            };
        }
    }
    Ok(at.clone())
}

/// `name[3]` as its name and its number.
fn indexed(part: &str) -> (&str, Option<usize>) {
    let split = part.strip_suffix(']').and_then(|part| part.rsplit_once('['));
    match split.map(|(name, index)| (name, index.parse())) {
        Some((name, Ok(index))) => (name, Some(index)),
        _ => (part, None),
    }
}

fn searched(search: &str, value: &Value, expected: &Yaml) -> Result<bool, Raised> {
    let needle = expected.text();
    match (search, value, needle) {
        ("__contains", Value::Array(items), _) => Ok(items.iter().any(|item| equals(item, expected))),
        ("__contains", Value::Object(fields), Some(needle)) => Ok(fields.contains_key(needle)),
        ("__find" | "__contains", Value::String(text), Some(needle)) => Ok(text.contains(needle)),
        ("__startswith", Value::String(text), Some(needle)) => Ok(text.starts_with(needle)),
        ("__endswith", Value::String(text), Some(needle)) => Ok(text.ends_with(needle)),
        _ => Err(Raised),
    }
}

fn compared(comparison: &str, value: &Value, expected: &Yaml) -> bool {
    let expected = match expected {
        Yaml::Integer(number) => *number as f64,
        Yaml::Float(number) => *number,
        _ => return false,
    };
    let Some(value) = value.as_f64() else { return false };
    match comparison {
        "__gt" => value > expected,
        "__gte" => value >= expected,
        "__lt" => value < expected,
        _ => value <= expected,
    }
}

/// Python's `==`: true is 1, and numbers are compared by what they are worth.
fn equals(value: &Value, expected: &Yaml) -> bool {
    match (value, expected) {
        (Value::Null, Yaml::Null) => true,
        (Value::String(text), Yaml::Text(expected)) => text == expected,
        (Value::Array(items), Yaml::List(expected)) => {
            let pairs = || items.iter().zip(expected);
            items.len() == expected.len() && pairs().all(|(item, expected)| equals(item, expected))
        }
        (Value::Object(fields), Yaml::Map(expected)) => {
            let field = |(name, expected): &(String, Yaml)| {
                fields.get(name).is_some_and(|value| equals(value, expected))
            };
            fields.len() == expected.len() && expected.iter().all(field)
        }
        (value, expected) => match (worth(value), expected) {
            (Some(Worth::Whole(value)), Yaml::Integer(expected)) => value == i128::from(*expected),
            (Some(Worth::Whole(value)), Yaml::Bool(expected)) => value == i128::from(*expected),
            (Some(worth), Yaml::Float(expected)) => worth.float() == *expected,
            (Some(Worth::Broken(value)), Yaml::Integer(expected)) => value == *expected as f64,
            _ => false,
        },
    }
}

enum Worth {
    Whole(i128),
    Broken(f64),
}

impl Worth {
    fn float(&self) -> f64 {
        match self {
            Self::Whole(number) => *number as f64,
            Self::Broken(number) => *number,
        }
    }
}

fn worth(value: &Value) -> Option<Worth> {
    match value {
        Value::Bool(is_true) => Some(Worth::Whole(i128::from(*is_true))),
        Value::Number(number) => match (number.as_i128(), number.as_f64()) {
            (Some(whole), _) => Some(Worth::Whole(whole)),
            (None, broken) => broken.map(Worth::Broken),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &str, event: &str, expect: Result<bool, Raised>) {
        let lines = Yaml::parse(lines).unwrap();
        let event: Value = serde_json::from_str(event).unwrap();
        assert_eq!(matches(lines.pairs(), &event), expect, "{lines:?} of {event}");
    }

    #[test]
    fn names_lead_through_objects_and_lists() {
        let event = r#"{"a":{"b":[{"c":7},{"c":8}]},"d":1.0,"e":true,"f":"text","g":null}"#;
        check("a.b[1].c: 8", event, Ok(true));
        check("a.b[2].c: 8", event, Ok(false));
        check("a.b.__len: 2", event, Ok(true));
        check("a.x: 8", event, Ok(false));
        check("a.x: null", event, Ok(true));
        check("a.b.c: 8", event, Ok(false));
        check("f.x: 8", event, Err(Raised));
        check("f.y: 8", event, Ok(false));
        check("d.y: 8", event, Err(Raised));
        check("{d: 1, e: 1, f: text}", event, Ok(true));
        check("{d: 2, d.y: 8}", event, Ok(false));
        check("{d: 1, d.y: 8}", event, Err(Raised));
    }

    #[test]
    fn presence_searches_and_comparisons_are_asked() {
        let event = r#"{"a":"abc","l":["x","y"],"n":5,"z":null}"#;
        check("has-key: a", event, Ok(true));
        check("has-key: z", event, Ok(false));
        check("not-has-key: [q, z]", event, Ok(true));
        check("a.__startswith: ab", event, Ok(true));
        check("a.__endswith: ab", event, Ok(false));
        check("l.__contains: y", event, Ok(true));
        check("q.__find: y", event, Err(Raised));
        check("n.__gte: 5", event, Ok(true));
        check("n.__lt: 5", event, Ok(false));
        check("a.__gt: 5", event, Ok(false));
    }
}
