//! X.509 certificates in DER (RFC 5280), well formed down to the last field.
//!
//! Keys and signatures are chance: they parse, and nobody's verification would pass. Nothing reads DER here.

use crate::random::Random;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const UTC_TIME: u8 = 0x17;

const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const PRIME256V1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];

const DAY_US: i64 = 86_400_000_000;

/// Which key a certificate is about, and which kind signs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Ec,
    Rsa,
}

/// A name: country, organisation and common name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    pub(crate) organisation: &'a str,
    pub(crate) common: &'a str,
}

/// What a certificate says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Card<'a> {
    pub(crate) subject: Name<'a>,
    pub(crate) issuer: Name<'a>,
    /// Names the certificate is good for; none for an authority's own.
    pub(crate) hosts: &'a [&'a str],
    pub(crate) key: KeyKind,
    pub(crate) not_before_us: i64,
    pub(crate) days: i64,
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        length @ 0..=0x7f => out.push(length as u8),
        length @ 0x80..=0xff => out.extend_from_slice(&[0x81, length as u8]),
        length => {
            out.push(0x82);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(content);
    out
}

fn group(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    element(tag, &parts.concat())
}

/// A positive INTEGER of these bytes, which must not begin with 0.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let mut content = bytes.to_vec();
    if bytes.first().is_none_or(|first| first & 0x80 != 0) {
        content.insert(0, 0);
    }
    element(INTEGER, &content)
}

fn chance_integer(random: &mut Random, length: usize) -> Vec<u8> {
    let mut bytes = random.bytes(length);
    if let Some(first) = bytes.first_mut() {
        *first |= 1;
    }
    integer(&bytes)
}

fn bit_string(content: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], content].concat())
}

fn null() -> Vec<u8> {
    vec![0x05, 0]
}

fn signature_algorithm(kind: KeyKind) -> Vec<u8> {
    match kind {
        KeyKind::Ec => group(SEQUENCE, &[element(OBJECT_ID, ECDSA_SHA256)]),
        KeyKind::Rsa => group(SEQUENCE, &[element(OBJECT_ID, RSA_SHA256), null()]),
    }
}

/// An ECDSA signature's form, of chance.
pub(crate) fn ecdsa_signature(random: &mut Random) -> Vec<u8> {
    let parts = [chance_integer(random, 32), chance_integer(random, 32)];
    group(SEQUENCE, &parts)
}

fn name(name: Name<'_>) -> Vec<u8> {
    let part = |kind: &[u8], tag, text: &str| {
        group(
            SET,
            &[group(
                SEQUENCE,
                &[element(OBJECT_ID, kind), element(tag, text.as_bytes())],
            )],
        )
    };
    group(
        SEQUENCE,
        &[
            part(COUNTRY, PRINTABLE_STRING, "VN"),
            part(ORGANISATION, UTF8_STRING, name.organisation),
            part(COMMON_NAME, UTF8_STRING, name.common),
        ],
    )
}

fn public_key(random: &mut Random, kind: KeyKind) -> Vec<u8> {
    let (algorithm, key) = match kind {
        KeyKind::Ec => {
            let point = [vec![4], random.bytes(64)].concat();
            (
                group(
                    SEQUENCE,
                    &[element(OBJECT_ID, EC_PUBLIC_KEY), element(OBJECT_ID, PRIME256V1)],
                ),
                point,
            )
        }
        KeyKind::Rsa => {
            let mut modulus = random.bytes(256);
            if let Some(first) = modulus.first_mut() {
                *first |= 0x80;
            }
            let key = group(SEQUENCE, &[integer(&modulus), integer(&[1, 0, 1])]);
            (
                group(SEQUENCE, &[element(OBJECT_ID, RSA_ENCRYPTION), null()]),
                key,
            )
        }
    };
    group(SEQUENCE, &[algorithm, bit_string(&key)])
}

/// Year, month and day of a count of days since 1970 (H. Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Midnight of the day of a time; years 1950 to 2049, which is all UTCTime can say.
fn utc_time(timestamp_us: i64) -> Vec<u8> {
    let (year, month, day) = civil(timestamp_us.div_euclid(DAY_US));
    element(
        UTC_TIME,
        format!("{:02}{month:02}{day:02}000000Z", year.rem_euclid(100)).as_bytes(),
    )
}

fn extension(kind: &[u8], critical: bool, content: &[u8]) -> Vec<u8> {
    let mut parts = vec![element(OBJECT_ID, kind)];
    if critical {
        parts.push(vec![0x01, 1, 0xff]);
    }
    parts.push(element(OCTET_STRING, content));
    group(SEQUENCE, &parts)
}

fn extensions(random: &mut Random, hosts: &[&str]) -> Vec<u8> {
    let mut parts = vec![extension(
        SUBJECT_KEY_ID,
        false,
        &element(OCTET_STRING, &random.bytes(20)),
    )];
    if hosts.is_empty() {
        parts.push(extension(KEY_USAGE, true, &element(BIT_STRING, &[1, 0x06])));
        parts.push(extension(
            BASIC_CONSTRAINTS,
            true,
            &group(SEQUENCE, &[vec![0x01, 1, 0xff]]),
        ));
    } else {
        let names: Vec<Vec<u8>> = hosts.iter().map(|host| element(0x82, host.as_bytes())).collect();
        parts.push(extension(KEY_USAGE, true, &element(BIT_STRING, &[7, 0x80])));
        parts.push(extension(
            EXTENDED_KEY_USAGE,
            false,
            &group(SEQUENCE, &[element(OBJECT_ID, SERVER_AUTH)]),
        ));
        parts.push(extension(BASIC_CONSTRAINTS, true, &group(SEQUENCE, &[])));
        parts.push(extension(SUBJECT_ALT_NAME, false, &group(SEQUENCE, &names)));
    }
    element(0xa3, &group(SEQUENCE, &parts))
}

/// The certificate, in DER.
pub(crate) fn certificate(random: &mut Random, card: &Card<'_>) -> Vec<u8> {
    let not_after_us = card.not_before_us + card.days * DAY_US;
    let body = group(
        SEQUENCE,
        &[
            element(0xa0, &integer(&[2])),
            chance_integer(random, 16),
            signature_algorithm(card.key),
            name(card.issuer),
            group(SEQUENCE, &[utc_time(card.not_before_us), utc_time(not_after_us)]),
            name(card.subject),
            public_key(random, card.key),
            extensions(random, card.hosts),
        ],
    );
    let signature = match card.key {
        KeyKind::Ec => ecdsa_signature(random),
        KeyKind::Rsa => random.bytes(256),
    };
    group(
        SEQUENCE,
        &[body, signature_algorithm(card.key), bit_string(&signature)],
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use x509_parser::prelude::*;

    use super::*;

    #[test]
    fn dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_778), (2026, 11, 21));
    }

    #[test]
    fn a_parser_reads_what_was_said() {
        for (seed, key) in [(1, KeyKind::Ec), (2, KeyKind::Rsa)] {
            let card = Card {
                subject: Name {
                    organisation: "Tỉnh A",
                    common: "motcua.tinh-a.example",
                },
                issuer: Name {
                    organisation: "CA thử nghiệm",
                    common: "CA G1",
                },
                hosts: &["motcua.tinh-a.example", "www.tinh-a.example"],
                key,
                not_before_us: 20_778 * DAY_US,
                days: 90,
            };
            let der = certificate(&mut Random::new(seed), &card);
            let (rest, parsed) = X509Certificate::from_der(&der).unwrap();
            assert!(rest.is_empty());
            assert_eq!(
                parsed.subject().to_string(),
                "C=VN, O=Tỉnh A, CN=motcua.tinh-a.example"
            );
            assert_eq!(parsed.validity().not_before.timestamp(), 20_778 * 86_400);
            assert_eq!(parsed.validity().not_after.timestamp(), (20_778 + 90) * 86_400);
            let names = parsed.subject_alternative_name().unwrap().unwrap();
            assert_eq!(names.value.general_names.len(), 2);
            assert!(parsed.public_key().parsed().is_ok());
        }
    }
}
