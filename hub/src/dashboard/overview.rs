//! The first page: the overview's figures, how fresh they are, and appointments around today.
//!
//! The page and its live part are one template, so that what the script puts in place of the old
//! figures is what a new visitor would see.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Md5, Name, SiteName};
use jiff::{Timestamp, ToSpan as _};

use super::assets::address;
use super::chart::{Chart, appointments, chart};
use super::language::{Language, Reading};
use super::per_table::TableView;
use super::texts::Texts;
use super::{Visitor, html};
use crate::auth::Caller;
use crate::config::AuthMode;
use crate::http::App;
use crate::http::callers::text;
use crate::http::problem::{Code, Problem};
use crate::services;
use crate::stats::{self, Counted, Day, Fresh, Overview, TableFigures, tables};
use crate::sync::DateRange;
use crate::sync::SiteView;

/// How many days before and after today the chart shows.
const CHART_DAYS: i32 = 14;

/// Most tables that are shown each on a card of its own; the list names all.
const MAX_CARDS: usize = 24;

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "overview.html")]
struct Page<'p> {
    language: Language,
    t: &'static Texts,
    /// The name of the visitor's token; `None` where nobody signs in.
    visitor: Option<&'p str>,
    live: Live,
}

/// What is shown instead while the figures cannot be read.
#[derive(Debug, Template)]
#[template(path = "unavailable.html")]
struct Unavailable {
    language: Language,
    t: &'static Texts,
}

/// The part that the script keeps fresh.
#[derive(Debug, Template)]
#[template(path = "overview_live.html")]
struct Live {
    language: Language,
    t: &'static Texts,
    overview: Overview,
    /// MeetAssist's own figures, where a site has its tables.
    meetassist: Option<MeetAssist>,
    /// The other tables.
    tables: Vec<TableView>,
    /// How many rows of each site are in quarantine, as far as the store says so.
    refused: BTreeMap<SiteName, u64>,
}

/// What is shown of MeetAssist's tables besides the overview.
#[derive(Debug)]
struct MeetAssist {
    days: Vec<Day>,
    chart: Chart,
}

/// What the live part shows besides the overview.
struct Shown {
    /// Appointments on the chart's days, where a site has MeetAssist's tables.
    days: Option<Vec<Day>>,
    /// Every table on the chart's days.
    tables: Vec<TableFigures>,
    /// Rows in quarantine of each site, and of each table, as far as the store says so.
    refused: BTreeMap<SiteName, u64>,
    refused_of: BTreeMap<Name, u64>,
}

impl Live {
    fn new(language: Language, overview: Overview, shown: Shown) -> Self {
        let (today, window) = (overview.now.date(), overview.window);
        let is_own = shown.days.is_some();
        let others = shown
            .tables
            .iter()
            .filter(|figures| !(is_own && tables::OWN.contains(&figures.table.as_str())));
        Self {
            language,
            t: language.texts(),
            tables: others
                .map(|figures| {
                    let refused = shown.refused_of.get(&figures.table).copied();
                    let refused = refused.unwrap_or_default();
                    TableView::new(figures, refused, (today, window), language)
                })
                .collect(),
            meetassist: shown.days.map(|days| MeetAssist {
                chart: chart(&appointments(&days, language), today, window, language),
                days,
            }),
            overview,
            refused: shown.refused,
        }
    }

    /// Whether a site's rows are loaded, so that there are figures.
    fn has_figures(&self) -> bool {
        self.overview.fresh.iter().any(|site| site.commit.is_some())
    }

    /// Whether some table listed has rows in quarantine.
    fn is_refused(&self) -> bool {
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
        self.refused.get(site).filter(|rows| **rows > 0)
    }

    fn number(&self, count: &u64) -> String {
        self.language.number(*count)
    }

    /// How much of a total each status is, for a bar of a hundred units.
    fn shares(&self, of: &Counted) -> Vec<Share> {
        let statuses = of.by_status.iter();
        let parts = statuses.map(|(status, rows)| (status, self.t.status(status), rows));
        Share::row(parts, of.total, self.language)
    }

    fn is_loaded(&self, day: &Day) -> bool {
        self.overview.window.contains(day.date)
    }
}

/// A part of a total, in a bar of a hundred units.
#[derive(Debug)]
pub(super) struct Share {
    /// What it stands for: its colour.
    pub(super) class: String,
    pub(super) label: String,
    pub(super) count: String,
    x: f64,
    width: f64,
}

impl Share {
    /// The parts of a total side by side: class, label and rows of each.
    pub(super) fn row<'p>(
        parts: impl Iterator<Item = (&'p str, &'p str, u64)>,
        total: u64,
        language: Language,
    ) -> Vec<Self> {
        let mut x = 0.0;
        let share = |(class, label, rows): (&str, &str, u64)| {
            #[expect(clippy::cast_precision_loss, reason = "a drawing")]
            let width = rows as f64 * 100.0 / total.max(1) as f64;
            let share = Self {
                class: class.to_owned(),
                label: label.to_owned(),
                count: language.number(rows),
                x,
                width,
            };
            x += width;
            share
        };
        parts.map(share).collect()
    }
}

impl Fresh {
    /// How the site's figures stand, for their mark's colour.
    fn state(&self) -> &'static str {
        match (self.commit, self.log_head) {
            _ if self.last_error.is_some() => "failing",
            (None, _) => "empty",
            (Some(commit), Some(head)) if head > commit => "behind",
            _ => "fresh",
        }
    }
}

/// Answers with the page.
pub(super) async fn page(
    Visitor(caller): Visitor,
    reading: Reading,
    State(app): State<Arc<App>>,
) -> Result<Response, Problem> {
    let language = reading.language;
    let t = language.texts();
    let page = match live_part(&app, language).await {
        Ok(live) => html(&Page {
            language,
            t,
            visitor: signed_in(&app, &caller),
            live,
        })?
        .into_response(),
        Err(problem) => {
            let page = html(&Unavailable { language, t })?;
            (problem.status(), page).into_response()
        }
    };
    Ok((reading.headers(), page).into_response())
}

/// Answers with the live part, unless it is what the script has already. Whoever is not signed in
/// any more is told so, instead of being sent to another page.
pub(super) async fn live(
    visitor: Result<Visitor, Response>,
    reading: Reading,
    headers: HeaderMap,
    State(app): State<Arc<App>>,
) -> Result<Response, Problem> {
    if visitor.is_err() {
        return Err(Problem::new(Code::Unauthorized, "sign in again"));
    }
    let body = html(&live_part(&app, reading.language).await?)?;
    let tag = format!("\"{}\"", Md5::of(body.0.as_bytes()));
    if text(&headers, header::IF_NONE_MATCH) == Some(tag.as_str()) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let mut response = body.into_response();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

fn signed_in<'c>(app: &App, caller: &'c Caller) -> Option<&'c str> {
    (app.hub.config().auth.mode == AuthMode::Token).then_some(caller.name.as_str())
}

async fn live_part(app: &App, language: Language) -> Result<Live, Problem> {
    let (overview, sites) = services::overview::read(&app.hub, None, (app.clock)()).await?;
    let today = overview.now.date();
    let around = DateRange::new(
        today.saturating_sub(CHART_DAYS.days()),
        today.saturating_add(CHART_DAYS.days()),
    );
    let around = around.map_err(Problem::bad_request)?;
    let mut shown = shown(around, app.hub.dataset(), &sites)?;
    for view in sites {
        let quarantine = app.hub.quarantine_at_once(&view.site, (app.clock)()).await;
        let tables = quarantine.iter().flat_map(|of| of.iter());
        let mut total = 0;
        for (table, rows) in tables.filter_map(|(table, rows)| Some((table, rows.as_ref().ok()?))) {
            total += rows.total;
            *shown.refused_of.entry(table.clone()).or_default() += rows.total;
        }
        shown.refused.insert(view.site, total);
    }
    Ok(Live::new(language, overview, shown))
}

/// What is shown of the days around today.
fn shown(around: DateRange, declared: &Dataset, sites: &[SiteView]) -> Result<Shown, Problem> {
    let is_own = sites.iter().any(|view| stats::is_meetassist(&view.dataset));
    let days = is_own.then(|| stats::appointments_per_day(around, declared, sites));
    Ok(Shown {
        days: days.transpose().map_err(Problem::bad_request)?,
        tables: stats::per_table(around, declared, sites),
        refused: BTreeMap::new(),
        refused_of: BTreeMap::new(),
    })
}

/// For templates: a length in a drawing, to a tenth of its unit.
fn tenth(length: &f64) -> String {
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
