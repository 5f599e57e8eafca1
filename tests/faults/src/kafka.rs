//! Kafka, as an administrator handles it.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::runtime::Runtime;
use vonggac_e2e::{CLICKHOUSE_USER, Platform};
use vonggac_event::limits::KAFKA_MESSAGE_BYTES_MAX;

/// How long a broker may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// How long reading a topic to its end may take.
const READ_LIMIT: Duration = Duration::from_secs(120);

/// An administrator's connection.
pub struct Kafka {
    config: ClientConfig,
    runtime: Runtime,
}

/// A message of a topic.
#[derive(Debug, Clone)]
pub struct Record {
    /// What it carries.
    pub payload: Vec<u8>,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
}

impl Record {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(have, _)| have == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Kafka {
    /// Connects to the Kafka of a platform.
    ///
    /// # Errors
    /// When its password is not there.
    pub fn of(platform: &Platform) -> anyhow::Result<Self> {
        let password = fs::read_to_string(platform.password_file("kafka"))?;
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", platform.kafka())
            .set("security.protocol", "SASL_PLAINTEXT")
            .set("sasl.mechanism", "SCRAM-SHA-512")
            // All servers of `vonggac up` have one user.
            .set("sasl.username", CLICKHOUSE_USER)
            .set("sasl.password", password.trim());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self { config, runtime })
    }

    /// Deletes a topic and makes it again with as many partitions.
    ///
    /// # Errors
    /// When Kafka refuses.
    pub fn make_again(&self, topic: &str, partitions: i32) -> anyhow::Result<()> {
        self.delete(topic)?;
        let admin: AdminClient<DefaultClientContext> = self.config.create()?;
        let bytes_max = KAFKA_MESSAGE_BYTES_MAX.to_string();
        let new =
            NewTopic::new(topic, partitions, TopicReplication::Fixed(1)).set("max.message.bytes", &bytes_max);
        let begun = Instant::now();
        loop {
            let answers = self.runtime.block_on(admin.create_topics([&new], &answers()))?;
            match answers.into_iter().next().context("no answer")? {
                Ok(_) => return Ok(()),
                // The old one is still being deleted.
                Err(_) if begun.elapsed() < ANSWER_LIMIT => std::thread::sleep(Duration::from_millis(100)),
                Err((name, code)) => bail!("{name}: {code}"),
            }
        }
    }

    /// Deletes a topic.
    ///
    /// # Errors
    /// When Kafka refuses.
    pub fn delete(&self, topic: &str) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.config.create()?;
        for answer in self.runtime.block_on(admin.delete_topics(&[topic], &answers()))? {
            if let Err((name, code)) = answer {
                bail!("{name}: {code}");
            }
        }
        Ok(())
    }

    /// Begins a transaction under an id, and leaves it open with a message in the first partition of a topic and, if asked, a place of a group in
    /// that of another. What it gives must live as long as Kafka is to see it so.
    ///
    /// # Errors
    /// When Kafka refuses.
    pub fn leave_open(
        &self,
        id: &str,
        (topic, payload): (&str, &[u8]),
        place: Option<(&str, &str)>,
    ) -> anyhow::Result<BaseProducer> {
        let mut config = self.config.clone();
        let producer: BaseProducer = config.set("transactional.id", id).create()?;
        producer.init_transactions(ANSWER_LIMIT)?;
        producer.begin_transaction()?;
        let record = BaseRecord::to(topic)
            .partition(0)
            .key(b"".as_slice())
            .payload(payload);
        producer.send(record).map_err(|(error, _)| error)?;
        producer.flush(ANSWER_LIMIT)?;
        if let Some((group, topic)) = place {
            let consumer: BaseConsumer = self.config.clone().set("group.id", group).create()?;
            let group = consumer.group_metadata().context("no group")?;
            let mut places = TopicPartitionList::new();
            places.add_partition_offset(topic, 0, Offset::Offset(1))?;
            producer.send_offsets_to_transaction(&places, &group, ANSWER_LIMIT)?;
        }
        Ok(producer)
    }

    /// Writes messages, keys and values, into a topic of one partition.
    ///
    /// # Errors
    /// When Kafka does not take them.
    pub fn send(&self, topic: &str, messages: &[(&[u8], &[u8])]) -> anyhow::Result<()> {
        let producer: BaseProducer = self.config.create()?;
        for (key, payload) in messages {
            let record = BaseRecord::to(topic).key(*key).payload(*payload);
            producer.send(record).map_err(|(error, _)| error)?;
        }
        producer.flush(ANSWER_LIMIT)?;
        Ok(())
    }

    /// All messages of a topic that were committed, partition by partition.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn read(&self, topic: &str) -> anyhow::Result<Vec<Record>> {
        let mut config = self.config.clone();
        let consumer: BaseConsumer = config
            .set("group.id", "faults-reader")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .create()?;
        let found = consumer.fetch_metadata(Some(topic), ANSWER_LIMIT)?;
        let known = found.topics().first().context("no such topic")?;
        let mut partitions = TopicPartitionList::new();
        for partition in known.partitions() {
            partitions.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
        }
        consumer.assign(&partitions)?;
        let mut records = Vec::new();
        let mut open = known.partitions().len();
        let begun = Instant::now();
        while open > 0 {
            ensure!(begun.elapsed() < READ_LIMIT, "{topic} has no end");
            match consumer.poll(Duration::from_millis(200)) {
                None => {}
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => open -= 1,
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(message)) => records.push(Record {
                    payload: message.payload().unwrap_or_default().to_vec(),
                    headers: message.headers().map_or_else(Vec::new, |headers| {
                        headers
                            .iter()
                            .map(|header| {
                                let value = header.value.unwrap_or_default();
                                (header.key.to_owned(), String::from_utf8_lossy(value).into_owned())
                            })
                            .collect()
                    }),
                }),
            }
        }
        Ok(records)
    }
}

fn answers() -> AdminOptions {
    AdminOptions::new()
        .operation_timeout(Some(ANSWER_LIMIT))
        .request_timeout(Some(ANSWER_LIMIT))
}
