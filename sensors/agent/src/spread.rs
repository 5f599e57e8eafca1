//! Frames of a capture spread over several workers, by the hosts that speak, so that each flow and each fragment has one worker.
//!
//! ```text
//! reader ─▶ batches of frames, one for each worker, in rounds ─▶ workers ─▶ used buffers come back
//! ```
//! Frames of hosts that speak with each other go to one worker in their order. Between workers the order is that of rounds, give or take
//! [`ROUNDS_AHEAD`]: what rules remember across flows is up to so much older or newer than it would be with one worker.
//!
//! Invariant: no more than [`ROUNDS_AHEAD`] + 2 batches of each worker are in memory, each of one round.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::Context as _;
use vonggac_capture::Frame;
use vonggac_decode::{LinkType, hosts};

use crate::worker::Worker;

/// A round is over with so many frames, or so many bytes.
const ROUND_FRAMES: usize = 1024;
const ROUND_BYTES: usize = 1 << 20;
/// Batches that wait for a worker.
const ROUNDS_AHEAD: usize = 4;

/// Spreads frames over workers.
pub(crate) struct Spread {
    hands: Vec<Hand>,
    frames: usize,
    bytes: usize,
    now_us: i64,
}

/// A worker as the reader sees it.
struct Hand {
    next: Batch,
    batches: SyncSender<Batch>,
    used: Receiver<Batch>,
    thread: JoinHandle<()>,
}

/// Frames of one round for one worker.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    frames: Vec<Kept>,
    /// The latest time of the round.
    now_us: i64,
}

/// A frame in a batch.
struct Kept {
    number: u64,
    ts_us: i64,
    link: u32,
    wire_bytes: u32,
    bytes: Range<usize>,
}

impl Batch {
    fn push(&mut self, number: u64, frame: &Frame<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frame.data);
        self.frames.push(Kept {
            number,
            ts_us: frame.ts_us,
            link: frame.link,
            wire_bytes: frame.wire_bytes,
            bytes: start..self.bytes.len(),
        });
    }

    fn frames(&self) -> impl Iterator<Item = (u64, Frame<'_>)> {
        self.frames.iter().map(|kept| {
            let frame = Frame {
                ts_us: kept.ts_us,
                link: kept.link,
                data: self.bytes.get(kept.bytes.clone()).unwrap_or_default(),
                wire_bytes: kept.wire_bytes,
            };
            (kept.number, frame)
        })
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
    }
}

impl Spread {
    /// Starts a thread for each worker; `begin` is called in it with the worker's place, first.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(
        workers: Vec<Worker>,
        begin: impl Fn(usize) + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        let hands = workers.into_iter().enumerate().map(|(place, mut worker)| {
            let (batches, received) = sync_channel(ROUNDS_AHEAD);
            let (give_back, used) = channel();
            let begin = begin.clone();
            let thread = thread::Builder::new()
                .name(format!("worker-{place}"))
                .spawn(move || {
                    begin(place);
                    work(&mut worker, &received, &give_back);
                })?;
            Ok(Hand {
                next: Batch::default(),
                batches,
                used,
                thread,
            })
        });
        Ok(Self {
            hands: hands.collect::<std::io::Result<_>>()?,
            frames: 0,
            bytes: 0,
            now_us: i64::MIN,
        })
    }

    /// Takes a frame, the capture's `number`th.
    ///
    /// # Errors
    /// When a worker has crashed.
    pub(crate) fn take(&mut self, number: u64, frame: &Frame<'_>) -> anyhow::Result<()> {
        let place = place_of(frame, self.hands.len());
        if let Some(hand) = self.hands.get_mut(place) {
            hand.next.push(number, frame);
        }
        self.frames += 1;
        self.bytes += frame.data.len();
        self.now_us = self.now_us.max(frame.ts_us);
        match self.frames >= ROUND_FRAMES || self.bytes >= ROUND_BYTES {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Ends the round: the workers get their frames, and learn what time it is.
    ///
    /// # Errors
    /// When a worker has crashed.
    pub(crate) fn flush(&mut self) -> anyhow::Result<()> {
        if self.frames == 0 {
            return Ok(());
        }
        for hand in &mut self.hands {
            let fresh = hand.used.try_recv().unwrap_or_default();
            let mut batch = std::mem::replace(&mut hand.next, fresh);
            batch.now_us = self.now_us;
            hand.batches.send(batch).ok().context("a packet worker crashed")?;
        }
        (self.frames, self.bytes) = (0, 0);
        Ok(())
    }

    /// Waits until the workers have done all they were given, and ended their flows.
    ///
    /// # Errors
    /// When one has crashed.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        let flushed = self.flush();
        let threads: Vec<_> = self.hands.into_iter().map(|hand| hand.thread).collect();
        let crashed = threads
            .into_iter()
            .filter_map(|thread| thread.join().err())
            .count();
        anyhow::ensure!(crashed == 0, "a packet worker crashed");
        flushed
    }
}

fn work(worker: &mut Worker, batches: &Receiver<Batch>, give_back: &Sender<Batch>) {
    for mut batch in batches {
        for (number, frame) in batch.frames() {
            worker.take(number, &frame);
        }
        worker.advance(batch.now_us);
        worker.tell();
        batch.clear();
        // The reader may have ended.
        let _ = give_back.send(batch);
    }
    worker.finish();
    worker.tell();
}

/// Which worker a frame is for. What is not IP belongs to no flow.
fn place_of(frame: &Frame<'_>, workers: usize) -> usize {
    let Some(hosts) = hosts(LinkType::from_dlt(frame.link), frame.data) else {
        return 0;
    };
    // Its keys are fixed: the same capture is spread in the same way each time.
    let mut hasher = DefaultHasher::new();
    hosts.hash(&mut hasher);
    (hasher.finish() % workers.max(1) as u64) as usize
}
