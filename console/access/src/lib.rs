//! Who may do what, for which organisation. No I/O, no clock, no randomness: the day is an argument.
//!
//! - [`organisation`]: what an organisation is; [`tree`]: all of them, with parents, predecessors and days; [`file`](mod@file): how an
//!   administrator writes them down.

pub mod day;
pub mod file;
pub mod organisation;
pub mod tree;

pub use day::Day;
pub use organisation::{Kind as OrganisationKind, Organisation, OrganisationId};
pub use tree::{Tree, TreeError};

/// The organisations that ship with the platform: the Government's, the provinces' and those that coordinate.
pub const VIETNAM: &str = include_str!("../data/vietnam.toml");
