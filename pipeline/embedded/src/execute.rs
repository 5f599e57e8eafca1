//! One statement, from its text to its answer, on a thread and a connection of its own (or its session's).
//!
//! ```text
//! INSERT with data ──▶ insert stream, chunk by chunk
//! SELECT           ──▶ query stream, block by block; formats that do not join by blocks: whole, under a limit
//! anything else    ──▶ whole, under the same limit
//! ```
//! Invariant: an `INSERT` is answered with success only after the engine has put all of it into parts on disk.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};
use tracing::{debug, warn};

use crate::body::{BodyReader, ClientGone};
use crate::codec::decoder;
use crate::counters::add;
use crate::deed::{Deed, kill_by_mark};
use crate::engine::{Engine, Running};
use crate::exception::{Exception, code};
use crate::ffi::{Connection, Progress};
use crate::format::{Joiner, Joining, joining};
use crate::reply::{Hangup, Reply};
use crate::request::{ExternalTable, Request};
use crate::sessions::Session;
use crate::settings::{self, Plan};
use crate::statement::{Shape, shape};
use crate::token::quoted;
use crate::turns::Turn;
use crate::users::Account;

/// Longest statement, not counting the data of an `INSERT`.
const STATEMENT_BYTES_MAX: usize = 16 << 20;
/// Size of the pieces in which a body is read.
const READ_BYTES: usize = 256 << 10;
/// How much longer than its limit a `SELECT` may run until it is stopped from outside.
const OVERTIME: Duration = Duration::from_secs(2);
/// Does nothing, and has the engine forget what failed before it on the same connection.
const CLEANSING: &str = "SELECT 1";
/// How the engine says that a statement that looked like a `SELECT` is none; it says so before running it.
const NOT_STREAMABLE: &str = "Streaming query is not supported";

/// What both sides of a statement know of it.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    /// The statement has ended, one way or the other.
    pub(crate) done: Arc<AtomicBool>,
    /// Nobody waits for the answer.
    pub(crate) abandoned: AtomicBool,
    /// Told when the client goes away, for a statement that waits for its turn.
    pub(crate) left: Notify,
    /// It changes nothing, so it may be stopped when nobody waits.
    pub(crate) stoppable: AtomicBool,
}

/// Why a statement ended early.
enum Failure {
    /// Something to tell the client.
    Exception(Exception),
    /// There is no client to tell.
    Gone,
}

impl From<Exception> for Failure {
    fn from(exception: Exception) -> Self {
        Self::Exception(exception)
    }
}

impl From<Hangup> for Failure {
    fn from(_: Hangup) -> Self {
        Self::Gone
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let inner = error.get_ref();
        if inner.is_some_and(|inner| inner.is::<ClientGone>()) {
            return Self::Gone;
        }
        match inner.and_then(|inner| inner.downcast_ref::<Exception>()) {
            Some(exception) => Self::Exception(exception.clone()),
            None => Self::Exception(Exception::new(
                code::CANNOT_DECOMPRESS,
                "CANNOT_DECOMPRESS",
                format_args!("The request body cannot be decoded: {error}."),
            )),
        }
    }
}

/// A statement to run.
pub(crate) struct Job {
    pub(crate) engine: Arc<Engine>,
    pub(crate) request: Request,
    pub(crate) account: Account,
    /// The session it runs in, if any.
    pub(crate) session: Option<Session>,
    pub(crate) mark: String,
    pub(crate) fate: Arc<Fate>,
    /// The right to be here at all; a turn is waited for when it is known what is asked.
    pub(crate) admission: OwnedSemaphorePermit,
    pub(crate) running: Running,
    pub(crate) runtime: Handle,
}

impl Job {
    /// Runs it to its end, and answers.
    pub(crate) fn run(mut self, body: BodyReader, mut reply: Reply) {
        let outcome = self.perform(body, &mut reply);
        self.fate.done.store(true, Ordering::Release);
        let counters = &self.engine.counters;
        add(&counters.read_rows, reply.progress.read_rows);
        add(&counters.read_bytes, reply.progress.read_bytes);
        add(&counters.written_rows, reply.progress.written_rows);
        add(&counters.written_bytes, reply.progress.written_bytes);
        // The next request may come as soon as this one's answer has ended.
        drop(self.session.take());
        drop(self.running);
        let answered = match outcome {
            Ok(()) => reply.finish(),
            Err(Failure::Exception(exception)) => {
                counters.fail(exception.code);
                debug!(code = exception.code, mark = self.mark, "a statement failed");
                reply.fail(&exception)
            }
            Err(Failure::Gone) => Err(Hangup),
        };
        if answered.is_err() {
            debug!(mark = self.mark, "the client did not wait for its answer");
        }
        drop(self.admission);
    }

    fn perform(&mut self, body: BodyReader, reply: &mut Reply) -> Result<(), Failure> {
        let mut body = decoder(body, self.request.body_encoding, self.request.body_packing)?;
        let (mut text, shape) = self.read_statement(&mut body)?;
        self.count(&shape);
        if let Shape::Other {
            deed: Deed::Kills, ..
        } = shape
        {
            text = kill_by_mark(&text, &self.engine.running());
        }
        let _turn = self.turn(&shape)?;
        let _deadline = self.deadline(&shape);
        let statement = Statement { text, shape };
        match self.session.take() {
            Some(mut session) => {
                let outcome = self.in_session(&mut session, &statement, &mut body, reply);
                self.session = Some(session);
                outcome
            }
            None => {
                let mut connection = self.engine.connect(&self.mark)?;
                self.plan(&statement, reply).apply(&mut connection)?;
                self.dispatch(&mut connection, &statement, &mut body, reply)
            }
        }
    }

    fn count(&self, shape: &Shape) {
        let counters = &self.engine.counters;
        let counter = match shape {
            Shape::Select { .. } => &counters.selects,
            Shape::Insert { .. } => &counters.inserts,
            Shape::Other { .. } => &counters.others,
        };
        add(counter, 1);
        if matches!(shape, Shape::Select { .. }) {
            self.fate.stoppable.store(true, Ordering::Release);
        }
    }

    /// Waits for a turn; what stops others needs none.
    fn turn(&self, shape: &Shape) -> Result<Option<Turn>, Failure> {
        let turns = match shape {
            Shape::Insert { .. } => &self.engine.writes,
            Shape::Select { .. } => &self.engine.reads,
            Shape::Other { deed, .. } => match deed {
                Deed::Kills => return Ok(None),
                Deed::Writes => &self.engine.writes,
                Deed::Reads | Deed::Sets | Deed::Uses | Deed::Temporary => &self.engine.reads,
            },
        };
        let account = match &self.request.quota_key {
            Some(key) if !key.is_empty() => Arc::from(format!("{}\n{key}", self.account.name)),
            _ => Arc::clone(&self.account.name),
        };
        self.runtime.block_on(async {
            tokio::select! {
                turn = turns.take(&account) => Ok(Some(turn?)),
                () = self.fate.left.notified() => Err(Failure::Gone),
            }
        })
    }

    /// Stops a `SELECT` whose time is over, whatever its own settings say, until what this gives is dropped.
    fn deadline(&self, shape: &Shape) -> Option<oneshot::Sender<()>> {
        let limit = self.engine.seconds_max?;
        if !matches!(shape, Shape::Select { .. }) {
            return None;
        }
        let (alive, ended) = oneshot::channel::<()>();
        let (engine, mark, done) = (
            Arc::clone(&self.engine),
            self.mark.clone(),
            Arc::clone(&self.fate.done),
        );
        self.runtime.spawn(async move {
            // It fails by itself at the limit; this is for those that forbade it.
            if tokio::time::timeout(limit + OVERTIME, ended).await.is_err() {
                add(&engine.counters.overtime, 1);
                engine.kill(mark, done);
            }
        });
        Some(alive)
    }

    /// Whether its connection is its own, so that what is set on it stays nowhere.
    fn session_less(&self) -> bool {
        matches!(self.request.session(), Ok(None))
    }

    /// What is to be set for a statement.
    fn plan(&self, statement: &Statement, reply: &mut Reply) -> Plan {
        let whole = match &statement.shape {
            Shape::Insert { .. } => false,
            Shape::Select { format } => {
                reply.format = self.format(format.clone());
                self.streams(&statement.text, &reply.format).is_none()
            }
            Shape::Other { format, .. } => {
                reply.format = self.format(format.clone());
                true
            }
        };
        let seconds_max = self.engine.seconds_max.map_or(0, |limit| limit.as_secs());
        Plan::new(
            &self.request,
            self.account.access,
            &statement.shape,
            whole,
            seconds_max,
        )
    }

    /// Runs a statement on the connection of a session, which is as it was before afterwards, but for what the
    /// statement itself changed.
    fn in_session(
        &self,
        session: &mut Session,
        statement: &Statement,
        body: &mut impl Read,
        reply: &mut Reply,
    ) -> Result<(), Failure> {
        let plan = self.plan(statement, reply);
        let mut connection = match session.take() {
            Some(connection) => connection,
            None => {
                let mut connection = self.engine.connect(&self.mark)?;
                plan.begin(&mut connection)?;
                connection
            }
        };
        let level = settings::readonly(&self.request, self.account.access);
        if level.is_some_and(|level| !settings::allows(level, &statement.shape)) {
            session.put(connection);
            return Err(read_only().into());
        }
        let before = match plan.enter(&mut connection) {
            Ok(before) => before,
            Err(exception) => {
                session.put(connection);
                return Err(exception.into());
            }
        };
        let outcome = self.dispatch(&mut connection, statement, body, reply);
        if outcome.is_err() {
            // The engine's leftovers of it would come out of the next stream.
            let _ = settings::run(&mut connection, CLEANSING);
        }
        for table in &self.request.tables {
            let _ = settings::run(
                &mut connection,
                &format!("DROP TEMPORARY TABLE IF EXISTS {}", quoted(&table.name, '`')),
            );
        }
        match before.restore(&mut connection) {
            Ok(()) => session.put(connection),
            Err(error) => {
                warn!(%error, mark = self.mark, "a session ends: its settings could not be set back")
            }
        }
        outcome
    }

    /// Runs a statement on a connection that is set up for it.
    fn dispatch(
        &self,
        connection: &mut Connection,
        statement: &Statement,
        body: &mut impl Read,
        reply: &mut Reply,
    ) -> Result<(), Failure> {
        if self.fate.abandoned.load(Ordering::Acquire) {
            return Err(Failure::Gone);
        }
        for table in &self.request.tables {
            take_table(connection, table)?;
        }
        let text = statement.text.as_slice();
        match &statement.shape {
            Shape::Insert {
                head_length,
                format,
                data_offset,
            } => {
                let insert = Insert {
                    head: text.get(..*head_length).unwrap_or_default(),
                    format,
                    data: text.get(*data_offset..).unwrap_or_default(),
                };
                self.insert(connection, &insert, body, reply)
            }
            Shape::Select { .. } => match self.streams(text, &reply.format) {
                Some(joining) => self.select(connection, text, joining, reply),
                None => self.whole(connection, text, reply),
            },
            Shape::Other { .. } => self.whole(connection, text, reply),
        }
    }

    /// Reads as much of the body as belongs to the statement.
    fn read_statement(&self, body: &mut impl Read) -> Result<(Vec<u8>, Shape), Failure> {
        let mut text = Vec::new();
        if let Some(query) = &self.request.query {
            text.extend_from_slice(query.as_bytes());
            text.push(b'\n');
        }
        let mut buffer = vec![0_u8; READ_BYTES];
        // Looking again only when the text has doubled keeps the work linear.
        let mut look_at = 0_usize;
        loop {
            if text.len() >= look_at {
                if let Some(shape) = shape(&text, false)? {
                    return Ok((text, shape));
                }
                look_at = text.len().saturating_mul(2);
            }
            let count = body.read(&mut buffer)?;
            if count == 0 {
                let shape = shape(&text, true)?;
                return shape
                    .map(|shape| (text, shape))
                    .ok_or_else(|| Failure::Exception(too_long()));
            }
            text.extend_from_slice(buffer.get(..count).unwrap_or_default());
            if text.len() > STATEMENT_BYTES_MAX {
                return Err(too_long().into());
            }
        }
    }

    /// The format of the result: the statement's, the client's, ClickHouse's.
    fn format(&self, own: Option<String>) -> String {
        own.or_else(|| self.request.default_format.clone())
            .unwrap_or_else(|| "TabSeparated".to_owned())
    }

    /// How the result's blocks join, if it may be streamed.
    fn streams(&self, text: &[u8], format: &str) -> Option<Joining> {
        // This setting puts brackets around JSONEachRow.
        const ARRAY: &str = "output_format_json_array_of_rows";
        let in_text = || {
            text.windows(ARRAY.len())
                .any(|window| window.eq_ignore_ascii_case(ARRAY.as_bytes()))
        };
        let joining = joining(format);
        let whole = joining == Joining::Whole
            || self.request.waits_for_end
            || self.request.setting(ARRAY).is_some()
            || in_text();
        (!whole).then_some(joining)
    }

    fn insert(
        &self,
        connection: &mut Connection,
        insert: &Insert<'_>,
        body: &mut impl Read,
        reply: &mut Reply,
    ) -> Result<(), Failure> {
        let mut stream = connection.stream_insert(insert.head, insert.format, &self.request.parameters)?;
        let mut wanted = insert.data.is_empty() || stream.append(insert.data);
        let mut buffer = vec![0_u8; READ_BYTES];
        while wanted {
            // On an error the stream is dropped, and with it what was not yet a full block.
            let count = body.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            wanted = stream.append(buffer.get(..count).unwrap_or_default());
        }
        reply.progress = stream.finish()?;
        Ok(())
    }

    fn select(
        &self,
        connection: &mut Connection,
        text: &[u8],
        joining: Joining,
        reply: &mut Reply,
    ) -> Result<(), Failure> {
        match self.stream(connection, text, joining, reply) {
            Err(Failure::Exception(exception))
                if reply.progress == Progress::default()
                    && exception.to_string().contains(NOT_STREAMABLE) =>
            {
                if self.session_less() {
                    // Who may not set anything goes without.
                    let _ = Plan::limit_whole(&self.request, connection);
                }
                self.whole(connection, text, reply)
            }
            outcome => outcome,
        }
    }

    fn stream(
        &self,
        connection: &mut Connection,
        text: &[u8],
        joining: Joining,
        reply: &mut Reply,
    ) -> Result<(), Failure> {
        let mut stream = connection.stream_query(text, &reply.format, &self.request.parameters)?;
        let mut joiner = Joiner::new(joining);
        while let Some(block) = stream.next()? {
            reply.progress.add(block.progress());
            reply.write(joiner.rows(block.bytes()))?;
        }
        Ok(())
    }

    fn whole(&self, connection: &mut Connection, text: &[u8], reply: &mut Reply) -> Result<(), Failure> {
        let answer = connection.query(text, &reply.format, &self.request.parameters)?;
        reply.progress = answer.progress();
        for piece in answer.bytes().chunks(READ_BYTES) {
            reply.write(piece)?;
        }
        Ok(())
    }
}

/// Makes a table that came with the request, and fills it.
fn take_table(connection: &mut Connection, table: &ExternalTable) -> Result<(), Exception> {
    let name = quoted(&table.name, '`');
    settings::run(
        connection,
        &format!(
            "CREATE TEMPORARY TABLE {name} ({}) ENGINE = Memory",
            table.structure
        ),
    )?;
    let mut stream =
        connection.stream_insert(format!("INSERT INTO {name}").as_bytes(), &table.format, &[])?;
    stream.append(&table.data);
    stream.finish().map(drop)
}

/// A statement and what it is.
struct Statement {
    text: Vec<u8>,
    shape: Shape,
}

/// An `INSERT` taken apart.
struct Insert<'text> {
    head: &'text [u8],
    format: &'text str,
    /// As much of the data as came with the statement.
    data: &'text [u8],
}

fn too_long() -> Exception {
    Exception::new(
        code::SYNTAX_ERROR,
        "SYNTAX_ERROR",
        format_args!(
            "Max query size exceeded: a statement without its data may have {STATEMENT_BYTES_MAX} bytes."
        ),
    )
}

fn read_only() -> Exception {
    Exception::new(
        code::READONLY,
        "READONLY",
        "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use \
         method POST for modifying queries.",
    )
}

/// Starts a job on a thread of its own.
pub(crate) fn start(job: Job, body: BodyReader, reply: Reply) {
    if let Err(error) = crate::engine::spawn("statement", move || job.run(body, reply)) {
        warn!(%error, "no thread for a statement");
    }
}
