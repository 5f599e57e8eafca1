//! What an inspector remembers of a flow.

use crate::dns::DnsFlow;
use crate::http::HttpFlow;
use crate::tls::TlsFlow;
use vonggac_signature::FlowState;
use vonggac_stream::{Direction, Flow};

/// The state that the flow table keeps for each flow; `None` before its first packet and while it is worked on.
pub(crate) type State = Option<Box<Conversation>>;

/// A flow of the table.
pub(crate) type InspectedFlow = Flow<State>;

/// What an inspector remembers of a flow.
#[derive(Default)]
pub(crate) struct Conversation {
    pub(crate) facts: Facts,
    pub(crate) application: Application,
    pub(crate) windows: [Window; 2],
}

/// What every event of the flow needs.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) community_id: String,
    pub(crate) rules: FlowState,
    /// The originator is the server: the flow was met amid its way, and its protocol shows who asks.
    pub(crate) is_turned: bool,
    pub(crate) app: Option<vonggac_signature::App>,
    /// The protocol last told, for flow events; empty for none.
    pub(crate) app_name: &'static str,
    pub(crate) signatures: u32,
    pub(crate) anomalies: u32,
}

impl Facts {
    /// Whether what this side says goes to the server.
    pub(crate) fn is_to_server(&self, direction: Direction) -> bool {
        (direction == Direction::Originator) != self.is_turned
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
    Dns(Box<DnsFlow>),
    Http(Box<HttpFlow>),
    Tls(Box<TlsFlow>),
}

impl Application {
    /// Name in events.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Unknown | Self::Other => "",
            Self::Dns(_) => "dns",
            Self::Http(_) => "http",
            Self::Tls(_) => "tls",
        }
    }
}

/// Bytes of a direction that signatures on streams look at: those seen, then those new.
#[derive(Debug, Default)]
pub(crate) struct Window {
    pub(crate) bytes: Vec<u8>,
    /// How many at the end of `bytes` are new.
    pub(crate) new: usize,
    /// Bytes of the direction so far.
    pub(crate) seen: u64,
    pub(crate) closed: bool,
}

/// The one of a pair that belongs to `direction`.
pub(crate) fn of<V>(pair: &mut [V; 2], direction: Direction) -> &mut V {
    let [originator, responder] = pair;
    match direction {
        Direction::Originator => originator,
        Direction::Responder => responder,
    }
}
