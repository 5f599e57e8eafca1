//! HTTP sessions, as ClickHouse has them: `session_id`, `session_timeout`, `session_check`, `close_session`.
//!
//! A session is a connection of the engine's that stays: temporary tables, settings made by `SET` and the database
//! chosen by `USE` live in it. What a request's URL sets counts for that request only.
//!
//! Invariant: a session belongs to the user who began it; the same id of another user is another session.
//! Invariant: one request at a time in a session; a second one is refused with 373, it does not wait.
//! Invariant: at most [`SESSIONS_MAX`] are open, [`SESSIONS_OF_USER_MAX`] of one user, each for at most
//! [`TIMEOUT_MAX`] after its last request.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::counters::{Sample, add};
use crate::exception::{Exception, code};
use crate::ffi::Connection;

/// Sessions that are open at once. One with an empty temporary table takes the engine about 40 KB.
const SESSIONS_MAX: usize = 1024;
/// Of these, those of one user.
const SESSIONS_OF_USER_MAX: usize = 512;
/// Longest `session_id`, in bytes.
const ID_BYTES_MAX: usize = 256;
/// How long a session stays after its last request: `default_session_timeout` of ClickHouse.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// How long it can be made to stay: `max_session_timeout` of ClickHouse.
pub(crate) const TIMEOUT_MAX: Duration = Duration::from_secs(3600);
/// How often sessions whose time is over are looked for.
pub(crate) const SWEEP_PAUSE: Duration = Duration::from_secs(1);

/// What a request says of its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) id: String,
    pub(crate) timeout: Duration,
    /// The session must be there already.
    pub(crate) must_exist: bool,
    /// The session ends with the request.
    pub(crate) closes: bool,
}

impl Wanted {
    /// Reads the parameters of a session.
    ///
    /// # Errors
    /// ClickHouse's 374 for a time-out that is no number of seconds or too long, 36 for an id that is too long.
    pub(crate) fn parse(
        id: String,
        timeout: Option<&str>,
        must_exist: bool,
        closes: bool,
    ) -> Result<Self, Exception> {
        if id.len() > ID_BYTES_MAX {
            return Err(Exception::new(
                code::BAD_ARGUMENTS,
                "BAD_ARGUMENTS",
                format_args!("A session_id may have {ID_BYTES_MAX} bytes."),
            ));
        }
        let invalid = |message: String| {
            Exception::new(code::INVALID_SESSION_TIMEOUT, "INVALID_SESSION_TIMEOUT", message)
        };
        let timeout = match timeout {
            None | Some("") => TIMEOUT_DEFAULT,
            Some(text) => {
                let seconds: u64 = text.parse().map_err(|_| {
                    let shown: String = text
                        .chars()
                        .filter(|letter| !letter.is_control())
                        .take(32)
                        .collect();
                    invalid(format!("Invalid session timeout: '{shown}'"))
                })?;
                Duration::from_secs(seconds)
            }
        };
        if timeout > TIMEOUT_MAX {
            return Err(invalid(format!(
                "Session timeout '{}' is larger than max_session_timeout: {}. Maximum session timeout could be \
                 modified in configuration file.",
                timeout.as_secs(),
                TIMEOUT_MAX.as_secs()
            )));
        }
        Ok(Self {
            id,
            timeout,
            must_exist,
            closes,
        })
    }
}

/// User and `session_id`.
type Key = (Arc<str>, String);

enum Place {
    /// A request runs in it.
    Locked,
    Idle {
        connection: Connection,
        mark: String,
        until: Instant,
    },
}

/// All sessions.
#[derive(Default)]
pub(crate) struct Sessions {
    places: Mutex<HashMap<Key, Place>>,
    opened: AtomicU64,
    expired: AtomicU64,
    refused_locked: AtomicU64,
    refused_limit: AtomicU64,
}

/// A session in which a request runs: nobody else's until it is dropped.
pub(crate) struct Session {
    sessions: Arc<Sessions>,
    key: Key,
    wanted: Wanted,
    /// What its statements bear in the engine's list of processes.
    pub(crate) mark: String,
    connection: Option<Connection>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks a session for a request; begins it, with a mark, if it is not there and need not be.
    ///
    /// # Errors
    /// ClickHouse's 372 if it should be there and is not, 373 if a request runs in it, 700 if there are too many.
    pub(crate) fn enter(
        self: &Arc<Self>,
        user: &Arc<str>,
        wanted: Wanted,
        mark: &str,
    ) -> Result<Session, Exception> {
        let key = (Arc::clone(user), wanted.id.clone());
        let mut places = self.lock();
        let all = places.len();
        let of_user = places.keys().filter(|(owner, _)| owner == user).count();
        let (mark, connection) = match places.entry(key.clone()) {
            Entry::Occupied(mut place) => match std::mem::replace(place.get_mut(), Place::Locked) {
                Place::Idle { connection, mark, .. } => (mark, Some(connection)),
                Place::Locked => {
                    add(&self.refused_locked, 1);
                    return Err(Exception::new(
                        code::SESSION_IS_LOCKED,
                        "SESSION_IS_LOCKED",
                        format_args!("Session {} is locked by a concurrent client", shown(&wanted.id)),
                    ));
                }
            },
            Entry::Vacant(_) if wanted.must_exist => {
                return Err(Exception::new(
                    code::SESSION_NOT_FOUND,
                    "SESSION_NOT_FOUND",
                    format_args!("Session {} not found", shown(&wanted.id)),
                ));
            }
            Entry::Vacant(_) if all >= SESSIONS_MAX || of_user >= SESSIONS_OF_USER_MAX => {
                add(&self.refused_limit, 1);
                return Err(Exception::new(
                    code::USER_SESSION_LIMIT_EXCEEDED,
                    "USER_SESSION_LIMIT_EXCEEDED",
                    format_args!(
                        "User {user} has {of_user} sessions open of {all} in all; {SESSIONS_OF_USER_MAX} of one user and \
                         {SESSIONS_MAX} in all may be. They end by close_session or when their session_timeout is over."
                    ),
                ));
            }
            Entry::Vacant(place) => {
                place.insert(Place::Locked);
                add(&self.opened, 1);
                (mark.to_owned(), None)
            }
        };
        drop(places);
        Ok(Session {
            sessions: Arc::clone(self),
            key,
            wanted,
            mark,
            connection,
        })
    }

    /// Takes out those whose time was over at `now`; they end where they are dropped, which takes a moment.
    pub(crate) fn expire(&self, now: Instant) -> Vec<Connection> {
        let mut places = self.lock();
        let over: Vec<Key> = places
            .iter()
            .filter(|(_, place)| matches!(place, Place::Idle { until, .. } if *until <= now))
            .map(|(key, _)| key.clone())
            .collect();
        add(&self.expired, over.len() as u64);
        over.iter()
            .filter_map(|key| match places.remove(key) {
                Some(Place::Idle { connection, .. }) => Some(connection),
                _ => None,
            })
            .collect()
    }

    /// Ends all in which no request runs.
    pub(crate) fn clear(&self) {
        let idle = std::mem::take(&mut *self.lock());
        drop(idle);
    }

    /// What is counted here.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        vec![
            Sample::gauge("embedded_sessions_open", self.lock().len() as u64),
            Sample::gauge("embedded_sessions_max", SESSIONS_MAX as u64),
            Sample::counter("embedded_sessions_opened_total", read(&self.opened)),
            Sample::counter("embedded_sessions_expired_total", read(&self.expired)),
            Sample::counter(
                "embedded_sessions_refused_locked_total",
                read(&self.refused_locked),
            ),
            Sample::counter("embedded_sessions_refused_limit_total", read(&self.refused_limit)),
        ]
    }
}

impl Session {
    /// Takes its connection out; `None` if the session begins with this request.
    pub(crate) fn take(&mut self) -> Option<Connection> {
        self.connection.take()
    }

    /// Puts the connection in, for the next request. A session that is dropped without one ends.
    pub(crate) fn put(&mut self, connection: Connection) {
        self.connection = Some(connection);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let connection = self.connection.take().filter(|_| !self.wanted.closes);
        // What is dropped here is dropped after the lock.
        let mut places = self.sessions.lock();
        let _before = match connection {
            Some(connection) => places.insert(
                self.key.clone(),
                Place::Idle {
                    connection,
                    mark: std::mem::take(&mut self.mark),
                    until: Instant::now() + self.wanted.timeout,
                },
            ),
            None => places.remove(&self.key),
        };
    }
}

fn shown(id: &str) -> String {
    id.chars().filter(|letter| !letter.is_control()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn wanted(timeout: &str) -> Result<Wanted, Exception> {
        Wanted::parse("s".to_owned(), Some(timeout), false, false)
    }

    #[test]
    fn timeouts_are_seconds_up_to_a_limit() {
        assert_eq!(wanted("").unwrap().timeout, Duration::from_secs(60));
        assert_eq!(wanted("3600").unwrap().timeout, Duration::from_secs(3600));
        for text in ["3601", "-1", "x", "1.5", "99999999999999999999"] {
            assert_eq!(wanted(text).unwrap_err().code, 374, "{text}");
        }
    }

    #[test]
    fn sessions_are_locked_found_and_of_one_user() {
        let sessions = Arc::new(Sessions::default());
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        let begin = Wanted::parse("s".to_owned(), None, false, false).unwrap();
        let check = Wanted {
            must_exist: true,
            ..begin.clone()
        };
        let missing = sessions.enter(&one, check.clone(), "m").err().unwrap();
        assert_eq!(missing.code, 372);
        let running = sessions.enter(&one, begin.clone(), "m").unwrap();
        assert_eq!(sessions.enter(&one, begin.clone(), "m").err().unwrap().code, 373);
        assert_eq!(
            sessions.enter(&other, check.clone(), "m").err().unwrap().code,
            372
        );
        let _others = sessions.enter(&other, begin, "m").unwrap();
        drop(running);
        // It never came to have a connection, so nothing of it stays.
        assert_eq!(sessions.enter(&one, check, "m").err().unwrap().code, 372);
    }

    #[test]
    fn sessions_are_bounded_and_counted() {
        let sessions = Arc::new(Sessions::default());
        let user: Arc<str> = "one".into();
        let enter = |number: usize| {
            let wanted = Wanted::parse(number.to_string(), None, false, false).unwrap();
            sessions.enter(&user, wanted, "m")
        };
        let _open: Vec<Session> = (0..SESSIONS_OF_USER_MAX)
            .map(|number| enter(number).unwrap())
            .collect();
        assert_eq!(enter(SESSIONS_OF_USER_MAX).err().unwrap().code, 700);
        let refused = sessions
            .samples()
            .into_iter()
            .find(|sample| sample.name == "embedded_sessions_refused_limit_total");
        assert_eq!(refused.unwrap().value, 1);
    }
}
