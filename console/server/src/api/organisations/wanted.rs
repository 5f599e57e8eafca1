//! What is asked for about organisations, and how it reads as an edit.

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use vonggac_access::organisation::PREDECESSORS_MAX;
use vonggac_access::{Day, Organisation, OrganisationId, Span};
use vonggac_database::organisation::edit::Change;

use super::shown::OrganisationKind;
use crate::api::memberships::day;
use crate::error::{Failure, Result};

/// Which organisations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct OrganisationQuery {
    /// Part of a name or of the code; case and Vietnamese marks do not matter
    pub(super) q: Option<String>,
    /// Those of this kind, as in `province`
    pub(super) kind: Option<String>,
    /// Those of this day; today without it
    #[param(format = Date)]
    pub(super) on: Option<String>,
    /// Whether those are meant, too, that have ended by that day or have not begun
    #[serde(default)]
    pub(super) others: bool,
}

/// The organisations' version that was seen.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct VersionQuery {
    /// `version` of the organisation as it was seen
    pub(super) version: i64,
}

/// A new organisation.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::api) struct NewOrganisation {
    /// 2 to 48 lower-case ASCII letters, digits and single hyphens, a letter first; never changed.
    code: String,
    kind: OrganisationKind,
    /// Name in Vietnamese.
    vi: String,
    /// Name in English.
    en: String,
    /// Code of what it belongs to.
    parent: String,
    /// First day; without it, since before any day that counts.
    #[schema(format = Date)]
    from: Option<String>,
    /// First day on which it is no more.
    #[schema(format = Date)]
    until: Option<String>,
    /// The law or decision.
    citation: String,
}

/// A new organisation, and what was seen before.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::api) struct AddOrganisationRequest {
    #[serde(flatten)]
    pub(super) new: NewOrganisation,
    /// `version` of the organisations as they were seen.
    pub(super) version: i64,
}

/// What is to be another; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::api) struct ChangeOrganisationRequest {
    kind: Option<OrganisationKind>,
    vi: Option<String>,
    en: Option<String>,
    citation: Option<String>,
    /// First day, of one that has not begun.
    #[schema(format = Date)]
    from: Option<String>,
    pub(super) version: i64,
}

/// When an organisation ends.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::api) struct EndOrganisationRequest {
    /// First day on which it is no more; today at the earliest.
    #[schema(format = Date)]
    until: String,
    pub(super) version: i64,
}

/// That an organisation ends and goes on as another, alone or together with others.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::api) struct SucceedOrganisationRequest {
    /// First day on which it is no more; today at the earliest.
    #[schema(format = Date)]
    until: String,
    /// Codes of others that end on that day and go on as the same; at most 63.
    #[serde(default)]
    with: Vec<String>,
    /// Code of one that there is, which takes over; or else `new`.
    pub(super) into: Option<String>,
    /// A new one, from that day on; or else `into`.
    pub(super) new: Option<NewOrganisation>,
    pub(super) version: i64,
}

/// A code of an organisation; what is none is one that does not exist.
pub(super) fn code(text: &str) -> Result<OrganisationId> {
    text.parse().map_err(|_| Failure::not_found())
}

fn until(text: &str) -> Result<Day> {
    day("until", Some(text))?.ok_or_else(|| Failure::invalid("until", "until is missing"))
}

impl NewOrganisation {
    /// What it is to belong to.
    pub(super) fn parent(&self) -> Result<OrganisationId> {
        code(&self.parent)
    }

    pub(super) fn read(self) -> Result<Organisation> {
        let wrong =
            |error: vonggac_access::organisation::NotACode| Failure::invalid("code", format!("code {error}"));
        Ok(Organisation {
            parent: Some(self.parent()?),
            id: self.code.parse().map_err(wrong)?,
            kind: self.kind.into(),
            span: Span {
                from: day("from", self.from.as_deref())?,
                until: day("until", self.until.as_deref())?,
            },
            name_vi: self.vi,
            name_en: self.en,
            predecessors: Vec::new(),
            citation: self.citation,
        })
    }
}

impl ChangeOrganisationRequest {
    pub(super) fn read(self) -> Result<Change> {
        Ok(Change {
            from: day("from", self.from.as_deref())?,
            kind: self.kind.map(Into::into),
            name_vi: self.vi,
            name_en: self.en,
            citation: self.citation,
        })
    }
}

impl EndOrganisationRequest {
    pub(super) fn until(&self) -> Result<Day> {
        until(&self.until)
    }
}

impl SucceedOrganisationRequest {
    pub(super) fn until(&self) -> Result<Day> {
        until(&self.until)
    }

    /// All that end, `first` among them.
    pub(super) fn ended(&self, first: &OrganisationId) -> Result<Vec<OrganisationId>> {
        if self.with.len() >= PREDECESSORS_MAX {
            return Err(Failure::invalid("with", "with has too many"));
        }
        let others = self.with.iter().map(|text| code(text));
        std::iter::once(Ok(first.clone())).chain(others).collect()
    }
}
