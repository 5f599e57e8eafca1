//! The console's connections: HTTP/1, each with a limit on how long a request's head may take, and not more of them than
//! [`CONNECTIONS_MAX`].
//!
//! A connection over that number waits, unaccepted, until another ends: one that is slow or idle ends after [`HEAD_LIMIT`].

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Extension};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// Most connections at once.
pub(crate) const CONNECTIONS_MAX: u32 = 2048;
/// How long a request's head may take to arrive, and how long a connection may stand idle.
pub(crate) const HEAD_LIMIT: Duration = Duration::from_secs(20);
/// Pause after a connection could not be accepted, as when the process has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// A request's head.
    pub(crate) head: Duration,
    /// The open requests, once the console stops.
    pub(crate) drain: Duration,
}

/// Serves `app` until the console stops. `full` counts the times when a connection had to wait.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    stopped: watch::Receiver<bool>,
    limits: Limits,
    full: impl Fn() + Send,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX as usize));
    let mut stopping = stopped.clone();
    tokio::select! {
        () = accept(listener, app, &stopped, limits, &places, full) => {}
        // An error means that the sender is gone, which is an end too.
        _ = stopping.wait_for(|stopped| *stopped) => {}
    }
    let all_ended = places.acquire_many(CONNECTIONS_MAX);
    if tokio::time::timeout(limits.drain, all_ended).await.is_err() {
        tracing::warn!("requests were still open at the end");
    }
}

async fn accept(
    listener: TcpListener,
    app: Router,
    stopped: &watch::Receiver<bool>,
    limits: Limits,
    places: &Arc<Semaphore>,
    full: impl Fn() + Send,
) {
    loop {
        if places.available_permits() == 0 {
            full();
        }
        let Ok(place) = Arc::clone(places).acquire_owned().await else {
            return;
        };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are written in one go; waiting to fill a segment only delays them.
        let _ = stream.set_nodelay(true);
        let app = app.clone().layer(Extension(ConnectInfo::<SocketAddr>(peer)));
        let stopped = stopped.clone();
        // Its end needs no watching: its place comes back however it ends.
        tokio::spawn(async move {
            connection(stream, app, stopped, limits.head).await;
            drop(place);
        });
    }
}

async fn connection(
    stream: TcpStream,
    app: Router,
    mut stopped: watch::Receiver<bool>,
    head_limit: Duration,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_limit)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        _ = stopped.wait_for(|stopped| *stopped) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            // The request that is open goes on; there is no other after it.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_head_that_never_ends_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let who = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
        let app = Router::new().route("/", get(who));
        let limits = Limits {
            head: Duration::from_millis(200),
            drain: Duration::from_secs(5),
        };
        let served = tokio::spawn(serve(listener, app, stopped, limits, || ()));

        let mut quick = TcpStream::connect(address).await.unwrap();
        quick
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        quick.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"),
            "{answer}"
        );

        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nx-never: ").await.unwrap();
        let mut rest = Vec::new();
        // Whatever it is told, the connection is closed.
        let _ = slow.read_to_end(&mut rest).await;
        stop.send(true).unwrap();
        served.await.unwrap();
    }
}
