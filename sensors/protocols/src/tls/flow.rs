//! The TLS of one flow: one event per handshake, when it has gone as far as it will.

use super::card::{Buffer, CERTIFICATES, HELLO};
use super::event;
use super::{ClientHello, Event, ServerHello, Stream, version_name};
use crate::certificate::{self, Certificate};
use crate::fingerprint;
use std::borrow::Cow;
use vonggac_event::{Body, limits};
use vonggac_protocol::{Host, Instances, Judged, Next, Protocol, Side, Source};

const ALERT_FATAL: u8 = 2;

/// A connection is one transaction.
const TRANSACTION: u64 = 0;

/// The TLS of one flow.
#[derive(Default)]
pub(crate) struct TlsFlow {
    streams: [Stream; 2],
    handshake: Handshake,
    is_reported: bool,
}

/// What was said in the clear.
#[derive(Default)]
pub(super) struct Handshake {
    ts_us: i64,
    pub(super) client_hello: Option<Box<ClientHello>>,
    pub(super) server_hello: Option<Box<ServerHello>>,
    pub(super) client_prints: ClientPrints,
    pub(super) server_print: ServerPrint,
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) certificate: Option<Box<Certificate>>,
    pub(super) has_certificates: bool,
    /// An alert ended it.
    pub(super) is_refused: bool,
    /// By side, that what follows is encrypted.
    pub(super) is_encrypted: [bool; 2],
    judged: Judged,
}

/// Fingerprints of the client's hello.
#[derive(Default)]
pub(super) struct ClientPrints {
    pub(super) ja3_text: String,
    pub(super) ja3: String,
    pub(super) ja4: String,
}

/// Fingerprint of the server's hello.
#[derive(Default)]
pub(super) struct ServerPrint {
    pub(super) ja3s_text: String,
    pub(super) ja3s: String,
}

impl TlsFlow {
    fn is_over(&self) -> bool {
        let is_done = |stream: &Stream| stream.is_encrypted() || stream.is_failed();
        self.streams.iter().all(is_done)
    }

    fn take(&mut self, host: &mut dyn Host, side: Side, event: Event) {
        match (event, side) {
            (Event::ClientHello(hello), Side::Client) => self.handshake.client_hello(host, hello),
            (Event::ServerHello(hello), Side::Server) => self.handshake.server_hello(host, hello),
            (Event::Certificates(chain), Side::Server) => self.handshake.certificates(host, chain),
            (Event::Encrypted, Side::Server) => self.handshake.judge_server(host),
            (Event::Alert { level, .. }, _) => self.handshake.is_refused |= level == ALERT_FATAL,
            (
                Event::Heartbeat {
                    kind: 1,
                    claimed_bytes,
                    record_bytes,
                },
                _,
            ) if usize::from(claimed_bytes) > record_bytes => {
                let detail = format!("claims {claimed_bytes} bytes in a record of {record_bytes}");
                host.anomaly(side, "heartbeat_overread", &detail);
            }
            (Event::Anomaly(problem), _) => host.anomaly(side, "tls_malformed", problem),
            _ => {}
        }
    }

    fn report(&mut self, host: &mut dyn Host) {
        self.handshake.judge_server(host);
        if !self.handshake.has_hello() || std::mem::replace(&mut self.is_reported, true) {
            return;
        }
        host.event(
            TRANSACTION,
            self.handshake.ts_us,
            Body::Tls(event::describe(&self.handshake)),
        );
    }
}

impl Handshake {
    fn has_hello(&self) -> bool {
        self.client_hello.is_some() || self.server_hello.is_some()
    }

    fn client_hello(&mut self, host: &mut dyn Host, hello: Box<ClientHello>) {
        if let Some(problem) = hello.malformed {
            host.anomaly(Side::Client, "tls_malformed", problem);
        }
        let is_first = self.client_hello.is_none();
        if is_first {
            self.ts_us = host.now_us();
            let (ja3_text, ja3) = fingerprint::ja3(&hello);
            let ja4 = fingerprint::ja4(&hello, 't');
            self.client_prints = ClientPrints { ja3_text, ja3, ja4 };
        }
        self.client_hello = Some(hello);
        // After a retry request the client says hello again; rules have judged it.
        if is_first {
            self.judge(host, Side::Client, HELLO);
        }
    }

    fn server_hello(&mut self, host: &mut dyn Host, hello: Box<ServerHello>) {
        if let Some(problem) = hello.malformed {
            host.anomaly(Side::Server, "tls_malformed", problem);
        }
        if !self.has_hello() {
            self.ts_us = host.now_us();
        }
        let (ja3s_text, ja3s) = fingerprint::ja3s(&hello);
        self.server_print = ServerPrint { ja3s_text, ja3s };
        self.server_hello = Some(hello);
        self.judge(host, Side::Server, HELLO);
    }

    fn certificates(&mut self, host: &mut dyn Host, chain: Vec<Vec<u8>>) {
        self.has_certificates = true;
        if let Some(der) = chain.first() {
            let (summary, error) = certificate::summarise(der);
            self.certificate = Some(Box::new(summary));
            if let Some(error) = error {
                host.anomaly(Side::Server, "certificate_malformed", &error.to_string());
            }
        }
        self.chain = chain;
        self.judge_server(host);
        // Nobody but rules wants it, and they have seen it.
        self.chain = Vec::new();
    }

    /// Has the server's side judged: its certificates are here, or none will come.
    fn judge_server(&mut self, host: &mut dyn Host) {
        if self.server_hello.is_some() {
            self.judge(host, Side::Server, CERTIFICATES);
        }
    }

    fn judge(&mut self, host: &mut dyn Host, side: Side, stage: u8) {
        if self.judged.advance(side, stage) {
            host.judge(side, stage, self);
        }
    }

    fn version(&self, side: Side) -> Option<u16> {
        match side {
            Side::Client => self.client_hello.as_ref().map(|hello| hello.version()),
            Side::Server => self.server_hello.as_ref().map(|hello| hello.version()),
        }
    }
}

impl Protocol for TlsFlow {
    fn data(&mut self, host: &mut dyn Host, side: Side, bytes: &[u8]) -> Next {
        let mut input = bytes;
        while let Some(event) = side.of_mut(&mut self.streams).next(&mut input) {
            self.take(host, side, event);
        }
        let [client, server] = &self.streams;
        self.handshake.is_encrypted = [client.is_encrypted(), server.is_encrypted()];
        if !self.is_over() {
            return Next::More;
        }
        self.report(host);
        Next::Encrypted
    }

    fn gap(&mut self, host: &mut dyn Host, side: Side, bytes: u64) -> Next {
        side.of_mut(&mut self.streams).gap(bytes);
        self.data(host, side, &[])
    }

    fn finish(&mut self, host: &mut dyn Host) {
        self.report(host);
    }
}

impl Source for Handshake {
    fn transaction(&self) -> u64 {
        TRANSACTION
    }

    fn read<'a>(&'a self, side: Side, buffer: usize, into: &mut Instances<'a>) {
        let Some(buffer) = Buffer::at(buffer) else { return };
        let mut give = |text: &'a str| into.push(Cow::Borrowed(text.as_bytes()));
        let certificate = self.certificate.as_deref();
        match buffer {
            Buffer::ServerName => {
                let name = self.client_hello.as_ref().and_then(|hello| hello.sni.as_deref());
                name.into_iter().for_each(give);
            }
            Buffer::Alpn => {
                let offered = self.client_hello.iter().flat_map(|hello| &hello.alpn);
                into.extend(
                    offered
                        .take(limits::LIST_ITEMS_MAX)
                        .map(|name| Cow::Borrowed(name.as_slice())),
                );
            }
            Buffer::Version => into.extend(
                self.version(side)
                    .map(|version| Cow::Owned(rule_version(version).into_bytes())),
            ),
            Buffer::Ja3Hash => give(&self.client_prints.ja3),
            Buffer::Ja3String => give(&self.client_prints.ja3_text),
            Buffer::Ja4 => give(&self.client_prints.ja4),
            Buffer::Ja3sHash => give(&self.server_print.ja3s),
            Buffer::Ja3sString => give(&self.server_print.ja3s_text),
            Buffer::CertificateSubject => certificate.into_iter().for_each(|of| give(&of.subject)),
            Buffer::CertificateIssuer => certificate.into_iter().for_each(|of| give(&of.issuer)),
            Buffer::CertificateSerial => certificate.into_iter().for_each(|of| give(&of.serial)),
            Buffer::CertificateFingerprint => certificate.into_iter().for_each(|of| give(&of.sha1)),
            Buffer::Certificates => into.extend(self.chain.iter().map(|der| Cow::Borrowed(der.as_slice()))),
        }
    }

    fn excerpt(&self, side: Side) -> Cow<'_, [u8]> {
        Cow::Borrowed(match side {
            Side::Client => self
                .client_hello
                .as_ref()
                .and_then(|hello| hello.sni.as_deref())
                .unwrap_or_default()
                .as_bytes(),
            Side::Server => self.chain.first().map(Vec::as_slice).unwrap_or_default(),
        })
    }

    fn event(&self) -> Option<Body> {
        self.has_hello().then(|| Body::Tls(event::describe(self)))
    }
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
