//! TLS: one event per handshake, when it has gone as far as it will.

use crate::worker::{Scene, Worker};
use vonggac_event::{Body, limits, proto};
use vonggac_protocols::certificate::{self, Certificate};
use vonggac_protocols::fingerprint;
use vonggac_protocols::tls::{ClientHello, Event, ServerHello, Stream, cipher_name, version_name};
use vonggac_signature::Buffer;
use vonggac_stream::Direction;

const EXTENSION_PRE_SHARED_KEY: u16 = 41;
const ALERT_FATAL: u8 = 2;

/// The TLS of one flow.
pub(crate) struct TlsFlow {
    client: Direction,
    client_stream: Stream,
    server_stream: Stream,
    ts_us: i64,
    client_hello: Option<Box<ClientHello>>,
    server_hello: Option<Box<ServerHello>>,
    client_prints: Prints,
    server_print: String,
    certificate: Option<Box<Certificate>>,
    has_certificates: bool,
    is_refused: bool,
    server_matched: bool,
    is_reported: bool,
}

#[derive(Default)]
struct Prints {
    ja3: String,
    ja4: String,
}

impl TlsFlow {
    /// A handshake that `client` begins.
    pub(crate) fn new(client: Direction) -> Self {
        Self {
            client,
            client_stream: Stream::new(),
            server_stream: Stream::new(),
            ts_us: 0,
            client_hello: None,
            server_hello: None,
            client_prints: Prints::default(),
            server_print: String::new(),
            certificate: None,
            has_certificates: false,
            is_refused: false,
            server_matched: false,
            is_reported: false,
        }
    }

    /// Whether neither side will say anything further in the clear.
    pub(crate) fn is_over(&self) -> bool {
        let is_done = |stream: &Stream| stream.is_encrypted() || stream.is_failed();
        is_done(&self.client_stream) && is_done(&self.server_stream)
    }

    fn stream(&mut self, direction: Direction) -> &mut Stream {
        if direction == self.client {
            &mut self.client_stream
        } else {
            &mut self.server_stream
        }
    }
}

/// Reads the next bytes of a direction.
pub(crate) fn data(
    worker: &mut Worker<'_>,
    scene: &mut Scene<'_>,
    flow: &mut TlsFlow,
    direction: Direction,
    data: &[u8],
) {
    let mut input = data;
    while let Some(event) = flow.stream(direction).next(&mut input) {
        take(worker, scene, flow, direction, event);
    }
    report_if_over(worker, scene, flow);
}

/// Bytes of a direction were not seen.
pub(crate) fn gap(
    worker: &mut Worker<'_>,
    scene: &mut Scene<'_>,
    flow: &mut TlsFlow,
    direction: Direction,
    bytes: u64,
) {
    flow.stream(direction).gap(bytes);
    data(worker, scene, flow, direction, &[]);
}

/// The flow is over.
pub(crate) fn finish(worker: &mut Worker<'_>, scene: &mut Scene<'_>, flow: &mut TlsFlow) {
    match_server(worker, scene, flow, &[]);
    report(worker, scene, flow);
}

fn take(
    worker: &mut Worker<'_>,
    scene: &mut Scene<'_>,
    flow: &mut TlsFlow,
    direction: Direction,
    event: Event,
) {
    let from_client = direction == flow.client;
    match event {
        Event::ClientHello(hello) if from_client => {
            if let Some(problem) = hello.malformed {
                worker.anomaly(scene, "tls", "tls_malformed", problem);
            }
            // After a retry request the client says hello again; signatures have seen it.
            if flow.client_hello.is_none() {
                flow.ts_us = worker.ts_us;
                match_client(worker, scene, flow, &hello);
            }
            flow.client_hello = Some(hello);
        }
        Event::ServerHello(hello) if !from_client => {
            if let Some(problem) = hello.malformed {
                worker.anomaly(scene, "tls", "tls_malformed", problem);
            }
            if flow.client_hello.is_none() {
                flow.ts_us = worker.ts_us;
            }
            flow.server_hello = Some(hello);
        }
        Event::Certificates(chain) if !from_client => {
            flow.has_certificates = true;
            match chain.first().map(|der| certificate::summarise(der)) {
                Some(Ok(summary)) => flow.certificate = Some(Box::new(summary)),
                Some(Err(error)) => {
                    worker.anomaly(scene, "tls", "certificate_malformed", &error.to_string());
                }
                None => {}
            }
            match_server(worker, scene, flow, &chain);
        }
        Event::Encrypted if !from_client => match_server(worker, scene, flow, &[]),
        Event::Alert { level, .. } => flow.is_refused |= level == ALERT_FATAL,
        Event::Heartbeat {
            kind: 1,
            claimed_bytes,
            record_bytes,
        } if usize::from(claimed_bytes) > record_bytes => {
            let detail = format!("claims {claimed_bytes} bytes in a record of {record_bytes}");
            worker.anomaly(scene, "tls", "heartbeat_overread", &detail);
        }
        Event::Anomaly(problem) => worker.anomaly(scene, "tls", "tls_malformed", problem),
        _ => {}
    }
}

fn match_client(worker: &mut Worker<'_>, scene: &mut Scene<'_>, flow: &mut TlsFlow, hello: &ClientHello) {
    let (ja3_text, ja3) = fingerprint::ja3(hello);
    let ja4 = fingerprint::ja4(hello, 't');
    let version = rule_version(hello.version());
    let mut buffers: Vec<(Buffer, &[u8])> = vec![
        (Buffer::Ja3String, ja3_text.as_bytes()),
        (Buffer::Ja3Hash, ja3.as_bytes()),
        (Buffer::Ja4, ja4.as_bytes()),
        (Buffer::TlsVersion, version.as_bytes()),
    ];
    if let Some(name) = &hello.sni {
        buffers.push((Buffer::TlsSni, name.as_bytes()));
    }
    let offered = hello.alpn.iter().take(limits::LIST_ITEMS_MAX);
    buffers.extend(offered.map(|name| (Buffer::TlsAlpn, name.as_slice())));
    let excerpt = hello.sni.as_deref().unwrap_or_default();
    worker.match_transaction(scene, flow.client, &buffers, excerpt.as_bytes());
    flow.client_prints = Prints { ja3, ja4 };
}

/// Matches the server's side once: with its certificates, or when none will come.
fn match_server(worker: &mut Worker<'_>, scene: &mut Scene<'_>, flow: &mut TlsFlow, chain: &[Vec<u8>]) {
    let Some(hello) = &flow.server_hello else {
        return;
    };
    if std::mem::replace(&mut flow.server_matched, true) {
        return;
    }
    let (text, hash) = fingerprint::ja3s(hello);
    let version = rule_version(hello.version());
    let mut buffers: Vec<(Buffer, &[u8])> = vec![
        (Buffer::Ja3sString, text.as_bytes()),
        (Buffer::Ja3sHash, hash.as_bytes()),
        (Buffer::TlsVersion, version.as_bytes()),
    ];
    if let Some(certificate) = &flow.certificate {
        buffers.extend([
            (Buffer::TlsCertSubject, certificate.subject.as_bytes()),
            (Buffer::TlsCertIssuer, certificate.issuer.as_bytes()),
            (Buffer::TlsCertSerial, certificate.serial.as_bytes()),
            (Buffer::TlsCertFingerprint, certificate.sha1.as_bytes()),
        ]);
    }
    buffers.extend(chain.iter().map(|der| (Buffer::TlsCerts, der.as_slice())));
    let excerpt = chain.first().map(Vec::as_slice).unwrap_or_default();
    worker.match_transaction(scene, flow.client.reverse(), &buffers, excerpt);
    flow.server_print = hash;
}

/// A version as rules write it.
fn rule_version(version: u16) -> String {
    match version {
        0x0002 => "SSLv2".into(),
        0x0300 => "SSLv3".into(),
        0x0301..=0x0304 => format!("1.{}", version - 0x0301),
        other => version_name(other).into_owned(),
    }
}

fn report_if_over(worker: &mut Worker<'_>, scene: &mut Scene<'_>, flow: &mut TlsFlow) {
    if flow.is_over() {
        match_server(worker, scene, flow, &[]);
        report(worker, scene, flow);
    }
}

fn report(worker: &mut Worker<'_>, scene: &Scene<'_>, flow: &mut TlsFlow) {
    let has_hello = flow.client_hello.is_some() || flow.server_hello.is_some();
    if !has_hello || std::mem::replace(&mut flow.is_reported, true) {
        return;
    }
    worker.emit(scene, flow.ts_us, Body::Tls(describe(flow)));
}

fn text(bytes: &[u8]) -> String {
    limits::cut(
        String::from_utf8_lossy(bytes).into_owned(),
        limits::TEXT_BYTES_MAX,
    )
}

fn describe(flow: &TlsFlow) -> proto::Tls {
    let mut body = proto::Tls {
        ja3: flow.client_prints.ja3.clone(),
        ja4: flow.client_prints.ja4.clone(),
        ja3s: flow.server_print.clone(),
        established: flow.client_stream.is_encrypted()
            && flow.server_stream.is_encrypted()
            && !flow.is_refused,
        ..proto::Tls::default()
    };
    if let Some(hello) = &flow.client_hello {
        body.version = version_name(hello.version()).into_owned();
        body.server_name = text(hello.sni.as_deref().unwrap_or_default().as_bytes());
        let offered = hello.alpn.iter().take(limits::LIST_ITEMS_MAX);
        body.client_alpn = offered.map(|name| text(name)).collect();
    }
    if let Some(hello) = &flow.server_hello {
        body.version = version_name(hello.version()).into_owned();
        body.cipher = cipher_name(hello.cipher).into_owned();
        body.server_alpn = hello.alpn.as_deref().map(text).unwrap_or_default();
        body.resumed = is_resumed(flow, hello);
    }
    if let Some(certificate) = &flow.certificate {
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
fn is_resumed(flow: &TlsFlow, hello: &ServerHello) -> bool {
    if hello.selected_version.is_some() {
        return hello
            .extensions
            .iter()
            .any(|extension| extension.kind == EXTENSION_PRE_SHARED_KEY);
    }
    let same_session = flow
        .client_hello
        .as_ref()
        .is_some_and(|client| !client.session_id.is_empty() && client.session_id == hello.session_id);
    same_session && !flow.has_certificates && flow.server_stream.is_encrypted()
}
