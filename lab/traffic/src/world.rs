//! The agency's network and what lies outside it.
//!
//! The tap stands where the agency's segments meet its border router, so it sees users, servers and the outside:
//!
//! ```text
//!  users 10.20.2.0/24 ──┐
//!  2001:db8:20:2::/64   ├── tap ── router ── outside: 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8:ff::/48
//!  servers 10.20.1.0/24 ┘
//! ```
//! Every name ends in `.example` and every outside address is reserved for documentation (RFC 5737, RFC 3849), so that
//! nothing here points at anybody.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::packet::Station;
use crate::random::Random;

/// The agency's own domain.
pub(crate) const DOMAIN: &str = "tinh-a.example";

/// First and last ephemeral port.
const PORTS: (u16, u16) = (32_768, 60_999);

/// Link address of the border router, which all outside traffic bears.
const ROUTER_MAC: [u8; 6] = [0x02, 0x20, 0, 0, 0, 0x01];

/// A server of the agency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// `motcua.tinh-a.example`, the one-stop public services portal.
    Portal = 10,
    /// `vanban.tinh-a.example`, documents.
    Documents = 11,
    /// `noibo.tinh-a.example`, the intranet.
    Intranet = 12,
    /// The monitoring poller.
    Monitor = 20,
    /// Mail.
    Mail = 25,
    /// The resolver.
    Resolver = 53,
    /// Time.
    Clock = 123,
}

impl Server {
    /// All of them; a scan finds these and nobody else.
    pub(crate) const ALL: [Self; 7] = [
        Self::Portal,
        Self::Documents,
        Self::Intranet,
        Self::Monitor,
        Self::Mail,
        Self::Resolver,
        Self::Clock,
    ];

    pub(crate) fn station(self) -> Station {
        let host = self as u8;
        Station {
            mac: [0x02, 0x20, 0, 0, 1, host],
            address: IpAddr::V4(Ipv4Addr::new(10, 20, 1, host)),
            ttl: 64,
        }
    }

    pub(crate) fn name(self) -> String {
        let host = match self {
            Self::Portal => "motcua",
            Self::Documents => "vanban",
            Self::Intranet => "noibo",
            Self::Monitor => "giamsat",
            Self::Mail => "thu",
            Self::Resolver => "phangiai",
            Self::Clock => "gio",
        };
        format!("{host}.{DOMAIN}")
    }
}

/// The workstation of user `number`, over IPv4.
pub(crate) fn workstation(number: u8) -> Station {
    let address = IpAddr::V4(Ipv4Addr::new(10, 20, 2, number));
    // Two thirds of the desks run a system that starts at 128.
    let ttl = if number.is_multiple_of(3) { 64 } else { 128 };
    Station {
        mac: [0x02, 0x20, 0, 0, 2, number],
        address,
        ttl,
    }
}

/// The workstation of user `number`, over IPv6.
pub(crate) fn workstation_v6(number: u8) -> Station {
    let address = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x20, 2, 0, 0, 0, u16::from(number)));
    Station {
        address,
        ..workstation(number)
    }
}

/// A host outside, behind the router.
pub(crate) fn outside(address: IpAddr) -> Station {
    Station {
        mac: ROUTER_MAC,
        address,
        ttl: 52,
    }
}

/// A host outside by the three numbers that tell documentation addresses apart.
pub(crate) fn outside_v4(network: [u8; 3], host: u8) -> Station {
    let [a, b, c] = network;
    outside(IpAddr::V4(Ipv4Addr::new(a, b, c, host)))
}

/// Where a public web site lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    pub(crate) name: &'static str,
    /// Name its lookups are answered with first, if it hides behind a distributor.
    pub(crate) alias: Option<&'static str>,
    pub(crate) network: [u8; 3],
    pub(crate) host: u8,
    /// Last group of its IPv6 address, if it has one.
    pub(crate) host_v6: Option<u16>,
}

impl Site {
    pub(crate) fn station(&self) -> Station {
        outside_v4(self.network, self.host)
    }

    pub(crate) fn station_v6(&self) -> Option<Station> {
        let host = self.host_v6?;
        Some(outside(IpAddr::V6(Ipv6Addr::new(
            0x2001, 0xdb8, 0xff, 1, 0, 0, 0, host,
        ))))
    }
}

const NET_1: [u8; 3] = [192, 0, 2];
const NET_2: [u8; 3] = [198, 51, 100];
/// The network the intruder works from, and a few sites do too.
pub(crate) const NET_3: [u8; 3] = [203, 0, 113];

const fn site(
    name: &'static str,
    alias: Option<&'static str>,
    network: [u8; 3],
    host: u8,
    v6: Option<u16>,
) -> Site {
    Site {
        name,
        alias,
        network,
        host,
        host_v6: v6,
    }
}

/// Sites that speak clear-text HTTP.
pub(crate) const PLAIN_SITES: [Site; 5] = [
    site("www.bao-tinh.example", None, NET_1, 31, None),
    site(
        "anh.bao-tinh.example",
        Some("d3k7q1x9.phan-phoi.example"),
        NET_1,
        32,
        None,
    ),
    site("thoi-tiet.example", None, NET_2, 40, Some(0x40)),
    site(
        "kho-goi.phan-mem.example",
        Some("mirror-2.phan-mem.example"),
        NET_2,
        41,
        None,
    ),
    site("thu-vien-so.example", None, NET_3, 20, Some(0x20)),
];

/// Sites that speak TLS.
pub(crate) const TLS_SITES: [Site; 9] = [
    site("dichvucong.quoc-gia.example", None, NET_1, 50, Some(0x50)),
    site("dang-nhap.quoc-gia.example", None, NET_1, 51, None),
    site("tim-kiem.example", None, NET_2, 60, Some(0x60)),
    site(
        "anh.tim-kiem.example",
        Some("edge-9f3a61c07b2d4e85.phan-phoi.example"),
        NET_2,
        61,
        Some(0x61),
    ),
    site("thu-dien-tu.example", None, NET_2, 62, None),
    site("hop-truc-tuyen.example", None, NET_2, 63, Some(0x63)),
    site("ngan-hang-b.example", None, NET_1, 70, None),
    site(
        "cap-nhat.he-dieu-hanh.example",
        Some("cu-7e1d09.phan-phoi.example"),
        NET_3,
        30,
        None,
    ),
    site(
        "mang-xa-hoi.example",
        Some("star-mini.mang-xa-hoi.example"),
        NET_3,
        31,
        Some(0x31),
    ),
];

/// Gives each host its next ephemeral port, so that no two flows of one capture share all five of their coordinates.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    last: BTreeMap<IpAddr, u16>,
}

impl Ports {
    pub(crate) fn next(&mut self, station: &Station, random: &mut Random) -> u16 {
        let span = PORTS.1 - PORTS.0 + 1;
        let step = match self.last.get(&station.address) {
            Some(last) => last - PORTS.0 + random.size(1, 3) as u16,
            None => random.below(u64::from(span)) as u16,
        };
        let port = PORTS.0 + step % span;
        self.last.insert(station.address, port);
        port
    }
}
