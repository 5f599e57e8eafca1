//! `ipv4-csum`, `tcpv4-csum`, `udpv6-csum` …: whether a checksum is right.

use crate::context::Checksums;
use crate::error::{Complaint, value};

/// A condition on one checksum of a packet of one kind; other packets never meet it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChecksumTest {
    of: Of,
    valid: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Ipv4,
    Transport { ipv4: bool, protocol: u8 },
}

/// The packet that a checksum is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet {
    pub(crate) ipv4: bool,
    pub(crate) protocol: u8,
    pub(crate) checksums: Checksums,
}

impl ChecksumTest {
    /// The condition that the keyword with that value asks for; `None` if the keyword is another's.
    pub(crate) fn parse(keyword: &str, text: &str) -> Option<Result<ChecksumTest, Complaint>> {
        let transport = |ipv4, protocol| Of::Transport { ipv4, protocol };
        let of = match keyword {
            "ipv4-csum" => Of::Ipv4,
            "tcpv4-csum" => transport(true, 6),
            "tcpv6-csum" => transport(false, 6),
            "udpv4-csum" => transport(true, 17),
            "udpv6-csum" => transport(false, 17),
            "icmpv4-csum" => transport(true, 1),
            "icmpv6-csum" => transport(false, 58),
            _ => return None,
        };
        Some(match text.trim_matches('"').to_ascii_lowercase().as_str() {
            "valid" => Ok(ChecksumTest { of, valid: true }),
            "invalid" => Ok(ChecksumTest { of, valid: false }),
            other => Err(value(format!("{other:?} is neither valid nor invalid"))),
        })
    }

    pub(crate) fn holds(self, packet: Packet) -> bool {
        let known = match self.of {
            Of::Ipv4 if packet.ipv4 => packet.checksums.network,
            Of::Transport { ipv4, protocol } if ipv4 == packet.ipv4 && protocol == packet.protocol => {
                packet.checksums.transport
            }
            _ => None,
        };
        known == Some(self.valid)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn checksums_of_their_packets() {
        let packet = |ipv4, protocol, transport| Packet {
            ipv4,
            protocol,
            checksums: Checksums {
                network: Some(true),
                transport,
            },
        };
        let table = [
            ("ipv4-csum", "valid", packet(true, 6, None), true),
            ("ipv4-csum", "invalid", packet(true, 6, None), false),
            ("ipv4-csum", "valid", packet(false, 6, None), false),
            ("tcpv4-csum", "invalid", packet(true, 6, Some(false)), true),
            ("tcpv4-csum", "invalid", packet(true, 17, Some(false)), false),
            ("tcpv6-csum", "invalid", packet(true, 6, Some(false)), false),
            ("udpv6-csum", "valid", packet(false, 17, Some(true)), true),
            ("icmpv6-csum", "invalid", packet(false, 58, None), false),
        ];
        for (keyword, text, packet, expected) in table {
            let test = ChecksumTest::parse(keyword, text).unwrap().unwrap();
            assert_eq!(test.holds(packet), expected, "{keyword}:{text} {packet:?}");
        }
        assert!(ChecksumTest::parse("tcpv4-csum", "maybe").unwrap().is_err());
        assert!(ChecksumTest::parse("content", "valid").is_none());
    }
}
