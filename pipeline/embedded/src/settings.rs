//! What a request sets on its connection before its statement, and how a session gets its own back after it.
//!
//! In a session only `SET` and `USE` stay; the settings and the database of a request's URL count for that request
//! (as in ClickHouse), but the engine knows settings of a connection only. So the values before are asked for, and set
//! again afterwards.

use std::time::Duration;

use crate::deed::Deed;
use crate::exception::Exception;
use crate::ffi::Connection;
use crate::request::Request;
use crate::statement::Shape;
use crate::token::quoted;
use crate::users::Access;

/// Largest result, in rows and in bytes of its columns, that is held whole, unless the client sets
/// `max_result_rows` and `max_result_bytes`. Formatted it may be some times larger.
const WHOLE_LIMITS: [(&str, &str); 3] = [
    ("max_result_rows", "1000000"),
    ("max_result_bytes", "67108864"),
    ("result_overflow_mode", "throw"),
];
/// How `getSetting` tells of a number that nobody has set.
const UNSET: &str = "0";

/// A setting and its value.
type Setting = (String, String);

/// What is set for one statement.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Ours: they give way to what the session has set.
    defaults: Vec<Setting>,
    /// The client's.
    given: Vec<Setting>,
    database: Option<String>,
    readonly: Option<&'static str>,
    access: Access,
}

/// What a session had before.
pub(crate) struct Before {
    settings: Vec<Setting>,
    database: Option<String>,
}

impl Plan {
    /// Plans for a statement of a shape; `whole` results are limited, and reading ones in time.
    pub(crate) fn new(
        request: &Request,
        access: Access,
        shape: &Shape,
        whole: bool,
        seconds_max: u64,
    ) -> Self {
        let mut plan = Self {
            access,
            readonly: readonly(request, access),
            ..Self::default()
        };
        let deed = match shape {
            Shape::Other { deed, .. } => Some(*deed),
            _ => None,
        };
        if deed != Some(Deed::Uses) {
            plan.database = request.database.clone().filter(|name| !name.is_empty());
        }
        if deed == Some(Deed::Sets) {
            return plan;
        }
        plan.given = request
            .settings
            .iter()
            .filter(|(name, _)| name != "readonly")
            .cloned()
            .collect();
        if whole {
            for (name, value) in WHOLE_LIMITS {
                plan.limit(name, value);
            }
        }
        if seconds_max > 0 && matches!(shape, Shape::Select { .. }) {
            plan.limit_time(seconds_max);
        }
        plan
    }

    /// Sets something of ours, if the client does not.
    fn limit(&mut self, name: &str, value: &str) {
        if !self.given.iter().any(|(given, _)| given == name) {
            self.defaults.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The client's time, if it is less than ours; a value that is no number is left for the engine to refuse.
    fn limit_time(&mut self, seconds_max: u64) {
        const NAME: &str = "max_execution_time";
        let ours = seconds_max.to_string();
        let limit = Duration::from_secs(seconds_max).as_secs_f64();
        for (_, value) in self.given.iter_mut().filter(|(name, _)| name == NAME) {
            let seconds = value.parse::<f64>().ok();
            if seconds.is_some_and(|seconds| seconds <= 0.0 || seconds > limit) {
                value.clone_from(&ours);
            }
        }
        self.limit(NAME, &ours);
    }

    /// Limits the result of a statement that turns out to be held whole, on a connection that is used for it only.
    pub(crate) fn limit_whole(request: &Request, connection: &mut Connection) -> Result<(), Exception> {
        let ours = WHOLE_LIMITS
            .iter()
            .filter(|(name, _)| request.setting(name).is_none())
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        set(connection, &ours.collect::<Vec<_>>())
    }

    /// Sets it on a connection that is used for this statement only.
    pub(crate) fn apply(&self, connection: &mut Connection) -> Result<(), Exception> {
        set(connection, &self.defaults)?;
        if self.access == Access::Reads {
            // Whoever may not set anything is told so by the engine.
            run(connection, "SET readonly = 1")?;
        }
        set(connection, &self.given)?;
        use_database(connection, self.database.as_deref())?;
        match self.readonly {
            // Last, because after it nothing can be set.
            Some(level) if self.access != Access::Reads => {
                run(connection, &format!("SET readonly = {level}"))
            }
            _ => Ok(()),
        }
    }

    /// Sets up the connection of a session that begins.
    pub(crate) fn begin(&self, connection: &mut Connection) -> Result<(), Exception> {
        match self.access {
            Access::Full => Ok(()),
            Access::Reads => {
                let time: Vec<Setting> = self
                    .defaults
                    .iter()
                    .filter(|(name, _)| name == "max_execution_time")
                    .cloned()
                    .collect();
                set(connection, &time)?;
                run(connection, "SET readonly = 1")
            }
            Access::ReadsAndSets => run(connection, "SET readonly = 2"),
        }
    }

    /// Sets it on the connection of a session, and tells what was there before.
    pub(crate) fn enter(&self, connection: &mut Connection) -> Result<Before, Exception> {
        // Nothing of ours can be set where nothing can be set.
        let defaults: &[Setting] = match self.access {
            Access::Reads => &[],
            _ => &self.defaults,
        };
        let mut before = Before {
            settings: Vec::new(),
            database: None,
        };
        let names: Vec<&str> = defaults
            .iter()
            .chain(&self.given)
            .map(|(name, _)| name.as_str())
            .collect();
        let values = values(connection, &names)?;
        let (ours, theirs) = values.split_at(defaults.len().min(values.len()));
        let free: Vec<Setting> = defaults
            .iter()
            .zip(ours)
            .filter(|(_, value)| *value == UNSET || value.parse::<f64>().is_err())
            .map(|(setting, _)| setting.clone())
            .collect();
        let kept = |settings: &[Setting], values: &[String]| -> Vec<Setting> {
            let names = settings.iter().map(|(name, _)| name.clone());
            names.zip(values.iter().cloned()).collect()
        };
        before.settings.extend(kept(defaults, ours));
        before.settings.extend(kept(&self.given, theirs));
        let set_all = set(connection, &free).and_then(|()| set(connection, &self.given));
        let entered = set_all.and_then(|()| {
            if self.database.is_some() {
                before.database = Some(current_database(connection)?);
            }
            use_database(connection, self.database.as_deref())
        });
        match entered {
            Ok(()) => Ok(before),
            Err(exception) => {
                // What was set until then goes back; the reason is what counts.
                let _ = before.restore(connection);
                Err(exception)
            }
        }
    }
}

impl Before {
    /// Sets everything back.
    pub(crate) fn restore(&self, connection: &mut Connection) -> Result<(), Exception> {
        let singly = set(connection, &self.settings).is_err();
        for (name, value) in self.settings.iter().filter(|_| singly) {
            let back = format!("SET `{name}` = {}", quoted(value, '\''));
            // A few kinds of values are not read as they are written; those are rarely anything but their defaults.
            run(connection, &back).or_else(|_| run(connection, &format!("SET `{name}` = DEFAULT")))?;
        }
        use_database(connection, self.database.as_deref())
    }
}

/// The level of `readonly` that a request runs at; GET allows settings but no changes, as in ClickHouse.
pub(crate) fn readonly(request: &Request, access: Access) -> Option<&'static str> {
    match (access, request.setting("readonly")) {
        (Access::Reads, _) | (_, Some("1")) => Some("1"),
        (Access::ReadsAndSets, _) | (_, Some("2")) => Some("2"),
        (Access::Full, _) if request.reads_only => Some("2"),
        (Access::Full, _) => None,
    }
}

/// Whether a statement of this shape may run in a session at a level of `readonly`, which cannot be set there for
/// one request.
pub(crate) fn allows(level: &str, shape: &Shape) -> bool {
    match shape {
        Shape::Select { .. } => true,
        Shape::Insert { .. } => false,
        Shape::Other { deed, .. } => match deed {
            Deed::Reads | Deed::Uses => true,
            Deed::Sets | Deed::Temporary => level == "2",
            Deed::Kills | Deed::Writes => false,
        },
    }
}

pub(crate) fn run(connection: &mut Connection, statement: &str) -> Result<(), Exception> {
    connection.query(statement.as_bytes(), "Null", &[]).map(drop)
}

fn set(connection: &mut Connection, settings: &[Setting]) -> Result<(), Exception> {
    if settings.is_empty() {
        return Ok(());
    }
    let assignments: Vec<String> = settings
        .iter()
        .map(|(name, value)| format!("`{name}` = {}", quoted(value, '\'')))
        .collect();
    run(connection, &format!("SET {}", assignments.join(", ")))
}

fn use_database(connection: &mut Connection, name: Option<&str>) -> Result<(), Exception> {
    match name {
        Some(name) => run(connection, &format!("USE {}", quoted(name, '`'))),
        None => Ok(()),
    }
}

/// The values of settings, in the order of their names.
fn values(connection: &mut Connection, names: &[&str]) -> Result<Vec<String>, Exception> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let columns: Vec<String> = names
        .iter()
        .map(|name| format!("toString(getSetting({}))", quoted(name, '\'')))
        .collect();
    texts(connection, &format!("SELECT {}", columns.join(", ")))
}

fn current_database(connection: &mut Connection) -> Result<String, Exception> {
    let mut row = texts(connection, "SELECT currentDatabase()")?;
    Ok(row.pop().unwrap_or_default())
}

/// The one row of a statement's result.
fn texts(connection: &mut Connection, statement: &str) -> Result<Vec<String>, Exception> {
    let answer = connection.query(statement.as_bytes(), "JSONCompactStringsEachRow", &[])?;
    serde_json::from_slice(answer.bytes())
        .map_err(|error| Exception::from_engine(&format!("the engine's settings cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SELECT: Shape = Shape::Select { format: None };

    fn request(settings: &[(&str, &str)]) -> Request {
        Request {
            settings: settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Request::default()
        }
    }

    #[test]
    fn time_is_limited_to_ours() {
        for (given, expected) in [
            (vec![], "600"),
            (vec![("max_execution_time", "5")], "5"),
            (vec![("max_execution_time", "0.5")], "0.5"),
            (vec![("max_execution_time", "0")], "600"),
            (vec![("max_execution_time", "601")], "600"),
            (vec![("max_execution_time", "x")], "x"),
        ] {
            let plan = Plan::new(&request(&given), Access::Full, &SELECT, false, 600);
            let all: Vec<&str> = plan
                .defaults
                .iter()
                .chain(&plan.given)
                .map(|(_, value)| value.as_str())
                .collect();
            assert_eq!(all, [expected], "{given:?}");
        }
        let unlimited = Plan::new(&request(&[]), Access::Full, &SELECT, false, 0);
        assert!(unlimited.defaults.is_empty());
    }

    #[test]
    fn levels_of_readonly_add_up() {
        for (access, asked, gets, expected) in [
            (Access::Full, None, false, None),
            (Access::Full, None, true, Some("2")),
            (Access::Full, Some("0"), true, Some("2")),
            (Access::Full, Some("1"), true, Some("1")),
            (Access::Full, Some("2"), false, Some("2")),
            (Access::ReadsAndSets, Some("0"), false, Some("2")),
            (Access::ReadsAndSets, Some("1"), false, Some("1")),
            (Access::Reads, Some("2"), false, Some("1")),
        ] {
            let mut request = request(&[]);
            request.reads_only = gets;
            request
                .settings
                .extend(asked.map(|level| ("readonly".to_owned(), level.to_owned())));
            assert_eq!(
                readonly(&request, access),
                expected,
                "{access:?} {asked:?} {gets}"
            );
        }
    }
}
