//! The page that says how the sites stand, and which of their rows are in quarantine. It needs no script.

use askama::Template;
use axum::response::Response;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::assets::address;
use super::edits::cut;
use super::language::Language;
use super::texts::{SyncTexts, Texts};
use super::{Visit, prose};
use crate::http::problem::Problem;
use crate::http::request::Params;
use crate::services::quarantine::{self, RefusedPage, RefusedQuery};
use crate::sync::{SiteStatus, StatusReport};

/// Refused rows on a page.
const LIMIT: usize = 50;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// How many refused rows come before those that are shown.
    #[serde(default)]
    cursor: usize,
}

#[derive(Debug, Template)]
#[template(path = "sync.html")]
struct Page<'p> {
    language: Language,
    t: &'static Texts,
    s: &'static SyncTexts,
    visitor: Option<&'p str>,
    zone: TimeZone,
    report: StatusReport,
    refused: RefusedPage,
}

impl Page<'_> {
    fn number(&self, count: &u64) -> String {
        self.language.number(*count)
    }

    fn when(&self, at: &Timestamp) -> String {
        self.language.moment(&at.to_zoned(self.zone.clone()))
    }

    /// Why a site is not as it should be.
    fn problems(&self, site: &SiteStatus) -> Vec<String> {
        let log = site.log_error.clone().map(String::from);
        log.into_iter().chain(site.last_error.clone()).collect()
    }
}

/// Answers with the page.
pub(super) async fn page(visit: Visit, Params(asked): Params<Asked>) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    let now = (app.clock)();
    let query = RefusedQuery {
        site: None,
        table: None,
        start: asked.cursor,
        limit: LIMIT,
    };
    visit.answer(&Page {
        language,
        t,
        s: &t.of_sync,
        visitor: visit.signed_in(),
        zone: app.hub.zone(),
        report: app.hub.full_status(now).await?,
        refused: quarantine::list(&app.hub, &query, now).await?,
    })
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs).
#[cfg(test)]
mod tests;
