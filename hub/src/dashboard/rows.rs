//! Pages of resources that are kept by their key: the list, a row with its form, a new row. They need no
//! script.

mod besides;
mod row;
mod slots;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use causeway_shared::ids::SiteName;
use causeway_shared::value::{Type, Value};
use serde::Deserialize;

use super::language::Language;
use super::lists::{Cell, Control, Field, View, covers, date, given, row_address, show, site};
use super::texts::Texts;
use super::{Visit, Visitor};
use crate::http::App;
use crate::http::lists::download;
use crate::http::problem::Problem;
use crate::http::request::{Params, PathOf};
use crate::services::appointments::today;
use crate::services::consultants::{CONSULTANTS, ConsultantFigures, figures};
use crate::services::customers::CUSTOMERS;
use crate::services::days::MAX_FIGURE_DAYS;
use crate::services::list::Listing;
use crate::services::programs::PROGRAMS;
use crate::services::record::Record;
use crate::services::rows::{Resource, RowsQuery};
use crate::services::search::MAX_SEARCH;
use crate::sync::DateRange;

/// How a resource is shown.
#[derive(Debug)]
struct Shown {
    resource: &'static Resource,
    title: fn(&Texts) -> &'static str,
    /// The address of its list; a row's is behind it.
    path: &'static str,
    /// The address of the form for a new row.
    new_path: &'static str,
    /// By what a row is called.
    name: &'static str,
    /// Columns of the list, the name first.
    columns: &'static [&'static str],
    besides: Besides,
}

/// What is shown of a row besides its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Besides {
    /// Those of the customer that it is.
    Appointments,
    /// Those of the consultant that it is, and in the list the consultant's figures.
    Slots,
    /// Those of the program that it is.
    Participants,
}

static SHOWN: [Shown; 3] = [
    Shown {
        resource: &CONSULTANTS,
        title: |t| t.consultants,
        path: "/consultants",
        new_path: "/new/consultants",
        name: "fullname",
        columns: &["fullname", "specialties", "isdisabled"],
        besides: Besides::Slots,
    },
    Shown {
        resource: &CUSTOMERS,
        title: |t| t.customers,
        path: "/customers",
        new_path: "/new/customers",
        name: "fullname",
        columns: &[
            "fullname",
            "email",
            "phonenumber",
            "dateofbirth",
            "isdisabled",
        ],
        besides: Besides::Appointments,
    },
    Shown {
        resource: &PROGRAMS,
        title: |t| t.programs,
        path: "/programs",
        new_path: "/new/programs",
        name: "programname",
        columns: &[
            "programname",
            "date",
            "status",
            "organizer",
            "participants",
            "isdisabled",
        ],
        besides: Besides::Participants,
    },
];

/// Statuses of appointments, as the list of consultants has them.
const FIGURES: [&str; 4] = ["pending", "confirmed", "completed", "cancelled"];

/// The pages' routes.
pub(super) fn routes() -> Router<Arc<App>> {
    let router = Router::new()
        .route("/consultants/{id}/slots", post(slots::set))
        .route("/consultants/{id}/slots/generate", post(slots::generate))
        .route(
            "/programs/{id}/participants.csv",
            get(besides::participants_csv),
        );
    SHOWN.iter().fold(router, |router, shown| {
        let list = move |visit, asked| list(shown, visit, asked);
        let csv = move |visitor, app, asked| csv(shown, visitor, app, asked);
        let new = move |visit| row::new(shown, visit);
        let create = move |visit, form| row::save(shown, None, visit, form);
        let one = move |visit, path, asked| row::page(shown, visit, path, asked);
        let change = move |visit, PathOf(key): PathOf<String>, form| {
            row::save(shown, Some(key), visit, form)
        };
        router
            .route(shown.path, get(list))
            .route(&format!("{}.csv", shown.path), get(csv))
            .route(shown.new_path, get(new).post(create))
            .route(&format!("{}/{{id}}", shown.path), get(one).post(change))
    })
}

/// The address of the list of a table's rows, which a row's own page is behind.
pub(super) fn path_of(table: &str) -> Option<&'static str> {
    let mut shown = SHOWN.iter();
    Some(shown.find(|shown| shown.resource.table() == table)?.path)
}

impl Shown {
    /// The address of a row.
    fn address(&self, row: &Record) -> String {
        let key = row.text(self.resource.key());
        row_address(self.path, &key, row.site.as_str())
    }
}

/// The filters; a form sends what is empty too.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListParams {
    site: String,
    isdisabled: String,
    q: String,
    /// The dates of figures.
    from: String,
    to: String,
    cursor: Option<String>,
}

impl ListParams {
    async fn listing(&self, shown: &'static Shown, app: &App) -> Result<Listing, Problem> {
        let isdisabled = given(&self.isdisabled).map(|is| is.parse());
        let query = RowsQuery {
            site: site(&self.site)?,
            isdisabled: isdisabled.transpose().map_err(Problem::bad_request)?,
            q: self.q.clone(),
        };
        Ok(shown.resource.listing(&app.hub, &query).await?)
    }

    /// The dates of figures: the present month, unless others are asked for.
    fn period(&self, app: &App) -> Result<DateRange, Problem> {
        let today = today(&app.hub, (app.clock)());
        let from = date(&self.from)?.unwrap_or(today.first_of_month());
        let to = date(&self.to)?.unwrap_or(today.max(from).last_of_month());
        let range = DateRange::new(from, to).map_err(Problem::bad_request)?;
        if range.days() > MAX_FIGURE_DAYS {
            let detail = format!("ask for at most {MAX_FIGURE_DAYS} days");
            return Err(Problem::bad_request(detail));
        }
        Ok(range)
    }
}

/// What consultants did, by site and number.
struct Figures {
    period: DateRange,
    of: BTreeMap<(SiteName, String), ConsultantFigures>,
}

impl Figures {
    async fn read(asked: &ListParams, app: &App) -> Result<Self, Problem> {
        let (site, period) = (site(&asked.site)?, asked.period(app)?);
        let read = figures(&app.hub, site.as_ref(), period, (app.clock)()).await?;
        let of = read.into_iter().map(|figures| {
            let key = (figures.site.clone(), figures.consultantid.to_string());
            (key, figures)
        });
        Ok(Self {
            period,
            of: of.collect(),
        })
    }

    fn cells(&self, language: Language, row: &Record) -> Vec<Cell> {
        let key = (row.site.clone(), row.text("consultantid"));
        let Some(figures) = self.of.get(&key) else {
            return (0..FIGURES.len() + 2).map(|_| Cell::text("")).collect();
        };
        let counts = FIGURES.map(|status| language.number(figures.by_status.get(status)));
        let rating = figures.average_rating;
        let rating = rating.map_or_else(|| "–".to_owned(), |mean| language.mean(mean));
        let [used, offered] = [figures.slots.used, figures.slots.offered];
        let slots = [used, offered].map(|slots| language.number(slots));
        let texts = counts.into_iter().chain([rating, slots.join(" / ")]);
        texts.map(Cell::text).collect()
    }
}

async fn list(
    shown: &'static Shown,
    visit: Visit,
    Params(asked): Params<ListParams>,
) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    let l = &t.of_lists;
    let listing = asked.listing(shown, app).await?;
    let figures = match shown.besides {
        Besides::Slots => Some(Figures::read(&asked, app).await?),
        Besides::Appointments | Besides::Participants => None,
    };
    let mut columns: Vec<&str> = shown.columns.iter().map(|name| l.column(name)).collect();
    if figures.is_some() {
        columns.extend(FIGURES.map(|status| t.status(status)));
        columns.extend([t.rating, t.of_slots.used]);
    }
    let period = figures.as_ref().map(|figures| figures.period);
    let new = visit
        .is_editor()
        .then(|| (shown.new_path.to_owned(), l.new));
    let view = View {
        path: shown.path,
        title: (shown.title)(t),
        covers: period.map_or_else(String::new, |period| {
            format!("{}: {}", t.of_slots.figures, covers(language, period))
        }),
        filters: filters(shown, app, language, &asked, period).await?,
        asked: &[
            ("site", &asked.site),
            ("isdisabled", &asked.isdisabled),
            ("q", &asked.q),
            ("from", &asked.from),
            ("to", &asked.to),
        ],
        columns: &columns,
        row: &|row| {
            let mut cells = cells(shown, language, row);
            cells.extend(figures.iter().flat_map(|of| of.cells(language, row)));
            cells
        },
        links: new.into_iter().collect(),
    };
    show(&visit, (listing, asked.cursor.as_deref()), view).await
}

async fn filters(
    shown: &'static Shown,
    app: &App,
    language: Language,
    asked: &ListParams,
    period: Option<DateRange>,
) -> Result<Vec<Field>, Problem> {
    let l = &language.texts().of_lists;
    let states = [("", l.any), ("false", l.active), ("true", l.disabled)];
    let states = states.map(|(value, text)| (value.to_owned(), text.to_owned()));
    let mut filters = vec![
        Field::new(
            "q",
            l.search,
            &asked.q,
            Control::Input("search", MAX_SEARCH),
        ),
        Field::new(
            "isdisabled",
            l.status,
            &asked.isdisabled,
            Control::Choice(states.into()),
        ),
    ];
    if let Some(period) = period {
        let ends = [("from", l.from, period.from()), ("to", l.to, period.to())];
        filters.extend(ends.map(|(name, label, date)| {
            Field::new(name, label, &date.to_string(), Control::Input("date", 0))
        }));
    }
    let sites = shown.resource.sites(&app.hub, None).await?;
    if sites.len() > 1 || !asked.site.is_empty() {
        let sites = sites.iter().map(|view| view.site.to_string());
        let mut choices = vec![(String::new(), l.any.to_owned())];
        choices.extend(sites.map(|site| (site.clone(), site)));
        let choices = Control::Choice(choices);
        filters.push(Field::new("site", l.site, &asked.site, choices));
    }
    Ok(filters)
}

async fn csv(
    shown: &'static Shown,
    _: Visitor,
    State(app): State<Arc<App>>,
    Params(asked): Params<ListParams>,
) -> Result<Response, Problem> {
    let listing = asked.listing(shown, &app).await?;
    download(&app, listing, shown.resource.name()).await
}

fn cells(shown: &Shown, language: Language, row: &Record) -> Vec<Cell> {
    let cell = |name: &&str| {
        let text = text(language, row, name);
        if *name == shown.name {
            Cell::link(text, shown.address(row))
        } else {
            Cell::text(text)
        }
    };
    shown.columns.iter().map(cell).collect()
}

/// A value as people read it.
fn text(language: Language, row: &Record, name: &str) -> String {
    let t = language.texts();
    match row.value(name) {
        Value::Date(date) => language.day(*date),
        Value::Timestamp(at) => language.timestamp(*at),
        Value::Bool(true) if name == "isdisabled" => t.of_lists.disabled.to_owned(),
        Value::Bool(false) if name == "isdisabled" => t.of_lists.active.to_owned(),
        Value::Text(status) if name == "status" => t.status(status).to_owned(),
        _ => row.text(name),
    }
}

/// The control that a type's values are written with.
fn control(ty: Type, max: usize) -> Control {
    match ty {
        Type::Date => Control::Input("date", 0),
        Type::Int | Type::Float => Control::Input("number", 0),
        Type::Phone => Control::Input("tel", max),
        _ => Control::Input("text", max),
    }
}

// On SQLite alone: what the databases do is held to one suite (db/conformance.rs).
#[cfg(test)]
mod tests;
