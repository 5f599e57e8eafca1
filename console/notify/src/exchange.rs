//! One request over one connection to one address that was checked, and its answer.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::bounded::Bounded;
use crate::egress::{Egress, Endpoint};
use crate::{Failure, Notifier};

/// Most bytes of the head of an answer.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Most headers of an answer.
const HEADERS_MAX: usize = 64;
/// Most addresses of one host that are tried.
const TRIES_MAX: usize = 3;
/// Who says it asks.
pub(crate) const USER_AGENT: &str = concat!("vonggac/", env!("CARGO_PKG_VERSION"));

/// What came back.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Empty where it was not to be read.
    pub(crate) body: Bytes,
}

impl Notifier {
    /// Sends one request to where `egress` lets it go, and waits for the answer as long as a webhook may take; of its body at most so many
    /// bytes, or nothing, are read.
    pub(crate) async fn exchange(
        &self,
        egress: &Egress,
        endpoint: &Endpoint,
        tls: &TlsConnector,
        request: Request<Full<Bytes>>,
        body_bytes_max: Option<usize>,
    ) -> Result<Answered, Failure> {
        let limit = self.limits.webhook;
        let exchange = self.exchange_in_time(egress, endpoint, tls, request, body_bytes_max);
        let late = || Failure::later(format!("no answer after {} s", limit.as_secs_f32()));
        let outcome = tokio::time::timeout(limit, exchange).await;
        outcome.unwrap_or_else(|_| Err(late()))
    }

    async fn exchange_in_time(
        &self,
        egress: &Egress,
        endpoint: &Endpoint,
        tls: &TlsConnector,
        request: Request<Full<Bytes>>,
        body_bytes_max: Option<usize>,
    ) -> Result<Answered, Failure> {
        let addresses = egress.addresses(endpoint, &*self.resolver).await?;
        let tcp = connect(&addresses).await?;
        let stream = Bounded::new(tcp, self.limits.answer_bytes_max);
        if !endpoint.is_tls {
            return over(stream, request, body_bytes_max).await;
        }
        let name = ServerName::try_from(endpoint.host.clone())
            .map_err(|_| Failure::never("the host's name is none of TLS"))?;
        let secured = tls
            .connect(name, stream)
            .await
            .map_err(|error| Failure::later(format!("TLS failed: {error}")))?;
        over(secured, request, body_bytes_max).await
    }
}

/// To the first of them that answers.
async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let mut failure = Failure::later("it has no address");
    for &address in addresses.iter().take(TRIES_MAX) {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = Failure::later(format!("it does not answer: {error}")).at(address.ip()),
        }
    }
    Err(failure)
}

async fn over<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    body_bytes_max: Option<usize>,
) -> Result<Answered, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    let asking = async {
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| broken(&error))?;
        let (head, body) = answer.into_parts();
        let body = match body_bytes_max {
            None => Bytes::new(),
            Some(most) => {
                let read = Limited::new(body, most).collect().await;
                read.map_err(|error| broken(&*error))?.to_bytes()
            }
        };
        Ok(Answered {
            status: head.status,
            headers: head.headers,
            body,
        })
    };
    // Both end here, whichever ends first: nothing goes on behind the answer.
    tokio::pin!(connection, asking);
    tokio::select! {
        answer = &mut asking => answer,
        ended = &mut connection => {
            let why = ended.err().map_or_else(|| "it was closed".to_owned(), |error| causes(&error));
            // What was read before the end counts.
            asking.await.map_err(|_| Failure::later(format!("the exchange broke off: {why}")))
        }
    }
}

fn broken(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::later(format!("the exchange broke off: {}", causes(error)))
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
