//! Whose frame it is, for who spreads frames over workers: told by the outermost IP header alone.

use crate::link::{self, LinkType, ether_type};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The two hosts of a frame, the smaller address first; `None` when it is not IP, or cut off before its addresses.
///
/// All packets of a flow have the same ones, both ways, and so have all fragments of a datagram and whatever a tunnel carries between its two
/// ends.
pub fn hosts(link: LinkType, frame: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let layer = link::strip(link, frame).ok()?;
    let (one, other) = match layer.ether_type {
        ether_type::IPV4 => {
            let (one, rest) = layer.payload.get(12..)?.split_first_chunk::<4>()?;
            let other = rest.first_chunk::<4>()?;
            (Ipv4Addr::from(*one).into(), Ipv4Addr::from(*other).into())
        }
        ether_type::IPV6 => {
            let (one, rest) = layer.payload.get(8..)?.split_first_chunk::<16>()?;
            let other = rest.first_chunk::<16>()?;
            (Ipv6Addr::from(*one).into(), Ipv6Addr::from(*other).into())
        }
        _ => return None,
    };
    Some(if one <= other { (one, other) } else { (other, one) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    #[test]
    fn both_ways_are_one_pair_whatever_tags_stand_before() {
        let pair = |tagged: bool, from: [u8; 4], to: [u8; 4]| {
            let builder = PacketBuilder::ethernet2([1; 6], [2; 6]);
            let mut frame = Vec::new();
            match tagged {
                true => builder.single_vlan(7.try_into().unwrap()).ipv4(from, to, 64),
                false => builder.ipv4(from, to, 64),
            }
            .udp(1, 2)
            .write(&mut frame, b"x")
            .unwrap();
            hosts(LinkType::Ethernet, &frame).unwrap()
        };
        let (a, b) = ([10, 0, 0, 1], [9, 0, 0, 1]);
        assert_eq!(pair(false, a, b), pair(true, b, a));
        assert_eq!(pair(false, a, b), (IpAddr::from(b), IpAddr::from(a)));
    }

    #[test]
    fn what_is_cut_off_has_none() {
        let mut frame = Vec::new();
        let builder = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv6([1; 16], [2; 16], 64);
        builder.udp(1, 2).write(&mut frame, b"x").unwrap();
        assert!(hosts(LinkType::Ethernet, &frame).is_some());
        for length in 0..14 + 40 {
            assert_eq!(hosts(LinkType::Ethernet, &frame[..length]), None, "{length}");
        }
    }
}
