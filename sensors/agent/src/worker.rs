//! A worker: an inspector, the rules it takes, and its way out.

use std::sync::{Arc, Mutex, PoisonError};

use vonggac_capture::Frame;
use vonggac_decode::LinkType;
use vonggac_inspect::{Counters, Inspector};
use vonggac_signature::Engine;

use crate::in_force::Reader;
use crate::out::{Out, OutTally};

/// The packet path of one thread.
pub(crate) struct Worker {
    inspector: Inspector,
    newer_rules: Reader<Arc<Engine>>,
    pub(crate) out: Out,
    bytes: u64,
    pub(crate) tap: TapTally,
    told: Told,
}

/// What a worker counted, as it last told; clones are one.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Standing>>);

/// What a worker counted.
#[derive(Clone, Default)]
pub(crate) struct Standing {
    pub(crate) counters: Counters,
    pub(crate) out: OutTally,
    pub(crate) tap: TapTally,
    /// Bytes of the frames as they were on the wire.
    pub(crate) bytes: u64,
}

/// What a worker on a tap counted beside its frames.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TapTally {
    /// Frames the kernel had no room for in the ring.
    pub(crate) kernel_dropped: u64,
    /// How often the interface went away.
    pub(crate) interface_lost: u64,
}

impl Told {
    pub(crate) fn get(&self) -> Standing {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Worker {
    pub(crate) fn new(inspector: Inspector, newer_rules: Reader<Arc<Engine>>, out: Out) -> Self {
        Self {
            inspector,
            newer_rules,
            out,
            bytes: 0,
            tap: TapTally::default(),
            told: Told::default(),
        }
    }

    /// Where it tells what it counted.
    pub(crate) fn told(&self) -> Told {
        self.told.clone()
    }

    /// Inspects a frame; `number` is its place in the capture, from 1, and counts for nothing on a tap.
    pub(crate) fn take(&mut self, number: u64, frame: &Frame<'_>) {
        self.take_newer_rules();
        self.bytes += u64::from(frame.wire_bytes);
        let link = LinkType::from_dlt(frame.link);
        self.inspector
            .numbered_packet(number, frame.ts_us, link, frame.data, &mut self.out);
    }

    /// Goes on with other rules when there are some.
    pub(crate) fn take_newer_rules(&mut self) {
        if let Some(engine) = self.newer_rules.newer() {
            self.inspector.replace_engine(engine);
        }
    }

    /// Ends what is over at that time.
    pub(crate) fn advance(&mut self, now_us: i64) {
        self.take_newer_rules();
        self.inspector.advance(now_us, &mut self.out);
    }

    /// Ends all flows.
    pub(crate) fn finish(&mut self) {
        self.inspector.finish(&mut self.out);
    }

    /// Sends what has gathered, and tells what was counted.
    pub(crate) fn tell(&mut self) {
        self.out.flush();
        let standing = Standing {
            counters: self.inspector.counters(),
            out: self.out.tally,
            tap: self.tap,
            bytes: self.bytes,
        };
        *self.told.0.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }
}
