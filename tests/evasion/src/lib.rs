//! Evasion: an attack that hides from the sensor is told of all the same.
//!
//! [`look`] plays a case of `vonggac_traffic::evasion` and says what the sensor told. A *silent miss* is neither the attack's alert
//! nor an anomaly on its flow: somebody got through, and nobody can know. Where only the attacked host can know what it heard, an
//! anomaly is all that may be asked for.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use vonggac_conformance::replay;
use vonggac_event::Event;
use vonggac_event::proto::event::Body;
use vonggac_inspect::{Config, HostPolicies, Policy};
use vonggac_signature::{Engine, Variables};
use vonggac_traffic::evasion::{Attack, Case, build};

/// A rule for each attack; its number is the attack's place in [`Attack::ALL`], from 1.
const RULES: &str = r#"
alert http any any -> any any (msg:"request"; flow:established,to_server; http.uri; content:"/cgi-bin/exploit.cgi"; sid:1;)
alert http any any -> any any (msg:"response"; flow:established,to_client; file.data; content:"unescape(shellcode)"; sid:2;)
alert tcp any any -> any any (msg:"stream"; flow:established,to_server; content:"implant-check-in"; sid:3;)
alert tls any any -> any any (msg:"tls"; flow:established,to_server; tls.sni; content:"command.example"; sid:4;)
alert dns any any -> any any (msg:"dns"; dns.query; content:"command.example"; nocase; sid:5;)
"#;

const REQUEST: &[Attack] = &[Attack::HttpRequest];
const RESPONSE: &[Attack] = &[Attack::HttpResponse];

/// Techniques that the sensor misses when all of them come together with one of these attacks, and is known to miss. The matrix fails
/// when one is mended, and whoever mended it takes it out.
pub const KNOWN_MISSES: &[(&[&str], &[Attack])] = &[
    // Every file system takes several slashes as one; `http.uri` keeps them.
    (&["http_target_slashes"], REQUEST),
    // Flows are told apart by their tags: with one for each direction each is a flow of its own, and a server that asks, too, looks like a
    // client where its client is not seen.
    (&["tcp_simultaneous_open", "vlan_of_each_side"], RESPONSE),
    (&["tcp_split_handshake", "vlan_of_each_side"], RESPONSE),
];

/// Whether all techniques of one of [`KNOWN_MISSES`] are among those of a case.
pub fn is_known_miss(case: &Case) -> bool {
    let has = |name: &&str| case.techniques.iter().any(|technique| technique.name == *name);
    let mut known = KNOWN_MISSES.iter();
    known.any(|(names, attacks)| attacks.contains(&case.attack) && names.iter().all(has))
}

/// What the sensor told of a case.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The attack's own alert.
    pub alert: bool,
    /// Names of the anomalies of the flow.
    pub anomalies: BTreeSet<String>,
    /// Names of the anomalies of frames that belong to no flow.
    pub frames: BTreeSet<String>,
}

impl Told {
    /// Whether nobody can know of the attack.
    pub fn is_silent(&self) -> bool {
        !self.alert && self.anomalies.is_empty()
    }
}

fn engine() -> Arc<Engine> {
    static ENGINE: OnceLock<Arc<Engine>> = OnceLock::new();
    let compile = || {
        let (engine, errors) = replay::engine("evasion.rules", RULES, &Variables::default());
        assert!(errors.is_empty(), "{errors:?}");
        engine
    };
    ENGINE.get_or_init(compile).clone()
}

/// The settings of a sensor that knows how the hosts take overlaps.
fn settings(policy: Policy) -> Config {
    let mut config = replay::settings();
    config.stream.host_policies = HostPolicies::new(policy);
    config
}

/// Plays a case and says what the sensor told.
///
/// # Errors
/// When the sensor's sums are wrong.
pub fn look(case: &Case, policy: Policy) -> anyhow::Result<Told> {
    let frames = build(case);
    let events = replay::frames(settings(policy), engine(), &frames)?;
    let mut told = Told::default();
    for event in &events {
        note(&mut told, case.attack, event);
    }
    Ok(told)
}

fn note(told: &mut Told, attack: Attack, event: &Event) {
    match &event.body {
        Some(Body::Signature(signature)) => {
            let sid = Attack::ALL
                .iter()
                .zip(1_u32..)
                .find(|(known, _)| **known == attack);
            told.alert |= sid.is_some_and(|(_, sid)| sid == signature.sid);
        }
        Some(Body::Anomaly(anomaly)) if event.flow_id == 0 => {
            told.frames.insert(anomaly.kind.clone());
        }
        Some(Body::Anomaly(anomaly)) => {
            let ports = [event.sport, event.dport];
            if ports.contains(&u32::from(attack.port())) {
                told.anomalies.insert(anomaly.kind.clone());
            }
        }
        _ => {}
    }
}
