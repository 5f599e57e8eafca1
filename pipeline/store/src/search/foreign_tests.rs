//! That what another organisation has changes no answer, nor what an exercise has: whatever is asked, of a store that all fill and of one that
//! holds one's own events of one stage alone, the answers are the same.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use vonggac_event::Stage;

use super::*;

/// How many questions, of which seed: `VONGGAC_FOREIGN_QUERIES=100000 VONGGAC_FOREIGN_SEED=7`.
fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

/// What events are made of. All parties use all of it, so that much is alike.
const WORDS: [&str; 12] = [
    "mail.example.vn",
    "intra.example",
    "host1.Ví-dụ.example",
    "/a.d/page1.php?id=1",
    "curl/8.0",
    "moh",
    "mot",
    "tap-1",
    "x' OR 1=1 --",
    "%_\\",
    "{p0:String}",
    "nhật ký",
];
/// Who asks: of which organisation, about which exercise; 0 is real work.
const PARTIES: [(&str, u32); 3] = [("moh", 0), ("mot", 0), ("moh", 7)];
const EVENTS_EACH: u64 = 400;

fn word(random: &mut StdRng) -> String {
    (*WORDS.choose(random).unwrap()).to_owned()
}

fn address(random: &mut StdRng) -> String {
    match random.random_range(0..4) {
        0 => "2001:db8::53".into(),
        _ => format!("10.0.{}.{}", random.random_range(0..3), random.random_range(1..5)),
    }
}

fn body(random: &mut StdRng) -> Body {
    let number = random.random_range(0..2_000);
    match random.random_range(0..5) {
        0 => Body::Dns(Dns {
            query: word(random),
            qtype: random.random_range(0..20),
            answered: random.random(),
            answers: vec![word(random), address(random)],
            ttls: vec![number],
            ..Dns::default()
        }),
        1 => Body::Http(Http {
            host: word(random),
            uri: word(random),
            user_agent: word(random),
            ..Http::default()
        }),
        2 => Body::Tls(Tls {
            server_name: word(random),
            ..Tls::default()
        }),
        3 => Body::Stats(Stats {
            packets_received: number.into(),
            ..Stats::default()
        }),
        _ => Body::Flow(Flow {
            start_us: START_US,
            end_us: START_US + i64::from(number),
            orig_bytes: number.into(),
            ..Flow::default()
        }),
    }
}

/// Events of all parties, mixed in time and with the same flows; none has a number of another's.
fn mixed(random: &mut StdRng) -> Vec<Event> {
    let all = (0..EVENTS_EACH * PARTIES.len() as u64).map(|number| {
        let (tenant, exercise_id) = PARTIES[(number % PARTIES.len() as u64) as usize];
        Event {
            event_id: EventId::new(1, number).to_bytes().to_vec(),
            ts_us: START_US + random.random_range(0..600_000_000),
            sensor: format!("tap-{}", random.random_range(1..3)),
            tenant: tenant.into(),
            exercise_id,
            flow_id: random.random_range(1..30),
            src: address_bytes(address(random).parse().unwrap()),
            dst: address_bytes(address(random).parse().unwrap()),
            sport: random.random_range(1..5),
            dport: random.random_range(50..55),
            proto: *[6, 17].choose(random).unwrap(),
            body: Some(body(random)),
            ..Event::default()
        }
    });
    all.collect()
}

async fn store_of(served: &Served, name: &str, events: &[Event]) -> EventStore {
    let store = Store::new(&Options::new(served.url.clone(), name)).unwrap();
    store.migrate(&crate::TableOptions::default()).await.unwrap();
    for class in Class::ALL {
        let mut rows = Rows::default();
        for event in events.iter().filter(|event| Class::of(event) == Some(class)) {
            event_row(class, event, &mut rows);
        }
        let token = format!("{name}-{}", class.name());
        store.insert_events(class, &token, &rows).await.unwrap();
    }
    // What a busy machine does not answer in time is no difference.
    let patient = Limits {
        max_execution_s: Some(60),
        ..Limits::default()
    };
    EventStore::new(&store, patient, Shares::default())
}

/// A field of some class, by its own name or another.
fn field(random: &mut StdRng) -> &'static str {
    let class = *Class::ALL.choose(random).unwrap();
    let columns: Vec<_> = class.columns().collect();
    let column = columns.choose(random).unwrap();
    let names: Vec<&str> = std::iter::once(column.name)
        .chain(column.aliases.iter().copied())
        .collect();
    names.choose(random).unwrap()
}

fn value(random: &mut StdRng) -> String {
    let text = match random.random_range(0..6) {
        0 => address(random),
        1 => random.random_range(0..2_000).to_string(),
        2 => EventId::new(1, random.random_range(0..2 * EVENTS_EACH)).to_string(),
        3 => PARTIES.choose(random).unwrap().0.to_owned(),
        _ => word(random),
    };
    match random.random_range(0..6) {
        0 => "*".into(),
        1 => format!("{}*", text.chars().take(3).collect::<String>()).replace(' ', ""),
        2 => format!("*{}", text.chars().skip(2).collect::<String>()).replace(' ', ""),
        3 if !text.contains(' ') => text,
        _ => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

fn term(random: &mut StdRng) -> String {
    match random.random_range(0..10) {
        0 => value(random),
        1 => format!(
            "{}:{}/{}",
            field(random),
            address(random),
            random.random_range(0..33)
        ),
        2 => {
            let sign = ["<", "<=", ">", ">="].choose(random).unwrap();
            format!("{}:{sign}{}", field(random), random.random_range(0..2_000))
        }
        3 => format!("tenant:{}", value(random)),
        _ => format!("{}:{}", field(random), value(random)),
    }
}

fn query(random: &mut StdRng, depth: u32) -> String {
    let shape = if depth == 0 { 0 } else { random.random_range(0..8) };
    match shape {
        0..=2 => term(random),
        3 => format!("NOT {}", query(random, depth - 1)),
        4 | 5 => format!("({} OR {})", query(random, depth - 1), query(random, depth - 1)),
        _ => format!("({} {})", query(random, depth - 1), query(random, depth - 1)),
    }
}

/// A question, by its number: the same of the same seed.
struct Question {
    seed: u64,
    text: String,
    classes: Vec<Class>,
    from_us: Option<i64>,
    to_us: Option<i64>,
}

impl Question {
    fn of(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut text = match random.random_range(0..20) {
            0 => String::new(),
            _ => query(&mut random, 3),
        };
        // Also what people mistype.
        if random.random_range(0..10) == 0 && !text.is_empty() {
            let at = random.random_range(0..text.chars().count());
            let kept = text.chars().enumerate().filter(|(place, _)| *place != at);
            text = kept.map(|(_, character)| character).collect();
        }
        let classes = match random.random_range(0..2) {
            0 => Vec::new(),
            _ => Class::ALL
                .into_iter()
                .filter(|_| random.random_range(0..4) == 0)
                .collect(),
        };
        let mut time = || {
            let us = START_US + random.random_range(0..600_000_000);
            (random.random_range(0..3) == 0).then_some(us)
        };
        let (from_us, to_us) = (time(), time());
        Self {
            seed,
            text,
            classes,
            from_us,
            to_us,
        }
    }

    /// The answer in words, whichever way it was asked.
    async fn answer(&self, store: &EventStore, scope: &Scope) -> String {
        let mut random = StdRng::seed_from_u64(!self.seed);
        let query = match Query::parse(&self.text) {
            Ok(query) => query,
            Err(error) => return error.to_string(),
        };
        let request = Request {
            scope,
            query: &query,
            classes: &self.classes,
            from_us: self.from_us,
            to_us: self.to_us,
        };
        match random.random_range(0..6) {
            0 | 1 => self.pages(store, &request, &mut random).await,
            2 => {
                let buckets = random.random_range(1..40);
                format!("{:?}", store.histogram(ASKER, &request, buckets).await)
            }
            3 => {
                let fields = [field(&mut random), field(&mut random)];
                let prefix = [String::new(), word(&mut random).chars().take(2).collect()];
                let prefix = prefix.choose(&mut random).unwrap();
                let count = random.random_range(1..30);
                let found = store.values(ASKER, &request, &fields, prefix, count).await;
                format!("{found:?}")
            }
            4 => {
                let kinds = ["address", "host", "domain", "user-agent", "sensor", "ja4"];
                let kind = kinds.choose(&mut random).unwrap();
                let of = match *kind {
                    "address" => address(&mut random),
                    _ => word(&mut random),
                };
                let Ok(Some(subject)) = Subject::of(kind, &of) else {
                    return String::new();
                };
                let known = store
                    .known(ASKER, scope, &subject, self.from_us, self.to_us)
                    .await;
                format!("{known:?}")
            }
            _ => {
                let mut id = || EventId::new(1, random.random_range(0..2 * EVENTS_EACH));
                let ids = [id(), id(), id()].map(|id| id.to_bytes().to_vec());
                let alert = Alert {
                    event_ids: ids.to_vec(),
                    flow_ids: vec![random.random_range(1..30)],
                    first_us: START_US,
                    last_us: START_US + 600_000_000,
                    ..Alert::default()
                };
                format!("{:?}", store.alert_events(ASKER, scope, &alert).await)
            }
        }
    }

    /// All pages, as on the screen or for a file.
    async fn pages(&self, store: &EventStore, request: &Request<'_>, random: &mut StdRng) -> String {
        let rows_max = random.random_range(1..200);
        let is_file: bool = random.random();
        let (mut text, mut after) = (String::new(), None);
        for _ in 0..3 {
            let page = if is_file {
                store.export(ASKER, request, after, rows_max).await
            } else {
                store.search(ASKER, request, after, rows_max).await
            };
            let page = match page {
                Ok(page) => page,
                Err(error) => return error.to_string(),
            };
            text += &format!("{page:?}");
            let Some(next) = page.next else { break };
            after = Some(next);
        }
        text
    }
}

#[tokio::test]
async fn what_another_organisation_or_an_exercise_has_changes_no_answer() {
    let Some(served) = Served::start() else { return };
    let seed = setting("VONGGAC_FOREIGN_SEED", 942);
    let queries = setting("VONGGAC_FOREIGN_QUERIES", 300);
    let events = mixed(&mut StdRng::seed_from_u64(seed));
    let all = store_of(&served, "all", &events).await;
    let mut alone = Vec::new();
    for (code, exercise_id) in PARTIES {
        let own: Vec<Event> = events
            .iter()
            .filter(|event| (event.tenant.as_str(), event.exercise_id) == (code, exercise_id))
            .cloned()
            .collect();
        let scope = Scope::of([code]).on(Stage::of(exercise_id));
        let store = store_of(&served, &format!("{code}{exercise_id}"), &own).await;
        alone.push((scope, store));
    }
    let (mut told, mut refused) = (0, 0);
    for number in 0..queries {
        let question = Question::of(seed.wrapping_mul(1_000_003).wrapping_add(number));
        let party = (number % PARTIES.len() as u64) as usize;
        let (scope, own) = &alone[party];
        let here = question.answer(&all, scope).await;
        let expect = question.answer(own, scope).await;
        assert_eq!(
            here, expect,
            "seed {seed}, question {number}: {} in {:?} of {scope:?}",
            question.text, question.classes
        );
        for (code, exercise_id) in PARTIES {
            let (own_code, own_exercise) = PARTIES[party];
            let is_foreign = code != own_code && here.contains(&format!("tenant: \"{code}\""));
            let is_off_stage =
                exercise_id != own_exercise && here.contains(&format!("exercise_id: {exercise_id},"));
            assert!(
                !is_foreign && !is_off_stage,
                "seed {seed}, question {number}: a row of {code} in {exercise_id}"
            );
        }
        told += usize::from(here.contains("tenant: ") || here.contains("count"));
        refused += usize::from(Query::parse(&question.text).is_err());
    }
    println!("{queries} questions of seed {seed}: {told} found something, {refused} were no query");
    assert!(
        told * 10 > queries as usize,
        "most find nothing: the questions are no trial"
    );
}
