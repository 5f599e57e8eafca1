//! What an alert says when it goes out.

use vonggac_event::{Alert, RuleCard};
use vonggac_sigma::CorrelationKind;

use crate::session::Session;
use crate::summary::clean;
use crate::table::{InForce, Target};

/// The session's alert as it stands, with its rule; a correlation's says what its window held.
pub(crate) fn emit(session: &mut Session, card: &RuleCard, target: &Target) -> Alert {
    let summary = match target {
        Target::Correlation(in_force) => Some(summary(session, in_force)),
        Target::Direct => None,
    };
    session.emit(card, summary)
}

fn summary(session: &Session, in_force: &InForce) -> String {
    let spec = &in_force.spec;
    let count = session.alert.count;
    let seconds = spec.timespan_us / 1_000_000;
    let fields = in_force.fields.join(", ");
    let metric = session.metric;
    let what = match spec.kind {
        CorrelationKind::EventCount => format!("{count} matches"),
        CorrelationKind::ValueCount => format!("{metric} different values of {fields} in {count} matches"),
        CorrelationKind::ValueSum => format!("{fields} adds up to {metric} in {count} matches"),
        CorrelationKind::ValueAverage => format!("{fields} is {metric:.1} on average in {count} matches"),
        CorrelationKind::Temporal | CorrelationKind::TemporalOrdered => {
            format!("{metric} of {} rules in {count} matches", spec.feeds)
        }
    };
    clean(&format!(
        "{what}, window {seconds} s; last: {}",
        session.alert.summary
    ))
}
