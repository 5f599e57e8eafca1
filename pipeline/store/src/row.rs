//! RowBinary rows from events and alerts.
//!
//! The order and the kinds are those of `Class::stored_columns`; a value of another kind than its column's becomes the column's
//! default, so a row always has the right length.

use std::net::IpAddr;

use vonggac_event::limits::cut;
use vonggac_event::{Alert, Class, Event, Kind, Value, parse_address, protocol_name};

use crate::health::RoleReport;

/// Earliest and latest time that `DateTime64(6)` holds, in microseconds: 1900-01-01 and 2299-12-31.
const TIME_US: std::ops::RangeInclusive<i64> = -2_208_988_800_000_000..=10_413_791_999_999_999;

/// Rows in RowBinary.
#[derive(Debug, Default, Clone)]
pub struct Rows {
    /// How many.
    pub count: usize,
    /// Their bytes, one after the other.
    pub bytes: Vec<u8>,
    /// Where each ends in `bytes`.
    ends: Vec<usize>,
}

impl Rows {
    fn end(&mut self) {
        self.count += 1;
        self.ends.push(self.bytes.len());
    }

    /// Those rows alone, by their numbers from 0; numbers beyond the last are nobody's.
    pub fn only(&self, numbers: impl IntoIterator<Item = usize>) -> Self {
        let mut chosen = Self::default();
        for number in numbers {
            let start = number
                .checked_sub(1)
                .map_or(Some(0), |before| self.ends.get(before).copied());
            let row = start
                .zip(self.ends.get(number))
                .and_then(|(start, &end)| self.bytes.get(start..end));
            if let Some(row) = row {
                chosen.bytes.extend_from_slice(row);
                chosen.end();
            }
        }
        chosen
    }
}

/// Appends the row of an event of `class`.
pub fn event_row(class: Class, event: &Event, rows: &mut Rows) {
    let out = &mut rows.bytes;
    for column in class.stored_columns() {
        put_value(column.kind, &(column.read)(event), out);
    }
    rows.end();
}

/// The row of a role's report, in the order of `health::REPORT_COLUMNS`.
pub(crate) fn report_row(report: &RoleReport) -> Vec<u8> {
    let mut out = Vec::new();
    for text in [&report.role, &report.instance, &report.host, &report.version] {
        put_text(text, &mut out);
    }
    put_time(report.started_us, &mut out);
    put_time(report.at_us, &mut out);
    out.push(u8::from(report.stopped));
    out.extend_from_slice(&report.lag_s.to_le_bytes());
    put_length(report.problems.len(), &mut out);
    for (key, since_us, words) in &report.problems {
        put_text(key, &mut out);
        put_time(*since_us, &mut out);
        put_text(words, &mut out);
    }
    put_length(report.counters.len(), &mut out);
    for (name, value) in &report.counters {
        put_text(name, &mut out);
        out.extend_from_slice(&value.to_le_bytes());
    }
    out
}

/// Appends the row of an alert, in the order of `schema::ALERT_COLUMNS`.
pub fn alert_row(alert: &Alert, rows: &mut Rows) {
    let out = &mut rows.bytes;
    let rule = alert.rule.clone().unwrap_or_default();
    put_id(&alert.alert_id, out);
    out.extend_from_slice(&alert.revision.to_le_bytes());
    put_text(&rule.id, out);
    put_text(&rule.title, out);
    put_text(&rule.version, out);
    put_text(rule.kind().name(), out);
    out.push(u8::try_from(rule.severity).unwrap_or(0));
    put_texts(&rule.techniques, out);
    put_texts(&rule.tactics, out);
    put_text(
        &cut(rule.text.clone(), vonggac_event::limits::RULE_TEXT_BYTES_MAX),
        out,
    );
    put_text(&alert.sensor, out);
    put_text(&alert.tenant, out);
    out.extend_from_slice(&alert.exercise_id.to_le_bytes());
    put_length(alert.group.len(), out);
    for field in &alert.group {
        put_text(&field.name, out);
        put_text(&field.value, out);
    }
    for (address, port) in [(&alert.src, alert.sport), (&alert.dst, alert.dport)] {
        put_address(parse_address(address), out);
        out.extend_from_slice(&u16::try_from(port).unwrap_or(0).to_le_bytes());
    }
    put_text(protocol_name(alert.proto), out);
    for time in [
        alert.window_start_us,
        alert.first_us,
        alert.last_us,
        alert.detected_us,
    ] {
        put_time(time, out);
    }
    out.extend_from_slice(&alert.count.to_le_bytes());
    put_length(alert.event_ids.len(), out);
    alert.event_ids.iter().for_each(|id| put_id(id, out));
    put_length(alert.flow_ids.len(), out);
    alert
        .flow_ids
        .iter()
        .for_each(|id| out.extend_from_slice(&id.to_le_bytes()));
    put_text(&alert.summary, out);
    rows.end();
}

fn put_value(kind: Kind, value: &Value<'_>, out: &mut Vec<u8>) {
    let number = match value {
        Value::Number(number) => *number,
        Value::Bool(yes) => u64::from(*yes),
        _ => 0,
    };
    match kind {
        Kind::Text | Kind::LowText => put_text(value.to_text().as_deref().unwrap_or_default(), out),
        Kind::U8 => out.push(u8::try_from(number).unwrap_or(u8::MAX)),
        Kind::U16 => out.extend_from_slice(&u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes()),
        Kind::U32 => out.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()),
        Kind::U64 => out.extend_from_slice(&number.to_le_bytes()),
        Kind::Bool => out.push(u8::from(number != 0)),
        Kind::Address => put_address(
            if let Value::Address(address) = value {
                Some(*address)
            } else {
                None
            },
            out,
        ),
        Kind::Time => put_time(if let Value::Time(us) = value { *us } else { 0 }, out),
        Kind::Id => {
            let id = if let Value::Id(id) = value { *id } else { 0 };
            out.extend_from_slice(&id.to_le_bytes());
        }
        Kind::TextList => put_texts(
            if let Value::TextList(list) = value {
                list
            } else {
                &[]
            },
            out,
        ),
        Kind::U32List => {
            let list: &[u32] = if let Value::U32List(list) = value {
                list
            } else {
                &[]
            };
            put_length(list.len(), out);
            list.iter()
                .for_each(|item| out.extend_from_slice(&item.to_le_bytes()));
        }
        Kind::Counters => {
            let list: &[vonggac_event::proto::Counter] = if let Value::Counters(list) = value {
                list
            } else {
                &[]
            };
            put_length(list.len(), out);
            for counter in list {
                put_text(&counter.name, out);
                out.extend_from_slice(&counter.value.to_le_bytes());
            }
        }
    }
}

/// LEB128, as RowBinary writes lengths.
fn put_length(length: usize, out: &mut Vec<u8>) {
    let mut rest = length;
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    put_length(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn put_texts(list: &[String], out: &mut Vec<u8>) {
    put_length(list.len(), out);
    list.iter().for_each(|text| put_text(text, out));
}

fn put_id(bytes: &[u8], out: &mut Vec<u8>) {
    let id = <[u8; 16]>::try_from(bytes).map_or(0, u128::from_be_bytes);
    out.extend_from_slice(&id.to_le_bytes());
}

/// IPv6 in network order; IPv4 mapped; none is `::`.
fn put_address(address: Option<IpAddr>, out: &mut Vec<u8>) {
    let octets = match address {
        None => [0; 16],
        Some(IpAddr::V4(v4)) => v4.to_ipv6_mapped().octets(),
        Some(IpAddr::V6(v6)) => v6.octets(),
    };
    out.extend_from_slice(&octets);
}

fn put_time(us: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&stored_time(us).to_le_bytes());
}

/// The time that is stored for `us`, in microseconds.
pub(crate) fn stored_time(us: i64) -> i64 {
    us.clamp(*TIME_US.start(), *TIME_US.end())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_leb128() {
        let check = |length, expect: &[u8]| {
            let mut out = Vec::new();
            put_length(length, &mut out);
            assert_eq!(out, expect, "{length}");
        };
        check(0, &[0]);
        check(127, &[127]);
        check(128, &[0x80, 1]);
        check(300, &[0xac, 2]);
    }

    #[test]
    fn rows_can_be_taken_out_one_by_one() {
        let mut rows = Rows::default();
        for text in ["a", "bcd", ""] {
            put_text(text, &mut rows.bytes);
            rows.end();
        }
        let check = |numbers: &[usize], expect: &[u8]| {
            let chosen = rows.only(numbers.iter().copied());
            assert_eq!(chosen.bytes, expect, "{numbers:?}");
        };
        check(&[0, 1, 2], b"\x01a\x03bcd\x00");
        check(&[1], b"\x03bcd");
        check(&[2, 9], b"\x00");
        check(&[], b"");
    }

    #[test]
    fn a_value_of_the_wrong_kind_keeps_the_row_in_shape() {
        let check = |kind, value: Value<'_>, length: usize| {
            let mut out = Vec::new();
            put_value(kind, &value, &mut out);
            assert_eq!(out.len(), length, "{kind:?} {value:?}");
        };
        check(Kind::U16, Value::Number(70_000), 2);
        check(Kind::U64, Value::Null, 8);
        check(Kind::Address, Value::Null, 16);
        check(Kind::TextList, Value::Number(3), 1);
        check(Kind::Time, Value::Time(i64::MAX), 8);
        check(Kind::Text, Value::Null, 1);
    }
}
