//! One POST over HTTP/1.1, with TLS by rustls: a sensor carries no HTTP library for that.
//!
//! ```text
//! POST PATH HTTP/1.1, Connection: close, Content-Length  ──▶
//!                                      ◀── status, headers, a body by Content-Length, in chunks, or up to the end
//! ```

use std::fmt;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// How long connecting, and each piece of the answer, may take.
const STEP_LIMIT: Duration = Duration::from_secs(15);
/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Where a console is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    is_tls: bool,
    host: String,
    port: u16,
    /// Path before the API's, without a slash at its end.
    prefix: String,
}

/// What a server said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl FromStr for Address {
    type Err = anyhow::Error;

    fn from_str(url: &str) -> anyhow::Result<Self> {
        let (is_tls, rest) = match url.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => bail!("is no https://HOST address"),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        ensure!(
            !authority.contains('@') && !path.contains(['?', '#']),
            "has more than a host, a port and a path"
        );
        let (host, port) = match authority.rsplit_once(':') {
            // The colons of an IPv6 address stand in brackets.
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().ok().context("its port is no number to 65535")?)
            }
            _ => (authority, if is_tls { 443 } else { 80 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        ensure!(
            !host.is_empty() && !host.contains(|letter: char| letter.is_whitespace() || letter.is_control()),
            "has no host"
        );
        ensure!(
            is_tls || is_this_machine(&host),
            "goes over the network without TLS, and the credential with it; give an https:// address"
        );
        Ok(Self {
            is_tls,
            host,
            port,
            prefix: path.trim_end_matches('/').to_owned(),
        })
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(out, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

impl Address {
    fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Posts a JSON text; `ca` is the one authority that is trusted, the machine's own ones without it.
///
/// # Errors
/// When the console cannot be reached, its certificate is not accepted, or what it says is no HTTP.
pub(crate) fn json(address: &Address, path: &str, body: &str, ca: Option<&Path>) -> anyhow::Result<Answer> {
    let away = || format!("the console at {address} cannot be reached");
    let roots = authorities(ca)?;
    let stream = connect(address).with_context(away)?;
    let request = format!(
        "POST {}{path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        address.prefix,
        address.authority(),
        body.len()
    );
    let answer = if address.is_tls {
        let tls = secured(address, roots, stream)?;
        exchange(tls, &request).map_err(|error| judged(address, ca, error))?
    } else {
        exchange(stream, &request).with_context(away)?
    };
    read_answer(&answer).with_context(|| format!("what answers at {address} is no console"))
}

fn connect(address: &Address) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
    for socket in (address.host.as_str(), address.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&socket, STEP_LIMIT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(STEP_LIMIT))?;
                stream.set_write_timeout(Some(STEP_LIMIT))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn authorities(ca: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(file) = ca else {
        // What cannot be read of the machine's own is left out, as every program does.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let named = || format!("--ca {}", file.display());
    for certificate in CertificateDer::pem_file_iter(file).with_context(named)? {
        roots.add(certificate.with_context(named)?).with_context(named)?;
    }
    ensure!(!roots.is_empty(), "{}: there is no certificate in it", named());
    Ok(roots)
}

fn secured(
    address: &Address,
    roots: RootCertStore,
    stream: TcpStream,
) -> anyhow::Result<StreamOwned<ClientConnection, TcpStream>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(address.host.clone()).context("no name that a certificate can hold")?;
    let connection = ClientConnection::new(Arc::new(config), name)?;
    Ok(StreamOwned::new(connection, stream))
}

/// Why no exchange came about over TLS: a certificate that is not accepted is for a person to mend.
fn judged(address: &Address, ca: Option<&Path>, error: std::io::Error) -> anyhow::Error {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let advice = match (inner, ca) {
        (Some(rustls::Error::InvalidCertificate(_)), Some(ca)) => format!(
            "the certificate of the console at {address} is not accepted by the authority in {}",
            ca.display()
        ),
        (Some(rustls::Error::InvalidCertificate(_)), None) => format!(
            "the certificate of the console at {address} is not accepted by this machine's authorities; \
             give its authority with --ca FILE"
        ),
        (Some(_), _) => format!("no TLS with what answers at {address}"),
        (None, _) => format!("the console at {address} cannot be reached"),
    };
    anyhow::Error::new(error).context(advice)
}

fn exchange(mut stream: impl Read + Write, request: &str) -> std::io::Result<Vec<u8>> {
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let mut answer = Vec::new();
    match stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer) {
        Ok(_) => Ok(answer),
        // Servers that hang up without TLS's own goodbye; a body that is cut short is noticed by its length.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(answer),
        Err(error) => Err(error),
    }
}

/// Takes an answer apart.
fn read_answer(bytes: &[u8]) -> anyhow::Result<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let (head, body) = end
        .and_then(|end| Some((bytes.get(..end)?, bytes.get(end + 4..)?)))
        .context("its answer has no end of its head")?;
    let head = std::str::from_utf8(head).context("its answer is no text")?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    ensure!(
        first.next().is_some_and(|version| version.starts_with("HTTP/1.")),
        "its answer is no HTTP"
    );
    let status = first.next().and_then(|status| status.parse().ok());
    let header = |wanted: &str| {
        head.split("\r\n").skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim())
        })
    };
    let body = if header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        joined(body).context("its answer is cut short")?
    } else if let Some(length) = header("content-length") {
        let length: usize = length.parse().context("its answer has no length")?;
        body.get(..length).context("its answer is cut short")?.to_vec()
    } else {
        body.to_vec()
    };
    Ok(Answer {
        status: status.context("its answer has no status")?,
        body: String::from_utf8(body).context("its answer is no text")?,
    })
}

/// The chunks of a body; `None` when one is missing.
fn joined(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let line = std::str::from_utf8(rest.get(..end)?).ok()?;
        let size = line.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        rest = rest.get(end + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size.checked_add(2)?..)?;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_or_refused_with_the_reason() {
        let good = |url: &str, expect: &str| {
            assert_eq!(url.parse::<Address>().unwrap().to_string(), expect);
        };
        good("https://soc.example", "https://soc.example:443");
        good("https://soc.example:8443/base/", "https://soc.example:8443/base");
        good("https://[2001:db8::1]:9", "https://[2001:db8::1]:9");
        good("https://[2001:db8::1]", "https://[2001:db8::1]:443");
        good("http://127.0.0.1:8080", "http://127.0.0.1:8080");
        let bad = |url: &str, expect: &str| {
            let error = url.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(expect), "{url}: {error}");
        };
        bad("soc.example", "https://HOST");
        bad("http://soc.example", "without TLS");
        bad("https://u:p@soc.example", "more than a host");
        bad("https://soc.example/?x=1", "more than a host");
        bad("https://:8443", "no host");
        bad("https://a:99999", "port");
    }

    #[test]
    fn answers_are_read_by_length_in_chunks_or_to_their_end() {
        let check = |text: &str, status: u16, body: &str| {
            let expect = Answer {
                status,
                body: body.to_owned(),
            };
            assert_eq!(read_answer(text.as_bytes()).unwrap(), expect, "{text}");
        };
        check("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}", 201, "{}");
        check("HTTP/1.0 404 Not Found\r\n\r\ngone", 404, "gone");
        check(
            "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n",
            201,
            "abcde",
        );
        for broken in [
            "",
            "SSH-2.0-x\r\n\r\n",
            "HTTP/1.1\r\n\r\n",
            "HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{}",
            "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nab",
        ] {
            assert!(read_answer(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
