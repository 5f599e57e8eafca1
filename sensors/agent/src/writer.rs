//! The writer thread: ids, the spool and EVE.
//!
//! Invariant: accepted are the events that are synced in the spool, or without one written as EVE; each other one is dropped with its
//! reason. On a tap a disk that refuses is waited for or costs EVE lines, never the sensor.

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
use vonggac_event::limits::MESSAGE_BYTES_MAX;
use vonggac_event::{Body, Class, Event, EventId, cut, eve, topic, wire};
use vonggac_spool::{Boot, SpoolError};

use crate::Options;
use crate::queue::{Item, Queued};
use crate::scan::FileScanner;
use crate::tallies::{Tallies, add};

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
    /// Whether it reads files: a full spool is then waited for instead of dropping, and EVE that cannot be written is an error.
    pub(crate) reading: bool,
    pub(crate) stop: Arc<AtomicBool>,
    /// Whether the packets came to their end by themselves.
    pub(crate) complete: Arc<AtomicBool>,
    pub(crate) tallies: Arc<Tallies>,
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

/// What a writer leaves.
pub(crate) struct Written {
    pub(crate) report: Report,
    /// The spool, when all of the job is in it: the job is done once that is delivered.
    pub(crate) done: Option<vonggac_spool::Writer>,
}

impl Report {
    fn count(&mut self, class: &'static str) {
        self.accepted += 1;
        *self.by_class.entry(class).or_default() += 1;
    }
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
        eve::write(event, &eve::Options::default(), &mut self.line);
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
    /// Classes of the events that are in the spool and not synced.
    unsynced: Vec<&'static str>,
}

impl Writer {
    pub(crate) fn run(self, items: &Receiver<Queued>) -> anyhow::Result<Written> {
        let mut run = Run {
            writer: self,
            sequence: 0,
            report: Report::default(),
            value: Vec::new(),
            unsynced_since: None,
            unsynced: Vec::new(),
        };
        loop {
            let wait = run
                .unsynced_since
                .map_or(SYNC_EVERY, |since| SYNC_EVERY.saturating_sub(since.elapsed()));
            match items.recv_timeout(wait) {
                Ok((items, _room)) => items.into_iter().try_for_each(|item| run.take(item))?,
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
            Item::File(mut event, data, _room) => {
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
            stats.events = self.report.accepted + self.unsynced.len() as u64 + self.report.accepted_before;
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
        let class = Class::of(&event).map_or("none", Class::name);
        if self.writer.output.spool.is_some() {
            if self.spool(&mut event, sequence)? {
                self.sequence = sequence;
                self.unsynced.push(class);
                self.unsynced_since.get_or_insert_with(Instant::now);
                self.sync_if_large()?;
                self.write_eve(&event)?;
            }
        } else if self.write_eve(&event)? {
            self.sequence = sequence;
            self.unsynced_since.get_or_insert_with(Instant::now);
            self.report.count(class);
        } else {
            self.drop_for("eve_failed");
        }
        Ok(())
    }

    /// Appends to the spool; says whether the event is in.
    fn spool(&mut self, event: &mut Event, sequence: u64) -> anyhow::Result<bool> {
        self.value.clear();
        wire::encode(event, &mut self.value);
        if self.value.len() > MESSAGE_BYTES_MAX {
            cut::cut(event, MESSAGE_BYTES_MAX);
            add(&self.writer.tallies.events_cut, 1);
            self.value.clear();
            wire::encode(event, &mut self.value);
        }
        let key = topic::event_key(event);
        loop {
            let Some(spool) = self.writer.output.spool.as_mut() else {
                return Ok(false);
            };
            match spool.append(sequence, &key, &self.value) {
                Ok(()) => return Ok(true),
                Err(SpoolError::RecordTooLarge { .. }) => return Ok(self.drop_for("too_large")),
                Err(SpoolError::Full { .. }) if !self.writer.reading => {
                    return Ok(self.drop_for("spool_full"));
                }
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

    /// Writes a line of EVE, when it is wanted; says whether it is written. On a tap a line that cannot be is counted, and the next one is
    /// tried.
    fn write_eve(&mut self, event: &Event) -> anyhow::Result<bool> {
        let Some(eve) = self.writer.output.eve.as_mut() else {
            return Ok(true);
        };
        match eve.write(event) {
            Ok(()) => Ok(true),
            Err(error) if self.is_eve_needed(&error) => Err(error).context("write EVE"),
            Err(error) => {
                let lost = add(&self.writer.tallies.eve_lines_lost, 1);
                if lost.is_power_of_two() {
                    tracing::error!(%error, lost, "EVE cannot be written; the sensor goes on");
                }
                Ok(false)
            }
        }
    }

    /// Whether the sensor's work has no sense without EVE: a capture can be read again, and a pipe whose reader has gone never takes
    /// anything again.
    fn is_eve_needed(&self, error: &io::Error) -> bool {
        let is_alone = self.writer.output.spool.is_none();
        self.writer.reading || (is_alone && error.kind() == io::ErrorKind::BrokenPipe)
    }

    fn sync_if_large(&mut self) -> anyhow::Result<()> {
        let spool = self.writer.output.spool.as_ref();
        if spool.is_some_and(|spool| spool.pending_bytes() >= SYNC_BYTES) {
            self.sync()?;
        }
        Ok(())
    }

    fn drop_for(&mut self, reason: &'static str) -> bool {
        let count = self.report.dropped.entry(reason).or_default();
        *count += 1;
        if count.is_power_of_two() {
            tracing::error!(reason, count = *count, "events dropped");
        }
        false
    }

    /// Makes what was appended safe. A disk that refuses is waited for until the sensor is told to stop: what is pending stays pending.
    fn sync(&mut self) -> anyhow::Result<()> {
        self.unsynced_since = None;
        self.flush_eve()?;
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
                return Ok(());
            }
            thread::sleep(RETRY_PAUSE);
        }
        if failures > 0 {
            tracing::info!(failures, "the spool's disk takes again");
        }
        for class in std::mem::take(&mut self.unsynced) {
            self.report.count(class);
        }
        Ok(())
    }

    fn flush_eve(&mut self) -> anyhow::Result<()> {
        let Some(eve) = self.writer.output.eve.as_mut() else {
            return Ok(());
        };
        let flushed = eve.out.flush();
        match flushed {
            Err(error) if self.is_eve_needed(&error) => Err(error).context("write EVE"),
            // What waits to be written still waits; lines are lost, and counted, when there is no room for more.
            _ => Ok(()),
        }
    }

    fn finish(mut self) -> anyhow::Result<Written> {
        self.sync()?;
        let is_done =
            self.writer.complete.load(Ordering::Acquire) && !self.writer.stop.load(Ordering::Relaxed);
        // What a disk did not take until the sensor had to stop.
        let lost = self.unsynced.len() as u64;
        if lost > 0 {
            self.report.dropped.insert("stopped_while_disk_refused", lost);
            tracing::error!(lost, "the spool's disk refused to the end: events are lost");
        }
        let mut spool = self.writer.output.spool;
        if let Some(spool) = spool.as_mut()
            && let Err(error) = spool.note_sequence(self.sequence - lost)
        {
            // The segments and the mark tell the next start nearly as much.
            tracing::warn!(%error, "how far the job came is not noted");
        }
        Ok(Written {
            report: self.report,
            done: spool.filter(|_| is_done),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::queue::{Batch, queue};
    use clap::Parser as _;
    use std::sync::Mutex;
    use tempfile::TempDir;
    use vonggac_event::proto;
    use vonggac_spool::{Limits, Spool};

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    /// A disk that is full for its first writes.
    #[derive(Clone, Default)]
    struct FullAtFirst {
        refusals: Arc<Mutex<u32>>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for FullAtFirst {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut refusals = self.refusals.lock().unwrap();
            if *refusals > 0 {
                *refusals -= 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.taken.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn writer(output: Output, boot: Boot, reading: bool) -> Writer {
        let line = Line::try_parse_from(["sensor", "--interface", "x"]).unwrap();
        Writer {
            output,
            scanner: None,
            options: Arc::new(line.options),
            boot,
            reading,
            stop: Arc::default(),
            complete: Arc::default(),
            tallies: Arc::default(),
        }
    }

    fn anomaly(detail: &str) -> Item {
        let body = Body::Anomaly(proto::Anomaly {
            detail: detail.to_owned(),
            ..proto::Anomaly::default()
        });
        Item::Event(Box::new(Event {
            body: Some(body),
            ..Event::default()
        }))
    }

    fn run(writer: Writer, items: Vec<Item>) -> anyhow::Result<Report> {
        Ok(written(writer, items)?.report)
    }

    fn written(writer: Writer, items: Vec<Item>) -> anyhow::Result<Written> {
        let (sender, received) = queue(true, &Arc::default());
        for item in items {
            let mut batch = Batch::default();
            batch.push(item);
            sender.send(batch).unwrap();
        }
        drop(sender);
        writer.run(&received)
    }

    fn eve(disk: &FullAtFirst, refusals: u32) -> Output {
        *disk.refusals.lock().unwrap() = refusals;
        Output {
            spool: None,
            eve: Some(EveOutput {
                out: Box::new(disk.clone()),
                line: Vec::new(),
            }),
        }
    }

    #[test]
    fn eve_on_a_full_disk_costs_a_tap_lines_and_a_capture_its_run() {
        let disk = FullAtFirst::default();
        let items = || (0..5).map(|_| anomaly("x")).collect();
        let report = run(writer(eve(&disk, 3), Boot::new(1), false), items()).unwrap();
        assert_eq!((report.accepted, report.dropped["eve_failed"]), (2, 3));
        let taken = String::from_utf8(disk.taken.lock().unwrap().clone()).unwrap();
        let ids: Vec<String> = taken
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| line["vonggac"]["event_id"].as_str().unwrap().to_owned())
            .collect();
        let expect: Vec<String> = (1..=2)
            .map(|sequence| EventId::new(1, sequence).to_string())
            .collect();
        assert_eq!(ids, expect);
        assert!(run(writer(eve(&disk, 3), Boot::new(1), true), items()).is_err());
    }

    fn spooled(directory: &TempDir, job: &str) -> (Writer, vonggac_spool::Reader) {
        let spool = Spool::open(directory.path(), job, Limits::default()).unwrap();
        let output = Output {
            spool: Some(spool.writer),
            eve: None,
        };
        (writer(output, spool.boot, true), spool.reader)
    }

    #[test]
    fn an_event_over_the_limit_is_cut_before_it_is_spooled() {
        let directory = TempDir::new().unwrap();
        let (writer, mut reader) = spooled(&directory, "");
        let tallies = writer.tallies.clone();
        let report = run(writer, vec![anomaly(&"x".repeat(2 << 20)), anomaly("y")]).unwrap();
        assert_eq!((report.accepted, report.by_class["anomaly"]), (2, 2));
        assert_eq!(tallies.events_cut.load(Ordering::Relaxed), 1);
        let (record, _) = reader.next_record().unwrap().unwrap();
        assert!(record.value.len() <= MESSAGE_BYTES_MAX);
        wire::decode_event(&record.value).unwrap();
    }

    /// A job is done when its packets came to their end and what they made is delivered; until then it goes on at the next start.
    #[test]
    fn a_job_is_gone_on_with_until_it_is_delivered() {
        let directory = TempDir::new().unwrap();
        let (first, _) = spooled(&directory, "job");
        let incarnation = first.boot.incarnation;
        // The packets' thread crashed.
        let crashed = written(first, vec![anomaly("x"), anomaly("y")]).unwrap();
        assert!(crashed.done.is_none());
        drop(crashed);
        for (before, now) in [(2, 1), (3, 0)] {
            let (next, _) = spooled(&directory, "job");
            assert_eq!(
                (next.boot.incarnation, next.boot.last_sequence),
                (incarnation, before)
            );
            next.complete.store(true, Ordering::Relaxed);
            let written = written(next, vec![anomaly("x"), anomaly("y"), anomaly("z")]).unwrap();
            let report = &written.report;
            assert_eq!((report.accepted_before, report.accepted), (before, now));
            // The sensor is killed before it is delivered the first time.
            let mut spool = written.done.unwrap();
            if now == 0 {
                spool.finish().unwrap();
            }
        }
        let (again, _) = spooled(&directory, "job");
        assert_ne!(again.boot.incarnation, incarnation);
    }
}
