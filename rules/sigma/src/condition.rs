//! The condition of a rule.
//!
//! ```text
//! or    := and ("or" and)*
//! and   := not ("and" not)*
//! not   := "not" not | "(" or ")" | ("1" | "any" | "all") "of" ("them" | pattern) | identifier
//! ```

use crate::yaml::{Quote, Scalar};
use crate::{DEPTH_MAX, Fault, Place};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    Or(Vec<Condition>),
    And(Vec<Condition>),
    Not(Box<Condition>),
    Name(String, Place),
    Of(Quantity, String, Place),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    Any,
    All,
}

/// Reads a condition that stands at `place`.
pub(crate) fn parse(scalar: &Scalar, place: Place) -> Result<Condition, Fault> {
    let mut parser = Parser {
        tokens: tokens(scalar, place)?,
        next: 0,
        end: place,
    };
    let condition = parser.or(0)?;
    match parser.take() {
        None => Ok(condition),
        Some((token, place)) => Err(Fault::new(
            place,
            format!("expected and, or or the end, found {token}"),
        )),
    }
}

fn tokens(scalar: &Scalar, start: Place) -> Result<Vec<(String, Place)>, Fault> {
    let at = |offset: usize| match scalar.quote {
        Quote::Block => start,
        Quote::Plain | Quote::Quoted => Place {
            line: start.line,
            column: start
                .column
                .saturating_add(u32::try_from(offset).unwrap_or(u32::MAX))
                .saturating_add(u32::from(scalar.quote == Quote::Quoted)),
        },
    };
    let mut tokens: Vec<(String, Place)> = Vec::new();
    let mut word: Option<(String, usize)> = None;
    for (offset, character) in scalar.text.chars().chain(std::iter::once(' ')).enumerate() {
        let is_word = character.is_alphanumeric() || matches!(character, '_' | '-' | '*' | '.' | '?');
        if is_word {
            word.get_or_insert_with(|| (String::new(), offset))
                .0
                .push(character);
            continue;
        }
        if let Some((text, offset)) = word.take() {
            tokens.push((text, at(offset)));
        }
        match character {
            '(' | ')' => tokens.push((character.to_string(), at(offset))),
            '|' => {
                return Err(Fault::new(
                    at(offset),
                    "aggregations after | are Sigma 1; write a correlation instead",
                ));
            }
            _ if character.is_whitespace() => {}
            _ => {
                return Err(Fault::new(
                    at(offset),
                    format!("{character} has no meaning in a condition"),
                ));
            }
        }
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<(String, Place)>,
    next: usize,
    end: Place,
}

impl Parser {
    fn peek(&self, ahead: usize) -> Option<String> {
        let (token, _) = self.tokens.get(self.next.checked_add(ahead)?)?;
        Some(token.to_ascii_lowercase())
    }

    fn take(&mut self) -> Option<(String, Place)> {
        let token = self.tokens.get(self.next).cloned()?;
        self.next += 1;
        self.end = token.1;
        Some(token)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek(0).as_deref() == Some(word);
        self.next += usize::from(found);
        found
    }

    fn or(&mut self, depth: usize) -> Result<Condition, Fault> {
        if depth > DEPTH_MAX {
            return Err(Fault::new(
                self.end,
                format!("condition is nested over {DEPTH_MAX} deep"),
            ));
        }
        let mut sides = vec![self.and(depth)?];
        while self.take_word("or") {
            sides.push(self.and(depth)?);
        }
        Ok(one_or(sides, Condition::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Condition, Fault> {
        let mut sides = vec![self.not(depth)?];
        while self.take_word("and") {
            sides.push(self.not(depth)?);
        }
        Ok(one_or(sides, Condition::And))
    }

    fn not(&mut self, depth: usize) -> Result<Condition, Fault> {
        let mut negated = false;
        while self.take_word("not") {
            negated = !negated;
        }
        let condition = self.primary(depth)?;
        Ok(if negated {
            Condition::Not(Box::new(condition))
        } else {
            condition
        })
    }

    fn primary(&mut self, depth: usize) -> Result<Condition, Fault> {
        let is_of = self.peek(1).as_deref() == Some("of");
        let Some((token, place)) = self.take() else {
            return Err(Fault::new(
                self.end,
                "the condition ends where a search identifier should stand",
            ));
        };
        let quantity = match token.to_ascii_lowercase().as_str() {
            "1" | "any" => Some(Quantity::Any),
            "all" => Some(Quantity::All),
            _ => None,
        };
        match (token.as_str(), quantity, is_of) {
            ("(", ..) => {
                let inner = self.or(depth + 1)?;
                if self.take_word(")") {
                    return Ok(inner);
                }
                Err(Fault::new(place, "this parenthesis is not closed"))
            }
            (_, Some(quantity), true) => {
                self.next += 1;
                match self.take() {
                    Some((pattern, place)) if pattern != "(" && pattern != ")" => {
                        Ok(Condition::Of(quantity, pattern, place))
                    }
                    _ => Err(Fault::new(
                        self.end,
                        "of wants them or a pattern of search identifiers",
                    )),
                }
            }
            (_, None, true) => Err(Fault::new(
                place,
                format!("{token} of is not supported; write 1 of or all of"),
            )),
            (")", ..) => Err(Fault::new(place, "expected a search identifier, found )")),
            _ if matches!(token.to_ascii_lowercase().as_str(), "and" | "or" | "of") => Err(Fault::new(
                place,
                format!("expected a search identifier, found {token}"),
            )),
            _ => Ok(Condition::Name(token, place)),
        }
    }
}

fn one_or(mut sides: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match (sides.len(), sides.pop()) {
        (1, Some(side)) => side,
        (_, Some(last)) => {
            sides.push(last);
            join(sides)
        }
        (_, None) => join(sides),
    }
}

/// Whether `name` matches `pattern`, in which `*` stands for any characters.
pub(crate) fn name_matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Whether `of them` or `of pattern` means this search identifier.
pub(crate) fn selects(pattern: &str, name: &str) -> bool {
    if pattern.eq_ignore_ascii_case("them") {
        return !name.starts_with('_');
    }
    name_matches(pattern, name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::yaml::Plain;

    fn read(text: &str) -> Result<Condition, Fault> {
        let scalar = Scalar {
            text: text.to_owned(),
            value: Plain::Text,
            quote: Quote::Plain,
        };
        parse(&scalar, Place { line: 7, column: 5 })
    }

    fn show(condition: &Condition) -> String {
        let join = |sides: &[Condition], word: &str| {
            let sides: Vec<_> = sides.iter().map(show).collect();
            format!("({})", sides.join(word))
        };
        match condition {
            Condition::Or(sides) => join(sides, " | "),
            Condition::And(sides) => join(sides, " & "),
            Condition::Not(inner) => format!("!{}", show(inner)),
            Condition::Name(name, _) => name.clone(),
            Condition::Of(quantity, pattern, _) => format!("{quantity:?}:{pattern}"),
        }
    }

    #[test]
    fn precedence_is_or_and_not() {
        let check = |text: &str, expect: &str| assert_eq!(show(&read(text).unwrap()), expect, "{text}");
        check("a or b and not c", "(a | (b & !c))");
        check("not (a or b) and c", "(!(a | b) & c)");
        check("1 of sel* and not 1 of filter_*", "(Any:sel* & !Any:filter_*)");
        check("ALL of them OR x", "(All:them | x)");
        check("not not a", "a");
        check("all", "all");
        check("a and b and c", "(a & b & c)");
    }

    #[test]
    fn faults_say_where() {
        let check = |text: &str, column: u32, part: &str| {
            let fault = read(text).unwrap_err();
            assert_eq!(
                (fault.place.line, fault.place.column),
                (7, column),
                "{text}: {fault:?}"
            );
            assert!(fault.message.contains(part), "{fault:?}");
        };
        check("a | count() > 5", 7, "correlation");
        check("(a and b", 5, "not closed");
        check("a b", 7, "expected and, or");
        check("2 of x*", 5, "not supported");
        check("a and", 5, "ends where");
        check("a = b", 7, "no meaning");
        check("a and )", 11, "found )");
        assert!(read(&"(".repeat(1000)).unwrap_err().message.contains("deep"));
        assert!(read("").is_err());
    }

    #[test]
    fn names_match_patterns() {
        let check = |pattern: &str, name: &str, expect: bool| {
            assert_eq!(selects(pattern, name), expect, "{pattern} {name}");
        };
        check("sel*", "selection", true);
        check("*_x", "a_x", true);
        check("a*b*c", "a1b2c", true);
        check("a*a", "a", false);
        check("selection", "selection", true);
        check("selection", "selection_1", false);
        check("them", "_hidden", false);
        check("them", "shown", true);
        check("_*", "_hidden", true);
    }
}
