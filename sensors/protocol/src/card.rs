//! The card of a protocol: all that the rest of the sensor knows of it.

use crate::{Protocol, Side, Source};
use std::fmt;

/// What carries a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A stream: bytes come in order, cut anywhere.
    Tcp,
    /// Datagrams, given whole.
    Udp,
}

/// The declaration of a protocol.
#[derive(Debug)]
pub struct Card {
    /// Its name in events and rules, in lower case.
    pub name: &'static str,
    /// Further names that it has in rules; several protocols may share one, as all versions of HTTP share `http`.
    pub aliases: &'static [&'static str],
    /// What carries it.
    pub transports: &'static [Transport],
    /// The stages that a transaction goes through on the client's and on the server's side, in order. Rules are judged when the last of
    /// the stages is there whose buffers they read.
    pub stages: [&'static [&'static str]; 2],
    /// What rules can read.
    pub buffers: &'static [BufferCard],
    /// What rules can compare.
    pub numbers: &'static [NumberCard],
    /// Keywords of its own that rules can use.
    pub keywords: &'static [KeywordCard],
    /// The kinds of its anomalies, in snake case.
    pub anomalies: &'static [&'static str],
    /// What it counts, in snake case, each name unlike those of all others.
    pub counters: &'static [&'static str],
    /// Tells by the first bytes whether a flow speaks it, and which side says such bytes. Asked again as more comes.
    pub probe: fn(&Start<'_>) -> Option<Side>,
    /// Begins to follow a flow.
    pub begin: fn(Transport) -> Box<dyn Protocol>,
}

/// The beginning of what one end of a flow says: the first bytes of a stream as far as they came, or one datagram.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// What carries it.
    pub transport: Transport,
    /// What is said.
    pub bytes: &'a [u8],
    /// The port of the end that says it, then that of the other end.
    pub ports: [u16; 2],
}

impl Start<'_> {
    /// Whether one end has one of these ports.
    pub fn is_on(&self, ports: &[u16]) -> bool {
        self.ports.iter().any(|port| ports.contains(port))
    }
}

/// The sides whose messages fill a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// The client's.
    Client,
    /// The server's.
    Server,
    /// Each side's own.
    Both,
}

impl Sides {
    /// Whether `side` is among them.
    pub fn contain(self, side: Side) -> bool {
        match self {
            Self::Client => side == Side::Client,
            Self::Server => side == Side::Server,
            Self::Both => true,
        }
    }
}

/// How often a buffer occurs on one side of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurs {
    /// At most once.
    Once,
    /// Any number of times.
    Many,
}

/// A buffer that rules can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferCard {
    /// The sticky keyword that selects it.
    pub keyword: &'static str,
    /// Other spellings of that keyword.
    pub aliases: &'static [&'static str],
    /// The keyword that, in an older style, moves the content before it into this buffer.
    pub modifier: Option<&'static str>,
    /// The flag that does the same for a regular expression.
    pub flag: Option<char>,
    /// Whose messages fill it.
    pub sides: Sides,
    /// The place in [`Card::stages`] of the stage that fills it.
    pub stage: u8,
    /// How often it occurs.
    pub occurs: Occurs,
    /// It holds one of few values, which tell little.
    pub is_commonplace: bool,
    /// Keywords of buffers that mostly hold the very same bytes, so that they are worth searching for both at once.
    pub mostly: &'static [&'static str],
}

impl BufferCard {
    /// What [`crate::buffers!`] starts from.
    pub const BLANK: Self = Self {
        keyword: "",
        aliases: &[],
        modifier: None,
        flag: None,
        sides: Sides::Both,
        stage: 0,
        occurs: Occurs::Once,
        is_commonplace: false,
        mostly: &[],
    };
}

/// A number that rules can compare, such as a type or a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberCard {
    /// The keyword, behind which the comparison stands.
    pub keyword: &'static str,
    /// Whose messages say it.
    pub sides: Sides,
    /// The place in [`Card::stages`] of the stage that says it.
    pub stage: u8,
    /// Names of values; in rules their case does not matter.
    pub names: &'static [(&'static str, u64)],
}

/// A keyword of a protocol's own.
#[derive(Debug, Clone, Copy)]
pub struct KeywordCard {
    /// The keyword.
    pub keyword: &'static str,
    /// Whose messages decide it.
    pub sides: Sides,
    /// The place in [`Card::stages`] of the stage that decides it.
    pub stage: u8,
    /// Makes a condition of what stands behind the keyword, or says what is wrong with it.
    pub compile: fn(&str) -> Result<Box<dyn Condition>, String>,
}

/// What a rule asks of a transaction by a keyword of a protocol's own.
pub trait Condition: fmt::Debug + Send + Sync {
    /// Whether that side of the transaction is so. The source is one of the protocol's own.
    fn holds(&self, side: Side, source: &dyn Source) -> bool;
}

/// Declares a protocol's buffers: an enum of them, whose order is that of the cards. Behind the four things that each has, further fields of
/// [`BufferCard`] may be given.
///
/// ```
/// # use vonggac_protocol::buffers;
/// buffers! {
///     /// The name asked for.
///     Name: "x.name", Client, 0, Many, aliases = &["x_name"];
/// }
/// assert_eq!(Buffer::CARDS[0].keyword, "x.name");
/// # let _ = Buffer::at(0);
/// ```
#[macro_export]
macro_rules! buffers {
    ($($(#[$doc:meta])* $variant:ident: $keyword:literal, $sides:ident, $stage:literal, $occurs:ident $(, $field:ident = $value:expr)*;)*) => {
        /// What rules can read of this protocol.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Buffer { $($(#[$doc])* $variant,)* }

        impl Buffer {
            /// The cards, in order.
            pub(crate) const CARDS: &'static [$crate::BufferCard] = &[$($crate::BufferCard {
                keyword: $keyword,
                sides: $crate::Sides::$sides,
                stage: $stage,
                occurs: $crate::Occurs::$occurs,
                $($field: $value,)*
                ..$crate::BufferCard::BLANK
            },)*];

            /// The buffer whose card is at that place.
            pub(crate) fn at(place: usize) -> Option<Self> {
                const ALL: &[Buffer] = &[$(Buffer::$variant,)*];
                ALL.get(place).copied()
            }
        }
    };
}

/// Declares a protocol's numbers: an enum of them, whose order is that of the cards. The last thing of each is the names of its values.
///
/// ```
/// # use vonggac_protocol::numbers;
/// numbers! {
///     /// What is asked for.
///     Kind: "x.kind", Client, 0, &[("read", 1), ("write", 2)];
/// }
/// assert_eq!(Number::CARDS[0].keyword, "x.kind");
/// # let _ = Number::at(0);
/// ```
#[macro_export]
macro_rules! numbers {
    ($($(#[$doc:meta])* $variant:ident: $keyword:literal, $sides:ident, $stage:literal, $names:expr;)*) => {
        /// What rules can compare of this protocol.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Number { $($(#[$doc])* $variant,)* }

        impl Number {
            /// The cards, in order.
            pub(crate) const CARDS: &'static [$crate::NumberCard] = &[$($crate::NumberCard {
                keyword: $keyword,
                sides: $crate::Sides::$sides,
                stage: $stage,
                names: $names,
            },)*];

            /// The number whose card is at that place.
            pub(crate) fn at(place: usize) -> Option<Self> {
                const ALL: &[Number] = &[$(Number::$variant,)*];
                ALL.get(place).copied()
            }
        }
    };
}
