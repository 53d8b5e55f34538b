//! The page of the days that are in the database, and what keeps them there. It needs no script.

use askama::Template;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::civil::Date;
use serde::Deserialize;

use super::assets::address;
use super::language::Language;
use super::texts::{DaysTexts, Texts};
use super::{Visit, read};
use crate::error::HubError;
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
pub(super) async fn page(visit: Visit) -> Result<Response, Problem> {
    show(&visit, None).await
}

/// Pins a day and shows the page again.
pub(super) async fn pin(
    visit: Visit,
    form: Result<Form<DayForm>, FormRejection>,
) -> Result<Response, Problem> {
    let date = date(&visit, form)?;
    let app = &visit.app;
    let pinned = days::pin(&app.hub, date, (app.clock)()).await;
    see(&visit, date, pinned.err()).await
}

/// Unpins a day and shows the page again.
pub(super) async fn unpin(
    visit: Visit,
    form: Result<Form<DayForm>, FormRejection>,
) -> Result<Response, Problem> {
    let date = date(&visit, form)?;
    let unpinned = visit.app.hub.unpin(date).await;
    visit.app.refresher.wake();
    see(&visit, date, unpinned.err()).await
}

fn date(visit: &Visit, form: Result<Form<DayForm>, FormRejection>) -> Result<Date, Problem> {
    let form = read(form)?;
    visit.editor()?;
    iso_date(&form.date).map_err(Problem::bad_request)
}

/// Sends the browser to the page, or shows it with the reason why nothing was done.
async fn see(visit: &Visit, date: Date, error: Option<HubError>) -> Result<Response, Problem> {
    let Some(error) = error else {
        return Ok(Redirect::to(&format!("/days#d-{date}")).into_response());
    };
    let problem = Problem::from(error);
    let page = show(visit, Some(problem.detail.clone())).await?;
    Ok(problem.into_page(page))
}

async fn show(visit: &Visit, refusal: Option<String>) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    let days = days::read(&app.hub, (app.clock)()).await?;
    visit.answer(&Page {
        language,
        t,
        d: &t.of_days,
        visitor: visit.signed_in(),
        is_editor: visit.is_editor(),
        days,
        refusal,
    })
}

// On SQLite alone: what the databases do is held to one suite (db/conformance.rs).
#[cfg(test)]
mod tests;
