//! A private PostgreSQL for tests: one cluster for the test process, on a unix socket in a temporary directory, and a fresh
//! database for each test. It ends with the process: a shell waits for the process's pipe to close, stops the server it started
//! by its pid and removes the directory.
//!
//! Where PostgreSQL is not installed, tests print that they skip.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use vonggac_access::{Day, Membership, OrganisationId, PersonId, Role, Span, file};
use vonggac_event::proto::{Field, RuleCard};
use vonggac_event::{Alert, RuleKind, Scope, Severity};

use crate::api_token::NewToken;
use crate::audit::{Asker, Doer, Origin};
use crate::notification::NewPassword;
use crate::openid::ProviderSetting;
use crate::welcome::Ground;
use crate::{Account, Database, Language, NewAccount, NewPerson, STATEMENT_LIMIT, TokenId, account};

/// 2026-01-01 00:00:00 UTC.
pub const NOW_US: i64 = 1_767_225_600_000_000;

/// Who owns the databases made here.
const OWNER: &str = "vonggac";

/// The password of every account made here.
pub const PASSWORD: &str = "a long test password";

/// The organisations of the tests: two ministries of the nation, one with a unit.
const ORGANISATIONS: &str = r#"
    [[organisation]]
    code = "vn"
    kind = "nation"
    vi = "Việt Nam"
    en = "Viet Nam"
    citation = "a test"

    [[organisation]]
    code = "moh"
    kind = "ministry"
    vi = "Bộ Y tế"
    en = "Ministry of Health"
    parent = "vn"
    citation = "a test"

    [[organisation]]
    code = "moh-it"
    kind = "unit"
    vi = "Trung tâm thông tin y tế"
    en = "Centre for Health Information"
    parent = "moh"
    citation = "a test"

    [[organisation]]
    code = "mot"
    kind = "ministry"
    vi = "Bộ Giao thông vận tải"
    en = "Ministry of Transport"
    parent = "vn"
    citation = "a test"
"#;

/// Entries that the log of a fresh [`database`] has: one for each organisation.
pub const ENTRIES: usize = 4;

struct Cluster {
    directory: PathBuf,
    // Closing it ends the server.
    _leash: Mutex<(Child, ChildStdin)>,
}

static CLUSTER: LazyLock<Option<Cluster>> = LazyLock::new(start);
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A fresh database with the schema and the organisations `vn`, `moh`, `moh-it` and `mot`; `None` when PostgreSQL is not installed.
pub async fn database() -> Option<Database> {
    let database = bare_database().await?;
    let organisations = file::read(ORGANISATIONS).unwrap();
    database
        .import_organisations(&Asker::console(), organisations, NOW_US)
        .await
        .unwrap();
    Some(database)
}

/// A fresh database with the schema and nothing in it; `None` when PostgreSQL is not installed.
pub async fn bare_database() -> Option<Database> {
    let database = Database::connect_with(empty_database().await?, STATEMENT_LIMIT)
        .await
        .unwrap();
    database.migrate().await.unwrap();
    Some(database)
}

/// Address of a fresh database without a schema; `None` when PostgreSQL is not installed.
pub async fn database_url() -> Option<String> {
    let options = empty_database().await?;
    url(options.get_database()?)
}

/// Address of a database that was made here, for another console on it.
pub fn url_of(database: &Database) -> Option<String> {
    url(database.pool.connect_options().get_database()?)
}

fn url(name: &str) -> Option<String> {
    let directory = CLUSTER
        .as_ref()?
        .directory
        .display()
        .to_string()
        .replace('/', "%2F");
    Some(format!("postgres://{OWNER}@localhost/{name}?host={directory}"))
}

async fn empty_database() -> Option<PgConnectOptions> {
    // Starting takes a second; other tests of the process wait for it on a blocking thread.
    let cluster = tokio::task::spawn_blocking(|| CLUSTER.as_ref()).await.unwrap();
    let Some(cluster) = cluster else {
        println!("skipped: PostgreSQL is not installed here");
        return None;
    };
    let options = PgConnectOptions::new_without_pgpass()
        .socket(&cluster.directory)
        .username("postgres");
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(options.clone().database("postgres"))
        .await
        .unwrap();
    // Not a superuser, as a console is none; several tests begin at once, and the one that comes first makes it.
    let create = format!(
        "DO $$ BEGIN PERFORM pg_advisory_xact_lock(1); IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER}') \
         THEN CREATE ROLE {OWNER} LOGIN; GRANT SET ON PARAMETER deadlock_timeout TO {OWNER}; END IF; END $$"
    );
    sqlx::query(sqlx::AssertSqlSafe(create))
        .execute(&pool)
        .await
        .unwrap();
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name} OWNER {OWNER} STRATEGY file_copy"));
    sqlx::query(create).execute(&pool).await.unwrap();
    pool.close().await;
    Some(options.username(OWNER).database(&name))
}

impl Database {
    /// Takes alerts over at [`NOW_US`].
    pub async fn take_alerts(&self, alerts: &[Alert]) -> crate::Result<Vec<crate::alert::Taken>> {
        self.take_alerts_at(alerts, NOW_US).await
    }
}

/// A request from `address`.
pub fn from(address: &str) -> Origin {
    Origin {
        address: address.into(),
        ..Origin::default()
    }
}

impl<'a> From<&'a Account> for Asker<'a> {
    /// Tests may ask from nowhere.
    fn from(account: &'a Account) -> Self {
        Self {
            doer: Doer::Person(account),
            ..Self::console()
        }
    }
}

/// What an account is made from.
pub fn new_account(user_name: &str) -> NewAccount {
    NewAccount {
        user_name: user_name.into(),
        display_name: user_name.into(),
        password: PASSWORD.into(),
        language: Language::English,
    }
}

/// An analyst of that organisation or, for `*`, who runs the nation's.
pub async fn account(database: &Database, user_name: &str, organisation: &str) -> Account {
    match organisation {
        "*" => member(database, user_name, "vn", &account::FOUNDER_ROLES).await,
        code => member(database, user_name, code, &[Role::Analyst]).await,
    }
}

/// Somebody of that organisation with these roles at it.
pub async fn member(database: &Database, user_name: &str, organisation: &str, roles: &[Role]) -> Account {
    let organisation: OrganisationId = organisation.parse().unwrap();
    let account = database
        .create_account(new_account(user_name), &organisation, NOW_US)
        .await
        .unwrap();
    for &role in roles {
        let membership = Membership {
            person: PersonId(account.id.0),
            organisation: organisation.clone(),
            role,
            span: Span {
                from: Day::of_us(NOW_US),
                until: None,
            },
        };
        database
            .grant_membership(&Asker::console(), &membership, NOW_US)
            .await
            .unwrap();
    }
    account
}

/// A service of that organisation with these roles at it.
pub async fn service(database: &Database, user_name: &str, organisation: &str, roles: &[Role]) -> Account {
    let organisation: OrganisationId = organisation.parse().unwrap();
    let given = |&role: &Role| Membership {
        person: PersonId(0),
        organisation: organisation.clone(),
        role,
        span: Span {
            from: Day::of_us(NOW_US),
            until: None,
        },
    };
    let memberships: Vec<Membership> = roles.iter().map(given).collect();
    let person = NewPerson {
        user_name: user_name.into(),
        display_name: user_name.into(),
        language: Language::Vietnamese,
    };
    database
        .open_service(&Asker::console(), &person, &organisation, &memberships, NOW_US)
        .await
        .unwrap()
}

/// A token of a service for that scope, made by `maker`, as a program sends it.
pub async fn token(
    database: &Database,
    service: &Account,
    maker: &Account,
    scope: &[&str],
) -> (TokenId, String) {
    let kept = database.memberships_of(service.id).await.unwrap();
    let ground = Ground {
        account: service.id,
        looked_at: kept.iter().map(|kept| kept.id).collect(),
    };
    let new = NewToken {
        name: "A test".into(),
        days: 30,
        scope: scope.iter().map(|word| word.parse().unwrap()).collect(),
        networks: Vec::new(),
    };
    let made = database
        .make_token(&maker.into(), &ground, &new, 365, NOW_US)
        .await;
    let (id, secret) = made.unwrap();
    (id, secret.to_text())
}

/// What somebody made by [`account`] sees.
pub fn scope_of(account: &Account) -> Scope {
    match account.organisation.as_str() {
        "vn" => everyone(),
        "moh" => Scope::of(["moh", "moh-it"]),
        code => Scope::of([code]),
    }
}

/// The alerts of all organisations that the tests have.
pub fn everyone() -> Scope {
    Scope::of(["vn", "moh", "moh-it", "mot"])
}

/// What an app with that secret, in base 32, shows at `now_us`.
pub fn app_code(secret: &str, now_us: i64) -> String {
    let bytes = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let code = crate::totp::Secret::from_bytes(bytes).code(now_us.div_euclid(30_000_000));
    format!("{code:06}")
}

/// Alert `number`: `number` seconds after [`NOW_US`], for one microsecond.
pub fn alert(number: u32, tenant: &str, revision: u64) -> Alert {
    let severities = [
        Severity::Informational,
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ];
    let severity = severities
        .get(number as usize % severities.len())
        .copied()
        .unwrap_or_default();
    let at_us = NOW_US + i64::from(number) * 1_000_000;
    Alert {
        alert_id: u128::from(number).to_be_bytes().to_vec(),
        revision,
        rule: Some(RuleCard {
            id: "guessing".into(),
            title: "Password guessing".into(),
            version: "1".into(),
            kind: RuleKind::Correlation.into(),
            severity: severity.into(),
            techniques: vec!["T1110.001".into()],
            tactics: vec!["credential-access".into()],
            text: "title: Password guessing".into(),
            ..RuleCard::default()
        }),
        sensor: "tap-1".into(),
        tenant: tenant.into(),
        group: vec![Field {
            name: "src".into(),
            value: format!("10.0.0.{number}"),
        }],
        src: vec![10, 0, 0, u8::try_from(number).unwrap_or(255)],
        dst: vec![192, 0, 2, 1],
        dport: 22,
        proto: 6,
        window_start_us: at_us,
        first_us: at_us,
        last_us: at_us,
        detected_us: at_us,
        count: u64::from(number),
        event_ids: vec![vec![7; 16]],
        flow_ids: vec![u64::MAX],
        summary: format!("{number} failures"),
        ..Alert::default()
    }
}

/// As [`alert`], of a rule that says what it is in Vietnamese too.
pub fn alert_in_vietnamese(number: u32, tenant: &str, revision: u64) -> Alert {
    let mut alert = alert(number, tenant, revision);
    if let Some(rule) = &mut alert.rule {
        rule.title_vi = "Dò mật khẩu".into();
        rule.description = "Many were refused.".into();
        rule.description_vi = "Nhiều lần bị từ chối.".into();
    }
    alert
}

/// How many organisations [`fill_queue`] deals alerts out to: `org-0` and on.
pub const FILLED_ORGANISATIONS: u32 = 35;

/// Fills the queue with `alerts` alerts over as many seconds from [`NOW_US`] on, of 700 rules at 5,000 hosts, two thirds of them closed.
pub async fn fill_queue(database: &Database, alerts: u32) {
    // Without what tells of each: nobody listens.
    let statements = [
        "ALTER TABLE alert DISABLE TRIGGER alert_is_news",
        "INSERT INTO alert (id, origin_id, revision, rule_id, rule_title, rule_version, rule_kind, severity, techniques, tactics, tenant, \
         sensor, src, sport, dst, dport, proto, first_us, last_us, detected_us, count, exercise_id, summary, encoded, status, verdict, tags) \
         SELECT h.id, h.id, 1, 'rule-' || g % 700, 'ET SCAN a rule of number ' || g % 700, '1', 1, 1 + g % 5, \
         ARRAY['T' || (1000 + g % 90)], ARRAY['discovery'], 'org-' || g % $2, 'tap-' || g % 60, \
         '10.' || g % 200 || '.' || g / 200 % 250 || '.' || g % 13, 40000, '192.168.' || g % 250 || '.' || g % 99, 443, 'tcp', \
         $3 + g * 1000000::bigint, $3 + g * 1000000::bigint, $3 + g * 1000000::bigint, 1 + g * 7919::bigint % 1000, 0, \
         'host' || g % 5000 || ' asked for ' || md5((g + 1)::text), '', \
         CASE g % 3 WHEN 0 THEN 'open' ELSE 'closed' END, CASE g % 3 WHEN 0 THEN NULL ELSE 'false_positive' END, \
         CASE g % 500 WHEN 0 THEN ARRAY['vip'] ELSE '{}' END \
         FROM generate_series(1, $1) AS g CROSS JOIN LATERAL (SELECT decode(md5(g::text), 'hex') AS id) AS h",
        "ALTER TABLE alert ENABLE TRIGGER alert_is_news",
        "VACUUM ANALYZE alert",
        "VACUUM ANALYZE alert_words",
    ];
    let mut connection = database.pool.acquire().await.unwrap();
    sqlx::query("SET statement_timeout = 0")
        .execute(&mut *connection)
        .await
        .unwrap();
    for statement in statements {
        let mut query = sqlx::query(statement);
        if statement.starts_with("INSERT") {
            query = query
                .bind(i32::try_from(alerts).unwrap())
                .bind(i32::try_from(FILLED_ORGANISATIONS).unwrap())
                .bind(NOW_US);
        }
        query.execute(&mut *connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

fn programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|path| path.join("initdb").exists() && path.join("postgres").exists())
        .collect();
    versions.sort();
    versions.pop()
}

/// PostgreSQL refuses to run as root: then it runs as the package's own user.
fn as_user(program: &Path) -> Command {
    let root =
        std::fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0);
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"])
        .arg(program);
    command
}

fn start() -> Option<Cluster> {
    let programs = programs()?;
    let directory = tempfile::Builder::new()
        .prefix("vonggac-pg-")
        .tempdir_in("/tmp")
        .unwrap()
        .keep();
    // Fails harmlessly for one who is not root and owns it already.
    let _ = Command::new("chown")
        .arg("postgres:postgres")
        .arg(&directory)
        .stderr(Stdio::null())
        .status();
    let data = directory.join("data");
    let made = as_user(&programs.join("initdb"))
        .args([
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "-D",
        ])
        .arg(&data)
        .current_dir("/")
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&made.stderr)
    );

    let server = as_user(&programs.join("postgres"));
    let mut leash = Command::new("sh");
    leash.args([
        "-c",
        // The server's stdin is not the pipe, else it would hold it open.
        "dir=$1; shift; \"$@\" </dev/null >\"$dir/log\" 2>&1 & pid=$!; \
         while [ ! -S \"$dir/.s.PGSQL.5432\" ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done; echo; \
         cat >/dev/null; kill -INT $pid; wait $pid; rm -rf \"$dir\"",
        "leash",
    ]);
    leash
        .arg(&directory)
        .arg(server.get_program())
        .args(server.get_args());
    leash.arg("-D").arg(&data).arg("-k").arg(&directory);
    leash.args([
        "-c",
        "listen_addresses=",
        "-c",
        "fsync=off",
        "-c",
        "max_connections=300",
    ]);
    let mut child = leash
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take().unwrap();
    let mut ready = [0];
    child.stdout.take().unwrap().read_exact(&mut ready).unwrap();
    let socket = directory.join(".s.PGSQL.5432");
    assert!(
        socket.exists(),
        "{}",
        std::fs::read_to_string(directory.join("log")).unwrap_or_default()
    );
    Some(Cluster {
        directory,
        _leash: Mutex::new((child, stdin)),
    })
}

/// Links an account to a provider of that issuer, which is made when it is not there; the link's id, of an old one too.
pub async fn openid_link(database: &Database, account: &Account, issuer: &str, subject: &str) -> i64 {
    let known = database.openid_providers().await.unwrap();
    let id = match known.iter().find(|one| one.issuer == issuer) {
        Some(provider) => provider.id,
        None => {
            let setting = ProviderSetting {
                name: "Provider".into(),
                client_id: "vonggac".into(),
                scopes: vec!["openid".into()],
                is_on: true,
                ..ProviderSetting::default()
            };
            let by = Asker::console();
            let made =
                database.add_openid_provider(&by, None, issuer, &setting, NewPassword::Removed, NOW_US);
            made.await.unwrap()
        }
    };
    sqlx::query_scalar(
        "INSERT INTO openid_link (provider_id, subject, account_id, linked_us) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (account_id, provider_id) DO UPDATE SET linked_us = EXCLUDED.linked_us RETURNING id",
    )
    .bind(id.0)
    .bind(subject)
    .bind(account.id.0)
    .bind(NOW_US)
    .fetch_one(&database.pool)
    .await
    .unwrap()
}
