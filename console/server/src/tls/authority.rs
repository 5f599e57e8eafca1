//! The console's own certificate authority, for where no other gives it a certificate.
//!
//! Its certificate `ca.pem` is what people install; its key `ca.key` stays. It is good for the console's names alone (RFC 5280, section
//! 4.2.1.10), so that who installs it does not trust it with others. The server's key lives in memory only: each start makes another.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::pair::Pair;

/// How long the authority is good for, in days.
const AUTHORITY_DAYS: i64 = 3650;
/// How long a server's certificate is.
const SERVER_DAYS: i64 = 90;
/// How long before its end the server gets another.
pub(super) const RENEWED_BEFORE_US: i64 = SERVER_DAYS / 3 * super::DAY_US;

/// A key that gives certificates for the console's names.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    names: Vec<Name>,
}

/// A name that the console is reached by.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Host(String),
    Address(IpAddr),
}

impl Authority {
    /// The one that lies in `directory`; made when there is none.
    ///
    /// # Errors
    /// When its files cannot be read or written, or it is not good for `host`.
    pub(super) fn open(directory: &Path, host: &str, now_us: i64) -> anyhow::Result<Self> {
        let names = names(host);
        let (certificate, key) = (directory.join("ca.pem"), directory.join("ca.key"));
        if !key.try_exists()? {
            make(directory, &names, now_us)?;
        }
        let text = fs::read_to_string(&certificate).with_context(|| certificate.display().to_string())?;
        let key = KeyPair::from_pem(&fs::read_to_string(&key)?).with_context(|| key.display().to_string())?;
        let der = CertificateDer::from_pem_slice(text.as_bytes()).map_err(|error| anyhow!("{error}"))?;
        check(&der, &key, &names, now_us).with_context(|| {
            format!(
                "{}: take it away with its key, and another is made",
                certificate.display()
            )
        })?;
        let fingerprint = data_encoding::HEXUPPER.encode(&Sha256::digest(&der));
        tracing::info!(file = %certificate.display(), sha256 = fingerprint, "browsers trust the console once they have its authority");
        Ok(Self {
            issuer: Issuer::from_ca_cert_der(&der, key)?,
            names,
        })
    }

    /// A server's certificate with a new key.
    pub(super) fn give(&self, provider: &CryptoProvider, now_us: i64) -> anyhow::Result<Pair> {
        let mut params = params("Vọng Gác", SERVER_DAYS, now_us)?;
        params.subject_alt_names = self
            .names
            .iter()
            .map(Name::alternative)
            .collect::<Result<_, _>>()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let private = PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| anyhow!("{error}"))?;
        Pair::new(vec![certificate.der().clone()], private, provider, Vec::new())
    }
}

impl Name {
    fn of(text: &str) -> Self {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        bare.parse()
            .map_or_else(|_| Self::Host(text.to_ascii_lowercase()), Self::Address)
    }

    fn alternative(&self) -> Result<SanType, rcgen::Error> {
        Ok(match self {
            Self::Host(host) => SanType::DnsName(Ia5String::try_from(host.as_str())?),
            Self::Address(address) => SanType::IpAddress(*address),
        })
    }

    fn subtree(&self) -> GeneralSubtree {
        match self {
            Self::Host(host) => GeneralSubtree::DnsName(host.clone()),
            Self::Address(address) => {
                let bits = if address.is_ipv4() { 32 } else { 128 };
                GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(*address, bits))
            }
        }
    }

    /// Whether an authority with this subtree is good for it.
    fn is_in(&self, subtree: &GeneralName<'_>) -> bool {
        match (self, subtree) {
            (Self::Host(host), GeneralName::DNSName(name)) => host == name,
            (Self::Address(IpAddr::V4(address)), GeneralName::IPAddress(bytes)) => {
                bytes.strip_prefix(&address.octets()) == Some(&[0xff; 4])
            }
            (Self::Address(IpAddr::V6(address)), GeneralName::IPAddress(bytes)) => {
                bytes.strip_prefix(&address.octets()) == Some(&[0xff; 16])
            }
            _ => false,
        }
    }
}

/// The names of a console that people reach at `host`: that, and this machine's own.
fn names(host: &str) -> Vec<Name> {
    let mut names = vec![
        Name::of("localhost"),
        Name::Address(Ipv4Addr::LOCALHOST.into()),
        Name::Address(Ipv6Addr::LOCALHOST.into()),
    ];
    let own = Name::of(host);
    if !names.contains(&own) {
        names.insert(0, own);
    }
    names
}

fn make(directory: &Path, names: &[Name], now_us: i64) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let key = KeyPair::generate()?;
    let named = names.first().map(|name| match name {
        Name::Host(host) => host.clone(),
        Name::Address(address) => address.to_string(),
    });
    let title = format!("Vọng Gác {}", named.unwrap_or_default());
    let mut params = params(&title, AUTHORITY_DAYS, now_us)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: names.iter().map(Name::subtree).collect(),
        excluded_subtrees: Vec::new(),
    });
    let certificate = params.self_signed(&key)?;
    // The key comes last and is what tells that there is an authority.
    write(&directory.join("ca.pem"), &certificate.pem(), 0o644)?;
    write(&directory.join("ca.key"), &key.serialize_pem(), 0o600)
}

/// Writes a file whole or not at all.
fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let mut new: PathBuf = path.to_owned();
    new.add_extension("new");
    let _ = fs::remove_file(&new);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(fs::rename(&new, path)?)
}

/// A certificate from yesterday on, as clocks differ.
fn params(common_name: &str, days: i64, now_us: i64) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let today = Timestamp::from_microsecond(now_us)?
        .to_zoned(TimeZone::UTC)
        .date();
    let day = |days: i64| -> anyhow::Result<_> {
        let date = today.checked_add(Span::new().try_days(days)?)?;
        let part = |part: i8| u8::try_from(part);
        Ok(rcgen::date_time_ymd(
            date.year().into(),
            part(date.month())?,
            part(date.day())?,
        ))
    };
    params.not_before = day(-1)?;
    params.not_after = day(days)?;
    Ok(params)
}

fn check(der: &[u8], key: &KeyPair, names: &[Name], now_us: i64) -> anyhow::Result<()> {
    let (_, parsed) = X509Certificate::from_der(der).map_err(|error| anyhow!("{error}"))?;
    ensure!(
        parsed.public_key().subject_public_key.data.as_ref() == key.public_key_raw(),
        "it does not belong to its key"
    );
    let ends_s = parsed.validity().not_after.timestamp();
    ensure!(
        ends_s.saturating_mul(1_000_000) - now_us > SERVER_DAYS * super::DAY_US,
        "it ends within {SERVER_DAYS} days"
    );
    let constraints = parsed
        .extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::NameConstraints(constraints) => Some(constraints),
            _ => None,
        });
    let Some(permitted) = constraints.and_then(|constraints| constraints.permitted_subtrees.as_ref()) else {
        return Ok(());
    };
    for name in names {
        ensure!(
            permitted.iter().any(|subtree| name.is_in(&subtree.base)),
            "it is not good for {name:?}, which the console is reached by"
        );
    }
    Ok(())
}
