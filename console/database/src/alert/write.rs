//! Writing the rows of alerts, as exceptions in force make them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use prost::Message;
use serde_json::Value;
use sqlx::PgConnection;
use vonggac_event::proto::RuleCard;
use vonggac_event::{Alert, AlertId, parse_address, protocol_name};

use super::AlertRow;
use super::intake::{Before, Incoming};
use crate::exception::judging::{self, Caught, Judged, Sighted};
use crate::{Result, clean};

/// PostgreSQL's `bigint` is signed.
pub(super) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What the list of techniques is joined by on its way to PostgreSQL: an array of arrays must not have rows of unequal length.
const LIST_SEPARATOR: char = '\u{1f}';

const TAKE: &str = "INSERT INTO alert (id, origin_id, ordinal, continues_id, base_count, base_event_ids, base_flow_ids, \
    revision, rule_id, rule_title, rule_version, rule_kind, severity, techniques, tactics, tenant, sensor, src, sport, dst, dport, \
    proto, first_us, last_us, detected_us, count, exercise_id, summary, encoded, fields, exception_id, is_suppressed, raised_severity, \
    rule_title_vi) \
    SELECT r.id, r.origin_id, r.ordinal, r.continues_id, r.base_count, r.base_event_ids, r.base_flow_ids, \
    r.revision, r.rule_id, r.rule_title, r.rule_version, r.rule_kind, r.severity, string_to_array(r.techniques, chr(31)), \
    string_to_array(r.tactics, chr(31)), r.tenant, r.sensor, r.src, r.sport, r.dst, r.dport, \
    r.proto, r.first_us, r.last_us, r.detected_us, r.count, r.exercise_id, r.summary, r.encoded, r.fields::jsonb, \
    r.exception_id, r.is_suppressed, r.raised_severity, r.rule_title_vi \
    FROM unnest($1::bytea[], $2::bytea[], $3::integer[], $4::bytea[], $5::bigint[], $6::integer[], $7::integer[], \
    $8::bigint[], $9::text[], $10::text[], $11::text[], $12::smallint[], $13::smallint[], $14::text[], \
    $15::text[], $16::text[], $17::text[], $18::text[], $19::integer[], $20::text[], $21::integer[], \
    $22::text[], $23::bigint[], $24::bigint[], $25::bigint[], $26::bigint[], $27::bigint[], $28::text[], $29::bytea[], \
    $30::text[], $31::bigint[], $32::boolean[], $33::smallint[], $34::text[]) \
    AS r(id, origin_id, ordinal, continues_id, base_count, base_event_ids, base_flow_ids, \
    revision, rule_id, rule_title, rule_version, rule_kind, severity, techniques, \
    tactics, tenant, sensor, src, sport, dst, dport, \
    proto, first_us, last_us, detected_us, count, exercise_id, summary, encoded, fields, exception_id, is_suppressed, raised_severity, \
    rule_title_vi) \
    ORDER BY r.id \
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, rule_id = excluded.rule_id, rule_title = excluded.rule_title, \
    rule_version = excluded.rule_version, rule_kind = excluded.rule_kind, severity = excluded.severity, \
    techniques = excluded.techniques, tactics = excluded.tactics, sensor = excluded.sensor, src = excluded.src, \
    sport = excluded.sport, dst = excluded.dst, dport = excluded.dport, proto = excluded.proto, first_us = excluded.first_us, \
    last_us = excluded.last_us, detected_us = excluded.detected_us, count = excluded.count, \
    exercise_id = excluded.exercise_id, summary = excluded.summary, encoded = excluded.encoded, fields = excluded.fields, \
    exception_id = coalesce(excluded.exception_id, alert.exception_id), is_suppressed = excluded.is_suppressed, \
    raised_severity = excluded.raised_severity, rule_title_vi = excluded.rule_title_vi, arrived_us = CASE WHEN alert.is_suppressed AND NOT excluded.is_suppressed \
    THEN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint ELSE alert.arrived_us END \
    WHERE alert.revision < excluded.revision AND alert.tenant = excluded.tenant RETURNING id";

/// What exceptions look at of the rows.
fn sighted(incoming: &[Incoming], rules: &[&RuleCard]) -> Sighted {
    let mut sighted = Sighted::default();
    for (row, rule) in incoming.iter().zip(rules) {
        let alert = &row.alert;
        sighted.rules.push(clean(&rule.id));
        sighted.tenants.push(clean(&alert.tenant));
        sighted.sensors.push(clean(&alert.sensor));
        sighted.sources.push(address(&alert.src));
        sighted.destinations.push(address(&alert.dst));
        sighted.ports.push(port(alert.dport));
        sighted.fields.push(fields(alert));
        sighted
            .severities
            .push(i16::try_from(rule.severity).unwrap_or_default());
        // A drill is never kept from those who take part.
        sighted
            .judged
            .push(row.before != Before::Free && alert.exercise_id == 0);
        sighted.may_hide.push(row.before.may_be_hidden());
    }
    sighted
}

/// A text that says something; an alert of an older pipeline, and most rules from elsewhere, have none in Vietnamese.
fn some_text(text: &str) -> Option<String> {
    Some(clean(text)).filter(|text| !text.is_empty())
}

fn address(bytes: &[u8]) -> Option<String> {
    parse_address(bytes).map(|address: IpAddr| address.to_canonical().to_string())
}

fn port(port: u32) -> i32 {
    i32::from(u16::try_from(port).unwrap_or_default())
}

/// What the alert's events are grouped by, as a JSON object.
fn fields(alert: &Alert) -> String {
    let fields = alert
        .group
        .iter()
        .map(|field| (clean(&field.name), Value::String(clean(&field.value))));
    Value::Object(fields.collect()).to_string()
}

/// What exceptions caught of the rows that were written.
fn caught(
    incoming: &[Incoming],
    judged: &BTreeMap<usize, Judged>,
    written: &BTreeMap<AlertId, AlertRow>,
) -> Vec<Caught> {
    let of_row = |(place, row): (usize, &Incoming)| {
        let exception = judged.get(&place)?.exception;
        let is_counted = [Before::Hidden(exception), Before::Lowered(exception)].contains(&row.before);
        written.contains_key(&row.id).then_some(Caught {
            exception,
            alerts: i64::from(!is_counted),
            events: row.growth,
        })
    };
    incoming.iter().enumerate().filter_map(of_row).collect()
}

/// Writes the rows, as exceptions in force make them; gives those that changed, as they now are.
pub(super) async fn write(
    connection: &mut PgConnection,
    incoming: &[Incoming],
    now_us: i64,
) -> Result<BTreeMap<AlertId, AlertRow>> {
    if incoming.is_empty() {
        return Ok(BTreeMap::new());
    }
    let alerts = || incoming.iter().map(|row| &row.alert);
    let no_rule = RuleCard::default();
    let rules: Vec<&RuleCard> = alerts()
        .map(|alert| alert.rule.as_ref().unwrap_or(&no_rule))
        .collect();
    let bytes = |id: AlertId| id.to_bytes().to_vec();
    let sighted = sighted(incoming, &rules);
    let judged = judging::judge(connection, &sighted, now_us).await?;
    let by = |place: usize| judged.get(&place);
    let lowered = |place: usize| by(place).and_then(|judged| judged.severity);
    let severities = sighted.severities.iter().enumerate();
    let severities: Vec<i16> = severities
        .map(|(place, raised)| lowered(place).unwrap_or(*raised))
        .collect();
    let raised = sighted.severities.iter().enumerate();
    let raised: Vec<Option<i16>> = raised
        .map(|(place, raised)| lowered(place).map(|_| *raised))
        .collect();
    let places = 0..incoming.len();
    let list = |list: &[String]| {
        let texts: Vec<String> = list
            .iter()
            .map(|text| clean(text).replace(LIST_SEPARATOR, "\u{fffd}"))
            .collect();
        texts.join("\u{1f}")
    };
    let changed: Vec<Vec<u8>> = sqlx::query_scalar(TAKE)
        .bind(incoming.iter().map(|row| bytes(row.id)).collect::<Vec<_>>())
        .bind(incoming.iter().map(|row| bytes(row.origin)).collect::<Vec<_>>())
        .bind(incoming.iter().map(|row| row.ordinal).collect::<Vec<_>>())
        .bind(
            incoming
                .iter()
                .map(|row| row.continues.map(bytes))
                .collect::<Vec<_>>(),
        )
        .bind(incoming.iter().map(|row| row.base.count).collect::<Vec<_>>())
        .bind(incoming.iter().map(|row| row.base.event_ids).collect::<Vec<_>>())
        .bind(incoming.iter().map(|row| row.base.flow_ids).collect::<Vec<_>>())
        .bind(alerts().map(|alert| whole(alert.revision)).collect::<Vec<_>>())
        .bind(&sighted.rules)
        .bind(rules.iter().map(|rule| clean(&rule.title)).collect::<Vec<_>>())
        .bind(rules.iter().map(|rule| clean(&rule.version)).collect::<Vec<_>>())
        .bind(
            rules
                .iter()
                .map(|rule| i16::try_from(rule.kind).unwrap_or_default())
                .collect::<Vec<_>>(),
        )
        .bind(severities)
        .bind(
            rules
                .iter()
                .map(|rule| list(&rule.techniques))
                .collect::<Vec<_>>(),
        )
        .bind(rules.iter().map(|rule| list(&rule.tactics)).collect::<Vec<_>>())
        .bind(&sighted.tenants)
        .bind(&sighted.sensors)
        .bind(&sighted.sources)
        .bind(alerts().map(|alert| port(alert.sport)).collect::<Vec<_>>())
        .bind(&sighted.destinations)
        .bind(&sighted.ports)
        .bind(
            alerts()
                .map(|alert| protocol_name(alert.proto))
                .collect::<Vec<_>>(),
        )
        .bind(alerts().map(|alert| alert.first_us).collect::<Vec<_>>())
        .bind(alerts().map(|alert| alert.last_us).collect::<Vec<_>>())
        .bind(alerts().map(|alert| alert.detected_us).collect::<Vec<_>>())
        .bind(alerts().map(|alert| whole(alert.count)).collect::<Vec<_>>())
        .bind(
            alerts()
                .map(|alert| i64::from(alert.exercise_id))
                .collect::<Vec<_>>(),
        )
        .bind(alerts().map(|alert| clean(&alert.summary)).collect::<Vec<_>>())
        .bind(alerts().map(Message::encode_to_vec).collect::<Vec<_>>())
        .bind(&sighted.fields)
        .bind(
            places
                .clone()
                .map(|place| by(place).map(|judged| judged.exception))
                .collect::<Vec<_>>(),
        )
        .bind(
            places
                .map(|place| by(place).is_some_and(|judged| judged.severity.is_none()))
                .collect::<Vec<_>>(),
        )
        .bind(raised)
        .bind(
            rules
                .iter()
                .map(|rule| some_text(&rule.title_vi))
                .collect::<Vec<_>>(),
        )
        .fetch_all(&mut *connection)
        .await?;
    let written = super::by_ids(connection, changed).await?;
    judging::count(connection, &caught(incoming, &judged, &written), now_us).await?;
    Ok(written)
}
