//! Webhooks: one signed POST, to one checked address.
//!
//! Only the head of the answer is read: what it says beyond its status is nobody's business here, and cannot be endless.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Request, StatusCode, header};

use crate::egress::{Egress, Endpoint};
use crate::exchange::USER_AGENT;
use crate::signature::Secret;
use crate::{Culprit, Failure, Notifier, Outlook};

/// Longest wait that a receiver may ask for, in seconds.
const RETRY_AFTER_S_MAX: u32 = 3_600;

/// A message to a webhook.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// Where to.
    pub endpoint: &'a Endpoint,
    /// What it is signed with.
    pub secret: &'a Secret,
    /// Its id, the same when it is sent again.
    pub id: &'a str,
    /// When it is sent, in seconds since 1970.
    pub at_s: i64,
    /// JSON.
    pub body: &'a str,
}

impl Notifier {
    /// Posts to a webhook; the status of the answer, which is a 2xx.
    ///
    /// # Errors
    /// When it may not go there, or was not taken.
    pub async fn post(&self, egress: &Egress, post: Post<'_>) -> Result<u16, Failure> {
        let answer = self
            .exchange(egress, post.endpoint, &self.tls, request(post)?, None)
            .await?;
        judge(answer.status, &answer.headers)
    }
}

fn request(post: Post<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let body = Bytes::copy_from_slice(post.body.as_bytes());
    Request::post(post.endpoint.path())
        .header(header::HOST, post.endpoint.authority())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, body.len())
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::CONNECTION, "close")
        .header("webhook-id", post.id)
        .header("webhook-timestamp", post.at_s)
        .header(
            "webhook-signature",
            post.secret.sign(post.id, post.at_s, post.body.as_bytes()),
        )
        .body(Full::new(body))
        .map_err(|error| Failure::never(format!("no request can be made of it: {error}")))
}

fn judge(status: StatusCode, headers: &HeaderMap) -> Result<u16, Failure> {
    let code = status.as_u16();
    let fails = |outlook, said| Err(Failure::new(Culprit::Destination, outlook, said));
    match code {
        200..300 => Ok(code),
        300..400 => fails(
            Outlook::Never,
            format!("it answered {code}; redirects are not followed"),
        ),
        410 => fails(Outlook::Gone, "it answered 410: it wants nothing more".to_owned()),
        408 | 425 | 429 | 500.. => fails(
            Outlook::Later(retry_after_s(headers)),
            format!("it answered {code}"),
        ),
        _ => fails(Outlook::Never, format!("it answered {code}")),
    }
}

fn retry_after_s(headers: &HeaderMap) -> Option<u32> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    value
        .trim()
        .parse()
        .ok()
        .map(|seconds: u32| seconds.min(RETRY_AFTER_S_MAX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_whether_to_try_again() {
        let check = |code: u16, after: Option<&str>, expect: Result<u16, Outlook>| {
            let mut headers = HeaderMap::new();
            if let Some(after) = after {
                headers.insert(header::RETRY_AFTER, after.parse().unwrap());
            }
            let outcome = judge(StatusCode::from_u16(code).unwrap(), &headers);
            assert_eq!(outcome.map_err(|failure| failure.outlook), expect, "{code}");
        };
        check(200, None, Ok(200));
        check(204, None, Ok(204));
        check(301, None, Err(Outlook::Never));
        check(307, None, Err(Outlook::Never));
        check(400, None, Err(Outlook::Never));
        check(404, None, Err(Outlook::Never));
        check(410, None, Err(Outlook::Gone));
        check(429, Some("30"), Err(Outlook::Later(Some(30))));
        check(429, Some("999999"), Err(Outlook::Later(Some(3_600))));
        check(
            503,
            Some("Wed, 21 Oct 2026 07:28:00 GMT"),
            Err(Outlook::Later(None)),
        );
        check(500, None, Err(Outlook::Later(None)));
    }
}
