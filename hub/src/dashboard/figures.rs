//! Pages of figures over a range of dates: consultants, new customers, programs. Each is a chart, a table and a
//! file, and says how fresh it is and what it covers. They need no script: the range is the address.

mod content;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use causeway_shared::ids::SiteName;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Deserialize;

use self::content::Content;
use super::assets::address;
use super::bars::{Bars, MAX_BARS, bars};
use super::language::Language;
use super::lists::{Cell, Control, Field, covers, date, query, site};
use super::overview::tenth;
use super::texts::{FiguresTexts, ListTexts, Texts};
use super::{Visit, Visitor};
use crate::http::App;
use crate::http::lists::file;
use crate::http::problem::Problem;
use crate::http::request::Params;
use crate::services::appointments::today;
use crate::services::days::MAX_FIGURE_DAYS;
use crate::services::overview::{self, SiteFreshness};
use crate::sync::DateRange;

/// What figures are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Consultants,
    Customers,
    Programs,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Consultants, Self::Customers, Self::Programs];

    fn path(self) -> &'static str {
        match self {
            Self::Consultants => "/stats/consultants",
            Self::Customers => "/stats/customers",
            Self::Programs => "/stats/programs",
        }
    }

    fn name(self, t: &'static Texts) -> &'static str {
        match self {
            Self::Consultants => t.consultants,
            Self::Customers => t.customers,
            Self::Programs => t.programs,
        }
    }

    fn title(self, f: &'static FiguresTexts) -> &'static str {
        match self {
            Self::Consultants => f.of_consultants,
            Self::Customers => f.of_customers,
            Self::Programs => f.of_programs,
        }
    }

    /// What the figures cover, in words.
    fn note(self, f: &'static FiguresTexts) -> &'static str {
        match self {
            Self::Consultants => f.covers_consultants,
            Self::Customers => f.covers_customers,
            Self::Programs => f.covers_programs,
        }
    }

    /// The dates that are shown unless others are asked for.
    fn usual(self, today: Date) -> DateRange {
        let [_, quarter, _, year, twelve] = ranges(today);
        match self {
            Self::Consultants => quarter,
            Self::Customers => twelve,
            Self::Programs => year,
        }
    }
}

/// The month, the quarter, the one before, the year, and twelve months up to this one.
fn ranges(today: Date) -> [DateRange; 5] {
    let month = today.first_of_month();
    let quarter = month.saturating_sub(i64::from((month.month() - 1) % 3).months());
    let year = today.first_of_year();
    [
        (month, 1),
        (quarter, 3),
        (quarter.saturating_sub(3.months()), 3),
        (year, 12),
        (month.saturating_sub(11.months()), 12),
    ]
    .map(|(from, months)| {
        let behind = from.saturating_add(i64::from(months).months());
        let to = behind.yesterday().unwrap_or(from);
        DateRange::new(from, to).unwrap_or(DateRange::day(from))
    })
}

/// What the page's address says; a form sends what is empty too.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FiguresParams {
    site: String,
    from: String,
    to: String,
}

impl FiguresParams {
    fn range(&self, kind: Kind, today: Date) -> Result<DateRange, Problem> {
        let usual = kind.usual(today);
        let range = match (date(&self.from)?, date(&self.to)?) {
            (None, None) => usual,
            (Some(from), None) => {
                DateRange::new(from, usual.to().max(from)).map_err(Problem::bad_request)?
            }
            (None, Some(to)) => {
                DateRange::new(usual.from().min(to), to).map_err(Problem::bad_request)?
            }
            (Some(from), Some(to)) => DateRange::new(from, to).map_err(Problem::bad_request)?,
        };
        if range.days() > MAX_FIGURE_DAYS {
            let detail = format!("ask for at most {MAX_FIGURE_DAYS} days");
            return Err(Problem::bad_request(detail));
        }
        Ok(range)
    }

    /// The address of a range.
    fn of(&self, path: &str, range: DateRange) -> String {
        let [from, to] = [range.from(), range.to()].map(|date| date.to_string());
        let asked = query([("site", &*self.site), ("from", &from), ("to", &to)]);
        format!("{path}?{asked}")
    }
}

#[derive(Debug, Template)]
#[template(path = "figures.html")]
struct Page<'p> {
    language: Language,
    t: &'static Texts,
    f: &'static FiguresTexts,
    l: &'static ListTexts,
    visitor: Option<&'p str>,
    path: &'static str,
    title: &'static str,
    covers: String,
    /// The range, for the addresses of the other languages.
    here: String,
    /// Address and text of each kind and each range, and whether it is the one that is shown.
    kinds: Vec<(String, &'static str, bool)>,
    ranges: Vec<(String, &'static str, bool)>,
    filters: Vec<Field>,
    csv: String,
    /// Name, number and text of what the figures add up to.
    sums: Vec<(&'static str, String, &'static str)>,
    legend: Vec<(&'static str, &'static str)>,
    chart: Bars,
    /// Whether the chart has not all rows.
    is_cut: bool,
    note: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
    fresh: Vec<(SiteName, String)>,
}

/// The pages' routes.
pub(super) fn routes() -> Router<Arc<App>> {
    Kind::ALL.into_iter().fold(Router::new(), |router, kind| {
        let show = move |visit, asked| page(kind, visit, asked);
        let csv = move |visitor, app, asked| csv(kind, visitor, app, asked);
        router
            .route(kind.path(), get(show))
            .route(&format!("{}.csv", kind.path()), get(csv))
    })
}

async fn page(
    kind: Kind,
    visit: Visit,
    Params(asked): Params<FiguresParams>,
) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    let (f, l) = (&t.of_figures, &t.of_lists);
    let now = (app.clock)();
    let today = today(&app.hub, now);
    let range = asked.range(kind, today)?;
    let site = site(&asked.site)?;
    let content = Content::read(kind, app, site.as_ref(), range, now).await?;
    let shown = content.shown(language);
    let texts = [
        f.this_month,
        f.this_quarter,
        f.last_quarter,
        f.this_year,
        f.twelve_months,
    ];
    let choices = ranges(today).into_iter().zip(texts);
    let choices = choices.map(|(of, text)| (asked.of(kind.path(), of), text, of == range));
    let kinds = Kind::ALL.map(|of| (asked.of(of.path(), range), of.name(t), of == kind));
    let fresh = overview::read(&app.hub, site.as_ref(), now).await?.fresh;
    visit.answer(&Page {
        language,
        t,
        f,
        l,
        visitor: visit.signed_in(),
        path: kind.path(),
        title: kind.title(f),
        covers: covers(language, range),
        here: asked.of("", range).trim_start_matches('?').to_owned() + "&",
        kinds: kinds.into(),
        ranges: choices.collect(),
        filters: filters(app, language, &asked, range).await?,
        csv: asked.of(&format!("{}.csv", kind.path()), range),
        sums: shown.sums,
        legend: shown.legend,
        chart: bars(&shown.bars, language),
        is_cut: shown.bars.len() > MAX_BARS,
        note: kind.note(f),
        columns: shown.columns,
        rows: shown.rows,
        fresh: fresh
            .into_iter()
            .map(|site| (site.site.clone(), stands(app, language, &site)))
            .collect(),
    })
}

/// How fresh a site's figures are, in words.
fn stands(app: &App, language: Language, site: &SiteFreshness) -> String {
    let t = language.texts();
    let Some(commit) = site.commit else {
        return t.nothing_yet.to_owned();
    };
    let moment = |what: &str, at: Option<jiff::Timestamp>| {
        let at = at.map(|at| language.moment(&at.to_zoned(app.hub.zone())));
        at.map(|at| format!("{what} {at}"))
    };
    let state = match site.state() {
        "failing" => t.failing,
        "behind" => t.behind,
        _ => t.up_to_date,
    };
    let parts = [
        Some(format!("{} {commit}", t.commit)),
        moment(t.committed, site.committed_at),
        moment(t.loaded_at, site.loaded_at),
        Some(state.to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(" · ")
}

async fn filters(
    app: &App,
    language: Language,
    asked: &FiguresParams,
    range: DateRange,
) -> Result<Vec<Field>, Problem> {
    let l = &language.texts().of_lists;
    let ends = [("from", l.from, range.from()), ("to", l.to, range.to())];
    let ends = ends.map(|(name, label, date)| Field {
        is_needed: true,
        ..Field::new(name, label, &date.to_string(), Control::Input("date", 0))
    });
    let mut filters: Vec<Field> = ends.into();
    let sites = app.hub.sites(None).await?;
    if sites.len() > 1 || !asked.site.is_empty() {
        let sites = sites.iter().map(|view| view.site.to_string());
        let mut choices = vec![(String::new(), l.any.to_owned())];
        choices.extend(sites.map(|site| (site.clone(), site)));
        filters.push(Field::new(
            "site",
            l.site,
            &asked.site,
            Control::Choice(choices),
        ));
    }
    Ok(filters)
}

/// Answers with the figures as a file.
async fn csv(
    kind: Kind,
    _: Visitor,
    State(app): State<Arc<App>>,
    Params(asked): Params<FiguresParams>,
) -> Result<Response, Problem> {
    let now = (app.clock)();
    let range = asked.range(kind, today(&app.hub, now))?;
    let site = site(&asked.site)?;
    let content = Content::read(kind, &app, site.as_ref(), range, now).await?;
    let name = match kind {
        Kind::Consultants => "consultants",
        Kind::Customers => "customers-per-month",
        Kind::Programs => "programs",
    };
    Ok(file(name, Body::from(content.table().csv())))
}

// On SQLite alone: what the databases do is held to one suite (db/conformance.rs).
#[cfg(test)]
mod tests;
