//! Rules from paths.

use std::sync::Arc;

use vonggac_files::{BesideRules, RuleFile};
use vonggac_protocols::REGISTRY;
use vonggac_signature::{Engine, Resources, ThresholdConfig, Variables};

use crate::Options;

/// Errors that are logged one by one; `vonggac rules check` shows all.
const ERRORS_LOGGED: usize = 20;

/// The signatures of the settings, compiled.
pub(crate) fn signatures(options: &Options) -> anyhow::Result<Arc<Engine>> {
    let variables = Variables::assigned(&options.variables);
    let variables = variables.map_err(|error| anyhow::anyhow!("--var {error}"))?;
    let mut rules = Vec::new();
    let mut errors = Vec::new();
    for RuleFile { name, text } in vonggac_files::read(&options.rules, vonggac_files::SIGNATURES)? {
        let (parsed, broken) = vonggac_signature::parse(&name, &text);
        rules.extend(parsed);
        errors.extend(broken);
    }
    let resources = Resources::new(Arc::new(BesideRules));
    let (mut engine, broken) = Engine::load(rules, &variables, REGISTRY, resources);
    errors.extend(broken);
    if let Some(path) = &options.thresholds {
        let text = vonggac_files::read_text(path)?;
        let name = path.display().to_string();
        let (config, broken) = ThresholdConfig::parse(&name, &text, &variables);
        errors.extend(broken);
        for odd in engine.apply_thresholds(&name, &config).iter().take(ERRORS_LOGGED) {
            tracing::warn!("{odd}");
        }
    }
    log_errors("signature", &errors);
    // There are thousands in public sets: rules for protocols that are not read.
    tracing::info!(
        loaded = engine.len(),
        rejected = errors.len(),
        cannot_report = engine.warnings().len(),
        "signatures; `vonggac rules check` shows each"
    );
    Ok(Arc::new(engine))
}

/// The YARA rules of the settings, compiled; none when there are none.
pub(crate) fn yara(options: &Options) -> anyhow::Result<Option<Arc<vonggac_yara::Rules>>> {
    let files = vonggac_files::read(&options.yara, vonggac_files::YARA)?;
    let files: Vec<(String, String)> = files.into_iter().map(|file| (file.name, file.text)).collect();
    if files.is_empty() {
        return Ok(None);
    }
    let (rules, errors) = vonggac_yara::Rules::compile(&files);
    log_errors("YARA rule", &errors);
    tracing::info!(loaded = rules.len(), rejected = errors.len(), "YARA rules");
    Ok(Some(Arc::new(rules)))
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
