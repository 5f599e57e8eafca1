//! Events as ClickHouse answers them: one JSON array a line, a value a column, derived ones too.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::Value;
use vonggac_event::{Class, Column, EventId, Kind};

use super::{SearchError, compile};

/// A stored event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// Id.
    pub id: EventId,
    /// Class.
    pub class: Class,
    /// Time on the wire.
    pub ts_us: i64,
    /// Which sensor.
    pub sensor: String,
    /// Whose network.
    pub tenant: String,
    /// Flow; 0 for none.
    pub flow_id: u64,
    /// Community ID; empty for none.
    pub community_id: String,
    /// The side that opened the flow.
    pub src: Option<IpAddr>,
    /// Its port; 0 for none.
    pub sport: u16,
    /// The other side.
    pub dst: Option<IpAddr>,
    /// Its port; 0 for none.
    pub dport: u16,
    /// Transport; empty for none.
    pub proto: String,
    /// Drill; 0 for none.
    pub exercise_id: u32,
    /// The class's own columns that have a value, in the table's order.
    pub fields: Vec<Field>,
}

/// A column of an event and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Name.
    pub name: &'static str,
    /// Kind: times stand in microseconds, addresses as text.
    pub kind: Kind,
    /// Value.
    pub value: Value,
}

/// The columns of a row, in order.
fn columns(class: Class) -> impl Iterator<Item = &'static Column> {
    class.columns().filter(|column| compile::is_selectable(column))
}

/// What to select for [`read`].
pub(super) fn selection(class: Class) -> String {
    let expressions: Vec<String> = columns(class)
        .filter_map(|column| Some((column, compile::expression(column)?)))
        .map(|(column, expression)| match column.kind {
            Kind::Time => format!("toUnixTimestamp64Micro({expression})"),
            Kind::Id | Kind::Address | Kind::U64 => format!("toString({expression})"),
            _ => expression,
        })
        .collect();
    expressions.join(", ")
}

/// Reads a line of the answer to [`selection`].
pub(super) fn read(class: Class, line: &str) -> Result<EventRow, SearchError> {
    let values: Vec<Value> =
        serde_json::from_str(line).map_err(|error| SearchError::Answer(error.to_string()))?;
    let mut row = EventRow {
        id: EventId(0),
        class,
        ts_us: 0,
        sensor: String::new(),
        tenant: String::new(),
        flow_id: 0,
        community_id: String::new(),
        src: None,
        sport: 0,
        dst: None,
        dport: 0,
        proto: String::new(),
        exercise_id: 0,
        fields: Vec::new(),
    };
    if values.len() != columns(class).count() {
        return Err(SearchError::Answer(format!(
            "{} values for a row of {}",
            values.len(),
            class.name()
        )));
    }
    for (column, value) in columns(class).zip(values) {
        place(&mut row, column, value)
            .ok_or_else(|| SearchError::Answer(format!("{} is not what it should be", column.name)))?;
    }
    Ok(row)
}

fn place(row: &mut EventRow, column: &'static Column, value: Value) -> Option<()> {
    match column.name {
        "event_id" => row.id = EventId(value.as_str()?.parse().ok()?),
        "ts" => row.ts_us = signed(&value)?,
        "sensor" => row.sensor = text(value)?,
        "tenant" => row.tenant = text(value)?,
        "flow_id" => row.flow_id = unsigned(&value)?,
        "community_id" => row.community_id = text(value)?,
        "src" => row.src = address(&value)?,
        "sport" => row.sport = u16::try_from(unsigned(&value)?).ok()?,
        "dst" => row.dst = address(&value)?,
        "dport" => row.dport = u16::try_from(unsigned(&value)?).ok()?,
        "proto" => row.proto = text(value)?,
        "exercise_id" => row.exercise_id = u32::try_from(unsigned(&value)?).ok()?,
        name => {
            if let Some(value) = own(column, value)? {
                row.fields.push(Field {
                    name,
                    kind: column.kind,
                    value,
                });
            }
        }
    }
    Some(())
}

/// A class's own value; `Some(None)` when it has none.
fn own(column: &Column, value: Value) -> Option<Option<Value>> {
    let value = match column.kind {
        Kind::U64 => Value::from(unsigned(&value)?),
        Kind::Time => Value::from(signed(&value)?),
        Kind::Address => address(&value)?.map_or(Value::Null, |address| Value::from(address.to_string())),
        Kind::Id => Value::from(EventId(value.as_str()?.parse().ok()?).to_string()),
        _ => value,
    };
    let none = match &value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Number(number) => {
            (column.kind == Kind::Time || column.zero_is_none) && number.as_u64() == Some(0)
        }
        Value::Bool(_) => false,
    };
    Some((!none).then_some(value))
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// A number, also one in quotes, as settings of the server may have it.
pub(super) fn unsigned(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// As [`unsigned`], with a sign.
pub(super) fn signed(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// `Some(None)` for `::`, which stands for no address.
fn address(value: &Value) -> Option<Option<IpAddr>> {
    let address: Ipv6Addr = value.as_str()?.parse().ok()?;
    Some((!address.is_unspecified()).then(|| IpAddr::V6(address).to_canonical()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_an_event() {
        let line = r#"["18446744073709551617","1700000000000001","tap","moh","18446744073709551615","1:x",0,
            "::ffff:10.0.0.1",53211,"2001:db8::1",53,"udp",0,0,8,0,"dns","bad","� detail",""]"#;
        let row = read(Class::Anomaly, line).unwrap();
        assert_eq!(row.id.to_string(), "00000000000000010000000000000001");
        assert_eq!((row.ts_us, row.flow_id), (1_700_000_000_000_001, u64::MAX));
        assert_eq!(row.src.unwrap().to_string(), "10.0.0.1");
        assert_eq!(row.dst.unwrap().to_string(), "2001:db8::1");
        let names: Vec<_> = row.fields.iter().map(|field| field.name).collect();
        assert_eq!(names, ["icmp_type", "layer", "kind", "detail"]);
    }

    #[test]
    fn answers_of_another_shape_are_refused() {
        for line in [
            "",
            "{}",
            "[]",
            "[1,2]",
            "[null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null]",
        ] {
            assert!(
                matches!(read(Class::Anomaly, line), Err(SearchError::Answer(_))),
                "{line}"
            );
        }
    }

    #[test]
    fn every_column_is_selected_once_in_order() {
        let dns = selection(Class::Dns);
        assert!(
            dns.starts_with("toString(`event_id`), toUnixTimestamp64Micro(`ts`), `sensor`"),
            "{dns}"
        );
        assert!(dns.ends_with("toUInt16(length(`query`))"), "{dns}");
        assert_eq!(dns.matches("`query`,").count(), 1, "{dns}");
    }
}
