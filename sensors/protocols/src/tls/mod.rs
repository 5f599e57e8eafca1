//! TLS (SSL 3.0 to TLS 1.3) over a stream, as far as it is in the clear.
//!
//! ```text
//!  0      1         3        5
//!  +------+---------+--------+----------------------------------------------+
//!  | type | version | length | fragment: part of, one or several messages   |
//!  +------+---------+--------+----------------------------------------------+
//!                            | type: u8 | length: u24 | body ...            |
//! ```
//!
//! One [`Stream`] reads one direction and is pulled: [`Stream::next`] takes bytes off the input and gives the next
//! [`Event`], until there is none. Once the direction is encrypted it swallows everything. Nothing is decrypted.
//! SSL 2.0 is recognised and refused. [`parse_client_hello`] serves QUIC too, whose CRYPTO frames carry the same body.
//!
//! Invariants: a direction buffers at most [`HANDSHAKE_BYTES_MAX`] bytes and one record, and gives at most
//! [`HANDSHAKE_MESSAGES_MAX`] handshake messages; over that it reports an anomaly and skips or gives up.

mod card;
mod event;
mod flow;
mod handshake;
mod keywords;
mod registry;
mod stream;

pub use card::CARD;
pub use handshake::{
    ClientHello, Extension, ServerHello, TlsError, is_grease, parse_certificates, parse_client_hello,
    parse_server_hello,
};
pub use registry::{cipher_name, version_name};
pub use stream::{Event, Stream};

/// Largest handshake message read; larger ones are skipped.
pub const HANDSHAKE_BYTES_MAX: usize = 128 * 1024;
/// Most handshake messages read in one direction.
pub const HANDSHAKE_MESSAGES_MAX: usize = 64;
/// Most certificates taken from one message.
pub const CERTIFICATES_MAX: usize = 32;
/// Largest record fragment: 2^14 and the most that encryption may add (RFC 5246, 6.2.3).
pub const RECORD_BYTES_MAX: usize = 16_384 + 2_048;

/// Whether a stream that begins with `start` is very likely TLS: a handshake or alert record of a known version,
/// and when there is enough of it, a hello inside. An SSL 2.0 hello is not.
pub fn looks_like_tls(start: &[u8]) -> bool {
    let [kind, 3, minor, high, low, body @ ..] = start else {
        return false;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if *minor > 4 || length == 0 || length > RECORD_BYTES_MAX {
        return false;
    }
    match kind {
        21 => length == 2 && body.first().is_none_or(|level| matches!(level, 1 | 2)),
        22 => body.first().is_none_or(|message| matches!(message, 1 | 2)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
