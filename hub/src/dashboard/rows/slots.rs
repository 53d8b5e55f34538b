//! A consultant's slots on the consultant's page: a week of them, or as many days as can be read at a time, to
//! open and to close, and a form that
//! makes slots for a range of dates.

use askama::Template;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse as _, Redirect, Response};
use causeway_shared::ids::SiteName;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Map, Value};

use super::besides::Asked;
use super::row::{Sent, show_refused};
use crate::dashboard::appointments::clock;
use crate::dashboard::language::Language;
use crate::dashboard::lists::{Control, Field, date, query, row_address};
use crate::dashboard::texts::SlotsTexts;
use crate::dashboard::{Visit, html, read};
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::request::PathOf;
use crate::services::appointments::today;
use crate::services::days::most_readable;
use crate::services::record::Record;
use crate::services::schedule::{self, listing};
use crate::sync::DateRange;

/// Most slots of a week that are shown: as many as there may be of five minutes.
const MAX_SLOTS: usize = 7 * 24 * 60 / 5;

#[derive(Debug, Template)]
#[template(path = "slots.html")]
struct Week {
    language: Language,
    s: &'static SlotsTexts,
    is_editor: bool,
    /// The consultant's page.
    path: String,
    site: String,
    first: Date,
    today: Date,
    days: Vec<(Date, Vec<Record>)>,
    /// Of the form that makes slots.
    fields: Vec<Field>,
    /// Whether that form was refused just now.
    is_refused: bool,
}

impl Week {
    /// The page with the days before these (-1) or after them (1).
    fn address(&self, turns: i64) -> String {
        let days = turns.saturating_mul(i64::try_from(self.days.len()).unwrap_or(1));
        self.of(&self.first.saturating_add(days.days()).to_string())
    }

    fn of(&self, week: &str) -> String {
        let asked = query([("site", &*self.site), ("week", week)]);
        format!("{}?{asked}#slots", self.path)
    }

    /// What a slot that no appointment has is called.
    fn state(&self, slot: &Record) -> &'static str {
        match slot.text("state").as_str() {
            "free" => self.s.free,
            "begun" => self.s.begun,
            "over" => self.s.over,
            _ => self.s.closed,
        }
    }

    /// The address of the appointment that has a slot, on its day.
    fn appointment(&self, slot: &Record) -> String {
        let day = query([("date", &*slot.text("date")), ("site", &self.site)]);
        format!("/appointments?{day}#a-{}", slot.text("appointmentid"))
    }
}

/// The week of a date, from Monday on; where not all of it can be read at a time, as many days from the date on.
fn week_of(date: Date, most: u16) -> DateRange {
    match most {
        ..7 => DateRange::around(date, 0, most.saturating_sub(1)),
        7.. => {
            let days = i64::from(date.weekday().to_monday_zero_offset());
            DateRange::around(date.saturating_sub(days.days()), 0, 6)
        }
    }
}

/// The part of a consultant's page about slots.
pub(super) async fn week(
    app: &App,
    language: Language,
    row: &Record,
    asked: &Asked<'_>,
) -> Result<String, Problem> {
    let now = (app.clock)();
    let today = today(&app.hub, now);
    let dates = week_of(date(asked.week)?.unwrap_or(today), most_readable(&app.hub));
    let id = row.text("consultantid");
    let slots = listing(&app.hub, Some(&row.site), &id, dates, now).await?;
    let slots = slots.page(&app.hub, None, MAX_SLOTS, now);
    let mut slots = slots.await?.items.into_iter().peekable();
    let days = dates.dates().map(|day| {
        let of_day = |slot: &Record| slot.text("date") == day.to_string();
        let mut slots_of_day = Vec::new();
        while let Some(slot) = slots.next_if(of_day) {
            slots_of_day.push(slot);
        }
        (day, slots_of_day)
    });
    let part = Week {
        language,
        s: &language.texts().of_slots,
        is_editor: asked.is_editor,
        path: format!("/consultants/{id}"),
        site: row.site.to_string(),
        first: dates.from(),
        today,
        days: days.collect(),
        fields: fields(language, dates.from().max(today), dates, asked.sent),
        is_refused: asked.sent.iter().any(|(name, _)| name == "minutes"),
    };
    Ok(html(&part)?.0)
}

/// The fields of the form that makes slots: as they were sent, else a week of working hours.
fn fields(
    language: Language,
    from: Date,
    week: DateRange,
    sent: &[(String, String)],
) -> Vec<Field> {
    let l = &language.texts().of_lists;
    let s = &language.texts().of_slots;
    let (from, to) = (from.to_string(), from.max(week.to()).to_string());
    let weekends = [("false", s.off), ("true", s.on)];
    let weekends = weekends.map(|(value, text)| (value.to_owned(), text.to_owned()));
    let fields = [
        ("from", &*from, Control::Input("date", 0)),
        ("to", &to, Control::Input("date", 0)),
        ("start", "08:00", Control::Input("time", 0)),
        ("end", "17:00", Control::Input("time", 0)),
        ("minutes", "60", Control::Input("number", 0)),
        ("weekends", "false", Control::Choice(weekends.into())),
    ];
    let field = |(name, usual, control): (&'static str, &str, Control)| {
        let sent = sent.iter().find(|(sent, _)| sent == name);
        let value = sent.map_or(usual, |(_, text)| text);
        Field {
            is_needed: true,
            ..Field::new(name, l.column(name), value, control)
        }
    };
    fields.map(field).into()
}

/// A field of a form as it was sent.
fn sent<'s>(form: &'s Sent, name: &str) -> &'s str {
    let field = form.iter().find(|(sent, _)| sent == name);
    field.map_or("", |(_, text)| text)
}

/// Where a form about slots leads when it was taken.
fn see(id: &str, form: &Sent, more: &str) -> Response {
    let page = row_address("/consultants", id, sent(form, "site"));
    let week = query([("week", sent(form, "week"))]);
    Redirect::to(&format!("{page}&{week}&{more}#slots")).into_response()
}

/// Opens or closes the slot whose button was pressed, and shows the week again.
pub(super) async fn set(
    visit: Visit,
    PathOf(id): PathOf<String>,
    form: Result<Form<Sent>, FormRejection>,
) -> Result<Response, Problem> {
    let form = read(form)?;
    let editor = visit.editor()?;
    let site = SiteName::new(sent(&form, "site")).map_err(Problem::bad_request)?;
    let opens = !sent(&form, "open").is_empty();
    let slot = sent(&form, if opens { "open" } else { "close" });
    let slot: i64 = slot.parse().map_err(Problem::bad_request)?;
    let given = Map::from_iter([("isavailable".to_owned(), Value::Bool(opens))]);
    match schedule::set(&visit.app.hub, Some(&site), slot, &given, editor.by()).await {
        Ok(written) => {
            let done = if opens { "opened" } else { "closed" };
            let waits = if written.flushed { "" } else { "&waits=true" };
            Ok(see(&id, &form, &format!("done={done}{waits}")))
        }
        Err(error) => show_refused(&visit, (&site, &id), error, &form).await,
    }
}

/// Makes slots for a range of dates, and shows the week of the first.
pub(super) async fn generate(
    visit: Visit,
    PathOf(id): PathOf<String>,
    form: Result<Form<Sent>, FormRejection>,
) -> Result<Response, Problem> {
    let mut form = read(form)?;
    let editor = visit.editor()?;
    let site = SiteName::new(sent(&form, "site")).map_err(Problem::bad_request)?;
    let members = form.iter().filter(|(name, _)| name != "site");
    let given: Map<String, Value> = members
        .map(|(name, text)| {
            let number = text.parse::<i64>().map(Value::from);
            let value = match (name.as_str(), number) {
                ("minutes", Ok(number)) => number,
                ("weekends", _) => Value::Bool(text == "true"),
                _ => text.as_str().into(),
            };
            (name.clone(), value)
        })
        .collect();
    form.push(("week".to_owned(), sent(&form, "from").to_owned()));
    match schedule::generate(&visit.app.hub, Some(&site), &id, &given, editor.by()).await {
        Ok(made) => {
            let waits = if made.flushed { "" } else { "&waits=true" };
            let (created, kept) = (made.created, made.kept);
            let more = format!("done=generated&created={created}&kept={kept}{waits}");
            Ok(see(&id, &form, &more))
        }
        Err(error) => show_refused(&visit, (&site, &id), error, &form).await,
    }
}
