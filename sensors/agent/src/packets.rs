//! The packet threads: sources, workers, and the way out of them.
//!
//! On an interface the kernel spreads flows over the workers' rings; of captures the packet thread is the reader, and the only worker unless
//! there are to be several.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Context as _;
use vonggac_capture::{RingOptions, stay_on_core};
use vonggac_inspect::{Config, Inspector, Keys, RuleMemory, Sink as _, VlanKey};
use vonggac_spool::Boot;

use crate::budget::Budget;
use crate::metrics::Metrics;
use crate::out::Out;
use crate::progress::Progress;
use crate::queue::{FILES_BYTES_MAX, ItemSender};
use crate::reload::Rules;
use crate::replay::{Hands, Replay};
use crate::report::{Report, Reporter, SourceReport, now_us};
use crate::scan::Scanning;
use crate::spread::Spread;
use crate::tallies::Tallies;
use crate::tap::{Ended, Tap, open_ring};
use crate::worker::Worker;
use crate::{Options, StopOnCrash};

/// Fewest blocks of a ring.
const BLOCKS_MIN: u32 = 8;

/// The packet threads, before they run.
pub(crate) struct Packets {
    source: Source,
    reporter: Reporter,
    options: Arc<Options>,
    stop: Arc<AtomicBool>,
    /// Set when all there was is done.
    complete: Arc<AtomicBool>,
    /// Events of this job that an earlier run of the sensor accepted.
    accepted_before: u64,
}

enum Source {
    Taps(Vec<Tap>),
    /// `Out` is the reader's.
    Files(Vec<PathBuf>, Vec<Worker>, Out),
}

/// What the packet threads need of the others.
pub(crate) struct Surroundings {
    pub(crate) items: ItemSender,
    pub(crate) scanning: Scanning,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) complete: Arc<AtomicBool>,
    pub(crate) metrics: Metrics,
    pub(crate) tallies: Arc<Tallies>,
}

impl Packets {
    pub(crate) fn open(
        options: &Arc<Options>,
        rules: &Rules,
        boot: &Boot,
        around: Surroundings,
    ) -> anyhow::Result<Self> {
        let count = options.workers * options.interface.len().max(1);
        let mut config = Config {
            numbers_packets: options.interface.is_empty(),
            ..Config::default()
        };
        config.stream.first_flow_id = first_flow_id(boot.incarnation);
        config.stream.flow_id_step = count as u64;
        config.stream.keys = Keys {
            vlans: match options.vlan_tracking.as_str() {
                "none" => VlanKey::None,
                "all" => VlanKey::All,
                _ => VlanKey::Innermost,
            },
            tunnels: options.tunnel_tracking,
        };
        config.community_id_seed = options.community_id_seed;
        options.tcp.apply(&mut config);
        options.limits.apply(&mut config);
        if matches!(around.scanning, Scanning::Off) {
            // Nobody wants them.
            config.protocol.file_scan_bytes_max = 0;
        }
        share(&mut config, count);
        let files = Budget::new(FILES_BYTES_MAX);
        let new_out = || {
            let (items, scanning) = (around.items.clone(), around.scanning.clone());
            Out::new(items, scanning, files.clone(), around.stop.clone())
        };
        let memory = RuleMemory::for_workers(count);
        let workers = (0..count).map(|_| {
            let (engine, newer_rules) = rules.signatures.reader();
            let inspector = Inspector::sharing(config.clone(), engine, memory.clone());
            // Their flows' ids lie between each other.
            config.stream.first_flow_id += 1;
            Worker::new(inspector, newer_rules, new_out())
        });
        let workers: Vec<Worker> = workers.collect();
        let told = workers.iter().map(Worker::told).collect();
        let source = match options.interface.is_empty() {
            true => Source::Files(options.read.clone(), workers, new_out()),
            false => Source::Taps(open_taps(options, workers, &around)?),
        };
        Ok(Self {
            source,
            reporter: Reporter::new(options.clone(), around.metrics, around.tallies, told),
            options: options.clone(),
            stop: around.stop,
            complete: around.complete,
            accepted_before: boot.last_sequence,
        })
    }

    /// Runs on this thread and those it starts.
    ///
    /// # Errors
    /// When one of those crashed.
    pub(crate) fn run(mut self) -> anyhow::Result<Report> {
        let source = std::mem::replace(&mut self.source, Source::Taps(Vec::new()));
        let (sources, out) = match source {
            Source::Taps(taps) => self.run_taps(taps)?,
            Source::Files(paths, workers, out) => self.run_files(&paths, workers, out)?,
        };
        let report = self.reporter.finish(sources, out.waiting_bytes());
        self.complete.store(true, Ordering::Release);
        Ok(report)
    }

    /// The first tap runs here, with the reporter; each other one on a thread of its own.
    fn run_taps(&mut self, taps: Vec<Tap>) -> anyhow::Result<(Vec<SourceReport>, Out)> {
        tracing::info!(
            interfaces = self.options.interface.join(", "),
            workers = taps.len(),
            "capturing"
        );
        let mut taps = taps.into_iter().enumerate();
        let (_, first) = taps.next().context("no tap")?;
        let others = taps.map(|(place, tap)| {
            let (options, stop) = (self.options.clone(), self.stop.clone());
            thread::Builder::new()
                .name(format!("packets-{place}"))
                .spawn(move || {
                    let _stops = StopOnCrash(stop);
                    stay_on(&options, place);
                    tap.run(None)
                })
        });
        let others: Vec<_> = others.collect::<std::io::Result<_>>()?;
        stay_on(&self.options, 0);
        let Ended {
            mut worker,
            source,
            last_us,
        } = first.run(Some(&mut self.reporter));
        let mut sources: Vec<SourceReport> = source.into_iter().collect();
        for other in others {
            let ended = other
                .join()
                .map_err(|_| anyhow::anyhow!("a packet thread crashed"))?;
            sources.extend(ended.source);
        }
        let stats = self.reporter.stats(last_us, worker.out.waiting_bytes());
        worker.out.event(stats);
        worker.tell();
        Ok((sources, worker.out))
    }

    fn run_files(
        &mut self,
        paths: &[PathBuf],
        mut workers: Vec<Worker>,
        out: Out,
    ) -> anyhow::Result<(Vec<SourceReport>, Out)> {
        let hands = match (workers.len(), workers.pop()) {
            (1, Some(worker)) => {
                stay_on(&self.options, 0);
                Hands::One(Box::new(worker))
            }
            (_, last) => {
                workers.extend(last);
                let options = self.options.clone();
                let spread = Spread::start(workers, move |place| stay_on(&options, place))?;
                Hands::Many(spread, Box::new(out))
            }
        };
        let replay = Replay {
            hands,
            reporter: &mut self.reporter,
            stop: &self.stop,
            filter: self.options.bpf.as_ref(),
            speed: self.options.speed,
            accepted_before: self.accepted_before,
            packets: 0,
            last_us: 0,
            progress: Progress::new(self.options.eve.as_deref() == Some(Path::new("-"))),
        };
        replay.run(paths)
    }
}

/// A ring for each worker on each interface. Those of one interface are a group, within which the kernel spreads flows.
fn open_taps(options: &Options, workers: Vec<Worker>, around: &Surroundings) -> anyhow::Result<Vec<Tap>> {
    let mut workers = workers.into_iter();
    let mut taps = Vec::new();
    for (place, name) in (0u16..).zip(&options.interface) {
        let defaults = RingOptions::default();
        let blocks = (defaults.blocks / options.workers as u32).max(BLOCKS_MIN);
        // Its own on this host, most likely; the kernel refuses the group of another interface.
        let group = (std::process::id() as u16).wrapping_mul(31).wrapping_add(place);
        let ring_options = RingOptions {
            blocks,
            fanout_group: (options.workers > 1).then_some(group),
            ..defaults
        };
        for (number, worker) in (0..options.workers).zip(&mut workers) {
            let registry = around.metrics.registry();
            taps.push(Tap {
                interface: name.clone(),
                ring: open_ring(name, ring_options, options.bpf.as_ref())?,
                ring_options,
                filter: options.bpf.clone(),
                worker,
                from_us: i64::MIN,
                away: (number == 0).then(|| registry.problem(format!("interface:{name}"))),
                stop: around.stop.clone(),
            });
        }
    }
    if options.workers > 1 || options.bpf.is_some() {
        let from_us = now_us();
        taps.iter_mut().for_each(|tap| tap.from_us = from_us);
    }
    Ok(taps)
}

/// Gives each of so many workers its share of the memory.
fn share(config: &mut Config, workers: usize) {
    let workers = workers.max(1);
    for limit in [
        &mut config.stream.flows_max,
        &mut config.stream.waiting_bytes_max,
        &mut config.stream.unacked_bytes_max,
        &mut config.body_bytes_max,
        &mut config.rule_overlap_bytes_max,
    ] {
        *limit = (*limit / workers).max(1);
    }
}

/// Keeps this thread on the core that the settings give the worker of this place.
fn stay_on(options: &Options, place: usize) {
    let cores = &options.cores;
    let Some(core) = cores.get(place % cores.len().max(1)) else {
        return;
    };
    if let Err(error) = stay_on_core(*core) {
        tracing::warn!(core, %error, "a worker cannot stay on its core");
    }
}

/// The first of the flows' ids: upper half from the incarnation, lower half counted, so that ids are unique on one platform for all
/// practical ends. Its highest bit is 0: counting on never overflows.
fn first_flow_id(incarnation: u64) -> u64 {
    ((incarnation >> 33) << 32) | 1
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::in_force::InForce;
    use crate::queue::{Queued, queue};
    use clap::Parser as _;
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::time::Duration;
    use tempfile::TempDir;
    use vonggac_signature::{MemoryDatasets, NoFiles};

    /// Frames of the capture that is played here.
    const DAYS: u32 = 9;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn no_rules() -> Rules {
        Rules {
            signatures: InForce::new(Arc::default()),
            yara: InForce::new(None),
            datasets: InForce::new(Arc::new(MemoryDatasets::new(Arc::new(NoFiles)))),
        }
    }

    /// Packets of a capture whose frames are a day apart, each with an event of counters, played as fast as life.
    fn played(directory: &TempDir, accepted_before: u64) -> (Packets, Arc<AtomicBool>, Receiver<Queued>) {
        let path = directory.path().join("days.pcap");
        let mut capture = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
        capture.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
        for day in 1..=DAYS {
            capture.extend((day * 86_400).to_le_bytes());
            capture.extend([0, 0, 0, 0, 14, 0, 0, 0, 14, 0, 0, 0]);
            capture.extend([0; 14]);
        }
        std::fs::write(&path, capture).unwrap();
        let line = Line::parse_from([
            "sensor",
            "--speed",
            "1",
            "--eve",
            "-",
            "--read",
            path.to_str().unwrap(),
        ]);
        let stop = Arc::new(AtomicBool::new(false));
        // It has room for all of them: nobody needs to take any out.
        let (items, received) = queue(true, &stop);
        let around = Surroundings {
            items,
            scanning: Scanning::Off,
            stop: stop.clone(),
            complete: Arc::default(),
            metrics: Metrics::default(),
            tallies: Arc::default(),
        };
        let mut boot = Boot::new(7);
        boot.last_sequence = accepted_before;
        let packets = Packets::open(&Arc::new(line.options), &no_rules(), &boot, around).unwrap();
        (packets, stop, received)
    }

    #[test]
    fn what_was_accepted_before_a_restart_is_not_waited_for_again() {
        let directory = TempDir::new().unwrap();
        let (packets, _stop, _received) = played(&directory, u64::from(DAYS));
        let (done, waits) = sync_channel(1);
        thread::spawn(move || {
            let _ = done.send(packets.run());
        });
        let report = waits.recv_timeout(Duration::from_secs(60)).unwrap().unwrap();
        assert_eq!(report.received, u64::from(DAYS));
    }

    #[test]
    fn what_is_new_keeps_its_pace() {
        let directory = TempDir::new().unwrap();
        // The first frame's counters wait for the second.
        let (packets, stop, _received) = played(&directory, 2);
        let run = thread::spawn(move || packets.run());
        thread::sleep(Duration::from_millis(500));
        stop.store(true, Ordering::Relaxed);
        // Two frames more than the three that made two events: the first sets the pace, the second was waited for.
        assert_eq!(run.join().unwrap().unwrap().received, 5);
    }

    #[test]
    fn flow_ids_differ_between_incarnations_and_never_overflow() {
        assert_ne!(first_flow_id(1 << 33), first_flow_id(2 << 33));
        assert!(first_flow_id(u64::MAX) <= u64::MAX / 2);
        assert_eq!(first_flow_id(0), 1);
    }
}
