//! Every technique with every attack that it can carry, over both versions of IP: what the sensor tells is what it should.
#![allow(clippy::unwrap_used, clippy::panic)]

mod expected;

use std::collections::BTreeSet;

use expected::{EXPECTED, OVERLAP, expected, is_met};

use vonggac_evasion::{KNOWN_MISSES, Told, is_known_miss, look};
use vonggac_inspect::Policy;
use vonggac_traffic::evasion::{Attack, Case, IpVersion, Technique, technique, techniques};

/// Every case of one technique.
fn cases(technique: &'static Technique) -> Vec<Case> {
    let pairs = Attack::ALL
        .into_iter()
        .flat_map(|attack| IpVersion::BOTH.map(|version| (attack, version)));
    let fitting = pairs.filter(|(attack, version)| technique.fits(*attack, *version));
    let case = |(attack, version)| Case {
        attack,
        version,
        techniques: vec![technique],
        seed: 1,
    };
    fitting.map(case).collect()
}

#[test]
fn an_attack_in_the_open_is_told_and_nothing_else() {
    for attack in Attack::ALL {
        for version in IpVersion::BOTH {
            let case = Case {
                attack,
                version,
                techniques: Vec::new(),
                seed: 1,
            };
            let expect = Told {
                alert: true,
                ..Told::default()
            };
            assert_eq!(look(&case, Policy::Bsd).unwrap(), expect, "{}", case.name());
        }
    }
}

#[test]
fn every_technique_is_answered_as_expected() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for technique in techniques() {
        let expect = expected(technique.name);
        for case in cases(technique).into_iter().filter(|case| !is_known_miss(case)) {
            count += 1;
            let told = look(&case, Policy::Bsd).unwrap();
            if !is_met(expect, &told) {
                wrong.push(format!("{}: {expect:?}, but {told:?}", case.name()));
            }
        }
    }
    println!("{count} cases as expected, {} known misses", KNOWN_MISSES.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn known_misses_are_still_missed() {
    for (names, attacks) in KNOWN_MISSES {
        let techniques: Vec<_> = names.iter().map(|name| technique(name).unwrap()).collect();
        let case = |attack, seed| Case {
            attack,
            version: IpVersion::V4,
            techniques: techniques.clone(),
            seed,
        };
        for attack in *attacks {
            // Where chance has a part, not every throw is missed.
            let is_missed = (0..20).any(|seed| look(&case(*attack, seed), Policy::Bsd).unwrap().is_silent());
            assert!(
                is_missed,
                "{} is told now: take it out of KNOWN_MISSES",
                case(*attack, 0).name()
            );
        }
    }
}

/// A sensor that knows its hosts reads what they read.
#[test]
fn overlaps_are_taken_as_the_host_takes_them() {
    let table = [
        ("tcp_overlap_for_first", Policy::First),
        ("tcp_overlap_for_last", Policy::Last),
        ("tcp_overlap_for_bsd", Policy::Bsd),
        ("tcp_overlap_for_linux", Policy::Linux),
        ("tcp_overlap_for_old_linux", Policy::OldLinux),
        ("tcp_overlap_for_solaris", Policy::Solaris),
    ];
    for (name, own) in table {
        for (_, policy) in table {
            for case in cases(technique(name).unwrap()) {
                let told = look(&case, policy).unwrap();
                assert!(
                    told.anomalies.contains(OVERLAP),
                    "{} {policy:?}: {told:?}",
                    case.name()
                );
                assert!(
                    told.alert || policy != own,
                    "{} {policy:?}: {told:?}",
                    case.name()
                );
            }
        }
        // Each pattern is told from at least one other, or the test above could not fail.
        let case = &cases(technique(name).unwrap())[0];
        let others = table
            .iter()
            .filter(|(_, policy)| !look(case, *policy).unwrap().alert);
        assert!(others.count() > 0, "{name} is read alike by all");
    }
}

#[test]
fn the_tables_name_only_what_there_is() {
    let named: Vec<&str> = EXPECTED
        .iter()
        .flat_map(|(_, names)| names.iter().copied())
        .collect();
    let once: BTreeSet<&str> = named.iter().copied().collect();
    assert_eq!(once.len(), named.len(), "a technique has two expectations");
    let known = KNOWN_MISSES.iter().flat_map(|(names, _)| names.iter().copied());
    for name in named.into_iter().chain(known) {
        assert!(technique(name).is_some(), "{name} is no technique");
    }
}
