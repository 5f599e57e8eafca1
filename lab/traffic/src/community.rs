//! Community ID, version 1 (Corelight's specification): a name for a flow that is the same in both directions.
//!
//! ```text
//! "1:" + base64(SHA-1(seed 16 | address A | address B | protocol 8 | 0 8 | port A 16 | port B 16))
//! ```
//! A is the smaller of the two (address, port) pairs. ICMP has types in place of ports; a type that has a counterpart
//! (echo and its reply) makes a flow of two directions, any other one stays one-way and is never swapped.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::truth::Protocol;

/// What identifies a flow, seen from the side that began it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    /// Address of the side that began.
    pub src: IpAddr,
    /// Its port; for ICMP the message type.
    pub sport: u16,
    /// Address of the other side.
    pub dst: IpAddr,
    /// Its port; for ICMP the counterpart's type, or the code where there is none.
    pub dport: u16,
    /// Protocol over IP.
    pub proto: Protocol,
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// The flow's Community ID with seed 0.
///
/// Invariant: [`FlowKey`]s of the generator have a counterpart whenever they are ICMP, so ordering always applies.
pub fn community_id(key: &FlowKey) -> String {
    let source = (octets(key.src), key.sport);
    let destination = (octets(key.dst), key.dport);
    let (first, second) = if source <= destination {
        (source, destination)
    } else {
        (destination, source)
    };
    let mut hash = Sha1::new();
    hash.update([0, 0]);
    hash.update(&first.0);
    hash.update(&second.0);
    hash.update([key.proto.number(), 0]);
    hash.update(first.1.to_be_bytes());
    hash.update(second.1.to_be_bytes());
    format!("1:{}", STANDARD.encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn published_examples_hold() {
        let check = |src: &str, sport, dst: &str, dport, proto, expect: &str| {
            let (src, dst) = (src.parse().unwrap(), dst.parse().unwrap());
            let there = FlowKey {
                src,
                sport,
                dst,
                dport,
                proto,
            };
            let back = FlowKey {
                src: dst,
                sport: dport,
                dst: src,
                dport: sport,
                proto,
            };
            assert_eq!(community_id(&there), expect);
            assert_eq!(community_id(&back), expect);
        };
        check(
            "128.232.110.120",
            34855,
            "66.35.250.204",
            80,
            Protocol::Tcp,
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
        );
        check(
            "192.168.1.52",
            54585,
            "8.8.8.8",
            53,
            Protocol::Udp,
            "1:d/FP5EW3wiY1vCndhwleRRKHowQ=",
        );
        check(
            "192.168.0.89",
            8,
            "192.168.0.1",
            0,
            Protocol::Icmp,
            "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=",
        );
    }
}
