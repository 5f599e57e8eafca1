//! Which of two fragments that overlap a host takes: systems differ, and who attacks one may know which it is.
//!
//! The table is that of Novak ("Target-based fragmentation reassembly", 2005) as Suricata and Snort have it; IPv6 is read alike. It is not
//! the one for TCP: a system may treat the two in different ways.
//!
//! | policy | the later fragment wins where it … |
//! |---|---|
//! | `first`, `macos`, `hpux11`, `old-solaris` | never |
//! | `last` | always |
//! | `bsd`, `irix`, `hpux10` | begins before the earlier one |
//! | `bsd-right` | begins with the earlier one or behind its start |
//! | `linux`, `old-linux` | begins before the earlier one or with it |
//! | `windows`, `vista`, `windows2k3` | begins before it and ends after it |
//! | `solaris` | begins before it and does not end before it |

/// How a system treats fragments that overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FragmentPolicy {
    /// What came first stays.
    First,
    /// What came last replaces.
    Last,
    /// BSD, IRIX, HP-UX 10.
    #[default]
    Bsd,
    /// Printers of HP: as BSD, but trimmed on the other side.
    BsdRight,
    /// Linux.
    Linux,
    /// Windows.
    Windows,
    /// Solaris.
    Solaris,
}

/// From and to where a fragment lies in its datagram; the end does not belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl FragmentPolicy {
    /// The names that settings may use, with what they stand for: those of TCP's policies, and two more.
    pub const NAMES: [(&'static str, Self); 15] = [
        ("first", Self::First),
        ("macos", Self::First),
        ("hpux11", Self::First),
        ("old-solaris", Self::First),
        ("last", Self::Last),
        ("bsd", Self::Bsd),
        ("irix", Self::Bsd),
        ("hpux10", Self::Bsd),
        ("bsd-right", Self::BsdRight),
        ("linux", Self::Linux),
        ("old-linux", Self::Linux),
        ("windows", Self::Windows),
        ("vista", Self::Windows),
        ("windows2k3", Self::Windows),
        ("solaris", Self::Solaris),
    ];

    /// The policy of that name.
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, policy)| *policy)
    }

    /// Whether the later of two fragments that overlap has its bytes taken.
    pub(crate) fn later_wins(self, earlier: Span, later: Span) -> bool {
        let begins_before = later.start < earlier.start;
        match self {
            Self::First => false,
            Self::Last => true,
            Self::Bsd => begins_before,
            Self::BsdRight => !begins_before,
            Self::Linux => later.start <= earlier.start,
            Self::Windows => begins_before && later.end > earlier.end,
            Self::Solaris => begins_before && later.end >= earlier.end,
        }
    }
}
