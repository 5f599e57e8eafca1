//! Application protocols: DNS, HTTP/1, Modbus and TLS.
//!
//! Everything here is pure and synchronous: bytes go in, typed items come out. There is no I/O, no clock and no
//! global state, and nothing here decides what is malicious.
//!
//! A protocol is a folder. Its parser reads one message or one direction; its `flow` follows a conversation as the sensor has it
//! ([`vonggac_protocol::Protocol`]); its `card` declares it, and [`REGISTRY`] lists the cards.
//!
//! | module | reads | shape |
//! |---|---|---|
//! | [`dns`] | one DNS message | whole payload in, one [`dns::Message`] out |
//! | [`http`] | one direction of an HTTP/1 connection | incremental, pull style |
//! | [`modbus`] | one Modbus message | whole message in, one [`modbus::Message`] out |
//! | [`tls`] | one direction of a TLS connection, until it is encrypted | incremental, pull style |
//! | [`certificate`] | one DER certificate | a summary in Suricata's spelling |
//! | [`fingerprint`] | parsed hellos | JA3, JA3S, JA4 |
//! | [`community_id`] | an address pair | Community ID version 1 |
//!
//! Invariants:
//! - No input makes a parser panic, and no parser takes more than linear time in what it is fed.
//! - Each parser's memory has a named limit beside its code; what went over it is reported, not hidden.
//! - The incremental parsers give the same items however the stream was cut into pieces.

pub mod certificate;
pub mod community_id;
pub mod dns;
pub mod fingerprint;
pub mod http;
pub mod modbus;
pub mod tls;

mod wire;

use vonggac_protocol::Card;

/// The protocols that are read, in the order in which a flow's beginning is shown to them.
pub static REGISTRY: &[&Card] = &[&http::CARD, &tls::CARD, &dns::CARD, &modbus::CARD];
