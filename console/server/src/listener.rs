//! The console's connections: HTTP/1, by TLS where there is a certificate.
//!
//! ```text
//!  accept ──▶ a place of all ──▶ a place of its network ──▶ handshake ──▶ requests, each head in time
//!              else it waits       else it is hung up on     in time
//! ```
//! - More than [`CONNECTIONS_MAX`] wait, unaccepted, until another ends.
//! - A connection of a trusted proxy takes no place of a network; the requests that it brings do (`places`).
//! - One that is slow or idle ends: after [`HANDSHAKE_LIMIT`], [`HEAD_LIMIT`], or when it takes nothing for [`WRITE_LIMIT`].
//! - Who speaks HTTP where TLS is spoken is told so.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Extension};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::network::{self, Network};
use crate::patience::{self, Patient};
use crate::places::Places;

/// Most connections at once.
pub(crate) const CONNECTIONS_MAX: u32 = 2048;
/// How long a TLS handshake may take.
pub(crate) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long a request's head may take to arrive, and how long a connection may stand idle.
pub(crate) const HEAD_LIMIT: Duration = Duration::from_secs(20);
/// How long the other end may take nothing of an answer.
pub(crate) const WRITE_LIMIT: Duration = Duration::from_secs(30);
/// Longest head of a request, in bytes.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Pause after a connection could not be accepted, as when the process has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long, and of how many bytes, the request of who speaks HTTP where TLS is spoken is read: unread, the answer would be lost with it.
const FAREWELL_LIMIT: Duration = Duration::from_secs(1);
const FAREWELL_BYTES_MAX: u64 = 16 * 1024;
/// First byte of a TLS connection: a record of the handshake (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 0x16;
const PLAIN_ANSWER: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 54\r\nconnection: close\r\n\r\nThis port speaks HTTPS: use an address with https://.\n";

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// A TLS handshake.
    pub(crate) handshake: Duration,
    /// A request's head.
    pub(crate) head: Duration,
    /// A write, until the other end takes some of it.
    pub(crate) write: Duration,
    /// The open requests, once the console stops.
    pub(crate) drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: HANDSHAKE_LIMIT,
            head: HEAD_LIMIT,
            write: WRITE_LIMIT,
            drain: Duration::from_secs(5),
        }
    }
}

/// What is counted at the door.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Connections that are open.
    pub(crate) open: AtomicU64,
    /// Times when a connection had to wait for another to end.
    pub(crate) full: AtomicU64,
    /// Handshakes that failed.
    pub(crate) handshakes_failed: AtomicU64,
    /// Handshakes that took too long.
    pub(crate) handshakes_slow: AtomicU64,
    /// Connections that spoke HTTP where TLS is spoken.
    pub(crate) plain: AtomicU64,
    /// Connections that ended because the other end took nothing of an answer.
    pub(crate) untaken: AtomicU64,
    /// Bodies of requests that took too long.
    pub(crate) bodies_slow: AtomicU64,
}

impl Counters {
    /// Counts one more.
    pub(crate) fn more(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection that is open, until dropped.
struct Open(Arc<Counters>);

impl Open {
    fn new(counters: &Arc<Counters>) -> Self {
        Counters::more(&counters.open);
        Self(Arc::clone(counters))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What connections are taken by.
pub(crate) struct Door {
    pub(crate) app: Router,
    pub(crate) tls: Option<TlsAcceptor>,
    /// Proxies, whose connections are those of many.
    pub(crate) proxies: Vec<Network>,
    /// Places for the connections of each network.
    pub(crate) places: Places,
    pub(crate) limits: Limits,
    pub(crate) counters: Arc<Counters>,
}

/// Serves until the console stops.
pub(crate) async fn serve(listener: TcpListener, door: Door, stopped: watch::Receiver<bool>) {
    let all = Arc::new(Semaphore::new(CONNECTIONS_MAX as usize));
    let door = Arc::new(door);
    let mut stopping = stopped.clone();
    tokio::select! {
        () = accept(listener, &door, &stopped, &all) => {}
        // An error means that the sender is gone, which is an end too.
        _ = stopping.wait_for(|stopped| *stopped) => {}
    }
    let all_ended = all.acquire_many(CONNECTIONS_MAX);
    if tokio::time::timeout(door.limits.drain, all_ended).await.is_err() {
        tracing::warn!("requests were still open at the end");
    }
}

async fn accept(
    listener: TcpListener,
    door: &Arc<Door>,
    stopped: &watch::Receiver<bool>,
    all: &Arc<Semaphore>,
) {
    loop {
        if all.available_permits() == 0 {
            let times = door.counters.full.fetch_add(1, Ordering::Relaxed) + 1;
            if times.is_power_of_two() {
                tracing::warn!(times, "as many connections as may be are open; others wait");
            }
        }
        let Ok(one) = Arc::clone(all).acquire_owned().await else {
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
        let free = u32::try_from(all.available_permits()).unwrap_or(u32::MAX);
        let place = match network::among(&door.proxies, peer.ip()) {
            true => None,
            // The one that this connection has taken is among them.
            false => match door.places.take(peer.ip(), free.saturating_add(1)) {
                Some(place) => Some(place),
                None => continue,
            },
        };
        // Answers are written in one go; waiting to fill a segment only delays them.
        let _ = stream.set_nodelay(true);
        let (door, stopped) = (Arc::clone(door), stopped.clone());
        let open = Open::new(&door.counters);
        // Its end needs no watching: its places come back however it ends.
        tokio::spawn(async move {
            door.connection(stream, peer, stopped).await;
            drop((open, place, one));
        });
    }
}

impl Door {
    async fn connection(&self, stream: TcpStream, peer: SocketAddr, mut stopped: watch::Receiver<bool>) {
        let app = self.app.clone().layer(Extension(ConnectInfo::<SocketAddr>(peer)));
        let Some(tls) = &self.tls else {
            return self
                .requests(Patient::new(stream, self.limits.write), app, stopped)
                .await;
        };
        let secured = tokio::time::timeout(self.limits.handshake, self.handshake(tls, stream));
        let secured = tokio::select! {
            secured = secured => secured,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        match secured {
            Ok(Some(stream)) => self.requests(stream, app, stopped).await,
            Ok(None) => {}
            Err(_) => {
                Counters::more(&self.counters.handshakes_slow);
            }
        }
    }

    /// None when it came to nothing.
    async fn handshake(
        &self,
        tls: &TlsAcceptor,
        stream: TcpStream,
    ) -> Option<tokio_rustls::server::TlsStream<Patient<TcpStream>>> {
        let mut first = [0];
        match stream.peek(&mut first).await {
            Ok(1) if first == [HANDSHAKE_RECORD] => {}
            Ok(1) if first.iter().all(u8::is_ascii_alphabetic) => {
                Counters::more(&self.counters.plain);
                send_away(stream).await;
                return None;
            }
            // Who only looks whether the port is open has said nothing.
            Ok(0) => return None,
            _ => {
                Counters::more(&self.counters.handshakes_failed);
                return None;
            }
        }
        match tls.accept(Patient::new(stream, self.limits.write)).await {
            Ok(stream) => Some(stream),
            Err(error) => {
                Counters::more(&self.counters.handshakes_failed);
                tracing::debug!(%error, "a handshake failed");
                None
            }
        }
    }

    async fn requests<S>(&self, stream: S, app: Router, mut stopped: watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_buf_size(HEAD_BYTES_MAX)
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
        let Err(error) = ended else { return };
        if patience::is_lost(&error) {
            Counters::more(&self.counters.untaken);
        }
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Tells who speaks HTTP that TLS is spoken here.
async fn send_away(mut stream: TcpStream) {
    let farewell = async {
        stream.write_all(PLAIN_ANSWER.as_bytes()).await?;
        stream.shutdown().await?;
        let mut rest = stream.take(FAREWELL_BYTES_MAX);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(FAREWELL_LIMIT, farewell).await;
}
