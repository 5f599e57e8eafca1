//! Rules as expressions over the predicates of their class.

use vonggac_event::{Column, Kind};

use crate::condition::{Condition, Quantity, selects};
use crate::detection::{Item, Search};
use crate::document::RuleDocument;
use crate::lower::lower;
use crate::matcher::Builder;
use crate::{EXPRESSION_NODES_MAX, Fault, Place};

/// A rule's expression over the predicates of its class.
#[derive(Debug, Clone)]
pub(crate) enum Expression {
    Constant(bool),
    Predicate(usize),
    All(Box<[Expression]>),
    Any(Box<[Expression]>),
    Not(Box<Expression>),
}

impl Expression {
    pub(crate) fn all(sides: Vec<Self>) -> Self {
        Self::join(sides, true, Self::All)
    }

    pub(crate) fn any(sides: Vec<Self>) -> Self {
        Self::join(sides, false, Self::Any)
    }

    pub(crate) fn negate(self) -> Self {
        match self {
            Self::Constant(yes) => Self::Constant(!yes),
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// Joins sides of which `neutral` changes nothing and its opposite decides.
    fn join(sides: Vec<Self>, neutral: bool, build: fn(Box<[Self]>) -> Self) -> Self {
        let mut kept = Vec::with_capacity(sides.len());
        for side in sides {
            match side {
                Self::Constant(yes) if yes == neutral => {}
                Self::Constant(yes) => return Self::Constant(yes),
                other => kept.push(other),
            }
        }
        match (kept.len(), kept.pop()) {
            (_, None) => Self::Constant(neutral),
            (1, Some(only)) => only,
            (_, Some(last)) => {
                kept.push(last);
                build(kept.into())
            }
        }
    }

    pub(crate) fn nodes(&self) -> usize {
        1 + match self {
            Self::Constant(_) | Self::Predicate(_) => 0,
            Self::All(sides) | Self::Any(sides) => sides.iter().map(Self::nodes).sum(),
            Self::Not(inner) => inner.nodes(),
        }
    }

    /// Eager predicates one of which holds whenever this does: of those that can be had, the row that fires most seldom.
    /// `frequency` estimates how often an eager predicate holds; it knows no other.
    pub(crate) fn witness(&self, frequency: &dyn Fn(usize) -> Option<f64>) -> Option<Witness> {
        match self {
            Self::Constant(true) | Self::Not(_) => None,
            Self::Constant(false) => Some(Witness::default()),
            Self::Predicate(index) => Some(Witness {
                predicates: vec![*index],
                frequency: frequency(*index)?,
            }),
            Self::All(sides) => sides
                .iter()
                .filter_map(|side| side.witness(frequency))
                .min_by(|left, right| left.frequency.total_cmp(&right.frequency)),
            Self::Any(sides) => {
                let mut all = Witness::default();
                for side in sides {
                    let side = side.witness(frequency)?;
                    all.predicates.extend(side.predicates);
                    all.frequency += side.frequency;
                }
                all.predicates.sort_unstable();
                all.predicates.dedup();
                Some(all)
            }
        }
    }
}

/// Predicates one of which holds whenever a rule does, and how often that is.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    pub(crate) predicates: Vec<usize>,
    pub(crate) frequency: f64,
}

/// A rule's conditions over the predicates of its class.
pub(crate) fn expression(builder: &mut Builder, document: &RuleDocument) -> Result<Expression, Fault> {
    let mut searches = Vec::new();
    for (name, search) in &document.searches {
        searches.push((name.as_str(), search_expression(builder, search)?));
    }
    let mut budget = EXPRESSION_NODES_MAX;
    let mut sides = Vec::new();
    for condition in &document.conditions {
        sides.push(condition_expression(
            condition,
            &searches,
            false,
            &mut budget,
            document.place,
        )?);
    }
    Ok(Expression::any(sides))
}

type Searches<'a> = [(&'a str, Expression)];

fn condition_expression(
    condition: &Condition,
    searches: &Searches<'_>,
    negated: bool,
    budget: &mut usize,
    place: Place,
) -> Result<Expression, Fault> {
    let mut take = |expression: &Expression| {
        *budget = budget
            .checked_sub(expression.nodes())
            .ok_or_else(|| Fault::new(place, format!("the rule has over {EXPRESSION_NODES_MAX} parts")))?;
        Ok(expression.clone())
    };
    match condition {
        Condition::Name(name, at) => match searches.iter().find(|(other, _)| other == name) {
            Some((_, expression)) => take(expression),
            None => Err(Fault::new(*at, format!("there is no search identifier {name}"))),
        },
        Condition::Of(quantity, pattern, at) => {
            let chosen = searches
                .iter()
                .filter(|(name, _)| selects(pattern, name))
                .map(|(_, expression)| take(expression))
                .collect::<Result<Vec<_>, _>>()?;
            if chosen.is_empty() && !(negated && *quantity == Quantity::Any) {
                return Err(Fault::new(*at, format!("no search identifier matches {pattern}")));
            }
            Ok(match quantity {
                Quantity::Any => Expression::any(chosen),
                Quantity::All => Expression::all(chosen),
            })
        }
        Condition::Not(inner) => Ok(condition_expression(inner, searches, !negated, budget, place)?.negate()),
        Condition::And(sides) | Condition::Or(sides) => {
            let sides = sides
                .iter()
                .map(|side| condition_expression(side, searches, negated, budget, place))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(if matches!(condition, Condition::And(_)) {
                Expression::all(sides)
            } else {
                Expression::any(sides)
            })
        }
    }
}

fn search_expression(builder: &mut Builder, search: &Search) -> Result<Expression, Fault> {
    let mut each = |sides: &[Search]| {
        sides
            .iter()
            .map(|side| search_expression(builder, side))
            .collect::<Result<Vec<_>, _>>()
    };
    match search {
        Search::All(sides) => Ok(Expression::all(each(sides)?)),
        Search::Any(sides) => Ok(Expression::any(each(sides)?)),
        Search::Item(item) => item_expression(builder, item),
    }
}

fn item_expression(builder: &mut Builder, item: &Item) -> Result<Expression, Fault> {
    let fault = |message: String| Fault::new(item.place, message);
    let class = builder.class;
    let columns: Vec<&'static Column> = if item.field.is_empty() {
        class.columns().filter(|column| is_searched(column)).collect()
    } else {
        let column = class.column(&item.field);
        vec![column.ok_or_else(|| fault(format!("class {} has no field {}", class.name(), item.field)))?]
    };
    let lowered = lower(item)?;
    let mut values = Vec::new();
    for alternatives in &lowered.values {
        let mut any = Vec::new();
        for test in alternatives {
            for column in &columns {
                any.push(builder.test(column, test).map_err(fault)?);
            }
        }
        values.push(Expression::any(any));
    }
    let joined = if lowered.all {
        Expression::all(values)
    } else {
        Expression::any(values)
    };
    Ok(if lowered.negated { joined.negate() } else { joined })
}

/// Whether keywords look into the column: they would find digits by chance in ids and times.
pub(crate) fn is_searched(column: &Column) -> bool {
    !matches!(column.kind, Kind::Id | Kind::Time)
        && !matches!(column.name, "flow_id" | "community_id" | "exercise_id")
}
