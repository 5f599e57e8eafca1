//! `iprep`: what is thought of addresses.
//!
//! Lists are those of Suricata: `category,name,description` a line for the categories, and
//! `address[/length],category,score` a line for the addresses. The narrowest network that has a score in the
//! category counts.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::context::Context;
use crate::error::{Complaint, value};
use crate::limits::REPUTATIONS_MAX;
use crate::number::{Dash, NumberTest, number_test};
use crate::ranges::address_number;

/// Largest score.
const SCORE_MAX: u8 = 127;

/// A condition on the scores of the packet's addresses.
#[derive(Debug, Clone)]
pub(crate) struct ScoreTest {
    side: Side,
    category: Box<str>,
    wanted: Wanted,
    lists: Arc<ReputationLists>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Any,
    Source,
    Destination,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Holds for addresses with a score only.
    Score(NumberTest),
    None,
}

impl ScoreTest {
    /// Reads `side,category,operator,score` or `side,category,isset|isnotset`.
    pub(crate) fn parse(text: &str, lists: &Arc<ReputationLists>) -> Result<ScoreTest, Complaint> {
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        let (side, category, wanted) = match words.as_slice() {
            [side, category, "isset"] => (side, category, Wanted::Score(NumberTest::Greater(0))),
            [side, category, "isnotset"] => (side, category, Wanted::None),
            [
                side,
                category,
                operator @ ("<" | "<=" | ">" | ">=" | "=" | "!="),
                score,
            ] => {
                let test = number_test(&format!("{operator}{score}"), Dash::Excluded)?;
                if test.operands().into_iter().any(|score| score > SCORE_MAX.into()) {
                    return Err(value(format!("a score goes up to {SCORE_MAX}")));
                }
                (side, category, Wanted::Score(test))
            }
            _ => return Err(value("needs side, category, operator, score")),
        };
        let side = match *side {
            "any" => Side::Any,
            "src" => Side::Source,
            "dst" => Side::Destination,
            "both" => Side::Both,
            other => return Err(value(format!("unknown side {other:?}"))),
        };
        if category.is_empty() {
            return Err(value("the category is missing"));
        }
        if !lists.categories.is_empty() && !lists.categories.contains_key(*category) {
            return Err(value(format!("the lists have no category {category:?}")));
        }
        Ok(ScoreTest {
            side,
            category: (*category).into(),
            wanted,
            lists: Arc::clone(lists),
        })
    }

    pub(crate) fn holds(&self, cx: &Context<'_>) -> bool {
        let holds = |address| {
            let score = self.lists.score(address, &self.category);
            match self.wanted {
                Wanted::Score(test) => score > 0 && test.holds(score.into()),
                Wanted::None => score == 0,
            }
        };
        match self.side {
            Side::Any => holds(cx.src) || holds(cx.dst),
            Side::Source => holds(cx.src),
            Side::Destination => holds(cx.dst),
            Side::Both => holds(cx.src) && holds(cx.dst),
        }
    }
}

/// Scores from lists; [`crate::Resources`] gives them to the rules.
#[derive(Debug, Default)]
pub struct ReputationLists {
    categories: HashMap<String, u8>,
    /// By the length of the network's prefix: its scores by category.
    networks: BTreeMap<u8, HashMap<u128, Vec<(u8, u8)>>>,
    rows: usize,
}

impl ReputationLists {
    /// Reads the list of categories; gives back what is wrong, with line numbers.
    pub fn read_categories(&mut self, text: &str) -> Vec<(u32, String)> {
        each_line(text, |line| {
            let mut words = line.split(',').map(str::trim);
            let id: u8 = words.next()?.parse().ok()?;
            let name = words.next().filter(|name| !name.is_empty())?;
            self.categories.insert(name.to_owned(), id);
            Some(())
        })
    }

    /// Reads a list of addresses; gives back what is wrong, with line numbers. Rows beyond
    /// [`crate::limits::REPUTATIONS_MAX`] are among what is wrong.
    pub fn read_addresses(&mut self, text: &str) -> Vec<(u32, String)> {
        each_line(text, |line| {
            let words: Vec<&str> = line.split(',').map(str::trim).collect();
            let [network, category, score] = words.as_slice() else {
                return None;
            };
            let (length, number) = parse_network(network)?;
            let category: u8 = category.parse().ok()?;
            let score: u8 = score.parse().ok().filter(|score| *score <= SCORE_MAX)?;
            if self.rows >= REPUTATIONS_MAX {
                return None;
            }
            self.rows += 1;
            let scores = self
                .networks
                .entry(length)
                .or_default()
                .entry(number)
                .or_default();
            scores.push((category, score));
            Some(())
        })
    }
}

impl ReputationLists {
    /// The score of an address in a category, 0 if it has none.
    pub fn score(&self, address: IpAddr, category: &str) -> u8 {
        let Some(id) = self.categories.get(category) else {
            return 0;
        };
        let number = address_number(address);
        let scores = self.networks.iter().rev().filter_map(|(length, networks)| {
            let scores = networks.get(&(number & mask(*length)))?;
            scores.iter().rev().find(|(category, _)| category == id)
        });
        scores.map(|(_, score)| *score).next().unwrap_or(0)
    }
}

fn each_line(text: &str, mut read: impl FnMut(&str) -> Option<()>) -> Vec<(u32, String)> {
    let lines = text.lines().map(str::trim).zip(1u32..);
    let says = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    says.filter_map(|(line, number)| match read(line) {
        Some(()) => None,
        None => Some((number, format!("{line:?} cannot be read"))),
    })
    .collect()
}

/// Length of the prefix, of 128 bits, and the network's first address.
fn parse_network(text: &str) -> Option<(u8, u128)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let length = match (address, length) {
        (IpAddr::V4(_), length) => length.unwrap_or(32).checked_add(96)?,
        (IpAddr::V6(_), length) => length.unwrap_or(128),
    };
    (length <= 128).then(|| (length, address_number(address) & mask(length)))
}

fn mask(length: u8) -> u128 {
    u128::MAX
        .checked_shl(128 - u32::from(length.min(128)))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn narrowest_network_counts() {
        let mut lists = ReputationLists::default();
        assert!(
            lists
                .read_categories("1,BadHosts,Known bad\n2,CnC,Command\n")
                .is_empty()
        );
        let faults = lists.read_addresses("# x\n10.0.0.0/8,1,20\n10.1.0.0/16,1,80\n10.1.2.3,2,100\n2001:db8::/32,1,5\nx,1,5\n10.0.0.1,1,128\n");
        assert_eq!(faults.iter().map(|fault| fault.0).collect::<Vec<_>>(), [6, 7]);
        let table = [
            ("10.2.0.1", "BadHosts", 20),
            ("10.1.2.3", "BadHosts", 80),
            ("10.1.2.3", "CnC", 100),
            ("10.1.2.4", "CnC", 0),
            ("2001:db8::7", "BadHosts", 5),
            ("192.0.2.1", "BadHosts", 0),
            ("10.1.2.3", "Other", 0),
        ];
        for (address, category, expected) in table {
            assert_eq!(
                lists.score(address.parse().unwrap(), category),
                expected,
                "{address} {category}"
            );
        }
    }

    #[test]
    fn refused() {
        let mut lists = ReputationLists::default();
        lists.read_categories("1,CnC,Command");
        let lists = Arc::new(lists);
        for text in [
            "src,CnC,>,128",
            "up,CnC,>,1",
            "src,,>,1",
            "src,CnC",
            "src,CnC,~,1",
            "src,Other,>,1",
        ] {
            assert!(ScoreTest::parse(text, &lists).is_err(), "{text}");
        }
    }
}
