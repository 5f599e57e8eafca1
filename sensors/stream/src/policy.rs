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

use vonggac_decode::ByHost;

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
pub type HostPolicies = ByHost<Policy>;
