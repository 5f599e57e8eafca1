#![allow(clippy::unwrap_used)]

use super::*;
use crate::link::LinkType;
use proptest::prelude::*;

/// IPv4 of these options, carrying `payload` of `protocol`; `change` may spoil it.
fn check(options: &[u8], protocol: u8, payload: &[u8], change: fn(&mut Vec<u8>), expect: &[&str]) {
    let header_len = 20 + options.len();
    let mut packet = vec![0x40 | u8::try_from(header_len / 4).unwrap()];
    packet.resize(20, 0);
    let total_len = u16::try_from(header_len + payload.len()).unwrap();
    packet[2..4].copy_from_slice(&total_len.to_be_bytes());
    packet[9] = protocol;
    packet.extend_from_slice(options);
    packet.extend_from_slice(payload);
    change(&mut packet);
    let found = diagnose(LinkType::RawIp, &packet);
    assert_eq!(found.events, expect, "{packet:?}");
}

/// IPv6 whose first next header is `next`.
fn check_v6(next: u8, payload: &[u8], expect: &[&str]) {
    let mut packet = vec![0x60];
    packet.resize(40, 0);
    let len = u16::try_from(payload.len()).unwrap();
    packet[4..6].copy_from_slice(&len.to_be_bytes());
    packet[6] = next;
    packet.extend_from_slice(payload);
    assert_eq!(
        diagnose(LinkType::RawIp, &packet).events,
        expect,
        "{next} {payload:?}"
    );
}

const NOTHING: fn(&mut Vec<u8>) = |_| {};
const UDP: [u8; 8] = [0, 53, 0, 53, 0, 8, 0, 0];

#[test]
fn ipv4_headers() {
    check(&[], 17, &UDP, NOTHING, &[]);
    check(
        &[],
        17,
        &UDP,
        |packet| packet.truncate(19),
        &["ipv4.pkt_too_small"],
    );
    check(&[], 17, &UDP, |packet| packet.truncate(27), &["ipv4.trunc_pkt"]);
    check(&[], 17, &UDP, |packet| packet[0] = 0x44, &["ipv4.hlen_too_small"]);
    check(
        &[],
        17,
        &UDP,
        |packet| packet[3] = 19,
        &["ipv4.iplen_smaller_than_hlen"],
    );
    check(
        &[],
        17,
        &UDP,
        |packet| packet[0] = 0x55,
        &["ipraw.invalid_ip_version"],
    );
    check(&[], 58, &[0; 8], NOTHING, &["ipv4.icmpv6"]);
    check(&[], 200, &[], NOTHING, &["ipv4.unknown_protocol"]);
    // Not of a fragment: its bytes are of the middle of something.
    check(&[], 6, &[0; 8], |packet| packet[7] = 1, &[]);
}

#[test]
fn ipv4_options() {
    let pad = "ipv4.opt_pad_required";
    check(&[148, 4, 0, 0], 17, &UDP, NOTHING, &[pad]);
    check(
        &[148, 4, 0, 0, 148, 4, 0, 0],
        17,
        &UDP,
        NOTHING,
        &["ipv4.opt_duplicate"],
    );
    check(&[148, 9, 0, 0], 17, &UDP, NOTHING, &[pad, "ipv4.opt_invalid_len"]);
    check(
        &[130, 4, 0, 0, 1, 1, 1, 0],
        17,
        &UDP,
        NOTHING,
        &["ipv4.opt_invalid_len"],
    );
    check(
        &[7, 7, 3, 0, 0, 0, 0, 0],
        17,
        &UDP,
        NOTHING,
        &["ipv4.opt_malformed"],
    );
    check(
        &[99, 4, 0, 0, 0, 0, 0, 0],
        17,
        &UDP,
        NOTHING,
        &["ipv4.opt_invalid"],
    );
}

#[test]
fn transports() {
    check(&[], 6, &[0; 19], NOTHING, &["tcp.pkt_too_small"]);
    check(&[], 6, &[0; 20], NOTHING, &["tcp.invalid_optlen"]);
    let mut segment = [0; 24];
    segment[12] = 0x70;
    check(&[], 6, &segment, NOTHING, &["tcp.hlen_too_small"]);
    segment[12] = 0x60;
    segment[20..].copy_from_slice(&[2, 3, 0, 0]);
    check(&[], 6, &segment, NOTHING, &["tcp.opt_invalid_len"]);
    check(&[], 17, &[0; 7], NOTHING, &["udp.hlen_too_small"]);
    check(&[], 17, &[0, 0, 0, 0, 0, 7, 0, 0], NOTHING, &["udp.len_invalid"]);
    check(
        &[],
        17,
        &[0, 0, 0, 0, 0, 9, 0, 0],
        NOTHING,
        &["udp.pkt_too_small"],
    );
    check(
        &[],
        17,
        &[0, 0, 0, 0, 0, 8, 0, 0, 0],
        NOTHING,
        &["udp.hlen_invalid"],
    );
    check(
        &[],
        1,
        &[8, 1, 0, 0, 0, 0, 0, 0],
        NOTHING,
        &["icmpv4.unknown_code"],
    );
    check(
        &[],
        1,
        &[77, 0, 0, 0, 0, 0, 0, 0],
        NOTHING,
        &["icmpv4.unknown_type"],
    );
    check(&[], 47, &[0; 3], NOTHING, &["gre.pkt_too_small"]);
    check(&[], 132, &[0; 3], NOTHING, &["sctp.pkt_too_small"]);
}

#[test]
fn ipv6_extension_headers() {
    let header = |next: u8| [next, 0, 0, 0, 0, 0, 0, 0];
    check_v6(17, &UDP, &[]);
    check_v6(0, &[header(17), UDP].concat(), &[]);
    check_v6(
        0,
        &[header(0), header(17), UDP].concat(),
        &["ipv6.exthdr_dupl_hh"],
    );
    check_v6(43, &[header(17), UDP].concat(), &["ipv6.rh_type_0"]);
    check_v6(44, &[header(17), UDP].concat(), &["ipv6.exthdr_useless_fh"]);
    check_v6(60, &[17, 9], &["ipv6.trunc_exthdr"]);
    check_v6(59, b"x", &["ipv6.data_after_none_header"]);
    check_v6(1, &[0; 8], &["ipv6.icmpv4"]);
    check_v6(41, &[0x45; 40], &["ipv6.ipv6_in_ipv6_wrong_version"]);
    check_v6(4, &[0x45; 19], &["ipv6.ipv4_in_ipv6_too_small"]);
}

#[test]
fn links() {
    let check = |frame: &[u8], expect: &[&str]| {
        assert_eq!(diagnose(LinkType::Ethernet, frame).events, expect, "{frame:?}");
    };
    check(&[0; 13], &["ethernet.pkt_too_small"]);
    let tagged = |tags: usize, cut: usize| {
        let mut frame = vec![0; 12];
        frame.extend_from_slice(&[0x81, 0, 0, 1].repeat(tags));
        frame.extend_from_slice(&[8, 0]);
        frame.truncate(frame.len() - cut);
        frame
    };
    check(&tagged(1, 4), &["vlan.header_too_small"]);
    check(&tagged(4, 0), &["vlan.too_many_layers"]);
    // A sound frame without IP has nothing wrong with it.
    check(&[[1; 12].as_slice(), &[8, 6, 0, 0]].concat(), &[]);
}

proptest! {
    #[test]
    fn any_frame_is_diagnosed(link in 0_u32..300, frame in prop::collection::vec(any::<u8>(), 0..120)) {
        let found = diagnose(LinkType::from_dlt(link), &frame);
        let unique: std::collections::BTreeSet<_> = found.events.iter().collect();
        prop_assert_eq!(unique.len(), found.events.len());
    }

    #[test]
    fn what_is_dropped_above_the_link_has_a_name(mut packet in prop::collection::vec(any::<u8>(), 40..80)) {
        packet[0] = 0x45;
        packet[2..4].copy_from_slice(&[0, 40]);
        packet[6..8].fill(0);
        packet[9] = 6;
        let mut defragmenter = crate::Defragmenter::new();
        let decoded = crate::decode(LinkType::RawIp, &packet, &mut defragmenter, 0);
        let is_dropped = matches!(decoded, crate::Decoded::Dropped(_));
        prop_assert!(!is_dropped || !diagnose(LinkType::RawIp, &packet).events.is_empty());
    }
}
