//! The console role: the API and the web front end.
//!
//! ```text
//!  Kafka alerts ──▶ intake ──▶ PostgreSQL ──▶ API ──▶ browser
//!                                  └─ notifies ──▶ news ──▶ live (bounded) ──▶ SSE ──┘
//!  ClickHouse ◀── search, in turns ◀── API
//! ```
//! - `authority`: what somebody may, asked of the case store at each request.
//! - `api`: what the browser calls, under `/api/v1`; `openapi.json` beside `Cargo.toml` is generated from it and the front end's
//!   client from that.
//! - `guard`: what every request passes: headers, size, time, and where it comes from.
//! - `messages`: what the API says to people, in the reader's language.
//! - `listener`: its connections; `tls`: the certificate that they are secured with; `places`: how many of each network.
//! - `intake`: alerts from Kafka; an offset is committed once PostgreSQL has committed the alert.
//! - `news`: what happened to alerts, rights and sensors, told by PostgreSQL to every console there is.
//! - `notices`: tells people of what happened, by their rules; `deliveries`: the same by e-mail and webhook.
//! - `setup`: the one-time code of the first administrator.
//! - `register`: tells the pipelines which sensors there are.
//! - `seal`: signs the audit log.
//! - `network`: whom a request comes from, through which proxies.
//! - `secrets`: the key of what the console keeps secret in the database.
//! - `front`: the built front end, embedded in the binary.
//!
//! Invariant: every handler but those of set-up, sign-in and of sensors that enrol takes `Signed`, and asks it for the reach of what it does before it asks the
//! stores. Invariant: no task ends unobserved: the end of one that should not end is the console's end. Invariant: what lies outside the scope is answered as what does not exist. Invariant: neither tokens nor
//! passwords, codes, or payloads are logged.

mod api;
mod authority;
mod counts;
mod deliveries;
mod error;
mod exports;
mod extract;
mod front;
mod guard;
mod health;
mod intake;
mod listener;
mod live;
mod messages;
mod meter;
mod network;
mod news;
mod notices;
mod openid;
mod options;
mod patience;
mod places;
mod register;
mod seal;
mod secrets;
mod setup;
mod state;
mod streams;
mod time;
mod tls;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;
use vonggac_bus::{Consumer, Producer};
use vonggac_database::Database;
use vonggac_event::topic;
use vonggac_metrics::Problem;
use vonggac_notify::Notifier;
use vonggac_store::Store;

pub use api::openapi;
pub use intake::{AlertSource, Delivered};
pub use network::Network;
pub use options::{Options, TlsVersion};

use state::{Console, Parts};
use tls::Tls;

/// Kafka consumer group of the console.
const GROUP: &str = "console";
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;
/// How often worthless rows are removed.
const PURGE_EVERY: Duration = Duration::from_secs(300);

/// Runs the console until `shutdown`.
///
/// # Errors
/// When its port is taken, PostgreSQL cannot be used, Kafka's settings are refused, or a part of it ends that should not.
/// ClickHouse and Kafka may be away: the console then says so on its health page.
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    let socket = take_port(&options)?;
    let limit = options.statement_limit();
    let database = Database::connect(&options.postgres, &options.postgres_security, limit)
        .await
        .context("the case store cannot be reached")?
        .with_session_limits(options.session_limits());
    database.migrate().await?;
    database.ensure_organisations(time::now_us()).await?;
    database.warm_up().await;
    let setup = setup::Gate::open(&database, &options).await?;
    let seal = seal::Seal::open(&database, &options).await?;
    let vault = secrets::open(&options)?;
    let sensor_key = register::open_key(&options)?;
    let tls = Tls::open(&options, time::now_us())?;
    let store = Store::new(&options.store)?;
    let (stop, stopped) = watch::channel(false);
    let console = Console::new(Parts {
        database,
        store,
        setup,
        seal,
        vault,
        sensor_key,
        notifier: Notifier::new()?,
        options: options.clone(),
        stopped,
    });

    let _fence = note_fence(&console).await?;
    let _page = console.metrics().serve(console.options().metrics).await?;
    // Settings that are refused now would be refused for ever.
    let first = open_topics(&options)?;
    let mut first = Some(first);
    let open = move || first.take().map_or_else(|| open_topics(&options), Ok);

    let listener = socket
        .listen(BACKLOG)
        .map_err(|error| named(error, console.options().listen))?;
    let address = listener.local_addr()?;
    let app = api::app(console.clone());
    let mut tasks = Tasks::default();
    tasks.start("the intake of alerts", intake::run(console.clone(), open));
    tasks.start("the news of alerts", news::run(console.clone()));
    tasks.start("the notices", notices::run(console.clone()));
    tasks.start("the deliveries", deliveries::run(console.clone()));
    tasks.start("the exports", exports::run(console.clone()));
    tasks.start("the register of sensors", register::run(console.clone()));
    tasks.start("the purge", purge(console.clone()));
    tasks.start("the seal of the audit log", seal::run(console.clone()));
    tasks.start("the watch over health", health::run(console.clone()));
    let door = listener::Door {
        app,
        tls: tls.as_ref().map(Tls::acceptor),
        proxies: console.proxies().to_vec(),
        places: console.places().clone(),
        limits: listener::Limits::default(),
        counters: console.door(),
    };
    if let Some(tls) = tls {
        tasks.start("the watch over the certificate", tls::watch(console.clone(), tls));
    }
    let server = listener::serve(listener, door, console.stopped());
    tasks.start("the server", server);
    tracing::info!(%address, "console is ready");

    let outcome = tokio::select! {
        () = shutdown => Ok(()),
        ended = tasks.ended() => Err(ended),
    };
    tracing::info!("console stops");
    let _ = stop.send(true);
    // What the intake holds is not committed yet, so nothing is lost by ending it anywhere.
    let _ = tokio::time::timeout(
        listener::Limits::default().drain + Duration::from_secs(1),
        tasks.all_ended(),
    )
    .await;
    counts::log(&console);
    seal::last(&console).await;
    console.database().close().await;
    outcome
}

/// Says so where PostgreSQL's row-level security does not hold this console.
async fn note_fence(console: &Console) -> anyhow::Result<Problem> {
    let remark = console.metrics().remark("no_row_level_security");
    if !console.database().has_fence().await? {
        let words = "the console's user of PostgreSQL is a superuser, or bypasses row-level security: the second fence between \
                     organisations does not hold it";
        tracing::warn!("{words}");
        remark.set(words);
    }
    Ok(remark)
}

fn open_topics(options: &Options) -> anyhow::Result<intake::Topics> {
    Ok(intake::Topics {
        alerts: Consumer::new(&options.kafka, GROUP, &[topic::ALERTS])?,
        dead_letter: Producer::new(&options.kafka)?,
    })
}

/// The console's tasks, by name. None ends before the console is told to stop, unless something is wrong.
#[derive(Default)]
struct Tasks {
    set: JoinSet<&'static str>,
}

impl Tasks {
    fn start(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.set.spawn(async move {
            task.await;
            name
        });
    }

    /// Until one ends; what that means.
    async fn ended(&mut self) -> anyhow::Error {
        match self.set.join_next().await {
            Some(Ok(name)) => anyhow::anyhow!("{name} has ended, which it should not"),
            Some(Err(error)) => anyhow::Error::new(error).context("a part of the console failed"),
            None => anyhow::anyhow!("the console has no part that runs"),
        }
    }

    async fn all_ended(&mut self) {
        while self.set.join_next().await.is_some() {}
    }
}

/// Takes the port without answering on it yet: whoever can connect finds the console ready, and its one-time code written.
fn take_port(options: &Options) -> anyhow::Result<TcpSocket> {
    let address = options.listen;
    if !address.ip().is_loopback() && !options.is_https() {
        tracing::warn!(%address, "the console is reachable from other machines without TLS; give it a certificate, or put a TLS proxy in front and give --public-url");
    }
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // A console that starts again need not wait for its old connections to fade.
    socket.set_reuseaddr(true)?;
    socket.bind(address).map_err(|error| named(error, address))?;
    Ok(socket)
}

fn named(error: std::io::Error, address: SocketAddr) -> anyhow::Error {
    if error.kind() == std::io::ErrorKind::AddrInUse {
        let (port, ip) = (address.port(), address.ip());
        return anyhow::anyhow!(
            "port {port} on {ip} is taken by another program; give the console another with --listen"
        );
    }
    anyhow::Error::new(error).context(format!("the console cannot listen on {address}"))
}

async fn purge(console: Console) {
    let mut every = tokio::time::interval(PURGE_EVERY);
    let mut stopped = console.stopped();
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        if let Err(error) = console.database().purge(console.now_us()).await {
            tracing::warn!(%error, "worthless rows could not be removed");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod unit {
    use super::*;

    #[tokio::test]
    async fn the_end_of_one_part_is_told() {
        let mut tasks = Tasks::default();
        tasks.start("one that lives", std::future::pending());
        tasks.start("one that ends", std::future::ready(()));
        let told = tasks.ended().await.to_string();
        assert!(told.starts_with("one that ends has ended"), "{told}");
    }
}
