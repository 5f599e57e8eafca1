//! The event store as people ask it: the only way to a search.
//!
//! Each question waits for its asker's turn, and its statements together stay within one budget.

use std::time::Instant;

use clickhouse::Client;
use vonggac_event::{Alert, Scope};

use super::ask::{Statement, lines, numbers};
use super::entity::{self, Known, Subject};
use super::histogram::{self, Histogram, Shape};
use super::row::unsigned;
use super::turns::{Asker, Shares, Turn, TurnCounts, Turns};
use super::values::{self, FieldValues};
use super::{Cursor, EXPORT_ROWS_MAX, EventRow, Limits, PAGE_ROWS_MAX, Page, Request, SearchError, page};
use crate::Store;

/// [`Limits::niceness`] of a search whose asker has others running or waiting: what others leave of a busy processor.
const NICENESS_OF_MANY: u32 = 19;

/// Fewest organisations of which it is told that others saw a thing: a smaller number would say too much of each.
pub const ELSEWHERE_MIN: u64 = 3;
/// Longest that completing a value may take, in seconds.
const COMPLETION_S: u32 = 3;

/// Searches over stored events. Clones share their turns.
#[derive(Clone)]
pub struct EventStore {
    client: Client,
    limits: Limits,
    turns: Turns,
}

impl EventStore {
    /// Searches in `store`, each within `limits`, shared as `shares` says.
    pub fn new(store: &Store, limits: Limits, shares: Shares) -> Self {
        Self {
            client: store.client.clone(),
            limits,
            turns: Turns::new(shares),
        }
    }

    /// A page of events, the latest first.
    ///
    /// # Errors
    /// When the query does not fit the classes, costs too much, comes too often, or ClickHouse fails.
    pub async fn search(
        &self,
        asker: Asker,
        request: &Request<'_>,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Page, SearchError> {
        self.paged(asker, request, after, rows_max.clamp(1, PAGE_ROWS_MAX))
            .await
    }

    /// As [`Self::search`], in pages of up to [`EXPORT_ROWS_MAX`], for what is written to a file.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn export(
        &self,
        asker: Asker,
        request: &Request<'_>,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Page, SearchError> {
        self.paged(asker, request, after, rows_max.clamp(1, EXPORT_ROWS_MAX))
            .await
    }

    async fn paged(
        &self,
        asker: Asker,
        request: &Request<'_>,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Page, SearchError> {
        // A mistake in the query needs no turn to be told.
        let Some(hours) = page::hours_statement(request, after)? else {
            return Ok(page::page(Vec::new(), 0, rows_max));
        };
        self.in_turn(asker, |limits| {
            self.found(limits, request, &hours, after, rows_max)
        })
        .await
    }

    /// Does `work` once it is the asker's turn, within what may be spent then.
    async fn in_turn<T, F>(&self, asker: Asker, work: impl FnOnce(Limits) -> F) -> Result<T, SearchError>
    where
        F: Future<Output = Result<T, SearchError>>,
    {
        let turn = self.turns.turn(asker).await?;
        let outcome = work(self.limits_of(&turn)).await;
        turn.note(&outcome);
        outcome
    }

    /// What a search may spend: one of many of an asker stands back, and takes half the threads.
    fn limits_of(&self, turn: &Turn) -> Limits {
        if !turn.is_one_of_many() {
            return self.limits;
        }
        Limits {
            max_threads: self.limits.max_threads.map(|count| count.div_ceil(2)),
            niceness: Some(NICENESS_OF_MANY),
            ..self.limits
        }
    }

    async fn found(
        &self,
        limits: Limits,
        request: &Request<'_>,
        hours: &Statement,
        after: Option<Cursor>,
        rows_max: u32,
    ) -> Result<Page, SearchError> {
        let start = Instant::now();
        let counts = numbers(&self.client, limits, hours).await?;
        let place = page::Place::of(&counts, rows_max)?;
        let total = after.map_or(place.total, |cursor| cursor.total);
        let Some(statement) = page::statement(request, &place, after, rows_max) else {
            return Ok(page::page(Vec::new(), total, rows_max));
        };
        let rest = limits.after(start.elapsed())?;
        let rows = lines(&self.client, rest, &statement).await?;
        Ok(page::page(page::read(&rows)?, total, rows_max))
    }

    /// Events by time and class. Without both bounds, the missing one is that of the events found.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn histogram(
        &self,
        asker: Asker,
        request: &Request<'_>,
        buckets: u32,
    ) -> Result<Histogram, SearchError> {
        // A mistake in the query needs no turn to be told.
        let Some(extent) = histogram::extent_statement(request)? else {
            return Ok(Histogram::EMPTY);
        };
        self.in_turn(asker, |limits| self.counted(limits, request, buckets, &extent))
            .await
    }

    async fn counted(
        &self,
        limits: Limits,
        request: &Request<'_>,
        buckets: u32,
        extent: &Statement,
    ) -> Result<Histogram, SearchError> {
        let start = Instant::now();
        let (from_us, to_us) = match (request.from_us, request.to_us) {
            (Some(from_us), Some(to_us)) => (from_us, to_us),
            (from_us, to_us) => {
                let rows = numbers(&self.client, limits, extent).await?;
                let Some((first_us, last_us)) = histogram::extent(&rows) else {
                    return Ok(Histogram::EMPTY);
                };
                (
                    from_us.unwrap_or(first_us),
                    to_us.unwrap_or(last_us.saturating_add(1)),
                )
            }
        };
        let Some(shape) = Shape::of(from_us, to_us, buckets) else {
            return Ok(Histogram::EMPTY);
        };
        let Some(counts) = histogram::statement(request, &shape)? else {
            return Ok(Histogram::EMPTY);
        };
        let rest = limits.after(start.elapsed())?;
        let rows = numbers(&self.client, rest, &counts).await?;
        Ok(histogram::filled(&shape, &rows))
    }

    /// The values of `fields` that begin with `prefix`, with how often each occurs, in the order asked for.
    ///
    /// # Errors
    /// [`SearchError::Field`] for a field without values to count; otherwise as [`Self::search`].
    pub async fn values(
        &self,
        asker: Asker,
        request: &Request<'_>,
        fields: &[&str],
        prefix: &str,
        values_max: u32,
    ) -> Result<Vec<FieldValues>, SearchError> {
        let Some(statement) = values::statement(request, fields, prefix, values_max)? else {
            return values::read(fields, &[]);
        };
        let count = |mut limits: Limits| {
            if !prefix.is_empty() {
                // Whoever types does not wait for more.
                limits.max_execution_s =
                    Some(limits.max_execution_s.unwrap_or(COMPLETION_S).min(COMPLETION_S));
            }
            numbers(&self.client, limits, &statement)
        };
        values::read(fields, &self.in_turn(asker, count).await?)
    }

    /// What is known of a thing between two times.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn known(
        &self,
        asker: Asker,
        scope: &Scope,
        subject: &Subject,
        from_us: Option<i64>,
        to_us: Option<i64>,
    ) -> Result<Known, SearchError> {
        let request = subject.request(scope, from_us, to_us);
        let Some(seen) = entity::seen_statement(&request)? else {
            return Ok(Known::NOTHING);
        };
        self.in_turn(asker, |limits| self.all_known(limits, &request, subject, &seen))
            .await
    }

    /// How many organisations besides those of the scope a thing was seen at since a time: never which, and nothing of less than
    /// [`ELSEWHERE_MIN`], by which one could be guessed. `None` for that, and for what is not the same thing everywhere.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn elsewhere(
        &self,
        asker: Asker,
        scope: &Scope,
        subject: &Subject,
        since_us: i64,
    ) -> Result<Option<u64>, SearchError> {
        let request = subject.request(scope, Some(since_us), None);
        let statement = match entity::elsewhere_statement(&request)? {
            Some(statement) if subject.is_common() => statement,
            _ => return Ok(None),
        };
        let count = |limits| numbers(&self.client, limits, &statement);
        let rows = self.in_turn(asker, count).await?;
        let count = rows.first().and_then(|row| row.first()).and_then(unsigned);
        let count = count.ok_or_else(|| SearchError::Answer("no number of organisations".to_owned()))?;
        Ok((count >= ELSEWHERE_MIN).then_some(count))
    }

    async fn all_known(
        &self,
        limits: Limits,
        request: &Request<'_>,
        subject: &Subject,
        seen: &Statement,
    ) -> Result<Known, SearchError> {
        let start = Instant::now();
        let rows = numbers(&self.client, limits, seen).await?;
        let mut known = entity::seen(&rows)?;
        if known.seen_us.is_none() {
            return Ok(known);
        }
        let pairs = Request {
            classes: subject.pair_classes(),
            ..*request
        };
        if let Some(statement) = entity::pairs_statement(&pairs)? {
            let rest = limits.after(start.elapsed())?;
            let rows = numbers(&self.client, rest, &statement).await?;
            (known.pairs, known.pairs_total) = entity::pairs(&rows)?;
        }
        let fields = subject.beside();
        if let Some(statement) = values::statement(request, &fields, "", entity::BESIDE_MAX)? {
            let rest = limits.after(start.elapsed())?;
            let rows = numbers(&self.client, rest, &statement).await?;
            known.beside = values::read(&fields, &rows)?;
            known.beside.retain(|values| values.total > 0);
        }
        Ok(known)
    }

    /// The events an alert names and the ends of its flows, of a signature's also what these carried, the earliest first.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub async fn alert_events(
        &self,
        asker: Asker,
        scope: &Scope,
        alert: &Alert,
    ) -> Result<Vec<EventRow>, SearchError> {
        let statement = page::alert_statement(scope, alert);
        let ask = |limits| lines(&self.client, limits, &statement);
        let mut rows = page::read(&self.in_turn(asker, ask).await?)?;
        rows.sort_unstable_by_key(|row| (row.ts_us, row.id));
        rows.truncate(PAGE_ROWS_MAX as usize);
        Ok(rows)
    }

    /// How the turns stand.
    pub fn counts(&self) -> TurnCounts {
        self.turns.counts()
    }
}
