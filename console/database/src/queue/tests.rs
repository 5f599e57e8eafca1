use super::*;
use crate::testing::{self, alert};

async fn filled() -> Option<Database> {
    let database = testing::database().await?;
    let alerts: Vec<_> = (1..=10)
        .map(|n| alert(n, if n % 2 == 0 { "moh" } else { "mot" }, 1))
        .collect();
    database.take_alerts(&alerts).await.unwrap();
    Some(database)
}

#[tokio::test]
async fn pages_hold_every_row_once_in_order() {
    let Some(database) = filled().await else { return };
    for sort in [
        "-last_seen",
        "last_seen",
        "-severity",
        "count",
        "first_seen",
        "-detected_at",
    ] {
        let sort: Sort = sort.parse().unwrap();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = database
                .list_alerts(&testing::everyone(), &Filter::default(), sort, after, 3)
                .await
                .unwrap();
            assert_eq!((page.total.count, page.total.has_more), (10, false));
            seen.extend(page.rows.iter().map(|row| (sort.key.value(row), row.id)));
            let Some(next) = page.next else { break };
            after = Some(next.to_string().parse().unwrap());
        }
        let mut sorted = seen.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sort.direction == Direction::Descending {
            sorted.reverse();
        }
        assert_eq!((seen.len(), &seen), (10, &sorted), "{sort:?}");
    }
}

#[test]
fn a_cursor_carries_whether_counting_was_left_off() {
    for text in [
        "-7.00000000000000000000000000000001.10000+.5",
        "7.00000000000000000000000000000002.12.0",
    ] {
        assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
    }
    for text in [
        "1.00000000000000000000000000000001.+.5",
        "1.00000000000000000000000000000001.1++.5",
    ] {
        text.parse::<Cursor>().unwrap_err();
    }
}

#[tokio::test]
async fn a_search_by_text_counts_no_further_than_a_deed_reaches() {
    let Some(database) = testing::database().await else {
        return;
    };
    testing::fill_queue(&database, 10_001).await;
    let scope = Scope::of((0..testing::FILLED_ORGANISATIONS).map(|number| format!("org-{number}")));
    let total = async |text: Option<&str>| {
        let filter = Filter {
            text: text.map(str::to_owned),
            statuses: Status::ALL.to_vec(),
            ..Filter::default()
        };
        let page = database
            .list_alerts(&scope, &filter, Sort::default(), None, 1)
            .await;
        page.unwrap().total
    };
    let all = total(None).await;
    assert_eq!((all.count, all.has_more), (10_001, false));
    let found = total(Some("asked")).await;
    assert_eq!((found.count, found.has_more), (FOUND_MAX, true));
    let none = total(Some("no alert says this")).await;
    assert_eq!((none.count, none.has_more), (0, false));
}

#[tokio::test]
async fn a_tenant_sees_its_own_alone() {
    let Some(database) = filled().await else { return };
    let scope = Scope::of(["moh"]);
    let page = database
        .list_alerts(&scope, &Filter::default(), Sort::default(), None, 100)
        .await
        .unwrap();
    assert_eq!((page.total.count, page.rows.len()), (5, 5));
    assert!(page.rows.iter().all(|row| row.tenant == "moh"));
    let foreign = AlertId::from_bytes(&alert(1, "mot", 1).alert_id).unwrap();
    assert!(matches!(
        database.alert(&scope, foreign).await,
        Err(DatabaseError::NotFound)
    ));
    assert!(matches!(
        database.alert_message(&scope, foreign).await,
        Err(DatabaseError::NotFound)
    ));
    let counts = database.count_alerts(&scope, None, None).await.unwrap();
    assert_eq!(counts.by_status.first(), Some(&(Status::Open, 5)));
    assert_eq!(counts.by_severity.iter().map(|(_, count)| count).sum::<i64>(), 5);
}

#[tokio::test]
async fn filters_restrict() {
    let Some(database) = filled().await else { return };
    let check = async |filter: Filter, expect: i64| {
        let page = database
            .list_alerts(&testing::everyone(), &filter, Sort::default(), None, 100)
            .await;
        assert_eq!(page.unwrap().total.count, expect, "{filter:?}");
    };
    let text = |text: &str| Filter {
        text: Some(text.into()),
        ..Filter::default()
    };
    check(text("GUESSING"), 10).await;
    check(text("10.0.0.3"), 1).await;
    check(text("%"), 0).await;
    check(text("' OR true --"), 0).await;
    let raised = |from_s: i64, to_s: i64| Filter {
        detected_from_us: Some(testing::NOW_US + from_s * 1_000_000),
        detected_to_us: Some(testing::NOW_US + to_s * 1_000_000),
        ..Filter::default()
    };
    check(raised(3, 5), 2).await;
    check(raised(10, 20), 1).await;
    let equal = |field: fn(&mut Filter) -> &mut Option<String>, text: &str| {
        let mut filter = Filter::default();
        *field(&mut filter) = Some(text.into());
        filter
    };
    check(equal(|it| &mut it.tactic, "credential-access"), 10).await;
    check(equal(|it| &mut it.tactic, "credential"), 0).await;
    check(equal(|it| &mut it.organisation, "moh"), 5).await;
    check(equal(|it| &mut it.sensor, "tap-1"), 10).await;
    check(equal(|it| &mut it.address, "10.0.0.1"), 1).await;
    check(equal(|it| &mut it.address, "192.0.2.1"), 10).await;
    let technique = |id: &str| Filter {
        technique: Some(id.into()),
        ..Filter::default()
    };
    check(technique("t1110"), 10).await;
    check(technique("T1110.001"), 10).await;
    check(technique("T111"), 0).await;
    check(
        Filter {
            statuses: vec![Status::Closed],
            ..Filter::default()
        },
        0,
    )
    .await;
    check(
        Filter {
            statuses: vec![Status::Closed, Status::Open],
            ..Filter::default()
        },
        10,
    )
    .await;
    check(
        Filter {
            severities: vec![Severity::High],
            ..Filter::default()
        },
        2,
    )
    .await;
    let second = testing::NOW_US + 5_000_000;
    check(
        Filter {
            from_us: Some(second),
            to_us: Some(second + 1),
            ..Filter::default()
        },
        1,
    )
    .await;
}

#[tokio::test]
async fn text_is_found_by_an_index() {
    let Some(database) = testing::database().await else {
        return;
    };
    // Enough of them that reading all is dearer.
    testing::fill_queue(&database, 20_000).await;
    let scope = Scope::of(["org-1", "org-2"]);
    let mut look = database.look(&scope).await.unwrap();
    let mut query = QueryBuilder::<Postgres>::new("EXPLAIN SELECT count(*) FROM alert a");
    let filter = Filter {
        text: Some("host4711 ".into()),
        ..Filter::default()
    };
    push_conditions(&mut query, &scope, &filter);
    let plan: Vec<String> = query.build_query_scalar().fetch_all(&mut *look).await.unwrap();
    assert!(
        plan.iter().any(|line| line.contains("alert_words_by_part")),
        "{plan:?}"
    );
}

#[tokio::test]
async fn a_list_that_takes_too_long_is_stopped_and_told() {
    let Some(database) = filled().await else { return };
    let url = testing::url_of(&database).unwrap();
    let hasty = Database::connect(
        &url,
        &vonggac_link::PostgresSecurity::default(),
        std::time::Duration::from_millis(50),
    )
    .await
    .unwrap();
    let mut holder = database.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE alert")
        .execute(&mut *holder)
        .await
        .unwrap();
    let listed = hasty
        .list_alerts(&testing::everyone(), &Filter::default(), Sort::default(), None, 3)
        .await;
    assert!(matches!(listed, Err(DatabaseError::TooExpensive)), "{listed:?}");
}

#[test]
fn foreign_cursors_and_orders_are_refused() {
    for text in [
        "",
        "1",
        "1.2",
        "1.00000000000000000000000000000001.1",
        "x.00000000000000000000000000000001.1.1",
        "1.00000000000000000000000000000001",
    ] {
        assert!(text.parse::<Cursor>().is_err(), "{text}");
    }
    for text in ["", "-", "tenant", "last_seen; DROP TABLE alert"] {
        assert!(text.parse::<Sort>().is_err(), "{text}");
    }
}
