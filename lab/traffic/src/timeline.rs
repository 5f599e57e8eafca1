//! The timeline: collects frames from actors that each run ahead on their own, and plays them out in order of time.
//!
//! Invariants: frames leave in order of time, those of one microsecond in the order in which they came; a frame outside
//! `start..end` is left out of capture and truth alike, as a capture that was stopped would have it; at most
//! [`PACKETS_MAX`] frames and [`BYTES_MAX`] bytes are kept, what is beyond is counted.

use std::collections::BTreeMap;

use crate::community::{FlowKey, community_id};
use crate::truth::Flow;
use crate::{PacketSink, TrafficError};

/// Most frames of a capture.
pub const PACKETS_MAX: usize = 8_000_000;

/// Most bytes of a capture's frames.
pub const BYTES_MAX: usize = 3 << 30;

/// Names a flow on the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlowNumber(usize);

#[derive(Clone, Copy)]
struct Entry {
    timestamp_us: i64,
    offset: usize,
    length: usize,
}

struct FlowTally {
    key: FlowKey,
    step: Option<&'static str>,
    first_us: i64,
    last_us: i64,
    packets: u64,
    bytes: u64,
}

pub(crate) struct Timeline {
    start_us: i64,
    end_us: i64,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    flows: Vec<FlowTally>,
    numbers: BTreeMap<FlowKey, FlowNumber>,
    packets_cut: u64,
}

/// What is left when all frames have gone out.
pub(crate) struct Tally {
    pub(crate) packets: u64,
    pub(crate) packets_cut: u64,
    pub(crate) flows: Vec<Flow>,
}

impl Timeline {
    pub(crate) fn new(start_us: i64, end_us: i64) -> Self {
        Self {
            start_us,
            end_us,
            bytes: Vec::new(),
            entries: Vec::new(),
            flows: Vec::new(),
            numbers: BTreeMap::new(),
            packets_cut: 0,
        }
    }

    pub(crate) fn start_us(&self) -> i64 {
        self.start_us
    }

    pub(crate) fn end_us(&self) -> i64 {
        self.end_us
    }

    /// The flow of this key. Asking again gives the same one, which keeps the step it was first asked with.
    pub(crate) fn flow(&mut self, key: FlowKey, step: Option<&'static str>) -> FlowNumber {
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = FlowNumber(self.flows.len());
        self.flows.push(FlowTally {
            key,
            step,
            first_us: i64::MAX,
            last_us: i64::MIN,
            packets: 0,
            bytes: 0,
        });
        self.numbers.insert(key, number);
        number
    }

    /// Puts a frame of a flow in its place.
    pub(crate) fn push(&mut self, number: FlowNumber, timestamp_us: i64, frame: &[u8]) {
        if timestamp_us < self.start_us || timestamp_us >= self.end_us {
            return;
        }
        if self.entries.len() >= PACKETS_MAX || self.bytes.len() + frame.len() > BYTES_MAX {
            self.packets_cut += 1;
            return;
        }
        self.entries.push(Entry {
            timestamp_us,
            offset: self.bytes.len(),
            length: frame.len(),
        });
        self.bytes.extend_from_slice(frame);
        if let Some(flow) = self.flows.get_mut(number.0) {
            flow.first_us = flow.first_us.min(timestamp_us);
            flow.last_us = flow.last_us.max(timestamp_us);
            flow.packets += 1;
            flow.bytes += frame.len() as u64;
        }
    }

    /// Hands every frame to `sink` and gives back the tally.
    ///
    /// # Errors
    /// The sink's own.
    pub(crate) fn play_out(mut self, sink: &mut dyn PacketSink) -> Result<Tally, TrafficError> {
        self.entries.sort_by_key(|entry| entry.timestamp_us);
        for entry in &self.entries {
            let frame = self
                .bytes
                .get(entry.offset..entry.offset + entry.length)
                .unwrap_or_default();
            sink.packet(entry.timestamp_us, frame)?;
        }
        self.flows.retain(|flow| flow.packets > 0);
        self.flows.sort_by_key(|flow| (flow.first_us, flow.key));
        let flows = self.flows.iter().map(FlowTally::truth).collect();
        Ok(Tally {
            packets: self.entries.len() as u64,
            packets_cut: self.packets_cut,
            flows,
        })
    }
}

impl FlowTally {
    fn truth(&self) -> Flow {
        Flow {
            community_id: community_id(&self.key),
            src: self.key.src,
            sport: self.key.sport,
            dst: self.key.dst,
            dport: self.key.dport,
            proto: self.key.proto,
            first_us: self.first_us,
            last_us: self.last_us,
            packets: self.packets,
            bytes: self.bytes,
            step: self.step.map(str::to_owned),
        }
    }
}
