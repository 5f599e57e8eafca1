//! From facts to what a person is told: what is wrong, since when, what it means.
//!
//! Our own words are codes with values, which the front end says in the reader's language. Words of others (an error of a server, a
//! problem that a role reports) and addresses name machines inside the platform: only those see them who may see how the platform does.

use vonggac_access::{Tree, action, thing};
use vonggac_event::Scope;
use vonggac_store::health::{REPORT_EVERY, RoleReport};
use vonggac_store::search::SensorState;

use super::{Asked, Facts};
use crate::api::shapes::{Health, PartHealth, PartKind, PartState, Remark, RemarkCode, SensorHealth};
use crate::deliveries;
use crate::extract::Signed;
use crate::time;

/// From here on a role that tells nothing is missed: three reports.
const ROLE_SILENT_US: i64 = 3 * REPORT_EVERY.as_micros() as i64 + 5_000_000;
/// From here on a sensor that tells nothing is missed; it tells every `--stats-seconds`, 10 by default.
const SENSOR_SILENT_US: i64 = 60_000_000;
/// Among a sensor's counters, the age of the oldest event that Kafka has not confirmed, in seconds.
const SENSOR_LAG: &str = "spool_lag_seconds";
/// From here on being behind is worth a word, in seconds.
const BEHIND_S: f64 = 10.0;

/// Who looks.
pub(crate) struct Viewer {
    /// Whose sensors are shown.
    pub(crate) scope: Scope,
    /// Whether the platform's inside is shown.
    pub(crate) sees_insides: bool,
    /// Whether organisations that nobody has entered are shown: to who may enter them, whatever their code.
    pub(crate) enters_organisations: bool,
}

impl Viewer {
    /// As the table of rights has it for who asks.
    pub(crate) fn of(signed: &Signed, tree: Option<&Tree>) -> Self {
        let root = tree.and_then(Tree::root).map(|root| thing::Organisation {
            owner: root.id.clone(),
        });
        Self {
            scope: signed.part::<thing::Sensor, action::Read>(),
            sees_insides: signed.context.reach::<thing::Health, action::Read>().is_ok(),
            enters_organisations: root.is_some_and(|root| signed.would::<_, action::Create>(root)),
        }
    }
}

/// Everything that `viewer` may know.
pub(crate) fn judge(facts: &Facts, viewer: &Viewer) -> Health {
    let mut parts = vec![own(facts)];
    parts.push(server(PartKind::Postgresql, &facts.postgres));
    parts.push(server(PartKind::Clickhouse, &facts.clickhouse));
    parts.push(server(PartKind::Kafka, &facts.kafka));
    parts.push(intake(facts));
    parts.extend(roles(facts));
    if !viewer.sees_insides {
        parts.iter_mut().for_each(without_insides);
    }
    let sensors = facts.sensors.iter();
    Health {
        alerts_behind_s: behind_s(facts),
        parts,
        sensors: sensors
            .filter(|sensor| viewer.scope.shows(&sensor.tenant, sensor.stage))
            .map(|state| sensor(facts.at_us, state))
            .collect(),
        unknown_organisations: if viewer.enters_organisations {
            facts.strangers.clone()
        } else {
            Vec::new()
        },
    }
}

fn part(kind: PartKind, address: Option<String>) -> PartHealth {
    PartHealth {
        part: kind,
        name: None,
        state: PartState::Up,
        address,
        version: None,
        lag_s: None,
        heard: None,
        remarks: Vec::new(),
    }
}

fn without_insides(part: &mut PartHealth) {
    part.name = None;
    part.address = None;
    part.remarks.iter_mut().for_each(|remark| remark.detail = None);
}

fn remark(code: RemarkCode) -> Remark {
    Remark {
        code,
        since: None,
        seconds: None,
        detail: None,
    }
}

fn own(facts: &Facts) -> PartHealth {
    let mut part = PartHealth {
        name: Some(facts.own.name.clone()),
        version: Some(facts.own.version.to_owned()),
        ..part(PartKind::Console, Some(facts.own_address.clone()))
    };
    add_problems(&mut part, &facts.own_problems);
    part
}

fn add_problems(part: &mut PartHealth, problems: &[(String, i64, String)]) {
    for (key, since_us, words) in problems {
        part.state = PartState::Degraded;
        part.remarks.push(Remark {
            since: Some(time::to_text(*since_us)),
            detail: Some(words.clone()),
            ..remark(code_of(key))
        });
    }
}

fn server(kind: PartKind, asked: &Asked) -> PartHealth {
    let mut part = part(kind, Some(asked.address.clone()));
    match &asked.answer {
        Ok(version) => {
            part.version = Some(version.clone());
            if asked.is_slow {
                part.state = PartState::Degraded;
                part.remarks.push(Remark {
                    seconds: Some(asked.took_s),
                    ..remark(RemarkCode::Slow)
                });
            }
        }
        Err(error) => {
            part.state = PartState::Down;
            part.remarks.push(Remark {
                since: asked.failing_since_us.map(time::to_text),
                detail: Some(error.clone()),
                ..remark(RemarkCode::NoAnswer)
            });
        }
    }
    part
}

fn intake(facts: &Facts) -> PartHealth {
    let intake = &facts.intake;
    let topic = vonggac_event::topic::ALERTS.to_owned();
    let mut part = part(PartKind::AlertIntake, Some(topic));
    part.heard = (intake.last_us != 0).then(|| time::to_text(intake.last_us));
    if let Some(since_us) = intake.failing_since_us {
        let lag_s = seconds(facts.at_us, since_us);
        part.state = PartState::Degraded;
        part.lag_s = Some(lag_s);
        part.remarks.push(Remark {
            since: Some(time::to_text(since_us)),
            seconds: Some(lag_s),
            detail: intake.trouble.clone(),
            ..remark(RemarkCode::IntakeFailing)
        });
    }
    part
}

/// Every pipeline, and every console but this one.
fn roles(facts: &Facts) -> Vec<PartHealth> {
    let is_own = |report: &RoleReport| {
        (report.role.as_str(), report.started_us) == (facts.own.role, facts.own.started_us)
            && report.instance == facts.own.name
    };
    let told: Vec<&RoleReport> = facts
        .roles
        .iter()
        .filter(|report| !report.stopped && !is_own(report))
        .collect();
    let mut parts: Vec<PartHealth> = told.iter().filter_map(|report| role(facts, report)).collect();
    if !parts.iter().any(|part| part.part == PartKind::Pipeline) {
        let code = if facts.clickhouse.answer.is_ok() {
            RemarkCode::NoPipeline
        } else {
            RemarkCode::Unknown
        };
        let mut missing = part(PartKind::Pipeline, None);
        missing.state = PartState::Degraded;
        missing.remarks.push(remark(code));
        parts.insert(0, missing);
    }
    parts
}

fn role(facts: &Facts, report: &RoleReport) -> Option<PartHealth> {
    let (kind, silent) = match report.role.as_str() {
        "pipeline" => (PartKind::Pipeline, RemarkCode::PipelineSilent),
        "console" => (PartKind::Console, RemarkCode::ConsoleSilent),
        // From a newer build, which has a console of its own to show it.
        _ => return None,
    };
    let mut part = part(kind, Some(report.host.clone()));
    part.name = Some(report.instance.clone());
    part.version = Some(report.version.clone());
    part.heard = Some(time::to_text(report.at_us));
    if is_missed(facts, report) {
        // What is told goes through ClickHouse: while that is away, nobody is heard.
        let code = if facts.clickhouse.answer.is_ok() {
            silent
        } else {
            RemarkCode::Unknown
        };
        part.state = match code {
            RemarkCode::Unknown => PartState::Degraded,
            _ => PartState::Down,
        };
        part.remarks.push(Remark {
            since: Some(time::to_text(report.at_us)),
            seconds: Some(seconds(facts.at_us, report.at_us)),
            ..remark(code)
        });
        return Some(part);
    }
    part.lag_s = Some(report.lag_s);
    if report.lag_s >= BEHIND_S {
        part.state = PartState::Degraded;
        part.remarks.push(Remark {
            seconds: Some(report.lag_s),
            ..remark(RemarkCode::AlertsBehind)
        });
    }
    add_problems(&mut part, &report.problems);
    Some(part)
}

/// What a role's problem is called here, by its key up to a colon.
fn code_of(key: &str) -> RemarkCode {
    match key.split(':').next().unwrap_or_default() {
        "clickhouse" => RemarkCode::StoreRefuses,
        "kafka" => RemarkCode::KafkaRefuses,
        "postgresql" => RemarkCode::DatabaseRefuses,
        "alert_intake" => RemarkCode::IntakeFailing,
        "sensor_register" => RemarkCode::RegisterFailing,
        "mail_server" => RemarkCode::MailFailing,
        deliveries::WAYS_REMARK => RemarkCode::NoticeWaysFailing,
        super::UNMADE_REMARK => RemarkCode::UnmadeExercises,
        _ => RemarkCode::OtherProblem,
    }
}

fn is_missed(facts: &Facts, report: &RoleReport) -> bool {
    facts.at_us.saturating_sub(report.at_us) > ROLE_SILENT_US
}

/// How far alerts are behind: the slowest pipeline, and the intake behind it.
fn behind_s(facts: &Facts) -> f64 {
    let pipelines = facts
        .roles
        .iter()
        .filter(|report| report.role == "pipeline" && !report.stopped && !is_missed(facts, report))
        .map(|report| report.lag_s)
        .fold(0.0, f64::max);
    let intake = facts.intake.failing_since_us;
    pipelines + intake.map_or(0.0, |since_us| seconds(facts.at_us, since_us))
}

/// Whether a sensor is missed.
pub(crate) fn is_silent(state: &SensorState, at_us: i64) -> bool {
    at_us.saturating_sub(state.heard_us) > SENSOR_SILENT_US
}

/// How a sensor stands.
pub(super) fn sensor(at_us: i64, state: &SensorState) -> SensorHealth {
    let mut health = SensorHealth::from(state.clone());
    if is_silent(state, at_us) {
        health.state = PartState::Degraded;
        health.remarks.push(Remark {
            since: Some(time::to_text(state.heard_us)),
            seconds: Some(seconds(at_us, state.heard_us)),
            ..remark(RemarkCode::SensorSilent)
        });
        return health;
    }
    let lag_s = state.counters.get(SENSOR_LAG).copied().unwrap_or(0) as f64;
    if lag_s >= BEHIND_S {
        health.state = PartState::Degraded;
        health.remarks.push(Remark {
            seconds: Some(lag_s),
            ..remark(RemarkCode::SensorBehind)
        });
    }
    health
}

fn seconds(now_us: i64, then_us: i64) -> f64 {
    now_us.saturating_sub(then_us).max(0) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use vonggac_event::Stage;
    use vonggac_store::health::Instance;

    use super::*;
    use crate::health::IntakeFacts;

    const NOW_US: i64 = 1_767_225_600_000_000;

    fn asked(answer: Result<&str, &str>) -> Asked {
        Asked {
            address: "10.1.2.3:9".into(),
            failing_since_us: answer.is_err().then_some(NOW_US - 60_000_000),
            answer: answer.map(str::to_owned).map_err(str::to_owned),
            took_s: 0.1,
            is_slow: false,
        }
    }

    fn facts() -> Facts {
        Facts {
            at_us: NOW_US,
            own: Instance {
                role: "console",
                name: "c-1".into(),
                host: "h".into(),
                version: "0.1.0",
                started_us: 1,
            },
            own_address: "127.0.0.1:8080".into(),
            own_problems: Vec::new(),
            postgres: asked(Ok("17")),
            clickhouse: asked(Ok("25")),
            kafka: asked(Ok("1")),
            intake: IntakeFacts::default(),
            roles: vec![pipeline("p-1", 2)],
            sensors: std::sync::Arc::new(vec![
                sensor_state("moh", "moh-tap-1", 5),
                sensor_state("mot", "mot-tap-1", 5),
            ]),
            strangers: Vec::new(),
        }
    }

    fn pipeline(name: &str, age_s: i64) -> RoleReport {
        RoleReport {
            role: "pipeline".into(),
            instance: name.into(),
            host: "10.9.9.9".into(),
            version: "0.1.0".into(),
            started_us: 5,
            at_us: NOW_US - age_s * 1_000_000,
            stopped: false,
            lag_s: 0.5,
            problems: Vec::new(),
            counters: Vec::new(),
        }
    }

    fn sensor_state(tenant: &str, sensor: &str, age_s: i64) -> SensorState {
        SensorState {
            tenant: tenant.into(),
            sensor: sensor.into(),
            stage: Stage::Live,
            heard_us: NOW_US - age_s * 1_000_000,
            last_seen_us: 0,
            uptime_us: 0,
            packets_received: 1,
            packets_processed: 1,
            packets_dropped: BTreeMap::new(),
            events: 1,
            counters: BTreeMap::new(),
        }
    }

    fn viewer(tenant: &str, sees_insides: bool) -> Viewer {
        Viewer {
            scope: Scope::of(tenant.split_whitespace()),
            sees_insides,
            enters_organisations: false,
        }
    }

    /// What is said of each part that has something said of it.
    fn check(facts: &Facts, expect: &[(PartKind, PartState, RemarkCode)]) -> Health {
        let health = judge(facts, &viewer("moh mot", true));
        let said: Vec<(PartKind, PartState, RemarkCode)> = health
            .parts
            .iter()
            .flat_map(|part| {
                part.remarks
                    .iter()
                    .map(|remark| (part.part, part.state, remark.code))
            })
            .collect();
        assert_eq!(said, expect);
        health
    }

    #[test]
    fn a_platform_that_is_well_gets_no_remarks() {
        let health = check(&facts(), &[]);
        assert_eq!(health.alerts_behind_s, 0.5);
        assert!(health.sensors.iter().all(|sensor| sensor.remarks.is_empty()));
    }

    #[test]
    fn each_fault_is_said_of_its_part() {
        use PartKind::{AlertIntake, Clickhouse, Kafka, Pipeline, Postgresql};
        use PartState::{Degraded, Down};
        let mut away = facts();
        away.postgres = asked(Err("refused"));
        away.kafka = asked(Err("no broker"));
        check(
            &away,
            &[
                (Postgresql, Down, RemarkCode::NoAnswer),
                (Kafka, Down, RemarkCode::NoAnswer),
            ],
        );

        let mut failing = facts();
        failing.intake.failing_since_us = Some(NOW_US - 40_000_000);
        let health = check(&failing, &[(AlertIntake, Degraded, RemarkCode::IntakeFailing)]);
        assert_eq!(health.alerts_behind_s, 40.5);

        let mut troubled = facts();
        troubled.own_problems = vec![("sensor_register".into(), NOW_US - 9, "Kafka is away".into())];
        check(
            &troubled,
            &[(PartKind::Console, Degraded, RemarkCode::RegisterFailing)],
        );

        let mut late = facts();
        late.roles[0].lag_s = 40.0;
        late.roles[0].problems = vec![
            ("clickhouse".into(), NOW_US - 9, "disk full".into()),
            ("lane:events/3".into(), NOW_US - 9, "x".into()),
        ];
        check(
            &late,
            &[
                (Pipeline, Degraded, RemarkCode::AlertsBehind),
                (Pipeline, Degraded, RemarkCode::StoreRefuses),
                (Pipeline, Degraded, RemarkCode::OtherProblem),
            ],
        );

        let mut silent = facts();
        silent.roles = vec![pipeline("p-1", 600)];
        check(&silent, &[(Pipeline, Down, RemarkCode::PipelineSilent)]);
        // Nobody is heard through a ClickHouse that is away, which says nothing of the pipeline.
        silent.clickhouse = asked(Err("refused"));
        check(
            &silent,
            &[
                (Clickhouse, Down, RemarkCode::NoAnswer),
                (Pipeline, Degraded, RemarkCode::Unknown),
            ],
        );
        silent.clickhouse = asked(Ok("25"));
        silent.roles[0].stopped = true;
        check(&silent, &[(Pipeline, Degraded, RemarkCode::NoPipeline)]);
    }

    #[test]
    fn a_console_does_not_list_itself_twice_and_lists_others() {
        let mut both = facts();
        for (name, started_us) in [("c-1", 1), ("c-2", 7)] {
            both.roles.push(RoleReport {
                role: "console".into(),
                started_us,
                ..pipeline(name, 1)
            });
        }
        let health = judge(&both, &viewer("moh mot", true));
        let consoles: Vec<&str> = health
            .parts
            .iter()
            .filter(|part| part.part == PartKind::Console)
            .filter_map(|part| part.name.as_deref())
            .collect();
        assert_eq!(consoles, ["c-1", "c-2"]);
    }

    #[test]
    fn a_sensor_that_tells_nothing_is_missed() {
        let mut facts = facts();
        std::sync::Arc::make_mut(&mut facts.sensors)[0].heard_us = NOW_US - 300_000_000;
        let health = judge(&facts, &viewer("moh mot", true));
        let [silent, well] = health.sensors.as_slice() else {
            unreachable!("{health:?}")
        };
        assert_eq!(silent.state, PartState::Degraded);
        assert_eq!(
            (silent.remarks[0].code, silent.remarks[0].seconds),
            (RemarkCode::SensorSilent, Some(300.0))
        );
        assert_eq!((well.state, well.remarks.len()), (PartState::Up, 0));
    }

    #[test]
    fn a_sensor_whose_spool_waits_is_behind() {
        let mut facts = facts();
        std::sync::Arc::make_mut(&mut facts.sensors)[0]
            .counters
            .insert(SENSOR_LAG.into(), 40);
        let health = judge(&facts, &viewer("moh", false));
        let [late] = health.sensors.as_slice() else {
            unreachable!("{health:?}")
        };
        assert_eq!(
            (late.state, late.remarks[0].code, late.remarks[0].seconds),
            (PartState::Degraded, RemarkCode::SensorBehind, Some(40.0))
        );
    }

    #[test]
    fn analysts_see_neither_the_inside_nor_other_tenants_sensors() {
        let mut facts = facts();
        facts.clickhouse = asked(Err("connect to 10.1.2.3: refused"));
        facts.intake = IntakeFacts {
            failing_since_us: Some(1),
            trouble: Some("at 10.1.2.3".into()),
            ..IntakeFacts::default()
        };
        facts.roles[0].problems = vec![("kafka".into(), 1, "10.1.2.3 away".into())];
        let health = judge(&facts, &viewer("moh", false));
        let sensors: Vec<&str> = health
            .sensors
            .iter()
            .map(|sensor| sensor.sensor.as_str())
            .collect();
        assert_eq!(sensors, ["moh-tap-1"]);
        let text = serde_json::to_string(&health).unwrap();
        for inside in ["10.1.2.3", "10.9.9.9", "127.0.0.1", "\"p-1\"", "\"c-1\""] {
            assert!(!text.contains(inside), "{inside}: {text}");
        }
    }
}
