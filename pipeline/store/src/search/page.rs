//! Pages of events: one statement for the page's rows of every class, and on the first page one for how many there are on all.
//!
//! ```sql
//! (SELECT 'dns', toJSONString(tuple(…)) FROM dns WHERE … ORDER BY ts DESC, event_id DESC LIMIT n + 1) UNION ALL …
//!  SELECT count() FROM dns WHERE …                                                                    UNION ALL …
//! ```
//! A row comes as text, since the classes' columns differ. Each class gives its latest rows, for which ClickHouse does not look at
//! what is older than those it has; counting looks at everything. So only classes with more rows than the page holds are counted:
//! of 10 million events, a word that few have is looked for once and not twice, and one that many have is on the page early. Later
//! pages carry the first one's count in their cursor.

use serde_json::Value;
use vonggac_event::{Alert, Class, EventId, Scope};

use super::ask::{Statement, parsed, union};
use super::compile::{self, Bound, Values};
use super::row::{self, unsigned};
use super::{Cursor, EventRow, PAGE_ROWS_MAX, Page, Request, SearchError, classes};

/// How far from an alert's own time its flows' ends are looked for.
const FLOW_REACH_US: i64 = 24 * 3600 * 1_000_000;

/// The statement of a page; `None` when no class can have a row.
pub(super) fn statement(
    request: &Request<'_>,
    after: Option<Cursor>,
    rows_max: u32,
) -> Result<Option<Statement>, SearchError> {
    let classes = classes(request)?;
    let limit = rows_max.saturating_add(1);
    Ok(union(request, &classes, |class, condition, values| {
        let beyond = after.map_or_else(String::new, |cursor| {
            format!(" AND {}", compile::after(cursor.ts_us, cursor.id.0, values))
        });
        let rows = rows_of(class);
        format!("({rows} WHERE {condition}{beyond} ORDER BY ts DESC, event_id DESC LIMIT {limit})")
    }))
}

/// The statement that counts what some classes have on all pages; `None` for none.
pub(super) fn count_statement(request: &Request<'_>, classes: &[Class]) -> Option<Statement> {
    union(request, classes, |class, condition, _| {
        format!("SELECT count() FROM `{}` WHERE {condition}", class.name())
    })
}

/// The sum of the counts that [`count_statement`] asks for.
pub(super) fn sum(rows: &[Vec<Value>]) -> Result<u64, SearchError> {
    let count = |row: &Vec<Value>| row.first().and_then(unsigned);
    rows.iter()
        .map(count)
        .try_fold(0_u64, |sum, count| Some(sum.saturating_add(count?)))
        .ok_or_else(|| SearchError::Answer("no count".to_owned()))
}

/// The statement for the events that an alert names, and the ends of its flows, the earliest first.
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
    Statement {
        sql: parts.join(" UNION ALL "),
        values,
    }
}

fn alert_condition(class: Class, scope: &Scope, alert: &Alert, ids: &[u128], values: &mut Values) -> String {
    let mut all = compile::scope_conditions(scope, values);
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
    if class == Class::Flow {
        let reach = between(values, FLOW_REACH_US);
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

/// The classes that have more rows than a page holds.
pub(super) fn overfull(rows: &[EventRow], rows_max: u32) -> Vec<Class> {
    let count = |class: Class| rows.iter().filter(|row| row.class == class).count();
    Class::ALL
        .into_iter()
        .filter(|class| count(*class) > rows_max as usize)
        .collect()
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
    fn a_statement_asks_every_class_that_can_have_a_row() {
        let check = |text: &str, after: Option<Cursor>, classes: usize| {
            let query = Query::parse(text).unwrap();
            let request = Request::ever(&Scope::National, &query, &[]);
            let statement = statement(&request, after, 10).unwrap();
            let found = statement.map_or(0, |statement| statement.sql.matches("LIMIT 11)").count());
            assert_eq!(found, classes, "{text}");
        };
        let cursor = "1.00000000000000000000000000000002.77".parse().unwrap();
        check("dport:443", None, 8);
        check("dport:443", Some(cursor), 8);
        check("query:x", None, 1);
        check("query:x AND uri:y", None, 0);
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
        for rows in [vec![vec![]], vec![vec![Value::from("x")]]] {
            assert!(sum(&rows).is_err(), "{rows:?}");
        }
        assert_eq!(sum(&[vec![Value::from(3)], vec![Value::from("4")]]).unwrap(), 7);
    }
}
