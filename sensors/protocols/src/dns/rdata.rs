//! Record data as text.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use nom::Parser;
use nom::bytes::complete::take;
use nom::combinator::rest as remainder;
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u16, be_u32};

use super::name::name;
use crate::wire::{Parsed, push_escaped};
use vonggac_event::hexadecimal;

/// Most bytes of opaque data shown as hex.
const HEX_BYTES_MAX: usize = 64;
/// Most parameters of an SVCB record shown.
const SERVICE_PARAMETERS_MAX: usize = 16;

/// The text form of `bytes` as data of type `rtype`; none when they do not fit the type. Types without a form of
/// their own come out as hex.
pub(super) fn text(message: &[u8], bytes: &[u8], rtype: u16) -> Option<String> {
    let (_, text) = match rtype {
        1 => address_v4(bytes),
        2 | 3 | 4 | 5 | 7 | 8 | 9 | 12 | 39 => name(message, bytes),
        6 => start_of_authority(message, bytes),
        15 | 18 | 21 | 36 => exchange(message, bytes),
        16 | 99 => strings(bytes).map(|(rest, strings)| (rest, strings.join(" "))),
        28 => address_v6(bytes),
        33 => server(message, bytes),
        64 | 65 => service(message, bytes),
        257 => authorisation(bytes),
        _ => return Some(hex_bounded(bytes)),
    }
    .ok()?;
    Some(text)
}

/// The strings of a record whose type is text; none for other types, and for data that does not fit.
pub(super) fn strings_of(bytes: &[u8], rtype: u16) -> Vec<String> {
    match rtype {
        16 | 99 => strings(bytes).map(|(_, strings)| strings).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// The name within data of that type, as [`text`] writes it, for types that have one.
pub(super) fn name_within(data: &str, rtype: u16) -> Option<&str> {
    match rtype {
        2 | 5 | 12 | 39 => Some(data),
        6 => data.split(' ').next(),
        15 | 33 => data.rsplit(' ').next(),
        _ => None,
    }
}

/// Hex of at most [`HEX_BYTES_MAX`] bytes, with `...` when there were more.
pub(super) fn hex_bounded(bytes: &[u8]) -> String {
    match bytes.get(..HEX_BYTES_MAX) {
        Some(head) if bytes.len() > HEX_BYTES_MAX => hexadecimal(head) + "...",
        _ => hexadecimal(bytes),
    }
}

fn address_v4(input: &[u8]) -> Parsed<'_, String> {
    let (rest, bits) = be_u32(input)?;
    Ok((rest, Ipv4Addr::from(bits).to_string()))
}

fn address_v6(input: &[u8]) -> Parsed<'_, String> {
    let (rest, bits) = nom::number::complete::be_u128(input)?;
    Ok((rest, Ipv6Addr::from(bits).to_string()))
}

fn exchange<'a>(message: &'a [u8], input: &'a [u8]) -> Parsed<'a, String> {
    let (rest, preference) = be_u16(input)?;
    let (rest, host) = name(message, rest)?;
    Ok((rest, format!("{preference} {host}")))
}

fn start_of_authority<'a>(message: &'a [u8], input: &'a [u8]) -> Parsed<'a, String> {
    let (rest, primary) = name(message, input)?;
    let (rest, mailbox) = name(message, rest)?;
    let (rest, (serial, refresh, retry, expire, minimum)) =
        (be_u32, be_u32, be_u32, be_u32, be_u32).parse(rest)?;
    Ok((
        rest,
        format!("{primary} {mailbox} {serial} {refresh} {retry} {expire} {minimum}"),
    ))
}

fn server<'a>(message: &'a [u8], input: &'a [u8]) -> Parsed<'a, String> {
    let (rest, (priority, weight, port)) = (be_u16, be_u16, be_u16).parse(input)?;
    let (rest, target) = name(message, rest)?;
    Ok((rest, format!("{priority} {weight} {port} {target}")))
}

/// The character strings of a TXT record.
fn strings(input: &[u8]) -> Parsed<'_, Vec<String>> {
    let mut strings = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let (after, string) = length_data(be_u8).parse(rest)?;
        let mut text = String::new();
        push_all(&mut text, string);
        strings.push(text);
        rest = after;
    }
    Ok((rest, strings))
}

/// `0 issue "ca.example"` (RFC 8659).
fn authorisation(input: &[u8]) -> Parsed<'_, String> {
    let (rest, flags) = be_u8(input)?;
    let (rest, tag) = length_data(be_u8).parse(rest)?;
    let (rest, value) = remainder(rest)?;
    let mut text = format!("{flags} ");
    push_all(&mut text, tag);
    text.push_str(" \"");
    push_all(&mut text, value);
    text.push('"');
    Ok((rest, text))
}

/// `1 target alpn=h2,h3 port=8443 ipv4hint=192.0.2.1` (RFC 9460). The target is `.` when it is the owner itself.
fn service<'a>(message: &'a [u8], input: &'a [u8]) -> Parsed<'a, String> {
    let (rest, priority) = be_u16(input)?;
    let (mut rest, target) = name(message, rest)?;
    let mut text = format!(
        "{priority} {}",
        if target.is_empty() { "." } else { target.as_str() }
    );
    for _ in 0..SERVICE_PARAMETERS_MAX {
        if rest.is_empty() {
            break;
        }
        let (after, key) = be_u16(rest)?;
        let (after, value) = length_data(be_u16).parse(after)?;
        text.push(' ');
        push_parameter(&mut text, key, value)?;
        rest = after;
    }
    Ok((rest, text))
}

fn push_parameter<'a>(
    text: &mut String,
    key: u16,
    value: &'a [u8],
) -> Result<(), nom::Err<crate::wire::Malformed>> {
    let mut values: Vec<String> = Vec::new();
    let mut rest: &'a [u8] = value;
    let label = match key {
        1 => "alpn",
        3 => "port",
        4 => "ipv4hint",
        5 => "ech",
        6 => "ipv6hint",
        _ => {
            let _ = write!(text, "key{key}={}", hex_bounded(value));
            return Ok(());
        }
    };
    while !rest.is_empty() {
        let (after, one) = match key {
            1 => {
                let (after, protocol) = length_data(be_u8).parse(rest)?;
                let mut name = String::new();
                push_all(&mut name, protocol);
                (after, name)
            }
            3 => {
                let (after, port) = be_u16(rest)?;
                (after, port.to_string())
            }
            4 => address_v4(rest)?,
            6 => address_v6(rest)?,
            _ => {
                let (after, bytes) = take(rest.len()).parse(rest)?;
                (after, hex_bounded(bytes))
            }
        };
        values.push(one);
        rest = after;
    }
    let _ = write!(text, "{label}={}", values.join(","));
    Ok(())
}

fn push_all(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        push_escaped(text, *byte, b"\"");
    }
}
