//! Just enough of pcap, Ethernet and IP to read test captures: classic files, no fragments, no options in IPv6.

use std::collections::BTreeMap;
use std::path::Path;

/// Largest capture read, so that a debug run stays quick.
const CAPTURE_BYTES_MAX: u64 = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp { sequence: u32, is_start: bool },
    Udp,
}

#[derive(Debug, Clone)]
pub(crate) struct Packet<'a> {
    pub(crate) transport: Transport,
    pub(crate) addresses: Vec<u8>,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) payload: &'a [u8],
}

/// Addresses and ports of one direction.
type Key = (Vec<u8>, u16, u16);

pub(crate) struct Capture {
    bytes: Vec<u8>,
    link: u32,
    little: bool,
}

impl Capture {
    pub(crate) fn read(path: &Path) -> Option<Self> {
        if std::fs::metadata(path).ok()?.len() > CAPTURE_BYTES_MAX {
            return None;
        }
        let bytes = std::fs::read(path).ok()?;
        let little = match bytes.get(..4)? {
            [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => true,
            [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => false,
            _ => return None,
        };
        let link = word(&bytes, 20, little)?;
        Some(Self { bytes, link, little })
    }

    pub(crate) fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        let mut at = 24;
        std::iter::from_fn(move || {
            let length = usize::try_from(word(&self.bytes, at + 8, self.little)?).ok()?;
            let frame = self.bytes.get(at + 16..at + 16 + length)?;
            at += 16 + length;
            Some(frame)
        })
        .filter_map(|frame| self.packet(frame))
    }

    /// The payload of each TCP direction up to its first gap.
    pub(crate) fn streams(&self) -> Vec<Vec<u8>> {
        let mut segments: BTreeMap<Key, Vec<(u32, &[u8])>> = BTreeMap::new();
        let mut starts = BTreeMap::new();
        let mut order = Vec::new();
        for packet in self.packets() {
            let Transport::Tcp { sequence, is_start } = packet.transport else {
                continue;
            };
            let key = (packet.addresses, packet.source_port, packet.destination_port);
            if is_start {
                starts.entry(key.clone()).or_insert(sequence.wrapping_add(1));
            }
            if !packet.payload.is_empty() {
                if !segments.contains_key(&key) {
                    order.push(key.clone());
                }
                let sequence = if is_start {
                    sequence.wrapping_add(1)
                } else {
                    sequence
                };
                segments.entry(key).or_default().push((sequence, packet.payload));
            }
        }
        let mut streams = Vec::new();
        for key in order {
            let Some(mut list) = segments.remove(&key) else {
                continue;
            };
            let start = starts
                .get(&key)
                .copied()
                .or(list.first().map(|(sequence, _)| *sequence))
                .unwrap_or(0);
            list.sort_by_key(|(sequence, _)| sequence.wrapping_sub(start));
            let mut stream: Vec<u8> = Vec::new();
            for (sequence, payload) in list {
                let offset = sequence.wrapping_sub(start) as usize;
                if offset > stream.len() {
                    break;
                }
                let known = stream.len() - offset;
                stream.extend_from_slice(payload.get(known..).unwrap_or_default());
            }
            streams.push(stream);
        }
        streams
    }

    fn packet<'a>(&self, frame: &'a [u8]) -> Option<Packet<'a>> {
        let mut ip = match self.link {
            0 => frame.get(4..)?,
            1 => frame.get(12..)?,
            101 => frame,
            113 => frame.get(16..)?,
            _ => return None,
        };
        if self.link == 1 {
            while matches!(ip.get(..2)?, [0x81, 0x00] | [0x88, 0xa8]) {
                ip = ip.get(4..)?;
            }
            ip = ip.get(2..)?;
        }
        let (protocol, addresses, segment) = match ip.first()? >> 4 {
            4 => {
                let header = usize::from(ip.first()? & 0xf) * 4;
                let total = usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]));
                let end = if total == 0 { ip.len() } else { total.min(ip.len()) };
                (*ip.get(9)?, ip.get(12..20)?, ip.get(header..end)?)
            }
            6 => {
                let length = usize::from(u16::from_be_bytes([*ip.get(4)?, *ip.get(5)?]));
                (
                    *ip.get(6)?,
                    ip.get(8..40)?,
                    ip.get(40..(40 + length).min(ip.len()))?,
                )
            }
            _ => return None,
        };
        let port = |at: usize| Some(u16::from_be_bytes([*segment.get(at)?, *segment.get(at + 1)?]));
        let (transport, payload) = match protocol {
            6 => {
                let header = usize::from(segment.get(12)? >> 4) * 4;
                let is_start = segment.get(13)? & 2 != 0;
                (
                    Transport::Tcp {
                        sequence: word(segment, 4, false)?,
                        is_start,
                    },
                    segment.get(header..)?,
                )
            }
            17 => (Transport::Udp, segment.get(8..)?),
            _ => return None,
        };
        Some(Packet {
            transport,
            addresses: addresses.to_vec(),
            source_port: port(0)?,
            destination_port: port(2)?,
            payload,
        })
    }
}

fn word(bytes: &[u8], at: usize, little: bool) -> Option<u32> {
    let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(if little {
        u32::from_le_bytes(bytes)
    } else {
        u32::from_be_bytes(bytes)
    })
}
