#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const ALL: &[Class] = &Class::ALL;

/// What is asked besides the scope, its values numbered from 0.
fn compiled(text: &str, class: Class) -> Option<(String, Vec<Bound>)> {
    let query = Query::parse(text).unwrap();
    let (classes, scope) = ([class], Scope::of(["moh"]));
    let request = Request::ever(&scope, &query, &classes);
    let mut values = Values::default();
    let sql = conditions(&request, class, &mut values)?;
    let asked = sql
        .strip_prefix("tenant IN {p0:Array(String)} AND exercise_id = 0")
        .unwrap();
    let asked = asked.strip_prefix(" AND ").unwrap_or("1").to_owned();
    let asked = (1..values.0.len()).fold(asked, |sql, number| {
        sql.replace(&format!("{{p{number}:"), &format!("{{p{}:", number - 1))
    });
    Some((asked, values.0.split_off(1)))
}

fn failure(text: &str, classes: &[Class]) -> String {
    let found = Query::parse(text).and_then(|query| check(&query, classes));
    found.map_or_else(|error| error.to_string(), |()| "no error".to_owned())
}

#[test]
fn queries_become_conditions() {
    let text = |text: &str| Bound::Text(text.to_owned());
    let check = |query: &str, class: Class, expect: &str, bound: &[Bound]| {
        let (sql, values) = compiled(query, class).unwrap();
        assert_eq!((sql.as_str(), values.as_slice()), (expect, bound), "{query}");
    };
    use Bound::{Id, Unsigned};
    use Class::{Dns, Flow, Http, Tls};
    check(
        "query:example.org",
        Dns,
        "`query` ILIKE {p0:String}",
        &[text("example.org")],
    );
    check(
        "QueryName:\"a b*\"",
        Dns,
        "`query` ILIKE {p0:String}",
        &[text("a b*")],
    );
    check(
        "query:*.evil.*",
        Dns,
        "`query` ILIKE {p0:String}",
        &[text("%.evil.%")],
    );
    check(
        "host:100%_",
        Http,
        "`host` ILIKE {p0:String}",
        &[text("100\\%\\_")],
    );
    check(
        "answers:10.*",
        Dns,
        "arrayExists(x -> x ILIKE {p0:String}, `answers`)",
        &[text("10.%")],
    );
    check(
        "orig_bytes:>100",
        Flow,
        "`orig_bytes` > {p0:UInt64}",
        &[Unsigned(100)],
    );
    check("dport:<=1023", Flow, "`dport` <= {p0:UInt64}", &[Unsigned(1023)]);
    check("dst_port:443", Tls, "`dport` = {p0:UInt64}", &[Unsigned(443)]);
    check("answered:no", Dns, "`answered` = false", &[]);
    check("ttls:60", Dns, "has(`ttls`, {p0:UInt64})", &[Unsigned(60)]);
    check(
        "src:10.0.0.7",
        Flow,
        "`src` = toIPv6({p0:String})",
        &[text("::ffff:10.0.0.7")],
    );
    let range = "(`dst` BETWEEN toIPv6({p0:String}) AND toIPv6({p1:String}))";
    check(
        "dst:10.0.0.0/8",
        Flow,
        range,
        &[text("::ffff:10.0.0.0"), text("::ffff:10.255.255.255")],
    );
    check(
        "dst:10.*",
        Flow,
        range,
        &[text("::ffff:10.0.0.0"), text("::ffff:10.255.255.255")],
    );
    check("host:*", Http, "notEmpty(`host`)", &[]);
    check(
        "event_id:0000000000000000000000000000000a",
        Flow,
        "`event_id` = {p0:UInt128}",
        &[Id(10)],
    );
    let times = "(`ts` >= fromUnixTimestamp64Micro({p0:Int64}, 'UTC') AND `ts` < fromUnixTimestamp64Micro({p1:Int64}, 'UTC'))";
    check(
        "ts:>=1970-01-01 ts:<1970-01-02",
        Flow,
        times,
        &[Bound::Signed(0), Bound::Signed(86_400_000_000)],
    );
    let tree = "(NOT (`qtype` = {p0:UInt64}) AND (`rcode` = {p1:UInt64} OR `rcode` = {p2:UInt64}))";
    check(
        "NOT qtype:1 (rcode:2 OR rcode:3)",
        Dns,
        tree,
        &[Unsigned(1), Unsigned(2), Unsigned(3)],
    );
    let order = "((`qtype` = {p0:UInt64} AND `rcode` = {p1:UInt64}) OR `rcode` = {p2:UInt64})";
    check(
        "qtype:1 AND rcode:2 OR rcode:3",
        Dns,
        order,
        &[Unsigned(1), Unsigned(2), Unsigned(3)],
    );
}

#[test]
fn a_bare_word_is_looked_for_in_text_and_an_address_in_addresses_too() {
    let (sql, values) = compiled("Evil", Class::Anomaly).unwrap();
    assert!(
        sql.starts_with("(`sensor` ILIKE {p0:String} OR `tenant` ILIKE {p0:String}"),
        "{sql}"
    );
    assert_eq!(values, [Bound::Text("%Evil%".into())], "a value is bound once");
    for word in [
        "10.1.2.3",
        "fe80::1",
        "10.1.0.0/16",
        "2001:db8::/32",
        "\"10.1.2.3\"",
    ] {
        let (sql, _) = compiled(word, Class::Flow).unwrap();
        assert!(sql.contains("`src` ") && sql.contains("toIPv6"), "{word}: {sql}");
    }
}

#[test]
fn a_class_without_the_field_is_left_out() {
    let check = |query: &str, class: Class, found: bool| {
        assert_eq!(
            compiled(query, class).is_some(),
            found,
            "{query} in {}",
            class.name()
        );
    };
    check("query:x", Class::Dns, true);
    check("query:x", Class::Http, false);
    check("NOT query:x", Class::Http, false);
    check("query:x OR host:y", Class::Http, true);
    check("query:x AND host:y", Class::Http, false);
    check("query:x AND src:10.0.0.1", Class::Dns, true);
    check("", Class::Http, true);
}

#[test]
fn mistakes_are_named_with_their_column() {
    let check = |query: &str, expect: &str| assert_eq!(failure(query, &[Class::Dns, Class::Flow]), expect);
    check("", "no error");
    check(
        "host:x",
        "column 1: no field host in the chosen classes (dns, flow)",
    );
    check(
        "qtype:1 OR nope:x",
        "column 12: no field nope in the chosen classes (dns, flow)",
    );
    check("qtype:x", "column 7: qtype wants a whole number");
    check("qtype:1*", "column 7: qtype wants a value without *");
    check("query:>x", "column 7: query has no order; > does not apply");
    check("qtype:>", "column 7: > has nothing to compare with");
    check(
        "src:here",
        "column 5: src wants an address or a network such as 10.0.0.0/8",
    );
    check("answered:maybe", "column 10: answered wants true or false");
    check(
        "ts:>yesterday",
        "column 4: ts wants a time such as 2026-01-31T09:30:00Z",
    );
    check(
        "event_id:1",
        "column 10: event_id wants an id of 32 hexadecimal digits",
    );
    check("query:", "column 7: query: has no value; query:* finds any");
    check("đ \"x", "column 3: the quote is not closed");
    check(
        "a AND",
        "column 6: the query ends where something to find should stand",
    );
    check("OR a", "column 1: something to find should stand here");
    check("(a", "column 1: the ( is not closed");
    check("a )", "column 3: a ) without its (");
    check("()", "column 2: something to find should stand here");
    check(&"(".repeat(100), "column 17: nested more than 16 deep");
    check(&"NOT ".repeat(100), "column 65: nested more than 16 deep");
    check(&"a ".repeat(65), "column 129: more than 64 terms");
    check(&"a".repeat(4097), "column 1: the query is longer than 4096 bytes");
    assert_eq!(
        failure("dropped:x", &[Class::Stats]),
        "column 9: dropped wants * (whether it has a value)"
    );
    // Text in one class and a number in another: the class where it makes sense is searched.
    assert_eq!(failure("qtype:>5", ALL), "no error");
}

#[test]
fn every_derived_column_can_be_searched() {
    for class in ALL {
        for column in class.columns() {
            assert!(is_selectable(column), "{}.{}", class.name(), column.name);
        }
    }
}

#[test]
fn the_scope_and_the_times_are_always_there() {
    let query = Query::parse("a OR b").unwrap();
    let scope = Scope::of(["moh' OR 1"]);
    let request = Request {
        scope: &scope,
        query: &query,
        classes: ALL,
        from_us: Some(1),
        to_us: Some(2),
    };
    for class in ALL {
        let mut values = Values::default();
        let sql = conditions(&request, *class, &mut values).unwrap();
        assert!(
            sql.starts_with("tenant IN {p0:Array(String)} AND exercise_id = 0 AND ts >= "),
            "{sql}"
        );
        assert!(sql.contains(" AND ts < "), "{sql}");
        assert_eq!(values.0.first(), Some(&Bound::Texts(vec!["moh' OR 1".into()])));
    }
}

/// Whether each placeholder has a value of its kind.
fn is_bound(sql: &str, values: &Values) -> bool {
    sql.split("{p").skip(1).all(|rest| {
        let (index, rest) = rest.split_once(':').unwrap();
        let (kind, _) = rest.split_once('}').unwrap();
        let value = values.0.get(index.parse::<usize>().unwrap());
        value.is_some_and(|value| value.kind() == kind)
    })
}

/// What may stand in a condition besides placeholders: names of the schema, functions, signs.
fn is_fixed(sql: &str) -> bool {
    const LITERALS: [&str; 9] = [
        "'UTC'",
        "'::'",
        "'microsecond'",
        "'://'",
        "'http://'",
        "'?'",
        "''",
        "'/'",
        "'\\\\.([^.]*)$'",
    ];
    let without = LITERALS
        .iter()
        .fold(sql.to_owned(), |rest, literal| rest.replace(literal, ""));
    !without.contains('\'') && !without.contains('"') && !without.contains(';') && !without.contains('\\')
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_query_panics_or_gets_into_the_sql(
        words in proptest::collection::vec(
            prop_oneof![
                Just("AND".to_owned()), Just("OR".to_owned()), Just("NOT".to_owned()), Just("(".to_owned()), Just(")".to_owned()),
                "\\PC{0,12}", "(host|src|dport|query|ts|answered|uri_query):[>\"'*;0-9a-z.:/]{0,10}",
                Just("host:\"zqx' ; DROP\"".to_owned()), Just("zqx\\'".to_owned()),
            ], 0..12)
    ) {
        let text = words.join(" ");
        let Ok(query) = Query::parse(&text) else { return Ok(()) };
        let _ = check(&query, ALL);
        let scope = Scope::of(["zqx"]);
        let request = Request { scope: &scope, query: &query, classes: ALL, from_us: Some(0), to_us: None };
        let mut shared = Values::default();
        for class in Class::ALL {
            let mut values = Values::default();
            let Some(sql) = conditions(&request, class, &mut values) else { continue };
            prop_assert!(!sql.contains("zqx") && is_fixed(&sql), "{text:?} gave {sql}");
            prop_assert!(is_bound(&sql, &values), "{text:?} gave {sql}");
            // Also where the classes of a statement share their values.
            let sql = conditions(&request, class, &mut shared).unwrap();
            prop_assert!(!sql.contains("zqx") && is_bound(&sql, &shared), "{text:?} gave {sql}");
        }
    }
}
