//! The whole way: sample traffic through the sensor, Kafka, the pipeline and ClickHouse to the console, compared with the truth file;
//! then a second start on the same data.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use vonggac_e2e::{
    AlertFacts, Console, Platform, Rows, Sample, Settings, Story, alerts, event_flows, repository, sequences,
    wait_for,
};
use vonggac_traffic::Step;

/// From the start of play to the last step's alert.
const ALERT_LIMIT: Duration = Duration::from_secs(60);
/// For what has no promise of its own.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn the_sample_is_played_found_and_shown() {
    let with_sample = ["--sample", "--sample-way", "file"].map(str::to_owned).to_vec();
    let Some(mut platform) = Platform::start(&Settings {
        arguments: with_sample,
    })
    .unwrap() else {
        return;
    };
    wait_for("the sensor", LIMIT, || {
        let parts = platform.parts()?;
        ensure!(!parts.state("sensor").is_empty(), "no sensor yet");
        Ok(())
    })
    .unwrap();
    let play_begun = Instant::now();
    let sample = Sample::load(&platform.data().join("sample")).unwrap();
    let rows = platform.rows().unwrap();
    let console = platform.console().unwrap();
    console
        .set_up(&platform.setup_code().expect("a setup code"))
        .unwrap();

    let mut story = Story::default();
    story.check("every step of the intrusion has its alert in time", || {
        every_step_has_its_alert(&rows, &sample, play_begun)
    });
    story.check("the sensor ends its work", || {
        wait_for("the sensor's end", LIMIT, || {
            let parts = platform.parts()?;
            ensure!(
                parts.state("sensor") == "done",
                "it is {:?}",
                parts.state("sensor")
            );
            Ok(())
        })
    });
    story.check("every flow has its event with the right packets", || {
        every_flow_has_its_event(&rows, &sample)
    });
    story.check("event ids are complete and unique", || {
        // One class is stored after another.
        wait_for("every event", LIMIT, || ids_are_complete(&rows, 1))
    });
    story.check("the rules that must find a step do", || {
        coverage_holds(&rows, &sample)
    });
    story.check("no alert on benign flows", || {
        nothing_benign_is_alerted(&rows, &sample)
    });
    story.check("the console shows every alert", || {
        the_console_shows_every_alert(&rows, &console, &sample)
    });
    story.check("an alert's events are found by search", || {
        an_alerts_events_are_found(&rows, &console)
    });
    story.check("the histogram adds up", || the_histogram_adds_up(&console));
    story.check("doctor says that all is well", || doctor_is_content(&platform));
    let before = alerts(&rows).unwrap_or_default();
    story.check("it stops in order", || {
        let status = platform.stop()?;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    });
    story.check("a second start goes on with the data of the first", || {
        platform.start_again(&Settings::default())?;
        second_start_has_the_old_data(&platform, &before)
    });
    story.end();
}

/// The alerts that name a step's technique and no other hosts than its own.
fn alerts_of<'a>(
    alerts: &'a BTreeMap<String, AlertFacts>,
    sample: &Sample,
    step: &Step,
) -> Vec<&'a AlertFacts> {
    let hosts = sample.hosts(&step.id);
    let is_its = |alert: &&AlertFacts| {
        alert.techniques.contains(&step.technique) && !alert.hosts.is_empty() && alert.hosts.is_subset(&hosts)
    };
    alerts.values().filter(is_its).collect()
}

fn every_step_has_its_alert(rows: &Rows, sample: &Sample, begun: Instant) -> anyhow::Result<()> {
    ensure!(!sample.truth.steps.is_empty(), "the truth file has no steps");
    wait_for("alerts", ALERT_LIMIT.saturating_sub(begun.elapsed()), || {
        let alerts = alerts(rows)?;
        for step in &sample.truth.steps {
            ensure!(
                !alerts_of(&alerts, sample, step).is_empty(),
                "no alert for step {} ({}); there are {:?}",
                step.id,
                step.technique,
                alerts
                    .values()
                    .map(|alert| (&alert.title, &alert.techniques, &alert.hosts))
                    .collect::<Vec<_>>()
            );
        }
        Ok(())
    })
}

fn every_flow_has_its_event(rows: &Rows, sample: &Sample) -> anyhow::Result<()> {
    let wanted = sample.flows();
    wait_for("flow events", LIMIT, || {
        let found: BTreeMap<String, u64> = rows
            .query(
                "SELECT community_id AS id, toString(sum(orig_packets) + sum(resp_packets)) AS packets FROM flow \
                 WHERE sensor = 'sample' GROUP BY community_id",
            )?
            .iter()
            .map(|row| {
                let id = row["id"].as_str().context("id")?.to_owned();
                Ok((id, row["packets"].as_str().context("packets")?.parse()?))
            })
            .collect::<anyhow::Result<_>>()?;
        for (id, flows) in &wanted {
            let packets: u64 = flows.iter().map(|flow| flow.packets).sum();
            let have = found.get(*id).copied();
            ensure!(
                have == Some(packets),
                "{id}: {have:?} packets stored, {packets} were sent: {:?}",
                flows.first()
            );
        }
        for id in found.keys() {
            ensure!(
                wanted.contains_key(id.as_str()),
                "flow {id} is not in the capture"
            );
        }
        Ok(())
    })
}

fn ids_are_complete(rows: &Rows, incarnations: usize) -> anyhow::Result<()> {
    let found = sequences(rows)?;
    ensure!(
        found.len() == incarnations,
        "{} incarnations, {incarnations} expected",
        found.len()
    );
    for (incarnation, sequence) in found {
        let complete = sequence.iter().zip(1..).all(|(&have, want)| have == want);
        ensure!(
            complete,
            "incarnation {incarnation:016x}: {} events, highest number {:?}",
            sequence.len(),
            sequence.last()
        );
    }
    Ok(())
}

/// What `rules/content/coverage.json` promises, rule by rule.
fn coverage_holds(rows: &Rows, sample: &Sample) -> anyhow::Result<()> {
    let text = fs::read_to_string(repository().join("rules/content/coverage.json"))?;
    let coverage: Value = serde_json::from_str(&text)?;
    let steps = coverage["steps"].as_array().context("steps")?;
    wait_for("alerts of all rules", LIMIT, || {
        let alerts = alerts(rows)?;
        let fired: BTreeSet<&str> = alerts.values().map(|alert| plain_id(&alert.rule_id)).collect();
        let mut missing = Vec::new();
        for step in &sample.truth.steps {
            let card = steps
                .iter()
                .find(|card| card["step"] == step.id.as_str())
                .with_context(|| step.id.clone())?;
            ensure!(
                card["technique"] == step.technique.as_str(),
                "{}: {} and {}",
                step.id,
                card["technique"],
                step.technique
            );
            for rule in card["rules"].as_array().context("rules")? {
                let rule = rule.as_str().context("rule")?;
                if !fired.contains(rule) {
                    missing.push(format!("{}: {rule}", step.id));
                }
            }
        }
        ensure!(
            missing.is_empty(),
            "silent: {missing:?}; fired: {:?}",
            alerts.values().map(|a| &a.rule_id).collect::<BTreeSet<_>>()
        );
        Ok(())
    })
}

/// Signatures are alerted under `1:9000001` and YARA rules under `yara:file/name`; the coverage names the `sid` and the name.
fn plain_id(rule_id: &str) -> &str {
    let yara = rule_id
        .strip_prefix("yara:")
        .and_then(|rest| rest.rsplit('/').next());
    yara.or_else(|| rule_id.strip_prefix("1:")).unwrap_or(rule_id)
}

fn nothing_benign_is_alerted(rows: &Rows, sample: &Sample) -> anyhow::Result<()> {
    let flows = event_flows(rows)?;
    for alert in alerts(rows)?.values() {
        ensure!(
            !alert.events.is_empty(),
            "{} ({}) stands on no event",
            alert.title,
            alert.id
        );
        let mut of_intrusion = 0;
        for event in &alert.events {
            let flow = flows
                .get(event)
                .with_context(|| format!("{}: event {event} is not stored", alert.title))?;
            if sample.is_benign(flow) == Some(false) {
                of_intrusion += 1;
            }
        }
        ensure!(
            of_intrusion > 0,
            "{} ({:?}) stands on benign flows only: {:?}",
            alert.title,
            alert.hosts,
            alert.events
        );
    }
    Ok(())
}

fn the_console_shows_every_alert(rows: &Rows, console: &Console, sample: &Sample) -> anyhow::Result<()> {
    let stored = alerts(rows)?;
    let shown = wait_for("alerts in the console", LIMIT, || {
        let shown = console.alerts()?;
        ensure!(
            shown.len() >= stored.len(),
            "{} alerts shown, {} stored",
            shown.len(),
            stored.len()
        );
        Ok(shown)
    })?;
    let ids: BTreeSet<&str> = shown.iter().filter_map(|alert| alert["id"].as_str()).collect();
    ensure!(
        ids == stored.keys().map(String::as_str).collect(),
        "other alerts are shown than are stored"
    );
    for alert in &shown {
        let facts = stored
            .get(alert["id"].as_str().unwrap_or_default())
            .context("id")?;
        ensure!(alert["rule_title"] == facts.title.as_str(), "{alert}");
        // All are of shipped rules, which say it in both languages.
        ensure!(
            alert["rule_title_vi"]
                .as_str()
                .is_some_and(|title| !title.is_empty() && title != facts.title),
            "{alert}"
        );
        ensure!(
            alert["status"] == "open" && alert["assignee"].is_null(),
            "{alert}"
        );
    }
    for step in &sample.truth.steps {
        let found = console.get("/api/v1/alerts", &[("technique", step.technique.as_str())])?;
        ensure!(
            found["total"].as_u64() > Some(0),
            "no alert of {} is listed",
            step.technique
        );
    }
    Ok(())
}

fn an_alerts_events_are_found(rows: &Rows, console: &Console) -> anyhow::Result<()> {
    for alert in alerts(rows)?.values() {
        let list = console.get(&format!("/api/v1/alerts/{}/events", alert.id), &[])?;
        let listed: BTreeSet<&str> = list["items"]
            .as_array()
            .context("items")?
            .iter()
            .filter_map(|event| event["event_id"].as_str())
            .collect();
        let event = alert.events.first().context("no event")?;
        ensure!(
            listed.contains(event.as_str()),
            "{}: {event} is not among the alert's {} events",
            alert.title,
            listed.len()
        );
        let query = format!("event_id:{event}");
        let page = console.get("/api/v1/events", &[("q", query.as_str())])?;
        ensure!(
            page["total"] == 1 && page["items"][0]["event_id"] == event.as_str(),
            "{query} found {page}"
        );
        let detail = console.get(&format!("/api/v1/alerts/{}", alert.id), &[])?;
        ensure!(detail.to_string().contains(&alert.rule_id), "{detail}");
    }
    Ok(())
}

fn the_histogram_adds_up(console: &Console) -> anyhow::Result<()> {
    for (query, class) in [
        ("", ""),
        ("", "dns"),
        ("dport:443", ""),
        ("NOT proto:tcp", "flow,dns"),
    ] {
        let page = console.get(
            "/api/v1/events",
            &[("q", query), ("class", class), ("limit", "1")],
        )?;
        let histogram = console.get("/api/v1/events/histogram", &[("q", query), ("class", class)])?;
        let buckets = histogram["buckets"].as_array().context("buckets")?;
        let counts = buckets
            .iter()
            .filter_map(|bucket| bucket["counts"].as_object())
            .flat_map(serde_json::Map::values);
        let sum: u64 = counts.filter_map(Value::as_u64).sum();
        let total = page["total"].as_u64().context("total")?;
        ensure!(
            sum == total && total > 0,
            "{query:?} {class:?}: {sum} in {} buckets, {total} in all",
            buckets.len()
        );
    }
    Ok(())
}

fn doctor_is_content(platform: &Platform) -> anyhow::Result<()> {
    let mut command = platform.command("doctor");
    command.arg("--data").arg(platform.data());
    let ended = vonggac_e2e::run(&mut command, LIMIT)?;
    for part in ["kafka", "clickhouse", "postgres", "pipeline", "console"] {
        let line = ended
            .out
            .lines()
            .find(|line| line.starts_with(part))
            .with_context(|| ended.out.clone())?;
        ensure!(line.contains(" up "), "{line}");
    }
    Ok(())
}

fn second_start_has_the_old_data(
    platform: &Platform,
    before: &BTreeMap<String, AlertFacts>,
) -> anyhow::Result<()> {
    ensure!(platform.setup_code().is_none(), "there is a new setup code");
    let console = platform.console()?;
    ensure!(
        console.get("/api/v1/setup", &[])?["needed"] == false,
        "set-up is offered again"
    );
    console.sign_in()?;
    let rows = platform.rows()?;
    let now = wait_for("the old alerts", LIMIT, || alerts(&rows))?;
    ensure!(
        &now == before,
        "{} alerts before, {} now",
        before.len(),
        now.len()
    );
    ensure!(
        console.alerts()?.len() == before.len(),
        "the console shows others"
    );
    ids_are_complete(&rows, 1)
}
