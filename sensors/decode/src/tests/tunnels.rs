//! Which tunnel a packet came through.

use super::*;

/// A datagram from `from` to `to`, carried between the ends of a VXLAN network.
fn tunnelled(network: u8, from: u8, to: u8) -> u64 {
    let mut inner = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv4([10, 0, 0, from], [10, 0, 0, to], 64)
        .udp(1000, 1000)
        .write(&mut inner, b"inner")
        .unwrap();
    let header = [8, 0, 0, 0, 0, 0, network, 0];
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv4([192, 0, 2, from], [192, 0, 2, to], 64)
        .udp(50_000, 4789)
        .write(&mut frame, &[&header[..], &inner].concat())
        .unwrap();
    let mut defragmenter = Defragmenter::new();
    let Decoded::Packet(packet) = decode(LinkType::Ethernet, &frame, &mut defragmenter, 1) else {
        panic!("not decoded");
    };
    assert_eq!(packet.tunnel_depth, 1);
    packet.tunnel
}

#[test]
fn a_tunnel_is_the_same_from_both_sides_and_another_in_another_network() {
    assert_eq!(tunnelled(7, 1, 2), tunnelled(7, 2, 1));
    assert_ne!(tunnelled(7, 1, 2), tunnelled(8, 1, 2));
    assert_ne!(tunnelled(7, 1, 2), tunnelled(7, 1, 3));
    let plain = udp_frame(b"x");
    let mut defragmenter = Defragmenter::new();
    let Decoded::Packet(packet) = decode(LinkType::Ethernet, &plain, &mut defragmenter, 1) else {
        panic!("not decoded");
    };
    assert_eq!(packet.tunnel, 0);
}
