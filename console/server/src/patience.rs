//! A connection that is given up when the other end takes nothing of what is written to it.

use std::fmt;
use std::future::Future as _;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A connection, and how long a write may wait for the other end to take some.
pub(crate) struct Patient<S> {
    stream: S,
    limit: Duration,
    wait: Pin<Box<Sleep>>,
    is_waiting: bool,
}

impl<S> Patient<S> {
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            wait: Box::pin(sleep(limit)),
            is_waiting: false,
        }
    }

    /// What became of a write: one that has waited for too long is an error.
    fn judge<T>(&mut self, context: &mut Context<'_>, written: Poll<Result<T>>) -> Poll<Result<T>> {
        if written.is_ready() {
            self.is_waiting = false;
            return written;
        }
        if !self.is_waiting {
            self.is_waiting = true;
            self.wait.as_mut().reset(Instant::now() + self.limit);
        }
        self.wait
            .as_mut()
            .poll(context)
            .map(|()| Err(Error::new(ErrorKind::TimedOut, TakesNothing)))
    }
}

/// Why a connection is given up. The kernel has time-outs of its own, which are no answer that was not taken.
#[derive(Debug)]
struct TakesNothing;

impl fmt::Display for TakesNothing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the other end takes nothing")
    }
}

impl std::error::Error for TakesNothing {}

/// Whether that is why a connection ended.
pub(crate) fn is_lost(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // An `io::Error` has what it was made of inside, not as its source.
        let inner = error.downcast_ref::<Error>().and_then(Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<TakesNothing>()) {
            return true;
        }
        cause = error.source();
    }
    false
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(context, shut)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn who_takes_nothing_is_given_up_and_who_is_slow_is_not() {
        // All of it takes longer than the limit, and a step of it far less.
        let limit = Duration::from_millis(1000);
        let (near, mut far) = tokio::io::duplex(4);
        let mut patient = Patient::new(near, limit);
        let slow = tokio::spawn(async move {
            let mut taken = [0; 2];
            for _ in 0..4 {
                sleep(Duration::from_millis(300)).await;
                far.read_exact(&mut taken).await.unwrap();
            }
            far
        });
        patient.write_all(b"12345678").await.unwrap();
        let _far = slow.await.unwrap();
        let error = patient.write_all(b"12345678").await.unwrap_err();
        assert!(is_lost(&error), "{error}");
        assert!(!is_lost(&Error::from(ErrorKind::TimedOut)), "the kernel's");
    }
}
