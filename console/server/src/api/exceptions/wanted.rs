//! Exceptions as somebody asks for them.

use serde::Deserialize;
use utoipa::ToSchema;
use vonggac_database::exception::{Condition as Needed, Conditions, Effect as Outcome, NewException, Reach};
use vonggac_event as event;

use super::shown::{ConditionOn, Effect};
use crate::api::filter::time_us;
use crate::api::shapes::{Reason, Severity};
use crate::error::{Failure, Result};

/// One thing that alerts must be like.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ConditionRequest {
    on: ConditionOn,
    /// Of a field or a domain: the name of the column.
    name: Option<String>,
    /// An address or network, a port, a name.
    value: String,
}

/// An exception, to be made or to be looked at.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ExceptionRequest {
    /// Id of the alert that it is made from: its rule is meant, and it must itself meet the conditions.
    alert: String,
    /// Code of the organisation whose alerts are meant.
    organisation: String,
    /// And those of what stands beneath it.
    #[serde(default)]
    with_beneath: bool,
    /// All of them, at most 8; with none it is the whole rule.
    conditions: Vec<ConditionRequest>,
    effect: Effect,
    /// Needed to lower: to what, below critical.
    severity: Option<Severity>,
    /// A reason of a benign or a false positive.
    reason: Reason,
    /// Needed to make it.
    #[serde(default)]
    note: String,
    /// At most a year away.
    #[schema(format = DateTime)]
    expires_at: String,
    /// Whether to close also the open alerts that it is about and that nobody works on.
    #[serde(default)]
    pub(super) close_open: bool,
}

impl ExceptionRequest {
    pub(super) fn read(&self) -> Result<NewException> {
        let conditions = self.conditions.iter().map(|one| {
            let name = one.name.as_deref().unwrap_or_default();
            Ok(Needed::read(one.on.name(), name, &one.value)?)
        });
        let effect = match (self.effect, self.severity) {
            (Effect::Hide, _) => Outcome::Hide,
            (Effect::Lower, Some(to)) => Outcome::Lower { to: severity(to) },
            (Effect::Lower, None) => return Err(Failure::invalid("severity", "severity is needed to lower")),
        };
        let expires_us = time_us("expires_at", Some(&self.expires_at))?
            .ok_or_else(|| Failure::invalid("expires_at", "expires_at is needed"))?;
        Ok(NewException {
            reach: Reach {
                alert: self.alert.parse().map_err(|_| Failure::not_found())?,
                organisation: self.organisation.parse().map_err(|_| Failure::not_found())?,
                with_beneath: self.with_beneath,
                conditions: Conditions::of(conditions.collect::<Result<_>>()?)?,
            },
            effect,
            reason: self.reason.into(),
            note: self.note.clone(),
            expires_us,
        })
    }
}

fn severity(severity: Severity) -> event::Severity {
    match severity {
        Severity::Critical => event::Severity::Critical,
        Severity::High => event::Severity::High,
        Severity::Medium => event::Severity::Medium,
        Severity::Low => event::Severity::Low,
        Severity::Informational => event::Severity::Informational,
    }
}
