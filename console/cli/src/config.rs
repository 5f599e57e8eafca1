//! Settings from a file: whatever a flag can say, a TOML file can say too.
//!
//! Tables are named like the roles, keys like their long flags with `_` for `-`; the flags of every role stand before the first
//! table. A flag comes before the environment, the environment before the file, the file before the default.
//!
//! Commands that work on the console's database, such as `membership`, reach it as `[console]` says.
//!
//! What the file adds is parsed as the flags are, so that meaning, limits and documentation of a setting stand in one place.
//!
//! Invariant: a key that means nothing is refused, in the tables of the other roles too, with the place where it stands.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Id of the flag that names the file.
const CONFIG: &str = "config";
/// Id of the flag that asks for the settings.
const PRINT_CONFIG: &str = "print_config";

/// The command line with what the file adds to it.
pub(crate) struct Settings {
    pub(crate) matches: ArgMatches,
    added: Vec<Added>,
}

/// A setting taken from the file.
struct Added {
    /// The flag it stands for, without the dashes.
    flag: String,
    /// Where it stands: `FILE:LINE`.
    place: String,
    values: Vec<String>,
}

impl Settings {
    /// Reads flags, environment and file.
    pub(crate) fn read(command: &Command, arguments: &[OsString]) -> Result<Self, clap::Error> {
        let first = parse_leniently(command, arguments);
        let file = first.as_ref().ok().and_then(named_file);
        // A wish for help comes as an error too, and is answered by the plain parse.
        let (Ok(first), Some(file)) = (first, file) else {
            let matches = parse(command, arguments)?;
            let added = Vec::new();
            return Ok(Self { matches, added });
        };
        let refuse = |text: String| clap::Error::raw(ErrorKind::ValueValidation, format!("{text}\n"));
        let mut built = command.clone();
        built.build();
        let added = read_file(&built, &first, &file).map_err(refuse)?;
        let extra = added.iter().flat_map(|setting| {
            let flag = &setting.flag;
            setting
                .values
                .iter()
                .map(move |value| OsString::from(format!("--{flag}{value}")))
        });
        let all: Vec<OsString> = arguments.iter().cloned().chain(extra).collect();
        match parse(command, &all) {
            Ok(matches) => Ok(Self { matches, added }),
            Err(error) => Err(with_places(error, &added)),
        }
    }

    /// The settings in force, as a file that would bring them about.
    pub(crate) fn to_toml(&self, command: &Command) -> String {
        let mut built = command.clone();
        built.build();
        let mut text = String::new();
        let chosen = self
            .matches
            .subcommand()
            .and_then(|(name, matches)| Some((name, built.find_subcommand(name)?, matches)));
        let Some((name, role, matches)) = chosen else {
            return text;
        };
        for (key, argument) in own_settings(&built) {
            self.describe(&mut text, &key, argument, matches);
        }
        if is_role(role) {
            let _ = writeln!(text, "[{name}]");
            for (key, argument) in own_settings(role) {
                self.describe(&mut text, &key, argument, matches);
            }
        }
        text
    }

    fn describe(&self, text: &mut String, key: &str, argument: &Arg, matches: &ArgMatches) {
        if let Some(help) = argument.get_help() {
            let _ = writeln!(text, "# {help}");
        }
        let id = argument.get_id().as_str();
        let values: Vec<String> = matches
            .get_raw(id)
            .into_iter()
            .flatten()
            .map(|value| to_literal(argument, &value.to_string_lossy()))
            .collect();
        let added = self
            .added
            .iter()
            .find(|setting| Some(setting.flag.as_str()) == argument.get_long());
        let source = match (added, matches.value_source(id)) {
            (Some(added), _) => added.place.clone(),
            (None, Some(ValueSource::CommandLine)) => "flag".to_owned(),
            (None, Some(ValueSource::EnvVariable)) => "environment".to_owned(),
            (None, _) => "default".to_owned(),
        };
        let _ = match values.as_slice() {
            [] => writeln!(text, "# {key} is not set"),
            _ if argument.is_hide_env_values_set() => {
                writeln!(text, "# {key} is set and not shown ({source})")
            }
            [value] if !takes_many(argument) => writeln!(text, "{key} = {value} # {source}"),
            values => writeln!(text, "{key} = [{}] # {source}", values.join(", ")),
        };
    }
}

/// Parses the whole command line. A setting that is missing does not keep the others from being shown.
fn parse(command: &Command, arguments: &[OsString]) -> Result<ArgMatches, clap::Error> {
    command.clone().try_get_matches_from(arguments).or_else(|error| {
        match parse_leniently(command, arguments) {
            Ok(matches) if error.kind() == ErrorKind::MissingRequiredArgument && is_to_be_shown(&matches) => {
                Ok(matches)
            }
            _ => Err(error),
        }
    })
}

/// What can be understood of a command line that may have faults.
fn parse_leniently(command: &Command, arguments: &[OsString]) -> Result<ArgMatches, clap::Error> {
    command
        .clone()
        .ignore_errors(true)
        .try_get_matches_from(arguments)
}

/// Whether the settings are asked for, not their work.
pub(crate) fn is_to_be_shown(matches: &ArgMatches) -> bool {
    global_flag(matches, PRINT_CONFIG) == Some(&true)
}

fn named_file(matches: &ArgMatches) -> Option<PathBuf> {
    global_flag(matches, CONFIG).cloned()
}

/// The value of a flag that every role has.
fn global_flag<'m, T: Clone + Send + Sync + 'static>(matches: &'m ArgMatches, id: &str) -> Option<&'m T> {
    let matches = matches.subcommand().map_or(matches, |(_, inner)| inner);
    matches.try_get_one(id).ok().flatten()
}

/// Takes what the file says for the role in `given` that nothing before the file says.
fn read_file(command: &Command, given: &ArgMatches, file: &Path) -> Result<Vec<Added>, String> {
    let text = load(file)?;
    let source = Source { file, text: &text };
    let table = DeTable::parse(&text).map_err(|error| {
        let place = source.place(error.span().map_or(0, |span| span.start));
        format!("{place}: {}", error.message())
    })?;
    let chosen = given.subcommand();
    let (leaf, leaf_matches) = leaf(command, given);
    let mut added = Vec::new();
    for (name, value) in table.get_ref() {
        let place = source.place(name.span().start);
        if let DeValue::Table(keys) = value.get_ref() {
            let role = command
                .find_subcommand(name.get_ref().as_ref())
                .filter(|role| is_role(role))
                .ok_or_else(|| format!("{place}: there is no role [{}]", name.get_ref()))?;
            // A command beside the role's own work has none of its settings.
            let matches = chosen
                .filter(|(chosen, matches)| *chosen == role.get_name() && matches.subcommand().is_none())
                .map(|(_, matches)| matches);
            for (key, value) in keys {
                added.extend(source.setting(role, matches, key, value)?);
                if matches.is_none()
                    && is_of_database(role, key.get_ref())
                    && has_setting(leaf, key.get_ref())
                {
                    added.extend(source.setting(leaf, Some(leaf_matches), key, value)?);
                }
            }
        } else {
            let matches = chosen.map(|(_, matches)| matches);
            added.extend(source.setting(command, matches, name, value)?);
        }
    }
    Ok(added)
}

/// The command that was chosen, below all groups, and what was given to it.
fn leaf<'a>(command: &'a Command, matches: &'a ArgMatches) -> (&'a Command, &'a ArgMatches) {
    let chosen = matches
        .subcommand()
        .and_then(|(name, inner)| Some((command.find_subcommand(name)?, inner)));
    chosen.map_or((command, matches), |(command, inner)| leaf(command, inner))
}

/// Whether it is one of the settings with which the console reaches its database; other commands that work on it have them too.
fn is_of_database(role: &Command, key: &str) -> bool {
    role.get_name() == "console" && (key == "postgres" || key.starts_with("postgres_"))
}

fn has_setting(command: &Command, key: &str) -> bool {
    own_settings(command).any(|(own, _)| own == key)
}

fn load(file: &Path) -> Result<String, String> {
    let named = |error: std::io::Error| format!("{}: {error}", file.display());
    let length = fs::metadata(file).map_err(named)?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!(
            "{}: {length} bytes are too many for a configuration",
            file.display()
        ));
    }
    fs::read_to_string(file).map_err(named)
}

/// The file's text, to say where something stands.
struct Source<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn place(&self, offset: usize) -> String {
        let before = self.text.get(..offset).unwrap_or(self.text);
        format!("{}:{}", self.file.display(), before.matches('\n').count() + 1)
    }

    /// One key; nothing when it is for a role that does not run (`given` is `None`) or when flag or environment say otherwise.
    fn setting<'t>(
        &self,
        owner: &Command,
        given: Option<&ArgMatches>,
        name: &Spanned<impl AsRef<str> + 't>,
        value: &Spanned<DeValue<'t>>,
    ) -> Result<Option<Added>, String> {
        let place = self.place(name.span().start);
        let name = name.get_ref().as_ref();
        let (_, argument) = own_settings(owner).find(|(key, _)| key == name).ok_or_else(|| {
            let role = if is_role(owner) { owner.get_name() } else { "ROLE" };
            format!("{place}: unknown key {name:?}; `vonggac {role} --print-config` shows those there are")
        })?;
        let values = to_values(argument, value.get_ref()).map_err(|wanted| {
            let place = self.place(value.span().start);
            format!("{place}: {name} wants {wanted}")
        })?;
        let Some(given) = given else { return Ok(None) };
        let is_given = |argument: &Arg| {
            matches!(
                given.value_source(argument.get_id().as_str()),
                Some(ValueSource::CommandLine | ValueSource::EnvVariable)
            )
        };
        let yields = is_given(argument)
            || owner.get_arg_conflicts_with(argument).into_iter().any(is_given)
            || values.is_empty();
        Ok((!yields).then(|| Added {
            flag: argument.get_long().unwrap_or_default().to_owned(),
            place,
            values,
        }))
    }
}

/// A value as the end of a flag: `=VALUE`, or nothing for a flag that stands alone; the error says what is wanted.
fn to_values(argument: &Arg, value: &DeValue<'_>) -> Result<Vec<String>, &'static str> {
    let alone = !argument.get_action().takes_values();
    match value {
        DeValue::Boolean(true) if alone => Ok(vec![String::new()]),
        DeValue::Boolean(false) if alone => Ok(Vec::new()),
        _ if alone => Err("true or false"),
        DeValue::Array(values) if takes_many(argument) => values
            .iter()
            .map(|value| to_scalar(value.get_ref()).ok_or("texts or numbers in its list"))
            .collect(),
        value => to_scalar(value)
            .map(|value| vec![value])
            .ok_or("a text or a number"),
    }
}

fn to_scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(format!("={text}")),
        // In its decimal form whatever the notation.
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(|number| format!("={number}")),
        DeValue::Float(number) => Some(format!("={}", number.as_str())),
        _ => None,
    }
}

/// Says of each setting of the file that an error names where it stands.
fn with_places(error: clap::Error, added: &[Added]) -> clap::Error {
    let text = error.to_string();
    let mut notes = String::new();
    for setting in added {
        if text.contains(&format!("--{}", setting.flag)) {
            let _ = writeln!(notes, "--{} is set in {}", setting.flag, setting.place);
        }
    }
    if notes.is_empty() {
        return error;
    }
    let said = text.split("\n\n").next().unwrap_or_default();
    let said = said.trim_start_matches("error: ");
    clap::Error::raw(error.kind(), format!("{said}\n{notes}"))
}

/// Whether it is a role with settings of its own, not a group of commands. A role may have commands beside its own work.
fn is_role(command: &Command) -> bool {
    !command.is_subcommand_required_set()
}

/// What can be set by file, under which key: a role's own settings, or those that every role has when asked of the whole command.
fn own_settings(command: &Command) -> impl Iterator<Item = (String, &Arg)> {
    command
        .get_arguments()
        .filter(|argument| argument.is_global_set() != is_role(command))
        .filter_map(|argument| Some((key(argument)?, argument)))
}

/// A setting's key; `None` for what is no setting.
fn key(argument: &Arg) -> Option<String> {
    let says = matches!(
        argument.get_action(),
        ArgAction::Set | ArgAction::Append | ArgAction::SetTrue
    );
    let id = argument.get_id().as_str();
    if !says || id == CONFIG || id == PRINT_CONFIG {
        return None;
    }
    argument.get_long().map(|long| long.replace('-', "_"))
}

fn takes_many(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Append)
}

fn to_literal(argument: &Arg, value: &str) -> String {
    let bare = !argument.get_action().takes_values() || value.parse::<i64>().is_ok();
    if bare {
        value.to_owned()
    } else {
        toml::Value::from(value).to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "vonggac")]
    struct Cli {
        #[arg(long, global = true, default_value = "info")]
        log: String,
        #[arg(long, global = true)]
        print_config: bool,
        #[arg(long, global = true)]
        config: Option<PathBuf>,
        #[command(subcommand)]
        role: Role,
    }

    #[derive(Debug, Subcommand)]
    enum Role {
        Up(Up),
        #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
        Sensor(Sensor),
        Console(Console),
        #[command(subcommand)]
        Membership(Membership),
    }

    #[derive(Debug, Args)]
    struct Console {
        #[arg(long)]
        postgres: String,
        #[arg(long)]
        kafka: Option<String>,
    }

    #[derive(Debug, PartialEq, Subcommand)]
    enum Membership {
        List {
            user: String,
            #[arg(long)]
            postgres: String,
        },
    }

    #[derive(Debug, PartialEq, Subcommand)]
    enum Step {
        Enrol,
    }

    #[derive(Debug, Args)]
    struct Up {
        /// Port of the console.
        #[arg(long, default_value_t = 8080)]
        console_port: u16,
        #[arg(long)]
        sample: bool,
        #[arg(long, env = "VONGGAC_TEST_NO_SUCH_VARIABLE", hide_env_values = true)]
        postgres: Option<String>,
    }

    #[derive(Debug, Args)]
    struct Sensor {
        #[arg(long, conflicts_with = "read", required_unless_present = "read")]
        interface: Option<String>,
        #[arg(long, num_args = 1..)]
        read: Vec<PathBuf>,
        #[arg(long = "var")]
        variables: Vec<String>,
        #[command(subcommand)]
        step: Option<Step>,
    }

    struct Trial {
        directory: tempfile::TempDir,
    }

    impl Trial {
        fn new(text: &str) -> Self {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join("v.toml"), text).unwrap();
            Self { directory }
        }

        fn read(&self, arguments: &[&str]) -> Result<(Cli, String), String> {
            let file = self.directory.path().join("v.toml");
            let all: Vec<OsString> = ["vonggac", "--config", file.to_str().unwrap()]
                .iter()
                .chain(arguments)
                .map(OsString::from)
                .collect();
            let command = Cli::command();
            let settings = Settings::read(&command, &all).map_err(|error| error.to_string())?;
            let shown = settings.to_toml(&command);
            Ok((Cli::from_arg_matches(&settings.matches).unwrap(), shown))
        }
    }

    #[test]
    fn the_file_comes_after_the_flags_and_before_the_defaults() {
        let trial = Trial::new("log = \"warn\"\n[up]\nconsole_port = 0x2328\nsample = true\n");
        let (cli, _) = trial.read(&["up"]).unwrap();
        let Role::Up(up) = cli.role else { unreachable!() };
        assert_eq!(
            (cli.log.as_str(), up.console_port, up.sample),
            ("warn", 9000, true)
        );
        let (cli, shown) = trial
            .read(&["up", "--console-port", "1", "--log", "debug"])
            .unwrap();
        let Role::Up(up) = cli.role else { unreachable!() };
        assert_eq!((cli.log.as_str(), up.console_port), ("debug", 1));
        assert!(
            shown.contains("# Port of the console\nconsole_port = 1 # flag"),
            "{shown}"
        );
        assert!(shown.contains("v.toml:4"), "{shown}");
        assert!(shown.contains("# postgres is not set"), "{shown}");
    }

    #[test]
    fn a_step_beside_a_roles_own_work_has_none_of_its_settings() {
        let trial = Trial::new("log = \"warn\"\n[sensor]\ninterface = \"eth0\"\n");
        let (cli, _) = trial.read(&["sensor", "enrol"]).unwrap();
        let Role::Sensor(sensor) = cli.role else {
            unreachable!()
        };
        assert_eq!((sensor.step, sensor.interface), (Some(Step::Enrol), None));
        assert_eq!(cli.log, "warn");
    }

    #[test]
    fn a_command_on_the_consoles_database_reaches_it_as_the_console_does() {
        let trial = Trial::new("[console]\npostgres = \"of the file\"\nkafka = \"k\"\n");
        let list = |arguments: &[&str]| match trial.read(arguments).unwrap().0.role {
            Role::Membership(Membership::List { user, postgres }) => (user, postgres),
            other => unreachable!("{other:?}"),
        };
        assert_eq!(
            list(&["membership", "list", "lan"]),
            ("lan".into(), "of the file".into())
        );
        let (_, postgres) = list(&["membership", "list", "lan", "--postgres", "of the flag"]);
        assert_eq!(postgres, "of the flag");
    }

    #[test]
    fn what_is_shown_brings_about_the_same() {
        let trial = Trial::new("[sensor]\nread = [\"a b.pcap\", \"c.pcap\"]\nvar = \"A=\\\"1\\\"\"\n");
        let (cli, shown) = trial.read(&["sensor"]).unwrap();
        let (again, _) = Trial::new(&shown).read(&["sensor"]).unwrap();
        assert_eq!(format!("{:?}", cli.role), format!("{:?}", again.role));
        assert!(format!("{:?}", cli.role).contains("a b.pcap"));
    }

    #[test]
    fn settings_are_shown_though_one_is_missing() {
        let arguments = ["vonggac", "sensor", "--var", "A=1"].map(OsString::from);
        let command = Cli::command();
        let missing = Settings::read(&command, &arguments).err().unwrap();
        assert_eq!(missing.kind(), ErrorKind::MissingRequiredArgument);
        let arguments: Vec<OsString> = arguments.into_iter().chain(["--print-config".into()]).collect();
        let shown = Settings::read(&command, &arguments).unwrap().to_toml(&command);
        assert!(shown.contains("var = [\"A=1\"] # flag"), "{shown}");
    }

    #[test]
    fn a_flag_drives_out_what_it_conflicts_with() {
        let trial = Trial::new("[sensor]\ninterface = \"eth0\"\n");
        let (cli, _) = trial.read(&["sensor", "--read", "x.pcap"]).unwrap();
        let Role::Sensor(sensor) = cli.role else {
            unreachable!()
        };
        assert_eq!(sensor.interface, None);
        let (cli, _) = trial.read(&["sensor"]).unwrap();
        let Role::Sensor(sensor) = cli.role else {
            unreachable!()
        };
        assert_eq!(sensor.interface.as_deref(), Some("eth0"));
    }

    #[test]
    fn what_means_nothing_is_refused_where_it_stands() {
        for (text, words) in [
            ("\n[up]\nconsole-port = 1\n", &["v.toml:3", "console-port"][..]),
            (
                "[sensor]\nnope = 1\n",
                &["v.toml:2", "nope", "vonggac sensor --print-config"],
            ),
            ("[nope]\n", &["v.toml:1", "no role [nope]"]),
            ("\nsample = true\n", &["v.toml:2", "sample", "vonggac ROLE"]),
            ("[up]\nlog = \"warn\"\n", &["v.toml:2", "log"]),
            ("[up]\nsample = 1\n", &["v.toml:2", "sample wants true or false"]),
            ("[up]\nconsole_port = [1]\n", &["v.toml:2", "a text or a number"]),
            (
                "[up]\nconsole_port = 70000\n",
                &["70000", "--console-port is set in", "v.toml:2"],
            ),
            ("[up]\nconsole_port = \n", &["v.toml:2"]),
            ("[up]\na = 1\na = 2\n", &["v.toml:3"]),
        ] {
            let error = Trial::new(text).read(&["up"]).unwrap_err();
            for word in words {
                assert!(error.contains(word), "{text:?}: {word:?} is not in {error}");
            }
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let command = Cli::command();
        let arguments = ["vonggac", "up", "--config", "/nonexistent/v.toml"].map(OsString::from);
        let error = Settings::read(&command, &arguments).err().unwrap().to_string();
        assert!(error.contains("/nonexistent/v.toml"), "{error}");
    }

    #[test]
    fn help_and_errors_of_flags_stay_as_they_are() {
        let trial = Trial::new("[up]\n");
        assert!(
            trial
                .read(&["up", "--help"])
                .unwrap_err()
                .contains("Usage: vonggac up")
        );
        assert!(trial.read(&["up", "--nope"]).unwrap_err().contains("--nope"));
    }
}
