//! The writer thread: ids, the spool and EVE.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;
use vonggac_event::{Body, Class, Event, EventId, eve, topic, wire};
use vonggac_spool::{Boot, SpoolError};

use crate::scan::FileScanner;
use crate::{Item, Options};

/// Bytes that are synced at once at the latest.
const SYNC_BYTES: usize = 512 * 1024;
/// How long an event waits for others before it is synced.
const SYNC_EVERY: Duration = Duration::from_millis(20);
/// Pause before another try when the disk refuses or the spool is full.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The writer, before it runs.
pub(crate) struct Writer {
    pub(crate) output: Output,
    pub(crate) scanner: Option<FileScanner>,
    pub(crate) options: Arc<Options>,
    pub(crate) boot: Boot,
    /// Whether a full spool is waited for, as when reading files, or drops.
    pub(crate) waits: bool,
    pub(crate) stop: Arc<AtomicBool>,
}

/// Where events go.
pub(crate) struct Output {
    pub(crate) spool: Option<vonggac_spool::Writer>,
    pub(crate) eve: Option<EveOutput>,
}

/// EVE lines to a file or standard output.
pub(crate) struct EveOutput {
    out: Box<dyn Write + Send>,
    line: Vec<u8>,
}

/// What came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) accepted: u64,
    pub(crate) by_class: BTreeMap<&'static str, u64>,
    /// Events that were accepted before the sensor was restarted, and not again.
    pub(crate) accepted_before: u64,
    pub(crate) dropped: BTreeMap<&'static str, u64>,
}

impl EveOutput {
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let out: Box<dyn Write + Send> = if path == Path::new("-") {
            Box::new(io::stdout())
        } else {
            Box::new(File::create(path).with_context(|| path.display().to_string())?)
        };
        Ok(Self {
            out: Box::new(BufWriter::with_capacity(256 * 1024, out)),
            line: Vec::new(),
        })
    }

    fn write(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        eve::write(event, &mut self.line);
        self.out.write_all(&self.line)
    }
}

/// A writer at work.
struct Run {
    writer: Writer,
    sequence: u64,
    report: Report,
    value: Vec<u8>,
    unsynced_since: Option<Instant>,
}

impl Writer {
    pub(crate) fn run(self, items: &Receiver<Item>) -> anyhow::Result<Report> {
        let mut run = Run {
            writer: self,
            sequence: 0,
            report: Report::default(),
            value: Vec::new(),
            unsynced_since: None,
        };
        loop {
            let wait = run
                .unsynced_since
                .map_or(SYNC_EVERY, |since| SYNC_EVERY.saturating_sub(since.elapsed()));
            match items.recv_timeout(wait) {
                Ok(item) => run.take(item)?,
                Err(RecvTimeoutError::Timeout) => run.sync()?,
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if run
                .unsynced_since
                .is_some_and(|since| since.elapsed() >= SYNC_EVERY)
            {
                run.sync()?;
            }
        }
        run.finish()
    }
}

impl Run {
    fn take(&mut self, item: Item) -> anyhow::Result<()> {
        match item {
            Item::Event(event) => self.accept(*event),
            Item::File(mut event, data) => {
                let found = match self.writer.scanner.as_mut() {
                    Some(scanner) => scanner.scan(&mut event, &data),
                    None => Vec::new(),
                };
                self.accept(*event)?;
                found.into_iter().try_for_each(|event| self.accept(event))
            }
        }
    }

    fn accept(&mut self, mut event: Event) -> anyhow::Result<()> {
        let sequence = self.sequence + 1;
        let options = &self.writer.options;
        event.event_id = EventId::new(self.writer.boot.incarnation, sequence)
            .to_bytes()
            .to_vec();
        event.sensor.clone_from(&options.name);
        event.tenant.clone_from(&options.tenant);
        event.exercise_id = options.exercise_id;
        if let Some(Body::Stats(stats)) = event.body.as_mut() {
            stats.events = self.report.accepted + self.report.accepted_before;
            stats
                .counters
                .extend(
                    self.report
                        .dropped
                        .iter()
                        .map(|(name, value)| vonggac_event::proto::Counter {
                            name: format!("events_dropped_{name}"),
                            value: *value,
                        }),
                );
        }
        if sequence <= self.writer.boot.last_sequence {
            self.sequence = sequence;
            self.report.accepted_before += 1;
            return Ok(());
        }
        if self.spool(&event, sequence)? {
            self.sequence = sequence;
            self.report.accepted += 1;
            *self
                .report
                .by_class
                .entry(Class::of(&event).map_or("none", Class::name))
                .or_default() += 1;
            if let Some(eve) = self.writer.output.eve.as_mut() {
                eve.write(&event).context("write EVE")?;
            }
            self.unsynced_since.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    /// Appends to the spool, when there is one; says whether the event is in.
    fn spool(&mut self, event: &Event, sequence: u64) -> anyhow::Result<bool> {
        if self.writer.output.spool.is_none() {
            return Ok(true);
        }
        self.value.clear();
        wire::encode(event, &mut self.value);
        let key = topic::event_key(event);
        loop {
            let Some(spool) = self.writer.output.spool.as_mut() else {
                return Ok(true);
            };
            let pending = spool.pending_bytes();
            match spool.append(sequence, &key, &self.value) {
                Ok(()) if pending >= SYNC_BYTES => {
                    self.sync()?;
                    return Ok(true);
                }
                Ok(()) => return Ok(true),
                Err(SpoolError::RecordTooLarge { .. }) => return Ok(self.drop_for("too_large")),
                Err(SpoolError::Full { .. }) if !self.writer.waits => return Ok(self.drop_for("spool_full")),
                Err(SpoolError::Full { .. }) => {
                    self.sync()?;
                    if self.writer.stop.load(Ordering::Relaxed) {
                        return Ok(self.drop_for("stopped_while_spool_full"));
                    }
                    thread::sleep(RETRY_PAUSE);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn drop_for(&mut self, reason: &'static str) -> bool {
        let count = self.report.dropped.entry(reason).or_default();
        *count += 1;
        if count.is_power_of_two() {
            tracing::error!(reason, count = *count, "events dropped");
        }
        false
    }

    /// Makes what was appended safe. A disk that refuses is waited for: what is pending stays pending.
    fn sync(&mut self) -> anyhow::Result<()> {
        self.unsynced_since = None;
        if let Some(eve) = self.writer.output.eve.as_mut() {
            eve.out.flush().context("write EVE")?;
        }
        let Some(spool) = self.writer.output.spool.as_mut() else {
            return Ok(());
        };
        let mut failures = 0_u64;
        while let Err(error) = spool.sync() {
            failures += 1;
            if failures.is_power_of_two() {
                tracing::error!(%error, failures, "the spool's disk refuses; capture goes on while the queue has room");
            }
            if self.writer.stop.load(Ordering::Relaxed) {
                return Err(error.into());
            }
            thread::sleep(RETRY_PAUSE);
        }
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<Report> {
        self.sync()?;
        let stopped = self.writer.stop.load(Ordering::Relaxed);
        if let Some(spool) = self.writer.output.spool.as_mut() {
            // Work that was stopped before its end goes on at the next start.
            if stopped {
                spool.note_sequence(self.sequence)?;
            } else {
                spool.finish()?;
            }
        }
        Ok(self.report)
    }
}
