//! An authority of the tests and the certificates it gives.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name};

const DAY_S: i64 = 86_400;

/// When a certificate holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Validity {
    /// From yesterday on.
    Now,
    /// Until yesterday.
    Over,
}

/// Somebody who gives certificates.
pub(super) struct Authority {
    certificate: X509,
    key: PKey<Private>,
}

/// A certificate's files.
#[derive(Debug, Clone)]
pub(super) struct Issued {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    /// Key and certificate in one, as Kafka wants them.
    pub(super) both: PathBuf,
}

impl Issued {
    /// The files of that name.
    pub(super) fn of(directory: &Path, name: &str) -> Self {
        Self {
            certificate: directory.join(format!("{name}.pem")),
            key: directory.join(format!("{name}.key")),
            both: directory.join(format!("{name}.both")),
        }
    }
}

impl Authority {
    pub(super) fn new(name: &str) -> Result<Self, ErrorStack> {
        let key = new_key()?;
        let own_name = to_name(name)?;
        let mut builder = begin(&own_name, &key, Validity::Now)?;
        builder.set_issuer_name(&own_name)?;
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().build()?)?;
        builder.sign(&key, MessageDigest::sha256())?;
        let certificate = builder.build();
        Ok(Self { certificate, key })
    }

    pub(super) fn pem(&self) -> Result<Vec<u8>, ErrorStack> {
        self.certificate.to_pem()
    }

    /// Gives a certificate for `names` (hosts or addresses), written to files in `directory`.
    pub(super) fn issue(
        &self,
        directory: &Path,
        file: &str,
        names: &[&str],
        validity: Validity,
    ) -> anyhow::Result<Issued> {
        let key = new_key()?;
        let mut builder = begin(&to_name(file)?, &key, validity)?;
        builder.set_issuer_name(self.certificate.subject_name())?;
        let mut alternatives = SubjectAlternativeName::new();
        for name in names {
            if name.parse::<IpAddr>().is_ok() {
                alternatives.ip(name);
            } else {
                alternatives.dns(name);
            }
        }
        let extension = alternatives.build(&builder.x509v3_context(Some(&self.certificate), None))?;
        builder.append_extension(extension)?;
        builder.sign(&self.key, MessageDigest::sha256())?;
        let certificate = builder.build().to_pem()?;
        let key = key.private_key_to_pem_pkcs8()?;
        let issued = Issued::of(directory, file);
        fs::write(&issued.certificate, &certificate)?;
        fs::write(&issued.both, [key.as_slice(), &certificate].concat())?;
        fs::write(&issued.key, key)?;
        fs::set_permissions(&issued.key, fs::Permissions::from_mode(0o600))?;
        Ok(issued)
    }
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn to_name(text: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, text)?;
    Ok(name.build())
}

/// A certificate with everything but its issuer and its extensions.
fn begin(name: &X509Name, key: &PKey<Private>, validity: Validity) -> Result<X509Builder, ErrorStack> {
    let now_s = crate::now_us() / 1_000_000;
    let (from, to) = match validity {
        Validity::Now => (now_s - DAY_S, now_s + 30 * DAY_S),
        Validity::Over => (now_s - 30 * DAY_S, now_s - DAY_S),
    };
    let mut serial = BigNum::new()?;
    serial.rand(120, MsbOption::MAYBE_ZERO, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let serial = serial.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(name)?;
    builder.set_pubkey(key)?;
    let (from, to) = (Asn1Time::from_unix(from)?, Asn1Time::from_unix(to)?);
    builder.set_not_before(&from)?;
    builder.set_not_after(&to)?;
    Ok(builder)
}
