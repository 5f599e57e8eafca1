//! The clients people have, as they come: clickhouse-connect, SQLAlchemy over it, ClickHouse's JDBC driver.
//!
//! Their suites stand in tests/clients; `make clients` installs what they need.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Served, directory, program, serve};

const USER: &str = "an";
const PASSWORD: &str = "s3cret";

/// Where `make clients` installed them, and the engine to serve; `None` with a message if one is missing.
fn installed() -> Option<(PathBuf, tempfile::TempDir)> {
    let data = directory()?;
    let named = std::env::var_os("VONGGAC_CLIENTS").map(PathBuf::from);
    // Tests' programs lie in target/debug/examples.
    let clients = named.unwrap_or_else(|| program().ancestors().nth(3).unwrap().join("clients"));
    if clients.join("venv/.complete").exists() && clients.join("jdbc/.complete").exists() {
        return Some((clients, data));
    }
    let required = std::env::var("VONGGAC_TEST_SERVERS").is_ok_and(|value| value == "required");
    assert!(
        !required,
        "{} is not there: run `make clients`",
        clients.display()
    );
    println!("skipped: {} is not there; run `make clients`", clients.display());
    None
}

fn suites() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients")
}

/// A server with a user, whose door is closed to others.
fn server(data: &Path, keys: &Path) -> Served {
    let file = keys.join("users.toml");
    std::fs::write(&file, format!("[users.{USER}]\npassword = '{PASSWORD}'\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    serve(data, &["--users-file", &file.display().to_string()])
}

/// Runs a suite to its end; what it prints is the message if it fails.
fn passes(mut command: Command, server: &Served) {
    let address = server.url.trim_start_matches("http://");
    let output = command.args([address, USER, PASSWORD]).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    print!("{said}");
}

#[test]
fn python_clients_pass_their_suites() {
    let Some((clients, data)) = installed() else {
        return;
    };
    let keys = tempfile::tempdir().unwrap();
    let server = server(data.path(), keys.path());
    for suite in ["clickhouse_connect_suite.py", "sqlalchemy_suite.py"] {
        let mut python = Command::new(clients.join("venv/bin/python"));
        python.arg("-B").arg(suites().join(suite));
        passes(python, &server);
    }
}

#[test]
fn the_jdbc_driver_passes_its_suite() {
    let Some((clients, data)) = installed() else {
        return;
    };
    let keys = tempfile::tempdir().unwrap();
    let server = server(data.path(), keys.path());
    let jdbc = clients.join("jdbc");
    let mut java = Command::new("java");
    java.arg("-cp")
        .arg(format!("{0}/classes:{0}/libs/*", jdbc.display()))
        .arg("JdbcSuite");
    passes(java, &server);
}
