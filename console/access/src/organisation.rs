//! What an organisation is.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::day::Span;

/// Longest code of an organisation, in bytes.
pub const CODE_BYTES_MAX: usize = 48;
/// Longest name and citation, in characters.
pub const TEXT_CHARACTERS_MAX: usize = 200;
/// Most organisations that one can come from.
pub const PREDECESSORS_MAX: usize = 64;

/// Code of an organisation, as in `bo-cong-an`: 2 to 48 bytes, words of lower-case ASCII letters and digits with `-` between them, a letter first.
///
/// It is the tenant of events and alerts, in Kafka's keys and in ClickHouse, and so a word and no number: it means the same in every
/// database and export, and needs nothing looked up. It is given once: never changed, never given to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganisationId(Arc<str>);

impl OrganisationId {
    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrganisationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for OrganisationId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What is not a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a code: 2 to {CODE_BYTES_MAX} lower-case ASCII letters, digits and single hyphens between them, a letter first"
)]
pub struct NotACode;

impl FromStr for OrganisationId {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Self, NotACode> {
        let word = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let fits = (2..=CODE_BYTES_MAX).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.split('-').all(word);
        fits.then(|| Self(text.into())).ok_or(NotACode)
    }
}

/// What sort of organisation it is; in this order they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The country: the root, of which there is one.
    Nation,
    /// A ministry (bộ).
    Ministry,
    /// An agency of a ministry's rank (cơ quan ngang bộ).
    MinisterialAgency,
    /// An agency under the Government (cơ quan thuộc Chính phủ).
    GovernmentAgency,
    /// A province or a centrally run city.
    Province,
    /// The national centre, which coordinates.
    NationalCentre,
    /// A force that is charged with network security (lực lượng chuyên trách).
    SpecialisedForce,
    /// An operator of information systems (đơn vị vận hành).
    Operator,
    /// A department, commune or other part of one.
    Unit,
}

impl Kind {
    /// All, in order.
    pub const ALL: [Self; 9] = [
        Self::Nation,
        Self::Ministry,
        Self::MinisterialAgency,
        Self::GovernmentAgency,
        Self::Province,
        Self::NationalCentre,
        Self::SpecialisedForce,
        Self::Operator,
        Self::Unit,
    ];

    /// Its word in files, as in `ministerial-agency`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nation => "nation",
            Self::Ministry => "ministry",
            Self::MinisterialAgency => "ministerial-agency",
            Self::GovernmentAgency => "government-agency",
            Self::Province => "province",
            Self::NationalCentre => "national-centre",
            Self::SpecialisedForce => "specialised-force",
            Self::Operator => "operator",
            Self::Unit => "unit",
        }
    }
}

/// What is not the word of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is none of nation, ministry, ministerial-agency, government-agency, province, national-centre, specialised-force, operator, unit"
)]
pub struct NotAKind;

impl FromStr for Kind {
    type Err = NotAKind;

    fn from_str(text: &str) -> Result<Self, NotAKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or(NotAKind)
    }
}

/// An organisation, as its law or decision has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its code.
    pub id: OrganisationId,
    /// What sort it is.
    pub kind: Kind,
    /// Name in Vietnamese.
    pub name_vi: String,
    /// Name in English.
    pub name_en: String,
    /// What it belongs to; `None` for the nation alone. When that one is merged, its successor is the parent from then on.
    pub parent: Option<OrganisationId>,
    /// The days on which it exists.
    pub span: Span,
    /// Whose work it went on with: merged into it, split off or renamed. Sorted, each once.
    pub predecessors: Vec<OrganisationId>,
    /// The law or decision that made it what it is here, or `to be confirmed`.
    pub citation: String,
}

/// What is wrong with a name or citation; `None` when it does.
pub(crate) fn trouble_with(text: &str) -> Option<&'static str> {
    let misleads = |character: char| {
        character.is_control()
            // Invisible, or turning the direction of what follows: one name could look like another.
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if text.is_empty() {
        Some("is empty")
    } else if text.trim() != text {
        Some("begins or ends with a space")
    } else if text.chars().any(misleads) {
        Some("has a control character or an invisible one")
    } else if text.chars().count() > TEXT_CHARACTERS_MAX {
        Some("is longer than 200 characters")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_plain_word() {
        let longest = "a".repeat(CODE_BYTES_MAX);
        for good in [
            "vn",
            "bo-cong-an",
            "a05",
            "tuyen-quang-den-2025",
            longest.as_str(),
        ] {
            assert_eq!(good.parse::<OrganisationId>().unwrap().as_str(), good);
        }
        let long = "a".repeat(CODE_BYTES_MAX + 1);
        for bad in [
            "",
            "*",
            "a",
            "A05",
            "5a",
            "-a",
            "a-",
            "a--b",
            "a b",
            "bộ",
            "a.b",
            "a_b",
            "a/b",
            "a\0b",
            "a\nb",
            long.as_str(),
        ] {
            assert!(bad.parse::<OrganisationId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_kind_is_read_as_it_is_written() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert!("Ministry".parse::<Kind>().is_err());
    }

    #[test]
    fn a_name_shows_all_that_it_says() {
        assert_eq!(trouble_with("Bộ Nông nghiệp và Môi trường"), None);
        for bad in [
            "",
            " a",
            "a ",
            "a\nb",
            "a\u{202e}b",
            "a\u{200b}b",
            &"a".repeat(201),
        ] {
            assert!(trouble_with(bad).is_some(), "{bad:?}");
        }
    }
}
