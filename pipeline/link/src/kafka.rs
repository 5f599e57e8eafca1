//! Kafka: where the brokers are, TLS, and the user.

use std::fmt;
use std::path::PathBuf;

use crate::{Flag, SettingError, file_flags, read_secret};

/// Name of a client that was given no other.
const CLIENT_ID: &str = "vonggac";

/// Where the brokers are and how they are spoken to.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct KafkaConnection {
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
    pub security: KafkaSecurity,
}

/// TLS and the user of a connection to Kafka. The default is neither.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[group(skip)]
pub struct KafkaSecurity {
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
        default_value = CLIENT_ID,
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
    /// The name that Kafka has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
        }
    }
}

impl Default for KafkaSecurity {
    fn default() -> Self {
        Self {
            kafka_tls: false,
            kafka_ca: None,
            kafka_certificate: None,
            kafka_key: None,
            kafka_key_password_file: None,
            kafka_user: None,
            kafka_password_file: None,
            kafka_sasl_mechanism: SaslMechanism::default(),
            kafka_client_id: CLIENT_ID.to_owned(),
        }
    }
}

impl KafkaSecurity {
    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.kafka_tls || self.kafka_ca.is_some() || self.kafka_certificate.is_some()
    }

    /// The name that Kafka has for this combination of TLS and user.
    pub fn protocol(&self) -> &'static str {
        match (self.is_tls(), self.kafka_user.is_some()) {
            (false, false) => "plaintext",
            (true, false) => "ssl",
            (false, true) => "sasl_plaintext",
            (true, true) => "sasl_ssl",
        }
    }

    /// The user to sign in as and the password; `None` when nobody signs in.
    ///
    /// # Errors
    /// When the password's file cannot be read, or there is none.
    pub fn user(&self) -> Result<Option<(&str, String)>, SettingError> {
        let Some(user) = &self.kafka_user else {
            return Ok(None);
        };
        let file = self.kafka_password_file.as_deref().ok_or(SettingError::Alone {
            flag: "kafka-user",
            missing: "kafka-password-file",
        })?;
        Ok(Some((user, read_secret("kafka-password-file", file)?)))
    }

    /// The password of the private key; `None` when there is none.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn key_password(&self) -> Result<Option<String>, SettingError> {
        self.kafka_key_password_file
            .as_deref()
            .map(|file| read_secret("kafka-key-password-file", file))
            .transpose()
    }

    /// The settings as flags, without those that stand at their defaults.
    pub fn flags(&self) -> Vec<Flag> {
        let mut flags = file_flags([
            ("kafka-ca", &self.kafka_ca),
            ("kafka-certificate", &self.kafka_certificate),
            ("kafka-key", &self.kafka_key),
            ("kafka-key-password-file", &self.kafka_key_password_file),
            ("kafka-password-file", &self.kafka_password_file),
        ]);
        if self.kafka_tls {
            flags.push(("kafka-tls", None));
        }
        if let Some(user) = &self.kafka_user {
            flags.push(("kafka-user", Some(user.clone())));
        }
        if self.kafka_sasl_mechanism != SaslMechanism::default() {
            let name = self.kafka_sasl_mechanism.name().to_ascii_lowercase();
            flags.push(("kafka-sasl-mechanism", Some(name)));
        }
        if self.kafka_client_id != CLIENT_ID {
            flags.push(("kafka-client-id", Some(self.kafka_client_id.clone())));
        }
        flags
    }
}

/// The brokers, as they are named in logs and messages.
impl fmt::Display for KafkaConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.kafka)
    }
}

impl KafkaConnection {
    /// A connection to `brokers`.
    pub fn new(brokers: impl Into<String>, security: KafkaSecurity) -> Self {
        Self {
            kafka: brokers.into(),
            security,
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
        connection: KafkaConnection,
    }

    fn parse(arguments: &[&str]) -> Result<KafkaConnection, String> {
        Role::try_parse_from(["role"].iter().chain(arguments))
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
    fn flags_say_the_same_again() {
        for arguments in [
            &[][..],
            &[
                "--kafka-tls",
                "--kafka-ca=/a",
                "--kafka-certificate=/c",
                "--kafka-key=/k",
                "--kafka-key-password-file=/kp",
                "--kafka-user=u",
                "--kafka-password-file=/p",
                "--kafka-sasl-mechanism=plain",
                "--kafka-client-id=me",
            ],
            &[
                "--kafka-user=u",
                "--kafka-password-file=/p",
                "--kafka-sasl-mechanism=scram-sha-256",
            ],
        ] {
            let security = parse(arguments).unwrap().security;
            let again: Vec<String> = security
                .flags()
                .into_iter()
                .map(|(flag, value)| value.map_or(format!("--{flag}"), |value| format!("--{flag}={value}")))
                .collect();
            let again: Vec<&str> = again.iter().map(String::as_str).collect();
            assert_eq!(parse(&again).unwrap().security, security);
        }
        assert!(KafkaSecurity::default().flags().is_empty());
        assert_eq!(parse(&[]).unwrap().security, KafkaSecurity::default());
    }
}
