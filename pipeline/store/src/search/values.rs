//! The values of fields, with how often each occurs: for statistics beside a search, and for completing what is being typed.
//!
//! One statement for every class and every field:
//! ```sql
//! SELECT field, value, count, sum(count) OVER field, count() OVER field FROM (
//!   SELECT pair.1, pair.2, count() FROM (SELECT arrayJoin([('dport', toString(dport)), …]) AS pair FROM dns WHERE … UNION ALL …)
//!   GROUP BY …) ORDER BY count DESC LIMIT n BY field
//! ```
//! A list's values count one by one; what has no value is left out.

use serde_json::Value;
use vonggac_event::{Class, Column, Kind};

use super::ask::{Statement, union};
use super::compile::{self, Bound, Values};
use super::row::unsigned;
use super::{Request, SearchError, classes};

/// Most values of a field that are told.
pub(super) const VALUES_MAX: u32 = 100;
/// Longest beginning of a value that is looked for, in bytes.
pub(super) const PREFIX_BYTES_MAX: usize = 256;

/// The values of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldValues {
    /// The field's own name.
    pub field: String,
    /// Values and how often each occurs, the most frequent first.
    pub values: Vec<(String, u64)>,
    /// How often it has a value at all.
    pub total: u64,
    /// How many different values there are.
    pub distinct: u64,
}

/// The statement for the values of `fields` that begin with `prefix`, at most `values_max` of each; `None` when no class can have any.
///
/// # Errors
/// For a field that no chosen class has, or that has no values to count; otherwise as for a search.
pub(super) fn statement(
    request: &Request<'_>,
    fields: &[&str],
    prefix: &str,
    values_max: u32,
) -> Result<Option<Statement>, SearchError> {
    if prefix.len() > PREFIX_BYTES_MAX {
        return Err(SearchError::Field(format!(
            "a value's beginning has at most {PREFIX_BYTES_MAX} bytes"
        )));
    }
    let mut classes = classes(request)?;
    for field in fields {
        if !classes.iter().any(|class| countable(*class, field).is_some()) {
            return Err(SearchError::Field(format!(
                "no field {field} with values to count in the chosen classes"
            )));
        }
    }
    classes.retain(|class| fields.iter().any(|field| countable(*class, field).is_some()));
    let inner = union(request, &classes, |class, condition, _| {
        let pairs: Vec<String> = fields
            .iter()
            .filter_map(|field| countable(class, field))
            .map(pairs)
            .collect();
        format!(
            "SELECT arrayJoin(arrayConcat({})) AS pair_of_value FROM `{}` WHERE {condition}",
            pairs.join(", "),
            class.name()
        )
    });
    Ok(inner.map(|inner| counted(inner, prefix, values_max.clamp(1, VALUES_MAX))))
}

fn counted(inner: Statement, prefix: &str, values_max: u32) -> Statement {
    inner.around(|sql, values| {
        let begins = if prefix.is_empty() {
            String::new()
        } else {
            let like = format!("{}%", compile::escaped(prefix));
            format!(" AND pair_of_value.2 ILIKE {}", bound(like, values))
        };
        format!(
            "SELECT field, value, times, sum(times) OVER (PARTITION BY field), count() OVER (PARTITION BY field) FROM \
             (SELECT pair_of_value.1 AS field, pair_of_value.2 AS value, count() AS times FROM ({sql}) \
             WHERE notEmpty(pair_of_value.2){begins} GROUP BY field, value) \
             ORDER BY field, times DESC, value LIMIT {values_max} BY field"
        )
    })
}

fn bound(text: String, values: &mut Values) -> String {
    values.bind(Bound::Text(text))
}

/// Reads the answer to [`statement`]: the fields in the order asked for, those without a value too.
pub(super) fn read(fields: &[&str], rows: &[Vec<Value>]) -> Result<Vec<FieldValues>, SearchError> {
    let mut all: Vec<FieldValues> = fields
        .iter()
        .map(|field| FieldValues {
            field: (*field).to_owned(),
            values: Vec::new(),
            total: 0,
            distinct: 0,
        })
        .collect();
    for row in rows {
        let parts = || {
            let [field, value, times, total, distinct] = row.as_slice() else {
                return None;
            };
            let told = (
                value.as_str()?,
                unsigned(times)?,
                unsigned(total)?,
                unsigned(distinct)?,
            );
            Some((field.as_str()?, told))
        };
        let (field, (value, times, total, distinct)) =
            parts().ok_or_else(|| SearchError::Answer("no value of a field".to_owned()))?;
        // Classes may call one field differently; what was asked for names them all.
        if let Some(known) = all.iter_mut().find(|known| known.field == field) {
            known.values.push((value.to_owned(), times));
            (known.total, known.distinct) = (total, distinct);
        }
    }
    Ok(all)
}

/// The class's column of that name, when its values can be counted.
fn countable(class: Class, field: &str) -> Option<(&str, &'static Column)> {
    let column = class.column(field)?;
    let is_countable = !matches!(column.kind, Kind::Time | Kind::Id | Kind::Counters);
    (is_countable && compile::is_selectable(column)).then_some((field, column))
}

/// An array of the field's name with each of its values, as SQL. Names that people typed are those of a column or of its aliases, which are
/// the schema's.
fn pairs((field, column): (&str, &'static Column)) -> String {
    let expression = compile::expression(column).unwrap_or_default();
    let name = column
        .aliases
        .iter()
        .copied()
        .chain([column.name])
        .find(|name| name.eq_ignore_ascii_case(field))
        .unwrap_or(column.name);
    let text = match column.kind {
        Kind::TextList => return format!("arrayMap(x -> tuple('{name}', x), {expression})"),
        Kind::U32List => return format!("arrayMap(x -> tuple('{name}', toString(x)), {expression})"),
        // `toString` would leave texts of few different values as they are kept.
        Kind::Text | Kind::LowText => format!("CAST({expression}, 'String')"),
        Kind::Address => address(&expression),
        Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 if column.zero_is_none => {
            format!("if({expression} = 0, '', toString({expression}))")
        }
        _ => format!("toString({expression})"),
    };
    format!("[tuple('{name}', {text})]")
}

/// An address as people write it; empty for none.
pub(super) fn address(expression: &str) -> String {
    format!("if({expression} = toIPv6('::'), '', replaceRegexpOne(toString({expression}), '^::ffff:', ''))")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vonggac_event::Scope;

    use super::super::Query;
    use super::*;

    #[test]
    fn a_field_is_counted_in_each_class_that_has_it() {
        let check = |fields: &[&str], classes: Option<usize>| {
            let query = Query::parse("NOT src:10.0.0.1").unwrap();
            let scope = Scope::of(["moh"]);
            let request = Request::ever(&scope, &query, &[]);
            let outcome = statement(&request, fields, "", 5);
            let found = outcome
                .ok()
                .map(|some| some.map_or(0, |it| it.sql().matches("arrayJoin").count()));
            assert_eq!(found, classes, "{fields:?}");
        };
        let every = Class::ALL.len() - 1;
        check(&["dport"], Some(every));
        check(&["query"], Some(1));
        check(&["query", "user_agent"], Some(2));
        check(&["sensor", "user_agent"], Some(every));
        check(&["ts"], None);
        check(&["event_id"], None);
        check(&["x' OR 1"], None);
        check(&["query", "nothing"], None);
    }

    #[test]
    fn what_was_typed_is_bound_and_stands_for_itself() {
        let query = Query::parse("").unwrap();
        let scope = Scope::of(["moh"]);
        let request = Request::ever(&scope, &query, &[]);
        let made = statement(&request, &["query"], "50%_'", 5).unwrap().unwrap();
        assert!(made.values().0.contains(&Bound::Text("50\\%\\_'%".into())));
        assert!(!made.sql().contains("50"), "{}", made.sql());
        let long = "x".repeat(PREFIX_BYTES_MAX + 1);
        assert!(statement(&request, &["query"], &long, 5).is_err());
    }

    #[test]
    fn answers_go_to_their_fields() {
        let row = |field: &str, value: &str, times: u64| -> Vec<Value> {
            vec![field.into(), value.into(), times.into(), 9.into(), "2".into()]
        };
        let all = read(&["dport", "ja4"], &[row("ja4", "a", 5), row("ja4", "b", 4)]).unwrap();
        assert_eq!((all[0].total, all[0].values.len()), (0, 0));
        assert_eq!((all[1].total, all[1].distinct, all[1].values[1].1), (9, 2, 4));
        assert!(read(&["dport"], &[vec!["dport".into()]]).is_err());
    }
}
