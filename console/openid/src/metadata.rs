//! What a provider says of itself (OpenID Connect Discovery 1.0, RFC 8414).

use serde::Deserialize;

use crate::{Algorithm, OpenIdError, TEXT_BYTES_MAX};

/// Where the discovery document lies, beneath the issuer.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// How the console shows a provider that it is the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientProof {
    /// In the header `Authorization`.
    Basic,
    /// In the body.
    Post,
}

/// What is needed of a provider's discovery document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The issuer, which is the one that was asked for.
    pub issuer: String,
    /// Where browsers are sent.
    pub authorization_endpoint: String,
    /// Where a code is turned into a token.
    pub token_endpoint: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// What it may sign with, as far as this can be verified; never empty.
    pub algorithms: Vec<Algorithm>,
    /// How it is shown who the client is.
    pub client_proof: ClientProof,
    /// Whether it names itself in its answers (RFC 9207).
    pub names_itself: bool,
    /// Whether it says that it takes PKCE with S256; some take it and do not say so.
    pub says_pkce: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    jwks_uri: Option<String>,
    #[serde(default)]
    id_token_signing_alg_values_supported: Vec<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
    response_types_supported: Option<Vec<String>>,
}

/// Where an issuer's discovery document is.
pub fn discovery_url(issuer: &str) -> String {
    format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/'))
}

impl Metadata {
    /// Reads the discovery document that was found at [`discovery_url`] of `issuer`.
    ///
    /// # Errors
    /// [`OpenIdError::Metadata`] when something is missing that is needed, [`OpenIdError::OtherIssuer`] when it speaks for another.
    pub fn read(bytes: &[u8], issuer: &str) -> Result<Self, OpenIdError> {
        let refused = OpenIdError::Metadata;
        let document: Document =
            serde_json::from_slice(bytes).map_err(|_| refused("it is no such document"))?;
        // Character by character, as section 4.3 wants it: a slash at the end makes another issuer.
        if document.issuer != issuer {
            let said = document.issuer.chars().filter(|c| !c.is_control()).take(200);
            return Err(OpenIdError::OtherIssuer(said.collect()));
        }
        let has_code = |types: Vec<String>| types.iter().any(|one| one == "code");
        if !document.response_types_supported.is_none_or(has_code) {
            return Err(refused("it does not give authorisation codes"));
        }
        // Left out means S256 unknown, not absent; said without S256 means absent.
        let challenges = &document.code_challenge_methods_supported;
        let says_pkce = challenges.iter().any(|one| one == "S256");
        if !challenges.is_empty() && !says_pkce {
            return Err(refused("it takes no PKCE with S256"));
        }
        let names = document.id_token_signing_alg_values_supported.iter();
        let algorithms: Vec<Algorithm> = names.filter_map(|name| Algorithm::of_name(name)).collect();
        if algorithms.is_empty() {
            return Err(refused("it signs with no algorithm that is accepted"));
        }
        Ok(Self {
            authorization_endpoint: address(
                document.authorization_endpoint,
                "it has no authorization_endpoint",
            )?,
            token_endpoint: address(document.token_endpoint, "it has no token_endpoint")?,
            jwks_uri: address(document.jwks_uri, "it has no jwks_uri")?,
            client_proof: client_proof(document.token_endpoint_auth_methods_supported.as_deref()),
            names_itself: document.authorization_response_iss_parameter_supported,
            issuer: document.issuer,
            algorithms,
            says_pkce,
        })
    }
}

/// Basic is what stands for nothing said (section 3).
fn client_proof(methods: Option<&[String]>) -> ClientProof {
    let takes = |name: &str| methods.is_none_or(|methods| methods.iter().any(|one| one == name));
    if !takes("client_secret_basic") && takes("client_secret_post") {
        return ClientProof::Post;
    }
    ClientProof::Basic
}

/// An address of http or https without a fragment; whether it may be plain http is seen to where it is asked.
fn address(text: Option<String>, missing: &'static str) -> Result<String, OpenIdError> {
    let text = text.ok_or(OpenIdError::Metadata(missing))?;
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    let is_plain =
        text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains(['#', '"', '<', '>', '\\']);
    if !is_web || !is_plain || text.len() > TEXT_BYTES_MAX {
        return Err(OpenIdError::Metadata("an endpoint is no web address"));
    }
    Ok(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn document() -> Value {
        json!({
            "issuer": "https://id.example/realms/soc",
            "authorization_endpoint": "https://id.example/realms/soc/auth",
            "token_endpoint": "https://id.example/realms/soc/token",
            "jwks_uri": "https://id.example/realms/soc/certs",
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256"],
        })
    }

    fn read(document: &Value) -> Result<Metadata, OpenIdError> {
        Metadata::read(document.to_string().as_bytes(), "https://id.example/realms/soc")
    }

    #[test]
    fn a_document_is_read_and_what_is_weak_is_left_out() {
        let metadata = read(&document()).unwrap();
        assert_eq!(metadata.algorithms, [Algorithm::Rs256, Algorithm::Es256]);
        assert_eq!(metadata.client_proof, ClientProof::Basic);
        assert!(!metadata.names_itself && !metadata.says_pkce);
        assert_eq!(
            discovery_url("https://id.example/"),
            "https://id.example/.well-known/openid-configuration"
        );
        assert_eq!(
            discovery_url("https://id.example/realms/soc"),
            "https://id.example/realms/soc/.well-known/openid-configuration"
        );
    }

    #[test]
    fn what_does_not_do_is_refused_and_says_why() {
        let check = |name: &str, value: Value, expect: &str| {
            let mut changed = document();
            if value.is_null() {
                changed.as_object_mut().unwrap().remove(name);
            } else {
                changed[name] = value;
            }
            let error = read(&changed).unwrap_err().to_string();
            assert!(error.contains(expect), "{name}: {error}");
        };
        check(
            "issuer",
            json!("https://id.example/realms/soc/"),
            "another issuer",
        );
        check("issuer", json!("https://evil.example"), "https://evil.example");
        check("authorization_endpoint", Value::Null, "no authorization_endpoint");
        check("token_endpoint", Value::Null, "no token_endpoint");
        check("jwks_uri", Value::Null, "no jwks_uri");
        check("jwks_uri", json!("file:///etc/passwd"), "no web address");
        check(
            "authorization_endpoint",
            json!("javascript:alert(1)"),
            "no web address",
        );
        check(
            "authorization_endpoint",
            json!("https://id.example/a#b"),
            "no web address",
        );
        check(
            "token_endpoint",
            json!("https://id.example/\r\nx"),
            "no web address",
        );
        check(
            "id_token_signing_alg_values_supported",
            json!(["none", "HS256"]),
            "no algorithm",
        );
        check("code_challenge_methods_supported", json!(["plain"]), "PKCE");
        check("response_types_supported", json!(["id_token"]), "codes");
        assert!(Metadata::read(b"[]", "x").is_err() && Metadata::read(b"\xff", "x").is_err());
    }

    #[test]
    fn the_secret_goes_where_the_provider_takes_it() {
        let check = |methods: Value, expect: ClientProof| {
            let mut changed = document();
            changed["token_endpoint_auth_methods_supported"] = methods;
            assert_eq!(read(&changed).unwrap().client_proof, expect);
        };
        check(json!(["client_secret_post"]), ClientProof::Post);
        check(
            json!(["client_secret_post", "client_secret_basic"]),
            ClientProof::Basic,
        );
        check(json!(["private_key_jwt"]), ClientProof::Basic);
    }
}
