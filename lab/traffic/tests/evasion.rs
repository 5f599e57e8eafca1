//! Attacks that hide, judged by a host that knows nothing of how they were made: it hears what was said.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use vonggac_traffic::evasion::{Attack, CLIENT_V4, Case, IpVersion, Kind, build, draw, said, techniques};

/// What a host with the manners of RFC 9293, 5961 and 7323 has taken of one direction.
#[derive(Default)]
struct Ear {
    start: u32,
    is_open: bool,
    bytes: BTreeMap<u32, u8>,
    urgent: BTreeSet<u32>,
    clock: Option<u32>,
    /// The highest sequence number of what was really sent, which the other side may acknowledge.
    sent: u32,
}

impl Ear {
    /// The next byte that is waited for.
    fn next(&self) -> u32 {
        let missing = (0_u32..).find(|offset| !self.bytes.contains_key(offset));
        missing.unwrap_or_default()
    }

    fn heard(&self) -> Vec<u8> {
        let end = self.next();
        let ordinary = self
            .bytes
            .range(..end)
            .filter(|(offset, _)| !self.urgent.contains(offset));
        ordinary.map(|(_, byte)| *byte).collect()
    }
}

/// Both ears of a conversation: the first hears the client.
fn listen(frames: &[(i64, Vec<u8>)]) -> [Vec<u8>; 2] {
    let mut ears = [Ear::default(), Ear::default()];
    for (_, frame) in frames {
        take(&mut ears, frame);
    }
    ears.map(|ear| ear.heard())
}

fn take(ears: &mut [Ear; 2], frame: &[u8]) {
    let sliced = SlicedPacket::from_ethernet(frame).unwrap();
    let Some(NetSlice::Ipv4(ip)) = &sliced.net else {
        return;
    };
    let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else {
        return;
    };
    let (source, destination) = (ip.header().source(), ip.header().destination());
    let is_client = source == CLIENT_V4;
    let header = tcp.to_header();
    let sum = header
        .calc_checksum_ipv4_raw(source, destination, tcp.payload())
        .unwrap();
    if sum != header.checksum || ip.header().ttl() < 2 {
        return;
    }
    let [client, server] = ears;
    let (ear, other) = if is_client {
        (client, server)
    } else {
        (server, client)
    };
    if header.syn {
        let is_first = !ear.is_open;
        if is_first {
            ear.start = header.sequence_number.wrapping_add(1);
            ear.is_open = true;
        }
        return;
    }
    let offset = header.sequence_number.wrapping_sub(ear.start);
    assert!(!header.rst || offset != ear.next(), "a reset that counts");
    let acked = header.acknowledgment_number.wrapping_sub(other.start);
    if !header.ack || header.rst || acked > other.sent + 1 {
        return;
    }
    let clock = header
        .options_iterator()
        .flatten()
        .find_map(|option| match option {
            etherparse::TcpOptionElement::Timestamp(own, _) => Some(own),
            _ => None,
        });
    let next = ear.next();
    if let (Some(clock), Some(last)) = (clock, ear.clock)
        && clock.wrapping_sub(last).cast_signed() < 0
    {
        return;
    }
    if offset.wrapping_sub(next).cast_signed() > 65_535 || offset.cast_signed() < -1 {
        return;
    }
    if offset <= next {
        ear.clock = clock.or(ear.clock);
    }
    if header.urg {
        ear.urgent.insert(offset + u32::from(header.urgent_pointer) - 1);
    }
    for (at, byte) in (0_u32..).zip(tcp.payload()) {
        // A keep-alive lies before what is waited for.
        if let Some(place) = offset
            .wrapping_add(at)
            .checked_add(0)
            .filter(|place| place.cast_signed() >= 0)
        {
            ear.bytes.entry(place).or_insert(*byte);
            ear.sent = ear.sent.max(place + 1);
        }
    }
}

/// Whether the host above reads it: no fragments, no tunnels, no guesses about its system, and a handshake that it can follow.
fn is_plain(kind: Kind, name: &str) -> bool {
    let for_others = name.starts_with("tcp_overlap_for_") && name != "tcp_overlap_for_first";
    match kind {
        Kind::Message | Kind::Segmentation | Kind::Chaff => true,
        Kind::Overlap => !for_others && name != "tcp_decoy_overtakes",
        _ => false,
    }
}

#[track_caller]
fn check(case: &Case) {
    let heard = listen(&build(case));
    assert!(
        heard == said(case),
        "{} (seed {}): heard {heard:?}",
        case.name(),
        case.seed
    );
}

#[test]
fn the_host_hears_what_was_said() {
    for attack in Attack::ALL {
        let alone = |techniques| Case {
            attack,
            version: IpVersion::V4,
            techniques,
            seed: 5,
        };
        check(&alone(Vec::new()));
        for technique in techniques().filter(|technique| is_plain(technique.kind, technique.name)) {
            if technique.fits(attack, IpVersion::V4) {
                check(&alone(vec![technique]));
            }
        }
    }
}

#[test]
fn the_host_hears_it_through_combinations() {
    for seed in 0..400 {
        let case = draw(seed, |technique| is_plain(technique.kind, technique.name));
        check(&Case {
            version: IpVersion::V4,
            ..case
        });
    }
}

#[test]
fn every_technique_changes_the_packets_and_has_a_name_of_its_own() {
    let names: BTreeSet<&str> = techniques().map(|technique| technique.name).collect();
    assert_eq!(names.len(), techniques().count());
    for technique in techniques() {
        for attack in Attack::ALL {
            for version in IpVersion::BOTH
                .into_iter()
                .filter(|version| technique.fits(attack, *version))
            {
                let case = |techniques| Case {
                    attack,
                    version,
                    techniques,
                    seed: 3,
                };
                let (plain, changed) = (build(&case(Vec::new())), build(&case(vec![technique])));
                assert!(
                    plain != changed,
                    "{} leaves {} as it is",
                    technique.name,
                    attack.name()
                );
            }
        }
    }
}

#[test]
fn same_case_same_bytes() {
    for seed in 0..50 {
        assert!(build(&draw(seed, |_| true)) == build(&draw(seed, |_| true)));
    }
}
