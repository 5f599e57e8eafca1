//! A conversation as TCP segments, with what techniques need to change it.

use super::{Attack, Message};
use crate::random::Random;
use crate::tcp::{ACK, FIN, PSH, SYN, Side};

pub(super) const URG: u8 = 0x20;

/// Most bytes of a segment.
const SEGMENT_BYTES_MAX: usize = 1200;

/// Window that both sides tell, unscaled and never scaled.
pub(super) const WINDOW: u16 = 65_535;

/// Time to live of what reaches its receiver, and of what passes the sensor and dies on the way.
pub(super) const TTL: u8 = 58;
pub(super) const TTL_TOO_LOW: u8 = 1;

/// A segment.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) side: Side,
    pub(super) sequence: u32,
    pub(super) acknowledgement: u32,
    pub(super) flags: u8,
    pub(super) urgent: u16,
    /// The sender's clock and what it echoes; none leaves the option out.
    pub(super) clocks: Option<[u32; 2]>,
    /// Further options, padded.
    pub(super) options: Vec<u8>,
    pub(super) payload: Vec<u8>,
    pub(super) ttl: u8,
    /// Its TCP checksum is wrong.
    pub(super) is_damaged: bool,
    /// It is for the watcher: other techniques leave it as it is.
    pub(super) is_chaff: bool,
}

impl Segment {
    /// The same with other bytes in its place, for the watcher.
    pub(super) fn decoy(&self) -> Self {
        Self {
            payload: vec![b'x'; self.payload.len()],
            flags: self.flags & !URG,
            urgent: 0,
            is_chaff: true,
            ..self.clone()
        }
    }

    /// The sequence number behind it.
    pub(super) fn end(&self) -> u32 {
        let flags = u32::from(self.flags & SYN != 0) + u32::from(self.flags & FIN != 0);
        self.sequence.wrapping_add(self.payload.len() as u32 + flags)
    }

    /// Its bytes from `from` to `to` as a segment of their own.
    pub(super) fn part(&self, from: usize, to: usize) -> Self {
        let mut part = self.clone();
        part.payload = self.payload.get(from..to).unwrap_or_default().to_vec();
        part.sequence = self.sequence.wrapping_add(from as u32);
        if to < self.payload.len() {
            part.flags &= !FIN;
        }
        // The pointer is to what follows the urgent byte (RFC 6093, 3.1); only the piece that holds it keeps it.
        let urgent = usize::from(self.urgent);
        if self.flags & URG != 0 && urgent > from && urgent <= to {
            part.urgent = (urgent - from) as u16;
        } else {
            part.flags &= !URG;
            part.urgent = 0;
        }
        part
    }

    /// Cut into parts of at most `size` bytes.
    pub(super) fn parts(&self, size: usize) -> Vec<Self> {
        let length = self.payload.len();
        let starts = (0..length).step_by(size.max(1));
        starts
            .map(|from| self.part(from, (from + size.max(1)).min(length)))
            .collect()
    }
}

/// A conversation.
#[derive(Clone, Debug)]
pub(super) struct Dialogue {
    pub(super) segments: Vec<Segment>,
    /// The side that says what a rule looks for.
    pub(super) carrier: Side,
    pub(super) port: u16,
}

struct Speaker {
    next: u32,
    clock: u32,
}

impl Dialogue {
    /// Handshake, every message with its acknowledgement, and the end.
    pub(super) fn new(attack: Attack, messages: &[Message], random: &mut Random) -> Self {
        let speaker = |random: &mut Random| Speaker {
            // Far from the wrap, which is a technique of its own.
            next: 0x1000_0000 + (random.next() as u32 >> 2),
            clock: 0x0100_0000 + (random.next() as u32 >> 8),
        };
        let mut talk = Talk {
            speakers: [speaker(random), speaker(random)],
            segments: Vec::new(),
        };
        talk.push(Side::Client, SYN, &[]);
        talk.push(Side::Server, SYN | ACK, &[]);
        talk.push(Side::Client, ACK, &[]);
        for message in messages {
            let mut chunks = message.bytes.chunks(SEGMENT_BYTES_MAX).peekable();
            while let Some(chunk) = chunks.next() {
                let flags = if chunks.peek().is_none() { ACK | PSH } else { ACK };
                talk.push(message.side, flags, chunk);
            }
            talk.push(message.side.other(), ACK, &[]);
        }
        talk.push(Side::Server, FIN | ACK, &[]);
        talk.push(Side::Client, FIN | ACK, &[]);
        talk.push(Side::Server, ACK, &[]);
        Self {
            segments: talk.segments,
            carrier: attack.carrier(),
            port: attack.port(),
        }
    }

    /// Whether techniques for what the carrier says work on this segment.
    pub(super) fn carries(&self, segment: &Segment) -> bool {
        let is_data = segment.flags & SYN == 0 && !segment.payload.is_empty();
        segment.side == self.carrier && is_data && !segment.is_chaff
    }

    /// Puts others in the place of each segment of what the carrier says.
    pub(super) fn replace(&mut self, mut with: impl FnMut(&Segment) -> Vec<Segment>) {
        let segments = std::mem::take(&mut self.segments);
        for segment in segments {
            match self.carries(&segment) {
                true => self.segments.extend(with(&segment)),
                false => self.segments.push(segment),
            }
        }
    }

    /// Shifts all numbers of a side.
    pub(super) fn renumber(&mut self, side: Side, by: u32) {
        for segment in &mut self.segments {
            if segment.side == side {
                segment.sequence = segment.sequence.wrapping_add(by);
            } else if segment.flags & ACK != 0 {
                segment.acknowledgement = segment.acknowledgement.wrapping_add(by);
            }
        }
    }

    /// Makes room for `by` bytes that a side says more from the segment at `index` on, whose own number stays.
    pub(super) fn stretch(&mut self, index: usize, by: u32) {
        let Some(side) = self.segments.get(index).map(|segment| segment.side) else {
            return;
        };
        for segment in self.segments.iter_mut().skip(index + 1) {
            if segment.side == side {
                segment.sequence = segment.sequence.wrapping_add(by);
            } else {
                segment.acknowledgement = segment.acknowledgement.wrapping_add(by);
            }
        }
    }
}

struct Talk {
    speakers: [Speaker; 2],
    segments: Vec<Segment>,
}

impl Talk {
    fn push(&mut self, side: Side, flags: u8, payload: &[u8]) {
        let [client, server] = &mut self.speakers;
        let (own, other) = match side {
            Side::Client => (client, server),
            Side::Server => (server, client),
        };
        own.clock += 1;
        let is_answer = flags & ACK != 0;
        let segment = Segment {
            side,
            sequence: own.next,
            acknowledgement: if is_answer { other.next } else { 0 },
            flags,
            urgent: 0,
            clocks: Some([own.clock, if is_answer { other.clock } else { 0 }]),
            options: Vec::new(),
            payload: payload.to_vec(),
            ttl: TTL,
            is_damaged: false,
            is_chaff: false,
        };
        own.next = segment.end();
        self.segments.push(segment);
    }
}
