//! Who may come in: a file of users.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use support::{Answer, command, command_at, directory, serve};

const USERS: &str = "[users.vonggac]\npassword = 'secret'\n[users.analyst]\npassword = 'look'\nreadonly = true\n\
                     [users.screen]\npassword = 'look'\nreadonly = 1\n";

fn users(directory: &Path, mode: u32) -> String {
    let path = directory.join("users.toml");
    std::fs::write(&path, USERS).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn users_of_a_file_come_in_and_do_what_they_may() {
    let Some(data) = directory() else { return };
    let keys = tempfile::tempdir().unwrap();
    let file = users(keys.path(), 0o600);
    let server = serve(data.path(), &["--users-file", &file]);
    let mode = std::fs::metadata(data.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "the data directory is nobody else's");
    assert_eq!(
        reqwest::get(format!("{}/ping", server.url))
            .await
            .unwrap()
            .status(),
        200
    );
    let ask = |user: &str, password: &str, parameters: &str, statement: &str| {
        let request = reqwest::Client::new()
            .post(format!("{}/?{parameters}", server.url))
            .header("X-ClickHouse-User", user)
            .header("X-ClickHouse-Key", password)
            .body(statement.to_owned());
        async move { Answer::of(request.send().await.unwrap()).await }
    };
    let table = "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a";
    for (user, password, parameters, statement, code) in [
        ("vonggac", "wrong", "", "SELECT 1", "516"),
        ("default", "", "", "SELECT 1", "516"),
        ("vonggac", "secret", "", table, ""),
        ("vonggac", "secret", "", "INSERT INTO t VALUES (1)", ""),
        ("analyst", "look", "", "SELECT * FROM t", ""),
        ("analyst", "look", "max_threads=1", "SELECT * FROM t", ""),
        ("analyst", "look", "", "INSERT INTO t VALUES (2)", "164"),
        ("analyst", "look", "query=INSERT+INTO+t+FORMAT+TSV", "2\n", "164"),
        ("analyst", "look", "readonly=0", "DROP TABLE t", "164"),
        ("analyst", "look", "session_id=s", "DROP TABLE t", "164"),
        (
            "analyst",
            "look",
            "session_id=s&max_threads=1",
            "SELECT * FROM t",
            "",
        ),
        ("analyst", "look", "session_id=s", "SET readonly = 0", "164"),
        ("screen", "look", "", "SELECT * FROM t", ""),
        ("screen", "look", "session_id=s", "SELECT * FROM t", ""),
        (
            "screen",
            "look",
            "session_id=s",
            "SELECT * FROM t FORMAT JSON",
            "",
        ),
        ("screen", "look", "max_threads=1", "SELECT * FROM t", "164"),
        (
            "screen",
            "look",
            "session_id=s&max_threads=1",
            "SELECT * FROM t",
            "164",
        ),
        (
            "screen",
            "look",
            "",
            "SELECT * FROM file('/etc/hostname', 'LineAsString')",
            "164",
        ),
        (
            "screen",
            "look",
            "session_id=s",
            "CREATE TEMPORARY TABLE u (a Int8)",
            "164",
        ),
    ] {
        let answer = ask(user, password, parameters, statement).await;
        assert_eq!(
            answer.header("x-clickhouse-exception-code"),
            code,
            "{user} {parameters} {statement}: {}",
            answer.text()
        );
        let status = match code {
            "" => 200,
            "516" => 403,
            _ => 500,
        };
        assert_eq!(answer.status, status, "{user} {parameters} {statement}");
    }
    // A session of one user is not another's.
    assert_eq!(
        ask("vonggac", "secret", "session_id=s&session_check=1", "SELECT 1")
            .await
            .header("x-clickhouse-exception-code"),
        "372"
    );
    let url = format!("{}/?user=analyst&password=look&query=SELECT+1", server.url);
    assert_eq!(reqwest::get(url).await.unwrap().status(), 200);
    let basic = reqwest::Client::new()
        .post(&server.url)
        .basic_auth("analyst", Some("look"))
        .body("SELECT 1");
    assert_eq!(basic.send().await.unwrap().status(), 200);
    assert_eq!(server.ask_metric("embedded_logins_refused_total").await, 2);
}

#[test]
fn what_would_leave_the_door_open_is_refused_at_start() {
    let Some(data) = directory() else { return };
    let keys = tempfile::tempdir().unwrap();
    let file = users(keys.path(), 0o644);
    let refusal = |mut command: std::process::Command| {
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = refusal(command(data.path(), &["--users-file", &file]));
    assert!(
        said.contains("others on this machine can read it") && said.contains("chmod 600"),
        "{said}"
    );
    let said = refusal(command(data.path(), &["--users-file", "/nosuch"]));
    assert!(said.contains("cannot be read"), "{said}");
    let said = refusal(command_at(data.path(), "0.0.0.0:0"));
    assert!(said.contains("set a password first"), "{said}");
}
