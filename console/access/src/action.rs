//! What may be done with things, as values and as types.

use crate::resource::Part;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Looks at it, lists it, counts it.
    Read,
    /// Makes one.
    Create,
    /// Changes what it is.
    Change,
    /// Works on it: acknowledges, closes, comments, answers.
    Work,
    /// Gives the work to somebody.
    Assign,
    /// Shows it to another organisation.
    Share,
    /// Takes it out as a file.
    Export,
    /// Agrees as the second person.
    Approve,
    /// Signs it.
    Sign,
    /// Sends it to another organisation or authority.
    Send,
    /// Ends, revokes or removes it.
    Remove,
}

impl Verb {
    /// Its word in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Change => "change",
            Self::Work => "work",
            Self::Assign => "assign",
            Self::Share => "share",
            Self::Export => "export",
            Self::Approve => "approve",
            Self::Sign => "sign",
            Self::Send => "send",
            Self::Remove => "remove",
        }
    }

    /// Whether it leaves everything as it was.
    pub const fn only_reads(self) -> bool {
        matches!(self, Self::Read | Self::Export)
    }

    /// How much of a thing must be shared for it.
    pub const fn needs(self) -> Part {
        match self {
            Self::Read => Part::Summary,
            Self::Export => Part::Whole,
            Self::Create
            | Self::Change
            | Self::Work
            | Self::Assign
            | Self::Share
            | Self::Approve
            | Self::Sign
            | Self::Send
            | Self::Remove => Part::Work,
        }
    }
}

/// A verb as a type, for the proof that is [`Allowed`](crate::Allowed).
pub trait Action {
    /// The verb.
    const VERB: Verb;
}

macro_rules! actions {
    ($($name:ident),+) => {$(
        #[doc = concat!("[`Verb::", stringify!($name), "`] as a type.")]
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}

        impl Action for $name {
            const VERB: Verb = Verb::$name;
        }
    )+};
}

actions!(
    Read, Create, Change, Work, Assign, Share, Export, Approve, Sign, Send, Remove
);
