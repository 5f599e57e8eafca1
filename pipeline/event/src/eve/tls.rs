//! `tls`.

use super::json::Object;
use super::text::second;
use crate::proto::Tls;

/// One handshake, with what Suricata calls its extended fields.
pub(super) fn describe(tls: &Tls, object: &mut Object<'_>) {
    object.true_if("session_resumed", tls.resumed);
    object.text_if("subject", &tls.subject);
    object.text_if("issuerdn", &tls.issuer);
    object.text_if("serial", &tls.serial);
    object.text_if("fingerprint", &tls.fingerprint_sha1);
    object.text_if("sni", &tls.server_name);
    let version = if tls.version.is_empty() {
        "UNDETERMINED"
    } else {
        &tls.version
    };
    object.text("version", version);
    object.text_if("cipher", &tls.cipher);
    for (name, us) in [("notbefore", tls.not_before_us), ("notafter", tls.not_after_us)] {
        if us != 0 {
            second(object, name, us);
        }
    }
    object.texts("subjectaltname", texts(&tls.san_dns));
    fingerprint("ja3", &tls.ja3, &tls.ja3_string, object);
    fingerprint("ja3s", &tls.ja3s, &tls.ja3s_string, object);
    object.text_if("ja4", &tls.ja4);
    object.texts("client_alpns", texts(&tls.client_alpn));
    object.text_if("server_alpn", &tls.server_alpn);
}

fn fingerprint(name: &str, hash: &str, string: &str, object: &mut Object<'_>) {
    object.object(name, |fingerprint| {
        fingerprint.text_if("hash", hash);
        fingerprint.text_if("string", string);
    });
}

fn texts(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().map(String::as_str)
}
