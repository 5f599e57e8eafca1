//! Community ID version 1: one name for a flow, the same in every tool and from either direction.
//!
//! ```text
//! "1:" base64(sha1(seed: u16, address: 4|16, address: 4|16, protocol: u8, 0: u8, [port: u16, port: u16]))
//! ```
//! The smaller end (address, then port) comes first. ICMP has no ports: its type stands for one, and the type that
//! answers it for the other, so that request and reply agree; a type without an answer keeps its code and direction.
//! Protocols without ports are hashed without them.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP_V6: u8 = 58;
const SCTP: u8 = 132;

/// The Community ID of a flow. `seed` is the operator's, for sites that keep their ids apart from others'; usually 0. For ICMP and ICMPv6,
/// `source_port` is the type and `destination_port` the code of the message that is looked at.
pub fn v1(
    seed: u16,
    source: IpAddr,
    destination: IpAddr,
    source_port: u16,
    destination_port: u16,
    protocol: u8,
) -> String {
    let (source_port, destination_port, one_way) = match protocol {
        ICMP | ICMP_V6 => match answering_type(protocol, source_port) {
            Some(answer) => (source_port, answer, false),
            None => (source_port, destination_port, true),
        },
        _ => (source_port, destination_port, false),
    };
    let has_ports = matches!(protocol, ICMP | TCP | UDP | ICMP_V6 | SCTP);
    let from = (source, source_port);
    let to = (destination, destination_port);
    // Addresses of one family compare as their network bytes do.
    let (low, high) = if one_way || from <= to {
        (from, to)
    } else {
        (to, from)
    };

    let mut hash = Sha1::new();
    hash.update(seed.to_be_bytes());
    update_address(&mut hash, low.0);
    update_address(&mut hash, high.0);
    hash.update([protocol, 0]);
    if has_ports {
        hash.update(low.1.to_be_bytes());
        hash.update(high.1.to_be_bytes());
    }
    format!("1:{}", STANDARD.encode(hash.finalize()))
}

fn update_address(hash: &mut Sha1, address: IpAddr) {
    match address {
        IpAddr::V4(address) => hash.update(address.octets()),
        IpAddr::V6(address) => hash.update(address.octets()),
    }
}

/// The ICMP type that answers `kind`, for the types that come in pairs.
fn answering_type(protocol: u8, kind: u16) -> Option<u16> {
    const PAIRS_V4: [(u16, u16); 5] = [(0, 8), (9, 10), (13, 14), (15, 16), (17, 18)];
    const PAIRS_V6: [(u16, u16); 6] = [
        (128, 129),
        (130, 131),
        (133, 134),
        (135, 136),
        (139, 140),
        (144, 145),
    ];
    let pairs: &[(u16, u16)] = if protocol == ICMP { &PAIRS_V4 } else { &PAIRS_V6 };
    pairs.iter().find_map(|&(one, other)| match kind {
        _ if kind == one => Some(other),
        _ if kind == other => Some(one),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn check(protocol: u8, source: &str, destination: &str, ports: (u16, u16), expect: &str) {
        let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
        assert_eq!(
            v1(0, source, destination, ports.0, ports.1, protocol),
            expect,
            "{protocol} {source} {ports:?}"
        );
    }

    /// The reference implementation's published values.
    #[test]
    fn published_vectors() {
        check(
            TCP,
            "128.232.110.120",
            "66.35.250.204",
            (34855, 80),
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
        );
        check(
            TCP,
            "66.35.250.204",
            "128.232.110.120",
            (80, 34855),
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
        );
        check(
            TCP,
            "10.0.0.1",
            "10.0.0.2",
            (10, 11569),
            "1:SXBGMX1lBOwhhoDrZynfROxnhnM=",
        );
        check(
            TCP,
            "192.168.1.42",
            "192.168.1.42",
            (41, 42),
            "1:eRcf7I/xocOxnYo5pbJBV5NhVm0=",
        );
        check(
            TCP,
            "192.168.1.42",
            "192.168.1.42",
            (42, 41),
            "1:eRcf7I/xocOxnYo5pbJBV5NhVm0=",
        );
        check(
            UDP,
            "8.8.8.8",
            "192.168.1.52",
            (53, 54585),
            "1:d/FP5EW3wiY1vCndhwleRRKHowQ=",
        );
        check(
            SCTP,
            "192.168.170.8",
            "192.168.170.56",
            (7, 7),
            "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=",
        );
        check(
            ICMP,
            "192.168.0.89",
            "192.168.0.1",
            (8, 0),
            "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=",
        );
        check(
            ICMP,
            "192.168.0.1",
            "192.168.0.89",
            (0, 0),
            "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=",
        );
        check(
            ICMP,
            "192.168.0.89",
            "192.168.0.1",
            (20, 0),
            "1:3o2RFccXzUgjl7zDpqmY7yJi8rI=",
        );
        check(
            ICMP,
            "192.168.0.89",
            "192.168.0.1",
            (20, 1),
            "1:tz/fHIDUHs19NkixVVoOZywde+I=",
        );
        check(
            ICMP_V6,
            "fe80::200:86ff:fe05:80da",
            "fe80::260:97ff:fe07:69ea",
            (135, 0),
            "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=",
        );
        check(
            ICMP_V6,
            "fe80::260:97ff:fe07:69ea",
            "ff02::1",
            (134, 0),
            "1:pkvHqCL88/tg1k4cPigmZXUtL00=",
        );
        check(
            ICMP_V6,
            "3ffe:507:0:1:200:86ff:fe05:80da",
            "3ffe:507:0:1:260:97ff:fe07:69ea",
            (3, 0),
            "1:/OGBt9BN1ofenrmSPWYicpij2Vc=",
        );
        check(
            TCP,
            "2001:470:e5bf:dead:4957:2174:e82c:4887",
            "2607:f8b0:400c:c03::1a",
            (63943, 25),
            "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
        );
    }

    /// Suricata's own tests, which have seeds.
    #[test]
    fn seeded_vectors() {
        let check = |seed: u16, source: &str, destination: &str, ports: (u16, u16), expect: &str| {
            let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
            assert_eq!(v1(seed, source, destination, ports.0, ports.1, TCP), expect);
        };
        check(
            1,
            "192.168.0.254",
            "192.168.0.254",
            (56162, 3306),
            "1:IJQHtzXv/tXud3FtXIufkDsfEd4=",
        );
        let here = "2600:1f13:f8:d400:3a6:303c:e011:18eb";
        check(
            7,
            here,
            "2607:f8b0:400a:800::200e",
            (60202, 443),
            "1:ptJhMvufAbB5nLDNW77cB800wFM=",
        );
        check(
            7,
            here,
            "2001:4860:4860::8888",
            (33892, 443),
            "1:PGf+a0eBbs1OhuPtJmsF0Sm51v4=",
        );
    }
}
