//! What librdkafka says about the way to the brokers, as messages for people.
//!
//! librdkafka goes on trying for ever, whatever is wrong. A refused password or certificate is an ERROR, since somebody must mend
//! it; a broker that is away is a WARN. Either is said when it begins and then every [`SAY_AGAIN`].

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::Connection;

/// How often a trouble that lasts is said.
const SAY_AGAIN: Duration = Duration::from_secs(30);
/// How long what librdkafka said last counts as the reason of a failure.
const RECENT: Duration = Duration::from_secs(10);

/// Listens to one client. Clones are the same listener.
#[derive(Clone)]
pub(crate) struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Connection,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    said: Option<(Kind, Instant)>,
    refusal: Option<(String, Instant)>,
}

/// What kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A broker refuses the user, or the way of signing in.
    Authentication,
    /// TLS does not come about.
    Tls,
    /// A broker is away.
    Away,
}

impl Kind {
    fn of(code: Code) -> Self {
        match code {
            Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
                Self::Authentication
            }
            Code::SSL => Self::Tls,
            _ => Self::Away,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Authentication => "the sign-in is refused",
            Self::Tls => "TLS does not come about",
            Self::Away => "no answer",
        })
    }
}

impl Link {
    pub(crate) fn new(connection: &Connection) -> Self {
        Self {
            inner: Arc::new(Inner {
                connection: connection.clone(),
                state: Mutex::default(),
            }),
        }
    }

    /// Why the brokers refuse this client, if they did so just now.
    pub(crate) fn refusal(&self) -> Option<String> {
        let state = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (text, at) = state.refusal.as_ref()?;
        (at.elapsed() < RECENT).then(|| text.clone())
    }

    fn note(&self, code: Code, reason: &str) {
        let kind = Kind::of(code);
        let now = Instant::now();
        let mut state = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        // All brokers being away follows from each one's refusal and says less.
        let follows = kind == Kind::Away && state.refusal.as_ref().is_some_and(|(_, at)| at.elapsed() < RECENT);
        if follows {
            return;
        }
        if kind != Kind::Away {
            state.refusal = Some((format!("{kind}: {reason}"), now));
        }
        let is_new = state
            .said
            .is_none_or(|(last, at)| last != kind || now.duration_since(at) >= SAY_AGAIN);
        if !is_new {
            return;
        }
        state.said = Some((kind, now));
        drop(state);
        let kafka = &self.inner.connection.kafka;
        match kind {
            Kind::Away => tracing::warn!(kafka, reason, "Kafka does not answer; trying on"),
            Kind::Authentication | Kind::Tls => {
                tracing::error!(kafka, reason, "Kafka: {kind}; trying on until it is mended");
            }
        }
    }
}

impl ClientContext for Link {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What matters comes as an error too; the rest is for whoever looks into librdkafka itself.
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => tracing::debug!(target: "librdkafka", facility, "{message}"),
            _ => tracing::trace!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.note(error.rdkafka_error_code().unwrap_or(Code::Unknown), reason);
    }
}

impl ConsumerContext for Link {}
