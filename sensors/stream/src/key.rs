//! The key of a flow: the same from both directions.

use crate::config::{Keys, VlanKey};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use vonggac_decode::{Packet, Transport};

/// Canonical 5-tuple and VLAN, the smaller end first, and where these are not to be mixed, what is around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    low: u128,
    high: u128,
    /// `low port 16 | high port 16 | vlan 16 | protocol 8 | address family 8`
    rest: u64,
    /// Of VLAN tags and tunnels, as far as [`Keys`] says that they count.
    around: u64,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.low);
        state.write_u128(self.high);
        state.write_u64(self.rest);
        state.write_u64(self.around);
    }
}

/// The ends of a packet as its flow's key sees them.
pub(crate) struct Ends {
    pub(crate) key: Key,
    /// Source and destination port as [`crate::Endpoint`] has them.
    pub(crate) ports: (u16, u16),
}

const ICMP: u8 = 1;
const ICMP_V6: u8 = 58;

/// The ICMP type that answers (or asks for) `kind`, after Community ID 1.0.
fn counterpart(protocol: u8, kind: u8) -> Option<u8> {
    const PAIRS_V4: [(u8, u8); 5] = [(8, 0), (13, 14), (15, 16), (10, 9), (17, 18)];
    const PAIRS_V6: [(u8, u8); 5] = [(128, 129), (133, 134), (135, 136), (130, 131), (144, 145)];
    let pairs = match protocol {
        ICMP => PAIRS_V4,
        _ => PAIRS_V6,
    };
    pairs.into_iter().find_map(|(ask, answer)| match kind {
        kind if kind == ask => Some(answer),
        kind if kind == answer => Some(ask),
        _ => None,
    })
}

fn number(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 4),
        IpAddr::V6(v6) => (u128::from(v6), 6),
    }
}

impl Ends {
    pub(crate) fn of(packet: &Packet<'_>, keys: Keys) -> Self {
        let (ports, key_ports) = match &packet.transport {
            Transport::Icmp(icmp) if matches!(packet.protocol, ICMP | ICMP_V6) => {
                let ports = (u16::from(icmp.kind), u16::from(icmp.code));
                let answer = counterpart(packet.protocol, icmp.kind);
                (ports, (ports.0, answer.map_or(ports.1, u16::from)))
            }
            transport => (transport.ports(), transport.ports()),
        };
        let (src, family) = number(packet.src);
        let (dst, _) = number(packet.dst);
        let (low, high) = match ((src, key_ports.0), (dst, key_ports.1)) {
            (from, to) if from <= to => (from, to),
            (from, to) => (to, from),
        };
        let vlan = match keys.vlans {
            VlanKey::None => 0,
            VlanKey::Innermost | VlanKey::All => packet.vlans.inner(),
        };
        let rest = u64::from(low.1) << 48
            | u64::from(high.1) << 32
            | u64::from(vlan) << 16
            | u64::from(packet.protocol) << 8
            | u64::from(family);
        let key = Key {
            low: low.0,
            high: high.0,
            rest,
            around: around(packet, keys),
        };
        Self { key, ports }
    }
}

fn around(packet: &Packet<'_>, keys: Keys) -> u64 {
    let vlans = match keys.vlans {
        VlanKey::All => packet.vlans.packed(),
        VlanKey::None | VlanKey::Innermost => 0,
    };
    let tunnel = if keys.tunnels { packet.tunnel } else { 0 };
    // Tags have 48 bits; a tunnel's number is spread over all.
    vlans.rotate_left(16) ^ tunnel
}
