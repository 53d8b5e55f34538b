//! The page of a day: its appointments, and forms to book and move them and to take them from step to step. It needs
//! no script.

pub(super) mod list;

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Redirect, Response};
use causeway_shared::ids::SiteName;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::assets::address;
use super::edits::row_query;
use super::language::{Language, ReaderLanguage};
use super::lists::date;
use super::overview::Unavailable;
use super::texts::{DayTexts, Texts};
use super::{Visitor, editor, html, read, signed_in};
use crate::auth::{Action, Caller};
use crate::http::App;
use crate::http::problem::{Code, Problem};
use crate::http::request::{Params, PathOf, iso_date};
use crate::services::appointments::{
    self, DayPage, DayQuery, DayRows, MAX_CUSTOMERS, Step, Writes, Written,
};
use crate::services::error::{NotAllowed, ServiceError};
use crate::services::fields::FieldError;
use crate::services::only_if::OnlyIf;
use crate::services::record::Record;
use crate::stats::meetassist::APPOINTMENT;

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
    /// What was done just now.
    done: Option<String>,
    /// Whether it is not in the store yet.
    #[serde(default)]
    waits: bool,
}

/// The form to book with; the others have some of its fields.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct BookForm {
    site: String,
    date: String,
    #[serde(default)]
    find: String,
    #[serde(default)]
    customerid: String,
    /// A consultant's number and a time; `none` where no consultant is wanted yet.
    #[serde(default)]
    slot: String,
    #[serde(default)]
    time: String,
    #[serde(default)]
    description: String,
    /// To whom an appointment is given.
    #[serde(default)]
    consultantid: String,
    /// The appointment that was to be moved.
    #[serde(skip)]
    moves: Option<i64>,
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

/// What became of a form that was sent.
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) text: String,
    is_refusal: bool,
    /// The row that stands in the way.
    present: Option<Box<Record>>,
}

impl Page<'_> {
    /// The rows, where forms to change them are shown.
    fn forms<'d>(&self, day: &'d DayPage) -> Option<&'d DayRows> {
        let takes_writes = self.is_editor && day.writes == Writes::Taken;
        takes_writes.then_some(&day.rows)
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

    /// The parameters of who changed an appointment.
    fn changes(&self, day: &DayPage, row: &Record) -> String {
        row_query(&day.site, APPOINTMENT, &row.text("appointmentid"))
    }

    /// An appointment or a slot in a few words.
    fn in_words(&self, row: &Record) -> String {
        let named = ["customername", "customerid"].map(|name| row.text(name));
        let customer = named.into_iter().find(|name| !name.is_empty());
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

/// For templates: whether an appointment can still be cancelled.
fn is_open(row: &Record) -> bool {
    matches!(row.text("status").as_str(), "pending" | "confirmed")
}

/// For templates: the free slots at the time of an appointment.
fn free_at<'r>(rows: &'r DayRows, row: &Record) -> Vec<&'r Record> {
    let time = row.text("time");
    let slots = rows.free_slots.iter();
    slots
        .filter(|slot| slot.text("starttime") == time)
        .collect()
}

/// For templates: a time of day without seconds that are none.
pub(super) fn clock(row: &Record, column: &str) -> String {
    let text = row.text(column);
    text.strip_suffix(":00").unwrap_or(&text).to_owned()
}

/// Answers with the page.
pub(super) async fn page(
    Visitor(caller): Visitor,
    reading: ReaderLanguage,
    State(app): State<Arc<App>>,
    Params(asked): Params<DayParams>,
) -> Result<Response, Problem> {
    let d = &reading.language.texts().of_day;
    let done = match asked.done.as_deref() {
        Some("booked") => Some(d.booked),
        Some("confirmed") => Some(d.confirmed),
        Some("completed") => Some(d.completed),
        Some("moved") => Some(d.moved),
        Some("cancelled") => Some(d.cancelled),
        Some("assigned") => Some(d.assigned),
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
        ..BookForm::default()
    };
    let page = show(&app, &caller, reading.language, &query, notice, form).await?;
    Ok((reading.headers(), page).into_response())
}

/// Books an appointment and shows its day, or the form again.
pub(super) async fn book(
    Visitor(caller): Visitor,
    reading: ReaderLanguage,
    State(app): State<Arc<App>>,
    form: Result<Form<BookForm>, FormRejection>,
) -> Result<Response, Problem> {
    let form = read(form)?;
    let editor = editor(&app, &caller, reading.language)?;
    let site = SiteName::new(&form.site).map_err(Problem::bad_request)?;
    if form.slot.is_empty() {
        // Without one it would be booked for nobody, which has a choice of its own.
        let error = ServiceError::Invalid(vec![FieldError::new("slot", "is needed")]);
        return refuse(&app, &caller, reading.language, error, form).await;
    }
    match appointments::book(&app.hub, Some(&site), &given(&form), editor.by()).await {
        Ok(written) => Ok(see(&written, "booked")),
        Err(error) => refuse(&app, &caller, reading.language, error, form).await,
    }
}

/// Moves an appointment to a slot of the page's day and shows it there, or the form again.
pub(super) async fn move_here(
    Visitor(caller): Visitor,
    reading: ReaderLanguage,
    State(app): State<Arc<App>>,
    PathOf(id): PathOf<String>,
    form: Result<Form<BookForm>, FormRejection>,
) -> Result<Response, Problem> {
    let mut form = read(form)?;
    let editor = editor(&app, &caller, reading.language)?;
    let site = SiteName::new(&form.site).map_err(Problem::bad_request)?;
    let id: i64 = id.parse().map_err(Problem::bad_request)?;
    form.moves = Some(id);
    let mut place = given(&form);
    place.retain(|name, _| matches!(name.as_str(), "date" | "time" | "consultantid"));
    // Nobody, where no slot of a consultant's is chosen.
    place.entry("consultantid").or_insert(Value::Null);
    let is_chosen = !form.slot.is_empty() && place.contains_key("time");
    let moved = match is_chosen {
        true => {
            let (which, by) = ((Some(&site), id), editor.by());
            appointments::move_to(&app.hub, which, &place, &OnlyIf::Any, by).await
        }
        false => {
            let field = if form.slot.is_empty() { "slot" } else { "time" };
            Err(ServiceError::Invalid(vec![FieldError::new(
                field,
                "is needed",
            )]))
        }
    };
    match moved {
        Ok(written) => Ok(see(&written, "moved")),
        Err(error) => refuse(&app, &caller, reading.language, error, form).await,
    }
}

/// Takes an appointment a step on and shows its day, with the reason where it cannot be.
pub(super) async fn step(
    Visitor(caller): Visitor,
    reading: ReaderLanguage,
    State(app): State<Arc<App>>,
    PathOf((id, name)): PathOf<(String, String)>,
    form: Result<Form<BookForm>, FormRejection>,
) -> Result<Response, Problem> {
    let form = read(form)?;
    let editor = editor(&app, &caller, reading.language)?;
    let site = SiteName::new(&form.site).map_err(Problem::bad_request)?;
    let id: i64 = id.parse().map_err(Problem::bad_request)?;
    let (step, done) = match name.as_str() {
        "confirm" => (Step::Confirm, "confirmed"),
        "complete" => (Step::Complete, "completed"),
        "cancel" => (Step::Cancel, "cancelled"),
        "assign" => match form.consultantid.parse() {
            Ok(consultant) => (Step::Assign(consultant), "assigned"),
            Err(_) => {
                let error =
                    ServiceError::Invalid(vec![FieldError::new("consultantid", "is needed")]);
                return refuse(&app, &caller, reading.language, error, form).await;
            }
        },
        _ => return Err(Problem::new(Code::NotFound, "there is no such page")),
    };
    match appointments::step(&app.hub, Some(&site), id, step, editor.by()).await {
        Ok(written) => Ok(see(&written, done)),
        Err(error) => refuse(&app, &caller, reading.language, error, form).await,
    }
}

/// The form's fields as the members of a row. What cannot be one is left for the service to refuse.
fn given(form: &BookForm) -> Map<String, Value> {
    let (consultant, time) = form.slot.split_once(' ').unwrap_or(("", &form.time));
    let mut given = Map::new();
    let mut put = |name: &str, text: &str| {
        if !text.is_empty() {
            given.insert(name.to_owned(), text.into());
        }
    };
    put("customerid", &form.customerid);
    put("date", &form.date);
    put("time", time);
    put("description", &form.description);
    if !consultant.is_empty() {
        let number: Option<i64> = consultant.parse().ok();
        let consultant = number.map_or_else(|| consultant.into(), Value::from);
        given.insert("consultantid".to_owned(), consultant);
    }
    given
}

/// Sends the browser to the day of a changed appointment.
fn see(written: &Written, done: &str) -> Response {
    let row = &written.record;
    let (date, id) = (row.text("date"), row.text("appointmentid"));
    let waits = if written.flushed { "" } else { "&waits=true" };
    let site = &row.site;
    let to = format!("/appointments?date={date}&site={site}&done={done}{waits}#a-{id}");
    Redirect::to(&to).into_response()
}

/// The day that a form was sent from, with the reason why it was refused.
async fn refuse(
    app: &App,
    caller: &Caller,
    language: Language,
    error: ServiceError,
    form: BookForm,
) -> Result<Response, Problem> {
    let query = DayQuery {
        site: SiteName::new(&form.site).ok(),
        date: iso_date(&form.date).ok(),
        cursor: None,
        find: form.find.clone(),
        moves: form.moves,
    };
    let notice = refusal(&error, &language.texts().of_day);
    let page = show(app, caller, language, &query, Some(notice), form).await?;
    Ok(Problem::from(error).into_page(page))
}

/// Why a change was refused, as people say it.
pub(super) fn refusal(error: &ServiceError, d: &'static DayTexts) -> Notice {
    let text = match error {
        ServiceError::Invalid(_) => format!("{}: {error}", d.refused),
        ServiceError::Clash(_) | ServiceError::KeyTaken(..) => d.clash.to_owned(),
        // No form here asks for it.
        ServiceError::NotUnique(_) => format!("{}: {error}", d.refused),
        ServiceError::NotAllowed(why, _) => match why {
            NotAllowed::Closed => d.closed,
            NotAllowed::NotPending => d.not_pending,
            NotAllowed::NotConfirmed => d.not_confirmed,
            NotAllowed::NotOpen => d.not_open,
            NotAllowed::NotMovable => d.not_movable,
            NotAllowed::ChangedMeanwhile => d.changed,
            NotAllowed::NoSlot => d.no_slot,
            NotAllowed::SlotTaken => d.slot_taken,
            NotAllowed::ConsultantDisabled => d.disabled,
            NotAllowed::RowUnknown | NotAllowed::InTheWay | NotAllowed::Clashes => d.changed,
            NotAllowed::NothingToUndo => d.refused,
        }
        .to_owned(),
        ServiceError::Changed(..) => d.changed.to_owned(),
        ServiceError::NotFound(_) => d.gone.to_owned(),
        ServiceError::ReadOnly(why) => format!("{} {why}", d.read_only),
        ServiceError::Unreadable(_)
        | ServiceError::RangeTooLong { .. }
        | ServiceError::SiteRequired(_) => format!("{}: {error}", d.refused),
        ServiceError::TryAgain(_) | ServiceError::Hub(_) => d.not_now.to_owned(),
    };
    let present = match error {
        ServiceError::Clash(present) | ServiceError::NotAllowed(_, present) => present.clone(),
        _ => None,
    };
    Notice {
        text,
        is_refusal: true,
        present,
    }
}

/// The page of a day; without appointments anywhere one that says so.
async fn show(
    app: &App,
    caller: &Caller,
    language: Language,
    query: &DayQuery,
    notice: Option<Notice>,
    form: BookForm,
) -> Result<Response, Problem> {
    let t = language.texts();
    let (day, problem) = match appointments::day(&app.hub, query, (app.clock)()).await {
        Ok(day) => (Some(day), None),
        Err(error @ ServiceError::NotFound(_)) => (None, Some(Problem::from(error))),
        Err(error @ (ServiceError::Unreadable(_) | ServiceError::Invalid(_))) => {
            return Err(error.into());
        }
        Err(error) => {
            let page = html(&Unavailable {
                language,
                t,
                again: "/appointments",
            })?;
            return Ok(Problem::from(error).into_page(page));
        }
    };
    let page = html(&Page {
        language,
        t,
        d: &t.of_day,
        visitor: signed_in(app, caller),
        is_editor: caller.role.allows(Action::Change),
        day,
        notice,
        form,
    })?;
    Ok(match problem {
        Some(problem) => problem.into_page(page),
        None => page.into_response(),
    })
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs), and
// these tests are about what is done with its answers.
#[cfg(test)]
mod tests;
