//! What a browser is sent to the provider with, what it comes back with, and how a code is turned into a token (RFC 6749, RFC 7636, RFC 9207).

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use ring::{digest, hmac};

use crate::metadata::ClientProof;
use crate::{Metadata, OpenIdError, TEXT_BYTES_MAX};

/// Longest word of a provider's that is kept, in characters.
const WORD_CHARACTERS_MAX: usize = 60;

/// What ties a sign-in to the browser that began it: a secret that the browser keeps, and the state, which goes around by the provider.
///
/// The nonce and the code verifier are derived from both, so that neither is kept anywhere, and the state alone is worth nothing.
#[derive(Clone, Copy)]
pub struct Handshake<'a> {
    /// What the browser keeps in a cookie: 256 random bits.
    pub secret: &'a [u8],
    /// What goes around: 256 random bits as text.
    pub state: &'a str,
}

impl fmt::Debug for Handshake<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Handshake(…)")
    }
}

impl Handshake<'_> {
    fn derived(&self, purpose: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret);
        let mark = hmac::sign(&key, format!("{purpose} {}", self.state).as_bytes());
        BASE64URL_NOPAD.encode(mark.as_ref())
    }

    /// What the id token must carry.
    pub fn nonce(&self) -> String {
        self.derived("nonce")
    }

    /// What a code can be turned into a token with: 43 characters.
    pub fn verifier(&self) -> String {
        self.derived("verifier")
    }

    /// S256 of the verifier.
    pub fn challenge(&self) -> String {
        let hash = digest::digest(&digest::SHA256, self.verifier().as_bytes());
        BASE64URL_NOPAD.encode(hash.as_ref())
    }
}

/// What a browser is sent to the provider with.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The client's id.
    pub client_id: &'a str,
    /// Where it is to come back to.
    pub redirect_uri: &'a str,
    /// What is asked for, `openid` among it.
    pub scopes: &'a [String],
    /// What ties it to the browser.
    pub handshake: Handshake<'a>,
    /// Whether the person is to show anew who he is.
    pub is_fresh: bool,
}

impl Question<'_> {
    /// The address that the browser is sent to.
    pub fn url(&self, metadata: &Metadata) -> String {
        let scope = self.scopes.join(" ");
        let (nonce, challenge) = (self.handshake.nonce(), self.handshake.challenge());
        let mut fields = vec![
            ("response_type", "code"),
            ("client_id", self.client_id),
            ("redirect_uri", self.redirect_uri),
            ("scope", scope.as_str()),
            ("state", self.handshake.state),
            ("nonce", nonce.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        if self.is_fresh {
            fields.extend([("prompt", "login"), ("max_age", "0")]);
        }
        let endpoint = &metadata.authorization_endpoint;
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        format!("{endpoint}{joint}{}", form(&fields))
    }
}

/// What a browser came back with.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The code.
    pub code: Option<String>,
    /// Who says it is (RFC 9207).
    pub issuer: Option<String>,
    /// What went wrong, in the provider's word.
    pub error: Option<String>,
}

impl Answer {
    /// The code, if the answer is this provider's and it is one.
    ///
    /// # Errors
    /// [`OpenIdError::Mixed`], [`OpenIdError::Refused`] or [`OpenIdError::Answer`].
    pub fn code(&self, metadata: &Metadata) -> Result<&str, OpenIdError> {
        match self.issuer.as_deref() {
            Some(issuer) if issuer != metadata.issuer => return Err(OpenIdError::Mixed),
            None if metadata.names_itself => return Err(OpenIdError::Mixed),
            _ => {}
        }
        if let Some(word) = &self.error {
            return Err(OpenIdError::Refused(plain_word(word)));
        }
        let code = self
            .code
            .as_deref()
            .filter(|code| !code.is_empty() && code.len() <= TEXT_BYTES_MAX);
        code.ok_or(OpenIdError::Answer)
    }
}

/// A provider's word for what went wrong, without what could be taken for more: letters, digits, `_`, `-` and `.`.
pub(crate) fn plain_word(word: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    word.chars().filter(is_plain).take(WORD_CHARACTERS_MAX).collect()
}

/// Who the client is, and how it shows that.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    /// Its id.
    pub id: &'a str,
    /// What only it and the provider know; none for a public client, which PKCE alone protects.
    pub secret: Option<&'a str>,
}

/// The request that turns a code into a token.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// Of `application/x-www-form-urlencoded`.
    pub body: String,
    /// The header `Authorization`, where there is one.
    pub authorization: Option<String>,
}

/// The request that turns `code` into a token.
pub fn token_request(
    metadata: &Metadata,
    client: Client<'_>,
    code: &str,
    redirect_uri: &str,
    handshake: Handshake<'_>,
) -> TokenRequest {
    let verifier = handshake.verifier();
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", verifier.as_str()),
    ];
    let authorization = match (client.secret, metadata.client_proof) {
        (Some(secret), ClientProof::Basic) => {
            // Both are encoded as in a form first (RFC 6749, section 2.3.1).
            let pair = format!("{}:{}", encoded(client.id), encoded(secret));
            Some(format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes())))
        }
        (Some(secret), ClientProof::Post) => {
            fields.extend([("client_id", client.id), ("client_secret", secret)]);
            None
        }
        (None, _) => {
            fields.push(("client_id", client.id));
            None
        }
    };
    TokenRequest {
        body: form(&fields),
        authorization,
    }
}

/// `a=b&c=d`.
fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    pairs.join("&")
}

/// Whatever is not unreserved (RFC 3986) as %XX: so it is read the same in a form and in an address.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Algorithm;

    fn metadata(client_proof: ClientProof, names_itself: bool) -> Metadata {
        Metadata {
            issuer: "https://id.example".into(),
            authorization_endpoint: "https://id.example/auth".into(),
            token_endpoint: "https://id.example/token".into(),
            jwks_uri: "https://id.example/certs".into(),
            algorithms: vec![Algorithm::Es256],
            client_proof,
            names_itself,
            says_pkce: true,
        }
    }

    const HANDSHAKE: Handshake<'_> = Handshake {
        secret: &[7; 32],
        state: "s",
    };

    #[test]
    fn the_browser_is_sent_with_all_that_the_answer_is_checked_by() {
        let scopes = ["openid".to_owned(), "email".to_owned()];
        let question = Question {
            client_id: "vọng gác",
            redirect_uri: "https://soc.example/api/v1/openid/callback",
            scopes: &scopes,
            handshake: HANDSHAKE,
            is_fresh: false,
        };
        let metadata = metadata(ClientProof::Basic, false);
        let url = question.url(&metadata);
        let expect = format!(
            "https://id.example/auth?response_type=code&client_id=v%E1%BB%8Dng%20g%C3%A1c\
             &redirect_uri=https%3A%2F%2Fsoc.example%2Fapi%2Fv1%2Fopenid%2Fcallback&scope=openid%20email&state=s&nonce={}\
             &code_challenge={}&code_challenge_method=S256",
            HANDSHAKE.nonce(),
            HANDSHAKE.challenge()
        );
        assert_eq!(url, expect);
        assert!(!url.contains(&HANDSHAKE.verifier()));
        let fresh = Question {
            is_fresh: true,
            ..question
        };
        assert!(fresh.url(&metadata).ends_with("&prompt=login&max_age=0"));
        let with_query = Metadata {
            authorization_endpoint: "https://id.example/auth?tenant=1".into(),
            ..metadata
        };
        assert!(
            question
                .url(&with_query)
                .starts_with("https://id.example/auth?tenant=1&response_type=code&")
        );
    }

    #[test]
    fn nonce_and_verifier_are_of_the_browser_and_the_state() {
        let other = Handshake {
            secret: &[8; 32],
            state: "s",
        };
        let next = Handshake {
            state: "t",
            ..HANDSHAKE
        };
        let all = [
            HANDSHAKE.nonce(),
            HANDSHAKE.verifier(),
            HANDSHAKE.challenge(),
            other.nonce(),
            other.verifier(),
            next.nonce(),
            next.verifier(),
        ];
        for (index, one) in all.iter().enumerate() {
            assert_eq!(one.len(), 43);
            assert!(!all[index + 1..].contains(one));
        }
    }

    #[test]
    fn the_clients_secret_goes_as_the_standard_has_it() {
        let client = Client {
            id: "a:b",
            secret: Some("c d%"),
        };
        let basic = token_request(
            &metadata(ClientProof::Basic, false),
            client,
            "x&y",
            "https://r/",
            HANDSHAKE,
        );
        // base64("a%3Ab:c%20d%25")
        assert_eq!(basic.authorization.as_deref(), Some("Basic YSUzQWI6YyUyMGQlMjU="));
        let verifier = HANDSHAKE.verifier();
        let common = format!(
            "grant_type=authorization_code&code=x%26y&redirect_uri=https%3A%2F%2Fr%2F&code_verifier={verifier}"
        );
        assert_eq!(basic.body, common);
        let post = token_request(
            &metadata(ClientProof::Post, false),
            client,
            "x&y",
            "https://r/",
            HANDSHAKE,
        );
        assert_eq!(
            post.body,
            format!("{common}&client_id=a%3Ab&client_secret=c%20d%25")
        );
        assert_eq!(post.authorization, None);
        let public = Client {
            secret: None,
            ..client
        };
        let public = token_request(
            &metadata(ClientProof::Basic, false),
            public,
            "x&y",
            "https://r/",
            HANDSHAKE,
        );
        assert_eq!(
            (public.authorization, public.body),
            (None, format!("{common}&client_id=a%3Ab"))
        );
    }

    #[test]
    fn an_answer_is_of_the_provider_that_was_asked() {
        let ours = Some("https://id.example".to_owned());
        let answer = |issuer: Option<&str>, error: Option<&str>| Answer {
            code: Some("c".into()),
            issuer: issuer.map(str::to_owned),
            error: error.map(str::to_owned),
        };
        let check = |answer: Answer, names_itself: bool, expect: Result<&str, OpenIdError>| {
            assert_eq!(answer.code(&metadata(ClientProof::Basic, names_itself)), expect);
        };
        check(answer(ours.as_deref(), None), true, Ok("c"));
        check(answer(ours.as_deref(), None), false, Ok("c"));
        check(answer(None, None), false, Ok("c"));
        check(answer(None, None), true, Err(OpenIdError::Mixed));
        check(
            answer(Some("https://evil.example"), None),
            false,
            Err(OpenIdError::Mixed),
        );
        let refused = |word: &str| Err(OpenIdError::Refused(word.into()));
        check(
            answer(None, Some("access_denied")),
            false,
            refused("access_denied"),
        );
        check(
            answer(None, Some("<script>x</script>")),
            false,
            refused("scriptxscript"),
        );
        check(answer(None, Some("access_denied")), true, Err(OpenIdError::Mixed));
        check(Answer::default(), false, Err(OpenIdError::Answer));
    }
}
