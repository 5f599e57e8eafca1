//! All organisations, checked, and what follows from parents, predecessors and days.
//!
//! Two questions are told apart. *Who has the rights now* ([`Tree::current_of`]): the organisation itself or, once merged, its successor; those
//! of one that ended without a successor are gone. *Whose are its things now* ([`Tree::keeper_of`]): the same, but things without a successor go
//! to the parent, so that no event and no case is ever nobody's.
//!
//! Invariants of a [`Tree`], which [`Tree::build`] sees to: one nation, and everything beneath it; a parent, or who succeeded it, exists on each
//! day of its child; a successor exists on the day its predecessor ends; an organisation has one successor at most; parents and successors lead
//! never back; from the nation to the lowest there are at most [`DEPTH_MAX`] steps.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::day::{Day, Span};
use crate::organisation::{Kind, Organisation, OrganisationId, PREDECESSORS_MAX, trouble_with};

/// Most organisations in a tree.
pub const ORGANISATIONS_MAX: usize = 10_000;
/// Most steps from an organisation up to the nation.
pub const DEPTH_MAX: usize = 12;

/// An organisation and where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The organisation.
    pub organisation: Organisation,
    /// Line of the file on which it begins, from 1; `None` when it comes from elsewhere.
    pub line: Option<usize>,
}

impl From<Organisation> for Placed {
    /// One that comes from elsewhere than a file.
    fn from(organisation: Organisation) -> Self {
        Self {
            organisation,
            line: None,
        }
    }
}

/// What keeps organisations from being a tree, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TreeError {
    /// Line of the file, from 1; `None` when the organisation comes from elsewhere.
    pub line: Option<usize>,
    /// Code of the organisation; empty when it is about all.
    pub code: String,
    /// Field of the file.
    pub field: &'static str,
    /// What is wrong, in words that follow the field's name.
    pub problem: String,
}

impl fmt::Display for TreeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(formatter, "line {line}: ")?;
        }
        if !self.code.is_empty() {
            write!(formatter, "{}: ", self.code)?;
        }
        write!(formatter, "`{}` {}", self.field, self.problem)
    }
}

/// Organisations that fit together. Listed by kind, then by code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    nodes: Vec<Node>,
    places: BTreeMap<OrganisationId, usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Node {
    organisation: Organisation,
    line: Option<usize>,
    parent: Option<usize>,
    successor: Option<usize>,
}

impl Node {
    fn span(&self) -> Span {
        self.organisation.span
    }

    fn error(&self, field: &'static str, problem: impl Into<String>) -> TreeError {
        TreeError {
            line: self.line,
            code: self.organisation.id.to_string(),
            field,
            problem: problem.into(),
        }
    }

    /// Where its rights and things may go.
    fn ways_on(&self) -> impl Iterator<Item = usize> {
        self.parent.into_iter().chain(self.successor)
    }
}

impl Tree {
    /// Checks that the organisations fit together.
    ///
    /// # Errors
    /// The first that does not, with its line and field.
    pub fn build(all: Vec<Placed>) -> Result<Self, TreeError> {
        let mut nodes: Vec<Node> = all
            .into_iter()
            .map(|Placed { organisation, line }| Node {
                organisation,
                line,
                parent: None,
                successor: None,
            })
            .collect();
        // Stable: of two with one code the later in the file is the one refused.
        nodes.sort_by(|a, b| key_of(a).cmp(&key_of(b)));
        let mut tree = Self {
            places: places_of(&nodes)?,
            nodes,
        };
        for node in &tree.nodes {
            check_alone(node)?;
        }
        tree.join_parents()?;
        tree.join_successors()?;
        tree.check_ways()?;
        for node in &tree.nodes {
            tree.check_parent_lasts(node)?;
        }
        Ok(tree)
    }

    fn join_parents(&mut self) -> Result<(), TreeError> {
        let mut nation: Option<&OrganisationId> = None;
        let mut parents = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let is_nation = node.organisation.kind == Kind::Nation;
            parents.push(match &node.organisation.parent {
                Some(_) if is_nation => return Err(node.error("parent", "is not for a nation, the root")),
                Some(parent) => Some(self.place(parent).ok_or_else(|| {
                    node.error("parent", format!("names `{parent}`, which does not exist"))
                })?),
                None if !is_nation => {
                    return Err(node.error("parent", "is missing; only the nation has none"));
                }
                None => None,
            });
            if is_nation {
                if let Some(first) = nation {
                    return Err(node.error("kind", format!("is nation, which `{first}` is already")));
                }
                nation = Some(&node.organisation.id);
            }
        }
        if nation.is_none() {
            return Err(TreeError {
                line: None,
                code: String::new(),
                field: "kind",
                problem: "is nation nowhere: there must be one for the root".into(),
            });
        }
        for (node, parent) in self.nodes.iter_mut().zip(parents) {
            node.parent = parent;
        }
        Ok(())
    }

    fn join_successors(&mut self) -> Result<(), TreeError> {
        let mut successors: Vec<Option<usize>> = vec![None; self.nodes.len()];
        for (place, node) in self.nodes.iter().enumerate() {
            let error = |problem: String| node.error("predecessors", problem);
            for id in &node.organisation.predecessors {
                let Some(from) = self.place(id) else {
                    return Err(error(format!("names `{id}`, which does not exist")));
                };
                if let Some(other) = successors[from].and_then(|other| self.nodes.get(other)) {
                    let other = &other.organisation.id;
                    return Err(error(format!("names `{id}`, which went to `{other}` already")));
                }
                match self.nodes[from].span().until {
                    None => return Err(error(format!("names `{id}`, which has not ended"))),
                    Some(end) if !node.span().holds(end) => {
                        return Err(error(format!(
                            "names `{id}`, which ends on {end}, when this does not exist"
                        )));
                    }
                    Some(_) => successors[from] = Some(place),
                }
            }
        }
        for (node, successor) in self.nodes.iter_mut().zip(successors) {
            node.successor = successor;
        }
        Ok(())
    }

    /// That parents and successors lead up in few steps and never back. Each is looked at once, when all that it leads to have been.
    fn check_ways(&self) -> Result<(), TreeError> {
        let mut waiting: Vec<usize> = self.nodes.iter().map(|node| node.ways_on().count()).collect();
        let mut from: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for (place, node) in self.nodes.iter().enumerate() {
            for next in node.ways_on() {
                from[next].push(place);
            }
        }
        let mut depth = vec![0_usize; self.nodes.len()];
        let mut ready: Vec<usize> = (0..self.nodes.len())
            .filter(|&place| waiting[place] == 0)
            .collect();
        while let Some(place) = ready.pop() {
            let node = &self.nodes[place];
            let below = node.parent.map_or(0, |parent| depth[parent].saturating_add(1));
            depth[place] = below.max(node.successor.map_or(0, |successor| depth[successor]));
            if depth[place] > DEPTH_MAX {
                return Err(node.error(
                    "parent",
                    format!("is more than {DEPTH_MAX} steps below the nation"),
                ));
            }
            for &before in &from[place] {
                waiting[before] -= 1;
                if waiting[before] == 0 {
                    ready.push(before);
                }
            }
        }
        let Some(mut place) = waiting.iter().position(|&left| left > 0) else {
            return Ok(());
        };
        // Each that is left leads to another that is left: after as many steps as there are, the walk is in the circle.
        for _ in 0..self.nodes.len() {
            let on = self.nodes[place].ways_on().find(|&next| waiting[next] > 0);
            place = on.unwrap_or(place);
        }
        let problem = "leads back to it: by parents and successors it would be above itself";
        Err(self.nodes[place].error("parent", problem))
    }

    fn check_parent_lasts(&self, node: &Node) -> Result<(), TreeError> {
        let Some(mut parent) = node.parent.map(|place| &self.nodes[place]) else {
            return Ok(());
        };
        let id = &parent.organisation.id;
        let begins_first = match (parent.span().from, node.span().from) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(parent), Some(own)) => parent <= own,
        };
        if !begins_first {
            return Err(node.error("parent", format!("names `{id}`, which begins later than this")));
        }
        loop {
            let Some(end) = parent.span().until else {
                return Ok(());
            };
            if node.span().until.is_some_and(|until| until <= end) {
                return Ok(());
            }
            parent = match parent.successor {
                Some(successor) => &self.nodes[successor],
                None => {
                    return Err(node.error(
                        "parent",
                        format!("names `{id}`, which ends on {end} without a successor, while this goes on"),
                    ));
                }
            };
        }
    }

    fn place(&self, id: &OrganisationId) -> Option<usize> {
        self.places.get(id).copied()
    }

    fn node(&self, id: &OrganisationId) -> Option<&Node> {
        self.nodes.get(self.place(id)?)
    }

    /// All, by kind, then by code.
    pub fn iter(&self) -> impl Iterator<Item = &Organisation> {
        self.nodes.iter().map(|node| &node.organisation)
    }

    /// One, whatever its days.
    pub fn get(&self, id: &OrganisationId) -> Option<&Organisation> {
        Some(&self.node(id)?.organisation)
    }

    /// The nation.
    pub fn root(&self) -> Option<&Organisation> {
        self.iter().find(|organisation| organisation.kind == Kind::Nation)
    }

    /// The organisation that has the rights of `id` on `day`: itself or, once it ended, its successor. `None` for an unknown code, before it
    /// begins, and once it ended without a successor.
    pub fn current_of(&self, id: &OrganisationId, day: Day) -> Option<&OrganisationId> {
        self.current(self.node(id)?, day)
            .map(|node| &node.organisation.id)
    }

    fn current<'t>(&'t self, mut node: &'t Node, day: Day) -> Option<&'t Node> {
        while !node.span().holds(day) {
            node = &self.nodes[self.if_ended(node, day)?.successor?];
        }
        Some(node)
    }

    /// The organisation whose things those of `id` are on `day`: as [`Self::current_of`], but those of one that ended without a successor go to
    /// its parent. `None` for an unknown code and before it begins.
    pub fn keeper_of(&self, id: &OrganisationId, day: Day) -> Option<&OrganisationId> {
        let mut node = self.node(id)?;
        while !node.span().holds(day) {
            node = &self.nodes[self.if_ended(node, day)?.ways_on().last()?];
        }
        Some(&node.organisation.id)
    }

    /// Whose rights decide about the organisation `id` itself on `day`: its own and, once it ended, those of [`Self::keeper_of`]; before it begins, its
    /// parent's. `None` for an unknown code, and where the parents above have not begun either.
    pub fn answers_for(&self, id: &OrganisationId, day: Day) -> Option<&OrganisationId> {
        let mut node = self.node(id)?;
        while !node.span().holds(day) {
            let next = match self.if_ended(node, day) {
                Some(ended) => ended.ways_on().last(),
                None => node.parent,
            };
            node = &self.nodes[next?];
        }
        Some(&node.organisation.id)
    }

    /// What goes on with the work of `id` once it has ended.
    pub fn successor_of(&self, id: &OrganisationId) -> Option<&OrganisationId> {
        Some(&self.nodes[self.node(id)?.successor?].organisation.id)
    }

    fn if_ended<'t>(&self, node: &'t Node, day: Day) -> Option<&'t Node> {
        node.span()
            .until
            .is_some_and(|until| until <= day)
            .then_some(node)
    }

    /// What `id` belongs to on `day`; `None` for the nation and for one that does not exist then.
    pub fn parent_at(&self, id: &OrganisationId, day: Day) -> Option<&OrganisationId> {
        Some(&self.parent_node(self.node(id)?, day)?.organisation.id)
    }

    fn parent_node<'t>(&'t self, node: &'t Node, day: Day) -> Option<&'t Node> {
        let parent = node.span().holds(day).then_some(node.parent?)?;
        self.current(&self.nodes[parent], day)
    }

    /// What stands above `id` on `day`, nearest first.
    pub fn ancestors_at(&self, id: &OrganisationId, day: Day) -> Vec<&OrganisationId> {
        let first = self.parent_at(id, day);
        std::iter::successors(first, |above| self.parent_at(above, day)).collect()
    }

    /// `id` and what stands beneath it on `day`; nothing when it does not exist then.
    pub fn subtree_at(&self, id: &OrganisationId, day: Day) -> BTreeSet<&OrganisationId> {
        let mut found = BTreeSet::new();
        let Some(top) = self.node(id).filter(|node| node.span().holds(day)) else {
            return found;
        };
        let mut beneath: BTreeMap<&OrganisationId, Vec<&OrganisationId>> = BTreeMap::new();
        for node in &self.nodes {
            if let Some(parent) = self.parent_node(node, day) {
                let below = beneath.entry(&parent.organisation.id).or_default();
                below.push(&node.organisation.id);
            }
        }
        let mut left = vec![&top.organisation.id];
        while let Some(id) = left.pop() {
            if found.insert(id) {
                left.extend(beneath.remove(id).unwrap_or_default());
            }
        }
        found
    }

    /// Whose things those of `keepers` are on `day`: all organisations, ended ones too, that [`Self::keeper_of`] leads to one of them.
    pub fn kept_by(&self, keepers: &BTreeSet<&OrganisationId>, day: Day) -> BTreeSet<OrganisationId> {
        let is_kept = |id: &OrganisationId| {
            self.keeper_of(id, day)
                .is_some_and(|keeper| keepers.contains(keeper))
        };
        self.iter()
            .map(|organisation| &organisation.id)
            .filter(|id| is_kept(id))
            .cloned()
            .collect()
    }
}

fn key_of(node: &Node) -> (Kind, &OrganisationId) {
    (node.organisation.kind, &node.organisation.id)
}

fn places_of(nodes: &[Node]) -> Result<BTreeMap<OrganisationId, usize>, TreeError> {
    let mut places: BTreeMap<OrganisationId, usize> = BTreeMap::new();
    for (place, node) in nodes.iter().enumerate() {
        if place >= ORGANISATIONS_MAX {
            return Err(node.error(
                "code",
                format!("is one more than the {ORGANISATIONS_MAX} there may be"),
            ));
        }
        if let Some(first) = places.insert(node.organisation.id.clone(), place) {
            let at = nodes[first]
                .line
                .map_or(String::new(), |line| format!(" on line {line}"));
            return Err(node.error("code", format!("is there already{at}")));
        }
    }
    Ok(places)
}

/// What can be wrong with one by itself.
fn check_alone(node: &Node) -> Result<(), TreeError> {
    let organisation = &node.organisation;
    let texts = [
        ("vi", &organisation.name_vi),
        ("en", &organisation.name_en),
        ("citation", &organisation.citation),
    ];
    for (field, text) in texts {
        if let Some(problem) = trouble_with(text) {
            return Err(node.error(field, problem));
        }
    }
    if organisation.span.is_empty() {
        return Err(node.error("until", "is not after `from`"));
    }
    if organisation.predecessors.len() > PREDECESSORS_MAX {
        return Err(node.error("predecessors", format!("has more than {PREDECESSORS_MAX}")));
    }
    if !organisation.predecessors.is_sorted_by(|a, b| a < b) {
        return Err(node.error("predecessors", "is not sorted, or names one twice"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file;

    /// `code kind parent from until predecessor…`, `.` for none, one a line; each becomes ten lines of the file.
    fn tree(lines: &str) -> Result<Tree, TreeError> {
        let text: String = lines.trim().lines().map(entry).collect();
        Tree::build(file::read(&text).unwrap())
    }

    fn entry(line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [code, kind, parent, from, until, predecessors @ ..] = words.as_slice() else {
            panic!("{line}");
        };
        let mut text =
            format!("[[organisation]]\ncode = \"{code}\"\nkind = \"{kind}\"\nvi = \"v\"\nen = \"e\"\n");
        if *parent != "." {
            text += &format!("parent = \"{parent}\"\n");
        }
        for (key, day) in [("from", from), ("until", until)] {
            if *day != "." {
                text += &format!("{key} = {day}\n");
            }
        }
        text += &format!("predecessors = {predecessors:?}\ncitation = \"c\"\n");
        let blank = 10 - text.lines().count();
        text + &"\n".repeat(blank)
    }

    fn id(code: &str) -> OrganisationId {
        code.parse().unwrap()
    }

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    const MERGER: &str = "
        vn nation . . .
        north province vn . 2025-07-01
        south province vn . 2025-07-01
        both province vn 2025-07-01 . north south
        office unit north . .
        closed unit south . 2025-01-01
        desk unit office 2024-01-01 .";

    #[test]
    fn a_merger_moves_rights_things_and_units() {
        let tree = tree(MERGER).unwrap();
        let (before, after) = (day("2025-06-30"), day("2025-07-01"));
        let current = |code, day| tree.current_of(&id(code), day).map(OrganisationId::as_str);
        assert_eq!(current("north", before), Some("north"));
        assert_eq!(current("north", after), Some("both"));
        assert_eq!(current("both", before), None, "it does not exist yet");
        assert_eq!(current("closed", after), None, "its rights are gone");
        let keeper = |code, day| tree.keeper_of(&id(code), day).map(OrganisationId::as_str);
        assert_eq!(keeper("closed", before), Some("south"));
        assert_eq!(keeper("closed", after), Some("both"));
        assert_eq!(keeper("nobody", after), None);
        let codes =
            |found: BTreeSet<&OrganisationId>| found.into_iter().map(|id| id.to_string()).collect::<Vec<_>>();
        assert_eq!(
            codes(tree.subtree_at(&id("north"), before)),
            ["desk", "north", "office"]
        );
        assert_eq!(codes(tree.subtree_at(&id("north"), after)), [""; 0]);
        assert_eq!(
            codes(tree.subtree_at(&id("both"), after)),
            ["both", "desk", "office"]
        );
        assert_eq!(
            tree.ancestors_at(&id("desk"), after),
            [&id("office"), &id("both"), &id("vn")]
        );
        let kept = tree.kept_by(&BTreeSet::from([&id("both")]), after);
        assert_eq!(kept, ["both", "closed", "north", "south"].map(id).into());
    }

    #[test]
    fn what_does_not_fit_is_refused_with_line_and_field() {
        let check = |lines: &str, expect: &str| {
            let error = tree(lines).unwrap_err().to_string();
            assert_eq!(error, expect, "{lines}");
        };
        check("", "`kind` is nation nowhere: there must be one for the root");
        check(
            "aa unit . . .",
            "line 1: aa: `parent` is missing; only the nation has none",
        );
        let beneath = |lines: &str, expect: &str| check(&format!("vn nation . . .\n{lines}"), expect);
        beneath(
            "wn nation . . .",
            "line 11: wn: `kind` is nation, which `vn` is already",
        );
        beneath(
            "wn nation vn . .",
            "line 11: wn: `parent` is not for a nation, the root",
        );
        beneath(
            "aa unit vn . .\naa unit vn . .",
            "line 21: aa: `code` is there already on line 11",
        );
        beneath(
            "aa unit vn 2025-01-01 2025-01-01",
            "line 11: aa: `until` is not after `from`",
        );
        beneath(
            "aa unit bb . .",
            "line 11: aa: `parent` names `bb`, which does not exist",
        );
        beneath(
            "aa unit vn 2025-01-01 .\nbb unit aa . .",
            "line 21: bb: `parent` names `aa`, which begins later than this",
        );
        beneath(
            "aa unit vn . 2025-01-01\nbb unit aa . 2025-01-02",
            "line 21: bb: `parent` names `aa`, which ends on 2025-01-01 without a successor, while this goes on",
        );
        beneath(
            "bb unit vn . . cc cc",
            "line 11: bb: `predecessors` is not sorted, or names one twice",
        );
        beneath(
            "bb unit vn . . aa",
            "line 11: bb: `predecessors` names `aa`, which does not exist",
        );
        beneath(
            "aa unit vn . .\nbb unit vn . . aa",
            "line 21: bb: `predecessors` names `aa`, which has not ended",
        );
        beneath(
            "aa unit vn . 2025-01-01\nbb unit vn 2025-02-01 . aa",
            "line 21: bb: `predecessors` names `aa`, which ends on 2025-01-01, when this does not exist",
        );
        beneath(
            "aa unit vn . 2025-01-01\nbb unit vn . . aa\ncc unit vn . . aa",
            "line 31: cc: `predecessors` names `aa`, which went to `bb` already",
        );
        let circle = "`parent` leads back to it: by parents and successors it would be above itself";
        beneath(
            "aa unit bb . .\nbb unit aa . .",
            &format!("line 21: bb: {circle}"),
        );
        beneath(
            "aa unit vn . 2025-01-01\nbb unit aa . . aa",
            &format!("line 21: bb: {circle}"),
        );
    }

    #[test]
    fn its_parent_answers_for_what_has_not_begun() {
        let tree = tree(
            "vn nation . . .
            aa ministry vn . 2025-01-01
            bb ministry vn . . aa
            cc unit bb 2026-01-01 .
            cd unit cc 2026-02-01 .",
        )
        .unwrap();
        let check = |code: &str, on: &str, expect: &str| {
            let expect = id(expect);
            assert_eq!(tree.answers_for(&id(code), day(on)), Some(&expect), "{code} {on}");
        };
        check("cc", "2025-12-31", "bb");
        check("cd", "2025-12-31", "bb");
        check("cd", "2026-01-15", "cc");
        check("cd", "2026-02-01", "cd");
        check("aa", "2025-01-01", "bb");
        assert_eq!(tree.answers_for(&id("xx"), day("2026-01-01")), None);
        assert_eq!(tree.successor_of(&id("aa")), Some(&id("bb")));
        assert_eq!(tree.successor_of(&id("bb")), None);
    }

    #[test]
    fn it_is_not_deeper_than_the_limit() {
        let chain = |steps: usize| {
            let mut lines = "vn nation . . .\n".to_owned();
            for step in 1..=steps {
                let above = if step == 1 {
                    "vn".into()
                } else {
                    format!("u{}", step - 1)
                };
                lines += &format!("u{step} unit {above} . .\n");
            }
            tree(&lines)
        };
        assert!(chain(DEPTH_MAX).is_ok());
        let error = chain(DEPTH_MAX + 1).unwrap_err();
        assert_eq!((error.code.as_str(), error.field), ("u13", "parent"));
    }

    #[test]
    fn a_unit_may_be_taken_over_by_what_is_above_it() {
        let tree = tree(
            "vn nation . . .
            aa ministry vn . . cc
            bb unit aa . .
            cc unit bb . 2025-01-01",
        )
        .unwrap();
        assert_eq!(tree.current_of(&id("cc"), day("2025-01-01")), Some(&id("aa")));
    }
}
