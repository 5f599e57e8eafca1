//! TLS of the console: which certificate it shows, and when another.
//!
//! ```text
//!  --tls-certificate, --tls-key ──┐ looked at each 10 s
//!                                 ├──▶ certificate ──▶ whoever connects next
//!  --tls-own: an authority ───────┘ given anew when a third of its days is left
//! ```
//! TLS 1.3 unless told otherwise. A pair that is no good is told of, and the one before stays. Handshakes are `listener`'s.

mod authority;
mod pair;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ServerConfig, version};

use crate::options::{Options, TlsVersion};
use crate::state::Console;
use crate::time;
use authority::Authority;
use pair::{Files, Pair};

/// How often the certificate is looked at.
const EVERY: Duration = Duration::from_secs(10);
/// How long before a certificate's end its problem is told, for files that somebody must change.
const SOON_US: i64 = 14 * DAY_US;
const DAY_US: i64 = 86_400 * 1_000_000;

/// What the console shows, and where it has it from.
pub(crate) struct Tls {
    shown: Arc<Shown>,
    source: Source,
    config: Arc<ServerConfig>,
    /// What the pair that is shown was read from, and when it ends.
    state: State,
}

enum Source {
    Files(Files),
    Own(Authority),
}

struct State {
    mark: Vec<u8>,
    ends_us: i64,
}

/// What a look at the certificate found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It is as it was.
    Same,
    /// Another is shown from now on.
    Changed,
}

/// The certificate that is shown.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&shown))
    }
}

impl Tls {
    /// As the options have it; none when they name no certificate.
    ///
    /// # Errors
    /// When a file cannot be read or written or holds something else, or key and certificate do not belong together.
    pub(crate) fn open(options: &Options, now_us: i64) -> anyhow::Result<Option<Self>> {
        let source = match (&options.tls_certificate, &options.tls_key, &options.tls_own) {
            (Some(certificate), Some(key), _) => Source::Files(Files {
                certificate: certificate.clone(),
                key: key.clone(),
            }),
            (_, _, Some(directory)) => {
                let opened = Authority::open(directory, &options.site().id, now_us);
                Source::Own(opened.with_context(|| format!("--tls-own {}", directory.display()))?)
            }
            _ => return Ok(None),
        };
        let provider = provider();
        let pair = source.pair(&provider, now_us)?;
        let shown = Arc::new(Shown(RwLock::new(pair.key)));
        let versions = match options.tls_min {
            TlsVersion::Tls13 => &[&version::TLS13][..],
            TlsVersion::Tls12 => &[&version::TLS13, &version::TLS12],
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Self {
            shown,
            source,
            config: Arc::new(config),
            state: State {
                mark: pair.mark,
                ends_us: pair.ends_us,
            },
        }))
    }

    /// What does the handshakes.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// Takes another certificate when there is one, or it is time for one.
    ///
    /// # Errors
    /// When the other is no good; what was shown is shown still.
    pub(crate) fn look(&mut self, now_us: i64) -> anyhow::Result<Look> {
        let is_due = match &self.source {
            Source::Files(files) => files.mark()? != self.state.mark,
            Source::Own(_) => self.state.ends_us - now_us < authority::RENEWED_BEFORE_US,
        };
        if !is_due {
            return Ok(Look::Same);
        }
        let pair = self.source.pair(&provider(), now_us)?;
        pair.check_days(now_us)?;
        *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = pair.key;
        self.state = State {
            mark: pair.mark,
            ends_us: pair.ends_us,
        };
        Ok(Look::Changed)
    }

    /// What a person should know of the certificate that is shown.
    fn warning(&self, now_us: i64) -> Option<String> {
        let ends = time::to_text(self.state.ends_us);
        if self.state.ends_us <= now_us {
            return Some(format!("the certificate ended at {ends}"));
        }
        let is_soon = self.state.ends_us - now_us < SOON_US;
        is_soon.then(|| format!("the certificate ends at {ends}"))
    }
}

impl Source {
    fn pair(&self, provider: &CryptoProvider, now_us: i64) -> anyhow::Result<Pair> {
        match self {
            Self::Files(files) => files.read(provider),
            Self::Own(authority) => authority.give(provider, now_us),
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Looks at the certificate until the console stops.
pub(crate) async fn watch(console: Console, mut tls: Tls) {
    let mut every = tokio::time::interval(EVERY);
    let mut stopped = console.stopped();
    let problem = console.metrics().problem("tls_certificate");
    let ends = console.metrics().gauge(
        "console_certificate_ends_seconds",
        "When the certificate that is shown ends, in seconds since 1970.",
        &[],
    );
    let mut told = String::new();
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        let now_us = console.now_us();
        let wrong = match tls.look(now_us) {
            Ok(Look::Same) => tls.warning(now_us),
            Ok(Look::Changed) => {
                tracing::info!(
                    ends = time::to_text(tls.state.ends_us),
                    "another certificate is shown"
                );
                tls.warning(now_us)
            }
            Err(error) => Some(format!(
                "the new certificate is no good, the one before is still shown: {error:#}"
            )),
        };
        ends.set(tls.state.ends_us as f64 / 1e6);
        match wrong {
            None => {
                told.clear();
                problem.clear();
            }
            Some(words) if words == told => {}
            Some(words) => {
                tracing::error!("{words}");
                problem.set(&words);
                told = words;
            }
        }
    }
}
