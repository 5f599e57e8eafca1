//! Frames of one conversation.

use etherparse::PacketBuilder;

/// Builds the frames of one conversation, a millisecond apart.
pub(super) struct Talk {
    pub(super) frames: Vec<(i64, Vec<u8>)>,
    port: u16,
    is_tcp: bool,
    client_sequence: u32,
    server_sequence: u32,
}

const CLIENT: ([u8; 4], u16) = ([10, 0, 0, 1], 40_000);
const SERVER: [u8; 4] = [10, 0, 0, 2];

#[derive(Clone, Copy, PartialEq)]
enum Flags {
    Syn,
    SynAck,
    Ack,
    Fin,
    Rst,
    None,
}

impl Talk {
    pub(super) fn tcp(port: u16) -> Self {
        Self {
            frames: Vec::new(),
            port,
            is_tcp: true,
            client_sequence: 1000,
            server_sequence: 9000,
        }
    }

    pub(super) fn udp(port: u16) -> Self {
        Self {
            is_tcp: false,
            ..Self::tcp(port)
        }
    }

    pub(super) fn open(&mut self) {
        if self.is_tcp {
            self.segment(true, Flags::Syn, &[]);
            self.segment(false, Flags::SynAck, &[]);
            self.segment(true, Flags::Ack, &[]);
        }
    }

    pub(super) fn close(&mut self) {
        if self.is_tcp {
            self.segment(true, Flags::Fin, &[]);
            self.segment(false, Flags::Fin, &[]);
            self.segment(true, Flags::Ack, &[]);
        }
    }

    pub(super) fn client(&mut self, payload: &[u8]) {
        self.send(true, payload);
    }

    pub(super) fn server(&mut self, payload: &[u8]) {
        self.send(false, payload);
    }

    /// The server sends bytes that the capture misses.
    pub(super) fn lose_server(&mut self, bytes: u32) {
        self.server_sequence += bytes;
    }

    /// A reset that cannot be the client's.
    pub(super) fn stray_reset(&mut self) {
        let sequence = self.client_sequence;
        self.client_sequence = sequence.wrapping_add(900_000_000);
        self.segment(true, Flags::Rst, &[]);
        self.client_sequence = sequence;
    }

    /// A segment without ACK.
    pub(super) fn without_ack(&mut self) {
        let sequence = self.client_sequence;
        self.segment(true, Flags::None, b"JUNK");
        self.client_sequence = sequence;
    }

    /// Other bytes in the place of the client's last ones.
    pub(super) fn again(&mut self, payload: &[u8]) {
        self.client_sequence = self.client_sequence.wrapping_sub(payload.len() as u32);
        self.segment(true, Flags::Ack, payload);
    }

    fn send(&mut self, from_client: bool, payload: &[u8]) {
        if self.is_tcp {
            return self.segment(from_client, Flags::Ack, payload);
        }
        let (src, dst, sport, dport) = self.ends(from_client);
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4(src, dst, 64)
            .udp(sport, dport)
            .write(&mut frame, payload)
            .unwrap();
        self.push(frame);
    }

    fn segment(&mut self, from_client: bool, flags: Flags, payload: &[u8]) {
        let (src, dst, sport, dport) = self.ends(from_client);
        let (own, other) = match from_client {
            true => (&mut self.client_sequence, self.server_sequence),
            false => (&mut self.server_sequence, self.client_sequence),
        };
        let builder = PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4(src, dst, 64)
            .tcp(sport, dport, *own, 32_000);
        let builder = match flags {
            Flags::Syn => builder.syn(),
            Flags::SynAck => builder.syn().ack(other),
            Flags::Ack => builder.ack(other),
            Flags::Fin => builder.fin().ack(other),
            Flags::Rst => builder.rst(),
            Flags::None => builder,
        };
        let takes_one = matches!(flags, Flags::Syn | Flags::SynAck | Flags::Fin);
        *own = own.wrapping_add(payload.len() as u32 + u32::from(takes_one));
        let mut frame = Vec::new();
        builder.write(&mut frame, payload).unwrap();
        self.push(frame);
    }

    fn ends(&self, from_client: bool) -> ([u8; 4], [u8; 4], u16, u16) {
        match from_client {
            true => (CLIENT.0, SERVER, CLIENT.1, self.port),
            false => (SERVER, CLIENT.0, self.port, CLIENT.1),
        }
    }

    fn push(&mut self, frame: Vec<u8>) {
        let ts_us = 1_700_000_000_000_000 + 1000 * self.frames.len() as i64;
        self.frames.push((ts_us, frame));
    }
}
