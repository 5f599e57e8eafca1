//! The words before a rule's options.

use crate::error::{ErrorKind, Problem};

use super::{Header, Word};

/// Splits the words before the first parenthesis; gives back the offset after that parenthesis.
pub(super) fn parse_header(text: &str) -> Result<(Header, usize), Problem> {
    let mut words: Vec<Word> = Vec::with_capacity(7);
    let mut word = Word {
        text: String::new(),
        offset: 0,
    };
    let mut depth = 0usize;
    let mut body = None;
    for (offset, character) in text.char_indices() {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let ends_word = character == '(' || (character.is_whitespace() && depth == 0);
        if !ends_word {
            if word.text.is_empty() {
                word.offset = offset;
            }
            if !character.is_whitespace() {
                word.text.push(character);
            }
            continue;
        }
        if !word.text.is_empty() {
            words.push(std::mem::replace(
                &mut word,
                Word {
                    text: String::new(),
                    offset,
                },
            ));
        }
        if character == '(' {
            body = Some(offset + 1);
            break;
        }
    }
    let Some(body) = body else {
        return Err(Problem::new(
            text.len(),
            ErrorKind::Syntax,
            "no parenthesis opens the options",
        ));
    };
    let header = to_header(words, body - 1)?;
    Ok((header, body))
}

fn to_header(words: Vec<Word>, end: usize) -> Result<Header, Problem> {
    const NAMES: [&str; 7] = [
        "action",
        "protocol",
        "source",
        "source ports",
        "direction",
        "destination",
        "destination ports",
    ];
    if let Some(extra) = words.get(NAMES.len()) {
        let message = format!("unexpected {:?} before the options", extra.text);
        return Err(Problem::new(extra.offset, ErrorKind::Header, message));
    }
    let count = words.len();
    let mut words = words.into_iter();
    let mut next = || {
        words.next().ok_or_else(|| {
            let missing = NAMES.get(count).copied().unwrap_or("word");
            Problem::new(end, ErrorKind::Header, format!("{missing} is missing"))
        })
    };
    Ok(Header {
        action: next()?,
        protocol: next()?,
        source: next()?,
        source_ports: next()?,
        direction: next()?,
        destination: next()?,
        destination_ports: next()?,
    })
}
