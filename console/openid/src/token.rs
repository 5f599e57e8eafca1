//! Id tokens (OpenID Connect Core 1.0, sections 2 and 3.1.3.7; RFC 7515, RFC 7519), and the answer they come in.

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

use crate::{Algorithm, KeySet, LEEWAY_S, OpenIdError, SUBJECT_BYTES_MAX, TOKEN_BYTES_MAX, request};

/// Most words of `amr` and audiences that are looked at.
const LIST_MAX: usize = 32;

/// What a token must say to count.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Who made it.
    pub issuer: &'a str,
    /// Whom it is for.
    pub client_id: &'a str,
    /// Of which sign-in it is.
    pub nonce: &'a str,
    /// What it may be signed with.
    pub algorithms: &'a [Algorithm],
    /// When the sign-in began, in seconds since 1970: nothing from before it counts.
    pub begun_s: i64,
    /// What time it is, in seconds since 1970.
    pub now_s: i64,
    /// Whether the person must have signed in at the provider since the sign-in began.
    pub is_fresh: bool,
}

/// What a token that counts says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdToken {
    /// Whom the provider means, for as long as it lives.
    pub subject: String,
    /// How he showed who he is (`amr`, RFC 8176), in the provider's words.
    pub methods: Vec<String>,
    /// How sure the provider is (`acr`), in its words.
    pub class: Option<String>,
}

impl IdToken {
    /// Whether he showed who he is in one of these ways.
    pub fn was_by(&self, values: &[String]) -> bool {
        let said = self.methods.iter().chain(&self.class);
        said.into_iter().any(|word| values.contains(word))
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: OneOrMore,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    azp: Option<String>,
    nonce: Option<String>,
    auth_time: Option<f64>,
    acr: Option<String>,
    amr: Option<OneOrMore>,
}

/// The id token in the token endpoint's answer.
///
/// # Errors
/// [`OpenIdError::Refused`] with the provider's word, or [`OpenIdError::Answer`].
pub fn id_token_of(status: u16, body: &[u8]) -> Result<String, OpenIdError> {
    #[derive(Deserialize)]
    struct Body {
        id_token: Option<String>,
        error: Option<String>,
    }
    let body: Option<Body> = serde_json::from_slice(body).ok();
    if status != 200 {
        let word = body
            .and_then(|body| body.error)
            .map(|word| request::plain_word(&word));
        return Err(OpenIdError::Refused(
            word.unwrap_or_else(|| format!("status {status}")),
        ));
    }
    body.and_then(|body| body.id_token).ok_or(OpenIdError::Answer)
}

impl IdToken {
    /// Reads a token, which counts only as `expected`.
    ///
    /// # Errors
    /// What is wrong with it; [`OpenIdError::UnknownKey`] when newer keys may help.
    pub fn read(text: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Self, OpenIdError> {
        let malformed = OpenIdError::Malformed;
        if text.len() > TOKEN_BYTES_MAX {
            return Err(malformed("it is too long"));
        }
        let (message, mark) = text.rsplit_once('.').ok_or(malformed("it has no signature"))?;
        let (header, payload) = message.split_once('.').ok_or(malformed("it has no content"))?;
        let header: Header = part(header)?;
        // What it says must be understood is not (RFC 7515, section 4.1.11).
        if header.crit.is_some() {
            return Err(malformed("it wants what is not understood"));
        }
        let algorithm = Algorithm::of_name(&header.alg).filter(|one| expected.algorithms.contains(one));
        let algorithm = algorithm.ok_or(OpenIdError::Algorithm)?;
        let mark = BASE64URL_NOPAD
            .decode(mark.as_bytes())
            .map_err(|_| malformed("its signature is no base64url"))?;
        keys.verify(algorithm, header.kid.as_deref(), message.as_bytes(), &mark)?;
        // Nothing of it is looked at before.
        part::<Claims>(payload)?.check(expected)
    }
}

fn part<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, OpenIdError> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok();
    let value = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    value.ok_or(OpenIdError::Malformed("it is no JSON of that shape"))
}

/// Whole seconds; what is no number is long ago.
fn seconds(number: f64) -> i64 {
    // A cast of a float ends at the bounds.
    if number.is_nan() {
        i64::MIN
    } else {
        number.floor() as i64
    }
}

impl Claims {
    fn check(self, expected: &Expected<'_>) -> Result<IdToken, OpenIdError> {
        if self.iss != expected.issuer {
            return Err(OpenIdError::Issuer);
        }
        self.check_audience(expected.client_id)?;
        self.check_time(expected)?;
        if self.nonce.as_deref() != Some(expected.nonce) {
            return Err(OpenIdError::Nonce);
        }
        if expected.is_fresh {
            let seen_s = self.auth_time.map(seconds).ok_or(OpenIdError::NotFresh)?;
            if seen_s < expected.begun_s.saturating_sub(LEEWAY_S)
                || seen_s > expected.now_s.saturating_add(LEEWAY_S)
            {
                return Err(OpenIdError::NotFresh);
            }
        }
        let is_subject =
            (1..=SUBJECT_BYTES_MAX).contains(&self.sub.len()) && !self.sub.chars().any(char::is_control);
        if !is_subject {
            return Err(OpenIdError::Malformed("its subject does not do"));
        }
        let methods = match self.amr {
            None => Vec::new(),
            Some(OneOrMore::One(word)) => vec![word],
            Some(OneOrMore::More(words)) => words.into_iter().take(LIST_MAX).collect(),
        };
        Ok(IdToken {
            subject: self.sub,
            class: self.acr,
            methods,
        })
    }

    /// For this client; and where it is for others too, or says who asked for it, this client asked for it.
    fn check_audience(&self, client_id: &str) -> Result<(), OpenIdError> {
        let (is_ours, is_shared) = match &self.aud {
            OneOrMore::One(one) => (one == client_id, false),
            OneOrMore::More(all) => (all.iter().any(|one| one == client_id), all.len() > 1),
        };
        let is_asked_by_us = match self.azp.as_deref() {
            Some(party) => party == client_id,
            None => !is_shared,
        };
        if is_ours && is_asked_by_us {
            return Ok(());
        }
        Err(OpenIdError::Audience)
    }

    /// Made since the sign-in began, and good now.
    fn check_time(&self, expected: &Expected<'_>) -> Result<(), OpenIdError> {
        let (made_s, ends_s) = (seconds(self.iat), seconds(self.exp));
        let (earliest_s, latest_s) = (
            expected.now_s.saturating_sub(LEEWAY_S),
            expected.now_s.saturating_add(LEEWAY_S),
        );
        let is_begun = self.nbf.is_none_or(|nbf| seconds(nbf) <= latest_s);
        let is_of_now = ends_s > earliest_s && made_s <= latest_s && is_begun;
        if is_of_now && made_s >= expected.begun_s.saturating_sub(LEEWAY_S) {
            return Ok(());
        }
        Err(OpenIdError::Time)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::SoftProvider;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const NOW_S: i64 = 1_767_225_600;

    fn expected<'a>(algorithms: &'a [Algorithm]) -> Expected<'a> {
        Expected {
            issuer: "https://id.example",
            client_id: "vonggac",
            nonce: "n",
            algorithms,
            begun_s: NOW_S - 30,
            now_s: NOW_S,
            is_fresh: false,
        }
    }

    fn claims() -> Value {
        json!({ "iss": "https://id.example", "sub": "lan", "aud": "vonggac", "exp": NOW_S + 300, "iat": NOW_S, "nonce": "n" })
    }

    fn read(provider: &SoftProvider, claims: &Value, is_fresh: bool) -> Result<IdToken, OpenIdError> {
        let keys = KeySet::read(provider.keys().to_string().as_bytes()).unwrap();
        let expected = Expected {
            is_fresh,
            ..expected(&[Algorithm::Es256])
        };
        IdToken::read(&provider.sign(claims), &keys, &expected)
    }

    #[test]
    fn a_token_counts_for_this_client_issuer_time_and_sign_in_alone() {
        let provider = SoftProvider::new("1");
        assert_eq!(read(&provider, &claims(), false).unwrap().subject, "lan");
        let check = |name: &str, value: Value, expect: Result<(), OpenIdError>| {
            let mut changed = claims();
            changed[name] = value.clone();
            let outcome = read(&provider, &changed, false).map(|_| ());
            assert_eq!(outcome, expect, "{name}: {value}");
        };
        check("iss", json!("https://id.example/"), Err(OpenIdError::Issuer));
        check("aud", json!("other"), Err(OpenIdError::Audience));
        check("aud", json!([]), Err(OpenIdError::Audience));
        check("aud", json!(["vonggac"]), Ok(()));
        check("aud", json!(["vonggac", "other"]), Err(OpenIdError::Audience));
        check("azp", json!("other"), Err(OpenIdError::Audience));
        check("azp", json!("vonggac"), Ok(()));
        check("exp", json!(NOW_S - 59), Ok(()));
        check("exp", json!(NOW_S - 60), Err(OpenIdError::Time));
        check("iat", json!(NOW_S + 60), Ok(()));
        check("iat", json!(NOW_S + 61), Err(OpenIdError::Time));
        check("iat", json!(NOW_S - 90), Ok(()));
        check("iat", json!(NOW_S - 91), Err(OpenIdError::Time));
        check("nbf", json!(NOW_S + 61), Err(OpenIdError::Time));
        check("nonce", json!("m"), Err(OpenIdError::Nonce));
        check("nonce", Value::Null, Err(OpenIdError::Nonce));
        check(
            "exp",
            json!("soon"),
            Err(OpenIdError::Malformed("it is no JSON of that shape")),
        );
        check(
            "sub",
            json!(""),
            Err(OpenIdError::Malformed("its subject does not do")),
        );
        check(
            "sub",
            json!("x".repeat(256)),
            Err(OpenIdError::Malformed("its subject does not do")),
        );
        check(
            "sub",
            json!("a\nb"),
            Err(OpenIdError::Malformed("its subject does not do")),
        );
    }

    #[test]
    fn with_more_than_one_audience_it_is_this_client_that_asked() {
        let mut both = claims();
        both["aud"] = json!(["other", "vonggac"]);
        both["azp"] = json!("vonggac");
        assert!(read(&SoftProvider::new("1"), &both, false).is_ok());
    }

    #[test]
    fn a_fresh_sign_in_is_said_to_be_one() {
        let provider = SoftProvider::new("1");
        let check = |seen: Value, expect: bool| {
            let mut changed = claims();
            changed["auth_time"] = seen;
            let outcome = read(&provider, &changed, true);
            assert_eq!(outcome.is_ok(), expect, "{outcome:?}");
        };
        check(json!(NOW_S - 5), true);
        check(json!(NOW_S - 90), true);
        check(json!(NOW_S - 91), false);
        check(json!(NOW_S + 61), false);
        check(Value::Null, false);
    }

    #[test]
    fn only_the_providers_own_signature_counts() {
        let provider = SoftProvider::new("1");
        let keys = KeySet::read(provider.keys().to_string().as_bytes()).unwrap();
        let check = |token: &str, algorithms: &[Algorithm], expect: OpenIdError| {
            assert_eq!(
                IdToken::read(token, &keys, &expected(algorithms)),
                Err(expect),
                "{token}"
            );
        };
        let all = &Algorithm::ALL;
        check(
            &SoftProvider::new("1").sign(&claims()),
            all,
            OpenIdError::Signature,
        );
        check(
            &SoftProvider::new("2").sign(&claims()),
            all,
            OpenIdError::UnknownKey,
        );
        check(&provider.unsigned(&claims()), all, OpenIdError::Algorithm);
        check(
            &SoftProvider::hashed(b"the client's secret", &claims()),
            all,
            OpenIdError::Algorithm,
        );
        check(
            &provider.sign(&claims()),
            &[Algorithm::Rs256],
            OpenIdError::Algorithm,
        );
        let mut parts: Vec<String> = provider.sign(&claims()).split('.').map(str::to_owned).collect();
        let mut other = claims();
        other["sub"] = json!("minh");
        parts[1] = BASE64URL_NOPAD.encode(other.to_string().as_bytes());
        check(&parts.join("."), all, OpenIdError::Signature);
        parts[2] = String::new();
        check(&parts.join("."), all, OpenIdError::Signature);
        let understood = provider.sign_with(
            &json!({ "alg": "ES256", "kid": "1", "crit": ["b64"], "b64": false }),
            &claims(),
        );
        check(
            &understood,
            all,
            OpenIdError::Malformed("it wants what is not understood"),
        );
        check("", all, OpenIdError::Malformed("it has no signature"));
        check(".", all, OpenIdError::Malformed("it has no content"));
        check(
            &"x".repeat(TOKEN_BYTES_MAX + 1),
            all,
            OpenIdError::Malformed("it is too long"),
        );
    }

    #[test]
    fn how_somebody_showed_who_he_is_is_compared_word_by_word() {
        let provider = SoftProvider::new("1");
        let mut changed = claims();
        changed["amr"] = json!(["pwd", "otp"]);
        changed["acr"] = json!("2");
        let token = read(&provider, &changed, false).unwrap();
        let by =
            |words: &[&str]| token.was_by(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert!(by(&["otp"]) && by(&["2"]) && by(&["hwk", "pwd"]));
        assert!(!by(&[]) && !by(&["mfa"]) && !by(&["ot"]) && !by(&[""]));
    }

    #[test]
    fn the_token_endpoints_answer_is_a_token_or_a_word() {
        assert_eq!(
            id_token_of(200, br#"{"id_token":"a.b.c","error":null}"#).as_deref(),
            Ok("a.b.c")
        );
        assert_eq!(id_token_of(200, b"{}"), Err(OpenIdError::Answer));
        assert_eq!(id_token_of(200, b"<html>"), Err(OpenIdError::Answer));
        let refused = |word: &str| Err(OpenIdError::Refused(word.into()));
        assert_eq!(
            id_token_of(400, br#"{"error":"invalid_grant"}"#),
            refused("invalid_grant")
        );
        assert_eq!(id_token_of(400, br#"{"error":"<b>\r\n"}"#), refused("b"));
        assert_eq!(id_token_of(302, b""), refused("status 302"));
    }

    proptest! {
        #[test]
        fn nothing_panics(token in ".{0,200}", header in "[A-Za-z0-9_-]{0,60}", body in prop::collection::vec(any::<u8>(), 0..200)) {
            let keys = KeySet::default();
            let _ = IdToken::read(&token, &keys, &expected(&Algorithm::ALL));
            let _ = IdToken::read(&format!("{header}.{header}.{header}"), &keys, &expected(&Algorithm::ALL));
            let _ = id_token_of(200, &body);
            let _ = KeySet::read(&body);
            let _ = crate::Metadata::read(&body, "x");
        }
    }
}
