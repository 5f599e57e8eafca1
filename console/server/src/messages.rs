//! What the API says to people, in the reader's language.
//!
//! ```text
//!  request ──▶ layer: whose language? ──▶ handler ──▶ Failure, or a body with messages ──▶ say ──▶ answer
//!              (Accept-Language)                      (English)                            (catalogue)
//! ```
//! Handlers, stores and engines say what they say in English, as one text; here it is told in Vietnamese to who asks for that, by a catalogue as
//! gettext has it: the English is the key ([`vietnamese`]). A message that the catalogue lacks is told in English, never lost; a test goes
//! through the sources and fails for one.
//!
//! Invariant: nothing but the words depends on the language. Two answers that are the same in one are the same in the other.

mod catalogue;
mod preference;
mod vietnamese;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use serde::Serializer;
use vonggac_database::Language;

use catalogue::CATALOGUE;
#[cfg(test)]
pub(crate) use vietnamese::TEXTS;

tokio::task_local! {
    /// Whom the request that this task answers is to be answered for.
    static READER: Language;
}

/// A message, as it is told.
pub(crate) struct Said {
    pub(crate) text: String,
    /// English for a Vietnamese reader where the catalogue lacks it.
    pub(crate) language: Language,
}

/// A message in the language of who asked; in English outside a request.
pub(crate) fn say(english: &str) -> Said {
    let language = READER.try_with(|reader| *reader).unwrap_or(Language::English);
    in_language(english, language)
}

/// A message in that language.
pub(crate) fn in_language(english: &str, language: Language) -> Said {
    let vietnamese = match language {
        Language::Vietnamese => CATALOGUE.sentence(english),
        Language::English => None,
    };
    match vietnamese {
        Some(text) => Said { text, language },
        None => Said {
            text: english.to_owned(),
            language: Language::English,
        },
    }
}

/// For `serialize_with`: a message in a body that tells of no failure.
pub(crate) fn told<S: Serializer>(english: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&say(english).text)
}

/// The same of one that may be missing.
pub(crate) fn told_if_any<S: Serializer>(english: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match english {
        Some(english) => serializer.serialize_some(&say(english).text),
        None => serializer.serialize_none(),
    }
}

/// Says in which language an answer is.
pub(crate) fn mark(headers: &mut HeaderMap, language: Language) {
    let code = HeaderValue::from_static(language.code());
    headers.entry(header::CONTENT_LANGUAGE).or_insert(code);
}

/// Answers each request in its reader's language, and says so.
pub(crate) async fn in_the_readers_language(request: Request, next: Next) -> Response {
    let language = preference::of(request.headers());
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = READER.scope(language, next.run(request)).await;
    let headers = response.headers_mut();
    if is_api && is_json(headers) {
        mark(headers, language);
    }
    if is_api || headers.contains_key(header::CONTENT_LANGUAGE) {
        headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    }
    response
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}
