//! The table of one worker's flows.

use crate::config::{Config, Counters};
use crate::delivery::Delivery;
use crate::entry::{self, Class, Entry, TCP};
use crate::flow::{Direction, EndReason, Flow, Handler};
use crate::key::{Ends, Key};
use crate::tcp::Step;
use std::collections::HashMap;
use vonggac_decode::{Packet, Tcp, Transport, flag};

/// A packet that far before the latest one sets the clock back: the capture begins anew.
const CLOCK_BACK_US: i64 = 60_000_000;

const NONE: u32 = u32::MAX;

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
            let Some(mut entry) = self
                .slots
                .get_mut(slot as usize)
                .and_then(|slot| slot.entry.take())
            else {
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
                let due = self
                    .slots
                    .get(slot as usize)
                    .is_none_or(|slot| slot.touched_us.saturating_add(timeout_us) <= self.now_us);
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
        let entry = Box::new(entry::new_entry(packet, ends, reference));
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
        let direction = entry::direction(entry, packet, ends);
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
        entry::count(entry, packet, direction);
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
        let Entry {
            flow,
            tcp: connection,
            ..
        } = entry;
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
        entry.class = entry::class_of(&entry);
        let class_now = entry.class;
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.entry = Some(entry);
        }
        self.unlink(index, class);
        self.link(index, class_now);
    }

    fn end_slot(&mut self, index: u32, reason: EndReason, handler: &mut impl Handler<T>) {
        match self
            .slots
            .get_mut(index as usize)
            .and_then(|slot| slot.entry.take())
        {
            Some(entry) => self.end(index, entry, reason, handler),
            // Unreachable as long as entries are put back; the list must shrink all the same.
            None => Class::ALL.into_iter().for_each(|class| {
                if self.oldest(class) == Some(index) {
                    self.unlink(index, class);
                }
            }),
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
        entry.flow.conn_state = entry::conn_state(&entry);
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
