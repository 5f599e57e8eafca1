//! Tokens as a tree.
//!
//! ```text
//! or   = and ("OR" and)*
//! and  = not ("AND"? not)*
//! not  = "NOT" not | "(" or ")" | term
//! ```

use super::lexer::{Text, Token, What, tokens};
use super::{DEPTH_MAX, SearchError, TERMS_MAX};

/// A query that was understood as far as one can without knowing the classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub(super) root: Option<Node>,
}

impl Query {
    /// The query that finds everything.
    pub const EVERYTHING: Self = Self { root: None };

    /// Reads a query; an empty one finds everything.
    ///
    /// # Errors
    /// With the column at which it stops making sense, or when it is over a limit.
    pub fn parse(text: &str) -> Result<Self, SearchError> {
        let mut parser = Parser {
            tokens: tokens(text)?.into_iter().peekable(),
            end: text.chars().count() + 1,
            terms: 0,
        };
        if parser.tokens.peek().is_none() {
            return Ok(Self::EVERYTHING);
        }
        let root = parser.or(0)?;
        match parser.tokens.next() {
            None => Ok(Self { root: Some(root) }),
            Some(token) => Err(SearchError::at(token.column, "a ) without its (")),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Term(Term),
}

/// A leaf, with its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) column: usize,
    pub(super) what: Leaf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leaf {
    /// Text anywhere.
    Anywhere(Pattern),
    /// A field and what it must be.
    Field {
        name: String,
        value_column: usize,
        test: Test,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    /// It has a value.
    Present,
    /// It is like this.
    Like(Pattern),
    /// It lies on this side of the value.
    Compare(Comparison, String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// Text, in which a plain `*` stands for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Exactly this.
    Whole(String),
    /// These pieces in order, with anything between them.
    Pieces(Vec<String>),
}

impl Pattern {
    fn of(text: Text) -> Self {
        match text {
            Text::Quoted(text) => Self::Whole(text),
            Text::Plain(text) if text.contains('*') => {
                Self::Pieces(text.split('*').map(str::to_owned).collect())
            }
            Text::Plain(text) => Self::Whole(text),
        }
    }
}

impl Test {
    fn of(value: Text, column: usize) -> Result<Self, SearchError> {
        let Text::Plain(plain) = &value else {
            return Ok(Self::Like(Pattern::of(value)));
        };
        if plain.chars().all(|character| character == '*') {
            return Ok(Self::Present);
        }
        let operators = [
            (">=", Comparison::GreaterOrEqual),
            ("<=", Comparison::LessOrEqual),
            (">", Comparison::Greater),
            ("<", Comparison::Less),
        ];
        for (sign, comparison) in operators {
            if let Some(rest) = plain.strip_prefix(sign) {
                if rest.is_empty() {
                    return Err(SearchError::at(
                        column,
                        format!("{sign} has nothing to compare with"),
                    ));
                }
                return Ok(Self::Compare(comparison, rest.to_owned()));
            }
        }
        Ok(Self::Like(Pattern::of(value)))
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    end: usize,
    terms: usize,
}

impl Parser {
    fn next_is(&mut self, what: &What) -> bool {
        self.tokens.next_if(|token| token.what == *what).is_some()
    }

    fn or(&mut self, depth: usize) -> Result<Node, SearchError> {
        let first = self.and(depth)?;
        let mut nodes = vec![first];
        while self.next_is(&What::Or) {
            nodes.push(self.and(depth)?);
        }
        Ok(one_or(nodes, Node::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Node, SearchError> {
        let mut nodes = vec![self.not(depth)?];
        loop {
            let explicit = self.next_is(&What::And);
            let ends = matches!(
                self.tokens.peek().map(|token| &token.what),
                None | Some(What::Or | What::Close)
            );
            if ends && !explicit {
                return Ok(one_or(nodes, Node::And));
            }
            nodes.push(self.not(depth)?);
        }
    }

    fn not(&mut self, depth: usize) -> Result<Node, SearchError> {
        let Some(Token { column, what }) = self.tokens.next() else {
            return Err(SearchError::at(
                self.end,
                "the query ends where something to find should stand",
            ));
        };
        if depth >= DEPTH_MAX {
            return Err(SearchError::at(
                column,
                format!("nested more than {DEPTH_MAX} deep"),
            ));
        }
        match what {
            What::Not => Ok(Node::Not(Box::new(self.not(depth + 1)?))),
            What::Open => {
                let inner = self.or(depth + 1)?;
                if !self.next_is(&What::Close) {
                    return Err(SearchError::at(column, "the ( is not closed"));
                }
                Ok(inner)
            }
            What::Word(text) => self.term(column, Leaf::Anywhere(Pattern::of(text))),
            What::Field {
                name,
                value,
                value_column,
            } => {
                let test = Test::of(value, value_column)?;
                self.term(
                    column,
                    Leaf::Field {
                        name,
                        value_column,
                        test,
                    },
                )
            }
            What::And | What::Or | What::Close => {
                Err(SearchError::at(column, "something to find should stand here"))
            }
        }
    }

    fn term(&mut self, column: usize, what: Leaf) -> Result<Node, SearchError> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(SearchError::at(column, format!("more than {TERMS_MAX} terms")));
        }
        Ok(Node::Term(Term { column, what }))
    }
}

fn one_or(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match (nodes.pop(), nodes.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            nodes.push(last);
            many(nodes)
        }
        (None, _) => many(nodes),
    }
}
