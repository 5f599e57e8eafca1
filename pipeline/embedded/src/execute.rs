//! One statement, from its text to its answer, on a thread and a connection of its own.
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

use tokio::sync::OwnedSemaphorePermit;
use tracing::{debug, warn};

use crate::body::{BodyReader, ClientGone};
use crate::codec::decoder;
use crate::engine::Engine;
use crate::exception::{Exception, code};
use crate::ffi::Connection;
use crate::format::{Joiner, Joining, joining};
use crate::reply::{Hangup, Reply};
use crate::request::Request;
use crate::statement::{Shape, shape};

/// Longest statement, not counting the data of an `INSERT`.
const STATEMENT_BYTES_MAX: usize = 16 << 20;
/// Size of the pieces in which a body is read.
const READ_BYTES: usize = 256 << 10;
/// Largest result, in rows and in bytes of its columns, that is held whole, unless the client sets
/// `max_result_rows` and `max_result_bytes`. Formatted it may be some times larger.
const WHOLE_RESULT_ROWS_MAX: &str = "1000000";
const WHOLE_RESULT_BYTES_MAX: &str = "67108864";
/// How the engine says that a statement that looked like a `SELECT` is none; it says so before running it.
const NOT_STREAMABLE: &str = "Streaming query is not supported";

/// What both sides of a statement know of it.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    /// The statement has ended, one way or the other.
    pub(crate) done: Arc<AtomicBool>,
    /// Nobody waits for the answer.
    pub(crate) abandoned: AtomicBool,
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
    pub(crate) mark: String,
    pub(crate) fate: Arc<Fate>,
    /// The right to run; given back when the connection is closed.
    pub(crate) permit: OwnedSemaphorePermit,
}

impl Job {
    /// Runs it to its end, and answers.
    pub(crate) fn run(self, body: BodyReader, mut reply: Reply) {
        let counters = &self.engine.counters;
        counters.statements.fetch_add(1, Ordering::Relaxed);
        let outcome = self.perform(body, &mut reply);
        self.fate.done.store(true, Ordering::Release);
        counters
            .rows_written
            .fetch_add(reply.progress.written_rows, Ordering::Relaxed);
        let answered = match outcome {
            Ok(()) => reply.finish(),
            Err(Failure::Exception(exception)) => {
                counters.failed.fetch_add(1, Ordering::Relaxed);
                debug!(code = exception.code, mark = self.mark, "a statement failed");
                reply.fail(&exception)
            }
            Err(Failure::Gone) => Err(Hangup),
        };
        if answered.is_err() {
            debug!(mark = self.mark, "the client did not wait for its answer");
        }
        drop(self.permit);
    }

    fn perform(&self, body: BodyReader, reply: &mut Reply) -> Result<(), Failure> {
        let mut body = decoder(body, self.request.body_encoding, self.request.body_packing);
        let (text, shape) = self.read_statement(&mut body)?;
        match shape {
            Shape::Insert {
                head_length,
                format,
                data_offset,
            } => {
                let head = text.get(..head_length).unwrap_or_default();
                let data = text.get(data_offset..).unwrap_or_default();
                self.insert(
                    Insert {
                        head,
                        format: &format,
                        data,
                    },
                    &mut body,
                    reply,
                )
            }
            Shape::Select { format } => {
                self.fate.stoppable.store(true, Ordering::Release);
                reply.format = self.format(format);
                match self.streams(&text, &reply.format) {
                    Some(joining) => self.select(&text, joining, reply),
                    None => self.whole(&text, reply),
                }
            }
            Shape::Other { format } => {
                reply.format = self.format(format);
                self.whole(&text, reply)
            }
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

    /// Opens a connection and gives it what the request says of settings and database. `first` are settings of
    /// ours, which the client's override.
    fn connect(&self, first: &[(&str, &str)]) -> Result<Connection, Failure> {
        if self.fate.abandoned.load(Ordering::Acquire) {
            return Err(Failure::Gone);
        }
        let mut connection = self.engine.connect(&self.mark)?;
        let given = self
            .request
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let settings = first
            .iter()
            .copied()
            .chain(given)
            .filter(|(name, _)| *name != "readonly");
        let assignments: Vec<String> = settings
            .map(|(name, value)| format!("`{name}` = {}", quoted(value, '\'')))
            .collect();
        if !assignments.is_empty() {
            connection.query(format!("SET {}", assignments.join(", ")).as_bytes(), "Null", &[])?;
        }
        if let Some(database) = self.request.database.as_deref().filter(|name| !name.is_empty()) {
            connection.query(format!("USE {}", quoted(database, '`')).as_bytes(), "Null", &[])?;
        }
        // Last, because after it nothing can be set. As in ClickHouse, GET allows settings but no changes.
        let readonly = match self.request.setting("readonly") {
            None | Some("0") if self.request.reads_only => Some("2"),
            other => other,
        };
        if let Some(level) = readonly {
            connection.query(
                format!("SET readonly = {}", quoted(level, '\'')).as_bytes(),
                "Null",
                &[],
            )?;
        }
        Ok(connection)
    }

    fn insert(&self, insert: Insert<'_>, body: &mut impl Read, reply: &mut Reply) -> Result<(), Failure> {
        let mut connection = self.connect(&[])?;
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

    fn select(&self, text: &[u8], joining: Joining, reply: &mut Reply) -> Result<(), Failure> {
        let mut connection = self.connect(&[])?;
        let stream = connection.stream_query(text, &reply.format, &self.request.parameters);
        let mut stream = match stream {
            Ok(stream) => stream,
            Err(exception) if exception.to_string().contains(NOT_STREAMABLE) => {
                return self.whole(text, reply);
            }
            Err(exception) => return Err(exception.into()),
        };
        let mut joiner = Joiner::new(joining);
        while let Some(block) = stream.next()? {
            reply.progress.add(block.progress());
            reply.write(joiner.rows(block.bytes()))?;
        }
        Ok(())
    }

    fn whole(&self, text: &[u8], reply: &mut Reply) -> Result<(), Failure> {
        let limits = [
            ("max_result_rows", WHOLE_RESULT_ROWS_MAX),
            ("max_result_bytes", WHOLE_RESULT_BYTES_MAX),
            ("result_overflow_mode", "throw"),
        ];
        let mut connection = self.connect(&limits)?;
        let answer = connection.query(text, &reply.format, &self.request.parameters)?;
        reply.progress = answer.progress();
        for piece in answer.bytes().chunks(READ_BYTES) {
            reply.write(piece)?;
        }
        Ok(())
    }
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

/// A text between quotes, as SQL reads it back.
fn quoted(text: &str, quote: char) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    quoted.push(quote);
    for letter in text.chars() {
        if letter == quote || letter == '\\' {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push(quote);
    quoted
}

/// Starts a job on a thread of its own.
pub(crate) fn start(job: Job, body: BodyReader, reply: Reply) {
    if let Err(error) = crate::engine::spawn("statement", move || job.run(body, reply)) {
        warn!(%error, "no thread for a statement");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_escaped() {
        assert_eq!(quoted("it's \\ `x`", '\''), "'it\\'s \\\\ `x`'");
        assert_eq!(quoted("a`b", '`'), "`a\\`b`");
    }
}
