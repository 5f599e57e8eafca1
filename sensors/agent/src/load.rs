//! Rules from paths: at the start, and again while the sensor runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use vonggac_files::{BesideRules, RuleFile};
use vonggac_protocols::REGISTRY;
use vonggac_signature::{Engine, MemoryDatasets, ReputationLists, Resources, ThresholdConfig, Variables};

use crate::Options;

/// Errors that are logged one by one; `vonggac rules check` shows all.
const ERRORS_LOGGED: usize = 20;

/// YARA's rules, compiled; none when the settings name none.
pub(crate) type Yara = Option<Arc<vonggac_yara::Rules>>;

/// Loads what the settings name.
pub(crate) struct Loader {
    options: Arc<Options>,
    /// Sets of values, which outlive the rules that change them.
    datasets: Option<Arc<MemoryDatasets>>,
}

/// All rules of the settings, compiled.
pub(crate) struct Loaded {
    pub(crate) signatures: Arc<Engine>,
    pub(crate) yara: Yara,
    /// Rules that were left out.
    pub(crate) rejected: usize,
    pub(crate) datasets: Arc<MemoryDatasets>,
}

impl Loader {
    pub(crate) fn new(options: &Arc<Options>) -> Self {
        Self {
            options: options.clone(),
            datasets: None,
        }
    }

    /// Reads and compiles all rules. Single rules that do not load are told and left out.
    ///
    /// # Errors
    /// When a path cannot be read or a setting is wrong.
    pub(crate) fn load(&mut self) -> anyhow::Result<Loaded> {
        let loaded = self.try_load()?;
        self.datasets = Some(loaded.datasets.clone());
        Ok(loaded)
    }

    /// The same in the place of rules in force. A set of which nothing is left, as amid an update of its directory, does not take their
    /// place.
    ///
    /// # Errors
    /// Also when no rule loads where some are in force; what is in force then stays.
    pub(crate) fn reload(&mut self, signatures_before: usize, yara_before: usize) -> anyhow::Result<Loaded> {
        let loaded = self.try_load()?;
        let kinds = [
            (
                "signature",
                &self.options.rules,
                loaded.signatures.len(),
                signatures_before,
            ),
            (
                "YARA rule",
                &self.options.yara,
                yara_len(&loaded.yara),
                yara_before,
            ),
        ];
        for (kind, paths, now, before) in kinds {
            if now == 0 && before > 0 {
                bail!("no {kind} loads from {}; {before} are in force", list(paths));
            }
        }
        self.datasets = Some(loaded.datasets.clone());
        Ok(loaded)
    }

    fn try_load(&self) -> anyhow::Result<Loaded> {
        let files = Arc::new(BesideRules {
            written_to: self.options.datasets_dir.clone(),
        });
        let datasets = match &self.datasets {
            Some(before) => Arc::new(before.reloaded()),
            None => Arc::new(MemoryDatasets::new(files.clone())),
        };
        let resources = Resources {
            files,
            datasets: datasets.clone(),
            reputation: Arc::new(reputation(&self.options)?),
        };
        let (signatures, rejected_signatures) = signatures(&self.options, resources)?;
        let (yara, rejected_yara) = yara(&self.options)?;
        Ok(Loaded {
            signatures: Arc::new(signatures),
            yara,
            rejected: rejected_signatures + rejected_yara,
            datasets,
        })
    }
}

/// How many YARA rules there are.
pub(crate) fn yara_len(yara: &Yara) -> usize {
    yara.as_ref().map_or(0, |rules| rules.len())
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(", ")
}

/// The signatures, and how many were left out.
fn signatures(options: &Options, resources: Resources) -> anyhow::Result<(Engine, usize)> {
    let variables = Variables::assigned(&options.variables);
    let variables = variables.map_err(|error| anyhow::anyhow!("--var {error}"))?;
    let mut rules = Vec::new();
    let mut errors = Vec::new();
    for RuleFile { name, text } in vonggac_files::read(&options.rules, vonggac_files::SIGNATURES)? {
        let (parsed, broken) = vonggac_signature::parse(&name, &text);
        rules.extend(parsed);
        errors.extend(broken);
    }
    let (mut engine, broken) = Engine::load(rules, &variables, REGISTRY, resources);
    errors.extend(broken);
    let rejected = errors.len();
    if let Some(path) = &options.thresholds {
        errors.extend(apply_thresholds(&mut engine, path, &variables)?);
    }
    log_errors("signature", &errors);
    // There are thousands in public sets: rules for protocols that are not read.
    tracing::info!(
        loaded = engine.len(),
        rejected,
        cannot_report = engine.warnings().len(),
        "signatures; `vonggac rules check` shows each"
    );
    Ok((engine, rejected))
}

/// What is thought of addresses. Lines that cannot be read are told and left out.
fn reputation(options: &Options) -> anyhow::Result<ReputationLists> {
    let mut lists = ReputationLists::default();
    let tell = |path: &Path, faults: Vec<(u32, String)>| {
        for (line, fault) in faults.iter().take(ERRORS_LOGGED) {
            tracing::warn!("reputation left out: {}:{line}: {fault}", path.display());
        }
    };
    if let Some(path) = &options.reputation_categories {
        tell(path, lists.read_categories(&vonggac_files::read_text(path)?));
    }
    for path in &options.reputation {
        tell(path, lists.read_addresses(&vonggac_files::read_text(path)?));
    }
    Ok(lists)
}

fn apply_thresholds(
    engine: &mut Engine,
    path: &Path,
    variables: &Variables,
) -> anyhow::Result<Vec<vonggac_signature::RuleError>> {
    let text = vonggac_files::read_text(path)?;
    let name = path.display().to_string();
    let (config, broken) = ThresholdConfig::parse(&name, &text, variables);
    for odd in engine.apply_thresholds(&name, &config).iter().take(ERRORS_LOGGED) {
        tracing::warn!("{odd}");
    }
    Ok(broken)
}

/// The YARA rules, and how many were left out. With a path in the settings there are some, if only later.
fn yara(options: &Options) -> anyhow::Result<(Yara, usize)> {
    if options.yara.is_empty() {
        return Ok((None, 0));
    }
    let files = vonggac_files::read(&options.yara, vonggac_files::YARA)?;
    let files: Vec<(String, String)> = files.into_iter().map(|file| (file.name, file.text)).collect();
    let (rules, errors) = vonggac_yara::Rules::compile(&files);
    log_errors("YARA rule", &errors);
    tracing::info!(loaded = rules.len(), rejected = errors.len(), "YARA rules");
    Ok((Some(Arc::new(rules)), errors.len()))
}

fn log_errors(what: &str, errors: &[impl std::fmt::Display]) {
    for error in errors.iter().take(ERRORS_LOGGED) {
        tracing::warn!("{what} left out: {error}");
    }
    if errors.len() > ERRORS_LOGGED {
        tracing::warn!(
            "{} more left out; `vonggac rules check` shows all",
            errors.len() - ERRORS_LOGGED
        );
    }
}
