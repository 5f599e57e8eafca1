//! `vonggac`: every role of the platform in one binary, and the supervisor that runs them together on one machine.

#[cfg(feature = "console")]
mod account;
#[cfg(feature = "console")]
mod audit;
#[cfg(feature = "clickhouse")]
mod clickhouse;
mod config;
mod doctor;
#[cfg(feature = "sensor")]
mod enrol;
mod layout;
mod logging;
#[cfg(feature = "console")]
mod membership;
#[cfg(feature = "console")]
mod organisation;
#[cfg(all(feature = "rules", feature = "sensor"))]
mod reload;
#[cfg(feature = "rules")]
mod rules;
mod status;
mod up;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// The packet path makes and drops many small values; the C library's allocator takes a tenth of its time and more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Security operations and incident response for a government data network.
#[derive(Debug, Parser)]
#[command(name = "vonggac", version, arg_required_else_help = true)]
struct Arguments {
    /// What to log: error, warn, info, debug, trace, or per module as in `info,rdkafka=debug`.
    #[arg(
        long,
        global = true,
        env = "VONGGAC_LOG",
        default_value = "info,librdkafka=error",
        value_name = "FILTER"
    )]
    log: String,
    /// Logs JSON, one object a line.
    #[arg(long, global = true)]
    log_json: bool,
    /// Reads settings from a TOML file: a table for each role, in it the long flags with `_` for `-`. Flags and environment come first.
    #[arg(long, global = true, env = "VONGGAC_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Prints the settings in force, in the form of such a file, with where each comes from; runs nothing.
    #[arg(long, global = true)]
    print_config: bool,
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Runs everything on this machine: Kafka, ClickHouse, PostgreSQL, pipeline, console and a sensor.
    Up(Box<up::Options>),
    /// Says what of `vonggac up` is running, on which port, and what is wrong.
    Doctor(doctor::Options),
    /// Watches a tap or reads captures.
    #[cfg(feature = "sensor")]
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Sensor(Box<Sensor>),
    /// Stores events, matches rules, correlates, raises alerts.
    #[cfg(feature = "pipeline")]
    Pipeline(Box<vonggac_service::Options>),
    /// Serves the embedded ClickHouse engine.
    #[cfg(feature = "clickhouse")]
    Clickhouse(Box<clickhouse::Options>),
    /// Serves the analysts' console.
    #[cfg(feature = "console")]
    Console(Box<vonggac_server::Options>),
    /// Takes in, lists and exports the organisations that take part.
    #[cfg(feature = "console")]
    #[command(subcommand)]
    Organisation(organisation::OrganisationCommand),
    /// Lets somebody in anew, as the owner of the server.
    #[cfg(feature = "console")]
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Gives, lists and ends roles, as the owner of the server.
    #[cfg(feature = "console")]
    #[command(subcommand)]
    Membership(membership::MembershipCommand),
    /// Checks the audit log.
    #[cfg(feature = "console")]
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Makes and plays traffic.
    #[cfg(feature = "lab")]
    #[command(subcommand)]
    Lab(vonggac_range::LabCommand),
    /// Works on rules.
    #[cfg(feature = "rules")]
    #[command(subcommand)]
    Rules(rules::RulesCommand),
}

/// The sensor's own work, or a step before it.
#[cfg(feature = "sensor")]
#[derive(Debug, clap::Args)]
struct Sensor {
    #[command(flatten)]
    options: vonggac_agent::Options,
    #[command(subcommand)]
    step: Option<enrol::SensorCommand>,
}

fn main() -> ExitCode {
    let command = Arguments::command();
    let given: Vec<OsString> = std::env::args_os().collect();
    let settings = config::Settings::read(&command, &given).unwrap_or_else(|error| error.exit());
    let outcome = if config::is_to_be_shown(&settings.matches) {
        unless_unread(show(&settings.to_toml(&command)))
    } else {
        let arguments = Arguments::from_arg_matches(&settings.matches).unwrap_or_else(|error| error.exit());
        logging::start(&arguments.log, arguments.log_json);
        run(arguments)
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("vonggac: {}", in_one_line(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes, but for those that it repeats.
fn in_one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let said = cause.to_string();
        if line.is_empty() {
            line = said;
        } else if !line.contains(&said) {
            line.push_str(": ");
            line.push_str(&said);
        }
    }
    line
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.role {
        Role::Up(options) => {
            // One thread: children are tied to the thread that started them and must outlive no other.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            // Caught before anything is started, so that an early Ctrl-C is an orderly stop too.
            let stop = {
                let _inside = runtime.enter();
                stop_signal()?
            };
            let parts = tokio::task::LocalSet::new();
            parts
                .block_on(&runtime, up::run(*options, arguments.config, stop))
                .map(|()| ExitCode::SUCCESS)
        }
        Role::Doctor(options) => unless_unread(doctor::run(&options)),
        #[cfg(feature = "sensor")]
        Role::Sensor(sensor) => {
            if let Some(step) = sensor.step {
                return unless_unread(enrol::run(&step));
            }
            let whole = block_on(async { vonggac_agent::run(sensor.options, stop_signal()?).await })?;
            Ok(if whole {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(2)
            })
        }
        #[cfg(feature = "pipeline")]
        Role::Pipeline(options) => block_on(async { vonggac_service::run(*options, stop_signal()?).await })
            .map(|()| ExitCode::SUCCESS),
        #[cfg(feature = "clickhouse")]
        Role::Clickhouse(options) => {
            block_on(async { clickhouse::run(*options, stop_signal()?).await }).map(|()| ExitCode::SUCCESS)
        }
        #[cfg(feature = "console")]
        Role::Console(options) => block_on(async { vonggac_server::run(*options, stop_signal()?).await })
            .map(|()| ExitCode::SUCCESS),
        #[cfg(feature = "console")]
        Role::Organisation(command) => unless_unread(block_on(organisation::run(command))),
        #[cfg(feature = "console")]
        Role::Account(command) => unless_unread(block_on(account::run(command))),
        #[cfg(feature = "console")]
        Role::Membership(command) => unless_unread(block_on(membership::run(command))),
        #[cfg(feature = "console")]
        Role::Audit(command) => unless_unread(audit::run(command)),
        #[cfg(feature = "lab")]
        Role::Lab(command) => vonggac_range::run(command).map(|()| ExitCode::SUCCESS),
        #[cfg(feature = "rules")]
        Role::Rules(command) => unless_unread(rules::run(command)),
    }
}

fn show(text: &str) -> anyhow::Result<ExitCode> {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// That whoever read the report has gone (`| head`) is no fault to tell of.
fn unless_unread(outcome: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    outcome.or_else(|error| match error.downcast_ref::<std::io::Error>() {
        Some(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::FAILURE),
        _ => Err(error),
    })
}

#[cfg(any(
    feature = "sensor",
    feature = "pipeline",
    feature = "clickhouse",
    feature = "console"
))]
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// Catches SIGINT and SIGTERM from now on; the future resolves at the first. Must be called inside a runtime.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[cfg(feature = "sensor")]
    #[test]
    fn the_sensor_works_or_is_enrolled() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' '));
        let works = parse("vonggac sensor --read a.pcap --eve -").unwrap();
        assert!(matches!(works.role, Role::Sensor(sensor) if sensor.step.is_none()));
        let enrol = "vonggac sensor enrol --console https://soc.example --token-file t --credential c";
        let enrolled = parse(enrol).unwrap();
        assert!(matches!(enrolled.role, Role::Sensor(sensor) if sensor.step.is_some()));
        for wrong in [
            "vonggac sensor",
            "vonggac sensor enrol",
            "vonggac sensor --eve - enrol --console https://a --token-file t --credential c",
            "vonggac sensor --read a.pcap --credential c --sensor-key k",
        ] {
            parse(wrong).unwrap_err();
        }
    }

    #[test]
    fn a_cause_that_is_said_already_is_not_said_again() {
        let error = anyhow!("no route")
            .context("PostgreSQL: no route")
            .context("console");
        assert_eq!(in_one_line(&error), "console: PostgreSQL: no route");
    }
}
