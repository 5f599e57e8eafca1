//! What is told of TLS.

use super::flow::Handshake;
use super::{ServerHello, cipher_name, version_name};
use vonggac_event::limits::{self, text};
use vonggac_event::proto;
use vonggac_protocol::Side;

const EXTENSION_PRE_SHARED_KEY: u16 = 41;

/// The event of a handshake as far as it is known.
pub(super) fn describe(handshake: &Handshake) -> proto::Tls {
    let mut body = proto::Tls {
        ja3: handshake.client_prints.ja3.clone(),
        ja4: handshake.client_prints.ja4.clone(),
        ja3s: handshake.server_print.ja3s.clone(),
        ja3_string: text(handshake.client_prints.ja3_text.as_bytes()),
        ja3s_string: text(handshake.server_print.ja3s_text.as_bytes()),
        established: handshake.is_encrypted == [true; 2] && !handshake.is_refused,
        ..proto::Tls::default()
    };
    if let Some(hello) = &handshake.client_hello {
        body.version = version_name(hello.version()).into_owned();
        body.server_name = text(hello.sni.as_deref().unwrap_or_default().as_bytes());
        let offered = hello.alpn.iter().take(limits::LIST_ITEMS_MAX);
        body.client_alpn = offered.map(|name| text(name)).collect();
    }
    if let Some(hello) = &handshake.server_hello {
        body.version = version_name(hello.version()).into_owned();
        body.cipher = cipher_name(hello.cipher).into_owned();
        body.server_alpn = hello.alpn.as_deref().map(text).unwrap_or_default();
        body.resumed = is_resumed(handshake, hello);
    }
    let [_, server] = &handshake.chains;
    if let Some(certificate) = &server.certificate {
        body.subject = text(certificate.subject.as_bytes());
        body.issuer = text(certificate.issuer.as_bytes());
        body.serial = text(certificate.serial.as_bytes());
        body.fingerprint_sha1.clone_from(&certificate.sha1);
        body.fingerprint_sha256.clone_from(&certificate.sha256);
        body.not_before_us = certificate.not_before_us;
        body.not_after_us = certificate.not_after_us;
        let names = certificate.san_dns.iter().take(limits::LIST_ITEMS_MAX);
        body.san_dns = names.map(|name| text(name.as_bytes())).collect();
    }
    body
}

/// TLS 1.3: the server took a key of before. Earlier: it took up the client's session and sent no certificate.
fn is_resumed(handshake: &Handshake, hello: &ServerHello) -> bool {
    if hello.selected_version.is_some() {
        return hello
            .extensions
            .iter()
            .any(|extension| extension.kind == EXTENSION_PRE_SHARED_KEY);
    }
    let same_session = handshake
        .client_hello
        .as_ref()
        .is_some_and(|client| !client.session_id.is_empty() && client.session_id == hello.session_id);
    let [_, server] = &handshake.chains;
    same_session && !server.was_sent && *Side::Server.of(&handshake.is_encrypted)
}
