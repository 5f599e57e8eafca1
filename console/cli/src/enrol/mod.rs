//! `vonggac sensor enrol`: exchanges a one-time token of the console for the sensor's credential.
//!
//! Secrets go by file: the token is read from one, the credential is written to one that only this user reads, whole or not at all.

mod post;

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use vonggac_enrolment::Credential;

use post::{Address, Answer};

/// Where the console takes tokens.
const PATH: &str = "/api/v1/sensors/enrol";
/// Longest token that is read, in bytes.
const TOKEN_BYTES_MAX: u64 = 4096;

/// Steps before the sensor's own work.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum SensorCommand {
    /// Exchanges a one-time token, which the console's page of sensors gives, for the sensor's credential.
    Enrol(EnrolOptions),
}

/// Settings of the exchange.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct EnrolOptions {
    /// Address of the console, as in `https://soc.example`.
    #[arg(long, value_name = "URL")]
    console: String,
    /// File with the token; - reads it from standard input.
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Where to write the credential; only this user will be able to read it.
    #[arg(long, value_name = "FILE")]
    credential: PathBuf,
    /// Authority of the console's certificate; the machine's own ones when left out.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Replaces a credential that is there, as when it is renewed.
    #[arg(long)]
    replace: bool,
}

/// Runs a step.
pub(crate) fn run(command: &SensorCommand) -> anyhow::Result<ExitCode> {
    let SensorCommand::Enrol(options) = command;
    let credential = enrol(options)?;
    writeln!(
        std::io::stdout(),
        "enrolled: sensor {} of {}; its credential is {}",
        credential.name,
        credential.organisation,
        options.credential.display()
    )?;
    Ok(ExitCode::SUCCESS)
}

fn enrol(options: &EnrolOptions) -> anyhow::Result<Credential> {
    // A token is of use once: whatever else may be wrong is found first.
    let target = Target::prepare(&options.credential, options.replace)?;
    let address: Address = options
        .console
        .parse()
        .with_context(|| format!("--console {}", options.console))?;
    let token = read_token(&options.token_file)?;
    let body = serde_json::json!({ "token": token }).to_string();
    let answer = post::json(&address, PATH, &body, options.ca.as_deref())?;
    let text = granted(&address, answer)?;
    let credential = Credential::read(&text)
        .with_context(|| format!("what the console at {address} answers is no credential"))?;
    target.write(&text)?;
    Ok(credential)
}

fn read_token(path: &Path) -> anyhow::Result<String> {
    let named = || format!("--token-file {}", path.display());
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin()
            .take(TOKEN_BYTES_MAX)
            .read_to_string(&mut text)
            .with_context(named)?;
    } else {
        let file = fs::File::open(path).with_context(named)?;
        file.take(TOKEN_BYTES_MAX)
            .read_to_string(&mut text)
            .with_context(named)?;
    }
    let token = text.trim();
    ensure!(!token.is_empty(), "{}: there is no token in it", named());
    Ok(token.to_owned())
}

/// The credential in the answer.
fn granted(address: &Address, answer: Answer) -> anyhow::Result<String> {
    match answer.status {
        201 => Ok(answer.body),
        404 => bail!(
            "the console at {address} does not take the token: it is wrong, was used already, or is too old; \
             have the console make another"
        ),
        429 => bail!(
            "the console at {address} takes no token now, after too many attempts; try again in some minutes"
        ),
        300..=399 => bail!(
            "the console is not at {address}: it answers with status {}; give the address that the browser shows",
            answer.status
        ),
        status => bail!("the console at {address} answers with status {status}"),
    }
}

/// The credential's file to be.
#[derive(Debug)]
struct Target {
    path: PathBuf,
    /// Beside it, so that it can be put in its place in one step.
    fresh: PathBuf,
    replace: bool,
}

impl Target {
    /// Looks whether it can be written, before the token is used up.
    fn prepare(path: &Path, replace: bool) -> anyhow::Result<Self> {
        let named = || format!("--credential {}", path.display());
        let exists = path.try_exists().with_context(named)?;
        ensure!(
            replace || !exists,
            "{}: there is one already; give --replace to replace it",
            named()
        );
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        // One that an interrupted run left may have other permissions.
        let _ = fs::remove_file(&fresh);
        create(&fresh).with_context(named)?;
        let path = path.to_owned();
        Ok(Self { path, fresh, replace })
    }

    fn write(&self, text: &str) -> anyhow::Result<()> {
        let named = || format!("--credential {}", self.path.display());
        let mut file = OpenOptions::new()
            .write(true)
            .open(&self.fresh)
            .with_context(named)?;
        file.write_all(text.as_bytes()).with_context(named)?;
        file.sync_all().with_context(named)?;
        if self.replace {
            fs::rename(&self.fresh, &self.path).with_context(named)?;
        } else {
            // Unlike renaming, this refuses a file that has come to be there meanwhile.
            fs::hard_link(&self.fresh, &self.path).with_context(named)?;
        }
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // After a rename there is none.
        let _ = fs::remove_file(&self.fresh);
    }
}

fn create(path: &Path) -> std::io::Result<fs::File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests;
