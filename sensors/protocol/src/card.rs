//! The card of a protocol: all that the rest of the sensor knows of it.

use crate::{Protocol, Side};

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
    /// What carries it.
    pub transports: &'static [Transport],
    /// The stages that a transaction goes through on the client's and on the server's side, in order. Rules are judged when the last of
    /// the stages is there whose buffers they read.
    pub stages: [&'static [&'static str]; 2],
    /// What rules can read.
    pub buffers: &'static [BufferCard],
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
    /// Whose messages fill it.
    pub sides: Sides,
    /// The place in [`Card::stages`] of the stage that fills it.
    pub stage: u8,
    /// How often it occurs.
    pub occurs: Occurs,
}

/// Declares a protocol's buffers: an enum of them, whose order is that of the cards.
///
/// ```
/// # use vonggac_protocol::buffers;
/// buffers! {
///     /// The name asked for.
///     Name: "x.name", Client, 0, Many;
/// }
/// assert_eq!(Buffer::CARDS[0].keyword, "x.name");
/// # let _ = Buffer::at(0);
/// ```
#[macro_export]
macro_rules! buffers {
    ($($(#[$doc:meta])* $variant:ident: $keyword:literal, $sides:ident, $stage:literal, $occurs:ident;)*) => {
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
            },)*];

            /// The buffer whose card is at that place.
            pub(crate) fn at(place: usize) -> Option<Self> {
                const ALL: &[Buffer] = &[$(Buffer::$variant,)*];
                ALL.get(place).copied()
            }
        }
    };
}
