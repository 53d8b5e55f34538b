//! Signing in and out: a token becomes the browser's session.
//!
//! A login link carries the token behind `#`, where no server sees it; a script takes it from
//! there into the form.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::assets::address;
use super::language::{Language, Reading};
use super::texts::Texts;
use super::{Visitor, html};
use crate::auth::{Action, Session, Token};
use crate::http::App;
use crate::http::callers::{COOKIE, is_from_elsewhere, text};
use crate::http::problem::{Code, Problem};

/// How long a browser stays signed in: 30 days, or until the token is revoked.
const SESSION_SECONDS: u32 = 30 * 24 * 3_600;

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
    reading: Reading,
) -> Result<Response, Problem> {
    if visitor.is_ok() {
        return Ok(Redirect::to("/").into_response());
    }
    let page = form(reading.language, None)?;
    Ok((reading.headers(), page).into_response())
}

/// Takes a token and answers with the browser's session, or with the form again.
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    reading: Reading,
    headers: HeaderMap,
    attempt: Result<Form<Attempt>, FormRejection>,
) -> Result<Response, Problem> {
    if is_from_elsewhere(&headers) {
        return Err(Problem::new(
            Code::Forbidden,
            "the request comes from another site's page",
        ));
    }
    let Form(attempt) = attempt
        .map_err(|rejection| Problem::of_body(rejection.status(), rejection.body_text()))?;
    let (now, t) = ((app.clock)(), reading.language.texts());
    let token = Token::parse(attempt.token.trim());
    let caller = match &token {
        Some(token) => app.tokens.by_token(token, now).await?,
        None => None,
    };
    let (status, problem) = match (token, caller) {
        (Some(token), Some(caller)) if caller.role.allows(Action::Read) => {
            tracing::info!(token = caller.name, "signed in");
            let cookie = session_cookie(Some(&token.session()), &headers);
            return Ok(([cookie], Redirect::to("/")).into_response());
        }
        (_, Some(_)) => (StatusCode::FORBIDDEN, t.token_cannot_read),
        _ if app.failed_logins.count(now) => (StatusCode::TOO_MANY_REQUESTS, t.too_many_attempts),
        _ => (StatusCode::UNAUTHORIZED, t.wrong_token),
    };
    Ok((status, form(reading.language, Some(problem))?).into_response())
}

/// Forgets the session.
pub(super) async fn sign_out(headers: HeaderMap) -> Result<Response, Problem> {
    if is_from_elsewhere(&headers) {
        return Err(Problem::new(
            Code::Forbidden,
            "the request comes from another site's page",
        ));
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
        Some(session) => (session.reveal(), SESSION_SECONDS),
        None => ("", 0),
    };
    // Behind a proxy that ends TLS the cookie must not travel without it.
    let proto = text(headers, HeaderName::from_static("x-forwarded-proto"));
    let secure = if proto == Some("https") {
        "; Secure"
    } else {
        ""
    };
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

    async fn sign_in_with(bed: &Testbed, token: &str) -> Answer {
        let form = Request::post("/login")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(format!("token={token}")));
        bed.send(form.unwrap()).await
    }

    #[tokio::test]
    async fn a_token_becomes_a_session_that_ends_with_it() {
        let bed = Testbed::new().await;
        assert_eq!(bed.visit("/", "").await.header(header::LOCATION), "/login");

        let answer = sign_in_with(&bed, bed.viewer.reveal()).await;
        assert_eq!(answer.header(header::LOCATION), "/");
        let cookie = answer.header(header::SET_COOKIE).split(';').next().unwrap();
        assert!(!cookie.contains(bed.viewer.reveal()), "{cookie}");
        assert_eq!(bed.visit("/", cookie).await.status, StatusCode::OK);
        assert_eq!(
            bed.visit("/login", cookie).await.header(header::LOCATION),
            "/"
        );
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
    }

    #[tokio::test]
    async fn a_session_is_no_bearer_token() {
        let bed = Testbed::new().await;
        let session = format!("Bearer {}", bed.viewer.session().reveal());
        let request = Request::get("/api/v1/overview").header(header::AUTHORIZATION, session);
        let answer = bed.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn other_sites_cannot_sign_anybody_in_or_out() {
        let bed = Testbed::new().await;
        for path in ["/login", "/logout"] {
            let request = Request::post(path).header("sec-fetch-site", "cross-site");
            let answer = bed.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        }
    }

    #[test]
    fn scripts_and_other_sites_do_not_get_the_cookie() {
        let (_, cookie) = session_cookie(None, &HeaderMap::new());
        insta::assert_snapshot!(
            cookie, @"causeway_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
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
        assert!(
            html.contains(r#"lang="en""#) && html.contains(r#"name="token""#),
            "{html}"
        );
    }
}
