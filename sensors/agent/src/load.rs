//! Rules from paths.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use vonggac_signature::{Engine, Variables};

use crate::Options;

/// Rule files with their text.
pub type RuleFiles = Vec<(String, String)>;

/// Largest rule file read, in bytes.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// How deep directories are searched.
const DEPTH_MAX: usize = 8;
/// Errors that are logged one by one; `vonggac rules check` shows all.
const ERRORS_LOGGED: usize = 20;

/// Reads `paths`: a file as it is, a directory's files of one of `extensions`, in order of name, also in directories below it.
///
/// # Errors
/// When a path cannot be read; the error names it.
pub fn collect_files(paths: &[PathBuf], extensions: &[&str]) -> anyhow::Result<RuleFiles> {
    let mut files = Vec::new();
    for path in paths {
        let facts = fs::metadata(path).with_context(|| path.display().to_string())?;
        if facts.is_dir() {
            search(path, extensions, DEPTH_MAX, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    files.iter().map(|path| read(path)).collect()
}

fn search(directory: &Path, extensions: &[&str], depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut entries = fs::read_dir(directory)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| directory.display().to_string())?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let is_wanted = path.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e));
        if path.is_dir() {
            if depth > 0 {
                search(&path, extensions, depth - 1, files)?;
            }
        } else if is_wanted {
            files.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<(String, String)> {
    let name = path.display().to_string();
    let bytes = fs::metadata(path).with_context(|| name.clone())?.len();
    anyhow::ensure!(bytes <= FILE_BYTES_MAX, "{name}: {bytes} bytes are over the limit of {FILE_BYTES_MAX}");
    let text = fs::read(path).with_context(|| name.clone())?;
    // Old rule sets carry Latin-1 in messages; the pattern language itself is ASCII.
    Ok((name, String::from_utf8_lossy(&text).into_owned()))
}

/// The signatures of the settings, compiled.
pub(crate) fn signatures(options: &Options) -> anyhow::Result<Arc<Engine>> {
    let mut variables = Variables::default();
    for text in &options.variables {
        set_variable(&mut variables, text)?;
    }
    let mut rules = Vec::new();
    let mut errors = Vec::new();
    for (file, text) in collect_files(&options.rules, &["rules"])? {
        let (parsed, broken) = vonggac_signature::parse(&file, &text);
        rules.extend(parsed);
        errors.extend(broken);
    }
    let (engine, broken) = Engine::compile(rules, &variables);
    errors.extend(broken);
    log_errors("signature", &errors);
    tracing::info!(loaded = engine.len(), rejected = errors.len(), "signatures");
    Ok(Arc::new(engine))
}

fn set_variable(variables: &mut Variables, text: &str) -> anyhow::Result<()> {
    let (name, value) = text.split_once('=').with_context(|| format!("--var {text}: is not NAME=VALUE"))?;
    let outcome = if name.ends_with("PORT") || name.ends_with("PORTS") {
        variables.set_port(name, value)
    } else {
        variables.set_address(name, value)
    };
    outcome.map_err(|error| anyhow::anyhow!("--var {text}: {error}"))
}

/// The YARA rules of the settings, compiled; none when there are none.
pub(crate) fn yara(options: &Options) -> anyhow::Result<Option<Arc<vonggac_yara::Rules>>> {
    let files = collect_files(&options.yara, &["yar", "yara"])?;
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
        tracing::warn!("{} more left out; `vonggac rules check` shows all", errors.len() - ERRORS_LOGGED);
    }
}
