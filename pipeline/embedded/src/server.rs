//! The HTTP side: routes, who may come in, start and stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tracing::{info, warn};

use crate::answer::{Guard, Pieces, answer, query_id, refusal, tag};
use crate::body;
use crate::counters::{Sample, add, render};
use crate::engine::Engine;
use crate::error::EmbeddedError;
use crate::exception::{Exception, code};
use crate::execute::{Fate, Job, start};
use crate::multipart;
use crate::options::Options;
use crate::play;
use crate::reply::{CHUNKS_MAX, Head, Manner, Reply};
use crate::request::Request;
use crate::sessions::SWEEP_PAUSE;
use crate::turns::WAITING_MAX;
use crate::users::{Account, Users};
use crate::writes;

/// How long running statements may go on after the server was told to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How long the engine then waits for statements that were told to stop.
const STOP_MAX: Duration = Duration::from_secs(3);
/// Requests under way or waiting: as many as the queues of both pools of turns hold, those that run, and some whose
/// statement is still on its way.
const ADMITTED_MAX: usize = 3 * WAITING_MAX;
const METRICS_MEDIA: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What every request needs.
struct App {
    engine: Arc<Engine>,
    users: Users,
    /// Requests under way or waiting.
    admissions: Arc<Semaphore>,
    /// The Play page, once somebody has asked for it.
    play: OnceCell<Option<Bytes>>,
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
        let users = match &options.users_file {
            Some(path) => Users::read(path)?,
            None => Users::one(&options.user, options.password.as_deref()),
        };
        if users.open() && !address.ip().is_loopback() {
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
        let app = Arc::new(App {
            engine,
            users,
            admissions: Arc::new(Semaphore::new(ADMITTED_MAX)),
            play: OnceCell::new(),
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

    /// What tells the server's numbers (those of `/metrics`), for as long as it is kept.
    pub fn numbers(&self) -> impl Fn() -> Vec<Sample> + Send + Sync + use<> {
        let engine = Arc::clone(&self.app.engine);
        move || engine.samples()
    }

    /// What is wrong, in words, when somebody asks.
    pub fn trouble(&self) -> impl Fn() -> Option<String> + Send + Sync + use<> {
        let data = self.app.engine.data.clone();
        move || {
            let waits = match writes::waiting() {
                0 => return None,
                1 => "a write waits".to_owned(),
                count => format!("{count} writes wait"),
            };
            Some(format!(
                "no space left on the disk of {}: {waits} until there is some",
                data.display()
            ))
        }
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
        let sweeper = tokio::spawn(sweep(Arc::clone(&engine)));
        let served = tokio::select! {
            served = server => served.map_err(EmbeddedError::Serve),
            () = overtime => {
                warn!("statements still run after {GRACE:?}; they are stopped");
                engine.kill_all();
                Ok(())
            }
        };
        sweeper.abort();
        let quiet = engine.quiesce(STOP_MAX).await;
        if writes::waiting() > 0 {
            warn!("writes still wait for room on the disk; the process ends without them");
            writes::end_without_them();
        }
        match quiet {
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
        .route("/", get(statement).post(statement).options(methods))
        .route("/ping", get(ok))
        .route("/replicas_status", get(ok))
        .route("/metrics", get(metrics))
        .route("/play", get(play))
        .with_state(app)
}

async fn ok() -> &'static str {
    "Ok.\n"
}

/// What may be asked: the Play page looks whether the server is there that way. No other site is allowed anything.
async fn methods() -> impl IntoResponse {
    (StatusCode::NO_CONTENT, [(ALLOW, "GET, HEAD, POST, OPTIONS")])
}

async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, METRICS_MEDIA)], render(&app.engine.samples()))
}

/// The Play page, as it comes with the engine.
async fn play(State(app): State<Arc<App>>) -> Response {
    let page = app
        .play
        .get_or_init(|| async {
            let path = app.engine.path.clone();
            let found = tokio::task::spawn_blocking(move || play::find(&path)).await;
            match found {
                Ok(Ok(page)) => page.map(Bytes::from),
                Ok(Err(error)) => {
                    warn!(%error, "the engine's library cannot be read for the Play page");
                    None
                }
                Err(_) => None,
            }
        })
        .await;
    match page {
        Some(page) => (
            [
                (CONTENT_TYPE, "text/html; charset=UTF-8"),
                (CONTENT_SECURITY_POLICY, play::POLICY),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (REFERRER_POLICY, "no-referrer"),
            ],
            page.clone(),
        )
            .into_response(),
        None => (StatusCode::NOT_FOUND, "This engine comes without a Play page.\n").into_response(),
    }
}

/// A request that is let in.
struct Admitted {
    request: Request,
    account: Account,
    admission: OwnedSemaphorePermit,
    body: Body,
}

/// Reads what is asked and by whom; `None` if nothing is asked.
async fn admit(app: &App, parts: &Parts, sent: Body) -> Result<Option<Admitted>, Exception> {
    let checked = Request::parse(&parts.method, &parts.uri, &parts.headers).and_then(|request| {
        let account = request
            .credentials
            .check(&app.users)
            .inspect_err(|_| add(&app.engine.counters.refused_login, 1))?;
        let admission = Arc::clone(&app.admissions)
            .try_acquire_owned()
            .map_err(|_| full(app))?;
        Ok((request, account, admission))
    });
    let (mut request, account, admission) = match checked {
        Ok((request, ..)) if request.query.is_none() && parts.method == Method::GET => return Ok(None),
        Ok(admitted) => admitted,
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
    let body = match media.and_then(multipart::boundary) {
        Some(boundary) => {
            let form = body::whole(sent).await?;
            request.take_form(multipart::fields(&form, boundary)?)?;
            Body::empty()
        }
        None => sent,
    };
    Ok(Some(Admitted {
        request,
        account,
        admission,
        body,
    }))
}

fn full(app: &App) -> Exception {
    add(&app.engine.counters.refused_admission, 1);
    Exception::new(
        code::TOO_MANY_SIMULTANEOUS_QUERIES,
        "TOO_MANY_SIMULTANEOUS_QUERIES",
        format_args!("Too many simultaneous queries. {ADMITTED_MAX} may be under way or wait."),
    )
}

async fn statement(State(app): State<Arc<App>>, request: axum::extract::Request) -> Response {
    let (parts, sent) = request.into_parts();
    let (tag, query_id) = (tag(), query_id());
    let admitted = match admit(&app, &parts, sent).await {
        Ok(Some(admitted)) => admitted,
        Ok(None) => return ok().await.into_response(),
        Err(exception) => return refusal(&app.engine, &exception, &query_id, &tag),
    };
    let shown_id = admitted
        .request
        .query_id
        .clone()
        .filter(|id| !id.is_empty())
        .unwrap_or_else(|| query_id.clone());
    match begin(&app, admitted, query_id, &tag) {
        Ok((head, pieces)) => match head.await {
            Ok(head) => answer(&app.engine, head, pieces, &shown_id, &tag),
            Err(_) => {
                let lost = Exception::new(code::ABORTED, "ABORTED", "The statement ended without an answer.");
                refusal(&app.engine, &lost, &shown_id, &tag)
            }
        },
        Err(exception) => refusal(&app.engine, &exception, &shown_id, &tag),
    }
}

/// Enters the session, if there is one, and starts the statement.
fn begin(
    app: &App,
    admitted: Admitted,
    query_id: String,
    tag: &str,
) -> Result<(oneshot::Receiver<Head>, Pieces), Exception> {
    let Admitted {
        request,
        account,
        admission,
        body,
    } = admitted;
    let begun = (|| -> Result<_, Exception> {
        let session = request
            .session()?
            .map(|wanted| app.engine.sessions.enter(&account.name, wanted, &query_id))
            .transpose()?;
        let mark = session
            .as_ref()
            .map_or(query_id.as_str(), |session| session.mark.as_str())
            .to_owned();
        let chosen = request.query_id.as_deref().filter(|id| !id.is_empty());
        let running = app.engine.enlist(&mark, chosen)?;
        Ok((session, mark, running))
    })();
    let body = body::receive(body);
    // On an error the body is read to its end by nobody, so that its sender gets to read the answer.
    let (session, mark, running) = begun?;
    let (head_sender, head) = oneshot::channel();
    let (piece_sender, pieces) = mpsc::channel(CHUNKS_MAX);
    let manner = Manner {
        encoding: request.reply_encoding,
        packing: request.reply_packing,
        version: app.engine.version.clone(),
        tag: tag.to_owned(),
        runtime: Handle::current(),
    };
    let fate = Arc::new(Fate::default());
    let guard = Guard::new(Arc::clone(&app.engine), mark.clone(), Arc::clone(&fate));
    let job = Job {
        engine: Arc::clone(&app.engine),
        request,
        account,
        session,
        mark,
        fate,
        admission,
        running,
        runtime: Handle::current(),
    };
    start(job, body, Reply::new(head_sender, piece_sender, manner));
    Ok((head, Pieces { pieces, guard }))
}

/// Ends the sessions whose time is over, for as long as the server runs.
async fn sweep(engine: Arc<Engine>) {
    loop {
        tokio::time::sleep(SWEEP_PAUSE).await;
        let over = engine.sessions.expire(Instant::now());
        if !over.is_empty() {
            // To close a connection takes a moment.
            let _ = tokio::task::spawn_blocking(move || drop(over)).await;
        }
    }
}
