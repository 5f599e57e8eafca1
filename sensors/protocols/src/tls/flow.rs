//! The TLS of one flow: one event per handshake, when it has gone as far as it will.

use super::card::{Buffer, CERTIFICATES, HELLO, Number};
use super::event;
use super::{ClientHello, Event, ServerHello, Stream};
use crate::certificate::{self, Certificate};
use crate::fingerprint;
use std::any::Any;
use std::borrow::Cow;
use vonggac_event::{Body, limits};
use vonggac_protocol::{Host, Instances, Judged, Next, Protocol, Side, Source};

const ALERT_FATAL: u8 = 2;

/// How much of a hello's random bytes was the time, once.
const RANDOM_TIME_BYTES: usize = 4;

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
    /// By side, what it shows of itself.
    pub(super) chains: [Chain; 2],
    /// An alert ended it.
    pub(super) is_refused: bool,
    /// By side, that what follows is encrypted.
    pub(super) is_encrypted: [bool; 2],
    judged: Judged,
}

/// The certificates of a side.
#[derive(Default)]
pub(super) struct Chain {
    /// They were sent, though there may be none.
    pub(super) was_sent: bool,
    /// The side's own, as far as it can be read.
    pub(super) certificate: Option<Box<Certificate>>,
    /// Each as sent; only while rules look at them.
    der: Vec<Vec<u8>>,
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
            (Event::Certificates(chain), _) => self.handshake.certificates(host, side, chain),
            (Event::Encrypted, _) => self.handshake.judge_certificates(host, side),
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
        for side in Side::BOTH {
            self.handshake.judge_certificates(host, side);
        }
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

    fn certificates(&mut self, host: &mut dyn Host, side: Side, der: Vec<Vec<u8>>) {
        let chain = side.of_mut(&mut self.chains);
        chain.was_sent = true;
        if let Some(own) = der.first() {
            let (summary, error) = certificate::summarise(own);
            chain.certificate = Some(Box::new(summary));
            if let Some(error) = error {
                host.anomaly(side, "certificate_malformed", &error.to_string());
            }
        }
        chain.der = der;
        self.judge_certificates(host, side);
        // Nobody but rules wants them, and they have seen them.
        side.of_mut(&mut self.chains).der = Vec::new();
    }

    /// Has a side judged: its certificates are here, or none will come.
    fn judge_certificates(&mut self, host: &mut dyn Host, side: Side) {
        if self.version(side).is_some() {
            self.judge(host, side, CERTIFICATES);
        }
    }

    /// The random bytes of a side's hello, the first four of which older versions take from the clock.
    fn random(&self, side: Side) -> Option<&[u8]> {
        match side {
            Side::Client => self.client_hello.as_ref().map(|hello| hello.random.as_slice()),
            Side::Server => self.server_hello.as_ref().map(|hello| hello.random.as_slice()),
        }
    }

    fn judge(&mut self, host: &mut dyn Host, side: Side, stage: u8) {
        for stage in self.judged.advance(side, stage) {
            host.judge(side, stage, self);
        }
    }

    /// The version of a side's hello.
    pub(super) fn version(&self, side: Side) -> Option<u16> {
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

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }

    fn read<'a>(&'a self, side: Side, buffer: usize, into: &mut Instances<'a>) {
        let Some(buffer) = Buffer::at(buffer) else { return };
        let mut give = |text: &'a str| into.push(Cow::Borrowed(text.as_bytes()));
        let chain = side.of(&self.chains);
        let certificate = chain.certificate.as_deref();
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
            Buffer::Ja3Hash => give(&self.client_prints.ja3),
            Buffer::Ja3String => give(&self.client_prints.ja3_text),
            Buffer::Ja4 => give(&self.client_prints.ja4),
            Buffer::Ja3sHash => give(&self.server_print.ja3s),
            Buffer::Ja3sString => give(&self.server_print.ja3s_text),
            Buffer::CertificateSubject => certificate.into_iter().for_each(|of| give(&of.subject)),
            Buffer::CertificateIssuer => certificate.into_iter().for_each(|of| give(&of.issuer)),
            Buffer::CertificateSerial => certificate.into_iter().for_each(|of| give(&of.serial)),
            Buffer::CertificateFingerprint => certificate.into_iter().for_each(|of| give(&of.sha1)),
            Buffer::Certificates => into.extend(chain.der.iter().map(|der| Cow::Borrowed(der.as_slice()))),
            Buffer::AlternativeName => {
                let names = certificate.into_iter().flat_map(|of| &of.san_dns);
                names.take(limits::LIST_ITEMS_MAX).for_each(|name| give(name));
            }
            Buffer::Random => into.extend(self.random(side).map(Cow::Borrowed)),
            Buffer::RandomTime => {
                let random = self.random(side);
                into.extend(
                    random
                        .and_then(|random| random.get(..RANDOM_TIME_BYTES))
                        .map(Cow::Borrowed),
                );
            }
            Buffer::RandomBytes => {
                let random = self.random(side);
                into.extend(
                    random
                        .and_then(|random| random.get(RANDOM_TIME_BYTES..))
                        .map(Cow::Borrowed),
                );
            }
        }
    }

    fn numbers(&self, side: Side, number: usize, into: &mut Vec<u64>) {
        let chain = side.of(&self.chains);
        match Number::at(number) {
            Some(Number::ChainLength) if chain.was_sent => into.push(chain.der.len() as u64),
            Some(Number::ChainLength) | None => {}
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
            Side::Server => {
                let [_, Chain { der, .. }] = &self.chains;
                der.first().map(Vec::as_slice).unwrap_or_default()
            }
        })
    }

    fn event(&self) -> Option<Body> {
        self.has_hello().then(|| Body::Tls(event::describe(self)))
    }
}
