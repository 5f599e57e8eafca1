//! Which of two segments that overlap a host takes: systems differ, and who attacks one may know which it is.
//!
//! Told for segments that wait behind a hole; whatever arrives in order is taken at once by every system. The table is that of Novak and
//! Sturges ("Target-based TCP stream reassembly", 2007) as Suricata and Snort have it:
//!
//! | policy | the later segment wins where it … |
//! |---|---|
//! | `first`, `vista` | never |
//! | `last` | always |
//! | `bsd`, `windows`, `windows2k3`, `macos`, `irix`, `hpux10` | begins before the earlier one |
//! | `linux` | begins before, or begins with it and ends after it |
//! | `old-linux` | begins before, or begins with it and does not end before it |
//! | `solaris`, `hpux11` | ends after, or ends with it and does not begin after it |

use std::net::IpAddr;

/// How a system treats segments that overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// What came first stays.
    First,
    /// What came last replaces.
    Last,
    /// BSD, and with it Windows, macOS, IRIX and HP-UX 10.
    #[default]
    Bsd,
    /// Linux since 2.4.
    Linux,
    /// Linux before 2.4.
    OldLinux,
    /// Solaris and HP-UX 11.
    Solaris,
}

/// From and to where a segment lies in its stream; the end does not belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Policy {
    /// The names that settings may use, with what they stand for.
    pub const NAMES: [(&'static str, Self); 13] = [
        ("first", Self::First),
        ("vista", Self::First),
        ("last", Self::Last),
        ("bsd", Self::Bsd),
        ("windows", Self::Bsd),
        ("windows2k3", Self::Bsd),
        ("macos", Self::Bsd),
        ("irix", Self::Bsd),
        ("hpux10", Self::Bsd),
        ("linux", Self::Linux),
        ("old-linux", Self::OldLinux),
        ("solaris", Self::Solaris),
        ("hpux11", Self::Solaris),
    ];

    /// The policy of that name.
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, policy)| *policy)
    }

    /// Whether the later of two segments that overlap has its bytes taken.
    pub(crate) fn later_wins(self, earlier: Span, later: Span) -> bool {
        let begins_before = later.start < earlier.start;
        let begins_same = later.start == earlier.start;
        match self {
            Self::First => false,
            Self::Last => true,
            Self::Bsd => begins_before,
            Self::Linux => begins_before || (begins_same && later.end > earlier.end),
            Self::OldLinux => begins_before || (begins_same && later.end >= earlier.end),
            Self::Solaris => {
                later.end > earlier.end || (later.end == earlier.end && later.start <= earlier.start)
            }
        }
    }
}

/// Policies by the network of the host that receives; the longest prefix counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostPolicies {
    /// Longest prefix first.
    networks: Vec<(IpAddr, u8, Policy)>,
    default: Policy,
}

impl HostPolicies {
    /// One policy for all, until others are added.
    pub fn new(default: Policy) -> Self {
        Self {
            networks: Vec::new(),
            default,
        }
    }

    /// Adds the hosts whose first `prefix_bits` are those of `network`.
    pub fn add(&mut self, network: IpAddr, prefix_bits: u8, policy: Policy) {
        let at = self.networks.partition_point(|(_, bits, _)| *bits >= prefix_bits);
        self.networks.insert(at, (network, prefix_bits, policy));
    }

    /// The policy of a host.
    pub fn of(&self, host: IpAddr) -> Policy {
        let found = self
            .networks
            .iter()
            .find(|(network, bits, _)| is_within(host, *network, *bits));
        found.map_or(self.default, |(_, _, policy)| *policy)
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
