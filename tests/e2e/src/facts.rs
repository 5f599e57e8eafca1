//! What stands in the event store.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::blocking::Client;
use serde_json::Value;

/// Longest a query may take.
const QUERY_LIMIT: Duration = Duration::from_secs(60);

/// A client of ClickHouse's HTTP interface.
pub struct Rows {
    client: Client,
    url: String,
    user: String,
    password: String,
}

impl Rows {
    /// A client that signs in with a user and password.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(url: String, user: &str, password: &str) -> anyhow::Result<Self> {
        Ok(Self {
            client: Client::builder().no_proxy().timeout(QUERY_LIMIT).build()?,
            url,
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    /// Runs a query; each row is an object.
    ///
    /// # Errors
    /// What ClickHouse says.
    pub fn query(&self, sql: &str) -> anyhow::Result<Vec<Value>> {
        let response = self
            .client
            .post(&self.url)
            .basic_auth(&self.user, Some(&self.password))
            .query(&[("database", "vonggac"), ("default_format", "JSONEachRow")])
            .body(sql.to_owned())
            .send()
            .context("ClickHouse")?;
        let (status, text) = (response.status(), response.text()?);
        if !status.is_success() {
            bail!("{sql}: {status}: {text}");
        }
        text.lines()
            .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
            .collect()
    }

    /// Names of the tables of events.
    ///
    /// # Errors
    /// What ClickHouse says.
    pub fn classes(&self) -> anyhow::Result<Vec<String>> {
        let rows = self.query(
            "SELECT table FROM system.columns WHERE database = 'vonggac' AND name = 'event_id' ORDER BY table",
        )?;
        Ok(rows
            .iter()
            .filter_map(|row| row["table"].as_str().map(str::to_owned))
            .collect())
    }

    /// Some columns of all events, of every class.
    ///
    /// # Errors
    /// What ClickHouse says.
    pub fn events(&self, columns: &str, condition: &str) -> anyhow::Result<Vec<Value>> {
        let parts: Vec<String> = self
            .classes()?
            .iter()
            .map(|class| format!("SELECT '{class}' AS class, {columns} FROM `{class}` WHERE {condition}"))
            .collect();
        anyhow::ensure!(!parts.is_empty(), "there are no tables of events yet");
        self.query(&parts.join(" UNION ALL "))
    }

    /// How many events of all classes satisfy a condition. Counted there: fetching every id would take from what is measured.
    ///
    /// # Errors
    /// As [`Self::events`].
    pub fn count(&self, condition: &str) -> anyhow::Result<u64> {
        self.events("count() AS n", condition)?
            .iter()
            .map(|class| class["n"].as_u64().context("no count"))
            .sum()
    }
}

/// How many events a sensor accepted, by the summary it has written.
///
/// # Errors
/// When there is no summary, or it does not count them.
pub fn accepted(summary: &Path) -> anyhow::Result<u64> {
    let text = fs::read(summary).with_context(|| summary.display().to_string())?;
    let summary: Value = serde_json::from_slice(&text)?;
    summary["events"]["accepted"]
        .as_u64()
        .context("the sensor's summary counts no accepted events")
}

/// An alert, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertFacts {
    /// 32 hexadecimal digits, as the API has it.
    pub id: String,
    /// Rule that raised it.
    pub rule_id: String,
    /// Its title.
    pub title: String,
    /// ATT&CK techniques.
    pub techniques: Vec<String>,
    /// Addresses of source and destination, where it has them.
    pub hosts: BTreeSet<IpAddr>,
    /// Ids of its events, 32 hexadecimal digits each.
    pub events: Vec<String>,
    /// How many matches it stands for.
    pub count: u64,
    /// Start of its window, in microseconds.
    pub start_us: i64,
    /// What it is grouped by, as names and values.
    pub group: BTreeMap<String, String>,
}

/// All alerts by id, each in its last revision.
///
/// # Errors
/// What ClickHouse says.
pub fn alerts(rows: &Rows) -> anyhow::Result<BTreeMap<String, AlertFacts>> {
    let found = rows.query(
        "SELECT toString(alert_id) AS id, rule_id, rule_title, techniques, toString(src) AS src, toString(dst) AS dst, \
         arrayMap(id -> toString(id), event_ids) AS events, toString(count) AS count, \
         toString(toUnixTimestamp64Micro(window_start)) AS start_us, \
         mapKeys(`group`) AS group_names, mapValues(`group`) AS group_values FROM alerts FINAL",
    )?;
    let mut alerts = BTreeMap::new();
    for row in found {
        let alert = alert(&row).with_context(|| row.to_string())?;
        if let Some(twice) = alerts.insert(alert.id.clone(), alert) {
            bail!("alert {} stands there twice", twice.id);
        }
    }
    Ok(alerts)
}

fn alert(row: &Value) -> anyhow::Result<AlertFacts> {
    let text = |name: &str| {
        row[name]
            .as_str()
            .map(str::to_owned)
            .with_context(|| name.to_owned())
    };
    let list = |name: &str| -> anyhow::Result<Vec<String>> {
        let values = row[name].as_array().with_context(|| name.to_owned())?;
        values
            .iter()
            .map(|value| value.as_str().map(str::to_owned).context("no text"))
            .collect()
    };
    let hosts = [text("src")?, text("dst")?]
        .iter()
        .filter_map(|text| address(text))
        .collect();
    Ok(AlertFacts {
        id: hexadecimal(&text("id")?)?,
        rule_id: text("rule_id")?,
        title: text("rule_title")?,
        techniques: list("techniques")?,
        hosts,
        events: list("events")?
            .iter()
            .map(|id| hexadecimal(id))
            .collect::<anyhow::Result<_>>()?,
        count: text("count")?.parse()?,
        start_us: text("start_us")?.parse()?,
        group: list("group_names")?
            .into_iter()
            .zip(list("group_values")?)
            .collect(),
    })
}

/// An address from ClickHouse's IPv6 column; none for the unspecified one.
fn address(text: &str) -> Option<IpAddr> {
    let address: Ipv6Addr = text.parse().ok()?;
    (!address.is_unspecified()).then(|| address.to_canonical())
}

fn hexadecimal(decimal: &str) -> anyhow::Result<String> {
    Ok(format!(
        "{:032x}",
        decimal.parse::<u128>().with_context(|| decimal.to_owned())?
    ))
}

/// Community IDs of events by event id.
///
/// # Errors
/// What ClickHouse says.
pub fn event_flows(rows: &Rows) -> anyhow::Result<BTreeMap<String, String>> {
    rows.events("toString(event_id) AS id, community_id AS flow", "1")?
        .iter()
        .map(|row| {
            let id = hexadecimal(row["id"].as_str().context("id")?)?;
            Ok((id, row["flow"].as_str().context("flow")?.to_owned()))
        })
        .collect()
}

/// The sequence numbers of all events in order, by incarnation.
///
/// # Errors
/// What ClickHouse says.
pub fn sequences(rows: &Rows) -> anyhow::Result<BTreeMap<u64, Vec<u64>>> {
    let mut found: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for row in rows.events("toString(event_id) AS id", "1")? {
        let id: u128 = row["id"].as_str().context("id")?.parse()?;
        found.entry((id >> 64) as u64).or_default().push(id as u64);
    }
    for sequence in found.values_mut() {
        sequence.sort_unstable();
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn stored_forms_are_read() {
        assert_eq!(address("::"), None);
        assert_eq!(address("::ffff:10.0.0.1"), Some("10.0.0.1".parse().unwrap()));
        assert_eq!(address("2001:db8::1"), Some("2001:db8::1".parse().unwrap()));
        assert_eq!(hexadecimal("255").unwrap(), format!("{}ff", "0".repeat(30)));
        assert!(hexadecimal("-1").is_err());
    }
}
