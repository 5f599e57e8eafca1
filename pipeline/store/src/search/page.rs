//! Pages of events: one statement for how many there are in each hour, and one for the rows of the latest hours that fill the page.
//!
//! ```sql
//!  SELECT 'dns', hour, count() FROM dns WHERE … GROUP BY hour                                                        UNION ALL …
//! (SELECT 'dns', toJSONString(tuple(…)) FROM dns WHERE … AND hour is one of … ORDER BY ts DESC, event_id DESC LIMIT n + 1) UNION ALL …
//! ```
//! A row comes as text, since the classes' columns differ. Counting looks at the condition's columns and the time alone, which is little of a
//! row. What sorts and what is shown is then read only of the classes and hours that the page's rows lie in, and the hour is what the tables
//! are sorted by, after the tenant: of ten million events that is the smaller part of the work. Later pages carry the first one's count in their
//! cursor.

use std::collections::BTreeMap;

use serde_json::Value;
use vonggac_event::{Alert, Class, EventId, RuleKind, Scope};

use super::ask::{Statement, parsed, union};
use super::compile::{self, Bound, Values};
use super::row::{self, signed, unsigned};
use super::{Cursor, EventRow, PAGE_ROWS_MAX, Page, Request, SearchError, classes};

/// How far from an alert's own time its flows' ends are looked for.
const FLOW_REACH_US: i64 = 24 * 3600 * 1_000_000;

/// How far from the time of a signature's alert what its flows carried is looked for: what stood in a packet is told once a request or an answer
/// is whole.
const CARRIED_REACH_US: i64 = 30 * 1_000_000;
/// Of more flows than this that is too much to read.
const CARRIED_FLOWS_MAX: usize = 8;

/// When the hour of a row starts, in microseconds since 1970, whatever the row's time.
const HOUR_US: &str = "toUnixTimestamp64Micro(ts) - positiveModulo(toUnixTimestamp64Micro(ts), 3600000000)";
/// The same as the tables are sorted by it: in seconds, of which there are 32 bits, before 1970 and after 2106 too.
const SORTED_HOUR: &str = "toUnixTimestamp(toStartOfHour(ts))";

/// The statement that counts what each class has in each hour, after a page's end if there is one; `None` when no class can have a row.
pub(super) fn hours_statement(
    request: &Request<'_>,
    after: Option<Cursor>,
) -> Result<Option<Statement>, SearchError> {
    let classes = classes(request)?;
    Ok(union(request, &classes, |class, condition, values| {
        let (name, beyond) = (class.name(), beyond(after, values));
        format!(
            "SELECT '{name}', {HOUR_US}, count() FROM `{name}` WHERE {condition}{beyond} GROUP BY {HOUR_US}"
        )
    }))
}

/// Where the rows of a page lie.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Rows on this page and all later ones.
    pub(super) total: u64,
    /// Starts of the hours, the latest first, in microseconds since 1970; between them there is none that has rows.
    hours_us: Vec<i64>,
    /// The classes that have rows in these hours.
    classes: Vec<Class>,
}

impl Place {
    /// Of the answer to [`hours_statement`], for a page of so many rows.
    pub(super) fn of(counts: &[Vec<Value>], rows_max: u32) -> Result<Self, SearchError> {
        let one = |row: &Vec<Value>| {
            let [class, hour_us, count] = row.as_slice() else {
                return None;
            };
            let class = class.as_str().and_then(Class::from_name)?;
            Some((signed(hour_us)?, class, unsigned(count)?))
        };
        let mut by_hour: BTreeMap<i64, Vec<(Class, u64)>> = BTreeMap::new();
        let mut total = 0_u64;
        for row in counts {
            let (hour_us, class, count) =
                one(row).ok_or_else(|| SearchError::Answer("no count of an hour".to_owned()))?;
            by_hour.entry(hour_us).or_default().push((class, count));
            total = total.saturating_add(count);
        }
        let mut place = Self {
            total,
            hours_us: Vec::new(),
            classes: Vec::new(),
        };
        let mut rows = 0_u64;
        for (hour_us, counts) in by_hour.into_iter().rev() {
            // One more than the page has tells whether there is another.
            if rows > u64::from(rows_max) {
                break;
            }
            place.hours_us.push(hour_us);
            for (class, count) in counts {
                rows = rows.saturating_add(count);
                if !place.classes.contains(&class) {
                    place.classes.push(class);
                }
            }
        }
        Ok(place)
    }
}

/// The statement of a page's rows; `None` when it has none.
///
/// The earliest hour's start alone would do; by the hours ClickHouse passes over what lies between them.
pub(super) fn statement(
    request: &Request<'_>,
    place: &Place,
    after: Option<Cursor>,
    rows_max: u32,
) -> Option<Statement> {
    let limit = rows_max.saturating_add(1);
    let from_us = *place.hours_us.last()?;
    let hours = place
        .hours_us
        .iter()
        .map(|hour_us| sorted_hour(*hour_us))
        .collect();
    let hours = Bound::Numbers(hours);
    union(request, &place.classes, |class, condition, values| {
        let (rows, beyond) = (rows_of(class), beyond(after, values));
        let (since, hours) = (compile::since(from_us, values), values.bind(hours.clone()));
        format!(
            "({rows} WHERE {condition}{beyond} AND {since} AND has({hours}, {SORTED_HOUR}) \
             ORDER BY ts DESC, event_id DESC LIMIT {limit})"
        )
    })
}

/// What [`SORTED_HOUR`] is for an hour that starts then.
fn sorted_hour(start_us: i64) -> u64 {
    u64::from(start_us.div_euclid(1_000_000) as u32)
}

/// The condition for what comes after a page's end.
fn beyond(after: Option<Cursor>, values: &mut Values) -> String {
    after.map_or_else(String::new, |cursor| {
        format!(" AND {}", compile::after(cursor.ts_us, cursor.id.0, values))
    })
}

/// The statement for the events that an alert names and the ends of its flows, of a signature's also what these carried, the earliest first.
pub(super) fn alert_statement(scope: &Scope, alert: &Alert) -> Statement {
    let ids: Vec<u128> = alert
        .event_ids
        .iter()
        .filter_map(|id| EventId::from_bytes(id))
        .map(|id| id.0)
        .collect();
    let mut values = Values::default();
    let parts: Vec<String> = Class::ALL
        .into_iter()
        .filter(|class| *class != Class::Stats)
        .map(|class| {
            let condition = alert_condition(class, scope, alert, &ids, &mut values);
            format!(
                "({} WHERE {condition} ORDER BY ts, event_id LIMIT {PAGE_ROWS_MAX})",
                rows_of(class)
            )
        })
        .collect();
    Statement::within(scope, parts.join(" UNION ALL "), values)
}

fn alert_condition(class: Class, scope: &Scope, alert: &Alert, ids: &[u128], values: &mut Values) -> String {
    let mut all = vec![compile::scope_condition(scope, values)];
    let between = |values: &mut Values, reach_us: i64| {
        let from = values.bind(Bound::Signed(alert.first_us.saturating_sub(reach_us)));
        let to = values.bind(Bound::Signed(alert.last_us.saturating_add(reach_us)));
        format!(
            "ts >= fromUnixTimestamp64Micro({from}, 'UTC') AND ts <= fromUnixTimestamp64Micro({to}, 'UTC')"
        )
    };
    let near = between(values, 0);
    let named = format!(
        "{near} AND has({}, event_id)",
        values.bind(Bound::Ids(ids.to_vec()))
    );
    // A signature's event says that it matched; the request or the name in which it did is told by another.
    let is_of_signature = alert
        .rule
        .as_ref()
        .is_some_and(|rule| rule.kind() == RuleKind::Signature);
    let reach_us = match class {
        Class::Flow => Some(FLOW_REACH_US),
        _ if is_of_signature && alert.flow_ids.len() <= CARRIED_FLOWS_MAX => Some(CARRIED_REACH_US),
        _ => None,
    };
    if let Some(reach_us) = reach_us {
        let reach = between(values, reach_us);
        let flows = values.bind(Bound::Numbers(alert.flow_ids.clone()));
        all.push(format!("(({named}) OR ({reach} AND has({flows}, flow_id)))"));
    } else {
        all.push(named);
    }
    all.join(" AND ")
}

/// The head of a class's part of a union; aliases would shadow columns in its conditions.
fn rows_of(class: Class) -> String {
    let (name, selection) = (class.name(), row::selection(class));
    format!("SELECT '{name}', toJSONString(tuple({selection})) FROM `{name}`")
}

/// Reads rows, in no order.
pub(super) fn read(lines: &[String]) -> Result<Vec<EventRow>, SearchError> {
    let one = |line: &String| {
        let (class, text): (String, String) = parsed(line)?;
        let class = Class::from_name(&class)
            .ok_or_else(|| SearchError::Answer(format!("{class} is no class of events")))?;
        row::read(class, &text)
    };
    lines.iter().map(one).collect()
}

/// The page of the latest of these rows.
pub(super) fn page(mut rows: Vec<EventRow>, total: u64, rows_max: u32) -> Page {
    rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.ts_us, row.id)));
    let more = rows.len() > rows_max as usize;
    rows.truncate(rows_max as usize);
    let next = rows.last().filter(|_| more).map(|row| Cursor {
        ts_us: row.ts_us,
        id: row.id,
        total,
    });
    Page { rows, next, total }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Query;
    use super::*;

    #[test]
    fn every_class_that_can_have_a_row_is_counted() {
        let check = |text: &str, after: Option<Cursor>, classes: usize| {
            let query = Query::parse(text).unwrap();
            let scope = Scope::of(["moh"]);
            let request = Request::ever(&scope, &query, &[]);
            let statement = hours_statement(&request, after).unwrap();
            let found = statement.map_or(0, |statement| statement.sql().matches("count()").count());
            assert_eq!(found, classes, "{text}");
        };
        let cursor = "1.00000000000000000000000000000002.77".parse().unwrap();
        // Counters of a sensor have no ends.
        let with_ends = Class::ALL.len() - 1;
        check("dport:443", None, with_ends);
        check("dport:443", Some(cursor), with_ends);
        check("query:x", None, 1);
        check("query:x AND uri:y", None, 0);
    }

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn a_page_is_looked_for_in_the_latest_hours_that_fill_it() {
        let counts: Vec<Vec<Value>> = [
            ("dns", 2, 3),
            ("dns", 1, 50),
            ("http", 3, 4),
            ("tls", 1, 1),
            ("flow", -1, 9),
        ]
        .map(|(class, hour, count)| vec![class.into(), (hour * HOUR).into(), count.into()])
        .into();
        let check = |rows_max: u32, hours: &[i64], classes: &[Class]| {
            let place = Place::of(&counts, rows_max).unwrap();
            let hours_us: Vec<i64> = hours.iter().map(|hour| hour * HOUR).collect();
            assert_eq!(
                (place.total, &place.hours_us, &*place.classes),
                (67, &hours_us, classes),
                "{rows_max}"
            );
        };
        check(3, &[3], &[Class::Http]);
        // The page's four rows are in one hour; whether there is a fifth is in the next.
        check(4, &[3, 2], &[Class::Http, Class::Dns]);
        check(8, &[3, 2, 1], &[Class::Http, Class::Dns, Class::Tls]);
        let all = [Class::Http, Class::Dns, Class::Tls, Class::Flow];
        check(500, &[3, 2, 1, -1], &all);
        let query = Query::parse("").unwrap();
        let scope = Scope::of(["moh"]);
        let request = Request::ever(&scope, &query, &[]);
        let nowhere = Place::of(&[], 3).unwrap();
        assert!(statement(&request, &nowhere, None, 3).is_none());
    }

    #[test]
    fn answers_of_another_shape_are_refused() {
        for line in ["", "[]", r#"["smtp","[]"]"#, r#"["dns",1]"#, r#"["dns","[]"]"#] {
            let refused = read(&[line.to_owned()]);
            assert!(
                matches!(refused, Err(SearchError::Answer(_))),
                "{line}: {refused:?}"
            );
        }
        for row in [
            vec![],
            vec!["smtp".into(), 0.into(), 1.into()],
            vec!["dns".into(), 0.into(), "x".into()],
        ] {
            assert!(Place::of(&[row], 3).is_err());
        }
    }
}
