//! Whoever has a scope asks PostgreSQL within it, and scopes come of rights.
#![allow(clippy::unwrap_used)]

use vonggac_tidy::sources;

/// Where functions take scopes and reach PostgreSQL.
const FOLDER: &str = "console/database/src/";
/// Where the way within a scope begins.
const DOOR: &str = "console/database/src/fence.rs";

/// What a function takes that says whose things it is about.
const SCOPES: [&str; 2] = ["&Scope", ": Sight<"];

/// Functions of `text` that have a scope and take a connection that reaches everything.
fn past_the_fence(text: &str) -> Vec<&str> {
    let code = text.split("#[cfg(test)]\n").next().unwrap_or_default();
    let functions = code.split("fn ").skip(1);
    let is_past = |function: &&str| {
        let (signature, body) = function.split_once('{').unwrap_or_default();
        SCOPES.iter().any(|scope| signature.contains(scope)) && body.contains("self.pool")
    };
    let name = |function: &'_ str| function.split(['(', '<']).next().unwrap_or_default().len();
    functions
        .filter(is_past)
        .map(|function| &function[..name(function)])
        .collect()
}

#[test]
fn whoever_has_a_scope_asks_within_it() {
    let mut past = Vec::new();
    let mut seen = 0;
    for source in sources().unwrap() {
        let is_one =
            source.path.starts_with(FOLDER) && source.path != DOOR && !source.path.ends_with("tests.rs");
        let Some(text) = source.text.as_deref().filter(|_| is_one) else {
            continue;
        };
        seen += text.matches("self.look(").count() + text.matches("self.change(").count();
        let functions = past_the_fence(text).into_iter();
        past.extend(functions.map(|name| format!("{}: {name}", source.path)));
    }
    assert!(seen > 40, "{seen} functions ask within a scope");
    assert!(
        past.is_empty(),
        "they have a scope, and ask by the pool, which reaches everything: take look() or change(): {past:#?}"
    );
}

#[test]
fn a_function_past_the_fence_is_seen() {
    let text = "pub async fn list(&self, scope: &Scope) { one().fetch_all(&self.pool) }\n\
                async fn purge(&self) { sqlx::query(X).execute(&self.pool) }\n\
                async fn seen(&self, sight: Sight<'_>) { self.look(sight.alerts) }\n";
    assert_eq!(past_the_fence(text), ["list"]);
}

/// Where a scope may be written down from codes: what it is there.
const MAKERS: [(&str, &str); 6] = [
    (
        "console/database/src/organisation.rs",
        "`scope_of`, from the reach that the rights gave",
    ),
    (
        "console/database/src/exception.rs",
        "whose alerts an exception is about",
    ),
    (
        "console/database/src/exception/change.rs",
        "those and what is seen, for the policies",
    ),
    (
        "console/database/src/audit/log.rs",
        "the nation's scope, with what nobody did",
    ),
    (
        "console/database/src/notice/making.rs",
        "what lies beneath an organisation that a rule names",
    ),
    (
        "console/server/src/api/accounts.rs",
        "what a filter is about, which only narrows",
    ),
];

/// The code of a source, without its tests.
fn code_of(text: &str) -> &str {
    text.split("\nmod tests {").next().unwrap_or_default()
}

#[test]
fn scopes_come_of_rights() {
    let mut others = Vec::new();
    let mut made = Vec::new();
    for source in sources().unwrap() {
        let path = source.path.as_str();
        let is_of_console = path.starts_with("console/server/src/") || path.starts_with(FOLDER);
        let is_test = path.contains("/tests/") || path.ends_with("tests.rs") || path.ends_with("testing.rs");
        let Some(text) = source.text.as_deref().filter(|_| is_of_console && !is_test) else {
            continue;
        };
        if code_of(text).contains("Scope::of(") {
            if MAKERS.iter().any(|(maker, _)| *maker == path) {
                made.push(source.path.clone());
            } else {
                others.push(source.path.clone());
            }
        }
    }
    assert!(
        others.is_empty(),
        "a scope comes of `Signed::reach`, `part` or `narrowed`, not of codes: {others:#?}"
    );
    let idle: Vec<_> = MAKERS
        .iter()
        .filter(|(maker, _)| !made.iter().any(|one| one == maker))
        .collect();
    assert!(idle.is_empty(), "they make no scope any more: {idle:#?}");
}
