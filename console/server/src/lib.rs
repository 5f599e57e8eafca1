//! The console role: the API and the web front end.
//!
//! ```text
//!  Kafka alerts ──▶ intake ──▶ PostgreSQL ──▶ API ──▶ browser
//!                      └──────▶ live (bounded) ──▶ SSE ──┘
//!  ClickHouse ◀── search ◀── API
//! ```
//! - `api`: what the browser calls, under `/api/v1`; `openapi.json` beside `Cargo.toml` is generated from it and the front end's
//!   client from that.
//! - `guard`: what every request passes: headers, size, time, and where it comes from.
//! - `intake`: alerts from Kafka; an offset is committed once PostgreSQL has committed the alert.
//! - `setup`: the one-time code of the first administrator.
//! - `front`: the built front end, embedded in the binary.
//!
//! Invariant: every handler but those of set-up and sign-in takes `Signed`, and everything it asks the stores for is limited to that
//! account's scope. Invariant: what lies outside the scope is answered as what does not exist. Invariant: neither tokens nor
//! passwords, codes, or payloads are logged. TLS is not served here: put a proxy in front and give `--public-url`.

mod api;
mod error;
mod extract;
mod front;
mod guard;
mod health;
mod intake;
mod live;
mod options;
mod setup;
mod state;
mod time;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpSocket;
use tokio::sync::watch;
use vonggac_bus::Consumer;
use vonggac_database::Database;
use vonggac_event::topic;
use vonggac_store::Store;

pub use api::openapi;
pub use intake::{AlertSource, Delivered};
pub use options::Options;

use state::{Console, Parts};

/// Kafka consumer group of the console.
const GROUP: &str = "console";
/// How long open requests may take to end at shutdown.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;
/// How often worthless rows are removed.
const PURGE_EVERY: Duration = Duration::from_secs(300);

/// Runs the console until `shutdown`.
///
/// # Errors
/// When its port is taken, PostgreSQL cannot be used, or Kafka's settings are refused. ClickHouse and Kafka may be away: the
/// console then says so on its health page.
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    let socket = take_port(&options)?;
    let database = Database::connect(&options.postgres, &options.postgres_security)
        .await
        .context("the case store cannot be reached")?;
    database.migrate().await?;
    database.warm_up().await;
    let setup = setup::Gate::open(&database, &options).await?;
    let store = Store::new(&options.store)?;
    let (stop, stopped) = watch::channel(false);
    let console = Console::new(Parts {
        database,
        store,
        setup,
        options: options.clone(),
        stopped,
    });

    let consumer = Consumer::new(&options.kafka, GROUP, &[topic::ALERTS])?;
    let intake = tokio::spawn(intake::run(console.clone(), consumer));
    let purge = tokio::spawn(purge(console.clone()));
    let listener = socket
        .listen(BACKLOG)
        .map_err(|error| named(error, options.listen))?;
    tracing::info!(address = %listener.local_addr()?, "console is ready");
    let app = api::app(console.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let mut stopping = console.stopped();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        // An error means that the sender is gone, which is an end too.
        let _ = stopping.wait_for(|stopped| *stopped).await;
    });
    let server = tokio::spawn(server.into_future());

    shutdown.await;
    tracing::info!("console stops");
    let _ = stop.send(true);
    if tokio::time::timeout(DRAIN_LIMIT, server).await.is_err() {
        tracing::warn!("requests were still open at the end");
    }
    // What it holds is not committed yet, so nothing is lost by ending it anywhere.
    let _ = tokio::time::timeout(DRAIN_LIMIT, intake).await;
    purge.abort();
    console.database().close().await;
    Ok(())
}

/// Takes the port without answering on it yet: whoever can connect finds the console ready, and its one-time code written.
fn take_port(options: &Options) -> anyhow::Result<TcpSocket> {
    let address = options.listen;
    if !address.ip().is_loopback() && !options.is_https() {
        tracing::warn!(%address, "the console is reachable from other machines without TLS; put a TLS proxy in front and give --public-url");
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
    loop {
        every.tick().await;
        if let Err(error) = console.database().purge(console.now_us()).await {
            tracing::warn!(%error, "worthless rows could not be removed");
        }
    }
}
