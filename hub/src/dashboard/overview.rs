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
use causeway_shared::ids::{Md5, SiteName};
use jiff::{Timestamp, ToSpan as _};

use super::assets::address;
use super::chart::{Chart, chart};
use super::language::{Language, Reading};
use super::texts::Texts;
use super::{Visitor, html};
use crate::api::access::text;
use crate::api::overview::read;
use crate::api::problem::{Code, Problem};
use crate::app::App;
use crate::auth::Caller;
use crate::config::AuthMode;
use crate::stats::{self, Counted, Day, Fresh, Overview};
use crate::window::DateRange;

/// How many days before and after today the chart shows.
const CHART_DAYS: i32 = 14;

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
    days: Vec<Day>,
    chart: Chart,
    /// How many rows of each site are in quarantine, as far as the store says so.
    refused: BTreeMap<SiteName, u64>,
}

impl Live {
    fn new(
        language: Language,
        overview: Overview,
        days: Vec<Day>,
        refused: BTreeMap<SiteName, u64>,
    ) -> Self {
        let today = overview.now.date();
        let chart = chart(&days, today, overview.window, language);
        Self {
            language,
            t: language.texts(),
            overview,
            days,
            chart,
            refused,
        }
    }

    fn refused(&self, site: &SiteName) -> Option<&u64> {
        self.refused.get(site).filter(|rows| **rows > 0)
    }

    fn number(&self, count: &u64) -> String {
        self.language.number(*count)
    }

    /// How much of a total each status is, for a bar of a hundred units.
    fn shares(&self, of: &Counted) -> Vec<Share> {
        let mut x = 0.0;
        let total = of.total.max(1);
        of.by_status
            .iter()
            .map(|(status, rows)| {
                #[expect(clippy::cast_precision_loss, reason = "a drawing")]
                let width = rows as f64 * 100.0 / total as f64;
                let share = Share {
                    class: status.to_owned(),
                    label: self.t.status(status).to_owned(),
                    count: self.language.number(rows),
                    x,
                    width,
                };
                x += width;
                share
            })
            .collect()
    }

    fn is_loaded(&self, day: &Day) -> bool {
        self.overview.window.contains(day.date)
    }
}

/// A status's part of a total.
#[derive(Debug)]
struct Share {
    class: String,
    label: String,
    count: String,
    x: f64,
    width: f64,
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
    let days = around
        .map_err(Problem::bad_request)
        .map(|range| stats::appointments_per_day(range, app.hub.dataset(), &sites))?
        .map_err(Problem::bad_request)?;
    let mut refused = BTreeMap::new();
    for view in sites {
        let quarantine = app.hub.quarantine_at_once(&view.site, (app.clock)()).await;
        let tables = quarantine.iter().flat_map(|of| of.values());
        let total = tables.flatten().map(|rows| rows.total).sum();
        refused.insert(view.site, total);
    }
    Ok(Live::new(language, overview, days, refused))
}

/// For templates: a length in a drawing, to a tenth of its unit.
fn tenth(length: &f64) -> String {
    format!("{length:.1}")
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
    use causeway_shared::dataset::Dataset;
    use jiff::civil::date;

    use super::*;
    use crate::api::access::COOKIE;
    use crate::app::testbed::Testbed;
    use crate::config::WindowConfig;
    use crate::hub::SiteView;
    use crate::stats::samples::{at, loaded, site};
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
        let days = stats::appointments_per_day(range, &declared, sites).unwrap();
        let refused = BTreeMap::from([(SiteName::new("hcm-01").unwrap(), 1_200)]);
        Live::new(language, overview, days, refused)
            .render()
            .unwrap()
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
    }
}
