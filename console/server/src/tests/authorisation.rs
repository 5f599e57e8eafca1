//! Each operation of the API as nobody and as each role, about what is one's own, beneath, another's, foreign and nowhere.
//!
//! What an operation asks of the table of rights stands in `authorisation/operations.rs`; that none is left out is a test. What came back is compared
//! with the table, and kept as `authorisation/answers.txt`, so that a change of what the API lets through shows in a diff (`VONGGAC_WRITE=1` writes it).

mod interference;
mod operations;
mod things;
mod timing;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;
use vonggac_access::policy::{self, Rule};
use vonggac_access::{Assurance, Grasp, Relation, ResourceKind as Kind, Role, TokenScope, Verb, may_serve};

use self::operations::{Of, Operation, Right, operations};
use self::things::{Names, People, Whose};
use super::{Answer, Harness, request};
use crate::tests::document;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/authorisation/answers.txt");

/// What somebody learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It was done, or could not be for another reason than rights.
    Done,
    /// There is no such thing.
    NotThere,
    /// A second factor is wanted, in this session or just now; of a service, a person.
    StepUp,
}

impl Outcome {
    fn of(operation: &Operation, answer: &Answer) -> Self {
        let is_of_many = answer.json().pointer("/failed/0").is_some();
        match (answer.status.as_u16(), answer.code().as_str()) {
            (403, "confirm_first" | "factor_first" | "person_only") => Self::StepUp,
            // One's own, and of no thing: whatever was wrong with it was not rights.
            _ if operation.of == Of::Nothing
                && matches!(operation.right, Right::Open | Right::Half | Right::Signed) =>
            {
                Self::Done
            }
            (404, "not_found") => Self::NotThere,
            (200, _) if is_of_many => Self::NotThere,
            // A request that is wrong in itself would say nothing about rights.
            (400 | 401 | 403 | 404 | 405 | 415 | 422 | 500, _) => panic!("{}: {answer:?}", operation.name),
            _ => Self::Done,
        }
    }

    fn sign(self) -> char {
        match self {
            Self::Done => '+',
            Self::NotThere => '-',
            Self::StepUp => '2',
        }
    }
}

fn rule(kind: Kind, verb: Verb) -> &'static Rule {
    policy::rules(kind).iter().find(|rule| rule.verb == verb).unwrap()
}

/// What the table says.
fn expected(operation: &Operation, role: Role, whose: Whose, assurance: Assurance) -> Outcome {
    let own = match whose {
        Whose::Own | Whose::NoOne => true,
        Whose::Beneath | Whose::Colleague | Whose::Foreign | Whose::Absent => false,
    };
    let (kind, verb) = match operation.right {
        Right::Open | Right::Half => return Outcome::Done,
        Right::Signed if own => return Outcome::Done,
        Right::Signed => return Outcome::NotThere,
        Right::Row(kind, verb) | Right::National(kind, verb) => (kind, verb),
    };
    let rule = rule(kind, verb);
    let cell = rule.cell(role);
    let is_in_gift = operation.gives.is_none_or(|given| policy::may_grant(role, given));
    if cell.is_none() || !is_in_gift {
        return Outcome::NotThere;
    }
    // What is not one's own to do with, no second factor makes so.
    let is_never = whose == Whose::Own && !cell.allows(Relation::Own);
    if assurance < rule.assurance && !is_never {
        return Outcome::StepUp;
    }
    let allowed = match whose {
        // Nobody here is of the nation's organisation.
        Whose::NoOne => !matches!(operation.right, Right::National(..)),
        Whose::Own => cell.allows(Relation::Own),
        Whose::Beneath => cell.allows(Relation::Subtree),
        Whose::Colleague | Whose::Foreign | Whose::Absent => false,
    };
    if allowed { Outcome::Done } else { Outcome::NotThere }
}

#[test]
fn no_operation_is_left_out() {
    let of_document: BTreeSet<String> = document::operations()
        .iter()
        .map(|operation| operation.name.clone())
        .collect();
    let of_suite: BTreeSet<String> = operations().into_iter().map(|one| one.name.to_owned()).collect();
    let uncovered: Vec<_> = of_document.difference(&of_suite).collect();
    let gone: Vec<_> = of_suite.difference(&of_document).collect();
    assert!(
        uncovered.is_empty() && gone.is_empty(),
        "uncovered: {uncovered:?}, gone: {gone:?}"
    );
}

#[tokio::test]
async fn who_is_not_signed_in_gets_nothing() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let stale = format!("vonggac={}", "0".repeat(64));
    for operation in operations() {
        for cookie in ["", "vonggac=x", &stale, "__Host-vonggac=x"] {
            let answer = ask(&harness, &operation, &Names::absent(), cookie).await;
            let is_refused = (answer.status.as_u16(), answer.code().as_str()) == (401, "unauthenticated");
            assert_eq!(
                is_refused,
                operation.right != Right::Open,
                "{}: {answer:?}",
                operation.name
            );
        }
    }
}

#[tokio::test]
async fn each_role_may_what_the_table_says() {
    let Some((harness, _secrets)) = super::factors::start().await else {
        return;
    };
    let mut people = People::enter(&harness).await;
    let mut wrong = Vec::new();
    let mut table = String::from(
        "What each role at an organisation gets of each operation. +: done; -: no such thing; 2: a second factor is wanted, in the session or just now.\n\
         After a password alone, and about what is one's own: single. The others with a second factor just now.\n\n",
    );
    write!(table, "{:<24}{:<11}", "operation", "about").unwrap();
    for role in Role::ALL {
        write!(table, "{:<22}", role.name()).unwrap();
    }
    table.truncate(table.trim_end().len());
    table.push('\n');
    for operation in operations() {
        for (whose, assurance) in cases(&operation) {
            let word = match assurance {
                Assurance::Single => "single",
                _ => whose.name(),
            };
            write!(table, "{:<24}{word:<11}", operation.label()).unwrap();
            for role in Role::ALL {
                let seen = people.outcome(&operation, role, whose, assurance).await;
                let wanted = expected(&operation, role, whose, assurance);
                if seen != wanted {
                    wrong.push(format!(
                        "{} {} {} {assurance:?}: {seen:?}, not {wanted:?}",
                        operation.name,
                        role.name(),
                        whose.name()
                    ));
                }
                write!(table, "{:<22}", seen.sign()).unwrap();
            }
            table.truncate(table.trim_end().len());
            table.push('\n');
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if std::env::var_os("VONGGAC_WRITE").is_some() {
        std::fs::write(KEPT, &table).unwrap();
    }
    let kept = std::fs::read_to_string(KEPT).unwrap_or_default();
    assert!(
        kept == table,
        "answers.txt is not what the API answers; run this test with VONGGAC_WRITE=1 and read the difference:\n{table}"
    );
}

/// As a person who signed in with a password alone, and without what takes a person.
#[tokio::test]
async fn a_service_may_what_one_factor_gives_its_role() {
    let Some((harness, _secrets)) = super::factors::start().await else {
        return;
    };
    let mut people = People::enter(&harness).await;
    let mut wrong = Vec::new();
    let all: TokenScope = Grasp::all().collect();
    for role in Role::ALL.into_iter().filter(|&role| may_serve(role)) {
        let (service, bearer) = people.service_of(role).await;
        // What somebody did is made by a session, which a service has not.
        for operation in operations().iter().filter(|one| !one.of.is_personal()) {
            let takes_token = operation.takes_token();
            let whose: &[Whose] = match operation.of {
                Of::Nothing => &[Whose::NoOne],
                _ => &[Whose::Own, Whose::Beneath, Whose::Foreign, Whose::Absent],
            };
            for &whose in whose {
                let names = people.names(operation.of, &service, whose).await;
                let answer = ask(&harness, operation, &names, &bearer).await;
                let place = format!("{} {} {}", operation.name, role.name(), whose.name());
                if !takes_token {
                    let is_open = matches!(operation.right, Right::Open | Right::Half);
                    if !is_open && answer.code() != "person_only" {
                        wrong.push(format!("{place}: {answer:?}"));
                    }
                    continue;
                }
                let seen = Outcome::of(operation, &answer);
                let wanted = match operation.right {
                    Right::Row(kind, verb) if !all.has(kind, verb) => Outcome::StepUp,
                    _ => expected(operation, role, whose, Assurance::Single),
                };
                if seen != wanted {
                    wrong.push(format!("{place}: {seen:?}, not {wanted:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Of whom an operation is tried.
fn cases(operation: &Operation) -> Vec<(Whose, Assurance)> {
    let first = match operation.of {
        Of::Nothing => Whose::NoOne,
        _ => Whose::Own,
    };
    let mut cases = vec![(first, Assurance::Fresh)];
    // With a passkey a password opens no session.
    if operation.right != Right::Open && operation.of != Of::Passkey {
        cases.insert(0, (first, Assurance::Single));
    }
    let more: &[Whose] = match operation.of {
        Of::Nothing => &[],
        of if of.is_personal() => &[Whose::Colleague, Whose::Foreign, Whose::Absent],
        _ => &[Whose::Beneath, Whose::Foreign, Whose::Absent],
    };
    cases.extend(more.iter().map(|&whose| (whose, Assurance::Fresh)));
    cases
}

/// Sends it by whom `proof` names, about what `names` say; of an answer without end only the beginning counts.
async fn ask(harness: &Harness, operation: &Operation, names: &Names, proof: &str) -> Answer {
    let filled = |text: &str| {
        text.replace("{id}", &names.id)
            .replace("{organisation}", &names.organisation)
            .replace("{colleague}", &names.colleague)
    };
    let path = filled(operation.path())
        .replace("{kind}", "address")
        .replace("{code}", &names.id)
        .replace("{membership}", &names.part)
        .replace("{session}", &names.part)
        .replace("{token}", &names.part);
    let path = match operation.query {
        "" => path,
        query => format!("{path}?{query}"),
    };
    let body: Value = serde_json::from_str(&filled(&operation.body.to_string())).unwrap();
    let method = operation.method();
    if operation.name == "alertStream" {
        return harness.begin(request(method, &path, proof, &body)).await;
    }
    harness.call(method, &path, proof, body).await
}
