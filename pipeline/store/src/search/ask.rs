//! A statement asked of ClickHouse, within its budget.
//!
//! Whoever stops waiting closes the connection, and ClickHouse then stops the statement; it stops by itself at the latest when its
//! time is over.

use std::time::Duration;

use clickhouse::Client;
use serde::de::DeserializeOwned;
use serde_json::Value;
use vonggac_event::{Class, Scope};

use super::compile::{self, Values};
use super::{Limits, Request, SearchError};

/// Largest answer to one statement that is taken, in bytes.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How much longer than a statement may run its answer is waited for.
const ANSWER_GRACE: Duration = Duration::from_secs(1);
/// Longest text of a statement, in bytes: the longest query asks for every text column of every class, for each of its terms.
const STATEMENT_BYTES_MAX: &str = "4194304";
/// Most parts of a statement, as ClickHouse counts them; for the same reason.
const STATEMENT_PARTS_MAX: &str = "500000";

/// What every statement is asked with.
const SETTINGS: [(&str, &str); 6] = [
    ("output_format_json_quote_64bit_integers", "0"),
    ("output_format_json_named_tuples_as_objects", "0"),
    ("max_query_size", STATEMENT_BYTES_MAX),
    ("max_ast_elements", STATEMENT_PARTS_MAX),
    // A statement of a search changes nothing, whatever its text.
    ("readonly", "2"),
    ("cancel_http_readonly_queries_on_client_close", "1"),
];

/// SQL, the values bound in it, and whose events it may read: there is none that does not say.
pub(super) struct Statement {
    sql: String,
    values: Values,
    fence: String,
}

impl Statement {
    /// One about events of a scope. ClickHouse holds it as well: of the events' tables it reads nothing else, whatever the SQL asks for.
    pub(super) fn within(scope: &Scope, sql: String, values: Values) -> Self {
        let fence = fence(scope);
        Self { sql, values, fence }
    }

    /// One about how many others than the scope have something real, and about nothing else of theirs: its answer is a number.
    pub(super) fn beyond(scope: &Scope, sql: String, values: Values) -> Self {
        let fence = filtered(&match plain(scope).as_slice() {
            [] => "exercise_id = 0".to_owned(),
            codes => format!("tenant NOT IN ({}) AND exercise_id = 0", codes.join(", ")),
        });
        Self { sql, values, fence }
    }

    /// One about the store itself.
    pub(super) fn own(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            values: Values::default(),
            fence: String::new(),
        }
    }

    /// One around this one, within the same scope.
    pub(super) fn around(mut self, outer: impl FnOnce(&str, &mut Values) -> String) -> Self {
        self.sql = outer(&self.sql, &mut self.values);
        self
    }

    /// Without the fence.
    #[cfg(test)]
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    #[cfg(test)]
    pub(super) fn values(&self) -> &Values {
        &self.values
    }

    fn text(&self) -> String {
        format!("{}{}", self.sql, self.fence)
    }
}

/// The setting that filters each table of events by the scope and its stage. A text within a text: what is no code of an organisation is left out, and reaches
/// nothing.
fn fence(scope: &Scope) -> String {
    let condition = match plain(scope).as_slice() {
        [] => "0".to_owned(),
        codes => format!(
            "tenant IN ({}) AND exercise_id = {}",
            codes.join(", "),
            scope.stage().exercise_id()
        ),
    };
    filtered(&condition)
}

/// The codes of a scope, as texts within a text.
fn plain(scope: &Scope) -> Vec<String> {
    let is_plain = |code: &&str| {
        code.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let codes = scope.codes().filter(is_plain);
    codes.map(|code| format!("''{code}''")).collect()
}

/// The setting that filters each table of events by a condition.
fn filtered(condition: &str) -> String {
    let tables: Vec<String> = Class::ALL
        .iter()
        .map(|class| format!("'{}': '{condition}'", class.name()))
        .collect();
    format!(" SETTINGS additional_table_filters = {{{}}}", tables.join(", "))
}

/// One statement of a part for each class that can have what is asked for; `None` when none can.
pub(super) fn union(
    request: &Request<'_>,
    classes: &[Class],
    part: impl Fn(Class, &str, &mut Values) -> String,
) -> Option<Statement> {
    let mut values = Values::default();
    let mut parts = Vec::new();
    for class in classes {
        if let Some(condition) = compile::conditions(request, *class, &mut values) {
            parts.push(part(*class, &condition, &mut values));
        }
    }
    (!parts.is_empty()).then(|| Statement::within(request.scope, parts.join(" UNION ALL "), values))
}

/// The rows of a statement's answer.
pub(super) async fn numbers(
    client: &Client,
    limits: Limits,
    statement: &Statement,
) -> Result<Vec<Vec<Value>>, SearchError> {
    lines(client, limits, statement)
        .await?
        .iter()
        .map(|line| parsed(line))
        .collect()
}

pub(super) fn parsed<T: DeserializeOwned>(line: &str) -> Result<T, SearchError> {
    serde_json::from_str(line).map_err(|error| SearchError::Answer(error.to_string()))
}

/// Runs a statement; the lines of its answer, in which bytes that are no UTF-8 stand as U+FFFD.
pub(super) async fn lines(
    client: &Client,
    limits: Limits,
    statement: &Statement,
) -> Result<Vec<String>, SearchError> {
    let answer = answer(client, limits, statement);
    let Some(seconds) = limits.max_execution_s else {
        return answer.await;
    };
    let limit = Duration::from_secs(u64::from(seconds)).saturating_add(ANSWER_GRACE);
    tokio::time::timeout(limit, answer)
        .await
        .unwrap_or_else(|_| Err(SearchError::TooExpensive(format!("no answer after {seconds} s"))))
}

async fn answer(client: &Client, limits: Limits, statement: &Statement) -> Result<Vec<String>, SearchError> {
    let mut query = client.query_raw(&statement.text());
    for (name, value) in SETTINGS {
        query = query.with_setting(name, value);
    }
    let budget = [
        ("max_execution_time", limits.max_execution_s.map(u64::from)),
        ("max_rows_to_read", limits.max_rows_to_read),
        ("max_memory_usage", limits.max_memory_bytes),
        ("max_threads", limits.max_threads.map(u64::from)),
        ("os_thread_priority", limits.niceness.map(u64::from)),
    ];
    for (name, value) in budget {
        if let Some(value) = value {
            query = query.with_setting(name, value.to_string());
        }
    }
    for (index, value) in statement.values.0.iter().enumerate() {
        query = value.give(query, &format!("p{index}"));
    }
    let mut cursor = query.fetch_bytes("JSONCompactEachRow")?;
    let mut answer = Vec::new();
    while let Some(chunk) = cursor.next().await? {
        if answer.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(SearchError::TooExpensive(format!(
                "more than {ANSWER_BYTES_MAX} bytes of answer"
            )));
        }
        answer.extend_from_slice(&chunk);
    }
    let text = String::from_utf8_lossy(&answer);
    Ok(text
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect())
}
