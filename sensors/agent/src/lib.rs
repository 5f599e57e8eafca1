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
use vonggac_event::{EventId, Event};
use vonggac_spool::{Limits, Spool};

use packets::Packets;
use scan::{FileScanner, Scanning};
use summary::Summary;
use writer::{EveOutput, Output, Writer};

/// Items that wait for the writer.
const QUEUE_ITEMS: usize = 16 * 1024;
/// Files that wait for their scan on a tap.
const QUEUE_FILES: usize = 64;

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
    let engine = load::signatures(&options)?;
    let yara = load::yara(&options)?;
    let spool = open_spool(&options)?;
    let reading = options.interface.is_none();
    let stop = Arc::new(AtomicBool::new(false));

    let (items, received) = sync_channel::<Item>(QUEUE_ITEMS);
    let inline = if reading { FileScanner::new(yara.as_ref()) } else { None };
    let scanning = match (&yara, reading) {
        (Some(rules), false) => {
            let (files, waiting) = sync_channel(QUEUE_FILES);
            scan::spawn(FileScanner::new(Some(rules)), waiting, items.clone())?;
            Scanning::Aside(files)
        }
        _ => Scanning::Inline,
    };

    let boot = spool.as_ref().map(|spool| spool.boot.clone()).unwrap_or_default();
    let sensor = EventId::sensor_hash(&options.name);
    let metrics = metrics::Metrics::default();
    let serving = options.metrics.map(|address| tokio::spawn(metrics.clone().serve(address)));
    let packets = Packets::open(&options, engine.clone(), boot.number, scanning, items, stop.clone(), metrics)?;
    let (spool_writer, ends) = match spool {
        Some(Spool { writer, reader, acknowledger, .. }) => (Some(writer), Some((reader, acknowledger))),
        None => (None, None),
    };
    let writer = Writer {
        output: Output { spool: spool_writer, eve: options.eve.as_deref().map(EveOutput::create).transpose()? },
        scanner: inline,
        options: options.clone(),
        sensor,
        boot,
        waits: reading,
        stop: stop.clone(),
    };
    let packets = thread::Builder::new().name("packets".into()).spawn(move || packets.run())?;
    let writer = thread::Builder::new().name("writer".into()).spawn(move || writer.run(&received))?;
    let (written, end_of_writing) = tokio::sync::oneshot::channel();
    let joined = tokio::task::spawn_blocking(move || {
        let packets = packets.join();
        let writer = writer.join();
        let _ = written.send(());
        (packets, writer)
    });

    let publisher = ends.map(|(reader, acknowledger)| publish::Publisher::new(&options.kafka, reader, acknowledger));
    let mut publishing = publisher.transpose()?.map(|publisher| tokio::spawn(publisher.run(end_of_writing)));
    tokio::pin!(shutdown);
    let work = async {
        let joined = match serving {
            // Serving only ends when it cannot begin.
            Some(serving) => tokio::select! {
                joined = joined => joined?,
                failed = serving => {
                    stop.store(true, Ordering::Relaxed);
                    failed??;
                    anyhow::bail!("metrics ended");
                }
            },
            None => joined.await?,
        };
        // The writer is done; what is accepted still goes to Kafka.
        if let Some(task) = publishing.as_mut() {
            task.await??;
        }
        anyhow::Ok(joined)
    };
    tokio::pin!(work);
    let (packets, writer) = tokio::select! {
        done = &mut work => done?,
        () = &mut shutdown => {
            stop.store(true, Ordering::Relaxed);
            // What was accepted and is not delivered within the grace stays in the spool for the next start.
            match tokio::time::timeout(publish::GRACE, &mut work).await {
                Ok(done) => done?,
                Err(_) => {
                    tracing::info!("Kafka has not confirmed everything; the rest stays in the spool");
                    return Ok(true);
                }
            }
        }
    };
    let packets = packets.map_err(|_| anyhow::anyhow!("the packet thread crashed"))??;
    let writer = writer.map_err(|_| anyhow::anyhow!("the writer thread crashed"))??;
    let summary = Summary { options: &options, packets: &packets, writer: &writer, rules: engine.len() };
    summary.log();
    if let Some(path) = &options.summary {
        summary.write(path).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(packets.sources.iter().all(|source| source.error.is_none()))
}

fn open_spool(options: &Options) -> anyhow::Result<Option<Spool>> {
    let Some(directory) = options.spool.as_deref().filter(|_| options.kafka.is_some()) else { return Ok(None) };
    let limits = Limits { bytes_max: options.spool_bytes_max, ..Limits::default() };
    Ok(Some(Spool::open(directory, &options.job()?, limits)?))
}
