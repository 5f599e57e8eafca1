//! How many live streams are open, in all and of each account.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use vonggac_database::AccountId;

/// Most live streams at once.
pub(crate) const STREAMS_MAX: usize = 256;
/// Most of them of one account: a browser has one for each of its tabs.
pub(crate) const STREAMS_PER_ACCOUNT_MAX: usize = 16;

/// Why a stream was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
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
    open: Mutex<HashMap<AccountId, usize>>,
    refused_account: AtomicU64,
    refused_console: AtomicU64,
}

/// The right to one stream, given back when dropped.
pub(crate) struct OpenStream {
    streams: Streams,
    account: AccountId,
}

impl Streams {
    /// Opens a stream for an account.
    ///
    /// # Errors
    /// When the account or the console has as many as it may.
    pub(crate) fn open(&self, account: AccountId) -> Result<OpenStream, Full> {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let own = open.get(&account).copied().unwrap_or_default();
        if own >= STREAMS_PER_ACCOUNT_MAX {
            self.0.refused_account.fetch_add(1, Ordering::Relaxed);
            return Err(Full::Account);
        }
        if all >= STREAMS_MAX {
            self.0.refused_console.fetch_add(1, Ordering::Relaxed);
            return Err(Full::Console);
        }
        open.insert(account, own + 1);
        Ok(OpenStream {
            streams: self.clone(),
            account,
        })
    }

    /// Open now; refused since the start for the account's sake, and for the console's.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        (
            u64::try_from(all).unwrap_or(u64::MAX),
            self.0.refused_account.load(Ordering::Relaxed),
            self.0.refused_console.load(Ordering::Relaxed),
        )
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.streams.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&self.account) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                open.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_leaves_streams_for_others() {
        let streams = Streams::default();
        let full = |account| streams.open(AccountId(account)).err();
        let mut held: Vec<_> = (0..STREAMS_PER_ACCOUNT_MAX)
            .filter_map(|_| streams.open(AccountId(0)).ok())
            .collect();
        assert_eq!(full(0), Some(Full::Account));
        let others = STREAMS_MAX - STREAMS_PER_ACCOUNT_MAX;
        held.extend(
            (1..)
                .take(others)
                .filter_map(|account| streams.open(AccountId(account)).ok()),
        );
        assert_eq!(full(-1), Some(Full::Console));
        assert_eq!(streams.counts(), (256, 1, 1));
        held.clear();
        assert_eq!((full(0), streams.counts().0), (None, 0));
    }
}
