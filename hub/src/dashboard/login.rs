//! Signing in and out: a token becomes the browser's session.
//!
//! A login link carries the token behind `#`, where no server sees it; a script takes it from
//! there into the form.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::assets::address;
use super::language::{Language, ReaderLanguage};
use super::texts::Texts;
use super::{Visitor, html, prose};
use crate::auth::{Action, FailedSignIn, SESSION_LASTS, Session, Token};
use crate::http::App;
use crate::http::callers::{COOKIE, Peer, session};
use crate::http::forwarded::is_https;
use crate::http::origin::refuse_other_sites;
use crate::http::problem::Problem;

#[derive(Debug, Template)]
#[template(path = "login.html")]
struct Page {
    language: Language,
    t: &'static Texts,
    /// Why the last attempt failed.
    problem: Option<&'static str>,
}

/// The form's only field.
#[derive(Deserialize)]
pub(super) struct Attempt {
    token: String,
}

/// Answers with the form; whoever is signed in goes to the first page.
pub(super) async fn page(
    visitor: Result<Visitor, Response>,
    reading: ReaderLanguage,
) -> Result<Response, Problem> {
    if visitor.is_ok() {
        // Without the empty fragment the browser would keep a login link's, and its token would
        // stay in the address.
        return Ok(Redirect::to("/#").into_response());
    }
    let page = form(reading.language, None)?;
    Ok((reading.headers(), page).into_response())
}

/// Takes a token and answers with the browser's session, or with the form again.
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    reading: ReaderLanguage,
    peer: Peer,
    headers: HeaderMap,
    attempt: Result<Form<Attempt>, FormRejection>,
) -> Result<Response, Problem> {
    refuse_other_sites(&Method::POST, &headers)?;
    let Form(attempt) =
        attempt.map_err(|rejection| Problem::of_body(rejection.status(), rejection.body_text()))?;
    let (now, t) = ((app.clock)(), reading.language.texts());
    let caller = match Token::parse(attempt.token.trim()) {
        Some(token) => app.authenticator.by_token(&token, now).await?,
        None => None,
    };
    let (mut status, mut problem) = match caller {
        Some(caller) if caller.role.allows(Action::Read) => {
            let last = session(&headers);
            let begun = app.authenticator.begin_session(&caller, last.as_ref(), now);
            let cookie = session_cookie(Some(&begun.await?), &headers);
            tracing::info!(token = caller.name, %peer, "signed in");
            return Ok(([cookie], Redirect::to("/")).into_response());
        }
        Some(_) => (StatusCode::FORBIDDEN, t.token_cannot_read),
        None => (StatusCode::UNAUTHORIZED, t.wrong_token),
    };
    match app.failed_sign_ins.count(now) {
        FailedSignIn::Log { unlogged } => {
            tracing::warn!(%peer, status = status.as_u16(), unlogged, "a sign-in failed");
        }
        FailedSignIn::TooMany => {
            (status, problem) = (StatusCode::TOO_MANY_REQUESTS, t.too_many_attempts);
        }
    }
    Ok((status, form(reading.language, Some(problem))?).into_response())
}

/// Ends the session.
pub(super) async fn sign_out(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    refuse_other_sites(&Method::POST, &headers)?;
    if let Some(session) = session(&headers) {
        let ended = app.authenticator.end_session(&session, (app.clock)());
        ended.await?;
    }
    Ok(([session_cookie(None, &headers)], Redirect::to("/login")).into_response())
}

fn form(language: Language, problem: Option<&'static str>) -> Result<impl IntoResponse, Problem> {
    html(&Page {
        language,
        t: language.texts(),
        problem,
    })
}

/// The header that keeps a session in the browser, or ends it there.
fn session_cookie(session: Option<&Session>, headers: &HeaderMap) -> (HeaderName, String) {
    let (value, seconds) = match session {
        Some(session) => (session.reveal(), SESSION_LASTS.as_secs()),
        None => ("", 0),
    };
    // Behind a proxy that ends TLS the cookie must not travel without it.
    let secure = if is_https(headers) { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    (header::SET_COOKIE, cookie)
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs), and
// these tests are about what is done with its answers.
#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;

    use super::*;
    use crate::serve::testbed::{Answer, Testbed};

    fn post(path: &str) -> axum::http::request::Builder {
        let form = "application/x-www-form-urlencoded";
        Request::post(path).header(header::CONTENT_TYPE, form)
    }

    async fn sign_in_with(bed: &Testbed, token: &str) -> Answer {
        let form = post("/login").body(Body::from(format!("token={token}")));
        bed.send(form.unwrap()).await
    }

    /// The cookie that an answer sets, without its attributes.
    fn cookie(answer: &Answer) -> &str {
        let cookie = answer.header(header::SET_COOKIE);
        cookie.split(';').next().unwrap()
    }

    #[tokio::test]
    async fn a_token_becomes_a_session_that_signing_out_ends() {
        let bed = Testbed::new().await;
        assert_eq!(bed.visit("/", "").await.header(header::LOCATION), "/login");

        let answer = sign_in_with(&bed, bed.viewer.reveal()).await;
        assert_eq!(answer.header(header::LOCATION), "/");
        let signed_in = cookie(&answer);
        assert!(!signed_in.contains(bed.viewer.reveal()), "{signed_in}");
        assert_eq!(bed.visit("/", signed_in).await.status, StatusCode::OK);
        let again = bed.visit("/login", signed_in).await;
        assert_eq!(again.header(header::LOCATION), "/#");

        let sign_out = post("/logout").header(header::COOKIE, signed_in);
        let answer = bed.send(sign_out.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header(header::LOCATION), "/login");
        assert_eq!(cookie(&answer), "causeway_session=");
        let after = bed.visit("/", signed_in).await;
        assert_eq!(after.header(header::LOCATION), "/login", "the old cookie");
    }

    #[tokio::test]
    async fn wrong_tokens_and_agents_stay_outside() {
        let bed = Testbed::new().await;
        let status = async |token: &str| sign_in_with(&bed, token).await.status;
        assert_eq!(status("").await, StatusCode::UNAUTHORIZED);
        assert_eq!(
            status(&format!("cw_{}", "a".repeat(43))).await,
            StatusCode::UNAUTHORIZED
        );
        assert_eq!(status(bed.agent.reveal()).await, StatusCode::FORBIDDEN);
        for _ in 0..28 {
            status("").await;
        }
        assert_eq!(status("").await, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(status(bed.viewer.reveal()).await, StatusCode::SEE_OTHER);
    }

    #[tokio::test]
    async fn a_session_is_no_bearer_token() {
        let bed = Testbed::new().await;
        let cookie = bed.cookie().await;
        let (_, session) = cookie.split_once('=').unwrap();
        let bearer = format!("Bearer {session}");
        let request = Request::get("/api/v1/overview").header(header::AUTHORIZATION, bearer);
        let answer = bed.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn other_sites_cannot_sign_anybody_in_or_out() {
        let bed = Testbed::new().await;
        let cookie = bed.cookie().await;
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("origin", "http://evil.example"),
            ("origin", "null"),
        ] {
            for path in ["/login", "/logout"] {
                let request = post(path)
                    .header(header::HOST, "hub.example")
                    .header(header::COOKIE, &cookie)
                    .header(name, value);
                let body = Body::from(format!("token={}", bed.viewer.reveal()));
                let answer = bed.send(request.body(body).unwrap()).await;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {value}");
                assert_eq!(answer.header(header::SET_COOKIE), "");
            }
        }
        assert_eq!(bed.visit("/", &cookie).await.status, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_body_that_is_too_long_is_called_that() {
        let bed = Testbed::new().await;
        let answer = sign_in_with(&bed, &"x".repeat(70_000)).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(
            answer.body.contains(r#""code":"too_large""#),
            "{}",
            answer.body
        );
    }

    #[test]
    fn scripts_and_other_sites_do_not_get_the_cookie() {
        let (_, cookie) = session_cookie(None, &HeaderMap::new());
        insta::assert_snapshot!(
            cookie, @"causeway_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
        );
        let https = HeaderName::from_static("x-forwarded-proto");
        let headers = HeaderMap::from_iter([(https, "https, http".parse().unwrap())]);
        let session = Session::parse(&"a".repeat(43)).unwrap();
        let (_, cookie) = session_cookie(Some(&session), &headers);
        insta::assert_snapshot!(
            cookie, @"causeway_session=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure"
        );
    }

    #[test]
    fn the_form_says_what_was_wrong() {
        let page = Page {
            language: Language::English,
            t: Language::English.texts(),
            problem: Some(Language::English.texts().wrong_token),
        };
        let html = page.render().unwrap();
        assert!(
            html.contains("This token is wrong or was revoked."),
            "{html}"
        );
        let command = "made by <code>causeway-hub token create</code>; it";
        assert!(html.contains(command), "{html}");
        assert!(
            html.contains(r#"lang="en""#) && html.contains(r#"name="token""#),
            "{html}"
        );
    }
}
