//! What handlers take from a request, each refused in the API's own words.
//!
//! Who asks is a person, by the cookie of a session, or a service, by a token of the API in `Authorization: Bearer`. What a handler takes
//! says who may come: [`Signed`] a person, [`InSession`] one with the session, [`Anyone`] a service too. A request with both is refused.
//!
//! What stands on a stage, real work or an exercise, is asked about by [`Staged`] or [`StagedPerson`].
//!
//! Who has a role that takes a passkey, and has not shown one in the session, gets through where a handler takes [`Arriving`] or [`Whoever`].
//! A session that is locked gets through where one takes [`AtLock`].

mod cookies;
mod lock;
mod paths;

use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request};
use axum::http::{Extensions, HeaderMap, StatusCode, header, request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use vonggac_access::exercise::Exercise;
use vonggac_access::{Action, Context, Denied, Grasp, Reach, Resource, Verb, action, thing};
use vonggac_database::api_token::Bearer;
use vonggac_database::audit::{Asker, Deed, Origin};
use vonggac_database::device;
use vonggac_database::exercise::Exercise as Kept;
use vonggac_database::factor::Owner;
use vonggac_database::session::{Assured, Use};
use vonggac_database::{Account, DatabaseError, ExerciseId, SessionId, SessionToken, TokenId, scope_of};
use vonggac_event::{Scope, Stage};
use vonggac_store::search;

pub(crate) use self::cookies::{
    SetCookie, cookie, half_cookie, no_cookie, no_half_cookie, no_provider_cookie, provider_cookie,
};
use self::cookies::{
    cookie_name, cookie_value, device_cookie_name, half_cookie_name, provider_cookie_name, set_cookie, token,
};
pub(crate) use self::lock::AtLock;
pub(crate) use self::paths::{AlertPath, CodePath, ExercisePath, NumberPath, PairPath, SensorPath};
use crate::authority;
use crate::error::Failure;
use crate::guard::RequestId;
use crate::listener::Counters;
use crate::network;
use crate::state::Console;
use crate::streams::Holder;

/// How long a body may take to arrive.
const BODY_LIMIT: Duration = Duration::from_secs(15);

/// Who asks, by what.
#[derive(Clone)]
pub(crate) enum Means {
    /// A person, by a session.
    Session {
        id: SessionId,
        token: SessionToken,
        assured: Assured,
    },
    /// A service, by a token of the API.
    Token(TokenId),
}

impl Means {
    /// By what it holds live streams.
    pub(crate) fn holder(&self) -> Holder {
        match self {
            Self::Session { id, .. } => Holder::Session(*id),
            Self::Token(token) => Holder::Token(*token),
        }
    }
}

/// Who asks: a person where a handler takes it as it is, a service too where it takes [`Anyone`].
pub(crate) struct Signed {
    pub(crate) account: Account,
    pub(crate) origin: Origin,
    pub(crate) means: Means,
    pub(crate) context: Context,
    /// Whether the context allows nothing, because a passkey is to be seen first.
    pub(crate) needs_passkey: bool,
    /// Real work, or the exercise that is asked about. It is another stage only where the handler takes [`Staged`] or [`StagedPerson`].
    pub(crate) stage: Stage,
    /// Whether that exercise has ended.
    is_over: bool,
    /// Whether the session is locked; only a handler that takes [`AtLock`] sees one that is.
    is_locked: bool,
    /// When the session's owner was last let in, or 0 for a service.
    pub(crate) entered_us: i64,
}

impl Signed {
    /// Whose things of the kind of `R` it may do `A` with; that it may with none is written down.
    pub(crate) async fn reach<R: Resource, A: Action>(&self, console: &Console) -> Result<Scope, Failure> {
        let reach = self.reach_with_shares::<R, A>(console).await?;
        Ok(scope_of(&reach).on(self.stage))
    }

    /// The same with what others share.
    pub(crate) async fn reach_with_shares<R: Resource, A: Action>(
        &self,
        console: &Console,
    ) -> Result<Reach, Failure> {
        let denied = match self.context.reach::<R, A>() {
            Ok(reach) => return Ok(reach),
            Err(denied) => denied,
        };
        Err(self.refused::<R, A>(console, denied, "").await?)
    }

    /// That it may do `A` with this thing, by the id `id` in the log; that it may not is written down.
    pub(crate) async fn permit<R: Resource, A: Action>(
        &self,
        console: &Console,
        thing: R,
        id: impl ToString + Send,
    ) -> Result<(), Failure> {
        let id = id.to_string();
        match self.context.permit::<R, A>(thing) {
            Ok(_) => Ok(()),
            Err(denied) => Err(self.refused::<R, A>(console, denied, &id).await?),
        }
    }

    /// The same who asks, with what it may after what it has just changed.
    pub(crate) async fn anew(self, console: &Console) -> Result<Self, Failure> {
        let signed = find(console, &self.means, &self.origin, Use::Passive).await?;
        signed.ok_or_else(Failure::unauthenticated)
    }

    /// Whether it may do `A` with this thing once it is sure enough who asks: for a page that offers it.
    pub(crate) fn would<R: Resource, A: Action>(&self, thing: R) -> bool {
        !matches!(self.context.permit::<R, A>(thing), Err(Denied::NotFound))
    }

    async fn refused<R: Resource, A: Action>(
        &self,
        console: &Console,
        denied: Denied,
        id: &str,
    ) -> Result<Failure, Failure> {
        let deed = Deed::done("access.refuse", R::KIND.name(), id).with("action", A::VERB.name());
        let deed = deed.refused(denied);
        let Means::Session { assured, .. } = self.means else {
            return self.refused_service::<R, A>(console, denied, deed).await;
        };
        self.note(console, deed).await?;
        let is_work = matches!(A::VERB, Verb::Work | Verb::Assign);
        Ok(match denied {
            Denied::NotFound if self.is_over && is_work => Failure::exercise_over(),
            Denied::NotFound => Failure::not_found(),
            Denied::StepUp(_) if assured.is_strong => Failure::confirm_first(),
            Denied::StepUp(_) => Failure::factor_first(),
        })
    }

    /// What a token was refused. That it is not in its scope says nothing of any thing, and so is told.
    async fn refused_service<R: Resource, A: Action>(
        &self,
        console: &Console,
        denied: Denied,
        deed: Deed,
    ) -> Result<Failure, Failure> {
        if let Means::Token(token) = self.means {
            let (store, now_us) = (console.database(), console.now_us());
            store.note_denied(&self.by(), token, deed, now_us).await?;
        }
        let word = format!("{}:{}", R::KIND.name(), A::VERB.name());
        Ok(match word.parse::<Grasp>() {
            Err(_) => Failure::person_only(),
            Ok(_) if matches!(denied, Denied::StepUp(_)) => Failure::person_only(),
            Ok(_) if self.context.is_out_of_scope(R::KIND, A::VERB) => {
                Failure::out_of_scope(R::KIND, A::VERB)
            }
            Ok(_) => Failure::not_found(),
        })
    }

    /// The same for a part of what is shown: nobody's, and nothing written down, when it may with none.
    pub(crate) fn part<R: Resource, A: Action>(&self) -> Scope {
        scope_of(&self.context.reach::<R, A>().unwrap_or_default()).on(self.stage)
    }

    /// An exercise that it may look at; one that it may not is not there, and takes as long.
    pub(crate) async fn exercise(&self, console: &Console, id: ExerciseId) -> Result<Kept, Failure> {
        let denied = match console.database().exercise(id).await {
            Ok(exercise) => match self.context.permit::<Exercise, action::Read>(exercise.thing()) {
                Ok(_) => return Ok(exercise),
                Err(denied) => denied,
            },
            Err(DatabaseError::NotFound) => Denied::NotFound,
            Err(error) => return Err(error.into()),
        };
        let id = id.to_string();
        Err(self
            .refused::<Exercise, action::Read>(console, denied, &id)
            .await?)
    }

    /// The same within an exercise that it may look at.
    async fn within(mut self, console: &Console, id: ExerciseId) -> Result<Self, Failure> {
        let exercise = self.exercise(console, id).await?.thing();
        let is_over = exercise.is_over;
        self.context = self.context.within(exercise).map_err(|_| Failure::not_found())?;
        (self.stage, self.is_over) = (id.stage(), is_over);
        Ok(self)
    }

    /// Whose turn its searches take.
    pub(crate) fn asker(&self) -> search::Asker {
        search::Asker(self.account.id.0)
    }

    /// Who the audit log says it was.
    pub(crate) fn by(&self) -> Asker<'_> {
        match self.means {
            Means::Session { .. } => Asker::person(&self.account, &self.origin),
            Means::Token(token) => Asker::service(&self.account, token, &self.origin),
        }
    }

    /// Writes down what it looked at or was refused.
    pub(crate) async fn note(&self, console: &Console, deed: Deed) -> Result<(), Failure> {
        Ok(console
            .database()
            .note(&self.by(), deed, console.now_us())
            .await?)
    }
}

impl FromRequestParts<Console> for Signed {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        Ok(InSession::from_request_parts(parts, console).await?.signed)
    }
}

/// A person, with the session.
pub(crate) struct InSession {
    signed: Signed,
    pub(crate) session: SessionId,
    pub(crate) token: SessionToken,
    pub(crate) assured: Assured,
}

impl Deref for InSession {
    type Target = Signed;

    fn deref(&self) -> &Signed {
        &self.signed
    }
}

impl InSession {
    /// Who asks for a change of how the account signs in.
    pub(crate) fn owner(&self) -> Owner<'_> {
        Owner {
            account: &self.signed.account,
            session: self.session,
            assured: self.assured,
            origin: &self.signed.origin,
        }
    }

    /// The same without the session.
    pub(crate) fn into_signed(self) -> Signed {
        self.signed
    }
}

impl FromRequestParts<Console> for InSession {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let Arriving(person) = Arriving::from_request_parts(parts, console).await?;
        not_arriving(&person)?;
        Ok(person)
    }
}

/// That no passkey is owed.
fn not_arriving(signed: &Signed) -> Result<(), Failure> {
    if signed.needs_passkey {
        return Err(Failure::passkey_first());
    }
    Ok(())
}

/// A person, with the session; also one who has yet to register or use a passkey.
pub(crate) struct Arriving(pub(crate) InSession);

impl FromRequestParts<Console> for Arriving {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let Whoever(signed) = Whoever::from_request_parts(parts, console).await?;
        match signed.means.clone() {
            Means::Session { id, token, assured } => Ok(Self(InSession {
                signed,
                session: id,
                token,
                assured,
            })),
            Means::Token(token) => Err(a_person(parts, console, &signed, token).await?),
        }
    }
}

/// What a token is told where it takes a person.
async fn a_person(
    parts: &request::Parts,
    console: &Console,
    signed: &Signed,
    token: TokenId,
) -> Result<Failure, Failure> {
    let deed = Deed::done("access.refuse", "request", "")
        .with("path", parts.uri.path())
        .refused("it takes a person");
    let (store, now_us) = (console.database(), console.now_us());
    store.note_denied(&signed.by(), token, deed, now_us).await?;
    Ok(Failure::person_only())
}

/// A person or a service.
pub(crate) struct Anyone(pub(crate) Signed);

impl FromRequestParts<Console> for Anyone {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let Whoever(signed) = Whoever::from_request_parts(parts, console).await?;
        not_arriving(&signed)?;
        Ok(Self(signed))
    }
}

/// The exercise that a request asks about.
#[derive(Deserialize)]
struct StageQuery {
    exercise: Option<String>,
}

/// What the address says of an exercise.
async fn exercise_of(parts: &mut request::Parts, console: &Console) -> Result<Option<String>, Failure> {
    let Parameters(StageQuery { exercise }) = Parameters::from_request_parts(parts, console).await?;
    Ok(exercise)
}

/// A person or a service, within the exercise that the address names with `exercise`, or in real work without it.
///
/// Everything else refuses that parameter: nobody who means a drill does something real.
pub(crate) struct Staged(pub(crate) Signed);

impl FromRequestParts<Console> for Staged {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let signed = whoever(parts, console).await?;
        not_arriving(&signed)?;
        let Some(exercise) = exercise_of(parts, console).await? else {
            return Ok(Self(signed));
        };
        let exercise: ExerciseId = exercise.parse().map_err(|_| Failure::not_found())?;
        signed.within(console, exercise).await.map(Self)
    }
}

/// The same of a person alone.
pub(crate) struct StagedPerson(pub(crate) Signed);

impl FromRequestParts<Console> for StagedPerson {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let Staged(signed) = Staged::from_request_parts(parts, console).await?;
        match signed.means {
            Means::Session { .. } => Ok(Self(signed)),
            Means::Token(token) => Err(a_person(parts, console, &signed, token).await?),
        }
    }
}

/// A person or a service; also a person who has yet to register or use a passkey.
pub(crate) struct Whoever(pub(crate) Signed);

impl FromRequestParts<Console> for Whoever {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let signed = whoever(parts, console).await?;
        off_stage(parts, console).await?;
        Ok(Self(signed))
    }
}

/// That it is asked about no exercise.
async fn off_stage(parts: &mut request::Parts, console: &Console) -> Result<(), Failure> {
    match exercise_of(parts, console).await? {
        None => Ok(()),
        Some(_) => Err(Failure::invalid("exercise", "this is no part of an exercise")),
    }
}

/// Who asks; by a session that is locked, nobody does.
async fn whoever(parts: &request::Parts, console: &Console) -> Result<Signed, Failure> {
    lock::open(asking(parts, console).await?)
}

/// Who asks, though it be by a session that is locked.
async fn asking(parts: &request::Parts, console: &Console) -> Result<Signed, Failure> {
    let origin = origin(parts, console);
    let session = token(&parts.headers, cookie_name(console));
    let Some(bearer) = bearer(&parts.headers) else {
        let token = session.ok_or_else(Failure::unauthenticated)?;
        let signed = by_session(console, &token, &origin, Use::Active).await?;
        return signed.ok_or_else(Failure::unauthenticated);
    };
    if has_own_cookie(&parts.headers, console) {
        return Err(Failure::two_credentials());
    }
    let used = console.database().use_token(bearer, &origin, console.now_us());
    Ok(by_token(console, used.await?, origin).await?)
}

/// What asks now by the same means as before; `None` when they are good no more, or the session is locked.
pub(crate) async fn find(
    console: &Console,
    means: &Means,
    origin: &Origin,
    how: Use,
) -> Result<Option<Signed>, DatabaseError> {
    match means {
        Means::Session { token, .. } => {
            let found = by_session(console, token, origin, how).await?;
            Ok(found.filter(|signed| !signed.is_locked))
        }
        Means::Token(token) => {
            let found = console.database().find_token(*token, origin, console.now_us());
            match found.await? {
                Some(bearer) => by_token(console, bearer, origin.clone()).await.map(Some),
                None => Ok(None),
            }
        }
    }
}

async fn by_session(
    console: &Console,
    token: &SessionToken,
    origin: &Origin,
    how: Use,
) -> Result<Option<Signed>, DatabaseError> {
    let found = console.database().find_session(token, how, console.now_us());
    let Some(living) = found.await? else {
        return Ok(None);
    };
    let asked = authority::permission(console, &living.account, living.assured, &origin.request).await?;
    Ok(Some(Signed {
        context: asked.context,
        needs_passkey: asked.needs_passkey,
        account: living.account,
        means: Means::Session {
            id: living.id,
            token: token.clone(),
            assured: living.assured,
        },
        origin: origin.clone(),
        stage: Stage::Live,
        is_over: false,
        is_locked: living.is_locked,
        entered_us: living.entered_us,
    }))
}

async fn by_token(console: &Console, bearer: Bearer, origin: Origin) -> Result<Signed, DatabaseError> {
    let context = authority::context_of_service(console, &bearer, &origin.request).await?;
    Ok(Signed {
        context,
        account: bearer.account,
        means: Means::Token(bearer.token),
        needs_passkey: false,
        stage: Stage::Live,
        is_over: false,
        is_locked: false,
        entered_us: 0,
        origin,
    })
}

/// The token of the API that a request has (RFC 6750, section 2.1); what is of another scheme is none.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?;
    // A header that is no text may be a token that was broken on its way.
    let (scheme, token) = value.to_str().unwrap_or("bearer ?").split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether a request has a cookie of one of the console's sessions.
fn has_own_cookie(headers: &HeaderMap, console: &Console) -> bool {
    let names = [cookie_name(console), half_cookie_name(console)];
    names.iter().any(|name| cookie_value(headers, name).is_some())
}

/// Somebody whose password was right and who owes a second factor.
pub(crate) struct Half(pub(crate) SessionToken);

impl FromRequestParts<Console> for Half {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let token = token(&parts.headers, half_cookie_name(console));
        token.map(Self).ok_or_else(Failure::unauthenticated)
    }
}

/// What ties a way to a provider to the browser, where there is one.
pub(crate) struct ProviderCookie(pub(crate) Option<SessionToken>);

impl FromRequestParts<Console> for ProviderCookie {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut request::Parts,
        console: &Console,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self(token(&parts.headers, provider_cookie_name(console))))
    }
}

/// Somebody who may read the audit log, and whose entries; to others it does not exist, and that they asked is written down.
pub(crate) struct Auditor {
    pub(crate) signed: Signed,
    pub(crate) scope: Scope,
}

impl FromRequestParts<Console> for Auditor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let signed = Signed::from_request_parts(parts, console).await?;
        let scope = signed.reach::<thing::AuditLog, action::Read>(console).await?;
        Ok(Self { signed, scope })
    }
}

/// Where the request comes from.
pub(crate) struct Client {
    pub(crate) origin: Origin,
    /// What its browser remembers of good sign-ins.
    marks: String,
}

impl Client {
    /// Where it comes from, for somebody who says to be `user_name`.
    pub(crate) fn origin_for(&self, console: &Console, user_name: &str) -> Origin {
        let device = console
            .vault()
            .and_then(|vault| device::find(vault, &self.marks, user_name, console.now_us()));
        Origin {
            device,
            ..self.origin.clone()
        }
    }

    /// A header that lets the browser remember that `user_name` signed in.
    pub(crate) fn remember(&self, console: &Console, user_name: &str) -> Result<Option<SetCookie>, Failure> {
        let Some(vault) = console.vault() else {
            return Ok(None);
        };
        let marks = device::remember(vault, &self.marks, user_name, console.now_us());
        let age_s = u32::try_from(device::MARK_S).unwrap_or(u32::MAX);
        set_cookie(console, device_cookie_name(console), &marks, age_s).map(Some)
    }
}

impl FromRequestParts<Console> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut request::Parts,
        console: &Console,
    ) -> Result<Self, Self::Rejection> {
        let marks = cookie_value(&parts.headers, device_cookie_name(console));
        Ok(Self {
            origin: origin(parts, console),
            marks: marks.unwrap_or_default().to_owned(),
        })
    }
}

/// Who is at the other end of the connection.
fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let info = extensions.get::<ConnectInfo<SocketAddr>>();
    info.map(|info| info.0.ip().to_canonical())
}

/// Whom a request comes from, whose peer is that.
fn client_of(peer: IpAddr, headers: &HeaderMap, console: &Console) -> IpAddr {
    // A header that is no text names nobody.
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .map(|value| value.to_str().unwrap_or("?"))
        .collect();
    network::client(peer, &forwarded, console.proxies())
}

/// Whom a trusted proxy brings a request of; none when there is no proxy.
pub(crate) fn proxied(headers: &HeaderMap, extensions: &Extensions, console: &Console) -> Option<IpAddr> {
    let peer = peer(extensions)?;
    network::among(console.proxies(), peer).then(|| client_of(peer, headers, console))
}

/// Where a request comes from, as far as the connection and the trusted proxies tell.
fn origin(parts: &request::Parts, console: &Console) -> Origin {
    let address = peer(&parts.extensions).map(|peer| client_of(peer, &parts.headers, console));
    let agent = parts
        .headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok());
    Origin {
        address: address.map_or_else(|| "unknown".to_owned(), |address| address.to_string()),
        user_agent: agent.unwrap_or_default().to_owned(),
        request: parts
            .extensions
            .get::<RequestId>()
            .map(|id| id.0.clone())
            .unwrap_or_default(),
        device: None,
    }
}

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Console> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Failure> {
        read_body(request, console, BODY_LIMIT).await.map(Self)
    }
}

/// The JSON body of a request, if it is there in time.
pub(crate) async fn read_body<T: DeserializeOwned>(
    request: Request,
    console: &Console,
    limit: Duration,
) -> Result<T, Failure> {
    let read = tokio::time::timeout(limit, axum::Json::from_request(request, console));
    let Ok(read) = read.await else {
        Counters::more(&console.door().bodies_slow);
        let message = "the body took too long";
        return Err(Failure::new(StatusCode::REQUEST_TIMEOUT, "timeout", message));
    };
    match read {
        Ok(axum::Json(body)) => Ok(body),
        Err(rejection) => {
            let code = match &rejection {
                JsonRejection::MissingJsonContentType(_) => "media_type",
                JsonRejection::JsonDataError(_) | JsonRejection::JsonSyntaxError(_) => "invalid",
                _ => "body",
            };
            let status = match rejection.status() {
                StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
                other => other,
            };
            Err(Failure::new(status, code, rejection.body_text()))
        }
    }
}

/// The address's parameters.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Console> for Parameters<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut request::Parts, console: &Console) -> Result<Self, Failure> {
        let outcome: Result<axum::extract::Query<T>, QueryRejection> =
            axum::extract::Query::from_request_parts(parts, console).await;
        let refused = |why: QueryRejection| Failure::new(StatusCode::BAD_REQUEST, "invalid", why.body_text());
        outcome.map(|query| Self(query.0)).map_err(refused)
    }
}
