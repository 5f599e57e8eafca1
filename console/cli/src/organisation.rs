//! `vonggac organisation`: the organisations of the console's database, taken in from a file, listed and exported.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use vonggac_access::{Day, Organisation, OrganisationKind, Tree, VIETNAM, file};
use vonggac_database::audit::Asker;
use vonggac_database::{Database, Imported, STATEMENT_LIMIT};

/// Works on organisations.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum OrganisationCommand {
    /// Adds and changes what a file says; removes nothing. Says what is new, what changed and what ended.
    Import {
        /// The file, described in docs/organisations.md; without it, the Government and provinces of Viet Nam that ship with the program.
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        #[command(flatten)]
        link: Link,
    },
    /// Writes all organisations as such a file.
    Export {
        #[command(flatten)]
        link: Link,
    },
    /// Lists the organisations of a day: code, kind, parent, name.
    List {
        /// The day, as in 2025-07-01; today without it.
        #[arg(long, value_name = "DATE")]
        at: Option<Day>,
        /// Only those of this kind, as in `province`.
        #[arg(long, value_name = "KIND")]
        kind: Option<OrganisationKind>,
        #[command(flatten)]
        link: Link,
    },
}

/// The console's database.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(crate) struct Link {
    /// PostgreSQL: postgres://user:password@host:port/database, or ?host=/socket/directory.
    #[arg(long, env = "VONGGAC_POSTGRES", value_name = "URL", hide_env_values = true)]
    postgres: String,
    /// Password and TLS of PostgreSQL.
    #[command(flatten)]
    security: vonggac_link::PostgresSecurity,
}

impl Link {
    pub(crate) async fn open(&self) -> anyhow::Result<Database> {
        let database = Database::connect(&self.postgres, &self.security, STATEMENT_LIMIT).await?;
        database.migrate().await?;
        Ok(database)
    }
}

/// Runs it.
pub(crate) async fn run(command: OrganisationCommand) -> anyhow::Result<ExitCode> {
    match command {
        OrganisationCommand::Import { file, link } => import(file, &link).await,
        OrganisationCommand::Export { link } => {
            let tree = link.open().await?.organisations().await?;
            show(&file::write(&tree))
        }
        OrganisationCommand::List { at, kind, link } => {
            let day = at.or_else(today).context("the clock is out of range")?;
            let tree = link.open().await?.organisations().await?;
            show(&list(&tree, day, kind))
        }
    }
}

async fn import(path: Option<PathBuf>, link: &Link) -> anyhow::Result<ExitCode> {
    let name = path
        .as_ref()
        .map_or("the shipped file".into(), |path| path.display().to_string());
    let text = match &path {
        Some(path) => read(path).with_context(|| name.clone())?,
        None => VIETNAM.to_owned(),
    };
    let placed = file::read(&text).with_context(|| name.clone())?;
    anyhow::ensure!(!placed.is_empty(), "{name}: no [[organisation]] in it");
    let now_us = now_us().context("the clock is out of range")?;
    let imported = link
        .open()
        .await?
        .import_organisations(&Asker::console(), placed, now_us)
        .await
        .context(name)?;
    show(&told(&imported))
}

/// Reads no more than a file may have, and a byte that shows it has more.
fn read(path: &std::path::Path) -> anyhow::Result<String> {
    use std::io::Read as _;
    let limit = u64::try_from(file::FILE_BYTES_MAX)?.saturating_add(1);
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    anyhow::ensure!(bytes.len() <= file::FILE_BYTES_MAX, file::FileError::TooLarge);
    Ok(String::from_utf8(bytes)?)
}

pub(crate) fn today() -> Option<Day> {
    Day::of_us(now_us()?)
}

/// Microseconds since 1970, UTC.
pub(crate) fn now_us() -> Option<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok()
}

/// What an import did: a line for each, and the sum.
fn told(imported: &Imported) -> String {
    let mut text = String::new();
    for id in &imported.added {
        text += &format!("added: {id}\n");
    }
    for (id, fields) in &imported.changed {
        text += &format!("changed: {id}: {}\n", fields.join(", "));
    }
    for (id, end) in &imported.ended {
        text += &format!("ended: {id}: until {end}\n");
    }
    text + &format!(
        "{} added, {} changed, {} ended, {} as before\n",
        imported.added.len(),
        imported.changed.len(),
        imported.ended.len(),
        imported.unchanged
    )
}

fn list(tree: &Tree, day: Day, kind: Option<OrganisationKind>) -> String {
    let wanted = |organisation: &&Organisation| {
        organisation.span.holds(day) && kind.is_none_or(|kind| organisation.kind == kind)
    };
    let line = |organisation: &Organisation| {
        let parent = tree
            .parent_at(&organisation.id, day)
            .map_or("-", |id| id.as_str());
        let kind = organisation.kind.name();
        format!(
            "{:<40} {kind:<18} {parent:<20} {} ({})\n",
            organisation.id.as_str(),
            organisation.name_vi,
            organisation.name_en
        )
    };
    tree.iter().filter(wanted).map(line).collect()
}

pub(crate) fn show(text: &str) -> anyhow::Result<ExitCode> {
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_list_is_that_of_its_day() {
        let tree = Tree::build(file::read(VIETNAM).unwrap()).unwrap();
        let count = |day: &str| {
            list(&tree, day.parse().unwrap(), Some(OrganisationKind::Province))
                .lines()
                .count()
        };
        assert_eq!((count("2025-06-30"), count("2025-07-01")), (63, 34));
        let centre = list(
            &tree,
            "2026-01-01".parse().unwrap(),
            Some(OrganisationKind::NationalCentre),
        );
        let words: Vec<&str> = centre.split_whitespace().take(4).collect();
        assert_eq!(words, ["ncsc", "national-centre", "a05", "Trung"]);
    }

    #[test]
    fn an_import_is_told_line_by_line() {
        let imported = Imported {
            added: vec!["both".parse().unwrap()],
            changed: vec![("north".parse().unwrap(), vec!["vi", "citation"])],
            ended: vec![("north".parse().unwrap(), "2031-01-01".parse().unwrap())],
            unchanged: 2,
        };
        assert_eq!(
            told(&imported),
            "added: both\nchanged: north: vi, citation\nended: north: until 2031-01-01\n1 added, 1 changed, 1 ended, 2 as before\n"
        );
    }
}
