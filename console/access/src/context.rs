//! Who asks, and the proofs that come of asking.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::action::{self, Action, Verb};
use crate::day::Day;
use crate::exercise::{self, Exercise};
use crate::membership::{Membership, PersonId};
use crate::organisation::OrganisationId;
use crate::policy::{self, Assurance, Relation, Rule};
use crate::resource::{Kind, Part, Resource, Share, Tlp};
use crate::role::Role;
use crate::service::TokenScope;
use crate::tree::Tree;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A person.
    Person(PersonId),
    /// A service with a token of the API, by the number of its account. It is never the second person, and decides nothing.
    Service(i64),
}

/// Id of a request, for the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub u128);

/// What somebody's memberships come to on one day.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    day: Option<Day>,
    all: Vec<Grant>,
    /// What of them counts; `None`: all.
    within: Option<TokenScope>,
}

#[derive(Debug, Clone)]
struct Grant {
    role: Role,
    home: Arc<Home>,
}

/// An organisation as it stands on a day.
#[derive(Debug)]
struct Home {
    /// Codes whose things are its own.
    own: BTreeSet<OrganisationId>,
    /// Codes whose things are of those beneath.
    beneath: BTreeSet<OrganisationId>,
    /// Codes that stand for it where something is shared.
    names: BTreeSet<OrganisationId>,
}

impl Home {
    /// Of one that exists on `day`.
    fn of(tree: &Tree, at: &OrganisationId, day: Day) -> Self {
        let mut beneath = tree.subtree_at(at, day);
        beneath.remove(at);
        let is_it = |id: &&OrganisationId| tree.current_of(id, day) == Some(at);
        Self {
            own: tree.kept_by(&BTreeSet::from([at]), day),
            beneath: tree.kept_by(&beneath, day),
            names: tree.iter().map(|o| &o.id).filter(is_it).cloned().collect(),
        }
    }
}

impl Grants {
    /// What the memberships of `person` come to on `day`; those of others count for nothing.
    pub fn of(tree: &Tree, memberships: &[Membership], person: PersonId, day: Day) -> Self {
        let mut homes: BTreeMap<&OrganisationId, Arc<Home>> = BTreeMap::new();
        let mut all = Vec::new();
        let counts = |membership: &&Membership| membership.person == person && membership.holds(day);
        for membership in memberships.iter().filter(counts) {
            let Some(at) = tree.current_of(&membership.organisation, day) else {
                continue;
            };
            let home = homes
                .entry(at)
                .or_insert_with(|| Arc::new(Home::of(tree, at, day)));
            all.push(Grant {
                role: membership.role,
                home: Arc::clone(home),
            });
        }
        Self {
            day: Some(day),
            all,
            within: None,
        }
    }

    /// The same for a service with a token: what is not in the token's scope, or is a person's alone, counts for nothing.
    #[must_use]
    pub fn within(self, scope: TokenScope) -> Self {
        Self {
            within: Some(scope),
            ..self
        }
    }

    /// Whether something is out of the scope of the token that asks, whatever roles there are. Says nothing of any thing.
    pub fn is_out_of_scope(&self, kind: Kind, verb: Verb) -> bool {
        self.within.as_ref().is_some_and(|scope| !scope.has(kind, verb))
    }

    /// The roles that count for a row: none of them for what is out of scope.
    fn counting(&self, kind: Kind, rule: &Rule) -> &[Grant] {
        if self.is_out_of_scope(kind, rule.verb) {
            return &[];
        }
        &self.all
    }

    /// What may be done with something, somewhere, however sure it is who asks: for a page that shows only what can be done.
    pub fn abilities(&self) -> Vec<(Kind, Verb)> {
        let able = |(kind, rule): &(Kind, &Rule)| {
            let mut grants = self.counting(*kind, rule).iter();
            grants.any(|grant| !rule.cell(grant.role).is_none())
        };
        let of_kind = |kind: Kind| policy::rules(kind).iter().map(move |rule| (kind, rule));
        let able = Kind::ALL.into_iter().flat_map(of_kind).filter(able);
        able.map(|(kind, rule)| (kind, rule.verb)).collect()
    }

    /// The roles that give enough of a thing by a row, and how much.
    fn able<R: Resource>(&self, rule: &Rule, thing: &R) -> impl Iterator<Item = (Role, Part)> {
        let grants = self.counting(R::KIND, rule).iter();
        grants.filter_map(move |grant| {
            let part = grant.part(rule, thing, self.day?)?;
            (part >= rule.verb.needs()).then_some((grant.role, part))
        })
    }

    /// Whether `verb` may be done with an exercise, however sure it is who asks; nobody works in one that has ended.
    pub fn may_in(&self, exercise: &Exercise, verb: Verb) -> bool {
        let is_too_late = exercise.is_over && verb == Verb::Work;
        let rule = policy::rule(Kind::Exercise, verb).filter(|_| !is_too_late);
        rule.is_some_and(|rule| self.able(rule, exercise).next().is_some())
    }

    /// Whose things of the kind of `R` the action may be done with, however sure it is who asks: for deciding about somebody who does not
    /// ask, such as whether he may be given work. An action that the table does not know does not compile.
    pub fn reach<R: Resource, A: Action>(&self) -> Reach {
        let rule = const { known_rule(R::KIND, A::VERB) };
        let mut reach = Reach::default();
        for grant in self.counting(R::KIND, rule) {
            let cell = rule.cell(grant.role);
            if cell.allows(Relation::Own) {
                reach.own.extend(grant.home.own.iter().cloned());
            }
            if cell.allows(Relation::Subtree) {
                reach.own.extend(grant.home.beneath.iter().cloned());
            }
            let mut labels = Tlp::ALL.into_iter();
            let strictest = labels.rfind(|&label| cell.allows(Relation::Shared(label)));
            for name in grant.home.names.iter().filter(|_| strictest.is_some()) {
                let known = reach.shared.entry(name.clone()).or_insert(Tlp::Clear);
                *known = (*known).max(strictest.unwrap_or(Tlp::Clear));
            }
        }
        reach
    }
}

impl Grant {
    /// How a thing of `owner` stands to the organisation of the grant, sharing aside.
    fn relation(&self, owner: &OrganisationId) -> Relation {
        if self.home.own.contains(owner) {
            Relation::Own
        } else if self.home.beneath.contains(owner) {
            Relation::Subtree
        } else {
            Relation::Foreign
        }
    }

    /// How much of a thing the grant gives by `rule`; `None`: nothing.
    fn part<R: Resource>(&self, rule: &Rule, thing: &R, day: Day) -> Option<Part> {
        let cell = rule.cell(self.role);
        if cell.allows(self.relation(thing.owner())) {
            return Some(Part::Work);
        }
        let is_for_it = |share: &&Share| {
            share.holds(day)
                && self.home.names.contains(&share.with)
                && cell.allows(Relation::Shared(share.tlp))
        };
        thing
            .shares()
            .iter()
            .filter(is_for_it)
            .map(|share| share.part)
            .max()
    }
}

/// Why something is not allowed. It does not say whether it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It is not there, or not for who asks.
    #[error("not found")]
    NotFound,
    /// Everything but this allows it: it must be surer who asks.
    #[error("this needs to be confirmed with a second factor")]
    StepUp(Assurance),
}

/// Who asks, how sure that is, and what he may now. Made for one request, and thrown away with it.
#[derive(Debug, Clone)]
pub struct Context {
    actor: Actor,
    assurance: Assurance,
    grants: Grants,
    request: RequestId,
    /// The exercise he is in. Of everything else nothing is there.
    exercise: Option<Arc<Exercise>>,
}

impl Context {
    /// For authentication alone, which has just seen who asks: nothing else may call this.
    pub fn from_authentication(
        actor: Actor,
        assurance: Assurance,
        grants: Grants,
        request: RequestId,
    ) -> Self {
        Self {
            actor,
            assurance,
            grants,
            request,
            exercise: None,
        }
    }

    /// The same within an exercise: with what is in it he may do what the exercise allows, and nothing with anything else.
    ///
    /// # Errors
    /// [`Denied`] when he may not read it.
    pub fn within(self, exercise: Exercise) -> Result<Self, Denied> {
        let exercise = self.permit::<Exercise, action::Read>(exercise)?.into_thing();
        Ok(Self {
            exercise: Some(Arc::new(exercise)),
            ..self
        })
    }

    /// Who asks.
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// What may be done with something, somewhere, once it is sure enough who asks.
    pub fn abilities(&self) -> Vec<(Kind, Verb)> {
        self.grants.abilities()
    }

    /// Whether something is out of the scope of the token that asks, whatever roles there are. Says nothing of any thing.
    pub fn is_out_of_scope(&self, kind: Kind, verb: Verb) -> bool {
        self.grants.is_out_of_scope(kind, verb)
    }

    /// The request.
    pub fn request(&self) -> RequestId {
        self.request
    }

    /// Whose things of the kind of `R` the action may be done with: for lists, counts and searches.
    ///
    /// # Errors
    /// [`Denied`] when there are none. An action that the table does not know does not compile.
    pub fn reach<R: Resource, A: Action>(&self) -> Result<Reach, Denied> {
        let rule = const { known_rule(R::KIND, A::VERB) };
        let reach = match &self.exercise {
            None => self.grants.reach::<R, A>(),
            Some(exercise) => self.reach_within(exercise, R::KIND, A::VERB)?,
        };
        if reach.is_empty() {
            return Err(Denied::NotFound);
        }
        self.sure_enough(rule)?;
        Ok(reach)
    }

    /// All of the exercise is its owner's.
    fn reach_within(&self, exercise: &Exercise, kind: Kind, verb: Verb) -> Result<Reach, Denied> {
        let verb = exercise::within(kind, verb).ok_or(Denied::NotFound)?;
        let rule = policy::rule(Kind::Exercise, verb).ok_or(Denied::NotFound)?;
        if !self.grants.may_in(exercise, verb) {
            return Err(Denied::NotFound);
        }
        self.sure_enough(rule)?;
        Ok(Reach {
            own: BTreeSet::from([exercise.owner.clone()]),
            shared: BTreeMap::new(),
        })
    }

    /// That the action may be done with `thing`. An action that the table does not know does not compile: the audit log cannot be changed.
    ///
    /// ```compile_fail,E0080
    /// use vonggac_access::{Context, OrganisationId, Resource, ResourceKind, action};
    ///
    /// struct Log(OrganisationId);
    ///
    /// impl Resource for Log {
    ///     const KIND: ResourceKind = ResourceKind::AuditLog;
    ///
    ///     fn owner(&self) -> &OrganisationId {
    ///         &self.0
    ///     }
    /// }
    ///
    /// let wipe: fn(&Context, Log) -> bool = |context, log| context.permit::<_, action::Change>(log).is_ok();
    /// ```
    ///
    /// # Errors
    /// [`Denied`]: [`Denied::StepUp`] only where nothing else is in the way.
    pub fn permit<R: Resource, A: Action>(&self, thing: R) -> Result<Allowed<R, A>, Denied> {
        let rule = const { known_rule(R::KIND, A::VERB) };
        if let Some(exercise) = &self.exercise {
            return self.permit_within(exercise, rule, thing);
        }
        if !self.is_right_person(rule, &thing) {
            return Err(Denied::NotFound);
        }
        let able = || self.grants.able(rule, &thing);
        let part = able().map(|(_, part)| part).max().ok_or(Denied::NotFound)?;
        if rule.within_own_gift {
            let may_give = |role: Role| able().any(|(giver, _)| policy::may_grant(giver, role));
            let says_nothing = R::KIND == Kind::Membership && thing.roles().is_empty();
            if says_nothing || !thing.roles().iter().all(|&role| may_give(role)) {
                return Err(Denied::NotFound);
            }
        }
        self.sure_enough(rule)?;
        Ok(Allowed {
            thing,
            part,
            action: PhantomData,
        })
    }

    fn permit_within<R: Resource, A: Action>(
        &self,
        exercise: &Exercise,
        rule: &Rule,
        thing: R,
    ) -> Result<Allowed<R, A>, Denied> {
        if !self
            .reach_within(exercise, R::KIND, A::VERB)?
            .covers(thing.owner().as_str())
        {
            return Err(Denied::NotFound);
        }
        self.sure_enough(rule)?;
        Ok(Allowed {
            thing,
            part: Part::Work,
            action: PhantomData,
        })
    }

    fn sure_enough(&self, rule: &Rule) -> Result<(), Denied> {
        if self.assurance < rule.assurance {
            return Err(Denied::StepUp(rule.assurance));
        }
        Ok(())
    }

    /// Four eyes, and nobody's own rights. A service approves and signs nothing, whoever wrote it.
    fn is_right_person<R: Resource>(&self, rule: &Rule, thing: &R) -> bool {
        let person = match self.actor {
            Actor::Person(person) => Some(person),
            Actor::Service(_) if matches!(rule.verb, Verb::Approve | Verb::Sign) => return false,
            Actor::Service(_) => None,
        };
        let is_another = || person.is_some() && thing.author().is_some() && thing.author() != person;
        let is_about_another = || thing.subject().is_some() && thing.subject() != person;
        (!rule.needs_another || is_another()) && (!rule.not_on_self || is_about_another())
    }
}

/// The row, when the compiler asks.
#[allow(
    clippy::panic,
    reason = "evaluated by the compiler alone, where it is an error of the build"
)]
const fn known_rule(kind: Kind, verb: Verb) -> &'static Rule {
    match policy::rule(kind, verb) {
        Some(rule) => rule,
        None => panic!("the table of rights has no such action on such a thing"),
    }
}

/// Whose things may be seen, spelled out: an empty one is nothing, and none means everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    own: BTreeSet<OrganisationId>,
    shared: BTreeMap<OrganisationId, Tlp>,
}

impl Reach {
    /// Whether a thing of `owner` is within, sharing aside.
    pub fn covers(&self, owner: &str) -> bool {
        self.own.contains(owner)
    }

    /// The codes whose things are within, ended organisations' too: what a query's `tenant` must be one of. May be empty: then none is.
    pub fn codes(&self) -> impl ExactSizeIterator<Item = &OrganisationId> {
        self.own.iter()
    }

    /// The codes that stand for who asks where something is shared, each with the strictest label that he may see.
    pub fn shared_with(&self) -> impl ExactSizeIterator<Item = (&OrganisationId, Tlp)> {
        self.shared.iter().map(|(id, label)| (id, *label))
    }

    /// Whether nothing is within.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.shared.is_empty()
    }
}

/// Proof that action `A` may be done with a thing; made by [`Context::permit`] alone.
#[derive(Debug)]
pub struct Allowed<R, A> {
    thing: R,
    part: Part,
    action: PhantomData<A>,
}

impl<R, A> Allowed<R, A> {
    /// The thing.
    pub fn thing(&self) -> &R {
        &self.thing
    }

    /// How much of it may be shown.
    pub fn part(&self) -> Part {
        self.part
    }

    /// The thing itself; the proof is gone.
    pub fn into_thing(self) -> R {
        self.thing
    }
}
