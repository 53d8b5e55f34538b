//! The page of the archive: its switch, a run now, and what is published. It needs no script.

use askama::Template;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::response::{Redirect, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::assets::address;
use super::language::Language;
use super::texts::{ArchiveTexts, Texts};
use super::{Visit, read};
use crate::archive::{ArchiveStatus, DeltaInfo, Run};
use crate::error::HubError;
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
pub(super) async fn page(visit: Visit, Params(asked): Params<Asked>) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    let status = app.archive.status().await.map_err(HubError::from)?;
    visit.answer(&Page {
        language,
        t,
        a: &t.of_archive,
        visitor: visit.signed_in(),
        is_editor: visit.is_editor(),
        zone: app.hub.zone(),
        done: asked.done,
        status,
    })
}

/// The switch as a form sends it.
#[derive(Debug, Deserialize)]
pub(super) struct SwitchForm {
    enabled: bool,
}

/// Switches the schedule on or off, for all hubs of the store.
pub(super) async fn switch(
    visit: Visit,
    form: Result<Form<SwitchForm>, FormRejection>,
) -> Result<Redirect, Problem> {
    let form = read(form)?;
    visit.editor()?;
    let switched = visit.app.archive.set_enabled(form.enabled).await;
    switched.map_err(HubError::from)?;
    Ok(Redirect::to("/archive"))
}

/// Publishes now, and shows what came of it.
pub(super) async fn run(visit: Visit) -> Result<Redirect, Problem> {
    visit.editor()?;
    let app = &visit.app;
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
