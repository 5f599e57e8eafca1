//! The page as a scraper reads it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use vonggac_metrics::{PROBLEMS_MAX, Registry, SERIES_MAX};

use support::Page;

fn page(registry: &Registry) -> Page {
    let text = registry.render();
    support::read(&text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"))
}

#[test]
fn counters_gauges_and_histograms_are_on_the_page_with_help_and_type() {
    let registry = Registry::default();
    let stored = registry.counter("pipeline_rows_stored_total", "Rows stored.", &[("class", "flow")]);
    stored.add(10);
    // The same series for whoever asks for it again.
    registry
        .counter("pipeline_rows_stored_total", "Rows stored.", &[("class", "flow")])
        .inc();
    registry
        .counter("pipeline_rows_stored_total", "Rows stored.", &[("class", "dns")])
        .inc();
    let lag = registry.gauge(
        "pipeline_lag_seconds",
        "Behind.",
        &[("topic", "events"), ("partition", "0")],
    );
    lag.set(1.5);
    let seconds = registry.histogram("console_request_seconds", "Time.", &[0.1, 1.0], &[]);
    seconds.observe(0.5);
    seconds.observe(7.0);

    let page = page(&registry);
    assert_eq!(stored.get(), 11);
    assert_eq!(
        page.value("pipeline_rows_stored_total", &[("class", "flow")]),
        Some(11.0)
    );
    assert_eq!(
        page.value("pipeline_rows_stored_total", &[("class", "dns")]),
        Some(1.0)
    );
    assert_eq!(
        page.value("pipeline_lag_seconds", &[("partition", "0"), ("topic", "events")]),
        Some(1.5)
    );
    for (bound, count) in [("0.1", 0.0), ("1", 1.0), ("+Inf", 2.0)] {
        assert_eq!(
            page.value("console_request_seconds_bucket", &[("le", bound)]),
            Some(count),
            "{bound}"
        );
    }
    assert_eq!(page.value("console_request_seconds_sum", &[]), Some(7.5));
    assert_eq!(page.kinds["pipeline_rows_stored_total"], "counter");
    assert_eq!(page.kinds["pipeline_lag_seconds"], "gauge");
    assert_eq!(page.helps["pipeline_lag_seconds"], "Behind.");
}

#[test]
fn a_gauge_goes_with_its_last_holder() {
    let registry = Registry::default();
    let lag = registry.gauge("pipeline_lag_seconds", "Behind.", &[("partition", "3")]);
    let clone = lag.clone();
    drop(lag);
    assert_eq!(
        page(&registry).value("pipeline_lag_seconds", &[("partition", "3")]),
        Some(0.0)
    );
    drop(clone);
    assert_eq!(
        page(&registry).value("pipeline_lag_seconds", &[("partition", "3")]),
        None
    );
    // It may come back.
    let again = registry.gauge("pipeline_lag_seconds", "Behind.", &[("partition", "3")]);
    again.set(2.0);
    assert_eq!(
        page(&registry).value("pipeline_lag_seconds", &[("partition", "3")]),
        Some(2.0)
    );
}

#[test]
fn what_is_counted_elsewhere_is_on_the_page_too() {
    let registry = Registry::default();
    registry
        .counter("spool_bytes_total", "Bytes.", &[("of", "here")])
        .add(1);
    registry.collect(|out| {
        out.counter("spool_bytes_total", "Bytes.", &[("of", "there")], 2);
        out.gauge("spool_fill_ratio", "Fill.", &[], 0.25);
        out.gauge("spool_age_seconds", "Age.", &[], f64::NAN);
    });
    let page = page(&registry);
    assert_eq!(page.value("spool_bytes_total", &[("of", "here")]), Some(1.0));
    assert_eq!(page.value("spool_bytes_total", &[("of", "there")]), Some(2.0));
    assert_eq!(page.value("spool_fill_ratio", &[]), Some(0.25));
    assert_eq!(page.value("spool_age_seconds", &[]), None, "no number, no sample");
    assert!(!page.kinds.contains_key("spool_age_seconds"));
}

#[test]
fn a_series_twice_or_of_two_kinds_does_not_spoil_the_page() {
    let registry = Registry::default();
    registry.counter("a_total", "A.", &[]).add(1);
    registry.collect(|out| {
        out.counter("a_total", "A.", &[], 5);
        out.gauge("a_total", "A.", &[("x", "y")], 5.0);
    });
    // A second registration of another kind counts for its holder alone.
    let gauge = registry.gauge("a_total", "A.", &[]);
    gauge.set(9.0);
    assert_eq!(gauge.get(), 9.0);
    let page = page(&registry);
    assert_eq!(page.value("a_total", &[]), Some(1.0));
    assert_eq!(page.value("metrics_series_refused_total", &[]), Some(3.0));
}

#[test]
fn the_number_of_series_is_bounded_whatever_the_labels_are() {
    let registry = Registry::default();
    let counters: Vec<_> = (0..SERIES_MAX + 50)
        .map(|number| registry.counter("a_total", "A.", &[("peer", &number.to_string())]))
        .collect();
    for counter in &counters {
        counter.inc();
    }
    let page = page(&registry);
    let shown = page.series.keys().filter(|(name, _)| name == "a_total").count();
    assert_eq!(shown, SERIES_MAX);
    assert!(counters.iter().all(|counter| counter.get() == 1));
    assert_eq!(page.value("metrics_series_refused_total", &[]), Some(50.0));
}

#[test]
fn gauges_that_are_gone_make_room() {
    let registry = Registry::default();
    for number in 0..SERIES_MAX * 2 {
        registry
            .gauge("a_ratio", "A.", &[("partition", &number.to_string())])
            .set(1.0);
    }
    assert_eq!(
        page(&registry).value("metrics_series_refused_total", &[]),
        Some(0.0)
    );
}

#[test]
fn a_problem_lasts_from_its_first_word_to_its_end() {
    let registry = Registry::default();
    let problem = registry.problem("clickhouse");
    assert_eq!(registry.problems(), []);
    problem.set("refused \"it\"");
    let since_us = registry.problems()[0].since_us;
    problem.set("disk full\nreally");
    let [trouble] = registry.problems().try_into().unwrap();
    assert_eq!(
        (trouble.key.as_str(), trouble.words.as_str(), trouble.since_us),
        ("clickhouse", "disk full\nreally", since_us)
    );
    assert_eq!(
        page(&registry).value(
            "vonggac_problem_info",
            &[("key", "clickhouse"), ("problem", "disk full\nreally")]
        ),
        Some(1.0)
    );
    problem.clear();
    assert_eq!(registry.problems(), []);
    problem.set("again");
    drop(problem);
    assert_eq!(registry.problems(), [], "its owner is gone");
}

#[test]
fn two_owners_of_one_key_do_not_clear_each_other() {
    let registry = Registry::default();
    let (one, other) = (registry.problem("kafka"), registry.problem("kafka"));
    one.set("first");
    other.set("second");
    let words = || -> Vec<String> {
        registry
            .problems()
            .into_iter()
            .map(|trouble| trouble.words)
            .collect()
    };
    assert_eq!(words().len(), 1);
    page(&registry);
    one.clear();
    assert_eq!(words(), ["second"]);
    other.clear();
    assert!(words().is_empty());
}

#[test]
fn the_number_of_problems_is_bounded() {
    let registry = Registry::default();
    let problems: Vec<_> = (0..PROBLEMS_MAX + 7)
        .map(|number| registry.problem(format!("lane:{number}")))
        .collect();
    for problem in &problems {
        problem.set("x".repeat(10_000));
    }
    assert_eq!(registry.problems().len(), PROBLEMS_MAX);
    assert_eq!(
        page(&registry).value("metrics_series_refused_total", &[]),
        Some(7.0)
    );
}

#[test]
fn totals_are_counters_and_gauges_by_name_and_labels() {
    let registry = Registry::default();
    registry
        .counter("a_total", "A.", &[("y", "2"), ("x", "1")])
        .add(3);
    let _gauge = registry.gauge("b_seconds", "B.", &[]);
    let totals = registry.totals();
    assert_eq!(totals["a_total{x=\"1\",y=\"2\"}"], 3.0);
    assert_eq!(totals["b_seconds"], 0.0);
}

proptest! {
    #[test]
    fn any_label_value_and_help_comes_back_as_it_was(value in "(\\PC|[\\\\\"\n]){0,60}", help in "(\\PC|[\\\\\"\n]){1,60}") {
        let registry = Registry::default();
        registry.counter("a_total", &help, &[("x", &value)]).inc();
        registry.collect(move |out| out.gauge("b_ratio", "B.", &[("x", &value.clone()), ("y", "")], 0.5));
        let text = registry.render();
        let page = support::read(&text).map_err(TestCaseError::fail)?;
        prop_assert_eq!(&page.helps["a_total"], &help);
        prop_assert_eq!(page.series.len(), 3);
    }
}

async fn get(registry_address: std::net::SocketAddr, request: &str) -> (String, String) {
    let mut client = TcpStream::connect(registry_address).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn the_page_is_served_and_health_says_what_is_wrong() {
    let registry = Registry::default();
    let serving = registry
        .serve(Some("127.0.0.1:0".parse().unwrap()))
        .await
        .unwrap();
    let address = serving.address().unwrap();

    let (head, body) = get(address, "GET /metrics?x=y HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4"), "{head}");
    support::read(&body).unwrap();

    let (head, body) = get(address, "GET /health HTTP/1.1\r\n\r\n").await;
    assert!(
        head.starts_with("HTTP/1.1 200 ") && body == "well\n",
        "{head}\n{body}"
    );
    let remark = registry.remark("open_door");
    remark.set("anybody may come in");
    let (head, body) = get(address, "GET /health HTTP/1.1\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(body, "well\nremark open_door: anybody may come in\n");
    drop(remark);
    let problem = registry.problem("kafka");
    problem.set("no broker answers");
    let (head, body) = get(address, "GET /health HTTP/1.1\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(body.ends_with(" kafka: no broker answers\n"), "{body}");

    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
        ("\r\n\r\n", "405"),
    ] {
        let (head, _) = get(address, request).await;
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request:?}: {head}"
        );
    }
}

#[tokio::test]
async fn an_endless_request_is_read_only_so_far() {
    let registry = Registry::default();
    let serving = registry
        .serve(Some("127.0.0.1:0".parse().unwrap()))
        .await
        .unwrap();
    let mut client = TcpStream::connect(serving.address().unwrap()).await.unwrap();
    // Ends with an error once the other side has hung up; what counts is that it does.
    let _ = client.write_all(&vec![b'x'; 4 << 20]).await;
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
}

#[tokio::test]
async fn one_client_too_many_is_hung_up_on_and_counted() {
    let registry = Registry::default();
    let serving = registry
        .serve(Some("127.0.0.1:0".parse().unwrap()))
        .await
        .unwrap();
    let address = serving.address().unwrap();
    let mut idle = Vec::new();
    for _ in 0..16 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let mut late = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    let _ = late.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
    assert_eq!(
        page(&registry).value("metrics_clients_refused_total", &[]),
        Some(1.0)
    );
    drop(idle);
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let registry = Registry::default();
    let first = registry
        .serve(Some("127.0.0.1:0".parse().unwrap()))
        .await
        .unwrap();
    let address = first.address().unwrap();
    let error = registry.serve(address).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        format!("metrics cannot be served on {address}")
    );
}

#[tokio::test]
async fn without_an_address_nothing_is_served() {
    let serving = Registry::default().serve(None).await.unwrap();
    assert_eq!(serving.address(), None);
}
