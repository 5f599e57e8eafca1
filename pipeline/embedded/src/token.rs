//! Words, texts and marks of ClickHouse's SQL, just finely enough to find where a statement's clauses begin.
//!
//! It does not judge the SQL: that is the engine's part.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Letters, digits, `_` and `$`, and any byte beyond ASCII.
    Word,
    /// `'…'`, `"…"`, `` `…` `` or `$tag$…$tag$`.
    Quoted,
    /// Any other single byte.
    Mark(u8),
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Walks a text token by token, past spaces and comments.
#[derive(Clone)]
pub(crate) struct Tokens<'text> {
    text: &'text [u8],
    position: usize,
    /// A quote or comment was open when the text ended.
    unterminated: bool,
}

impl<'text> Tokens<'text> {
    /// Starts at the beginning of `text`.
    pub(crate) fn new(text: &'text [u8]) -> Self {
        Self {
            text,
            position: 0,
            unterminated: false,
        }
    }

    /// Whether the text ended within a quote or a comment.
    pub(crate) fn unterminated(&self) -> bool {
        self.unterminated
    }

    /// The text of a token.
    pub(crate) fn slice(&self, token: Token) -> &'text [u8] {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    /// Whether a token is this word, in any case.
    pub(crate) fn is(&self, token: Token, word: &str) -> bool {
        token.kind == Kind::Word && self.slice(token).eq_ignore_ascii_case(word.as_bytes())
    }

    fn rest(&self) -> &'text [u8] {
        self.text.get(self.position..).unwrap_or_default()
    }

    /// Moves past `count` bytes.
    fn skip(&mut self, count: usize) {
        self.position = self.position.saturating_add(count).min(self.text.len());
    }

    /// Moves past the next `needle`, or to the end.
    fn skip_past(&mut self, needle: &[u8]) {
        match self
            .rest()
            .windows(needle.len().max(1))
            .position(|window| window == needle)
        {
            Some(at) => self.skip(at.saturating_add(needle.len())),
            None => {
                self.unterminated = true;
                self.position = self.text.len();
            }
        }
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            match rest {
                [byte, ..] if byte.is_ascii_whitespace() || *byte == 0x0b => self.skip(1),
                [b'-', b'-', ..] | [b'#', b'!' | b' ', ..] => {
                    match rest.iter().position(|&byte| byte == b'\n') {
                        Some(at) => self.skip(at.saturating_add(1)),
                        // Open if more text follows, harmless if this is all.
                        None => self.position = self.text.len(),
                    }
                }
                [b'/', b'*', ..] => {
                    self.skip(2);
                    self.skip_past(b"*/");
                }
                _ => return,
            }
        }
    }

    fn skip_quoted(&mut self, quote: u8) {
        self.skip(1);
        loop {
            match self.rest() {
                [] => {
                    self.unterminated = true;
                    return;
                }
                [b'\\', _, ..] => self.skip(2),
                [first, second, ..] if *first == quote && *second == quote => self.skip(2),
                [first, ..] => {
                    self.skip(1);
                    if *first == quote {
                        return;
                    }
                }
            }
        }
    }

    /// Length of a here-document's opening `$tag$`, if one stands here.
    fn heredoc(&self) -> Option<&'text [u8]> {
        let rest = self.rest();
        let tag = rest
            .get(1..)?
            .iter()
            .position(|byte| !is_word(*byte) || *byte == b'$')?;
        let end = tag.checked_add(1)?;
        (rest.get(end) == Some(&b'$')).then(|| rest.get(..=end)).flatten()
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_blank();
        let start = self.position;
        let kind = match *self.rest().first()? {
            quote @ (b'\'' | b'"' | b'`') => {
                self.skip_quoted(quote);
                Kind::Quoted
            }
            b'$' if self.heredoc().is_some() => {
                let tag = self.heredoc().unwrap_or_default();
                self.skip(tag.len());
                self.skip_past(tag);
                Kind::Quoted
            }
            byte if is_word(byte) => {
                let length = self.rest().iter().position(|byte| !is_word(*byte));
                self.skip(length.unwrap_or(self.rest().len()));
                Kind::Word
            }
            mark => {
                self.skip(1);
                Kind::Mark(mark)
            }
        };
        Some(Token {
            kind,
            start,
            end: self.position,
        })
    }
}

/// A text between quotes, as SQL reads it back.
pub(crate) fn quoted(text: &str, quote: char) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    quoted.push(quote);
    for letter in text.chars() {
        if letter == quote || letter == '\\' {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push(quote);
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_escaped() {
        assert_eq!(quoted("it's \\ `x`", '\''), "'it\\'s \\\\ `x`'");
        assert_eq!(quoted("a`b", '`'), "`a\\`b`");
    }
}
