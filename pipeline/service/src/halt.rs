//! Why a lane stops, and waiting that hears when it should.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;
use tokio::time::timeout;
use vonggac_metrics::{Problem, Registry};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long one attempt may take.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(120);
const NO_ANSWER: &str = "no answer";

/// Why a lane stopped.
#[derive(Debug, Error)]
pub(crate) enum Halt {
    /// It was told to: the partition is another's, or the role ends.
    #[error("told to stop")]
    Stopped,
    /// Another pipeline writes for the partition now.
    #[error("{0}")]
    Fenced(String),
    /// The partition is not what it was, or cannot be read; opening it anew finds out.
    #[error("{0}")]
    Reopen(String),
    /// For good.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

/// Hears when a lane is to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// A switch and what hears it. Dropping the switch is a stop too.
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Resolves when it is time.
    pub(crate) async fn wait(&self) {
        let mut receiver = self.0.clone();
        // An error means that the switch is gone, which is a stop too.
        let _ = receiver.wait_for(|is_set| *is_set).await;
    }

    /// Sleeps, unless it is time to stop.
    pub(crate) async fn pause(&self, pause: Duration) -> Result<(), Halt> {
        tokio::select! {
            () = self.wait() => Err(Halt::Stopped),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }

    /// Calls `attempt` until it succeeds, with growing pauses; says what it waits for at the first failure and then each time the
    /// number of failures has doubled.
    pub(crate) async fn until_ok<T, E: Display, F: Future<Output = Result<T, E>>>(
        &self,
        mut waiting: Waiting<'_>,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, Halt> {
        loop {
            let outcome = tokio::select! {
                outcome = timeout(ATTEMPT_LIMIT, attempt()) => outcome,
                // What is under way may take long when its server hangs.
                () = self.wait_for_the_last(waiting.failures) => return Err(Halt::Stopped),
            };
            match outcome {
                Ok(Ok(value)) => {
                    waiting.works();
                    return Ok(value);
                }
                Ok(Err(error)) => self.pause(waiting.failed(&error)).await?,
                Err(_) => self.pause(waiting.failed(&NO_ANSWER)).await?,
            }
        }
    }

    /// When to give up what is under way. A first attempt is let come to its end, so that a lane that is told to stop while all is well
    /// ends its batch; what has failed before is not waited for.
    pub(crate) async fn wait_for_the_last(&self, failures: u64) {
        self.wait().await;
        if failures == 0 {
            tokio::time::sleep(LAST_ATTEMPT_LIMIT).await;
        }
    }
}

/// How long the first attempt of something may go on once the lane is to stop.
const LAST_ATTEMPT_LIMIT: Duration = Duration::from_secs(5);

/// Who is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    ClickHouse,
    Kafka,
}

/// Counts failures in a row, says how long to wait, and is a problem of the role for as long as it lasts.
pub(crate) struct Waiting<'a> {
    metrics: &'a Registry,
    server: Server,
    what: &'a str,
    pause: Duration,
    pub(crate) failures: u64,
    problem: Option<Problem>,
}

impl<'a> Waiting<'a> {
    /// Waiting for something of a server; `what` says it in words.
    pub(crate) fn new(metrics: &'a Registry, server: Server, what: &'a str) -> Self {
        Self {
            metrics,
            server,
            what,
            pause: FIRST_PAUSE,
            failures: 0,
            problem: None,
        }
    }

    /// Takes note of a failure; gives the pause before the next attempt.
    pub(crate) fn failed(&mut self, error: &dyn Display) -> Duration {
        self.failures += 1;
        if self.failures.is_power_of_two() {
            tracing::warn!(what = self.what, %error, failures = self.failures, "waiting, nothing is lost");
        }
        let key = match self.server {
            Server::ClickHouse => "clickhouse",
            Server::Kafka => "kafka",
        };
        self.problem
            .get_or_insert_with(|| self.metrics.problem(key))
            .set(error.to_string());
        let pause = self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        pause
    }

    /// Takes note that it works; what fails after that is counted anew.
    pub(crate) fn works(&mut self) {
        if self.failures > 0 {
            tracing::info!(what = self.what, failures = self.failures, "works again");
            *self = Self::new(self.metrics, self.server, self.what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_fails_is_not_waited_for_once_it_is_time_to_stop() {
        let (switch, stop) = Stop::new();
        let metrics = Registry::default();
        let waiting = Waiting::new(&metrics, Server::Kafka, "nothing");
        let waiting = stop.until_ok(waiting, || async {
            let _ = switch.send(true);
            Err::<(), _>("away")
        });
        assert!(matches!(waiting.await, Err(Halt::Stopped)));
    }

    #[test]
    fn what_is_waited_for_is_a_problem_until_it_works() {
        let metrics = Registry::default();
        let words = || -> Vec<(String, String)> {
            let problems = metrics.problems().into_iter();
            problems.map(|trouble| (trouble.key, trouble.words)).collect()
        };
        let mut lasting = Waiting::new(&metrics, Server::ClickHouse, "inserts");
        assert_eq!(words(), []);
        lasting.failed(&"disk full");
        let told = vec![("clickhouse".to_owned(), "disk full".to_owned())];
        assert_eq!(words(), told);
        // That it works for another lane changes nothing for this one.
        Waiting::new(&metrics, Server::ClickHouse, "searches").works();
        assert_eq!(words(), told);
        lasting.works();
        assert_eq!((words(), lasting.failures), (vec![], 0));
        lasting.failed(&"disk full");
        drop(lasting);
        assert_eq!(words(), []);
    }

    #[tokio::test]
    async fn a_switch_that_is_gone_stops() {
        let (switch, stop) = Stop::new();
        assert!(!stop.is_set());
        drop(switch);
        assert!(stop.is_set());
        stop.wait().await;
    }
}
