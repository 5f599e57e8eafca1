//! Conditions on a packet's headers and on the size of its payload.

use crate::bit_test::{BitTest, fragment_bit, fragment_bits, tcp_bit};
use crate::checksum_test::{self, ChecksumTest};
use crate::context::{IcmpFacts, PacketFacts, TcpFacts};
use crate::error::{Complaint, value};
use crate::event_test::EventTest;
use crate::ip_test::{has_ip_option, parse_ip_option, parse_ip_protocol};
use crate::number::{Dash, NumberTest, number, number_test};
use crate::vlan_test::VlanTest;

/// One condition on a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PacketTest {
    PayloadSize(NumberTest),
    IcmpType(NumberTest),
    IcmpCode(NumberTest),
    IcmpId(u16),
    IcmpSeq(u16),
    TcpFlags(BitTest),
    TcpSeq(NumberTest),
    TcpAck(NumberTest),
    TcpWindow(NumberTest),
    FragmentBits(BitTest),
    FragmentOffset(NumberTest),
    Ttl(NumberTest),
    Tos(NumberTest),
    IpId(NumberTest),
    IpProtocol(NumberTest),
    /// An option of that number in the IPv4 header; `None`: any option.
    IpOption(Option<u8>),
    SameAddress,
    TcpSegmentSize(NumberTest),
    TcpWindowScale(NumberTest),
    Vlan(VlanTest),
    VlanLayers(NumberTest),
    Checksum(ChecksumTest),
    DecodeEvent(EventTest),
    StreamEvent(EventTest),
}

/// What conditions ask of a packet beside its headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings {
    pub(crate) payload_bytes: usize,
    /// Whether sender and receiver are one.
    pub(crate) same_address: bool,
    pub(crate) ipv4: bool,
}

impl PacketTest {
    /// The condition that a keyword with that value asks for; `None` if the keyword is another's.
    pub(crate) fn parse(keyword: &str, text: &str) -> Option<Result<PacketTest, Complaint>> {
        let excluded = |test: fn(NumberTest) -> PacketTest| number_test(text, Dash::Excluded).map(test);
        let short = |test: fn(u16) -> PacketTest| {
            number(text)
                .and_then(|n| u16::try_from(n).map_err(|_| value(format!("{n} is above 65535"))))
                .map(test)
        };
        Some(match keyword {
            "dsize" => excluded(PacketTest::PayloadSize),
            "itype" => excluded(PacketTest::IcmpType),
            "icode" => excluded(PacketTest::IcmpCode),
            "icmp_id" => short(PacketTest::IcmpId),
            "icmp_seq" => short(PacketTest::IcmpSeq),
            "flags" | "tcp.flags" => BitTest::parse(text, tcp_bit).map(PacketTest::TcpFlags),
            "seq" | "tcp.seq" => excluded(PacketTest::TcpSeq),
            "ack" | "tcp.ack" => excluded(PacketTest::TcpAck),
            "window" | "tcp.window" => excluded(PacketTest::TcpWindow),
            "fragbits" => BitTest::parse(text, fragment_bit).map(PacketTest::FragmentBits),
            "fragoffset" => excluded(PacketTest::FragmentOffset),
            "ttl" => number_test(text, Dash::Included).map(PacketTest::Ttl),
            "tos" => number_test(text, Dash::Included).map(PacketTest::Tos),
            "id" => excluded(PacketTest::IpId),
            "ip_proto" => parse_ip_protocol(text).map(PacketTest::IpProtocol),
            "ipopts" => parse_ip_option(text).map(PacketTest::IpOption),
            "sameip" => Ok(PacketTest::SameAddress),
            "tcp.mss" => excluded(PacketTest::TcpSegmentSize),
            "tcp.wscale" => excluded(PacketTest::TcpWindowScale),
            "vlan.id" => VlanTest::parse(text).map(PacketTest::Vlan),
            "vlan.layers" => excluded(PacketTest::VlanLayers),
            "decode-event" | "engine-event" => EventTest::parse(text).map(PacketTest::DecodeEvent),
            "stream-event" => EventTest::parse(text).map(PacketTest::StreamEvent),
            _ => return Some(ChecksumTest::parse(keyword, text)?.map(PacketTest::Checksum)),
        })
    }

    /// Whether it asks for checksums.
    pub(crate) fn is_of_checksums(&self) -> bool {
        matches!(self, PacketTest::Checksum(_))
    }

    /// The event that it waits for.
    pub(crate) fn event(&self) -> Option<&EventTest> {
        match self {
            PacketTest::DecodeEvent(test) | PacketTest::StreamEvent(test) => Some(test),
            _ => None,
        }
    }

    /// The size of the largest payload that it admits; `None` if it does not ask for that.
    pub(crate) fn payload_bytes_max(&self) -> Option<u64> {
        match self {
            PacketTest::PayloadSize(test) => Some(test.bounds().1),
            _ => None,
        }
    }

    /// Whether it holds of the packet.
    pub(crate) fn holds(&self, packet: &PacketFacts<'_>, around: Surroundings) -> bool {
        let tcp = |test: &dyn Fn(TcpFacts) -> bool| packet.tcp.is_some_and(test);
        let icmp = |test: &dyn Fn(IcmpFacts) -> bool| packet.icmp.is_some_and(test);
        let echo =
            |test: &dyn Fn(IcmpFacts) -> bool| icmp(&|icmp| has_identifier(packet, icmp) && test(icmp));
        match self {
            PacketTest::PayloadSize(test) => test.holds(around.payload_bytes as u64),
            PacketTest::IcmpType(test) => icmp(&|icmp| test.holds(icmp.kind.into())),
            PacketTest::IcmpCode(test) => icmp(&|icmp| test.holds(icmp.code.into())),
            PacketTest::IcmpId(id) => echo(&|icmp| icmp.id == Some(*id)),
            PacketTest::IcmpSeq(seq) => echo(&|icmp| icmp.seq == Some(*seq)),
            PacketTest::TcpFlags(test) => tcp(&|tcp| test.holds(tcp.flags)),
            PacketTest::TcpSeq(test) => tcp(&|tcp| test.holds(tcp.seq.into())),
            PacketTest::TcpAck(test) => tcp(&|tcp| test.holds(tcp.ack.into())),
            PacketTest::TcpWindow(test) => tcp(&|tcp| test.holds(tcp.window.into())),
            PacketTest::FragmentBits(test) => test.holds(fragment_bits(packet)),
            PacketTest::FragmentOffset(test) => test.holds(packet.fragment.offset.into()),
            PacketTest::Ttl(test) => test.holds(packet.ttl.into()),
            PacketTest::Tos(test) => test.holds(packet.tos.into()),
            PacketTest::IpId(test) => test.holds(packet.ip_id.into()),
            PacketTest::IpProtocol(test) => test.holds(packet.ip_protocol.into()),
            PacketTest::IpOption(wanted) => has_ip_option(packet.ip_options, *wanted),
            PacketTest::SameAddress => around.same_address,
            PacketTest::TcpSegmentSize(test) => tcp(&|tcp| tcp.mss.is_some_and(|mss| test.holds(mss.into()))),
            PacketTest::TcpWindowScale(test) => {
                tcp(&|tcp| tcp.window_scale.is_some_and(|scale| test.holds(scale.into())))
            }
            PacketTest::Vlan(test) => test.holds(packet.vlans),
            PacketTest::VlanLayers(test) => test.holds(packet.vlans.len() as u64),
            PacketTest::Checksum(test) => test.holds(checksum_test::Packet {
                ipv4: around.ipv4,
                protocol: packet.ip_protocol,
                checksums: packet.checksums,
            }),
            PacketTest::DecodeEvent(test) => test.holds(packet.decode_events),
            PacketTest::StreamEvent(test) => test.holds(packet.stream_events),
        }
    }
}

/// Whether messages of this type have an identifier and a sequence number; in others these bytes mean
/// something else.
fn has_identifier(packet: &PacketFacts<'_>, icmp: IcmpFacts) -> bool {
    match packet.ip_protocol {
        // Echo and echo reply.
        58 => matches!(icmp.kind, 128 | 129),
        // Echo reply, echo, timestamp, information, address mask.
        _ => matches!(icmp.kind, 0 | 8 | 13..=18),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::context::{Checksums, Fragment};

    const AROUND: Surroundings = Surroundings {
        payload_bytes: 10,
        same_address: false,
        ipv4: true,
    };

    #[test]
    fn packet_conditions() {
        let packet = PacketFacts {
            ttl: 64,
            ip_id: 7,
            ip_protocol: 6,
            ip_options: &[1, 7, 3, 4, 0],
            fragment: Fragment {
                more_fragments: true,
                ..Fragment::default()
            },
            tcp: Some(TcpFacts {
                flags: 0x12,
                seq: 5,
                ack: 6,
                window: 1024,
                mss: Some(536),
                window_scale: None,
            }),
            icmp: Some(IcmpFacts {
                kind: 8,
                code: 0,
                id: Some(3),
                seq: None,
            }),
            vlans: &[7],
            checksums: Checksums {
                network: None,
                transport: Some(false),
            },
            decode_events: &["ipv4.opt_invalid"],
            ..PacketFacts::default()
        };
        let table = [
            ("dsize", "10", true),
            ("dsize", ">10", false),
            ("dsize", "9<>11", true),
            ("itype", "8", true),
            ("icode", ">0", false),
            ("icmp_id", "3", true),
            ("icmp_seq", "0", false),
            ("flags", "SA", true),
            ("flags", "S", false),
            ("flags", "S+", true),
            ("flags", "+S", true),
            ("flags", "*FS", true),
            ("flags", "!SA", false),
            ("flags", "S,A", true),
            ("flags", "S,12", false),
            ("seq", "5", true),
            ("ack", "5", false),
            ("window", "!1024", false),
            ("fragbits", "M", true),
            ("fragbits", "D+", false),
            ("fragoffset", "0", true),
            ("ttl", "<65", true),
            ("ttl", "64-70", true),
            ("id", "7", true),
            ("ip_proto", "tcp", true),
            ("ip_proto", "!tcp", false),
            ("ip_proto", "6", true),
            ("ipopts", "rr", true),
            ("ipopts", "lsrr", false),
            ("sameip", "", false),
            ("tcp.mss", "<1000", true),
            ("tcp.mss", "500-600", true),
            ("tcp.wscale", "<15", false),
            ("vlan.id", "7", true),
            ("vlan.layers", "1", true),
            ("vlan.layers", ">1", false),
            ("tcpv4-csum", "invalid", true),
            ("ipv4-csum", "invalid", false),
            ("decode-event", "ipv4.opt_invalid", true),
            ("decode-event", "ipv4.opt_eol_required", false),
            ("stream-event", "pkt_invalid_ack", false),
        ];
        for (keyword, text, expected) in table {
            let test = PacketTest::parse(keyword, text).unwrap().unwrap();
            assert_eq!(test.holds(&packet, AROUND), expected, "{keyword}:{text}");
        }
        let id = PacketTest::parse("icmp_id", "3").unwrap().unwrap();
        let of = |ip_protocol, kind| PacketFacts {
            ip_protocol,
            icmp: Some(IcmpFacts {
                kind,
                code: 0,
                id: Some(3),
                seq: Some(4),
            }),
            ..PacketFacts::default()
        };
        for (protocol, kind, expected) in [
            (1, 0, true),
            (1, 18, true),
            (1, 3, false),
            (58, 128, true),
            (58, 8, false),
        ] {
            assert_eq!(
                id.holds(&of(protocol, kind), AROUND),
                expected,
                "{protocol} {kind}"
            );
        }
        assert!(PacketTest::parse("flags", "X").unwrap().is_err());
        assert!(PacketTest::parse("icmp_id", "70000").unwrap().is_err());
        assert!(PacketTest::parse("content", "x").is_none());
    }
}
