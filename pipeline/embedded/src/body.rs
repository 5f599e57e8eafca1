//! A request's body on its way from the network (asynchronous) to the engine (blocking).
//!
//! ```text
//! hyper ──▶ pump ──▶ channel of CHUNKS_MAX ──▶ BodyReader ──▶ decoders ──▶ engine
//! ```
//! Invariant: between network and engine lie at most [`CHUNKS_MAX`] chunks of the network's size; a slow engine
//! slows the client down.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::Body;
use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::exception::{Exception, code};

/// Chunks between network and engine.
const CHUNKS_MAX: usize = 4;
/// How long a client may be silent in the middle of a body.
const IDLE_MAX: Duration = Duration::from_secs(120);
/// Largest form.
const FORM_BYTES_MAX: usize = 16 << 20;
/// How much of a body nobody wants is still read, so that its sender gets to read the answer.
const DRAIN_BYTES_MAX: u64 = 64 << 20;
/// How long that may take.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);

/// Why a body ended before its end.
#[derive(Debug)]
enum Broken {
    /// The connection is gone: there is nobody to answer.
    Gone,
    /// The client fell silent.
    Silent,
}

/// The client is gone; carried by an [`io::Error`] through the decoders.
#[derive(Debug, thiserror::Error)]
#[error("the client went away")]
pub(crate) struct ClientGone;

/// The blocking end.
pub(crate) struct BodyReader {
    chunks: mpsc::Receiver<Result<Bytes, Broken>>,
    current: Bytes,
}

/// Takes a small body whole, before the engine is asked: a form.
pub(crate) async fn whole(body: Body) -> Result<Bytes, Exception> {
    match tokio::time::timeout(IDLE_MAX, axum::body::to_bytes(body, FORM_BYTES_MAX)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Exception::new(
            code::QUERY_IS_TOO_LARGE,
            "QUERY_IS_TOO_LARGE",
            format_args!("A form may have {FORM_BYTES_MAX} bytes and must come to its end."),
        )),
        Err(_) => Err(silent()),
    }
}

fn silent() -> Exception {
    Exception::new(
        code::SOCKET_TIMEOUT,
        "SOCKET_TIMEOUT",
        format_args!("The client sent nothing for {} seconds.", IDLE_MAX.as_secs()),
    )
}

/// Starts to move a body; gives the end to read it by.
pub(crate) fn receive(body: Body) -> BodyReader {
    let (sender, chunks) = mpsc::channel(CHUNKS_MAX);
    tokio::spawn(pump(body, sender));
    BodyReader {
        chunks,
        current: Bytes::new(),
    }
}

async fn pump(body: Body, sender: mpsc::Sender<Result<Bytes, Broken>>) {
    let mut stream = body.into_data_stream();
    loop {
        let chunk = match tokio::time::timeout(IDLE_MAX, stream.next()).await {
            Ok(None) => return,
            Ok(Some(Ok(chunk))) => Ok(chunk),
            Ok(Some(Err(_))) => Err(Broken::Gone),
            Err(_) => Err(Broken::Silent),
        };
        let ends = chunk.is_err();
        if sender.send(chunk).await.is_err() {
            break;
        }
        if ends {
            return;
        }
    }
    // The statement has failed already. Who gets a reset connection while it still sends never reads why.
    let mut drained = 0_u64;
    let drain = async {
        while let Some(Ok(chunk)) = stream.next().await {
            drained = drained.saturating_add(chunk.len() as u64);
            if drained > DRAIN_BYTES_MAX {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN_TIME_MAX, drain).await;
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                None => return Ok(0),
                Some(Ok(chunk)) => self.current = chunk,
                Some(Err(Broken::Gone)) => return Err(io::Error::other(ClientGone)),
                Some(Err(Broken::Silent)) => return Err(io::Error::other(silent())),
            }
        }
        let count = self.current.len().min(buffer.len());
        if let Some(place) = buffer.get_mut(..count) {
            self.current.copy_to_slice(place);
        }
        Ok(count)
    }
}
