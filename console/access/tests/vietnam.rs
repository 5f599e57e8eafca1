//! The shipped file: what the laws it cites say.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use vonggac_access::{Day, Organisation, OrganisationKind as Kind, Tree, VIETNAM, file};

fn tree() -> Tree {
    Tree::build(file::read(VIETNAM).unwrap()).unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn standing(tree: &Tree, kind: Kind, on: &str) -> Vec<String> {
    let wanted = |organisation: &&Organisation| organisation.kind == kind && organisation.span.holds(day(on));
    tree.iter()
        .filter(wanted)
        .map(|organisation| organisation.name_vi.clone())
        .collect()
}

#[test]
fn it_is_as_an_export_would_write_it() {
    assert_eq!(file::write(&tree()), VIETNAM);
}

#[test]
fn sixty_three_provinces_became_thirty_four() {
    let tree = tree();
    let count = |on: &str| standing(&tree, Kind::Province, on).len();
    assert_eq!((count("2025-06-30"), count("2025-07-01")), (63, 34));
    let cities = |on: &str| {
        let names = standing(&tree, Kind::Province, on);
        names.iter().filter(|name| name.starts_with("Thành phố ")).count()
    };
    assert_eq!((cities("2025-06-30"), cities("2025-07-01")), (6, 6));
}

#[test]
fn each_province_of_before_goes_to_one_of_now() {
    let tree = tree();
    let (before, after) = (day("2025-06-30"), day("2025-07-01"));
    let mut came_from: BTreeMap<&str, usize> = BTreeMap::new();
    for old in tree
        .iter()
        .filter(|o| o.kind == Kind::Province && o.span.holds(before))
    {
        let now = tree.current_of(&old.id, after).unwrap();
        *came_from.entry(now.as_str()).or_default() += 1;
    }
    assert_eq!(came_from.len(), 34);
    // Article 1: 11 as they were, 17 out of two, 6 out of three.
    let out_of = |number: usize| came_from.values().filter(|&&from| from == number).count();
    assert_eq!((out_of(1), out_of(2), out_of(3)), (11, 17, 6));
    for new in tree.iter().filter(|o| !o.predecessors.is_empty()) {
        for old in &new.predecessors {
            let end = tree.get(old).unwrap().span.until;
            assert_eq!(end, new.span.from, "{old} ends as {} begins", new.id);
        }
    }
}

#[test]
fn the_government_is_that_of_resolution_176() {
    let tree = tree();
    let count = |kind| standing(&tree, kind, "2025-03-01").len();
    assert_eq!((count(Kind::Ministry), count(Kind::MinisterialAgency)), (14, 3));
    assert_eq!(count(Kind::GovernmentAgency), 5);
    assert_eq!(count(Kind::NationalCentre), 1);
    assert_eq!(count(Kind::SpecialisedForce), 3);
}

#[test]
fn names_are_vietnamese_with_their_marks_and_english_without() {
    for organisation in tree().iter() {
        assert!(organisation.name_en.is_ascii(), "{}", organisation.id);
        // Decomposed letters would look the same and never be found.
        let decomposed = |c: char| ('\u{300}'..='\u{36f}').contains(&c);
        assert!(!organisation.name_vi.contains(decomposed), "{}", organisation.id);
        assert!(
            !organisation.name_vi.is_ascii() || organisation.id.as_str() == "bo-y-te",
            "{}",
            organisation.id
        );
    }
}
