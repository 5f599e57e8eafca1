//! Checks told in order, and waiting.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// The checks of one platform. Starting one costs ten seconds, so what does not disturb each other shares it; a check that fails does
/// not keep the later ones from being made.
#[derive(Debug, Default)]
pub struct Story {
    failed: Vec<String>,
}

impl Story {
    /// Makes a check and says how it went.
    pub fn check(&mut self, name: &str, check: impl FnOnce() -> anyhow::Result<()>) {
        let begun = Instant::now();
        let problem = match catch_unwind(AssertUnwindSafe(check)) {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("{error:#}")),
            Err(panic) => Some(
                match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
                    (Some(text), _) => text.clone(),
                    (_, Some(text)) => (*text).to_owned(),
                    _ => "a panic without words".to_owned(),
                },
            ),
        };
        let seconds = begun.elapsed().as_secs_f64();
        match problem {
            None => println!("  {name} ... ok ({seconds:.1} s)"),
            Some(problem) => {
                println!("  {name} ... FAILED ({seconds:.1} s): {problem}");
                self.failed.push(format!("{name}: {problem}"));
            }
        }
    }

    /// Ends it.
    ///
    /// # Panics
    /// With all that failed: the story is what a test consists of.
    #[allow(clippy::panic)]
    pub fn end(self) {
        if !self.failed.is_empty() {
            panic!(
                "{} checks failed:\n- {}",
                self.failed.len(),
                self.failed.join("\n- ")
            );
        }
    }
}

/// Looks again and again until `look` gives something.
///
/// # Errors
/// What `look` said last, when the limit is over.
pub fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let begun = Instant::now();
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(error) if begun.elapsed() > limit => {
                return Err(error.context(format!("waited {} s for {what}", limit.as_secs())));
            }
            Err(_) => thread::sleep(PAUSE),
        }
    }
}
