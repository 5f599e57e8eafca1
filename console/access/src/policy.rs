//! The one table of rights: role × resource × action × relation.
//!
//! What is not in it is not allowed, and nothing is allowed of what is foreign. `tests/policy.txt` is the table as people read it; a test sees to it
//! that the two are the same, so that every change of rights shows in a diff.

use std::fmt::Write as _;

use crate::action::Verb;
use crate::resource::{Kind, Tlp};
use crate::role::Role;
use crate::service::{self, Grasp};

/// How sure it is who asks; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assurance {
    /// One factor: a password, or a service's token of the API, which never counts for more.
    Single,
    /// A second factor in this session.
    Strong,
    /// A second factor just now, for this act (step-up).
    Fresh,
}

impl Assurance {
    /// Its word in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Strong => "strong",
            Self::Fresh => "fresh",
        }
    }
}

/// How a thing stands to the organisation at which somebody has a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// It is that organisation's.
    Own,
    /// It is of one beneath.
    Subtree,
    /// It is shared with that organisation, under a label.
    Shared(Tlp),
    /// None of these.
    Foreign,
}

/// Of which relations one role may do one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    own: bool,
    subtree: bool,
    /// The strictest label under which it may be shared; `None`: sharing gives nothing.
    shared: Option<Tlp>,
}

impl Cell {
    const fn new(own: bool, subtree: bool, shared: Option<Tlp>) -> Self {
        Self { own, subtree, shared }
    }

    /// Whether it is allowed for a thing that stands so.
    pub fn allows(self, relation: Relation) -> bool {
        match relation {
            Relation::Own => self.own,
            Relation::Subtree => self.subtree,
            Relation::Shared(label) => self.shared.is_some_and(|strictest| label <= strictest),
            Relation::Foreign => false,
        }
    }

    /// Whether it is allowed for anything at all.
    pub const fn is_none(self) -> bool {
        !self.own && !self.subtree && self.shared.is_none()
    }

    /// As in the table: `own`, `tree`, `below`, with `+` and the strictest label of what is shared.
    fn word(self) -> String {
        let home = match (self.own, self.subtree) {
            (false, false) => "",
            (true, false) => "own",
            (true, true) => "tree",
            (false, true) => "below",
        };
        match self.shared {
            None if home.is_empty() => "-".into(),
            None => home.into(),
            Some(label) => format!("{home}+{}", short(label)),
        }
    }
}

const fn short(label: Tlp) -> &'static str {
    match label {
        Tlp::Clear => "C",
        Tlp::Green => "G",
        Tlp::Amber => "A",
        Tlp::AmberStrict => "AS",
        Tlp::Red => "R",
    }
}

/// One row: an action on a kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The action.
    pub verb: Verb,
    /// How sure it must be who asks.
    pub assurance: Assurance,
    /// Whether it takes another person than the author (four eyes).
    pub needs_another: bool,
    /// Whether it is forbidden on what is about oneself.
    pub not_on_self: bool,
    /// Whether it takes somebody who [may give](may_grant) the roles it is about.
    pub within_own_gift: bool,
    cells: [Cell; Role::ALL.len()],
}

impl Rule {
    const fn needs_another(self) -> Self {
        Self {
            needs_another: true,
            ..self
        }
    }

    /// About the rights of another.
    const fn on_rights(self) -> Self {
        Self {
            not_on_self: true,
            within_own_gift: true,
            ..self
        }
    }

    const fn not_on_self(self) -> Self {
        Self {
            not_on_self: true,
            ..self
        }
    }

    /// What one role may. A role that does not reach beneath its organisation never does, whatever the row says.
    pub fn cell(&self, role: Role) -> Cell {
        let cell = self.cells[role as usize];
        Cell {
            subtree: cell.subtree && role.reaches_subtree(),
            ..cell
        }
    }
}

const fn row(verb: Verb, assurance: Assurance, cells: [Cell; Role::ALL.len()]) -> Rule {
    Rule {
        verb,
        assurance,
        needs_another: false,
        not_on_self: false,
        within_own_gift: false,
        cells,
    }
}

const SURE1: Assurance = Assurance::Single;
const SURE2: Assurance = Assurance::Strong;
const FRESH: Assurance = Assurance::Fresh;

/// Nothing.
const NONE: Cell = Cell::new(false, false, None);
/// One's own organisation's.
const OWNS: Cell = Cell::new(true, false, None);
/// The same, and what is shared up to GREEN.
const OW_G: Cell = Cell::new(true, false, Some(Tlp::Green));
/// One's own organisation's and that of those beneath.
const TREE: Cell = Cell::new(true, true, None);
/// The same, and what is shared up to AMBER+STRICT.
const TR_A: Cell = Cell::new(true, true, Some(Tlp::AmberStrict));
/// The same, and whatever is shared.
const TR_R: Cell = Cell::new(true, true, Some(Tlp::Red));
/// That of those beneath alone.
const BELO: Cell = Cell::new(false, true, None);
/// What is shared up to AMBER+STRICT alone, even of one's own organisation: who plays must not see the script.
const SH_A: Cell = Cell::new(false, false, Some(Tlp::AmberStrict));

/// The rows of a kind of thing.
#[rustfmt::skip]
pub const fn rules(kind: Kind) -> &'static [Rule] {
    match kind {
        //                                    viewer analyst senior lead  coordi manager assess direct auditor admin
        Kind::Alert => const { &[
            row(Verb::Read,    SURE1,         [OWNS, TREE, TREE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Work,    SURE1,         [NONE, TREE, TREE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Assign,  SURE1,         [NONE, NONE, NONE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Export,  SURE2,         [NONE, NONE, TREE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
        ] },
        // It is written where one leads the shift. To approve is to take over.
        Kind::Handover => const { &[
            row(Verb::Read,    SURE1,         [OWNS, TREE, TREE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Create,  SURE1,         [NONE, NONE, NONE, OWNS, NONE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Change,  SURE1,         [NONE, NONE, NONE, OWNS, NONE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Approve, SURE1,         [NONE, NONE, NONE, OWNS, NONE, NONE, NONE, NONE, NONE, NONE]).needs_another(),
            row(Verb::Remove,  SURE1,         [NONE, NONE, NONE, OWNS, NONE, NONE, NONE, NONE, NONE, NONE]),
        ] },
        Kind::EventSearch => const { &[
            row(Verb::Read,    SURE1,         [NONE, TREE, TREE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Export,  SURE2,         [NONE, NONE, TREE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
        ] },
        Kind::PersonEvents => const { &[
            row(Verb::Read,    FRESH,         [NONE, NONE, TREE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Export,  FRESH,         [NONE, NONE, NONE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
        ] },
        // To create is to make a token, for a new one or for the next credential of one there is.
        Kind::Sensor => const { &[
            row(Verb::Read,    SURE1,         [OWNS, TREE, TREE, TREE, TREE, TREE, TREE, NONE, NONE, TREE]),
            row(Verb::Create,  FRESH,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, TREE]),
            row(Verb::Change,  SURE2,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, TREE]),
            row(Verb::Remove,  FRESH,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, TREE]),
        ] },
        // A new one is its parent's. Another that is named as parent or predecessor is asked about, too. Nobody ends his own.
        Kind::Organisation => const { &[
            row(Verb::Read,    SURE1,         [OWNS, TREE, TREE, TREE, TREE, TREE, TREE, TREE, TREE, TREE]),
            row(Verb::Create,  FRESH,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, TREE]),
            row(Verb::Change,  FRESH,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, TREE]),
            row(Verb::Remove,  FRESH,         [NONE, NONE, NONE, NONE, NONE, BELO, NONE, NONE, NONE, BELO]),
        ] },
        // To change is to let in anew as well: password, factors. To remove is to shut out, and raises nobody.
        Kind::Account => const { &[
            row(Verb::Read,    SURE1,         [NONE, NONE, NONE, TREE, TREE, TREE, NONE, NONE, TREE, TREE]),
            row(Verb::Create,  FRESH,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, TREE]),
            row(Verb::Change,  FRESH,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, TREE]).on_rights(),
            row(Verb::Remove,  FRESH,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, TREE]).not_on_self(),
        ] },
        // Which roles, see `may_grant`.
        Kind::Membership => const { &[
            row(Verb::Read,    SURE1,         [NONE, NONE, NONE, TREE, TREE, TREE, NONE, NONE, TREE, TREE]),
            row(Verb::Create,  FRESH,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, TREE]).on_rights(),
            row(Verb::Approve, FRESH,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, TREE]).on_rights().needs_another(),
            row(Verb::Remove,  FRESH,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, TREE]).on_rights(),
        ] },
        // Of others; one's own are everybody's own business.
        Kind::Session => const { &[
            row(Verb::Read,    SURE2,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, TREE, TREE]),
            row(Verb::Remove,  SURE2,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, TREE]),
        ] },
        Kind::ApiToken => const { &[
            row(Verb::Read,    SURE2,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, TREE, TREE]),
            row(Verb::Create,  FRESH,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, NONE]),
            row(Verb::Remove,  SURE2,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, TREE]),
        ] },
        Kind::Rule => const { &[
            row(Verb::Read,    SURE1,         [NONE, TR_A, TR_A, TR_A, TR_R, NONE, TREE, NONE, NONE, NONE]),
            row(Verb::Create,  SURE2,         [NONE, NONE, TREE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Change,  SURE2,         [NONE, NONE, TREE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Share,   FRESH,         [NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Approve, SURE2,         [NONE, NONE, NONE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]).needs_another(),
            row(Verb::Remove,  SURE2,         [NONE, NONE, NONE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
        ] },
        Kind::AuditLog => const { &[
            row(Verb::Read,    SURE2,         [NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, TREE, NONE]),
            row(Verb::Export,  FRESH,         [NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, TREE, NONE]),
        ] },
        Kind::Case => const { &[
            row(Verb::Read,    SURE1,         [OW_G, TR_A, TR_A, TR_A, TR_R, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Create,  SURE1,         [NONE, TREE, TREE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Work,    SURE1,         [NONE, TR_A, TR_A, TR_A, TR_R, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Assign,  SURE1,         [NONE, NONE, NONE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Change,  SURE2,         [NONE, NONE, NONE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Approve, SURE2,         [NONE, NONE, NONE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]).needs_another(),
            row(Verb::Share,   FRESH,         [NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Export,  SURE2,         [NONE, NONE, NONE, TREE, TR_A, NONE, NONE, NONE, NONE, NONE]),
        ] },
        // Work is custody: who has it, where, why.
        Kind::Evidence => const { &[
            row(Verb::Read,    SURE2,         [NONE, NONE, TR_A, TR_A, TR_R, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Create,  SURE1,         [NONE, TREE, TREE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Work,    SURE2,         [NONE, NONE, TREE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Share,   FRESH,         [NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Export,  FRESH,         [NONE, NONE, TREE, TREE, TR_R, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Remove,  FRESH,         [NONE, NONE, NONE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]).needs_another(),
        ] },
        // The manager signs as who answers for the organisation.
        Kind::Report => const { &[
            row(Verb::Read,    SURE1,         [NONE, TREE, TREE, TR_A, TR_R, TREE, NONE, NONE, NONE, NONE]),
            row(Verb::Create,  SURE2,         [NONE, NONE, TREE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Change,  SURE2,         [NONE, NONE, TREE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Approve, SURE2,         [NONE, NONE, NONE, TREE, TREE, NONE, NONE, NONE, NONE, NONE]).needs_another(),
            row(Verb::Sign,    FRESH,         [NONE, NONE, NONE, NONE, TREE, TREE, NONE, NONE, NONE, NONE]).needs_another(),
            row(Verb::Send,    FRESH,         [NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Export,  SURE2,         [NONE, NONE, NONE, TREE, TR_A, NONE, NONE, NONE, NONE, NONE]),
        ] },
        // It is the asker's, and shared with whom it asks.
        Kind::Request => const { &[
            row(Verb::Read,    SURE1,         [NONE, NONE, TR_A, TR_A, TR_R, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Create,  SURE2,         [NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Change,  SURE2,         [NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Work,    SURE2,         [NONE, NONE, NONE, TR_A, TR_R, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Send,    FRESH,         [NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, NONE, NONE]),
            row(Verb::Remove,  SURE2,         [NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, NONE, NONE]),
        ] },
        // Who plays has what is shared with him. The manager agrees, who does not play.
        Kind::Exercise => const { &[
            row(Verb::Read,    SURE1,         [SH_A, SH_A, SH_A, SH_A, SH_A, TREE, NONE, TREE, NONE, NONE]),
            row(Verb::Create,  SURE2,         [NONE, NONE, NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE]),
            row(Verb::Change,  SURE2,         [NONE, NONE, NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE]),
            row(Verb::Work,    SURE1,         [NONE, SH_A, SH_A, SH_A, SH_A, NONE, NONE, TREE, NONE, NONE]),
            row(Verb::Approve, SURE2,         [NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE, NONE]).needs_another(),
            row(Verb::Share,   SURE2,         [NONE, NONE, NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE]),
            row(Verb::Export,  SURE2,         [NONE, NONE, NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE]),
            row(Verb::Remove,  SURE2,         [NONE, NONE, NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE]),
        ] },
        // It is of the organisation that assesses; who is assessed has what is shared with him, and answers it.
        Kind::Assessment => const { &[
            row(Verb::Read,    SURE1,         [NONE, NONE, NONE, NONE, NONE, SH_A, TREE, NONE, NONE, NONE]),
            row(Verb::Create,  SURE2,         [NONE, NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE]),
            row(Verb::Change,  SURE2,         [NONE, NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE]),
            row(Verb::Work,    SURE1,         [NONE, NONE, NONE, NONE, NONE, SH_A, TREE, NONE, NONE, NONE]),
            row(Verb::Approve, SURE2,         [NONE, NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE]).needs_another(),
            row(Verb::Share,   FRESH,         [NONE, NONE, NONE, NONE, NONE, NONE, TREE, NONE, NONE, NONE]),
            row(Verb::Export,  SURE2,         [NONE, NONE, NONE, NONE, NONE, SH_A, TREE, NONE, NONE, NONE]),
        ] },
        // The nation's, as the console is.
        Kind::SystemSetting => const { &[
            row(Verb::Read,    SURE2,         [NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, OWNS, OWNS]),
            row(Verb::Change,  FRESH,         [NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, OWNS]),
        ] },
        Kind::Health => const { &[
            row(Verb::Read,    SURE1,         [NONE, NONE, OWNS, OWNS, OWNS, OWNS, NONE, NONE, NONE, OWNS]),
        ] },
    }
}

/// The row of an action on a kind of thing; `None` when there is no such action.
pub const fn rule(kind: Kind, verb: Verb) -> Option<&'static Rule> {
    let rules = rules(kind);
    let mut at = 0;
    while at < rules.len() {
        if rules[at].verb as u8 == verb as u8 {
            return Some(&rules[at]);
        }
        at += 1;
    }
    None
}

/// Whether who has one role may give and take another. The administrator, who sees no alerts, gives nobody the roles that do.
pub const fn may_grant(granter: Role, role: Role) -> bool {
    match granter {
        Role::OrganisationManager => matches!(
            role,
            Role::Viewer
                | Role::Analyst
                | Role::SeniorAnalyst
                | Role::ShiftLead
                | Role::ResponseCoordinator
                | Role::OrganisationManager
        ),
        Role::SystemAdministrator => matches!(
            role,
            Role::OrganisationManager
                | Role::Assessor
                | Role::ExerciseDirector
                | Role::Auditor
                | Role::SystemAdministrator
        ),
        Role::Viewer
        | Role::Analyst
        | Role::SeniorAnalyst
        | Role::ShiftLead
        | Role::ResponseCoordinator
        | Role::Assessor
        | Role::ExerciseDirector
        | Role::Auditor => false,
    }
}

/// Whether a role counts only once a second person has approved it.
pub const fn needs_second_person(role: Role) -> bool {
    match role {
        Role::ResponseCoordinator
        | Role::OrganisationManager
        | Role::Assessor
        | Role::ExerciseDirector
        | Role::Auditor
        | Role::SystemAdministrator => true,
        Role::Viewer | Role::Analyst | Role::SeniorAnalyst | Role::ShiftLead => false,
    }
}

/// The table as text: a line for each row, a column for each role.
pub fn table() -> String {
    let mut text = String::from(HEAD);
    let heads = Role::ALL.map(initials);
    line(&mut text, "action", "needs", &heads);
    for kind in Kind::ALL {
        for rule in rules(kind) {
            let what = format!("{} {}", kind.name(), rule.verb.name());
            line(
                &mut text,
                &what,
                &needs_of(rule),
                &Role::ALL.map(|role| rule.cell(role).word()),
            );
        }
    }
    text.push_str("\nWho gives and takes which roles (* counts once a second person has approved it):\n");
    for granter in Role::ALL {
        let given = Role::ALL.into_iter().filter(|&role| may_grant(granter, role));
        let mark = |role: Role| if needs_second_person(role) { "*" } else { "" };
        let given: Vec<String> = given
            .map(|role| format!("{}{}", role.name(), mark(role)))
            .collect();
        if !given.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}: {}", granter.name(), given.join(", "));
        }
    }
    let serving: Vec<&str> = Role::ALL
        .into_iter()
        .filter(|&role| service::may_serve(role))
        .map(Role::name)
        .collect();
    let _ = writeln!(text, "\nRoles that a service may have: {}", serving.join(", "));
    let grasps: Vec<String> = Grasp::all().map(|grasp| grasp.to_string()).collect();
    let _ = writeln!(text, "What a token may be made for: {}", grasps.join(", "));
    text.push_str("\nRoles that one person cannot have at a time:\n");
    for (at, one) in Role::ALL.into_iter().enumerate() {
        let later = Role::ALL.into_iter().skip(at);
        let excluded: Vec<&str> = later
            .filter(|&other| !one.goes_with(other))
            .map(Role::name)
            .collect();
        if !excluded.is_empty() {
            let _ = writeln!(text, "{}: {}", one.name(), excluded.join(", "));
        }
    }
    text
}

const HEAD: &str = "\
Rights. What is not here is not allowed; nothing is allowed of what is foreign.
own: the organisation at which one has the role. tree: that and what stands beneath it. below: beneath it alone.
+G, +AS, +R: and what is shared with that organisation up to TLP GREEN, AMBER+STRICT, RED.
single, strong, fresh: one factor, two, two just now. other: another person than the author. not-self: not on oneself.
gift: about roles that one may give, see below. A service's token is one factor and never counts for more.

";

fn needs_of(rule: &Rule) -> String {
    let other = if rule.needs_another { " other" } else { "" };
    let not_self = if rule.not_on_self { " not-self" } else { "" };
    let gift = if rule.within_own_gift { " gift" } else { "" };
    format!("{}{other}{not_self}{gift}", rule.assurance.name())
}

/// What stands over a role's column: its last word, short enough.
fn initials(role: Role) -> String {
    match role {
        Role::SeniorAnalyst => "senior".into(),
        Role::ShiftLead => "lead".into(),
        Role::ResponseCoordinator => "coord".into(),
        Role::OrganisationManager => "manager".into(),
        Role::ExerciseDirector => "director".into(),
        Role::SystemAdministrator => "admin".into(),
        Role::Viewer | Role::Analyst | Role::Assessor | Role::Auditor => role.name().into(),
    }
}

fn line(text: &mut String, what: &str, needs: &str, cells: &[String]) {
    let _ = write!(text, "{what:<23}{needs:<27}");
    for cell in cells {
        let _ = write!(text, "{cell:<9}");
    }
    let whole = text.trim_end().len();
    text.truncate(whole);
    text.push('\n');
}
