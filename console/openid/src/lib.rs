//! Signing in at somebody else's: the relying party's half of OpenID Connect Core 1.0, without the wire, the clock and state.
//!
//! ```text
//!  discovery document ─▶ Metadata ─▶ authorisation address (code, PKCE S256, state, nonce)     ─▶ the browser goes there
//!  what it comes back with ─▶ Answer ─▶ token request ─▶ token answer ─▶ IdToken: signature, iss, aud, azp, exp, iat, nonce, auth_time
//!  JWKS ─▶ KeySet ──────────────────────────────────────────────────────────┘
//! ```
//! `ring` verifies, which TLS has anyhow. Signed with a public key's counterpart or not at all: `none`, and HS256 and its like, whose key is
//! the client's own secret, are in no list here. Encrypted tokens are not read, and user information is not asked for: who it is stands in the
//! token.
//!
//! Invariant: a token counts only with the provider's own signature, for this client, from this issuer, in time, and with the nonce of this very
//! sign-in. Invariant: nothing that comes from a provider or a browser panics, and what it may weigh has a limit.

pub mod keys;
pub mod metadata;
pub mod request;
#[cfg(feature = "testing")]
pub mod testing;
pub mod token;

pub use keys::{Algorithm, KeySet};
pub use metadata::Metadata;
pub use request::{Answer, Handshake, Question};
pub use token::{Expected, IdToken};

use thiserror::Error;

/// How far the clocks of two machines may differ, in seconds.
pub const LEEWAY_S: i64 = 60;
/// Longest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 64 << 10;
/// Longest text of a provider that is kept: an address, a subject.
pub const TEXT_BYTES_MAX: usize = 2_048;
/// Longest subject, in bytes (OpenID Connect Core, section 2).
pub const SUBJECT_BYTES_MAX: usize = 255;

/// Why something of a provider's does not count.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenIdError {
    /// The discovery document is none.
    #[error("the discovery document cannot be used: {0}")]
    Metadata(&'static str),
    /// The document is another issuer's.
    #[error("the discovery document is of another issuer: {0}")]
    OtherIssuer(String),
    /// The keys are none.
    #[error("the provider's keys cannot be read")]
    Keys,
    /// The browser came back with something that is no answer.
    #[error("the answer of the provider cannot be read")]
    Answer,
    /// The provider says that it did not go well, by one of its words.
    #[error("the provider answered: {0}")]
    Refused(String),
    /// The answer is another provider's (RFC 9207).
    #[error("the answer is of another issuer")]
    Mixed,
    /// The token is none.
    #[error("the id token cannot be read: {0}")]
    Malformed(&'static str),
    /// It is signed in a way that was not agreed on.
    #[error("the id token is signed with an algorithm that is not accepted")]
    Algorithm,
    /// The key that it names is not the provider's, as far as is known.
    #[error("the id token is signed with a key that is not the provider's")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the id token's signature is wrong")]
    Signature,
    /// It is another issuer's.
    #[error("the id token is of another issuer")]
    Issuer,
    /// It is for another client.
    #[error("the id token is for another client")]
    Audience,
    /// It is not good any more, or not yet.
    #[error("the id token is not of this time")]
    Time,
    /// It belongs to another sign-in.
    #[error("the id token belongs to another sign-in")]
    Nonce,
    /// The person was not asked to sign in anew, as was wanted.
    #[error("the provider did not ask to sign in anew")]
    NotFresh,
}
