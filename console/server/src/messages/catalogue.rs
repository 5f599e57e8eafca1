//! Finds the Vietnamese of a message that is told in English.
//!
//! ```text
//!  "name has 1 to 80 characters"
//!     pattern  {field} {message}                        field = name, message = "has 1 to 80 characters"
//!     pattern  has {least} to {most} characters         least = 1, most = 80
//!  "Tên phải có từ 1 đến 80 ký tự"
//! ```
//! A message without holes is looked up. Of the patterns that another fits, the one counts that leaves the least to holes that could hold anything;
//! of those, the one that says most. A hole takes the shortest text that is not empty, so that each pattern is gone through once.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::vietnamese::{FIELDS, TEXTS};

/// Longest message that is looked for, in bytes; a longer one repeats what a request said.
const BYTES_MAX: usize = 2_000;
/// How deep messages within messages are told.
const DEPTH_MAX: u8 = 4;

/// A part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// Stands so.
    Literal(&'static str),
    /// Differs; by its name.
    Hole(&'static str),
}

/// The Vietnamese of messages.
pub(super) struct Catalogue {
    plain: HashMap<&'static str, &'static str>,
    patterns: Vec<Pattern>,
    fields: HashMap<&'static str, &'static str>,
}

/// An English text with holes, and the Vietnamese.
struct Pattern {
    english: Vec<Piece>,
    vietnamese: Vec<Piece>,
}

/// What was found.
struct Found {
    text: String,
    /// Bytes of the English that stood in holes which could hold anything.
    free: usize,
    /// Whether it begins with words of the catalogue, and not with what a hole had.
    begins_with_words: bool,
}

/// The catalogue.
pub(super) static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::new);

impl Catalogue {
    fn new() -> Self {
        let all = || TEXTS.iter().flat_map(|texts| texts.iter().copied());
        let is_plain = |english: &str| !english.contains('{');
        let mut patterns: Vec<Pattern> = all()
            .filter(|(english, _)| !is_plain(english))
            .map(|(english, vietnamese)| Pattern {
                english: pieces(english),
                vietnamese: pieces(vietnamese),
            })
            .collect();
        patterns.sort_by_key(|pattern| Reverse(pattern.words()));
        Self {
            plain: all().filter(|(english, _)| is_plain(english)).collect(),
            patterns,
            fields: FIELDS.iter().copied().collect(),
        }
    }

    /// The Vietnamese of an English message, as a sentence; none when the catalogue has none.
    pub(super) fn sentence(&self, english: &str) -> Option<String> {
        if english.len() > BYTES_MAX {
            return None;
        }
        let found = self.find(english, DEPTH_MAX)?;
        if found.begins_with_words {
            return Some(capitalised(&found.text));
        }
        Some(found.text)
    }

    fn find(&self, english: &str, depth: u8) -> Option<Found> {
        if let Some(text) = self.plain.get(english) {
            return Some(Found {
                text: (*text).to_owned(),
                free: 0,
                begins_with_words: true,
            });
        }
        let within = depth.checked_sub(1)?;
        let told = self.patterns.iter();
        let told = told.filter_map(|pattern| self.told(pattern, english, within));
        // Of two that leave as much, the first.
        told.min_by_key(|found| found.free)
    }

    /// What a pattern makes of a message that it fits.
    fn told(&self, pattern: &Pattern, english: &str, depth: u8) -> Option<Found> {
        let holes = taken(&pattern.english, english)?;
        let (mut filled, mut all_free) = (HashMap::with_capacity(holes.len()), 0);
        for (name, value) in holes {
            let (text, free) = self.value(name, value, depth)?;
            filled.insert(name, text);
            all_free += free;
        }
        let words = pattern.vietnamese.iter().map(|piece| match piece {
            Piece::Literal(words) => words,
            Piece::Hole(name) => filled.get(name).map_or("", String::as_str),
        });
        let begins_with_words = matches!(
            pattern.vietnamese.first(),
            Some(Piece::Literal(_) | Piece::Hole("field" | "message"))
        );
        Some(Found {
            text: words.collect(),
            free: all_free,
            begins_with_words,
        })
    }

    /// What stands in a hole, and how much of it could be anything; none when it is not what the hole's name says.
    fn value(&self, name: &str, value: &str, depth: u8) -> Option<(String, usize)> {
        let anything = || (value.to_owned(), value.len());
        let message = || self.find(value, depth).map(|found| (found.text, found.free));
        match name {
            "field" => self.fields.get(value).map(|name| ((*name).to_owned(), 0)),
            "message" => message(),
            "detail" => Some(message().unwrap_or_else(anything)),
            _ => Some((number(value).unwrap_or_else(|| value.to_owned()), value.len())),
        }
    }
}

impl Pattern {
    /// How much it says besides its holes, in bytes.
    fn words(&self) -> usize {
        let literal = |piece: &Piece| match piece {
            Piece::Literal(words) => words.len(),
            Piece::Hole(_) => 0,
        };
        self.english.iter().map(literal).sum()
    }
}

/// The parts of a pattern, in order.
fn pieces(pattern: &'static str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for part in pattern.split('{') {
        let words = match part.split_once('}') {
            Some((name, words)) => {
                pieces.push(Piece::Hole(name));
                words
            }
            None => part,
        };
        if !words.is_empty() {
            pieces.push(Piece::Literal(words));
        }
    }
    pieces
}

/// What stands in the holes of a pattern; none when the text does not fit.
fn taken<'t>(pattern: &[Piece], text: &'t str) -> Option<Vec<(&'static str, &'t str)>> {
    let (mut holes, mut open, mut rest) = (Vec::new(), None, text);
    for (index, piece) in pattern.iter().enumerate() {
        let words = match *piece {
            Piece::Hole(name) => {
                open = Some(name);
                continue;
            }
            Piece::Literal(words) => words,
        };
        let is_last = index + 1 == pattern.len();
        let (before, after) = match open {
            None => ("", rest.strip_prefix(words)?),
            Some(_) if is_last => (rest.strip_suffix(words)?, ""),
            Some(_) => split(rest, words)?,
        };
        if let Some(name) = open.take() {
            holes.push((name, before));
        }
        rest = after;
    }
    match open {
        Some(name) => holes.push((name, rest)),
        None if rest.is_empty() => {}
        None => return None,
    }
    let is_full = holes.iter().all(|(_, value)| !value.is_empty());
    is_full.then_some(holes)
}

/// What stands before words and after them, at the first place where something stands before.
fn split<'t>(text: &'t str, words: &str) -> Option<(&'t str, &'t str)> {
    let (second, _) = text.char_indices().nth(1)?;
    let at = second + text.get(second..)?.find(words)?;
    Some((text.get(..at)?, text.get(at + words.len()..)?))
}

/// A number as it is written in Vietnamese: `10,000` is `10.000`.
fn number(text: &str) -> Option<String> {
    let mut groups = text.split(',');
    let is_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let begins = groups
        .next()
        .is_some_and(|first| (1..=3).contains(&first.len()) && is_digits(first));
    let rest: Vec<&str> = groups.collect();
    let goes_on = !rest.is_empty() && rest.iter().all(|group| group.len() == 3 && is_digits(group));
    (begins && goes_on).then(|| text.replace(',', "."))
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn check(english: &str, expect: &str) {
        let told = CATALOGUE.sentence(english);
        assert_eq!(told.as_deref(), Some(expect), "{english}");
    }

    #[test]
    fn a_message_is_told_with_what_it_names() {
        check("the exercise has ended", "Cuộc diễn tập đã kết thúc");
        check("name has 1 to 80 characters", "Tên phải có từ 1 đến 80 ký tự");
        check(
            "text must not be longer than 10,000 characters",
            "Nội dung không được dài quá 10.000 ký tự",
        );
        check(
            "too many attempts; try again in 900 s",
            "Quá nhiều lần thử; hãy thử lại sau 900 giây",
        );
        check("severity: worst is not known", "Mức độ: không có giá trị worst");
        check("dport wants a whole number", "dport cần một số nguyên");
        check(
            "passkey: the authenticator's data cannot be read: it ends early",
            "Khóa truy cập: không đọc được dữ liệu của thiết bị xác thực: dữ liệu kết thúc quá sớm",
        );
        check(
            "vn-a: `parent` names `vn-b`, which does not exist",
            "vn-a: cơ quan cấp trên là `vn-b`, cơ quan này không tồn tại",
        );
    }

    #[test]
    fn a_pattern_that_takes_anything_gives_way() {
        check(
            "code is not the second person's",
            "Mã không phải mã của người thứ hai",
        );
        check(
            "address is no address such as lan@example.vn",
            "Địa chỉ không hợp lệ, ví dụ đúng: lan@example.vn",
        );
        check(
            "from is no address such as lan@example.vn",
            "Địa chỉ người gửi không hợp lệ, ví dụ đúng: lan@example.vn",
        );
        check(
            "ftp://a is no address such as https://hooks.example/alerts",
            "ftp://a không hợp lệ, ví dụ đúng: https://hooks.example/alerts",
        );
    }

    #[test]
    fn what_other_programs_say_stays_as_it_is() {
        check(
            "the provider was not reached: TLS failed: certificate expired",
            "Không kết nối được nhà cung cấp: TLS không thành công: certificate expired",
        );
    }

    #[test]
    fn what_the_catalogue_lacks_is_not_told() {
        let long = format!("{} is nothing that a service may do", "x".repeat(BYTES_MAX));
        for unknown in [
            "words of a newer part",
            "",
            "nothing must not be empty",
            "has  to 80 characters",
            &long,
        ] {
            assert_eq!(CATALOGUE.sentence(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn each_text_is_there_once_and_has_the_same_holes_in_both_languages() {
        let mut seen = BTreeSet::new();
        for (english, vietnamese) in TEXTS.iter().flat_map(|texts| texts.iter().copied()) {
            assert!(seen.insert(english), "{english} is there twice");
            assert!(!vietnamese.trim().is_empty(), "{english}");
            let [one, other] = [english, vietnamese].map(|text| {
                let pieces = pieces(text);
                let touch = |pair: &[Piece]| matches!(pair, [Piece::Hole(_), Piece::Hole(_)]);
                assert!(!pieces.windows(2).any(touch), "{text}: nothing parts its holes");
                let mut names: Vec<&str> = pieces
                    .iter()
                    .filter_map(|piece| match piece {
                        Piece::Hole(name) => Some(*name),
                        Piece::Literal(_) => None,
                    })
                    .collect();
                names.sort_unstable();
                names
            });
            assert_eq!(one, other, "{english}");
            let once: BTreeSet<&&str> = one.iter().collect();
            assert_eq!(once.len(), one.len(), "{english} has a hole twice");
        }
    }

    #[test]
    fn each_field_is_there_once() {
        let names: BTreeSet<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), FIELDS.len());
    }

    #[test]
    fn numbers_are_written_as_they_are_read() {
        for (english, expect) in [
            ("10,000", Some("10.000")),
            ("1,234,567", Some("1.234.567")),
            ("900", None),
            ("1,2", None),
            ("a,000", None),
            (",000", None),
        ] {
            assert_eq!(number(english).as_deref(), expect, "{english}");
        }
    }
}
