//! What paths name; what cannot be read is what does not exist.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request;
use vonggac_access::OrganisationId;
use vonggac_database::ExerciseId;
use vonggac_enrolment::SensorId;
use vonggac_event::AlertId;

use crate::error::Failure;
use crate::state::Console;

/// What the path names by its one part.
async fn named<T: FromStr>(parts: &mut request::Parts, console: &Console) -> Result<T, Failure> {
    let Path(text): Path<String> = Path::from_request_parts(parts, console)
        .await
        .map_err(|_| Failure::not_found())?;
    text.parse().map_err(|_| Failure::not_found())
}

/// The alert that the path names; what is no id is an alert that does not exist.
pub(crate) struct AlertPath(pub(crate) AlertId);

impl FromRequestParts<Console> for AlertPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        named(parts, console).await.map(Self)
    }
}

/// The organisation that the path names; what is no code is one that does not exist.
pub(crate) struct CodePath(pub(crate) OrganisationId);

impl FromRequestParts<Console> for CodePath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        named(parts, console).await.map(Self)
    }
}

/// The thing that the path names by a number; what is no number is one that does not exist.
pub(crate) struct NumberPath(pub(crate) i64);

impl FromRequestParts<Console> for NumberPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        named(parts, console).await.map(Self)
    }
}

/// The exercise that the path names; what is no number is one that does not exist.
pub(crate) struct ExercisePath(pub(crate) ExerciseId);

impl FromRequestParts<Console> for ExercisePath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        named(parts, console).await.map(Self)
    }
}

/// The sensor that the path names; what is no id is a sensor that does not exist.
pub(crate) struct SensorPath(pub(crate) SensorId);

impl FromRequestParts<Console> for SensorPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        named(parts, console).await.map(Self)
    }
}

/// A thing of a thing, each named by a number.
pub(crate) struct PairPath(pub(crate) i64, pub(crate) i64);

impl FromRequestParts<Console> for PairPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let Path((outer, inner)): Path<(String, String)> = Path::from_request_parts(parts, console)
            .await
            .map_err(|_| Failure::not_found())?;
        match (outer.parse(), inner.parse()) {
            (Ok(outer), Ok(inner)) => Ok(Self(outer, inner)),
            _ => Err(Failure::not_found()),
        }
    }
}
