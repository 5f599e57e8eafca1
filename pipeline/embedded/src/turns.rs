//! Turns: how many statements run at once, and who is next.
//!
//! There are two pools, so that what writes never waits for what reads. Within a pool those who wait stand in
//! one queue for each account (the `quota_key` of the request, or its user); the queues are served in turn, and no
//! account holds more than its share, so that there is room for the next one.
//!
//! Invariant: `running <= limits.running`, and for each account `held <= limits.share`.
//! Invariant: at most [`WAITING_MAX`] wait in a pool, each for at most [`WAIT_MAX`].

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use crate::counters::{Sample, add};
use crate::exception::{Exception, code};

/// Statements that wait for their turn, in each pool.
pub(crate) const WAITING_MAX: usize = 1000;
/// How long one waits.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(60);

/// The bounds of a pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Statements that run at once.
    pub(crate) running: usize,
    /// Of these, at most so many of one account.
    pub(crate) share: usize,
}

/// A pool of turns.
pub(crate) struct Turns {
    /// `read` or `write`, for the counters.
    name: &'static str,
    limits: Limits,
    state: Mutex<State>,
    /// Told whenever a turn is given back.
    returned: Notify,
    waits: AtomicU64,
    waited_us: AtomicU64,
    refused_queue: AtomicU64,
    refused_time: AtomicU64,
}

#[derive(Default)]
struct State {
    running: usize,
    waiting: usize,
    closed: bool,
    held: HashMap<Arc<str>, usize>,
    /// Those who wait, an account after the other.
    queues: VecDeque<(Arc<str>, VecDeque<oneshot::Sender<()>>)>,
}

/// The right to run; given back when dropped.
pub(crate) struct Turn {
    turns: Arc<Turns>,
    account: Arc<str>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.give_back(&self.account);
    }
}

/// A place in a queue. Dropped, it leaves the queue, or gives back what it was given but nobody took.
struct Place {
    turns: Arc<Turns>,
    account: Arc<str>,
    given: oneshot::Receiver<()>,
    taken: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.given.close();
        {
            let mut state = self.turns.lock();
            state.waiting = state.waiting.saturating_sub(1);
            state.forget_the_gone(&self.account);
        }
        if !self.taken && self.given.try_recv().is_ok() {
            self.turns.give_back(&self.account);
        }
    }
}

impl Turns {
    pub(crate) fn new(name: &'static str, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            name,
            limits,
            state: Mutex::default(),
            returned: Notify::new(),
            waits: AtomicU64::new(0),
            waited_us: AtomicU64::new(0),
            refused_queue: AtomicU64::new(0),
            refused_time: AtomicU64::new(0),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn, in the queue of an account.
    ///
    /// # Errors
    /// ClickHouse's 202 if too many wait already or the wait was too long, 236 while the server ends.
    pub(crate) async fn take(self: &Arc<Self>, account: &Arc<str>) -> Result<Turn, Exception> {
        let (sender, given) = oneshot::channel();
        {
            let mut state = self.lock();
            if state.closed {
                return Err(shutting_down());
            }
            if state.waiting >= WAITING_MAX {
                drop(state);
                add(&self.refused_queue, 1);
                return Err(self.busy());
            }
            state.waiting = state.waiting.saturating_add(1);
            match state.queues.iter_mut().find(|(name, _)| name == account) {
                Some((_, queue)) => queue.push_back(sender),
                None => state
                    .queues
                    .push_back((Arc::clone(account), VecDeque::from([sender]))),
            }
            state.serve(self.limits);
        }
        let mut place = Place {
            turns: Arc::clone(self),
            account: Arc::clone(account),
            given,
            taken: false,
        };
        if place.given.try_recv().is_ok() {
            return Ok(place.take());
        }
        add(&self.waits, 1);
        let begun = Instant::now();
        let outcome = tokio::time::timeout(WAIT_MAX, &mut place.given).await;
        let waited_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        add(&self.waited_us, waited_us);
        match outcome {
            Ok(Ok(())) => Ok(place.take()),
            Ok(Err(_)) => Err(shutting_down()),
            Err(_) => {
                add(&self.refused_time, 1);
                Err(self.busy())
            }
        }
    }

    fn give_back(&self, account: &Arc<str>) {
        let mut state = self.lock();
        state.running = state.running.saturating_sub(1);
        if let Some(held) = state.held.get_mut(account) {
            *held = held.saturating_sub(1);
            if *held == 0 {
                state.held.remove(account);
            }
        }
        state.serve(self.limits);
        drop(state);
        self.returned.notify_waiters();
    }

    fn busy(&self) -> Exception {
        Exception::new(
            code::TOO_MANY_SIMULTANEOUS_QUERIES,
            "TOO_MANY_SIMULTANEOUS_QUERIES",
            format_args!(
                "Too many simultaneous queries. {} may run at once to {}, {} of one account; at most {WAITING_MAX} wait, \
                 and for {} s.",
                self.limits.running,
                self.name,
                self.limits.share,
                WAIT_MAX.as_secs()
            ),
        )
    }

    /// Gives no more turns, and waits until all are back.
    pub(crate) async fn quiesce(&self) {
        {
            let mut state = self.lock();
            state.closed = true;
            state.queues.clear();
        }
        loop {
            let returned = self.returned.notified();
            tokio::pin!(returned);
            returned.as_mut().enable();
            if self.lock().running == 0 {
                return;
            }
            returned.await;
        }
    }

    /// What is counted here.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let (running, waiting) = {
            let state = self.lock();
            (state.running as u64, state.waiting as u64)
        };
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            Sample::gauge("embedded_turns_taken", running),
            Sample::gauge("embedded_turns_max", self.limits.running as u64),
            Sample::gauge("embedded_turns_waiting", waiting),
            Sample::counter("embedded_turns_waits_total", read(&self.waits)),
            Sample::counter("embedded_turns_waited_us_total", read(&self.waited_us)),
            Sample::counter("embedded_turns_refused_queue_total", read(&self.refused_queue)),
            Sample::counter("embedded_turns_refused_time_total", read(&self.refused_time)),
        ]
        .into_iter()
        .map(|sample| sample.of("pool", self.name))
        .collect()
    }
}

impl Place {
    fn take(mut self) -> Turn {
        self.taken = true;
        Turn {
            turns: Arc::clone(&self.turns),
            account: Arc::clone(&self.account),
        }
    }
}

impl State {
    /// Takes those who left out of an account's queue, so that queues hold living ones only.
    fn forget_the_gone(&mut self, account: &Arc<str>) {
        if let Some((_, queue)) = self.queues.iter_mut().find(|(name, _)| name == account) {
            queue.retain(|waiting| !waiting.is_closed());
        }
        self.queues.retain(|(_, queue)| !queue.is_empty());
    }

    /// Gives turns to those who wait, as long as there are any: one account after the other.
    fn serve(&mut self, limits: Limits) {
        let mut passed_over = 0_usize;
        while self.running < limits.running && passed_over < self.queues.len() {
            let Some((account, mut queue)) = self.queues.pop_front() else {
                return;
            };
            let held = self.held.get(&account).copied().unwrap_or(0);
            if held >= limits.share {
                passed_over = passed_over.saturating_add(1);
                self.queues.push_back((account, queue));
                continue;
            }
            // Those who left their place are passed over.
            let given = std::iter::from_fn(|| queue.pop_front()).any(|waiting| waiting.send(()).is_ok());
            if given {
                self.running = self.running.saturating_add(1);
                self.held.insert(Arc::clone(&account), held.saturating_add(1));
                passed_over = 0;
            }
            if !queue.is_empty() {
                self.queues.push_back((account, queue));
            }
        }
    }
}

fn shutting_down() -> Exception {
    Exception::new(code::ABORTED, "ABORTED", "The server is shutting down.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use futures_util::FutureExt;

    fn pool(running: usize, share: usize) -> Arc<Turns> {
        Turns::new("read", Limits { running, share })
    }

    #[tokio::test]
    async fn an_account_leaves_room_for_the_next() {
        let turns = pool(4, 2);
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        let first = turns.take(&one).await.unwrap();
        let _second = turns.take(&one).await.unwrap();
        let mut third = Box::pin(turns.take(&one));
        assert!(third.as_mut().now_or_never().is_none(), "its share is full");
        // Another's comes at once, though one waits already.
        let _other = turns.take(&other).now_or_never().unwrap().unwrap();
        drop(first);
        assert!(third.now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn accounts_are_served_in_turn() {
        let turns = pool(1, 1);
        let (many, few): (Arc<str>, Arc<str>) = ("many".into(), "few".into());
        let running = turns.take(&many).await.unwrap();
        let mut waiting: Vec<_> = (0..5).map(|_| Box::pin(turns.take(&many))).collect();
        for place in &mut waiting {
            assert!(place.as_mut().now_or_never().is_none());
        }
        let mut late = Box::pin(turns.take(&few));
        assert!(late.as_mut().now_or_never().is_none());
        drop(running);
        let next = waiting.remove(0).now_or_never().unwrap().unwrap();
        drop(next);
        assert!(
            late.now_or_never().is_some(),
            "the other's comes second, not sixth"
        );
    }

    #[tokio::test]
    async fn who_leaves_the_queue_takes_no_turn_with_him() {
        let turns = pool(1, 1);
        let account: Arc<str> = "one".into();
        let running = turns.take(&account).await.unwrap();
        let mut gone = Box::pin(turns.take(&account));
        assert!(gone.as_mut().now_or_never().is_none());
        let mut given = Box::pin(turns.take(&account));
        assert!(given.as_mut().now_or_never().is_none());
        drop(gone);
        drop(running);
        // Given to it, but dropped before it looked.
        drop(given);
        assert!(turns.take(&account).now_or_never().unwrap().is_ok());
        assert_eq!(turns.lock().running, 0);
        assert_eq!(turns.lock().waiting, 0);
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_counted() {
        let turns = pool(1, 1);
        let account: Arc<str> = "one".into();
        let _running = turns.take(&account).await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING_MAX).map(|_| Box::pin(turns.take(&account))).collect();
        for place in &mut waiting {
            assert!(place.as_mut().now_or_never().is_none());
        }
        let refused = turns.take(&account).now_or_never().unwrap().err().unwrap();
        assert_eq!(refused.code, 202);
        let refusals = turns
            .samples()
            .into_iter()
            .find(|sample| sample.name == "embedded_turns_refused_queue_total")
            .unwrap();
        assert_eq!(refusals.value, 1);
    }

    #[tokio::test]
    async fn the_end_waits_for_those_who_run_and_sends_the_others_away() {
        let turns = pool(1, 1);
        let account: Arc<str> = "one".into();
        let running = turns.take(&account).await.unwrap();
        let mut waiting = Box::pin(turns.take(&account));
        assert!(waiting.as_mut().now_or_never().is_none());
        let mut quiet = Box::pin(turns.quiesce());
        assert!(quiet.as_mut().now_or_never().is_none());
        assert_eq!(waiting.now_or_never().unwrap().err().unwrap().code, 236);
        drop(running);
        assert!(quiet.now_or_never().is_some());
        assert_eq!(turns.take(&account).await.err().unwrap().code, 236);
    }
}
