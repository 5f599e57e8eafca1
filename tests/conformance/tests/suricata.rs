//! Suricata's own suite: the cases that passed go on to pass.
//!
//! The cases are those that `CASES.txt` of the suite's folder in the corpus names. `passing.txt` holds the names of those that pass;
//! `VONGGAC_WRITE=1` writes it anew. Names that pass and are not in it are told at the end, and so is what a failing case asked for.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use vonggac_conformance::case::{Outcome, run};
use vonggac_conformance::corpus;

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// What became of a case; one that cannot be read or panics has failed.
fn outcome(folder: &Path) -> Outcome {
    match catch_unwind(AssertUnwindSafe(|| run(folder))) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Outcome::Fail(vec![format!("{error:#}")]),
        Err(_) => Outcome::Fail(vec!["it panics".to_owned()]),
    }
}

/// Runs all cases, on as many threads as there are cores.
fn run_all(suite: &Path, cases: &[String]) -> BTreeMap<String, Outcome> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((case.clone(), outcome(&suite.join(case))));
        }
        done
    };
    let workers = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        let begun: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        begun
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    })
}

#[test]
fn what_passed_passes() {
    let Some(suite) = corpus::folder("suricata-verify") else {
        return;
    };
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("passing.txt");
    let outcomes = run_all(&suite, &lines(&suite.join("CASES.txt")));
    let passing: BTreeSet<&str> = outcomes
        .iter()
        .filter(|(_, outcome)| **outcome == Outcome::Pass)
        .map(|(case, _)| case.as_str())
        .collect();
    println!("{} of {} cases pass", passing.len(), outcomes.len());
    if env::var_os("VONGGAC_WRITE").is_some() {
        let names: Vec<&str> = passing.into_iter().collect();
        let head = "# Cases of OISF/suricata-verify that pass; written by `VONGGAC_WRITE=1 cargo test -p vonggac-conformance`.";
        fs::write(&list, format!("{head}\n{}\n", names.join("\n"))).unwrap();
        return;
    }
    let listed = lines(&list);
    let lost: Vec<String> = listed
        .iter()
        .filter(|case| !passing.contains(case.as_str()))
        .map(|case| format!("{case}: {:?}", outcomes.get(case)))
        .collect();
    let listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
    for case in passing.difference(&listed) {
        println!("passes now, and is not in passing.txt: {case}");
    }
    assert!(
        lost.is_empty(),
        "{} cases do not pass any more:\n{}",
        lost.len(),
        lost.join("\n")
    );
    assert!(!listed.is_empty(), "passing.txt names none");
}
