//! The engine against a slow model, and its laws on random sequences.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use vonggac_event::Match;
use vonggac_sigma::{CorrelationKind, RuleSet};

use super::{SECOND, Step, correlation, direct, engine, feed_match, from_source, rules, run};
use crate::*;

/// The slow model: it keeps every match for ever and works everything out anew from the definitions.
struct Model {
    kind: CorrelationKind,
    threshold: u64,
    feeds: usize,
    age_us_max: i64,
    history: Vec<Step>,
    alerts: Vec<ModelAlert>,
}

#[derive(Debug, Clone, PartialEq)]
struct ModelAlert {
    start_us: i64,
    held_us: i64,
    count: u64,
    first_us: i64,
    last_us: i64,
    revision: u64,
}

const SPAN: i64 = 10 * SECOND;

impl Model {
    fn holds(&self, end_us: i64) -> bool {
        let inside: Vec<&Step> = self.inside(end_us);
        match self.kind {
            CorrelationKind::EventCount => inside.len() as u64 >= self.threshold,
            CorrelationKind::ValueCount => {
                let values: BTreeSet<u64> = inside.iter().map(|step| step.value).collect();
                values.len() as u64 >= self.threshold
            }
            CorrelationKind::Temporal => {
                let feeds: BTreeSet<usize> = inside.iter().map(|step| step.feed).collect();
                feeds.len() >= self.feeds
            }
            _ => self.chain(&inside, 0, (i64::MIN, 0)),
        }
    }

    fn inside(&self, end_us: i64) -> Vec<&Step> {
        self.history
            .iter()
            .filter(|step| (end_us - SPAN..=end_us).contains(&step.ts_us))
            .collect()
    }

    fn chain(&self, inside: &[&Step], feed: usize, after: (i64, u64)) -> bool {
        let next = inside
            .iter()
            .filter(|step| step.feed == feed && (step.ts_us, step.number) > after)
            .map(|step| (step.ts_us, step.number))
            .min();
        feed == self.feeds || next.is_some_and(|next| self.chain(inside, feed + 1, next))
    }

    fn apply(&mut self, step: Step) -> Option<ModelAlert> {
        if self
            .history
            .iter()
            .any(|known| (known.number, known.feed) == (step.number, step.feed))
        {
            return None;
        }
        self.history.push(step);
        let ends: BTreeSet<i64> = self
            .history
            .iter()
            .map(|known| known.ts_us)
            .filter(|ts_us| (step.ts_us..=step.ts_us + SPAN).contains(ts_us))
            .filter(|ts_us| self.holds(*ts_us))
            .collect();
        let held = ends.first().copied().zip(ends.last().copied());
        let (first_us, last_us) = held.unwrap_or((step.ts_us, step.ts_us));
        let open = self
            .alerts
            .iter_mut()
            .filter(|alert| last_us >= alert.start_us && first_us <= alert.held_us + SPAN)
            .max_by_key(|alert| alert.start_us)
            .filter(|alert| first_us < alert.start_us + self.age_us_max);
        if let Some(alert) = open {
            alert.count += 1;
            alert.first_us = alert.first_us.min(step.ts_us);
            alert.last_us = alert.last_us.max(step.ts_us);
            alert.revision += 1;
            if held.is_some() {
                alert.held_us = alert.held_us.max(last_us);
            }
            return Some(alert.clone());
        }
        held?;
        let start_us = self.inside(first_us).iter().map(|step| step.ts_us).min().unwrap();
        let members: Vec<i64> = self
            .history
            .iter()
            .map(|step| step.ts_us)
            .filter(|ts_us| (start_us..=last_us + SPAN).contains(ts_us))
            .collect();
        let alert = ModelAlert {
            start_us,
            held_us: last_us,
            count: members.len() as u64,
            first_us: start_us,
            last_us: members.into_iter().max().unwrap(),
            revision: 1,
        };
        self.alerts.push(alert.clone());
        Some(alert)
    }
}

/// Two sources, in the order of numbers, since ties are broken by them.
fn seen(step: Step) -> Match {
    from_source(1 + step.number / 500, feed_match(step))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_i64..400, 0_usize..3, 0_u64..5, 0_u8..2, 0_i64..8);
    proptest::collection::vec(step, 1..50).prop_map(|drawn| {
        let mut steps: Vec<(i64, Step)> = drawn
            .into_iter()
            .enumerate()
            .map(|(index, (tenths, feed, value, group, delay))| {
                // Numbers do not follow time, so that ties are broken by them alone.
                let number = (index as u64 * 7919) % 1000;
                let ts_us = tenths * SECOND / 5;
                (
                    ts_us + delay * SECOND,
                    Step {
                        number,
                        ts_us,
                        feed,
                        value,
                        group,
                    },
                )
            })
            .collect();
        // Each comes up to 7 s late; some come twice.
        steps.sort_by_key(|(arrival, _)| *arrival);
        let mut out: Vec<Step> = Vec::new();
        for (index, (_, step)) in steps.into_iter().enumerate() {
            out.push(step);
            if index % 5 == 0 {
                out.push(step);
            }
        }
        out
    })
}

fn kinds() -> impl Strategy<Value = (&'static str, CorrelationKind, u64)> {
    prop_oneof![
        (1_u64..6).prop_map(|threshold| ("event_count", CorrelationKind::EventCount, threshold)),
        (1_u64..5).prop_map(|threshold| ("value_count", CorrelationKind::ValueCount, threshold)),
        Just(("temporal", CorrelationKind::Temporal, 3)),
        Just(("temporal_ordered", CorrelationKind::TemporalOrdered, 3)),
    ]
}

fn rules_of(name: &str, kind: CorrelationKind, threshold: u64) -> RuleSet {
    rules(&correlation(
        name,
        &match kind {
            CorrelationKind::EventCount => format!("    condition: {{gte: {threshold}}}"),
            CorrelationKind::ValueCount => format!("    condition: {{gte: {threshold}, field: sport}}"),
            _ => String::new(),
        },
    ))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_engine_agrees_with_the_model((name, kind, threshold) in kinds(), steps in steps(), sweeps in any::<bool>(), age in 0_i64..40) {
        let set = rules_of(name, kind, threshold);
        let limits = Limits { lateness_us: 8 * SECOND, alert_us_max: age * SECOND, ..Limits::default() };
        let mut engine = engine(&set, limits);
        let mut models: BTreeMap<u8, Model> = BTreeMap::new();
        for step in steps {
            let model = models.entry(step.group).or_insert_with(|| Model {
                kind,
                threshold,
                feeds: 3,
                age_us_max: limits.alert_us_max.max(SPAN + 1),
                history: Vec::new(),
                alerts: Vec::new(),
            });
            let expect = model.apply(step);
            let found = run(&mut engine, &[seen(step)]);
            let found = found.first().map(|alert| (alert.window_start_us, alert.count, alert.first_us, alert.last_us, alert.revision));
            let expect = expect.map(|alert| (alert.start_us, alert.count, alert.first_us, alert.last_us, alert.revision));
            prop_assert_eq!(found, expect);
            if sweeps {
                engine.sweep();
            }
        }
        prop_assert_eq!(engine.counters().late, 0);
    }

    #[test]
    fn order_within_the_lateness_hides_no_alert((name, kind, threshold) in kinds(), steps in steps()) {
        let set = rules_of(name, kind, threshold);
        let mut sorted = steps.clone();
        sorted.sort_by_key(|step| (step.ts_us, step.number));
        let groups = |steps: &[Step]| -> BTreeSet<String> {
            let items: Vec<Match> = steps.iter().map(|step| seen(*step)).collect();
            run(&mut engine(&set, Limits::default()), &items).iter().map(|alert| alert.group[0].value.clone()).collect()
        };
        prop_assert_eq!(groups(&steps), groups(&sorted));
    }

    #[test]
    fn a_snapshot_at_any_point_changes_nothing((name, kind, threshold) in kinds(), steps in steps(), at in 0_usize..60, every in 1_usize..9) {
        let set = rules_of(name, kind, threshold);
        let limits = Limits { groups_per_rule_max: 3, matches_per_group_max: 12, matches_per_rule_max: 20, lateness_us: 5 * SECOND,
            matches_max: 40, bytes_max: 12_000, sources_max: 2, ..Limits::default() };
        let (mut straight, mut restored) = (engine(&set, limits), engine(&set, limits));
        let (mut expect, mut found) = (Vec::new(), Vec::new());
        for (index, step) in steps.into_iter().enumerate() {
            let mut item = seen(step);
            item.group[0].value = format!("10.0.{}.{}", step.value, step.group);
            let mut alone = direct(step.number, step.ts_us);
            alone.group[0].value = item.group[0].value.clone();
            let arrival_us = index as i64 * SECOND;
            for (engine, out) in [(&mut straight, &mut expect), (&mut restored, &mut found)] {
                engine.apply(&item, arrival_us, out);
                engine.apply(&alone, arrival_us, out);
                if index % every == 0 {
                    engine.flush(out);
                    engine.sweep();
                }
            }
            if index == at || index % every == 1 {
                let bytes = restored.snapshot();
                restored = engine(&set, limits);
                restored.restore(&bytes).unwrap();
            }
        }
        straight.flush(&mut expect);
        restored.flush(&mut found);
        prop_assert_eq!(found, expect);
        prop_assert_eq!(restored.snapshot(), straight.snapshot());
    }

    #[test]
    fn an_archive_between_live_matches_changes_no_alert(
        (name, kind, threshold) in kinds(), live in steps(), archive in steps(), order in proptest::collection::vec(any::<bool>(), 1..150),
        before in prop_oneof![Just(110_i64), Just(30 * 24 * 3600)], every in 1_usize..9,
    ) {
        let set = rules_of(name, kind, threshold);
        let limits = Limits { lateness_us: 8 * SECOND, ..Limits::default() };
        let live: Vec<Match> = live.into_iter().map(seen).collect();
        let archive: Vec<Match> = archive
            .into_iter()
            .map(|step| from_source(9, feed_match(Step { ts_us: step.ts_us - before * SECOND, ..step })))
            .collect();
        let alone = |items: &[Match]| run(&mut engine(&set, limits), items);
        let (mut live_expect, archive_expect) = (alone(&live), alone(&archive));

        let mut mixed = engine(&set, limits);
        let (mut from_live, mut from_archive) = (live.iter(), archive.iter());
        let mut found = Vec::new();
        for (index, is_live) in order.iter().cycle().enumerate().take(10_000) {
            let item = if *is_live { from_live.next() } else { from_archive.next() };
            let item = item.or_else(|| from_live.next()).or_else(|| from_archive.next());
            let Some(item) = item else { break };
            found.extend(run(&mut mixed, std::slice::from_ref(item)));
            if index % every == 0 {
                mixed.sweep();
            }
        }
        // Alerts that went out between those of the other keep their order.
        live_expect.extend(archive_expect);
        let mut found_in_order = found;
        found_in_order.sort_by_key(|alert| alert.first_us < -10 * SECOND);
        prop_assert_eq!(found_in_order, live_expect);
        prop_assert_eq!(mixed.counters().late, 0);
    }

    #[test]
    fn a_shift_of_all_times_shifts_the_alerts_and_nothing_else(
        (name, kind, threshold) in kinds(), steps in steps(), years in -80_i64..80, every in 1_usize..9,
    ) {
        let set = rules_of(name, kind, threshold);
        let limits = Limits { lateness_us: 3 * SECOND, ..Limits::default() };
        let by_us = years * 365 * 86_400 * SECOND;
        let alerts = |by_us: i64| {
            let mut engine = engine(&set, limits);
            let mut out = Vec::new();
            for (index, step) in steps.iter().enumerate() {
                out.extend(run(&mut engine, &[seen(Step { ts_us: step.ts_us + by_us, ..*step })]));
                if index % every == 0 {
                    engine.sweep();
                }
            }
            (out, engine.counters())
        };
        let ((plain, counters), (mut shifted, shifted_counters)) = (alerts(0), alerts(by_us));
        for (alert, other) in shifted.iter_mut().zip(&plain) {
            alert.window_start_us -= by_us;
            alert.first_us -= by_us;
            alert.last_us -= by_us;
            alert.alert_id.clone_from(&other.alert_id);
        }
        prop_assert_eq!(shifted, plain);
        prop_assert_eq!(shifted_counters, counters);
    }

    #[test]
    fn broken_snapshots_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..400, with in any::<u8>()) {
        let set = rules(&correlation("event_count", "    condition: {gte: 2}"));
        let mut engine = engine(&set, Limits::default());
        let _ = engine.restore(&bytes);
        run(&mut engine, &[direct(1, 0), feed_match(Step { number: 2, ts_us: 0, feed: 0, value: 0, group: 0 })]);
        let mut damaged = engine.snapshot();
        let at = at % damaged.len();
        damaged[at] = with;
        let _ = engine.restore(&damaged);
        run(&mut engine, &[direct(3, 0), feed_match(Step { number: 4, ts_us: 0, feed: 0, value: 0, group: 0 })]);
    }
}
