//! `vonggac account`: somebody let in anew by whoever owns the server, as when nobody else may, or nobody is left to be the second person.
//!
//! The audit log says that the console did it.

use std::process::ExitCode;

use anyhow::Context as _;
use vonggac_database::audit::Asker;
use vonggac_database::welcome::{Factors, Ground};

use crate::membership::nobody;
use crate::organisation::{Link, now_us, show};

/// Works on accounts.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum AccountCommand {
    /// Prints a link with which the account's owner chooses another password. It takes no second person: whoever owns the server answers for it.
    Reset {
        /// User name.
        #[arg(value_name = "USER")]
        user: String,
        /// Takes the account's second factors away once the link is used, as after a lost telephone.
        #[arg(long)]
        drop_factors: bool,
        #[command(flatten)]
        link: Link,
    },
}

/// Runs it.
pub(crate) async fn run(command: AccountCommand) -> anyhow::Result<ExitCode> {
    let AccountCommand::Reset {
        user,
        drop_factors,
        link,
    } = command;
    let now_us = now_us().context("the clock is out of range")?;
    let database = link.open().await?;
    let account = database.account_named(&user).await.map_err(nobody(&user))?;
    let kept = database.memberships_of(account.id).await?;
    let ground = Ground {
        account: account.id,
        looked_at: kept.iter().map(|kept| kept.id).collect(),
    };
    let factors = Factors::dropped(drop_factors);
    let made = database
        .reset_account(&Asker::console(), &ground, factors, now_us)
        .await?;
    // On the console's own address, which is not known here.
    show(&format!("/welcome#{}\n", made.secret.to_text()))
}
