//! The generated capture, judged by readers that know nothing of how it was made.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use sha2::{Digest, Sha256};
use vonggac_traffic::{FlowKey, Options, Protocol, TrafficError, Truth, community_id, generate, pcap};

type FiveTuple = (IpAddr, u16, IpAddr, u16, Protocol);

fn small() -> Options {
    Options {
        seed: 7,
        duration_s: 60,
        users: 3,
        ..Options::default()
    }
}

fn capture(options: &Options) -> (Vec<u8>, Truth) {
    let mut writer = pcap::Writer::new(Vec::new()).unwrap();
    let truth = generate(options, &mut writer).unwrap();
    assert_eq!(writer.packets(), truth.packets);
    (writer.finish().unwrap(), truth)
}

/// The packets of a capture file.
fn packets(file: &[u8]) -> Vec<(i64, &[u8])> {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!((word(0), word(20)), (0xa1b2_c3d4, 1));
    let mut at = 24;
    let mut packets = Vec::new();
    while at < file.len() {
        let (kept, length) = (word(at + 8) as usize, word(at + 12) as usize);
        assert_eq!(kept, length);
        packets.push((
            i64::from(word(at)) * 1_000_000 + i64::from(word(at + 4)),
            &file[at + 16..at + 16 + kept],
        ));
        at += 16 + kept;
    }
    packets
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn ones_complement_sum(bytes: &[u8]) -> u32 {
    let words = bytes
        .chunks(2)
        .map(|word| u32::from(word[0]) << 8 | word.get(1).map_or(0, |low| u32::from(*low)));
    words.fold(0, |sum, word| {
        let sum = sum + word;
        (sum & 0xffff) + (sum >> 16)
    })
}

/// A frame's five-tuple, and the assertion that all its checksums and lengths are right.
fn read(frame: &[u8]) -> FiveTuple {
    let sliced = SlicedPacket::from_ethernet(frame).unwrap();
    let (source, destination): (IpAddr, IpAddr) = match sliced.net.as_ref().unwrap() {
        NetSlice::Ipv4(v4) => {
            let header = v4.header().to_header();
            assert_eq!(header.calc_header_checksum(), header.header_checksum);
            assert_eq!(usize::from(header.total_len) + 14, frame.len());
            (
                v4.header().source_addr().into(),
                v4.header().destination_addr().into(),
            )
        }
        NetSlice::Ipv6(v6) => {
            assert_eq!(usize::from(v6.header().payload_length()) + 54, frame.len());
            (
                v6.header().source_addr().into(),
                v6.header().destination_addr().into(),
            )
        }
        other => panic!("unexpected {other:?}"),
    };
    match sliced.transport.unwrap() {
        TransportSlice::Tcp(tcp) => {
            let header = tcp.to_header();
            let sum = match (source, destination) {
                (IpAddr::V4(a), IpAddr::V4(b)) => header
                    .calc_checksum_ipv4_raw(a.octets(), b.octets(), tcp.payload())
                    .unwrap(),
                (IpAddr::V6(a), IpAddr::V6(b)) => header
                    .calc_checksum_ipv6_raw(a.octets(), b.octets(), tcp.payload())
                    .unwrap(),
                _ => panic!("mixed addresses"),
            };
            assert_eq!(sum, header.checksum);
            (
                source,
                header.source_port,
                destination,
                header.destination_port,
                Protocol::Tcp,
            )
        }
        TransportSlice::Udp(udp) => {
            let header = udp.to_header();
            let (IpAddr::V4(a), IpAddr::V4(b)) = (source, destination) else {
                panic!("UDP is over IPv4 here")
            };
            assert_eq!(
                header
                    .calc_checksum_ipv4_raw(a.octets(), b.octets(), udp.payload())
                    .unwrap(),
                header.checksum
            );
            (
                source,
                header.source_port,
                destination,
                header.destination_port,
                Protocol::Udp,
            )
        }
        TransportSlice::Icmpv4(icmp) => {
            assert_eq!(ones_complement_sum(icmp.slice()), 0xffff);
            let (sport, dport) = if icmp.type_u8() == 8 { (8, 0) } else { (0, 8) };
            (source, sport, destination, dport, Protocol::Icmp)
        }
        TransportSlice::Icmpv6(icmp) => {
            let (IpAddr::V6(a), IpAddr::V6(b)) = (source, destination) else {
                panic!("ICMPv6 is over IPv6")
            };
            assert!(icmp.is_checksum_valid(a.octets(), b.octets()));
            let (sport, dport) = if icmp.type_u8() == 128 {
                (128, 129)
            } else {
                (129, 128)
            };
            (source, sport, destination, dport, Protocol::Icmp6)
        }
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn same_seed_same_bytes() {
    let (first, truth) = capture(&small());
    let (second, again) = capture(&small());
    assert_eq!(digest(&first), digest(&second));
    assert_eq!(truth, again);
    let (other, _) = capture(&Options { seed: 8, ..small() });
    assert_ne!(digest(&first), digest(&other));
}

/// Whoever changes the generator on purpose puts the new digest here, and says so in the change log.
#[test]
fn bytes_are_those_of_before() {
    let (file, truth) = capture(&small());
    let digests = [digest(&file), digest(&serde_json::to_vec(&truth).unwrap())];
    assert_eq!(
        digests,
        [
            "d8a4ff8f5751c286cad69833d311018abf6e9dc16d3d6f9305e1b6ff710e85e1",
            "994e5e410fea97e95fa2b9ddea5245abc17fd29f06ea61801f88fe06052e9af4",
        ]
    );
}

#[test]
fn truth_is_what_the_capture_holds() {
    let options = small();
    let (file, truth) = capture(&options);
    let mut tally: BTreeMap<FiveTuple, (i64, i64, u64, u64)> = BTreeMap::new();
    let mut last_us = i64::MIN;
    let packets = packets(&file);
    for (timestamp_us, frame) in &packets {
        assert!(*timestamp_us >= last_us, "packets are in order");
        assert!(frame.len() <= 1514);
        last_us = *timestamp_us;
        let there = read(frame);
        let back = (there.2, there.3, there.0, there.1, there.4);
        let key = if tally.contains_key(&back) { back } else { there };
        let entry = tally.entry(key).or_insert((*timestamp_us, *timestamp_us, 0, 0));
        *entry = (entry.0, *timestamp_us, entry.2 + 1, entry.3 + frame.len() as u64);
    }
    assert_eq!(truth.packets, packets.len() as u64);
    assert_eq!(truth.packets_cut, 0);
    assert_eq!(truth.flows.len(), tally.len());
    for flow in &truth.flows {
        let seen = tally.get(&(flow.src, flow.sport, flow.dst, flow.dport, flow.proto));
        assert_eq!(
            seen,
            Some(&(flow.first_us, flow.last_us, flow.packets, flow.bytes)),
            "{flow:?}"
        );
        let key = FlowKey {
            src: flow.src,
            sport: flow.sport,
            dst: flow.dst,
            dport: flow.dport,
            proto: flow.proto,
        };
        assert_eq!(flow.community_id, community_id(&key));
    }
    let ids: BTreeSet<&str> = truth
        .flows
        .iter()
        .map(|flow| flow.community_id.as_str())
        .collect();
    assert_eq!(ids.len(), truth.flows.len());
}

#[test]
fn every_step_is_there_and_overlaps_with_work() {
    let (_, truth) = capture(&small());
    let steps: Vec<(&str, &str)> = truth
        .steps
        .iter()
        .map(|step| (step.id.as_str(), step.technique.as_str()))
        .collect();
    assert_eq!(
        steps,
        [
            ("scan", "T1046"),
            ("password-guessing", "T1110.001"),
            ("exploit", "T1190"),
            ("webshell-drop", "T1105"),
            ("webshell-use", "T1505.003"),
            ("beacon", "T1071.001"),
            ("dns-tunnel", "T1071.004"),
        ]
    );
    for step in &truth.steps {
        let overlapping = truth
            .flows
            .iter()
            .filter(|flow| flow.step.is_none())
            .any(|flow| flow.first_us <= step.last_us && flow.last_us >= step.first_us);
        assert!(overlapping, "{} stands alone", step.id);
    }
}

#[test]
fn parts_do_not_depend_on_each_other() {
    let (both, _) = capture(&small());
    let (intrusion, truth) = capture(&Options {
        benign: false,
        ..small()
    });
    assert!(truth.flows.iter().all(|flow| flow.step.is_some()));
    let (benign, truth) = capture(&Options {
        intrusion: false,
        ..small()
    });
    assert!(truth.steps.is_empty() && truth.flows.iter().all(|flow| flow.step.is_none()));
    let mut merged = [packets(&intrusion), packets(&benign)].concat();
    let mut whole = packets(&both);
    merged.sort_unstable();
    whole.sort_unstable();
    assert_eq!(merged, whole);
}

#[test]
fn truth_survives_json() {
    let (_, truth) = capture(&small());
    let json = serde_json::to_string(&truth).unwrap();
    assert_eq!(serde_json::from_str::<Truth>(&json).unwrap(), truth);
}

#[test]
fn options_are_checked() {
    let refused = |options: Options, expect: &str| {
        let mut writer = pcap::Writer::new(Vec::new()).unwrap();
        match generate(&options, &mut writer) {
            Err(TrafficError::OutOfRange { option, .. }) => assert_eq!(option, expect),
            other => panic!("{other:?}"),
        }
    };
    refused(
        Options {
            duration_s: 59,
            ..small()
        },
        "duration_s",
    );
    refused(
        Options {
            duration_s: 3601,
            ..small()
        },
        "duration_s",
    );
    refused(Options { users: 0, ..small() }, "users");
    refused(
        Options {
            start_us: -1,
            ..small()
        },
        "start_us",
    );
    refused(
        Options {
            start_us: i64::MAX,
            ..small()
        },
        "start_us",
    );
}

#[test]
fn a_full_disk_is_reported() {
    struct Full;
    impl vonggac_traffic::PacketSink for Full {
        fn packet(&mut self, _: i64, _: &[u8]) -> std::io::Result<()> {
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
        }
    }
    assert!(matches!(
        generate(&small(), &mut Full),
        Err(TrafficError::Sink(_))
    ));
}

#[test]
fn the_default_sample_keeps_its_size() {
    let (file, truth) = capture(&Options::default());
    assert!(
        (20_000..=60_000).contains(&truth.packets),
        "{} packets",
        truth.packets
    );
    assert!(file.len() <= 30_000_000, "{} bytes", file.len());
}
