#![allow(clippy::unwrap_used, clippy::panic)]

mod fragments;
mod tunnels;

use super::*;
use etherparse::PacketBuilder;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};

fn udp_frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .udp(5000, 53)
        .write(&mut frame, payload)
        .unwrap();
    frame
}

fn tcp_frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv6([1; 16], [2; 16], 60)
        .tcp(1000, 80, 7, 1024)
        .syn()
        .options(&[etherparse::TcpOptionElement::WindowScale(9)])
        .unwrap()
        .write(&mut frame, payload)
        .unwrap();
    frame
}

/// What a frame became, as text: `src > dst protocol/vlan/missing/assembly payload`.
fn told(decoded: Decoded<'_>) -> String {
    match decoded {
        Decoded::Packet(packet) => {
            let (sport, dport) = packet.transport.ports();
            format!(
                "{}:{sport} > {}:{dport} p{} v{} m{} t{} {:?} {:?}",
                packet.src,
                packet.dst,
                packet.protocol,
                packet.vlans.inner(),
                packet.missing_bytes,
                packet.tunnel_depth,
                packet.assembly,
                String::from_utf8_lossy(packet.transport.payload())
            )
        }
        Decoded::FragmentPending => "pending".into(),
        Decoded::NotIp => "not ip".into(),
        Decoded::Dropped(reason) => reason.name().into(),
    }
}

#[track_caller]
fn check(link: LinkType, frame: &[u8], expect: &str) {
    assert_eq!(told(decode(link, frame, &mut Defragmenter::new(), 1)), expect);
}

const PLAIN: &str = "10.0.0.1:5000 > 10.0.0.2:53 p17 v0 m0 t0 Whole \"hello\"";

#[test]
fn each_link_type_leads_to_the_same_packet() {
    let frame = udp_frame(b"hello");
    let ip = &frame[14..];
    let with = |head: &[u8]| [head, ip].concat();
    let sll = [&[0; 14][..], &[8, 0]].concat();
    let sll2 = [&[8, 0][..], &[0; 18]].concat();
    check(LinkType::Ethernet, &frame, PLAIN);
    check(LinkType::from_dlt(101), ip, PLAIN);
    check(LinkType::from_dlt(113), &with(&sll), PLAIN);
    check(LinkType::from_dlt(276), &with(&sll2), PLAIN);
    check(LinkType::from_dlt(0), &with(&[2, 0, 0, 0]), PLAIN);
    check(LinkType::from_dlt(0), &with(&[0, 0, 0, 2]), PLAIN);
    check(LinkType::from_dlt(108), &with(&[0, 0, 0, 2]), PLAIN);
    check(LinkType::from_dlt(147), &frame, "unsupported_link");
}

#[test]
fn tags_come_off_and_the_innermost_vlan_stays() {
    let frame = udp_frame(b"hello");
    let tagged = |tags: &[u8]| [&frame[..12], tags, &frame[12..]].concat();
    let expect = PLAIN.replace("v0", "v7");
    check(LinkType::Ethernet, &tagged(&[0x81, 0, 0, 7]), &expect);
    check(
        LinkType::Ethernet,
        &tagged(&[0x88, 0xa8, 0, 9, 0x81, 0, 0x20, 7]),
        &expect,
    );
    check(
        LinkType::Ethernet,
        &tagged(&[0x81, 0, 0, 1].repeat(4)),
        "malformed_link",
    );
    let mpls = [&frame[..12], &[0x88, 0x47, 0, 0, 0, 9, 0, 0, 1, 9], &frame[14..]].concat();
    check(LinkType::Ethernet, &mpls, PLAIN);
    let pppoe = [
        &frame[..12],
        &[0x88, 0x64, 0x11, 0, 0, 1, 0, 9, 0, 0x21],
        &frame[14..],
    ]
    .concat();
    check(LinkType::Ethernet, &pppoe, PLAIN);
    let short = [
        &frame[..12],
        &[0x88, 0x64, 0x11, 0, 0, 1, 0, 9, 0x21],
        &frame[14..],
    ]
    .concat();
    check(LinkType::Ethernet, &short, PLAIN);
}

#[test]
fn padding_is_cut_and_short_captures_say_so() {
    let mut padded = udp_frame(b"hello");
    padded.extend([0; 13]);
    check(LinkType::Ethernet, &padded, PLAIN);
    let frame = udp_frame(b"hello");
    check(
        LinkType::Ethernet,
        &frame[..frame.len() - 2],
        "10.0.0.1:5000 > 10.0.0.2:53 p17 v0 m2 t0 Whole \"hel\"",
    );
    check(LinkType::Ethernet, &frame[..38], "truncated");
    check(LinkType::Ethernet, &frame[..20], "truncated");
    check(LinkType::Ethernet, &frame[..5], "truncated");
}

#[test]
fn what_contradicts_itself_is_named() {
    let edited = |at: usize, byte: u8| {
        let mut frame = udp_frame(b"hello");
        frame[at] = byte;
        frame
    };
    check(LinkType::Ethernet, &edited(14, 0x44), "malformed_ip");
    check(LinkType::Ethernet, &edited(14, 0x55), "malformed_ip");
    check(LinkType::Ethernet, &edited(17, 10), "malformed_ip");
    check(LinkType::Ethernet, &edited(39, 3), "malformed_transport");
    check(LinkType::Ethernet, &edited(39, 200), "malformed_transport");
    check(LinkType::Ethernet, &edited(13, 6), "not ip");
    let mut tcp = tcp_frame(b"x");
    tcp[14 + 40 + 12] = 0x10;
    check(LinkType::Ethernet, &tcp, "malformed_transport");
}

#[test]
fn tcp_fields_are_read() {
    let frame = tcp_frame(b"GET");
    let mut defragmenter = Defragmenter::new();
    let Decoded::Packet(packet) = decode(LinkType::Ethernet, &frame, &mut defragmenter, 1) else {
        panic!("not decoded");
    };
    let Transport::Tcp(tcp) = packet.transport else {
        panic!("not tcp");
    };
    assert_eq!(
        (tcp.flags, tcp.sequence, tcp.options.window_scale),
        (flag::SYN, 7, Some(9))
    );
    assert_eq!((tcp.payload, packet.ip_len, packet.ttl), (&b"GET"[..], 67, 60));
}

#[test]
fn extension_headers_are_walked_and_bounded() {
    let frame = tcp_frame(b"GET");
    let with = |count: usize| {
        let mut ip = frame[14..54].to_vec();
        let first = std::mem::replace(&mut ip[6], 0);
        for index in 0..count {
            let next = if index + 1 == count { first } else { 60 };
            ip.extend([next, 0, 1, 4, 0, 0, 0, 0]);
        }
        ip.extend(&frame[54..]);
        let len = (ip.len() - 40) as u16;
        ip[4..6].copy_from_slice(&len.to_be_bytes());
        ip
    };
    let expect = format!(
        "{}:1000 > {}:80 p6 v0 m0 t0 Whole \"GET\"",
        IpAddr::from([1u8; 16]),
        IpAddr::from([2u8; 16])
    );
    check(LinkType::RawIp, &with(3), &expect);
    check(LinkType::RawIp, &with(EXTENSION_HEADERS_MAX + 1), "malformed_ip");
}

#[test]
fn tunnels_open_to_a_depth() {
    let inner = udp_frame(b"hello");
    let wrap = |protocol: u8, head: &[u8], inside: &[u8]| {
        let mut header = etherparse::Ipv4Header::new(
            (head.len() + inside.len()) as u16,
            9,
            etherparse::IpNumber(protocol),
            [1; 4],
            [2; 4],
        )
        .unwrap();
        header.header_checksum = header.calc_header_checksum();
        [&header.to_bytes()[..], head, inside].concat()
    };
    let ip = &inner[14..];
    check(LinkType::RawIp, &wrap(4, &[], ip), &PLAIN.replace("t0", "t1"));
    let keyed = [0x20, 0, 8, 0, 1, 2, 3, 4];
    check(LinkType::RawIp, &wrap(47, &keyed, ip), &PLAIN.replace("t0", "t1"));
    let bridged = [0, 0, 0x65, 0x58];
    check(
        LinkType::RawIp,
        &wrap(47, &bridged, &inner),
        &PLAIN.replace("t0", "t1"),
    );
    let mut nested = ip.to_vec();
    for depth in 1..=TUNNEL_DEPTH_MAX {
        nested = wrap(4, &[], &nested);
        check(
            LinkType::RawIp,
            &nested,
            &PLAIN.replace("t0", &format!("t{depth}")),
        );
    }
    let vxlan_len = (16 + inner.len()) as u8;
    let vxlan = [
        &[0x12, 0xb5, 0x12, 0xb5, 0, vxlan_len, 0, 0][..],
        &[8, 0, 0, 0, 0, 0, 1, 0],
    ]
    .concat();
    let mut carried = wrap(17, &vxlan, &inner);
    for _ in 0..TUNNEL_DEPTH_MAX {
        carried = wrap(4, &[], &carried);
    }
    for deeper in [wrap(4, &[], &nested), carried] {
        check(LinkType::RawIp, &deeper, "tunnel_limit");
    }
    // ERSPAN I, II and III, PPP as of PPTP, MPLS.
    let opened = PLAIN.replace("t0", "t1");
    let erspan_2 = [
        &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1][..],
        &[0x10, 1, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    let erspan_3 = [
        &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1][..],
        &[0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        &[0; 8],
    ]
    .concat();
    check(LinkType::RawIp, &wrap(47, &[0, 0, 0x88, 0xbe], &inner), &opened);
    check(LinkType::RawIp, &wrap(47, &erspan_2, &inner), &opened);
    check(LinkType::RawIp, &wrap(47, &erspan_3, &inner), &opened);
    let pptp = [
        0x30, 0x81, 0x88, 0x0b, 0, 99, 0, 1, 0, 0, 0, 7, 0, 0, 0, 6, 0xff, 3, 0, 0x21,
    ];
    check(LinkType::RawIp, &wrap(47, &pptp, ip), &opened);
    check(
        LinkType::RawIp,
        &wrap(47, &[0, 0, 0x88, 0x47, 0, 0, 0x11, 9], ip),
        &opened,
    );
}

#[test]
fn tunnels_over_udp_open_when_ip_is_in_them() {
    let inner = udp_frame(b"hello");
    let ip = &inner[14..];
    let datagram = |port: u16, payload: &[u8]| {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([3; 6], [4; 6])
            .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
            .udp(55_555, port)
            .write(&mut frame, payload)
            .unwrap();
        frame
    };
    let with = |head: &[u8], inside: &[u8]| [head, inside].concat();
    let opened = PLAIN.replace("t0", "t1");
    let vxlan = with(&[8, 0, 0, 0, 0, 0, 7, 0], &inner);
    check(LinkType::Ethernet, &datagram(4789, &vxlan), &opened);
    let geneve = with(&[1, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 1, 1, 0], &inner);
    check(LinkType::Ethernet, &datagram(6081, &geneve), &opened);
    let gtp = with(&[0x34, 0xff, 0, 99, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0], ip);
    check(LinkType::Ethernet, &datagram(2152, &gtp), &opened);
    let mut six = Vec::new();
    PacketBuilder::ipv6([1; 16], [2; 16], 60)
        .udp(1, 2)
        .write(&mut six, b"six")
        .unwrap();
    let origin = with(&[0, 0, 1, 2, 3, 4, 5, 6], &six);
    let teredo = told(decode(
        LinkType::Ethernet,
        &datagram(3544, &origin),
        &mut Defragmenter::new(),
        1,
    ));
    assert!(teredo.contains("t1 Whole \"six\""), "{teredo}");
    // Anything else on those ports is a datagram.
    for port in [4789, 6081, 2152, 3544] {
        let other = told(decode(
            LinkType::Ethernet,
            &datagram(port, b"no tunnel, but a payload"),
            &mut Defragmenter::new(),
            1,
        ));
        assert!(other.contains("t0 Whole \"no tunnel"), "{other}");
    }
}

#[test]
fn tags_of_bridges_and_service_chains_come_off() {
    let frame = udp_frame(b"hello");
    let tagged = |tag: &[u8], rest: &[u8]| [&frame[..12], tag, rest].concat();
    check(
        LinkType::Ethernet,
        &tagged(&[0x89, 0x3f, 1, 2, 3, 4, 5, 6], &frame[12..]),
        PLAIN,
    );
    check(
        LinkType::Ethernet,
        &tagged(&[0x89, 0x26, 1, 2, 3, 4], &frame[12..]),
        PLAIN,
    );
    let chain = [0x89, 0x4f, 0x0f, 0xc2, 1, 3, 0, 0, 1, 255];
    check(LinkType::Ethernet, &tagged(&chain, &frame), PLAIN);
    check(
        LinkType::from_dlt(9),
        &[&[0xff, 3, 0, 0x21], &frame[14..]].concat(),
        PLAIN,
    );
}

/// The IPv4 packet of `udp_frame(payload)` in fragments of `size` bytes each.
fn fragments(payload: &[u8], size: usize, id: u16) -> Vec<Vec<u8>> {
    let whole = udp_frame(payload);
    let body = &whole[34..];
    let pieces = body.chunks(size);
    let last = pieces.len() - 1;
    pieces
        .enumerate()
        .map(|(index, piece)| {
            let mut packet = whole[14..34].to_vec();
            let place = (index * size / 8) as u16 | if index < last { 0x2000 } else { 0 };
            packet[2..4].copy_from_slice(&((20 + piece.len()) as u16).to_be_bytes());
            packet[4..6].copy_from_slice(&id.to_be_bytes());
            packet[6..8].copy_from_slice(&place.to_be_bytes());
            packet.extend(piece);
            sealed(packet)
        })
        .collect()
}

/// An IPv4 packet with the checksum of its header set right.
fn sealed(mut packet: Vec<u8>) -> Vec<u8> {
    packet[10..12].fill(0);
    let sum = etherparse::Ipv4HeaderSlice::from_slice(&packet)
        .unwrap()
        .to_header()
        .calc_header_checksum();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}

#[test]
fn a_fragment_with_a_wrong_checksum_is_not_taken() {
    let mut wrong = fragments(&[7; 64], 16, 1)[0].clone();
    wrong[8] = 1;
    check(LinkType::RawIp, &wrong, "bad_checksum");
    // Left to the network card.
    wrong[10..12].fill(0);
    check(LinkType::RawIp, &wrong, "pending");
}

fn faults(link: LinkType, frame: &[u8]) -> ChecksumFaults {
    match decode(link, frame, &mut Defragmenter::new(), 1) {
        Decoded::Packet(packet) => packet.checksum_faults(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn wrong_checksums_are_told_and_those_left_to_the_card_are_not() {
    let wrong = ChecksumFaults {
        transport: true,
        unfinished: false,
        ip: false,
    };
    for frame in [udp_frame(b"hello"), tcp_frame(b"odd")] {
        assert_eq!(faults(LinkType::Ethernet, &frame), ChecksumFaults::default());
        let mut damaged = frame.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(faults(LinkType::Ethernet, &damaged), wrong);
        // The capture cut it: nothing can be said.
        damaged.pop();
        assert_eq!(faults(LinkType::Ethernet, &damaged), ChecksumFaults::default());
    }

    let mut frame = udp_frame(b"hello");
    frame[22] = 9;
    let header = ChecksumFaults {
        ip: true,
        transport: false,
        unfinished: false,
    };
    assert_eq!(faults(LinkType::Ethernet, &frame), header);

    // Not summed up, and summed up over the pseudo-header alone.
    let mut frame = udp_frame(b"hello");
    frame[40..42].fill(0);
    assert_eq!(faults(LinkType::Ethernet, &frame), ChecksumFaults::default());
    let pseudo = 2 * 0x0a00 + 1 + 2 + 17 + 13u16;
    frame[40..42].copy_from_slice(&pseudo.to_be_bytes());
    assert_eq!(faults(LinkType::Ethernet, &frame), ChecksumFaults::default());
}

/// A snap length within the TCP header leaves what stands before it.
#[test]
fn a_header_cut_in_its_options_is_counted() {
    let mut frame = tcp_frame(b"payload");
    frame.truncate(54 + 22);
    let mut defragmenter = Defragmenter::new();
    let decoded = decode(LinkType::Ethernet, &frame, &mut defragmenter, 1);
    let Decoded::Packet(Packet {
        transport: Transport::Tcp(tcp),
        missing_bytes,
        ..
    }) = decoded
    else {
        panic!("{decoded:?}");
    };
    assert_eq!(
        (tcp.flags, tcp.sequence, tcp.payload, missing_bytes),
        (flag::SYN, 7, &b""[..], 7)
    );
    frame.truncate(54 + 19);
    check(LinkType::Ethernet, &frame, "truncated");
}

#[test]
fn options_count_up_to_the_first_that_is_broken() {
    let read = |options: &[u8]| {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .tcp(1000, 80, 7, 1024)
            .options_raw(options)
            .unwrap()
            .write(&mut frame, b"")
            .unwrap();
        match decode(LinkType::Ethernet, &frame, &mut Defragmenter::new(), 1) {
            Decoded::Packet(Packet {
                transport: Transport::Tcp(tcp),
                ..
            }) => tcp.options,
            other => panic!("{other:?}"),
        }
    };
    let usual = [2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7];
    let found = TcpOptions {
        segment_bytes_max: Some(1460),
        window_scale: Some(7),
        timestamp: Some(0x0102_0304),
        fast_open: false,
    };
    assert_eq!(read(&usual), found);
    assert_eq!(read(&[3, 3, 200, 1]).window_scale, Some(14));
    // A length of 0 or 1, or beyond the end, ends it.
    assert_eq!(read(&[8, 0, 3, 3, 7, 0]), TcpOptions::default());
    assert_eq!(read(&[8, 30, 3, 3, 7, 0]), TcpOptions::default());
    assert_eq!(read(&[3, 3, 7, 8, 1, 0]).window_scale, Some(7));
    // Fast Open by its number and by the experimental one; asking for a cookie is not having one.
    assert!(read(&[34, 6, 1, 2, 3, 4]).fast_open);
    assert!(!read(&[34, 2, 0, 0]).fast_open);
    assert!(read(&[254, 8, 0xf9, 0x89, 1, 2, 3, 4]).fast_open);
    assert!(!read(&[254, 4, 0xf9, 0x89]).fast_open);
}

#[test]
fn overlapping_fragments_keep_the_first_and_tell() {
    let mut defragmenter = Defragmenter::new();
    let pieces = fragments(b"hello, fragmented world!", 16, 5);
    assert_eq!(
        told(decode(LinkType::RawIp, &pieces[0], &mut defragmenter, 1)),
        "pending"
    );
    let mut other = pieces[0].clone();
    other[30] ^= 0xff;
    assert_eq!(
        told(decode(LinkType::RawIp, &other, &mut defragmenter, 1)),
        "pending"
    );
    let end = told(decode(LinkType::RawIp, &pieces[1], &mut defragmenter, 1));
    assert_eq!(
        end,
        "10.0.0.1:5000 > 10.0.0.2:53 p17 v0 m0 t0 Conflicting \"hello, fragmented world!\""
    );
    assert_eq!(
        (defragmenter.pending(), defragmenter.counters().conflicts),
        (0, 1)
    );
}

/// RFC 8200, 4.5: of what comes next only the first fragment's word counts.
#[test]
fn ipv6_fragments_belong_together_whatever_they_say_comes_next() {
    let whole = tcp_frame(b"hello, fragmented world!");
    let body = &whole[54..];
    let piece = |next_header: u8, from: usize, to: usize| {
        let more = u8::from(to < body.len());
        let mut packet = whole[14..54].to_vec();
        packet[6] = 44;
        packet[4..6].copy_from_slice(&((8 + to - from) as u16).to_be_bytes());
        let place = (from as u16).to_be_bytes();
        packet.extend([next_header, 0, place[0], place[1] | more, 0, 0, 0, 7]);
        packet.extend(&body[from..to]);
        packet
    };
    for pieces in [
        [piece(6, 0, 32), piece(17, 32, body.len())],
        [piece(17, 32, body.len()), piece(6, 0, 32)],
    ] {
        let mut defragmenter = Defragmenter::new();
        assert_eq!(
            told(decode(LinkType::RawIp, &pieces[0], &mut defragmenter, 1)),
            "pending"
        );
        let end = told(decode(LinkType::RawIp, &pieces[1], &mut defragmenter, 1));
        assert!(
            end.contains("p6 v0 m0 t0 Reassembled \"hello, fragmented world!\""),
            "{end}"
        );
    }
}

#[test]
fn unfinished_datagrams_are_bounded_in_number_bytes_and_time() {
    let mut defragmenter = Defragmenter::new();
    for id in 0..3000 {
        let first = &fragments(&[7; 64], 16, id)[0];
        decode(LinkType::RawIp, first, &mut defragmenter, 1);
    }
    assert_eq!(defragmenter.pending(), DATAGRAMS_MAX);
    assert_eq!(defragmenter.counters().evicted, 3000 - DATAGRAMS_MAX as u64);
    defragmenter.expire(1 + FRAGMENT_TIMEOUT_US);
    assert_eq!((defragmenter.pending(), defragmenter.bytes_held()), (0, 0));
    for id in 0..1000 {
        let late = &fragments(&[7; 65_000], 32_504, id)[1];
        decode(LinkType::RawIp, late, &mut defragmenter, 2);
    }
    assert!(defragmenter.bytes_held() <= FRAGMENT_BYTES_MAX);
    assert!(defragmenter.pending() > 200);
}

#[test]
fn impossible_fragments_are_refused() {
    let mut uneven = fragments(&[7; 64], 16, 1)[0].clone();
    uneven.truncate(33);
    uneven[3] = 33;
    check(LinkType::RawIp, &sealed(uneven), "malformed_fragment");
    let mut beyond = fragments(&[7; 64], 16, 1)[1].clone();
    beyond[6..8].copy_from_slice(&0x1fffu16.to_be_bytes());
    check(LinkType::RawIp, &sealed(beyond), "malformed_fragment");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_survived(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        link in prop::sample::select(vec![0u32, 1, 101, 108, 113, 276]),
        ether_type in prop::sample::select(vec![[8u8, 0], [0x86, 0xdd], [0x81, 0], [0x88, 0x64], [0x88, 0x47]]),
        version in prop::sample::select(vec![0x45u8, 0x60, 0x4f]),
        protocol in prop::sample::select(vec![0u8, 4, 6, 17, 41, 44, 47, 51, 58]),
    ) {
        let mut defragmenter = Defragmenter::new();
        decode(LinkType::from_dlt(link), &bytes, &mut defragmenter, 1);
        let mut frame = [&[0; 12][..], &ether_type, &bytes].concat();
        if let Some(byte) = frame.get_mut(14) { *byte = version; }
        let at = if version == 0x60 { 20 } else { 23 };
        if let Some(byte) = frame.get_mut(at) { *byte = protocol; }
        decode(LinkType::Ethernet, &frame, &mut defragmenter, 1);
    }

    #[test]
    fn fragments_in_any_order_make_the_same_datagram(
        payload in proptest::collection::vec(any::<u8>(), 30..400),
        units in 1usize..6,
        order in any::<u64>(),
    ) {
        let mut pieces = fragments(&payload, units * 8, 3);
        // A datagram that fits one piece is whole, which other tests see.
        prop_assume!(pieces.len() > 1);
        let copy = pieces[order as usize % pieces.len()].clone();
        pieces.push(copy);
        pieces.sort_by_key(|piece| piece.iter().fold(order, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        }));
        let mut defragmenter = Defragmenter::new();
        let mut found = None;
        for piece in &pieces {
            if let Decoded::Packet(packet) = decode(LinkType::RawIp, piece, &mut defragmenter, 1) {
                prop_assert_eq!(packet.assembly, Assembly::Reassembled);
                prop_assert_eq!(packet.ip_len as usize, 28 + payload.len());
                found = Some(packet.transport.payload().to_vec());
            }
        }
        prop_assert_eq!(found, Some(payload));
    }
}

#[test]
fn addresses_are_those_of_the_header() {
    let frame = udp_frame(b"");
    let mut defragmenter = Defragmenter::new();
    let Decoded::Packet(packet) = decode(LinkType::Ethernet, &frame, &mut defragmenter, 1) else {
        panic!("not decoded");
    };
    assert_eq!(packet.src, IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
}
