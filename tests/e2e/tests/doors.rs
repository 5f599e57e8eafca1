//! The doors of `vonggac up` on its own machine: they open to its user and to nobody else.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use vonggac_e2e::{Platform, Settings, Story, now_us, run, wait_for};

const LIMIT: Duration = Duration::from_secs(60);
/// How long a sensor without credentials may take to say that it is not let in.
const REFUSAL_LIMIT: Duration = Duration::from_secs(20);

#[test]
fn local_doors_are_closed() {
    let Some(platform) = Platform::start(&Settings::default()).unwrap() else {
        return;
    };
    let mut story = Story::default();
    story.check("nothing in the data directory is anybody else's", || {
        rights(&platform)
    });
    story.check("another user reads nothing", || another_user(&platform));
    story.check("secrets stand on no command line", || {
        no_secret_on_a_command_line(&platform)
    });
    story.check("ClickHouse refuses who does not sign in", || {
        clickhouse(&platform)
    });
    story.check("Kafka refuses who does not sign in", || kafka(&platform));
    story.check("who may read the settings gets in", || own_sensor(&platform));
    story.end();
}

/// Owner alone may do anything, but that PostgreSQL's group may pass through the directory itself.
fn rights(platform: &Platform) -> anyhow::Result<()> {
    let mode = fs::metadata(platform.data())?.permissions().mode() & 0o777;
    ensure!(mode & 0o067 == 0, "the data directory is {mode:o}");
    for entry in fs::read_dir(platform.data())? {
        let entry = entry?;
        let mode = entry.metadata()?.permissions().mode() & 0o777;
        ensure!(mode & 0o077 == 0, "{} is {mode:o}", entry.path().display());
    }
    Ok(())
}

fn another_user(platform: &Platform) -> anyhow::Result<()> {
    let is_root =
        fs::metadata("/proc/self").is_ok_and(|facts| std::os::unix::fs::MetadataExt::uid(&facts) == 0);
    if !is_root {
        println!("  skipped: only root can be another user here");
        return Ok(());
    }
    let script = "ls \"$1\" && echo listed; for file in status.json setup-code client.toml secrets/kafka.password \
                  secrets/clickhouse.password secrets/postgres.password kafka/server.properties log/kafka.log \
                  clickhouse kafka log postgres; do { cat \"$1/$file\" || ls \"$1/$file\"; } && echo \"read $file\"; done; true";
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid=65533",
            "--regid=65533",
            "--clear-groups",
            "--",
            "sh",
            "-c",
            script,
            "sh",
        ])
        .arg(platform.data());
    let ended = run(&mut command, LIMIT)?;
    ensure!(ended.out.is_empty(), "{}", ended.out);
    Ok(())
}

fn no_secret_on_a_command_line(platform: &Platform) -> anyhow::Result<()> {
    let secrets = ["kafka", "clickhouse", "postgres"]
        .into_iter()
        .map(|server| {
            let file = platform.password_file(server);
            fs::read_to_string(&file).with_context(|| file.display().to_string())
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let parts = platform.parts()?;
    for part in ["kafka", "clickhouse", "postgres", "pipeline", "console"] {
        let pid = parts.pid(part).with_context(|| format!("{part} does not run"))?;
        let line = fs::read(format!("/proc/{pid}/cmdline"))?;
        let line = String::from_utf8_lossy(&line);
        for secret in &secrets {
            ensure!(!line.contains(secret.trim()), "{part} shows a password");
        }
    }
    Ok(())
}

fn clickhouse(platform: &Platform) -> anyhow::Result<()> {
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .timeout(LIMIT)
        .build()?;
    for (user, password) in [("", ""), ("default", ""), ("vonggac", ""), ("vonggac", "wrong")] {
        let mut request = client.post(platform.clickhouse_url()).body("SELECT 1");
        if !user.is_empty() {
            request = request.basic_auth(user, Some(password));
        }
        let status = request.send()?.status();
        ensure!(status.is_client_error(), "{user:?} is answered {status}");
    }
    ensure!(!platform.rows()?.query("SELECT 1 AS one")?.is_empty(), "no row");
    Ok(())
}

fn kafka(platform: &Platform) -> anyhow::Result<()> {
    let sample = platform.sample(942, now_us())?;
    let log = platform.scratch("doors")?.join("sensor.log");
    let file = fs::File::create(&log)?;
    let mut child = platform
        .command("sensor")
        .args(["--name", "stranger", "--kafka", &platform.kafka(), "--read"])
        .arg(&sample.capture)
        .arg("--spool")
        .arg(platform.scratch("doors")?.join("spool"))
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()?;
    let outcome = wait_for("a refusal", REFUSAL_LIMIT, || {
        let said = fs::read_to_string(&log)?;
        ensure!(said.contains("Kafka"), "{said}");
        Ok(())
    });
    let has_ended = child.try_wait()?;
    child.kill()?;
    child.wait()?;
    outcome?;
    ensure!(has_ended.is_none(), "the sensor has delivered: {has_ended:?}");
    let rows = platform.rows()?;
    let strange = wait_for("tables", LIMIT, || rows.events("sensor", "sensor = 'stranger'"))?;
    ensure!(strange.is_empty(), "{} events of a stranger", strange.len());
    Ok(())
}

fn own_sensor(platform: &Platform) -> anyhow::Result<()> {
    let sample = platform.sample(942, now_us())?;
    let ended = run(&mut platform.plain_sensor("own", &sample.capture), LIMIT)?;
    ensure!(ended.status.success(), "{}: {}", ended.status, ended.err);
    wait_for("its events", LIMIT, || {
        let events = platform.rows()?.events("sensor", "sensor = 'own'")?;
        ensure!(!events.is_empty(), "none");
        Ok(())
    })
}
