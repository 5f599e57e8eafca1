//! How packets are cut into fragments (RFC 791, RFC 8200 4.5), and fragments for the watcher alone.

use super::datagram::{Datagram, IpVersion, put16};
use super::segment::TTL_TOO_LOW;
use super::segmentation::shuffle;
use super::{Kind, Technique};
use crate::random::Random;

/// IPv6's fragment header.
const FRAGMENT_HEADER: u8 = 44;

const V4: &[IpVersion] = &[IpVersion::V4];
const V6: &[IpVersion] = &[IpVersion::V6];

const fn cutting(name: &'static str, apply: fn(&mut Vec<Datagram>, &mut Random)) -> Technique {
    Technique::datagrams(name, Kind::Fragment, apply)
}

pub(super) const TECHNIQUES: &[Technique] = &[
    cutting("ip_frag_8", |datagrams, _| {
        replace(datagrams, |datagram| cut(datagram, 8))
    }),
    cutting("ip_frag_24", |datagrams, _| {
        replace(datagrams, |datagram| cut(datagram, 24))
    }),
    cutting("ip_frag_reversed", |datagrams, _| {
        replace(datagrams, |datagram| {
            cut(datagram, 16).into_iter().rev().collect()
        });
    }),
    cutting("ip_frag_random_order", |datagrams, random| {
        replace(datagrams, |datagram| {
            let mut fragments = cut(datagram, 16);
            shuffle(&mut fragments, random);
            fragments
        });
    }),
    cutting("ip_frag_twice", |datagrams, _| {
        replace(datagrams, |datagram| {
            let last = cut(datagram, 24).len().saturating_sub(1);
            let fragments = cut(datagram, 24).into_iter().enumerate();
            // The last one completes the datagram; another after it would begin a new one.
            fragments
                .flat_map(|(at, one)| vec![one; if at == last { 1 } else { 2 }])
                .collect()
        });
    }),
    cutting("ip_frag_overlap_same_bytes", |datagrams, _| {
        replace(datagrams, |datagram| {
            let length = datagram.payload().len();
            let starts = (0..length).step_by(16);
            starts
                .map(|from| fragment(datagram, from, (from + 24).min(length)))
                .collect()
        });
    }),
    cutting("ip_frag_within_another", |datagrams, _| {
        // What crashed systems in 1997: the second lies within the first.
        replace(datagrams, |datagram| {
            let length = datagram.payload().len();
            let middle = (length / 2).next_multiple_of(8).min(length);
            if middle < 24 || middle == length {
                return vec![datagram.clone()];
            }
            vec![
                fragment(datagram, 0, middle),
                fragment(datagram, 8, 16),
                fragment(datagram, middle, length),
            ]
        });
    }),
    cutting("ip_frag_decoy_second", |datagrams, _| {
        replace(datagrams, |datagram| {
            with_decoy(datagram, |real, decoy| vec![real, decoy])
        });
    }),
    cutting("ip_frag_decoy_first", |datagrams, _| {
        replace(datagrams, |datagram| {
            with_decoy(datagram, |real, decoy| vec![decoy, real])
        });
    }),
    cutting("ip_frag_decoy_dies_first", |datagrams, _| {
        replace(datagrams, |datagram| {
            with_decoy(datagram, |real, mut decoy| {
                let hop_limit_at = if decoy.version == IpVersion::V4 { 8 } else { 7 };
                if let Some(field) = decoy.packet.get_mut(hop_limit_at) {
                    *field = TTL_TOO_LOW;
                }
                decoy.seal();
                vec![decoy, real]
            })
        });
    }),
    cutting("ip_frag_decoy_checksum", |datagrams, _| {
        replace(datagrams, |datagram| {
            with_decoy(datagram, |real, mut decoy| {
                spoil_header_sum(&mut decoy);
                vec![decoy, real]
            })
        });
    })
    .only(V4),
    cutting("ip_frag_never_finished", |datagrams, _| {
        // Of another datagram, whose end never comes.
        replace(datagrams, |datagram| {
            let mut lonely = decoy(&fragment(datagram, 0, 24.min(datagram.payload().len() & !7)));
            renumber(&mut lonely);
            let mut all = vec![lonely];
            all.extend(cut(datagram, 24));
            all
        });
    }),
    cutting("ip_frag_beyond_64k", |datagrams, _| {
        replace(datagrams, |datagram| {
            let mut far = decoy(&fragment(datagram, 0, 24.min(datagram.payload().len() & !7)));
            renumber(&mut far);
            place(&mut far, 65_528, true);
            let mut all = vec![far];
            all.extend(cut(datagram, 24));
            all
        });
    }),
    cutting("ip_chaff_checksum", |datagrams, _| {
        replace(datagrams, |datagram| {
            let mut spoiled = decoy(datagram);
            spoil_header_sum(&mut spoiled);
            vec![spoiled, datagram.clone()]
        });
    })
    .only(V4),
    cutting("ip_frag_atomic", |datagrams, _| {
        replace(datagrams, |datagram| {
            vec![fragment(datagram, 0, datagram.payload().len())]
        });
    })
    .only(V6),
];

/// Puts others in the place of each packet that carries what the carrier says.
pub(super) fn replace(datagrams: &mut Vec<Datagram>, mut with: impl FnMut(&Datagram) -> Vec<Datagram>) {
    for datagram in std::mem::take(datagrams) {
        match datagram.carries {
            true => datagrams.extend(with(&datagram)),
            false => datagrams.push(datagram),
        }
    }
}

fn cut(datagram: &Datagram, size: usize) -> Vec<Datagram> {
    let length = datagram.payload().len();
    let starts = (0..length).step_by(size);
    starts
        .map(|from| fragment(datagram, from, (from + size).min(length)))
        .collect()
}

/// The fragment of a packet's payload from `from`, a multiple of 8, to `to`.
fn fragment(datagram: &Datagram, from: usize, to: usize) -> Datagram {
    let mut made = datagram.clone();
    let header = datagram.header_bytes();
    let is_last = to == datagram.payload().len();
    let bytes = datagram.payload().get(from..to).unwrap_or_default();
    made.packet.truncate(header);
    if datagram.version == IpVersion::V6 {
        let next = std::mem::replace(&mut made.packet[6], FRAGMENT_HEADER);
        // IPv4 has the datagram's number in its header; here TCP's sequence number and checksum tell one from another.
        let tcp = datagram.payload();
        let number = [tcp.get(6..8), tcp.get(16..18)].map(|part| part.unwrap_or(&[0, 0]));
        made.packet.extend_from_slice(&[next, 0, 0, 0]);
        made.packet.extend_from_slice(&number.concat());
    }
    made.packet.extend_from_slice(bytes);
    place(&mut made, from, !is_last);
    made
}

/// Says where a fragment lies and whether others follow.
fn place(fragment: &mut Datagram, offset: usize, more: bool) {
    match fragment.version {
        IpVersion::V4 => put16(
            &mut fragment.packet,
            6,
            (offset / 8) as u16 | u16::from(more) << 13,
        ),
        IpVersion::V6 => put16(&mut fragment.packet, 42, offset as u16 | u16::from(more)),
    }
    fragment.seal();
}

/// Makes a fragment one of another datagram.
fn renumber(fragment: &mut Datagram) {
    let at = if fragment.version == IpVersion::V4 { 4 } else { 44 };
    if let Some(byte) = fragment.packet.get_mut(at) {
        *byte ^= 0x80;
    }
    fragment.seal();
}

/// The same with other data, for the watcher. TCP's header stays, where it is in it.
fn decoy(datagram: &Datagram) -> Datagram {
    let mut decoy = datagram.clone();
    decoy.is_chaff = true;
    decoy.carries = false;
    let from = decoy.header_bytes() + if decoy.version == IpVersion::V4 { 32 } else { 40 };
    decoy.packet.get_mut(from..).unwrap_or_default().fill(b'x');
    decoy
}

/// Three fragments, of which the middle one, with the data, comes as `order` puts it and its decoy.
fn with_decoy(datagram: &Datagram, order: impl Fn(Datagram, Datagram) -> Vec<Datagram>) -> Vec<Datagram> {
    const HEADER: usize = 32;
    let length = datagram.payload().len();
    let end = (length.saturating_sub(1)) & !7;
    if end <= HEADER {
        return vec![datagram.clone()];
    }
    let middle = fragment(datagram, HEADER, end);
    let mut other = middle.clone();
    other.is_chaff = true;
    let from = other.packet.len() - (end - HEADER);
    let words: Vec<u8> = other
        .packet
        .get(from..)
        .unwrap_or_default()
        .chunks(2)
        .rev()
        .flatten()
        .copied()
        .collect();
    // The same words in another order have the same sum: the segment is sound with either.
    other.packet.truncate(from);
    other.packet.extend_from_slice(&words);
    let mut all = vec![fragment(datagram, 0, HEADER)];
    all.extend(order(middle, other));
    all.push(fragment(datagram, end, length));
    all
}

pub(super) fn spoil_header_sum(datagram: &mut Datagram) {
    if let Some(byte) = datagram.packet.get_mut(10) {
        *byte ^= 0x5a;
    }
}
