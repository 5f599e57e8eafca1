//! The streams of a capture, said again in segments of a given size.
//!
//! A flow table puts the streams of the capture together. What it delivers is sent anew, piece by piece and at the same times, over a
//! connection of its own with the same ports: handshake, segments, holes where bytes were lost, FINs. Two such captures that differ in
//! the size of segments alone say the same.

use anyhow::Context as _;
use etherparse::PacketBuilder;
use vonggac_decode::{Decoded, Defragmenter, LinkType, Packet, decode};
use vonggac_stream::{Config, Direction, EndReason, Flow, FlowTable, Handler, Interest, StreamAnomaly};

use crate::capture::Frame;

/// Holes are no longer than this, so that they stay within windows.
const HOLE_BYTES_MAX: u32 = 16 * 1024;

/// The receiver acknowledges at least after so many bytes.
const ACKNOWLEDGED_AFTER_BYTES: u32 = 16 * 1024;

/// What one stream did next.
#[derive(Debug)]
enum Said {
    Data(Vec<u8>),
    Hole(u32),
    End,
}

/// What happened next in some connection.
#[derive(Debug)]
struct Step {
    ts_us: i64,
    /// Number of the connection.
    connection: usize,
    direction: Direction,
    said: Said,
}

/// The TCP streams of a capture.
#[derive(Debug, Default)]
pub struct Streams {
    steps: Vec<Step>,
    /// Ports of originator and responder of each connection.
    ports: Vec<(u16, u16)>,
    bytes: usize,
    bytes_max: usize,
    now_us: i64,
}

/// A flow's connection, once it said something.
type Numbered = Option<usize>;

impl Streams {
    /// Puts together what the connections of a capture say, up to `bytes_max` bytes of all.
    pub fn of(frames: &[Frame], bytes_max: usize) -> Self {
        let mut streams = Self {
            bytes_max,
            ..Self::default()
        };
        let mut table: FlowTable<Numbered> = FlowTable::new(Config::default());
        let mut defragmenter = Defragmenter::new();
        for frame in frames {
            streams.now_us = frame.ts_us;
            if let Decoded::Packet(packet) = decode(frame.link, &frame.bytes, &mut defragmenter, frame.ts_us)
            {
                table.packet(&packet, &mut streams);
            }
        }
        table.finish(&mut streams);
        streams
    }

    /// Whether nobody said anything.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The capture in which they are said in segments of at most `chunk_bytes`.
    ///
    /// # Errors
    /// When a segment cannot be written.
    pub fn in_chunks(&self, chunk_bytes: usize) -> anyhow::Result<Vec<Frame>> {
        let mut talk = Talk {
            sequences: vec![None; self.ports.len()],
            streams: self,
            frames: Vec::new(),
        };
        for step in &self.steps {
            talk.say(step, chunk_bytes.max(1))?;
        }
        Ok(talk.frames)
    }

    fn note(&mut self, flow: &mut Flow<Numbered>, direction: Direction, said: Said) {
        let connection = *flow.state.get_or_insert_with(|| {
            self.ports.push((flow.originator.port, flow.responder.port));
            self.ports.len() - 1
        });
        self.steps.push(Step {
            ts_us: self.now_us,
            connection,
            direction,
            said,
        });
    }
}

impl Handler<Numbered> for Streams {
    fn packet(&mut self, _: &mut Flow<Numbered>, _: Direction, _: &Packet<'_>) {}

    fn data(&mut self, flow: &mut Flow<Numbered>, direction: Direction, data: &[u8]) -> Interest {
        let room = self.bytes_max - self.bytes;
        let data = data.get(..room).unwrap_or(data);
        if data.is_empty() {
            return Interest::Enough;
        }
        self.bytes += data.len();
        self.note(flow, direction, Said::Data(data.to_vec()));
        Interest::More
    }

    fn conflict(&mut self, _: &mut Flow<Numbered>, _: Direction, _: &[u8], _: &[u8]) {}

    fn gap(&mut self, flow: &mut Flow<Numbered>, direction: Direction, bytes: u64) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(HOLE_BYTES_MAX);
        self.note(flow, direction, Said::Hole(bytes));
    }

    fn end_of_stream(&mut self, flow: &mut Flow<Numbered>, direction: Direction) {
        if flow.state.is_some() {
            self.note(flow, direction, Said::End);
        }
    }

    fn anomaly(&mut self, _: &mut Flow<Numbered>, _: Direction, _: StreamAnomaly) {}

    fn end(&mut self, _: &mut Flow<Numbered>, _: EndReason) {}
}

/// The sequence numbers of a connection.
#[derive(Debug, Clone, Copy, Default)]
struct Sequences {
    /// What originator and responder send next.
    next: [u32; 2],
    /// Up to where the other side has acknowledged each.
    acknowledged: [u32; 2],
}

struct Talk<'a> {
    streams: &'a Streams,
    sequences: Vec<Option<Sequences>>,
    frames: Vec<Frame>,
}

/// What a segment is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ask,
    Answer,
    Plain,
    Finish,
}

impl Talk<'_> {
    fn say(&mut self, step: &Step, chunk_bytes: usize) -> anyhow::Result<()> {
        if self.sequences.get(step.connection).is_some_and(Option::is_none) {
            self.open(step)?;
        }
        let peer = step.direction.reverse();
        match &step.said {
            Said::Data(data) => {
                for chunk in data.chunks(chunk_bytes) {
                    self.send(step, step.direction, Kind::Plain, chunk)?;
                    if self.is_acknowledgement_due(step) {
                        self.send(step, peer, Kind::Plain, &[])?;
                    }
                }
            }
            // The other side has it: acknowledged it is no hole that could still be filled.
            Said::Hole(bytes) => {
                let sent = &mut self.sequences_of(step)?.next[step.direction as usize];
                *sent = sent.wrapping_add(*bytes);
                self.send(step, peer, Kind::Plain, &[])?;
            }
            Said::End => {
                self.send(step, step.direction, Kind::Finish, &[])?;
                self.send(step, peer, Kind::Plain, &[])?;
            }
        }
        Ok(())
    }

    fn open(&mut self, step: &Step) -> anyhow::Result<()> {
        if let Some(sequences) = self.sequences.get_mut(step.connection) {
            *sequences = Some(Sequences::default());
        }
        self.send(step, Direction::Originator, Kind::Ask, &[])?;
        self.send(step, Direction::Responder, Kind::Answer, &[])?;
        self.send(step, Direction::Originator, Kind::Plain, &[])
    }

    fn sequences_of(&mut self, step: &Step) -> anyhow::Result<&mut Sequences> {
        let sequences = self.sequences.get_mut(step.connection);
        sequences.and_then(Option::as_mut).context("no such connection")
    }

    fn is_acknowledgement_due(&mut self, step: &Step) -> bool {
        let from = step.direction as usize;
        self.sequences_of(step).is_ok_and(|sequences| {
            sequences.next[from].wrapping_sub(sequences.acknowledged[from]) >= ACKNOWLEDGED_AFTER_BYTES
        })
    }

    fn send(&mut self, step: &Step, from: Direction, kind: Kind, payload: &[u8]) -> anyhow::Result<()> {
        let (originator_port, responder_port) = *self
            .streams
            .ports
            .get(step.connection)
            .context("no such connection")?;
        let [_, high, middle, low] = (step.connection as u32).to_be_bytes();
        let (client, server) = ([10, high, middle, low], [172, 16, 0, 1]);
        let (source, destination, ports) = match from {
            Direction::Originator => (client, server, (originator_port, responder_port)),
            Direction::Responder => (server, client, (responder_port, originator_port)),
        };
        let (own, other) = (from as usize, from.reverse() as usize);
        let sequences = self.sequences_of(step)?;
        let (sequence, acknowledges) = (sequences.next[own], sequences.next[other]);
        let counted = payload.len() as u32 + u32::from(kind != Kind::Plain);
        sequences.next[own] = sequence.wrapping_add(counted);
        if kind != Kind::Ask {
            sequences.acknowledged[other] = acknowledges;
        }
        let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
            .ipv4(source, destination, 64)
            .tcp(ports.0, ports.1, sequence, 65_535);
        let builder = match kind {
            Kind::Ask => builder.syn(),
            Kind::Answer => builder.syn().ack(acknowledges),
            Kind::Plain => builder.ack(acknowledges),
            Kind::Finish => builder.fin().ack(acknowledges),
        };
        let mut bytes = Vec::with_capacity(builder.size(payload.len()));
        builder.write(&mut bytes, payload)?;
        self.frames.push(Frame {
            ts_us: step.ts_us,
            link: LinkType::Ethernet,
            bytes,
        });
        Ok(())
    }
}
