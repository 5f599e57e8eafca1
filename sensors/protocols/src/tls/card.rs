//! The card of TLS.

use super::flow::TlsFlow;
use super::keywords::KEYWORDS;
use super::looks_like_tls;
use vonggac_protocol::{Card, Side, Start, Transport, buffers, numbers};

/// The hello of either side.
pub(super) const HELLO: u8 = 0;
/// The certificates of either side, or that there are none.
pub(super) const CERTIFICATES: u8 = 1;

/// TLS over TCP, from SSL 3.0 to TLS 1.3 (RFC 8446), as far as it is in the clear.
pub static CARD: Card = Card {
    name: "tls",
    aliases: &["ssl"],
    transports: &[Transport::Tcp],
    stages: [
        &["client_hello", "certificates"],
        &["server_hello", "certificates"],
    ],
    buffers: Buffer::CARDS,
    numbers: Number::CARDS,
    keywords: KEYWORDS,
    anomalies: &["tls_malformed", "certificate_malformed", "heartbeat_overread"],
    counters: &[],
    probe,
    begin: |_| Box::<TlsFlow>::default(),
};

buffers! {
    /// The name of the server, in the client's hello.
    ServerName: "tls.sni", Client, 0, Once, aliases = &["tls_sni"];
    /// An application protocol that the client offers.
    Alpn: "tls.alpn", Client, 0, Many;
    /// The client's JA3.
    Ja3Hash: "ja3.hash", Client, 0, Once, aliases = &["ja3_hash"];
    /// The string that JA3 hashes.
    Ja3String: "ja3.string", Client, 0, Once, aliases = &["ja3_string"];
    /// The client's JA4.
    Ja4: "ja4.hash", Client, 0, Once, aliases = &["ja4_hash"];
    /// The server's JA3.
    Ja3sHash: "ja3s.hash", Server, 0, Once, aliases = &["ja3s_hash"];
    /// The string that the server's JA3 hashes.
    Ja3sString: "ja3s.string", Server, 0, Once, aliases = &["ja3s_string"];
    /// The subject of a side's certificate.
    CertificateSubject: "tls.cert_subject", Both, 1, Once, aliases = &["tls_cert_subject"];
    /// The issuer of a side's certificate.
    CertificateIssuer: "tls.cert_issuer", Both, 1, Once, aliases = &["tls_cert_issuer"];
    /// The serial number of a side's certificate.
    CertificateSerial: "tls.cert_serial", Both, 1, Once, aliases = &["tls_cert_serial"];
    /// The SHA-1 of a side's certificate.
    CertificateFingerprint: "tls.cert_fingerprint", Both, 1, Once, aliases = &["tls_cert_fingerprint"];
    /// A certificate of a side's chain, DER.
    Certificates: "tls.certs", Both, 1, Many;
    /// Another name in a side's certificate.
    AlternativeName: "tls.subjectaltname", Both, 1, Many;
    /// The random bytes of a hello.
    Random: "tls.random", Both, 0, Once;
    /// The first four of them.
    RandomTime: "tls.random_time", Both, 0, Once;
    /// The others.
    RandomBytes: "tls.random_bytes", Both, 0, Once;
}

numbers! {
    /// How many certificates a side sends.
    ChainLength: "tls.cert_chain_len", Both, 1, &[];
}

fn probe(start: &Start<'_>) -> Option<Side> {
    const START_BYTES_MIN: usize = 6;
    const MESSAGE_OFFSET: usize = 5;
    const SERVER_HELLO: u8 = 2;
    if start.bytes.len() < START_BYTES_MIN || !looks_like_tls(start.bytes) {
        return None;
    }
    match start.bytes.get(MESSAGE_OFFSET) {
        Some(&SERVER_HELLO) => Some(Side::Server),
        _ => Some(Side::Client),
    }
}
