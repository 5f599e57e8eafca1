//! Passwords, how long sessions live, and who is locked out by whose failures.

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::ConnectInfo;
use serde_json::{Value, json};
use vonggac_database::testing::{self, PASSWORD};

use super::factors::start;
use super::{Answer, Harness, request};

const MINUTE_US: i64 = 60_000_000;
const NEW: &str = "another long test phrase";

async fn change(harness: &Harness, cookie: &str, old: &str, new: &str) -> Answer {
    let body = json!({ "old_password": old, "password": new });
    harness
        .call("POST", "/api/v1/account/password", cookie, body)
        .await
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let here = harness.signed_in("lan", "moh").await;
    let sign_in = async |password: &str| {
        let body = json!({ "user_name": "lan", "password": password });
        harness.call("POST", "/api/v1/session", "", body).await
    };
    let there = sign_in(PASSWORD).await.cookie();
    let wrong = change(&harness, &here, "wrong", NEW).await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.code().as_str()),
        (403, "wrong_password")
    );
    for (new, expect) in [
        ("short", "at least 12"),
        (PASSWORD, "the old one"),
        ("matkhau123456", "password is "),
        ("qwertyuiopasdf", "most used"),
    ] {
        let refused = change(&harness, &here, PASSWORD, new).await;
        let message = refused
            .json()
            .pointer("/error/message")
            .cloned()
            .unwrap_or_default();
        assert_eq!(refused.status, 400, "{new}");
        assert!(message.as_str().unwrap().contains(expect), "{new}: {message}");
    }
    assert_eq!(harness.get("/api/v1/session", &there).await.status, 200);
    assert_eq!(change(&harness, &here, PASSWORD, NEW).await.status, 204);
    assert_eq!(harness.get("/api/v1/session", &here).await.status, 200);
    assert_eq!(harness.get("/api/v1/session", &there).await.status, 401);
    assert_eq!(sign_in(PASSWORD).await.status, 401);
    assert_eq!(sign_in(NEW).await.status, 200);
    for _ in 0..10 {
        change(&harness, &here, "wrong", PASSWORD).await;
    }
    assert_eq!(
        change(&harness, &here, NEW, PASSWORD).await.status,
        429,
        "a stolen session is no place to guess"
    );
}

#[tokio::test]
async fn how_long_sessions_live_is_a_setting() {
    let limits = ["--session-idle-minutes", "5", "--session-hours", "1"];
    let Some(harness) = Harness::start(&limits).await else {
        return;
    };
    let alive = async |cookie: &str| harness.get("/api/v1/session", cookie).await.status == 200;
    let pass = |minutes: i64| harness.now_us.fetch_add(minutes * MINUTE_US, Ordering::Relaxed);
    let idle = harness.signed_in("lan", "moh").await;
    pass(4);
    assert!(alive(&idle).await);
    pass(6);
    assert!(!alive(&idle).await);
    let busy = harness.signed_in("minh", "moh").await;
    for _ in 0..14 {
        pass(4);
        assert!(alive(&busy).await);
    }
    pass(4);
    assert!(!alive(&busy).await, "an hour is the end");
}

/// An attempt from `address`, with what the browser remembers.
async fn attempt(harness: &Harness, address: &str, cookie: &str, forwarded: &str, password: &str) -> Answer {
    let body = json!({ "user_name": "lan", "password": password });
    let mut request = request("POST", "/api/v1/session", cookie, &body);
    let peer: std::net::SocketAddr = format!("{address}:4000").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    if !forwarded.is_empty() {
        let value = forwarded.parse().unwrap();
        request.headers_mut().insert("x-forwarded-for", value);
    }
    harness.send(request.map(Body::new)).await
}

#[tokio::test]
async fn strangers_failures_do_not_lock_the_owner_out() {
    let Some((harness, _directory)) = start().await else {
        return;
    };
    testing::account(&harness.database, "lan", "moh").await;
    let first = attempt(&harness, "10.0.0.1", "", "", PASSWORD).await;
    let marks: Vec<&str> = first
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap().split(';').next().unwrap())
        .filter(|pair| pair.starts_with("vonggac-device="))
        .collect();
    let [device] = marks.as_slice() else {
        unreachable!("{marks:?}")
    };
    // A hundred attempts on the account from twenty networks.
    for network in 1..=20 {
        for _ in 0..5 {
            let address = format!("198.51.{network}.7");
            assert_eq!(attempt(&harness, &address, "", "", "wrong").await.status, 401);
        }
    }
    let stranger = attempt(&harness, "10.0.9.1", "", "", PASSWORD).await;
    assert_eq!(stranger.status, 429, "the account is shut to strangers");
    let owner = attempt(&harness, "10.0.9.1", device, "", PASSWORD).await;
    assert_eq!(owner.status, 200, "{owner:?}");

    // The browser that knows the account has few attempts of its own, and nobody else's are touched by them.
    for _ in 0..10 {
        assert_eq!(
            attempt(&harness, "10.0.9.1", device, "", "wrong").await.status,
            401
        );
    }
    assert_eq!(
        attempt(&harness, "10.0.9.1", device, "", PASSWORD).await.status,
        429
    );
    let forged = device.replace(char::is_numeric, "0");
    assert_eq!(
        attempt(&harness, "10.0.9.1", &forged, "", PASSWORD).await.status,
        429
    );
}

#[tokio::test]
async fn failures_behind_a_trusted_proxy_are_their_own_networks() {
    let proxies = ["--trusted-proxies", "10.7.0.0/16,192.0.2.5"];
    let Some(harness) = Harness::start(&proxies).await else {
        return;
    };
    testing::account(&harness.database, "lan", "moh").await;
    for _ in 0..5 {
        let wrong = attempt(&harness, "10.7.0.1", "", "203.0.113.9", "wrong").await;
        assert_eq!(wrong.status, 401);
    }
    let same = attempt(&harness, "10.7.0.1", "", "203.0.113.77", PASSWORD).await;
    assert_eq!(same.status, 429, "the same /24");
    let other = attempt(&harness, "10.7.0.1", "", "198.51.100.4", PASSWORD).await;
    assert_eq!(other.status, 200, "another network behind the same proxy");
    let liar = attempt(&harness, "203.0.113.12", "", "198.51.100.4", PASSWORD).await;
    assert_eq!(liar.status, 429, "who is no proxy is not believed");
    let sessions = harness.get("/api/v1/sessions", &other.cookie()).await.json();
    assert_eq!(sessions.pointer("/0/address"), Some(&Value::from("198.51.100.4")));
}
