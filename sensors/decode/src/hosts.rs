//! What hosts differ in, by the network that they are in.

use std::net::IpAddr;

/// Something that each host has, by its network; the longest prefix counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ByHost<V> {
    /// Longest prefix first.
    networks: Vec<(IpAddr, u8, V)>,
    default: V,
}

impl<V: Copy> ByHost<V> {
    /// One for all, until others are added.
    pub fn new(default: V) -> Self {
        Self {
            networks: Vec::new(),
            default,
        }
    }

    /// Adds the hosts whose first `prefix_bits` are those of `network`.
    pub fn add(&mut self, network: IpAddr, prefix_bits: u8, value: V) {
        let at = self.networks.partition_point(|(_, bits, _)| *bits >= prefix_bits);
        self.networks.insert(at, (network, prefix_bits, value));
    }

    /// That of a host.
    pub fn of(&self, host: IpAddr) -> V {
        let found = self
            .networks
            .iter()
            .find(|(network, bits, _)| is_within(host, *network, *bits));
        found.map_or(self.default, |(_, _, value)| *value)
    }
}

fn is_within(host: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (difference, width) = match (host, network) {
        (IpAddr::V4(host), IpAddr::V4(network)) => (u128::from(host.to_bits() ^ network.to_bits()), 32),
        (IpAddr::V6(host), IpAddr::V6(network)) => (host.to_bits() ^ network.to_bits(), 128),
        _ => return false,
    };
    let free = u32::saturating_sub(width, u32::from(bits));
    difference.checked_shr(free).unwrap_or(0) == 0
}
