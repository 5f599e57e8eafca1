//! Senders whose messages are refused: counted by reason, told in words, and an alarm.
//!
//! The alarm is a match of a rule of the platform's own, so that it takes the way of every alert: one for each sender and reason, which
//! counts up, and of which a batch that is done again makes no second one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use vonggac_bus::{Message, Record};
use vonggac_correlate::SUMMARY_BYTES_MAX;
use vonggac_enrolment::Stranger;
use vonggac_event::limits::{NAME_BYTES_MAX, cut};
use vonggac_event::proto::Field;
use vonggac_event::{Event, EventId, Match, RuleCard, RuleKind, Severity, topic, wire};
use vonggac_metrics::{Counter, Problem, Registry};

use crate::guard::Refusal;

/// Most senders and reasons told of at a time; the counters have them all.
const TOLD_MAX: usize = 32;
/// One that has sent nothing for this long is told of no more.
const QUIET: Duration = Duration::from_secs(600);
/// How often it is looked who is quiet.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Longest name that is told of what a message says of itself, in bytes.
const CLAIM_BYTES_MAX: usize = 64;
/// The rule that raises the alarm.
const RULE_ID: &str = "vonggac:sensor-not-admitted";
const RULE_TITLE: &str = "Cảm biến gửi trái phép / A sensor sends what it may not";
const RULE_VERSION: &str = "1";
const RULE_TEXT: &str = "\
Luật có sẵn của Vọng Gác. Một thông điệp trên chủ đề `events` bị từ chối: không có niêm phong của cảm biến, niêm phong giả, cảm biến chưa \
đăng ký hoặc đã bị thu hồi, chứng danh cũ, gửi dưới tên cảm biến hay tổ chức khác, hoặc gửi cho cuộc diễn tập khác. Bản gốc nằm trong `dead-letter`.

A rule of the platform's own. A message on the topic `events` was refused: it has no seal of a sensor or a forged one, its sensor is not \
enrolled or revoked, its credential was renewed since, it is sent in the name of another sensor or organisation, or for another exercise. As it came it is in \
`dead-letter`.
";
/// Upper half of the ids that matches of the alarm have, with the partition's number in it. They stand for messages, not for events.
const RUN: u64 = 0x7374_7261_6e67_0000;

/// Those that were refused lately.
pub(crate) struct Strangers {
    metrics: Registry,
    counters: Vec<(&'static str, Counter)>,
    told: Mutex<HashMap<String, Told>>,
}

struct Told {
    problem: Problem,
    messages: u64,
    last: Instant,
}

impl Strangers {
    pub(crate) fn new(metrics: &Registry) -> Self {
        let help = "Messages of senders that may not send them, put aside to dead-letter.";
        let counter = |reason: &'static str| {
            let labels = [("reason", reason)];
            (reason, metrics.counter("pipeline_strangers_total", help, &labels))
        };
        Self {
            metrics: metrics.clone(),
            counters: Refusal::REASONS.map(counter).into(),
            told: Mutex::default(),
        }
    }

    /// Takes note of a refused message.
    pub(crate) fn note(&self, refusal: &Refusal, who: &str, words: &str) {
        let reason = refusal.reason();
        if let Some((_, counter)) = self.counters.iter().find(|(known, _)| *known == reason) {
            counter.inc();
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("stranger:{reason} {who}").trim_end().to_owned();
        if told.len() >= TOLD_MAX && !told.contains_key(&key) {
            return;
        }
        let told = told.entry(key).or_insert_with_key(|key| {
            tracing::error!(reason, who, "refused: {words}");
            Told {
                problem: self.metrics.problem(key.clone()),
                messages: 0,
                last: Instant::now(),
            }
        });
        told.messages += 1;
        told.last = Instant::now();
        told.problem.set(format!(
            "{words}; its messages go to dead-letter ({} so far)",
            told.messages
        ));
    }

    /// Forgets those that are quiet, for as long as it runs.
    pub(crate) async fn tend(&self) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.forget(Instant::now());
        }
    }

    fn forget(&self, now: Instant) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, told| now.duration_since(told.last) < QUIET);
    }
}

/// Whose alarm it is.
pub(crate) struct Alarm<'a> {
    /// Code of the organisation that is told.
    pub(crate) organisation: String,
    /// Who is proved to have sent it.
    pub(crate) who: &'a str,
    pub(crate) reason: &'static str,
    pub(crate) words: &'a str,
}

impl Alarm<'_> {
    /// The match that raises it, or counts it up, at the time of the refusal in microseconds since 1970: what a stranger says of the time,
    /// to Kafka too, may be anything, and would spread one alert over as many.
    pub(crate) fn record(&self, message: &Message, now_us: i64) -> Record {
        let partition = u64::try_from(message.partition).unwrap_or(0);
        let sequence = u64::try_from(message.offset).unwrap_or(0).saturating_add(1);
        let field = |name: &str, value: &str| Field {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let item = Match {
            event_id: EventId::new(RUN | partition, sequence).to_bytes().to_vec(),
            ts_us: now_us,
            rule_id: RULE_ID.to_owned(),
            target_id: RULE_ID.to_owned(),
            group: vec![field("sensor", self.who), field("reason", self.reason)],
            sensor: self.who.to_owned(),
            tenant: self.organisation.clone(),
            rule: Some(card()),
            summary: cut(self.words.to_owned(), SUMMARY_BYTES_MAX),
            ..Match::default()
        };
        Record {
            topic: topic::MATCHES,
            key: topic::match_key(&item),
            payload: wire::to_bytes(&item),
            headers: Vec::new(),
        }
    }
}

fn card() -> RuleCard {
    RuleCard {
        id: RULE_ID.to_owned(),
        title: RULE_TITLE.to_owned(),
        version: RULE_VERSION.to_owned(),
        kind: RuleKind::Sigma.into(),
        severity: Severity::High.into(),
        text: RULE_TEXT.to_owned(),
        ..RuleCard::default()
    }
}

/// Name of the sensor that is proved to have sent a message; empty when nobody is, so that made-up names make no alarms of their own.
pub(crate) fn who(refusal: &Refusal) -> String {
    let name = match refusal {
        Refusal::Stranger(
            Stranger::Revoked { name, .. }
            | Stranger::Superseded { name, .. }
            | Stranger::Foreign { name, .. }
            | Stranger::OffStage { name, .. },
        ) => name.clone(),
        Refusal::Stranger(Stranger::Unknown(id)) => id.to_string(),
        Refusal::Seal(_) | Refusal::Before => String::new(),
    };
    cut(plain(&name), NAME_BYTES_MAX)
}

/// Why a message was refused, and what it says of itself where nothing is proved.
pub(crate) fn words(refusal: &Refusal, event: Option<&Event>) -> String {
    let said = refusal.to_string();
    let words = match (refusal, event) {
        (Refusal::Seal(_), Some(event)) => {
            let name = |text: &str| cut(text.to_owned(), CLAIM_BYTES_MAX);
            let (sensor, organisation) = (name(&event.sensor), name(&event.tenant));
            format!("{said}; it says that it is of sensor {sensor} of {organisation}")
        }
        _ => said,
    };
    plain(&words)
}

/// A line without control characters: names may be whatever a stranger sends.
fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vonggac_enrolment::SealError;

    use super::*;

    fn foreign(claimed: &str) -> Refusal {
        Refusal::Stranger(Stranger::Foreign {
            name: "tap-1".into(),
            organisation: "moh".into(),
            claimed_name: "tap-1".into(),
            claimed_organisation: claimed.into(),
        })
    }

    #[test]
    fn a_stranger_is_told_in_words_and_counted_until_it_is_quiet() {
        let metrics = Registry::default();
        let strangers = Strangers::new(&metrics);
        let told = || -> Vec<String> {
            let problems = metrics.problems().into_iter();
            problems.map(|trouble| trouble.words).collect()
        };
        for _ in 0..2 {
            let refusal = foreign("mot");
            strangers.note(&refusal, &who(&refusal), &words(&refusal, None));
        }
        let expect =
            "sensor tap-1 of moh sends as sensor tap-1 of mot; its messages go to dead-letter (2 so far)";
        assert_eq!(told(), [expect]);
        let page = metrics.render();
        assert!(
            page.contains("pipeline_strangers_total{reason=\"foreign\"} 2"),
            "{page}"
        );
        strangers.forget(Instant::now());
        assert_eq!(told().len(), 1);
        strangers.forget(Instant::now() + QUIET);
        assert_eq!(told(), [""; 0]);
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_breaks_no_line() {
        let metrics = Registry::default();
        let strangers = Strangers::new(&metrics);
        for number in 0..100 {
            let refusal = foreign("a\nb");
            strangers.note(&refusal, &number.to_string(), &words(&refusal, None));
        }
        let problems = metrics.problems();
        assert_eq!(problems.len(), TOLD_MAX);
        assert!(problems.iter().all(|trouble| !trouble.words.contains('\n')));
        let unsealed = Refusal::from(SealError::None);
        let event = Event {
            sensor: "x\ny".into(),
            tenant: "moh".into(),
            ..Event::default()
        };
        let expect = "the message is not sealed by a sensor; it says that it is of sensor x\u{fffd}y of moh";
        assert_eq!(words(&unsealed, Some(&event)), expect);
        // What nobody proves makes no alarm of its own.
        assert_eq!(
            (who(&unsealed), who(&foreign("mot"))),
            (String::new(), "tap-1".to_owned())
        );
    }

    #[test]
    fn messages_of_one_sender_and_reason_count_up_one_alert() {
        let mut correlator = vonggac_correlate::Correlator::new(&[], vonggac_correlate::Limits::default());
        let mut alerts = Vec::new();
        for offset in 0..3 {
            let message = Message {
                offset,
                ..Message::default()
            };
            let refusal = foreign(if offset == 0 { "mot" } else { "mof" });
            let alarm = Alarm {
                organisation: "moh".into(),
                who: &who(&refusal),
                reason: refusal.reason(),
                words: &words(&refusal, None),
            };
            let now_us = 1_700_000_000_000_000 + offset;
            let record = alarm.record(&message, now_us);
            // One that comes twice counts once.
            for _ in 0..2 {
                let item: Match = wire::decode(&record.payload).unwrap();
                correlator.apply(&item, now_us, &mut alerts);
            }
        }
        let last = alerts.last().unwrap();
        assert!(alerts.iter().all(|alert| alert.alert_id == last.alert_id));
        assert_eq!((last.count, last.tenant.as_str()), (3, "moh"));
        assert_eq!(last.rule.as_ref().unwrap().severity(), Severity::High);
    }
}
