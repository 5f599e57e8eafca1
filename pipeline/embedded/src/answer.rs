//! What an answer looks like on the wire: status, headers, and a body that ends, breaks off or is given up.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;

use crate::counters::add;
use crate::engine::Engine;
use crate::exception::Exception;
use crate::execute::Fate;
use crate::ffi::Progress;
use crate::format::media_type;
use crate::reply::{Head, Piece};

/// Between the exception at the end of a body and the break of its connection: without it the break would
/// overtake the exception, since a broken connection is not flushed.
const BREAK_PAUSE: Duration = Duration::from_millis(50);
/// How this server calls itself.
const DISPLAY_NAME: &str = "vonggac";

/// Stops a statement that nobody waits for: dropped before the answer's end, it means that the client has gone.
pub(crate) struct Guard {
    engine: Arc<Engine>,
    mark: String,
    fate: Arc<Fate>,
    answered: bool,
}

impl Guard {
    /// Watches over the statement that bears a mark.
    pub(crate) fn new(engine: Arc<Engine>, mark: String, fate: Arc<Fate>) -> Self {
        Self {
            engine,
            mark,
            fate,
            answered: false,
        }
    }

    /// The answer has been given to its end.
    fn settle(&mut self) {
        self.answered = true;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.answered || self.fate.done.load(Ordering::Acquire) {
            return;
        }
        self.fate.abandoned.store(true, Ordering::Release);
        self.fate.left.notify_one();
        add(&self.engine.counters.abandoned, 1);
        if self.fate.stoppable.load(Ordering::Acquire) {
            self.engine.kill(self.mark.clone(), Arc::clone(&self.fate.done));
        }
    }
}

/// A body under way.
pub(crate) struct Pieces {
    pub(crate) pieces: mpsc::Receiver<Piece>,
    pub(crate) guard: Guard,
}

pub(crate) fn answer(engine: &Engine, head: Head, pieces: Pieces, query_id: &str, tag: &str) -> Response {
    let body = stream::unfold(pieces, |mut from| async move {
        let piece = match from.pieces.recv().await {
            Some(Piece::Data(data)) => Ok::<Bytes, io::Error>(data),
            Some(Piece::End) => {
                from.guard.settle();
                return None;
            }
            // The channel closes without an end only if the statement's thread died.
            Some(Piece::Broken) | None => {
                from.guard.settle();
                tokio::time::sleep(BREAK_PAUSE).await;
                Err(io::Error::other(
                    "the statement failed after its answer had begun",
                ))
            }
        };
        Some((piece, from))
    });
    let mut response = Response::new(Body::from_stream(body));
    *response.status_mut() = head.status;
    let headers = response.headers_mut();
    let media = match head.exception_code {
        Some(code) => {
            put(headers, "x-clickhouse-exception-code", &code.to_string());
            "text/plain; charset=UTF-8"
        }
        None => media_type(&head.format),
    };
    put(headers, CONTENT_TYPE.as_str(), media);
    if let Some(encoding) = head.encoding.header() {
        put(headers, CONTENT_ENCODING.as_str(), encoding);
    }
    put(headers, "x-clickhouse-format", &head.format);
    put(headers, "x-clickhouse-summary", &summary(head.progress));
    common(headers, engine, query_id, tag);
    response
}

pub(crate) fn refusal(engine: &Engine, exception: &Exception, query_id: &str, tag: &str) -> Response {
    engine.counters.fail(exception.code);
    let line = exception.line(&engine.version);
    let mut response = (exception.status(), format!("{line}\n")).into_response();
    let headers = response.headers_mut();
    put(
        headers,
        "x-clickhouse-exception-code",
        &exception.code.to_string(),
    );
    if exception.status() == StatusCode::UNAUTHORIZED {
        put(
            headers,
            "www-authenticate",
            "Basic realm=\"ClickHouse server HTTP API\"",
        );
    }
    common(headers, engine, query_id, tag);
    response
}

fn common(headers: &mut HeaderMap, engine: &Engine, query_id: &str, tag: &str) {
    put(headers, "x-clickhouse-query-id", query_id);
    put(headers, "x-clickhouse-timezone", &engine.timezone);
    put(headers, "x-clickhouse-server-display-name", DISPLAY_NAME);
    put(headers, "x-clickhouse-exception-tag", tag);
}

/// Sets a header; a value that none may have (an id with line ends in it) is left out.
fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// `X-ClickHouse-Summary`: numbers as texts, as ClickHouse writes them.
fn summary(progress: Progress) -> String {
    serde_json::json!({
        "read_rows": progress.read_rows.to_string(),
        "read_bytes": progress.read_bytes.to_string(),
        "written_rows": progress.written_rows.to_string(),
        "written_bytes": progress.written_bytes.to_string(),
        "total_rows_to_read": "0",
        "result_rows": progress.result_rows.max(progress.written_rows).to_string(),
        "result_bytes": "0",
    })
    .to_string()
}

/// An id like those ClickHouse gives: a random UUID.
pub(crate) fn query_id() -> String {
    let bits: u128 = rand::random();
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-4{}-a{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

/// Sixteen random small letters, which no data can foresee.
pub(crate) fn tag() -> String {
    let mut bits: u128 = rand::random();
    std::iter::repeat_with(|| {
        let letter = u8::try_from(bits % 26).unwrap_or_default();
        bits /= 26;
        char::from(b'a'.saturating_add(letter))
    })
    .take(16)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_tags_have_their_forms() {
        let id = query_id();
        assert_eq!((id.len(), id.matches('-').count()), (36, 4), "{id}");
        let tag = tag();
        assert!(
            tag.len() == 16 && tag.bytes().all(|byte| byte.is_ascii_lowercase()),
            "{tag}"
        );
    }

    #[test]
    fn the_summary_writes_numbers_as_texts() {
        let text = summary(Progress {
            written_rows: 7,
            ..Progress::default()
        });
        assert!(text.contains("\"written_rows\":\"7\""), "{text}");
    }
}
