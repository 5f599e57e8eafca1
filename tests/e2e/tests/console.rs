//! Work in the console, and public captures: set-up, sign-in, acknowledging and closing; a real attack found with public rules.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use vonggac_e2e::{Platform, Settings, Story, alerts, corpus, run, wait_for};

const LIMIT: Duration = Duration::from_secs(60);
/// Public rules by the ten thousand take their time in a debug build.
const CORPUS_LIMIT: Duration = Duration::from_secs(300);

#[test]
fn people_work_on_alerts() {
    let Some(platform) = Platform::start(&Settings::default()).unwrap() else {
        return;
    };
    let mut story = Story::default();
    story.check("nobody gets in unasked", || nobody_gets_in(&platform));
    story.check("the one-time code works once", || the_code_works_once(&platform));
    story.check("sign-in and sign-out", || sign_in_and_out(&platform));
    story.check("a sensor by the command line brings alerts", || {
        a_sensor_brings_alerts(&platform)
    });
    story.check("an alert is acknowledged and closed", || {
        an_alert_is_worked_on(&platform)
    });
    story.check("a public capture is found with public rules", || {
        a_public_capture_is_found(&platform)
    });
    story.end();
}

fn nobody_gets_in(platform: &Platform) -> anyhow::Result<()> {
    let console = platform.console()?;
    for path in [
        "/api/v1/session",
        "/api/v1/alerts",
        "/api/v1/events",
        "/api/v1/health",
        "/api/v1/alerts/stream",
    ] {
        let (status, answer) = console.send(Method::GET, path, &[], None)?;
        ensure!(
            status == StatusCode::UNAUTHORIZED,
            "{path} answered {status}: {answer}"
        );
    }
    Ok(())
}

fn the_code_works_once(platform: &Platform) -> anyhow::Result<()> {
    let code = platform.setup_code().context("no setup code")?;
    let console = platform.console()?;
    ensure!(
        console.get("/api/v1/setup", &[])?["needed"] == true,
        "no set-up is offered"
    );
    ensure!(
        console.try_set_up("AAAA-AAAA-AAAA-AAAA-AAAA")? == StatusCode::FORBIDDEN,
        "a wrong code is taken"
    );
    let account = console.set_up(&code)?;
    ensure!(account["organisation"]["code"] == "vn", "{account}");
    ensure!(platform.setup_code().is_none(), "the used code still lies there");
    let again = platform.console()?.try_set_up(&code)?;
    ensure!(again.is_client_error(), "the code works twice: {again}");
    Ok(())
}

fn sign_in_and_out(platform: &Platform) -> anyhow::Result<()> {
    let console = platform.console()?;
    let wrong = json!({ "user_name": vonggac_e2e::USER_NAME, "password": "nicht-das-richtige" });
    let (status, _) = console.send(Method::POST, "/api/v1/session", &[], Some(&wrong))?;
    ensure!(
        status == StatusCode::UNAUTHORIZED,
        "a wrong password gives {status}"
    );
    console.sign_in()?;
    ensure!(
        console.get("/api/v1/session", &[])?["user_name"] == vonggac_e2e::USER_NAME,
        "somebody else"
    );
    console.sign_out()?;
    let (status, _) = console.send(Method::GET, "/api/v1/session", &[], None)?;
    ensure!(
        status == StatusCode::UNAUTHORIZED,
        "signed out, and still in: {status}"
    );
    Ok(())
}

fn a_sensor_brings_alerts(platform: &Platform) -> anyhow::Result<()> {
    let sample = platform.sample(7, vonggac_traffic::START_US_DEFAULT)?;
    let ended = run(&mut platform.sensor("hand", &sample.capture), LIMIT)?;
    ensure!(ended.code() == 0, "{}", ended.err);
    let console = platform.console()?;
    console.sign_in()?;
    wait_for("alerts in the console", LIMIT, || {
        ensure!(!console.alerts()?.is_empty(), "none");
        Ok(())
    })
}

fn an_alert_is_worked_on(platform: &Platform) -> anyhow::Result<()> {
    let console = platform.console()?;
    let me = console.sign_in()?;
    let alert = console.alerts()?.into_iter().next().context("no alert")?;
    let path = format!("/api/v1/alerts/{}", alert["id"].as_str().context("id")?);
    let taken = console.post(&format!("{path}/acknowledge"), &json!({ "note": "Đang xem" }))?;
    ensure!(
        taken["status"] == "acknowledged" && taken["assignee"]["id"] == me["id"],
        "{taken}"
    );
    console.post(
        &format!("{path}/comments"),
        &json!({ "text": "Máy chủ cổng thông tin" }),
    )?;
    let closed = console.post(
        &format!("{path}/close"),
        &json!({ "verdict": "true_positive", "note": null }),
    )?;
    ensure!(
        closed["status"] == "closed" && closed["verdict"] == "true_positive",
        "{closed}"
    );
    let (status, answer) = console.send(
        Method::POST,
        &format!("{path}/close"),
        &[],
        Some(&json!({ "verdict": "benign_true_positive" })),
    )?;
    ensure!(status == StatusCode::CONFLICT, "closed twice: {status} {answer}");
    let open = console.all("/api/v1/alerts", &[("status", "open")])?.0;
    ensure!(
        open.iter().all(|other| other["id"] != alert["id"]),
        "a closed alert is listed as open"
    );
    let detail = console.get(&path, &[])?.to_string();
    ensure!(
        detail.contains("Máy chủ cổng thông tin") && detail.contains("acknowledged"),
        "{detail}"
    );
    Ok(())
}

/// The acceptance: a capture of Log4Shell, read with Emerging Threats' rules, gives alerts in the console, and search finds their events.
fn a_public_capture_is_found(platform: &Platform) -> anyhow::Result<()> {
    let Some(corpus) = corpus() else { return Ok(()) };
    let capture = corpus.join("attacks/cve-2021-44228/testing/Traces/log4j-user_agent.pcap");
    let mut sensor = platform.plain_sensor("public", &capture);
    sensor.arg("--rules").arg(corpus.join("et-open"));
    let ended = run(&mut sensor, CORPUS_LIMIT)?;
    ensure!(ended.code() == 0, "{}", ended.err);
    let console = platform.console()?;
    console.sign_in()?;
    let rows = platform.rows()?;
    let shown = wait_for("the public capture's alerts", LIMIT, || {
        let shown: Vec<Value> = console
            .alerts()?
            .into_iter()
            .filter(|alert| alert["sensor"] == "public")
            .collect();
        ensure!(!shown.is_empty(), "none");
        Ok(shown)
    })?;
    let stored = alerts(&rows)?;
    ensure!(
        shown.iter().any(|alert| alert["rule_title"]
            .as_str()
            .is_some_and(|title| title.to_lowercase().contains("log4j"))),
        "no alert names log4j: {:?}",
        shown.iter().map(|alert| &alert["rule_title"]).collect::<Vec<_>>()
    );
    for alert in &shown {
        let facts = stored
            .get(alert["id"].as_str().unwrap_or_default())
            .context("not stored")?;
        let event = facts.events.first().context("no event")?;
        // An alert does not wait for its events to be stored.
        wait_for("the alert's event", LIMIT, || {
            let page = console.get("/api/v1/events", &[("q", &format!("event_id:{event}"))])?;
            ensure!(page["total"] == 1, "{}: {page}", facts.title);
            Ok(())
        })?;
    }
    Ok(())
}
