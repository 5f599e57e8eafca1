//! Which alerts: the queue's filter, the same in the address and in a body.

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use vonggac_database::exception::ExceptionId;
use vonggac_database::queue::{Filter, Holders, SetAside, Suppressed};
use vonggac_database::{AccountId, Reason, Status, Verdict};
use vonggac_event::Severity;

use crate::error::{Failure, Result};
use crate::extract::Signed;
use crate::state::Console;
use crate::time;

/// Which alerts; what is left out restricts nothing.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub(super) struct AlertFilter {
    /// `open`, `acknowledged`, `closed`; several with commas
    status: Option<String>,
    /// `critical` to `informational`; several with commas
    severity: Option<String>,
    /// Text in title (in either language), rule, summary, address, sensor or technique
    q: Option<String>,
    /// ATT&CK technique; its sub-techniques count
    technique: Option<String>,
    /// Who has them: ids of people, `me`, `nobody`; several with commas
    assignee: Option<String>,
    /// Any of these verdicts, with commas
    verdict: Option<String>,
    /// Any of these reasons, with commas
    reason: Option<String>,
    /// All of these tags, with commas
    tag: Option<String>,
    /// Id of the rule
    rule: Option<String>,
    /// Address of the side that opened the flow
    src: Option<String>,
    /// Address of the other side
    dst: Option<String>,
    /// `only` those set aside, or `without` them
    snoozed: Option<String>,
    /// `only` those that an exception keeps out of the queue, or `with` them; without them when left out
    suppressed: Option<String>,
    /// Id of the exception that hid or lowered them last
    exception: Option<String>,
    /// ATT&CK tactic, as in `credential-access`
    tactic: Option<String>,
    /// Code of the organisation
    organisation: Option<String>,
    /// Which sensor
    sensor: Option<String>,
    /// Address on either side
    address: Option<String>,
    /// Came, was seen again or was worked on then or later
    #[param(format = DateTime)]
    changed_from: Option<String>,
    /// Raised then or later
    #[param(format = DateTime)]
    detected_from: Option<String>,
    /// Raised before
    #[param(format = DateTime)]
    detected_to: Option<String>,
    /// Last seen then or later
    #[param(format = DateTime)]
    from: Option<String>,
    /// First seen before
    #[param(format = DateTime)]
    to: Option<String>,
}

/// Microseconds of an optional time.
pub(super) fn time_us(field: &'static str, text: Option<&str>) -> Result<Option<i64>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let invalid = || {
        Failure::invalid(
            field,
            format!("{field} is not a time such as 2026-01-31T09:30:00Z"),
        )
    };
    time::from_text(text).map(Some).ok_or_else(invalid)
}

/// The words of a list with commas.
pub(super) fn words<T>(
    field: &'static str,
    text: Option<&str>,
    read: fn(&str) -> Option<T>,
) -> Result<Vec<T>> {
    let one = |word: &str| {
        read(word).ok_or_else(|| Failure::invalid(field, format!("{field}: {word} is not known")))
    };
    text.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(one)
        .collect()
}

impl AlertFilter {
    pub(super) fn read(&self, signed: &Signed, console: &Console) -> Result<Filter> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let tags = self.tag.as_deref().unwrap_or_default().split(',');
        Ok(Filter {
            statuses: words("status", self.status.as_deref(), Status::from_name)?,
            severities: words("severity", self.severity.as_deref(), Severity::from_name)?,
            text: self.q.clone(),
            technique: given(&self.technique),
            verdicts: words("verdict", self.verdict.as_deref(), Verdict::from_name)?,
            reasons: words("reason", self.reason.as_deref(), Reason::from_name)?,
            holders: self.holders(signed)?,
            tags: tags
                .map(|tag| tag.trim().to_owned())
                .filter(|tag| !tag.is_empty())
                .collect(),
            rule: given(&self.rule),
            src: given(&self.src),
            dst: given(&self.dst),
            set_aside: self.set_aside(console.now_us())?,
            tactic: given(&self.tactic),
            organisation: given(&self.organisation),
            sensor: given(&self.sensor),
            address: given(&self.address),
            changed_from_us: time_us("changed_from", self.changed_from.as_deref())?,
            detected_from_us: time_us("detected_from", self.detected_from.as_deref())?,
            detected_to_us: time_us("detected_to", self.detected_to.as_deref())?,
            arrived_by_us: None,
            from_us: time_us("from", self.from.as_deref())?,
            to_us: time_us("to", self.to.as_deref())?,
            suppressed: self.suppressed()?,
            exception: self.exception()?,
            conditions: None,
        })
    }

    fn holders(&self, signed: &Signed) -> Result<Holders> {
        let mut holders = Holders::default();
        for word in words("assignee", self.assignee.as_deref(), |word| Some(word.to_owned()))? {
            match word.as_str() {
                "me" => holders.people.push(signed.account.id),
                "nobody" => holders.nobody = true,
                id => holders.people.push(account(id)?),
            }
        }
        Ok(holders)
    }

    fn suppressed(&self) -> Result<Suppressed> {
        match self.suppressed.as_deref().unwrap_or_default() {
            "" => Ok(Suppressed::Without),
            "only" => Ok(Suppressed::Only),
            "with" => Ok(Suppressed::With),
            _ => Err(Failure::invalid("suppressed", "suppressed is only or with")),
        }
    }

    fn exception(&self) -> Result<Option<ExceptionId>> {
        let given = self.exception.as_deref().filter(|text| !text.is_empty());
        let read = |text: &str| {
            let id = text.parse().map(ExceptionId);
            id.map_err(|_| Failure::invalid("exception", "exception is the id of one"))
        };
        given.map(read).transpose()
    }

    fn set_aside(&self, at_us: i64) -> Result<Option<SetAside>> {
        let is = match self.snoozed.as_deref().unwrap_or_default() {
            "" => return Ok(None),
            "only" => true,
            "without" => false,
            _ => return Err(Failure::invalid("snoozed", "snoozed is only or without")),
        };
        Ok(Some(SetAside { is, at_us }))
    }
}

/// The account of an id.
pub(super) fn account(id: &str) -> Result<AccountId> {
    let invalid = |_| Failure::invalid("assignee", format!("assignee: {id} is not the id of a person"));
    id.parse().map(AccountId).map_err(invalid)
}
