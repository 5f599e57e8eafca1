//! `vonggac membership`: roles given by whoever owns the server, as when nobody has been named yet who may give them.
//!
//! The audit log says that the console did it.

use std::process::ExitCode;

use anyhow::Context as _;
use vonggac_access::{Day, Membership, OrganisationId, PersonId, Role, Span};
use vonggac_database::audit::Asker;
use vonggac_database::{Database, DatabaseError, MembershipId};

use crate::organisation::{Link, now_us, show, today};

/// Works on memberships.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum MembershipCommand {
    /// Gives somebody a role at an organisation. It waits for no second person: whoever owns the server answers for it.
    Grant {
        /// User name.
        #[arg(value_name = "USER")]
        user: String,
        /// The role, as in `auditor`; docs/rights.md has them.
        #[arg(value_name = "ROLE")]
        role: Role,
        /// Code of the organisation, as in `vn`.
        #[arg(value_name = "ORGANISATION")]
        organisation: OrganisationId,
        /// First day; today without it.
        #[arg(long, value_name = "DATE")]
        from: Option<Day>,
        /// First day on which it is over; without it, no end is known.
        #[arg(long, value_name = "DATE")]
        until: Option<Day>,
        #[command(flatten)]
        link: Link,
    },
    /// Lists somebody's memberships, past ones too: number, role, organisation, days.
    List {
        /// User name.
        #[arg(value_name = "USER")]
        user: String,
        #[command(flatten)]
        link: Link,
    },
    /// Ends a membership; sessions lose what it gave within a second.
    End {
        /// Its number, from `list`.
        #[arg(value_name = "NUMBER")]
        number: i64,
        /// First day on which it is over; today without it.
        #[arg(long, value_name = "DATE")]
        at: Option<Day>,
        #[command(flatten)]
        link: Link,
    },
}

/// Runs it.
pub(crate) async fn run(command: MembershipCommand) -> anyhow::Result<ExitCode> {
    let (now_us, today) = now_us().zip(today()).context("the clock is out of range")?;
    match command {
        MembershipCommand::Grant {
            user,
            role,
            organisation,
            from,
            until,
            link,
        } => {
            let database = link.open().await?;
            let membership = Membership {
                person: person(&database, &user).await?,
                span: Span {
                    from: from.or(Some(today)),
                    until,
                },
                organisation,
                role,
            };
            let id = database
                .grant_membership(&Asker::console(), &membership, now_us)
                .await
                .map_err(|error| match error {
                    DatabaseError::NotFound => anyhow::anyhow!(
                        "there is no organisation {}; `vonggac organisation list` has them",
                        membership.organisation
                    ),
                    other => other.into(),
                })?;
            show(&line(id, &membership, false))
        }
        MembershipCommand::List { user, link } => {
            let database = link.open().await?;
            let account = database.account_named(&user).await.map_err(nobody(&user))?;
            let kept = database.memberships_of(account.id).await?;
            let lines = kept.iter().map(|one| line(one.id, &one.membership, one.waits));
            show(&lines.collect::<String>())
        }
        MembershipCommand::End { number, at, link } => {
            let database = link.open().await?;
            let until = at.unwrap_or(today);
            database
                .end_membership(&Asker::console(), MembershipId(number), until, now_us)
                .await
                .with_context(|| format!("membership {number} that still counts on {until}"))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn person(database: &Database, user: &str) -> anyhow::Result<PersonId> {
    let account = database.account_named(user).await.map_err(nobody(user))?;
    Ok(PersonId(account.id.0))
}

pub(crate) fn nobody(user: &str) -> impl Fn(DatabaseError) -> anyhow::Error {
    move |error| match error {
        DatabaseError::NotFound => anyhow::anyhow!("there is no account {user}"),
        other => other.into(),
    }
}

fn line(id: MembershipId, membership: &Membership, waits: bool) -> String {
    let day = |day: Option<Day>| day.map_or_else(|| "-".to_owned(), |day| day.to_string());
    format!(
        "{:<6} {:<22} {:<40} {} {}{}\n",
        id.0,
        membership.role.name(),
        membership.organisation.as_str(),
        day(membership.span.from),
        day(membership.span.until),
        if waits { " waits for a second person" } else { "" }
    )
}
