//! What pages of the console's settings have in common: they are the nation's, and lists in them stand a line each.

use vonggac_access::{Action, action, thing};
use vonggac_notify::egress::HostRule;

use crate::authority;
use crate::error::{Failure, Result};
use crate::extract::Signed;
use crate::network::Network;
use crate::state::Console;

/// Settings are the nation's: who has the right elsewhere has no settings.
pub(super) async fn permit_national<A: Action>(console: &Console, signed: &Signed) -> Result<()> {
    let scope = signed.reach::<thing::SystemSetting, A>(console).await?;
    if console.database().is_national(&scope).await? {
        return Ok(());
    }
    Err(Failure::not_found())
}

/// Whether who asks may change them, once it is sure enough that it is he.
pub(super) async fn may_change(console: &Console, signed: &Signed) -> Result<bool> {
    let tree = authority::organisations(console).await?;
    Ok(tree.root().is_some_and(|root| {
        let owner = root.id.clone();
        signed.would::<_, action::Change>(thing::SystemSetting { owner })
    }))
}

/// The lines without what surrounds them and without the empty ones.
pub(super) fn lines(list: &[String]) -> Vec<String> {
    let trimmed = list.iter().map(|one| one.trim().to_owned());
    trimmed.filter(|one| !one.is_empty()).collect()
}

/// That each is a host of an egress list.
pub(super) fn check_hosts(hosts: &[String]) -> Result<()> {
    for host in hosts {
        let read: std::result::Result<HostRule, _> = host.parse();
        read.map_err(|error| Failure::invalid("hosts", format!("{host} {error}")))?;
    }
    Ok(())
}

/// That each is a network.
pub(super) fn check_networks(networks: &[String]) -> Result<()> {
    for network in networks {
        let read: std::result::Result<Network, _> = network.parse();
        read.map_err(|error| Failure::invalid("networks", error))?;
    }
    Ok(())
}
