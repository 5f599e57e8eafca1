//! The event store: ClickHouse, reached over its HTTP interface, whether a cluster or `vonggac clickhouse`.
//!
//! - [`Options`], [`Store`]: where it is and a handle to it.
//! - `schema`: the tables, made from the event crate's column table, and how they are brought up to date.
//! - `row`: RowBinary rows from events and alerts.
//! - `connection`: the HTTP client, with TLS.
//! - `checkpoint`: how far the pipeline has come, per partition, with the state that belongs to it.
//! - [`health`]: how roles and sensors are.
//! - [`search`]: the language of searches and its way to SQL.
//!
//! Invariant: an insert carries a deduplication token that is a function of what is in it, so repeating it changes nothing.

mod checkpoint;
mod connection;
pub mod health;
mod reason;
mod row;
mod schema;
pub mod search;

pub use checkpoint::Checkpoint;
pub use reason::Reason;
pub use row::{Rows, alert_row, event_row};
pub use schema::TableOptions;

use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use clickhouse::Client;
use thiserror::Error;
use vonggac_event::{Alert, Class};
use vonggac_link::ClickhouseSecurity;

/// Largest piece of an insert handed to the HTTP client at once.
const SEND_BYTES: usize = 256 * 1024;
/// How long one insert may take before it is tried again.
pub(crate) const INSERT_LIMIT: Duration = Duration::from_secs(120);

/// Where ClickHouse is.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "clickhouse_server")]
pub struct Options {
    /// ClickHouse's HTTP interface.
    #[arg(
        long,
        env = "VONGGAC_CLICKHOUSE",
        default_value = "http://127.0.0.1:8123",
        value_name = "URL"
    )]
    pub clickhouse: String,
    /// Database that holds the tables; made when missing.
    #[arg(
        long,
        env = "VONGGAC_CLICKHOUSE_DATABASE",
        default_value = "vonggac",
        value_name = "NAME"
    )]
    pub clickhouse_database: String,
    /// User and TLS.
    #[command(flatten)]
    pub security: ClickhouseSecurity,
}

impl Options {
    /// A ClickHouse that asks for no password, and a database in it.
    pub fn new(url: impl Into<String>, database: impl Into<String>) -> Self {
        Self {
            clickhouse: url.into(),
            clickhouse_database: database.into(),
            security: ClickhouseSecurity::default(),
        }
    }
}

/// What went wrong with the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// ClickHouse or the way to it failed.
    #[error("ClickHouse, {doing}: {}", connection::with_causes(.source))]
    ClickHouse {
        /// What was being done.
        doing: String,
        /// What the client says.
        source: clickhouse::error::Error,
    },
    /// A setting of the connection cannot be used.
    #[error("ClickHouse at {host}: {problem}")]
    Setting {
        /// Host and port as given.
        host: String,
        /// What is wrong, with its flag.
        problem: String,
    },
    /// The tables were written by a newer build.
    #[error("the tables are of schema version {found}, this build knows up to {known}: use a newer build")]
    Newer {
        /// Version in the database.
        found: u32,
        /// Newest version of this build.
        known: u32,
    },
    /// The database's name cannot be used.
    #[error("database name {name:?}: only letters, digits and _ are allowed")]
    DatabaseName {
        /// As given.
        name: String,
    },
}

impl StoreError {
    fn new(doing: impl Into<String>) -> impl FnOnce(clickhouse::error::Error) -> Self {
        let doing = doing.into();
        move |source| Self::ClickHouse { doing, source }
    }
}

/// A handle to the store; cheap to clone.
#[derive(Clone)]
pub struct Store {
    /// Client with the database set.
    pub client: Client,
    database: String,
}

impl Store {
    /// A handle; connects at first use.
    ///
    /// # Errors
    /// When the database's name is not a plain one, or a file of the connection cannot be used.
    pub fn new(options: &Options) -> Result<Self, StoreError> {
        let name = &options.clickhouse_database;
        let plain = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !plain {
            return Err(StoreError::DatabaseName { name: name.clone() });
        }
        let client = connection::client(options)?
            .with_database(name)
            .with_validation(false);
        Ok(Self {
            client,
            database: name.clone(),
        })
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let client = self.client.clone().with_database("default");
        client
            .query("SELECT 1")
            .fetch_one::<u8>()
            .await
            .map(|_| ())
            .map_err(StoreError::new("ping"))
    }

    /// Brings the tables up to date.
    ///
    /// # Errors
    /// When ClickHouse refuses, or the tables are newer than this build.
    pub async fn migrate(&self, tables: &TableOptions) -> Result<(), StoreError> {
        schema::migrate(&self.client, &self.database, tables).await
    }

    /// Which events of a class are stored already, of those whose ids lie in `ids` and whose time lies in `times_us`, ends included.
    ///
    /// # Errors
    /// When ClickHouse does not answer.
    pub async fn stored_events(
        &self,
        class: Class,
        ids: RangeInclusive<u128>,
        times_us: RangeInclusive<i64>,
    ) -> Result<Vec<u128>, StoreError> {
        let sql = format!(
            "SELECT event_id FROM {} WHERE event_id >= toUInt128(?) AND event_id <= toUInt128(?) \
             AND ts >= fromUnixTimestamp64Micro(?, 'UTC') AND ts <= fromUnixTimestamp64Micro(?, 'UTC')",
            class.name()
        );
        self.client
            .query(&sql)
            .bind(ids.start().to_string())
            .bind(ids.end().to_string())
            .bind(row::stored_time(*times_us.start()))
            .bind(row::stored_time(*times_us.end()))
            .fetch_all::<u128>()
            .await
            .map_err(StoreError::new("look for stored events"))
    }

    /// Inserts rows of one class. Repeating an insert with the same token and rows changes nothing.
    ///
    /// # Errors
    /// When ClickHouse has not confirmed the insert; it may still have happened.
    pub async fn insert_events(&self, class: Class, token: &str, rows: &Rows) -> Result<(), StoreError> {
        self.insert(class.name(), &schema::column_list(class), Some(token), rows)
            .await
    }

    /// Inserts alerts as they now stand. A repeat writes the same row again; the table keeps one of each revision.
    ///
    /// # Errors
    /// As [`Self::insert_events`].
    pub async fn insert_alerts(&self, alerts: &[Alert]) -> Result<(), StoreError> {
        let mut rows = Rows::default();
        alerts.iter().for_each(|alert| alert_row(alert, &mut rows));
        self.insert_alert_rows(&rows).await
    }

    /// As [`Self::insert_alerts`], of rows that are made already.
    ///
    /// # Errors
    /// As [`Self::insert_events`].
    pub async fn insert_alert_rows(&self, rows: &Rows) -> Result<(), StoreError> {
        self.insert("alerts", schema::ALERT_COLUMNS, None, rows).await
    }

    async fn insert(
        &self,
        table: &str,
        columns: &str,
        token: Option<&str>,
        rows: &Rows,
    ) -> Result<(), StoreError> {
        if rows.count == 0 {
            return Ok(());
        }
        let sql = format!("INSERT INTO {table} ({columns}) FORMAT RowBinary");
        let failed = |source| StoreError::ClickHouse {
            doing: format!("insert into {table}"),
            source,
        };
        let mut insert = self
            .client
            .insert_formatted_with(sql)
            .with_setting("insert_deduplicate", if token.is_some() { "1" } else { "0" })
            .with_setting("async_insert", "0")
            .with_setting("max_partitions_per_insert_block", "0")
            .with_timeouts(Some(INSERT_LIMIT), Some(INSERT_LIMIT));
        if let Some(token) = token {
            insert = insert.with_setting("insert_deduplication_token", token);
        }
        for piece in rows.bytes.chunks(SEND_BYTES) {
            insert.send(Bytes::copy_from_slice(piece)).await.map_err(failed)?;
        }
        insert.end().await.map_err(failed)
    }
}
