//! TCP connections: handshake, segmentation, acknowledgements, windows, an occasional repeat or swap, and the end.
//!
//! A [`Connection`] has a clock of its own that runs ahead as it speaks. The tap is close to the host with the shorter
//! way, so that host's answers follow at once and the other's after a round trip.
//!
//! Invariants: no segment carries more than the agreed segment size; sequence numbers are those of RFC 9293, so a
//! reassembler gets back exactly what was said, repeats and swaps included.

use crate::community::FlowKey;
use crate::packet::{Segment, Station, tcp};
use crate::random::Random;
use crate::timeline::{FlowNumber, Timeline};
use crate::truth::Protocol;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

/// Segments sent before the sender waits for acknowledgements (RFC 6928's initial window).
const BURST_SEGMENTS: usize = 10;

/// Of 1000 data segments, how many are sent twice, and how many change places with the next.
const REPEATS_PER_MILLE: u64 = 2;
const SWAPS_PER_MILLE: u64 = 2;

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who opens it.
    Client,
    /// Who is asked.
    Server,
}

impl Side {
    /// The other end.
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Whose manners a host's TCP has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stack {
    /// With timestamps, window scale 7.
    Unix,
    /// Without timestamps, window scale 8.
    Desktop,
    /// A scanner's bare SYN: segment size only.
    Bare,
}

/// Between whom a connection runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) client: Station,
    pub(crate) client_port: u16,
    pub(crate) server: Station,
    pub(crate) server_port: u16,
    pub(crate) stack: Stack,
    pub(crate) round_trip_us: i64,
    pub(crate) step: Option<&'static str>,
}

struct End {
    station: Station,
    port: u16,
    sequence: u32,
    identification: u16,
    clock_ms: u32,
    window: u16,
}

pub(crate) struct Connection<'t> {
    timeline: &'t mut Timeline,
    random: Random,
    flow: FlowNumber,
    client: End,
    server: End,
    stack: Stack,
    round_trip_us: i64,
    segment_bytes_max: usize,
    now_us: i64,
}

fn key(route: &Route) -> FlowKey {
    FlowKey {
        src: route.client.address,
        sport: route.client_port,
        dst: route.server.address,
        dport: route.server_port,
        proto: Protocol::Tcp,
    }
}

impl<'t> Connection<'t> {
    fn new(timeline: &'t mut Timeline, mut random: Random, route: &Route, start_us: i64) -> Self {
        let flow = timeline.flow(key(route), route.step);
        let mut end = |station, port, window| End {
            station,
            port,
            sequence: random.next() as u32,
            identification: random.next() as u16,
            clock_ms: random.next() as u32 >> 2,
            window,
        };
        let client_window = match route.stack {
            Stack::Unix => 502,
            Stack::Desktop => 1026,
            Stack::Bare => 1024,
        };
        let client = end(route.client, route.client_port, client_window);
        let server = end(route.server, route.server_port, 509);
        let headers = if route.client.address.is_ipv6() { 60 } else { 40 };
        let options = if route.stack == Stack::Unix { 12 } else { 0 };
        Self {
            timeline,
            random,
            flow,
            client,
            server,
            stack: route.stack,
            round_trip_us: route.round_trip_us,
            segment_bytes_max: 1500 - headers - options,
            now_us: start_us,
        }
    }

    /// A connection that is established; its clock stands after the handshake.
    pub(crate) fn open(timeline: &'t mut Timeline, random: Random, route: &Route, start_us: i64) -> Self {
        let mut connection = Self::new(timeline, random, route, start_us);
        connection.syn(Side::Client);
        connection.pause(connection.round_trip_us);
        connection.syn(Side::Server);
        connection.turn();
        connection.emit(Side::Client, ACK, &[], connection.now_us);
        connection
    }

    /// A SYN that meets a closed port.
    pub(crate) fn refused(timeline: &'t mut Timeline, random: Random, route: &Route, start_us: i64) {
        let mut connection = Self::new(timeline, random, route, start_us);
        connection.syn(Side::Client);
        connection.pause(connection.round_trip_us);
        connection.server.sequence = 0;
        connection.server.window = 0;
        connection.emit(Side::Server, RST | ACK, &[], connection.now_us);
    }

    /// A SYN that nobody answers, sent again `repeats` times.
    pub(crate) fn unanswered(
        timeline: &'t mut Timeline,
        random: Random,
        route: &Route,
        start_us: i64,
        repeats: u32,
    ) {
        let mut connection = Self::new(timeline, random, route, start_us);
        let first = connection.client.sequence;
        for repeat in 0..=repeats {
            connection.client.sequence = first;
            connection.syn(Side::Client);
            connection.pause(1_000_000 << repeat.min(6));
        }
    }

    /// A scanner's look at an open port: SYN, SYN-ACK, RST.
    pub(crate) fn half_open(timeline: &'t mut Timeline, random: Random, route: &Route, start_us: i64) {
        let mut connection = Self::new(timeline, random, route, start_us);
        connection.syn(Side::Client);
        connection.pause(connection.round_trip_us);
        connection.syn(Side::Server);
        connection.turn();
        connection.client.window = 0;
        connection.emit(Side::Client, RST, &[], connection.now_us);
    }

    /// The connection's clock.
    pub(crate) fn now_us(&self) -> i64 {
        self.now_us
    }

    /// A source of chance for those who speak over it.
    pub(crate) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Lets time pass.
    pub(crate) fn pause(&mut self, duration_us: i64) {
        self.now_us += duration_us.max(0);
    }

    /// Lets the time pass that an answer takes to be thought of and to arrive.
    pub(crate) fn think(&mut self, low_us: i64, high_us: i64) {
        let thought = self.random.between(low_us, high_us);
        self.pause(self.round_trip_us + thought);
    }

    fn turn(&mut self) {
        let delay = self.random.between(60, 400);
        self.pause(delay);
    }

    /// One side says `data`.
    pub(crate) fn say(&mut self, side: Side, data: &[u8]) {
        let mut bursts = data.chunks(self.segment_bytes_max * BURST_SEGMENTS).peekable();
        while let Some(burst) = bursts.next() {
            self.burst(side, burst, bursts.peek().is_none());
        }
    }

    /// Sends one window's worth and has it acknowledged.
    fn burst(&mut self, side: Side, data: &[u8], last: bool) {
        let chunks: Vec<&[u8]> = data.chunks(self.segment_bytes_max).collect();
        let mut times = Vec::with_capacity(chunks.len());
        for chunk in &chunks {
            // Some 200 Mbit/s, with the jitter of a shared line.
            let transmission = chunk.len() as i64 / 25 + self.random.between(2, 60);
            self.pause(transmission);
            times.push(self.now_us);
        }
        for first in 0..times.len().saturating_sub(1) {
            if self.random.chance(SWAPS_PER_MILLE) {
                times.swap(first, first + 1);
            }
        }
        let delay_us = match side {
            Side::Server => self.random.between(60, 400),
            Side::Client => self.round_trip_us,
        };
        let mut latest_us = 0;
        for (index, (chunk, time_us)) in chunks.iter().zip(&times).enumerate() {
            let ends = index + 1 == chunks.len();
            let flags = if ends && last { ACK | PSH } else { ACK };
            let sequence = self.end(side).sequence;
            self.emit(side, flags, chunk, *time_us);
            latest_us = latest_us.max(*time_us);
            if self.random.chance(REPEATS_PER_MILLE) {
                let after = self.end(side).sequence;
                self.end(side).sequence = sequence;
                self.emit(side, flags, chunk, *time_us + self.round_trip_us / 2 + 90);
                self.end(side).sequence = after;
            }
            if index % 2 == 1 || ends {
                self.emit(side.other(), ACK, &[], latest_us + delay_us);
                self.now_us = latest_us + delay_us;
            }
        }
    }

    /// Both sides end it, `side` first.
    pub(crate) fn close(&mut self, side: Side) {
        self.turn();
        self.emit(side, FIN | ACK, &[], self.now_us);
        self.end(side).sequence = self.end(side).sequence.wrapping_add(1);
        self.pause(self.round_trip_us);
        self.emit(side.other(), FIN | ACK, &[], self.now_us);
        self.end(side.other()).sequence = self.end(side.other()).sequence.wrapping_add(1);
        self.turn();
        self.emit(side, ACK, &[], self.now_us);
    }

    /// One side breaks it off.
    pub(crate) fn reset(&mut self, side: Side) {
        self.turn();
        self.emit(side, RST | ACK, &[], self.now_us);
    }

    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn syn(&mut self, side: Side) {
        let answer = side == Side::Server;
        let segment_bytes = if self.client.station.address.is_ipv6() {
            1440_u16
        } else {
            1460
        };
        let [high, low] = segment_bytes.to_be_bytes();
        let mut options = vec![2, 4, high, low];
        match self.stack {
            Stack::Unix => {
                options.extend_from_slice(&[4, 2]);
                options.extend_from_slice(&self.timestamps(side, self.now_us, answer));
                options.extend_from_slice(&[1, 3, 3, 7]);
            }
            Stack::Desktop => options.extend_from_slice(&[1, 3, 3, 8, 1, 1, 4, 2]),
            Stack::Bare => {}
        }
        let window = match (side, self.stack) {
            (Side::Client, Stack::Bare) => 1024,
            (Side::Client, Stack::Unix) | (Side::Server, _) => 64_240,
            (Side::Client, Stack::Desktop) => 65_535,
        };
        let flags = if answer { SYN | ACK } else { SYN };
        self.put(side, flags, window, &options, &[], self.now_us);
        self.end(side).sequence = self.end(side).sequence.wrapping_add(1);
    }

    /// The timestamp option (RFC 7323), 10 bytes: own clock and the other's.
    fn timestamps(&self, side: Side, timestamp_us: i64, echo: bool) -> [u8; 10] {
        let elapsed_ms = ((timestamp_us - self.timeline.start_us()) / 1000) as u32;
        let (own, other) = match side {
            Side::Client => (&self.client, &self.server),
            Side::Server => (&self.server, &self.client),
        };
        let [a, b, c, d] = own.clock_ms.wrapping_add(elapsed_ms).to_be_bytes();
        let echoed = if echo {
            other.clock_ms.wrapping_add(elapsed_ms)
        } else {
            0
        };
        let [e, f, g, h] = echoed.to_be_bytes();
        [8, 10, a, b, c, d, e, f, g, h]
    }

    /// A segment after the handshake; data moves the sender's sequence number on.
    fn emit(&mut self, side: Side, flags: u8, payload: &[u8], timestamp_us: i64) {
        let mut options = Vec::new();
        if self.stack == Stack::Unix && flags & RST == 0 {
            options.extend_from_slice(&[1, 1]);
            options.extend_from_slice(&self.timestamps(side, timestamp_us, true));
        }
        let window = self.end(side).window;
        self.put(side, flags, window, &options, payload, timestamp_us);
        let end = self.end(side);
        end.sequence = end.sequence.wrapping_add(payload.len() as u32);
    }

    fn put(&mut self, side: Side, flags: u8, window: u16, options: &[u8], payload: &[u8], timestamp_us: i64) {
        let (from, to) = match side {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        };
        from.identification = from.identification.wrapping_add(1);
        let segment = Segment {
            source_port: from.port,
            destination_port: to.port,
            sequence: from.sequence,
            acknowledgement: if flags & ACK == 0 { 0 } else { to.sequence },
            flags,
            window,
            urgent: 0,
            options,
            payload,
        };
        let frame = tcp(&from.station, &to.station, from.identification, &segment);
        self.timeline.push(self.flow, timestamp_us, &frame);
    }
}
