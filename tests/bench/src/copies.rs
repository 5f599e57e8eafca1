//! A capture several times over, each copy in a network and at a time of its own, all in order of time.
//!
//! Of copy `n`, counted from 0, addresses in 10.0.0.0/10 become those in 10.(64·n).0.0/10, with the checksums that go over them, and times are
//! `n` times [`SHIFT_US`] later.

use std::io::Write;
use std::path::Path;

use vonggac_capture::FileSource;
use vonggac_traffic::PacketSink as _;
use vonggac_traffic::pcap::Writer;

/// How much later each copy is than the one before, in microseconds.
const SHIFT_US: i64 = 50_000_000;
/// Copies that there are networks for.
pub(crate) const COPIES_MAX: u8 = 4;

const VLAN_TYPES: [[u8; 2]; 2] = [[0x81, 0x00], [0x88, 0xa8]];
const IPV4: [u8; 2] = [0x08, 0x00];
const TCP: u8 = 6;
const UDP: u8 = 17;

/// One copy on its way, with the frame that is due next.
struct Copy {
    number: u8,
    source: FileSource,
    next: Option<(i64, Vec<u8>)>,
}

impl Copy {
    fn advance(&mut self) -> anyhow::Result<()> {
        self.next = match self.source.next_frame()? {
            Some(frame) => {
                let mut data = frame.data.to_vec();
                shift(&mut data, self.number);
                Some((frame.ts_us + SHIFT_US * i64::from(self.number), data))
            }
            None => None,
        };
        Ok(())
    }
}

/// Writes so many copies of `capture`, frames of Ethernet, to `out`.
pub(crate) fn write(capture: &Path, copies: u8, out: impl Write) -> anyhow::Result<()> {
    anyhow::ensure!(copies <= COPIES_MAX, "there are networks for {COPIES_MAX} copies");
    let mut writer = Writer::new(out)?;
    let mut copies = (0..copies)
        .map(|number| {
            let source = FileSource::open(capture)?;
            let mut copy = Copy {
                number,
                source,
                next: None,
            };
            copy.advance().map(|()| copy)
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let time = |copy: &Copy| copy.next.as_ref().map_or(i64::MAX, |(ts_us, _)| *ts_us);
    while let Some(earliest) = copies.iter_mut().min_by_key(|copy| time(copy)) {
        let Some((ts_us, frame)) = earliest.next.take() else {
            break;
        };
        writer.packet(ts_us, &frame)?;
        earliest.advance()?;
    }
    writer.finish()?;
    Ok(())
}

/// Puts the IPv4 addresses of a frame into the network of copy `number`.
fn shift(frame: &mut [u8], number: u8) {
    if number == 0 {
        return;
    }
    let mut kind = 12;
    while frame
        .get(kind..kind + 2)
        .is_some_and(|found| VLAN_TYPES.iter().any(|vlan| found == vlan))
    {
        kind += 4;
    }
    if frame.get(kind..kind + 2) != Some(&IPV4[..]) {
        return;
    }
    if let Some(packet) = frame.get_mut(kind + 2..) {
        shift_packet(packet, number);
    }
}

fn shift_packet(packet: &mut [u8], number: u8) {
    let Some(&[first, _, _, _, _, _, fragment, fragment_low, _, protocol]) = packet.first_chunk::<10>()
    else {
        return;
    };
    let header = usize::from(first & 15) * 4;
    let is_first = (u16::from_be_bytes([fragment, fragment_low]) & 0x1fff) == 0;
    let transport = match protocol {
        TCP if is_first => Some(header + 16),
        UDP if is_first => Some(header + 6),
        _ => None,
    };
    for place in [12, 16] {
        let Some(word) = packet
            .get(place..place + 2)
            .and_then(|word| <[u8; 2]>::try_from(word).ok())
        else {
            return;
        };
        let [10, net @ 0..64] = word else { continue };
        let fresh = [10, net + 64 * number];
        if let Some(byte) = packet.get_mut(place + 1) {
            *byte = fresh[1];
        }
        adjust(packet, 10, word, fresh);
        // A UDP checksum of 0 is none.
        let checksum =
            transport.and_then(|place| packet.get(place..place + 2).map(|sum| (place, sum != [0, 0])));
        if let Some((place, is_there)) = checksum
            && (is_there || protocol == TCP)
        {
            adjust(packet, place, word, fresh);
        }
    }
}

/// Changes a checksum as one word that it goes over changes (RFC 1624): `HC' = ~(~HC + ~m + m')`.
fn adjust(packet: &mut [u8], place: usize, before: [u8; 2], after: [u8; 2]) {
    let Some(sum) = packet
        .get_mut(place..place + 2)
        .and_then(|sum| <&mut [u8; 2]>::try_from(sum).ok())
    else {
        return;
    };
    let total = u32::from(!u16::from_be_bytes(*sum))
        + u32::from(!u16::from_be_bytes(before))
        + u32::from(u16::from_be_bytes(after));
    let folded = (total & 0xffff) + (total >> 16);
    let folded = ((folded & 0xffff) + (folded >> 16)) as u16;
    *sum = (!folded).to_be_bytes();
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    use vonggac_decode::{Decoded, Defragmenter, LinkType, decode};

    /// The lab's traffic keeps its checksums, in each copy, and stays in order.
    #[test]
    fn copies_are_whole_and_apart() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("one.pcap");
        let frame = |from: [u8; 2], to: [u8; 2]| {
            let mut frame = vec![1; 12];
            frame.extend([0x81, 0, 0, 7, 8, 0]);
            frame.extend([0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0]);
            frame.extend([
                10, 1, from[0], from[1], 10, 70, to[0], to[1], 0, 53, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4,
            ]);
            let packet = &frame[18..];
            let sum = |bytes: &[u8], start: u32| {
                let words = bytes
                    .chunks(2)
                    .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
                let total = words.sum::<u32>() + start;
                !(((total & 0xffff) + (total >> 16)) as u16)
            };
            let (ip, udp) = (sum(&packet[..20], 0), sum(&packet[12..], 17 + 12));
            frame[28..30].copy_from_slice(&ip.to_be_bytes());
            frame[44..46].copy_from_slice(&udp.to_be_bytes());
            frame
        };
        let mut writer = Writer::new(std::fs::File::create(&path).unwrap()).unwrap();
        for second in 0..3 {
            writer
                .packet(second * 30_000_000, &frame([0, 1], [0, 2]))
                .unwrap();
        }
        writer.finish().unwrap();
        let copied = place.path().join("three.pcap");
        write(&path, 3, std::fs::File::create(&copied).unwrap()).unwrap();
        let mut source = FileSource::open(&copied).unwrap();
        let mut seen = Vec::new();
        while let Some(frame) = source.next_frame().unwrap() {
            let mut fragments = Defragmenter::new();
            let Decoded::Packet(packet) = decode(LinkType::Ethernet, frame.data, &mut fragments, 0) else {
                unreachable!("a packet");
            };
            assert!(!packet.checksum_faults().any(), "{packet:?}");
            assert_eq!(packet.dst.to_string(), "10.70.0.2");
            seen.push((frame.ts_us / 1_000_000, packet.src.to_string()));
        }
        let expected = [
            (0, 1),
            (30, 1),
            (50, 65),
            (60, 1),
            (80, 65),
            (100, 129),
            (110, 65),
            (130, 129),
            (160, 129),
        ];
        let expected = expected.map(|(second, network)| (second, format!("10.{network}.0.1")));
        assert_eq!(seen, expected);
    }
}
