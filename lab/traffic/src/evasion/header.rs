//! What stands between IP and TCP: IPv4's options and IPv6's extension headers.

use super::datagram::{Datagram, IpVersion};
use super::fragment::replace;
use super::{Kind, Technique};
use crate::random::Random;

const V4: &[IpVersion] = &[IpVersion::V4];
const V6: &[IpVersion] = &[IpVersion::V6];

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

/// A header of 8 bytes with nothing in it but padding (RFC 8200, 4.2); the first byte is what comes next.
const PADDING: [u8; 8] = [0, 0, 1, 4, 0, 0, 0, 0];

const fn header(
    name: &'static str,
    versions: &'static [IpVersion],
    apply: fn(&mut Vec<Datagram>, &mut Random),
) -> Technique {
    Technique::datagrams(name, Kind::Header, apply).only(versions)
}

pub(super) const TECHNIQUES: &[Technique] = &[
    header("ip4_options_nop", V4, |datagrams, _| {
        each(datagrams, |datagram| add_options(datagram, &[1, 1, 1, 0]))
    }),
    header("ip4_options_router_alert", V4, |datagrams, _| {
        each(datagrams, |datagram| add_options(datagram, &[148, 4, 0, 0]));
    }),
    header("ip4_options_record_route", V4, |datagrams, _| {
        each(datagrams, |datagram| {
            add_options(datagram, &[7, 7, 4, 0, 0, 0, 0, 0])
        });
    }),
    header("ip4_options_longest", V4, |datagrams, _| {
        each(datagrams, |datagram| add_options(datagram, &[1; 40]));
    }),
    header("ip4_chaff_bad_option", V4, |datagrams, _| {
        // An option of length 1 does not end: hosts drop the packet.
        replace(datagrams, |datagram| {
            let mut decoy = datagram.clone();
            decoy.is_chaff = true;
            let data_at = decoy.header_bytes() + 32;
            decoy.packet.get_mut(data_at..).unwrap_or_default().fill(b'x');
            // With the right sum, so that it is the option for which it is dropped.
            reseal_segment(&mut decoy);
            add_options(&mut decoy, &[7, 1, 4, 0]);
            vec![decoy, datagram.clone()]
        });
    }),
    header("ip6_hop_by_hop", V6, |datagrams, _| {
        each(datagrams, |datagram| add_header(datagram, HOP_BY_HOP, &PADDING))
    }),
    header("ip6_destination_options", V6, |datagrams, _| {
        each(datagrams, |datagram| {
            add_header(datagram, DESTINATION_OPTIONS, &PADDING)
        });
    }),
    header("ip6_routing_done", V6, |datagrams, _| {
        each(datagrams, |datagram| {
            add_header(datagram, ROUTING, &PADDING_ROUTE)
        });
    }),
    header("ip6_authentication", V6, |datagrams, _| {
        each(datagrams, |datagram| {
            add_header(datagram, AUTHENTICATION, &AUTHENTICATION_HEADER)
        });
    }),
    header("ip6_chain_of_8", V6, |datagrams, _| {
        each(datagrams, |datagram| add_chain(datagram, 8))
    }),
    header("ip6_chain_of_20", V6, |datagrams, _| {
        each(datagrams, |datagram| add_chain(datagram, 20))
    }),
];

/// A routing header of type 0 that leads nowhere further (RFC 5095).
const PADDING_ROUTE: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 0];

/// SPI 1, sequence number 1, a check of 12 bytes (RFC 4302), 24 bytes in all.
const AUTHENTICATION_HEADER: [u8; 24] = [
    0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
];

fn each(datagrams: &mut [Datagram], change: impl Fn(&mut Datagram)) {
    datagrams.iter_mut().for_each(change);
}

/// Puts options, a multiple of 4 bytes, behind the IPv4 header.
fn add_options(datagram: &mut Datagram, options: &[u8]) {
    let at = datagram.header_bytes();
    let was_spoiled = is_header_spoiled(datagram);
    datagram.packet.splice(at..at, options.iter().copied());
    if let Some(first) = datagram.packet.first_mut() {
        *first += (options.len() / 4) as u8;
    }
    datagram.seal();
    if was_spoiled {
        super::fragment::spoil_header_sum(datagram);
    }
}

/// Whether an earlier technique has made the header's checksum wrong, which is to stay so.
fn is_header_spoiled(datagram: &Datagram) -> bool {
    let mut sound = datagram.clone();
    sound.seal();
    sound.packet.get(10..12) != datagram.packet.get(10..12)
}

/// Puts an extension header behind the IPv6 header.
fn add_header(datagram: &mut Datagram, kind: u8, header: &[u8]) {
    const NEXT_AT: usize = 6;
    let Some(next) = datagram.packet.get_mut(NEXT_AT) else {
        return;
    };
    let mut header = header.to_vec();
    header[0] = std::mem::replace(next, kind);
    datagram.packet.splice(40..40, header);
    datagram.seal();
}

fn add_chain(datagram: &mut Datagram, length: usize) {
    for _ in 0..length {
        add_header(datagram, DESTINATION_OPTIONS, &PADDING);
    }
}

fn reseal_segment(datagram: &mut Datagram) {
    let at = datagram.header_bytes();
    let addresses = datagram.packet.get(12..20).unwrap_or_default().to_vec();
    let Some(segment) = datagram.packet.get_mut(at..) else {
        return;
    };
    let pseudo = [&addresses[..], &[0, 6], &(segment.len() as u16).to_be_bytes()].concat();
    super::datagram::put16(segment, 16, 0);
    let sum = crate::packet::fold(crate::packet::sum_words(&pseudo) + crate::packet::sum_words(segment));
    super::datagram::put16(segment, 16, sum);
}
