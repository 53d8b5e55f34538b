//! The page of an appointment: all that is known of it, its steps, and who changed it. It needs no script.

use askama::Template;
use axum::response::Response;
use causeway_shared::ids::SiteName;
use causeway_shared::value::Value;
use jiff::civil::Date;
use serde::Deserialize;

use super::{clock, customer, is_open};
use crate::dashboard::Visit;
use crate::dashboard::assets::address;
use crate::dashboard::edits::changes;
use crate::dashboard::language::Language;
use crate::dashboard::lists::{query, row_address};
use crate::dashboard::texts::{DayTexts, ListTexts, Texts};
use crate::http::problem::{Code, Problem};
use crate::http::request::{Params, PathOf, iso_date};
use crate::services::appointments::{Opened, Writes, is_web_address, open};
use crate::services::record::Record;
use crate::stats::meetassist::APPOINTMENT;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct OneParams {
    site: Option<SiteName>,
    /// What was done just now.
    done: String,
}

#[derive(Debug, Template)]
#[template(path = "appointment.html")]
struct Page<'p> {
    language: Language,
    t: &'static Texts,
    d: &'static DayTexts,
    l: &'static ListTexts,
    visitor: Option<&'p str>,
    row: Record,
    date: Date,
    feedback: Option<Record>,
    /// Whether a change was just taken back.
    is_undone: bool,
    /// Whether the visitor may take it a step on.
    has_steps: bool,
    /// Who changed it, as HTML.
    changes: String,
}

impl Page<'_> {
    /// Its day, and where it stands there.
    fn day(&self) -> String {
        let (date, id) = (self.row.text("date"), self.row.text("appointmentid"));
        let day = query([("date", &*date), ("site", self.row.site.as_str())]);
        format!("/appointments?{day}#a-{id}")
    }

    /// The address of somebody's page.
    fn page_of(&self, path: &str, key: &str) -> String {
        row_address(path, &self.row.text(key), self.row.site.as_str())
    }

    fn created(&self) -> String {
        match self.row.value("createdat") {
            Value::Timestamp(at) => self.language.timestamp(*at),
            _ => String::new(),
        }
    }

    fn has_link(&self) -> bool {
        is_web_address(&self.row.text("meetingurl"))
    }
}

/// Answers with the page.
pub(in crate::dashboard) async fn page(
    visit: Visit,
    PathOf(id): PathOf<String>,
    Params(asked): Params<OneParams>,
) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    let no_such = || Problem::new(Code::NotFound, t.of_day.gone);
    let id: i64 = id.parse().map_err(|_| no_such())?;
    let Opened {
        record: row,
        feedback,
        writes,
    } = open(&app.hub, asked.site.as_ref(), id, (app.clock)()).await?;
    let is_editor = visit.is_editor();
    let which = (&row.site, APPOINTMENT, &*id.to_string());
    visit.answer(&Page {
        language,
        t,
        d: &t.of_day,
        l: &t.of_lists,
        visitor: visit.signed_in(),
        changes: changes(app, is_editor, language, which).await?,
        date: iso_date(&row.text("date")).map_err(|_| no_such())?,
        has_steps: is_editor && writes == Writes::Taken && is_open(&row),
        feedback,
        is_undone: asked.done == "undone",
        row,
    })
}
