//! Searches on a real engine: `pipeline/embedded`'s example `serve`, which a build of the workspace's examples makes.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use serde_json::json;
use tempfile::TempDir;
use vonggac_event::proto::{Counter, Dns, Event, Flow, Http, Stats, Tls, event::Body};
use vonggac_event::{Alert, Class, EventId, RuleCard, RuleKind, Stage, address_bytes};

use super::*;
use crate::{Options, Rows, Store, event_row};

/// 2026-01-01 00:00:00 UTC.
const START_US: i64 = 1_767_225_600_000_000;
const ASKER: Asker = Asker(1);

fn event(number: u64, tenant: &str, body: Body) -> Event {
    Event {
        event_id: EventId::new(1, number).to_bytes().to_vec(),
        ts_us: START_US + i64::try_from(number).unwrap() * 1_000_000,
        sensor: "tap-1".into(),
        tenant: tenant.into(),
        flow_id: u64::MAX - number % 3,
        src: address_bytes(format!("10.0.{}.7", number % 3).parse().unwrap()),
        dst: address_bytes("2001:db8::53".parse().unwrap()),
        sport: 50_000,
        dport: 53,
        proto: 17,
        body: Some(body),
        ..Event::default()
    }
}

fn events() -> Vec<Event> {
    let mut all = Vec::new();
    for number in 0..30 {
        let tenant = if number % 2 == 0 { "moh" } else { "mot" };
        let body = match number % 3 {
            0 => Body::Dns(Dns {
                query: format!("host{number}.Ví-dụ.example"),
                qtype: 16,
                answered: true,
                answers: vec!["v=spf1 'quoted' \\ %".into(), "x\ty\nz".into()],
                ttls: vec![60],
                ..Dns::default()
            }),
            1 => Body::Http(Http {
                host: "intra.example".into(),
                uri: format!("/a.d/page{number}.php?id={number}"),
                ..Http::default()
            }),
            _ => Body::Flow(Flow {
                start_us: START_US,
                end_us: START_US + 5_000_000,
                orig_bytes: number * 100,
                ..Flow::default()
            }),
        };
        all.push(event(number, tenant, body));
    }
    for number in 100..102 {
        let dropped = vec![Counter {
            name: "kernel".into(),
            value: number,
        }];
        all.push(event(
            number,
            "moh",
            Body::Stats(Stats {
                packets_received: number,
                dropped,
                ..Stats::default()
            }),
        ));
    }
    all
}

/// Whoever has events here.
static EVERYONE: LazyLock<Scope> = LazyLock::new(|| Scope::of(["moh", "mot"]));

/// A server on a directory of its own; killed when dropped.
struct Served {
    child: Child,
    url: String,
    _data: TempDir,
}

impl Served {
    /// `None` where the program or its engine is missing, and nobody requires them.
    fn start() -> Option<Self> {
        // Tests lie in target/debug/deps, examples in target/debug/examples.
        let own = std::env::current_exe().unwrap();
        let program = own.ancestors().nth(2).unwrap().join("examples/serve");
        let data = tempfile::tempdir().unwrap();
        let spawned = Command::new(&program)
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut line = String::new();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => return Self::missing(&format!("{}: {error}", program.display())),
        };
        let said = child.stdout.take().unwrap();
        BufReader::new(said).read_line(&mut line).unwrap();
        if line.is_empty() {
            child.wait().unwrap();
            return Self::missing("the engine does not start");
        }
        Some(Self {
            child,
            url: format!("http://{}", line.trim()),
            _data: data,
        })
    }

    fn missing(what: &str) -> Option<Self> {
        let is_required = std::env::var("VONGGAC_TEST_SERVERS").is_ok_and(|value| value == "required");
        assert!(!is_required, "{what}");
        println!("skipped: {what}");
        None
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn filled(served: &Served) -> Store {
    let options = Options::new(served.url.clone(), "search_test");
    let store = Store::new(&options).unwrap();
    store.migrate(&crate::TableOptions::default()).await.unwrap();
    for class in Class::ALL {
        let mut rows = Rows::default();
        for event in events().iter().filter(|event| Class::of(event) == Some(class)) {
            event_row(class, event, &mut rows);
        }
        store
            .insert_events(class, &format!("token-{}", class.name()), &rows)
            .await
            .unwrap();
    }
    store
}

#[tokio::test]
async fn searches_find_what_they_should() {
    let Some(served) = Served::start() else { return };
    let store = filled(&served).await;
    let limits = Limits {
        max_execution_s: Some(20),
        max_rows_to_read: Some(1_000_000),
        max_memory_bytes: Some(1 << 30),
        max_threads: Some(2),
        niceness: Some(10),
    };
    let client = &store.client;
    let events = &EventStore::new(&store, limits, Shares::default());
    assert!(ping(client).await.unwrap().contains('.'));
    let national = EVERYONE.clone();
    let total = async |scope: &Scope, text: &str| {
        let query = Query::parse(text).unwrap();
        let request = Request::ever(scope, &query, &[]);
        events
            .search(ASKER, &request, None, 5)
            .await
            .unwrap_or_else(|error| unreachable!("{text}: {error}"))
            .total
    };
    for (text, expect) in [
        ("", 30),
        ("query:host3.ví-dụ.example", 1),
        ("query:HOST*", 10),
        ("VÍ-DỤ", 10),
        ("NOT query:host3*", 9),
        ("query:host3* OR host:intra.example", 11),
        ("src:10.0.0.0/24", 10),
        ("src:10.0.1.*", 10),
        ("10.0.2.7", 10),
        ("2001:db8::/32", 30),
        ("dport:53 AND NOT (src:10.0.0.7 OR src:10.0.1.7)", 10),
        ("orig_bytes:>=2000", 4),
        ("duration_us:5000000", 10),
        ("answered:true ttls:60", 10),
        ("answers:\"v=spf1 'quoted' \\\\ %\"", 10),
        ("answers:*%", 10),
        ("answers:x*z", 10),
        ("answers:*_spf*", 0),
        ("query_length:>1 rtt_us:0", 10),
        ("uri_extension:php", 10),
        ("uri_query:id=4", 1),
        ("uri_stem:/a.d/page4.php", 1),
        ("url:http://intra.example/*", 10),
        ("host:*", 10),
        ("vlan:*", 0),
        ("start:2026-01-01 end:<2026-01-01T00:00:06Z", 10),
        ("ts:>=2026-01-01T00:00:29Z", 1),
        ("event_id:00000000000000010000000000000004", 1),
        ("'; DROP TABLE dns; --", 0),
        ("\"{p0:String}\"", 0),
    ] {
        assert_eq!(total(&national, text).await, expect, "{text}");
    }
    let moh = Scope::of(["moh"]);
    assert_eq!(
        (
            total(&moh, "").await,
            total(&moh, "tenant:mot").await,
            total(&moh, "x OR dport:53").await
        ),
        (15, 0, 15)
    );
    assert_eq!(total(&Scope::of(["mo_"]), "").await, 0);

    pages_hold_every_event_once(events).await;
    times_are_counted(events).await;
    alerts_have_their_events(events).await;
    derived_values_come_along(events).await;
    values_are_counted(events).await;
    things_are_known(events).await;
    the_longest_query_is_asked(events).await;
    dear_searches_are_refused(&store, limits).await;

    let found = sensors(client, limits).await.unwrap();
    let [sensor] = found.as_slice() else {
        unreachable!("{found:?}")
    };
    assert_eq!(
        (sensor.packets_received, sensor.packets_dropped.get("kernel")),
        (101, Some(&101))
    );
    assert_eq!((sensor.tenant.as_str(), sensor.sensor.as_str()), ("moh", "tap-1"));
    // The packets are of January; it was heard of just now.
    assert_eq!(sensor.last_seen_us, START_US + 101_000_000);
    assert!(sensor.heard_us > sensor.last_seen_us);
}

async fn values_are_counted(events: &EventStore) {
    let national = EVERYONE.clone();
    let moh = Scope::of(["moh"]);
    let ask = async |scope: &Scope, text: &str, fields: &[&str], prefix: &str| {
        let query = Query::parse(text).unwrap();
        let request = Request::ever(scope, &query, &[]);
        events.values(ASKER, &request, fields, prefix, 3).await.unwrap()
    };
    let both = ask(&national, "", &["src", "answers", "rcode_name"], "").await;
    let [src, answers, none] = both.as_slice() else {
        unreachable!("{both:?}")
    };
    assert_eq!((src.total, src.distinct), (30, 3));
    assert_eq!(src.values.first(), Some(&("10.0.0.7".to_owned(), 10)));
    assert_eq!((answers.total, answers.distinct), (20, 2));
    assert!(answers.values.contains(&("x\ty\nz".to_owned(), 10)));
    assert_eq!((none.total, none.values.len()), (0, 0));
    let own = ask(&moh, "", &["tenant", "dport"], "").await;
    assert_eq!(own[0].values, [("moh".to_owned(), 15)]);
    assert_eq!(own[1].values, [("53".to_owned(), 15)]);
    let begun = ask(&national, "dport:53", &["query"], "HOST2").await;
    assert_eq!((begun[0].distinct, begun[0].values.len()), (3, 3), "{begun:?}");
    assert_eq!(ask(&national, "", &["query"], "host%").await[0].total, 0);
    // Zeek's name of a field.
    assert_eq!(
        ask(&national, "", &["id.resp_p"], "").await[0].values,
        [("53".to_owned(), 30)]
    );
    let every: Vec<&str> = Class::Tls.columns().map(|column| column.name).collect();
    for name in every.iter().filter(|name| !["event_id", "ts"].contains(name)) {
        let query = Query::parse("").unwrap();
        let request = Request::ever(&national, &query, &[Class::Tls]);
        match events.values(ASKER, &request, &[name], "", 3).await {
            Ok(_) | Err(SearchError::Field(_)) => {}
            Err(error) => unreachable!("{name}: {error}"),
        }
    }
}

async fn things_are_known(events: &EventStore) {
    let ask = async |scope: &Scope, kind: &str, value: &str| {
        let subject = Subject::of(kind, value).unwrap().unwrap();
        events.known(ASKER, scope, &subject, None, None).await.unwrap()
    };
    let (national, moh) = (EVERYONE.clone(), Scope::of(["moh"]));
    let address = ask(&national, "address", "10.0.2.7").await;
    assert_eq!(address.by_class, [(Class::Flow, 10)]);
    assert_eq!(
        address.seen_us,
        Some((START_US + 2_000_000, START_US + 29_000_000))
    );
    let pair = address.pairs.first().unwrap();
    assert_eq!(
        (pair.src.as_str(), pair.dst.as_str(), pair.events),
        ("10.0.2.7", "2001:db8::53", 10)
    );
    assert_eq!(
        ask(&moh, "address", "10.0.2.7").await.by_class,
        [(Class::Flow, 5)]
    );
    let port = address
        .beside
        .iter()
        .find(|values| values.field == "dport")
        .unwrap();
    assert_eq!(port.values, [("53".to_owned(), 10)]);

    let host = ask(&national, "host", "INTRA.example").await;
    assert_eq!(
        (host.by_class.as_slice(), host.pairs_total),
        ([(Class::Http, 10)].as_slice(), 1)
    );
    assert_eq!(ask(&national, "host", "example").await, Known::NOTHING);
    let domain = ask(&national, "domain", "example").await;
    assert_eq!(domain.by_class.iter().map(|(_, count)| count).sum::<u64>(), 20);
    let sensor = ask(&moh, "sensor", "tap-1").await;
    assert_eq!(sensor.by_class.iter().map(|(_, count)| count).sum::<u64>(), 15);
    for kind in ["ja4", "certificate", "file", "user-agent"] {
        assert_eq!(
            ask(&national, kind, &"a".repeat(64)).await,
            Known::NOTHING,
            "{kind}"
        );
    }
}

/// A page's rows may be of hours that follow each other and of some far apart, of the first day that ClickHouse sorts by and of the last.
#[tokio::test]
async fn pages_follow_the_time() {
    let Some(served) = Served::start() else { return };
    let options = Options::new(served.url.clone(), "times_test");
    let store = Store::new(&options).unwrap();
    store.migrate(&crate::TableOptions::default()).await.unwrap();
    let mut times = Vec::new();
    for start_s in [0, 1_767_225_600, 4_291_000_000_i64] {
        for minutes in [0, 20, 40, 70, 130, 60 * 24 * 40] {
            times.push((start_s + minutes * 60) * 1_000_000 + 1);
        }
    }
    for class in [Class::Dns, Class::Http] {
        let mut rows = Rows::default();
        for (number, ts_us) in (0..).zip(&times) {
            let (body, number) = match class {
                Class::Dns => (Body::Dns(Dns::default()), number),
                _ => (Body::Http(Http::default()), number + 1_000),
            };
            let at = Event {
                ts_us: *ts_us,
                ..event(number, "moh", body)
            };
            event_row(class, &at, &mut rows);
        }
        store.insert_events(class, class.name(), &rows).await.unwrap();
    }
    let events = EventStore::new(&store, Limits::default(), Shares::default());
    let query = Query::parse("").unwrap();
    let request = Request::ever(&EVERYONE, &query, &[]);
    for rows_max in [1, 4, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = events.search(ASKER, &request, after, rows_max).await.unwrap();
            assert_eq!(page.total, 36);
            found.extend(page.rows.iter().map(|row| row.ts_us));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut expected = [times.as_slice(), times.as_slice()].concat();
        expected.sort_unstable_by_key(|ts_us| std::cmp::Reverse(*ts_us));
        assert_eq!(found, expected, "{rows_max}");
    }
}

/// Every term wants every text column of every class: still one statement.
async fn the_longest_query_is_asked(events: &EventStore) {
    let text: Vec<String> = (0..TERMS_MAX).map(|term| format!("ẩn{term}")).collect();
    let query = Query::parse(&text.join(" OR ")).unwrap();
    let request = Request::ever(&EVERYONE, &query, &[]);
    let page = events.search(ASKER, &request, None, 5).await.unwrap();
    assert_eq!((page.rows.len(), page.total), (0, 0));
}

async fn dear_searches_are_refused(store: &Store, limits: Limits) {
    let query = Query::parse("query:host3*").unwrap();
    let request = Request::ever(&EVERYONE, &query, &[Class::Dns]);
    let refused = async |limits: Limits| {
        let events = EventStore::new(store, limits, Shares::default());
        let refused = events.search(ASKER, &request, None, 5).await;
        assert!(
            matches!(refused, Err(SearchError::TooExpensive(_))),
            "{limits:?}: {refused:?}"
        );
        // The turn is free again.
        assert_eq!(events.counts().running, 0);
    };
    refused(Limits {
        max_rows_to_read: Some(1),
        ..limits
    })
    .await;
    refused(Limits {
        max_memory_bytes: Some(1),
        ..limits
    })
    .await;
    let short = Limits {
        max_execution_s: Some(1),
        max_rows_to_read: None,
        ..limits
    };
    let endless = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))";
    let stopped = ask::lines(&store.client, short, &ask::Statement::own(endless)).await;
    assert!(
        matches!(stopped, Err(SearchError::TooExpensive(_))),
        "{stopped:?}"
    );
    what_nobody_waits_for_is_stopped(store, endless).await;
    // What a search is asked with forbids it to change anything.
    let write = "ALTER TABLE dns DELETE WHERE 1";
    let written = ask::lines(&store.client, limits, &ask::Statement::own(write)).await;
    assert!(matches!(written, Err(SearchError::Server(why)) if why.contains("164")));
}

async fn what_nobody_waits_for_is_stopped(store: &Store, endless: &'static str) {
    let running = async || {
        let sql = "SELECT count() FROM system.processes WHERE position(query, 'sipHash64(num') > 0 \
                   AND position(query, 'system.processes') = 0";
        let rows = ask::numbers(&store.client, Limits::default(), &ask::Statement::own(sql)).await;
        row::unsigned(rows.unwrap().first().unwrap().first().unwrap()).unwrap()
    };
    let client = store.client.clone();
    let asked =
        tokio::spawn(
            async move { ask::lines(&client, Limits::default(), &ask::Statement::own(endless)).await },
        );
    while running().await == 0 {
        tokio::task::yield_now().await;
    }
    asked.abort();
    let stopped = async {
        while running().await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), stopped)
        .await
        .unwrap();
}

/// What roles tell of themselves comes back, the latest of each.
#[tokio::test]
async fn roles_tell_how_they_are() {
    let Some(served) = Served::start() else { return };
    let store = filled(&served).await;
    let now_s = i64::try_from(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs(),
    )
    .unwrap();
    let first = crate::health::tests::report("p-1", now_s - 100, now_s - 20);
    let second = crate::health::tests::report("p-1", now_s - 100, now_s - 10);
    let other = crate::health::tests::report("p-2", now_s - 90, now_s - 5);
    for report in [&first, &second, &other] {
        store.report_health(report).await.unwrap();
    }
    assert_eq!(store.latest_health().await.unwrap(), [other, second]);
    // A second start finds everything there.
    store.migrate(&crate::TableOptions::default()).await.unwrap();
}

/// Sensors from before they were kept are taken over once, of the last day.
#[tokio::test]
async fn sensors_of_an_older_store_are_taken_over() {
    let Some(served) = Served::start() else { return };
    let store = filled(&served).await;
    let run = async |sql: &str| store.client.query_raw(sql).execute().await.unwrap();
    run("DROP VIEW sensor_latest_view").await;
    run("DROP TABLE sensor_latest SYNC").await;
    run(
        "INSERT INTO stats (event_id, ts, sensor, tenant, packets_received) \
         VALUES (1, now64(6) - 60, 'tap-2', 'moh', 7), (2, now64(6) - 50, 'tap-2', 'moh', 8)",
    )
    .await;
    store.migrate(&crate::TableOptions::default()).await.unwrap();
    let limits = Limits::default();
    let found = sensors(&store.client, limits).await.unwrap();
    let names: Vec<(&str, u64)> = found
        .iter()
        .map(|sensor| (sensor.sensor.as_str(), sensor.packets_received))
        .collect();
    assert_eq!(names, [("tap-2", 8)]);
}

/// A store from before sensors had exercises learns of them, and tells one of each apart.
#[tokio::test]
async fn sensors_of_an_exercise_are_told_apart_also_in_an_older_store() {
    let Some(served) = Served::start() else { return };
    let store = filled(&served).await;
    let run = async |sql: &str| store.client.query_raw(sql).execute().await.unwrap();
    run("DROP VIEW sensor_latest_view").await;
    run("ALTER TABLE sensor_latest DROP COLUMN exercise_id").await;
    run(
        "CREATE MATERIALIZED VIEW sensor_latest_view TO sensor_latest AS SELECT tenant, sensor, \
         toUInt64(bitShiftRight(event_id, 64)) AS run, ts, now64(3, 'UTC') AS heard, uptime_us, packets_received, \
         packets_processed, dropped, bytes_received, events, counters FROM stats",
    )
    .await;
    for _ in 0..2 {
        store.migrate(&crate::TableOptions::default()).await.unwrap();
    }
    run(
        "INSERT INTO stats (event_id, ts, sensor, tenant, exercise_id, packets_received) \
         VALUES (1, now64(6) - 60, 'tap-9', 'moh', 0, 7), (toUInt128('18446744073709551617'), now64(6) - 50, 'tap-9', 'moh', 3, 8)",
    )
    .await;
    let found = sensors(&store.client, Limits::default()).await.unwrap();
    let told: Vec<(Stage, u64)> = found
        .iter()
        .filter(|sensor| sensor.sensor == "tap-9")
        .map(|sensor| (sensor.stage, sensor.packets_received))
        .collect();
    assert_eq!(told, [(Stage::Live, 7), (Stage::of(3), 8)]);
}

/// Of others it is told how many saw a thing, where they are not so few that each could be guessed, and of real events alone.
#[tokio::test]
async fn how_many_others_saw_a_thing_is_a_number_without_names() {
    let Some(served) = Served::start() else { return };
    let store = filled(&served).await;
    let run = async |sql: &str| store.client.query_raw(sql).execute().await.unwrap();
    let seen_at = async |tenant: &str, exercise: u32| {
        run(&format!(
            "INSERT INTO dns (event_id, ts, sensor, tenant, exercise_id, query, src) VALUES \
             (1, now64(6) - 60, 'tap', '{tenant}', {exercise}, 'c2.example.net', toIPv6('10.9.9.9'))"
        ))
        .await;
    };
    let events = EventStore::new(&store, Limits::default(), Shares::default());
    let subject = |kind: &str, value: &str| Subject::of(kind, value).unwrap().unwrap();
    let others = async |codes: &[&str], kind: &str, value: &str| {
        let scope = Scope::of(codes.iter().copied());
        events
            .elsewhere(ASKER, &scope, &subject(kind, value), 0)
            .await
            .unwrap()
    };
    for tenant in ["own", "a", "b"] {
        seen_at(tenant, 0).await;
    }
    seen_at("d", 7).await;
    assert_eq!(
        others(&["own"], "domain", "c2.example.net").await,
        None,
        "two, and a drill"
    );
    seen_at("c", 0).await;
    seen_at("c", 0).await;
    assert_eq!(others(&["own"], "domain", "c2.example.net").await, Some(3));
    assert_eq!(others(&["nobody"], "domain", "example.net").await, Some(4));
    assert_eq!(
        others(&["own", "a", "b", "c"], "domain", "c2.example.net").await,
        None
    );
    assert_eq!(
        others(&["own"], "address", "10.9.9.9").await,
        None,
        "of each one's own network"
    );
    let future = i64::MAX / 2;
    let none = events
        .elsewhere(
            ASKER,
            &Scope::of(["own"]),
            &subject("domain", "c2.example.net"),
            future,
        )
        .await;
    assert_eq!(none.unwrap(), None);
}

/// Each event comes with what is worked out from its columns.
async fn derived_values_come_along(events: &EventStore) {
    for (class, name, expect) in [
        (Class::Flow, "duration_us", json!(5_000_000)),
        (Class::Http, "uri_extension", json!("php")),
        (Class::Http, "uri_stem", json!("/a.d/page1.php")),
        (Class::Dns, "query_length", json!("host0.Ví-dụ.example".len())),
    ] {
        let query = Query::EVERYTHING;
        let classes = [class];
        let request = Request::ever(&EVERYONE, &query, &classes);
        let page = events.search(ASKER, &request, None, 30).await.unwrap();
        let first = page.rows.last().unwrap();
        let found = first.fields.iter().find(|field| field.name == name);
        assert_eq!(found.map(|field| &field.value), Some(&expect), "{name}");
    }
}

async fn pages_hold_every_event_once(events: &EventStore) {
    let (scope, query) = (EVERYONE.clone(), Query::EVERYTHING);
    let request = Request::ever(&scope, &query, &[]);
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = events.search(ASKER, &request, after, 7).await.unwrap();
        assert_eq!(page.total, 30);
        seen.extend(page.rows);
        let Some(next) = page.next else { break };
        after = Some(next.to_string().parse().unwrap());
    }
    let ids: Vec<_> = seen.iter().map(|row| row.id.sequence()).collect();
    assert_eq!(ids, (0..30).rev().collect::<Vec<_>>());
    let dns = seen.iter().find(|row| row.id.sequence() == 27).unwrap();
    assert_eq!(
        (dns.class, dns.ts_us, dns.flow_id),
        (Class::Dns, START_US + 27_000_000, u64::MAX)
    );
    assert_eq!(
        (
            dns.src.unwrap().to_string().as_str(),
            dns.dst.unwrap().to_string().as_str()
        ),
        ("10.0.0.7", "2001:db8::53")
    );
    let answers = dns.fields.iter().find(|field| field.name == "answers").unwrap();
    assert_eq!(answers.value, json!(["v=spf1 'quoted' \\ %", "x\ty\nz"]));
}

async fn times_are_counted(events: &EventStore) {
    let (scope, query) = (Scope::of(["moh"]), Query::EVERYTHING);
    let open = Request::ever(&scope, &query, &[]);
    let closed = Request {
        from_us: Some(START_US),
        to_us: Some(START_US + 30_000_000),
        ..open.clone()
    };
    for request in [open, closed] {
        let found = events.histogram(ASKER, &request, 3).await.unwrap();
        let sums: Vec<u64> = found
            .buckets
            .iter()
            .map(|bucket| bucket.counts.values().sum())
            .collect();
        assert_eq!((found.bucket_us, sums), (10_000_000, vec![5, 5, 5]));
    }
    let query = Query::parse("query:nothing").unwrap();
    let none = Request::ever(&scope, &query, &[]);
    assert_eq!(events.histogram(ASKER, &none, 3).await.unwrap().buckets, []);
}

async fn alerts_have_their_events(events: &EventStore) {
    let alert = Alert {
        first_us: START_US + 3_000_000,
        last_us: START_US + 6_000_000,
        event_ids: [3, 4, 6]
            .map(|number| EventId::new(1, number).to_bytes().to_vec())
            .into(),
        flow_ids: vec![u64::MAX - 2],
        ..Alert::default()
    };
    let ids = async |scope: &Scope, alert: &Alert| -> Vec<u64> {
        let rows = events.alert_events(ASKER, scope, alert).await.unwrap();
        rows.iter().map(|row| row.id.sequence()).collect()
    };
    let named = [2, 3, 4, 5, 6, 8, 11, 14, 17, 20, 23, 26, 29];
    assert_eq!(ids(&EVERYONE, &alert).await, named);
    assert_eq!(ids(&Scope::of(["mot"]), &alert).await, [3, 5, 11, 17, 23, 29]);

    // What stood in the flow of a signature's alert is told by other events of it.
    let of_signature = Alert {
        rule: Some(RuleCard {
            kind: RuleKind::Signature.into(),
            ..RuleCard::default()
        }),
        // Questions have the one, ends the other.
        flow_ids: vec![u64::MAX, u64::MAX - 2],
        ..alert
    };
    let carried = |number: &u64| number % 3 != 1 || *number == 4;
    let expect: Vec<u64> = (0..30).filter(carried).collect();
    assert_eq!(ids(&EVERYONE, &of_signature).await, expect);
    let expect: Vec<u64> = expect.into_iter().filter(|number| number % 2 == 1).collect();
    assert_eq!(ids(&Scope::of(["mot"]), &of_signature).await, expect);
    let of_many = Alert {
        flow_ids: (0..9).chain([u64::MAX, u64::MAX - 2]).collect(),
        ..of_signature
    };
    assert_eq!(ids(&EVERYONE, &of_many).await, named);
}

#[path = "crowd_tests.rs"]
mod crowd_tests;
#[path = "foreign_tests.rs"]
mod foreign_tests;

#[tokio::test]
async fn a_statement_that_forgets_whose_it_is_finds_only_its_scope() {
    let Some(served) = Served::start() else { return };
    let store = filled(&served).await;
    let count = async |scope: &Scope, sql: &str| {
        let statement = ask::Statement::within(scope, sql.to_owned(), compile::Values::default());
        let rows = ask::numbers(&store.client, Limits::default(), &statement)
            .await
            .unwrap();
        rows.iter()
            .map(|row| row::unsigned(row.first().unwrap()).unwrap())
            .sum::<u64>()
    };
    // Ten of each class, five of each organisation.
    let (moh, odd) = (Scope::of(["moh"]), Scope::of(["moh') OR (1=1", "x", "mo' OR '1"]));
    for (sql, all) in [
        ("SELECT count() FROM dns", 10),
        ("SELECT count() FROM dns UNION ALL SELECT count() FROM flow", 20),
        (
            "(SELECT count() FROM dns) UNION ALL (SELECT count() FROM flow LIMIT 9)",
            20,
        ),
        (
            "SELECT sum(times) FROM (SELECT tenant, count() AS times FROM http WHERE 1 GROUP BY tenant ORDER BY tenant)",
            10,
        ),
        ("SELECT count() FROM dns WHERE tenant = 'mot' OR 1", 10),
        (
            "SELECT count() FROM dns AS a JOIN dns AS b ON a.event_id = b.event_id",
            10,
        ),
    ] {
        assert_eq!(count(&EVERYONE, sql).await, all, "{sql}");
        assert_eq!(count(&moh, sql).await, all / 2, "{sql}");
        assert_eq!(count(&odd, sql).await, 0, "{sql}");
        assert_eq!(count(&Scope::default(), sql).await, 0, "{sql}");
    }
}
