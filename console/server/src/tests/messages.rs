//! What the API says, in the reader's language.

mod coverage;
mod sources;

use std::collections::BTreeSet;

use axum::http::header;
use serde_json::{Value, json};
use vonggac_database::Language;
use vonggac_database::testing::{self, PASSWORD};

use super::{Answer, Harness, request};
use crate::messages;

/// The same request, asked in a language.
async fn ask(harness: &Harness, language: Option<&str>, call: (&str, &str, &str, Value)) -> Answer {
    let (method, path, cookie, body) = call;
    let mut request = request(method, path, cookie, &body);
    if let Some(language) = language {
        let value = language.parse().unwrap();
        request.headers_mut().insert(header::ACCEPT_LANGUAGE, value);
    }
    harness.send(request).await
}

fn message(answer: &Answer) -> String {
    let json = answer.json();
    let message = json.pointer("/error/message").and_then(Value::as_str);
    message.unwrap_or_default().to_owned()
}

fn header_of(answer: &Answer, name: header::HeaderName) -> String {
    let value = answer.headers.get(name);
    value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn who_asks_is_told_in_his_language() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let check = async |language: Option<&str>, expect: (&str, &str)| {
        // Somebody else each time: one name may be tried a few times only.
        let name = format!("ghost{}", language.unwrap_or_default().len());
        let wrong = json!({ "user_name": name, "password": "wrong" });
        let answer = ask(&harness, language, ("POST", "/api/v1/session", "", wrong)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (401, "wrong_credentials")
        );
        let told = (message(&answer), header_of(&answer, header::CONTENT_LANGUAGE));
        assert_eq!((told.0.as_str(), told.1.as_str()), expect, "{language:?}");
        assert_eq!(
            header_of(&answer, header::VARY),
            "accept-language",
            "{language:?}"
        );
    };
    let vietnamese = ("Tên đăng nhập hoặc mật khẩu không đúng", "vi");
    let english = ("user name or password is wrong", "en");
    check(Some("vi"), vietnamese).await;
    check(Some("vi-VN,vi;q=0.9"), vietnamese).await;
    check(Some("en"), english).await;
    check(None, english).await;
    check(Some("en-GB,vi;q=0.3"), english).await;
    check(Some("fr"), english).await;
}

#[tokio::test]
async fn each_part_of_the_api_speaks_vietnamese() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    let check = async |call: (&str, &str, Value), expect: &str| {
        let (method, path, body) = call;
        let answer = ask(&harness, Some("vi"), (method, path, &cookie, body)).await;
        assert_eq!(message(&answer), expect, "{path}: {answer:?}");
        assert_eq!(header_of(&answer, header::CONTENT_LANGUAGE), "vi", "{path}");
    };
    let get = |path| ("GET", path, Value::Null);
    // What reads the request, and who asks.
    check(get("/api/v1/alerts/00"), "Không tìm thấy").await;
    check(
        ("POST", "/api/v1/views", json!({ "name": "x" })),
        "Nội dung JSON không có dạng cần thiết: thiếu trường `search`, ở dòng 1 cột 12",
    )
    .await;
    // A query, at its column.
    let query = ask(
        &harness,
        Some("vi"),
        ("GET", "/api/v1/events?q=src:10.0.0.1%20AND", &cookie, Value::Null),
    )
    .await;
    assert_eq!(
        message(&query),
        "Truy vấn kết thúc ở chỗ phải có điều cần tìm",
        "{query:?}"
    );
    assert!(query.json()["error"]["column"].is_number(), "{query:?}");
    check(get("/api/v1/events?q=dport:x"), "dport cần một số nguyên").await;
    // A field, and what is wrong with it.
    check(
        get("/api/v1/alerts?severity=worst"),
        "Mức độ: không có giá trị worst",
    )
    .await;
    check(
        (
            "POST",
            "/api/v1/views",
            json!({ "name": "", "shared": false, "search": {} }),
        ),
        "Tên không được để trống",
    )
    .await;
    check(
        (
            "POST",
            "/api/v1/account/password",
            json!({ "old_password": PASSWORD, "password": "short" }),
        ),
        "Mật khẩu cần ít nhất 12 ký tự",
    )
    .await;
    check(
        (
            "POST",
            "/api/v1/alerts/bulk",
            json!({ "action": "close", "ids": [] }),
        ),
        "Đóng cảnh báo cần có kết luận",
    )
    .await;
    check(
        ("POST", "/api/v1/notice-ways/mail", json!({ "address": "nobody" })),
        "Địa chỉ không hợp lệ, ví dụ đúng: lan@example.vn",
    )
    .await;
    check(get("/api/v1/alerts?exercise=999"), "Không tìm thấy").await;
}

#[tokio::test]
async fn what_a_bulk_act_refuses_is_told_in_the_readers_language() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    let absent = json!({ "action": "reopen", "ids": ["0".repeat(32), "none"] });
    for (language, expect) in [("vi", "Không tìm thấy"), ("en", "not found")] {
        let call = ("POST", "/api/v1/alerts/bulk", cookie.as_str(), absent.clone());
        let answer = ask(&harness, Some(language), call).await;
        let failed = answer.json()["failed"].as_array().cloned().unwrap_or_default();
        assert_eq!(failed.len(), 2, "{answer:?}");
        assert!(
            failed.iter().all(|one| one["message"] == json!(expect)),
            "{answer:?}"
        );
        assert_eq!(header_of(&answer, header::CONTENT_LANGUAGE), language);
    }
}

#[tokio::test]
async fn what_is_foreign_and_what_is_absent_are_the_same_in_each_language() {
    let Some(harness) = Harness::start(&[]).await else {
        return;
    };
    let cookie = harness.signed_in("lan", "moh").await;
    let foreign = testing::alert(2, "mot", 1);
    harness.database.take_alerts(&[foreign]).await.unwrap();
    for language in ["vi", "en"] {
        let mut told = BTreeSet::new();
        for number in [2, 3] {
            let path = format!("/api/v1/alerts/{number:032x}");
            let call = ("GET", path.as_str(), cookie.as_str(), Value::Null);
            let answer = ask(&harness, Some(language), call).await;
            assert_eq!(answer.status.as_u16(), 404, "{answer:?}");
            let languages = header_of(&answer, header::CONTENT_LANGUAGE);
            told.insert((answer.text, languages));
        }
        assert_eq!(told.len(), 1, "{told:?}");
    }
}

#[tokio::test]
async fn a_message_that_the_catalogue_lacks_is_told_in_english_and_said_to_be() {
    let told = messages::in_language("words of a newer part", Language::Vietnamese);
    assert_eq!(
        (told.text.as_str(), told.language),
        ("words of a newer part", Language::English)
    );
    // Outside a request nobody reads.
    assert_eq!(messages::say("not found").text, "not found");
}
