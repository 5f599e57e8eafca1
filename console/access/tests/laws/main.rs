//! Laws of trees, reach and rights, in random worlds against a slow reference.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use std::collections::BTreeSet;

use proptest::prelude::*;
use vonggac_access::exercise::{self, Exercise};
use vonggac_access::policy::{may_grant, rules};
use vonggac_access::{
    Actor, Assurance, Context, Day, Denied, Grants, Grasp, Membership, OrganisationId, Part, PersonId, Reach,
    RequestId, Resource, ResourceKind as Kind, Role, Share, Tlp, TokenScope, Tree, Verb, action,
};
use world::{
    ME, above, current, day, days, gives, keeper, membership, memberships, needs, pick, spans, trees,
};

/// A thing of the kind with that place in [`Kind::ALL`].
#[derive(Clone)]
struct Thing<const KIND: usize>(Facts);

#[derive(Debug, Clone)]
struct Facts {
    owner: OrganisationId,
    shares: Vec<Share>,
    subject: Option<PersonId>,
    author: Option<PersonId>,
    roles: Vec<Role>,
}

impl<const KIND: usize> Resource for Thing<KIND> {
    const KIND: Kind = Kind::ALL[KIND];

    fn owner(&self) -> &OrganisationId {
        &self.0.owner
    }

    fn shares(&self) -> &[Share] {
        &self.0.shares
    }

    fn subject(&self) -> Option<PersonId> {
        self.0.subject
    }

    fn author(&self) -> Option<PersonId> {
        self.0.author
    }

    fn roles(&self) -> &[Role] {
        &self.0.roles
    }
}

/// Both questions for each row of the table: which row it is, is known when it is compiled.
macro_rules! questions {
    ($($kind:ident: $($verb:ident)+;)+) => {
        fn permit(kind: Kind, verb: Verb, context: &Context, facts: &Facts) -> Result<Part, Denied> {
            match (kind, verb) {
                $($((Kind::$kind, Verb::$verb) => {
                    let thing = Thing::<{ Kind::$kind as usize }>(facts.clone());
                    context.permit::<_, action::$verb>(thing).map(|allowed| allowed.part())
                })+)+
                other => panic!("{other:?} is not asked"),
            }
        }

        fn reach(kind: Kind, verb: Verb, context: &Context) -> Result<Reach, Denied> {
            match (kind, verb) {
                $($((Kind::$kind, Verb::$verb) =>
                    context.reach::<Thing<{ Kind::$kind as usize }>, action::$verb>(),)+)+
                other => panic!("{other:?} is not asked"),
            }
        }
    };
}

questions! {
    Alert: Read Work Assign Export;
    Handover: Read Create Change Approve Remove;
    EventSearch: Read Export;
    PersonEvents: Read Export;
    Sensor: Read Create Change Remove;
    Organisation: Read Create Change Remove;
    Account: Read Create Change Remove;
    Membership: Read Create Approve Remove;
    Session: Read Remove;
    ApiToken: Read Create Remove;
    Rule: Read Create Change Share Approve Remove;
    AuditLog: Read Export;
    Case: Read Create Work Assign Change Approve Share Export;
    Evidence: Read Create Work Share Export Remove;
    Report: Read Create Change Approve Sign Send Export;
    Request: Read Create Change Work Send Remove;
    Exercise: Read Create Change Work Approve Share Export Remove;
    Assessment: Read Create Change Work Approve Share Export;
    SystemSetting: Read Change;
    Health: Read;
}

fn rows() -> impl Iterator<Item = (Kind, Verb)> {
    Kind::ALL
        .into_iter()
        .flat_map(|kind| rules(kind).iter().map(move |rule| (kind, rule.verb)))
}

fn context(tree: &Tree, all: &[Membership], day: Day, assurance: Assurance) -> Context {
    let grants = Grants::of(tree, all, ME, day);
    Context::from_authentication(Actor::Person(ME), assurance, grants, RequestId(7))
}

/// Another's, asked for by another.
fn plain(owner: OrganisationId) -> Facts {
    Facts {
        owner,
        shares: vec![],
        subject: Some(PersonId(3)),
        author: Some(PersonId(4)),
        roles: vec![],
    }
}

fn shares() -> impl Strategy<Value = Vec<(usize, usize, usize, vonggac_access::Span)>> {
    proptest::collection::vec((0_usize..20, 0_usize..3, 0..Tlp::ALL.len(), spans()), 0..3)
}

fn people() -> impl Strategy<Value = Option<PersonId>> {
    proptest::option::weighted(0.8, (1_i64..3).prop_map(PersonId))
}

/// Whether the table gives it to one of the memberships, for a thing that may be me, mine, or a role.
fn expected(tree: &Tree, kind: Kind, verb: Verb, all: &[Membership], facts: &Facts, day: Day) -> bool {
    let needs = needs(kind, verb);
    let is_other = |person: Option<PersonId>| person.is_some_and(|person| person != ME);
    if needs.contains("other") && !is_other(facts.author)
        || needs.contains("not-self") && !is_other(facts.subject)
    {
        return false;
    }
    let able: Vec<&Membership> = all
        .iter()
        .filter(|one| gives(tree, kind, verb, one, &facts.owner, &facts.shares, day))
        .collect();
    let may_give = |role: &Role| able.iter().any(|one| may_grant(one.role, *role));
    let within_gift = facts.roles.iter().all(may_give) && (kind == Kind::Account || !facts.roles.is_empty());
    !able.is_empty() && (!needs.contains("gift") || within_gift)
}

proptest! {
    #[test]
    fn trees_answer_as_walking_does(tree in trees()) {
        for day in days() {
            for one in tree.iter() {
                let id = &one.id;
                prop_assert_eq!(tree.current_of(id, day).cloned(), current(&tree, id, day));
                prop_assert_eq!(tree.keeper_of(id, day).cloned(), keeper(&tree, id, day));
                let ancestors: Vec<_> = tree.ancestors_at(id, day).into_iter().cloned().collect();
                prop_assert_eq!(&ancestors, &above(&tree, id, day));
                let subtree: BTreeSet<_> = tree.subtree_at(id, day);
                for other in tree.iter() {
                    let is_in = world::stands(one, day)
                        && world::stands(other, day)
                        && (other.id == *id || above(&tree, &other.id, day).contains(id));
                    prop_assert_eq!(subtree.contains(&other.id), is_in);
                }
                let began = one.span.from.is_none_or(|from| from <= day);
                prop_assert_eq!(tree.keeper_of(id, day).is_some(), began, "what has begun is never nobody's");
            }
        }
    }

    #[test]
    fn files_are_read_as_they_are_written(tree in trees()) {
        let text = vonggac_access::file::write(&tree);
        let again = Tree::build(vonggac_access::file::read(&text).unwrap()).unwrap();
        prop_assert!(tree.iter().eq(again.iter()));
    }

    #[test]
    fn rights_are_what_the_table_says(
        tree in trees(), raw in memberships(), owner in 0_usize..20, raw_shares in shares(),
        subject in people(), author in people(), roles in proptest::collection::vec(0..Role::ALL.len(), 0..3), today in 0_u8..12,
    ) {
        let all: Vec<Membership> = raw.into_iter().map(|one| membership(&tree, one)).collect();
        let parts = [Part::Summary, Part::Whole, Part::Work];
        let facts = Facts {
            owner: pick(&tree, owner),
            shares: raw_shares.into_iter().map(|(with, part, tlp, span)| Share {
                with: pick(&tree, with), part: parts[part], tlp: Tlp::ALL[tlp], span,
            }).collect(),
            subject, author, roles: roles.into_iter().map(|role| Role::ALL[role]).collect(),
        };
        let today = day(today);
        for (kind, verb) in rows() {
            let expect = expected(&tree, kind, verb, &all, &facts, today);
            for assurance in [Assurance::Single, Assurance::Strong, Assurance::Fresh] {
                let got = permit(kind, verb, &context(&tree, &all, today, assurance), &facts);
                let words = needs(kind, verb);
                let sure = Assurance::Fresh == assurance
                    || words.starts_with("single")
                    || words.starts_with("strong") && assurance == Assurance::Strong;
                match got {
                    Ok(part) => prop_assert!(expect && sure && part >= verb.needs(), "{kind:?} {verb:?}"),
                    Err(Denied::StepUp(_)) => prop_assert!(expect && !sure, "{kind:?} {verb:?}"),
                    Err(Denied::NotFound) => prop_assert!(!expect, "{kind:?} {verb:?}"),
                }
            }
        }
    }

    #[test]
    fn a_list_has_what_single_looks_find(
        tree in trees(), raw in memberships(), today in 0_u8..12,
    ) {
        let all: Vec<Membership> = raw.into_iter().map(|one| membership(&tree, one)).collect();
        let today = day(today);
        let context = context(&tree, &all, today, Assurance::Fresh);
        // Which roles may be given is asked of each membership; a list knows none.
        for (kind, verb) in rows().filter(|(kind, verb)| *kind != Kind::Membership || *verb == Verb::Read) {
            let reach = reach(kind, verb, &context);
            for one in tree.iter() {
                let found = permit(kind, verb, &context, &plain(one.id.clone())).is_ok();
                let listed = reach.as_ref().is_ok_and(|reach| reach.covers(one.id.as_str()));
                prop_assert_eq!(listed, found, "{:?} {:?} {}", kind, verb, one.id);
                let in_some_subtree = all.iter().any(|mine| {
                    let home = current(&tree, &mine.organisation, today);
                    let keeper = keeper(&tree, &one.id, today);
                    let on_the_way = keeper.iter().cloned().chain(keeper.iter().flat_map(|k| above(&tree, k, today)));
                    mine.person == ME && mine.span.holds(today) && home.is_some_and(|home| on_the_way.into_iter().any(|k| k == home))
                });
                prop_assert!(!listed || in_some_subtree, "no role reaches outside its subtree");
            }
            if let Ok(reach) = reach {
                prop_assert!(!reach.covers("") && !reach.covers("*") && !reach.covers("unknown"));
                for (name, _) in reach.shared_with() {
                    let home = current(&tree, name, today);
                    prop_assert!(all.iter().any(|mine| current(&tree, &mine.organisation, today) == home));
                }
            }
        }
    }

    #[test]
    fn more_memberships_and_more_sureness_take_nothing_away_and_the_end_takes_all(
        tree in trees(), raw in memberships(), more in memberships(), owner in 0_usize..20, today in 0_u8..12,
    ) {
        let all: Vec<Membership> = raw.into_iter().map(|one| membership(&tree, one)).collect();
        let wider: Vec<Membership> = all.iter().cloned().chain(more.into_iter().map(|one| membership(&tree, one))).collect();
        let ended: Vec<Membership> = all.iter().cloned().map(|mut one| { one.span.until = Some(day(today)); one }).collect();
        let (today, facts) = (day(today), plain(pick(&tree, owner)));
        for (kind, verb) in rows() {
            let may = |all: &[Membership], assurance| permit(kind, verb, &context(&tree, all, today, assurance), &facts).is_ok();
            prop_assert!(!may(&all, Assurance::Single) || may(&all, Assurance::Strong));
            prop_assert!(!may(&all, Assurance::Strong) || may(&wider, Assurance::Fresh));
            prop_assert!(!may(&ended, Assurance::Fresh), "{kind:?} {verb:?}: over at the day it ends");
            prop_assert!(reach(kind, verb, &context(&tree, &ended, today, Assurance::Fresh)).is_err());
        }
    }

    #[test]
    fn within_an_exercise_one_may_what_it_gives_and_nothing_else(
        tree in trees(), raw in memberships(), owner in 0_usize..20, raw_shares in shares(), is_over in any::<bool>(), today in 0_u8..12,
    ) {
        let all: Vec<Membership> = raw.into_iter().map(|one| membership(&tree, one)).collect();
        let parts = [Part::Summary, Part::Whole, Part::Work];
        let held = Exercise {
            owner: pick(&tree, owner),
            shares: raw_shares.into_iter().map(|(with, part, tlp, span)| Share {
                with: pick(&tree, with), part: parts[part], tlp: Tlp::ALL[tlp], span,
            }).collect(),
            is_over,
        };
        let facts = Facts { shares: held.shares.clone(), ..plain(held.owner.clone()) };
        let outside = context(&tree, &all, day(today), Assurance::Fresh);
        let gives = |verb| permit(Kind::Exercise, verb, &outside, &facts).is_ok();
        let Ok(inside) = outside.clone().within(held.clone()) else {
            prop_assert!(!gives(Verb::Read));
            return Ok(());
        };
        prop_assert!(gives(Verb::Read));
        for (kind, verb) in rows() {
            let needed = exercise::within(kind, verb);
            let expect = needed.is_some_and(|needed| gives(needed) && !(is_over && needed == Verb::Work));
            let codes: Vec<String> = reach(kind, verb, &inside)
                .map(|reach| reach.codes().map(ToString::to_string).collect())
                .unwrap_or_default();
            prop_assert_eq!(codes, if expect { vec![held.owner.to_string()] } else { vec![] }, "{:?} {:?}", kind, verb);
            prop_assert_eq!(permit(kind, verb, &inside, &plain(held.owner.clone())).is_ok(), expect);
            let foreign = plain("elsewhere".parse().unwrap());
            prop_assert!(permit(kind, verb, &inside, &foreign).is_err());
        }
    }

    #[test]
    fn a_scope_takes_away_and_a_service_gets_nothing_that_takes_a_person(
        tree in trees(), raw in memberships(), owner in 0_usize..20, today in 0_u8..12, chosen in any::<u64>(),
    ) {
        let all: Vec<Membership> = raw.into_iter().map(|one| membership(&tree, one)).collect();
        let (today, facts) = (day(today), plain(pick(&tree, owner)));
        let scope: TokenScope = Grasp::all().enumerate()
            .filter_map(|(at, grasp)| (chosen >> (at % 64) & 1 == 1).then_some(grasp))
            .collect();
        let grants = Grants::of(&tree, &all, ME, today);
        let as_person = context(&tree, &all, today, Assurance::Single);
        let cut = grants.within(scope.clone());
        let service = Context::from_authentication(Actor::Service(ME.0), Assurance::Single, cut, RequestId(7));
        for (kind, verb) in rows() {
            let expect = permit(kind, verb, &as_person, &facts).is_ok() && scope.has(kind, verb);
            prop_assert_eq!(permit(kind, verb, &service, &facts).is_ok(), expect, "{:?} {:?}", kind, verb);
            let wider = reach(kind, verb, &as_person).unwrap_or_default();
            let narrow = reach(kind, verb, &service).unwrap_or_default();
            prop_assert!(narrow.is_empty() || scope.has(kind, verb) && narrow == wider);
            let words = needs(kind, verb);
            let takes_a_person = words != "single" || matches!(verb, Verb::Approve | Verb::Sign);
            prop_assert!(!takes_a_person || !expect && narrow.is_empty(), "{:?} {:?}", kind, verb);
        }
    }
}

#[test]
fn every_row_of_the_table_is_asked() {
    let nobody = Context::from_authentication(
        Actor::Person(ME),
        Assurance::Fresh,
        Grants::default(),
        RequestId(0),
    );
    for (kind, verb) in rows() {
        let facts = plain("vn".parse().unwrap());
        assert_eq!(permit(kind, verb, &nobody, &facts).unwrap_err(), Denied::NotFound);
        assert!(reach(kind, verb, &nobody).is_err(), "an empty reach is nothing");
    }
}

#[test]
fn a_service_is_never_the_second_person() {
    let tree = Tree::build(vonggac_access::file::read(vonggac_access::VIETNAM).unwrap()).unwrap();
    let nation: OrganisationId = "vn".parse().unwrap();
    let lead = Membership {
        person: ME,
        organisation: nation.clone(),
        role: Role::ShiftLead,
        span: vonggac_access::Span::default(),
    };
    let grants = Grants::of(&tree, &[lead], ME, day(0));
    let facts = plain(nation);
    for (actor, expect) in [(Actor::Person(ME), true), (Actor::Service(1), false)] {
        let context = Context::from_authentication(actor, Assurance::Fresh, grants.clone(), RequestId(0));
        assert_eq!(
            permit(Kind::Case, Verb::Approve, &context, &facts).is_ok(),
            expect
        );
    }
}
