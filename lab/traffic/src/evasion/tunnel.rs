//! What carries the packets: other packets.
//!
//! The outer ones run between two tunnel ends of their own, over IPv4, both ways.

use super::datagram::{Datagram, IpVersion};
use super::{Kind, Technique};
use crate::packet::{Station, udp};
use crate::random::Random;
use crate::tcp::Side;

/// Bytes of an Ethernet header without tags.
const LINK_BYTES: usize = 14;

const V6: &[IpVersion] = &[IpVersion::V6];

const fn tunnel(name: &'static str, apply: fn(&mut Vec<Datagram>, &mut Random)) -> Technique {
    Technique::datagrams(name, Kind::Tunnel, apply)
}

pub(super) const TECHNIQUES: &[Technique] = &[
    tunnel("tunnel_ip_in_ip", |datagrams, _| each(datagrams, in_ip)),
    tunnel("tunnel_ip_in_ip_4_deep", |datagrams, _| {
        (0..4).for_each(|_| each(datagrams, in_ip))
    }),
    tunnel("tunnel_ip_in_ip_5_deep", |datagrams, _| {
        (0..5).for_each(|_| each(datagrams, in_ip))
    }),
    tunnel("tunnel_gre", |datagrams, _| {
        each(datagrams, |inner| {
            let header = [&[0, 0][..], &inner.version.ether_type().to_be_bytes()].concat();
            in_protocol(inner, 47, &header)
        });
    }),
    tunnel("tunnel_gre_all_fields", |datagrams, _| {
        each(datagrams, |inner| {
            // Checksum, key and sequence number, none of which anybody looks at.
            let kind = inner.version.ether_type().to_be_bytes();
            in_protocol(
                inner,
                47,
                &[&[0xb0, 0][..], &kind, &[0; 4], &[0, 0, 0, 7], &[0, 0, 0, 1]].concat(),
            )
        });
    }),
    tunnel("tunnel_gre_ethernet", |datagrams, _| {
        each(datagrams, |inner| {
            in_protocol(inner, 47, &[&[0, 0, 0x65, 0x58][..], &ethernet(inner)].concat())
        });
    }),
    tunnel("tunnel_vxlan", |datagrams, _| {
        each(datagrams, |inner| {
            in_udp(
                inner,
                4789,
                &[&[8, 0, 0, 0, 0, 0, 42, 0][..], &ethernet(inner)].concat(),
            )
        });
    }),
    tunnel("tunnel_geneve", |datagrams, _| {
        each(datagrams, |inner| {
            in_udp(
                inner,
                6081,
                &[&[0, 0, 0x65, 0x58, 0, 0, 42, 0][..], &ethernet(inner)].concat(),
            )
        });
    }),
    tunnel("tunnel_gtp_user", |datagrams, _| {
        each(datagrams, |inner| {
            let length = (inner.packet.len() as u16).to_be_bytes();
            in_udp(inner, 2152, &[&[0x30, 0xff][..], &length, &[0, 0, 0, 9]].concat())
        });
    }),
    tunnel("tunnel_gtp_user_extended", |datagrams, _| {
        each(datagrams, |inner| {
            // A sequence number, and a container for a PDU session (3GPP TS 38.415) as the only extension.
            let length = (inner.packet.len() as u16 + 8).to_be_bytes();
            in_udp(
                inner,
                2152,
                &[
                    &[0x34, 0xff][..],
                    &length,
                    &[0, 0, 0, 9, 0, 1, 0, 0x85, 1, 0x10, 9, 0],
                ]
                .concat(),
            )
        });
    }),
    tunnel("tunnel_teredo", |datagrams, _| {
        each(datagrams, |inner| in_udp(inner, 3544, &[]))
    })
    .only(V6),
];

fn each(datagrams: &mut [Datagram], wrap: impl Fn(&Datagram) -> Vec<u8>) {
    for datagram in datagrams {
        datagram.packet = wrap(datagram);
        datagram.version = IpVersion::V4;
        datagram.link = IpVersion::V4.ether_type().to_be_bytes().to_vec();
    }
}

fn ends(side: Side) -> [Station; 2] {
    let station = |host: u8| Station {
        mac: [0; 6],
        address: std::net::Ipv4Addr::new(203, 0, 113, host).into(),
        ttl: 64,
    };
    match side {
        Side::Client => [station(1), station(2)],
        Side::Server => [station(2), station(1)],
    }
}

/// What a header for Ethernet without its packet is.
fn ethernet(inner: &Datagram) -> Vec<u8> {
    [&[0x02, 0, 0, 0, 0, 3, 0x02, 0, 0, 0, 0, 4][..], &inner.link].concat()
}

fn in_ip(inner: &Datagram) -> Vec<u8> {
    let protocol = if inner.version == IpVersion::V4 { 4 } else { 41 };
    in_protocol(inner, protocol, &[])
}

/// The packet behind a header, in an IP packet of that protocol.
fn in_protocol(inner: &Datagram, protocol: u8, header: &[u8]) -> Vec<u8> {
    let [from, to] = ends(inner.side);
    let octets = |station: &Station| match station.address {
        std::net::IpAddr::V4(address) => address.octets(),
        std::net::IpAddr::V6(_) => [0; 4],
    };
    let head = [0x45, 0, 0, 0, 0, 0, 0, 0, from.ttl, protocol, 0, 0];
    let mut outer = Datagram {
        packet: [&head[..], &octets(&from), &octets(&to), header, &inner.packet].concat(),
        version: IpVersion::V4,
        ..inner.clone()
    };
    outer.seal();
    outer.packet
}

/// The packet behind a header, in a datagram to that port.
fn in_udp(inner: &Datagram, port: u16, header: &[u8]) -> Vec<u8> {
    let [from, to] = ends(inner.side);
    let payload = [header, &inner.packet].concat();
    udp(&from, &to, 0, (port, port), &payload).split_off(LINK_BYTES)
}
