//! What is said of a broker whose certificate will not do. The handshake fails before a word of Kafka is spoken, so a server that
//! speaks TLS and nothing else stands in for the broker.
#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name};
use vonggac_bus::{Connection, Security, probe};

const DAY_S: i64 = 86_400;
/// How long the probe may wait; a refusal comes at once.
const LIMIT: Duration = Duration::from_secs(20);

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

/// A certificate of `name` that holds from so many days from now to so many.
fn begin(name: &str, key: &PKey<Private>, days: (i64, i64)) -> X509Builder {
    let mut text = X509Name::builder().unwrap();
    text.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    let now_s = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs() as i64;
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&text.build()).unwrap();
    builder.set_pubkey(key).unwrap();
    let time = |days: i64| Asn1Time::from_unix(now_s + days * DAY_S).unwrap();
    builder.set_not_before(&time(days.0)).unwrap();
    builder.set_not_after(&time(days.1)).unwrap();
    builder
}

struct Authority {
    key: PKey<Private>,
    certificate: X509,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = key();
        let mut builder = begin(name, &key, (-1, 1));
        let mut own = X509Name::builder().unwrap();
        own.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
        builder.set_issuer_name(&own.build()).unwrap();
        builder
            .append_extension(BasicConstraints::new().critical().ca().build().unwrap())
            .unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let certificate = builder.build();
        Self { key, certificate }
    }

    fn issue(&self, address: &str, days: (i64, i64)) -> (PKey<Private>, X509) {
        let key = key();
        let mut builder = begin("broker", &key, days);
        builder.set_issuer_name(self.certificate.subject_name()).unwrap();
        let names = SubjectAlternativeName::new()
            .ip(address)
            .build(&builder.x509v3_context(Some(&self.certificate), None))
            .unwrap();
        builder.append_extension(names).unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        (key, builder.build())
    }
}

/// Takes connections on loopback until the process ends; gives the address.
fn serve((key, certificate): (PKey<Private>, X509)) -> String {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    builder.set_private_key(&key).unwrap();
    builder.set_certificate(&certificate).unwrap();
    let acceptor = builder.build();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // The client hangs up, which is what is tried.
            let _ = acceptor.accept(stream);
        }
    });
    address
}

struct Trial {
    directory: tempfile::TempDir,
    authority: Authority,
}

impl Trial {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            authority: Authority::new("Ours"),
        }
    }

    fn trust(&self, authority: &Authority) -> Security {
        let file: PathBuf = self.directory.path().join("authority.pem");
        std::fs::write(&file, authority.certificate.to_pem().unwrap()).unwrap();
        Security {
            kafka_ca: Some(file),
            ..Security::default()
        }
    }
}

/// The probe fails soon, and the message holds all of `words`.
fn check(address: &str, security: Security, words: &[&str]) {
    let begun = Instant::now();
    let error = probe(&Connection::new(address, security), LIMIT)
        .unwrap_err()
        .to_string();
    assert!(begun.elapsed() < LIMIT / 2, "it took {:?}", begun.elapsed());
    for word in [&["Kafka at", address], words].concat() {
        assert!(error.contains(word), "{word:?} is not in {error}");
    }
}

#[test]
fn an_expired_certificate_is_called_expired() {
    let trial = Trial::new();
    let address = serve(trial.authority.issue("127.0.0.1", (-9, -2)));
    let security = trial.trust(&trial.authority);
    check(
        &address,
        security,
        &["certificate has expired", "it is broker's", "issued by Ours"],
    );
}

#[test]
fn a_certificate_of_another_authority_is_told_with_its_issuer() {
    let trial = Trial::new();
    let address = serve(trial.authority.issue("127.0.0.1", (-1, 1)));
    let security = trial.trust(&Authority::new("Theirs"));
    check(
        &address,
        security,
        &["unable to get local issuer certificate", "issued by Ours"],
    );
}

#[test]
fn a_certificate_for_another_address_is_a_mismatch() {
    let trial = Trial::new();
    let address = serve(trial.authority.issue("192.0.2.1", (-1, 1)));
    let security = trial.trust(&trial.authority);
    check(&address, security, &["mismatch", "it is broker's"]);
}

#[test]
fn a_server_that_is_not_there_does_not_answer() {
    let security = Security::default();
    let error = probe(&Connection::new("127.0.0.1:1", security), Duration::from_secs(1))
        .unwrap_err()
        .to_string();
    assert!(error.contains("does not answer"), "{error}");
}
