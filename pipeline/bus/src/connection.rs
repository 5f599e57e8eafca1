//! How the brokers are reached: where they are, TLS, and who this client is.
//!
//! Secrets are only ever read from files, when a client is made; what is kept and printed here are the files' names.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::BusError;
use crate::link::Link;

/// Largest file with a password that is read, in bytes; a longer one is some other file.
const PASSWORD_BYTES_MAX: u64 = 4096;

/// Where the brokers are and how they are spoken to.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Connection {
    /// Kafka brokers, comma separated.
    #[arg(
        long,
        env = "VONGGAC_KAFKA",
        default_value = "127.0.0.1:9092",
        value_name = "HOST:PORT"
    )]
    pub kafka: String,
    /// TLS and the user.
    #[command(flatten)]
    pub security: Security,
}

/// TLS and the user of a connection to Kafka. The default is neither.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(skip)]
pub struct Security {
    /// Speaks TLS with Kafka; implied by --kafka-ca and --kafka-certificate.
    #[arg(long, env = "VONGGAC_KAFKA_TLS")]
    pub kafka_tls: bool,
    /// Certificate authority that Kafka's certificates come from, in PEM; the machine's own ones when left out.
    #[arg(long, env = "VONGGAC_KAFKA_CA", value_name = "FILE")]
    pub kafka_ca: Option<PathBuf>,
    /// Certificate that this client shows to Kafka, in PEM, with its chain.
    #[arg(
        long,
        env = "VONGGAC_KAFKA_CERTIFICATE",
        value_name = "FILE",
        requires = "kafka_key"
    )]
    pub kafka_certificate: Option<PathBuf>,
    /// Private key of that certificate, in PEM.
    #[arg(
        long,
        env = "VONGGAC_KAFKA_KEY",
        value_name = "FILE",
        requires = "kafka_certificate"
    )]
    pub kafka_key: Option<PathBuf>,
    /// File with the password of that key, when it has one.
    #[arg(
        long,
        env = "VONGGAC_KAFKA_KEY_PASSWORD_FILE",
        value_name = "FILE",
        requires = "kafka_key"
    )]
    pub kafka_key_password_file: Option<PathBuf>,
    /// User to sign in to Kafka as (SASL).
    #[arg(
        long,
        env = "VONGGAC_KAFKA_USER",
        value_name = "NAME",
        requires = "kafka_password_file"
    )]
    pub kafka_user: Option<String>,
    /// File with the password of that user.
    #[arg(
        long,
        env = "VONGGAC_KAFKA_PASSWORD_FILE",
        value_name = "FILE",
        requires = "kafka_user"
    )]
    pub kafka_password_file: Option<PathBuf>,
    /// How the user signs in. `plain` shows Kafka the password itself: only with TLS.
    #[arg(
        long,
        env = "VONGGAC_KAFKA_SASL_MECHANISM",
        value_enum,
        default_value_t = SaslMechanism::ScramSha512,
        value_name = "NAME"
    )]
    pub kafka_sasl_mechanism: SaslMechanism,
    /// Name of this client in Kafka's logs and quotas.
    #[arg(
        long,
        env = "VONGGAC_KAFKA_CLIENT_ID",
        default_value = "vonggac",
        value_name = "NAME"
    )]
    pub kafka_client_id: String,
}

/// How a user signs in to Kafka.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SaslMechanism {
    /// SCRAM with SHA-512 (RFC 5802, RFC 7677).
    #[default]
    #[value(name = "scram-sha-512")]
    ScramSha512,
    /// SCRAM with SHA-256.
    #[value(name = "scram-sha-256")]
    ScramSha256,
    /// The password itself (RFC 4616).
    Plain,
}

impl SaslMechanism {
    fn name(self) -> &'static str {
        match self {
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
        }
    }
}

impl Security {
    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.kafka_tls || self.kafka_ca.is_some() || self.kafka_certificate.is_some()
    }

    fn protocol(&self) -> &'static str {
        match (self.is_tls(), self.kafka_user.is_some()) {
            (false, false) => "plaintext",
            (true, false) => "ssl",
            (false, true) => "sasl_plaintext",
            (true, true) => "sasl_ssl",
        }
    }
}

/// The brokers, as they are named in logs and messages.
impl fmt::Display for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.kafka)
    }
}

impl Connection {
    /// A connection to `brokers`.
    pub fn new(brokers: impl Into<String>, security: Security) -> Self {
        Self {
            kafka: brokers.into(),
            security,
        }
    }

    /// Settings every client shares, and the listener that makes messages of what librdkafka says about the link.
    ///
    /// # Errors
    /// When a file of certificates or secrets cannot be read.
    pub(crate) fn client(&self) -> Result<(ClientConfig, Link), BusError> {
        let security = &self.security;
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.kafka)
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("broker.address.family", "any")
            .set("security.protocol", security.protocol())
            .set_log_level(RDKafkaLogLevel::Warning);
        if !security.kafka_client_id.is_empty() {
            config.set("client.id", &security.kafka_client_id);
        }
        if security.is_tls() {
            config.set("ssl.endpoint.identification.algorithm", "https");
            self.set_file(&mut config, "ssl.ca.location", "--kafka-ca", &security.kafka_ca)?;
            self.set_file(
                &mut config,
                "ssl.certificate.location",
                "--kafka-certificate",
                &security.kafka_certificate,
            )?;
            self.set_file(&mut config, "ssl.key.location", "--kafka-key", &security.kafka_key)?;
            if let Some(file) = &security.kafka_key_password_file {
                config.set(
                    "ssl.key.password",
                    self.password("--kafka-key-password-file", file)?,
                );
            }
        }
        if let Some(user) = &security.kafka_user {
            let file = security.kafka_password_file.as_deref();
            let file = file.ok_or_else(|| self.problem("--kafka-user needs --kafka-password-file".to_owned()))?;
            config
                .set("sasl.mechanism", security.kafka_sasl_mechanism.name())
                .set("sasl.username", user)
                .set("sasl.password", self.password("--kafka-password-file", file)?);
        }
        Ok((config, Link::new(self)))
    }

    /// Sets a file that librdkafka reads; one that cannot be read is named by its flag, which librdkafka does not know.
    fn set_file(
        &self,
        config: &mut ClientConfig,
        key: &str,
        flag: &str,
        file: &Option<PathBuf>,
    ) -> Result<(), BusError> {
        if let Some(file) = file {
            fs::File::open(file).map_err(|error| self.unreadable(flag, file, &error))?;
            config.set(key, file.to_string_lossy());
        }
        Ok(())
    }

    /// A password: the file's text without the end of its line.
    fn password(&self, flag: &str, file: &Path) -> Result<String, BusError> {
        let failed = |error| self.unreadable(flag, file, &error);
        let length = fs::metadata(file).map_err(failed)?.len();
        if length > PASSWORD_BYTES_MAX {
            return Err(self.problem(format!(
                "{flag} {}: {length} bytes are too many for a password",
                file.display()
            )));
        }
        let text = fs::read_to_string(file).map_err(failed)?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn unreadable(&self, flag: &str, file: &Path, error: &std::io::Error) -> BusError {
        self.problem(format!("{flag} {}: {error}", file.display()))
    }

    fn problem(&self, problem: String) -> BusError {
        BusError::Settings {
            brokers: self.kafka.clone(),
            problem,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Role {
        #[command(flatten)]
        connection: Connection,
    }

    fn parse(arguments: &[&str]) -> Result<Connection, String> {
        let all = ["role"].iter().chain(arguments);
        Role::try_parse_from(all)
            .map(|role| role.connection)
            .map_err(|error| error.to_string())
    }

    fn protocol(arguments: &[&str], expect: &str) {
        let connection = parse(arguments).unwrap();
        assert_eq!(connection.security.protocol(), expect, "{arguments:?}");
    }

    #[test]
    fn what_is_given_decides_the_protocol() {
        let user = ["--kafka-user", "u", "--kafka-password-file", "p"];
        protocol(&[], "plaintext");
        protocol(&["--kafka-tls"], "ssl");
        protocol(&["--kafka-ca", "ca.pem"], "ssl");
        protocol(&["--kafka-certificate", "c", "--kafka-key", "k"], "ssl");
        protocol(&user, "sasl_plaintext");
        protocol(&[&user[..], &["--kafka-tls"]].concat(), "sasl_ssl");
    }

    #[test]
    fn half_a_pair_is_refused() {
        for alone in [
            "--kafka-user",
            "--kafka-password-file",
            "--kafka-certificate",
            "--kafka-key",
            "--kafka-key-password-file",
        ] {
            let error = parse(&[alone, "x"]).unwrap_err();
            assert!(error.contains("required"), "{alone}: {error}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_its_flag() {
        let user = ["--kafka-user", "u", "--kafka-password-file"];
        for (arguments, flag) in [
            (&["--kafka-ca", "/nonexistent/x"][..], "--kafka-ca"),
            (&[&user[..], &["/nonexistent/x"]].concat(), "--kafka-password-file"),
        ] {
            let error = parse(arguments).unwrap().client().err().unwrap().to_string();
            for words in [flag, "/nonexistent/x", "Kafka at 127.0.0.1:9092"] {
                assert!(error.contains(words), "{words} is not in {error}");
            }
        }
    }

    #[test]
    fn the_password_reaches_librdkafka_and_nobody_else() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "open sesame\n").unwrap();
        let path = file.path().to_str().unwrap();
        let connection = parse(&["--kafka-user", "u", "--kafka-password-file", path]).unwrap();
        let (config, _) = connection.client().unwrap();
        assert_eq!(config.get("sasl.password"), Some("open sesame"));
        assert_eq!(config.get("sasl.mechanism"), Some("SCRAM-SHA-512"));
        assert!(!format!("{connection:?} {config:?}").contains("sesame"));
    }
}
