//! The live stream: server-sent events `alert`, `status`, `notice` and `resync`.
//!
//! A stream ends when its session or token does or its rights change, which PostgreSQL tells and which is looked at every [`HEARTBEAT`] besides, and
//! when the console stops; the browser then
//! connects again by itself, or finds that it must sign in. While the case store is away, nobody can say whether a session still
//! lives: the stream then goes on for [`UNSURE_MAX`].

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::stream::unfold;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;
use vonggac_access::{action, thing};
use vonggac_database::session::Use;
use vonggac_database::{DatabaseError, scope_of};
use vonggac_event::Scope;

use super::shapes::{Alert, AlertStatusChange};
use crate::error::{ApiError, Failure, Result};
use crate::extract::{self, Signed, Staged};
use crate::live::Happening;
use crate::state::Console;
use crate::streams::{Full, OpenStream};

/// How often a quiet stream says that it lives.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a stream goes on without an answer on whether its session lives.
const UNSURE_MAX: Duration = Duration::from_secs(300);

/// What happens to alerts, as it happens
#[utoipa::path(get, path = "/api/v1/alerts/stream", operation_id = "alertStream", tag = "alerts",
    security(("session" = []), ("token" = [])),
    responses(
        (status = 200, content_type = "text/event-stream", body = String,
            description = "Events `alert` (Alert), `status` (AlertStatusChange), `notice` (load one's notices anew) and `resync` (load all anew)"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 429, description = "Too many streams of this account", body = ApiError),
        (status = 503, description = "Too many streams", body = ApiError)))]
pub(super) async fn alert_stream(
    State(console): State<Console>,
    Staged(signed): Staged,
) -> Result<impl IntoResponse> {
    let place = console
        .streams()
        .open(signed.account.id, signed.means.holder())
        .map_err(refused)?;
    let now = Instant::now();
    let state = Stream {
        happenings: console.live().listen(),
        stopped: console.stopped(),
        scope: signed.reach::<thing::Alert, action::Read>(&console).await?,
        beat: tokio::time::interval_at(now + HEARTBEAT, HEARTBEAT),
        sure_at: now,
        greeted: false,
        console,
        signed,
        _place: place,
    };
    let events = unfold(state, |mut state| async move {
        let event = state.next().await?;
        Some((Ok::<_, Infallible>(event), state))
    });
    Ok(([("x-accel-buffering", "no")], Sse::new(events)))
}

fn refused(full: Full) -> Failure {
    let (status, message) = match full {
        Full::Holder | Full::Account => (
            StatusCode::TOO_MANY_REQUESTS,
            "too many live streams of this account are open; close some of its tabs",
        ),
        Full::Console => (StatusCode::SERVICE_UNAVAILABLE, "too many live streams are open"),
    };
    Failure::new(status, "too_many_streams", message)
}

struct Stream {
    happenings: broadcast::Receiver<Happening>,
    stopped: watch::Receiver<bool>,
    scope: Scope,
    beat: tokio::time::Interval,
    /// When the session was last known to live.
    sure_at: Instant,
    greeted: bool,
    console: Console,
    signed: Signed,
    _place: OpenStream,
}

impl Stream {
    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        if !self.greeted {
            // The browser knows by this that the stream is open, before anything happens.
            self.greeted = true;
            return Some(Event::default().comment("open").retry(Duration::from_secs(2)));
        }
        loop {
            tokio::select! {
                () = ended(&mut self.stopped) => return None,
                _ = self.beat.tick() => {
                    return self.is_alive().await.then(|| Event::default().comment("alive"));
                }
                happening = self.happenings.recv() => match happening {
                    Ok(Happening::Rights(whose)) => {
                        let own = self.signed.account.id;
                        if whose.is_none_or(|whose| whose == own) && !self.is_alive().await {
                            return None;
                        }
                    }
                    // Real work goes on while somebody is in an exercise.
                    Ok(Happening::Notice(whose)) => {
                        if whose == self.signed.account.id {
                            return Some(Event::default().event("notice").data("{}"));
                        }
                    }
                    Ok(happening) => {
                        if let Some(event) = told(&self.scope, &happening) {
                            return Some(event);
                        }
                    }
                    Err(RecvError::Lagged(missed)) => {
                        tracing::debug!(missed, "a browser could not keep up");
                        return Some(resync());
                    }
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    /// What the session or token sees now; `None` when it is over.
    async fn scope_now(&self) -> std::result::Result<Option<Scope>, DatabaseError> {
        let Signed { means, origin, .. } = &self.signed;
        let found = extract::find(&self.console, means, origin, Use::Passive).await?;
        let Some(mut signed) = found else { return Ok(None) };
        if let Some(exercise) = self.console.database().exercise_on(self.signed.stage).await? {
            let Ok(within) = signed.context.within(exercise) else {
                return Ok(None);
            };
            signed.context = within;
        }
        let reach = signed
            .context
            .reach::<thing::Alert, action::Read>()
            .unwrap_or_default();
        Ok(Some(scope_of(&reach).on(self.signed.stage)))
    }

    /// Whether the session still lives and still sees what it saw.
    async fn is_alive(&mut self) -> bool {
        let found = self.scope_now().await;
        if let Err(error) = &found {
            tracing::debug!(%error, "a stream's session could not be looked at");
        }
        match Life::of(found.as_ref().map(Option::as_ref), &self.scope) {
            Life::Goes => self.sure_at = Instant::now(),
            Life::Unsure if self.sure_at.elapsed() < UNSURE_MAX => {}
            Life::Unsure | Life::Over => return false,
        }
        true
    }
}

/// What is known of a stream's session.
#[derive(Debug, PartialEq, Eq)]
enum Life {
    /// It goes on.
    Goes,
    /// Nobody can say.
    Unsure,
    /// It is over, or sees something else than it saw.
    Over,
}

impl Life {
    /// From what the session, when it is there, now sees.
    fn of<E>(found: std::result::Result<Option<&Scope>, E>, scope: &Scope) -> Self {
        match found {
            Ok(Some(now)) if now == scope => Self::Goes,
            Ok(_) => Self::Over,
            Err(_) => Self::Unsure,
        }
    }
}

/// Until the console stops.
async fn ended(stopped: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is an end too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// What a browser of that scope is told of a happening.
fn told(scope: &Scope, happening: &Happening) -> Option<Event> {
    let (row, is_work) = match happening {
        Happening::Rights(_) | Happening::Notice(_) => return None,
        Happening::Gap => return Some(resync()),
        Happening::Told(row) => (row, false),
        Happening::Worked(row) => (row, true),
    };
    if !scope.shows(&row.tenant, row.stage()) {
        return None;
    }
    let row = row.as_ref().clone();
    let event = if is_work {
        Event::default()
            .event("status")
            .json_data(AlertStatusChange::from(row))
    } else {
        Event::default().event("alert").json_data(Alert::from(row))
    };
    event.ok()
}

/// Tells a browser to load anew.
fn resync() -> Event {
    Event::default().event("resync").data("{}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_store_that_is_away_signs_nobody_out() {
        let (scope, more) = (Scope::of(["moh"]), Scope::of(["moh", "mot"]));
        let check = |found, expect| assert_eq!(Life::of(found, &scope), expect, "{found:?}");
        check(Ok(Some(&scope)), Life::Goes);
        check(Ok(Some(&more)), Life::Over);
        check(Ok(None), Life::Over);
        check(Err("away"), Life::Unsure);
    }
}
