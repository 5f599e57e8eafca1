//! The table of one worker's flows.

use crate::config::{Config, Counters, UrgentData};
use crate::delivery::Delivery;
use crate::entry::{self, Class, Entry, Held, TCP};
use crate::flow::{Direction, EndReason, Flow, Handler, StreamAnomaly};
use crate::half::{Segment, UNACKED_BYTES_MAX};
use crate::key::{Ends, Key};
use crate::order::Order;
use crate::tcp::{Connection, Step, Verdict};
use foldhash::quality::RandomState;
use std::collections::HashMap;
use vonggac_decode::{Packet, Tcp, Transport, flag};

/// A packet that far before the latest one sets the clock back: the capture begins anew.
const CLOCK_BACK_US: i64 = 60_000_000;

/// Where a flow stands in its table; stale once the flow is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowRef {
    pub(crate) index: u32,
    pub(crate) id: u64,
}

struct Slot<T> {
    /// Taken out while the handler hears of it.
    entry: Option<Box<Entry<T>>>,
    touched_us: i64,
}

/// Flows of one worker, found by key and ordered by time of their last packet within each class.
pub struct FlowTable<T> {
    config: Config,
    counters: Counters,
    /// Hashed with secret numbers: nobody can choose flows that meet in one place.
    index: HashMap<Key, u32, RandomState>,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    /// By time of the last packet, within each class.
    by_class: Order<{ Class::ALL.len() }>,
    /// How many flows each class has.
    class_sizes: [usize; Class::ALL.len()],
    /// Those in which bytes wait behind a hole, by the time since when some do.
    with_holes: Order<1>,
    /// Those of which bytes are kept until they are acknowledged, by the time of the last acknowledgement.
    with_unacked: Order<1>,
    waiting_bytes: usize,
    unacked_bytes: usize,
    next_id: u64,
    now_us: i64,
    /// Until then no flow's time is over, unless the clock is set back.
    quiet_until_us: i64,
    shortest_timeout_us: i64,
}

impl FlowRef {
    /// The flow's slot in its table, which another flow takes once it is over.
    pub fn slot(self) -> u32 {
        self.index
    }
}

impl<T: Default> FlowTable<T> {
    /// An empty table.
    pub fn new(config: Config) -> Self {
        Self {
            next_id: config.first_flow_id,
            shortest_timeout_us: Class::ALL
                .into_iter()
                .map(|class| class.timeout_us(&config))
                .min()
                .unwrap_or(0),
            config,
            counters: Counters::default(),
            index: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            by_class: Order::new(),
            class_sizes: [0; Class::ALL.len()],
            with_holes: Order::new(),
            with_unacked: Order::new(),
            waiting_bytes: 0,
            unacked_bytes: 0,
            now_us: i64::MIN,
            quiet_until_us: i64::MIN,
        }
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Flows now open.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no flow is open.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Out-of-order bytes that wait, overhead included.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Delivered bytes that are kept until they are acknowledged.
    pub fn unacked_bytes(&self) -> usize {
        self.unacked_bytes
    }

    /// The flow of a reference; `None` once it is over.
    pub fn get_mut(&mut self, reference: FlowRef) -> Option<&mut Flow<T>> {
        let entry = self.slots.get_mut(reference.index as usize)?.entry.as_mut()?;
        (entry.flow.id == reference.id).then_some(&mut entry.flow)
    }

    /// The flow in a slot, as [`FlowRef::slot`] says it.
    pub fn at(&mut self, slot: u32) -> Option<&mut Flow<T>> {
        let entry = self.slots.get_mut(slot as usize)?.entry.as_mut()?;
        Some(&mut entry.flow)
    }

    /// Takes a packet to its flow.
    pub fn packet(&mut self, packet: &Packet<'_>, handler: &mut impl Handler<T>) {
        self.advance(packet.ts_us, handler);
        let ends = Ends::of(packet, self.config.keys);
        // A packet that begins a connection anew ends the old flow once, so that the second round cannot.
        for _ in 0..2 {
            let slot = match self.index.get(&ends.key) {
                Some(slot) => *slot,
                None => self.open(packet, &ends, handler),
            };
            let Some(mut entry) = self.take(slot) else {
                return;
            };
            if self.follow(&mut entry, packet, &ends, handler) {
                self.touch(slot, entry);
                self.shed(handler);
                return;
            }
            self.counters.flows_reused += 1;
            self.end(slot, entry, EndReason::Closed, handler);
        }
    }

    /// Moves the clock to packet time `now_us` and ends the flows whose time is over.
    pub fn advance(&mut self, now_us: i64, handler: &mut impl Handler<T>) {
        if now_us < self.now_us.saturating_sub(CLOCK_BACK_US) {
            (self.now_us, self.quiet_until_us) = (now_us, now_us);
        }
        self.now_us = self.now_us.max(now_us);
        if self.now_us < self.quiet_until_us {
            return;
        }
        // A flow that is touched from now on lasts that long at least.
        self.quiet_until_us = self.now_us.saturating_add(self.shortest_timeout_us);
        for class in Class::ALL {
            let timeout_us = class.timeout_us(&self.config);
            while let Some(slot) = self.oldest(class) {
                let touched_us = self.slots.get(slot as usize).map(|slot| slot.touched_us);
                let due_us = touched_us.map_or(i64::MIN, |touched_us| touched_us.saturating_add(timeout_us));
                if due_us > self.now_us {
                    self.quiet_until_us = self.quiet_until_us.min(due_us);
                    break;
                }
                let reason = match class {
                    Class::TcpClosed => EndReason::Closed,
                    _ => EndReason::Timeout,
                };
                self.counters.flows_timed_out += u64::from(reason == EndReason::Timeout);
                self.end_slot(slot, reason, handler);
            }
        }
    }

    /// Ends every flow, the oldest of each class first.
    pub fn finish(&mut self, handler: &mut impl Handler<T>) {
        for class in Class::ALL {
            while let Some(slot) = self.oldest(class) {
                let reason = match class {
                    Class::TcpClosed => EndReason::Closed,
                    _ => EndReason::Shutdown,
                };
                self.end_slot(slot, reason, handler);
            }
        }
    }

    fn open(&mut self, packet: &Packet<'_>, ends: &Ends, handler: &mut impl Handler<T>) -> u32 {
        while self.index.len() >= self.config.flows_max.max(1) {
            let Some(slot) = self.least_valuable() else { break };
            self.counters.flows_evicted += 1;
            self.end_slot(slot, EndReason::Evicted, handler);
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                entry: None,
                touched_us: 0,
            });
            (self.slots.len() - 1) as u32
        });
        let reference = FlowRef {
            index,
            id: self.next_id,
        };
        self.next_id = self.next_id.wrapping_add(self.config.flow_id_step);
        self.counters.flows_opened += 1;
        let entry = Box::new(entry::new_entry(packet, ends, reference));
        self.index.insert(ends.key, index);
        self.put_back(index, entry);
        index
    }

    /// Counts a packet in its flow and delivers its data; `false` when it begins a new connection instead.
    fn follow(
        &mut self,
        entry: &mut Entry<T>,
        packet: &Packet<'_>,
        ends: &Ends,
        handler: &mut impl Handler<T>,
    ) -> bool {
        let direction = entry::direction(entry, packet, ends);
        if entry::is_damaged(entry, packet, direction, self.config.checksums) {
            self.counters.checksums_invalid += 1;
            entry::count(entry, packet, direction);
            if entry.told.is_first(direction, StreamAnomaly::InvalidChecksum) {
                handler.anomaly(&mut entry.flow, direction, StreamAnomaly::InvalidChecksum);
            }
            return true;
        }
        let Transport::Tcp(tcp) = &packet.transport else {
            entry::count(entry, packet, direction);
            handler.packet(&mut entry.flow, direction, packet);
            return true;
        };
        let (flow, connection, _) = entry.split();
        let was_midstream = connection.midstream;
        flow.established = connection.is_established();
        let verdict = connection.observe(direction, tcp, packet.missing_bytes, &self.config);
        if verdict.step == Step::Restart {
            return false;
        }
        self.counters.tcp_midstream += u64::from(connection.midstream && !was_midstream);
        flow.midstream = connection.midstream;
        entry::count(entry, packet, direction);
        if let Some(anomaly) = verdict.anomaly {
            self.counters.tcp_dropped_by_host += u64::from(verdict.step == Step::Ignore);
            if entry.told.is_first(direction, anomaly) {
                handler.anomaly(&mut entry.flow, direction, anomaly);
            }
        }
        handler.packet(&mut entry.flow, direction, packet);
        entry.flow.established = entry.connection().is_established();
        self.reassemble(entry, direction, tcp, verdict, handler);
        true
    }

    fn reassemble(
        &mut self,
        entry: &mut Entry<T>,
        direction: Direction,
        tcp: &Tcp<'_>,
        verdict: Verdict,
        handler: &mut impl Handler<T>,
    ) {
        let receiver = entry.flow.receiver(direction).address;
        let (mut worker, connection) =
            Self::delivery(&self.config, &mut self.counters, self.now_us, entry, handler);
        match verdict.step {
            Step::Data(offset) => {
                // Held back still where the answer to the SYN was not seen.
                worker.settle(connection.half_mut(direction), direction);
                if tcp.has(flag::URG) && tcp.urgent > 0 {
                    worker.anomaly(direction, StreamAnomaly::UrgentData);
                    if self.config.urgent_data == UrgentData::OutOfBand {
                        // The pointer is to what follows the urgent byte (RFC 6093, 3.1).
                        let urgent = offset.saturating_add(i64::from(tcp.urgent) - 1);
                        connection.half_mut(direction).leave_out(urgent);
                    }
                }
                if !tcp.payload.is_empty() {
                    let segment = Segment {
                        offset,
                        bytes: tcp.payload,
                        policy: self.config.host_policies.of(receiver),
                        unacked_max: worker.unacked_max,
                    };
                    worker.segment(connection.half_mut(direction), direction, segment);
                    if connection.waiting_bytes() > self.config.waiting_bytes_flow_max {
                        worker.counters.tcp_waiting_flow_limit += 1;
                        worker.give_up(connection, direction, self.config.waiting_bytes_flow_max);
                    }
                }
            }
            Step::HoldBack => connection.half_mut(direction).hold_back(tcp.payload),
            Step::Settle => worker.settle(connection.half_mut(direction.reverse()), direction.reverse()),
            Step::Ignore | Step::Restart => {}
        }
        for direction in Direction::BOTH {
            worker.pass_acknowledged(connection.half_mut(direction), direction);
        }
        for direction in Direction::BOTH {
            if connection.half_mut(direction).take_end() {
                worker.handler.end_of_stream(worker.flow, direction);
            }
        }
        let [originator, responder] = &connection.halves;
        worker.flow.stream_bytes = [originator.sent(), responder.sent()];
        self.recount(entry);
    }

    fn delivery<'a, H: Handler<T>>(
        config: &Config,
        counters: &'a mut Counters,
        now_us: i64,
        entry: &'a mut Entry<T>,
        handler: &'a mut H,
    ) -> (Delivery<'a, T, H>, &'a mut Connection) {
        let (flow, connection, told) = entry.split();
        let worker = Delivery {
            flow,
            handler,
            counters,
            told,
            depth_bytes: config.depth_bytes,
            unacked_max: UNACKED_BYTES_MAX,
            now_us,
        };
        (worker, connection)
    }

    /// Keeps the sums over all flows right, and the flow among those with holes if it is one.
    fn recount(&mut self, entry: &mut Entry<T>) {
        let slot = entry.flow.reference.index;
        let held = Held::of(entry.connection());
        let before = std::mem::replace(&mut entry.counted, held);
        self.waiting_bytes = self.waiting_bytes.saturating_sub(before.waiting) + held.waiting;
        self.unacked_bytes = self.unacked_bytes.saturating_sub(before.unacked) + held.unacked;
        line_up(&mut self.with_holes, slot, held.waiting > 0);
        if held.acked != before.acked {
            self.with_unacked.remove(slot);
        }
        line_up(&mut self.with_unacked, slot, held.unacked > 0);
    }

    /// Gives up what is held longest until all is within the limits.
    fn shed(&mut self, handler: &mut impl Handler<T>) {
        self.shed_waiting(handler);
        self.shed_unacked();
    }

    fn shed_unacked(&mut self) {
        while self.unacked_bytes > self.config.unacked_bytes_max {
            let Some(slot) = self.with_unacked.oldest(0) else {
                return;
            };
            let Some(mut entry) = self.take(slot) else {
                self.with_unacked.remove(slot);
                continue;
            };
            self.counters.tcp_unacked_limit += 1;
            for direction in Direction::BOTH {
                entry.connection().half_mut(direction).forget_unacked();
            }
            self.recount(&mut entry);
            self.restore(slot, entry);
        }
    }

    fn shed_waiting(&mut self, handler: &mut impl Handler<T>) {
        while self.waiting_bytes > self.config.waiting_bytes_max {
            let Some(slot) = self.with_holes.oldest(0) else {
                return;
            };
            let Some(mut entry) = self.take(slot) else {
                self.with_holes.remove(slot);
                continue;
            };
            self.counters.tcp_waiting_limit += 1;
            let (mut worker, connection) =
                Self::delivery(&self.config, &mut self.counters, self.now_us, &mut entry, handler);
            worker.give_up(connection, Direction::Originator, 0);
            self.recount(&mut entry);
            self.restore(slot, entry);
        }
    }

    /// Puts an entry back where it was.
    fn restore(&mut self, index: u32, entry: Box<Entry<T>>) {
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.entry = Some(entry);
        }
    }

    fn take(&mut self, slot: u32) -> Option<Box<Entry<T>>> {
        self.slots.get_mut(slot as usize)?.entry.take()
    }

    /// Puts an entry back as the newest of the class that it now belongs to.
    fn touch(&mut self, index: u32, mut entry: Box<Entry<T>>) {
        entry.class = entry::class_of(&entry);
        self.put_back(index, entry);
    }

    fn put_back(&mut self, index: u32, entry: Box<Entry<T>>) {
        self.leave_class(index);
        self.by_class.push(index, entry.class as usize);
        if let Some(size) = self.class_sizes.get_mut(entry.class as usize) {
            *size += 1;
        }
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.touched_us = self.now_us;
            slot.entry = Some(entry);
        }
    }

    fn end_slot(&mut self, index: u32, reason: EndReason, handler: &mut impl Handler<T>) {
        match self.take(index) {
            Some(entry) => self.end(index, entry, reason, handler),
            // Unreachable as long as entries are put back; the queue must shrink all the same.
            None => self.leave_class(index),
        }
    }

    fn end(
        &mut self,
        index: u32,
        mut entry: Box<Entry<T>>,
        reason: EndReason,
        handler: &mut impl Handler<T>,
    ) {
        self.index.remove(&entry.key);
        self.leave_class(index);
        self.free.push(index);
        if entry.flow.protocol == TCP {
            self.with_holes.remove(index);
            self.with_unacked.remove(index);
            self.waiting_bytes = self.waiting_bytes.saturating_sub(entry.counted.waiting);
            self.unacked_bytes = self.unacked_bytes.saturating_sub(entry.counted.unacked);
            let (mut worker, connection) =
                Self::delivery(&self.config, &mut self.counters, self.now_us, &mut entry, handler);
            for direction in Direction::BOTH {
                worker.flush(connection.half_mut(direction), direction);
            }
        }
        entry.flow.conn_state = entry::conn_state(&entry);
        handler.end(&mut entry.flow, reason);
    }

    fn leave_class(&mut self, index: u32) {
        let class = self.by_class.queue_of(index);
        if let Some(size) = class.and_then(|class| self.class_sizes.get_mut(class)) {
            *size -= 1;
        }
        self.by_class.remove(index);
    }

    fn oldest(&self, class: Class) -> Option<u32> {
        self.by_class.oldest(class as usize)
    }

    /// The flow that makes room for another.
    fn least_valuable(&self) -> Option<u32> {
        let size = |class: &Class| self.class_sizes.get(*class as usize).copied();
        let flooded = Class::UNPROVED.into_iter().max_by_key(size);
        let flooded = flooded.and_then(|class| self.oldest(class));
        flooded.or_else(|| Class::ALL.into_iter().find_map(|class| self.oldest(class)))
    }
}

/// Puts a slot at the end of the only queue, or out of it; where it stands, it keeps its place.
fn line_up(order: &mut Order<1>, slot: u32, is_in: bool) {
    match (is_in, order.queue_of(slot)) {
        (true, None) => order.push(slot, 0),
        (false, Some(_)) => order.remove(slot),
        _ => {}
    }
}
