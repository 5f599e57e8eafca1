//! That something foreign exists does not show in how long the answer takes.
//!
//! Calls about what is foreign and what is absent go in random order, and their times are compared by the rank-sum test of Mann and Whitney. A difference is
//! one that shows, in the same direction, in each of three series: by chance that happens once in some ten million times.
//! `VONGGAC_TIMING` sets the calls of a series (`make authorisation`: 1,000).

use std::time::Instant;

use vonggac_access::{Assurance, Role};

use super::ask;
use super::operations::operations;
use super::things::{People, Whose};
use crate::tests::factors;

/// Of the normal distribution, for p < 0.01 on two sides.
const LIMIT: f64 = 2.576;
const SERIES: usize = 3;

/// How far the ranks of `one` lie above those of `other`, in standard deviations.
fn rank_sum(one: &[f64], other: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> = one.iter().map(|time| (*time, true)).collect();
    all.extend(other.iter().map(|time| (*time, false)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ranks = all.iter().zip(1_u32..).filter(|((_, of_one), _)| *of_one);
    let sum: f64 = ranks.map(|(_, rank)| f64::from(rank)).sum();
    let (n, m) = (one.len() as f64, other.len() as f64);
    let mean = n * (n + m + 1.0) / 2.0;
    let deviation = (n * m * (n + m + 1.0) / 12.0).sqrt();
    (sum - mean) / deviation
}

#[test]
fn a_difference_is_seen() {
    let times = |shift: f64| {
        (0..200)
            .map(|n| f64::from(n * 37 % 200) + shift)
            .collect::<Vec<_>>()
    };
    assert!(rank_sum(&times(0.0), &times(0.5)).abs() < LIMIT);
    assert!(rank_sum(&times(30.0), &times(0.0)) > LIMIT);
    assert!(rank_sum(&times(0.0), &times(30.0)) < -LIMIT);
}

#[tokio::test]
async fn what_is_foreign_takes_as_long_as_what_is_not_there() {
    let Some((harness, _secrets)) = factors::start().await else {
        return;
    };
    let calls: usize = std::env::var("VONGGAC_TIMING").map_or(100, |text| text.parse().unwrap());
    let mut people = People::enter(&harness).await;
    let names = [
        "getAlert",
        "commentAlert",
        "undoOperation",
        "removeSearch",
        "getAccount",
        "getOrganisation",
        "accountSessions",
        "endMembership",
        "proveAudit",
    ];
    for name in names {
        let operation = operations().into_iter().find(|one| one.name == name).unwrap();
        let role = match name {
            "getAccount" | "accountSessions" | "endMembership" => Role::OrganisationManager,
            "proveAudit" => Role::Auditor,
            _ => Role::ShiftLead,
        };
        let asker = people.of(role).clone();
        let cookie = people.cookie(&asker, Assurance::Fresh).await;
        let foreign = people.names(operation.of, &asker, Whose::Foreign).await;
        let absent = people.names(operation.of, &asker, Whose::Absent).await;
        let mut seen = Vec::new();
        for _ in 0..SERIES {
            let mut times = [Vec::new(), Vec::new()];
            while times.iter().any(|times| times.len() < calls) {
                let of_foreign = rand::random::<bool>();
                let asked = if of_foreign { &foreign } else { &absent };
                let begun = Instant::now();
                let answer = ask(&harness, &operation, asked, &cookie).await;
                times[usize::from(of_foreign)].push(begun.elapsed().as_secs_f64());
                assert_eq!(answer.status, 404, "{name}: {answer:?}");
            }
            seen.push(rank_sum(&times[1], &times[0]));
            if !seen.iter().all(|z| *z > LIMIT) && !seen.iter().all(|z| *z < -LIMIT) {
                break;
            }
        }
        println!("{name}: foreign over absent, in standard deviations: {seen:.2?}");
        assert!(
            seen.len() < SERIES || seen.last().unwrap().abs() < LIMIT,
            "{name}: {seen:.2?}"
        );
    }
}
