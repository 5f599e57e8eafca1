//! How many live streams are open: in all, of each account, and of each session or token.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use vonggac_database::{AccountId, SessionId, TokenId};

/// Most live streams at once.
pub(crate) const STREAMS_MAX: usize = 256;
/// Most of them of one account: a browser has one for each of its tabs.
pub(crate) const STREAMS_PER_ACCOUNT_MAX: usize = 16;
/// Most of them of one session: what browsers open by HTTP/1 of one host, and two.
pub(crate) const STREAMS_PER_SESSION_MAX: usize = 8;

/// By what somebody asks for a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A person's session.
    Session(SessionId),
    /// A service's token.
    Token(TokenId),
}

/// Why a stream was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The session or token has as many as it may.
    Holder,
    /// The account has as many as it may.
    Account,
    /// The console has.
    Console,
}

/// The open streams; clones are one.
#[derive(Clone, Default)]
pub(crate) struct Streams(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Of each account by what its streams are held, one for each stream.
    open: Mutex<HashMap<AccountId, Vec<Holder>>>,
    refused_session: AtomicU64,
    refused_account: AtomicU64,
    refused_console: AtomicU64,
}

/// The right to one stream, given back when dropped.
pub(crate) struct OpenStream {
    streams: Streams,
    account: AccountId,
    holder: Holder,
}

/// What is open, and what was refused since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) open: u64,
    pub(crate) refused_session: u64,
    pub(crate) refused_account: u64,
    pub(crate) refused_console: u64,
}

impl Streams {
    /// Opens a stream for an account's session or token.
    ///
    /// # Errors
    /// When that, the account or the console has as many as it may.
    pub(crate) fn open(&self, account: AccountId, holder: Holder) -> Result<OpenStream, Full> {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().map(Vec::len).sum();
        let own = open.get(&account).map_or(&[][..], Vec::as_slice);
        if own.iter().filter(|one| **one == holder).count() >= STREAMS_PER_SESSION_MAX {
            self.0.refused_session.fetch_add(1, Ordering::Relaxed);
            return Err(Full::Holder);
        }
        if own.len() >= STREAMS_PER_ACCOUNT_MAX {
            self.0.refused_account.fetch_add(1, Ordering::Relaxed);
            return Err(Full::Account);
        }
        if all >= STREAMS_MAX {
            self.0.refused_console.fetch_add(1, Ordering::Relaxed);
            return Err(Full::Console);
        }
        open.entry(account).or_default().push(holder);
        Ok(OpenStream {
            streams: self.clone(),
            account,
            holder,
        })
    }

    /// How many there are and were.
    pub(crate) fn counts(&self) -> Counts {
        let open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().map(Vec::len).sum();
        Counts {
            open: u64::try_from(all).unwrap_or(u64::MAX),
            refused_session: self.0.refused_session.load(Ordering::Relaxed),
            refused_account: self.0.refused_account.load(Ordering::Relaxed),
            refused_console: self.0.refused_console.load(Ordering::Relaxed),
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.streams.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = open.get_mut(&self.account) else {
            return;
        };
        if let Some(index) = own.iter().position(|one| *one == self.holder) {
            own.swap_remove(index);
        }
        if own.is_empty() {
            open.remove(&self.account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_session_and_one_account_leave_streams_for_others() {
        let streams = Streams::default();
        let open = |account, session| streams.open(AccountId(account), Holder::Session(SessionId(session)));
        let mut held = Vec::new();
        for session in [1, 2] {
            held.extend((0..STREAMS_PER_SESSION_MAX).filter_map(|_| open(0, session).ok()));
            assert_eq!(open(0, session).err(), Some(Full::Holder));
        }
        assert_eq!(open(0, 3).err(), Some(Full::Account));
        let others = (STREAMS_MAX - STREAMS_PER_ACCOUNT_MAX) as i64;
        held.extend((1..=others).filter_map(|account| open(account, 100 + account).ok()));
        assert_eq!(open(-1, 4).err(), Some(Full::Console));
        let counts = streams.counts();
        assert_eq!(
            (
                counts.open,
                counts.refused_session,
                counts.refused_account,
                counts.refused_console
            ),
            (256, 2, 1, 1)
        );
        held.clear();
        assert_eq!(streams.counts().open, 0);
        assert!(open(0, 1).is_ok());
    }
}
