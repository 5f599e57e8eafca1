//! What librdkafka says about the way to the brokers, as messages for people.
//!
//! librdkafka goes on trying for ever, whatever is wrong. A refused user or certificate is an ERROR, since somebody must mend it; a
//! broker that is away is a WARN. Either is said when it begins and then every [`SAY_AGAIN`].

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::{Connection, certificate};

/// How librdkafka says that a transactional id was taken over.
const FENCED: &str = "fenced by a newer instance";
/// How often a trouble that lasts is said.
const SAY_AGAIN: Duration = Duration::from_secs(30);
/// How long a refusal counts as the reason of later failures: longer than librdkafka keeps back what it has said already, 30 s.
const RECENT: Duration = Duration::from_secs(60);

/// Listens to one client. Clones are the same listener.
#[derive(Clone)]
pub(crate) struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Connection,
    state: Mutex<State>,
    is_closed: AtomicBool,
}

#[derive(Default)]
struct State {
    /// The trouble that was last said, and when.
    said: Option<(Trouble, Instant)>,
    /// Why a broker refused this client, and when it last did.
    refusal: Option<(String, Instant)>,
    /// The last failure that librdkafka logged. Of a broker that hangs up it says why there only.
    logged: Option<String>,
}

/// What stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// A broker refuses the user, or the way of signing in.
    SignIn,
    /// TLS does not come about.
    Tls,
    /// A broker is away.
    Away,
}

impl Trouble {
    fn of(code: Code, reason: &str) -> Self {
        match code {
            // A broker that goes away in the middle of a sign-in refuses nobody.
            Code::Authentication | Code::SaslAuthenticationFailed if reason.contains("Local: Broker") => {
                Self::Away
            }
            Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
                Self::SignIn
            }
            Code::SSL => Self::Tls,
            // A broker that refuses this client's certificate says so and hangs up.
            _ if reason.contains("SSL alert") => Self::Tls,
            _ => Self::Away,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::SignIn => "the brokers refuse the sign-in",
            Self::Tls => "no TLS with the brokers",
            Self::Away => "the brokers do not answer",
        })
    }
}

impl Link {
    pub(crate) fn new(connection: &Connection) -> Self {
        let inner = Inner {
            connection: connection.clone(),
            state: Mutex::default(),
            is_closed: AtomicBool::new(false),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Says nothing more: the client is about to be dropped, and what it was doing fails.
    pub(crate) fn close(&self) {
        self.inner.is_closed.store(true, Ordering::Relaxed);
    }

    /// Why the brokers refuse this client, if they did so just now.
    pub(crate) fn refusal(&self) -> Option<String> {
        let state = self.state();
        let (text, at) = state.refusal.as_ref()?;
        (at.elapsed() < RECENT).then(|| text.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, code: Code, reason: &str) {
        let trouble = Trouble::of(code, reason);
        if !self.begins(trouble) {
            return;
        }
        let kafka = &self.inner.connection.kafka;
        if trouble == Trouble::Away {
            let last = self.state().logged.clone();
            tracing::warn!(kafka, reason, last, "Kafka: {trouble}; trying on");
            return;
        }
        let problem = format!("{trouble}: {}", self.explain(trouble, reason));
        self.state().refusal = Some((problem.clone(), Instant::now()));
        tracing::error!(kafka, "Kafka: {problem}; trying on until it is mended");
    }

    /// Whether the trouble is new, or was last said long ago.
    fn begins(&self, trouble: Trouble) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        let refused = state.refusal.as_mut();
        if trouble == Trouble::Away {
            // That all brokers are away follows from a refusal and says less.
            if refused.is_some_and(|(_, at)| at.elapsed() < RECENT) {
                return false;
            }
        } else if let Some((_, at)) = refused {
            *at = now;
        }
        let lasts = state
            .said
            .is_some_and(|(said, at)| said == trouble && at.elapsed() < SAY_AGAIN);
        if !lasts {
            state.said = Some((trouble, now));
        }
        !lasts
    }

    fn explain(&self, trouble: Trouble, reason: &str) -> String {
        let security = &self.inner.connection.security;
        match trouble {
            Trouble::SignIn => match &security.kafka_user {
                Some(user) => format!("user {user:?} (--kafka-user, --kafka-password-file): {reason}"),
                None => reason.to_owned(),
            },
            _ if reason.contains("certificate verify failed") => address(reason)
                .and_then(|address| {
                    let why = certificate::refusal(address, security.kafka_ca.as_deref())?;
                    Some(format!("the certificate of {address} is not accepted: {why}"))
                })
                .unwrap_or_else(|| reason.to_owned()),
            _ => reason.to_owned(),
        }
    }
}

/// The broker that librdkafka's message is about: `HOST:PORT`.
fn address(reason: &str) -> Option<&str> {
    let (_, rest) = reason.split_once("://")?;
    rest.split('/').next()
}

impl ClientContext for Link {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What matters comes as an error too; this is for whoever looks into librdkafka itself.
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => {
                tracing::debug!(target: "librdkafka", facility, "{message}");
                if facility == "FAIL" {
                    self.state().logged = Some(message.to_owned());
                }
            }
            _ => tracing::trace!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // Another writer has taken a transactional id over: nothing is wrong with the link, and whoever wrote hears of it as a result.
        if reason.contains(FENCED) {
            tracing::debug!(kafka = self.inner.connection.kafka, reason, "fenced");
            return;
        }
        let code = match error {
            KafkaError::PartitionEOF(_) => Code::PartitionEOF,
            error => error.rdkafka_error_code().unwrap_or(Code::Unknown),
        };
        match code {
            // About a partition, not the link: whoever reads it gets that as a result.
            Code::PartitionEOF | Code::AutoOffsetReset | Code::OffsetOutOfRange => {}
            _ if self.inner.is_closed.load(Ordering::Relaxed) => {}
            code => self.note(code, reason),
        }
    }
}

impl ConsumerContext for Link {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Security;

    fn link() -> Link {
        Link::new(&Connection::new("kafka.test:9093", Security::default()))
    }

    #[test]
    fn a_refusal_is_the_reason_of_what_follows_from_it() {
        let link = link();
        assert_eq!(link.refusal(), None);
        link.note(Code::AllBrokersDown, "1/1 brokers are down");
        assert_eq!(link.refusal(), None);
        let reason = "sasl_ssl://kafka.test:9093/bootstrap: SASL authentication error: Authentication failed";
        link.note(Code::Authentication, reason);
        link.note(Code::AllBrokersDown, "1/1 brokers are down");
        assert_eq!(
            link.refusal(),
            Some(format!("the brokers refuse the sign-in: {reason}"))
        );
    }

    #[test]
    fn a_broker_that_refuses_the_clients_certificate_is_no_broker_away() {
        let reason =
            "ssl://kafka.test:9093/1: Disconnected: error:0A000415:SSL routines::SSL alert number 45";
        assert_eq!(Trouble::of(Code::BrokerTransportFailure, reason), Trouble::Tls);
        assert_eq!(
            Trouble::of(Code::BrokerTransportFailure, "Connection refused"),
            Trouble::Away
        );
    }

    #[test]
    fn what_is_no_trouble_of_the_link_is_not_said() {
        let link = link();
        let is_said = || link.state().said.is_some();
        link.error(
            KafkaError::PartitionEOF(0),
            "Fetch from broker 1 reached end of partition",
        );
        link.error(
            KafkaError::Global(Code::OffsetOutOfRange),
            "offset 7 is out of range",
        );
        assert!(!is_said());
        let hung_up = KafkaError::Global(Code::BrokerTransportFailure);
        link.close();
        link.error(hung_up.clone(), "Disconnected (after 0ms in state DOWN)");
        assert!(!is_said());
        let other = self::link();
        other.error(hung_up, "Disconnected");
        assert!(other.state().said.is_some());
    }

    #[test]
    fn the_broker_is_found_in_the_message() {
        assert_eq!(
            address("ssl://[::1]:9093/bootstrap: SSL handshake failed"),
            Some("[::1]:9093")
        );
        assert_eq!(address("1/1 brokers are down"), None);
    }
}
