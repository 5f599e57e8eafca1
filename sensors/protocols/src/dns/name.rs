//! Domain names with compression (RFC 1035, 4.1.4).

use nom::Parser;
use nom::bytes::complete::take;
use nom::number::complete::be_u8;

use super::{NAME_BYTES_MAX, POINTERS_MAX};
use crate::wire::{Parsed, fail, push_escaped};

/// What is wrong with a name over [`NAME_BYTES_MAX`].
pub(super) const TOO_LONG: &str = "name over 255 bytes";
/// What is wrong with a name of over [`POINTERS_MAX`] jumps.
pub(super) const TOO_MANY_POINTERS: &str = "too many compression pointers";

/// Reads the name at the start of `input`, which must be a tail of `message` for pointers to mean anything.
///
/// Ends because labels add up to at most [`NAME_BYTES_MAX`] bytes and pointers to at most [`POINTERS_MAX`] jumps.
pub(super) fn name<'a>(message: &'a [u8], input: &'a [u8]) -> Parsed<'a, String> {
    let mut text = String::with_capacity(32);
    let mut wire_bytes = 1_usize;
    let mut pointers = 0_usize;
    let mut after_pointer = None;
    let mut cursor = input;
    loop {
        let (rest, length) = be_u8(cursor)?;
        match length {
            0 => return Ok((after_pointer.unwrap_or(rest), text)),
            1..=63 => {
                let (rest, label) = take(length).parse(rest)?;
                wire_bytes += usize::from(length) + 1;
                if wire_bytes > NAME_BYTES_MAX {
                    return fail(TOO_LONG);
                }
                if !text.is_empty() {
                    text.push('.');
                }
                push_label(&mut text, label);
                cursor = rest;
            }
            0xc0.. => {
                let (rest, low) = be_u8(rest)?;
                after_pointer.get_or_insert(rest);
                pointers += 1;
                if pointers > POINTERS_MAX {
                    return fail(TOO_MANY_POINTERS);
                }
                let target = usize::from(length & 0x3f) << 8 | usize::from(low);
                match message.get(target..) {
                    Some(tail) => cursor = tail,
                    None => return fail("compression pointer past the end"),
                }
            }
            _ => return fail("reserved label type"),
        }
    }
}

/// Appends a label; most are letters, digits and hyphens and need no look at each byte's meaning.
fn push_label(text: &mut String, label: &[u8]) {
    let is_plain = label
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    match std::str::from_utf8(label) {
        Ok(plain) if is_plain => text.push_str(plain),
        _ => {
            for byte in label {
                push_escaped(text, *byte, b".");
            }
        }
    }
}
