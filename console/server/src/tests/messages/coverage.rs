//! Each message that a source makes has a Vietnamese, and the catalogue nothing else.

use std::collections::BTreeSet;

use vonggac_database::Language;

use super::sources::{self, Sentence, Source, sentences};
use crate::messages;

/// Where messages are made that reach a body.
const PLACES: [&str; 8] = [
    "console/server/src",
    "console/database/src",
    "console/access/src",
    "console/passkey/src",
    "console/openid/src",
    "console/notify/src",
    "pipeline/store/src/search.rs",
    "pipeline/store/src/search",
];

/// Files whose sentences reach no body: they are of the command line, of logs and metrics, of the audit log, of keys, of PostgreSQL, or are
/// translated where they stand (letters and notices).
const NOT_TOLD_FILES: &[&str] = &[
    "console/access/src/action.rs",
    "console/access/src/context.rs",
    "console/access/src/file.rs",
    "console/access/src/policy.rs",
    "console/database/src/audit.rs",
    "console/database/src/audit/log.rs",
    "console/database/src/device.rs",
    "console/database/src/openid/attempt.rs",
    "console/database/src/openid/entering.rs",
    "console/database/src/roster.rs",
    "console/database/src/throttle.rs",
    "console/server/src/deliveries/words.rs",
    "console/server/src/health.rs",
    "console/server/src/health/judge.rs",
    "console/server/src/intake.rs",
    "console/server/src/lib.rs",
    "console/server/src/listener.rs",
    "console/server/src/options.rs",
    "console/server/src/patience.rs",
    "console/server/src/register.rs",
    "console/server/src/seal.rs",
    "console/server/src/secrets.rs",
    "console/server/src/setup.rs",
    "console/server/src/tls.rs",
    "console/server/src/tls/authority.rs",
    "console/server/src/tls/pair.rs",
    "pipeline/store/src/search/row.rs",
    "pipeline/store/src/search/run.rs",
];

/// Sentences of other files that reach no body.
const NOT_TOLD: &[&str] = &[
    // Why, in the audit log.
    "are not written down for a while",
    "for a second person",
    "it takes a person",
    "the link is wrong, used, too old or withdrawn",
    "the token has expired",
    "the token is not for this network",
    "the token is revoked",
    "the token is wrong, used, too old or withdrawn",
    "there is no such token",
    // Of the console's own state, in logs and metrics; answered as a store that does not answer.
    "a sensor's id {problem}",
    "an exception cannot be read",
    "conditions cannot be read",
    "no count of a class",
    "no count of an hour",
    "no e-mail can be sent: {failure}",
    "no number of organisations",
    "no pair of addresses",
    "no value of a field",
    "password hashing: {0}",
    "people are not told on some of their ways: {failing} fail, {paused} are paused",
    "the PostgreSQL address is not valid: {0}",
    "the certificates that are trusted cannot be used: {0}",
    "{class} is no class of events",
    // What is sealed or signed for what, names of tasks, and words that a password must not be.
    "alert that goes on",
    "challenge answer {bytes}",
    "challenge register {} {bytes}",
    "front end",
    "ha noi",
    "how a sensor stands",
    "mat khau",
    "mật khẩu",
    "no hash to compare with",
    "nobody has this password",
    "notice way {way}",
    "notification mail",
    "openid client {issuer}",
    "passkey of {}",
    "quan tri",
    "quản trị",
    "second factor",
    "totp {}",
    "viet nam",
    "việt nam",
    "vong gac",
    "vonggac seal 1",
    "vonggac sign 1",
    "vọng gác",
    "{purpose} {}",
    // Conditions as they are written down, terms of a query, and what is no header.
    "bearer ?",
    "{} {name}={}",
    "{} {sign} {bound}",
    "{name}={value}; Path=/; HttpOnly; SameSite={same_site}; Max-Age={age_s}{secure}",
];

/// What joins a name with what is wrong with it, or two messages that are told by themselves.
const JOINTS: &[&str] = &[
    "{field} {problem}",
    "{host} {error}",
    "{text} {error}",
    "{text}: {cause}",
    "{what}: {error}{}",
    "{} {}",
    "{}: ",
    "`{}` {}",
    "is there already{at}",
    "line {line}: ",
];

/// The messages of the sources.
fn said() -> Vec<Sentence> {
    let is_told = |source: &Source| !NOT_TOLD_FILES.contains(&source.file.as_str());
    let all = PLACES.iter().flat_map(|folder| sources::of(folder));
    let all = all
        .filter(is_told)
        .filter(|source| !source.file.contains("/messages"));
    all.flat_map(|source| sentences(&source)).collect()
}

/// A text of the sources with something in its holes, and what must be in the Vietnamese of it.
fn filled(text: &str, is_message: bool) -> (String, Vec<String>) {
    let (mut english, mut kept) = (String::new(), Vec::new());
    for part in text.split('{') {
        let Some((name, words)) = part.split_once('}') else {
            english.push_str(part);
            continue;
        };
        let sample = match name {
            "field" => "name".to_owned(),
            "0" | "error" | "why" | "what" | "failure" | "problem" if is_message => {
                "true or false".to_owned()
            }
            _ => format!("Zq{}", kept.len()),
        };
        english.push_str(&sample);
        english.push_str(words);
        if sample.starts_with("Zq") {
            kept.push(sample);
        }
    }
    (english, kept)
}

/// Whether English was left in a Vietnamese text, going by words that no Vietnamese has.
fn is_mixed(text: &str) -> bool {
    const ENGLISH: [&str; 9] = ["the", "is", "are", "must", "has", "have", "not", "that", "which"];
    text.split(|c: char| !c.is_alphabetic())
        .any(|word| ENGLISH.contains(&word))
}

/// Whether a text of the sources has a Vietnamese, alone or behind what it follows, with what it names.
fn is_known(text: &str) -> bool {
    let alone = |text: &str| {
        [true, false].into_iter().any(|is_message| {
            let (english, kept) = filled(text, is_message);
            let told = messages::in_language(&english, Language::Vietnamese);
            let is_told = told.language == Language::Vietnamese && !is_mixed(&told.text);
            is_told && kept.iter().all(|one| told.text.contains(one))
        })
    };
    let behind = [
        text.to_owned(),
        format!("name {text}"),
        format!("{{text}} {text}"),
        format!("{text}: {{cause}}"),
    ];
    behind.iter().any(|text| alone(text))
}

#[test]
fn each_message_of_the_sources_has_a_vietnamese() {
    let said = said();
    assert!(said.len() > 250, "only {} sentences were found", said.len());
    let is_left_out = |text: &str| NOT_TOLD.contains(&text) || JOINTS.contains(&text);
    let missing: BTreeSet<String> = said
        .iter()
        .filter(|one| !is_left_out(&one.text) && !is_known(&one.text))
        .map(|one| format!("{}: {}", one.file, one.text))
        .collect();
    let missing: Vec<String> = missing.into_iter().collect();
    assert!(
        missing.is_empty(),
        "no Vietnamese in messages/vietnamese, and not listed as told to nobody:\n{}",
        missing.join("\n")
    );
}

#[test]
fn what_is_left_out_is_still_there() {
    let texts: BTreeSet<String> = said().into_iter().map(|one| one.text).collect();
    let gone = |text: &&&str| !texts.contains(**text);
    let stale: Vec<&&str> = NOT_TOLD.iter().chain(JOINTS).filter(gone).collect();
    assert!(stale.is_empty(), "in no source: {stale:?}");
    let known: Vec<&&str> = NOT_TOLD.iter().filter(|text| is_known(text)).collect();
    assert!(known.is_empty(), "has a Vietnamese: {known:?}");
}

/// What a text of the catalogue says between its holes, as far as it is words.
fn words(english: &str) -> Vec<&str> {
    let parts = english
        .split('{')
        .map(|part| part.split_once('}').map_or(part, |(_, words)| words));
    let parts = parts.filter(|words| words.chars().any(char::is_alphabetic));
    parts.collect()
}

#[test]
fn the_catalogue_has_nothing_that_no_source_says() {
    // What axum says of a body or an address and serde of what is in it; a name with what is wrong with it; what a statement of SQL writes.
    const ELSEWHERE: [&str; 8] = [
        "Failed to ",
        "Expected ",
        "length limit",
        "missing field",
        "{path}: ",
        "from is ",
        "`{field}` ",
        "the console that wrote it has gone",
    ];
    let elsewhere = |english: &str| ELSEWHERE.iter().any(|begin| english.starts_with(begin));
    let said: Vec<String> = said().into_iter().map(|one| one.text).collect();
    let is_said = |words: &[&str]| {
        said.iter().any(|text| {
            words
                .iter()
                .all(|one| text.contains(one.trim_matches([' ', ':'])))
        })
    };
    let stale: Vec<&str> = messages::TEXTS
        .iter()
        .flat_map(|texts| texts.iter().map(|(english, _)| *english))
        .filter(|english| !elsewhere(english))
        .filter(|english| !is_said(&words(english)))
        .collect();
    assert!(stale.is_empty(), "{stale:?}");
}

/// Names of fields that sources lay mistakes to.
fn fields(code: &str) -> BTreeSet<String> {
    const BEFORE: [&str; 8] = [
        "invalid(",
        "field: ",
        "check_name(",
        "checked(",
        "time_us(",
        "words(",
        "bytes(",
        ".error(",
    ];
    let mut found = BTreeSet::new();
    for before in BEFORE {
        for rest in code.split(before).skip(1) {
            let Some(rest) = rest.trim_start().strip_prefix('"') else {
                continue;
            };
            let name: String = rest.chars().take_while(|c| *c != '"').collect();
            if !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                found.insert(name);
            }
        }
    }
    found
}

#[test]
fn each_field_that_a_mistake_is_laid_to_has_a_vietnamese_name() {
    let sources = ["console/server/src", "console/database/src", "console/access/src"];
    let all = sources.iter().flat_map(|folder| sources::of(folder));
    let names: BTreeSet<String> = all.flat_map(|source| fields(&source.code)).collect();
    assert!(names.len() > 50, "only {} names were found", names.len());
    let problems = [
        "is empty",
        "is needed",
        "has 1 to 80 characters",
        "is no address such as lan@example.vn",
    ];
    let unnamed = |name: &&String| {
        problems.iter().any(|problem| {
            let told = messages::in_language(&format!("{name} {problem}"), Language::Vietnamese);
            told.language != Language::Vietnamese || is_mixed(&told.text)
        })
    };
    let unnamed: Vec<&String> = names.iter().filter(unnamed).collect();
    assert!(unnamed.is_empty(), "{unnamed:?}");
}
