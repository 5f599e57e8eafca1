//! What event time does to state: how long it is kept, and what ends an alert.

use vonggac_event::{Alert, Match};
use vonggac_sigma::RuleSet;

use super::{SECOND, Step, correlation, direct, engine, feed_match, from_source, rules, run};
use crate::*;

const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

fn five_minutes(threshold: u64) -> RuleSet {
    let text = correlation("event_count", &format!("    condition: {{gte: {threshold}}}"));
    rules(&text.replace("10s", "5m"))
}

fn at(number: u64, ts_us: i64) -> Match {
    feed_match(Step {
        number,
        ts_us,
        feed: 0,
        value: 0,
        group: (number % 20) as u8,
    })
}

/// One group's match.
fn of_one(number: u64, ts_us: i64) -> Match {
    feed_match(Step {
        number,
        ts_us,
        feed: 0,
        value: 0,
        group: 1,
    })
}

#[test]
fn a_five_minute_rule_keeps_five_minutes_and_the_lateness() {
    let check = |per_second: u64, seconds: u64| {
        let limits = Limits {
            lateness_us: MINUTE,
            ..Limits::default()
        };
        let mut engine = engine(&five_minutes(10_000), limits);
        let mut out = Vec::new();
        let mut most = 0;
        for number in 0..per_second * seconds {
            let ts_us = number as i64 * SECOND / per_second as i64;
            engine.apply(&at(number, ts_us), 0, &mut out);
            most = engine.held().matches.max(most);
        }
        let kept = per_second * (5 * 60 + 60);
        // State is looked through once an eighth more, or 4,096 more, has come.
        let bound = kept + (kept / 7).max(4096) + 16;
        assert!(
            (kept..=bound).contains(&most),
            "{most} of {kept} at {per_second}/s"
        );
        assert_eq!(
            (engine.counters().late, engine.counters().matches_evicted),
            (0, 0)
        );
    };
    check(100, 1500);
    check(1, 2 * 86_400);
}

#[test]
fn a_capture_of_2019_raises_what_this_years_raised() {
    let at_2019 = 1_560_000_000 * SECOND;
    let set = five_minutes(3);
    let alerts = |from_us: i64| -> Vec<(i64, u64, u64)> {
        let mut engine = engine(&set, Limits::default());
        let mut out = Vec::new();
        // A day of one match every 90 s, in batches; the pipeline's clock stands in 2026 and runs on.
        for number in 0..960 {
            let item = of_one(number, from_us + number as i64 * 90 * SECOND);
            engine.apply(
                &item,
                1_790_000_000 * SECOND + number as i64 * 10 * MINUTE,
                &mut out,
            );
            engine.flush(&mut out);
        }
        out.iter()
            .map(|alert| (alert.window_start_us - from_us, alert.revision, alert.count))
            .collect()
    };
    let now = alerts(1_790_000_000 * SECOND);
    assert_eq!(now.len(), 958, "one alert that goes on");
    assert_eq!(alerts(at_2019), now);
}

#[test]
fn last_months_capture_and_live_traffic_do_not_disturb_each_other() {
    let set = five_minutes(3);
    let mut engine = engine(&set, Limits::default());
    let month = 30 * DAY;
    let mut out = Vec::new();
    // Eight hours of both, in one group and of one signature: a correlation's match every 90 s, a signature's each ten minutes.
    for number in 0..320_u64 {
        let ts_us = number as i64 * 90 * SECOND;
        for (source, from_us) in [(1, 0), (2, -month)] {
            let mut items = vec![from_source(source, of_one(number, from_us + ts_us))];
            if number % 7 == 0 {
                items.push(from_source(source, direct(1000 + number, from_us + ts_us)));
            }
            for item in items {
                engine.apply(&item, number as i64 * 100_000, &mut out);
                engine.flush(&mut out);
            }
        }
    }
    let alerts = |is_live: bool| -> Vec<(i64, u64, u64, i64)> {
        let of_it = out.iter().filter(|alert| (alert.last_us >= 0) == is_live);
        let from_us = if is_live { 0 } else { -month };
        of_it
            .map(|alert| {
                (
                    alert.window_start_us - from_us,
                    alert.revision,
                    alert.count,
                    alert.detected_us,
                )
            })
            .collect()
    };
    assert_eq!(alerts(true), alerts(false));
    let starts: std::collections::BTreeSet<i64> = alerts(true).iter().map(|alert| alert.0).collect();
    assert_eq!(
        starts.len(),
        8,
        "the correlation's goes on and the first of 8 hours' signatures starts with it"
    );
    assert_eq!(engine.counters().late, 0);
}

#[test]
fn one_event_with_a_time_far_ahead_prunes_nothing() {
    let set = five_minutes(10);
    let mut engine = engine(&set, Limits::default());
    let mut items: Vec<Match> = (0..9)
        .map(|number| of_one(number, number as i64 * SECOND))
        .collect();
    run(&mut engine, &items);
    run(&mut engine, &[of_one(100, 80 * 365 * DAY)]);
    engine.sweep();
    items = vec![of_one(9, 9 * SECOND)];
    let out = run(&mut engine, &items);
    assert_eq!(out.iter().map(|alert| alert.count).collect::<Vec<_>>(), [10]);
    assert_eq!(engine.counters().late, 0);
}

#[test]
fn state_goes_when_its_source_has_passed_it() {
    let set = rules(&correlation("event_count", "    condition: {gte: 1}"));
    let limits = Limits {
        lateness_us: MINUTE,
        ..Limits::default()
    };
    let mut engine = engine(&set, limits);
    run(&mut engine, &[of_one(1, 0), direct(2, 0)]);
    let mut reach = |second: i64, number: u64| {
        // Matches of a rule that is not in force move the watermark all the same.
        let mut items: Vec<Match> = (0..4)
            .map(|more| of_one(number + more, second * SECOND))
            .collect();
        items.iter_mut().for_each(|item| item.target_id = "gone".into());
        run(&mut engine, &items);
        engine.sweep();
        engine.held().groups
    };
    assert_eq!(reach(70, 100), 2);
    assert_eq!(reach(71, 200), 1, "10 s of window and 60 s of lateness are over");
    assert_eq!(reach(3660, 300), 1);
    assert_eq!(reach(3661, 400), 0);
    run(&mut engine, &[direct(3, 0)]);
    assert_eq!(engine.counters().late, 1);
    let held = engine.held();
    assert_eq!(held.watermark_highest_us, 3661 * SECOND);
    assert_eq!((held.sources, held.matches), (1, 1));
}

#[test]
fn a_source_that_falls_silent_holds_nothing_for_ever() {
    let set = five_minutes(1);
    let limits = Limits {
        lateness_us: MINUTE,
        idle_us_max: 10 * MINUTE,
        ..Limits::default()
    };
    let mut engine = engine(&set, limits);
    let mut out = Vec::new();
    engine.apply(&from_source(7, of_one(1, 0)), 0, &mut out);
    // Another source goes on in the same group, so that the group itself lives.
    let mut live = |from: i64, to: i64, out: &mut Vec<Alert>| {
        for minute in from..to {
            engine.apply(
                &of_one(minute as u64, DAY + minute * MINUTE),
                minute * MINUTE,
                out,
            );
        }
        engine.sweep();
        engine.held().sources
    };
    assert_eq!(live(0, 16, &mut out), 2, "5 + 1 + 10 minutes are not over");
    assert_eq!(live(16, 60, &mut out), 1);
    let matches = engine.held().matches;
    assert!(matches <= 12, "{matches}");
    let starts: std::collections::BTreeSet<i64> = out.iter().map(|alert| alert.window_start_us).collect();
    assert_eq!(starts.len(), 2, "{starts:?}");
}

#[test]
fn a_pause_of_the_whole_pipeline_ends_nothing() {
    let set = five_minutes(3);
    let mut engine = engine(&set, Limits::default());
    let mut out = Vec::new();
    for (number, arrival_us) in [(1, 0), (2, 30 * DAY), (3, 60 * DAY)] {
        engine.apply(&of_one(number, number as i64 * SECOND), arrival_us, &mut out);
    }
    assert_eq!(out.len(), 1);
    assert_eq!(out.first().unwrap().detected_us, 60 * DAY);
}

#[test]
fn an_alert_of_age_is_followed_by_another() {
    let set = five_minutes(2);
    let mut engine = engine(&set, Limits::default());
    // Two and a half days of one match a minute.
    let items: Vec<Match> = (0..3600)
        .map(|minute| of_one(minute, minute as i64 * MINUTE))
        .collect();
    let out = run(&mut engine, &items);
    let mut last = std::collections::BTreeMap::new();
    for alert in &out {
        last.insert(alert.window_start_us, (alert.last_us, alert.count));
    }
    let days: Vec<(i64, i64)> = last
        .iter()
        .map(|(start_us, (last_us, _))| (start_us / MINUTE, last_us / MINUTE))
        .collect();
    // Each begins with the window that held when the one before was a day old.
    assert_eq!(days, [(0, 1439), (1435, 2874), (2870, 3599)]);
    let ids: std::collections::BTreeSet<&[u8]> = out.iter().map(|alert| alert.alert_id.as_slice()).collect();
    assert_eq!((ids.len(), engine.counters().alerts_of_age), (3, 2));
}

#[test]
fn a_flood_of_one_rule_evicts_itself_first() {
    let set = rules(&correlation("event_count", "    condition: {gte: 50}"));
    let limits = Limits {
        bytes_max: 300_000,
        lateness_us: DAY,
        ..Limits::default()
    };
    let mut engine = engine(&set, limits);
    let (mut of_the_calm, mut of_their_neighbour) = (0, 0);
    for number in 0..20_000_u64 {
        let mut flood = of_one(number, number as i64 * 400);
        flood.group[0].value = format!("made-up-{number}");
        run(&mut engine, &[flood]);
        if number % 400 == 0 {
            let mut calm = of_one(100_000 + number, number as i64 * 400);
            calm.tenant = "calm".into();
            of_the_calm += run(&mut engine, &[calm]).len();
            // Another rule of the tenant that is flooded.
            of_their_neighbour += run(&mut engine, &[direct(200_000 + number, number as i64 * 400)]).len();
        }
        let held = engine.held();
        assert!(held.bytes <= 300_000, "{held:?}");
    }
    assert_eq!(of_the_calm, 1, "50 matches within 8 s, none of them lost");
    assert_eq!(of_their_neighbour, 50);
    let counters = engine.counters();
    assert!(counters.groups_evicted_for_all > 19_000, "{counters:?}");
    assert_eq!(counters.groups_evicted, 0);
}

#[test]
fn all_matches_together_are_bounded() {
    let set = five_minutes(10_000);
    let limits = Limits {
        matches_max: 1000,
        ..Limits::default()
    };
    let mut engine = engine(&set, limits);
    for number in 0..5000 {
        run(&mut engine, &[at(number, number as i64)]);
        assert!(engine.held().matches <= 1000);
    }
    assert!(engine.counters().groups_evicted_for_all > 0);
}

#[test]
fn a_replay_makes_the_same_bytes() {
    let set = five_minutes(2);
    let alerts = || {
        let mut engine = engine(&set, Limits::default());
        let mut out = Vec::new();
        for number in 0..100 {
            engine.apply(
                &at(number, number as i64 * SECOND),
                7_000_000 + number as i64,
                &mut out,
            );
        }
        engine.flush(&mut out);
        out
    };
    assert_eq!(alerts(), alerts());
    assert!(alerts().iter().all(|alert| alert.detected_us >= 7_000_000));
}
