//! The inspector: frames in, events out.

use crate::anomaly::FrameBudget;
use crate::conversation::State;
use crate::counters::Counters;
use crate::worker::{Shared, Worker};
use crate::{Config, LinkType};
use std::sync::Arc;
use vonggac_decode::{Decoded, Defragmenter, DropReason, Transport, decode};
use vonggac_event::proto::Anomaly;
use vonggac_event::{Body, Event};
use vonggac_signature::{Engine, Matcher, Memory};
use vonggac_stream::FlowTable;

/// Takes what an inspector makes.
pub trait Sink {
    /// Takes an event of any class but `file`.
    fn event(&mut self, event: Event);

    /// Takes a file event, whose `scan` is `none`, with the file's first bytes, decoded: all of it unless it is larger
    /// than [`vonggac_protocol::Limits::file_scan_bytes_max`] or memory was short; nothing when that is 0.
    fn file(&mut self, event: Event, data: Vec<u8>);
}

/// The packet path of one worker.
pub struct Inspector {
    config: Config,
    counters: Counters,
    defragmenter: Defragmenter,
    table: FlowTable<State>,
    matcher: Matcher,
    shared: Shared,
    frame_budget: FrameBudget,
}

impl Inspector {
    /// An inspector without flows.
    pub fn new(config: Config, engine: Arc<Engine>) -> Self {
        Self::sharing(config, engine, Memory::for_workers(1))
    }

    /// An inspector without flows, whose rules share what they remember across flows with those of others.
    pub fn sharing(config: Config, engine: Arc<Engine>, memory: Memory) -> Self {
        let mut matcher = Matcher::sharing(engine, memory);
        matcher.limit_hits(config.hits_per_call_max);
        Self {
            table: FlowTable::new(config.stream.clone()),
            config,
            counters: Counters::default(),
            defragmenter: Defragmenter::new(),
            matcher,
            shared: Shared::default(),
            frame_budget: FrameBudget::default(),
        }
    }

    /// Inspects one captured frame, the next of its capture.
    pub fn packet(&mut self, ts_us: i64, link: LinkType, frame: &[u8], sink: &mut dyn Sink) {
        self.numbered_packet(self.counters.packets_received + 1, ts_us, link, frame, sink);
    }

    /// Inspects one captured frame of a capture of which others inspect other ones; `number` is its place there, from 1.
    pub fn numbered_packet(
        &mut self,
        number: u64,
        ts_us: i64,
        link: LinkType,
        frame: &[u8],
        sink: &mut dyn Sink,
    ) {
        self.counters.packets_received += 1;
        self.counters.bytes_received += frame.len() as u64;
        self.overdue(ts_us, sink);
        let decoded = decode(link, frame, &mut self.defragmenter, ts_us);
        if let Decoded::Dropped(reason) = decoded {
            return self.dropped(ts_us, reason, sink);
        }
        self.counters.packets_processed += 1;
        match decoded {
            Decoded::Packet(packet) => {
                let counter = match packet.transport {
                    Transport::Tcp(_) => &mut self.counters.packets_tcp,
                    Transport::Udp(_) => &mut self.counters.packets_udp,
                    Transport::Icmp(_) => &mut self.counters.packets_icmp,
                    Transport::Other(_) => &mut self.counters.packets_other,
                };
                *counter += 1;
                self.counters.packets_tunnelled += u64::from(packet.tunnel_depth > 0);
                let number = match self.config.numbers_packets {
                    true => number,
                    false => 0,
                };
                let mut worker = Worker {
                    config: &self.config,
                    counters: &mut self.counters,
                    matcher: &mut self.matcher,
                    shared: &mut self.shared,
                    sink,
                    ts_us,
                    packet: number,
                    is_flow_end: false,
                };
                self.table.packet(&packet, &mut worker);
            }
            Decoded::FragmentPending => self.counters.packets_fragment_pending += 1,
            Decoded::NotIp => self.counters.packets_not_ip += 1,
            Decoded::Dropped(_) => {}
        }
    }

    /// Ends what is over at packet time `now_us`, for when no packets come.
    pub fn advance(&mut self, now_us: i64, sink: &mut dyn Sink) {
        self.defragmenter.expire(now_us);
        self.overdue(now_us, sink);
        let (table, mut worker) = self.parts(now_us, sink);
        table.advance(now_us, &mut worker);
    }

    /// Ends every flow: what is still open becomes events. The inspector can go on afterwards.
    pub fn finish(&mut self, sink: &mut dyn Sink) {
        let now_us = self.shared.now_us;
        let (table, mut worker) = self.parts(now_us, sink);
        table.finish(&mut worker);
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        Counters {
            stream: self.table.counters().clone(),
            defragment: *self.defragmenter.counters(),
            signature: self.matcher.counters(),
            ..self.counters.clone()
        }
    }

    /// Flows now open.
    pub fn flows(&self) -> usize {
        self.table.len()
    }

    /// Bytes that protocols keep now of bodies and the like, of [`Config::body_bytes_max`].
    pub fn body_bytes(&self) -> usize {
        self.shared.body_bytes
    }

    /// Matches other rules from now on, in flows under way too; flows keep what rules remembered about them.
    pub fn replace_engine(&mut self, engine: Arc<Engine>) {
        self.matcher.replace_engine(engine);
    }

    fn parts<'a>(&'a mut self, ts_us: i64, sink: &'a mut dyn Sink) -> (&'a mut FlowTable<State>, Worker<'a>) {
        let worker = Worker {
            config: &self.config,
            counters: &mut self.counters,
            matcher: &mut self.matcher,
            shared: &mut self.shared,
            sink,
            ts_us,
            packet: 0,
            is_flow_end: false,
        };
        (&mut self.table, worker)
    }

    /// Wakes the protocols that asked for it.
    fn overdue(&mut self, now_us: i64, sink: &mut dyn Sink) {
        self.shared.now_us = now_us;
        while let Some(deadline) = self.shared.due(now_us) {
            let (table, mut worker) = self.parts(now_us, sink);
            if let Some(flow) = table.get_mut(deadline.flow) {
                worker.overdue(flow);
            }
        }
    }

    fn dropped(&mut self, ts_us: i64, reason: DropReason, sink: &mut dyn Sink) {
        self.counters.drop_packet(reason);
        if !self.frame_budget.spend(ts_us, &self.config) {
            self.counters.anomalies_suppressed += 1;
            return;
        }
        let event = Event {
            ts_us,
            body: Some(Body::Anomaly(Anomaly {
                layer: reason.layer().into(),
                kind: reason.name().into(),
                ..Anomaly::default()
            })),
            ..Event::default()
        };
        self.counters.event(&event);
        sink.event(event);
    }
}
