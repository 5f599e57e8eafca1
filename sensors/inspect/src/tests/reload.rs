//! Rules that change amid a flow.

use super::talk::Talk;
use super::{Kept, engine};
use crate::{Config, Inspector, LinkType};

/// Rules, and what is said under them.
type Part<'p> = (&'p str, &'p dyn Fn(&mut Talk));

/// Plays a conversation, of which each part has rules of its own; the signatures that matched, in order.
fn play(parts: &[Part<'_>]) -> Vec<u32> {
    let mut talk = Talk::tcp(9999);
    let mut inspector = Inspector::new(Config::default(), engine(""));
    let mut kept = Kept::default();
    let mut played = 0;
    for (rules, say) in parts {
        say(&mut talk);
        inspector.replace_engine(engine(rules));
        for (ts_us, frame) in talk.frames.iter().skip(played) {
            inspector.packet(*ts_us, LinkType::Ethernet, frame, &mut kept);
        }
        played = talk.frames.len();
    }
    inspector.finish(&mut kept);
    assert_eq!(kept.flows().len(), 1);
    assert_eq!(inspector.counters().packets_processed, talk.frames.len() as u64);
    kept.signatures().iter().map(|signature| signature.sid).collect()
}

const FIRST: &str = r#"alert tcp any any -> any any (content:"first"; flowbits:set,one; sid:1;)"#;

#[test]
fn what_rules_noted_of_a_flow_outlives_them() {
    let second = r#"alert tcp any any -> any any (content:"second"; flowbits:isset,one; sid:2;)"#;
    let open = |talk: &mut Talk| {
        talk.open();
        talk.client(b"first ");
    };
    let go_on = |talk: &mut Talk| talk.client(b"second ");
    assert_eq!(play(&[(FIRST, &open), (second, &go_on)]), [1, 2]);
}

#[test]
fn no_rule_reports_twice_in_a_direction_because_rules_changed() {
    let rules = format!(
        "{FIRST}\nalert ip 10.0.0.1 any -> any any (sid:3;)\nalert ip any any -> 10.0.0.2 any (sid:4;)"
    );
    let added = format!("{rules}\nalert ip 10.0.0.0/24 any -> 10.0.0.2 any (sid:5;)");
    let open = |talk: &mut Talk| {
        talk.open();
        talk.client(b"first ");
    };
    let go_on = |talk: &mut Talk| talk.client(b"more ");
    // Addresses that became known as bad are told of flows under way.
    let mut all = play(&[(&rules, &open), (&added, &go_on), (&added, &go_on)]);
    all.sort_unstable();
    assert_eq!(all, [1, 3, 4, 5]);
}

/// The pattern began before the rule was there.
#[test]
fn new_rules_see_the_earlier_bytes_that_are_still_kept() {
    let split = r#"alert tcp any any -> any any (content:"first second"; sid:6;)"#;
    let open = |talk: &mut Talk| {
        talk.open();
        talk.client(b"first ");
        talk.server(b"answer");
    };
    let go_on = |talk: &mut Talk| {
        talk.server(b"more");
        talk.client(b"second ");
    };
    assert_eq!(play(&[(FIRST, &open), (split, &go_on)]), [1, 6]);
}

/// A count goes on where it was; nothing is counted twice.
#[test]
fn counts_go_on() {
    let counts = r#"alert tcp any any -> any any (content:"hit"; threshold:type threshold,track by_src,count 3,seconds 60; sid:7;)"#;
    let open = |talk: &mut Talk| {
        talk.open();
        talk.client(b"..hit..");
        talk.server(b"answer");
        talk.client(b"..hit..");
    };
    let nothing = |talk: &mut Talk| talk.server(b"x");
    let go_on = |talk: &mut Talk| talk.client(b"..hit..");
    assert_eq!(play(&[(counts, &open), (counts, &nothing)]), []);
    assert_eq!(
        play(&[(counts, &open), (counts, &nothing), (counts, &go_on)]),
        [7]
    );
}
