//! TLS and DNS said in other ways.

use super::attack::{Message, with_length};
use super::{Attack, Technique};
use crate::dns::{RecordType, request};
use crate::tcp::Side;
use crate::tls::record;

const TLS: &[Attack] = &[Attack::TlsName];
const DNS: &[Attack] = &[Attack::DnsName];

/// Bytes of a TLS record's header, and of a DNS message's with its length before it.
const RECORD_HEADER: usize = 5;
const DNS_HEADER: usize = 2 + 12;

pub(super) const TECHNIQUES: &[Technique] = &[
    Technique::messages("tls_records_of_1", TLS, |messages| {
        split_hello(messages, 1, 0x0301)
    }),
    Technique::messages("tls_records_of_16", TLS, |messages| {
        split_hello(messages, 16, 0x0301)
    }),
    Technique::messages("tls_record_version_30", TLS, |messages| {
        split_hello(messages, 16_384, 0x0300)
    }),
    Technique::messages("tls_record_version_33", TLS, |messages| {
        split_hello(messages, 16_384, 0x0303)
    }),
    Technique::messages("dns_name_case", DNS, |messages| {
        for message in messages.iter_mut().filter(|message| message.side == Side::Client) {
            let odd = |(index, byte): (usize, &u8)| match index % 2 {
                0 => byte.to_ascii_uppercase(),
                _ => *byte,
            };
            let (header, rest) = message.bytes.split_at(DNS_HEADER.min(message.bytes.len()));
            message.bytes = [header, &rest.iter().enumerate().map(odd).collect::<Vec<u8>>()].concat();
        }
    }),
    Technique::messages("dns_second_of_three", DNS, |messages| {
        for message in messages.iter_mut().filter(|message| message.side == Side::Client) {
            let other = |id, name| with_length(&request(id, name, RecordType::A));
            let (before, after) = (other(7, "portal.example"), other(8, "mail.example"));
            message.bytes = [before, message.bytes.clone(), after].concat();
        }
    }),
    Technique::messages("dns_padded", DNS, |messages| {
        // An option of padding (RFC 7830) in the OPT record, which is the last.
        for message in messages.iter_mut().filter(|message| message.side == Side::Client) {
            let padding: u16 = 200;
            let mut bytes = message
                .bytes
                .get(2..message.bytes.len() - 2)
                .unwrap_or_default()
                .to_vec();
            bytes.extend_from_slice(&(padding + 4).to_be_bytes());
            bytes.extend_from_slice(&[0, 12]);
            bytes.extend_from_slice(&padding.to_be_bytes());
            bytes.extend(std::iter::repeat_n(0, usize::from(padding)));
            message.bytes = with_length(&bytes);
        }
    }),
];

/// Lets the hello come in records of `size` bytes.
fn split_hello(messages: &mut [Message], size: usize, version: u16) {
    const HANDSHAKE: u8 = 22;
    for message in messages.iter_mut().filter(|message| message.side == Side::Client) {
        let hello = message.bytes.get(RECORD_HEADER..).unwrap_or_default();
        let records = hello.chunks(size).map(|part| record(HANDSHAKE, version, part));
        message.bytes = records.collect::<Vec<_>>().concat();
    }
}
