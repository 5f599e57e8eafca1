//! Errors as the API tells them: `{"error": {"code", "message", "field", "column"}}`. What a failure says is English; on its way out it is told in
//! the reader's language ([`crate::messages`]).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use vonggac_access::{ResourceKind as Kind, Verb};
use vonggac_database::DatabaseError;
use vonggac_store::search::{Busy, SearchError};

use crate::messages;

/// When a search that found no turn is worth trying again, in seconds.
const BUSY_RETRY_S: u64 = 5;

/// Result of a handler.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// An error's body.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiError {
    pub(crate) error: ErrorBody,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// One word for programs.
    pub(crate) code: &'static str,
    /// A sentence for people, in Vietnamese where `Accept-Language` asks for it, in English otherwise.
    pub(crate) message: String,
    /// Which field or parameter is to blame.
    pub(crate) field: Option<&'static str>,
    /// Where in a query, in characters from 1.
    pub(crate) column: Option<u32>,
}

/// Why a request was not served.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    body: ErrorBody,
    retry_after_s: Option<u64>,
    /// How one proves who asks, where a token was tried (RFC 6750).
    challenge: Option<&'static str>,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let body = ErrorBody {
            code,
            message: message.into(),
            field: None,
            column: None,
        };
        Self {
            status,
            body,
            retry_after_s: None,
            challenge: None,
        }
    }

    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        let mut failure = Self::new(StatusCode::BAD_REQUEST, "invalid", message);
        failure.body.field = Some(field);
        failure
    }

    /// Work in an exercise that has ended.
    pub(crate) fn exercise_over() -> Self {
        Self::new(StatusCode::CONFLICT, "exercise_over", "the exercise has ended")
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "not found")
    }

    /// For somebody who is signed in: 401 would say that he is not.
    pub(crate) fn wrong_password(field: &'static str) -> Self {
        let mut failure = Self::new(StatusCode::FORBIDDEN, "wrong_password", "the password is wrong");
        failure.body.field = Some(field);
        failure
    }

    /// Whoever asks is to confirm first, with a second factor, that it is he.
    pub(crate) fn confirm_first() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "confirm_first",
            "confirm first that it is you",
        )
    }

    /// Whoever asks has signed in with one factor, and this takes two.
    pub(crate) fn factor_first() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "factor_first",
            "this takes a second factor; set one up first",
        )
    }

    /// No sensor can be enrolled: the console has no key for them.
    pub(crate) fn no_sensor_key() -> Self {
        let message = "no sensor can be enrolled: the console was started without --sensor-key";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "no_sensor_key", message)
    }

    /// What only a person may, asked for with a token of the API.
    pub(crate) fn person_only() -> Self {
        let message = "a token of the API cannot do this; it takes a person";
        Self::new(StatusCode::FORBIDDEN, "person_only", message)
    }

    /// Whoever asks has a role that takes a passkey, and has not shown one.
    pub(crate) fn passkey_first() -> Self {
        let message = "a role of this account takes a passkey; register one, or use the one there is, first";
        Self::new(StatusCode::FORBIDDEN, "passkey_first", message)
    }

    /// What the token that asks was not made for.
    pub(crate) fn out_of_scope(kind: Kind, verb: Verb) -> Self {
        let message = format!("the token's scope does not have {}:{}", kind.name(), verb.name());
        let mut failure = Self::new(StatusCode::FORBIDDEN, "scope", message);
        failure.challenge = Some("Bearer error=\"insufficient_scope\"");
        failure
    }

    /// A request with a token and the cookie of a session: nobody can say who asks.
    pub(crate) fn two_credentials() -> Self {
        let message = "the request has a token and a session's cookie; it may have one of them";
        Self::new(StatusCode::BAD_REQUEST, "two_credentials", message)
    }

    /// The session is locked, and this is nothing that unlocks or ends it.
    pub(crate) fn locked() -> Self {
        Self::new(
            StatusCode::LOCKED,
            "locked",
            "the session is locked; unlock it first",
        )
    }

    fn too_expensive(why: impl ToString) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "too_expensive", why.to_string())
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "sign in first")
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let said = messages::say(&self.body.message);
        let error = ErrorBody {
            message: said.text,
            ..self.body
        };
        let mut response = (self.status, Json(ApiError { error })).into_response();
        messages::mark(response.headers_mut(), said.language);
        if let Some(seconds) = self.retry_after_s {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = self.challenge {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::NotFound => Self::not_found(),
            DatabaseError::Conflict(what) => Self::new(StatusCode::CONFLICT, "conflict", what),
            DatabaseError::AlreadySetUp => {
                Self::new(StatusCode::CONFLICT, "already_set_up", error.to_string())
            }
            DatabaseError::Invalid { field, .. } => Self::invalid(field, error.to_string()),
            DatabaseError::WrongCredentials => {
                Self::new(StatusCode::UNAUTHORIZED, "wrong_credentials", error.to_string())
            }
            DatabaseError::Throttled { retry_after_s } => {
                let mut failure = Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", error.to_string());
                failure.retry_after_s = Some(retry_after_s);
                failure
            }
            DatabaseError::WrongCode => {
                let mut failure = Self::new(StatusCode::FORBIDDEN, "wrong_code", error.to_string());
                failure.body.field = Some("code");
                failure
            }
            DatabaseError::BadToken => {
                let mut failure = Self::new(StatusCode::UNAUTHORIZED, "bad_token", error.to_string());
                failure.challenge = Some("Bearer error=\"invalid_token\"");
                failure
            }
            DatabaseError::Passkey(_) => Self::new(StatusCode::FORBIDDEN, "passkey", error.to_string()),
            DatabaseError::NotConfirmed => {
                Self::new(StatusCode::FORBIDDEN, "confirm_first", error.to_string())
            }
            DatabaseError::Vault(_) => {
                tracing::error!(%error, "a second factor could not be used");
                let message = "the console cannot read its own secrets";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "secrets", message)
            }
            DatabaseError::TooExpensive => Self::too_expensive(error),
            DatabaseError::Address(_)
            | DatabaseError::Setting(_)
            | DatabaseError::Server(_)
            | DatabaseError::Migrate(_)
            // Of what is kept; what a page sends is laid at its fields where it is asked for.
            | DatabaseError::Organisation(_)
            | DatabaseError::Hashing(_) => {
                tracing::error!(%error, "the case store failed");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "case_store",
                    "the case store does not answer",
                )
            }
        }
    }
}

impl From<SearchError> for Failure {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Query { column, problem } => {
                let mut failure = Self::new(StatusCode::BAD_REQUEST, "invalid_query", problem);
                failure.body.field = Some("q");
                failure.body.column = u32::try_from(column).ok();
                failure
            }
            SearchError::Field(problem) => Self::invalid("field", problem),
            SearchError::Cursor => Self::invalid("cursor", error.to_string()),
            SearchError::TooExpensive(_) => Self::too_expensive(error),
            SearchError::Busy(busy) => {
                let status = match busy {
                    Busy::Line => StatusCode::TOO_MANY_REQUESTS,
                    Busy::Wait => StatusCode::SERVICE_UNAVAILABLE,
                };
                let mut failure = Self::new(status, "too_many_searches", busy.to_string());
                failure.retry_after_s = Some(BUSY_RETRY_S);
                failure
            }
            SearchError::Server(_) | SearchError::Answer(_) => {
                tracing::error!(%error, "the event store failed");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "event_store",
                    "the event store does not answer",
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_too_much_is_told_so_and_when_to_come_back() {
        let check = |error: SearchError, status: u16, retry_after: Option<&str>| {
            let told = error.to_string();
            let response = Failure::from(error).into_response();
            let after = response.headers().get(header::RETRY_AFTER);
            let after = after.and_then(|value| value.to_str().ok());
            assert_eq!(
                (response.status().as_u16(), after),
                (status, retry_after),
                "{told}"
            );
        };
        check(SearchError::Busy(Busy::Line), 429, Some("5"));
        check(SearchError::Busy(Busy::Wait), 503, Some("5"));
        check(SearchError::TooExpensive("code 159".into()), 422, None);
        check(SearchError::Server("away".into()), 503, None);
        let list = Failure::from(DatabaseError::TooExpensive).into_response();
        assert_eq!(list.status().as_u16(), 422);
    }
}
