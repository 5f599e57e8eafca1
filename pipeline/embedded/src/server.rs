//! The HTTP side: routes, who may come in, start and stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tracing::{info, warn};

use crate::answer::{Guard, Pieces, answer, query_id, refusal, tag};
use crate::body;
use crate::engine::Engine;
use crate::error::EmbeddedError;
use crate::exception::{Exception, code};
use crate::execute::{Fate, Job, start};
use crate::multipart;
use crate::options::Options;
use crate::reply::{CHUNKS_MAX, Manner, Reply};
use crate::request::Request;

/// How long running statements may go on after the server was told to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How long the engine then waits for statements that were told to stop.
const STOP_MAX: Duration = Duration::from_secs(3);

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
    /// What the engine has counted, as it stands at each call, for as long as anybody asks.
    pub fn counts(&self) -> impl Fn() -> Vec<Count> + Send + Sync + 'static {
        let app = Arc::clone(&self.app);
        move || counts(&app.engine)
    }

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
    counts(&app.engine)
        .iter()
        .map(|(name, _, count)| format!("{name} {count}\n"))
        .collect()
}

/// A counter: its name, what it counts, how many.
pub type Count = (&'static str, &'static str, u64);

fn counts(engine: &Engine) -> Vec<Count> {
    let counters = &engine.counters;
    [
        (
            "embedded_statements_total",
            "Statements that were begun.",
            &counters.statements,
        ),
        (
            "embedded_statements_failed_total",
            "Statements that failed.",
            &counters.failed,
        ),
        (
            "embedded_statements_refused_busy_total",
            "Statements that were refused because too many waited.",
            &counters.refused_busy,
        ),
        (
            "embedded_statements_abandoned_total",
            "Statements whose client went away before their end.",
            &counters.abandoned,
        ),
        (
            "embedded_rows_written_total",
            "Rows that were inserted.",
            &counters.rows_written,
        ),
    ]
    .map(|(name, help, counter)| (name, help, counter.load(Ordering::Relaxed)))
    .to_vec()
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
        Err(exception) => return refusal(&app.engine, &exception, &query_id, &tag),
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
    let guard = Guard::new(engine, query_id.clone(), Arc::clone(&fate));
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
        Ok(head) => answer(&app.engine, head, Pieces { pieces, guard }, &shown_id, &tag),
        Err(_) => {
            let lost = Exception::new(code::ABORTED, "ABORTED", "The statement ended without an answer.");
            refusal(&app.engine, &lost, &shown_id, &tag)
        }
    }
}
