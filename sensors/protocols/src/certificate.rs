//! A summary of an X.509 certificate, spelled as Suricata's EVE spells it.
//!
//! Nothing is verified: no signature, no chain, no validity against a clock.
//!
//! Invariants: at most [`CERTIFICATE_BYTES_MAX`] bytes are read, at most [`ALTERNATIVE_NAMES_MAX`] names kept.

use sha1::Sha1;
use sha2::{Digest, Sha256};
use x509_parser::asn1_rs::{Any, BmpString, Class, Tag};
use x509_parser::der_parser::Oid;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

use vonggac_event::hexadecimal;

/// Largest certificate read; post-quantum ones run to some 20 kB.
pub const CERTIFICATE_BYTES_MAX: usize = 128 * 1024;
/// Most alternative DNS names kept.
pub const ALTERNATIVE_NAMES_MAX: usize = 1024;

/// Why a summary lacks something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The server sent more than is worth reading.
    #[error("a certificate of {have} bytes is over the limit of {limit}")]
    OverLimit {
        /// Bytes most read.
        limit: usize,
        /// Bytes there were.
        have: usize,
    },
    /// The server's bytes are not a certificate in DER.
    #[error("not an X.509 certificate")]
    Malformed,
}

/// What an analyst asks of a certificate; what could not be read of it is empty, a time 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Certificate {
    /// Subject, as `C=FR, O=Stamus, CN=SELKS`.
    pub subject: String,
    /// Issuer, spelled like the subject.
    pub issuer: String,
    /// Serial number's bytes in upper-case hex with colons, as `00:97:E6`.
    pub serial: String,
    /// Start of validity, microseconds since 1970, UTC.
    pub not_before_us: i64,
    /// End of validity, microseconds since 1970, UTC.
    pub not_after_us: i64,
    /// DNS names of the subject alternative name extension.
    pub san_dns: Vec<String>,
    /// SHA-1 of the DER in lower-case hex with colons.
    pub sha1: String,
    /// SHA-256 of the DER in lower-case hex.
    pub sha256: String,
}

/// Reads one certificate in DER: what could be read of it, its fingerprints in any case, and what is wrong with it.
pub fn summarise(der: &[u8]) -> (Certificate, Option<CertificateError>) {
    let mut summary = Certificate {
        sha1: hex_with_colons(&Sha1::digest(der)),
        sha256: hexadecimal(&Sha256::digest(der)),
        ..Certificate::default()
    };
    if der.len() > CERTIFICATE_BYTES_MAX {
        let error = CertificateError::OverLimit {
            limit: CERTIFICATE_BYTES_MAX,
            have: der.len(),
        };
        return (summary, Some(error));
    }
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        // Whatever reads it before the fault is read.
        summary.salvage(der);
        return (summary, Some(CertificateError::Malformed));
    };
    let validity = certificate.validity();
    summary.subject = name_text(certificate.subject());
    summary.issuer = name_text(certificate.issuer());
    summary.serial = serial_text(certificate.raw_serial());
    summary.not_before_us = microseconds(validity.not_before.timestamp());
    summary.not_after_us = microseconds(validity.not_after.timestamp());
    summary.san_dns = alternative_names(&certificate);
    (summary, None)
}

impl Certificate {
    /// Reads the serial number and the names of what cannot be read as a whole (RFC 5280, 4.1), as far as it goes.
    fn salvage(&mut self, der: &[u8]) -> Option<()> {
        let (_, certificate) = Any::from_der(der).ok()?;
        let (_, signed) = Any::from_der(certificate.data).ok()?;
        let (mut rest, mut serial) = Any::from_der(signed.data).ok()?;
        let is_version = serial.class() == Class::ContextSpecific;
        if is_version {
            (rest, serial) = Any::from_der(rest).ok()?;
        }
        self.serial = serial_text(serial.data);
        let (rest, _algorithm) = Any::from_der(rest).ok()?;
        let (rest, issuer) = X509Name::from_der(rest).ok()?;
        self.issuer = name_text(&issuer);
        let (rest, _validity) = Any::from_der(rest).ok()?;
        let (_, subject) = X509Name::from_der(rest).ok()?;
        self.subject = name_text(&subject);
        Some(())
    }
}

fn serial_text(serial: &[u8]) -> String {
    hex_with_colons(serial).to_ascii_uppercase()
}

fn microseconds(seconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000)
}

fn hex_with_colons(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}

fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for extension in certificate.extensions() {
        let ParsedExtension::SubjectAlternativeName(alternative) = extension.parsed_extension() else {
            continue;
        };
        for name in &alternative.general_names {
            if names.len() >= ALTERNATIVE_NAMES_MAX {
                return names;
            }
            match name {
                GeneralName::DNSName(name) => names.push((*name).to_owned()),
                // A DNS name that is not the ASCII it should be is still what the server said.
                GeneralName::Invalid(tag, bytes) if tag.0 == 2 => {
                    names.push(String::from_utf8_lossy(bytes).into_owned());
                }
                _ => {}
            }
        }
    }
    names
}

/// Attributes in the order they are encoded, joined by `, `, those of one set by ` + `.
fn name_text(name: &X509Name<'_>) -> String {
    let mut text = String::new();
    for set in name.iter_rdn() {
        for (index, attribute) in set.iter().enumerate() {
            if !text.is_empty() {
                text.push_str(if index == 0 { ", " } else { " + " });
            }
            text.push_str(&attribute_label(attribute.attr_type()));
            text.push('=');
            text.push_str(&attribute_text(attribute.attr_value()));
        }
    }
    text
}

fn attribute_label(oid: &Oid<'_>) -> String {
    match oid2abbrev(oid, oid_registry()) {
        Ok(label) => label.to_owned(),
        Err(_) => oid.to_id_string(),
    }
}

/// A string value as it was sent (zero bytes included, rules look for them); other types as hex.
fn attribute_text(value: &Any<'_>) -> String {
    match value.tag() {
        Tag::BmpString => match BmpString::try_from(value.clone()) {
            Ok(string) => string.string(),
            Err(_) => hexadecimal(value.data),
        },
        Tag::T61String => match std::str::from_utf8(value.data) {
            Ok(text) => text.to_owned(),
            Err(_) => value.data.iter().map(|byte| char::from(*byte)).collect(),
        },
        Tag::NumericString
        | Tag::VisibleString
        | Tag::PrintableString
        | Tag::GeneralString
        | Tag::GraphicString
        | Tag::Utf8String
        | Tag::Ia5String => String::from_utf8_lossy(value.data).into_owned(),
        _ => hexadecimal(value.data),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    /// The seeds of the fuzz target are made by OpenSSL; so is what is expected of them.
    #[test]
    fn a_summary() {
        let der = include_bytes!("../../../tests/fuzz/seeds/certificate/named");
        let (certificate, error) = summarise(der);
        assert_eq!(error, None);
        assert_eq!(certificate.subject, "C=VN, O=Example, CN=seed.example");
        assert_eq!(certificate.issuer, certificate.subject);
        assert_eq!(
            certificate.serial,
            "32:4D:16:A3:E7:F0:C9:AA:80:7F:3E:3F:6F:5D:0C:01:7F:E9:83:0A"
        );
        assert_eq!(certificate.not_before_us, 1_795_302_881_000_000);
        assert_eq!(
            certificate.not_after_us,
            certificate.not_before_us + 36_500 * 86_400 * 1_000_000
        );
        assert_eq!(certificate.san_dns, ["seed.example", "*.seed.example"]);
        assert_eq!(
            certificate.sha1,
            "61:c8:7e:b3:ad:bc:4c:89:0a:a4:f5:4d:5b:38:99:32:27:bd:a6:cc"
        );
        assert_eq!(certificate.sha256.len(), 64);
        let (bare, _) = summarise(include_bytes!("../../../tests/fuzz/seeds/certificate/bare"));
        assert_eq!((bare.subject.as_str(), bare.san_dns.len()), ("", 0));
    }

    #[test]
    fn what_cannot_be_read_keeps_its_fingerprint_and_what_could() {
        let check = |der: &[u8], expect: CertificateError| {
            let (summary, error) = summarise(der);
            assert_eq!(error, Some(expect));
            assert_eq!(summary.sha256, hexadecimal(&Sha256::digest(der)));
            assert_eq!(summary.sha1, hex_with_colons(&Sha1::digest(der)));
            summary
        };
        check(b"", CertificateError::Malformed);
        check(b"\x30\x03\x02\x01\x00", CertificateError::Malformed);
        let have = CERTIFICATE_BYTES_MAX + 1;
        let limit = CERTIFICATE_BYTES_MAX;
        check(&vec![0x30; have], CertificateError::OverLimit { limit, have });

        // A month 99 in the validity.
        let mut der = include_bytes!("../../../tests/fuzz/seeds/certificate/named").to_vec();
        let time_at = der
            .windows(2)
            .position(|tag| tag == [0x17, 0x0d] || tag == [0x18, 0x0f])
            .unwrap();
        let month_at = time_at + if der[time_at] == 0x17 { 4 } else { 6 };
        der[month_at..month_at + 2].copy_from_slice(b"99");
        let summary = check(&der, CertificateError::Malformed);
        assert_eq!(summary.subject, "C=VN, O=Example, CN=seed.example");
        assert_eq!(summary.issuer, summary.subject);
        assert!(summary.serial.starts_with("32:4D:16"));
        assert_eq!(summary.not_before_us, 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = summarise(&bytes);
            let mut framed = vec![0x30, 0x82];
            framed.extend(u16::try_from(bytes.len()).unwrap_or(0).to_be_bytes());
            framed.extend(&bytes);
            let _ = summarise(&framed);
        }
    }
}
