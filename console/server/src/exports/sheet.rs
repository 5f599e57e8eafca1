//! Events as lines of a file: CSV (RFC 4180) or JSON lines.
//!
//! A cell of CSV that a spreadsheet would take for a formula begins with `'`, so that it is text.

use std::io::Write;

use serde_json::{Map, Value};
use vonggac_event::Class;

use crate::api::shapes::EventRow;

/// The columns that each event has, in order.
const COMMON: [&str; 13] = [
    "ts",
    "class",
    "src",
    "sport",
    "dst",
    "dport",
    "proto",
    "sensor",
    "tenant",
    "event_id",
    "flow_id",
    "community_id",
    "exercise_id",
];
/// The column that has a class's own fields as JSON, where the classes are too many for columns of their own.
const FIELDS: &str = "fields";
/// Most classes whose own fields become columns.
const CLASSES_MAX: usize = 3;
/// Most columns that one may ask for.
pub(crate) const COLUMNS_MAX: usize = 100;

/// How an event becomes a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Comma-separated values.
    Csv,
    /// One JSON object a line, as the API gives events.
    JsonLines,
}

impl Format {
    /// `csv`, `jsonl`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    /// What a file of that format's name is sent as.
    pub(crate) fn media_type(name: &str) -> &'static str {
        match name {
            "csv" => "text/csv; charset=utf-8; header=present",
            _ => "application/jsonl; charset=utf-8",
        }
    }
}

/// A file's lines.
#[derive(Debug, Clone)]
pub(crate) struct Sheet {
    format: Format,
    columns: Vec<String>,
}

impl Sheet {
    /// A file of these columns; without any, of all that the classes have. JSON lines have everything.
    pub(crate) fn new(format: Format, columns: Vec<String>, classes: &[Class]) -> Self {
        let columns = if columns.is_empty() {
            every_column(classes)
        } else {
            columns
        };
        Self { format, columns }
    }

    /// What the file begins with.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.format == Format::Csv {
            cells(self.columns.iter().cloned(), &mut out);
        }
        out
    }

    /// Adds an event.
    ///
    /// # Errors
    /// When it is nothing that JSON can say.
    pub(crate) fn row(&self, event: EventRow, out: &mut Vec<u8>) -> Result<(), String> {
        let unsayable = |error: serde_json::Error| format!("an event could not be written: {error}");
        match self.format {
            Format::JsonLines => {
                serde_json::to_writer(&mut *out, &event).map_err(unsayable)?;
                out.push(b'\n');
            }
            Format::Csv => {
                let Value::Object(event) = serde_json::to_value(&event).map_err(unsayable)? else {
                    return Err("an event could not be written".to_owned());
                };
                cells(self.columns.iter().map(|column| cell(&event, column)), out);
            }
        }
        Ok(())
    }
}

fn every_column(classes: &[Class]) -> Vec<String> {
    let mut columns: Vec<String> = COMMON.iter().map(|name| (*name).to_owned()).collect();
    if classes.is_empty() || classes.len() > CLASSES_MAX {
        columns.push(FIELDS.to_owned());
        return columns;
    }
    for column in classes.iter().flat_map(|class| class.own_columns()) {
        if !columns.iter().any(|known| known == column.name) {
            columns.push(column.name.to_owned());
        }
    }
    columns
}

fn cell(event: &Map<String, Value>, column: &str) -> String {
    let own = event.get(FIELDS).and_then(|fields| fields.get(column));
    match event.get(column).or(own) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Writes a line of cells, ended by CR LF.
fn cells(cells: impl Iterator<Item = String>, out: &mut Vec<u8>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let cell = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            format!("'{cell}")
        } else {
            cell
        };
        // Writing to memory does not fail.
        let _ = if cell.contains(['"', ',', '\r', '\n']) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))
        } else {
            out.write_all(cell.as_bytes())
        };
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(fields: Value) -> EventRow {
        EventRow {
            event_id: "00".into(),
            class: "http",
            ts: "2026-01-01T00:00:00Z".into(),
            sensor: "tap-1".into(),
            tenant: "moh".into(),
            flow_id: "7".into(),
            community_id: String::new(),
            src: Some("10.0.0.1".into()),
            sport: None,
            dst: None,
            dport: Some(80),
            proto: None,
            exercise_id: 0,
            fields: fields.as_object().cloned().unwrap(),
        }
    }

    #[test]
    fn a_cell_is_never_a_formula_and_always_one_cell() {
        let check = |value: Value, expect: &str| {
            let sheet = Sheet::new(Format::Csv, vec!["uri".into(), "dport".into()], &[]);
            let mut out = Vec::new();
            sheet.row(event(json!({ "uri": value })), &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("{expect},80\r\n"));
        };
        check(json!("/a"), "/a");
        check(json!("=1+1"), "'=1+1");
        check(json!("+1"), "'+1");
        check(json!("-1"), "'-1");
        check(json!("@SUM(A1)"), "'@SUM(A1)");
        check(json!("\t=1"), "'\t=1");
        check(json!("\r=1"), "\"'\r=1\"");
        check(
            json!("=HYPERLINK(\"x\",\"y\")"),
            "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"",
        );
        check(json!("a,b"), "\"a,b\"");
        check(json!("a\nb"), "\"a\nb\"");
        check(json!("a\"b"), "\"a\"\"b\"");
        check(json!(["x", "y"]), "\"[\"\"x\"\",\"\"y\"\"]\"");
        check(json!(true), "true");
        check(Value::Null, "");
        check(json!("Việt"), "Việt");
    }

    #[test]
    fn few_classes_have_columns_and_many_have_json() {
        let head =
            |classes: &[Class]| String::from_utf8(Sheet::new(Format::Csv, vec![], classes).head()).unwrap();
        assert!(head(&[]).ends_with("exercise_id,fields\r\n"));
        let dns = head(&[Class::Dns]);
        assert!(dns.contains(",query,") && !dns.contains(",fields"), "{dns}");
        assert_eq!(dns.matches("query,").count(), 1, "{dns}");
        assert!(Sheet::new(Format::JsonLines, vec![], &[]).head().is_empty());
    }

    #[test]
    fn a_json_line_is_an_event_as_the_api_has_it() {
        let sheet = Sheet::new(Format::JsonLines, vec![], &[]);
        let mut out = Vec::new();
        sheet.row(event(json!({ "uri": "a\nb" })), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!((text.lines().count(), text.ends_with('\n')), (1, true));
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&read["fields"]["uri"], &read["dport"]),
            (&json!("a\nb"), &json!(80))
        );
    }
}
