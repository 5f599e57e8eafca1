//! The live stream: server-sent events `alert`, `status` and `resync`.
//!
//! A stream ends when its session does, which is looked at every [`HEARTBEAT`], and when the console stops; the browser then
//! connects again by itself, or finds that it must sign in.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::stream::unfold;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use vonggac_database::session::Use;
use vonggac_event::Scope;

use super::shapes::{Alert, AlertStatusChange};
use crate::error::{ApiError, Failure, Result};
use crate::extract::Signed;
use crate::live::Happening;
use crate::state::Console;

/// How often a quiet stream says that it lives.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

/// What happens to alerts, as it happens
#[utoipa::path(get, path = "/api/v1/alerts/stream", operation_id = "alertStream", tag = "alerts",
    responses(
        (status = 200, content_type = "text/event-stream", body = String,
            description = "Events `alert` (Alert), `status` (AlertStatusChange) and `resync` (load the queue anew)"),
        (status = 401, description = "Nobody is signed in", body = ApiError),
        (status = 503, description = "Too many streams", body = ApiError)))]
pub(super) async fn alert_stream(
    State(console): State<Console>,
    signed: Signed,
) -> Result<impl IntoResponse> {
    let permit = console.streams().clone().try_acquire_owned().map_err(|_| {
        Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_streams",
            "too many live streams are open",
        )
    })?;
    let state = Stream {
        happenings: console.live().listen(),
        stopped: console.stopped(),
        scope: signed.scope(),
        beat: tokio::time::interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT),
        greeted: false,
        console,
        signed,
        _permit: permit,
    };
    let events = unfold(state, |mut state| async move {
        let event = state.next().await?;
        Some((Ok::<_, Infallible>(event), state))
    });
    Ok(([("x-accel-buffering", "no")], Sse::new(events)))
}

struct Stream {
    happenings: broadcast::Receiver<Happening>,
    stopped: watch::Receiver<bool>,
    scope: Scope,
    beat: tokio::time::Interval,
    greeted: bool,
    console: Console,
    signed: Signed,
    _permit: OwnedSemaphorePermit,
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
                    Ok(happening) => {
                        if let Some(event) = told(&self.scope, &happening) {
                            return Some(event);
                        }
                    }
                    Err(RecvError::Lagged(missed)) => {
                        tracing::debug!(missed, "a browser could not keep up");
                        return Some(Event::default().event("resync").data("{}"));
                    }
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    /// Whether the session still lives and still sees what it saw.
    async fn is_alive(&self) -> bool {
        let now_us = self.console.now_us();
        let found = self
            .console
            .database()
            .find_session(&self.signed.token, Use::Passive, now_us)
            .await;
        matches!(found, Ok(Some((account, _))) if account.scope() == self.scope)
    }
}

/// Until the console stops.
async fn ended(stopped: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is an end too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// What a browser of that scope is told of a happening.
fn told(scope: &Scope, happening: &Happening) -> Option<Event> {
    let (Happening::Told(row) | Happening::Worked(row)) = happening;
    if !scope.covers(&row.tenant) {
        return None;
    }
    let row = row.as_ref().clone();
    let event = match happening {
        Happening::Told(_) => Event::default().event("alert").json_data(Alert::from(row)),
        Happening::Worked(_) => Event::default()
            .event("status")
            .json_data(AlertStatusChange::from(row)),
    };
    event.ok()
}
