//! What people read when something is wrong: each message says what, where and what to do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use vonggac_e2e::{Ended, Platform, Sample, Settings, Story, binary, run, wait_for};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn messages_say_what_to_do() {
    let Some(mut platform) = Platform::prepare().unwrap() else {
        return;
    };
    let directory = tempfile::Builder::new()
        .prefix("vonggac-messages-")
        .tempdir_in("/tmp")
        .unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let place = directory.path();
    let mut story = Story::default();
    story.check("a taken port", || a_taken_port(&platform));
    story.check("two ports that are one", || one_port_twice(&platform));
    story.check(
        "credentials for a server that is started here",
        needless_credentials,
    );
    story.check("no servers' files", || no_servers(&platform));
    story.check("a data directory that cannot be", no_data_directory);
    story.check("a full disk", || a_full_disk(place));
    story.check("nobody reads the report", nobody_reads);
    story.check("nothing has run yet", || doctor_of_nothing(&platform, place));
    story.check("a broken rule of each language", || broken_rules(place));
    story.check("a setting that means nothing", || an_unknown_setting(place));
    story.check("a cut capture", || a_cut_capture(place));
    story.check("no capture at all", || no_capture(place));
    story.check("a sensor with nowhere to write", || nowhere_to_write(place));
    story.check("a credential that does not do", || a_wrong_credential(place));
    story.check("an output that is an input", || an_output_that_is_read(place));
    story.check("capturing without the right to", || no_right_to_capture(place));
    story.check("two at once on one directory", || two_at_once(&mut platform));
    story.check("stopped while it starts", || {
        let status = platform.stop()?;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    });
    story.end();
}

/// Ended with `code`, and standard error holds all of `words`.
fn says(ended: &Ended, code: i32, words: &[&str]) -> anyhow::Result<()> {
    let text = format!("{}{}", ended.out, ended.err);
    ensure!(
        ended.code() == code,
        "it ended with {} instead of {code}: {text}",
        ended.status
    );
    for word in words {
        ensure!(text.contains(word), "{word:?} is not said: {text}");
    }
    ensure!(!text.contains("panicked"), "{text}");
    Ok(())
}

fn vonggac(arguments: &[&str]) -> anyhow::Result<Ended> {
    run(
        Command::new(binary()?).args(["--log", "warn"]).args(arguments),
        LIMIT,
    )
}

fn a_taken_port(platform: &Platform) -> anyhow::Result<()> {
    let port = platform.console_port();
    let _taken = TcpListener::bind(("127.0.0.1", port))?;
    let ended = run(&mut platform.up_command(), LIMIT)?;
    says(
        &ended,
        1,
        &[&format!("port {port} (for console) is taken"), "--console-port"],
    )
}

fn one_port_twice(platform: &Platform) -> anyhow::Result<()> {
    let port = platform.console_port().to_string();
    let mut command = Command::new(binary()?);
    command
        .args(["up", "--data"])
        .arg(platform.data().with_file_name("twice"));
    command.args(["--console-port", &port, "--kafka-port", &port]);
    says(
        &run(&mut command, LIMIT)?,
        1,
        &[
            &format!("port {port} is set for console and for Kafka"),
            "--kafka-port",
        ],
    )
}

fn needless_credentials() -> anyhow::Result<()> {
    for (arguments, words) in [
        (
            &["up", "--clickhouse-user", "u"][..],
            ["ClickHouse", "--clickhouse URL"],
        ),
        (&["up", "--kafka-ca", "ca.pem"], ["Kafka", "--kafka HOST:PORT"]),
        (
            &["up", "--postgres-ca", "ca.pem"],
            ["PostgreSQL", "--postgres URL"],
        ),
    ] {
        says(&vonggac(arguments)?, 1, &words)?;
    }
    Ok(())
}

fn no_servers(platform: &Platform) -> anyhow::Result<()> {
    let data = platform.data().with_file_name("no-servers");
    let mut command = Command::new(binary()?);
    command
        .args(["up", "--servers", "/nowhere/servers", "--data"])
        .arg(data);
    says(&run(&mut command, LIMIT)?, 1, &["/nowhere/servers"])
}

fn no_data_directory() -> anyhow::Result<()> {
    let ended = vonggac(&["up", "--data", "/proc/vonggac"])?;
    says(
        &ended,
        1,
        &["data directory /proc/vonggac: cannot be made", "--data DIR"],
    )
}

/// On a file system of 64 MiB in a mount namespace of its own, where that is allowed.
fn a_full_disk(place: &Path) -> anyhow::Result<()> {
    let small = place.join("small");
    fs::create_dir(&small)?;
    let script = "mount -t tmpfs -o size=64m tmpfs \"$1\" || exit 77; shift; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(&small);
    command
        .arg(binary()?)
        .args(["up", "--data"])
        .arg(small.join("data"));
    let ended = run(&mut command, LIMIT)?;
    if ended.code() == 77 || ended.err.contains("unshare") {
        println!(
            "  skipped: no file system can be mounted here: {}",
            ended.err.trim()
        );
        return Ok(());
    }
    says(
        &ended,
        1,
        &[
            "MiB are free on its disk",
            "make room or give another with --data DIR",
        ],
    )
}

fn doctor_of_nothing(platform: &Platform, place: &Path) -> anyhow::Result<()> {
    let mut command = platform.command("doctor");
    command.arg("--data").arg(place.join("nothing"));
    says(
        &run(&mut command, LIMIT)?,
        1,
        &["problem: nothing has run on", "vonggac up"],
    )
}

/// Reports end quietly when the pipe they go to is closed.
fn nobody_reads() -> anyhow::Result<()> {
    for arguments in ["doctor --data /nowhere", "up --print-config"] {
        let script = format!("{{ sleep 0.3; \"$0\" {arguments}; }} | true");
        let ended = run(Command::new("sh").args(["-c", &script]).arg(binary()?), LIMIT)?;
        says(&ended, 0, &[])?;
        ensure!(ended.err.is_empty(), "{arguments}: {}", ended.err);
    }
    Ok(())
}

fn broken_rules(place: &Path) -> anyhow::Result<()> {
    let good = "alert tcp any any -> any any (msg:\"good\"; content:\"abc\"; sid:1; rev:1;)\n";
    let broken = "alert tcp any any -> any any (msg:\"bad\"; content:\"|zz|\"; sid:2; rev:1;)\n";
    let cases = [
        ("bad.rules", format!("{good}{broken}"), "bad.rules:2:"),
        ("bad.yml", "title: Bad\nid: 5d3fa6a4-1e0c-4b6e-9d7d-7b6f5c1d0e9f\nlogsource:\n  product: zeek\n  service: dns\ndetection:\n  selection:\n    query: a\n  condition: selction\n".to_owned(), "bad.yml:9:"),
        ("bad.yar", "rule good { condition: true }\nrule bad { condition: $a }\n".to_owned(), "bad.yar:2:"),
    ];
    for (name, text, position) in cases {
        let path = place.join(name);
        fs::write(&path, text)?;
        let ended = vonggac(&["rules", "check", &path.display().to_string()])?;
        says(&ended, 1, &[position])?;
        let line = ended
            .out
            .lines()
            .find(|line| line.contains(position))
            .context("no line")?;
        let rest = line.split_once(position).map_or("", |(_, rest)| rest);
        let (column, why) = rest.split_once(": ").with_context(|| line.to_owned())?;
        ensure!(
            column.parse::<u32>().is_ok_and(|column| column > 0) && why.len() > 5,
            "{line}"
        );
    }
    let path = place.join("bad.rules").display().to_string();
    says(
        &vonggac(&["rules", "check", &path])?,
        1,
        &["signatures: 1 load, 1 do not"],
    )?;
    says(
        &vonggac(&["rules", "check", "/nowhere.rules"])?,
        1,
        &["/nowhere.rules"],
    )
}

fn an_unknown_setting(place: &Path) -> anyhow::Result<()> {
    let path = place.join("vonggac.toml");
    let file = path.display().to_string();
    for (text, word) in [
        (
            "[up]\nconsole_prot = 9000\n",
            "vonggac.toml:2: unknown key \"console_prot\"",
        ),
        ("[up]\nconsole_port = 70000\n", "--console-port is set in"),
        ("[up\n", "vonggac.toml:1:"),
    ] {
        fs::write(&path, text)?;
        says(&vonggac(&["up", "--config", &file])?, 2, &[word])?;
    }
    fs::write(&path, "[sensor]\ntenant = \"moh\"\n")?;
    let shown = vonggac(&["sensor", "--config", &file, "--print-config"])?;
    says(&shown, 0, &[&format!("tenant = \"moh\" # {file}:2")])
}

fn a_cut_capture(place: &Path) -> anyhow::Result<()> {
    let sample = Sample::generate(place, 3, vonggac_traffic::START_US_DEFAULT)?;
    let whole = fs::read(&sample.capture)?;
    let cut = place.join("cut.pcap");
    fs::write(&cut, whole.get(..whole.len() / 2).unwrap_or_default())?;
    let garbage = place.join("garbage.pcap");
    fs::write(&garbage, "this is no capture, it only says so")?;
    let eve = place.join("eve.json").display().to_string();
    for (path, has_events) in [(&cut, true), (&garbage, false)] {
        let path = path.display().to_string();
        let ended = vonggac(&["sensor", "--eve", &eve, "--read", &path])?;
        says(&ended, 2, &[&path, "at byte "])?;
        let lines = fs::read_to_string(&eve)?.lines().count();
        // What came before the cut counts.
        ensure!(!has_events || lines > 100, "{path}: only {lines} events");
    }
    Ok(())
}

fn no_capture(place: &Path) -> anyhow::Result<()> {
    let eve = place.join("eve.json").display().to_string();
    let ended = vonggac(&["sensor", "--eve", &eve, "--read", "/nowhere.pcap"])?;
    ensure!(matches!(ended.code(), 1 | 2), "{}", ended.status);
    says(&ended, ended.code(), &["/nowhere.pcap", "No such file"])
}

/// It is refused before it is emptied, however its path is written.
fn an_output_that_is_read(place: &Path) -> anyhow::Result<()> {
    let capture = Sample::generate(place, 942, 1_700_000_000_000_000)?.capture;
    let rules = place.join("own.rules");
    fs::write(&rules, "alert tcp any any -> any any (sid:1;)\n")?;
    let link = place.join("link.json");
    std::os::unix::fs::symlink(&capture, &link)?;
    let before = fs::metadata(&capture)?.len();
    let (capture, link) = (capture.display().to_string(), link.display().to_string());
    let rules = rules.display().to_string();
    let (eve, other) = (place.join("eve.json"), place.join("./eve.json"));
    fs::write(&eve, "")?;
    let (eve, other) = (eve.display().to_string(), other.display().to_string());
    for (arguments, words) in [
        (vec!["--eve", &link], ["--eve", "--read reads it"]),
        (
            vec!["--eve", "-", "--summary", &capture],
            ["--summary", "--read reads it"],
        ),
        (
            vec!["--eve", &rules, "--rules", &rules],
            ["--eve", "--rules reads it"],
        ),
        (
            vec!["--eve", &eve, "--summary", &other],
            ["--summary", "--eve writes it, too"],
        ),
    ] {
        let ended = vonggac(&[&["sensor", "--read", &capture][..], &arguments].concat())?;
        says(&ended, 1, &words)?;
    }
    ensure!(fs::metadata(&capture)?.len() == before, "the capture was emptied");
    ensure!(!fs::read_to_string(&rules)?.is_empty(), "the rules were emptied");
    Ok(())
}

fn nowhere_to_write(place: &Path) -> anyhow::Result<()> {
    let sample = place.join("sample.pcap").display().to_string();
    says(
        &vonggac(&["sensor", "--read", &sample])?,
        1,
        &["--kafka HOST:PORT", "--eve FILE"],
    )
}

fn a_wrong_credential(place: &Path) -> anyhow::Result<()> {
    let key = "1".repeat(64);
    let file = place.join("tap-1.credential");
    let text = format!(
        r#"{{"form":1,"sensor":"{}","generation":1,"name":"tap-1","organisation":"moh","key":"{key}"}}"#,
        "2".repeat(32)
    );
    fs::write(&file, text)?;
    let broken = place.join("broken.credential");
    fs::write(&broken, "{}")?;
    let (file, broken) = (file.display().to_string(), broken.display().to_string());
    for (arguments, words) in [
        (
            vec!["--credential", "/nowhere/tap-1"],
            ["--credential /nowhere/tap-1", "No such file"],
        ),
        (
            vec!["--credential", &broken],
            [&broken, "not a sensor's credential"],
        ),
        (
            vec!["--credential", &file, "--tenant", "mot"],
            ["--tenant mot", "is of moh"],
        ),
        (
            vec!["--credential", &file, "--name", "tap-2"],
            ["--name tap-2", "is of tap-1"],
        ),
    ] {
        let ended = vonggac(
            &[
                &["sensor", "--eve", "-", "--read", "/nowhere.pcap"][..],
                &arguments,
            ]
            .concat(),
        )?;
        says(&ended, 1, &words)?;
        ensure!(!ended.err.contains(&key), "the key is said: {}", ended.err);
    }
    let unmade = place.join("new.credential").display().to_string();
    let enrol = [
        "sensor",
        "enrol",
        "--token-file",
        &file,
        "--credential",
        &unmade,
        "--console",
    ];
    says(
        &vonggac(&[&enrol[..], &["http://soc.example"]].concat())?,
        1,
        &["--console http://soc.example", "without TLS"],
    )?;
    says(
        &vonggac(&[&enrol[..], &["http://127.0.0.1:1"]].concat())?,
        1,
        &["the console at http://127.0.0.1:1 cannot be reached"],
    )
}

/// As a user without rights, where this one can become such a user.
fn no_right_to_capture(place: &Path) -> anyhow::Result<()> {
    // The build may lie where that user cannot look.
    let copy = place.join("vonggac");
    fs::copy(binary()?, &copy)?;
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--bounding-set=-all",
        "--inh-caps=-all",
        "--",
    ]);
    command
        .arg(&copy)
        .args(["sensor", "--eve", "-", "--interface", "lo"]);
    let ended = run(&mut command, LIMIT)?;
    if ended.err.contains("setpriv") {
        println!("  skipped: this user cannot become another");
        return Ok(());
    }
    says(
        &ended,
        1,
        &["interface lo", "needs root or the capability CAP_NET_RAW"],
    )?;
    let ended = vonggac(&["sensor", "--eve", "-", "--interface", "vg-none"])?;
    says(&ended, 1, &["interface vg-none", "there are: "])
}

fn two_at_once(platform: &mut Platform) -> anyhow::Result<()> {
    platform.launch(&Settings::default())?;
    let first = wait_for("the first one's state", LIMIT, || {
        platform.parts()?.supervisor().context("none yet")
    })?;
    let ended = run(&mut platform.up_command(), LIMIT)?;
    let expected = format!("`vonggac up` (process {first}) is already running on");
    says(&ended, 1, &[&expected, "another directory with --data"])
}
