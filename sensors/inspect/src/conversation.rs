//! What an inspector remembers of a flow.

use std::cell::OnceCell;
use vonggac_protocol::{Card, Protocol, Side};
use vonggac_signature::{App, FlowState};
use vonggac_stream::{Direction, Flow};

/// What the flow table keeps for each flow; `None` before its first packet and while it is worked on.
pub(crate) type State = Option<Box<Conversation>>;

/// A flow of the table.
pub(crate) type InspectedFlow = Flow<State>;

/// What an inspector remembers of a flow.
#[derive(Default)]
pub(crate) struct Conversation {
    pub(crate) application: Application,
    pub(crate) windows: [Window; 2],
    /// What its protocol keeps of bodies, in bytes.
    pub(crate) body_bytes: usize,
    /// Worked out for the first event.
    pub(crate) community_id: OnceCell<String>,
    pub(crate) rules: FlowState,
    /// The originator is the server: the flow was met amid its way, and its protocol shows who asks.
    pub(crate) is_turned: bool,
    /// The protocol now spoken, for rules.
    pub(crate) app: Option<App>,
    /// The protocol last told, for events; empty for none.
    pub(crate) app_name: &'static str,
    /// How often a protocol gave way to another.
    pub(crate) upgrades: u8,
    /// The protocol before that, which gave way to it.
    pub(crate) app_before: &'static str,
    /// Transactions so far.
    pub(crate) transactions: u64,
    pub(crate) signatures: u32,
    pub(crate) anomalies: u32,
}

impl Conversation {
    /// Whether what this side says goes to the server.
    pub(crate) fn is_to_server(&self, direction: Direction) -> bool {
        (direction == Direction::Originator) != self.is_turned
    }

    /// Originator's and responder's thing as the client's and the server's.
    pub(crate) fn client_first<V>(&self, [originator, responder]: [V; 2]) -> [V; 2] {
        match self.is_turned {
            true => [responder, originator],
            false => [originator, responder],
        }
    }

    /// Takes note of a transaction's number.
    pub(crate) fn note_transaction(&mut self, number: u64) {
        self.transactions = self.transactions.max(number.saturating_add(1));
    }

    /// Takes the protocol out, to let it talk about the rest of the conversation.
    pub(crate) fn take_known(&mut self) -> Option<Known> {
        match std::mem::take(&mut self.application) {
            Application::Known(known) => Some(known),
            other => {
                self.application = other;
                None
            }
        }
    }
}

/// The application protocol of a flow.
#[derive(Default)]
pub(crate) enum Application {
    /// Not told yet.
    #[default]
    Unknown,
    /// None that is read here.
    Other,
    /// This one.
    Known(Known),
}

/// A protocol that was told.
pub(crate) struct Known {
    pub(crate) card: &'static Card,
    pub(crate) protocol: Box<dyn Protocol>,
    /// The side of the flow that asks.
    pub(crate) client: Direction,
    /// Nothing further is said in the clear.
    pub(crate) is_over: bool,
}

impl Known {
    /// Which side of the conversation speaks.
    pub(crate) fn side(&self, direction: Direction) -> Side {
        match direction == self.client {
            true => Side::Client,
            false => Side::Server,
        }
    }
}

/// In which direction a side speaks, where the client speaks in that one.
pub(crate) fn direction_of(side: Side, client: Direction) -> Direction {
    match side {
        Side::Client => client,
        Side::Server => client.reverse(),
    }
}

/// Bytes of a direction that signatures on streams look at: those seen, then those new.
#[derive(Debug, Default)]
pub(crate) struct Window {
    pub(crate) bytes: Vec<u8>,
    /// What `bytes` is charged: its capacity.
    pub(crate) charged: usize,
    /// How many at the end of `bytes` are new.
    pub(crate) new: usize,
    /// Bytes of the direction so far.
    pub(crate) seen: u64,
    /// How often few new bytes were looked at.
    pub(crate) few_scans: u8,
    pub(crate) closed: bool,
    /// It is closed because no rule reads streams.
    pub(crate) is_unread: bool,
}

/// The one of a pair that belongs to `direction`.
pub(crate) fn of<V>(pair: &mut [V; 2], direction: Direction) -> &mut V {
    let [originator, responder] = pair;
    match direction {
        Direction::Originator => originator,
        Direction::Responder => responder,
    }
}
