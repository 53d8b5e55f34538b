//! The page of the archive: its switch, a run now, and what is published. It needs no script.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::assets::address;
use super::language::{Language, ReaderLanguage};
use super::texts::{ArchiveTexts, Texts};
use super::{Visitor, editor, html, read, signed_in};
use crate::archive::{ArchiveStatus, DeltaInfo, Run};
use crate::auth::{Action, Caller};
use crate::error::HubError;
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::request::Params;
use crate::services::archive::{Published, publish};

/// Runs that are listed, the newest first.
const MAX_RUNS: usize = 20;

/// What was just done.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Done {
    Run,
    Running,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    done: Option<Done>,
}

#[derive(Debug, Template)]
#[template(path = "archive.html")]
struct Page<'p> {
    language: Language,
    t: &'static Texts,
    a: &'static ArchiveTexts,
    visitor: Option<&'p str>,
    /// Whether the visitor may change things.
    is_editor: bool,
    zone: TimeZone,
    done: Option<Done>,
    status: ArchiveStatus,
}

impl Page<'_> {
    fn number(&self, count: &u64) -> String {
        self.language.number(*count)
    }

    /// How often it runs by itself.
    fn every(&self) -> String {
        self.language.span(self.status.every.0)
    }

    fn when(&self, at: &Timestamp) -> String {
        self.language.moment(&at.to_zoned(self.zone.clone()))
    }

    /// Whether a table is published as a Delta table too.
    fn has_delta(&self) -> bool {
        self.status
            .info
            .tables
            .values()
            .any(|of| of.delta.is_some())
    }

    /// The commits that a Delta table's rows are of.
    fn commits(&self, delta: &DeltaInfo) -> String {
        let of = delta.commits.iter().map(|(site, at)| {
            let edits = at.edits_commit;
            let edits = edits.map(|edits| format!(" {} {edits}", self.a.edits_commit));
            let edits = edits.unwrap_or_default();
            format!("{site}: {} {}{edits}", self.t.commit, at.commit)
        });
        of.collect::<Vec<_>>().join("; ")
    }

    fn runs(&self) -> impl Iterator<Item = &Run> {
        self.status.info.archive_history.iter().rev().take(MAX_RUNS)
    }
}

/// Answers with the page.
pub(super) async fn page(
    Visitor(caller): Visitor,
    reading: ReaderLanguage,
    State(app): State<Arc<App>>,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    let page = show(&app, &caller, reading.language, asked).await;
    Ok((reading.headers(), page?).into_response())
}

async fn show(
    app: &App,
    caller: &Caller,
    language: Language,
    asked: Asked,
) -> Result<Response, Problem> {
    let t = language.texts();
    let status = app.archive.status().await.map_err(HubError::from)?;
    let page = html(&Page {
        language,
        t,
        a: &t.of_archive,
        visitor: signed_in(app, caller),
        is_editor: caller.role.allows(Action::Change),
        zone: app.hub.zone(),
        done: asked.done,
        status,
    })?;
    Ok(page.into_response())
}

/// The switch as a form sends it.
#[derive(Debug, Deserialize)]
pub(super) struct SwitchForm {
    enabled: bool,
}

/// Switches the schedule on or off, for all hubs of the store.
pub(super) async fn switch(
    Visitor(caller): Visitor,
    reading: ReaderLanguage,
    State(app): State<Arc<App>>,
    form: Result<Form<SwitchForm>, FormRejection>,
) -> Result<Redirect, Problem> {
    let form = read(form)?;
    editor(&app, &caller, reading.language)?;
    let switched = app.archive.set_enabled(form.enabled).await;
    switched.map_err(HubError::from)?;
    Ok(Redirect::to("/archive"))
}

/// Publishes now, and shows what came of it.
pub(super) async fn run(
    Visitor(caller): Visitor,
    reading: ReaderLanguage,
    State(app): State<Arc<App>>,
) -> Result<Redirect, Problem> {
    editor(&app, &caller, reading.language)?;
    Ok(Redirect::to(
        match publish(&app.archive, (app.clock)()).await? {
            Published::Done(_) => "/archive?done=run",
            Published::GoesOn => "/archive?done=running",
        },
    ))
}

// On SQLite alone: the archive reads no database.
#[cfg(test)]
mod tests;
