//! An answer on its way from the engine (blocking) to the network (asynchronous).
//!
//! Its first [`HOLD_BYTES`] are held back: an answer that ends or fails within them gets the status, the summary
//! and the exception code that belong to it. After that the status is said, and a failure can only be told as
//! ClickHouse tells it: by the exception at the end of the body, and by breaking the connection off.
//!
//! Invariant: between engine and network lie at most [`CHUNKS_MAX`] chunks of [`CHUNK_BYTES`] (and what the
//! engine's current block, of about 1 MB, holds); a slow client slows the engine down.

use std::io::{self, Write};
use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::codec::{Encoder, Encoding, Packing};
use crate::exception::{Exception, block_in_body};
use crate::ffi::Progress;

/// Bytes held back until the status is said.
const HOLD_BYTES: usize = 256 << 10;
/// Size of the chunks given to the network.
const CHUNK_BYTES: usize = 256 << 10;
/// How long a client may take nothing of its answer.
const STALL_MAX: Duration = Duration::from_secs(120);
/// Chunks between engine and network.
pub(crate) const CHUNKS_MAX: usize = 4;

/// What is said before the body.
#[derive(Debug)]
pub(crate) struct Head {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// ClickHouse's code, if the statement failed.
    pub(crate) exception_code: Option<u32>,
    /// Format of the result.
    pub(crate) format: String,
    /// The body's encoding.
    pub(crate) encoding: Encoding,
    /// What the statement took and gave so far.
    pub(crate) progress: Progress,
}

/// A piece of the body.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Bytes.
    Data(Bytes),
    /// The body is complete. Without this, it is not.
    End,
    /// The statement failed: the connection is to be broken off.
    Broken,
}

/// The client does not take any more.
#[derive(Debug)]
pub(crate) struct Hangup;

/// The way to the network.
struct Outlet {
    pieces: mpsc::Sender<Piece>,
    runtime: Handle,
}

impl Outlet {
    /// Waits for a place; a client that takes nothing for [`STALL_MAX`] counts as gone, so that it does not keep its
    /// turn for ever.
    fn send(&self, piece: Piece) -> Result<(), Hangup> {
        match self.pieces.try_send(piece) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(Hangup),
            Err(TrySendError::Full(piece)) => {
                let sent = async { tokio::time::timeout(STALL_MAX, self.pieces.send(piece)).await };
                match self.runtime.block_on(sent) {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(_)) | Err(_) => Err(Hangup),
                }
            }
        }
    }
}

/// Sends chunks to the network.
struct Sink {
    pieces: Outlet,
    buffer: Vec<u8>,
}

impl Sink {
    /// Sends what is left, and how the body ended.
    fn end(mut self, piece: Piece) -> Result<(), Hangup> {
        self.send().map_err(|_| Hangup)?;
        self.pieces.send(piece)
    }

    fn send(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::take(&mut self.buffer));
        self.pieces
            .send(Piece::Data(chunk))
            .map_err(|Hangup| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl Write for Sink {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let room = CHUNK_BYTES.saturating_sub(self.buffer.len());
        let taken = buffer.get(..room.min(buffer.len())).unwrap_or_default();
        self.buffer.extend_from_slice(taken);
        let count = taken.len();
        if self.buffer.len() >= CHUNK_BYTES {
            self.send()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

enum State {
    /// Nothing is said yet.
    Held {
        head: oneshot::Sender<Head>,
        pieces: Outlet,
        bytes: Vec<u8>,
    },
    /// The head is said, the body is under way.
    Open(Encoder<Sink>),
    /// All is said, or nobody listens.
    Closed,
}

/// How an answer is to be made.
pub(crate) struct Manner {
    pub(crate) encoding: Encoding,
    pub(crate) packing: Packing,
    /// The engine's version, for the end of exceptions.
    pub(crate) version: String,
    /// The tag of exceptions in the body.
    pub(crate) tag: String,
    pub(crate) runtime: Handle,
}

/// The blocking end.
pub(crate) struct Reply {
    state: State,
    manner: Manner,
    /// Name of the result's format.
    pub(crate) format: String,
    /// What the statement took and gave so far.
    pub(crate) progress: Progress,
}

impl Reply {
    /// An answer of which nothing is said.
    pub(crate) fn new(head: oneshot::Sender<Head>, pieces: mpsc::Sender<Piece>, manner: Manner) -> Self {
        let pieces = Outlet {
            pieces,
            runtime: manner.runtime.clone(),
        };
        let state = State::Held {
            head,
            pieces,
            bytes: Vec::new(),
        };
        Self {
            state,
            manner,
            format: "TabSeparated".to_owned(),
            progress: Progress::default(),
        }
    }

    /// Adds to the body.
    pub(crate) fn write(&mut self, data: &[u8]) -> Result<(), Hangup> {
        match &mut self.state {
            State::Held { head, bytes, .. } => {
                if head.is_closed() {
                    return Err(Hangup);
                }
                bytes.extend_from_slice(data);
                match bytes.len() > HOLD_BYTES {
                    true => self.open(),
                    false => Ok(()),
                }
            }
            State::Open(encoder) => encoder.write_all(data).map_err(|_| Hangup),
            State::Closed => Err(Hangup),
        }
    }

    /// Says the head and what was held back.
    fn open(&mut self) -> Result<(), Hangup> {
        let State::Held { head, pieces, bytes } = std::mem::replace(&mut self.state, State::Closed) else {
            return Err(Hangup);
        };
        head.send(self.head(StatusCode::OK, None)).map_err(|_| Hangup)?;
        let sink = Sink {
            pieces,
            buffer: Vec::new(),
        };
        let mut encoder =
            Encoder::new(sink, self.manner.encoding, self.manner.packing).map_err(|_| Hangup)?;
        encoder.write_all(&bytes).map_err(|_| Hangup)?;
        self.state = State::Open(encoder);
        Ok(())
    }

    fn head(&self, status: StatusCode, exception_code: Option<u32>) -> Head {
        let encoding = self.manner.encoding;
        Head {
            status,
            exception_code,
            format: self.format.clone(),
            encoding,
            progress: self.progress,
        }
    }

    /// Ends the body well.
    pub(crate) fn finish(mut self) -> Result<(), Hangup> {
        if let State::Held { bytes, .. } = &self.state {
            if bytes.is_empty() {
                // An empty body stays empty: not even an encoder's frame goes into it.
                self.manner.encoding = Encoding::Identity;
            }
            self.open()?;
        }
        match self.state {
            State::Open(encoder) => encoder.finish().map_err(|_| Hangup)?.end(Piece::End),
            _ => Err(Hangup),
        }
    }

    /// Tells the client of a failure, by the status if that is still possible.
    pub(crate) fn fail(mut self, exception: &Exception) -> Result<(), Hangup> {
        let line = exception.line(&self.manner.version);
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Held { head, pieces, .. } => {
                self.manner.encoding = Encoding::Identity;
                head.send(self.head(exception.status(), Some(exception.code)))
                    .map_err(|_| Hangup)?;
                Sink {
                    pieces,
                    buffer: format!("{line}\n").into_bytes(),
                }
                .end(Piece::End)
            }
            State::Open(mut encoder) => {
                // What precedes the block goes out first, so that the block comes as one piece.
                let block = block_in_body(&line, &self.manner.tag);
                encoder
                    .flush()
                    .and_then(|()| encoder.write_all(block.as_bytes()))
                    .map_err(|_| Hangup)?;
                encoder.finish().map_err(|_| Hangup)?.end(Piece::Broken)
            }
            State::Closed => Err(Hangup),
        }
    }
}
