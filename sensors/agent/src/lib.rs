//! The sensor role: capture, inspect, scan, spool, publish.
//!
//! ```text
//! thread "packets"    source ─▶ Inspector ─▶ batches of events, files   no I/O but the source; with several workers a thread for each
//! thread "files"      YARA on files (on a tap; when reading files the writer scans, so that order never varies)
//! thread "writer"     ids ─▶ spool (fsync: accepted) and / or EVE
//! task   "publisher"  spool ─▶ Kafka, acknowledged on delivery
//! task   "rules"      SIGHUP, control socket ─▶ rules loaded anew ─▶ threads "packets", "files", "writer"
//! task   "datasets"   sets that rules fill ─▶ their files (on a tap; when reading files at the end only)
//! ```
//! On a tap nothing ever waits for a slower part: what has no room is dropped and counted by reason. Reading a capture, everything
//! waits and nothing is dropped.
//!
//! Nothing that is spawned ends unseen: threads and tasks are watched while they run, and each end is the sensor's, or is handled where it
//! happens.
//!
//! Invariants:
//! - Packets: received = processed + dropped by reason. Events: made = accepted + dropped by reason.
//! - Reading the same files with the same settings and one worker makes the same events in the same order; so a sensor that was killed while
//!   reading goes on with the same ids and sends nothing twice.

mod badge;
mod budget;
mod control;
mod in_force;
mod job;
mod limits;
mod load;
mod metrics;
mod options;
mod out;
mod outputs;
mod packets;
mod progress;
mod publish;
mod queue;
mod refused;
mod reload;
mod replay;
mod report;
mod saving;
mod scan;
mod spread;
mod summary;
mod tallies;
mod tap;
mod tcp_settings;
mod trouble;
mod worker;
mod writer;

pub use options::Options;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use vonggac_bus::Producer;
use vonggac_spool::{Boot, Limits, Spool, SpoolError};

use badge::Badge;
use control::{Control, Desk};
use load::Loader;
use metrics::Metrics;
use packets::{Packets, Surroundings};
use publish::Publisher;
use refused::RefusedFile;
use reload::{Reloader, Rules};
use saving::Saving;
use scan::{FileScanner, Scanning};
use summary::Summary;
use tallies::Tallies;
use writer::{EveOutput, Output, Writer, Written};

/// Pause before a spool is opened, or its job's end noted, again when its disk is full.
const OPEN_PAUSE: Duration = Duration::from_secs(1);

/// Runs until the files are read and delivered, or `shutdown` resolves. Returns whether every capture was read to its end.
///
/// # Errors
/// When a source, a rule path, the spool or an output cannot be used, or a part of the sensor crashed.
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> anyhow::Result<bool> {
    let (options, mut badge) = options.resolve()?;
    let options = Arc::new(options);
    tokio::pin!(shutdown);
    let Some(spool) = open_spool(&options, &mut shutdown).await? else {
        return Ok(true);
    };
    let stop = Arc::new(AtomicBool::new(false));
    let metrics = Metrics::default();
    if let Some(badge) = &mut badge {
        badge.report_to(metrics.registry());
    }
    let mut tasks = JoinSet::new();
    if let Some(address) = options.metrics {
        let serving = metrics.clone().serve(address);
        // Serving only ends when it cannot begin.
        tasks.spawn(async move { serving.await.map(|()| "metrics") });
    }
    let tallies = Arc::new(Tallies::default());
    let watching = trouble::watch(
        metrics.registry().clone(),
        Arc::clone(&tallies),
        options.spool_bytes_max,
    );
    tasks.spawn(async move { match watching.await {} });
    let rules = reloading(&options, &metrics, &tallies, &mut tasks)?;
    let saving = Saving::new(&rules, &tallies);
    let is_tap = !options.interface.is_empty();
    if is_tap {
        let saving = saving.clone();
        tasks.spawn(async move { match saving.run().await? {} });
    }
    let Threads { joined, publisher } =
        Threads::start(&options, &rules, &stop, metrics, &tallies, (spool, badge))?;
    let (written, end_of_writing) = oneshot::channel();
    let has_publisher = publisher.is_some();
    if let Some(publisher) = publisher {
        tasks.spawn(async move {
            publisher.run(end_of_writing).await;
            Ok("publisher")
        });
    }
    let joined = join(joined, &mut tasks, &stop, &mut shutdown).await;
    if is_tap {
        // Also when a part of the sensor failed.
        saving.save().await?;
    }
    let joined = joined?;
    // The publisher may be gone already when the sensor failed.
    let _ = written.send(());
    let mut packets = joined
        .packets
        .map_err(|_| anyhow::anyhow!("the packet thread crashed"))??;
    let written = joined
        .writer
        .map_err(|_| anyhow::anyhow!("the writer thread crashed"))??;
    joined
        .files
        .map_err(|_| anyhow::anyhow!("the files thread crashed"))?;
    let mut done = written.done;
    if has_publisher {
        let patience = async {
            if !stop.load(Ordering::Relaxed) {
                shutdown.as_mut().await;
            }
            tokio::time::sleep(publish::GRACE).await;
        };
        tokio::select! {
            done = ended(&mut tasks, "publisher") => done?,
            () = patience => {
                tracing::warn!("Kafka has not confirmed everything; the rest stays in the spool for the next start");
                done = None;
            }
        }
    }
    tasks.abort_all();
    // A job that goes on at the next start begins with the sets that it began with.
    if !is_tap && (done.is_some() || !has_publisher) {
        saving.save().await?;
    }
    // The publisher went on after the packets' last report.
    packets.refresh(tallies.list());
    let summary = Summary {
        options: &options,
        packets: &packets,
        writer: &written.report,
        signatures: rules.signatures.get().len(),
    };
    summary.log();
    if let Some(path) = &options.summary {
        summary
            .write(path)
            .with_context(|| format!("write {}", path.display()))?;
    }
    // Last: whoever is killed before it goes on with the job and sends nothing twice.
    if let Some(mut spool) = done {
        while let Err(error) = spool.finish() {
            tracing::error!(%error, "the end of the job cannot be noted yet");
            tokio::select! {
                () = &mut shutdown => break,
                () = tokio::time::sleep(OPEN_PAUSE) => {}
            }
        }
    }
    Ok(packets.sources.iter().all(|source| source.error.is_none()))
}

/// Loads the rules, and sees to it that they can be loaded anew.
fn reloading(
    options: &Arc<Options>,
    metrics: &Metrics,
    tallies: &Arc<Tallies>,
    tasks: &mut JoinSet<anyhow::Result<&'static str>>,
) -> anyhow::Result<Rules> {
    let mut loader = Loader::new(options);
    let rules = Rules::new(&loader.load()?);
    let (reloads, wishes) = reload::requests();
    if let Some(path) = &options.control {
        let desk = Desk {
            reloads,
            rules: rules.clone(),
            metrics: metrics.clone(),
            started: Instant::now(),
        };
        let serving = Control::open(path, desk)?.serve();
        tasks.spawn(async move { match serving.await {} });
    }
    let reloader = Reloader::new(loader, rules.clone(), tallies.clone(), metrics.registry());
    tasks.spawn(async move { reloader.run(wishes).await.map(|()| "rules") });
    Ok(rules)
}

/// What the threads came to.
struct Joined {
    packets: thread::Result<anyhow::Result<report::Report>>,
    writer: thread::Result<anyhow::Result<Written>>,
    files: thread::Result<()>,
}

/// Waits for the threads. When `shutdown` resolves, or a task ends before them, they are told to stop.
async fn join(
    joined: tokio::task::JoinHandle<Joined>,
    tasks: &mut JoinSet<anyhow::Result<&'static str>>,
    stop: &AtomicBool,
    shutdown: &mut (impl Future<Output = ()> + Unpin),
) -> anyhow::Result<Joined> {
    tokio::pin!(joined);
    let early = tokio::select! {
        joined = &mut joined => return Ok(joined?),
        () = shutdown => None,
        Some(ended) = tasks.join_next() => Some(ended),
    };
    stop.store(true, Ordering::Relaxed);
    let threads = joined.await?;
    match early {
        None => Ok(threads),
        Some(Ok(Ok(part))) => anyhow::bail!("the {part} ended while the sensor was at work"),
        Some(Ok(Err(error))) => Err(error),
        Some(Err(error)) => Err(anyhow::Error::new(error).context("a task of the sensor crashed")),
    }
}

/// Waits until the task of this name ends well.
async fn ended(tasks: &mut JoinSet<anyhow::Result<&'static str>>, name: &str) -> anyhow::Result<()> {
    while let Some(ended) = tasks.join_next().await {
        if ended.context("a task of the sensor crashed")?? == name {
            return Ok(());
        }
    }
    Ok(())
}

/// The threads of a sensor at work, and its publisher before it is.
struct Threads {
    joined: tokio::task::JoinHandle<Joined>,
    publisher: Option<Publisher>,
}

impl Threads {
    fn start(
        options: &Arc<Options>,
        rules: &Rules,
        stop: &Arc<AtomicBool>,
        metrics: Metrics,
        tallies: &Arc<Tallies>,
        (spool, badge): (OpenedSpool, Option<Badge>),
    ) -> anyhow::Result<Self> {
        let complete = Arc::new(AtomicBool::new(false));
        let eve = options.eve.as_deref().map(EveOutput::create).transpose()?;
        let reading = options.interface.is_empty();
        let (items, received) = queue::queue(reading, stop);
        let scanner = FileScanner::new(&rules.yara, tallies);
        let (scanning, inline, files) = match scanner {
            None => (Scanning::Off, None, None),
            Some(scanner) if reading => (Scanning::Inline, Some(scanner), None),
            Some(scanner) => {
                let (scanning, thread) = scan::aside(scanner, items.clone())?;
                (scanning, None, Some(thread))
            }
        };
        let (spool_writer, publisher, boot) = match spool {
            OpenedSpool::None(boot) => (None, None, boot),
            OpenedSpool::Open(spool) => {
                tallies.watch(spool.status);
                let connection = options.connection().context("a spool without Kafka")?;
                let publisher = Publisher::new(
                    badge.map(|badge| (badge, connection.clone())),
                    Box::new(move || Producer::gapless(&connection)),
                    spool.reader,
                    spool.acknowledger,
                    RefusedFile::new(options.spool.as_deref().unwrap_or(Path::new("."))),
                    tallies.clone(),
                )?;
                (Some(spool.writer), Some(publisher), spool.boot)
            }
        };
        let around = Surroundings {
            items,
            scanning,
            stop: stop.clone(),
            complete: complete.clone(),
            metrics,
            tallies: tallies.clone(),
        };
        let packets = Packets::open(options, rules, &boot, around)?;
        let writer = Writer {
            output: Output {
                spool: spool_writer,
                eve,
            },
            scanner: inline,
            options: options.clone(),
            boot,
            reading,
            stop: stop.clone(),
            complete,
            tallies: tallies.clone(),
        };
        let packets = thread::Builder::new()
            .name("packets".into())
            .spawn(move || packets.run())?;
        let writer_stop = stop.clone();
        let writer = thread::Builder::new().name("writer".into()).spawn(move || {
            // Without a writer there is no use in packets.
            let stops = StopOnCrash(writer_stop);
            let outcome = writer.run(&received);
            if outcome.is_err() {
                stops.0.store(true, Ordering::Relaxed);
            }
            outcome
        })?;
        let joined = tokio::task::spawn_blocking(move || Joined {
            packets: packets.join(),
            files: files.map_or(Ok(()), JoinHandle::join),
            writer: writer.join(),
        });
        Ok(Self { joined, publisher })
    }
}

/// Tells the others to stop when its thread crashes.
struct StopOnCrash(Arc<AtomicBool>);

impl Drop for StopOnCrash {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// The spool, where there is one, else what takes its place for ids.
enum OpenedSpool {
    Open(Box<Spool>),
    None(Boot),
}

/// Opens the spool. On a tap a full disk is waited for; `None` when `shutdown` resolves before there is room.
async fn open_spool(
    options: &Options,
    shutdown: &mut (impl Future<Output = ()> + Unpin),
) -> anyhow::Result<Option<OpenedSpool>> {
    let job = job::name(options)?;
    let Some(directory) = options.spool.as_deref().filter(|_| options.kafka.is_some()) else {
        let fixed = job.as_deref().and_then(job::incarnation).map(Boot::new);
        let boot = fixed.map_or_else(|| Boot::fresh(""), Ok)?;
        return Ok(Some(OpenedSpool::None(boot)));
    };
    // Several workers make their events in no fixed order: what was sent of them cannot be told by its number.
    let job = job.filter(|_| options.workers == 1);
    let limits = Limits {
        bytes_max: options.spool_bytes_max,
        ..Limits::default()
    };
    let mut failures = 0_u64;
    loop {
        match Spool::open(directory, job.as_deref().unwrap_or_default(), limits) {
            Ok(spool) => return Ok(Some(OpenedSpool::Open(Box::new(spool)))),
            Err(error) if !options.interface.is_empty() && error.is_disk_full() => {
                failures += 1;
                if failures.is_power_of_two() {
                    tracing::error!(%error, failures, "the spool's disk is full; the sensor begins when there is room");
                }
            }
            Err(error @ SpoolError::Io { .. }) if error.is_disk_full() => {
                return Err(error).context("the spool's disk is full; make room and start again");
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = &mut *shutdown => return Ok(None),
            () = tokio::time::sleep(OPEN_PAUSE) => {}
        }
    }
}
