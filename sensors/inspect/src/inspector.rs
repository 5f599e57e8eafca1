//! The inspector: frames in, events out.

use crate::anomaly::FrameBudget;
use crate::conversation::State;
use crate::counters::Counters;
use crate::frames::Captured;
use crate::worker::{Shared, Worker};
use crate::{Config, LinkType};
use std::sync::Arc;
use vonggac_decode::{Decoded, Defragmenter, Transport, decode};
use vonggac_event::Event;
use vonggac_signature::{self as signature, Engine, Matcher};
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
    pub(crate) config: Config,
    pub(crate) counters: Counters,
    defragmenter: Defragmenter,
    table: FlowTable<State>,
    pub(crate) matcher: Matcher,
    pub(crate) shared: Shared,
    pub(crate) frame_budget: FrameBudget,
    /// Place in its capture of the packet under way.
    packet_number: u64,
}

impl Inspector {
    /// An inspector without flows.
    pub fn new(config: Config, engine: Arc<Engine>) -> Self {
        Self::sharing(config, engine, signature::Memory::for_workers(1))
    }

    /// An inspector without flows, whose rules share what they remember across flows with those of others.
    pub fn sharing(config: Config, engine: Arc<Engine>, memory: signature::Memory) -> Self {
        let mut matcher = Matcher::sharing(engine, memory);
        matcher.limit_hits(config.hits_per_call_max);
        let mut inspector = Self {
            table: FlowTable::new(config.stream.clone()),
            defragmenter: Defragmenter::with_policies(config.fragment_policies.clone()),
            config,
            counters: Counters::default(),
            matcher,
            packet_number: 0,
            shared: Shared::default(),
            frame_budget: FrameBudget::default(),
        };
        inspector.keep_what_rules_ask();
        inspector
    }

    /// Has bodies kept if there are rules, and those digests of files reckoned that they ask for, besides those of the settings.
    fn keep_what_rules_ask(&mut self) {
        self.config.protocol.has_rules = !self.matcher.engine().is_empty();
        let [md5, sha1] = self.matcher.engine().reads_file_digests();
        let digests = &mut self.config.protocol.file_digests;
        digests.md5 |= md5;
        digests.sha1 |= sha1;
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
        self.packet_number = number;
        let number = self.number();
        let decoded = decode(link, frame, &mut self.defragmenter, ts_us);
        let captured = Captured { ts_us, link, frame };
        if let Decoded::Dropped(reason) = decoded {
            return self.dropped(captured, reason, sink);
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
                self.shed(ts_us, sink);
            }
            Decoded::FragmentPending => self.counters.packets_fragment_pending += 1,
            Decoded::NotIp => self.counters.packets_not_ip += 1,
            Decoded::Dropped(_) => {}
        }
        self.match_frame(captured, sink);
    }

    /// Ends what is over at packet time `now_us`, for when no packets come.
    pub fn advance(&mut self, now_us: i64, sink: &mut dyn Sink) {
        self.defragmenter.expire(now_us);
        self.overdue(now_us, sink);
        let (table, mut worker) = self.parts(now_us, sink);
        table.advance(now_us, &mut worker);
        worker.tell_sums_if_due();
    }

    /// Ends every flow: what is still open becomes events. The inspector can go on afterwards.
    pub fn finish(&mut self, sink: &mut dyn Sink) {
        let now_us = self.shared.now_us;
        let (table, mut worker) = self.parts(now_us, sink);
        table.finish(&mut worker);
        worker.tell_sums();
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
        self.shared.budgets.body_bytes
    }

    /// Bytes that signatures' windows on streams take now, of [`Config::rule_overlap_bytes_max`].
    pub fn window_bytes(&self) -> usize {
        self.shared.budgets.window_bytes
    }

    /// Bytes that wait behind holes, and bytes that are not acknowledged yet.
    pub(crate) fn stream_bytes(&self) -> (usize, usize) {
        (self.table.waiting_bytes(), self.table.unacked_bytes())
    }

    /// Bytes of datagrams that are not whole yet.
    pub(crate) fn fragment_bytes(&self) -> usize {
        self.defragmenter.bytes_held()
    }

    /// Matches other rules from now on, in flows under way too; flows keep what rules remembered about them.
    pub fn replace_engine(&mut self, engine: Arc<Engine>) {
        self.matcher.replace_engine(engine);
        self.keep_what_rules_ask();
    }

    /// Number of the packet under way in its capture; 0 on a tap.
    pub(crate) fn number(&self) -> u64 {
        match self.config.numbers_packets {
            true => self.packet_number,
            false => 0,
        }
    }

    /// Lets flows give back until what all hold is within the budgets.
    fn shed(&mut self, ts_us: i64, sink: &mut dyn Sink) {
        while let Some((slot, kind)) = self.shared.budgets.next_to_shed(&self.config) {
            let (table, mut worker) = self.parts(ts_us, sink);
            match table.at(slot) {
                Some(flow) => worker.shed(flow, kind),
                None => worker.shared.budgets.forget(slot, kind),
            }
        }
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
}
