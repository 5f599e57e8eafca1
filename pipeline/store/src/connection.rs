//! The HTTP client: plain, or with TLS when the address is `https`.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clickhouse::Client;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use vonggac_link::ClickhouseSecurity;

use crate::{Options, StoreError};

/// How long a connection without traffic lives before the kernel looks whether the other end is there.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// How long an idle connection is kept; less than ClickHouse's own 3 s, so that none is used that it has just closed.
const IDLE_LIMIT: Duration = Duration::from_secs(2);

/// A client with address and user set; connects at first use.
pub(crate) fn client(options: &Options) -> Result<Client, StoreError> {
    let url = &options.clickhouse;
    let security = &options.security;
    let refused = |problem: String| StoreError::Setting {
        host: public_host(url),
        problem,
    };
    let client = if url.starts_with("https://") {
        with_tls(tls(security).map_err(refused)?)
    } else if security.clickhouse_ca.is_some() || security.clickhouse_certificate.is_some() {
        return Err(refused(
            "certificates are of use only with an https:// address".to_owned(),
        ));
    } else {
        Client::default()
    };
    let client = client.with_url(url).with_user(security.user());
    let password = security.password().map_err(|error| refused(error.to_string()))?;
    Ok(match password {
        Some(password) => client.with_password(password),
        None => client,
    })
}

/// Host and port of an address, without the user and password it may have.
fn public_host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

fn with_tls(tls: ClientConfig) -> Client {
    let mut tcp = HttpConnector::new();
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_only()
        .enable_http1()
        .wrap_connector(tcp);
    let http = HttpClient::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_LIMIT)
        .build(connector);
    Client::with_http_client(http)
}

/// TLS as the settings have it; the error says which is wrong.
fn tls(security: &ClickhouseSecurity) -> Result<ClientConfig, String> {
    let roots = match &security.clickhouse_ca {
        Some(file) => authorities(file).map_err(|error| named("clickhouse-ca", file, &error))?,
        None => machine_authorities(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let (Some(certificate), Some(key)) = (&security.clickhouse_certificate, &security.clickhouse_key) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain =
        certificates(certificate).map_err(|error| named("clickhouse-certificate", certificate, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| named("clickhouse-key", key, &error))?;
    builder
        .with_client_auth_cert(chain, private)
        .map_err(|error| named("clickhouse-key", key, &error))
}

fn authorities(file: &Path) -> Result<RootCertStore, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate)?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Box<dyn Error>> {
    let found = CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() {
        return Err("there is no certificate in it".into());
    }
    Ok(found)
}

/// Those the machine trusts. What cannot be read of them is left out, as every program does.
fn machine_authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn named(flag: &str, file: &Path, error: &dyn std::fmt::Display) -> String {
    format!("--{flag} {}: {error}", file.display())
}

/// What an error says, with its causes: the HTTP client keeps the reason of a failed connection in the last of them.
pub(crate) fn with_causes(error: &clickhouse::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn refusal(url: &str, security: ClickhouseSecurity) -> String {
        let options = Options {
            security,
            ..Options::new(url, "vonggac")
        };
        client(&options).err().unwrap().to_string()
    }

    #[test]
    fn a_setting_that_does_not_do_is_named_with_its_link() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = || Some(file.path().to_owned());
        let missing = || Some("/nonexistent/x".into());
        let none = ClickhouseSecurity::default;
        for (url, security, words) in [
            (
                "https://u:geheim@ch.test:8443/",
                ClickhouseSecurity {
                    clickhouse_ca: missing(),
                    ..none()
                },
                &["--clickhouse-ca /nonexistent/x", "No such file"][..],
            ),
            (
                "https://ch.test:8443",
                ClickhouseSecurity {
                    clickhouse_ca: path(),
                    ..none()
                },
                &["--clickhouse-ca", "no certificate"],
            ),
            (
                "https://ch.test:8443",
                ClickhouseSecurity {
                    clickhouse_certificate: path(),
                    clickhouse_key: path(),
                    ..none()
                },
                &["--clickhouse-certificate", "no certificate"],
            ),
            (
                "http://ch.test:8443",
                ClickhouseSecurity {
                    clickhouse_ca: path(),
                    ..none()
                },
                &["https://"],
            ),
            (
                "http://ch.test:8443",
                ClickhouseSecurity {
                    clickhouse_password_file: missing(),
                    ..none()
                },
                &["--clickhouse-password-file /nonexistent/x"],
            ),
        ] {
            let error = refusal(url, security);
            assert!(!error.contains("geheim"), "{error}");
            for word in [&["ClickHouse at ch.test:8443"], words].concat() {
                assert!(error.contains(word), "{word} is not in {error}");
            }
        }
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named_with_the_reason() {
        let options = Options::new("http://127.0.0.1:1", "vonggac");
        let error = crate::Store::new(&options)
            .unwrap()
            .ping()
            .await
            .unwrap_err()
            .to_string();
        for word in ["ClickHouse", "refused"] {
            assert!(error.contains(word), "{word} is not in {error}");
        }
    }
}
