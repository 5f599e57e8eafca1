//! `GET /metrics` and `GET /health` on an address of their own.
//!
//! One plain text for each request, no keep-alive: a sensor on a tap carries no web server for that.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::registry::Registry;

/// Longest request read, in bytes.
const REQUEST_BYTES_MAX: usize = 8192;
/// How long one client may take.
const CLIENT_LIMIT: Duration = Duration::from_secs(5);
/// Clients answered at once; another is hung up on.
const CLIENTS_MAX: usize = 16;
/// Time until the next try, when clients cannot be taken.
const RETRY: Duration = Duration::from_millis(500);

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, or is not this machine's.
    #[error("metrics cannot be served on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A page that is served until this is dropped.
#[must_use = "the page ends with it"]
pub struct Serving {
    address: Option<SocketAddr>,
    task: Option<JoinHandle<()>>,
}

impl Serving {
    pub(crate) async fn start(registry: Registry, address: Option<SocketAddr>) -> Result<Self, Error> {
        let Some(address) = address else {
            return Ok(Self {
                address: None,
                task: None,
            });
        };
        let refused = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        tracing::info!(%address, "metrics");
        Ok(Self {
            address: Some(address),
            task: Some(tokio::spawn(accept(registry, listener))),
        })
    }

    /// Where the page is, if it is anywhere.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Never ends: what goes wrong is a problem of its own until it goes right again.
async fn accept(registry: Registry, listener: TcpListener) {
    let clients = Arc::new(Semaphore::new(CLIENTS_MAX));
    let refused = registry.counter(
        "metrics_clients_refused_total",
        "Requests for this page that came while too many others were open.",
        &[],
    );
    let problem = registry.problem("metrics");
    loop {
        let client = match listener.accept().await {
            Ok((client, _)) => client,
            Err(error) => {
                tracing::warn!(%error, "metrics");
                problem.set(format!("no request for metrics can be taken: {error}"));
                sleep(RETRY).await;
                continue;
            }
        };
        problem.clear();
        let Ok(permit) = Arc::clone(&clients).try_acquire_owned() else {
            refused.inc();
            continue;
        };
        let registry = registry.clone();
        tokio::spawn(async move {
            // A client that goes away or dawdles is its own affair.
            let _ = timeout(CLIENT_LIMIT, answer(&registry, client)).await;
            drop(permit);
        });
    }
}

async fn answer(registry: &Registry, mut client: TcpStream) -> std::io::Result<()> {
    let request = read_head(&mut client).await?;
    let (status, kind, body) = reply(registry, &request);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await?;
    client.write_all(body.as_bytes()).await?;
    client.shutdown().await
}

/// The request up to its empty line, or as much as is read of one.
async fn read_head(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") && head.len() < REQUEST_BYTES_MAX {
        match client.read(&mut piece).await? {
            0 => break,
            count => head.extend_from_slice(piece.get(..count).unwrap_or_default()),
        }
    }
    Ok(head)
}

/// First word of a line of `/health` that is a remark, not a problem.
const REMARK: &str = "remark";
const TEXT: &str = "text/plain; charset=utf-8";

fn reply(registry: &Registry, request: &[u8]) -> (&'static str, &'static str, String) {
    let line = request
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .next()
        .unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    match (method, path) {
        (Some(b"GET"), b"/metrics") => ("200 OK", prometheus::TEXT_FORMAT, registry.render()),
        (Some(b"GET"), b"/health") => {
            let problems = registry.problems();
            let remarks = registry.remarks();
            let remarks = remarks
                .iter()
                .map(|remark| format!("{REMARK} {}: {}\n", remark.key, remark.words));
            if problems.is_empty() {
                let lines = std::iter::once("well\n".to_owned()).chain(remarks);
                return ("200 OK", TEXT, lines.collect());
            }
            let lines = problems.iter().map(|problem| format!("{problem}\n"));
            ("503 Service Unavailable", TEXT, lines.chain(remarks).collect())
        }
        (Some(b"GET"), _) => (
            "404 Not Found",
            TEXT,
            "only /metrics and /health are here\n".to_owned(),
        ),
        _ => (
            "405 Method Not Allowed",
            TEXT,
            "only GET is answered\n".to_owned(),
        ),
    }
}
