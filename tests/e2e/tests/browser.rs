//! The console in a browser: runs the Playwright suite of `tests/browser` against platforms of its own, one for the story and one for
//! the journeys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use vonggac_e2e::{Platform, Sample, Settings, binary, free_ports, now_us, repository, run, shell_word};

const LIMIT: Duration = Duration::from_secs(900);
/// The sample ends now, as it does in `vonggac up --sample`.
const SAMPLE_US: i64 = 600_000_000;
/// A browser and a platform are heavy: one at a time.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn the_story_passes() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(platform) = Platform::start(&Settings::default()).unwrap() else {
        return;
    };
    let sample: Sample = platform.sample(942, now_us() - SAMPLE_US).unwrap();
    let sensor = platform.sensor("sample", &sample.capture);
    let words = std::iter::once(sensor.get_program()).chain(sensor.get_args());
    let play: Vec<String> = words.map(|word| shell_word(&word.to_string_lossy())).collect();
    let mut command = suite("story");
    command
        .env("VONGGAC_URL", platform.console_url())
        .env("VONGGAC_SETUP_CODE", platform.setup_code().expect("a setup code"))
        .env("VONGGAC_PLAY_COMMAND", play.join(" "));
    passes(command);
}

#[test]
fn the_journeys_pass() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // As `make up` starts it: with the sample, and nobody in it yet.
    let arguments = ["--sample", "--sample-way", "file"].map(str::to_owned).to_vec();
    let Some(platform) = Platform::start(&Settings { arguments }).unwrap() else {
        return;
    };
    let url = format!("http://localhost:{}", platform.console_port());
    // The short form is the first hour, signing in, and what the browser guards; `make journeys` walks them all.
    let is_whole = std::env::var_os("VONGGAC_JOURNEYS").is_some();
    let mut command = suite(if is_whole { "journeys" } else { "guards" });
    command
        .env("VONGGAC_DEPLOYMENT", told_of(&platform, &url))
        .env("VONGGAC_URL", url);
    passes(command);
}

/// Writes down for the journeys where the deployment is; `tests/browser/journeys/deployment.ts` reads it.
fn told_of(platform: &Platform, url: &str) -> PathBuf {
    let [second_port] = free_ports().unwrap();
    let scratch = platform.scratch("journeys").unwrap();
    let deployment = json!({
        "url": url,
        "second_port": second_port,
        "setup_code": platform.setup_code().expect("a setup code"),
        "binary": binary().unwrap(),
        "data": platform.data(),
        "scratch": scratch,
        "client_settings": platform.client_settings(),
        "postgres_url": platform.postgres_url(),
        "postgres_password_file": platform.password_file("postgres"),
    });
    let file = scratch.join("deployment.json");
    fs::write(&file, deployment.to_string()).unwrap();
    file
}

/// Playwright, about one part of the suite.
fn suite(project: &str) -> Command {
    let suite = repository().join("tests/browser");
    let runner = suite.join("node_modules/.bin/playwright");
    assert!(
        runner.exists(),
        "{} is not there: npm ci in tests/browser, or make test",
        runner.display()
    );
    let mut command = Command::new(runner);
    command.args(["test", "--project", project]).current_dir(&suite);
    command
}

fn passes(mut command: Command) {
    let ended = run(&mut command, LIMIT).unwrap();
    println!("{}\n{}", ended.out, ended.err);
    assert!(ended.status.success(), "the browser suite failed");
}
