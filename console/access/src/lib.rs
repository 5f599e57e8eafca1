//! Who may do what, for which organisation. No I/O, no clock, no randomness: the day is an argument.
//!
//! - [`organisation`]: what an organisation is; [`tree`]: all of them, with parents, predecessors and days; [`file`](mod@file): how an
//!   administrator writes them down.
//! - [`role`]: the ten roles and what they exclude; [`membership`]: who has which, where and when.
//! - [`policy`]: the one table of rights, role × resource × action × relation; [`resource`] and [`action`] are its words; [`thing`] has the plain ones, [`account`] those
//!   that are about people, [`handover`] those that one shift leaves another, [`exception`] those that rules are not to raise,
//!   [`exercise`] drills and what may be done within one.
//! - [`service`]: which rows of it are for programs with a token of the API, and what part of them one token has.
//! - [`cover`]: how far a role reaches, and whether a change of the organisations widens that; [`folded`](mod@folded): text as people type it.
//! - [`context`]: who asks; the only door to [`Reach`] (whose things) and [`Allowed`] (this thing, this action).
//!
//! Invariant: nothing is allowed that the table does not say. Invariant: an empty [`Reach`] is nothing, and there is no value that means
//! everything. Invariant: [`Denied`] is the same for what is foreign and for what does not exist.

pub mod account;
pub mod action;
pub mod context;
pub mod cover;
pub mod day;
pub mod exception;
pub mod exercise;
pub mod file;
pub mod folded;
pub mod handover;
pub mod membership;
pub mod organisation;
pub mod policy;
pub mod resource;
pub mod role;
pub mod service;
pub mod thing;
pub mod tree;

pub use action::{Action, Verb};
pub use context::{Actor, Allowed, Context, Denied, Grants, Reach, RequestId};
pub use day::{Day, Span};
pub use membership::{Membership, PersonId};
pub use organisation::{Kind as OrganisationKind, Organisation, OrganisationId};
pub use policy::{Assurance, Relation};
pub use resource::{Kind as ResourceKind, Part, Resource, Share, Tlp};
pub use role::Role;
pub use service::{Grasp, TokenScope, may_serve};
pub use tree::{Tree, TreeError};

/// The organisations that ship with the platform: the Government's, the provinces' and those that coordinate.
pub const VIETNAM: &str = include_str!("../data/vietnam.toml");
