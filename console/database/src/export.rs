//! Searches written to files: a job's state, and the file's parts.
//!
//! ```text
//!  start ─▶ running ─▶ parts, each with how far it is ─▶ done
//!              │ └── no sign of life for [`BEAT_LIMIT_US`] ─▶ failed
//!              └── cancel ─▶ cancelled, its parts are removed
//! ```
//! Everything of a job is for its owner alone, and gone after [`KEPT_US`].

use sqlx::FromRow;

use crate::audit::{Asker, Deed, append};
use crate::{AccountId, Database, DatabaseError, Result, clean};

/// How long a file is kept, in microseconds: a day.
pub const KEPT_US: i64 = 24 * 3_600 * 1_000_000;
/// A job that has given no sign of life for so long is taken for dead, in microseconds.
pub const BEAT_LIMIT_US: i64 = 120 * 1_000_000;
/// Most jobs of one account that run at once.
pub const RUNNING_PER_ACCOUNT_MAX: i64 = 1;
/// Most jobs that run at once.
pub const RUNNING_MAX: i64 = 4;
/// Most jobs of one account that are kept.
pub const KEPT_PER_ACCOUNT_MAX: i64 = 10;

/// Id of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExportId(pub i64);

/// How a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportState {
    /// It goes on.
    Running,
    /// Its file is whole.
    Done,
    /// It could not go on.
    Failed,
    /// Its owner wanted no more of it.
    Cancelled,
}

impl ExportState {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// `running`, `done`, `failed`, `cancelled`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Id.
    pub id: ExportId,
    /// `csv` or `jsonl`.
    pub format: String,
    /// What is searched for, in words.
    pub query: String,
    /// How it is.
    pub state: ExportState,
    /// Events that the search finds.
    pub rows_found: i64,
    /// Events in the file so far.
    pub rows_done: i64,
    /// Bytes in the file so far.
    pub bytes: i64,
    /// Why it failed; empty when it did not.
    pub problem: String,
    /// When it was asked for.
    pub created_us: i64,
    /// When it ended.
    pub finished_us: Option<i64>,
    /// Codes of the organisations that it is about.
    pub codes: Vec<String>,
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which, from 0.
    pub number: i32,
    /// The bytes.
    pub content: Vec<u8>,
    /// Events in it.
    pub rows: i64,
    /// Events that the search finds.
    pub rows_found: i64,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    format: String,
    query: String,
    state: String,
    rows_found: i64,
    rows_done: i64,
    bytes: i64,
    problem: String,
    created_us: i64,
    finished_us: Option<i64>,
    codes: Vec<String>,
}

impl From<Row> for Export {
    fn from(row: Row) -> Self {
        let state = ExportState::ALL
            .into_iter()
            .find(|state| state.name() == row.state);
        Self {
            id: ExportId(row.id),
            format: row.format,
            query: row.query,
            // The table's check holds the words.
            state: state.unwrap_or(ExportState::Failed),
            rows_found: row.rows_found,
            rows_done: row.rows_done,
            bytes: row.bytes,
            problem: row.problem,
            created_us: row.created_us,
            finished_us: row.finished_us,
            codes: row.codes,
        }
    }
}

/// The columns of a [`Row`].
macro_rules! columns {
    () => {
        stringify!(
            id,
            format,
            query,
            state,
            rows_found,
            rows_done,
            bytes,
            problem,
            created_us,
            finished_us,
            codes
        )
    };
}

const SELECT: &str = concat!("SELECT ", columns!(), " FROM export");

impl Database {
    /// Notes that a job begins, about what is of organisations of these codes.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] when too many run or are kept.
    pub async fn start_export(
        &self,
        by: Asker<'_>,
        owner: AccountId,
        format: &str,
        query: &str,
        codes: Vec<String>,
        now_us: i64,
    ) -> Result<Export> {
        let mut transaction = self.pool.begin().await?;
        // One at a time, so that none is counted too late.
        sqlx::query("LOCK TABLE export IN SHARE ROW EXCLUSIVE MODE")
            .execute(&mut *transaction)
            .await?;
        let (own_running, running, own): (i64, i64, i64) = sqlx::query_as(
            "SELECT count(*) FILTER (WHERE owner_id = $1 AND state = 'running'), count(*) FILTER (WHERE state = 'running'), \
             count(*) FILTER (WHERE owner_id = $1) FROM export WHERE created_us > $2",
        )
        .bind(owner.0)
        .bind(now_us.saturating_sub(KEPT_US))
        .fetch_one(&mut *transaction)
        .await?;
        let problem = match () {
            () if own_running >= RUNNING_PER_ACCOUNT_MAX => {
                Some("an export of yours is running; let it end or cancel it")
            }
            () if running >= RUNNING_MAX => Some("as many exports run as may; try again later"),
            () if own >= KEPT_PER_ACCOUNT_MAX => Some("you have as many exports of the last day as one may"),
            () => None,
        };
        if let Some(problem) = problem {
            return Err(DatabaseError::Conflict(problem));
        }
        let row: Row = sqlx::query_as(concat!(
            "INSERT INTO export (owner_id, format, query, created_us, beat_us, codes) VALUES ($1, $2, $3, $4, $4, $5) RETURNING ",
            columns!()
        ))
        .bind(owner.0)
        .bind(format)
        .bind(clean(query))
        .bind(now_us)
        .bind(codes)
        .fetch_one(&mut *transaction)
        .await?;
        let export = Export::from(row);
        append(&mut transaction, &by, vec![deed("export.start", &export)], now_us).await?;
        transaction.commit().await?;
        Ok(export)
    }

    /// Adds a part to a job's file; `false` when nobody wants it any more.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn add_export_part(&self, id: ExportId, part: &Part, now_us: i64) -> Result<bool> {
        let mut transaction = self.pool.begin().await?;
        let going = sqlx::query(
            "UPDATE export SET rows_done = rows_done + $2, rows_found = $3, bytes = bytes + $4, beat_us = $5 \
             WHERE id = $1 AND state = 'running'",
        )
        .bind(id.0)
        .bind(part.rows)
        .bind(part.rows_found)
        .bind(i64::try_from(part.content.len()).unwrap_or(i64::MAX))
        .bind(now_us)
        .execute(&mut *transaction)
        .await?;
        if going.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("INSERT INTO export_part (export_id, number, content) VALUES ($1, $2, $3)")
            .bind(id.0)
            .bind(part.number)
            .bind(&part.content)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Notes that a job ended, with what went wrong if something did; one that has ended already stays as it is.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn finish_export(
        &self,
        by: Asker<'_>,
        id: ExportId,
        problem: Option<&str>,
        now_us: i64,
    ) -> Result<()> {
        let state = match problem {
            None => ExportState::Done,
            Some(_) => ExportState::Failed,
        };
        self.end_export(by, id, None, state, problem, now_us).await?;
        Ok(())
    }

    /// Ends a running job of `owner`'s, and removes what there is of its file.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when the account has none of that id; [`DatabaseError::Conflict`] when it has ended.
    pub async fn cancel_export(
        &self,
        by: Asker<'_>,
        owner: AccountId,
        id: ExportId,
        now_us: i64,
    ) -> Result<Export> {
        let known = self.export(owner, id).await?;
        let ended = self
            .end_export(by, id, Some(owner), ExportState::Cancelled, None, now_us)
            .await?;
        if !ended {
            return Err(DatabaseError::Conflict("the export has ended already"));
        }
        Ok(Export {
            state: ExportState::Cancelled,
            finished_us: Some(now_us),
            ..known
        })
    }

    /// Whether it was running until now.
    async fn end_export(
        &self,
        by: Asker<'_>,
        id: ExportId,
        owner: Option<AccountId>,
        state: ExportState,
        problem: Option<&str>,
        now_us: i64,
    ) -> Result<bool> {
        let mut transaction = self.pool.begin().await?;
        let row: Option<Row> = sqlx::query_as(concat!(
            "UPDATE export SET state = $2, problem = $3, finished_us = $4 \
             WHERE id = $1 AND state = 'running' AND ($5::bigint IS NULL OR owner_id = $5) RETURNING ",
            columns!()
        ))
        .bind(id.0)
        .bind(state.name())
        .bind(clean(problem.unwrap_or_default()))
        .bind(now_us)
        .bind(owner.map(|owner| owner.0))
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(export) = row.map(Export::from) else {
            return Ok(false);
        };
        if state != ExportState::Done {
            sqlx::query("DELETE FROM export_part WHERE export_id = $1")
                .bind(id.0)
                .execute(&mut *transaction)
                .await?;
        }
        let deed = match state {
            ExportState::Cancelled => deed("export.cancel", &export),
            _ => deed("export.end", &export).with("state", state.name()),
        };
        append(&mut transaction, &by, vec![deed], now_us).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// An account's jobs, the latest first.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn exports(&self, owner: AccountId) -> Result<Vec<Export>> {
        let mut query = sqlx::QueryBuilder::new(SELECT);
        query.push(" WHERE owner_id = ").push_bind(owner.0);
        query
            .push(" ORDER BY id DESC LIMIT ")
            .push_bind(2 * KEPT_PER_ACCOUNT_MAX);
        let rows: Vec<Row> = query.build_query_as().fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(Export::from).collect())
    }

    /// A job of an account's.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] when it has none of that id.
    pub async fn export(&self, owner: AccountId, id: ExportId) -> Result<Export> {
        let mut query = sqlx::QueryBuilder::new(SELECT);
        query.push(" WHERE id = ").push_bind(id.0);
        query.push(" AND owner_id = ").push_bind(owner.0);
        let row: Option<Row> = query.build_query_as().fetch_optional(&self.pool).await?;
        row.map(Export::from).ok_or(DatabaseError::NotFound)
    }

    /// A part of a whole file of an account's; `None` after the last.
    ///
    /// # Errors
    /// When PostgreSQL fails.
    pub async fn export_part(&self, owner: AccountId, id: ExportId, number: i32) -> Result<Option<Vec<u8>>> {
        Ok(sqlx::query_scalar(
            "SELECT t.content FROM export_part t JOIN export e ON e.id = t.export_id \
             WHERE t.export_id = $1 AND t.number = $2 AND e.owner_id = $3 AND e.state = 'done'",
        )
        .bind(id.0)
        .bind(number)
        .bind(owner.0)
        .fetch_optional(&self.pool)
        .await?)
    }
}

/// Removes the files of yesterday, and ends what gives no sign of life.
pub(crate) async fn purge(pool: &sqlx::PgPool, now_us: i64) -> Result<()> {
    sqlx::query("DELETE FROM export WHERE created_us <= $1")
        .bind(now_us.saturating_sub(KEPT_US))
        .execute(pool)
        .await?;
    let mut transaction = pool.begin().await?;
    let dead: Vec<Row> = sqlx::query_as(concat!(
        "UPDATE export SET state = 'failed', problem = 'the console that wrote it has gone', finished_us = $1 \
         WHERE state = 'running' AND beat_us <= $2 RETURNING ",
        columns!()
    ))
    .bind(now_us)
    .bind(now_us.saturating_sub(BEAT_LIMIT_US))
    .fetch_all(&mut *transaction)
    .await?;
    if dead.is_empty() {
        return Ok(());
    }
    sqlx::query("DELETE FROM export_part WHERE export_id = ANY($1)")
        .bind(dead.iter().map(|row| row.id).collect::<Vec<_>>())
        .execute(&mut *transaction)
        .await?;
    let ended = |row| deed("export.end", &Export::from(row)).with("state", ExportState::Failed.name());
    let deeds = dead.into_iter().map(ended).collect();
    append(&mut transaction, &Asker::console(), deeds, now_us).await?;
    Ok(transaction.commit().await?)
}

fn deed(action: &'static str, export: &Export) -> Deed {
    Deed::done(action, "export", export.id.0)
        .with("query", &export.query)
        .with("format", &export.format)
        .with("rows", export.rows_done)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{self, NOW_US};

    fn part(number: i32, content: &str) -> Part {
        Part {
            number,
            content: content.into(),
            rows: 1,
            rows_found: 2,
        }
    }

    #[tokio::test]
    async fn a_file_is_for_its_owner_and_for_a_day() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "moh").await;
        let codes = || vec!["moh".to_owned()];
        let hoa = testing::account(&database, "hoa", "moh").await;
        let export = database
            .start_export((&lan).into(), lan.id, "csv", "dport:22", codes(), NOW_US)
            .await
            .unwrap();
        for (number, content) in [(0, "a\r\n"), (1, "b\r\n")] {
            assert!(
                database
                    .add_export_part(export.id, &part(number, content), NOW_US)
                    .await
                    .unwrap()
            );
        }
        // What is not whole is not given out.
        assert_eq!(database.export_part(lan.id, export.id, 0).await.unwrap(), None);
        database
            .finish_export((&lan).into(), export.id, None, NOW_US + 9)
            .await
            .unwrap();
        let known = database.export(lan.id, export.id).await.unwrap();
        assert_eq!(
            (known.state, known.rows_done, known.bytes),
            (ExportState::Done, 2, 6)
        );
        assert_eq!(
            database.export_part(lan.id, export.id, 1).await.unwrap(),
            Some(b"b\r\n".to_vec())
        );
        assert_eq!(database.export_part(lan.id, export.id, 2).await.unwrap(), None);
        assert_eq!(database.export_part(hoa.id, export.id, 0).await.unwrap(), None);
        assert!(matches!(
            database.export(hoa.id, export.id).await,
            Err(DatabaseError::NotFound)
        ));
        let cancelled = database
            .cancel_export((&hoa).into(), hoa.id, export.id, NOW_US)
            .await;
        assert!(matches!(cancelled, Err(DatabaseError::NotFound)));

        database.purge(NOW_US + KEPT_US - 1).await.unwrap();
        assert_eq!(database.exports(lan.id).await.unwrap().len(), 1);
        database.purge(NOW_US + KEPT_US).await.unwrap();
        assert_eq!(database.exports(lan.id).await.unwrap(), []);
        let parts: i64 = sqlx::query_scalar("SELECT count(*) FROM export_part")
            .fetch_one(&database.pool)
            .await
            .unwrap();
        assert_eq!(parts, 0);
    }

    #[tokio::test]
    async fn one_runs_at_a_time_and_ends_once() {
        let Some(database) = testing::database().await else {
            return;
        };
        let lan = testing::account(&database, "lan", "moh").await;
        let codes = || vec!["moh".to_owned()];
        let start = async || {
            database
                .start_export((&lan).into(), lan.id, "jsonl", "", codes(), NOW_US)
                .await
        };
        let first = start().await.unwrap();
        assert!(matches!(start().await, Err(DatabaseError::Conflict(_))));
        assert!(
            database
                .add_export_part(first.id, &part(0, "x"), NOW_US)
                .await
                .unwrap()
        );
        let cancelled = database
            .cancel_export((&lan).into(), lan.id, first.id, NOW_US)
            .await
            .unwrap();
        assert_eq!(cancelled.state, ExportState::Cancelled);
        // The job learns of it, and its end changes nothing.
        assert!(
            !database
                .add_export_part(first.id, &part(1, "x"), NOW_US)
                .await
                .unwrap()
        );
        database
            .finish_export((&lan).into(), first.id, None, NOW_US)
            .await
            .unwrap();
        assert_eq!(
            database.export(lan.id, first.id).await.unwrap().state,
            ExportState::Cancelled
        );
        let again = database
            .cancel_export((&lan).into(), lan.id, first.id, NOW_US)
            .await;
        assert!(matches!(again, Err(DatabaseError::Conflict(_))));

        let second = start().await.unwrap();
        database.purge(NOW_US + BEAT_LIMIT_US).await.unwrap();
        let dead = database.export(lan.id, second.id).await.unwrap();
        assert_eq!(dead.state, ExportState::Failed);
        assert!(!dead.problem.is_empty());
        let ends: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_entry WHERE action = 'export.end'")
            .fetch_one(&database.pool)
            .await
            .unwrap();
        assert_eq!(ends, 1, "the log tells of its end");
        for _ in 2..KEPT_PER_ACCOUNT_MAX {
            let export = start().await.unwrap();
            database
                .finish_export((&lan).into(), export.id, Some("x"), NOW_US)
                .await
                .unwrap();
        }
        assert!(matches!(start().await, Err(DatabaseError::Conflict(_))));
    }
}
