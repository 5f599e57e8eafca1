//! The links to Kafka, ClickHouse and PostgreSQL with TLS on: the whole way works, and each fault is said with the link and the reason.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use vonggac_e2e::secured::{PASSWORD, Secured, Server, USER};
use vonggac_e2e::{Console, Sample, Story, free_ports, now_us, repository, wait_for};

/// How long a role may take to say what is wrong. Java and a debug build share the machine with other tests.
const SAY_LIMIT: Duration = Duration::from_secs(30);
/// How long the traffic may take from the capture to the console.
const WAY_LIMIT: Duration = Duration::from_secs(120);
/// Ten minutes, the length of the sample, in microseconds.
const SAMPLE_US: i64 = 600_000_000;

#[test]
fn links_are_secured() {
    let Some(secured) = Secured::start().unwrap() else {
        return;
    };
    let mut story = Story::default();
    story.check("the whole way over TLS", || the_whole_way(&secured));
    story.check("a client's certificate instead of a user", || {
        a_clients_certificate(&secured)
    });
    story.check("what is wrong with Kafka", || kafka_is_wrong(&secured));
    story.check("what is wrong with ClickHouse", || clickhouse_is_wrong(&secured));
    story.check("what is wrong with PostgreSQL", || postgres_is_wrong(&secured));
    story.check("a file that is not there", || a_missing_file(&secured));
    story.end();
}

fn kafka(secured: &Secured, command: &mut Command, port: u16, ca: &str, password: &str) {
    command
        .args(["--kafka", &format!("127.0.0.1:{port}"), "--kafka-user", USER])
        .args(["--kafka-ca", &secured.file(ca)])
        .args(["--kafka-password-file", &secured.file(password)]);
}

fn clickhouse(secured: &Secured, command: &mut Command, port: u16, ca: &str, password: &str) {
    command
        .args(["--clickhouse", &format!("https://127.0.0.1:{port}")])
        .args(["--clickhouse-user", USER, "--clickhouse-ca", &secured.file(ca)])
        .args(["--clickhouse-password-file", &secured.file(password)]);
}

fn postgres(secured: &Secured, command: &mut Command, ca: &str, password: &str) {
    let url = format!("postgres://{USER}@127.0.0.1:{}/{USER}", secured.ports.postgres);
    command
        .args(["--postgres", &url, "--postgres-ca", &secured.file(ca)])
        .args(["--postgres-password-file", &secured.file(password)]);
}

fn sensor(secured: &Secured, name: &str, sample: &Sample) -> Command {
    let rules = repository().join("rules/content");
    let mut command = secured.role("sensor");
    command.args(["--name", name, "--read"]).arg(&sample.capture);
    command.arg("--rules").arg(rules.join("signatures"));
    command
        .arg("--spool")
        .arg(secured.path().join(format!("spool-{name}")));
    command
}

fn sample(secured: &Secured) -> anyhow::Result<Sample> {
    Sample::generate(secured.path(), 942, now_us() - SAMPLE_US)
}

fn the_whole_way(secured: &Secured) -> anyhow::Result<()> {
    let ports = secured.ports;
    let mut pipeline = secured.role("pipeline");
    kafka(secured, &mut pipeline, ports.kafka, "authority.pem", "password");
    clickhouse(
        secured,
        &mut pipeline,
        ports.clickhouse,
        "authority.pem",
        "password",
    );
    pipeline
        .args(["--partitions", "1", "--rules"])
        .arg(repository().join("rules/content/sigma"));
    let pipeline = secured.run("pipeline", pipeline)?;

    let [port] = free_ports()?;
    let code = secured.path().join("setup-code");
    let mut console = secured.role("console");
    kafka(secured, &mut console, ports.kafka, "authority.pem", "password");
    clickhouse(
        secured,
        &mut console,
        ports.clickhouse,
        "authority.pem",
        "password",
    );
    postgres(secured, &mut console, "authority.pem", "password");
    console
        .args(["--listen", &format!("127.0.0.1:{port}"), "--setup-code-file"])
        .arg(&code);
    let console = secured.run("console", console)?;

    let mut first = sensor(secured, "tls", &sample(secured)?);
    kafka(secured, &mut first, ports.kafka, "authority.pem", "password");
    let mut first = secured.run("sensor", first)?;
    let status = first.wait(WAY_LIMIT)?;
    ensure!(status.success(), "sensor: {status}:\n{}", first.said());

    let client = Console::new(format!("http://127.0.0.1:{port}"))?;
    wait_for("the console", WAY_LIMIT, || {
        client.get("/api/v1/setup", &[]).with_context(|| console.said())
    })?;
    client.set_up(std::fs::read_to_string(&code)?.trim())?;
    let alerts = wait_for("alerts", WAY_LIMIT, || {
        let alerts = client.alerts()?;
        ensure!(
            !alerts.is_empty(),
            "no alert in the console; the pipeline says:\n{}",
            pipeline.said()
        );
        Ok(alerts)
    })?;
    // An alert does not wait for its events to be stored.
    let rows = secured.rows()?;
    let events = wait_for("the alerts' events", WAY_LIMIT, || {
        let stored = vonggac_e2e::event_flows(&rows)?;
        ensure!(!stored.is_empty(), "no event in ClickHouse");
        for alert in vonggac_e2e::alerts(&rows)?.values() {
            let away = alert.events.iter().find(|event| !stored.contains_key(*event));
            ensure!(
                away.is_none(),
                "{}: {away:?} is not stored; the pipeline says:\n{}",
                alert.title,
                pipeline.said()
            );
        }
        Ok(stored.len())
    })?;
    println!("  {events} events, {} alerts", alerts.len());
    for server in [&pipeline, &console, &first] {
        ensure!(
            !server.said().contains(PASSWORD),
            "{} logs the password",
            server.name
        );
    }
    Ok(())
}

fn a_clients_certificate(secured: &Secured) -> anyhow::Result<()> {
    let mut command = sensor(secured, "mutual", &sample(secured)?);
    command
        .args(["--kafka", &format!("127.0.0.1:{}", secured.ports.kafka_mutual)])
        .args(["--kafka-ca", &secured.file("authority.pem")])
        .args(["--kafka-certificate", &secured.file("client.pem")])
        .args(["--kafka-key", &secured.file("client.key")]);
    let mut sensor = secured.run("sensor-mutual", command)?;
    let status = sensor.wait(WAY_LIMIT)?;
    ensure!(status.success(), "{status}:\n{}", sensor.said());
    Ok(())
}

/// A role goes on trying and says all of `words` meanwhile, but not the password.
fn says(role: &Server, words: &[&str]) -> anyhow::Result<()> {
    wait_for(&role.name, SAY_LIMIT, || {
        let said = role.said();
        for word in words {
            ensure!(said.contains(word), "{word:?} is not said:\n{said}");
        }
        ensure!(!said.contains(PASSWORD), "the password is said:\n{said}");
        ensure!(!said.contains("panicked"), "{said}");
        Ok(())
    })
}

fn kafka_is_wrong(secured: &Secured) -> anyhow::Result<()> {
    let sample = sample(secured)?;
    let ports = secured.ports;
    for (name, port, ca, password, words) in [
        (
            "wrong-authority",
            ports.kafka,
            "stranger.pem",
            "password",
            &[
                "ERROR",
                "certificate",
                "unable to get local issuer",
                "Authority of the tests",
            ][..],
        ),
        (
            "expired",
            ports.kafka_expired,
            "authority.pem",
            "password",
            &["ERROR", "certificate has expired"],
        ),
        (
            "other-name",
            ports.kafka_other,
            "authority.pem",
            "password",
            &["ERROR", "certificate", "mismatch"],
        ),
        (
            "wrong-password",
            ports.kafka,
            "authority.pem",
            "wrong",
            &["ERROR", "refuse the sign-in", USER, "--kafka-password-file"],
        ),
    ] {
        let mut command = sensor(secured, name, &sample);
        kafka(secured, &mut command, port, ca, password);
        let role = secured.run(&format!("sensor-{name}"), command)?;
        let address = format!("127.0.0.1:{port}");
        says(&role, &[words, &["Kafka", &address]].concat()).context(name)?;
    }
    // No certificate, where one is demanded.
    let mut command = sensor(secured, "no-certificate", &sample);
    command
        .args(["--kafka", &format!("127.0.0.1:{}", ports.kafka_mutual)])
        .args(["--kafka-ca", &secured.file("authority.pem")]);
    let role = secured.run("sensor-no-certificate", command)?;
    says(&role, &["ERROR", "Kafka", "certificate"]).context("no certificate")
}

fn clickhouse_is_wrong(secured: &Secured) -> anyhow::Result<()> {
    let ports = secured.ports;
    for (name, port, ca, password, words) in [
        (
            "wrong-authority",
            ports.clickhouse,
            "stranger.pem",
            "password",
            &["certificate", "UnknownIssuer"][..],
        ),
        (
            "expired",
            ports.clickhouse_expired,
            "authority.pem",
            "password",
            &["certificate", "xpired"],
        ),
        (
            "wrong-password",
            ports.clickhouse,
            "authority.pem",
            "wrong",
            &["Authentication failed"],
        ),
    ] {
        let mut command = secured.role("pipeline");
        kafka(secured, &mut command, ports.kafka, "authority.pem", "password");
        clickhouse(secured, &mut command, port, ca, password);
        let role = secured.run(&format!("pipeline-{name}"), command)?;
        says(&role, &[words, &["ClickHouse"]].concat()).context(name)?;
    }
    Ok(())
}

fn postgres_is_wrong(secured: &Secured) -> anyhow::Result<()> {
    let outcome = [
        (
            "wrong-authority",
            "good",
            "stranger.pem",
            "password",
            &["certificate", "UnknownIssuer"][..],
        ),
        (
            "expired",
            "expired",
            "authority.pem",
            "password",
            &["certificate", "xpired"],
        ),
        (
            "wrong-password",
            "good",
            "authority.pem",
            "wrong",
            &["password authentication failed", USER],
        ),
    ]
    .into_iter()
    .try_for_each(|(name, shown, ca, password, words)| {
        secured.show_to_postgres(shown)?;
        // PostgreSQL takes its new certificate in its own time.
        wait_for(name, SAY_LIMIT, || {
            let mut role = secured.run(&format!("console-{name}"), a_console(secured, ca, password)?)?;
            let ended = role.wait(SAY_LIMIT)?;
            ensure!(!ended.success(), "it ended well");
            says_at_once(&role, &[words, &["PostgreSQL"]].concat())
        })
        .context(name)
    });
    secured.show_to_postgres("good")?;
    outcome
}

fn a_console(secured: &Secured, ca: &str, password: &str) -> anyhow::Result<Command> {
    let [port] = free_ports()?;
    let ports = secured.ports;
    let mut command = secured.role("console");
    kafka(secured, &mut command, ports.kafka, "authority.pem", "password");
    clickhouse(
        secured,
        &mut command,
        ports.clickhouse,
        "authority.pem",
        "password",
    );
    postgres(secured, &mut command, ca, password);
    command.args(["--listen", &format!("127.0.0.1:{port}")]);
    Ok(command)
}

fn says_at_once(role: &Server, words: &[&str]) -> anyhow::Result<()> {
    let said = role.said();
    for word in words {
        ensure!(said.contains(word), "{word:?} is not said:\n{said}");
    }
    ensure!(!said.contains(PASSWORD), "the password is said:\n{said}");
    Ok(())
}

/// A role whose own files are not there ends, since nobody else can mend that.
fn a_missing_file(secured: &Secured) -> anyhow::Result<()> {
    let mut command = sensor(secured, "no-file", &sample(secured)?);
    kafka(
        secured,
        &mut command,
        secured.ports.kafka,
        "authority.pem",
        "nothing",
    );
    let mut role = secured.run("sensor-no-file", command)?;
    let ended = role.wait(SAY_LIMIT)?;
    ensure!(!ended.success(), "it ended well");
    says_at_once(
        &role,
        &[
            "Kafka at 127.0.0.1",
            "--kafka-password-file",
            "nothing",
            "No such file",
        ],
    )
}
