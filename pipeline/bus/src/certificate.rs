//! Why a broker's certificate is not accepted. librdkafka says only that it is not; the same handshake by hand, with the same
//! OpenSSL, says why.

use std::net::{IpAddr, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVerifyMode};
use openssl::x509::{X509NameRef, X509Ref, X509StoreContextRef};

/// How long each step of the handshake may take. It runs on the client's own thread, and only when the broker answered just now.
const STEP_LIMIT: Duration = Duration::from_secs(1);

/// What is wrong with the certificate of `address` (`HOST:PORT`) to whoever trusts the authorities in `ca`; `None` when nothing is,
/// or no handshake comes about.
pub(crate) fn refusal(address: &str, ca: Option<&Path>) -> Option<String> {
    let (host, _) = address.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']);
    let found = Arc::new(Mutex::new(None));
    let note = found.clone();
    let handshake = prepare(host, ca, move |problem| {
        *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
    })
    .ok()?;
    // How it ends does not matter: what is wrong with the certificate was noted on the way.
    let _ = handshake.connect(connect(address)?);
    found.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn connect(address: &str) -> Option<TcpStream> {
    let mut addresses = address.to_socket_addrs().ok()?;
    let stream = addresses.find_map(|address| TcpStream::connect_timeout(&address, STEP_LIMIT).ok())?;
    stream.set_read_timeout(Some(STEP_LIMIT)).ok()?;
    stream.set_write_timeout(Some(STEP_LIMIT)).ok()?;
    Some(stream)
}

/// A handshake that looks at the certificate as librdkafka does.
fn prepare(
    host: &str,
    ca: Option<&Path>,
    note: impl Fn(String) + Send + Sync + 'static,
) -> Result<Ssl, ErrorStack> {
    let mut context = SslContext::builder(SslMethod::tls_client())?;
    match ca {
        Some(ca) => context.set_ca_file(ca)?,
        None => context.set_default_verify_paths()?,
    }
    context.set_verify_callback(SslVerifyMode::PEER, move |accepted, store| {
        if !accepted {
            note(describe(store));
        }
        accepted
    });
    let mut handshake = Ssl::new(&context.build())?;
    match host.parse::<IpAddr>() {
        Ok(address) => handshake.param_mut().set_ip(address)?,
        Err(_) => {
            handshake.set_hostname(host)?;
            handshake.param_mut().set_host(host)?;
        }
    }
    Ok(handshake)
}

fn describe(store: &X509StoreContextRef) -> String {
    let error = store.error();
    match store.current_cert() {
        Some(certificate) => format!("{}: {}", error.error_string(), facts(certificate)),
        None => error.error_string().to_owned(),
    }
}

/// Whose certificate it is, from whom, and how long it holds: what somebody needs to find the file that is wrong.
fn facts(certificate: &X509Ref) -> String {
    format!(
        "it is {}'s, issued by {}, and holds from {} to {}",
        name(certificate.subject_name()),
        name(certificate.issuer_name()),
        certificate.not_before(),
        certificate.not_after()
    )
}

fn name(name: &X509NameRef) -> String {
    let entries: Vec<String> = name
        .entries()
        .map(|entry| String::from_utf8_lossy(entry.data().as_slice()).into_owned())
        .collect();
    match entries.as_slice() {
        [] => "nobody".to_owned(),
        entries => entries.join(", "),
    }
}
