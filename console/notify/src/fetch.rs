//! Questions: a GET, or a POST of a form, to one checked address, whose answer is wanted whole and is not long.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, header};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use crate::egress::{Egress, Endpoint};
use crate::exchange::USER_AGENT;
use crate::{Culprit, Failure, Notifier, Outlook, connector};

/// Most certificates that are trusted beside the machine's.
pub const CERTIFICATES_MAX: usize = 16;

/// A question.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// Where to.
    pub endpoint: &'a Endpoint,
    /// A form, which is posted; without one it is a GET.
    pub form: Option<&'a str>,
    /// The header `Authorization`.
    pub authorization: Option<&'a str>,
    /// Who is trusted beside those whom the machine trusts.
    pub trusted: &'a Certificates,
}

/// Certificates of authorities.
#[derive(Debug, Clone, Default)]
pub struct Certificates(Vec<CertificateDer<'static>>);

/// A text has no certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("has no certificates in PEM, or more than 16")]
pub struct CertificatesError;

impl std::str::FromStr for Certificates {
    type Err = CertificatesError;

    /// None of an empty text.
    fn from_str(text: &str) -> Result<Self, CertificatesError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
        let all = read.map_err(|_| CertificatesError)?;
        let mut store = tokio_rustls::rustls::RootCertStore::empty();
        let (_, unfit) = store.add_parsable_certificates(all.iter().cloned());
        if all.is_empty() || all.len() > CERTIFICATES_MAX || unfit > 0 {
            return Err(CertificatesError);
        }
        Ok(Self(all))
    }
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its status, whichever.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

impl Notifier {
    /// Asks, and waits for the whole answer. Where it sends on to is not followed.
    ///
    /// # Errors
    /// When it may not go there, or no answer came that is short enough, in time.
    pub async fn fetch(&self, egress: &Egress, ask: Ask<'_>) -> Result<Fetched, Failure> {
        let own = &ask.trusted.0;
        let tls = if own.is_empty() {
            self.tls.clone()
        } else {
            let all: Vec<_> = self.roots.iter().chain(own).cloned().collect();
            connector(&all)
                .map_err(|error| Failure::new(Culprit::Destination, Outlook::Never, error.to_string()))?
        };
        let most = Some(self.limits.answer_bytes_max);
        let answer = self
            .exchange(egress, ask.endpoint, &tls, request(ask)?, most)
            .await?;
        Ok(Fetched {
            status: answer.status.as_u16(),
            body: answer.body.into(),
        })
    }
}

fn request(ask: Ask<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let mut request = match ask.form {
        None => Request::get(ask.endpoint.path()),
        Some(form) => Request::post(ask.endpoint.path())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::CONTENT_LENGTH, form.len()),
    };
    if let Some(proof) = ask.authorization {
        request = request.header(header::AUTHORIZATION, proof);
    }
    let body = Bytes::copy_from_slice(ask.form.unwrap_or_default().as_bytes());
    request
        .header(header::HOST, ask.endpoint.authority())
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::CONNECTION, "close")
        .body(Full::new(body))
        .map_err(|error| Failure::never(format!("no request can be made of it: {error}")))
}
