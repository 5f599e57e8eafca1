//! A provider's public keys (RFC 7517, RFC 7518, RFC 8037), and what they verify.

use data_encoding::BASE64URL_NOPAD;
use ring::signature::{
    self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;

use crate::OpenIdError;

/// Most keys of one provider that are looked at.
pub const KEYS_MAX: usize = 64;

/// What an id token may be signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// The same with SHA-384.
    Rs384,
    /// The same with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// The same with SHA-384.
    Ps384,
    /// The same with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// As a header has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The one of that name; `none` and those with a shared secret are none. RFC 9864 calls EdDSA on this curve Ed25519.
    pub fn of_name(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    fn rsa(self) -> Option<&'static RsaParameters> {
        match self {
            Self::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
            Self::Es256 | Self::Es384 | Self::EdDsa => None,
        }
    }

    /// What verifies a key of that curve; none where the curve is another algorithm's.
    fn of_curve(self, curve: Curve) -> Option<&'static dyn VerificationAlgorithm> {
        match (self, curve) {
            (Self::Es256, Curve::P256) => Some(&signature::ECDSA_P256_SHA256_FIXED),
            (Self::Es384, Curve::P384) => Some(&signature::ECDSA_P384_SHA384_FIXED),
            (Self::EdDsa, Curve::Ed25519) => Some(&signature::ED25519),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
    Ed25519,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Point { curve: Curve, bytes: Vec<u8> },
}

impl Material {
    fn can(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Rsa { .. } => algorithm.rsa().is_some(),
            Self::Point { curve, .. } => algorithm.of_curve(*curve).is_some(),
        }
    }

    fn verifies(&self, algorithm: Algorithm, message: &[u8], mark: &[u8]) -> bool {
        match self {
            Self::Rsa { n, e } => algorithm.rsa().is_some_and(|parameters| {
                RsaPublicKeyComponents { n, e }
                    .verify(parameters, message, mark)
                    .is_ok()
            }),
            Self::Point { curve, bytes } => algorithm
                .of_curve(*curve)
                .is_some_and(|kind| UnparsedPublicKey::new(kind, bytes).verify(message, mark).is_ok()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    id: Option<String>,
    /// The only algorithm that it is for, where it says so.
    algorithm: Option<Algorithm>,
    material: Material,
}

/// The keys that a provider signs with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeySet(Vec<Key>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Raw {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Raw {
    /// A key to verify with; none for what is of another kind or for another use, which a set may have too.
    fn read(self) -> Option<Key> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let algorithm = match self.alg.as_deref() {
            None => None,
            Some(name) => Some(Algorithm::of_name(name)?),
        };
        let material = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Material::Rsa {
                n: without_zeros(bytes(self.n.as_deref())?),
                e: without_zeros(bytes(self.e.as_deref())?),
            },
            ("EC", Some("P-256")) => point(
                Curve::P256,
                32,
                &bytes(self.x.as_deref())?,
                &bytes(self.y.as_deref())?,
            )?,
            ("EC", Some("P-384")) => point(
                Curve::P384,
                48,
                &bytes(self.x.as_deref())?,
                &bytes(self.y.as_deref())?,
            )?,
            ("OKP", Some("Ed25519")) => Material::Point {
                curve: Curve::Ed25519,
                bytes: bytes(self.x.as_deref())?,
            },
            _ => return None,
        };
        Some(Key {
            id: self.kid,
            algorithm,
            material,
        })
    }
}

fn bytes(text: Option<&str>) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text?.as_bytes()).ok()
}

/// Some write a number with a zero before it, which `ring` does not take.
fn without_zeros(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

fn point(curve: Curve, length: usize, x: &[u8], y: &[u8]) -> Option<Material> {
    let is_whole = x.len() == length && y.len() == length;
    is_whole.then(|| Material::Point {
        curve,
        bytes: [&[4], x, y].concat(),
    })
}

impl KeySet {
    /// Reads a set of keys; those of kinds that are of no use here are left out.
    ///
    /// # Errors
    /// [`OpenIdError::Keys`] when it is no set.
    pub fn read(bytes: &[u8]) -> Result<Self, OpenIdError> {
        let document: Document = serde_json::from_slice(bytes).map_err(|_| OpenIdError::Keys)?;
        let raw = document.keys.into_iter().take(KEYS_MAX);
        let keys = raw.filter_map(|value| serde_json::from_value::<Raw>(value).ok()?.read());
        Ok(Self(keys.collect()))
    }

    /// How many of its keys can be used.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none can.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Verifies that `mark` is the signature under `message`: by the key of that id, or, where the token names none, by the only one there is for
    /// the algorithm.
    pub(crate) fn verify(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        message: &[u8],
        mark: &[u8],
    ) -> Result<(), OpenIdError> {
        let fits = |key: &&Key| {
            let is_named = id.is_none() || key.id.as_deref() == id;
            is_named && key.algorithm.is_none_or(|only| only == algorithm) && key.material.can(algorithm)
        };
        let mut fitting = self.0.iter().filter(fits);
        let key = fitting.next().ok_or(OpenIdError::UnknownKey)?;
        // Which of several is not guessed (OpenID Connect Core, section 10.1).
        if id.is_none() && fitting.next().is_some() {
            return Err(OpenIdError::UnknownKey);
        }
        if key.material.verifies(algorithm, message, mark) {
            return Ok(());
        }
        Err(OpenIdError::Signature)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// RFC 7515, appendix A.2: RS256.
    const RS256_KEY: &str = r#"{"keys":[{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}]}"#;
    const RS256_MESSAGE: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const RS256_MARK: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    /// RFC 7515, appendix A.3: ES256.
    const ES256_KEY: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
    const ES256_MESSAGE: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const ES256_MARK: &str =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    /// RFC 8037, appendix A.4: Ed25519.
    const EDDSA_KEY: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    const EDDSA_MESSAGE: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    const EDDSA_MARK: &str =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    fn verify(
        keys: &str,
        algorithm: Algorithm,
        id: Option<&str>,
        message: &str,
        mark: &str,
    ) -> Result<(), OpenIdError> {
        let mark = BASE64URL_NOPAD.decode(mark.as_bytes()).unwrap();
        KeySet::read(keys.as_bytes())
            .unwrap()
            .verify(algorithm, id, message.as_bytes(), &mark)
    }

    #[test]
    fn the_examples_of_the_standards_verify_and_nothing_else_does() {
        for (keys, algorithm, message, mark) in [
            (RS256_KEY, Algorithm::Rs256, RS256_MESSAGE, RS256_MARK),
            (ES256_KEY, Algorithm::Es256, ES256_MESSAGE, ES256_MARK),
            (EDDSA_KEY, Algorithm::EdDsa, EDDSA_MESSAGE, EDDSA_MARK),
        ] {
            assert_eq!(verify(keys, algorithm, None, message, mark), Ok(()));
            let other = message.replacen('e', "f", 1);
            assert_eq!(
                verify(keys, algorithm, None, &other, mark),
                Err(OpenIdError::Signature)
            );
            assert_eq!(
                verify(keys, algorithm, Some("x"), message, mark),
                Err(OpenIdError::UnknownKey)
            );
            for wrong in Algorithm::ALL.into_iter().filter(|one| *one != algorithm) {
                assert!(verify(keys, wrong, None, message, mark).is_err(), "{wrong:?}");
            }
        }
    }

    #[test]
    fn a_key_is_not_guessed_and_is_not_used_for_what_it_is_not_for() {
        let key = |more: &str| EDDSA_KEY.replace(r#""kty""#, &format!("{more}\"kty\""));
        let check = |keys: &str, id: Option<&str>, expect: Result<(), OpenIdError>| {
            assert_eq!(
                verify(keys, Algorithm::EdDsa, id, EDDSA_MESSAGE, EDDSA_MARK),
                expect,
                "{keys}"
            );
        };
        check(&key(r#""kid":"1","#), Some("1"), Ok(()));
        check(&key(r#""kid":"1","#), Some("2"), Err(OpenIdError::UnknownKey));
        check(&key(r#""use":"sig","alg":"EdDSA","#), None, Ok(()));
        check(&key(r#""use":"enc","#), None, Err(OpenIdError::UnknownKey));
        check(&key(r#""alg":"ES256","#), None, Err(OpenIdError::UnknownKey));
        check(&key(r#""alg":"HS256","#), None, Err(OpenIdError::UnknownKey));
        let one = EDDSA_KEY
            .trim_start_matches(r#"{"keys":["#)
            .trim_end_matches("]}");
        check(
            &format!(r#"{{"keys":[{one},{one}]}}"#),
            None,
            Err(OpenIdError::UnknownKey),
        );
        check(
            r#"{"keys":[{"kty":"oct","k":"AAAA"},{"kty":1},7]}"#,
            None,
            Err(OpenIdError::UnknownKey),
        );
        for name in ["none", "HS256", "HS512", "", "rs256", "RS1"] {
            assert_eq!(Algorithm::of_name(name), None, "{name}");
        }
    }
}
