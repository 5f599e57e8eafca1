//! The table of rights as people read it, and what must be true of it whatever is changed.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::{env, fs};

use vonggac_access::policy::{self, may_grant, rule, rules};
use vonggac_access::{Assurance, Relation, ResourceKind as Kind, Role, Tlp, Verb};

/// What stands before the table in `docs/rights.md`.
const GUIDE: &str = "\
# Rights

A person has roles at organisations, each for some days (`docs/organisations.md` has the organisations). What a role allows is one table in
`console/access/src/policy.rs`; below it is as the program has it, written by a test, which also fails when the two differ.

- A role at an organisation that was merged is one at its successor from that day on.
- *Beneath* is what belongs to the organisation on the day of the request. A viewer's role never reaches there.
- What is not yours is not there: something foreign and something that does not exist get the same answer. That a second factor is wanted is only said
  of what would be allowed with it.
- Who approves or signs must be another than who wrote or asked, and a person; where it is not known who that was, nobody may.
- The first account runs the nation's organisation and leads its shift. Who looks after the console itself and who reads the audit log are others: the
  server's owner names them with `vonggac membership grant`, which the log tells of.
- Nobody gives, approves or ends roles of his own, nor changes his own account as another's. Who changes an account could sign in with it: that takes one who
  may give all roles that the account has.
- System settings and the platform's health belong to the nation's organisation.
- A service has no password: a program asks for it with a token of the API (`docs/api-tokens.md`). The token is one factor, never fresh, and a person it is
  not; so a service does only what takes one factor, and never what is approved, signed, or about people's rights. A token's scope takes away from what the
  service's roles give, and adds nothing.
- A share says how much (summary, all, work on it), under which TLP label, with one organisation, for which days. Neither what is above nor what is beneath that
  organisation is meant.

```text
";

/// `VONGGAC_WRITE=1` writes them anew.
#[test]
fn the_table_is_as_it_is_written_down() {
    let table = policy::table();
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = [
        (home.join("tests/policy.txt"), table.clone()),
        (home.join("../../docs/rights.md"), format!("{GUIDE}{table}```\n")),
    ];
    for (path, text) in files {
        if env::var_os("VONGGAC_WRITE").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap();
        assert!(
            written == text,
            "{}: rights changed; VONGGAC_WRITE=1 cargo test -p vonggac-access --test policy writes them down:\n{table}",
            path.display()
        );
    }
}

fn may(role: Role, kind: Kind, verb: Verb) -> bool {
    rule(kind, verb).is_some_and(|rule| !rule.cell(role).is_none())
}

fn all() -> impl Iterator<Item = (Kind, &'static policy::Rule)> {
    Kind::ALL
        .into_iter()
        .flat_map(|kind| rules(kind).iter().map(move |rule| (kind, rule)))
}

#[test]
fn each_action_stands_once_and_somebody_may_do_it() {
    for (kind, rule) in all() {
        let same = rules(kind).iter().filter(|other| other.verb == rule.verb).count();
        assert_eq!(same, 1, "{kind:?} {:?}", rule.verb);
        assert!(
            Role::ALL.into_iter().any(|role| may(role, kind, rule.verb)),
            "{kind:?} {:?}",
            rule.verb
        );
    }
    for (at, role) in Role::ALL.into_iter().enumerate() {
        assert_eq!(role as usize, at, "columns are in the order of the roles");
    }
}

#[test]
fn who_may_do_something_with_a_thing_may_see_it() {
    for (kind, rule) in all().filter(|(_, rule)| rule.verb != Verb::Create) {
        let read = policy::rule(kind, Verb::Read).unwrap();
        for role in Role::ALL {
            for relation in [Relation::Own, Relation::Subtree, Relation::Shared(Tlp::Red)] {
                let does = rule.cell(role).allows(relation);
                assert!(
                    !does || read.cell(role).allows(relation),
                    "{role:?} {kind:?} {:?}",
                    rule.verb
                );
            }
        }
    }
}

#[test]
fn an_auditor_changes_nothing() {
    for (kind, rule) in all().filter(|(_, rule)| !rule.verb.only_reads()) {
        assert!(!may(Role::Auditor, kind, rule.verb), "{kind:?} {:?}", rule.verb);
    }
    assert!(Role::ALL.into_iter().all(|role| !may_grant(Role::Auditor, role)));
    let readers = Role::ALL
        .into_iter()
        .filter(|&role| may(role, Kind::AuditLog, Verb::Read));
    assert_eq!(readers.collect::<Vec<_>>(), [Role::Auditor]);
}

#[test]
fn a_system_administrator_sees_nobodys_work() {
    let work = [
        Kind::Alert,
        Kind::Handover,
        Kind::EventSearch,
        Kind::PersonEvents,
        Kind::Case,
        Kind::Evidence,
        Kind::Report,
        Kind::Request,
        Kind::AuditLog,
        Kind::Assessment,
        Kind::Exercise,
    ];
    for (kind, rule) in all().filter(|(kind, _)| work.contains(kind)) {
        assert!(
            !may(Role::SystemAdministrator, kind, rule.verb),
            "{kind:?} {:?}",
            rule.verb
        );
    }
    for role in Role::ALL
        .into_iter()
        .filter(|&role| may(role, Kind::Alert, Verb::Read))
    {
        assert!(!may_grant(Role::SystemAdministrator, role), "{role:?}");
    }
}

#[test]
fn an_exercise_director_has_exercises_alone() {
    for (kind, rule) in all() {
        let may = may(Role::ExerciseDirector, kind, rule.verb);
        let is_own_field = kind == Kind::Exercise || (kind, rule.verb) == (Kind::Organisation, Verb::Read);
        assert!(!may || is_own_field, "{kind:?} {:?}", rule.verb);
    }
}

#[test]
fn an_assessor_works_on_assessments_and_nobody_he_assesses_does() {
    for (kind, rule) in all() {
        if kind != Kind::Assessment && !rule.verb.only_reads() {
            assert!(!may(Role::Assessor, kind, rule.verb), "{kind:?} {:?}", rule.verb);
        }
        if kind == Kind::Assessment {
            for role in Role::ALL.into_iter().filter(|&role| role != Role::Assessor) {
                let cell = rule.cell(role);
                assert!(
                    !cell.allows(Relation::Own) && !cell.allows(Relation::Subtree),
                    "{role:?}"
                );
            }
        }
    }
}

#[test]
fn nobody_makes_his_own_rights_and_two_agree_on_what_is_grave() {
    for rule in rules(Kind::Membership)
        .iter()
        .filter(|rule| !rule.verb.only_reads())
    {
        assert!(
            rule.not_on_self && rule.assurance == Assurance::Fresh,
            "{:?}",
            rule.verb
        );
    }
    let change = rule(Kind::Account, Verb::Change).unwrap();
    assert!(change.not_on_self && change.within_own_gift);
    for (kind, rule) in all().filter(|(_, rule)| matches!(rule.verb, Verb::Approve | Verb::Sign)) {
        assert!(rule.needs_another, "{kind:?} {:?}", rule.verb);
    }
    assert!(rule(Kind::Evidence, Verb::Remove).unwrap().needs_another);
}

#[test]
fn what_is_foreign_is_nobodys_and_what_leaves_takes_a_second_factor() {
    for (kind, rule) in all() {
        for role in Role::ALL {
            let cell = rule.cell(role);
            assert!(!cell.allows(Relation::Foreign));
            assert!(role.reaches_subtree() || !cell.allows(Relation::Subtree));
            for labels in Tlp::ALL.windows(2) {
                let [laxer, stricter] = labels else { unreachable!() };
                let allows = |label: &Tlp| cell.allows(Relation::Shared(*label));
                assert!(
                    !allows(stricter) || allows(laxer),
                    "{role:?} {kind:?} {:?}",
                    rule.verb
                );
            }
        }
        if matches!(rule.verb, Verb::Export | Verb::Share | Verb::Send | Verb::Sign) {
            assert!(rule.assurance >= Assurance::Strong, "{kind:?} {:?}", rule.verb);
        }
    }
}
