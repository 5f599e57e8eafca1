//! Small random worlds, and what is right in them by a slow way that is plainly right: each question is answered by walking from one
//! organisation to the next, and each right is looked up in `tests/policy.txt` as people read it.

use proptest::prelude::*;
use vonggac_access::tree::Placed;
use vonggac_access::{
    Day, Membership, Organisation, OrganisationId, OrganisationKind, PersonId, ResourceKind as Kind, Role,
    Share, Span, Tree, Verb,
};

/// Who asks in all the worlds.
pub(crate) const ME: PersonId = PersonId(1);

const POLICY: &str = include_str!("../policy.txt");

pub(crate) fn day(number: u8) -> Day {
    Day::new(2025, 1, i8::try_from(number % 12).unwrap() + 1).unwrap()
}

/// All the days of the worlds.
pub(crate) fn days() -> impl Iterator<Item = Day> {
    (0..12).map(day)
}

pub(crate) fn spans() -> impl Strategy<Value = Span> {
    let some_day = || proptest::option::weighted(0.6, (0_u8..12).prop_map(day));
    (some_day(), some_day()).prop_map(|(from, until)| Span { from, until })
}

/// Trees of up to ten organisations: what does not fit is left out.
pub(crate) fn trees() -> impl Strategy<Value = Tree> {
    let one = (0_usize..10, spans(), 0_usize..10, any::<bool>());
    proptest::collection::vec(one, 0..10).prop_map(|raw| {
        let mut all = vec![placed(0, None, Span::default(), vec![])];
        for (parent, span, predecessor, succeeds) in raw {
            let number = all.len();
            let of = |index: usize| all[index % number].organisation.id.clone();
            let predecessors = if succeeds { vec![of(predecessor)] } else { vec![] };
            let next = placed(number, Some(of(parent)), span, predecessors);
            let with = |next: Placed| all.iter().cloned().chain([next]).collect::<Vec<_>>();
            let alone = placed(number, next.organisation.parent.clone(), span, vec![]);
            if let Some(fits) = [next, alone]
                .into_iter()
                .find(|next| Tree::build(with(next.clone())).is_ok())
            {
                all.push(fits);
            }
        }
        Tree::build(all).unwrap()
    })
}

fn placed(
    number: usize,
    parent: Option<OrganisationId>,
    span: Span,
    predecessors: Vec<OrganisationId>,
) -> Placed {
    let kind = if number == 0 {
        OrganisationKind::Nation
    } else {
        OrganisationKind::Unit
    };
    let organisation = Organisation {
        id: format!("o{number}").parse().unwrap(),
        kind,
        name_vi: "v".into(),
        name_en: "e".into(),
        parent,
        span,
        predecessors,
        citation: "c".into(),
    };
    Placed {
        organisation,
        line: None,
    }
}

/// One of the tree, or one that is not in it.
pub(crate) fn pick(tree: &Tree, number: usize) -> OrganisationId {
    let count = tree.iter().count();
    let found = tree.iter().nth(number % (count + 1)).map(|o| o.id.clone());
    found.unwrap_or_else(|| "unknown".parse().unwrap())
}

/// A person, a number for [`pick`], a role and the days.
pub(crate) type RawMembership = (bool, usize, usize, Span);

pub(crate) fn memberships() -> impl Strategy<Value = Vec<RawMembership>> {
    proptest::collection::vec(
        (
            proptest::bool::weighted(0.8),
            0_usize..20,
            0..Role::ALL.len(),
            spans(),
        ),
        0..4,
    )
}

pub(crate) fn membership(tree: &Tree, (is_mine, organisation, role, span): RawMembership) -> Membership {
    Membership {
        person: if is_mine { ME } else { PersonId(2) },
        organisation: pick(tree, organisation),
        role: Role::ALL[role],
        span,
    }
}

pub(crate) fn stands(organisation: &Organisation, day: Day) -> bool {
    let Span { from, until } = organisation.span;
    from.is_none_or(|from| day >= from) && until.is_none_or(|until| day < until)
}

pub(crate) fn current(tree: &Tree, id: &OrganisationId, day: Day) -> Option<OrganisationId> {
    let organisation = tree.get(id)?;
    if stands(organisation, day) {
        return Some(id.clone());
    }
    organisation.span.until.filter(|until| day >= *until)?;
    let successor = tree.iter().find(|other| other.predecessors.contains(id))?;
    current(tree, &successor.id, day)
}

pub(crate) fn keeper(tree: &Tree, id: &OrganisationId, day: Day) -> Option<OrganisationId> {
    let organisation = tree.get(id)?;
    if stands(organisation, day) {
        return Some(id.clone());
    }
    organisation.span.until.filter(|until| day >= *until)?;
    let successor = tree.iter().find(|other| other.predecessors.contains(id));
    let next = successor
        .map(|other| &other.id)
        .or(organisation.parent.as_ref())?;
    keeper(tree, next, day)
}

/// What stands above, nearest first.
pub(crate) fn above(tree: &Tree, id: &OrganisationId, day: Day) -> Vec<OrganisationId> {
    let Some(organisation) = tree.get(id).filter(|o| stands(o, day)) else {
        return vec![];
    };
    let Some(parent) = &organisation.parent else {
        return vec![];
    };
    let parent = current(tree, parent, day).expect("a parent lasts");
    let rest = above(tree, &parent, day);
    std::iter::once(parent).chain(rest).collect()
}

/// The words of a row of the table: what it needs, and a cell for each role.
fn row(kind: Kind, verb: Verb) -> (String, Vec<&'static str>) {
    let start = format!("{} {} ", kind.name(), verb.name());
    let line = POLICY
        .lines()
        .find(|line| line.starts_with(&start))
        .expect("a row");
    let words: Vec<&str> = line.split_whitespace().skip(2).collect();
    let (needs, cells) = words.split_at(words.len() - Role::ALL.len());
    (needs.join(" "), cells.to_vec())
}

/// What the table says in words that is needed.
pub(crate) fn needs(kind: Kind, verb: Verb) -> String {
    row(kind, verb).0
}

/// Whether one membership gives the action on a thing of `owner`, shared so.
pub(crate) fn gives(
    tree: &Tree,
    kind: Kind,
    verb: Verb,
    one: &Membership,
    owner: &OrganisationId,
    shares: &[Share],
    day: Day,
) -> bool {
    let Span { from, until } = one.span;
    if one.person != ME || from.is_some_and(|from| day < from) || until.is_some_and(|until| day >= until) {
        return false;
    }
    let Some(home) = current(tree, &one.organisation, day) else {
        return false;
    };
    let (_, cells) = row(kind, verb);
    let (of_home, label) = cells[one.role as usize]
        .split_once('+')
        .unwrap_or((cells[one.role as usize], ""));
    let keeper = keeper(tree, owner, day);
    let is_own = keeper.as_ref() == Some(&home);
    let is_beneath = keeper.is_some_and(|keeper| above(tree, &keeper, day).contains(&home));
    let by_home = match of_home {
        "own" => is_own,
        "tree" => is_own || is_beneath,
        "below" => is_beneath,
        "" | "-" => false,
        other => panic!("{other}"),
    };
    let labels: &[&str] = match label {
        "" => &[],
        "G" => &["CLEAR", "GREEN"],
        "AS" => &["CLEAR", "GREEN", "AMBER", "AMBER+STRICT"],
        "R" => &["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"],
        other => panic!("{other}"),
    };
    let is_for_home = |share: &Share| {
        let Span { from, until } = share.span;
        let counts = from.is_none_or(|from| day >= from) && until.is_none_or(|until| day < until);
        counts
            && labels.contains(&share.tlp.name())
            && share.part >= verb.needs()
            && current(tree, &share.with, day).as_ref() == Some(&home)
    };
    by_home || shares.iter().any(is_for_home)
}
