//! Correlations as written, and as bound to rules and columns.

use vonggac_event::Column;

use crate::document::Rule;
use crate::ruleset::RuleIndex;
use crate::yaml::{Data, Node, Plain};
use crate::{CORRELATION_RULES_MAX, COUNT_MAX, Fault, Place, TIMESPAN_SECONDS_MAX};

/// What a correlation looks for in its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CorrelationKind {
    /// Number of matches.
    EventCount,
    /// Number of different values.
    ValueCount,
    /// Sum of a numeric field.
    ValueSum,
    /// Mean of a numeric field.
    ValueAverage,
    /// Number of different rules that matched.
    Temporal,
    /// All rules matched, in the order given.
    TemporalOrdered,
}

/// What a count, a sum or a mean must fulfil; all of its comparisons.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bounds(pub(crate) Vec<(Bound, f64)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
}

impl Bounds {
    /// At least `count`.
    pub fn at_least(count: u64) -> Self {
        Self(vec![(Bound::GreaterOrEqual, count as f64)])
    }

    /// Whether `value` fulfils them.
    pub fn hold(&self, value: f64) -> bool {
        self.0.iter().all(|(bound, limit)| match bound {
            Bound::Greater => value > *limit,
            Bound::GreaterOrEqual => value >= *limit,
            Bound::Less => value < *limit,
            Bound::LessOrEqual => value <= *limit,
            Bound::Equal => value == *limit,
            Bound::NotEqual => value != *limit,
        })
    }
}

/// A correlation bound to the rules that feed it.
#[derive(Debug, Clone)]
pub struct Correlation {
    /// What it says of itself.
    pub rule: Rule,
    /// What it looks for.
    pub kind: CorrelationKind,
    /// The rules that feed it, in the order given.
    pub feeds: Vec<Feed>,
    /// Names of the group's fields.
    pub group_by: Vec<String>,
    /// Names of the counted fields; empty where rules or events are counted.
    pub fields: Vec<String>,
    /// Length of the window, in microseconds.
    pub timespan_us: i64,
    /// When it holds.
    pub bounds: Bounds,
    /// Whether its rules also raise alerts of their own.
    pub generate: bool,
}

/// A rule that feeds a correlation, and where in its events the correlation's fields are.
#[derive(Debug, Clone)]
pub struct Feed {
    /// The rule.
    pub rule: RuleIndex,
    /// Its id.
    pub rule_id: String,
    /// The columns of the group, as in [`Correlation::group_by`].
    pub group: Vec<&'static Column>,
    /// The counted columns, as in [`Correlation::fields`].
    pub values: Vec<&'static Column>,
}

/// A text with its place.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// A correlation as written.
#[derive(Debug, Clone)]
pub(crate) struct CorrelationDocument {
    pub(crate) rule: Rule,
    pub(crate) kind: CorrelationKind,
    pub(crate) rules: Vec<Named>,
    pub(crate) group_by: Vec<Named>,
    pub(crate) fields: Vec<Named>,
    pub(crate) timespan_us: i64,
    pub(crate) bounds: Bounds,
    /// Alias, rule's name or id, field of that rule.
    pub(crate) aliases: Vec<(String, String, Named)>,
    pub(crate) generate: bool,
}

impl CorrelationDocument {
    pub(crate) fn read(root: &Node, node: &Node, rule: Rule) -> Result<Self, Fault> {
        let want = |name: &str| {
            node.get(name)
                .ok_or_else(|| Fault::new(node.place, format!("the correlation has no {name}")))
        };
        let kind = kind(want("type")?)?;
        let rules_node = want("rules")?;
        let rules = names(rules_node)?;
        if rules.is_empty() || rules.len() > CORRELATION_RULES_MAX {
            return Err(Fault::new(
                rules_node.place,
                format!("a correlation has 1 to {CORRELATION_RULES_MAX} rules"),
            ));
        }
        let group_by = node.get("group-by").map(names).transpose()?.unwrap_or_default();
        let timespan_us = timespan(want("timespan")?)?;
        let (bounds, fields) = match node.get("condition") {
            Some(condition) => read_condition(condition, kind)?,
            None => (None, Vec::new()),
        };
        let bounds = check_bounds(
            bounds,
            kind,
            rules.len(),
            node.get("condition").unwrap_or(node).place,
        )?;
        let generate = [root.get("generate"), node.get("generate")]
            .into_iter()
            .flatten()
            .any(|node| matches!(&node.data, Data::Scalar(scalar) if scalar.value == Plain::Bool(true)));
        Ok(Self {
            rule,
            kind,
            rules,
            group_by,
            fields,
            timespan_us,
            bounds,
            aliases: node.get("aliases").map(aliases).transpose()?.unwrap_or_default(),
            generate,
        })
    }
}

fn kind(node: &Node) -> Result<CorrelationKind, Fault> {
    Ok(match node.text().unwrap_or_default() {
        "event_count" => CorrelationKind::EventCount,
        "value_count" => CorrelationKind::ValueCount,
        "value_sum" => CorrelationKind::ValueSum,
        "value_avg" => CorrelationKind::ValueAverage,
        "temporal" => CorrelationKind::Temporal,
        "temporal_ordered" => CorrelationKind::TemporalOrdered,
        "value_percentile" => return Err(Fault::new(node.place, "value_percentile is not supported yet")),
        other => {
            return Err(Fault::new(
                node.place,
                format!("unknown correlation type {other}"),
            ));
        }
    })
}

fn names(node: &Node) -> Result<Vec<Named>, Fault> {
    let nodes = match &node.data {
        Data::Sequence(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(node),
    };
    nodes
        .iter()
        .map(|node| match node.text() {
            Some(text) => Ok(Named {
                text: text.to_owned(),
                place: node.place,
            }),
            None => Err(Fault::new(node.place, "expected a name")),
        })
        .collect()
}

/// `90m` in microseconds.
fn timespan(node: &Node) -> Result<i64, Fault> {
    let fault = || {
        Fault::new(
            node.place,
            format!(
                "timespan is a number of s, m, h or d, from 1s to {} d",
                TIMESPAN_SECONDS_MAX / 86_400
            ),
        )
    };
    let text = node.text().ok_or_else(fault)?;
    let unit_start = text.len().saturating_sub(1);
    let (digits, unit) = text.split_at_checked(unit_start).ok_or_else(fault)?;
    let unit_seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(fault()),
    };
    let seconds = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit_seconds))
        .filter(|seconds| (1..=TIMESPAN_SECONDS_MAX).contains(seconds))
        .ok_or_else(fault)?;
    i64::try_from(seconds * 1_000_000).map_err(|_| fault())
}

type Condition = (Option<Bounds>, Vec<Named>);

fn read_condition(node: &Node, kind: CorrelationKind) -> Result<Condition, Fault> {
    let Data::Mapping(pairs) = &node.data else {
        return Err(Fault::new(
            node.place,
            "a correlation's condition is a mapping; conditions over rule names are not supported yet",
        ));
    };
    let mut bounds = Vec::new();
    let mut fields = Vec::new();
    for (key, value) in pairs {
        let bound = match key.text().unwrap_or_default() {
            "gt" => Bound::Greater,
            "gte" => Bound::GreaterOrEqual,
            "lt" => Bound::Less,
            "lte" => Bound::LessOrEqual,
            "eq" => Bound::Equal,
            "neq" => Bound::NotEqual,
            "field" => {
                fields = names(value)?;
                continue;
            }
            other => return Err(Fault::new(key.place, format!("unknown criterion {other}"))),
        };
        let number = match &value.data {
            Data::Scalar(scalar) => match scalar.value {
                Plain::Integer(number) => number as f64,
                Plain::Float(number) if kind == CorrelationKind::ValueAverage => number,
                _ => return Err(Fault::new(value.place, "expected a whole number")),
            },
            _ => return Err(Fault::new(value.place, "expected a whole number")),
        };
        bounds.push((bound, number));
    }
    let wants_field = matches!(
        kind,
        CorrelationKind::ValueCount | CorrelationKind::ValueSum | CorrelationKind::ValueAverage
    );
    match (wants_field, fields.len()) {
        (true, 0) => return Err(Fault::new(node.place, "the condition has no field")),
        (false, 1..) => return Err(Fault::new(node.place, "this correlation type counts no field")),
        (true, 2..) if kind != CorrelationKind::ValueCount => {
            return Err(Fault::new(node.place, "this correlation type takes one field"));
        }
        _ => {}
    }
    Ok(((!bounds.is_empty()).then_some(Bounds(bounds)), fields))
}

fn check_bounds(
    bounds: Option<Bounds>,
    kind: CorrelationKind,
    rules: usize,
    place: Place,
) -> Result<Bounds, Fault> {
    let is_temporal = matches!(kind, CorrelationKind::Temporal | CorrelationKind::TemporalOrdered);
    let Some(bounds) = bounds else {
        if is_temporal {
            return Ok(Bounds::at_least(rules as u64));
        }
        return Err(Fault::new(place, "the correlation has no condition"));
    };
    if matches!(kind, CorrelationKind::ValueSum | CorrelationKind::ValueAverage) {
        return Ok(bounds);
    }
    if bounds.0.iter().any(|(_, limit)| *limit > COUNT_MAX as f64) {
        return Err(Fault::new(place, format!("a count is at most {COUNT_MAX}")));
    }
    if kind == CorrelationKind::TemporalOrdered {
        let all_only = (0..rules).all(|count| !bounds.hold(count as f64)) && bounds.hold(rules as f64);
        if !all_only {
            return Err(Fault::new(
                place,
                "temporal_ordered wants all of its rules; other counts are not supported",
            ));
        }
    }
    let most = if is_temporal { rules as u64 } else { COUNT_MAX + 1 };
    if !(1..=most).any(|count| bounds.hold(count as f64)) {
        return Err(Fault::new(
            place,
            "the condition cannot hold when an event arrives; that something is missing is not seen",
        ));
    }
    Ok(bounds)
}

fn aliases(node: &Node) -> Result<Vec<(String, String, Named)>, Fault> {
    let fault = |place| Fault::new(place, "aliases are a mapping of alias to rule to field");
    let Data::Mapping(pairs) = &node.data else {
        return Err(fault(node.place));
    };
    let mut aliases = Vec::new();
    for (alias, by_rule) in pairs {
        let Data::Mapping(by_rule) = &by_rule.data else {
            return Err(fault(by_rule.place));
        };
        for (rule, field) in by_rule {
            match (alias.text(), rule.text(), field.text()) {
                (Some(alias), Some(rule), Some(text)) => aliases.push((
                    alias.to_owned(),
                    rule.to_owned(),
                    Named {
                        text: text.to_owned(),
                        place: field.place,
                    },
                )),
                _ => return Err(fault(field.place)),
            }
        }
    }
    Ok(aliases)
}
