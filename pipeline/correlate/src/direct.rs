//! Matches of the rules that sensors apply: signatures and YARA.

use sha2::{Digest, Sha256};
use vonggac_event::limits::{RULE_DESCRIPTION_BYTES_MAX, RULE_TITLE_BYTES_MAX, cut};
use vonggac_event::proto::{Field, Signature, Yara};
use vonggac_event::{Body, Event, Match, RuleCard, RuleKind, Severity, parse_address};

use crate::summary;

/// MITRE ATT&CK's tactics by number, as rule metadata names them.
const TACTICS: [(&str, &str); 14] = [
    ("TA0043", "reconnaissance"),
    ("TA0042", "resource-development"),
    ("TA0001", "initial-access"),
    ("TA0002", "execution"),
    ("TA0003", "persistence"),
    ("TA0004", "privilege-escalation"),
    ("TA0005", "defense-evasion"),
    ("TA0006", "credential-access"),
    ("TA0007", "discovery"),
    ("TA0008", "lateral-movement"),
    ("TA0009", "collection"),
    ("TA0011", "command-and-control"),
    ("TA0010", "exfiltration"),
    ("TA0040", "impact"),
];

/// The match of an event that is itself a rule's hit; `None` for any other event, and for a signature that does not alert.
pub fn direct_match(event: &Event) -> Option<Match> {
    let card = match event.body.as_ref()? {
        Body::Signature(signature) if matches!(signature.action.as_str(), "alert" | "drop" | "reject") => {
            signature_card(signature)
        }
        Body::Yara(yara) => yara_card(yara),
        _ => return None,
    };
    Some(match_of(event, &card.id.clone(), host_group(event), card))
}

/// A match of `event` that feeds `target`.
pub(crate) fn match_of(event: &Event, target: &str, group: Vec<Field>, card: RuleCard) -> Match {
    Match {
        event_id: event.event_id.clone(),
        ts_us: event.ts_us,
        rule_id: card.id.clone(),
        target_id: target.to_owned(),
        group,
        values: Vec::new(),
        sensor: event.sensor.clone(),
        tenant: event.tenant.clone(),
        exercise_id: event.exercise_id,
        src: event.src.clone(),
        dst: event.dst.clone(),
        sport: event.sport,
        dport: event.dport,
        proto: event.proto,
        flow_id: event.flow_id,
        community_id: event.community_id.clone(),
        rule: Some(card),
        summary: summary::of(event),
    }
}

/// The group of a direct alert: who to whom.
pub(crate) fn host_group(event: &Event) -> Vec<Field> {
    let field = |name: &str, bytes: &[u8]| Field {
        name: name.to_owned(),
        value: parse_address(bytes).map_or_else(String::new, |address| address.to_canonical().to_string()),
    };
    vec![field("src", &event.src), field("dst", &event.dst)]
}

fn signature_card(signature: &Signature) -> RuleCard {
    let (techniques, tactics) = attack(&signature.metadata);
    RuleCard {
        id: format!("{}:{}", signature.gid, signature.sid),
        title: title(&signature.message),
        version: signature.rev.to_string(),
        kind: RuleKind::Signature.into(),
        severity: Severity::from_priority(signature.priority).into(),
        techniques,
        tactics,
        text: signature.rule.clone(),
        title_vi: title(value(&signature.metadata, "title_vi").unwrap_or_default()),
        description: description(value(&signature.metadata, "description").unwrap_or_default()),
        description_vi: description(value(&signature.metadata, "description_vi").unwrap_or_default()),
    }
}

fn yara_card(yara: &Yara) -> RuleCard {
    let value = |wanted: &str| value(&yara.metadata, wanted);
    let (techniques, tactics) = attack(&yara.metadata);
    let severity = value("severity").and_then(|name| Severity::from_name(&name.to_ascii_lowercase()));
    let digest = Sha256::digest(yara.text.as_bytes());
    let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    // Most YARA rules have a description alone, which is then what they are called.
    let named = |title_key: &str, description_key: &str| match (value(title_key), value(description_key)) {
        (None, Some(only)) => (title(only), String::new()),
        (name, more) => (
            title(name.unwrap_or_default()),
            description(more.unwrap_or_default()),
        ),
    };
    let (name, told) = named("title", "description");
    let (title_vi, description_vi) = named("title_vi", "description_vi");
    RuleCard {
        id: format!("yara:{}/{}", yara.namespace, yara.rule),
        title: match name.is_empty() {
            true => title(&yara.rule),
            false => name,
        },
        version: hash,
        kind: RuleKind::Yara.into(),
        severity: severity.unwrap_or(Severity::High).into(),
        techniques,
        tactics,
        text: yara.text.clone(),
        title_vi,
        description: told,
        description_vi,
    }
}

/// The value of a metadata entry, "key value" each.
fn value<'a>(metadata: &'a [String], wanted: &str) -> Option<&'a str> {
    metadata
        .iter()
        .filter_map(|entry| entry.split_once(' '))
        .find(|(key, _)| key.eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value.trim())
        .filter(|value| !value.is_empty())
}

fn title(text: &str) -> String {
    cut(text.to_owned(), RULE_TITLE_BYTES_MAX)
}

fn description(text: &str) -> String {
    cut(text.to_owned(), RULE_DESCRIPTION_BYTES_MAX)
}

/// Techniques and tactics of metadata entries, "key value" each.
fn attack(metadata: &[String]) -> (Vec<String>, Vec<String>) {
    let mut techniques: Vec<String> = Vec::new();
    let mut tactics: Vec<String> = Vec::new();
    let add = |list: &mut Vec<String>, value: String| {
        if !value.is_empty() && !list.contains(&value) {
            list.push(value);
        }
    };
    for entry in metadata {
        let Some((key, value)) = entry.split_once(' ') else {
            continue;
        };
        let value = value.trim();
        match key.to_ascii_lowercase().as_str() {
            "mitre_technique_id" | "mitre_attack" => {
                for id in value.split([',', ' ']) {
                    add(&mut techniques, id.trim().to_ascii_uppercase());
                }
            }
            "mitre_tactic_name" | "mitre_tactic" => {
                add(&mut tactics, value.to_ascii_lowercase().replace(['_', ' '], "-"));
            }
            "mitre_tactic_id" => {
                let known = TACTICS.iter().find(|(id, _)| id.eq_ignore_ascii_case(value));
                add(
                    &mut tactics,
                    known.map(|(_, name)| (*name).to_owned()).unwrap_or_default(),
                );
            }
            _ => {}
        }
    }
    (techniques, tactics)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn event(body: Body) -> Event {
        Event {
            event_id: vec![1; 16],
            ts_us: 7,
            tenant: "a".into(),
            src: vec![10, 1, 2, 3],
            dst: vec![203, 0, 113, 5],
            dport: 80,
            body: Some(body),
            ..Event::default()
        }
    }

    fn signature(action: &str) -> Signature {
        Signature {
            gid: 1,
            sid: 9_000_001,
            rev: 3,
            message: "Bad\nthing".into(),
            priority: 1,
            action: action.into(),
            metadata: vec![
                "mitre_technique_id T1190".into(),
                "mitre_tactic_id TA0001".into(),
                "mitre_tactic_name Initial_Access".into(),
                "created_at 2026_01_01".into(),
            ],
            rule: "alert …".into(),
            ..Signature::default()
        }
    }

    #[test]
    fn a_signature_becomes_a_match_of_its_own() {
        let found = direct_match(&event(Body::Signature(Box::new(signature("alert"))))).unwrap();
        let card = found.rule.unwrap();
        assert_eq!(
            (found.rule_id.as_str(), found.target_id.as_str()),
            ("1:9000001", "1:9000001")
        );
        assert_eq!((card.version.as_str(), card.severity()), ("3", Severity::High));
        assert_eq!(
            (card.techniques, card.tactics),
            (vec!["T1190".to_owned()], vec!["initial-access".to_owned()])
        );
        assert_eq!(found.summary, "10.1.2.3 → 203.0.113.5:80 Bad thing");
        let group: Vec<_> = found
            .group
            .iter()
            .map(|f| (f.name.as_str(), f.value.as_str()))
            .collect();
        assert_eq!(group, [("src", "10.1.2.3"), ("dst", "203.0.113.5")]);
    }

    #[test]
    fn a_signature_says_what_it_found_in_vietnamese_too() {
        let mut body = signature("alert");
        body.metadata.extend([
            "title_vi Duyệt thư mục trong URI".into(),
            "description A path climbs out".into(),
            format!("description_vi {}", "ă".repeat(4096)),
        ]);
        let card = direct_match(&event(Body::Signature(Box::new(body))))
            .unwrap()
            .rule
            .unwrap();
        assert_eq!(
            (card.title_vi.as_str(), card.description.as_str()),
            ("Duyệt thư mục trong URI", "A path climbs out")
        );
        assert_eq!(
            card.description_vi,
            "ă".repeat(2048),
            "cut between two characters"
        );
        let card = direct_match(&event(Body::Signature(Box::new(signature("alert")))))
            .unwrap()
            .rule
            .unwrap();
        assert_eq!((card.title_vi, card.description_vi), Default::default());
    }

    #[test]
    fn only_alerting_actions_count() {
        for (action, expect) in [
            ("alert", true),
            ("drop", true),
            ("reject", true),
            ("pass", false),
            ("", false),
        ] {
            let found = direct_match(&event(Body::Signature(Box::new(signature(action)))));
            assert_eq!(found.is_some(), expect, "{action}");
        }
    }

    #[test]
    fn a_yara_rule_is_called_by_its_title_or_else_by_its_description() {
        let check = |metadata: &[&str], expect: [&str; 4]| {
            let yara = Yara {
                rule: "Marker".into(),
                metadata: metadata.iter().map(|entry| (*entry).to_owned()).collect(),
                ..Yara::default()
            };
            let card = direct_match(&event(Body::Yara(yara))).unwrap().rule.unwrap();
            let told = [card.title, card.description, card.title_vi, card.description_vi];
            assert_eq!(told, expect, "{metadata:?}");
        };
        check(&[], ["Marker", "", "", ""]);
        check(
            &["description A file", "description_vi Một tệp"],
            ["A file", "", "Một tệp", ""],
        );
        check(
            &[
                "title Shell",
                "description Runs",
                "title_vi Web shell",
                "description_vi Chạy lệnh",
            ],
            ["Shell", "Runs", "Web shell", "Chạy lệnh"],
        );
        check(&["title Shell", "title_vi "], ["Shell", "", "", ""]);
    }

    #[test]
    fn a_yara_match_takes_its_metadata() {
        let yara = Yara {
            rule: "Marker".into(),
            namespace: "lab".into(),
            metadata: vec![
                "severity Critical".into(),
                "mitre_attack T1105, t1204.002".into(),
                "description A file".into(),
            ],
            text: "rule Marker".into(),
            ..Yara::default()
        };
        let card = direct_match(&event(Body::Yara(yara))).unwrap().rule.unwrap();
        assert_eq!(
            (card.id.as_str(), card.title.as_str()),
            ("yara:lab/Marker", "A file")
        );
        assert_eq!(card.severity(), Severity::Critical);
        assert_eq!(card.techniques, ["T1105", "T1204.002"]);
    }
}
