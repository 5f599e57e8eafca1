//! The Vietnamese of every message, beside the English that the sources say.
//!
//! A text is a pattern: `{name}` stands for what differs, and the Vietnamese has the same names, once each. Three names say more:
//! - `field`: the name of a field or parameter, which is told in Vietnamese too ([`fields`]);
//! - `message`: another message of this catalogue, which is told in Vietnamese too;
//! - `detail`: what may be one; where it is not, it stands as it is (what other programs say).
//!
//! Both begin with a small letter, as they may stand within others. `tests/messages.rs` looks for each text that the sources make.

mod away;
mod fields;
mod people;
mod request;
mod search;
mod work;

/// English, and the same in Vietnamese.
pub(super) type Text = (&'static str, &'static str);

/// What fields are called.
pub(super) const FIELDS: &[Text] = fields::FIELDS;

/// All texts, by what they are about.
pub(crate) const TEXTS: &[&[Text]] = &[
    request::REQUEST,
    request::READING,
    request::VALUES,
    people::ACCOUNTS,
    people::FACTORS,
    people::SERVICES,
    people::ORGANISATIONS,
    work::ALERTS,
    work::SHIFTS,
    work::EXCEPTIONS,
    work::EXERCISES,
    work::SENSORS,
    work::NOTICES,
    search::QUERIES,
    search::KEPT,
    away::DELIVERY,
    away::SETTINGS,
    away::PROVIDERS,
];
