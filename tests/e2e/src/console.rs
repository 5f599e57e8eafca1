//! A client of the console's API.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Account that the tests make.
pub const USER_NAME: &str = "truc.ban";
/// Its password.
pub const PASSWORD: &str = "mot-mat-khau-du-dai-de-thu";

/// Longest a request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(40);
/// Alerts asked for on a page.
const PAGE_ROWS: &str = "500";
/// Most pages that are followed.
const PAGES_MAX: usize = 200;

/// A client with one session.
#[derive(Debug)]
pub struct Console {
    client: Client,
    url: String,
    /// By name.
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Console {
    /// A client that is not signed in.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(url: String) -> anyhow::Result<Self> {
        let client = Client::builder().no_proxy().timeout(REQUEST_LIMIT).build()?;
        Ok(Self {
            client,
            url,
            cookies: Mutex::default(),
        })
    }

    /// Sends a request; gives the status and the JSON answered, null when there is none.
    ///
    /// # Errors
    /// When no answer comes, or one that is no JSON.
    pub fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let mut request: RequestBuilder = self
            .client
            .request(method, format!("{}{path}", self.url))
            .query(query);
        let kept = self
            .cookies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if !kept.is_empty() {
            let pairs: Vec<String> = kept
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header("cookie", pairs.join("; "));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().with_context(|| path.to_owned())?;
        for value in response.headers().get_all("set-cookie") {
            let pair = value.to_str()?.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').context("a cookie without a value")?;
            let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
            if value.is_empty() {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let status = response.status();
        let text = response.text()?;
        if text.is_empty() {
            return Ok((status, Value::Null));
        }
        let value =
            serde_json::from_str(&text).with_context(|| format!("{path} answered {status}: {text}"))?;
        Ok((status, value))
    }

    fn expect(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let shown = format!("{method} {path}");
        let (status, value) = self.send(method, path, query, body)?;
        if !status.is_success() {
            bail!("{shown} answered {status}: {value}");
        }
        Ok(value)
    }

    /// Asks for something.
    ///
    /// # Errors
    /// When the answer is not a success.
    pub fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        self.expect(Method::GET, path, query, None)
    }

    /// Changes something.
    ///
    /// # Errors
    /// When the answer is not a success.
    pub fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.expect(Method::POST, path, &[], Some(body))
    }

    /// Changes a part of something.
    ///
    /// # Errors
    /// When no answer comes, or none that is a success: it may have been done all the same.
    pub fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.expect(Method::PATCH, path, &[], Some(body))
    }

    /// Makes the first administrator, who is then signed in.
    ///
    /// # Errors
    /// When the code is refused.
    pub fn set_up(&self, code: &str) -> anyhow::Result<Value> {
        self.post("/api/v1/setup", &setup_body(code))
    }

    /// Tries to make the first administrator; gives the status.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn try_set_up(&self, code: &str) -> anyhow::Result<StatusCode> {
        Ok(self
            .send(Method::POST, "/api/v1/setup", &[], Some(&setup_body(code)))?
            .0)
    }

    /// Signs in.
    ///
    /// # Errors
    /// When name or password are refused.
    pub fn sign_in(&self) -> anyhow::Result<Value> {
        self.post(
            "/api/v1/session",
            &json!({ "user_name": USER_NAME, "password": PASSWORD }),
        )
    }

    /// Signs out.
    ///
    /// # Errors
    /// When nobody was signed in.
    pub fn sign_out(&self) -> anyhow::Result<Value> {
        self.expect(Method::DELETE, "/api/v1/session", &[], None)
    }

    /// All items of a list that comes in pages, with the total that the first page told.
    ///
    /// # Errors
    /// When a page is not answered, or there is no end of them.
    pub fn all(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<(Vec<Value>, u64)> {
        let (mut items, mut total, mut cursor) = (Vec::new(), None, String::new());
        for _ in 0..PAGES_MAX {
            let mut query = query.to_vec();
            query.push(("limit", PAGE_ROWS));
            if !cursor.is_empty() {
                query.push(("cursor", &cursor));
            }
            let mut page = self.get(path, &query)?;
            total = total.or_else(|| page["total"].as_u64());
            match page["items"].take() {
                Value::Array(more) => items.extend(more),
                other => bail!("{path}: items are {other}"),
            }
            match page["next_cursor"].as_str() {
                Some(next) if !next.is_empty() => next.clone_into(&mut cursor),
                _ => return Ok((items, total.context("no total")?)),
            }
        }
        bail!("{path}: more than {PAGES_MAX} pages")
    }

    /// All alerts, of every status.
    ///
    /// # Errors
    /// As [`Console::all`].
    pub fn alerts(&self) -> anyhow::Result<Vec<Value>> {
        let (items, total) = self.all("/api/v1/alerts", &[("status", "open,acknowledged,closed")])?;
        anyhow::ensure!(
            items.len() as u64 == total,
            "{} alerts listed, {total} told",
            items.len()
        );
        Ok(items)
    }
}

fn setup_body(code: &str) -> Value {
    json!({ "code": code, "user_name": USER_NAME, "display_name": "Trực ban", "password": PASSWORD })
}
