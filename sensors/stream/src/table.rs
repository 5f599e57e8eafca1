//! The table of one worker's flows.

use crate::config::{Config, Counters};
use crate::flow::{Direction, EndReason, Endpoint, Flow, Handler, Interest, StreamAnomaly, side_mut};
use crate::half::{Half, Piece, Taken};
use crate::key::{Ends, Key};
use crate::tcp::{Connection, Step};
use std::collections::HashMap;
use vonggac_decode::{Packet, Tcp, Transport, flag};

/// A packet that far before the latest one sets the clock back: the capture begins anew.
const CLOCK_BACK_US: i64 = 60_000_000;

const NONE: u32 = u32::MAX;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Where a flow stands in its table; stale once the flow is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowRef {
    index: u32,
    id: u64,
}

/// Kinds of flows with a time-out of their own, the least valuable first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    TcpNew,
    TcpClosed,
    Icmp,
    Other,
    UdpNew,
    TcpClosing,
    UdpEstablished,
    TcpEstablished,
}

impl Class {
    const ALL: [Self; 8] = [
        Self::TcpNew,
        Self::TcpClosed,
        Self::Icmp,
        Self::Other,
        Self::UdpNew,
        Self::TcpClosing,
        Self::UdpEstablished,
        Self::TcpEstablished,
    ];

    fn timeout_us(self, config: &Config) -> i64 {
        let timeouts = &config.timeouts;
        match self {
            Self::TcpNew => timeouts.tcp_new_us,
            Self::TcpClosed => timeouts.tcp_closed_us,
            Self::Icmp => timeouts.icmp_us,
            Self::Other => timeouts.other_us,
            Self::UdpNew => timeouts.udp_new_us,
            Self::TcpClosing => timeouts.tcp_closing_us,
            Self::UdpEstablished => timeouts.udp_established_us,
            Self::TcpEstablished => timeouts.tcp_established_us,
        }
    }
}

struct Entry<T> {
    key: Key,
    flow: Flow<T>,
    tcp: Connection,
    class: Class,
}

struct Slot<T> {
    /// Taken out while the handler hears of it.
    entry: Option<Box<Entry<T>>>,
    touched_us: i64,
    previous: u32,
    next: u32,
}

/// Slots in order of their last packet.
#[derive(Clone, Copy)]
struct List {
    oldest: u32,
    newest: u32,
}

/// Flows of one worker, found by key and ordered by time of their last packet within each class.
pub struct FlowTable<T> {
    config: Config,
    counters: Counters,
    index: HashMap<Key, u32>,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    lists: [List; Class::ALL.len()],
    waiting_bytes: usize,
    next_id: u64,
    now_us: i64,
}

impl<T: Default> FlowTable<T> {
    /// An empty table.
    pub fn new(config: Config) -> Self {
        let empty = List {
            oldest: NONE,
            newest: NONE,
        };
        Self {
            next_id: config.first_flow_id,
            config,
            counters: Counters::default(),
            index: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            lists: [empty; Class::ALL.len()],
            waiting_bytes: 0,
            now_us: i64::MIN,
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

    /// The flow of a reference; `None` once it is over.
    pub fn get_mut(&mut self, reference: FlowRef) -> Option<&mut Flow<T>> {
        let entry = self.slots.get_mut(reference.index as usize)?.entry.as_mut()?;
        (entry.flow.id == reference.id).then_some(&mut entry.flow)
    }

    /// Takes a packet to its flow.
    pub fn packet(&mut self, packet: &Packet<'_>, handler: &mut impl Handler<T>) {
        self.advance(packet.ts_us, handler);
        let ends = Ends::of(packet);
        // A packet that begins a connection anew ends the old flow once, so that the second round cannot.
        for _ in 0..2 {
            let slot = match self.index.get(&ends.key) {
                Some(slot) => *slot,
                None => self.open(packet, &ends, handler),
            };
            let Some(mut entry) = self.slots.get_mut(slot as usize).and_then(|slot| slot.entry.take()) else {
                return;
            };
            if self.follow(&mut entry, packet, &ends, handler) {
                self.touch(slot, entry);
                return;
            }
            self.counters.flows_reused += 1;
            self.end(slot, entry, EndReason::Closed, handler);
        }
    }

    /// Moves the clock to packet time `now_us` and ends the flows whose time is over.
    pub fn advance(&mut self, now_us: i64, handler: &mut impl Handler<T>) {
        if now_us > self.now_us || now_us < self.now_us.saturating_sub(CLOCK_BACK_US) {
            self.now_us = now_us;
        }
        for class in Class::ALL {
            let timeout_us = class.timeout_us(&self.config);
            while let Some(slot) = self.oldest(class) {
                let due = self.slots.get(slot as usize).is_none_or(|slot| {
                    slot.touched_us.saturating_add(timeout_us) <= self.now_us
                });
                if !due {
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
            let Some(slot) = Class::ALL.into_iter().find_map(|class| self.oldest(class)) else {
                break;
            };
            self.counters.flows_evicted += 1;
            self.end_slot(slot, EndReason::Evicted, handler);
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                entry: None,
                touched_us: 0,
                previous: NONE,
                next: NONE,
            });
            (self.slots.len() - 1) as u32
        });
        let reference = FlowRef {
            index,
            id: self.next_id,
        };
        self.next_id = self.next_id.wrapping_add(1);
        self.counters.flows_opened += 1;
        let entry = Box::new(new_entry(packet, ends, reference));
        self.index.insert(ends.key, index);
        let class = entry.class;
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.entry = Some(entry);
        }
        self.link(index, class);
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
        let direction = direction(entry, packet, ends);
        let step = match &packet.transport {
            Transport::Tcp(tcp) => {
                let was_midstream = entry.tcp.midstream;
                let step = entry.tcp.observe(direction, tcp, packet.missing_bytes);
                self.counters.tcp_midstream += u64::from(entry.tcp.midstream && !was_midstream);
                step
            }
            _ => Step::Ignore(None),
        };
        if step == Step::Restart {
            return false;
        }
        count(entry, packet, direction);
        if let Step::Ignore(Some(anomaly)) = step {
            self.counters.tcp_resets_ignored += 1;
            handler.anomaly(&mut entry.flow, direction, anomaly);
        }
        handler.packet(&mut entry.flow, direction, packet);
        if let Transport::Tcp(tcp) = &packet.transport {
            self.reassemble(entry, direction, tcp, step, handler);
        }
        true
    }

    fn reassemble(
        &mut self,
        entry: &mut Entry<T>,
        direction: Direction,
        tcp: &Tcp<'_>,
        step: Step,
        handler: &mut impl Handler<T>,
    ) {
        let waited = entry.tcp.waiting_bytes();
        let Entry { flow, tcp: connection, .. } = entry;
        if let Step::Data(offset) = step
            && !tcp.payload.is_empty()
        {
            let mut worker = Delivery {
                flow,
                handler,
                counters: &mut self.counters,
                depth_bytes: self.config.depth_bytes,
            };
            worker.segment(connection.half_mut(direction), direction, offset, tcp.payload);
            if connection.waiting_bytes() > self.config.waiting_bytes_flow_max {
                worker.counters.tcp_waiting_flow_limit += 1;
                worker.give_up(connection, direction, self.config.waiting_bytes_flow_max);
            }
            let others = self.waiting_bytes.saturating_sub(waited);
            if others.saturating_add(connection.waiting_bytes()) > self.config.waiting_bytes_max {
                worker.counters.tcp_waiting_limit += 1;
                worker.give_up(connection, direction, 0);
            }
        }
        let mut worker = Delivery {
            flow,
            handler,
            counters: &mut self.counters,
            depth_bytes: self.config.depth_bytes,
        };
        if tcp.has(flag::ACK) {
            worker.pass_acknowledged(connection.half_mut(direction.reverse()), direction.reverse());
        }
        worker.pass_acknowledged(connection.half_mut(direction), direction);
        for direction in Direction::BOTH {
            if connection.half_mut(direction).take_end() {
                worker.handler.end_of_stream(worker.flow, direction);
            }
        }
        self.waiting_bytes = self.waiting_bytes.saturating_sub(waited) + connection.waiting_bytes();
    }

    /// Puts an entry back as the newest of its class.
    fn touch(&mut self, index: u32, mut entry: Box<Entry<T>>) {
        let class = entry.class;
        entry.class = class_of(&entry);
        let class_now = entry.class;
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.entry = Some(entry);
        }
        self.unlink(index, class);
        self.link(index, class_now);
    }

    fn end_slot(&mut self, index: u32, reason: EndReason, handler: &mut impl Handler<T>) {
        match self.slots.get_mut(index as usize).and_then(|slot| slot.entry.take()) {
            Some(entry) => self.end(index, entry, reason, handler),
            // Unreachable as long as entries are put back; the list must shrink all the same.
            None => Class::ALL.into_iter().for_each(|class| {
                if self.oldest(class) == Some(index) {
                    self.unlink(index, class);
                }
            }),
        }
    }

    fn end(&mut self, index: u32, mut entry: Box<Entry<T>>, reason: EndReason, handler: &mut impl Handler<T>) {
        self.index.remove(&entry.key);
        self.unlink(index, entry.class);
        self.free.push(index);
        if entry.flow.protocol == TCP {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(entry.tcp.waiting_bytes());
            let Entry { flow, tcp, .. } = &mut *entry;
            let mut worker = Delivery {
                flow,
                handler,
                counters: &mut self.counters,
                depth_bytes: self.config.depth_bytes,
            };
            for direction in Direction::BOTH {
                worker.flush(tcp.half_mut(direction), direction);
            }
        }
        entry.flow.conn_state = conn_state(&entry);
        handler.end(&mut entry.flow, reason);
    }

    fn oldest(&self, class: Class) -> Option<u32> {
        let list = self.lists.get(class as usize)?;
        (list.oldest != NONE).then_some(list.oldest)
    }

    fn link(&mut self, index: u32, class: Class) {
        let now_us = self.now_us;
        let Some(list) = self.lists.get_mut(class as usize) else {
            return;
        };
        let newest = std::mem::replace(&mut list.newest, index);
        if list.oldest == NONE {
            list.oldest = index;
        }
        if let Some(slot) = self.slots.get_mut(newest as usize) {
            slot.next = index;
        }
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.touched_us = now_us;
            slot.previous = newest;
            slot.next = NONE;
        }
    }

    fn unlink(&mut self, index: u32, class: Class) {
        let (Some(slot), Some(list)) = (self.slots.get(index as usize), self.lists.get_mut(class as usize))
        else {
            return;
        };
        let (previous, next) = (slot.previous, slot.next);
        if list.oldest == index {
            list.oldest = next;
        }
        if list.newest == index {
            list.newest = previous;
        }
        if let Some(slot) = self.slots.get_mut(previous as usize) {
            slot.next = next;
        }
        if let Some(slot) = self.slots.get_mut(next as usize) {
            slot.previous = previous;
        }
    }
}

/// Hands a direction's pieces to the handler, and counts.
struct Delivery<'a, T, H> {
    flow: &'a mut Flow<T>,
    handler: &'a mut H,
    counters: &'a mut Counters,
    depth_bytes: u64,
}

impl<T, H: Handler<T>> Delivery<'_, T, H> {
    /// Runs `work` on `half` with an outlet that leads to the handler.
    fn with<R>(
        &mut self,
        half: &mut Half,
        direction: Direction,
        work: impl FnOnce(&mut Half, &mut crate::half::Out<'_>) -> R,
    ) -> R {
        let Self {
            flow,
            handler,
            counters,
            depth_bytes,
        } = self;
        let mut room = match *depth_bytes {
            0 => u64::MAX,
            depth => depth.saturating_sub(half.delivered()),
        };
        work(half, &mut |piece| {
            let (interest, len) = match piece {
                Piece::Data(bytes) => {
                    let kept = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
                    let interest = handler.data(flow, direction, bytes.get(..kept).unwrap_or_default());
                    (interest, bytes.len() as u64)
                }
                Piece::Gap(bytes) => {
                    counters.tcp_gaps += 1;
                    counters.tcp_gap_bytes += bytes;
                    flow.missed_bytes += bytes;
                    handler.gap(flow, direction, bytes);
                    (Interest::More, bytes)
                }
            };
            room = room.saturating_sub(len);
            if room == 0 {
                counters.tcp_depth_reached += 1;
                return Interest::Enough;
            }
            interest
        })
    }

    fn segment(&mut self, half: &mut Half, direction: Direction, offset: i64, payload: &[u8]) {
        let (taken, conflict) = self.with(half, direction, |half, out| half.segment(offset, payload, out));
        match taken {
            Taken::Delivered | Taken::Ignored => {}
            Taken::Waiting => self.counters.tcp_out_of_order += 1,
            Taken::Old => self.counters.tcp_retransmitted += 1,
            Taken::OutOfWindow => {
                self.counters.tcp_out_of_window += 1;
                self.handler.anomaly(self.flow, direction, StreamAnomaly::OutOfWindow);
            }
        }
        if conflict {
            self.counters.tcp_overlap_conflicts += 1;
            self.handler.anomaly(self.flow, direction, StreamAnomaly::OverlapConflict);
        }
    }

    /// Gives holes up, first in the direction that grew, until at most `limit_bytes` wait in the flow.
    fn give_up(&mut self, connection: &mut Connection, direction: Direction, limit_bytes: usize) {
        self.handler.anomaly(self.flow, direction, StreamAnomaly::WaitingLimit);
        for direction in [direction, direction.reverse()] {
            while connection.waiting_bytes() > limit_bytes && connection.half(direction).waiting_bytes() > 0 {
                self.with(connection.half_mut(direction), direction, Half::pass_hole);
            }
        }
    }

    fn pass_acknowledged(&mut self, half: &mut Half, direction: Direction) {
        if half.waiting_bytes() > 0 {
            self.with(half, direction, Half::pass_acknowledged_holes);
        }
    }

    fn flush(&mut self, half: &mut Half, direction: Direction) {
        if !half.is_skipped() {
            self.with(half, direction, Half::flush);
        }
        if half.force_end() {
            self.handler.end_of_stream(self.flow, direction);
        }
    }
}

fn new_entry<T: Default>(packet: &Packet<'_>, ends: &Ends, reference: FlowRef) -> Entry<T> {
    let src = Endpoint {
        address: packet.src,
        port: ends.ports.0,
    };
    let dst = Endpoint {
        address: packet.dst,
        port: ends.ports.1,
    };
    let answers = matches!(&packet.transport, Transport::Tcp(tcp) if tcp.has(flag::SYN | flag::ACK));
    let (originator, responder) = if answers { (dst, src) } else { (src, dst) };
    let flow = Flow {
        id: reference.id,
        protocol: packet.protocol,
        vlan: packet.vlan,
        originator,
        responder,
        start_us: packet.ts_us,
        last_us: packet.ts_us,
        packets: [0; 2],
        ip_bytes: [0; 2],
        payload_bytes: [0; 2],
        tcp_flags: [0; 2],
        missed_bytes: 0,
        established: false,
        conn_state: "",
        reference,
        state: T::default(),
    };
    let mut entry = Entry {
        key: ends.key,
        flow,
        tcp: Connection::default(),
        class: Class::Other,
    };
    entry.class = class_of(&entry);
    entry
}

fn direction<T>(entry: &Entry<T>, packet: &Packet<'_>, ends: &Ends) -> Direction {
    let flow = &entry.flow;
    // ICMP's ports are types, which differ between the sides of one exchange.
    let same_port = match packet.transport {
        Transport::Icmp(_) => packet.src != packet.dst || ends.ports.0 == flow.originator.port,
        _ => ends.ports.0 == flow.originator.port,
    };
    if packet.src == flow.originator.address && same_port {
        Direction::Originator
    } else {
        Direction::Responder
    }
}

fn count<T>(entry: &mut Entry<T>, packet: &Packet<'_>, direction: Direction) {
    let flow = &mut entry.flow;
    flow.last_us = flow.last_us.max(packet.ts_us);
    *side_mut(&mut flow.packets, direction) += 1;
    *side_mut(&mut flow.ip_bytes, direction) += u64::from(packet.ip_len);
    *side_mut(&mut flow.payload_bytes, direction) += packet.transport.payload().len() as u64;
    flow.established = match &packet.transport {
        Transport::Tcp(tcp) => {
            *side_mut(&mut flow.tcp_flags, direction) |= tcp.flags;
            entry.tcp.established
        }
        _ => flow.packets.iter().all(|packets| *packets > 0),
    };
}

fn class_of<T>(entry: &Entry<T>) -> Class {
    match entry.flow.protocol {
        TCP if entry.tcp.is_over() => Class::TcpClosed,
        TCP if entry.tcp.is_closing() => Class::TcpClosing,
        TCP if entry.flow.established => Class::TcpEstablished,
        TCP => Class::TcpNew,
        UDP if entry.flow.established => Class::UdpEstablished,
        UDP => Class::UdpNew,
        1 | 58 => Class::Icmp,
        _ => Class::Other,
    }
}

fn conn_state<T>(entry: &Entry<T>) -> &'static str {
    match entry.flow.protocol {
        TCP => entry.tcp.conn_state(entry.flow.payload_bytes == [0; 2]),
        UDP => match entry.flow.packets {
            [0, 0] => "OTH",
            [_, 0] => "S0",
            [0, _] => "SHR",
            _ => "SF",
        },
        _ => "OTH",
    }
}
