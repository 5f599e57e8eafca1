//! Floods: traffic that is meant to fill a sensor's tables and buffers, or to cost it much time for few bytes.
//!
//! Frames are made one by one, so that ten million of them need no memory; the same kind, seed and number give the same bytes. Sources
//! are addresses of 10.0.0.0/8, the target is one of the addresses for documentation.

use std::net::{IpAddr, Ipv4Addr};

use crate::packet::{Segment, Station, tcp, udp};
use crate::random::Random;
use crate::tcp::{ACK, PSH, SYN};

/// What is flooded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// SYNs of made-up sources to one port, none of which is answered.
    Syns,
    /// Segments with data in connections of which nothing else is seen.
    Midstream,
    /// Datagrams of made-up sources to any port.
    Datagrams,
    /// Pieces of datagrams that are never whole.
    Fragments,
    /// Segments of one byte behind holes that are never filled, [`HOLES_OF_CONNECTION`] in each connection.
    Holes,
    /// Bodies of [`BODIES`] requests at once, which never end.
    Bodies,
    /// Requests sent byte by byte.
    Bytes,
    /// Requests of as many headers as are read.
    Headers,
    /// Responses that inflate a thousandfold.
    Bombs,
    /// Responses of a few bytes that inflate to four mebibytes each, or take as long.
    SmallBombs,
}

/// Holes held open in each connection of [`Flood::Holes`].
pub const HOLES_OF_CONNECTION: u64 = 256;

/// Requests under way at once in [`Flood::Bodies`].
pub const BODIES: u64 = 256;

/// Frames of a side of an interleaved connection after which the other acknowledges them.
const ACKNOWLEDGED_AFTER: u64 = 15;

/// Connections at once that are sent byte by byte.
const BYTE_CONNECTIONS: u64 = 64;

/// Time between two frames.
const STEP_US: i64 = 2;

const DATA_BYTES: usize = 1400;

impl Flood {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Syns,
        Self::Midstream,
        Self::Datagrams,
        Self::Fragments,
        Self::Holes,
        Self::Bodies,
        Self::Bytes,
        Self::Headers,
        Self::Bombs,
        Self::SmallBombs,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syns => "syns",
            Self::Midstream => "midstream",
            Self::Datagrams => "datagrams",
            Self::Fragments => "fragments",
            Self::Holes => "holes",
            Self::Bodies => "bodies",
            Self::Bytes => "bytes",
            Self::Headers => "headers",
            Self::Bombs => "bombs",
            Self::SmallBombs => "small_bombs",
        }
    }

    /// `count` frames of it from `start_us` on, each with its time in microseconds since 1970.
    pub fn frames(self, seed: u64, start_us: i64, count: u64) -> impl Iterator<Item = (i64, Vec<u8>)> {
        let mut maker = Maker {
            flood: self,
            random: Random::stream(seed, self.name(), 0),
        };
        (0..count).map(move |number| (start_us + number as i64 * STEP_US, maker.frame(number)))
    }
}

struct Maker {
    flood: Flood,
    random: Random,
}

/// A conversation of which the sender knows how far it is.
#[derive(Clone, Copy)]
struct Place {
    /// Number of the connection.
    connection: u64,
    /// How manieth frame of it this is: 0 to 2 are the handshake.
    step: u64,
}

fn station(address: Ipv4Addr) -> Station {
    Station {
        mac: [2, 0, 0, 0, 0, 1],
        address: IpAddr::V4(address),
        ttl: 64,
    }
}

fn target() -> Station {
    station(Ipv4Addr::new(192, 0, 2, 10))
}

/// The client of a connection, and its port.
fn client(connection: u64) -> (Station, u16) {
    let [.., high, middle, low] = connection.to_be_bytes();
    let port = 1024 + (connection >> 24) as u16;
    (station(Ipv4Addr::new(10, high, middle, low)), port)
}

const PORT: u16 = 80;

const HANDSHAKE_FRAMES: u64 = 3;

/// Sequence numbers of the SYNs.
const CLIENT_START: u32 = 1000;
const SERVER_START: u32 = 5000;

impl Maker {
    fn frame(&mut self, number: u64) -> Vec<u8> {
        match self.flood {
            Flood::Syns => self.alone(SYN, 0, b""),
            Flood::Midstream => self.alone(ACK | PSH, 1, &[b'x'; 64]),
            Flood::Datagrams => self.datagram(),
            Flood::Fragments => self.fragment(),
            Flood::Holes => {
                let of_connection = HOLES_OF_CONNECTION + HANDSHAKE_FRAMES;
                let place = Place {
                    connection: number / of_connection,
                    step: number % of_connection,
                };
                self.talk(place, |step| (1 + 2 * step as u32, vec![b'x']))
            }
            Flood::Bodies => self.interleaved(number, BODIES, body_piece),
            Flood::Bytes => self.interleaved(number, BYTE_CONNECTIONS, request_byte),
            Flood::Headers => self.interleaved(number, 1, header_piece),
            Flood::Bombs => self.interleaved(number, 1, bomb_piece),
            Flood::SmallBombs => self.interleaved(number, 1, small_bombs_piece),
        }
    }

    /// Whether the server is who floods, once it was asked.
    fn is_of_server(&self) -> bool {
        matches!(self.flood, Flood::Bombs | Flood::SmallBombs)
    }

    fn made_up(&mut self) -> (Station, u16) {
        let word = self.random.next().to_be_bytes();
        let [a, b, c, high, low, ..] = word;
        (
            station(Ipv4Addr::new(10, a, b, c)),
            u16::from_be_bytes([high, low]).max(1024),
        )
    }

    /// A segment of a connection of which there is no other.
    fn alone(&mut self, flags: u8, acknowledgement: u32, payload: &[u8]) -> Vec<u8> {
        let (from, source_port) = self.made_up();
        let segment = Segment {
            source_port,
            destination_port: 443,
            sequence: self.random.next() as u32,
            acknowledgement,
            flags,
            window: 64_240,
            payload,
            ..Segment::default()
        };
        tcp(&from, &target(), self.random.next() as u16, &segment)
    }

    fn datagram(&mut self) -> Vec<u8> {
        let (from, port) = self.made_up();
        let to = self.random.next() as u16;
        udp(&from, &target(), 1, (port, to), &[b'x'; 32])
    }

    /// A frame of a datagram, made into a piece of one: 8 bytes somewhere, or much at its start.
    fn fragment(&mut self) -> Vec<u8> {
        const IP: usize = 14;
        const MORE: u16 = 0x2000;
        let (from, port) = self.made_up();
        let offset = match self.random.below(2) {
            0 => 0,
            _ => 1 + self.random.below(8000) as u16,
        };
        let data: &[u8] = if offset == 0 { &[b'x'; DATA_BYTES - 8] } else { &[] };
        let mut frame = udp(&from, &target(), self.random.next() as u16, (port, 53), data);
        if let Some(header) = frame.get_mut(IP..IP + 20) {
            header[6..8].copy_from_slice(&(MORE | offset).to_be_bytes());
            // What a network card would fill in.
            header[10..12].fill(0);
        }
        frame
    }

    /// So many connections at once that each takes its turn.
    fn interleaved(
        &mut self,
        number: u64,
        connections: u64,
        piece: impl Fn(u64) -> (u32, Vec<u8>),
    ) -> Vec<u8> {
        let place = Place {
            connection: number % connections,
            step: number / connections,
        };
        let Some(said) = place.step.checked_sub(HANDSHAKE_FRAMES) else {
            return self.talk(place, piece);
        };
        let (turn, within) = (said / (ACKNOWLEDGED_AFTER + 1), said % (ACKNOWLEDGED_AFTER + 1));
        let next = turn * ACKNOWLEDGED_AFTER + within;
        match within == ACKNOWLEDGED_AFTER {
            true => self.acknowledge(place.connection, piece(next).0),
            false => {
                let step = HANDSHAKE_FRAMES + next;
                self.talk(Place { step, ..place }, piece)
            }
        }
    }

    /// A frame of the side that takes what is sent, which is at that place behind the SYN.
    fn acknowledge(&self, connection: u64, at: u32) -> Vec<u8> {
        let (client, port) = client(connection);
        let is_of_client = self.is_of_server();
        let (from, to, ports) = match is_of_client {
            true => (client, target(), (port, PORT)),
            false => (target(), client, (PORT, port)),
        };
        let (sequence, acknowledgement) = match is_of_client {
            true => (
                CLIENT_START + 1 + BOMB_REQUEST.len() as u32,
                SERVER_START.wrapping_add(at),
            ),
            false => (SERVER_START + 1, CLIENT_START.wrapping_add(at)),
        };
        let segment = Segment {
            source_port: ports.0,
            destination_port: ports.1,
            sequence,
            acknowledgement,
            flags: ACK,
            window: 64_240,
            ..Segment::default()
        };
        tcp(&from, &to, 1, &segment)
    }

    /// A frame of a connection: its handshake, then what `piece` says is sent, at which sequence number behind that of the SYN.
    fn talk(&mut self, place: Place, piece: impl FnOnce(u64) -> (u32, Vec<u8>)) -> Vec<u8> {
        let (from, port) = client(place.connection);
        let (own, peer) = (CLIENT_START, SERVER_START);
        let is_answer = place.step == 1;
        let from_server = is_answer || (self.is_of_server() && place.step > HANDSHAKE_FRAMES);
        let (sequence, acknowledgement, flags, payload) = match place.step {
            0 => (own, 0, SYN, Vec::new()),
            1 => (peer, own + 1, SYN | ACK, Vec::new()),
            2 => (own + 1, peer + 1, ACK, Vec::new()),
            _ => {
                let (at, payload) = piece(place.step - HANDSHAKE_FRAMES);
                match from_server {
                    true => (
                        peer.wrapping_add(at),
                        own + 1 + BOMB_REQUEST.len() as u32,
                        ACK,
                        payload,
                    ),
                    false => (own.wrapping_add(at), peer + 1, ACK, payload),
                }
            }
        };
        let (source_port, destination_port) = if from_server { (PORT, port) } else { (port, PORT) };
        let segment = Segment {
            source_port,
            destination_port,
            sequence,
            acknowledgement,
            flags,
            window: 64_240,
            payload: &payload,
            ..Segment::default()
        };
        match from_server {
            true => tcp(&target(), &from, 1, &segment),
            false => tcp(&from, &target(), 1, &segment),
        }
    }
}

const BODY_REQUEST: &[u8] =
    b"POST /upload HTTP/1.1\r\nHost: www.example\r\nContent-Length: 1073741824\r\n\r\n";

/// The head of a request, then its body.
fn body_piece(step: u64) -> (u32, Vec<u8>) {
    let at = |step: u64| 1 + BODY_REQUEST.len() as u32 + ((step - 1) as u32).wrapping_mul(DATA_BYTES as u32);
    match step {
        0 => (1, BODY_REQUEST.to_vec()),
        step => (at(step), vec![b'x'; DATA_BYTES]),
    }
}

/// A byte of requests without end.
fn request_byte(step: u64) -> (u32, Vec<u8>) {
    const REQUEST: &[u8] =
        b"GET /index.html?query=of-some-length HTTP/1.1\r\nHost: www.example\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n";
    let byte = REQUEST.get((step % REQUEST.len() as u64) as usize).copied();
    (1_u32.wrapping_add(step as u32), byte.into_iter().collect())
}

/// Requests with hundreds of headers: half of different names, half of one.
fn header_piece(step: u64) -> (u32, Vec<u8>) {
    const HEADERS: u64 = 250;
    const LINE_BYTES: usize = 20;
    const LINES: u64 = (DATA_BYTES / LINE_BYTES) as u64;
    let mut piece = Vec::with_capacity(DATA_BYTES);
    for line in step * LINES..(step + 1) * LINES {
        let line = match line % HEADERS {
            0 => "GET /abcd HTTP/1.1".to_owned(),
            // The empty line ends the head; what fills it up belongs to the next first line.
            header if header == HEADERS - 1 => "\r\n".repeat(LINE_BYTES / 2 - 1),
            header if header % 2 == 0 => format!("x-{header:04}: {header:010}"),
            header => format!("cookie: {header:010}"),
        };
        piece.extend_from_slice(line.as_bytes());
        piece.extend_from_slice(b"\r\n");
    }
    debug_assert_eq!(piece.len(), LINES as usize * LINE_BYTES, "lines of unlike length");
    let at = 1_u32.wrapping_add((step as u32).wrapping_mul(LINES as u32 * LINE_BYTES as u32));
    (at, piece)
}

const BOMB_REQUEST: &[u8] = b"GET /bomb HTTP/1.1\r\nHost: www.example\r\n\r\n";

/// How many bytes each bomb has, as sent, in frames.
const BOMB_FRAMES: u64 = 64;

/// A request, then responses each of which is a bomb.
fn bomb_piece(step: u64) -> (u32, Vec<u8>) {
    if step == 0 {
        return (1, BOMB_REQUEST.to_vec());
    }
    let frame = step - 1;
    let at = 1_u32.wrapping_add((frame as u32).wrapping_mul(DATA_BYTES as u32));
    if !frame.is_multiple_of(BOMB_FRAMES) {
        return (at, vec![0; DATA_BYTES]);
    }
    let head = |body_bytes: usize| {
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {body_bytes:08}\r\n\r\n")
    };
    let body_bytes = BOMB_FRAMES as usize * DATA_BYTES - head(0).len();
    let mut piece = head(body_bytes).into_bytes();
    piece.extend_from_slice(&bomb_start());
    piece.resize(DATA_BYTES, 0);
    (at, piece)
}

/// A request, then as many responses in each frame as it holds.
fn small_bombs_piece(step: u64) -> (u32, Vec<u8>) {
    // Four mebibytes of zeros, by brotli's own encoder.
    const BROTLI: &[u8] = b"\x9b\xff\xff\x3f\xf8\x27\x00\xe2\xb1\x40\x20\xf7\xfe\x07";
    // A block of 32,760 sequences, each of a literal and three bytes copied, that take no bits.
    const ZSTD: &[u8] =
        b"\x28\xb5\x2f\xfd\x00\x58\x65\x00\x00\x8d\xff\x07\x78\xff\xf8\x00\x54\x01\x00\x00\x01";
    if step == 0 {
        return (1, BOMB_REQUEST.to_vec());
    }
    let response = |coding: &str, bomb: &[u8]| {
        let bytes = bomb.len();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {bytes}\r\n\r\n");
        [head.as_bytes(), bomb].concat()
    };
    let responses = [response("br", BROTLI), response("zstd", ZSTD)].concat();
    let piece = responses.repeat(DATA_BYTES / responses.len());
    let at = 1_u32.wrapping_add(((step - 1) as u32).wrapping_mul(piece.len() as u32));
    (at, piece)
}

/// How a gzip member begins in which every zero bit pair stands for 258 zero bytes: so each zero byte that follows for 1,032.
fn bomb_start() -> Vec<u8> {
    let mut bits = Bits {
        bytes: vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255],
        used: 8,
    };
    // RFC 1951, 3.2.7: not the last block, dynamic codes, 286 literal codes, 1 distance code, 18 code length codes.
    bits.put(0, 1);
    bits.put(2, 2);
    bits.put(29, 5);
    bits.put(0, 5);
    bits.put(14, 4);
    // Their lengths, in the order 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1: so 18 is `0`, 1 is `10`, 2 is `11`.
    for length in [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2] {
        bits.put(length, 3);
    }
    let (one, two) = ((0b01, 2), (0b11, 2));
    let zeros = |count: u32| ((count - 11) << 1, 8);
    // Literal 0 has length 2, then none, the end of block has length 2, then none, length 258 has 1, and the distance 1 has 1.
    for (code, count) in [two, zeros(138), zeros(117), two, zeros(28), one, one] {
        bits.put(code, count);
    }
    // One literal, which the rest repeats.
    bits.put(0b01, 2);
    bits.bytes
}

/// Bits, the lowest of each byte first.
struct Bits {
    bytes: Vec<u8>,
    /// Of the last byte.
    used: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.used == 8 {
                self.bytes.push(0);
                self.used = 0;
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= (((value >> bit) & 1) as u8) << self.used;
            }
            self.used += 1;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_bomb_inflates_a_thousandfold() {
        let mut bytes = bomb_start();
        bytes.resize(bytes.len() + 1000, 0);
        let mut inflated = Vec::new();
        let end = flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut inflated);
        assert!(end.is_err(), "it has no end");
        assert!(inflated.len() > 1_031_000 && inflated.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn the_same_seed_makes_the_same_frames_and_they_are_as_long_as_they_say() {
        for flood in Flood::ALL {
            let frames: Vec<_> = flood.frames(7, 1_000_000, 400).collect();
            assert_eq!(frames, flood.frames(7, 1_000_000, 400).collect::<Vec<_>>());
            for (_, frame) in &frames {
                let length = u16::from_be_bytes([frame[16], frame[17]]);
                assert_eq!(usize::from(length) + 14, frame.len(), "{}", flood.name());
                assert!(frame.len() <= 1514);
            }
        }
    }
}
