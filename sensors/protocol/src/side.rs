//! The sides of a conversation.

/// Who speaks: the side that asks or the side that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The side that asks.
    Client,
    /// The side that answers.
    Server,
}

impl Side {
    /// Both, the client first.
    pub const BOTH: [Self; 2] = [Self::Client, Self::Server];

    /// Of a pair of client's and server's thing, this side's.
    pub fn of<V>(self, [client, server]: &[V; 2]) -> &V {
        match self {
            Self::Client => client,
            Self::Server => server,
        }
    }

    /// The mutable form of [`Side::of`].
    pub fn of_mut<V>(self, [client, server]: &mut [V; 2]) -> &mut V {
        match self {
            Self::Client => client,
            Self::Server => server,
        }
    }
}
