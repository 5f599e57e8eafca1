//! Searches written to files, as jobs beside the requests.
//!
//! ```text
//!  POST /exports ─▶ a row in PostgreSQL ─▶ queue ─▶ page after page of ClickHouse ─▶ a part of the file each ─▶ done
//! ```
//! No more than a page is held in memory. A job takes its owner's turns at ClickHouse like any search of theirs, and ends when they cancel it,
//! when the session that asked for it or a right to what it is about ends, and with the console.

mod sheet;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use vonggac_access::{action, thing};
use vonggac_database::audit::{Asker, Origin};
use vonggac_database::export::{ExportId, Part, RUNNING_MAX};
use vonggac_database::session::Use;
use vonggac_database::{Account, SessionToken, scope_of};
use vonggac_store::search::{self, Cursor, EXPORT_ROWS_MAX, Page, SearchError};

use crate::api::events::Wanted;
use crate::authority;
use crate::state::Console;

pub(crate) use sheet::{COLUMNS_MAX, Format, Sheet};

/// Most events in a file.
pub(crate) const ROWS_MAX: u64 = 100_000;
/// From here on a file is not continued, in bytes.
pub(crate) const BYTES_MAX: u64 = 256 * 1024 * 1024;
/// How often a page is asked for again when other searches are in the way.
const TRIES_MAX: u32 = 10;
/// How long is waited before that.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// What is to be written.
pub(crate) struct Job {
    pub(crate) id: ExportId,
    pub(crate) account: Account,
    pub(crate) origin: Origin,
    /// Of the session that asked.
    pub(crate) token: SessionToken,
    pub(crate) wanted: Wanted,
    pub(crate) sheet: Sheet,
}

/// The way to the jobs' task.
pub(crate) struct Exports {
    jobs: mpsc::Sender<Job>,
    taken: Mutex<Option<mpsc::Receiver<Job>>>,
}

impl Default for Exports {
    fn default() -> Self {
        let (jobs, taken) = mpsc::channel(usize::try_from(RUNNING_MAX).unwrap_or(1));
        Self {
            jobs,
            taken: Mutex::new(Some(taken)),
        }
    }
}

impl Exports {
    /// Hands a job over; gives it back when it cannot be begun.
    pub(crate) fn begin(&self, job: Job) -> Result<(), Box<Job>> {
        self.jobs
            .try_send(job)
            .map_err(|refused| Box::new(refused.into_inner()))
    }
}

/// Does the jobs until the console stops.
pub(crate) async fn run(console: Console) {
    let taken = console
        .exports()
        .taken
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let mut stopped = console.stopped();
    let Some(mut queue) = taken else {
        return;
    };
    let mut jobs = JoinSet::new();
    loop {
        tokio::select! {
            job = queue.recv() => {
                let Some(job) = job else { break };
                jobs.spawn(finish(console.clone(), job));
            }
            Some(ended) = jobs.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "an export failed");
                }
            }
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    // Each sees for itself that the console stops.
    while jobs.join_next().await.is_some() {}
}

/// Does a job, and notes how it ended.
async fn finish(console: Console, job: Job) {
    let mut stopped = console.stopped();
    let outcome = tokio::select! {
        outcome = write(&console, &job) => outcome,
        _ = stopped.wait_for(|stopped| *stopped) => Err("the console stopped".to_owned()),
    };
    let problem = outcome.err();
    let by = Asker::person(&job.account, &job.origin);
    let ended = console
        .database()
        .finish_export(by, job.id, problem.as_deref(), console.now_us())
        .await;
    if let Err(error) = ended {
        tracing::warn!(%error, "the end of an export could not be noted; it will be taken for dead");
    }
}

async fn write(console: &Console, job: &Job) -> Result<(), String> {
    let (mut after, mut number, mut rows, mut bytes) = (None, 0, 0_u64, 0_u64);
    loop {
        let left = ROWS_MAX.saturating_sub(rows);
        let rows_max = u32::try_from(left)
            .unwrap_or(EXPORT_ROWS_MAX)
            .min(EXPORT_ROWS_MAX);
        let page = page(console, job, after, rows_max).await?;
        let mut content = if number == 0 { job.sheet.head() } else { Vec::new() };
        rows += page.rows.len() as u64;
        let part_rows = page.rows.len();
        for row in page.rows {
            job.sheet.row(row.into(), &mut content)?;
        }
        bytes += content.len() as u64;
        let part = Part {
            number,
            content,
            rows: i64::try_from(part_rows).unwrap_or(i64::MAX),
            rows_found: i64::try_from(page.total).unwrap_or(i64::MAX),
        };
        let added = console
            .database()
            .add_export_part(job.id, &part, console.now_us())
            .await;
        let is_wanted = added.map_err(|error| {
            tracing::warn!(%error, "a part of an export could not be kept");
            "the case store does not answer".to_owned()
        })?;
        after = page.next;
        if !is_wanted || after.is_none() || rows >= ROWS_MAX || bytes >= BYTES_MAX {
            return Ok(());
        }
        number += 1;
    }
}

/// That the session that asked goes on, and its owner may still take away all that the job is about.
async fn still_may(console: &Console, job: &Job) -> Result<(), String> {
    let unanswered = |_| "the case store does not answer".to_owned();
    let found = console
        .database()
        .find_session(&job.token, Use::Passive, console.now_us())
        .await;
    let Some(living) = found.map_err(unanswered)? else {
        return Err("the session that asked for it has ended".to_owned());
    };
    let permission = authority::permission(console, &living.account, living.assured, &job.origin.request)
        .await
        .map_err(unanswered)?;
    let reach = scope_of(
        &permission
            .context
            .reach::<thing::EventSearch, action::Export>()
            .unwrap_or_default(),
    );
    if job.wanted.codes().all(|code| reach.covers(code)) {
        return Ok(());
    }
    Err("the right to what it is about has ended".to_owned())
}

/// A page, once it is the job's turn.
async fn page(console: &Console, job: &Job, after: Option<Cursor>, rows_max: u32) -> Result<Page, String> {
    let asker = search::Asker(job.account.id.0);
    for _ in 0..TRIES_MAX {
        still_may(console, job).await?;
        match console
            .events()
            .export(asker, &job.wanted.request(), after, rows_max)
            .await
        {
            Ok(page) => return Ok(page),
            Err(SearchError::Busy(_)) => tokio::time::sleep(TRY_AGAIN).await,
            Err(error @ (SearchError::Server(_) | SearchError::Answer(_))) => {
                tracing::error!(%error, "the event store failed");
                return Err("the event store does not answer".to_owned());
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Err("other searches have not ended in time".to_owned())
}
