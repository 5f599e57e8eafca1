//! Regular expressions: `pcre:"/expression/flags"`, run by PCRE2 with its just-in-time compiler.

use pcre2::bytes::{Regex, RegexBuilder};

use crate::capture::Capture;
use crate::error::{Complaint, over_limit, value};
use crate::limits::{REGEX_BYTES_MAX, REGEX_DEPTH_LIMIT, REGEX_MATCH_LIMIT, REGEX_MATCH_LIMIT_RAISED};

/// One `pcre`.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    pub(crate) negated: bool,
    pub(crate) relative: bool,
    pub(crate) regex: Regex,
    /// Groups whose finds are kept.
    pub(crate) captures: Vec<Capture>,
}

/// An expression and the flag that names its buffer, if any.
#[derive(Debug)]
pub(crate) struct ParsedExpression {
    pub(crate) expression: Expression,
    pub(crate) buffer: Option<char>,
}

/// Reads `[!]"/expression/flags"`, with or without the quotes.
pub(crate) fn parse_expression(text: &str) -> Result<ParsedExpression, Complaint> {
    let (negated, text) = match text.strip_prefix('!') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    // The quotes may be left out.
    let inside = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text);
    if inside.len() > REGEX_BYTES_MAX {
        return Err(over_limit(format!(
            "expression of {} bytes, at most {REGEX_BYTES_MAX}",
            inside.len()
        )));
    }
    let (source, flags) = inside
        .strip_prefix('/')
        .and_then(|rest| rest.rsplit_once('/'))
        .ok_or_else(|| value("the expression must stand between slashes"))?;
    let (flags, after_flags) = flags.split_once(',').unwrap_or((flags, ""));
    let flags = Flags::parse(flags)?;
    let regex = flags.build(source)?;
    let captures = Capture::read(&regex, after_flags)?;
    if negated && !captures.is_empty() {
        return Err(value("what must not be there cannot be captured"));
    }
    let expression = Expression {
        negated,
        relative: flags.relative,
        regex,
        captures,
    };
    Ok(ParsedExpression {
        expression,
        buffer: flags.buffer,
    })
}

#[derive(Debug, Default)]
struct Flags {
    caseless: bool,
    dot_matches_newline: bool,
    multiline: bool,
    extended: bool,
    anchored: bool,
    dollar_at_end_only: bool,
    ungreedy: bool,
    relative: bool,
    raised_limit: bool,
    buffer: Option<char>,
}

impl Flags {
    fn parse(text: &str) -> Result<Flags, Complaint> {
        let mut flags = Flags::default();
        for flag in text.trim_end().chars() {
            match flag {
                'i' => flags.caseless = true,
                's' => flags.dot_matches_newline = true,
                'm' => flags.multiline = true,
                'x' => flags.extended = true,
                'A' => flags.anchored = true,
                'E' => flags.dollar_at_end_only = true,
                'G' => flags.ungreedy = true,
                'R' => flags.relative = true,
                'O' => flags.raised_limit = true,
                // Raw bytes of the packet: what this engine looks into anyway.
                'B' => {}
                _ if flag.is_ascii_uppercase() => {
                    if flags.buffer.replace(flag).is_some_and(|other| other != flag) {
                        return Err(value("pcre flags name two buffers"));
                    }
                }
                _ => return Err(value(format!("unknown pcre flag {flag:?}"))),
            }
        }
        Ok(flags)
    }

    fn build(&self, source: &str) -> Result<Regex, Complaint> {
        let limit = if self.raised_limit {
            REGEX_MATCH_LIMIT_RAISED
        } else {
            REGEX_MATCH_LIMIT
        };
        let mut pattern = format!("(*LIMIT_MATCH={limit})(*LIMIT_DEPTH={REGEX_DEPTH_LIMIT})");
        if self.ungreedy {
            pattern.push_str("(?U)");
        }
        let source = if self.dollar_at_end_only && !self.multiline {
            end_only(source)
        } else {
            source.to_owned()
        };
        if self.anchored {
            // A newline before the closing parenthesis ends a comment of an extended expression.
            pattern.push_str("\\G(?:");
            pattern.push_str(&source);
            pattern.push_str(if self.extended { "\n)" } else { ")" });
        } else {
            pattern.push_str(&source);
        }
        RegexBuilder::new()
            .caseless(self.caseless)
            .dotall(self.dot_matches_newline)
            .multi_line(self.multiline)
            .extended(self.extended)
            .jit_if_available(true)
            .build(&pattern)
            .map_err(|error| value(error.to_string()))
    }
}

/// Turns each `$` that is an assertion into `\z`.
fn end_only(source: &str) -> String {
    let mut result = String::with_capacity(source.len());
    let mut characters = source.chars();
    let mut in_class = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                result.push('\\');
                result.extend(characters.next());
                continue;
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '$' if !in_class => {
                result.push_str("\\z");
                continue;
            }
            _ => {}
        }
        result.push(character);
    }
    result
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn expressions() {
        let table: &[(&str, &[u8], bool)] = &[
            ("\"/^a.c$/\"", b"abc", true),
            ("\"/^a.c$/\"", b"ABC", false),
            ("\"/^a.c$/i\"", b"ABC", true),
            ("\"/a.c/\"", b"a\nc", false),
            ("\"/a.c/s\"", b"a\nc", true),
            ("\"/^c/m\"", b"a\nc", true),
            ("\"/a b/x\"", b"ab", true),
            ("\"/b/A\"", b"ab", false),
            ("\"/c$/\"", b"c\n", true),
            ("\"/c$/E\"", b"c\n", false),
            ("\"/(?<=x)y(?!z)/\"", b"xy", true),
            ("\"/(.)\\1/\"", b"aa", true),
            ("\"/a\\/b/U\"", b"a/b", true),
            ("\"/\\xff\\x00/\"", b"\xff\x00", true),
        ];
        for (text, data, expected) in table {
            let parsed = parse_expression(text).unwrap();
            assert_eq!(
                parsed.expression.regex.is_match(data).unwrap(),
                *expected,
                "{text} {data:?}"
            );
        }
        assert_eq!(parse_expression("\"/a/U\"").unwrap().buffer, Some('U'));
        assert!(parse_expression("! \"/a/R\"").unwrap().expression.negated);
        for text in [
            "a",
            "\"a\"",
            "\"/(/\"",
            "\"/a/k\"",
            "\"/a/UH\"",
            "\"/(a)/,flow:x,pkt:y\"",
            "\"/(a)/,none:x\"",
            "\"/(a)/,flow:\"",
            "!\"/(a)/,flow:x\"",
        ] {
            assert!(parse_expression(text).is_err(), "{text}");
        }
    }

    #[test]
    fn catastrophic_expressions_stop() {
        let parsed = parse_expression("\"/^(a+)+$/\"").unwrap();
        let mut data = vec![b'a'; 64];
        data.push(b'!');
        assert!(parsed.expression.regex.is_match(&data).is_err());
    }
}
