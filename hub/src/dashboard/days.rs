//! The page of the days that are in the database, and what keeps them there. It needs no script.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::civil::Date;
use serde::Deserialize;

use super::assets::address;
use super::language::{Language, ReaderLanguage};
use super::texts::{DaysTexts, Texts};
use super::{Visitor, editor, html, read, signed_in};
use crate::auth::{Action, Caller};
use crate::error::HubError;
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::request::iso_date;
use crate::services::days::{self, Day, Days};

/// A day to pin or to unpin.
#[derive(Debug, Deserialize)]
pub(super) struct DayForm {
    date: String,
}

#[derive(Debug, Template)]
#[template(path = "days.html")]
struct Page<'p> {
    language: Language,
    t: &'static Texts,
    d: &'static DaysTexts,
    visitor: Option<&'p str>,
    /// Whether the visitor may change things.
    is_editor: bool,
    days: Days,
    /// Why a day was not pinned.
    refusal: Option<String>,
}

impl Page<'_> {
    /// What keeps a day in the database.
    fn why(&self, date: &Date, day: &Day) -> String {
        let reasons = [
            (day.is_pinned, self.d.pinned),
            (self.days.window.contains(*date), self.d.in_window),
            (day.is_asked, self.d.asked),
        ];
        let reasons = reasons.into_iter().filter(|(holds, _)| *holds);
        let reasons: Vec<_> = reasons.map(|(_, reason)| reason).collect();
        reasons.join(", ")
    }
}

/// Answers with the page.
pub(super) async fn page(
    Visitor(caller): Visitor,
    reading: ReaderLanguage,
    State(app): State<Arc<App>>,
) -> Result<Response, Problem> {
    let page = show(&app, &caller, reading.language, None).await?;
    Ok((reading.headers(), page).into_response())
}

/// Pins a day and shows the page again.
pub(super) async fn pin(
    Visitor(caller): Visitor,
    reading: ReaderLanguage,
    State(app): State<Arc<App>>,
    form: Result<Form<DayForm>, FormRejection>,
) -> Result<Response, Problem> {
    let date = date(&app, form, &caller, reading.language)?;
    let pinned = days::pin(&app.hub, date, (app.clock)()).await;
    see(&app, &caller, reading.language, date, pinned.err()).await
}

/// Unpins a day and shows the page again.
pub(super) async fn unpin(
    Visitor(caller): Visitor,
    reading: ReaderLanguage,
    State(app): State<Arc<App>>,
    form: Result<Form<DayForm>, FormRejection>,
) -> Result<Response, Problem> {
    let date = date(&app, form, &caller, reading.language)?;
    let unpinned = app.hub.unpin(date).await;
    app.refresher.wake();
    see(&app, &caller, reading.language, date, unpinned.err()).await
}

fn date(
    app: &App,
    form: Result<Form<DayForm>, FormRejection>,
    caller: &Caller,
    language: Language,
) -> Result<Date, Problem> {
    let form = read(form)?;
    editor(app, caller, language)?;
    iso_date(&form.date).map_err(Problem::bad_request)
}

/// Sends the browser to the page, or shows it with the reason why nothing was done.
async fn see(
    app: &App,
    caller: &Caller,
    language: Language,
    date: Date,
    error: Option<HubError>,
) -> Result<Response, Problem> {
    let Some(error) = error else {
        return Ok(Redirect::to(&format!("/days#d-{date}")).into_response());
    };
    let problem = Problem::from(error);
    let page = show(app, caller, language, Some(problem.detail.clone())).await?;
    Ok(problem.into_page(page))
}

async fn show(
    app: &App,
    caller: &Caller,
    language: Language,
    refusal: Option<String>,
) -> Result<Response, Problem> {
    let t = language.texts();
    let days = days::read(&app.hub, (app.clock)()).await?;
    let page = html(&Page {
        language,
        t,
        d: &t.of_days,
        visitor: signed_in(app, caller),
        is_editor: caller.role.allows(Action::Change),
        days,
        refusal,
    })?;
    Ok(page.into_response())
}

// On SQLite alone: what the databases do is held to one suite (db/conformance.rs).
#[cfg(test)]
mod tests;
