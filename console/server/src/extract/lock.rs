//! A session that is locked: every handler refuses it but those that take [`AtLock`].

use axum::extract::FromRequestParts;
use axum::http::request;

use super::{InSession, Means, Signed, a_person, asking, off_stage};
use crate::error::Failure;
use crate::state::Console;

/// A person with the session, which may be locked: to ask whether it is, to unlock it, or to end it.
pub(crate) struct AtLock(pub(crate) InSession);

impl AtLock {
    /// Whether the session is locked.
    pub(crate) fn is_locked(&self) -> bool {
        self.0.signed.is_locked
    }
}

impl FromRequestParts<Console> for AtLock {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let signed = asking(parts, console).await?;
        off_stage(parts, console).await?;
        match signed.means.clone() {
            Means::Session { id, token, assured } => Ok(Self(InSession {
                signed,
                session: id,
                token,
                assured,
            })),
            Means::Token(token) => Err(a_person(parts, console, &signed, token).await?),
        }
    }
}

/// Who asks, unless the session is locked.
pub(super) fn open(signed: Signed) -> Result<Signed, Failure> {
    if signed.is_locked {
        return Err(Failure::locked());
    }
    Ok(signed)
}
