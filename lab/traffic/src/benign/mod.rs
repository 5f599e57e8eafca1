//! The agency's daily work: everything that must raise no alert.
//!
//! Some of it looks like an intrusion on purpose: a poller as regular as a beacon, an administrator who mistypes the
//! password, queries with a `cmd` of their own, long names of content distributors, closed ports.

pub(crate) mod office;
pub(crate) mod portal;
pub(crate) mod service;
pub(crate) mod web;

use crate::stage::Stage;

/// Plays all of it for `users` users.
pub(crate) fn play(stage: &mut Stage, users: u8) {
    for number in 1..=users {
        web::user(stage, number);
    }
    portal::citizens(stage);
    portal::staff(stage, users);
    service::poller(stage);
    service::clocks(stage, users);
    service::pings(stage);
    service::mail(stage);
    service::updates(stage, users);
    office::administrator(stage);
    office::odd_lookups(stage, users);
    office::dead_ends(stage, users);
}
