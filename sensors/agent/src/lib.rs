//! The sensor role: capture, inspect, scan, spool, publish.
//!
//! ```text
//! thread "packets"    source ─▶ Inspector ─▶ events, files          no lock, no I/O but the source
//! thread "files"      YARA on files (on a tap; when reading files the writer scans, so that order never varies)
//! thread "writer"     ids ─▶ spool (fsync: accepted) and / or EVE
//! task   "publisher"  spool ─▶ Kafka, acknowledged on delivery
//! ```
//! On a tap nothing ever waits for a slower part: what has no room is dropped and counted by reason. Reading a capture, everything
//! waits and nothing is dropped.
//!
//! Invariants:
//! - Packets: received = processed + dropped by reason. Events: made = accepted + dropped by reason.
//! - Reading the same files with the same settings makes the same events in the same order; so a sensor that was killed while
//!   reading goes on with the same ids and sends nothing twice.

mod job;
mod load;
mod metrics;
mod options;
mod packets;
mod publish;
mod scan;
mod summary;
mod writer;

pub use options::Options;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use anyhow::Context as _;
use tokio::task::JoinHandle;
use vonggac_event::Event;
use vonggac_spool::{Acknowledger, Boot, Limits, Reader, Spool};

use metrics::Metrics;
use packets::Packets;
use scan::{FileScanner, Scanning};
use summary::Summary;
use writer::{EveOutput, Output, Writer};

/// Items that wait for the writer.
const QUEUE_ITEMS: usize = 16 * 1024;

/// What goes from the packets to the writer.
pub(crate) enum Item {
    /// An event, ready but for its id.
    Event(Box<Event>),
    /// A file and its bytes, to be scanned.
    File(Box<Event>, Vec<u8>),
}

/// Runs until the files are read and delivered, or `shutdown` resolves. Returns whether every capture was read to its end.
///
/// # Errors
/// When a source, a rule path, the spool or an output cannot be used.
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> anyhow::Result<bool> {
    let options = Arc::new(options.resolve()?);
    let stop = Arc::new(AtomicBool::new(false));
    let metrics = Metrics::default();
    let serving = options
        .metrics
        .map(|address| tokio::spawn(metrics.clone().serve(address)));
    let Threads {
        signatures,
        joined,
        publishing,
    } = Threads::start(&options, &stop, metrics)?;
    tokio::pin!(shutdown);
    let joining = join(joined, serving, &stop);
    tokio::pin!(joining);
    let (packets, writer) = tokio::select! {
        joined = &mut joining => joined?,
        () = &mut shutdown => {
            stop.store(true, Ordering::Relaxed);
            joining.await?
        }
    };
    let packets = packets.map_err(|_| anyhow::anyhow!("the packet thread crashed"))??;
    let writer = writer.map_err(|_| anyhow::anyhow!("the writer thread crashed"))??;
    if let Some(publishing) = publishing {
        let patience = async {
            if !stop.load(Ordering::Relaxed) {
                shutdown.await;
            }
            tokio::time::sleep(publish::GRACE).await;
        };
        tokio::select! {
            done = publishing => done??,
            () = patience => tracing::warn!("Kafka has not confirmed everything; the rest stays in the spool for the next start"),
        }
    }
    let summary = Summary {
        options: &options,
        packets: &packets,
        writer: &writer,
        signatures,
    };
    summary.log();
    if let Some(path) = &options.summary {
        summary
            .write(path)
            .with_context(|| format!("write {}", path.display()))?;
    }
    Ok(packets.sources.iter().all(|source| source.error.is_none()))
}

/// What the two threads came to.
type Joined = (
    thread::Result<anyhow::Result<packets::Report>>,
    thread::Result<anyhow::Result<writer::Report>>,
);

/// The threads and tasks of a sensor at work.
struct Threads {
    signatures: usize,
    joined: JoinHandle<Joined>,
    publishing: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Threads {
    fn start(options: &Arc<Options>, stop: &Arc<AtomicBool>, metrics: Metrics) -> anyhow::Result<Self> {
        let engine = load::signatures(options)?;
        let yara = load::yara(options)?;
        let (spool, ends, boot) = open_spool(options)?;
        let eve = options.eve.as_deref().map(EveOutput::create).transpose()?;
        let reading = options.interface.is_none();
        let (items, received) = sync_channel::<Item>(QUEUE_ITEMS);
        let (scanner, scanning) = if reading {
            (FileScanner::new(yara.as_ref()), Scanning::Inline)
        } else {
            (None, scan::aside(FileScanner::new(yara.as_ref()), &items)?)
        };
        let signatures = engine.len();
        let packets = Packets::open(
            options,
            engine,
            boot.incarnation,
            scanning,
            items,
            stop.clone(),
            metrics,
        )?;
        let writer = Writer {
            output: Output { spool, eve },
            scanner,
            options: options.clone(),
            boot,
            waits: reading,
            stop: stop.clone(),
        };
        let packets = thread::Builder::new()
            .name("packets".into())
            .spawn(move || packets.run())?;
        let writer_stop = stop.clone();
        let writer = thread::Builder::new().name("writer".into()).spawn(move || {
            let outcome = writer.run(&received);
            if outcome.is_err() {
                // Without a writer there is no use in packets.
                writer_stop.store(true, Ordering::Relaxed);
            }
            outcome
        })?;
        let (written, end_of_writing) = tokio::sync::oneshot::channel();
        let joined = tokio::task::spawn_blocking(move || {
            let joined = (packets.join(), writer.join());
            // The publisher may be gone already when it failed.
            let _ = written.send(());
            joined
        });
        let publisher = ends
            .map(|(reader, mark)| publish::Publisher::new(&options.kafka, reader, mark))
            .transpose()?;
        let publishing = publisher.map(|publisher| tokio::spawn(publisher.run(end_of_writing)));
        Ok(Self {
            signatures,
            joined,
            publishing,
        })
    }
}

/// Waits for the threads; ends them when the metrics cannot be served.
async fn join(
    joined: JoinHandle<Joined>,
    serving: Option<JoinHandle<anyhow::Result<()>>>,
    stop: &AtomicBool,
) -> anyhow::Result<Joined> {
    let Some(serving) = serving else {
        return Ok(joined.await?);
    };
    tokio::select! {
        joined = joined => Ok(joined?),
        // Serving only ends when it cannot begin.
        failed = serving => {
            stop.store(true, Ordering::Relaxed);
            failed??;
            anyhow::bail!("metrics ended")
        }
    }
}

/// The spool's two ends, when there is a spool.
type SpoolEnds = (
    Option<vonggac_spool::Writer>,
    Option<(Reader, Acknowledger)>,
    Boot,
);

fn open_spool(options: &Options) -> anyhow::Result<SpoolEnds> {
    let job = job::name(options)?;
    let Some(directory) = options.spool.as_deref().filter(|_| options.kafka.is_some()) else {
        let fixed = job.as_deref().and_then(job::incarnation);
        return Ok((
            None,
            None,
            fixed.map_or_else(|| Boot::fresh(""), |number| Ok(Boot::new(number)))?,
        ));
    };
    let limits = Limits {
        bytes_max: options.spool_bytes_max,
        ..Limits::default()
    };
    let Spool {
        writer,
        reader,
        acknowledger,
        boot,
    } = Spool::open(directory, job.as_deref().unwrap_or_default(), limits)?;
    Ok((Some(writer), Some((reader, acknowledger)), boot))
}
