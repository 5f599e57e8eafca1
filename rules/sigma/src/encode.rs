//! Modifiers that make other texts of a text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Fault;
use crate::detection::{Literal, Modifier};
use crate::pattern::{DASHES, Part, parts, push_literal};

/// Reads a text with `%name%` placeholders; `\%` is a percent sign.
pub(crate) fn placeholders(text: &str) -> Vec<Part> {
    let mut out = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let tail = rest.get(character.len_utf8()..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix("\\%") {
            plain.push('%');
            rest = after;
            continue;
        }
        let name = tail.split_once('%').filter(|(name, _)| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
        });
        match name {
            Some((name, after)) if character == '%' => {
                out.extend(parts(&std::mem::take(&mut plain)));
                out.push(Part::Placeholder(name.to_owned()));
                rest = after;
            }
            _ => {
                plain.push(character);
                rest = tail;
            }
        }
    }
    out.extend(parts(&plain));
    out
}

/// Puts any-dash parts where a word starts with a dash.
pub(crate) fn dashes(parts: Vec<Part>) -> Vec<Part> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let mut out = Vec::new();
    for part in parts {
        let text = match &part {
            Part::Literal(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        };
        let Some(text) = text else {
            out.push(part);
            continue;
        };
        let mut plain = String::new();
        let mut before = None;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let starts_word = characters.peek().copied().is_some_and(is_word) && !before.is_some_and(is_word);
            if DASHES.contains(&character) && starts_word {
                push_literal(&mut out, &mut plain);
                out.push(Part::Dash);
            } else {
                plain.push(character);
            }
            before = Some(character);
        }
        push_literal(&mut out, &mut plain);
    }
    out
}

/// Encodes each alternative; `base64offset` makes three of one.
pub(crate) fn encode(
    alternatives: Vec<Vec<Part>>,
    modifier: Modifier,
    literal: &Literal,
) -> Result<Vec<Vec<Part>>, Fault> {
    let mut out = Vec::new();
    for parts in alternatives {
        if matches!(modifier, Modifier::Utf16Le | Modifier::Utf16Be | Modifier::Utf16) {
            out.push(utf16(parts, modifier));
            continue;
        }
        let mut bytes = Vec::new();
        for part in parts {
            match part {
                Part::Literal(more) => bytes.extend(more),
                Part::Placeholder(name) => return Ok(vec![vec![Part::Placeholder(name)]]),
                _ => {
                    return Err(Fault::new(
                        literal.place,
                        "Base64 of a wildcard or a windash has no meaning",
                    ));
                }
            }
        }
        if modifier == Modifier::Base64 {
            out.push(vec![Part::Literal(STANDARD.encode(&bytes).into_bytes())]);
        } else {
            out.extend(offsets(&bytes).map(|text| vec![Part::Literal(text)]));
        }
    }
    Ok(out)
}

/// The characters that do not depend on what surrounds `bytes`, at each of the three places in a group of three.
fn offsets(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    [0_usize, 1, 2].into_iter().filter_map(move |offset| {
        let mut padded = vec![b' '; offset];
        padded.extend_from_slice(bytes);
        let encoded = STANDARD.encode(&padded).into_bytes();
        let start = [0, 2, 3].get(offset).copied()?;
        let cut = [0, 3, 2].get(padded.len() % 3).copied()?;
        let middle = encoded.get(start..encoded.len().checked_sub(cut)?)?;
        (!middle.is_empty()).then(|| middle.to_vec())
    })
}

fn utf16(parts: Vec<Part>, modifier: Modifier) -> Vec<Part> {
    let mut is_first = true;
    parts
        .into_iter()
        .map(|part| {
            let Part::Literal(bytes) = part else {
                return part;
            };
            let mut out = Vec::new();
            if modifier == Modifier::Utf16 && is_first {
                out.extend([0xff, 0xfe]);
            }
            is_first = false;
            for unit in String::from_utf8_lossy(&bytes).encode_utf16() {
                out.extend(if modifier == Modifier::Utf16Be {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                });
            }
            Part::Literal(out)
        })
        .collect()
}
