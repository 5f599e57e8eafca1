//! The HTTP side: routes, status and headers of answers, start and stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use bytes::Bytes;
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tracing::{info, warn};

use crate::body;
use crate::engine::Engine;
use crate::error::EmbeddedError;
use crate::exception::{Exception, code};
use crate::execute::{Fate, Job, start};
use crate::ffi::Progress;
use crate::format::media_type;
use crate::multipart;
use crate::options::Options;
use crate::reply::{CHUNKS_MAX, Head, Manner, Piece, Reply};
use crate::request::Request;

/// How long running statements may go on after the server was told to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How long the engine then waits for statements that were told to stop.
const STOP_MAX: Duration = Duration::from_secs(3);
/// Between the exception at the end of a body and the break of its connection: without it the break would
/// overtake the exception, since a broken connection is not flushed.
const BREAK_PAUSE: Duration = Duration::from_millis(50);
/// How this server calls itself.
const DISPLAY_NAME: &str = "vonggac";

/// What every request needs.
struct App {
    engine: Arc<Engine>,
    user: String,
    password: Option<String>,
}

/// A server that listens, with its engine open.
pub struct Server {
    listener: TcpListener,
    app: Arc<App>,
}

impl Server {
    /// Listens and opens the engine, in this order, so that a taken port leaves the data alone.
    ///
    /// # Errors
    /// Every reason of [`EmbeddedError`] but [`EmbeddedError::Serve`].
    pub async fn start(options: Options) -> Result<Self, EmbeddedError> {
        let address = options.listen;
        if options.password.as_deref().unwrap_or_default().is_empty() && !address.ip().is_loopback() {
            return Err(EmbeddedError::PasswordMissing { address });
        }
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| match source.kind() {
                io::ErrorKind::AddrInUse => EmbeddedError::PortTaken { address },
                _ => EmbeddedError::Listen { address, source },
            })?;
        let opening = options.clone();
        let engine = tokio::task::spawn_blocking(move || Engine::open(&opening))
            .await
            .map_err(|error| EmbeddedError::EngineSilent {
                reason: error.to_string(),
            })??;
        let password = options.password.filter(|password| !password.is_empty());
        let app = Arc::new(App {
            engine,
            user: options.user,
            password,
        });
        Ok(Self { listener, app })
    }

    /// The address listened on, with the port that the system chose if 0 was asked for.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown`; then takes no more, lets what runs go on for ten seconds, stops the rest and
    /// closes the engine.
    ///
    /// # Errors
    /// [`EmbeddedError::Serve`].
    pub async fn serve(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), EmbeddedError> {
        let engine = Arc::clone(&self.app.engine);
        if let Ok(address) = self.listener.local_addr() {
            info!(%address, "listening");
        }
        let (tell, mut told) = watch::channel(false);
        let stop = async move {
            shutdown.await;
            tell.send_replace(true);
        };
        let listener = self.listener.tap_io(|connection| {
            // Answers are written in one go; waiting to fill a segment only delays them.
            let _ = connection.set_nodelay(true);
        });
        let server = axum::serve(listener, router(self.app))
            .with_graceful_shutdown(stop)
            .into_future();
        let overtime = async {
            if told.wait_for(|stopping| *stopping).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(GRACE).await;
        };
        let served = tokio::select! {
            served = server => served.map_err(EmbeddedError::Serve),
            () = overtime => {
                warn!("statements still run after {GRACE:?}; they are stopped");
                engine.kill_all();
                Ok(())
            }
        };
        match engine.quiesce(STOP_MAX).await {
            true => {
                let closed = tokio::task::spawn_blocking(move || engine.close()).await;
                served.and(closed.map_err(|error| EmbeddedError::Serve(io::Error::other(error))))
            }
            false => {
                warn!("statements do not stop; the engine ends with the process");
                served
            }
        }
    }
}

/// Serves the engine until `shutdown`.
///
/// # Errors
/// [`EmbeddedError`], with everything a person needs to act on it.
pub async fn run(
    options: Options,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    Server::start(options).await?.serve(shutdown).await?;
    Ok(())
}

fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(statement).post(statement))
        .route("/ping", get(ok))
        .route("/replicas_status", get(ok))
        .route("/metrics", get(metrics))
        .with_state(app)
}

async fn ok() -> &'static str {
    "Ok.\n"
}

async fn metrics(State(app): State<Arc<App>>) -> String {
    let counters = &app.engine.counters;
    [
        ("statements", &counters.statements),
        ("statements_failed", &counters.failed),
        ("statements_refused_busy", &counters.refused_busy),
        ("statements_abandoned", &counters.abandoned),
        ("rows_written", &counters.rows_written),
    ]
    .iter()
    .map(|(name, counter)| format!("embedded_{name}_total {}\n", counter.load(Ordering::Relaxed)))
    .collect()
}

/// Stops a statement that nobody waits for: dropped before the answer's end, it means that the client has gone.
struct Guard {
    engine: Arc<Engine>,
    mark: String,
    fate: Arc<Fate>,
    answered: bool,
}

impl Guard {
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
        if self.fate.stoppable.load(Ordering::Acquire) {
            self.engine.kill(self.mark.clone(), Arc::clone(&self.fate.done));
        }
    }
}

/// Reads what is asked and by whom, and waits for a turn; `None` if nothing is asked.
async fn admit(
    app: &App,
    parts: &Parts,
    sent: Body,
) -> Result<Option<(Request, OwnedSemaphorePermit, Body)>, Exception> {
    let checked = Request::parse(&parts.method, &parts.uri, &parts.headers).and_then(|request| {
        request.credentials.check(&app.user, app.password.as_deref())?;
        Ok(request)
    });
    let mut request = match checked {
        Ok(request) if request.query.is_none() && parts.method == Method::GET => return Ok(None),
        Ok(request) => request,
        Err(exception) => {
            // Receiving for nobody reads the body to its end, so that its sender gets to read the answer.
            drop(body::receive(sent));
            return Err(exception);
        }
    };
    let media = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let sent = match media.and_then(multipart::boundary) {
        Some(boundary) => {
            let form = body::whole(sent).await?;
            request.take_form(multipart::fields(&form, boundary)?)?;
            Body::empty()
        }
        None => sent,
    };
    let permit = app.engine.turn().await?;
    Ok(Some((request, permit, sent)))
}

async fn statement(State(app): State<Arc<App>>, request: axum::extract::Request) -> Response {
    let (parts, sent) = request.into_parts();
    let tag = tag();
    let query_id = query_id();
    let (request, permit, sent) = match admit(&app, &parts, sent).await {
        Ok(Some(admitted)) => admitted,
        Ok(None) => return ok().await.into_response(),
        Err(exception) => return refusal(&app, &exception, &query_id, &tag),
    };
    let (head_sender, head) = oneshot::channel();
    let (piece_sender, pieces) = mpsc::channel(CHUNKS_MAX);
    let version = app.engine.version.clone();
    let manner = Manner {
        encoding: request.reply_encoding,
        packing: request.reply_packing,
        version,
        tag: tag.clone(),
    };
    let shown_id = request.query_id.clone().unwrap_or_else(|| query_id.clone());
    let fate = Arc::new(Fate::default());
    let engine = Arc::clone(&app.engine);
    let guard = Guard {
        engine,
        mark: query_id.clone(),
        fate: Arc::clone(&fate),
        answered: false,
    };
    let job = Job {
        engine: Arc::clone(&app.engine),
        request,
        mark: query_id,
        fate,
        permit,
    };
    start(
        job,
        body::receive(sent),
        Reply::new(head_sender, piece_sender, manner),
    );
    match head.await {
        Ok(head) => answer(&app, head, Pieces { pieces, guard }, &shown_id, &tag),
        Err(_) => {
            let lost = Exception::new(code::ABORTED, "ABORTED", "The statement ended without an answer.");
            refusal(&app, &lost, &shown_id, &tag)
        }
    }
}

/// A body under way.
struct Pieces {
    pieces: mpsc::Receiver<Piece>,
    guard: Guard,
}

fn answer(app: &App, head: Head, pieces: Pieces, query_id: &str, tag: &str) -> Response {
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
    common(headers, app, query_id, tag);
    response
}

fn refusal(app: &App, exception: &Exception, query_id: &str, tag: &str) -> Response {
    app.engine.counters.failed.fetch_add(1, Ordering::Relaxed);
    let line = exception.line(&app.engine.version);
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
    common(headers, app, query_id, tag);
    response
}

fn common(headers: &mut HeaderMap, app: &App, query_id: &str, tag: &str) {
    put(headers, "x-clickhouse-query-id", query_id);
    put(headers, "x-clickhouse-timezone", &app.engine.timezone);
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
fn query_id() -> String {
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
fn tag() -> String {
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
