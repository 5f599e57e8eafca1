//! Reading captures: one after the other, as fast as possible or at their own pace, with one worker or several.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vonggac_capture::{FileSource, Filter, Frame};
use vonggac_event::Event;
use vonggac_inspect::Sink as _;

use crate::out::Out;
use crate::progress::Progress;
use crate::report::{Reporter, SourceReport};
use crate::spread::Spread;
use crate::worker::Worker;

/// Longest single wait when a file is played at its own pace.
const PACE_STEP: Duration = Duration::from_millis(100);

/// Reads captures.
pub(crate) struct Replay<'r> {
    pub(crate) hands: Hands,
    pub(crate) reporter: &'r mut Reporter,
    pub(crate) stop: &'r AtomicBool,
    /// Only frames that it wants count.
    pub(crate) filter: Option<&'r Filter>,
    /// Files are played as fast as they were captured times this; 0 is as fast as possible.
    pub(crate) speed: f64,
    /// Events of this job that an earlier run of the sensor accepted.
    pub(crate) accepted_before: u64,
    pub(crate) packets: u64,
    pub(crate) last_us: i64,
    pub(crate) progress: Progress,
}

/// Who inspects the frames.
pub(crate) enum Hands {
    /// The thread that reads.
    One(Box<Worker>),
    /// Threads of their own; `Out` is the reader's, for what it reports.
    Many(Spread, Box<Out>),
}

impl Hands {
    fn take(&mut self, number: u64, frame: &Frame<'_>) -> anyhow::Result<()> {
        match self {
            Self::One(worker) => worker.take(number, frame),
            Self::Many(spread, _) => spread.take(number, frame)?,
        }
        Ok(())
    }

    /// Lets go of what has gathered, before a wait.
    fn flush(&mut self) -> anyhow::Result<()> {
        match self {
            Self::One(worker) => worker.out.flush(),
            Self::Many(spread, _) => spread.flush()?,
        }
        Ok(())
    }

    fn out(&mut self) -> &mut Out {
        match self {
            Self::One(worker) => &mut worker.out,
            Self::Many(_, out) => out,
        }
    }

    fn report(&mut self, reporter: &mut Reporter, now_us: i64) {
        // Several tell with each round.
        if let Self::One(worker) = self {
            worker.tell();
        }
        let waiting = self.out().waiting_bytes();
        let stats: Event = reporter.stats(now_us, waiting);
        self.out().event(stats);
        self.out().flush();
    }

    /// Ends all flows; gives back the way out.
    fn finish(self) -> anyhow::Result<Out> {
        match self {
            Self::One(mut worker) => {
                worker.finish();
                worker.tell();
                Ok(worker.out)
            }
            Self::Many(spread, out) => spread.finish().map(|()| *out),
        }
    }
}

impl Replay<'_> {
    /// Reads all of them. A file that is broken is read up to there.
    ///
    /// # Errors
    /// When a worker crashed.
    pub(crate) fn run(mut self, paths: &[PathBuf]) -> anyhow::Result<(Vec<SourceReport>, Out)> {
        let mut sources = Vec::new();
        for path in paths {
            let before = self.packets;
            self.progress.file();
            let ended = self.file(path)?;
            self.progress.clear();
            let mut source = SourceReport::new(path.display().to_string());
            source.packets = self.packets - before;
            if let Err(error) = ended {
                tracing::warn!(packets_before = source.packets, "capture ends early: {error}");
                source.error = Some(error.to_string());
            }
            sources.push(source);
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
        }
        self.progress.finish(self.packets);
        let mut out = self.hands.finish()?;
        let stats = self.reporter.stats(self.last_us, out.waiting_bytes());
        out.event(stats);
        out.flush();
        Ok((sources, out))
    }

    /// Reads one; the inner error is the file's.
    fn file(&mut self, path: &Path) -> anyhow::Result<Result<(), vonggac_capture::CaptureError>> {
        let mut file = match FileSource::open(path) {
            Ok(file) => file,
            Err(error) => return Ok(Err(error)),
        };
        let name = path.display().to_string();
        let mut start = None;
        while !self.stop.load(Ordering::Relaxed) {
            if file.may_wait() {
                self.hands.flush()?;
            }
            let frame = match file.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => return Ok(Err(error)),
            };
            let filter = self.filter;
            if filter.is_some_and(|filter| !filter.wants(frame.data, frame.wire_bytes)) {
                continue;
            }
            // A sensor that was started again gets over what it has done at once.
            if self.speed > 0.0 && self.hands.out().tally.made >= self.accepted_before {
                let (begun, from_us) = *start.get_or_insert((Instant::now(), frame.ts_us));
                self.hands.flush()?;
                self.pace(begun, frame.ts_us.saturating_sub(from_us));
            }
            self.packets += 1;
            self.hands.take(self.packets, &frame)?;
            self.last_us = frame.ts_us.max(self.last_us);
            self.progress.packets(self.packets, &name, || file.progress());
            if self.reporter.is_due(self.last_us) {
                self.hands.report(self.reporter, self.last_us);
            }
        }
        Ok(Ok(()))
    }

    /// Waits until a frame is due that is `age_us` after the one that was taken at `begun`.
    fn pace(&self, begun: Instant, age_us: i64) {
        let due = Duration::from_micros((age_us.max(0) as f64 / self.speed) as u64);
        while let Some(left) = due.checked_sub(begun.elapsed()) {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            thread::sleep(left.min(PACE_STEP));
        }
    }
}
