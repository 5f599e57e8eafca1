//! `vonggac rules`: what loads and, for what does not, where and why; see `reload` for the other command.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use vonggac_files::{BesideRules, RuleFile};
use vonggac_signature::{Engine, Resources, Variables};

/// Work on rules.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum RulesCommand {
    /// Says which rules load and, for each that does not, file, line, column and why.
    Check {
        /// Files, or directories searched for *.rules, *.yml, *.yaml, *.yar and *.yara.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// What a variable of signatures stands for, as NAME=VALUE; may be given more than once.
        #[arg(long = "var", value_name = "NAME=VALUE")]
        variables: Vec<String>,
        /// Directories where rules may save datasets, too, as the sensor's --datasets-dir.
        #[arg(long, value_name = "DIR", num_args = 1..)]
        datasets_dir: Vec<PathBuf>,
        /// Also lists the rules that load.
        #[arg(long)]
        list: bool,
    },
    /// Has a sensor at work load its rules anew; what does not load leaves those of before in force.
    #[cfg(feature = "sensor")]
    Reload {
        /// The sensor's control socket, its --control.
        #[arg(value_name = "SOCKET")]
        socket: PathBuf,
    },
}

/// What came of one language.
#[derive(Default)]
struct Outcome {
    loaded: Vec<String>,
    errors: Vec<String>,
    /// What loads and can never report.
    warnings: Vec<String>,
    /// Rules for things this platform does not see; not an error.
    not_applicable: usize,
}

/// Runs it. The exit code is 1 when a rule does not load.
pub(crate) fn run(command: RulesCommand) -> anyhow::Result<ExitCode> {
    let (paths, variables, datasets_dir, list) = match command {
        RulesCommand::Check {
            paths,
            variables,
            datasets_dir,
            list,
        } => (paths, variables, datasets_dir, list),
        #[cfg(feature = "sensor")]
        RulesCommand::Reload { socket } => return crate::reload::run(&socket),
    };
    let extensions = [
        vonggac_files::SIGNATURES,
        vonggac_files::SIGMA,
        vonggac_files::YARA,
    ]
    .concat();
    let files = vonggac_files::read(&paths, &extensions)?;
    anyhow::ensure!(
        !files.is_empty(),
        "no *.rules, *.yml, *.yaml, *.yar or *.yara file in what was given"
    );
    let (mut signatures, mut sigma, mut yara) = (Vec::new(), Vec::new(), Vec::new());
    for RuleFile { name, text } in files {
        match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
            "yml" | "yaml" => sigma.push((name, text)),
            "yar" | "yara" => yara.push((name, text)),
            _ => signatures.push((name, text)),
        }
    }
    let outcomes = [
        (
            "signatures",
            check_signatures(&signatures, &variables, datasets_dir)?,
        ),
        ("sigma", check_sigma(&sigma)),
        ("yara", check_yara(&yara)),
    ];
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for (language, outcome) in &outcomes {
        if list {
            for rule in &outcome.loaded {
                writeln!(out, "loads: {rule}")?;
            }
        }
        for error in &outcome.errors {
            writeln!(out, "{error}")?;
        }
        for warning in &outcome.warnings {
            writeln!(out, "warning: {warning}")?;
        }
        if outcome.loaded.len() + outcome.errors.len() + outcome.not_applicable > 0 {
            write!(
                out,
                "{language}: {} load, {} do not",
                outcome.loaded.len(),
                outcome.errors.len()
            )?;
            if !outcome.warnings.is_empty() {
                write!(out, ", {} can never report", outcome.warnings.len())?;
            }
            if outcome.not_applicable > 0 {
                write!(
                    out,
                    ", {} are for sources that are not here",
                    outcome.not_applicable
                )?;
            }
            writeln!(out)?;
        }
    }
    out.flush()?;
    let failed = outcomes.iter().any(|(_, outcome)| !outcome.errors.is_empty());
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn check_signatures(
    files: &[(String, String)],
    variables: &[String],
    written_to: Vec<PathBuf>,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut rules = Vec::new();
    for (file, text) in files {
        let (parsed, errors) = vonggac_signature::parse(file, text);
        rules.extend(parsed);
        outcome.errors.extend(errors.iter().map(ToString::to_string));
    }
    let variables = Variables::assigned(variables);
    let variables = variables.map_err(|error| anyhow::anyhow!("--var {error}"))?;
    let resources = Resources::new(Arc::new(BesideRules { written_to }));
    let (engine, errors) = Engine::load(rules, &variables, vonggac_protocols::REGISTRY, resources);
    outcome.warnings = engine.warnings().iter().map(ToString::to_string).collect();
    outcome.errors.extend(errors.iter().map(ToString::to_string));
    outcome.loaded = engine
        .rules()
        .map(|rule| format!("{}:{} {}", rule.gid, rule.sid, rule.message))
        .collect();
    Ok(outcome)
}

fn check_sigma(files: &[(String, String)]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut documents = Vec::new();
    for (file, text) in files {
        let (parsed, errors) = vonggac_sigma::parse(file, text);
        documents.extend(parsed);
        outcome.errors.extend(errors.iter().map(ToString::to_string));
    }
    let (set, errors) = vonggac_sigma::RuleSet::compile(documents);
    outcome.errors.extend(errors.iter().map(ToString::to_string));
    let rules = set.rules().map(|(_, rule)| rule);
    let all = rules.chain(set.correlations().iter().map(|correlation| &correlation.rule));
    outcome.loaded = all.map(|rule| format!("{} {}", rule.id, rule.title)).collect();
    outcome.not_applicable = set.not_applicable().len();
    outcome
}

fn check_yara(files: &[(String, String)]) -> Outcome {
    let (rules, errors) = vonggac_yara::Rules::compile(files);
    Outcome {
        loaded: rules.names(),
        errors: errors.iter().map(ToString::to_string).collect(),
        ..Outcome::default()
    }
}
