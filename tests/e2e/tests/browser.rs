//! The console in a browser: runs the Playwright suite of `tests/browser` against a platform of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;
use std::time::Duration;

use vonggac_e2e::{Platform, Sample, Settings, now_us, repository, run, shell_word};

const LIMIT: Duration = Duration::from_secs(600);
/// The sample ends now, as it does in `vonggac up --sample`.
const SAMPLE_US: i64 = 600_000_000;

#[test]
fn the_browser_suite_passes() {
    let suite = repository().join("tests/browser");
    let runner = suite.join("node_modules/.bin/playwright");
    let Some(platform) = Platform::start(&Settings::default()).unwrap() else {
        return;
    };
    assert!(
        runner.exists(),
        "{} is not there: npm ci in tests/browser, or make test",
        runner.display()
    );
    let sample: Sample = platform.sample(942, now_us() - SAMPLE_US).unwrap();
    let sensor = platform.sensor("sample", &sample.capture);
    let words = std::iter::once(sensor.get_program()).chain(sensor.get_args());
    let play: Vec<String> = words.map(|word| shell_word(&word.to_string_lossy())).collect();
    let mut command = Command::new(runner);
    command
        .arg("test")
        .current_dir(&suite)
        .env("VONGGAC_URL", platform.console_url())
        .env("VONGGAC_SETUP_CODE", platform.setup_code().expect("a setup code"))
        .env("VONGGAC_PLAY_COMMAND", play.join(" "));
    let ended = run(&mut command, LIMIT).unwrap();
    println!("{}\n{}", ended.out, ended.err);
    assert!(ended.status.success(), "the browser suite failed");
}
