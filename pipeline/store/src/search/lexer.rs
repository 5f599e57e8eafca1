//! A query's text as tokens, each with its column in characters from 1.

use super::{QUERY_BYTES_MAX, SearchError};

/// A piece of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) column: usize,
    pub(super) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Open,
    Close,
    And,
    Or,
    Not,
    /// A bare word or phrase.
    Word(Text),
    /// `field:value`; `value_column` is where the value starts.
    Field {
        name: String,
        value: Text,
        value_column: usize,
    },
}

/// A value and whether it stood in quotes, where `*` and `>` mean themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Text {
    Plain(String),
    Quoted(String),
}

/// Splits a query.
pub(super) fn tokens(query: &str) -> Result<Vec<Token>, SearchError> {
    if query.len() > QUERY_BYTES_MAX {
        return Err(SearchError::at(
            1,
            format!("the query is longer than {QUERY_BYTES_MAX} bytes"),
        ));
    }
    let mut lexer = Lexer {
        rest: query.chars().collect(),
        at: 0,
    };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.token()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer {
    rest: Vec<char>,
    at: usize,
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn column(&self) -> usize {
        self.at + 1
    }

    fn token(&mut self) -> Result<Option<Token>, SearchError> {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        let column = self.column();
        let what = match self.peek() {
            None => return Ok(None),
            Some('(') => {
                self.at += 1;
                What::Open
            }
            Some(')') => {
                self.at += 1;
                What::Close
            }
            Some('"') => What::Word(Text::Quoted(self.quoted()?)),
            Some(_) => self.word()?,
        };
        Ok(Some(Token { column, what }))
    }

    /// From one quote to the next; a backslash takes the next character as it is.
    fn quoted(&mut self) -> Result<String, SearchError> {
        let column = self.column();
        self.at += 1;
        let mut text = String::new();
        loop {
            let character = self.peek();
            self.at += 1;
            match character {
                None => return Err(SearchError::at(column, "the quote is not closed")),
                Some('"') => return Ok(text),
                Some('\\') => {
                    let Some(next) = self.peek() else {
                        return Err(SearchError::at(column, "the quote is not closed"));
                    };
                    self.at += 1;
                    text.push(next);
                }
                Some(other) => text.push(other),
            }
        }
    }

    fn plain(&mut self) -> String {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '"'))
        {
            self.at += 1;
        }
        self.rest.get(start..self.at).unwrap_or_default().iter().collect()
    }

    fn word(&mut self) -> Result<What, SearchError> {
        let start = self.at;
        let word = self.plain();
        match word.as_str() {
            "AND" => return Ok(What::And),
            "OR" => return Ok(What::Or),
            "NOT" => return Ok(What::Not),
            _ => {}
        }
        let Some((name, value)) = split_field(&word) else {
            return Ok(What::Word(Text::Plain(word)));
        };
        let value_column = start + name.chars().count() + 2;
        let name = name.to_owned();
        let value = if value.is_empty() && self.peek() == Some('"') {
            Text::Quoted(self.quoted()?)
        } else if value.is_empty() {
            return Err(SearchError::at(
                value_column,
                format!("{name}: has no value; {name}:* finds any"),
            ));
        } else {
            Text::Plain(value.to_owned())
        };
        Ok(What::Field {
            name,
            value,
            value_column,
        })
    }
}

/// Field and value of `field:value`. An IPv6 address has colons too, and is a word.
fn split_field(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once(':')?;
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    let address = word.split_once('/').map_or(word, |(address, _)| address);
    (named && address.parse::<std::net::IpAddr>().is_err()).then_some((name, value))
}
