//! `make bench`: what one machine does, with ratios that hold on another.
//!
//! - *yardstick*: with `VONGGAC_CORPUS`, its benchmark capture three times over through the sensor: processor time in units of `xz -dc`,
//!   memory and load time, beside Suricata's.
//! - *packets*: reading the capture alone, then one sensor worker without rules and with the shipped rules: packets/s, Gbit/s,
//!   events/s, and the ratio to reading alone. Each is run several times in turn; the best of each counts, as the machine is shared.
//! - *pipeline*: a whole platform; events/s from the sensor's start to the last row, and per second of the pipeline's processor time.
//! - *store*: rows/s into ClickHouse alone.
//! - *alert*: from packet to alert, p50 and p99, on a virtual wire (needs root).
//! - *crowd* (`--crowd EVENTS`, instead of the others): 32 searches of one account at once over so many events, while a sensor feeds 5,000
//!   events/s: from packet to alert, and another account's searches, alone and beside the crowd (needs root).
//! - *queue* (`--queue ALERTS`, instead of the others): pages, searches, counts and groups of a queue with so many alerts, each p95 beside its
//!   limit of 300 ms.

mod copies;
mod crowd;
mod machine;
mod packets;
mod platform;
mod queue;
mod yardstick;

use std::path::PathBuf;

use clap::Parser;

/// What to measure.
#[derive(Debug, Parser)]
struct Arguments {
    /// Capture to measure with; sample traffic is generated when left out.
    #[arg(value_name = "CAPTURE")]
    capture: Option<PathBuf>,
    /// Signatures to measure with; the shipped ones when left out.
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Only the packet path, without servers.
    #[arg(long)]
    packets_only: bool,
    /// Only the crowd of searches, over this many events.
    #[arg(long, value_name = "EVENTS")]
    crowd: Option<u64>,
    /// Only the queue, with so many alerts.
    #[arg(long, value_name = "ALERTS")]
    queue: Option<u32>,
    /// Times each packet measurement is repeated.
    #[arg(long, default_value_t = 5, value_name = "N")]
    rounds: u32,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    println!("machine   {}", machine::describe());
    if let Some(events) = arguments.crowd {
        return crowd::measure(events);
    }
    if let Some(alerts) = arguments.queue {
        return queue::measure(alerts);
    }
    let scratch = tempfile::TempDir::new()?;
    match yardstick::corpus() {
        Some(corpus) => yardstick::measure(&corpus, scratch.path(), arguments.rounds)?,
        None => println!("yardstick left out: VONGGAC_CORPUS names no corpus with bench/mixed.pcap.xz"),
    }
    let capture = match &arguments.capture {
        Some(capture) => capture.clone(),
        None => packets::generate(scratch.path())?,
    };
    packets::measure(&capture, &arguments.rules, arguments.rounds)?;
    if !arguments.packets_only {
        platform::measure(&capture)?;
    }
    Ok(())
}
