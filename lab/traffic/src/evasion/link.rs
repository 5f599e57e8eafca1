//! What stands before IP: tags of virtual networks and labels.

use super::datagram::{Datagram, IpVersion};
use super::{Kind, Technique};
use crate::random::Random;
use crate::tcp::Side;

/// Tag protocols: customer (IEEE 802.1Q) and service (802.1ad).
const CUSTOMER: [u8; 2] = [0x81, 0x00];
const SERVICE: [u8; 2] = [0x88, 0xa8];

const fn tag(name: &'static str, apply: fn(&mut Vec<Datagram>, &mut Random)) -> Technique {
    Technique::datagrams(name, Kind::Tag, apply)
}

pub(super) const TECHNIQUES: &[Technique] = &[
    tag("vlan_1", |datagrams, _| each(datagrams, |_| tags(&[CUSTOMER]))),
    tag("vlan_2", |datagrams, _| {
        each(datagrams, |_| tags(&[SERVICE, CUSTOMER]))
    }),
    tag("vlan_3", |datagrams, _| {
        each(datagrams, |_| tags(&[SERVICE, SERVICE, CUSTOMER]))
    }),
    tag("vlan_4", |datagrams, _| {
        each(datagrams, |_| tags(&[SERVICE, SERVICE, CUSTOMER, CUSTOMER]))
    }),
    tag("vlan_of_each_side", |datagrams, _| {
        // As with one virtual network for each direction.
        each(datagrams, |datagram| match datagram.side {
            Side::Client => [&CUSTOMER[..], &[0, 10]].concat(),
            Side::Server => [&CUSTOMER[..], &[0, 20]].concat(),
        });
    }),
    tag("mpls", |datagrams, _| {
        for datagram in datagrams.iter_mut() {
            // Two labels, of which the second is the last.
            datagram.link = vec![0x88, 0x47, 0, 1, 0x00, 64, 0, 2, 0x01, 64];
        }
    }),
    tag("pppoe", |datagrams, _| {
        for datagram in datagrams.iter_mut() {
            let protocol: u16 = if datagram.version == IpVersion::V4 {
                0x0021
            } else {
                0x0057
            };
            let length = datagram.packet.len() as u16 + 2;
            let head = [0x88, 0x64, 0x11, 0, 0, 9];
            datagram.link = [&head[..], &length.to_be_bytes(), &protocol.to_be_bytes()].concat();
        }
    }),
];

fn each(datagrams: &mut [Datagram], before: impl Fn(&Datagram) -> Vec<u8>) {
    for datagram in datagrams {
        let tags = before(datagram);
        datagram.link.splice(..0, tags);
    }
}

fn tags(protocols: &[[u8; 2]]) -> Vec<u8> {
    let numbered = protocols.iter().zip(100_u16..);
    numbered
        .flat_map(|(protocol, id)| [*protocol, id.to_be_bytes()].concat())
        .collect()
}
