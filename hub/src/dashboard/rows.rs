//! Pages of resources that are kept by their key: the list, a row with its form, a new row. They need no
//! script.

mod row;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use causeway_shared::ids::SiteName;
use causeway_shared::value::{Type, Value};
use serde::Deserialize;

use super::Visitor;
use super::language::{Language, ReaderLanguage};
use super::lists::{Cell, Control, Field, View, given, row_address, show};
use super::texts::Texts;
use crate::auth::Action;
use crate::http::App;
use crate::http::lists::download;
use crate::http::problem::Problem;
use crate::http::request::{Params, PathOf};
use crate::services::customers::CUSTOMERS;
use crate::services::list::Listing;
use crate::services::record::Record;
use crate::services::rows::{Resource, RowsQuery};
use crate::services::search::MAX_SEARCH;

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
    /// Whether a row's page shows the appointments of the customer that it is.
    has_appointments: bool,
}

static SHOWN: [Shown; 1] = [Shown {
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
    has_appointments: true,
}];

/// The pages' routes.
pub(super) fn routes() -> Router<Arc<App>> {
    SHOWN.iter().fold(Router::new(), |router, shown| {
        let list = move |visitor, reading, app, asked| list(shown, visitor, reading, app, asked);
        let csv = move |visitor, app, asked| csv(shown, visitor, app, asked);
        let new = move |visitor, reading, app| row::new(shown, visitor, reading, app);
        let create =
            move |visitor, reading, app, form| row::save(shown, None, visitor, reading, app, form);
        let one = move |visitor, reading, app, path, asked| {
            row::page(shown, visitor, reading, app, path, asked)
        };
        let change = move |visitor, reading, app, PathOf(key): PathOf<String>, form| {
            row::save(shown, Some(key), visitor, reading, app, form)
        };
        router
            .route(shown.path, get(list))
            .route(&format!("{}.csv", shown.path), get(csv))
            .route(shown.new_path, get(new).post(create))
            .route(&format!("{}/{{id}}", shown.path), get(one).post(change))
    })
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
    cursor: Option<String>,
}

impl ListParams {
    async fn listing(&self, shown: &'static Shown, app: &App) -> Result<Listing, Problem> {
        let site = given(&self.site).map(|site| SiteName::new(&site));
        let isdisabled = given(&self.isdisabled).map(|is| is.parse());
        let query = RowsQuery {
            site: site.transpose().map_err(Problem::bad_request)?,
            isdisabled: isdisabled.transpose().map_err(Problem::bad_request)?,
            q: self.q.clone(),
        };
        Ok(shown.resource.listing(&app.hub, &query).await?)
    }
}

async fn list(
    shown: &'static Shown,
    Visitor(caller): Visitor,
    reading: ReaderLanguage,
    State(app): State<Arc<App>>,
    Params(asked): Params<ListParams>,
) -> Result<Response, Problem> {
    let language = reading.language;
    let t = language.texts();
    let l = &t.of_lists;
    let listing = asked.listing(shown, &app).await?;
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
    let sites = shown.resource.sites(&app.hub, None).await?;
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
    let columns: Vec<&str> = shown.columns.iter().map(|name| l.column(name)).collect();
    let is_editor = caller.role.allows(Action::Change);
    let new = is_editor.then(|| (shown.new_path.to_owned(), l.new));
    let view = View {
        path: shown.path,
        title: (shown.title)(t),
        covers: String::new(),
        filters,
        asked: &[
            ("site", &asked.site),
            ("isdisabled", &asked.isdisabled),
            ("q", &asked.q),
        ],
        columns: &columns,
        row: &|row| cells(shown, language, row),
        links: new.into_iter().collect(),
    };
    show(
        &app,
        &caller,
        reading,
        (listing, asked.cursor.as_deref()),
        view,
    )
    .await
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
    let l = &language.texts().of_lists;
    match row.value(name) {
        Value::Date(date) => language.day(*date),
        Value::Bool(true) if name == "isdisabled" => l.disabled.to_owned(),
        Value::Bool(false) if name == "isdisabled" => l.active.to_owned(),
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
