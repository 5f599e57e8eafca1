//! Whose data may be seen.

/// Whose events and alerts may be seen: every tenant's, or one's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every tenant's: the national centre.
    National,
    /// One tenant's.
    Tenant(String),
}

impl Scope {
    /// The scope of an account by its tenant: `` and `*` stand for all.
    pub fn of_tenant(tenant: &str) -> Self {
        match tenant {
            "" | "*" => Self::National,
            one => Self::Tenant(one.to_owned()),
        }
    }

    /// The one tenant, or `None` for all.
    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::National => None,
            Self::Tenant(tenant) => Some(tenant),
        }
    }

    /// Whether something of `tenant` may be seen.
    pub fn covers(&self, tenant: &str) -> bool {
        self.tenant().is_none_or(|own| own == tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_covers_its_tenant_alone() {
        let check = |account: &str, thing: &str, expect: bool| {
            assert_eq!(
                Scope::of_tenant(account).covers(thing),
                expect,
                "{account} sees {thing}"
            );
        };
        check("", "moh", true);
        check("*", "moh", true);
        check("moh", "moh", true);
        check("moh", "moha", false);
        check("moh", "", false);
    }
}
