//! The connection's settings, as librdkafka has them.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use vonggac_link::{KafkaConnection, SettingError, check_readable};

use crate::BusError;
use crate::link::Link;

/// Settings every client shares, and the listener that makes messages of what librdkafka says about the link.
///
/// # Errors
/// When a file of certificates or secrets cannot be read.
pub(crate) fn client(connection: &KafkaConnection) -> Result<(ClientConfig, Link), BusError> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &connection.kafka)
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        .set("broker.address.family", "any")
        .set_log_level(RDKafkaLogLevel::Warning);
    secure(&mut config, connection).map_err(|source| BusError::Setting {
        brokers: connection.kafka.clone(),
        source,
    })?;
    Ok((config, Link::new(connection)))
}

fn secure(config: &mut ClientConfig, connection: &KafkaConnection) -> Result<(), SettingError> {
    let security = &connection.security;
    config.set("security.protocol", security.protocol());
    if !security.kafka_client_id.is_empty() {
        config.set("client.id", &security.kafka_client_id);
    }
    if security.is_tls() {
        config.set("ssl.endpoint.identification.algorithm", "https");
        for (key, flag, file) in [
            ("ssl.ca.location", "kafka-ca", &security.kafka_ca),
            (
                "ssl.certificate.location",
                "kafka-certificate",
                &security.kafka_certificate,
            ),
            ("ssl.key.location", "kafka-key", &security.kafka_key),
        ] {
            if let Some(file) = file {
                check_readable(flag, file)?;
                config.set(key, file.to_string_lossy());
            }
        }
        if let Some(password) = security.key_password()? {
            config.set("ssl.key.password", password);
        }
    }
    if let Some((user, password)) = security.user()? {
        config
            .set("sasl.mechanism", security.kafka_sasl_mechanism.name())
            .set("sasl.username", user)
            .set("sasl.password", password);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use vonggac_link::KafkaSecurity;

    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_its_flag_and_link() {
        let missing = Some("/nonexistent/x".into());
        for (security, flag) in [
            (
                KafkaSecurity {
                    kafka_ca: missing.clone(),
                    ..KafkaSecurity::default()
                },
                "--kafka-ca",
            ),
            (
                KafkaSecurity {
                    kafka_user: Some("u".to_owned()),
                    kafka_password_file: missing,
                    ..KafkaSecurity::default()
                },
                "--kafka-password-file",
            ),
        ] {
            let connection = KafkaConnection::new("kafka.test:9092", security);
            let error = client(&connection).err().unwrap().to_string();
            for words in [flag, "/nonexistent/x", "Kafka at kafka.test:9092"] {
                assert!(error.contains(words), "{words} is not in {error}");
            }
        }
    }

    #[test]
    fn the_password_reaches_librdkafka_and_no_log() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "open sesame\n").unwrap();
        let security = KafkaSecurity {
            kafka_user: Some("u".to_owned()),
            kafka_password_file: Some(file.path().to_owned()),
            ..KafkaSecurity::default()
        };
        let connection = KafkaConnection::new("kafka.test:9092", security);
        let (config, _) = client(&connection).unwrap();
        assert_eq!(config.get("sasl.password"), Some("open sesame"));
        assert_eq!(config.get("sasl.mechanism"), Some("SCRAM-SHA-512"));
        assert!(!format!("{connection:?} {config:?}").contains("sesame"));
    }
}
