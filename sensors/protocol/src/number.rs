//! Comparisons of numbers, as rules write them.

/// `5`, `=5`, `!5`, `<5`, `<=5`, `>5`, `>=5`, `1<>9` (both ends excluded), `1-9` (as the keyword says),
/// `!1-9` (what `1-9` excludes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberTest {
    /// `5`
    Equal(u64),
    /// `!5`
    NotEqual(u64),
    /// `<5`
    Less(u64),
    /// `<=5`
    LessOrEqual(u64),
    /// `>5`
    Greater(u64),
    /// `>=5`
    GreaterOrEqual(u64),
    /// Low and high, both excluded.
    Between(u64, u64),
    /// Low and high, both included.
    Within(u64, u64),
    /// At most the low end, or at least the high one.
    NotBetween(u64, u64),
}

/// Makes a comparison with a number.
type Make = fn(u64) -> NumberTest;

/// What `1-9` means; keywords differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dash {
    /// From 1 to 9.
    Included,
    /// From 2 to 8.
    Excluded,
}

impl NumberTest {
    /// Reads a comparison.
    ///
    /// # Errors
    /// What is not a number, or a range that holds nothing.
    pub fn parse(text: &str, dash: Dash) -> Result<NumberTest, String> {
        let text = text.trim();
        if let Some((low, high)) = text.split_once("<>") {
            return ordered(NumberTest::Between(number(low)?, number(high)?));
        }
        if let Some(range) = text.strip_prefix('!')
            && let Some((low, high)) = range.split_once('-')
        {
            return ordered(NumberTest::NotBetween(number(low)?, number(high)?));
        }
        if let Some((low, high)) = text.split_once('-') {
            let (low, high) = (number(low)?, number(high)?);
            return ordered(match dash {
                Dash::Included => NumberTest::Within(low, high),
                Dash::Excluded => NumberTest::Between(low, high),
            });
        }
        let operators: [(&str, Make); 7] = [
            ("<=", NumberTest::LessOrEqual),
            (">=", NumberTest::GreaterOrEqual),
            ("!=", NumberTest::NotEqual),
            ("<", NumberTest::Less),
            (">", NumberTest::Greater),
            ("!", NumberTest::NotEqual),
            ("=", NumberTest::Equal),
        ];
        for (operator, test) in operators {
            if let Some(rest) = text.strip_prefix(operator) {
                return Ok(test(number(rest)?));
            }
        }
        Ok(NumberTest::Equal(number(text)?))
    }

    /// The same, where some values have names.
    ///
    /// # Errors
    /// As of [`NumberTest::parse`].
    pub fn parse_named(text: &str, names: &[(&str, u64)]) -> Result<NumberTest, String> {
        let (is_negated, word) = match text.trim().strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, text.trim()),
        };
        let named = names.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        match (named, is_negated) {
            (Some((_, number)), true) => Ok(NumberTest::NotEqual(*number)),
            (Some((_, number)), false) => Ok(NumberTest::Equal(*number)),
            (None, _) => NumberTest::parse(text, Dash::Excluded),
        }
    }

    /// A comparison whose numbers may have units: `>100MB`, `1KB<>2KB`. A kilobyte has 1,024 bytes.
    ///
    /// # Errors
    /// As of [`NumberTest::parse`]; a unit that is none, a size too large to count.
    pub fn parse_size(text: &str) -> Result<NumberTest, String> {
        let mut plain = String::with_capacity(text.len());
        let mut rest = text.trim();
        while let Some(first) = rest.chars().next() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            if digits == 0 {
                plain.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
                continue;
            }
            let (number, after) = rest.split_at(digits);
            let letters = after
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(after.len());
            let (unit, after) = after.split_at(letters);
            let factor: u64 = match unit.to_ascii_lowercase().as_str() {
                "" => 1,
                "kb" | "kib" => 1 << 10,
                "mb" | "mib" => 1 << 20,
                "gb" | "gib" => 1 << 30,
                _ => return Err(format!("unknown unit {unit:?}")),
            };
            let size = number
                .parse::<u64>()
                .ok()
                .and_then(|size| size.checked_mul(factor));
            let size = size.ok_or_else(|| format!("{number}{unit} is too large"))?;
            plain.push_str(&size.to_string());
            rest = after;
        }
        NumberTest::parse(&plain, Dash::Excluded)
    }

    /// Whether a number is so.
    pub fn holds(self, number: u64) -> bool {
        match self {
            NumberTest::Equal(wanted) => number == wanted,
            NumberTest::NotEqual(wanted) => number != wanted,
            NumberTest::Less(limit) => number < limit,
            NumberTest::LessOrEqual(limit) => number <= limit,
            NumberTest::Greater(limit) => number > limit,
            NumberTest::GreaterOrEqual(limit) => number >= limit,
            NumberTest::Between(low, high) => low < number && number < high,
            NumberTest::Within(low, high) => low <= number && number <= high,
            NumberTest::NotBetween(low, high) => number <= low || high <= number,
        }
    }

    /// The least and the greatest number that can hold.
    pub fn bounds(self) -> (u64, u64) {
        match self {
            NumberTest::Equal(n) => (n, n),
            NumberTest::Less(n) => (0, n.saturating_sub(1)),
            NumberTest::LessOrEqual(n) => (0, n),
            NumberTest::Greater(n) => (n.saturating_add(1), u64::MAX),
            NumberTest::GreaterOrEqual(n) => (n, u64::MAX),
            NumberTest::Between(low, high) => (low.saturating_add(1), high.saturating_sub(1)),
            NumberTest::Within(low, high) => (low, high),
            NumberTest::NotEqual(_) | NumberTest::NotBetween(..) => (0, u64::MAX),
        }
    }

    /// The same comparison with another number; a range stays as it is.
    #[must_use]
    pub fn with(self, number: u64) -> NumberTest {
        match self {
            NumberTest::Equal(_) => NumberTest::Equal(number),
            NumberTest::NotEqual(_) => NumberTest::NotEqual(number),
            NumberTest::Less(_) => NumberTest::Less(number),
            NumberTest::LessOrEqual(_) => NumberTest::LessOrEqual(number),
            NumberTest::Greater(_) => NumberTest::Greater(number),
            NumberTest::GreaterOrEqual(_) => NumberTest::GreaterOrEqual(number),
            range => range,
        }
    }

    /// The numbers it compares with.
    pub fn operands(self) -> [u64; 2] {
        match self {
            NumberTest::Equal(n)
            | NumberTest::NotEqual(n)
            | NumberTest::Less(n)
            | NumberTest::LessOrEqual(n)
            | NumberTest::Greater(n)
            | NumberTest::GreaterOrEqual(n) => [n, n],
            NumberTest::Between(low, high)
            | NumberTest::Within(low, high)
            | NumberTest::NotBetween(low, high) => [low, high],
        }
    }
}

fn ordered(test: NumberTest) -> Result<NumberTest, String> {
    match test {
        NumberTest::Between(low, high)
        | NumberTest::Within(low, high)
        | NumberTest::NotBetween(low, high)
            if low >= high =>
        {
            Err(format!("{low} is not below {high}"))
        }
        _ => Ok(test),
    }
}

/// A decimal number, or hexadecimal after `0x`.
///
/// # Errors
/// What is neither.
pub fn number(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("{text:?} is no number"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn comparisons() {
        let table: &[(&str, &[u64], &[u64])] = &[
            ("5", &[5], &[4, 6]),
            (">5", &[6], &[5]),
            (">=5", &[5], &[4]),
            ("< 5", &[4], &[5]),
            ("!5", &[4], &[5]),
            ("1<>4", &[2, 3], &[1, 4]),
            ("!2-5", &[1, 2, 5, 6], &[3, 4]),
            ("0x10", &[16], &[10]),
        ];
        for (text, yes, no) in table {
            let test = NumberTest::parse(text, Dash::Excluded).unwrap();
            assert!(yes.iter().all(|n| test.holds(*n)), "{text}");
            assert!(!no.iter().any(|n| test.holds(*n)), "{text}");
        }
        assert!(NumberTest::parse("1-4", Dash::Included).unwrap().holds(1));
        assert!(!NumberTest::parse("1-4", Dash::Excluded).unwrap().holds(1));
        for text in ["", "x", "4<>1", "-1", "99999999999999999999"] {
            assert!(NumberTest::parse(text, Dash::Included).is_err(), "{text}");
        }
    }
}
