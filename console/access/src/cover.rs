//! How far a role reaches, and whether a change of the organisations makes it reach further.

use std::collections::BTreeSet;

use crate::day::Day;
use crate::organisation::OrganisationId;
use crate::role::Role;
use crate::tree::Tree;

/// Whose things a role at `at` may be about on `day`, ended organisations' too; nothing when the role counts for nothing then.
pub fn cover(tree: &Tree, role: Role, at: &OrganisationId, day: Day) -> BTreeSet<OrganisationId> {
    let Some(current) = tree.current_of(at, day) else {
        return BTreeSet::new();
    };
    let keepers = if role.reaches_subtree() {
        tree.subtree_at(current, day)
    } else {
        BTreeSet::from([current])
    };
    tree.kept_by(&keepers, day)
}

/// Whether a role at `at` reaches further in `after` on `day` than it does without the change, on that day or on the one before. What has not begun by then
/// without the change has nothing yet, and counts for nothing.
pub fn widens(before: &Tree, after: &Tree, role: Role, at: &OrganisationId, day: Day) -> bool {
    let mut known = cover(before, role, at, day);
    if let Some(eve) = day.before() {
        known.extend(cover(before, role, at, eve));
    }
    let has_things = |id: &OrganisationId| {
        let from = before.get(id).map(|one| one.span.from);
        from.is_some_and(|from| from.is_none_or(|from| from <= day))
    };
    let reached = cover(after, role, at, day);
    reached.iter().any(|id| has_things(id) && !known.contains(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisation::Organisation;
    use crate::{OrganisationKind as Kind, Span};

    fn id(code: &str) -> OrganisationId {
        code.parse().unwrap()
    }

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    /// `code parent until predecessor…`, `.` for none, one a line.
    fn tree(lines: &str) -> Tree {
        let organisation = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [code, parent, until, predecessors @ ..] = words.as_slice() else {
                panic!("{line}");
            };
            let some = |word: &&str| (*word != ".").then(|| (*word).to_owned());
            Organisation {
                id: id(code),
                kind: some(parent).map_or(Kind::Nation, |_| Kind::Unit),
                name_vi: "v".into(),
                name_en: "e".into(),
                parent: some(parent).map(|code| id(&code)),
                span: Span {
                    from: None,
                    until: some(until).map(|text| day(&text)),
                },
                predecessors: predecessors.iter().map(|code| id(code)).collect(),
                citation: "c".into(),
            }
        };
        Tree::build(lines.trim().lines().map(organisation).map(Into::into).collect()).unwrap()
    }

    const BEFORE: &str = "
        vn . .
        aa vn .
        ab aa .
        bb vn .";

    const END: &str = "2031-01-01";

    fn check(after: &str, role: Role, at: &str, expect: bool) {
        let seen = widens(&tree(BEFORE), &tree(after), role, &id(at), day(END));
        assert_eq!(seen, expect, "{role:?} at {at}, {after}");
    }

    #[test]
    fn a_new_name_or_place_gives_nobody_more() {
        let moved = format!("vn . .\naa vn .\nab aa {END}\nac bb . ab\nbb vn .");
        for at in ["ab", "aa", "vn"] {
            check(&moved, Role::OrganisationManager, at, false);
        }
        // What it belongs to from then on has it beneath.
        check(&moved, Role::OrganisationManager, "bb", true);
        check(&moved, Role::Viewer, "bb", false);
    }

    #[test]
    fn a_merger_gives_each_the_other() {
        let merged = format!("vn . .\naa vn {END}\nab aa .\nbb vn {END}\ncc vn . aa bb");
        check(&merged, Role::OrganisationManager, "aa", true);
        check(&merged, Role::Viewer, "bb", true);
        check(&merged, Role::OrganisationManager, "vn", false);
        check(&merged, Role::Viewer, "vn", false);
    }

    #[test]
    fn what_is_above_takes_over_what_it_has() {
        let taken = format!("vn . .\naa vn . ab\nab aa {END}\nbb vn .");
        check(&taken, Role::OrganisationManager, "aa", false);
        check(&taken, Role::OrganisationManager, "ab", true);
        // Who looks on at one organisation alone did not see the unit.
        check(&taken, Role::Viewer, "aa", true);
        let left = format!("vn . .\naa vn .\nab aa {END}\nbb vn .");
        check(&left, Role::Viewer, "aa", true);
        check(&left, Role::Viewer, "ab", false);
    }
}
