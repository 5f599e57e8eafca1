//! Things that are an organisation's and nothing more: of which no share, no author and no person matters.

use crate::organisation::OrganisationId;
use crate::resource::{Kind, Resource};

macro_rules! things {
    ($($name:ident),+) => {$(
        #[doc = concat!("A thing of the kind [`Kind::", stringify!($name), "`].")]
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            /// Whose it is.
            pub owner: OrganisationId,
        }

        impl Resource for $name {
            const KIND: Kind = Kind::$name;

            fn owner(&self) -> &OrganisationId {
                &self.owner
            }
        }
    )+};
}

things!(
    Alert,
    EventSearch,
    PersonEvents,
    Sensor,
    Organisation,
    Session,
    ApiToken,
    Rule,
    AuditLog,
    SystemSetting,
    Health
);
