//! With a provider that says and signs what a test wants.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::Digest as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vonggac_database::Account;
use vonggac_database::session::Strength;
use vonggac_database::testing::{self, NOW_US, app_code};
use vonggac_notify::testing::{HOST, Names, Pki, notifier};
use vonggac_openid::testing::SoftProvider;

use super::{OWN, SECOND_US, SETTINGS, SIGN_IN, Stage, location, parameter, set};
use crate::tests::Answer;

const NOW_S: i64 = NOW_US / SECOND_US;

/// What it says where; what is not said here it says as a good one would.
#[derive(Default)]
struct Plan {
    /// The whole answer of a path, head and all.
    whole: Vec<(&'static str, String)>,
    /// Sent after the answer, again and again.
    endless: bool,
    /// Before it says anything.
    pause: Duration,
    /// The token that a code is turned into.
    token: String,
    /// What was asked: path, and body.
    asked: Vec<(String, String)>,
    names_itself: bool,
}

struct Hostile {
    address: SocketAddr,
    scheme: &'static str,
    host: &'static str,
    signer: SoftProvider,
    plan: Arc<Mutex<Plan>>,
}

impl Hostile {
    async fn start() -> Self {
        Self::behind(None).await
    }

    /// One that speaks TLS with that certificate, or none.
    async fn behind(pki: Option<&Pki>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (scheme, host) = if pki.is_some() {
            ("https", HOST)
        } else {
            ("http", "localhost")
        };
        let signer = SoftProvider::new("1");
        let plan: Arc<Mutex<Plan>> = Arc::default();
        let (kept, keys) = (Arc::clone(&plan), signer.keys());
        let issuer = format!("{scheme}://{host}:{}", address.port());
        let acceptor = pki.map(Pki::acceptor);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, keys, issuer, acceptor) =
                    (Arc::clone(&kept), keys.clone(), issuer.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve::<TcpStream>(stream, &kept, &keys, &issuer).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, &kept, &keys, &issuer).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            scheme,
            host,
            signer,
            plan,
        }
    }

    fn issuer(&self) -> String {
        format!("{}://{}:{}", self.scheme, self.host, self.address.port())
    }

    fn claims(&self, nonce: &str) -> Value {
        json!({ "iss": self.issuer(), "sub": "S-1", "aud": "vonggac", "exp": NOW_S + 300, "iat": NOW_S, "nonce": nonce })
    }

    fn plan<T>(&self, change: impl FnOnce(&mut Plan) -> T) -> T {
        change(&mut self.plan.lock().unwrap())
    }
}

async fn serve<S>(mut stream: S, plan: &Mutex<Plan>, keys: &Value, issuer: &str)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut bytes = Vec::new();
    let (path, body) = loop {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&piece[..read]),
            _ => return,
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let lengths = head
            .lines()
            .filter_map(|line| line.strip_prefix("content-length: "));
        let mut lengths = lengths;
        let length: usize = lengths.next().map_or(0, |digits| digits.parse().unwrap());
        if body.len() >= length {
            break (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned());
        }
    };
    let (answer, endless, pause) = {
        let mut plan = plan.lock().unwrap();
        plan.asked.push((path.clone(), body));
        let whole = plan
            .whole
            .iter()
            .find(|(of, _)| *of == path)
            .map(|(_, text)| text.clone());
        let answer = whole.unwrap_or_else(|| said(&plan, &path, keys, issuer));
        (answer, plan.endless, plan.pause)
    };
    tokio::time::sleep(pause).await;
    let _ = stream.write_all(answer.as_bytes()).await;
    if endless {
        while stream.write_all(&[b' '; 4096]).await.is_ok() {}
    }
    let _ = stream.shutdown().await;
}

fn said(plan: &Plan, path: &str, keys: &Value, issuer: &str) -> String {
    let body = match path {
        "/.well-known/openid-configuration" => json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/auth"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "id_token_signing_alg_values_supported": ["none", "HS256", "ES256"],
            "authorization_response_iss_parameter_supported": plan.names_itself,
        }),
        "/keys" => keys.clone(),
        "/token" => json!({ "access_token": "x", "token_type": "Bearer", "id_token": plan.token }),
        _ => return "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into(),
    };
    let text = body.to_string();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    )
}

/// A console with a hostile provider, to whose subject `S-1` the account `lan` is linked.
struct Trial {
    stage: Stage,
    provider: Hostile,
    id: String,
    lan: Account,
}

impl Trial {
    async fn start() -> Option<Self> {
        let stage = Stage::start().await?;
        let provider = Hostile::start().await;
        let id = stage
            .add(
                &provider.issuer(),
                "vonggac",
                json!({ "strong_values": ["mfa", "urn:level:2"] }),
            )
            .await;
        let lan = testing::account(&stage.harness.database, "lan", "moh").await;
        testing::openid_link(&stage.harness.database, &lan, &provider.issuer(), "S-1").await;
        Some(Self {
            stage,
            provider,
            id,
            lan,
        })
    }

    /// Begins and comes back with a code, for which the provider gives what `token` makes of the nonce.
    async fn with(&self, token: impl FnOnce(&str) -> String) -> Answer {
        let (url, cookie) = self.stage.begin_sign_in(&self.id).await;
        let token = token(&parameter(&url, "nonce"));
        self.provider.plan(|plan| plan.token = token);
        let query = format!("code=c&state={}", parameter(&url, "state"));
        self.stage.come_back(&query, &cookie).await
    }

    /// The same with good claims but for one.
    async fn with_claim(&self, name: &str, value: Value) -> Answer {
        self.with(|nonce| {
            let mut claims = self.provider.claims(nonce);
            claims[name] = value;
            self.provider.signer.sign(&claims)
        })
        .await
    }

    async fn good(&self) -> Answer {
        self.with(|nonce| self.provider.signer.sign(&self.provider.claims(nonce)))
            .await
    }

    fn problem(&self, word: &str) -> String {
        format!("/sign-in?problem={word}&provider={}", self.id)
    }
}

#[tokio::test]
async fn a_token_that_is_not_the_providers_for_this_sign_in_opens_nothing() {
    let Some(trial) = Trial::start().await else {
        return;
    };
    let good = trial.good().await;
    assert_eq!(location(&good), "/alerts?status=open");
    assert!(set(&good, "vonggac").is_some());
    let (signer, claims) = (&trial.provider.signer, |nonce: &str| trial.provider.claims(nonce));
    let secret = "the secret of vonggac: 100%";
    let refused = [
        (
            "another key",
            trial
                .with(|nonce| SoftProvider::new("1").sign(&claims(nonce)))
                .await,
        ),
        (
            "an unknown key",
            trial
                .with(|nonce| SoftProvider::new("9").sign(&claims(nonce)))
                .await,
        ),
        (
            "no signature",
            trial.with(|nonce| signer.unsigned(&claims(nonce))).await,
        ),
        (
            "the client's secret",
            trial
                .with(|nonce| SoftProvider::hashed(secret.as_bytes(), &claims(nonce)))
                .await,
        ),
        ("another nonce", trial.with(|_| signer.sign(&claims("n"))).await),
        ("no token", trial.with(|_| String::new()).await),
        ("another client", trial.with_claim("aud", json!("other")).await),
        (
            "others too",
            trial.with_claim("aud", json!(["vonggac", "other"])).await,
        ),
        ("another asked", trial.with_claim("azp", json!("other")).await),
        (
            "another issuer",
            trial.with_claim("iss", json!("https://evil.example")).await,
        ),
        ("over", trial.with_claim("exp", json!(NOW_S - 61)).await),
        ("from before", trial.with_claim("iat", json!(NOW_S - 61)).await),
        (
            "from the future",
            trial.with_claim("iat", json!(NOW_S + 61)).await,
        ),
    ];
    for (what, answer) in refused {
        assert_eq!(location(&answer), trial.problem("answer"), "{what}");
        assert!(
            set(&answer, "vonggac").is_none() && set(&answer, "vonggac-half").is_none(),
            "{what}"
        );
    }
    let unknown = trial.with_claim("sub", json!("lan")).await;
    assert_eq!(
        location(&unknown),
        trial.problem("unknown"),
        "an account's name is nobody's subject"
    );
    let (result, detail) = trial.stage.last("session.open").await;
    assert_eq!(result, "refused");
    assert_eq!(
        (&detail["subject"], &detail["issuer"]),
        (&json!("lan"), &json!(trial.provider.issuer()))
    );
    assert_eq!(location(&trial.good().await), "/alerts?status=open");
}

#[tokio::test]
async fn what_comes_back_is_of_this_browser_and_counts_once() {
    let Some(trial) = Trial::start().await else {
        return;
    };
    let stage = &trial.stage;
    let begin = async || {
        let (url, cookie) = stage.begin_sign_in(&trial.id).await;
        let token = trial
            .provider
            .signer
            .sign(&trial.provider.claims(&parameter(&url, "nonce")));
        trial.provider.plan(|plan| plan.token = token);
        (format!("code=c&state={}", parameter(&url, "state")), cookie)
    };
    let (_, other) = begin().await;
    let (query, cookie) = begin().await;
    let nothing = "/sign-in?problem=state";
    for (query, cookie) in [
        (query.as_str(), ""),
        (query.as_str(), other.as_str()),
        (query.as_str(), "vonggac-provider=x"),
        ("code=c", cookie.as_str()),
        ("code=c&state=x", cookie.as_str()),
        ("", cookie.as_str()),
    ] {
        let asked = trial.provider.plan(|plan| plan.asked.len());
        let refused = stage.come_back(query, cookie).await;
        assert_eq!(location(&refused), nothing, "{query} {cookie}");
        assert_eq!(
            asked,
            trial.provider.plan(|plan| plan.asked.len()),
            "the provider was asked"
        );
    }
    let good = stage.come_back(&query, &cookie).await;
    assert_eq!(location(&good), "/alerts?status=open");
    assert_eq!(
        location(&stage.come_back(&query, &cookie).await),
        nothing,
        "a second time"
    );
    let (query, cookie) = begin().await;
    stage.harness.pass(600 * SECOND_US);
    assert_eq!(
        location(&stage.come_back(&query, &cookie).await),
        nothing,
        "too late"
    );
}

#[tokio::test]
async fn a_code_goes_back_with_what_only_this_console_knows() {
    let Some(trial) = Trial::start().await else {
        return;
    };
    let (url, cookie) = trial.stage.begin_sign_in(&trial.id).await;
    assert_eq!(parameter(&url, "code_challenge_method"), "S256");
    assert_eq!(parameter(&url, "scope"), "openid");
    let query = format!("code=a%26b&state={}", parameter(&url, "state"));
    trial.stage.come_back(&query, &cookie).await;
    let asked = trial.provider.plan(|plan| plan.asked.clone());
    let (_, body) = asked.iter().find(|(path, _)| path == "/token").unwrap();
    assert!(
        body.starts_with("grant_type=authorization_code&code=a%26b&redirect_uri=http%3A%2F%2Flocalhost"),
        "{body}"
    );
    let verifier = parameter(&format!("?{body}"), "code_verifier");
    let hash = sha2::Sha256::digest(verifier.as_bytes());
    assert_eq!(
        data_encoding::BASE64URL_NOPAD.encode(&hash),
        parameter(&url, "code_challenge")
    );
    assert!(!body.contains("secret"), "it went in a header");
}

#[tokio::test]
async fn an_answer_is_of_the_issuer_that_was_asked() {
    let Some(trial) = Trial::start().await else {
        return;
    };
    let come = async |more: &str| {
        let (url, cookie) = trial.stage.begin_sign_in(&trial.id).await;
        let token = trial
            .provider
            .signer
            .sign(&trial.provider.claims(&parameter(&url, "nonce")));
        trial.provider.plan(|plan| plan.token = token);
        let query = format!("code=c&state={}{more}", parameter(&url, "state"));
        location(&trial.stage.come_back(&query, &cookie).await)
    };
    assert_eq!(
        come("&iss=https%3A%2F%2Fevil.example").await,
        trial.problem("answer")
    );
    assert_eq!(
        come("").await,
        "/alerts?status=open",
        "it does not say that it names itself"
    );
    trial.provider.plan(|plan| plan.names_itself = true);
    trial.stage.harness.pass(600 * SECOND_US);
    // What it says of itself is asked anew after ten minutes; its tokens are of that time.
    assert_eq!(come("").await, trial.problem("answer"));
    assert_eq!(
        come("&error=server_error").await,
        trial.problem("answer"),
        "an error too says whose it is"
    );
}

#[tokio::test]
async fn a_providers_error_is_told_in_words_of_ours() {
    let Some(trial) = Trial::start().await else {
        return;
    };
    let come = async |error: &str| {
        let (url, cookie) = trial.stage.begin_sign_in(&trial.id).await;
        let query = format!(
            "error={error}&error_description=%3Cb%3Ex&state={}",
            parameter(&url, "state")
        );
        trial.stage.come_back(&query, &cookie).await
    };
    let denied = come("access_denied").await;
    assert_eq!(
        (location(&denied), denied.text.as_str()),
        (trial.problem("denied"), "")
    );
    assert_eq!(
        location(&come("%3Cscript%3Ealert(1)%3C%2Fscript%3E").await),
        trial.problem("provider")
    );
    let (_, detail) = trial.stage.last("session.open").await;
    assert_eq!(
        detail["reason"],
        json!("the provider answered: scriptalert1script")
    );
}

#[tokio::test]
async fn a_provider_that_is_away_slow_or_endless_costs_little() {
    let Some(trial) = Trial::start().await else {
        return;
    };
    let limit = Duration::from_secs(6);
    let check = async |what: &str, word: &str| {
        let start = Instant::now();
        assert_eq!(location(&trial.good().await), trial.problem(word), "{what}");
        assert!(start.elapsed() < limit, "{what} took {:?}", start.elapsed());
    };
    // What it says of itself is known from here on.
    assert_eq!(location(&trial.good().await), "/alerts?status=open");
    let nothing = Vec::new;
    trial.provider.plan(|plan| plan.pause = Duration::from_secs(10));
    check("slow", "away").await;
    trial.provider.plan(|plan| plan.pause = Duration::ZERO);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{";
    trial.provider.plan(|plan| {
        plan.whole = vec![("/token", head.into())];
        plan.endless = true;
    });
    check("endless", "away").await;
    trial.provider.plan(|plan| plan.endless = false);
    let elsewhere = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}/elsewhere\r\ncontent-length: 0\r\n\r\n",
        trial.provider.issuer()
    );
    trial
        .provider
        .plan(|plan| plan.whole = vec![("/token", elsewhere)]);
    check("led on", "provider").await;
    let asked = trial.provider.plan(|plan| plan.asked.clone());
    assert!(
        asked.iter().all(|(path, _)| path != "/elsewhere"),
        "a redirect was followed"
    );
    let html = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";
    trial
        .provider
        .plan(|plan| plan.whole = vec![("/token", html.into())]);
    check("no answer", "answer").await;
    trial.provider.plan(|plan| plan.whole = nothing());
    assert_eq!(location(&trial.good().await), "/alerts?status=open");

    // One that is not reached at all is told before anybody is sent there.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = gone.local_addr().unwrap().port();
    drop(gone);
    let id = trial
        .stage
        .add(&format!("http://localhost:{port}"), "vonggac", json!({}))
        .await;
    let body = json!({ "provider": id });
    let away = trial.stage.harness.call("POST", SIGN_IN, "", body).await;
    assert_eq!((away.status.as_u16(), away.code().as_str()), (503, "provider"));
}

#[tokio::test]
async fn a_second_factor_is_still_asked_for_unless_the_provider_saw_one() {
    let Some(trial) = Trial::start().await else {
        return;
    };
    let harness = &trial.stage.harness;
    let session = set(&trial.good().await, "vonggac").unwrap();
    let offer = harness
        .call("POST", "/api/v1/account/totp", &session, Value::Null)
        .await;
    let secret = offer.json()["secret"].as_str().unwrap().to_owned();
    let code = json!({ "code": app_code(&secret, NOW_US) });
    let added = harness
        .call("POST", "/api/v1/account/totp/confirm", &session, code)
        .await;
    assert_eq!(added.status, 200, "{added:?}");

    let half = trial.good().await;
    assert_eq!(location(&half), "/sign-in?step=factor&return=/alerts?status=open");
    assert!(set(&half, "vonggac").is_none(), "no session yet");
    let half = set(&half, "vonggac-half").unwrap();
    harness.pass(60 * SECOND_US);
    let code = json!({ "code": app_code(&secret, NOW_US + 60 * SECOND_US) });
    let finished = harness.call("POST", "/api/v1/session/factor", &half, code).await;
    assert_eq!(finished.status, 200, "{finished:?}");
    let sessions = harness.get("/api/v1/sessions", &finished.cookie()).await.json();
    assert_eq!(sessions[0]["provider"], json!("Cổng vonggac"));

    let weak = trial.with_claim("amr", json!(["pwd"])).await;
    assert!(
        set(&weak, "vonggac").is_none(),
        "what was not listed counts for nothing"
    );
    for (claim, value) in [("amr", json!(["pwd", "mfa"])), ("acr", json!("urn:level:2"))] {
        let strong = trial.with_claim(claim, value).await;
        assert_eq!(location(&strong), "/alerts?status=open", "{claim}");
        let session = set(&strong, "vonggac").unwrap();
        let security = harness.get("/api/v1/account/security", &session).await.json();
        assert_eq!(security["is_strong"], json!(true), "{claim}");
    }

    // Whose account has a factor confirms with that, not with the provider's word.
    let confirm = async |amr: Value, seen_s: Value| {
        let body = json!({ "provider": trial.id, "return": "/account" });
        let (url, cookie) = trial
            .stage
            .begin("/api/v1/openid/confirm", &finished.cookie(), body)
            .await;
        let mut claims = trial.provider.claims(&parameter(&url, "nonce"));
        claims["amr"] = amr;
        claims["auth_time"] = seen_s;
        let token = trial.provider.signer.sign(&claims);
        trial.provider.plan(|plan| plan.token = token);
        let query = format!("code=c&state={}", parameter(&url, "state"));
        location(&trial.stage.come_back(&query, &cookie).await)
    };
    let now_s = NOW_S + 60;
    let problem = |word: &str| format!("/account?problem={word}&provider={}", trial.id);
    assert_eq!(
        confirm(json!(["pwd"]), json!(now_s)).await,
        problem("factor_needed")
    );
    assert_eq!(
        confirm(json!(["mfa"]), json!(now_s - 3600)).await,
        problem("not_fresh")
    );
    assert_eq!(confirm(json!(["mfa"]), Value::Null).await, problem("not_fresh"));
    assert_eq!(confirm(json!(["mfa"]), json!(now_s)).await, "/account");
}

#[tokio::test]
async fn a_disabled_account_is_shut_at_the_provider_too() {
    let Some(trial) = Trial::start().await else {
        return;
    };
    let by = vonggac_database::audit::Asker::console();
    trial
        .stage
        .harness
        .database
        .disable_account(&by, trial.lan.id, NOW_US)
        .await
        .unwrap();
    let shut = trial.good().await;
    assert_eq!(location(&shut), trial.problem("disabled"));
    assert!(set(&shut, "vonggac").is_none());
}

#[tokio::test]
async fn linking_takes_who_was_seen_just_now_and_his_session() {
    let Some(trial) = Trial::start().await else {
        return;
    };
    let harness = &trial.stage.harness;
    let minh = harness.signed_in("minh", "moh").await;
    let body = json!({ "provider": trial.id });
    let (url, cookie) = trial.stage.begin(OWN, &minh, body.clone()).await;
    let mut claims = trial.provider.claims(&parameter(&url, "nonce"));
    claims["sub"] = json!("S-2");
    let token = trial.provider.signer.sign(&claims);
    trial.provider.plan(|plan| plan.token = token);
    harness
        .call("DELETE", "/api/v1/session", &minh, Value::Null)
        .await;
    let query = format!("code=c&state={}", parameter(&url, "state"));
    let ended = trial.stage.come_back(&query, &cookie).await;
    // With the session its attempt went.
    assert_eq!(location(&ended), "/sign-in?problem=state");
    let minh = harness.signed_in("minh-2", "moh").await;
    harness.pass(5 * 60 * SECOND_US);
    let late = harness.call("POST", OWN, &minh, body).await;
    assert_eq!(
        (late.status.as_u16(), late.code().as_str()),
        (403, "confirm_first")
    );
}

#[tokio::test]
async fn a_locked_session_is_unlocked_by_its_own_owner_at_the_provider() {
    let Some(trial) = Trial::start().await else {
        return;
    };
    let harness = &trial.stage.harness;
    let session = harness.cookie(&trial.lan, Strength::Single).await;
    harness.lock(&session).await;
    let body = json!({ "provider": trial.id, "return": "/alerts?status=open&q=a%26b" });
    let come_back = async |subject: &str, seen_s: i64| {
        let (url, cookie) = trial
            .stage
            .begin("/api/v1/openid/unlock", &session, body.clone())
            .await;
        let mut claims = trial.provider.claims(&parameter(&url, "nonce"));
        (claims["sub"], claims["auth_time"]) = (json!(subject), json!(seen_s));
        let token = trial.provider.signer.sign(&claims);
        trial.provider.plan(|plan| plan.token = token);
        let query = format!("code=c&state={}", parameter(&url, "state"));
        location(&trial.stage.come_back(&query, &cookie).await)
    };
    let told = |word: &str| {
        let back = "/alerts?status=open%26q=a%2526b";
        format!("/lock?problem={word}&provider={}&return={back}", trial.id)
    };
    assert_eq!(come_back("S-2", NOW_S).await, told("another"));
    assert_eq!(
        come_back("S-1", NOW_S - 3600).await,
        told("not_fresh"),
        "he did not sign in anew"
    );
    assert_eq!(harness.get("/api/v1/alerts", &session).await.status, 423);
    assert_eq!(come_back("S-1", NOW_S).await, "/alerts?status=open&q=a%26b");
    assert_eq!(harness.get("/api/v1/alerts", &session).await.status, 200);
    let (result, detail) = trial.stage.last("session.unlock").await;
    assert_eq!((result.as_str(), &detail["with"]), ("done", &json!("provider")));
}

#[tokio::test]
async fn too_many_returns_from_one_network_are_refused() {
    let Some(trial) = Trial::start().await else {
        return;
    };
    for _ in 0..50 {
        let refused = trial
            .stage
            .come_back("code=c&state=x", "vonggac-provider=x")
            .await;
        assert_eq!(location(&refused), "/sign-in?problem=state");
    }
    let throttled = trial
        .stage
        .come_back("code=c&state=x", "vonggac-provider=x")
        .await;
    assert_eq!(
        (throttled.status.as_u16(), throttled.code().as_str()),
        (429, "throttled")
    );
}

#[tokio::test]
async fn a_provider_is_asked_no_more_than_a_network_may_begin() {
    let Some(trial) = Trial::start().await else {
        return;
    };
    let nothing = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let document = "/.well-known/openid-configuration";
    trial
        .provider
        .plan(|plan| plan.whole = vec![(document, nothing.into())]);
    let body = json!({ "provider": trial.id });
    for _ in 0..300 {
        let away = trial.stage.harness.call("POST", SIGN_IN, "", body.clone()).await;
        assert_eq!(away.status, 503);
    }
    let throttled = trial.stage.harness.call("POST", SIGN_IN, "", body).await;
    assert_eq!(
        (throttled.status.as_u16(), throttled.code().as_str()),
        (429, "throttled")
    );
    let asked = trial.provider.plan(|plan| plan.asked.len());
    assert_eq!(asked, 300, "it was asked after all");
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_for_its_provider_alone() {
    let pki = Pki::new();
    let nobody = Pki::new();
    let names = Names::of(&[(HOST, &[&["127.0.0.1"]])]);
    let Some(stage) = Stage::with(notifier(&nobody, names)).await else {
        return;
    };
    let provider = Hostile::behind(Some(&pki)).await;
    let id = stage.add(&provider.issuer(), "vonggac", json!({})).await;
    let path = format!("{SETTINGS}/{id}");
    let test = async || {
        let path = format!("{path}/test");
        stage
            .harness
            .call("POST", &path, &stage.admin, Value::Null)
            .await
            .json()
    };
    let refused = test().await;
    let problem = refused["problem"].as_str().unwrap();
    assert!(problem.contains("TLS failed"), "{problem}");
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        data_encoding::BASE64.encode(&pki.root)
    );
    let mut body = json!({ "name": "x", "client_id": "vonggac", "client_secret": "x", "scopes": ["openid"], "is_on": true,
        "networks": ["127.0.0.1"], "certificates": pem });
    let changed = stage.harness.call("PUT", &path, &stage.admin, body.clone()).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let found = test().await;
    assert_eq!(found["is_good"], json!(true), "{found}");
    assert_eq!(found["found"]["algorithms"], json!(["ES256"]));
    assert_eq!(
        (&found["found"]["keys"], &found["found"]["issuer"]),
        (&json!(1), &json!(provider.issuer()))
    );

    // Without its network a private address is nobody's to ask.
    body["networks"] = json!([]);
    stage.harness.call("PUT", &path, &stage.admin, body).await;
    let refused = test().await;
    let problem = refused["problem"].as_str().unwrap();
    assert!(problem.contains("in no network that is allowed"), "{problem}");
}
