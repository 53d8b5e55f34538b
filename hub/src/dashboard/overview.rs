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
use crate::api::access::text;
use crate::api::overview::read;
use crate::api::problem::{Code, Problem};
use crate::app::App;
use crate::auth::Caller;
use crate::config::AuthMode;
use crate::hub::SiteView;
use crate::stats::{self, Counted, Day, Fresh, Overview, TableFigures, tables};
use crate::window::DateRange;

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
    let (overview, sites) = read(&app.hub, None, (app.clock)()).await?;
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
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use jiff::civil::date;

    use super::*;
    use crate::api::access::COOKIE;
    use crate::app::testbed::Testbed;
    use crate::config::WindowConfig;
    use crate::stats::samples::{at, loaded, site, site_of};
    use crate::testing::SHOP;
    use crate::window::Window;

    fn sample() -> SiteView {
        let done = r#"{"count_by":{"status":{"values":{"completed":1234}}}}"#;
        let open = r#"{"count_by":{"status":{"values":{"pending":2}}}}"#;
        let rated = r#"{"sum":{"rating":{"sum":8.5,"count":2}}}"#;
        site(
            "hcm-01",
            &[
                ("appointment", "dt=2020-01-01", done, 1_234),
                ("appointment", "dt=2025-11-28", open, 2),
                ("appointmentfeedback", "dt=2020-01-01", rated, 2),
            ],
        )
    }

    fn rendered(language: Language, sites: &[SiteView]) -> String {
        let now = at("2025-11-28T02:30:00Z");
        let config = WindowConfig::default();
        let declared = Dataset::meetassist().unwrap();
        let zoned = now.to_zoned(config.timezone.0.clone());
        let counts = [loaded("dt=2025-11-28", "pending", 2)];
        let window = Window::at(now, &config);
        let overview = stats::overview(zoned, window, &declared, sites, &counts);
        let range = DateRange::new(date(2025, 11, 14), date(2025, 12, 12)).unwrap();
        let mut shown = shown(range, &declared, sites).unwrap();
        shown.refused = BTreeMap::from([(SiteName::new("hcm-01").unwrap(), 1_200)]);
        shown.refused_of = BTreeMap::from([(Name::new("item").unwrap(), 9)]);
        Live::new(language, overview, shown).render().unwrap()
    }

    /// The text of the element whose `data-figure` is this.
    fn figure<'h>(html: &'h str, name: &str) -> &'h str {
        let begin = html.find(&format!("data-figure=\"{name}\"")).unwrap();
        let text = &html[begin..][html[begin..].find('>').unwrap() + 1..];
        &text[..text.find('<').unwrap()]
    }

    #[test]
    fn figures_are_shown_as_the_reader_writes_them() {
        let html = rendered(Language::Vietnamese, &[sample()]);
        let shown = ["appointments", "today", "rating"].map(|name| figure(&html, name));
        assert_eq!(shown, ["1.236", "2", "4,25"]);
        let html = rendered(Language::English, &[sample()]);
        assert_eq!(figure(&html, "appointments"), "1,236");
    }

    #[test]
    fn the_chart_can_be_read_without_seeing_it() {
        let html = rendered(Language::English, &[sample()]);
        assert!(
            html.contains("<title>Friday, 28 Nov 2025: 2 (Pending 2)</title>"),
            "{html}"
        );
        assert_eq!(
            html.matches("<tr").count(),
            1 + 29,
            "a row per day under the heading"
        );
    }

    /// A site of items and of sales, which lie on dates.
    fn shop(sold_on: &str) -> SiteView {
        let sold = r#"{"count_by":{"state":{"values":{"paid":3,"<void>":1}}}}"#;
        let parts = [("item", "b=0of2", "{}", 7), ("sale", sold_on, sold, 4)];
        site_of("shop", Dataset::from_toml(SHOP).unwrap(), &parts)
    }

    #[test]
    fn any_dataset_has_figures_and_a_chart() {
        let html = rendered(Language::English, &[shop("dt=2025-11-28")]);
        let shown = ["rows-item", "rows-sale", "today-sale", "sale-state-v1"];
        assert_eq!(shown.map(|name| figure(&html, name)), ["7", "4", "4", "3"]);
        assert_eq!(figure(&html, "refused-of-item"), "9");
        assert!(html.contains("<title>Friday, 28 Nov 2025: 4 (paid 3, &#60;void&#62; 1)</title>"));
        assert!(!html.contains("data-figure=\"appointments\""), "{html}");
    }

    #[test]
    fn a_page_of_two_datasets_shows_both() {
        let html = rendered(Language::English, &[sample(), shop("dt=2025-11-28")]);
        let shown = ["appointments", "rows-sale"].map(|name| figure(&html, name));
        assert_eq!(shown, ["1,236", "4"]);
        assert!(!html.contains("rows-consultantschedule"), "{html}");
    }

    #[test]
    fn days_without_rows_are_said_to_be_so() {
        let html = rendered(Language::English, &[shop("dt=2020-01-01")]);
        assert!(
            html.contains("the last day with rows is 1 Jan 2020"),
            "{html}"
        );
        assert!(!html.contains("<svg class=\"chart\""), "{html}");
    }

    #[test]
    fn a_site_that_was_never_loaded_has_no_figures() {
        let mut never = shop("dt=2025-11-28");
        never.catalog =
            std::sync::Arc::new(causeway_shared::catalog::Catalog::empty(never.site.clone()));
        let html = rendered(Language::English, &[never]);
        assert!(
            html.contains(Language::English.texts().nothing_loaded),
            "{html}"
        );
        assert!(!html.contains("data-figure"), "{html}");
    }

    #[test]
    fn freshness_is_shown_and_failures_are() {
        let html = rendered(Language::English, &[sample()]);
        assert!(html.contains("hcm-01") && html.contains("42") && html.contains("state-fresh"));
        assert_eq!(figure(&html, "refused-hcm-01"), "1,200");
        let failing = SiteView {
            last_error: Some("<damaged>".into()),
            ..sample()
        };
        let html = rendered(Language::English, &[failing]);
        assert!(
            html.contains("state-failing") && html.contains("&#60;damaged&#62;"),
            "{html}"
        );
    }

    #[tokio::test]
    async fn what_the_script_has_already_is_not_sent_again() {
        let bed = Testbed::new().await;
        let cookie = format!("{COOKIE}={}", bed.viewer.session().reveal());
        let first = bed.visit("/live", &cookie).await;
        let again = Request::get("/live")
            .header(header::COOKIE, &cookie)
            .header(header::IF_NONE_MATCH, first.header(header::ETAG));
        let again = bed.send(again.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (first.status, again.status),
            (StatusCode::OK, StatusCode::NOT_MODIFIED)
        );
        assert_eq!(figure(&first.body, "today"), "2");
        assert_eq!(
            bed.visit("/live", "").await.status,
            StatusCode::UNAUTHORIZED
        );
    }

    #[tokio::test]
    async fn a_language_is_kept_once_it_is_chosen() {
        let bed = Testbed::new().await;
        let cookie = format!("{COOKIE}={}", bed.viewer.session().reveal());
        let answer = bed.visit("/?lang=en", &cookie).await;
        assert!(answer.body.contains("<html lang=\"en\">") && answer.body.contains("Sign out"));
        assert!(
            answer
                .header(header::SET_COOKIE)
                .starts_with("causeway_lang=en;")
        );
    }

    #[tokio::test]
    async fn without_a_database_the_page_says_so_and_tries_again() {
        let bed = Testbed::new().await;
        bed.lose_the_database();
        let cookie = format!("{COOKIE}={}", bed.viewer.session().reveal());
        let answer = bed.visit("/?lang=en", &cookie).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.body.contains("cannot be read now") && answer.body.contains("refresh"));
    }

    #[test]
    fn without_a_site_the_page_says_what_to_do() {
        let html = rendered(Language::Vietnamese, &[]);
        assert!(
            html.contains(Language::Vietnamese.texts().no_sites),
            "{html}"
        );
        assert!(!html.contains("data-figure"), "no zeros: {html}");
    }
}
