//! Suricata's own suite: the cases that passed go on to pass, and each other has a reason.
//!
//! The cases are those that `CASES.txt` of the suite's folder in the corpus names. `passing.txt` holds the names of those that pass,
//! `failing.txt` why the others do not. `VONGGAC_WRITE=1` writes both anew; what it finds `unexplained` then is to be mended or explained.
//! `VONGGAC_CASES=bug-1,dns/` says what the checks lack of cases whose names begin so.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use vonggac_conformance::case::{Outcome, run};
use vonggac_conformance::corpus;
use vonggac_conformance::reasons::{self, Kind, Reason};

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

/// Writes both lists anew: reasons are kept, and what has none is told as unexplained.
fn write(folder: &Path, passing: &BTreeSet<&str>, failing: &BTreeMap<&str, Reason>) {
    let names: Vec<&str> = passing.iter().copied().collect();
    let head = "# Cases of OISF/suricata-verify that pass; written by `VONGGAC_WRITE=1 cargo test -p vonggac-conformance`.";
    fs::write(
        folder.join("passing.txt"),
        format!("{head}\n{}\n", names.join("\n")),
    )
    .unwrap();
    let reasons: Vec<String> = failing
        .iter()
        .map(|(case, reason)| format!("{case}: {reason}"))
        .collect();
    let head = "# Why cases of OISF/suricata-verify do not pass, `case: kind: words`; see `reasons.rs` for the kinds.";
    fs::write(
        folder.join("failing.txt"),
        format!("{head}\n{}\n", reasons.join("\n")),
    )
    .unwrap();
}

/// The reason that is known of a case, or that none is.
fn reason(known: &BTreeMap<String, Reason>, case: &str, outcome: &Outcome) -> Reason {
    let of_kind = |kind, words: &str| Reason {
        kind,
        words: words.to_owned(),
    };
    let known = known.get(case).cloned();
    match outcome {
        Outcome::Skip => known
            .filter(|reason| reason.kind == Kind::Unasked)
            .unwrap_or_else(|| of_kind(Kind::Unasked, "no check can be asked here")),
        Outcome::Fail(failures) => known
            .filter(|reason| reason.kind != Kind::Unasked)
            .unwrap_or_else(|| of_kind(Kind::Unexplained, &failures.join(" | ").replace('\n', " "))),
        Outcome::Pass => of_kind(Kind::Unexplained, "it passes"),
    }
}

#[test]
fn each_case_passes_or_has_a_reason() {
    let Some(suite) = corpus::folder("suricata-verify") else {
        return;
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let known = reasons::parse(&fs::read_to_string(folder.join("failing.txt")).unwrap()).unwrap();
    let outcomes = run_all(&suite, &lines(&suite.join("CASES.txt")));
    let passing: BTreeSet<&str> = outcomes
        .iter()
        .filter(|(_, outcome)| **outcome == Outcome::Pass)
        .map(|(case, _)| case.as_str())
        .collect();
    let failing: BTreeMap<&str, Reason> = outcomes
        .iter()
        .filter(|(_, outcome)| **outcome != Outcome::Pass)
        .map(|(case, outcome)| (case.as_str(), reason(&known, case, outcome)))
        .collect();
    println!("{} of {} cases pass", passing.len(), outcomes.len());
    if let Some(asked) = env::var_os("VONGGAC_CASES") {
        let asked = asked.to_string_lossy().into_owned();
        let is_asked = |case: &&String| asked.split(',').any(|part| case.starts_with(part));
        for case in outcomes.keys().filter(is_asked) {
            println!("{case}: {:?}", outcomes.get(case));
        }
    }
    if env::var_os("VONGGAC_WRITE").is_some() {
        return write(folder, &passing, &failing);
    }
    let listed = lines(&folder.join("passing.txt"));
    let lost = listed.iter().filter(|case| !passing.contains(case.as_str()));
    let mut wrong: Vec<String> = lost
        .map(|case| format!("{case} does not pass any more: {:?}", outcomes.get(case)))
        .collect();
    let listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
    let new = passing.difference(&listed);
    wrong.extend(new.map(|case| format!("{case} passes now, and is not in passing.txt")));
    let passed = known.keys().filter(|case| !failing.contains_key(case.as_str()));
    wrong.extend(passed.map(|case| format!("{case} has a reason in failing.txt, and passes or is no case")));
    let unexplained = failing
        .iter()
        .filter(|(case, reason)| reason.kind == Kind::Unexplained || known.get(**case) != Some(reason));
    wrong.extend(unexplained.map(|(case, reason)| format!("{case} has no reason: {reason}")));
    assert!(
        wrong.is_empty(),
        "{} are wrong; VONGGAC_WRITE=1 writes the lists:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(!listed.is_empty(), "passing.txt names none");
}
