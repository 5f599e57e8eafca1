//! Why a check of a case does not hold: what the event lacks that comes closest to it.

use serde_json::Value;
use vonggac_signature::RuleError;

use crate::check;
use crate::yaml::Yaml;

/// Most bytes of a value that are told.
const VALUE_BYTES_MAX: usize = 60;

/// Says why other than the wanted number of events match all lines of a check.
pub fn explain(
    lines: &[(String, Yaml)],
    is_too_many: bool,
    events: &[Value],
    errors: &[RuleError],
) -> String {
    let line = |name: &str| lines.iter().find(|(key, _)| key == name);
    let sid = line("alert.signature_id").map(|(_, sid)| sid.written());
    let refused = errors
        .iter()
        .find(|error| sid.is_some() && error.sid.map(|sid| sid.to_string()) == sid);
    if let Some(error) = refused {
        return format!("rule not loaded: {}", error.message);
    }
    if is_too_many {
        return "too many".to_owned();
    }
    let is_of_kind = |event: &&Value| {
        let kind = ["event_type", "alert.signature_id"];
        kind.iter()
            .filter_map(|name| line(name))
            .all(|line| holds(line, event))
    };
    let closest = events
        .iter()
        .filter(is_of_kind)
        .max_by_key(|event| lines.iter().filter(|line| holds(line, event)).count());
    match (closest, sid) {
        (Some(event), _) => differences(lines, event),
        (None, Some(sid)) => format!("no alert {sid}"),
        (None, None) => format!(
            "no event {}",
            line("event_type").map_or(String::new(), |(_, kind)| kind.written())
        ),
    }
}

fn holds((key, expected): &(String, Yaml), event: &Value) -> bool {
    check::holds(key, expected, event).unwrap_or(false)
}

fn differences(lines: &[(String, Yaml)], event: &Value) -> String {
    let wrong: Vec<String> = lines
        .iter()
        .filter(|line| !holds(line, event))
        .map(|(key, expected)| {
            let found = check::find(key, event).unwrap_or_default().to_string();
            format!("{key} {} for {}", short(&found), short(&format!("{expected:?}")))
        })
        .collect();
    match wrong.is_empty() {
        true => "too few".to_owned(),
        false => wrong.join(", "),
    }
}

fn short(text: &str) -> &str {
    text.get(..VALUE_BYTES_MAX).unwrap_or(text)
}
