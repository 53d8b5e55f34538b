//! Lists of rows: a form of filters, whose address can be kept, and a table. They need no script.

use askama::Template;
use axum::response::Response;
use causeway_shared::ids::SiteName;
use form_urlencoded::Serializer;
use jiff::civil::Date;

use super::Visit;
use super::assets::address;
use super::language::Language;
use super::texts::{ListTexts, Texts};
use crate::http::problem::Problem;
use crate::http::request::iso_date;
use crate::services::list::Listing;
use crate::services::record::Record;
use crate::sync::DateRange;

/// Rows of a page.
const PAGE_ROWS: usize = 100;

/// A text's first characters, so many at most.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A field of a form.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) control: Control,
    pub(super) is_needed: bool,
}

#[derive(Debug)]
pub(super) enum Control {
    /// An `input` of a type, of so many characters at most; 0: any number.
    Input(&'static str, usize),
    /// A text of several lines, of so many characters at most.
    Long(usize),
    /// Values, and their texts.
    Choice(Vec<(String, String)>),
}

impl Field {
    /// A field that may be left empty.
    pub(super) fn new(
        name: &'static str,
        label: &'static str,
        value: &str,
        control: Control,
    ) -> Self {
        Self {
            name,
            label,
            value: value.to_owned(),
            control,
            is_needed: false,
        }
    }
}

/// A cell of a table, with where it leads.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) address: Option<String>,
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            address: None,
        }
    }

    pub(super) fn link(text: impl Into<String>, address: String) -> Self {
        Self {
            address: Some(address),
            ..Self::text(text)
        }
    }
}

/// What a page of a list shows.
pub(super) struct View<'v> {
    /// The page's own.
    pub(super) path: &'static str,
    pub(super) title: &'static str,
    /// What the list covers.
    pub(super) covers: String,
    pub(super) filters: Vec<Field>,
    /// The filters as they were asked for, which the page's other addresses keep.
    pub(super) asked: &'v [(&'static str, &'v str)],
    pub(super) columns: &'v [&'static str],
    pub(super) row: &'v (dyn Fn(&Record) -> Vec<Cell> + Sync),
    /// Pages beside it: address and text.
    pub(super) links: Vec<(String, &'static str)>,
}

#[derive(Debug, Template)]
#[template(path = "list.html")]
struct Page<'p> {
    language: Language,
    t: &'static Texts,
    l: &'static ListTexts,
    visitor: Option<&'p str>,
    path: &'static str,
    title: &'static str,
    covers: String,
    /// The filters, for the addresses of the other languages.
    here: String,
    filters: Vec<Field>,
    columns: &'p [&'static str],
    rows: Vec<Vec<Cell>>,
    total: u64,
    next: Option<String>,
    csv: String,
    links: Vec<(String, &'static str)>,
}

/// Answers with a page of a list.
pub(super) async fn show(
    visit: &Visit,
    (listing, cursor): (Listing, Option<&str>),
    view: View<'_>,
) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    let listed = listing.page(&app.hub, cursor, PAGE_ROWS, (app.clock)());
    let listed = listed.await?;
    let asked = query(view.asked.iter().copied());
    let with = |path: String, more: String| match (asked.is_empty(), more.is_empty()) {
        (true, true) => path,
        (false, true) => format!("{path}?{asked}"),
        (true, false) => format!("{path}?{more}"),
        (false, false) => format!("{path}?{asked}&{more}"),
    };
    let next = listed
        .next
        .map(|next| query([("cursor", &*next.to_string())]));
    visit.answer(&Page {
        language,
        t,
        l: &t.of_lists,
        visitor: visit.signed_in(),
        path: view.path,
        title: view.title,
        covers: view.covers,
        filters: view.filters,
        columns: view.columns,
        rows: listed.items.iter().map(view.row).collect(),
        total: listed.total,
        next: next.map(|next| with(view.path.to_owned(), next)),
        csv: with(format!("{}.csv", view.path), String::new()),
        links: view.links,
        here: if asked.is_empty() { asked } else { asked + "&" },
    })
}

/// What is not empty, as an address has it.
pub(super) fn query<'v>(values: impl IntoIterator<Item = (&'static str, &'v str)>) -> String {
    let values = values.into_iter().filter(|(_, value)| !value.is_empty());
    Serializer::new(String::new()).extend_pairs(values).finish()
}

/// The address of a row's page, behind that of its list.
pub(super) fn row_address(path: &str, key: &str, site: &str) -> String {
    let key: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
    // A path has its own way to write a space.
    let key = key.replace('+', "%20");
    format!("{path}/{key}?{}", query([("site", site)]))
}

/// A date of an address; a form may leave it empty.
pub(super) fn date(text: &str) -> Result<Option<Date>, Problem> {
    let date = given(text).map(|text| iso_date(&text));
    date.transpose().map_err(Problem::bad_request)
}

/// A site that an address names; empty: none.
pub(super) fn site(text: &str) -> Result<Option<SiteName>, Problem> {
    let site = given(text).map(|site| SiteName::new(&site));
    site.transpose().map_err(Problem::bad_request)
}

/// The dates that a list is of.
pub(super) fn covers(language: Language, dates: DateRange) -> String {
    if dates.days() == 1 {
        return language.date(dates.from());
    }
    let ends = [dates.from(), dates.to()].map(|date| language.day(date));
    ends.join(" – ")
}

/// A text of an address; empty: there is none.
pub(super) fn given(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}
