//! Turns: whose search runs now.
//!
//! ```text
//!  asker A ─▶ ▢▢▢▢▢▢ ─┐
//!  asker B ─▶ ▢       ├─ one of each in turn ─▶ at most running_max, of them at most running_per_asker_max of one asker
//!  asker C ─▶ ▢▢      ┘
//! ```
//! Invariant: while fewer than `running_max` run, nobody waits who has fewer than `running_per_asker_max` running, so that one asker's
//! line never holds up another's. A turn comes back when it is dropped, however its search ended; who stops waiting leaves the line.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Busy, SearchError};

/// Who asks: an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Asker(pub i64);

/// How searches share ClickHouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Most searches that run at once.
    pub running_max: usize,
    /// Most of them of one asker.
    pub running_per_asker_max: usize,
    /// Most searches of one asker that wait.
    pub waiting_per_asker_max: usize,
    /// How long one waits.
    pub wait_max: Duration,
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            running_max: 4,
            running_per_asker_max: 2,
            waiting_per_asker_max: 32,
            wait_max: Duration::from_secs(6),
        }
    }
}

/// What became of searches since the start, and where they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TurnCounts {
    /// Run now.
    pub running: u64,
    /// Wait now.
    pub waiting: u64,
    /// Got a turn.
    pub served: u64,
    /// Had to wait for it.
    pub waited: u64,
    /// Refused: the asker's line was full.
    pub refused_line: u64,
    /// Refused: no turn came in time.
    pub refused_wait: u64,
    /// Ended over their budget.
    pub too_expensive: u64,
}

/// The turns; clones share them.
#[derive(Clone)]
pub(super) struct Turns(Arc<Inner>);

struct Inner {
    shares: Shares,
    state: Mutex<State>,
    served: AtomicU64,
    waited: AtomicU64,
    refused_line: AtomicU64,
    refused_wait: AtomicU64,
    too_expensive: AtomicU64,
}

#[derive(Default)]
struct State {
    running: usize,
    tickets: u64,
    lines: HashMap<Asker, Line>,
    /// Askers of whom somebody waits, in the order in which they are served.
    order: VecDeque<Asker>,
}

#[derive(Default)]
struct Line {
    running: usize,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    ticket: u64,
    call: oneshot::Sender<()>,
}

/// The right to run one search.
pub(super) struct Turn {
    turns: Turns,
    asker: Asker,
    /// Whether the asker has others running or waiting.
    is_one_of_many: bool,
}

impl Turn {
    /// Whether the asker has others running or waiting: it takes the processor after everybody else, ingest included.
    pub(super) fn is_one_of_many(&self) -> bool {
        self.is_one_of_many
    }

    /// Takes note of how the search ended.
    pub(super) fn note<T>(&self, outcome: &Result<T, SearchError>) {
        if matches!(outcome, Err(SearchError::TooExpensive(_))) {
            self.turns.0.too_expensive.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A place in an asker's line. Dropped before it became a turn, it is left, or the turn it was just given is passed on.
struct Place {
    turns: Turns,
    asker: Asker,
    ticket: u64,
    called: oneshot::Receiver<()>,
    is_taken: bool,
}

enum Entry {
    Now(Turn),
    Line(Place),
}

impl Turns {
    pub(super) fn new(shares: Shares) -> Self {
        Self(Arc::new(Inner {
            shares,
            state: Mutex::default(),
            served: AtomicU64::new(0),
            waited: AtomicU64::new(0),
            refused_line: AtomicU64::new(0),
            refused_wait: AtomicU64::new(0),
            too_expensive: AtomicU64::new(0),
        }))
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`SearchError::Busy`] when the asker's line is full, or no turn comes in time.
    pub(super) async fn turn(&self, asker: Asker) -> Result<Turn, SearchError> {
        let mut place = match self.enter(asker)? {
            Entry::Now(turn) => return Ok(turn),
            Entry::Line(place) => place,
        };
        self.0.waited.fetch_add(1, Ordering::Relaxed);
        match tokio::time::timeout(self.0.shares.wait_max, &mut place.called).await {
            Ok(Ok(())) => Ok(place.taken()),
            Ok(Err(_)) | Err(_) => {
                self.0.refused_wait.fetch_add(1, Ordering::Relaxed);
                Err(SearchError::Busy(Busy::Wait))
            }
        }
    }

    pub(super) fn counts(&self) -> TurnCounts {
        let state = self.state();
        let waiting: usize = state.lines.values().map(|line| line.waiting.len()).sum();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        TurnCounts {
            running: count(state.running),
            waiting: count(waiting),
            served: self.0.served.load(Ordering::Relaxed),
            waited: self.0.waited.load(Ordering::Relaxed),
            refused_line: self.0.refused_line.load(Ordering::Relaxed),
            refused_wait: self.0.refused_wait.load(Ordering::Relaxed),
            too_expensive: self.0.too_expensive.load(Ordering::Relaxed),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, asker: Asker) -> Result<Entry, SearchError> {
        let shares = &self.0.shares;
        let mut state = self.state();
        let is_free = state.running < shares.running_max;
        let line = state.lines.entry(asker).or_default();
        if is_free && line.running < shares.running_per_asker_max && line.waiting.is_empty() {
            line.running += 1;
            state.running += 1;
            self.0.served.fetch_add(1, Ordering::Relaxed);
            return Ok(Entry::Now(self.given(&state, asker)));
        }
        if line.waiting.len() >= shares.waiting_per_asker_max {
            self.0.refused_line.fetch_add(1, Ordering::Relaxed);
            state.forget_if_idle(asker);
            return Err(SearchError::Busy(Busy::Line));
        }
        state.tickets += 1;
        let ticket = state.tickets;
        let (call, called) = oneshot::channel();
        let line = state.lines.entry(asker).or_default();
        let is_first = line.waiting.is_empty();
        line.waiting.push_back(Waiting { ticket, call });
        if is_first {
            state.order.push_back(asker);
        }
        Ok(Entry::Line(Place {
            turns: self.clone(),
            asker,
            ticket,
            called,
            is_taken: false,
        }))
    }

    fn given(&self, state: &State, asker: Asker) -> Turn {
        let line = state.lines.get(&asker);
        Turn {
            turns: self.clone(),
            asker,
            is_one_of_many: line.is_some_and(|line| line.running > 1 || !line.waiting.is_empty()),
        }
    }

    fn give_back(&self, asker: Asker) {
        let mut state = self.state();
        state.running = state.running.saturating_sub(1);
        if let Some(line) = state.lines.get_mut(&asker) {
            line.running = line.running.saturating_sub(1);
        }
        state.forget_if_idle(asker);
        let called = state.call(&self.0.shares);
        self.0.served.fetch_add(called, Ordering::Relaxed);
    }

    /// Leaves the line; a place that was called already has a turn, which goes to the next.
    fn leave(&self, asker: Asker, ticket: u64) {
        let mut state = self.state();
        let Some(line) = state.lines.get_mut(&asker) else {
            return;
        };
        let before = line.waiting.len();
        line.waiting.retain(|waiting| waiting.ticket != ticket);
        if line.waiting.len() == before {
            drop(state);
            self.give_back(asker);
            return;
        }
        if line.waiting.is_empty() {
            state.order.retain(|other| *other != asker);
            state.forget_if_idle(asker);
        }
    }
}

impl State {
    /// Calls as many as may run, one of each asker in turn; how many.
    fn call(&mut self, shares: &Shares) -> u64 {
        let mut called = 0;
        while self.running < shares.running_max {
            let has_room = |asker: &Asker| {
                let line = self.lines.get(asker);
                line.is_some_and(|line| line.running < shares.running_per_asker_max)
            };
            let Some(asker) = self
                .order
                .iter()
                .position(has_room)
                .and_then(|at| self.order.remove(at))
            else {
                return called;
            };
            let Some(line) = self.lines.get_mut(&asker) else {
                continue;
            };
            // A place tells when it is left, so somebody hears the call.
            if let Some(waiting) = line.waiting.pop_front()
                && waiting.call.send(()).is_ok()
            {
                line.running += 1;
                self.running += 1;
                called += 1;
            }
            if !line.waiting.is_empty() {
                self.order.push_back(asker);
            }
        }
        called
    }

    fn forget_if_idle(&mut self, asker: Asker) {
        let line = self.lines.get(&asker);
        if line.is_some_and(|line| line.running == 0 && line.waiting.is_empty()) {
            self.lines.remove(&asker);
        }
    }
}

impl Place {
    fn taken(mut self) -> Turn {
        self.is_taken = true;
        self.turns.given(&self.turns.state(), self.asker)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_taken {
            self.turns.leave(self.asker, self.ticket);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.give_back(self.asker);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const A: Asker = Asker(1);
    const B: Asker = Asker(2);
    const C: Asker = Asker(3);

    fn turns(wait_max: Duration) -> Turns {
        Turns::new(Shares {
            running_max: 3,
            running_per_asker_max: 2,
            waiting_per_asker_max: 30,
            wait_max,
        })
    }

    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn one_of_many_is_told_from_one_alone() {
        let turns = turns(Duration::from_secs(5));
        let first = turns.turn(A).await.unwrap();
        let second = turns.turn(A).await.unwrap();
        assert!(!first.is_one_of_many() && second.is_one_of_many());
        assert!(!turns.turn(B).await.unwrap().is_one_of_many());
        let waiting = turns.turn(A);
        let other = turns.turn(A);
        tokio::pin!(waiting, other);
        assert!(waiting.as_mut().now_or_never().is_none() && other.as_mut().now_or_never().is_none());
        drop((first, second));
        let (waiting, other) = (waiting.await.unwrap(), other.await.unwrap());
        assert!(waiting.is_one_of_many() && other.is_one_of_many());
        drop((waiting, other));
        assert!(!turns.turn(A).await.unwrap().is_one_of_many());
    }

    #[tokio::test]
    async fn one_asker_with_a_long_line_does_not_keep_another_waiting() {
        let turns = turns(LONG);
        let mut running = vec![turns.turn(A).await.unwrap(), turns.turn(A).await.unwrap()];
        let mut line: Vec<_> = (0..30).map(|_| Box::pin(turns.turn(A))).collect();
        for waiting in &mut line {
            assert!(waiting.as_mut().now_or_never().is_none());
        }
        // The 33rd is one too many.
        let refused = turns.turn(A).await.err().unwrap();
        assert!(matches!(refused, SearchError::Busy(Busy::Line)), "{refused}");
        let other = turns.turn(B).await.unwrap();
        assert_eq!((turns.counts().running, turns.counts().waiting), (3, 30));

        // Now everything is taken: B and C wait too, and are served between A's.
        let (mut second, mut third) = (Box::pin(turns.turn(B)), Box::pin(turns.turn(C)));
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        running.pop();
        let first = line.remove(0);
        running.push(first.await.unwrap());
        running.pop();
        let _second = second
            .as_mut()
            .now_or_never()
            .expect("B stood before A's others")
            .unwrap();
        drop(other);
        assert!(third.as_mut().now_or_never().is_some_and(|turn| turn.is_ok()));
    }

    #[tokio::test]
    async fn whoever_stops_waiting_leaves_no_gap() {
        let turns = turns(LONG);
        let held = [turns.turn(A).await.unwrap(), turns.turn(A).await.unwrap()];
        let mut given_up = Box::pin(turns.turn(A));
        let mut called = Box::pin(turns.turn(A));
        let mut last = Box::pin(turns.turn(A));
        for waiting in [&mut given_up, &mut called, &mut last] {
            assert!(waiting.as_mut().now_or_never().is_none());
        }
        drop(given_up);
        assert_eq!(turns.counts().waiting, 2);
        // Two are called; one of them is gone before it hears of it.
        drop(held);
        drop(called);
        drop(last.await.unwrap());
        let counts = turns.counts();
        assert_eq!((counts.running, counts.waiting), (0, 0));
        assert!(turns.state().lines.is_empty() && turns.state().order.is_empty());
    }

    #[tokio::test]
    async fn waiting_has_an_end() {
        let turns = turns(Duration::from_millis(1));
        let _held = [turns.turn(A).await.unwrap(), turns.turn(A).await.unwrap()];
        let refused = turns.turn(A).await.err().unwrap();
        assert!(matches!(refused, SearchError::Busy(Busy::Wait)), "{refused}");
        let counts = turns.counts();
        assert_eq!(
            (counts.refused_wait, counts.waited, counts.waiting, counts.served),
            (1, 1, 0, 2)
        );
    }
}
