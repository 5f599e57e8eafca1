//! A certificate with its chain and its private key, from PEM files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, ensure};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::time;

/// A certificate that can be shown.
pub(super) struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) begins_us: i64,
    pub(super) ends_us: i64,
    /// Changes with what it was read from.
    pub(super) mark: Vec<u8>,
}

/// Where it lies.
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Files {
    /// What is in the files, as one hash.
    pub(super) fn mark(&self) -> anyhow::Result<Vec<u8>> {
        Ok(mark(&self.texts()?))
    }

    pub(super) fn read(&self, provider: &CryptoProvider) -> anyhow::Result<Pair> {
        let texts = self.texts()?;
        let [certificate, key] = &texts;
        let chain = chain(certificate).with_context(|| named("tls-certificate", &self.certificate))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| anyhow!("{error}"))
            .with_context(|| named("tls-key", &self.key))?;
        let pair = Pair::new(chain, key, provider, mark(&texts));
        pair.with_context(|| named("tls-certificate", &self.certificate))
    }

    fn texts(&self) -> anyhow::Result<[Vec<u8>; 2]> {
        let read = |flag, path: &Path| fs::read(path).with_context(|| named(flag, path));
        Ok([
            read("tls-certificate", &self.certificate)?,
            read("tls-key", &self.key)?,
        ])
    }
}

impl Pair {
    pub(super) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        provider: &CryptoProvider,
        mark: Vec<u8>,
    ) -> anyhow::Result<Self> {
        let first = chain.first().context("there is no certificate in it")?;
        let (_, parsed) = X509Certificate::from_der(first).map_err(|error| anyhow!("{error}"))?;
        let validity = parsed.validity();
        let us = |seconds: i64| seconds.saturating_mul(1_000_000);
        let (begins_us, ends_us) = (
            us(validity.not_before.timestamp()),
            us(validity.not_after.timestamp()),
        );
        Ok(Self {
            begins_us,
            ends_us,
            key: Arc::new(CertifiedKey::from_der(chain, key, provider)?),
            mark,
        })
    }

    /// # Errors
    /// When it holds no more, or not yet.
    pub(super) fn check_days(&self, now_us: i64) -> anyhow::Result<()> {
        ensure!(
            self.ends_us > now_us,
            "it ended at {}",
            time::to_text(self.ends_us)
        );
        ensure!(
            self.begins_us <= now_us,
            "it begins at {}",
            time::to_text(self.begins_us)
        );
        Ok(())
    }
}

fn chain(text: &[u8]) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    found.map_err(|error| anyhow!("{error}"))
}

/// Each text with its length, so that what moves from one file into the other changes it too.
fn mark(texts: &[Vec<u8>; 2]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().to_vec()
}

fn named(flag: &str, path: &Path) -> String {
    format!("--{flag} {}", path.display())
}
