//! Fragments that overlap, as each system takes them.

use crate::defragment::{Fragment, FragmentKey, Outcome};
use crate::{Defragmenter, FragmentPolicies, FragmentPolicy, Vlans};

/// The fragments of Novak's paper, as Suricata plays them: from which unit of 8 bytes on, how many, and with what they are filled.
const FRAGMENTS: [(u32, usize, u8); 17] = [
    (0, 3, b'A'),
    (4, 2, b'B'),
    (6, 3, b'C'),
    (10, 1, b'D'),
    (13, 2, b'E'),
    (15, 3, b'F'),
    (18, 2, b'G'),
    (20, 2, b'H'),
    (22, 1, b'I'),
    (1, 4, b'J'),
    (6, 3, b'K'),
    (9, 3, b'L'),
    (12, 3, b'M'),
    (16, 1, b'N'),
    (19, 1, b'O'),
    (20, 1, b'P'),
    (22, 2, b'Q'),
];

fn check(name: &str, expect: &str) {
    let policy = FragmentPolicy::named(name).unwrap();
    for (src, dst) in [("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2")] {
        let mut defragmenter = Defragmenter::with_policies(FragmentPolicies::new(policy));
        let key = FragmentKey {
            src: src.parse().unwrap(),
            dst: dst.parse().unwrap(),
            id: 1,
            protocol: None,
            vlans: Vlans::default(),
        };
        let mut last = Outcome::Pending;
        for (at, units, fill) in FRAGMENTS {
            let fragment = Fragment {
                offset: at * 8,
                more: fill != b'Q',
                // Whose first bytes count, its word counts.
                next_header: fill,
                bytes: &vec![fill; units * 8],
            };
            last = defragmenter.add(key, &fragment, 1);
        }
        let conflicting = true;
        let next_header = b'A';
        assert_eq!(
            last,
            Outcome::Complete {
                conflicting,
                next_header
            },
            "{name}"
        );
        let units: Vec<u8> = defragmenter.completed().iter().copied().step_by(8).collect();
        assert_eq!(String::from_utf8_lossy(&units), expect, "{name}");
        assert_eq!((defragmenter.pending(), defragmenter.bytes_held()), (0, 0));
    }
}

#[test]
fn each_system_takes_overlaps_in_its_way() {
    check("first", "AAAJBBCCCLDLMEEFFFGGHHIQ");
    check("last", "AJJJJBKKKLLLMMMFNFGOPHQQ");
    check("bsd", "AAAJJBCCCLLLMMMFFFGGHHIQ");
    check("bsd-right", "AJJJBBKKKLDLMEEFNFGOPHQQ");
    check("linux", "AAAJJBKKKLLLMMMFFFGGPHQQ");
    check("windows", "AAAJBBCCCLLLMEEFFFGGHHIQ");
    check("solaris", "AAAJBBCCCLLLMMMFFFGGHHIQ");
}

#[test]
fn the_policy_is_that_of_the_host_that_receives() {
    let mut policies = FragmentPolicies::new(FragmentPolicy::First);
    policies.add("10.0.0.0".parse().unwrap(), 8, FragmentPolicy::Last);
    let mut defragmenter = Defragmenter::with_policies(policies);
    let mut received = |dst: &str| {
        let key = FragmentKey {
            src: "10.9.9.9".parse().unwrap(),
            dst: dst.parse().unwrap(),
            id: 1,
            protocol: Some(17),
            vlans: Vlans::default(),
        };
        for (offset, bytes) in [(0, b"aaaaaaaa"), (0, b"bbbbbbbb"), (8, b"cccccccc")] {
            let fragment = Fragment {
                offset,
                more: offset == 0,
                next_header: 17,
                bytes,
            };
            defragmenter.add(key, &fragment, 1);
        }
        String::from_utf8_lossy(defragmenter.completed()).into_owned()
    };
    assert_eq!(received("10.1.2.3"), "bbbbbbbbcccccccc");
    assert_eq!(received("192.0.2.3"), "aaaaaaaacccccccc");
}

#[test]
fn tiny_fragments_are_charged_what_they_cost() {
    let mut defragmenter = Defragmenter::new();
    let key = FragmentKey {
        src: "10.0.0.1".parse().unwrap(),
        dst: "10.0.0.2".parse().unwrap(),
        id: 1,
        protocol: Some(17),
        vlans: Vlans::default(),
    };
    let count = 1000;
    for at in 0..count {
        let fragment = Fragment {
            offset: at * 8,
            more: true,
            next_header: 17,
            bytes: &[0; 8],
        };
        assert_eq!(defragmenter.add(key, &fragment, 1), Outcome::Pending);
    }
    assert!(defragmenter.bytes_held() >= count as usize * (8 + crate::FRAGMENT_OVERHEAD_BYTES));
}
