//! A protocol that follows a flow, and the core that it talks to.

use crate::{Limits, Side, Source};
use vonggac_event::{Body, proto};

/// Follows one flow. Bytes of a stream come in order, and it says the same whichever way they are cut.
pub trait Protocol: Send {
    /// Takes what `side` says next: bytes of a stream, or one datagram.
    fn data(&mut self, host: &mut dyn Host, side: Side, bytes: &[u8]) -> Next;

    /// The next `bytes` that `side` said were not seen.
    fn gap(&mut self, host: &mut dyn Host, side: Side, bytes: u64) -> Next;

    /// `side` will say no more.
    fn end(&mut self, _host: &mut dyn Host, _side: Side) -> Next {
        Next::More
    }

    /// The time has come that [`Host::wake`] asked for.
    fn overdue(&mut self, _host: &mut dyn Host) {}

    /// Memory is short, and this flow holds more than others: gives back what it keeps of bodies, once rules have judged it. Asked again, it
    /// gives back the rest.
    fn shed(&mut self, _host: &mut dyn Host) {}

    /// The flow is over: what is under way is told now.
    fn finish(&mut self, host: &mut dyn Host);
}

/// What the core does with what the flow says from here on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Gives it to the protocol.
    More,
    /// Nothing: it is encrypted, for rules too.
    Encrypted,
    /// Gives it to another protocol, which is told anew. Here is what client and server have said of that already.
    Upgrade(Box<[Vec<u8>; 2]>),
}

/// The core, to a protocol that follows one flow.
pub trait Host {
    /// Time of the packet, in microseconds since 1970.
    fn now_us(&self) -> i64;

    /// The limits in force.
    fn limits(&self) -> &Limits;

    /// Number of the packet in its capture, from 1; 0 on a tap.
    fn packet(&self) -> u64;

    /// Takes an event of a transaction, which is told as from the client to the server. Transactions are numbered from 0 in their flow.
    fn event(&mut self, transaction: u64, ts_us: i64, body: Body);

    /// Takes a file that `side` sent in a transaction, with its first bytes.
    fn file(&mut self, transaction: u64, side: Side, file: proto::File, data: Vec<u8>);

    /// Takes something that is not as it should be; `kind` is one of the card's.
    fn anomaly(&mut self, side: Side, kind: &'static str, detail: &str);

    /// Likewise, of a transaction of which enough is known to tell.
    fn anomaly_of(&mut self, side: Side, kind: &'static str, detail: &str, _transaction: &dyn Source) {
        self.anomaly(side, kind, detail);
    }

    /// Counts `by` more; `counter` is one of the card's, or of [`crate::FileBody::COUNTERS`].
    fn count(&mut self, counter: &'static str, by: u64);

    /// Has rules judge a stage of `side`. A protocol asks once for each stage, in order, see [`crate::Judged`].
    fn judge(&mut self, side: Side, stage: u8, source: &dyn Source);

    /// Asks for [`Protocol::overdue`] at a time; `false` when too many flows wait.
    fn wake(&mut self, at_us: i64) -> bool;

    /// Takes memory for bodies out of the budget: as many of the bytes as it has.
    fn reserve(&mut self, bytes: usize) -> usize;

    /// Gives memory back.
    fn release(&mut self, bytes: usize);
}
