//! The corpus' benchmark capture three times over, through the sensor as it is run: a process that reads a file and writes EVE to another.
//!
//! The unit is the processor time that `xz -dc` takes for the capture in the same run, so that figures of two machines, and of two programs,
//! can be put side by side. What starting and loading take is measured with a capture of one packet, and taken off.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use vonggac_capture::FileSource;
use vonggac_traffic::PacketSink as _;

use crate::copies;

/// How often the capture stands in what is measured with.
const COPIES: u8 = 3;
/// What Suricata 8.0.6 (Hyperscan, one worker) takes in the unit, without rules and with all of ET Open.
const SURICATA: [f64; 2] = [0.6, 1.0];
/// Pause between two looks at a process' memory.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What one process took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    processor_s: f64,
    wall_s: f64,
    /// Most resident memory.
    resident_bytes: u64,
}

/// The capture and rules of the corpus at `VONGGAC_CORPUS`, if there are any.
pub(crate) fn corpus() -> Option<PathBuf> {
    let corpus = PathBuf::from(std::env::var_os("VONGGAC_CORPUS")?);
    packed(&corpus).is_file().then_some(corpus)
}

fn packed(corpus: &Path) -> PathBuf {
    corpus.join("bench/mixed.pcap.xz")
}

/// Measures and prints. Files are made in `scratch`.
pub(crate) fn measure(corpus: &Path, scratch: &Path, rounds: u32) -> anyhow::Result<()> {
    let sensor = vonggac_e2e::binary()?;
    let (packed, whole) = (packed(corpus), scratch.join("copies.pcap"));
    let tiny = scratch.join("tiny.pcap");
    let packets = prepare(&packed, scratch, &whole, &tiny)?;
    println!("yardstick {packets} packets, {COPIES} times {}", packed.display());
    let rules = corpus.join("et-open");
    let sets: [(&str, Option<&Path>); 2] = [("no rules", None), ("ET Open", Some(&rules))];
    let mut units = Vec::new();
    let mut runs: [Vec<(Cost, Cost)>; 2] = Default::default();
    // In turn, so that what else the machine does falls on all alike.
    for _ in 0..rounds.max(1) {
        units.push(run(Command::new("xz").arg("-dc").arg(&packed))?.processor_s);
        for ((_, rules), runs) in sets.iter().zip(&mut runs) {
            let read = |capture: &Path| {
                let mut command = Command::new(&sensor);
                command
                    .arg("sensor")
                    .arg("--log")
                    .arg("error")
                    .arg("--read")
                    .arg(capture);
                command.arg("--eve").arg(scratch.join("eve.json"));
                if let Some(rules) = rules {
                    command.arg("--rules").arg(rules);
                }
                run(&mut command)
            };
            runs.push((read(&tiny)?, read(&whole)?));
        }
    }
    let unit = units.into_iter().fold(f64::INFINITY, f64::min);
    println!("yardstick xz -dc {unit:.2} processor seconds: the unit");
    for (((name, _), runs), suricata) in sets.iter().zip(&runs).zip(SURICATA) {
        show(name, runs, unit, suricata).context("no run")?;
    }
    Ok(())
}

fn show(name: &str, runs: &[(Cost, Cost)], unit: f64, suricata: f64) -> Option<()> {
    let best = |cost: &dyn Fn(&(Cost, Cost)) -> f64| runs.iter().map(cost).min_by(f64::total_cmp);
    let packets_s = best(&|(tiny, whole)| whole.processor_s - tiny.processor_s)?;
    let load_s = best(&|(tiny, _)| tiny.wall_s)?;
    let resident_bytes = runs.iter().map(|(_, whole)| whole.resident_bytes).max()?;
    println!(
        "yardstick {name:<9} {packets_s:>6.2} processor seconds, {:.2} units (Suricata 8.0.6: {suricata:.1}); start and load {load_s:.2} s; \
         {} MiB resident",
        packets_s / unit,
        resident_bytes >> 20,
    );
    Some(())
}

/// Unpacks the capture, and makes the copies and a capture of one packet of it; how many packets the copies have.
fn prepare(packed: &Path, scratch: &Path, whole: &Path, tiny: &Path) -> anyhow::Result<u64> {
    let one = scratch.join("one.pcap");
    let unpacked = Command::new("xz")
        .arg("-dc")
        .arg(packed)
        .stdout(File::create(&one)?)
        .status()
        .context("xz is needed to unpack the capture")?;
    ensure!(unpacked.success(), "xz: {unpacked}");
    copies::write(&one, COPIES, BufWriter::new(File::create(whole)?))?;
    let mut source = FileSource::open(&one)?;
    let mut writer = vonggac_traffic::pcap::Writer::new(File::create(tiny)?)?;
    let mut packets = 0;
    while let Some(frame) = source.next_frame()? {
        if packets == 0 {
            writer.packet(frame.ts_us, frame.data)?;
        }
        packets += 1;
    }
    writer.finish()?;
    fs::remove_file(one)?;
    Ok(packets * u64::from(COPIES))
}

/// Runs to the end, without a word.
fn run(command: &mut Command) -> anyhow::Result<Cost> {
    let before_s = children_s()?;
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let mut resident_bytes = 0;
    let status = loop {
        resident_bytes = resident_bytes.max(most_resident(&child).unwrap_or(0));
        match child.try_wait()? {
            Some(status) => break status,
            None => thread::sleep(LOOK_EVERY),
        }
    };
    ensure!(status.success(), "{command:?}: {status}");
    Ok(Cost {
        processor_s: children_s()? - before_s,
        wall_s: begun.elapsed().as_secs_f64(),
        resident_bytes,
    })
}

/// The most memory that a process had resident until now.
fn most_resident(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib << 10)
}

/// Processor seconds of all children that have ended: fields 16 and 17 of `/proc/self/stat`, in hundredths on every Linux.
fn children_s() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, after_name) = stat.rsplit_once(')').context("/proc/self/stat")?;
    let ticks = after_name.split_whitespace().skip(13).take(2);
    let ticks = ticks.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / 100.0)
}
