//! Appointments, booked and cancelled.

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use causeway_shared::dataset::{Default, Table};
use causeway_shared::ids::SiteName;
use causeway_shared::value::Value;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::day::{Writes, writes};
use super::history::bring;
use super::statements::{BY_ID, CANCEL, CONSULTANT, FREE_SLOT, OF_SLOT, SLOT, TAKE_SLOT};
use super::{the_site, today};
use crate::db::SiteWrite;
use crate::services::error::{NotAllowed, ServiceError};
use crate::services::fields::{self, FieldError, Fields};
use crate::services::record::{Record, read, read_within};
use crate::stats::meetassist::APPOINTMENT;
use crate::sync::{DateRange, Hub, LoadedDates, SiteView};
use causeway_shared::canonical_csv::canonical_text;

/// What is said of an appointment when it is booked. Its status is the declared default.
const BOOKED: [&str; 7] = [
    "customerid",
    "consultantid",
    "date",
    "time",
    "duration",
    "meetingurl",
    "description",
];

/// A row as a change left it.
#[derive(Debug, Serialize)]
pub(crate) struct Written {
    #[serde(flatten)]
    pub record: Record,
    /// Whether the change is in the store already.
    pub flushed: bool,
}

/// Who makes a change, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'a> {
    /// As the journal has it.
    pub actor: &'a str,
    pub now: Timestamp,
}

/// How many minutes an appointment takes.
const DURATIONS: RangeInclusive<i64> = 1..=24 * 60;

/// How often a change begins anew because its date was taken out of the database.
const ATTEMPTS: u32 = 8;

/// Consultant, date and time as parameters of a statement.
type SlotKey = [Option<String>; 3];

/// Books an appointment. Where a consultant is named, their slot has to be free, and is taken.
///
/// # Errors
/// [`ServiceError`]: nothing was changed.
pub(crate) async fn book(
    hub: &Hub,
    site: Option<&SiteName>,
    given: &Map<String, Json>,
    by: By<'_>,
) -> Result<Written, ServiceError> {
    let view = the_site(hub, site).await?;
    let table = appointments(&view)?;
    let mut row = fields::read(table, &BOOKED, given).map_err(ServiceError::Invalid)?;
    let wrong = problems(table, &row, today(hub, by.now));
    if !wrong.is_empty() {
        return Err(ServiceError::Invalid(wrong));
    }
    let slot = slot(table, &row);
    // One instant for both: a new row was not changed before it was there.
    let born = table.column("createdat").map(|at| (at, moment(hub, by)));
    row.extend(born.into_iter().chain(updated(hub, table, by)));
    if let Err(error) = hub.ensure_keys(by.now).await {
        // There may be some left; if not, the insert says so.
        tracing::warn!(%error, "the database has few keys for new rows, and gets no more");
    }
    match book_row(hub, &view, table, row, slot.as_ref(), by).await {
        Ok(record) => Ok(written(hub, record, by.now).await),
        // The transaction is over: what stands there is read in another.
        Err(ServiceError::Clash(None)) => Err(ServiceError::Clash(
            in_the_way(hub, &view, slot.as_ref()).await?,
        )),
        Err(error) => Err(lasting(hub, &view, error).await),
    }
}

async fn book_row(
    hub: &Hub,
    view: &SiteView,
    table: &Table,
    mut row: Fields,
    slot: Option<&SlotKey>,
    by: By<'_>,
) -> Result<Record, ServiceError> {
    let refused = |error| ServiceError::of_write(table, error);
    let Some(Value::Date(date)) = value(table, &row, "date") else {
        return Err(ServiceError::invalid("date", "is needed"));
    };
    let mut loaded = hub.bring(&view.site, DateRange::day(*date), by.now).await?;
    for _ in 0..ATTEMPTS {
        let database = hub.database();
        let begun = database.begin_write(&view.site, &view.dataset, by.actor);
        let mut write = begun.await.map_err(refused)?;
        if let Some(slot) = slot {
            let Some(taken) = take(&mut *write, view, table, slot, &loaded).await? else {
                drop(write);
                loaded = hub.bring_again(loaded, by.now).await?;
                continue;
            };
            row.extend(fit(table, &row, &taken)?);
        }
        let inserted = write.insert(table, &row).await.map_err(refused)?;
        let key = table.key_of(&inserted).next().and_then(canonical_text);
        let mut read = read_within(&mut *write, &view.site, BY_ID, &[key]).await?;
        let record = read.pop().ok_or(ServiceError::Clash(None))?;
        write.commit().await.map_err(refused)?;
        return Ok(record);
    }
    Err(taken_out_each_time())
}

/// Cancels an appointment that is pending or confirmed, and frees its consultant's slot. A date that is
/// not in the database is loaded first.
///
/// # Errors
/// [`ServiceError`]: nothing was changed.
pub(crate) async fn cancel(
    hub: &Hub,
    site: Option<&SiteName>,
    id: i64,
    by: By<'_>,
) -> Result<Written, ServiceError> {
    let view = the_site(hub, site).await?;
    for _ in 0..ATTEMPTS {
        bring(hub, &view, id, by.now).await?;
        match cancel_row(hub, &view, id, by).await {
            Ok(Some(record)) => return Ok(written(hub, record, by.now).await),
            Ok(None) => {}
            Err(error) => return Err(lasting(hub, &view, error).await),
        }
    }
    Err(taken_out_each_time())
}

/// `None`: it is not in the database, or was taken out again.
async fn cancel_row(
    hub: &Hub,
    view: &SiteView,
    id: i64,
    by: By<'_>,
) -> Result<Option<Record>, ServiceError> {
    let table = appointments(view)?;
    let refused = |error| ServiceError::of_write(table, error);
    let begun = hub
        .database()
        .begin_write(&view.site, &view.dataset, by.actor);
    let mut write = begun.await.map_err(refused)?;
    let key = Some(id.to_string());
    let at = updated(hub, table, by).and_then(|(_, at)| canonical_text(&at));
    let cancelled = read_within(&mut *write, &view.site, CANCEL, &[key.clone(), at]).await;
    let is_cancelled = !cancelled.map_err(refused)?.is_empty();
    // From the statement above on no load puts rows in or takes them out.
    let mut present = read_within(&mut *write, &view.site, BY_ID, &[key]).await?;
    let Some(record) = present.pop() else {
        return Ok(None);
    };
    if !is_cancelled {
        return Err(ServiceError::NotAllowed(
            NotAllowed::Closed,
            Some(Box::new(record)),
        ));
    }
    let slot = ["consultantid", "date", "time"].map(|name| canonical_text(record.value(name)));
    if slot.iter().all(Option::is_some) {
        let freed = read_within(&mut *write, &view.site, FREE_SLOT, &slot).await;
        freed.map_err(refused)?;
    }
    write.commit().await.map_err(refused)?;
    Ok(Some(record))
}

fn taken_out_each_time() -> ServiceError {
    ServiceError::TryAgain("the date was taken out of the database each time; try again".to_owned())
}

/// An error, told as one that passes by itself where the database takes no writes just now.
async fn lasting(hub: &Hub, view: &SiteView, error: ServiceError) -> ServiceError {
    let ServiceError::ReadOnly(_) = &error else {
        return error;
    };
    match writes(hub, view).await {
        // It was read before the refusal, and may have become true since.
        Writes::Taken | Writes::NotYet => ServiceError::TryAgain(
            "the database takes no changes until the hub has read what the store holds; try again \
             in a moment, and see `causeway-hub status` if that lasts"
                .to_owned(),
        ),
        Writes::Elsewhere(_) | Writes::Never => error,
    }
}

fn appointments(view: &SiteView) -> Result<&Table, ServiceError> {
    let table = view.dataset.table(APPOINTMENT);
    table.ok_or_else(|| ServiceError::NotFound(format!("site {} has no appointments", view.site)))
}

/// When it was changed, where that is declared.
fn updated(hub: &Hub, table: &Table, by: By<'_>) -> Option<(usize, Value<'static>)> {
    Some((table.column("updatedat")?, moment(hub, by)))
}

/// The time of a change, in the hub's zone and to the second.
fn moment(hub: &Hub, by: By<'_>) -> Value<'static> {
    let at = by.now.to_zoned(hub.zone()).datetime();
    Value::Timestamp(at.with().subsec_nanosecond(0).build().unwrap_or(at))
}

/// The slot that is asked for; `None`: no consultant is named.
fn slot(table: &Table, row: &Fields) -> Option<SlotKey> {
    let key = ["consultantid", "date", "time"]
        .map(|name| value(table, row, name).and_then(canonical_text));
    key[0].is_some().then_some(key)
}

/// A column's value, where one is given.
fn value<'r>(table: &Table, row: &'r Fields, name: &str) -> Option<&'r Value<'static>> {
    let at = table.column(name)?;
    let (_, value) = row.iter().find(|(column, _)| *column == at)?;
    Some(value).filter(|value| !value.is_null())
}

/// Takes a slot, if it is free, and answers it. `None`: its date is not loaded, so that nothing is known
/// of it.
async fn take(
    write: &mut dyn SiteWrite,
    view: &SiteView,
    table: &Table,
    slot: &SlotKey,
    date: &LoadedDates,
) -> Result<Option<Record>, ServiceError> {
    let refused = |error| ServiceError::of_write(table, error);
    let consultant = read_within(write, &view.site, CONSULTANT, &slot[..1]).await?;
    match consultant.first().map(|row| row.value("isdisabled")) {
        None => {
            return Err(ServiceError::invalid(
                "consultantid",
                "is no consultant's number",
            ));
        }
        Some(Value::Bool(true)) => {
            return Err(ServiceError::NotAllowed(
                NotAllowed::ConsultantDisabled,
                None,
            ));
        }
        Some(_) => {}
    }
    let taken = read_within(write, &view.site, TAKE_SLOT, slot).await;
    let is_taken = !taken.map_err(refused)?.is_empty();
    // From the statement above on no load takes the slots of a date out.
    if !write.are_loaded(&date.parts).await? {
        return Ok(None);
    }
    // Others write appointments and leave the slots as they are.
    let other = read_within(write, &view.site, OF_SLOT, slot).await?.pop();
    if let Some(other) = other {
        return Err(ServiceError::Clash(Some(Box::new(other))));
    }
    let there = read_within(write, &view.site, SLOT, slot).await?.pop();
    match there {
        Some(taken) if is_taken => Ok(Some(taken)),
        Some(there) => Err(ServiceError::NotAllowed(
            NotAllowed::SlotTaken,
            Some(Box::new(there)),
        )),
        None => Err(ServiceError::NotAllowed(NotAllowed::NoSlot, None)),
    }
}

/// Holds a booking to the length of its slot: one that does not say how long it takes has the usual
/// length, or the slot's where that is shorter.
fn fit(
    table: &Table,
    row: &Fields,
    slot: &Record,
) -> Result<Option<(usize, Value<'static>)>, ServiceError> {
    let (Value::Time(start), Value::Time(end)) = (slot.value("starttime"), slot.value("endtime"))
    else {
        return Ok(None);
    };
    let minutes = end.duration_since(*start).as_mins();
    let Some(at) = table.column("duration") else {
        return Ok(None);
    };
    let is_longer = |value: &Value<'_>| matches!(value, Value::Int(given) if *given > minutes);
    match value(table, row, "duration") {
        Some(given) if is_longer(given) => {
            let message = format!("is longer than the consultant's slot of {minutes} minutes");
            Err(ServiceError::invalid("duration", message))
        }
        Some(_) => Ok(None),
        None => {
            let usual_fits = match &table.columns[at].default {
                Some(Default::Constant(usual)) => !is_longer(usual),
                _ => false,
            };
            Ok((!usual_fits).then_some((at, Value::Int(minutes))))
        }
    }
}

/// What no rule of a column says of a booking.
fn problems(table: &Table, row: &Fields, today: Date) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    if let Some(Value::Date(date)) = value(table, row, "date")
        && *date < today
    {
        let message = format!("is in the past: today is {today}");
        wrong.push(FieldError::new("date", message));
    }
    if let Some(Value::Int(minutes)) = value(table, row, "duration")
        && !DURATIONS.contains(minutes)
    {
        let (least, most) = (DURATIONS.start(), DURATIONS.end());
        let message = format!("must be from {least} to {most} minutes");
        wrong.push(FieldError::new("duration", message));
    }
    if let Some(Value::Text(url)) = value(table, row, "meetingurl")
        && !is_web_address(url)
    {
        let message = "must be a web address that begins with https:// or http://";
        wrong.push(FieldError::new("meetingurl", message));
    }
    wrong
}

/// Whether a page may link to it.
fn is_web_address(url: &str) -> bool {
    let is_plain = !url.contains(|c: char| c.is_whitespace() || c.is_control());
    let host = url.split_once("://").filter(|(scheme, _)| {
        scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
    });
    is_plain && host.is_some_and(|(_, rest)| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
}

/// The appointment that has a slot.
async fn in_the_way(
    hub: &Hub,
    view: &SiteView,
    slot: Option<&SlotKey>,
) -> Result<Option<Box<Record>>, ServiceError> {
    let Some(slot) = slot else { return Ok(None) };
    let mut found = read(hub, &view.site, OF_SLOT, slot).await?;
    Ok(found.pop().map(Box::new))
}

/// What is answered of a change that is in the database.
async fn written(hub: &Hub, record: Record, now: Timestamp) -> Written {
    Written {
        flushed: hub.flush_soon(&record.site, now).await,
        record,
    }
}
