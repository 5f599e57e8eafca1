//! Seeded traffic: benign users and intrusions, with the truth of every flow.
//!
//! [`generate`] builds real packets (Ethernet, IPv4 and IPv6, TCP, UDP, ICMP; DNS, HTTP/1.1, TLS 1.2 and 1.3, SSH, SMTP,
//! NTP) of a made-up agency and of a first intrusion into it, hands them to a [`PacketSink`] in order of time and returns
//! the [`Truth`]: which flows there are, and which step of the intrusion each belongs to. [`pcap::Writer`] makes a file.
//!
//! [`evasion`] makes single conversations that carry an attack and hide it from a sensor; [`flood`] makes frames that fill its tables.
//!
//! It does not model loss, congestion or fragmentation, and no ARP or other traffic without an IP flow. It does no I/O of
//! its own, reads no clock, and uses no floating point, so:
//!
//! - Invariant: same [`Options`], same bytes and same truth, on every machine.
//! - Invariant: every packet belongs to exactly one flow of the truth; no two flows share a five-tuple.
//! - Invariant: leaving out the intrusion or the benign part changes no byte of the other's packets.
//! - Invariant: only names under `.example` and addresses reserved for private use or documentation appear.

pub mod evasion;
pub mod flood;
pub mod pcap;

mod benign;
mod community;
mod content;
mod der;
mod dns;
mod error;
mod gzip;
mod http;
mod intrusion;
mod packet;
mod random;
mod stage;
mod tcp;
mod timeline;
mod tls;
mod truth;
mod world;

use std::io;

pub use community::{FlowKey, community_id};
pub use error::TrafficError;
pub use timeline::{BYTES_MAX, PACKETS_MAX};
pub use truth::{Flow, Protocol, Step, TRUTH_FORMAT_VERSION, Truth};

use stage::Stage;
use timeline::Timeline;

/// Shortest and longest capture, in seconds.
pub const DURATION_S: (u32, u32) = (60, 3600);

/// Fewest and most users.
pub const USERS: (u8, u8) = (1, 200);

/// 2026-11-21 08:00 in Hà Nội: the start of the default sample.
pub const START_US_DEFAULT: i64 = 1_795_222_800_000_000;

/// What to generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Everything that is chance follows from it.
    pub seed: u64,
    /// Start of the capture, microseconds since 1970, UTC; from 1970 to 2105, which is what pcap files can say.
    pub start_us: i64,
    /// Length of the capture in seconds, within [`DURATION_S`].
    pub duration_s: u32,
    /// Desks at the agency, within [`USERS`].
    pub users: u8,
    /// Whether somebody intrudes.
    pub intrusion: bool,
    /// Whether anybody works.
    pub benign: bool,
}

impl Default for Options {
    /// Ten minutes of twelve users and the intrusion.
    fn default() -> Self {
        Self {
            seed: 1,
            start_us: START_US_DEFAULT,
            duration_s: 600,
            users: 12,
            intrusion: true,
            benign: true,
        }
    }
}

impl Options {
    fn check(&self) -> Result<(), TrafficError> {
        let start_max_us = (i64::from(u32::MAX) - i64::from(DURATION_S.1)) * 1_000_000;
        let checks = [
            ("start_us", self.start_us, 0, start_max_us),
            (
                "duration_s",
                i64::from(self.duration_s),
                i64::from(DURATION_S.0),
                i64::from(DURATION_S.1),
            ),
            (
                "users",
                i64::from(self.users),
                i64::from(USERS.0),
                i64::from(USERS.1),
            ),
        ];
        for (option, value, low, high) in checks {
            if !(low..=high).contains(&value) {
                return Err(TrafficError::OutOfRange {
                    option,
                    value,
                    low,
                    high,
                });
            }
        }
        Ok(())
    }
}

/// Takes packets as they are generated.
pub trait PacketSink {
    /// Takes one frame; times never go back.
    ///
    /// # Errors
    /// Those of whatever stands behind it.
    fn packet(&mut self, timestamp_us: i64, frame: &[u8]) -> io::Result<()>;
}

/// Generates a capture into `sink` and returns the truth about it.
///
/// The whole capture is held in memory until it is sorted: about 50 kB for each second of twelve users.
///
/// # Errors
/// [`TrafficError::OutOfRange`] for options out of their bounds, [`TrafficError::Sink`] for the sink's own.
pub fn generate(options: &Options, sink: &mut dyn PacketSink) -> Result<Truth, TrafficError> {
    options.check()?;
    let end_us = options.start_us + i64::from(options.duration_s) * 1_000_000;
    let mut stage = Stage {
        timeline: Timeline::new(options.start_us, end_us),
        ports: world::Ports::default(),
        seed: options.seed,
    };
    if options.benign {
        benign::play(&mut stage, options.users);
    }
    if options.intrusion {
        intrusion::play(&mut stage);
    }
    let tally = stage.timeline.play_out(sink)?;
    let mut steps: Vec<Step> = intrusion::STEPS
        .iter()
        .filter_map(|card| step(card, &tally.flows))
        .collect();
    steps.sort_by_key(|step| step.first_us);
    Ok(Truth {
        format_version: TRUTH_FORMAT_VERSION,
        seed: options.seed,
        start_us: options.start_us,
        packets: tally.packets,
        packets_cut: tally.packets_cut,
        steps,
        flows: tally.flows,
    })
}

fn step(card: &intrusion::StepCard, flows: &[Flow]) -> Option<Step> {
    let own = || flows.iter().filter(|flow| flow.step.as_deref() == Some(card.id));
    Some(Step {
        id: card.id.to_owned(),
        name: card.name.to_owned(),
        technique: card.technique.to_owned(),
        tactic: card.tactic.to_owned(),
        first_us: own().map(|flow| flow.first_us).min()?,
        last_us: own().map(|flow| flow.last_us).max()?,
    })
}
