//! A worker on an interface: captures until the sensor is told to stop. An interface that goes away ends its flows, and is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vonggac_capture::{CaptureError, Filter, RingOptions, RingSource};
use vonggac_inspect::Sink as _;
use vonggac_metrics::Problem;

use crate::report::{Reporter, SourceReport, now_us};
use crate::worker::Worker;

/// Most frames between two looks at what is due.
const FRAMES_PER_LOOK: u32 = 1024;
/// Longest time between two looks, by the frames' own clock, in microseconds.
const LOOK_EVERY_US: i64 = 100_000;
/// Pause between two tries to open an interface that went away.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);
/// Longest single wait in it.
const REOPEN_STEP: Duration = Duration::from_millis(100);

/// A worker on an interface, before it runs.
pub(crate) struct Tap {
    pub(crate) interface: String,
    pub(crate) ring: RingSource,
    pub(crate) ring_options: RingOptions,
    pub(crate) filter: Option<Filter>,
    pub(crate) worker: Worker,
    /// Frames of before are left out: those that came while not all rings of the interface were in place came to several, and unfiltered.
    pub(crate) from_us: i64,
    /// Says that the interface is away; `None` for all workers of an interface but the first.
    pub(crate) away: Option<Problem>,
    pub(crate) stop: Arc<AtomicBool>,
}

/// What is left of it.
pub(crate) struct Ended {
    pub(crate) worker: Worker,
    /// What came of the interface; of each there is one.
    pub(crate) source: Option<SourceReport>,
    pub(crate) last_us: i64,
}

/// When a tap was last looked at for what is due: timeouts, drops, counters. Neither a steady trickle nor a flood puts it off.
#[derive(Debug, Default)]
struct Look {
    frames: u32,
    ts_us: i64,
}

impl Look {
    fn at(ts_us: i64) -> Self {
        Self { frames: 0, ts_us }
    }

    /// Counts a frame; says whether it is time to look again.
    fn is_due(&mut self, ts_us: i64) -> bool {
        self.frames += 1;
        self.frames >= FRAMES_PER_LOOK || ts_us.saturating_sub(self.ts_us) >= LOOK_EVERY_US
    }
}

/// A ring that takes what the filter wants.
pub(crate) fn open_ring(
    name: &str,
    options: RingOptions,
    filter: Option<&Filter>,
) -> Result<RingSource, CaptureError> {
    let ring = RingSource::open(name, options)?;
    if let Some(filter) = filter {
        ring.filter(filter)?;
    }
    Ok(ring)
}

/// A tap at work. One of all has the reporter.
struct Run<'r> {
    worker: Worker,
    reporter: Option<&'r mut Reporter>,
    stop: Arc<AtomicBool>,
    /// What the kernel dropped of rings before this one.
    kernel_dropped_before: u64,
    from_us: i64,
}

impl Tap {
    /// Captures until the sensor is told to stop.
    pub(crate) fn run(self, reporter: Option<&mut Reporter>) -> Ended {
        let Tap {
            interface,
            mut ring,
            ring_options,
            filter,
            worker,
            from_us,
            away,
            stop,
        } = self;
        let mut source = SourceReport::new(interface.clone());
        let mut run = Run {
            worker,
            reporter,
            stop,
            kernel_dropped_before: 0,
            from_us,
        };
        let last_us = loop {
            let (last_us, lost) = run.ring(&mut ring);
            run.kernel_dropped_before = run.worker.tap.kernel_dropped;
            let Some(error) = lost else { break last_us };
            if let Some(away) = &away {
                run.worker.tap.interface_lost += 1;
                away.set(format!("the interface went away and is waited for: {error}"));
                tracing::error!(%error, "the interface went away; its flows are ended, and it is waited for");
            }
            run.worker.finish();
            run.worker.tell();
            run.report(last_us);
            drop(ring);
            match run.reopen(&interface, ring_options, filter.as_ref()) {
                Some(fresh) => ring = fresh,
                None => {
                    source.error = Some(error.to_string());
                    break now_us();
                }
            }
            if let Some(away) = &away {
                away.clear();
                tracing::info!(interface, "the interface is back; capturing");
            }
        };
        run.worker.finish();
        run.worker.tell();
        Ended {
            worker: run.worker,
            source: away.map(|_| source),
            last_us,
        }
    }
}

impl Run<'_> {
    /// Captures on one ring. Returns the last time and, when the interface went away, what the system said.
    fn ring(&mut self, ring: &mut RingSource) -> (i64, Option<CaptureError>) {
        let mut look = Look::default();
        let mut now_us = now_us();
        let mut lost = None;
        while !self.stop.load(Ordering::Relaxed) {
            let is_due = match ring.next_frame() {
                Ok(Some(frame)) => {
                    if frame.ts_us >= self.from_us {
                        self.worker.take(0, &frame);
                    }
                    now_us = frame.ts_us;
                    look.is_due(now_us)
                }
                // What had arrived before the interface went away is taken.
                Ok(None) if lost.is_some() => break,
                Ok(None) => {
                    now_us = crate::report::now_us();
                    true
                }
                Err(error) if lost.is_some() => {
                    tracing::debug!(%error, "the interface is still away");
                    break;
                }
                Err(error) => {
                    lost = Some(error);
                    false
                }
            };
            if is_due {
                look = Look::at(now_us);
                self.worker.advance(now_us);
                self.note_kernel_drops(ring);
                self.worker.tell();
                self.report_if_due(now_us);
            }
        }
        self.note_kernel_drops(ring);
        (now_us, lost)
    }

    fn note_kernel_drops(&mut self, ring: &mut RingSource) {
        match ring.statistics() {
            Ok(statistics) => {
                self.worker.tap.kernel_dropped = self.kernel_dropped_before + statistics.dropped;
            }
            Err(error) => tracing::warn!(%error, "the kernel does not tell its drops"),
        }
    }

    fn report_if_due(&mut self, now_us: i64) {
        if self
            .reporter
            .as_mut()
            .is_some_and(|reporter| reporter.is_due(now_us))
        {
            self.report(now_us);
        }
    }

    fn report(&mut self, now_us: i64) {
        if let Some(reporter) = &mut self.reporter {
            let stats = reporter.stats(now_us, self.worker.out.waiting_bytes());
            self.worker.out.event(stats);
            self.worker.out.flush();
        }
    }

    /// Waits for an interface to come back; `None` when the sensor is told to stop before it does.
    fn reopen(&mut self, name: &str, options: RingOptions, filter: Option<&Filter>) -> Option<RingSource> {
        loop {
            let tried = Instant::now();
            while let Some(left) = REOPEN_PAUSE.checked_sub(tried.elapsed()) {
                if self.stop.load(Ordering::Relaxed) {
                    return None;
                }
                self.worker.take_newer_rules();
                self.worker.tell();
                self.report_if_due(now_us());
                thread::sleep(left.min(REOPEN_STEP));
            }
            match open_ring(name, options, filter) {
                Ok(ring) => return Some(ring),
                Err(error) => tracing::debug!(%error, "the interface is still away"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trickle_and_a_flood_are_looked_at_in_time() {
        let mut look = Look::at(0);
        let trickle: Vec<i64> = (1..=30)
            .map(|frame| frame * 10_000)
            .filter(|&ts_us| {
                let is_due = look.is_due(ts_us);
                if is_due {
                    look = Look::at(ts_us);
                }
                is_due
            })
            .collect();
        assert_eq!(trickle, [100_000, 200_000, 300_000]);
        let mut look = Look::at(0);
        let flood = (1..=2 * FRAMES_PER_LOOK)
            .filter(|_| {
                let is_due = look.is_due(1);
                if is_due {
                    look = Look::at(1);
                }
                is_due
            })
            .count();
        assert_eq!(flood, 2);
        // A clock that goes back puts nothing off for longer than that many frames.
        assert!(!Look::at(i64::MAX).is_due(i64::MIN));
    }
}
