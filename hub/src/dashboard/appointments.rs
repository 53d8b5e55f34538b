//! The page of a day: its appointments, and forms to book and move them and to take them from step to step. It needs
//! no script.

mod forms;
pub(super) mod list;
pub(super) mod one;
mod table;

use askama::Template;
use axum::response::Response;
use causeway_shared::ids::SiteName;
use jiff::civil::Date;
use serde::Deserialize;

use self::forms::{BookForm, Notice};
pub(super) use self::forms::{book, move_here, refusal_notice, step};
use self::table::DayTable;
use super::assets::address;
use super::language::Language;
use super::lists::{cut, date};
use super::texts::{DayTexts, Texts};
use super::{Visit, prose};
use crate::http::problem::Problem;
use crate::http::request::{Params, iso_date};
use crate::services::appointments::{self, DayPage, DayQuery, DayRows, MAX_CUSTOMERS, Writes};
use crate::services::error::ServiceError;
use crate::services::record::Record;
use crate::services::schedule::is_bookable;

/// Characters that are shown of what an appointment is about; its own page has them all.
const MAX_SHOWN: usize = 60;

/// Those of the table.
const STATUSES: [&str; 3] = ["pending", "confirmed", "completed"];

/// What the page's address says.
#[derive(Debug, Default, Deserialize)]
pub(super) struct DayParams {
    site: Option<SiteName>,
    #[serde(default)]
    date: String,
    cursor: Option<String>,
    #[serde(default)]
    find: String,
    /// The appointment that is being moved: the page's day is where it may go.
    r#move: Option<i64>,
    /// The slot that is to be booked, as forms send it.
    #[serde(default)]
    slot: String,
    /// What was done just now.
    done: Option<String>,
    /// Whether it is not in the store yet.
    #[serde(default)]
    waits: bool,
}

#[derive(Debug, Template)]
#[template(path = "appointments.html")]
struct Page<'p> {
    language: Language,
    t: &'static Texts,
    d: &'static DayTexts,
    visitor: Option<&'p str>,
    /// Whether the visitor may change things.
    is_editor: bool,
    /// `None`: no site has appointments.
    day: Option<DayPage>,
    notice: Option<Notice>,
    /// The form as it was sent, where it was refused.
    form: BookForm,
}

impl Page<'_> {
    /// The rows, where forms to change them are shown.
    fn forms<'d>(&self, day: &'d DayPage) -> Option<&'d DayRows> {
        let takes_writes = self.is_editor && day.writes == Writes::Taken;
        takes_writes.then_some(&day.rows)
    }

    /// Whether the day's free slots can be chosen.
    fn places(&self, day: &DayPage) -> bool {
        self.forms(day).is_some() && day.date >= day.today
    }

    /// The address of another day.
    fn of_date(&self, day: &DayPage, date: Option<Date>) -> String {
        let moving = match &day.moving {
            Some(row) => format!("&move={}", row.text("appointmentid")),
            None => String::new(),
        };
        match date {
            Some(date) => format!("/appointments?date={date}&site={}{moving}", day.site),
            None => format!("/appointments?site={}{moving}", day.site),
        }
    }

    /// When an appointment is, and whose.
    fn with_date(&self, row: &Record) -> String {
        let date = iso_date(&row.text("date"));
        let date = date.map_or_else(|_| String::new(), |date| self.language.date(date));
        format!("{date} · {}", self.in_words(row))
    }

    /// An appointment or a slot in a few words.
    fn in_words(&self, row: &Record) -> String {
        let customer = Some(customer(row));
        let times = [clock(row, "time"), clock(row, "starttime")].concat();
        let status = row.text("status");
        let status = Some(self.t.status(&status).to_owned());
        let words = [
            Some(times),
            customer,
            Some(row.text("consultantname")),
            status,
        ];
        let words = words.into_iter().flatten().filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" · ")
    }
}

/// For templates: what the form sends for a slot.
fn slot_value(slot: &Record) -> String {
    format!("{} {}", slot.text("consultantid"), slot.text("starttime"))
}

/// For templates: what the form sends for the slot that is the likeliest for the appointment which is being
/// moved, else for the first free one; empty where there is none.
fn likeliest(table: &DayTable<'_>, day: &DayPage) -> String {
    let slot = match &day.moving {
        Some(row) => table.likeliest(row),
        None => table.first_free(),
    };
    slot.map(slot_value).unwrap_or_default()
}

/// For templates: whether a slot is that one.
fn is_likeliest(likeliest: &str, slot: &Record) -> bool {
    slot_value(slot) == likeliest
}

/// For templates: whom an appointment is of.
fn customer(row: &Record) -> String {
    let named = ["customername", "customerid"].map(|name| row.text(name));
    let named = named.into_iter().find(|name| !name.is_empty());
    named.unwrap_or_default()
}

/// For templates: what an appointment is about, as far as a line goes.
fn in_short(row: &Record) -> String {
    cut(&row.text("description"), MAX_SHOWN)
}

/// For templates: whether an appointment can still be cancelled.
fn is_open(row: &Record) -> bool {
    matches!(row.text("status").as_str(), "pending" | "confirmed")
}

/// For templates: a time of day without seconds that are none.
pub(super) fn clock(row: &Record, column: &str) -> String {
    short(&row.text(column))
}

/// For templates: the same of a text.
fn short(time: &str) -> String {
    time.strip_suffix(":00").unwrap_or(time).to_owned()
}

/// Answers with the page.
pub(super) async fn page(
    visit: Visit,
    Params(asked): Params<DayParams>,
) -> Result<Response, Problem> {
    let t = visit.texts();
    let d = &t.of_day;
    let done = match asked.done.as_deref() {
        Some("booked") => Some(d.booked),
        Some("confirmed") => Some(d.confirmed),
        Some("completed") => Some(d.completed),
        Some("moved") => Some(d.moved),
        Some("cancelled") => Some(d.cancelled),
        _ => None,
    };
    let notice = done.map(|text| Notice {
        text: if asked.waits {
            format!("{text} {}", d.not_flushed)
        } else {
            text.to_owned()
        },
        is_refusal: false,
        present: None,
    });
    let query = DayQuery {
        site: asked.site,
        date: date(&asked.date)?,
        cursor: asked.cursor,
        find: asked.find,
        moves: asked.r#move,
    };
    let form = BookForm {
        find: query.find.clone(),
        slot: asked.slot,
        ..BookForm::default()
    };
    show(&visit, &query, notice, form).await
}

/// The page of a day; without appointments anywhere one that says so.
async fn show(
    visit: &Visit,
    query: &DayQuery,
    notice: Option<Notice>,
    form: BookForm,
) -> Result<Response, Problem> {
    let (app, language, t) = visit.parts();
    let (day, problem) = match appointments::day(&app.hub, query, (app.clock)()).await {
        Ok(day) => (Some(day), None),
        // Who wants to move what is not there is not offered to book.
        Err(error @ ServiceError::NotFound(_)) if query.moves.is_some() => {
            return Err(Problem::from(error).saying(t.of_day.gone));
        }
        Err(error @ ServiceError::NotFound(_)) => (None, Some(Problem::from(error))),
        Err(error) => return Err(error.into()),
    };
    let page = visit.answer(&Page {
        language,
        t,
        d: &t.of_day,
        visitor: visit.signed_in(),
        is_editor: visit.is_editor(),
        day,
        notice,
        form,
    })?;
    Ok(match problem {
        Some(problem) => problem.into_page(page),
        None => page,
    })
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs), and
// these tests are about what is done with its answers.
#[cfg(test)]
mod tests;
