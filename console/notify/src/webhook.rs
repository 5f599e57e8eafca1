//! Webhooks: one signed POST, to one checked address.
//!
//! Only the head of the answer is read: what it says beyond its status is nobody's business here, and cannot be endless.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::bounded::Bounded;
use crate::egress::{Egress, Endpoint};
use crate::signature::Secret;
use crate::{Culprit, Failure, Notifier, Outlook};

/// Most bytes of the head of an answer.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Most headers of an answer.
const HEADERS_MAX: usize = 64;
/// Most addresses of one host that are tried.
const TRIES_MAX: usize = 3;
/// Longest wait that a receiver may ask for, in seconds.
const RETRY_AFTER_S_MAX: u32 = 3_600;
/// Who says it asks.
const USER_AGENT: &str = concat!("vonggac/", env!("CARGO_PKG_VERSION"));

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
        let limit = self.limits.webhook;
        match tokio::time::timeout(limit, self.post_in_time(egress, post)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::later(format!(
                "no answer after {} s",
                limit.as_secs_f32()
            ))),
        }
    }

    async fn post_in_time(&self, egress: &Egress, post: Post<'_>) -> Result<u16, Failure> {
        let addresses = egress.addresses(post.endpoint, &*self.resolver).await?;
        let tcp = connect(&addresses).await?;
        let stream = Bounded::new(tcp, self.limits.answer_bytes_max);
        let answer = if post.endpoint.is_tls {
            let name = ServerName::try_from(post.endpoint.host.clone())
                .map_err(|_| Failure::never("the host's name is none of TLS"))?;
            let secured = self
                .tls
                .connect(name, stream)
                .await
                .map_err(|error| Failure::later(format!("TLS failed: {error}")))?;
            exchange(secured, post).await?
        } else {
            exchange(stream, post).await?
        };
        judge(answer.status(), answer.headers())
    }
}

/// To the first of them that answers.
async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let mut failure = Failure::later("it has no address");
    for &address in addresses.iter().take(TRIES_MAX) {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = Failure::later(format!("{address} does not answer: {error}")),
        }
    }
    Err(failure)
}

async fn exchange<S>(stream: S, post: Post<'_>) -> Result<Response<Incoming>, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let broken = |error: hyper::Error| Failure::later(format!("the exchange broke off: {}", causes(&error)));
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let request = request(post)?;
    // Both end here, whichever ends first: nothing goes on behind the answer.
    tokio::pin!(connection);
    let sending = sender.send_request(request);
    tokio::pin!(sending);
    tokio::select! {
        answer = &mut sending => answer.map_err(broken),
        ended = &mut connection => {
            let why = ended.err().map_or_else(|| "it was closed".to_owned(), |error| causes(&error));
            // What was read before the end counts.
            sending.await.map_err(|_| Failure::later(format!("the exchange broke off: {why}")))
        }
    }
}

/// An error with what caused it, in words.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

fn request(post: Post<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let path = post
        .endpoint
        .uri
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let authority = post
        .endpoint
        .uri
        .authority()
        .map_or("", |authority| authority.as_str());
    let body = Bytes::copy_from_slice(post.body.as_bytes());
    Request::post(path)
        .header(header::HOST, authority)
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
