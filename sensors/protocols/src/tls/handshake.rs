//! Bodies of the handshake messages that are in the clear.

use nom::Parser;
use nom::bytes::complete::take;
use nom::multi::{length_data, many0};
use nom::number::complete::{be_u8, be_u16, be_u24};

use super::CERTIFICATES_MAX;
use crate::wire::{Malformed, Parsed, reason};

/// Bytes of the hello's random.
const RANDOM_BYTES: usize = 32;

/// What a peer sent that is not the message it says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The client's hello.
    #[error("client hello: {0}")]
    ClientHello(&'static str),
    /// The server's hello.
    #[error("server hello: {0}")]
    ServerHello(&'static str),
    /// Either side's certificates.
    #[error("certificates: {0}")]
    Certificates(&'static str),
}

/// One extension as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// IANA's number of it.
    pub kind: u16,
    /// Its data.
    pub bytes: Vec<u8>,
}

/// A client hello. Lists are in the order sent, GREASE included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientHello {
    /// The version field; TLS 1.3 clients put 0x0303 here. See [`ClientHello::version`].
    pub legacy_version: u16,
    /// The 32 random bytes.
    pub random: Vec<u8>,
    /// Session id, up to 32 bytes when well-formed.
    pub session_id: Vec<u8>,
    /// Cipher suites offered.
    pub ciphers: Vec<u16>,
    /// Compression methods offered.
    pub compressions: Vec<u8>,
    /// All extensions.
    pub extensions: Vec<Extension>,
    /// Host name of the server name extension, in the case sent.
    pub sni: Option<String>,
    /// Application protocols offered.
    pub alpn: Vec<Vec<u8>>,
    /// Versions offered by the supported_versions extension.
    pub supported_versions: Vec<u16>,
    /// Named groups offered.
    pub groups: Vec<u16>,
    /// Elliptic curve point formats offered.
    pub point_formats: Vec<u8>,
    /// Signature algorithms offered.
    pub signature_algorithms: Vec<u16>,
    /// What is wrong with an extension, if something is; the fields it would have filled are empty.
    pub malformed: Option<&'static str>,
}

impl ClientHello {
    /// The highest version offered, TLS 1.3 before its drafts.
    pub fn version(&self) -> u16 {
        let offered = || {
            self.supported_versions
                .iter()
                .copied()
                .filter(|version| !is_grease(*version))
        };
        if offered().any(|version| version == 0x0304) {
            return 0x0304;
        }
        offered().max().unwrap_or(self.legacy_version)
    }
}

/// A server hello, a retry request included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerHello {
    /// The version field; see [`ServerHello::version`].
    pub legacy_version: u16,
    /// The 32 random bytes.
    pub random: Vec<u8>,
    /// Session id, empty in the drafts of TLS 1.3 that have none.
    pub session_id: Vec<u8>,
    /// Cipher suite chosen.
    pub cipher: u16,
    /// Compression method chosen.
    pub compression: u8,
    /// All extensions.
    pub extensions: Vec<Extension>,
    /// Application protocol chosen.
    pub alpn: Option<Vec<u8>>,
    /// Version chosen by the supported_versions extension.
    pub selected_version: Option<u16>,
    /// What is wrong with an extension, if something is.
    pub malformed: Option<&'static str>,
}

impl ServerHello {
    /// The version the connection will have.
    pub fn version(&self) -> u16 {
        self.selected_version.unwrap_or(self.legacy_version)
    }
}

/// Whether RFC 8701 reserves the value for nonsense.
pub fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

/// Reads the body of a client hello, without the four bytes of message header.
///
/// # Errors
/// [`TlsError::ClientHello`] when the fixed part does not fit.
pub fn parse_client_hello(body: &[u8]) -> Result<ClientHello, TlsError> {
    let wrong = |error| TlsError::ClientHello(reason(error));
    let (rest, (legacy_version, random, session_id)) = (be_u16, take(RANDOM_BYTES), length_data(be_u8))
        .parse(body)
        .map_err(wrong)?;
    let (rest, (ciphers, compressions)) = (length_data(be_u16), length_data(be_u8))
        .parse(rest)
        .map_err(wrong)?;
    let mut hello = ClientHello {
        legacy_version,
        random: random.to_vec(),
        session_id: session_id.to_vec(),
        ciphers: numbers(ciphers).map_err(wrong)?,
        compressions: compressions.to_vec(),
        ..ClientHello::default()
    };
    hello.malformed = extensions(rest, &mut hello.extensions);
    for index in 0..hello.extensions.len() {
        let fault = hello
            .extensions
            .get(index)
            .cloned()
            .and_then(|extension| hello.read_extension(&extension));
        hello.malformed = hello.malformed.or(fault);
    }
    Ok(hello)
}

impl ClientHello {
    /// Fills the field that belongs to `extension`, and says what is wrong with it.
    fn read_extension(&mut self, extension: &Extension) -> Option<&'static str> {
        let bytes = extension.bytes.as_slice();
        let result = match extension.kind {
            0 => server_name(bytes).map(|name| self.sni = name),
            10 => numbers_u16(bytes).map(|groups| self.groups = groups),
            11 => list_u8(bytes).map(|formats| self.point_formats = formats.to_vec()),
            13 => numbers_u16(bytes).map(|algorithms| self.signature_algorithms = algorithms),
            16 => protocols(bytes).map(|protocols| self.alpn = protocols),
            43 => list_u8(bytes)
                .and_then(numbers)
                .map(|versions| self.supported_versions = versions),
            _ => Ok(()),
        };
        // Clients may send an empty server name in a retry; it says nothing and breaks nothing.
        result
            .err()
            .filter(|_| !bytes.is_empty())
            .map(|_| "extension does not fit its type")
    }
}

/// Reads the body of a server hello, without the four bytes of message header.
///
/// # Errors
/// [`TlsError::ServerHello`] when the fixed part does not fit.
pub fn parse_server_hello(body: &[u8]) -> Result<ServerHello, TlsError> {
    let wrong = |error| TlsError::ServerHello(reason(error));
    let (rest, (legacy_version, random)) = (be_u16, take(RANDOM_BYTES)).parse(body).map_err(wrong)?;
    // Drafts of TLS 1.3 up to 21 dropped the session id and the compression method.
    let is_short = (0x7f01..=0x7f15).contains(&legacy_version);
    let (rest, (session_id, cipher, compression)) = if is_short {
        let (rest, cipher) = be_u16(rest).map_err(wrong)?;
        (rest, ([].as_slice(), cipher, 0))
    } else {
        (length_data(be_u8), be_u16, be_u8).parse(rest).map_err(wrong)?
    };
    let mut hello = ServerHello {
        legacy_version,
        random: random.to_vec(),
        session_id: session_id.to_vec(),
        cipher,
        compression,
        ..ServerHello::default()
    };
    hello.malformed = extensions(rest, &mut hello.extensions);
    for extension in &hello.extensions {
        let bytes = extension.bytes.as_slice();
        match extension.kind {
            16 => {
                hello.alpn = protocols(bytes)
                    .ok()
                    .and_then(|protocols| protocols.into_iter().next())
            }
            43 => hello.selected_version = number(bytes).ok().map(|(_, version)| version),
            _ => {}
        }
    }
    Ok(hello)
}

/// Reads the body of a certificate message as TLS up to 1.2 sends it: the DER of each certificate, leaf first,
/// at most [`CERTIFICATES_MAX`] of them.
///
/// # Errors
/// [`TlsError::Certificates`] when the lengths do not add up.
pub fn parse_certificates(body: &[u8]) -> Result<Vec<Vec<u8>>, TlsError> {
    let wrong = |error: nom::Err<Malformed>| TlsError::Certificates(reason(error));
    let (_, mut rest) = length_data(be_u24).parse(body).map_err(wrong)?;
    let mut chain = Vec::new();
    while !rest.is_empty() && chain.len() < CERTIFICATES_MAX {
        let (after, der): (&[u8], &[u8]) = length_data(be_u24).parse(rest).map_err(wrong)?;
        chain.push(der.to_vec());
        rest = after;
    }
    Ok(chain)
}

/// Reads the extension block into `list` as far as it goes, and says what stopped it.
fn extensions(input: &[u8], list: &mut Vec<Extension>) -> Option<&'static str> {
    if input.is_empty() {
        return None;
    }
    let mut rest = match length_data::<_, Malformed, _>(be_u16).parse(input) {
        Ok((_, block)) => block,
        // A length that lies still leaves extensions to read.
        Err(_) => input.get(2..).unwrap_or_default(),
    };
    while !rest.is_empty() {
        match (be_u16::<_, Malformed>, length_data(be_u16)).parse(rest) {
            Ok((after, (kind, bytes))) => {
                list.push(Extension {
                    kind,
                    bytes: bytes.to_vec(),
                });
                rest = after;
            }
            Err(_) => return Some("extensions truncated"),
        }
    }
    None
}

type Field<T> = Result<T, nom::Err<Malformed>>;

fn number(input: &[u8]) -> Parsed<'_, u16> {
    be_u16(input)
}

/// All of `input` as big-endian numbers.
fn numbers(input: &[u8]) -> Field<Vec<u16>> {
    if !input.len().is_multiple_of(2) {
        return Err(nom::Err::Error(Malformed("odd length of a list of numbers")));
    }
    many0(number).parse(input).map(|(_, list)| list)
}

fn numbers_u16(input: &[u8]) -> Field<Vec<u16>> {
    let (_, list) = length_data(be_u16).parse(input)?;
    numbers(list)
}

fn list_u8(input: &[u8]) -> Field<&[u8]> {
    length_data(be_u8).parse(input).map(|(_, list)| list)
}

fn protocols(input: &[u8]) -> Field<Vec<Vec<u8>>> {
    let (_, list): (&[u8], &[u8]) = length_data(be_u16).parse(input)?;
    let mut protocols = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let (after, protocol): (&[u8], &[u8]) = length_data(be_u8).parse(rest)?;
        protocols.push(protocol.to_vec());
        rest = after;
    }
    Ok(protocols)
}

/// The first host name of the list (RFC 6066, 3).
fn server_name(input: &[u8]) -> Field<Option<String>> {
    let (_, mut rest): (&[u8], &[u8]) = length_data(be_u16).parse(input)?;
    while !rest.is_empty() {
        let (after, (kind, name)) = (be_u8, length_data(be_u16)).parse(rest)?;
        if kind == 0 {
            return Ok(Some(String::from_utf8_lossy(name).into_owned()));
        }
        rest = after;
    }
    Ok(None)
}
