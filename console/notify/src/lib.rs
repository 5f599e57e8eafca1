//! The ways out of the console: a message that is already decided is delivered to one destination, or it is said why not.
//!
//! ```text
//!  Letter ──▶ mail ────▶ the relay of the settings (SMTP, TLS)
//!  Post ────▶ webhook ─▶ egress: host listed? every address allowed? ─▶ that very address (HTTPS) ─▶ status
//!  Ask ─────▶ fetch ───▶ the same ──────────────────────────────────────────────────────────────────▶ status and body
//! ```
//! It knows no database, no rights and no rules: who may be told what is decided before. It reads no clock but to end what takes too long, and keeps
//! nothing between two deliveries.
//!
//! Invariant: a webhook or a question goes to hosts that are listed and to addresses that were checked, by one connection to one of those addresses; where it is sent on to is
//! not followed. Invariant: what an answer may weigh and take is bounded ([`Limits`]). Invariant: a password goes to the relay only, and only over
//! TLS where the settings ask for it.

mod bounded;
pub mod egress;
mod exchange;
pub mod fetch;
pub mod mail;
pub mod signature;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod webhook;

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Longest account of what went wrong, in characters.
const SAID_CHARACTERS_MAX: usize = 300;

/// Who was at fault for what was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Culprit {
    /// The destination, which its owner can mend.
    Destination,
    /// The mail server or its settings, which the administrator can mend.
    Relay,
}

/// Whether it is worth trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// It may go better, not before so many seconds where the destination said so.
    Later(Option<u32>),
    /// It will not.
    Never,
    /// The destination asks that nothing is sent to it any more.
    Gone,
}

/// Why something was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{said}{}", address.map(|address| format!(" ({address})")).unwrap_or_default())]
pub struct Failure {
    /// Whose fault it is.
    pub culprit: Culprit,
    /// Whether it is worth trying again.
    pub outlook: Outlook,
    /// What happened, in words, without secrets: at most 300 characters.
    pub said: String,
    /// The address that a name led to, where it matters: for logs and administrators. To whoever may name hosts it would tell of inner networks.
    pub address: Option<IpAddr>,
}

impl Failure {
    /// In words without secrets, cut to 300 characters.
    pub fn new(culprit: Culprit, outlook: Outlook, said: impl Into<String>) -> Self {
        Self {
            culprit,
            outlook,
            said: plain(&said.into(), SAID_CHARACTERS_MAX),
            address: None,
        }
    }

    fn at(self, address: IpAddr) -> Self {
        Self {
            address: Some(address),
            ..self
        }
    }

    fn never(said: impl Into<String>) -> Self {
        Self::new(Culprit::Destination, Outlook::Never, said)
    }

    fn later(said: impl Into<String>) -> Self {
        Self::new(Culprit::Destination, Outlook::Later(None), said)
    }

    fn of_relay(said: impl Into<String>) -> Self {
        Self::new(Culprit::Relay, Outlook::Later(None), said)
    }
}

/// Text on one line without what a terminal, a header or a reader could be deceived by, at most `characters_max` long.
pub fn plain(text: &str, characters_max: usize) -> String {
    // Marks that turn the direction of writing, and line separators.
    let deceives = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    text.chars()
        .map(|c| if c.is_control() || deceives(c) { ' ' } else { c })
        .take(characters_max)
        .collect()
}

/// What deliveries may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A webhook from the first question to the answer's head.
    pub webhook: Duration,
    /// A letter from the connection to the server's receipt.
    pub mail: Duration,
    /// Bytes that a server may send in one delivery, TLS included.
    pub answer_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            webhook: Duration::from_secs(10),
            mail: Duration::from_secs(45),
            answer_bytes_max: 128 << 10,
        }
    }
}

/// The addresses of a name.
pub type Addresses<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Finds the addresses of names.
pub trait Resolve: Send + Sync {
    /// The addresses of `host`.
    fn resolve<'a>(&'a self, host: &'a str) -> Addresses<'a>;
}

/// The machine's own resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> Addresses<'a> {
        Box::pin(async move {
            // The port plays no part in it.
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// What is built from the certificates that are trusted cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the certificates that are trusted cannot be used: {0}")]
pub struct TrustError(String);

/// Delivers.
pub struct Notifier {
    roots: Vec<CertificateDer<'static>>,
    tls: TlsConnector,
    resolver: Arc<dyn Resolve>,
    limits: Limits,
}

impl std::fmt::Debug for Notifier {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Notifier({} roots)", self.roots.len())
    }
}

impl Notifier {
    /// One that trusts what the machine trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` name other certificates).
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, TrustError> {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a certificate that the machine trusts could not be read");
        }
        Self::with(found.certs, Arc::new(SystemResolver), Limits::default())
    }

    /// One that trusts these certificates, and these alone.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn with(
        roots: Vec<CertificateDer<'static>>,
        resolver: Arc<dyn Resolve>,
        limits: Limits,
    ) -> Result<Self, TrustError> {
        Ok(Self {
            tls: connector(&roots)?,
            roots,
            resolver,
            limits,
        })
    }
}

/// What speaks TLS to who has a certificate of these.
fn connector(roots: &[CertificateDer<'static>]) -> Result<TlsConnector, TrustError> {
    let mut store = RootCertStore::empty();
    // Machines keep some that nobody can read; those are left out.
    let _ = store.add_parsable_certificates(roots.iter().cloned());
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TrustError(error.to_string()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_one_short_line() {
        assert_eq!(plain("a\r\nBcc: x\u{202e}y\u{2028}", 100), "a  Bcc: x y ");
        assert_eq!(plain("Tấn công", 3), "Tấn");
    }
}
