//! The forms of the page of a day: to book an appointment, to move it, and to take it from step to step.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse as _, Redirect, Response};
use causeway_shared::ids::SiteName;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::show;
use crate::dashboard::language::Language;
use crate::dashboard::texts::sentence;
use crate::dashboard::{Visit, read};
use crate::http::problem::{Code, Problem};
use crate::http::request::{PathOf, iso_date};
use crate::services::appointments::{self, DayQuery, Step, Written};
use crate::services::error::{NotAllowed, ServiceError};
use crate::services::field_error::{FieldError, Wrong};
use crate::services::precondition::Precondition;
use crate::services::record::Record;

/// The form to book with; the others have some of its fields.
#[derive(Debug, Clone, Default, Deserialize)]
pub(in crate::dashboard) struct BookForm {
    pub(super) site: String,
    pub(super) date: String,
    #[serde(default)]
    pub(super) find: String,
    #[serde(default)]
    pub(super) customerid: String,
    /// A consultant's number and a time; `none` where no consultant is wanted yet.
    #[serde(default)]
    pub(super) slot: String,
    #[serde(default)]
    pub(super) time: String,
    #[serde(default)]
    pub(super) description: String,
    /// The appointment that was to be moved.
    #[serde(skip)]
    pub(super) moves: Option<i64>,
}

/// What became of a form that was sent.
#[derive(Debug)]
pub(in crate::dashboard) struct Notice {
    pub(in crate::dashboard) text: String,
    pub(super) is_refusal: bool,
    /// The row that stands in the way.
    pub(super) present: Option<Box<Record>>,
}

/// Books an appointment and shows its day, or the form again.
pub(in crate::dashboard) async fn book(
    visit: Visit,
    form: Result<Form<BookForm>, FormRejection>,
) -> Result<Response, Problem> {
    let form = read(form)?;
    let editor = visit.editor()?;
    let site = SiteName::new(&form.site).map_err(Problem::bad_request)?;
    if form.slot.is_empty() {
        // Without one it would be booked for nobody, which has a choice of its own.
        let error = ServiceError::Invalid(vec![FieldError::new("slot", Wrong::Needed)]);
        return refuse(&visit, error, form).await;
    }
    match appointments::book(&visit.app.hub, Some(&site), &given(&form), editor.by()).await {
        Ok(written) => Ok(see(&written, "booked")),
        Err(error) => refuse(&visit, error, form).await,
    }
}

/// Moves an appointment to a slot of the page's day and shows it there, or the form again.
pub(in crate::dashboard) async fn move_here(
    visit: Visit,
    PathOf(id): PathOf<String>,
    form: Result<Form<BookForm>, FormRejection>,
) -> Result<Response, Problem> {
    let mut form = read(form)?;
    let editor = visit.editor()?;
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
            appointments::move_to(&visit.app.hub, which, &place, &Precondition::Any, by).await
        }
        false => {
            let field = if form.slot.is_empty() { "slot" } else { "time" };
            Err(ServiceError::Invalid(vec![FieldError::new(
                field,
                Wrong::Needed,
            )]))
        }
    };
    match moved {
        Ok(written) => Ok(see(&written, "moved")),
        Err(error) => refuse(&visit, error, form).await,
    }
}

/// Takes an appointment a step on and shows its day, with the reason where it cannot be.
pub(in crate::dashboard) async fn step(
    visit: Visit,
    PathOf((id, name)): PathOf<(String, String)>,
    form: Result<Form<BookForm>, FormRejection>,
) -> Result<Response, Problem> {
    let form = read(form)?;
    let editor = visit.editor()?;
    let site = SiteName::new(&form.site).map_err(Problem::bad_request)?;
    let id: i64 = id.parse().map_err(Problem::bad_request)?;
    let (step, done) = match name.as_str() {
        "confirm" => (Step::Confirm, "confirmed"),
        "complete" => (Step::Complete, "completed"),
        "cancel" => (Step::Cancel, "cancelled"),
        _ => return Err(Problem::new(Code::NotFound, "there is no such page")),
    };
    match appointments::step(&visit.app.hub, Some(&site), id, step, editor.by()).await {
        Ok(written) => Ok(see(&written, done)),
        Err(error) => refuse(&visit, error, form).await,
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
async fn refuse(visit: &Visit, error: ServiceError, form: BookForm) -> Result<Response, Problem> {
    let query = DayQuery {
        site: SiteName::new(&form.site).ok(),
        date: iso_date(&form.date).ok(),
        cursor: None,
        find: form.find.clone(),
        moves: form.moves,
    };
    let notice = refusal_notice(&error, visit.reading.language);
    let page = show(visit, &query, Some(notice), form).await?;
    Ok(Problem::from(error).into_page(page))
}

/// Why a change was refused, as people say it.
pub(in crate::dashboard) fn refusal_notice(error: &ServiceError, language: Language) -> Notice {
    let d = &language.texts().of_day;
    let text = match error {
        ServiceError::Invalid(errors) => {
            format!("{} – {}", d.refused, sentence(language, errors))
        }
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
            NotAllowed::SlotOver => d.slot_over,
            NotAllowed::ConsultantDisabled => d.disabled,
            NotAllowed::RowUnknown | NotAllowed::InTheWay | NotAllowed::Clashes => d.changed,
            NotAllowed::NothingToUndo => d.refused,
        }
        .to_owned(),
        ServiceError::Changed(..) => d.changed.to_owned(),
        ServiceError::NotFound(_) => d.gone.to_owned(),
        ServiceError::ReadOnly(why) => format!("{} {why}", d.read_only),
        ServiceError::Asleep(_) => language.texts().of_sleep.refused.to_owned(),
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
