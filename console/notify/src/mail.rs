//! E-mail: one letter over SMTP, to the relay of the settings.
//!
//! | security | what it means |
//! |---|---|
//! | implicit | TLS from the first byte, usually port 465 |
//! | STARTTLS | TLS before anything is said; a server that does not offer it is told nothing |
//! | plain | none |

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, AsyncTokioStream, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::bounded::Bounded;
use crate::{Culprit, Failure, Notifier, Outlook, plain};

/// Longest subject, in characters.
const SUBJECT_CHARACTERS_MAX: usize = 200;
/// Longest name of a sender, in characters.
const NAME_CHARACTERS_MAX: usize = 80;
/// Most addresses of the relay that are tried.
const TRIES_MAX: usize = 4;

/// An address that letters go to or come from: ASCII, with a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(lettre::Address);

/// A text is no address of e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no address such as lan@example.vn")]
pub struct AddressError;

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        // Quoted local parts and addresses in place of domains are nobody's in earnest.
        let is_plain =
            text.is_ascii() && text.len() <= 254 && !text.contains(['"', '[', '<', '>', ',', ';', ' ']);
        let address = text.parse().ok().filter(|_| is_plain).map(Self);
        address
            .filter(|address| address.domain().contains('.') || address.domain() == "localhost")
            .ok_or(AddressError)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(out)
    }
}

impl Address {
    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }
}

/// How the way to the relay is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Implicit,
    /// TLS after STARTTLS, or nothing.
    StartTls,
    /// None.
    Plain,
}

/// Who signs in at the relay.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Login({:?}, …)", self.user)
    }
}

/// The server that takes letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// Its name, which its certificate must have, or its address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way there is secured.
    pub security: Security,
    /// Who signs in; none where the server asks for nobody.
    pub login: Option<Login>,
}

/// A letter.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// Whose name it comes from.
    pub from_name: &'a str,
    /// Where it comes from.
    pub from: &'a Address,
    /// Where to.
    pub to: &'a Address,
    /// Subject; one line, however it is given.
    pub subject: &'a str,
    /// Text.
    pub text: &'a str,
    /// Its id, the same when it is sent again; letters, digits, dots and hyphens.
    pub id: &'a str,
    /// Id of what it is about, by which mail programs lay letters together.
    pub thread: Option<&'a str>,
    /// Language of the text, as in `vi`.
    pub language: &'a str,
    /// When it is sent, in seconds since 1970.
    pub at_s: i64,
}

impl Letter<'_> {
    /// The letter as it goes over the line.
    fn format(&self) -> Result<Vec<u8>, Failure> {
        let unfit =
            |error: &dyn std::fmt::Display| Failure::never(format!("no letter can be made of it: {error}"));
        let domain = self.from.domain();
        let name = plain(self.from_name, NAME_CHARACTERS_MAX);
        let name = Some(name).filter(|name| !name.trim().is_empty());
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(self.at_s).unwrap_or(0));
        let raw = |name: &'static str, value: &str| {
            HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
        };
        let mut builder = lettre::Message::builder()
            .from(Mailbox::new(name, self.from.0.clone()))
            .to(Mailbox::new(None, self.to.0.clone()))
            .subject(plain(self.subject, SUBJECT_CHARACTERS_MAX))
            .date(at)
            .message_id(Some(format!("<{}@{domain}>", self.id)))
            .raw_header(raw("Auto-Submitted", "auto-generated"))
            .raw_header(raw("X-Auto-Response-Suppress", "All"))
            .raw_header(raw("Content-Language", self.language))
            .header(ContentType::TEXT_PLAIN);
        if let Some(thread) = self.thread {
            let root = format!("<{thread}@{domain}>");
            builder = builder.in_reply_to(root.clone()).references(root);
        }
        let message = builder
            .body(self.text.to_owned())
            .map_err(|error| unfit(&error))?;
        Ok(message.formatted())
    }
}

impl Notifier {
    /// Sends a letter; what the relay answered when it took it.
    ///
    /// # Errors
    /// When the relay cannot be used, or refused the letter.
    pub async fn mail(&self, relay: &Relay, letter: Letter<'_>) -> Result<String, Failure> {
        let limit = self.limits.mail;
        match tokio::time::timeout(limit, self.mail_in_time(relay, letter)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::of_relay(format!(
                "the mail server was not done after {} s",
                limit.as_secs_f32()
            ))),
        }
    }

    async fn mail_in_time(&self, relay: &Relay, letter: Letter<'_>) -> Result<String, Failure> {
        let bytes = letter.format()?;
        let envelope = Envelope::new(Some(letter.from.0.clone()), vec![letter.to.0.clone()])
            .map_err(|error| Failure::never(error.to_string()))?;
        let mut connection = self.connect(relay).await?;
        if let Some(login) = &relay.login {
            let credentials = Credentials::new(login.user.clone(), login.password.clone());
            let said = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
            said.map_err(|error| of_relay("the mail server does not let us sign in", &error))?;
        }
        let outcome = hand_in(&mut connection, &envelope, &bytes).await;
        // It has the letter or refused it; a farewell changes nothing.
        let _ = connection.quit().await;
        outcome
    }

    async fn connect(&self, relay: &Relay) -> Result<AsyncSmtpConnection, Failure> {
        let tcp = self.reach(relay).await?;
        let hello = hello(&tcp);
        let stream = Bounded::new(tcp, self.limits.answer_bytes_max);
        let greeted = |error| of_relay("the mail server does not answer as one", &error);
        if relay.security == Security::Implicit {
            let name = ServerName::try_from(relay.host.clone())
                .map_err(|_| Failure::of_relay("the mail server's name is none of TLS"))?;
            let secured =
                self.tls.connect(name, stream).await.map_err(|error| {
                    Failure::of_relay(format!("TLS with the mail server failed: {error}"))
                })?;
            return AsyncSmtpConnection::connect_with_transport(Box::new(Secured(secured)), &hello)
                .await
                .map_err(greeted);
        }
        let mut connection = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello)
            .await
            .map_err(greeted)?;
        if relay.security == Security::StartTls {
            if !connection.can_starttls() {
                connection.abort().await;
                return Err(Failure::of_relay("the mail server does not offer STARTTLS"));
            }
            let started = connection.starttls(self.parameters(relay)?, &hello).await;
            started.map_err(|error| of_relay("TLS with the mail server failed", &error))?;
        }
        Ok(connection)
    }

    async fn reach(&self, relay: &Relay) -> Result<TcpStream, Failure> {
        let found = match relay.host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.resolve(&relay.host).await.map_err(|error| {
                Failure::of_relay(format!("the mail server {} has no address: {error}", relay.host))
            })?,
        };
        let mut failure = Failure::of_relay(format!("the mail server {} has no address", relay.host));
        for address in found.into_iter().take(TRIES_MAX) {
            match TcpStream::connect(SocketAddr::new(address, relay.port)).await {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    let (host, port) = (&relay.host, relay.port);
                    failure = Failure::of_relay(format!(
                        "the mail server {host}, port {port}, does not answer: {error}"
                    ));
                }
            }
        }
        Err(failure)
    }

    fn parameters(&self, relay: &Relay) -> Result<TlsParameters, Failure> {
        let unfit = |error| of_relay("TLS cannot be set up", &error);
        let mut builder =
            TlsParameters::builder(relay.host.clone()).certificate_store(CertificateStore::None);
        for root in &self.roots {
            // One that cannot be read proves nobody.
            if let Ok(root) = Certificate::from_der(root.to_vec()) {
                builder = builder.add_root_certificate(root);
            }
        }
        builder.build().map_err(unfit)
    }
}

/// Hands the letter in at a relay that knows us.
async fn hand_in(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    bytes: &[u8],
) -> Result<String, Failure> {
    let from = Mail::new(envelope.from().cloned(), Vec::new());
    let said = connection.command(from).await;
    said.map_err(|error| of_relay("the mail server refuses the sender", &error))?;
    for to in envelope.to() {
        let said = connection.command(Rcpt::new(to.clone(), Vec::new())).await;
        said.map_err(|error| of_letter("the mail server refuses the address", &error))?;
    }
    let said = connection.command(Data).await;
    said.map_err(|error| of_letter("the mail server refuses the letter", &error))?;
    let taken = connection.message(bytes).await;
    let taken = taken.map_err(|error| of_letter("the mail server refuses the letter", &error))?;
    Ok(words(&taken))
}

/// A response on one line.
fn words(response: &Response) -> String {
    let lines: Vec<&str> = response.message().collect();
    plain(&format!("{} {}", response.code(), lines.join(" ")), 300)
}

/// What lettre says, with what the server said.
fn said(what: &str, error: &lettre::transport::smtp::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{what}: {error}{}", cause.unwrap_or_default())
}

fn of_relay(what: &str, error: &lettre::transport::smtp::Error) -> Failure {
    Failure::of_relay(said(what, error))
}

/// What a server says of the address or the letter; whatever is not its answer is the way there.
fn of_letter(what: &str, error: &lettre::transport::smtp::Error) -> Failure {
    let outlook = if error.is_permanent() {
        Outlook::Never
    } else if error.is_transient() {
        Outlook::Later(None)
    } else {
        return of_relay(what, error);
    };
    Failure::new(Culprit::Destination, outlook, said(what, error))
}

/// By our end of the connection, as RFC 5321 asks of who has no name.
fn hello(tcp: &TcpStream) -> ClientId {
    match tcp.local_addr().map(|address| address.ip().to_canonical()) {
        Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
        Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
        Err(_) => ClientId::default(),
    }
}

/// A connection that TLS secures from the first byte.
#[derive(Debug)]
struct Secured(TlsStream<Bounded>);

impl tokio::io::AsyncRead for Secured {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        into: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl tokio::io::AsyncWrite for Secured {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Secured {
    fn peer_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.get_ref().0.peer_addr()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain_ones() {
        for text in ["lan@moh.gov.vn", "a.b+c@x.example", "soc@localhost"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        let long = format!("{}@x.example", "a".repeat(260));
        for text in [
            "",
            "lan",
            "lan@",
            "@x.example",
            "lan@x",
            "a b@x.example",
            "lan@x.example\r\nBcc: y@x.example",
            "\"a b\"@x.example",
            "lan@[127.0.0.1]",
            "lan@x.example,y@x.example",
            "Lan <lan@x.example>",
            "lán@x.example",
            &long,
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_letter_has_the_headers_of_an_automatic_one_and_no_others() {
        let (from, to) = (
            "soc@vn.example".parse().unwrap(),
            "lan@moh.example".parse().unwrap(),
        );
        let letter = Letter {
            from_name: "Vọng Gác\r\nBcc: eve@x.example",
            from: &from,
            to: &to,
            subject: "Khẩn cấp\r\nBcc: eve@x.example\r\n\r\nbody",
            text: "Dòng một\n.\nDòng hai",
            id: "n.1",
            thread: Some("alert.2"),
            language: "vi",
            at_s: 1_767_225_600,
        };
        let bytes = letter.format().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.is_ascii(), "{text}");
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .filter_map(|line| line.split_once(':').map(|(name, _)| name))
            .collect();
        assert!(!names.contains(&"Bcc"), "{head}");
        for line in [
            "Message-ID: <n.1@vn.example>",
            "References: <alert.2@vn.example>",
            "In-Reply-To: <alert.2@vn.example>",
            "Auto-Submitted: auto-generated",
            "Date: Thu, 01 Jan 2026 00:00:00 +0000",
            "To: lan@moh.example",
            "Content-Type: text/plain; charset=utf-8",
        ] {
            assert!(
                head.split("\r\n").any(|one| one == line),
                "{line} is missing in {head}"
            );
        }
    }
}
