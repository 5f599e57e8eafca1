//! With a real provider: `oidc-provider` in a process of its own (`tests/provider`).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use vonggac_access::{Membership, PersonId, Role, Span};
use vonggac_database::audit::Asker;
use vonggac_database::testing::{self, PASSWORD};
use vonggac_database::{Language, NewPerson};

use super::{OWN, SECOND_US, SETTINGS, Said, Stage, ask, location, set};
use crate::tests::Answer;

/// The provider, which ends with its standard input.
struct RealProvider {
    address: SocketAddr,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _child: Child,
}

impl RealProvider {
    /// None where it is not installed and need not be; otherwise the test fails.
    fn start() -> Option<Self> {
        let suite = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/provider"));
        if !suite.join("node_modules/oidc-provider").exists() {
            assert!(
                std::env::var_os("VONGGAC_TEST_SERVERS").is_none(),
                "the provider of the tests is not there: npm ci in tests/provider, or make test"
            );
            println!("skipped: the provider is not installed in tests/provider");
            return None;
        }
        let mut child = Command::new("node")
            .arg("provider.mjs")
            .arg("http://localhost:0/api/v1/openid/callback")
            .current_dir(suite)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let port = line_of(&mut output, |line| line.parse::<u16>().ok());
        Some(Self {
            address: ([127, 0, 0, 1], port).into(),
            input: child.stdin.take().unwrap(),
            output,
            _child: child,
        })
    }

    fn issuer(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// It signs with other keys from now on.
    fn rotate(&mut self) {
        self.input.write_all(b"rotate\n").unwrap();
        line_of(&mut self.output, |line| (line == "rotated").then_some(()));
    }
}

/// What the next line says that says it; the library writes notices among them.
fn line_of<T>(output: &mut BufReader<ChildStdout>, read: impl Fn(&str) -> Option<T>) -> T {
    loop {
        let mut line = String::new();
        assert!(output.read_line(&mut line).unwrap() > 0, "the provider has ended");
        if let Some(said) = read(line.trim()) {
            return said;
        }
    }
}

/// A browser at the provider: it keeps cookies, fills in what it is asked, and stops where it is led back to the console.
#[derive(Default)]
struct Browser(BTreeMap<String, String>);

impl Browser {
    async fn ask(&mut self, provider: &RealProvider, method: &str, path: &str, form: &str) -> Said {
        let cookies: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let said = ask(provider.address, method, path, &cookies.join("; "), form).await;
        for line in said.head.lines() {
            let Some(cookie) = line
                .strip_prefix("set-cookie: ")
                .or(line.strip_prefix("Set-Cookie: "))
            else {
                continue;
            };
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.0.insert(name.to_owned(), value.to_owned());
        }
        said
    }

    /// Goes to the provider, signs in there as `name`, and agrees, or aborts; the query it comes back to the console with.
    async fn go(&mut self, provider: &RealProvider, url: &str, name: &str) -> String {
        let own = provider.issuer();
        let path = |url: &str| url.strip_prefix(&own).unwrap_or(url).to_owned();
        let mut said = self.ask(provider, "GET", &path(url), "").await;
        for _ in 0..20 {
            if let Some(next) = said.header("location").map(str::to_owned) {
                if let Some((_, query)) = next.split_once("/api/v1/openid/callback?") {
                    return query.to_owned();
                }
                said = self.ask(provider, "GET", &path(&next), "").await;
                continue;
            }
            assert_eq!(said.status, 200, "{}\n{}", said.head, said.body);
            let action = said
                .body
                .split("action=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap();
            let action = path(action);
            if name.is_empty() {
                said = self.ask(provider, "GET", &format!("{action}/abort"), "").await;
                continue;
            }
            let form = match said.body.contains("name=\"login\"") {
                true => format!("prompt=login&login={name}&password=x"),
                false => "prompt=consent".to_owned(),
            };
            said = self.ask(provider, "POST", &action, &form).await;
        }
        panic!("the provider leads around in circles");
    }
}

/// A console at the provider's time, and the provider.
async fn start() -> Option<(Stage, RealProvider)> {
    let provider = RealProvider::start()?;
    let stage = Stage::start().await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now_us = i64::try_from(now.as_micros()).unwrap();
    stage.harness.now_us.store(now_us, Ordering::Relaxed);
    // The first one's session is of another year.
    let account = testing::member(
        &stage.harness.database,
        "van-hanh",
        "vn",
        &[Role::SystemAdministrator],
    )
    .await;
    let strength = vonggac_database::session::Strength::Strong(vonggac_database::factor::Factor::Passkey);
    let admin = stage.harness.cookie(&account, strength).await;
    Some((Stage { admin, ..stage }, provider))
}

impl Stage {
    /// Goes to the provider and comes back.
    async fn sign_in_as(&self, provider: &RealProvider, id: &str, name: &str) -> Answer {
        let (url, cookie) = self.begin_sign_in(id).await;
        let query = Browser::default().go(provider, &url, name).await;
        self.come_back(&query, &cookie).await
    }

    async fn link_as(&self, provider: &RealProvider, id: &str, session: &str, name: &str) -> Answer {
        let (url, cookie) = self.begin(OWN, session, json!({ "provider": id })).await;
        let query = Browser::default().go(provider, &url, name).await;
        // The session's cookie is not sent along from the provider's pages.
        self.come_back(&query, &cookie).await
    }
}

#[tokio::test]
async fn somebody_links_his_account_and_signs_in_with_it() {
    let Some((stage, provider)) = start().await else {
        return;
    };
    let id = stage.add(&provider.issuer(), "RS256", json!({})).await;
    let offered = stage.harness.get("/api/v1/openid/providers", "").await.json();
    assert_eq!(offered, json!([{ "id": id, "name": "Cổng RS256" }]));

    // The same name as an account's says nothing.
    let session = stage.harness.signed_in("lan", "moh").await;
    let unknown = stage.sign_in_as(&provider, &id, "lan").await;
    assert_eq!(
        location(&unknown),
        format!("/sign-in?problem=unknown&provider={id}")
    );
    assert!(set(&unknown, "vonggac").is_none());
    let (result, detail) = stage.last("session.open").await;
    assert_eq!((result.as_str(), &detail["subject"]), ("refused", &json!("lan")));

    let linked = stage.link_as(&provider, &id, &session, "nguyen.thi.lan").await;
    assert_eq!(location(&linked), format!("/account?linked={id}"));
    let links = stage.harness.get(OWN, &session).await.json();
    assert_eq!(
        (&links[0]["name"], &links[0]["last_used_at"]),
        (&json!("Cổng RS256"), &Value::Null)
    );

    let signed = stage.sign_in_as(&provider, &id, "nguyen.thi.lan").await;
    assert_eq!(location(&signed), "/alerts?status=open", "where he wanted to be");
    let session = set(&signed, "vonggac").unwrap();
    let whole = signed
        .headers
        .get_all("set-cookie")
        .iter()
        .find(|one| one.to_str().unwrap().starts_with("vonggac="));
    assert!(
        whole
            .unwrap()
            .to_str()
            .unwrap()
            .contains("; HttpOnly; SameSite=Strict")
    );
    assert!(
        set(&signed, "vonggac-provider").is_none(),
        "what tied it to the browser is used up"
    );
    assert_eq!(
        stage.harness.get("/api/v1/session", &session).await.json()["user_name"],
        json!("lan")
    );
    let sessions = stage.harness.get("/api/v1/sessions", &session).await.json();
    assert_eq!(
        (&sessions[0]["current"], &sessions[0]["provider"]),
        (&json!(true), &json!("Cổng RS256"))
    );

    let another = stage.harness.signed_in("minh", "moh").await;
    let taken = stage.link_as(&provider, &id, &another, "nguyen.thi.lan").await;
    assert_eq!(location(&taken), format!("/account?problem=taken&provider={id}"));

    let link = stage.harness.get(OWN, &session).await.json()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("{OWN}/{link}");
    let not_his = stage.harness.call("DELETE", &path, &another, Value::Null).await;
    assert_eq!(not_his.status, 404);
    let unlinked = stage.harness.call("DELETE", &path, &session, Value::Null).await;
    assert_eq!(unlinked.status, 204, "{unlinked:?}");
    let gone = stage.sign_in_as(&provider, &id, "nguyen.thi.lan").await;
    assert_eq!(location(&gone), format!("/sign-in?problem=unknown&provider={id}"));
}

#[tokio::test]
async fn each_algorithm_and_each_way_to_show_the_secret_works() {
    let Some((stage, provider)) = start().await else {
        return;
    };
    let lan = testing::account(&stage.harness.database, "lan", "moh").await;
    let id = stage.add(&provider.issuer(), "RS256", json!({})).await;
    testing::openid_link(&stage.harness.database, &lan, &provider.issuer(), "lan").await;
    for client in ["RS256", "PS256", "ES256", "EdDSA", "post", "public"] {
        let secret = match client {
            "public" => String::new(),
            "post" => "the secret of RS256: 100%".into(),
            _ => format!("the secret of {client}: 100%"),
        };
        let body = json!({ "name": client, "client_id": client, "client_secret": secret, "scopes": ["openid", "email"],
            "is_on": true, "networks": ["127.0.0.0/8", "::1"] });
        let changed = stage
            .harness
            .call("PUT", &format!("{SETTINGS}/{id}"), &stage.admin, body)
            .await;
        assert_eq!(changed.status, 200, "{changed:?}");
        let signed = stage.sign_in_as(&provider, &id, "lan").await;
        assert_eq!(location(&signed), "/alerts?status=open", "{client}");
    }
    let body = json!({ "name": "x", "client_id": "RS256", "client_secret": "not it", "scopes": ["openid"], "is_on": true,
        "networks": ["127.0.0.0/8", "::1"] });
    stage
        .harness
        .call("PUT", &format!("{SETTINGS}/{id}"), &stage.admin, body)
        .await;
    let refused = stage.sign_in_as(&provider, &id, "lan").await;
    assert_eq!(
        location(&refused),
        format!("/sign-in?problem=provider&provider={id}")
    );
    let (_, detail) = stage.last("session.open").await;
    assert_eq!(detail["reason"], json!("the provider answered: invalid_client"));
}

#[tokio::test]
async fn a_provider_may_change_its_keys() {
    let Some((stage, mut provider)) = start().await else {
        return;
    };
    let lan = testing::account(&stage.harness.database, "lan", "moh").await;
    let id = stage.add(&provider.issuer(), "ES256", json!({})).await;
    testing::openid_link(&stage.harness.database, &lan, &provider.issuer(), "lan").await;
    let before = stage.sign_in_as(&provider, &id, "lan").await;
    assert_eq!(location(&before), "/alerts?status=open");
    provider.rotate();
    let early = stage.sign_in_as(&provider, &id, "lan").await;
    assert_eq!(
        location(&early),
        format!("/sign-in?problem=answer&provider={id}"),
        "once a minute and no more"
    );
    stage.harness.pass(55 * SECOND_US);
    let still = stage.sign_in_as(&provider, &id, "lan").await;
    assert_eq!(location(&still), format!("/sign-in?problem=answer&provider={id}"));
    stage.harness.pass(5 * SECOND_US);
    let after = stage.sign_in_as(&provider, &id, "lan").await;
    assert_eq!(
        location(&after),
        "/alerts?status=open",
        "the new keys were fetched"
    );
}

#[tokio::test]
async fn who_changes_his_mind_at_the_provider_is_told_so() {
    let Some((stage, provider)) = start().await else {
        return;
    };
    let id = stage.add(&provider.issuer(), "RS256", json!({})).await;
    let denied = stage.sign_in_as(&provider, &id, "").await;
    assert_eq!(
        location(&denied),
        format!("/sign-in?problem=denied&provider={id}")
    );
    let (result, detail) = stage.last("session.open").await;
    assert_eq!(
        (result.as_str(), &detail["reason"]),
        ("refused", &json!("the provider answered: access_denied"))
    );
}

#[tokio::test]
async fn an_invitation_is_taken_up_at_a_provider_and_the_account_has_no_password() {
    let Some((stage, provider)) = start().await else {
        return;
    };
    let id = stage.add(&provider.issuer(), "RS256", json!({})).await;
    let (database, now_us) = (
        &stage.harness.database,
        stage.harness.now_us.load(Ordering::Relaxed),
    );
    let giver = testing::member(database, "giver", "vn", &[Role::OrganisationManager]).await;
    let person = NewPerson {
        user_name: "hoa".into(),
        display_name: "Hoa".into(),
        language: Language::Vietnamese,
    };
    let moh = "moh".parse().unwrap();
    let role = Membership {
        person: PersonId(0),
        organisation: "moh".parse().unwrap(),
        role: Role::Analyst,
        span: Span {
            from: vonggac_access::Day::of_us(now_us),
            until: None,
        },
    };
    let by = Asker::from(&giver);
    let (_, link) = database
        .invite(&by, &person, &moh, &[role], now_us)
        .await
        .unwrap();
    let secret = link.secret.to_text();

    let body = json!({ "provider": id, "secret": secret });
    let (url, cookie) = stage.begin("/api/v1/openid/welcome", "", body.clone()).await;
    let query = Browser::default().go(&provider, &url, "le.hoa").await;
    let entered = stage.come_back(&query, &cookie).await;
    assert_eq!(location(&entered), "/");
    let session = set(&entered, "vonggac").unwrap();
    let account = stage.harness.get("/api/v1/session", &session).await.json();
    assert_eq!(account["user_name"], json!("hoa"));
    let security = stage
        .harness
        .get("/api/v1/account/security", &session)
        .await
        .json();
    assert_eq!(
        (&security["has_password"], &security["providers"][0]["id"]),
        (&json!(false), &json!(id))
    );
    let again = stage
        .harness
        .call("POST", "/api/v1/openid/welcome", "", body)
        .await;
    assert_eq!(again.status, 404, "the link works once");
    let password = json!({ "user_name": "hoa", "password": PASSWORD });
    assert_eq!(
        stage
            .harness
            .call("POST", "/api/v1/session", "", password)
            .await
            .status,
        401
    );

    // Without a password it is confirmed at the provider, where he must show anew who he is.
    stage.harness.pass(6 * 60 * SECOND_US);
    let links = stage.harness.get(OWN, &session).await.json();
    let path = format!("{OWN}/{}", links[0]["id"].as_str().unwrap());
    let late = stage.harness.call("DELETE", &path, &session, Value::Null).await;
    assert_eq!(
        (late.status.as_u16(), late.code().as_str()),
        (403, "confirm_first")
    );
    let body = json!({ "provider": id, "return": "/account" });
    stage.harness.pass(-6 * 60 * SECOND_US);
    let (url, cookie) = stage
        .begin("/api/v1/openid/confirm", &session, body.clone())
        .await;
    assert!(url.ends_with("&prompt=login&max_age=0"), "{url}");
    let query = Browser::default().go(&provider, &url, "le.hoa").await;
    let confirmed = stage.come_back(&query, &cookie).await;
    assert_eq!(location(&confirmed), "/account");
    let (url, cookie) = stage.begin("/api/v1/openid/confirm", &session, body).await;
    let query = Browser::default().go(&provider, &url, "tran.minh").await;
    let another = stage.come_back(&query, &cookie).await;
    assert_eq!(
        location(&another),
        format!("/account?problem=another&provider={id}")
    );
    let only = stage.harness.call("DELETE", &path, &session, Value::Null).await;
    assert_eq!(only.status, 409, "his only way in: {only:?}");
}
