//! TLS 1.2 (RFC 5246) and 1.3 (RFC 8446) as a tap sees them: handshakes in clear as far as they are, then records of
//! chance. Nothing is really encrypted; nobody without keys can tell.

use crate::der::{Card, KeyKind, Name, certificate, ecdsa_signature};
use crate::random::Random;
use crate::tcp::{Connection, Side};

const HANDSHAKE: u8 = 22;
const CHANGE_CIPHER: u8 = 20;
const APPLICATION: u8 = 23;
const ALERT: u8 = 21;

/// Most payload of one record.
const RECORD_BYTES_MAX: usize = 16_384;

/// A program's way of saying hello; each gives a JA3 and a JA4 of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    ciphers: &'static [u16],
    groups: &'static [u16],
    signatures: &'static [u16],
    protocols: &'static [&'static str],
    /// Extensions in the order they are sent.
    extensions: &'static [u16],
    /// Whether it sends meaningless values that keep servers tolerant (RFC 8701).
    grease: bool,
    offers_13: bool,
}

const SIGNATURES: &[u16] = &[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];

/// A browser of the commonest kind.
pub(crate) const BROWSER: Client = Client {
    ciphers: &[
        0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
        0x009d, 0x002f, 0x0035,
    ],
    groups: &[0x001d, 0x0017, 0x0018],
    signatures: SIGNATURES,
    protocols: &["h2", "http/1.1"],
    extensions: &[0, 23, 0xff01, 10, 11, 35, 16, 5, 13, 18, 51, 45, 43, 27],
    grease: true,
    offers_13: true,
};

/// Another browser, without the meaningless values.
pub(crate) const OTHER_BROWSER: Client = Client {
    ciphers: &[
        0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030, 0xc00a, 0xc009, 0xc013,
        0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
    ],
    groups: &[0x001d, 0x0017, 0x0018, 0x0019, 0x0100, 0x0101],
    signatures: &[
        0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201,
    ],
    protocols: &["h2", "http/1.1"],
    extensions: &[0, 23, 0xff01, 10, 11, 35, 16, 5, 34, 51, 43, 13, 45, 28],
    grease: false,
    offers_13: true,
};

/// A desktop system's own service, which stops at TLS 1.2.
pub(crate) const DESKTOP_SERVICE: Client = Client {
    ciphers: &[
        0xc02c, 0xc02b, 0xc030, 0xc02f, 0xc024, 0xc023, 0xc028, 0xc027, 0xc00a, 0xc009, 0xc014, 0xc013,
        0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f,
    ],
    groups: &[0x001d, 0x0017, 0x0018],
    signatures: &[
        0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0201, 0x0403, 0x0503, 0x0203, 0x0202, 0x0601, 0x0603,
    ],
    protocols: &[],
    extensions: &[0, 5, 10, 11, 13, 35, 23, 0xff01],
    grease: false,
    offers_13: false,
};

/// A command-line tool on a Unix system.
pub(crate) const TOOL: Client = Client {
    ciphers: &[
        0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0x009f, 0xcca9, 0xcca8, 0xccaa, 0xc02b, 0xc02f, 0x009e,
        0xc024, 0xc028, 0x006b, 0xc023, 0xc027, 0x0067, 0xc00a, 0xc014, 0x0039, 0xc009, 0xc013, 0x0033,
        0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x00ff,
    ],
    groups: &[0x001d, 0x0017, 0x001e, 0x0019, 0x0018],
    signatures: &[
        0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401,
    ],
    protocols: &["http/1.1"],
    extensions: &[0, 11, 10, 16, 22, 23, 13, 43, 45, 51],
    grease: false,
    offers_13: true,
};

/// The intruder's program: few ciphers, no name for its application protocol.
pub(crate) const IMPLANT: Client = Client {
    ciphers: &[0xc02f, 0xc030, 0xc013, 0x009c, 0x002f, 0x000a],
    groups: &[0x0017],
    signatures: &[0x0401, 0x0201],
    protocols: &[],
    extensions: &[0, 10, 11, 13],
    grease: false,
    offers_13: false,
};

fn list8(items: &[u8]) -> Vec<u8> {
    [&[items.len() as u8], items].concat()
}

fn list16(items: &[u8]) -> Vec<u8> {
    [&(items.len() as u16).to_be_bytes(), items].concat()
}

fn list24(items: &[u8]) -> Vec<u8> {
    [&(items.len() as u32).to_be_bytes()[1..], items].concat()
}

fn words(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

pub(crate) fn record(kind: u8, version: u16, payload: &[u8]) -> Vec<u8> {
    [&[kind], &version.to_be_bytes()[..], &list16(payload)].concat()
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &list24(body)[..]].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes(), &list16(body)[..]].concat()
}

fn protocol_list(protocols: &[&str]) -> Vec<u8> {
    let names: Vec<u8> = protocols.iter().flat_map(|name| list8(name.as_bytes())).collect();
    list16(&names)
}

fn grease_value(random: &mut Random) -> u16 {
    random.below(16) as u16 * 0x1010 + 0x0a0a
}

/// The body of one of the client's extensions (IANA's numbers).
fn client_extension(
    kind: u16,
    client: &Client,
    server_name: &str,
    random: &mut Random,
    grease: Option<u16>,
) -> Vec<u8> {
    let leading = |values: &[u16]| {
        words(
            &grease
                .into_iter()
                .chain(values.iter().copied())
                .collect::<Vec<u16>>(),
        )
    };
    match kind {
        0 => list16(&[&[0], &list16(server_name.as_bytes())[..]].concat()),
        5 => vec![1, 0, 0, 0, 0],
        10 => list16(&leading(client.groups)),
        11 => vec![1, 0],
        13 => list16(&words(client.signatures)),
        16 => protocol_list(client.protocols),
        27 => vec![2, 0, 2],
        28 => vec![0x40, 0x01],
        34 => list16(&words(&[0x0403, 0x0503, 0x0603, 0x0203])),
        43 => list8(&leading(&[0x0304, 0x0303])),
        45 => vec![1, 1],
        51 => {
            let mut shares = Vec::new();
            if let Some(value) = grease {
                shares.extend_from_slice(&extension(value, &[0]));
            }
            shares.extend_from_slice(&extension(0x001d, &random.bytes(32)));
            list16(&shares)
        }
        0xff01 => vec![0],
        _ => Vec::new(),
    }
}

/// The record with a ClientHello for `server_name`.
pub(crate) fn client_hello(client: &Client, server_name: &str, random: &mut Random) -> Vec<u8> {
    let grease = client.grease.then(|| grease_value(random));
    let mut body = 0x0303_u16.to_be_bytes().to_vec();
    body.extend_from_slice(&random.bytes(32));
    let session = if client.offers_13 {
        random.bytes(32)
    } else {
        Vec::new()
    };
    body.extend_from_slice(&list8(&session));
    let ciphers: Vec<u16> = grease.into_iter().chain(client.ciphers.iter().copied()).collect();
    body.extend_from_slice(&list16(&words(&ciphers)));
    body.extend_from_slice(&[1, 0]);
    let mut extensions = Vec::new();
    if let Some(value) = grease {
        extensions.extend_from_slice(&extension(value, &[]));
    }
    for kind in client.extensions {
        let content = client_extension(*kind, client, server_name, random, grease);
        extensions.extend_from_slice(&extension(*kind, &content));
    }
    if let Some(value) = grease {
        // A second value, which differs from the first.
        extensions.extend_from_slice(&extension(value ^ 0x1010, &[0]));
    }
    body.extend_from_slice(&list16(&extensions));
    record(HANDSHAKE, 0x0301, &handshake(1, &body))
}

fn server_hello(cipher: u16, session: &[u8], extensions: &[u8], random: &mut Random) -> Vec<u8> {
    let mut body = 0x0303_u16.to_be_bytes().to_vec();
    body.extend_from_slice(&random.bytes(32));
    body.extend_from_slice(&list8(session));
    body.extend_from_slice(&cipher.to_be_bytes());
    body.push(0);
    body.extend_from_slice(&list16(extensions));
    handshake(2, &body)
}

/// The server's side of a conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service<'a> {
    pub(crate) name: &'a str,
    pub(crate) organisation: &'a str,
    pub(crate) key: KeyKind,
    /// Stops at TLS 1.2 even for clients that know 1.3.
    pub(crate) only_12: bool,
    /// Shows a certificate that it signed itself.
    pub(crate) self_signed: bool,
}

fn chain(service: &Service<'_>, start_us: i64) -> Vec<u8> {
    // A host shows the same certificate each time: it comes from its name, not from the conversation.
    let mut random = Random::stream(0x5eed, service.name, 0);
    let authority = Name {
        organisation: "Trung tâm chứng thực thử nghiệm",
        common: "CA Thu Nghiem G2",
    };
    let root = Name {
        organisation: "Trung tâm chứng thực thử nghiệm",
        common: "Root Thu Nghiem",
    };
    let subject = Name {
        organisation: service.organisation,
        common: service.name,
    };
    let issuer = if service.self_signed { subject } else { authority };
    let age_days = random.between(3, 60);
    let leaf = Card {
        subject,
        issuer,
        hosts: &[service.name],
        key: service.key,
        not_before_us: start_us - age_days * 86_400_000_000,
        days: 90,
    };
    let mut list = list24(&certificate(&mut random, &leaf));
    if !service.self_signed {
        let mut random = Random::stream(0x5eed, authority.common, 0);
        let not_before_us = start_us - 400 * 86_400_000_000;
        let card = Card {
            subject: authority,
            issuer: root,
            hosts: &[],
            key: KeyKind::Ec,
            not_before_us,
            days: 1825,
        };
        list.extend_from_slice(&list24(&certificate(&mut random, &card)));
    }
    list24(&list)
}

/// A TLS conversation over a connection.
pub(crate) struct Session<'c, 't> {
    connection: &'c mut Connection<'t>,
}

impl<'c, 't> Session<'c, 't> {
    /// Shakes hands. `day_us` dates the certificates, so it should be the capture's start.
    pub(crate) fn open(
        connection: &'c mut Connection<'t>,
        client: &Client,
        service: &Service<'_>,
        day_us: i64,
    ) -> Self {
        let hello = client_hello(client, service.name, connection.random());
        connection.say(Side::Client, &hello);
        connection.think(400, 3000);
        if client.offers_13 && !service.only_12 {
            // The session id, which a server of TLS 1.3 gives back, stands after 44 bytes of record and hello.
            let session = hello.get(44..76).unwrap_or_default().to_vec();
            handshake_13(connection, client, &session);
        } else {
            handshake_12(connection, client, service, day_us);
        }
        Self { connection }
    }

    /// One side sends `length` bytes that nobody can read.
    pub(crate) fn send(&mut self, side: Side, length: usize) {
        let mut rest = length.max(1);
        let mut records = Vec::with_capacity(length + 64);
        while rest > 0 {
            let size = rest.min(RECORD_BYTES_MAX);
            let payload = self.connection.random().bytes(size + 24);
            // A record's ciphertext may be 256 bytes longer than its text (RFC 8446, 5.2).
            records.extend_from_slice(&record(APPLICATION, 0x0303, &payload));
            rest -= size;
        }
        self.connection.say(side, &records);
    }

    /// The server takes its time.
    pub(crate) fn think(&mut self, low_us: i64, high_us: i64) {
        self.connection.think(low_us, high_us);
    }

    /// The client says goodbye.
    pub(crate) fn close(self, version_12: bool) {
        let payload = self.connection.random().bytes(if version_12 { 26 } else { 19 });
        let kind = if version_12 { ALERT } else { APPLICATION };
        self.connection.say(Side::Client, &record(kind, 0x0303, &payload));
        self.connection.close(Side::Client);
    }
}

fn handshake_13(connection: &mut Connection<'_>, client: &Client, session: &[u8]) {
    let random = connection.random();
    let share = extension(51, &extension(0x001d, &random.bytes(32)));
    let version = extension(43, &0x0304_u16.to_be_bytes());
    let cipher = client.ciphers.first().copied().unwrap_or(0x1301);
    let hello = server_hello(cipher, session, &[version, share].concat(), random);
    let mut flight = record(HANDSHAKE, 0x0303, &hello);
    flight.extend_from_slice(&record(CHANGE_CIPHER, 0x0303, &[1]));
    for length in [32 + random.size(0, 30), random.size(2200, 3600), 96, 53] {
        let payload = random.bytes(length);
        flight.extend_from_slice(&record(APPLICATION, 0x0303, &payload));
    }
    connection.say(Side::Server, &flight);
    connection.pause(600);
    let finished = connection.random().bytes(53);
    let answer = [
        record(CHANGE_CIPHER, 0x0303, &[1]),
        record(APPLICATION, 0x0303, &finished),
    ]
    .concat();
    connection.say(Side::Client, &answer);
}

fn handshake_12(connection: &mut Connection<'_>, client: &Client, service: &Service<'_>, day_us: i64) {
    let wanted: &[u16] = match service.key {
        KeyKind::Ec => &[0xc02b, 0xc02c],
        KeyKind::Rsa => &[0xc02f, 0xc030],
    };
    let cipher = wanted
        .iter()
        .copied()
        .find(|cipher| client.ciphers.contains(cipher))
        .unwrap_or(0xc02f);
    let random = connection.random();
    let mut extensions = [extension(0xff01, &[0]), extension(11, &[1, 0])].concat();
    if client.protocols.contains(&"http/1.1") {
        extensions.extend_from_slice(&extension(16, &protocol_list(&["http/1.1"])));
    }
    let session = random.bytes(32);
    let mut flight = server_hello(cipher, &session, &extensions, random);
    flight.extend_from_slice(&handshake(11, &chain(service, day_us)));
    let (group, point) = match client.groups.first() {
        Some(0x001d) => (0x001d_u16, random.bytes(32)),
        _ => (0x0017, [vec![4], random.bytes(64)].concat()),
    };
    let (scheme, signature) = match service.key {
        KeyKind::Ec => (0x0403_u16, ecdsa_signature(random)),
        KeyKind::Rsa => (0x0401, random.bytes(256)),
    };
    let exchange = [
        &[3],
        &group.to_be_bytes()[..],
        &list8(&point),
        &scheme.to_be_bytes(),
        &list16(&signature),
    ]
    .concat();
    flight.extend_from_slice(&handshake(12, &exchange));
    flight.extend_from_slice(&handshake(14, &[]));
    connection.say(Side::Server, &record(HANDSHAKE, 0x0303, &flight));
    connection.pause(900);

    let random = connection.random();
    let key = if group == 0x001d {
        random.bytes(32)
    } else {
        [vec![4], random.bytes(64)].concat()
    };
    let finished = random.bytes(40);
    let answer = [
        record(HANDSHAKE, 0x0303, &handshake(16, &list8(&key))),
        record(CHANGE_CIPHER, 0x0303, &[1]),
        record(HANDSHAKE, 0x0303, &finished),
    ]
    .concat();
    connection.say(Side::Client, &answer);
    connection.think(200, 900);
    let finished = connection.random().bytes(40);
    let answer = [
        record(CHANGE_CIPHER, 0x0303, &[1]),
        record(HANDSHAKE, 0x0303, &finished),
    ]
    .concat();
    connection.say(Side::Server, &answer);
}
