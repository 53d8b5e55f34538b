//! Who may call a handler: it takes one of these as an argument.

use std::convert::Infallible;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use jiff::Timestamp;

use super::absence;
use super::forwarded;
use super::origin::refuse_other_sites;
use super::problem::{Code, Problem};
use super::request::header_text;
use super::state::App;
use crate::auth::{Action, Caller, Role, Session, Token};
use crate::config::AuthMode;
use crate::services::appointments::By;

/// The cookie that holds a signed-in browser's session.
pub(crate) const COOKIE: &str = "causeway_session";

/// Most characters that the log shows of whom a proxy names.
const MAX_FORWARDED_CHARS: usize = 100;

/// A caller who may read.
#[derive(Debug, Clone)]
pub(crate) struct Reader;

/// A caller who may change data.
#[derive(Debug, Clone)]
pub(crate) struct Editor {
    #[cfg_attr(
        not(feature = "import"),
        expect(dead_code, reason = "only imports record who asked for them")
    )]
    pub(crate) caller: Caller,
    /// As the journal has it.
    actor: String,
    /// When the request came.
    now: Timestamp,
}

impl Editor {
    /// `None`: the caller may change nothing.
    pub(crate) fn of(caller: &Caller, app: &App) -> Option<Self> {
        caller.role.allows(Action::Change).then(|| Self {
            actor: caller.actor(),
            caller: caller.clone(),
            now: (app.clock)(),
        })
    }

    /// In whose name the request changes rows, and when.
    pub(crate) fn by(&self) -> By<'_> {
        By {
            actor: &self.actor,
            now: self.now,
        }
    }
}

/// A caller who may tell of new commits.
#[derive(Debug, Clone)]
pub(crate) struct Notifier(pub Caller);

/// A caller who may read metrics: a program on this machine, or one that may read all else.
#[derive(Debug, Clone)]
pub(super) struct MetricsReader;

impl FromRequestParts<Arc<App>> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        authorize(parts, app, Action::Read).await.map(|_| Self)
    }
}

impl FromRequestParts<Arc<App>> for Editor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let caller = authorize(parts, app, Action::Change).await?;
        if absence::why().is_some() && !absence::takes_changes(parts.uri.path()) {
            let detail = "the database sleeps or does not answer, and takes no changes until it is awake; an admin \
                wakes it by POST /api/v1/database/wake or `causeway-hub wake`";
            return Err(Problem::new(Code::DatabaseAsleep, detail));
        }
        Self::of(&caller, app).ok_or_else(|| forbidden(&caller))
    }
}

impl FromRequestParts<Arc<App>> for Notifier {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        authorize(parts, app, Action::Notify).await.map(Self)
    }
}

impl FromRequestParts<Arc<App>> for MetricsReader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        if !is_from_this_machine(parts) {
            authorize(parts, app, Action::Read).await?;
        }
        Ok(Self)
    }
}

/// Whether the other end of the connection is a program on this machine that asks for itself.
fn is_from_this_machine(parts: &Parts) -> bool {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback())
        && is_for_this_machine(&parts.headers)
        && !forwarded::is_forwarded(&parts.headers)
}

/// The other end of the connection, and whom a proxy there names, for the log.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    address: Option<SocketAddr>,
    forwarded_for: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let of = forwarded::client(&parts.headers);
        Ok(Self {
            address: address.map(|ConnectInfo(address)| *address),
            // Anybody may write anything there.
            forwarded_for: of.map(|of| of.chars().take(MAX_FORWARDED_CHARS).collect()),
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "{}", address.ip())?,
            None => f.write_str("unknown")?,
        }
        match &self.forwarded_for {
            Some(client) => write!(f, " for {client:?}"),
            None => Ok(()),
        }
    }
}

/// The caller, if they may do this.
async fn authorize(parts: &Parts, app: &App, action: Action) -> Result<Caller, Problem> {
    let caller = recognise(&parts.method, &parts.headers, app)
        .await?
        .ok_or_else(|| {
            Problem::new(
                Code::Unauthorized,
                "send a valid token as `Authorization: Bearer TOKEN`; \
             `causeway-hub token create` makes one",
            )
        })?;
    if caller.role.allows(action) {
        return Ok(caller);
    }
    Err(forbidden(&caller))
}

fn forbidden(caller: &Caller) -> Problem {
    let role = caller.role.as_str();
    let detail = format!("a token of role {role} does not allow this");
    Problem::new(Code::Forbidden, detail)
}

/// Who is calling; `None`: nobody that this hub knows.
///
/// # Errors
/// [`Problem`] where that cannot be found out, or where a request comes from another site's page.
pub(crate) async fn recognise(
    method: &Method,
    headers: &HeaderMap,
    app: &App,
) -> Result<Option<Caller>, Problem> {
    // The cookie is SameSite=Strict, but not every browser knows what that is, and without tokens
    // there is no cookie.
    if bearer(headers).is_none() {
        refuse_other_sites(method, headers)?;
    }
    if app.hub.config().auth.mode == AuthMode::None {
        return if is_for_this_machine(headers) {
            Ok(Some(Caller {
                token: String::new(),
                name: "anybody".to_owned(),
                role: Role::Admin,
                site: None,
            }))
        } else {
            let detail = "without tokens only http://localhost and http://127.0.0.1 are answered";
            Err(Problem::new(Code::Forbidden, detail))
        };
    }
    let now = (app.clock)();
    if let Some(token) = bearer(headers) {
        let Some(token) = Token::parse(token) else {
            return Ok(None);
        };
        return Ok(app.authenticator.by_token(&token, now).await?);
    }
    let Some(session) = session(headers) else {
        return Ok(None);
    };
    Ok(app.authenticator.by_session(&session, now).await?)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = header_text(headers, header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The session that a browser shows.
pub(crate) fn session(headers: &HeaderMap) -> Option<Session> {
    cookie(headers, COOKIE).and_then(Session::parse)
}

/// A cookie's value.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// Whether the request's own host is this machine: a page elsewhere whose name was made to point
/// here names itself.
fn is_for_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = header_text(headers, header::HOST) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    // An address, not what begins like one: anybody may own the name 127.0.0.1.evil.example.
    matches!(name, "localhost" | "[::1]")
        || name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn cookies_are_found_among_others() {
        let sent = headers(header::COOKIE, "lang=vi; causeway_session=abc;x=");
        assert_eq!(cookie(&sent, COOKIE), Some("abc"));
        assert_eq!(cookie(&sent, "causeway"), None);
    }

    #[test]
    fn this_machine_has_few_names() {
        let of = |host| is_for_this_machine(&headers(header::HOST, host));
        assert!(of("localhost:8080") && of("127.0.0.1") && of("[::1]:80"));
        assert!(!of("evil.example:8080") && !of("localhost.evil.example") && !of(""));
        assert!(!of("127.0.0.1.evil.example:8080") && !of("127.evil.example"));
    }
}
