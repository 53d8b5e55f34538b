//! The page of who changed what in the cloud. It needs no script: its filter is its address.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use askama::Template;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Redirect, Response};
use causeway_shared::ids::{Name, Seq, SiteName};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::assets::address;
use super::language::Language;
use super::lists::{self, date, given, query, row_address};
use super::rows;
use super::texts::{EditsTexts, Texts};
use super::{Visit, html, read};
use crate::http::App;
use crate::http::problem::{Code, Problem};
use crate::http::request::Params;
use crate::services::edits::{
    self, Edit, EditPeriod, EditPosition, EditRef, EditsQuery, key_of_text, text_of_key,
};
use crate::services::error::{ServiceError, UnreadableSite};
use crate::stats::meetassist::APPOINTMENT;

/// Edits on a page.
const LIMIT: usize = 50;
/// Edits on the page of their row.
const MAX_OF_ROW: usize = 10;
/// Characters of a value that are shown.
const MAX_SHOWN: usize = 200;

/// What the page's address says; what is empty is not asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    site: String,
    #[serde(default)]
    table: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    actor: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    cursor: String,
    /// Whether one was just taken back.
    undone: Option<bool>,
}

#[derive(Debug, Template)]
#[template(path = "edits.html")]
struct Page<'p> {
    language: Language,
    t: &'static Texts,
    e: &'static EditsTexts,
    visitor: Option<&'p str>,
    sites: Vec<SiteName>,
    tables: BTreeSet<Name>,
    asked: Asked,
    total: Option<u64>,
    unreadable: Vec<UnreadableSite>,
    list: Edits,
}

impl Page<'_> {
    /// The parameters of the filter, for more to follow.
    fn filter(&self) -> String {
        let asked = &self.asked;
        let mut filter = query([
            ("site", &*asked.site),
            ("table", &asked.table),
            ("key", &asked.key),
            ("actor", &asked.actor),
            ("from", &asked.from),
            ("to", &asked.to),
        ]);
        if !filter.is_empty() {
            filter.push('&');
        }
        filter
    }
}

/// Edits as a table, each with a form that takes it back.
#[derive(Debug, Template)]
#[template(path = "edits_table.html")]
struct Edits {
    language: Language,
    t: &'static Texts,
    e: &'static EditsTexts,
    /// Whether the visitor may change things.
    is_editor: bool,
    zone: TimeZone,
    with_sites: bool,
    items: Vec<Edit>,
    next: Option<EditPosition>,
    /// Whether it stands on the row's page, to which taking one back returns.
    is_of_row: bool,
}

impl Edits {
    /// The parameters of the edits of an edit's row.
    fn of_row(&self, edit: &Edit) -> String {
        row_query(
            &edit.site,
            edit.row.table.as_str(),
            &text_of_key(edit.row.key.texts()),
        )
    }

    /// The parameters of what the same actor changed.
    fn of_actor(&self, edit: &Edit) -> String {
        query([("actor", &*edit.row.actor)])
    }

    fn when(&self, edit: &Edit) -> String {
        let at = edit.row.at.to_zoned(self.zone.clone());
        self.language.moment(&at)
    }
}

#[derive(Debug, Template)]
#[template(path = "changes.html")]
struct Changes {
    e: &'static EditsTexts,
    /// Where all of them are listed.
    all: String,
    /// `None`: they cannot be read now.
    list: Option<Edits>,
}

/// The part of a row's page that says who changed it, as HTML.
pub(super) async fn changes(
    app: &App,
    is_editor: bool,
    language: Language,
    (site, table, key): (&SiteName, &str, &str),
) -> Result<String, Problem> {
    let t = language.texts();
    let query = EditsQuery {
        site: Some(site.clone()),
        table: Some(Name::new(table).map_err(Problem::bad_request)?),
        key: Some(vec![key.to_owned()]),
        limit: MAX_OF_ROW,
        ..EditsQuery::default()
    };
    // The row is shown though the store that has its past does not answer.
    let listed = edits::list(&app.hub, &query).await;
    let list = listed.ok().filter(|page| page.unreadable.is_empty());
    let changes = Changes {
        e: &t.of_edits,
        all: row_query(site, table, &text_of_key(&[key.to_owned()])),
        list: list.map(|page| Edits {
            language,
            t,
            e: &t.of_edits,
            is_editor,
            zone: app.hub.zone(),
            with_sites: false,
            items: page.items,
            next: page.next,
            is_of_row: true,
        }),
    };
    Ok(html(&changes)?.0)
}

/// The parameters of the edits of a row.
pub(super) fn row_query(site: &SiteName, table: &str, key: &str) -> String {
    query([("site", site.as_str()), ("table", table), ("key", key)])
}

/// The address of a row's page, where its table has such pages.
fn row_page(site: &SiteName, table: &str, key: &[String]) -> Option<String> {
    let [key] = key else { return None };
    let path = match table {
        APPOINTMENT => "/appointments",
        table => rows::path_of(table)?,
    };
    Some(row_address(path, key, site.as_str()))
}

/// For templates: a value's first characters.
pub(super) fn cut(text: &str) -> String {
    lists::cut(text, MAX_SHOWN)
}

pub(super) fn parsed<T: FromStr<Err: Display>>(
    name: &str,
    given: Option<String>,
) -> Result<Option<T>, Problem> {
    let parsed = given.map(|text| text.parse()).transpose();
    parsed.map_err(|error| Problem::unreadable("the address", name, error))
}

impl Asked {
    fn query(&self, app: &App) -> Result<EditsQuery, Problem> {
        let given = |text: &str| given(text.trim());
        Ok(EditsQuery {
            site: parsed("site", given(&self.site))?,
            table: parsed("table", given(&self.table))?,
            key: given(&self.key).as_deref().map(key_of_text),
            actor: given(&self.actor),
            days: EditPeriod::between(date(&self.from)?, date(&self.to)?, &app.hub.zone())?,
            after: parsed("cursor", given(&self.cursor))?,
            limit: LIMIT,
        })
    }
}

/// Answers with the page.
pub(super) async fn page(visit: Visit, Params(asked): Params<Asked>) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    let page = edits::list(&app.hub, &asked.query(app)?).await?;
    let views = app.hub.sites(None).await?;
    let tables = views.iter().flat_map(|view| view.dataset.tables.iter());
    visit.answer(&Page {
        language,
        t,
        e: &t.of_edits,
        visitor: visit.signed_in(),
        tables: tables.map(|table| table.name.clone()).collect(),
        asked,
        total: page.total,
        unreadable: page.unreadable,
        list: Edits {
            language,
            t,
            e: &t.of_edits,
            is_editor: visit.is_editor(),
            zone: app.hub.zone(),
            with_sites: views.len() > 1,
            items: page.items,
            next: page.next,
            is_of_row: false,
        },
        sites: views.into_iter().map(|view| view.site).collect(),
    })
}

/// An edit to take back.
#[derive(Debug, Deserialize)]
pub(super) struct UndoForm {
    site: SiteName,
    commit: Seq,
    id: String,
    /// Whether the form stands on the row's page.
    #[serde(default)]
    of_row: bool,
}

/// Takes an edit back and shows those of its row; the row's page, where that was left for it.
pub(super) async fn undo(
    visit: Visit,
    form: Result<Form<UndoForm>, FormRejection>,
) -> Result<Response, Problem> {
    let UndoForm {
        site,
        commit,
        id,
        of_row,
    } = read(form)?;
    let editor = visit.editor()?;
    let (app, _, t) = visit.parts();
    let which = EditRef {
        site,
        commit: Some(commit),
        id,
    };
    let undone = match edits::undo(&app.hub, &which, editor.by()).await {
        Ok(undone) => undone,
        Err(ServiceError::Changed(..)) => {
            return Err(Problem::new(Code::Changed, t.of_edits.changed));
        }
        Err(error) => return Err(problem_of_change(error, t)),
    };
    // A row that is gone has no page.
    let page = undone.row.as_ref().filter(|_| of_row);
    let page = page.and_then(|_| row_page(&undone.site, undone.table.as_str(), &undone.key));
    if let Some(page) = page {
        return Ok(Redirect::to(&format!("{page}&done=undone#changes")).into_response());
    }
    let key = text_of_key(&undone.key);
    let of_row = row_query(&undone.site, undone.table.as_str(), &key);
    Ok(Redirect::to(&format!("/edits?{of_row}&undone=true")).into_response())
}

/// Why a change was refused, as people say it where it may be so of any change.
pub(super) fn problem_of_change(error: ServiceError, t: &Texts) -> Problem {
    let d = &t.of_day;
    let detail = match &error {
        ServiceError::TryAgain(_) => d.not_now.to_owned(),
        ServiceError::ReadOnly(why) => format!("{} {why}", d.read_only),
        ServiceError::Asleep(_) => t.of_sleep.refused.to_owned(),
        _ => return error.into(),
    };
    Problem::from(error).saying(detail)
}

// On SQLite alone: what the databases do is held to one suite (db/conformance.rs).
#[cfg(test)]
mod tests;
