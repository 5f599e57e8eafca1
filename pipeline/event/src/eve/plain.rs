//! Classes whose object is their columns, each under its EVE name, or its own where it has none there.

use super::json::Object;
use super::{stats, text};
use crate::{Class, Event, Value};

/// All columns of the event's class that have a value.
pub(super) fn describe(event: &Event, class: Class, object: &mut Object<'_>) {
    let prefix = class.info().eve;
    let mut values: Vec<(&str, Value<'_>)> = Vec::new();
    for column in class.own_columns().iter().filter(|column| column.stored) {
        let path = match column.eve.strip_prefix(prefix) {
            Some(rest) => rest.trim_start_matches('.'),
            None => column.name,
        };
        match (column.read)(event) {
            Value::Null => {}
            value => values.push((path, value)),
        }
    }
    let values: Vec<(&str, &Value<'_>)> = values.iter().map(|(path, value)| (*path, value)).collect();
    put_all(&values, object);
}

/// Values at their paths, such as `request.function`; how deep they go, the schema says.
fn put_all(values: &[(&str, &Value<'_>)], object: &mut Object<'_>) {
    for (place, &(path, value)) in values.iter().enumerate() {
        let Some((head, _)) = path.split_once('.') else {
            put(path, value, object);
            continue;
        };
        let mut earlier = values.iter().take(place);
        if earlier.any(|(path, _)| within(path, head).is_some()) {
            continue;
        }
        let inner: Vec<(&str, &Value<'_>)> = values
            .iter()
            .filter_map(|&(path, value)| Some((within(path, head)?, value)))
            .collect();
        object.object(head, |object| put_all(&inner, object));
    }
}

/// The rest of a path that begins with `head`.
fn within<'a>(path: &'a str, head: &str) -> Option<&'a str> {
    path.strip_prefix(head)?.strip_prefix('.')
}

fn put(name: &str, value: &Value<'_>, object: &mut Object<'_>) {
    match value {
        Value::Null => {}
        Value::Text(value) => object.text(name, value),
        Value::Number(value) => object.number(name, *value),
        Value::Bool(value) => object.boolean(name, *value),
        Value::Address(value) => text::address(object, name, *value),
        Value::Time(us) => text::timestamp(object, name, *us),
        Value::Id(id) => object.text(name, &format!("{id:032x}")),
        Value::TextList(list) => object.texts(name, list.iter().map(String::as_str)),
        Value::U32List(list) => object.list(name, |out| list.iter().for_each(|&item| out.number(item))),
        Value::Counters(list) => object.object(name, |object| stats::counters(list, object)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::line;
    use super::*;
    use crate::Body;
    use crate::proto::Yara;
    use serde_json::json;

    #[test]
    fn columns_are_written_under_their_names() {
        let yara = Yara {
            rule: "r".into(),
            tags: vec!["t".into()],
            size: 7,
            name: "n".into(),
            ..Yara::default()
        };
        assert_eq!(
            line(6, Body::Yara(yara))["yara"],
            json!({ "rule": "r", "tags": ["t"], "size": 7, "filename": "n" })
        );
    }

    #[test]
    fn paths_that_share_a_head_are_one_object() {
        let (one, two, three) = (Value::Number(1), Value::Number(2), Value::Number(3));
        let values = [("a.b", &one), ("c", &two), ("a.d.e", &three)];
        let mut out = Vec::new();
        Object::write(&mut out, |object| put_all(&values, object));
        assert_eq!(
            String::from_utf8_lossy(&out),
            r#"{"a":{"b":1,"d":{"e":3}},"c":2}"#
        );
    }
}
