//! The first page: the overview's figures, how fresh they are, and appointments around today.
//!
//! The page and its live part are one template, so that what the script puts in place of the old
//! figures is what a new visitor would see.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use causeway_shared::ids::{Md5, SiteName};
use jiff::Timestamp;

use super::assets::address;
use super::chart::{Chart, appointments, chart};
use super::language::{Language, ReaderLanguage};
use super::per_table::TableView;
use super::share::Share;
use super::texts::Texts;
use super::{Visit, Visitor, html, prose};
use crate::http::App;
use crate::http::problem::{Code, Problem};
use crate::http::request::header_text;
use crate::services::overview::{Overview, OverviewPage, SiteFreshness, read_page};
use crate::services::quarantine::RefusedTotals;
use crate::stats::any_table::TableFigures;
use crate::stats::meetassist::{Day, MeetAssistFigures, TotalByStatus};

/// How many days before and after today the chart shows.
const CHART_DAYS: u16 = 14;

/// Most tables that are shown each on a card of its own; the list names all.
const MAX_CARDS: usize = 24;

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "overview.html")]
struct OverviewHtml<'p> {
    language: Language,
    t: &'static Texts,
    /// The name of the visitor's token; `None` where nobody signs in.
    visitor: Option<&'p str>,
    live: Live,
}

/// The part that the script keeps fresh.
#[derive(Debug, Template)]
#[template(path = "overview_live.html")]
struct Live {
    language: Language,
    t: &'static Texts,
    overview: Overview,
    meetassist: Option<MeetAssistPart>,
    tables: Vec<TableView>,
    refused: RefusedTotals,
}

/// What is shown of MeetAssist.
#[derive(Debug)]
struct MeetAssistPart {
    figures: MeetAssistFigures,
    days: Vec<Day>,
    chart: Chart,
}

impl Live {
    fn new(language: Language, page: OverviewPage) -> Self {
        let OverviewPage {
            mut overview,
            appointments: days,
            tables,
            refused,
        } = page;
        let (today, window) = (overview.now.date(), overview.window);
        let table = |figures: &TableFigures| {
            let refused = refused.of_tables.get(&figures.table).copied();
            TableView::new(figures, refused.unwrap_or(0), (today, window), language)
        };
        let figures = overview.meetassist.take();
        Self {
            language,
            t: language.texts(),
            tables: tables.iter().map(table).collect(),
            meetassist: figures.zip(days).map(|(figures, days)| MeetAssistPart {
                chart: chart(&appointments(&days, language), today, window, language),
                figures,
                days,
            }),
            overview,
            refused,
        }
    }

    /// Whether a site's rows are loaded, so that there are figures.
    fn has_figures(&self) -> bool {
        self.overview.fresh.iter().any(|site| site.commit.is_some())
    }

    /// Whether some table listed has rows in quarantine.
    fn has_refused_rows(&self) -> bool {
        self.tables.iter().any(|table| table.refused.is_some())
    }

    /// The tables that have a card: those with more to tell than their rows.
    fn cards(&self) -> impl Iterator<Item = &TableView> {
        let tells_more = |table: &&TableView| {
            table.chart.is_some() || !(table.sums.is_empty() && table.counts.is_empty())
        };
        self.tables.iter().filter(tells_more).take(MAX_CARDS)
    }

    fn refused(&self, site: &SiteName) -> Option<&u64> {
        self.refused.of_sites.get(site).filter(|rows| **rows > 0)
    }

    fn number(&self, count: &u64) -> String {
        self.language.number(*count)
    }

    /// How much of a total each status is, for a bar of a hundred units.
    fn shares(&self, of: &TotalByStatus) -> Vec<Share> {
        let statuses = of.by_status.iter();
        let parts = statuses.map(|(status, rows)| (status, self.t.status(status), rows));
        Share::row(parts, of.total, self.language)
    }

    fn is_loaded(&self, day: &Day) -> bool {
        self.overview.window.contains(day.date)
    }
}

impl SiteFreshness {
    /// How the site's figures stand, for their mark's colour.
    pub(super) fn state(&self) -> &'static str {
        match (self.commit, self.log_head) {
            _ if self.last_error.is_some() => "failing",
            (None, _) => "empty",
            (Some(commit), Some(head)) if head > commit => "behind",
            _ => "fresh",
        }
    }
}

/// Answers with the page.
pub(super) async fn page(visit: Visit) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    visit.answer(&OverviewHtml {
        language,
        t,
        visitor: visit.signed_in(),
        live: live_part(app, language).await?,
    })
}

/// Answers with the live part, unless it is what the script has already. Whoever is not signed in
/// any more is told so, instead of being sent to another page.
pub(super) async fn live(
    visitor: Result<Visitor, Response>,
    reading: ReaderLanguage,
    headers: HeaderMap,
    State(app): State<Arc<App>>,
) -> Result<Response, Problem> {
    match visitor {
        Ok(_) => {}
        Err(to_login) if to_login.status().is_redirection() => {
            return Err(Problem::new(Code::Unauthorized, "sign in again"));
        }
        Err(failed) => return Ok(failed),
    }
    let body = html(&live_part(&app, reading.language).await?)?;
    let tag = format!("\"{}\"", Md5::of(body.0.as_bytes()));
    if header_text(&headers, header::IF_NONE_MATCH) == Some(tag.as_str()) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let mut response = body.into_response();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

async fn live_part(app: &App, language: Language) -> Result<Live, Problem> {
    let page = read_page(&app.hub, CHART_DAYS, (app.clock)()).await?;
    Ok(Live::new(language, page))
}

/// For templates: a length in a drawing, to a tenth of its unit.
pub(super) fn tenth(length: &f64) -> String {
    format!("{length:.1}")
}

/// For templates: the name of a column's figures.
fn of(table: &str, column: &str) -> String {
    format!("{table}-{column}")
}

/// For templates: a time as `datetime` attributes have it.
fn attribute(at: &Timestamp) -> String {
    at.to_string()
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs), and
// these tests are about what is done with its answers.
#[cfg(test)]
mod tests;
