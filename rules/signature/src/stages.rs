//! Rules on transactions, by where they are judged.
//!
//! A rule is judged once for a side of a transaction: at the first stage at which all is there that it asks for. It is found there by the most telling
//! pattern of any of its buffers, those of earlier stages included, which are then searched once more for the few rules that waited.

use vonggac_protocol::Side;

use crate::prefilter::{Group, GroupBuilder, Telling, choose};
use crate::rule::{Check, Placement, Presence, Rule, RuleIndex, Source, Target};
use crate::vocabulary::{App, TermKind, Vocabulary};

/// The rules that are judged at one stage.
#[derive(Debug, Default)]
pub(crate) struct StageRules {
    pub(crate) scans: Vec<Scan>,
    /// Rules judged on every transaction.
    pub(crate) always: Vec<RuleIndex>,
}

impl StageRules {
    pub(crate) fn is_empty(&self) -> bool {
        self.scans.is_empty() && self.always.is_empty()
    }
}

/// The rules that are found by one buffer, or by several that mostly hold the same bytes.
#[derive(Debug)]
pub(crate) struct Scan {
    /// The buffers' places in the protocol's card.
    pub(crate) places: Vec<usize>,
    /// Index into the engine's sources of one of them; their transforms are the same.
    pub(crate) source: u32,
    pub(crate) group: Group,
}

/// For each protocol, side and stage its rules.
#[derive(Debug, Default)]
pub(crate) struct Stages(Vec<[Vec<StageRules>; 2]>);

impl Stages {
    pub(crate) fn get(&self, app: App, side: Side, stage: u8) -> Option<&StageRules> {
        let sides = self.0.get(app.place())?;
        side.of::<Vec<StageRules>>(sides).get(usize::from(stage))
    }

    /// Bytes that each of the prefilters takes.
    pub(crate) fn memory_bytes(&self) -> impl Iterator<Item = usize> {
        let stages = self.0.iter().flatten().flatten();
        stages.flat_map(|stage| stage.scans.iter().map(|scan| scan.group.memory_bytes()))
    }
}

/// The rules of one stage while they are put there.
#[derive(Default)]
struct StageBuilder {
    scans: Vec<ScanBuilder>,
    always: Vec<RuleIndex>,
}

struct ScanBuilder {
    searched: Searched,
    places: Vec<usize>,
    source: u32,
    group: GroupBuilder,
}

/// What is searched at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Searched {
    /// The buffer at that place, and those that mostly hold the same bytes.
    Plain(usize),
    /// Another source, transformed.
    Transformed(u32),
}

impl StageBuilder {
    fn add(&mut self, index: RuleIndex, found_by: Option<FoundBy>) {
        let Some(found_by) = found_by else {
            return self.always.push(index);
        };
        let known = self
            .scans
            .iter()
            .position(|scan| scan.searched == found_by.searched);
        let at = known.unwrap_or_else(|| {
            self.scans.push(ScanBuilder {
                searched: found_by.searched,
                places: Vec::new(),
                source: found_by.source,
                group: GroupBuilder::default(),
            });
            self.scans.len() - 1
        });
        if let Some(scan) = self.scans.get_mut(at) {
            if !scan.places.contains(&found_by.place) {
                scan.places.push(found_by.place);
            }
            scan.group.add(index, found_by.telling.as_ref());
        }
    }

    fn build(self) -> StageRules {
        let scans = self.scans.into_iter().map(|scan| Scan {
            places: scan.places,
            source: scan.source,
            group: scan.group.build(),
        });
        StageRules {
            scans: scans.collect(),
            always: self.always,
        }
    }
}

/// All stages while rules are put there.
pub(crate) struct StageBuilders(Vec<[Vec<StageBuilder>; 2]>);

impl StageBuilders {
    /// The stages of a vocabulary's protocols, without rules.
    pub(crate) fn new(vocabulary: &Vocabulary) -> StageBuilders {
        let of_side = |stages: &[&str]| stages.iter().map(|_| StageBuilder::default()).collect();
        let apps = vocabulary.apps();
        StageBuilders(apps.map(|(_, card)| card.stages.map(of_side)).collect())
    }

    /// Puts a rule wherever it is judged.
    pub(crate) fn place(
        &mut self,
        index: RuleIndex,
        rule: &Rule,
        sources: &[Source],
        vocabulary: &Vocabulary,
    ) {
        for Placement { app, side, stage } in rule.placements(vocabulary) {
            let sides = self.0.get_mut(app.place());
            let stages = sides.map(|sides| side.of_mut::<Vec<StageBuilder>>(sides));
            if let Some(builder) = stages.and_then(|stages| stages.get_mut(usize::from(stage))) {
                builder.add(index, found_by(rule, sources, vocabulary, app, side));
            }
        }
    }

    pub(crate) fn build(self) -> Stages {
        let apps = self.0.into_iter();
        let of_side = |stages: Vec<StageBuilder>| stages.into_iter().map(StageBuilder::build).collect();
        Stages(apps.map(|sides| sides.map(of_side)).collect())
    }
}

/// Patterns in buffers of few values tell this much less, unless the author chose them.
const COMMONPLACE_DIVISOR: u32 = 8;
const COMMONPLACE_SCORE_FROM: u32 = 1_000_000;

/// The buffer that a rule is found by.
struct FoundBy {
    /// Its place in the protocol's card.
    place: usize,
    source: u32,
    searched: Searched,
    /// The pattern, if there is one.
    telling: Option<Telling>,
}

/// The buffer that a rule is found by. Buffers that may be missing do not serve.
fn found_by(
    rule: &Rule,
    sources: &[Source],
    vocabulary: &Vocabulary,
    app: App,
    side: Side,
) -> Option<FoundBy> {
    let required = rule.targets_at(side).filter_map(|target| {
        let Target {
            term,
            side: _,
            check:
                Check::Buffer {
                    source,
                    presence: Presence::Required,
                    steps,
                },
        } = target
        else {
            return None;
        };
        let term = vocabulary.term(*term)?;
        let place = term.of(app, side)?.place;
        let is_commonplace = matches!(
            term.kind,
            TermKind::Buffer {
                is_commonplace: true,
                ..
            }
        );
        let telling = choose(steps).map(|telling| match is_commonplace {
            true if telling.score < COMMONPLACE_SCORE_FROM => Telling {
                score: telling.score / COMMONPLACE_DIVISOR,
                ..telling
            },
            _ => telling,
        });
        let transforms = sources.get(*source as usize).map(|source| &source.transforms);
        Some(FoundBy {
            place,
            source: *source,
            searched: match transforms.is_some_and(|transforms| transforms.is_empty()) {
                true => Searched::Plain(vocabulary.same_bytes(app, side, place)),
                false => Searched::Transformed(*source),
            },
            telling,
        })
    });
    // Of equals the last, so that what has a pattern goes before what has none.
    required.max_by_key(|found| found.telling.as_ref().map(|telling| telling.score))
}
