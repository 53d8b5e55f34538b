//! Appointments, booked, and what all changes of one share.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::commit::RowKey;
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::SiteName;
use causeway_shared::value::Value;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::day::{Writes, writes};
use super::slots::{Holder, SLOT_KEY, SlotKey, fit, require_ahead, require_not_over, take, value};
use super::statements::{BY_ID, NEEDED, OF_SLOT};
use super::{local, the_site};
use crate::db::{DbError, SiteWrite};
use crate::services::error::ServiceError;
use crate::services::field_error::{FieldError, Wrong};
use crate::services::fields::{self, Fields, Needs};
use crate::services::record::{Record, read, read_within};
use crate::services::sites::declares;
use crate::stats::meetassist::{APPOINTMENT, CUSTOMER};
use crate::sync::{DateRange, Hub, SiteView};

/// What is said of an appointment when it is booked. Its status is the declared default.
pub(crate) const BOOKED: [&str; 7] = [
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
pub(crate) const DURATIONS: RangeInclusive<i64> = 1..=24 * 60;

/// How often a change begins anew because its date was taken out of the database, or somebody else changes
/// the same.
pub(in crate::services) const ATTEMPTS: u32 = 8;

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
    let mut row = fields::read(table, &BOOKED, given, Needs::All).map_err(ServiceError::Invalid)?;
    let now = local(hub, by.now);
    let wrong = problems(table, &row, now.date());
    if !wrong.is_empty() {
        return Err(ServiceError::Invalid(wrong));
    }
    let slot = slot(table, &row);
    if let (None, Some(Value::Date(date)), Some(Value::Time(time))) = (
        &slot,
        value(table, &row, "date"),
        value(table, &row, "time"),
    ) {
        require_ahead(
            table,
            date.to_datetime(*time),
            value(table, &row, "duration"),
            now,
        )?;
    }
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
        return Err(ServiceError::invalid("date", Wrong::Needed));
    };
    let mut loaded = hub.bring(&view.site, DateRange::day(*date), by.now).await?;
    for _ in 0..ATTEMPTS {
        let database = hub.database();
        let begun = database.begin_write(&view.site, &view.dataset, by.actor);
        let mut write = begun.await.map_err(refused)?;
        if let Some(slot) = slot {
            let Some(taken) = take(&mut *write, view, slot, Holder::New, &loaded).await? else {
                drop(write);
                loaded = hub.bring_again(loaded, by.now).await?;
                continue;
            };
            require_not_over(&taken, local(hub, by.now))?;
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

/// Has whoever else changes an appointment wait until the transaction ends, before they hold what it wants. A
/// chatbot that books another slot instead takes the customer's row, the new slot's place and then the
/// appointment: without the first it would hold the place to which an admin moves the same appointment.
pub(super) async fn hold(
    write: &mut dyn SiteWrite,
    view: &SiteView,
    row: &Record,
) -> Result<(), DbError> {
    for (table, key) in [(CUSTOMER, "customerid"), (APPOINTMENT, "appointmentid")] {
        let key = canonical_text(row.value(key));
        hold_row(write, &view.dataset, table, key).await?;
    }
    Ok(())
}

/// The customers of a row that is about to be held, if it is an appointment: who it is of, and who else it may be of
/// then.
pub(in crate::services) async fn hold_customers(
    write: &mut dyn SiteWrite,
    (site, dataset): (&SiteName, &Dataset),
    (table, key): (&Table, &RowKey),
    others: impl IntoIterator<Item = Option<String>>,
) -> Result<(), DbError> {
    if table.name.as_str() != APPOINTMENT || !declares(dataset, &NEEDED) {
        return Ok(());
    }
    let key: Vec<_> = key.texts().iter().cloned().map(Some).collect();
    let present = read_within(write, site, BY_ID, &key).await?.pop();
    let present = present.and_then(|row| canonical_text(row.value("customerid")));
    // In order, so that no two who hold the same ones wait for each other.
    let customers: BTreeSet<String> = others.into_iter().chain([present]).flatten().collect();
    for customer in customers {
        hold_row(write, dataset, CUSTOMER, Some(customer)).await?;
    }
    Ok(())
}

async fn hold_row(
    write: &mut dyn SiteWrite,
    dataset: &Dataset,
    table: &str,
    key: Option<String>,
) -> Result<(), DbError> {
    let key = RowKey::try_from(key.into_iter().collect::<Vec<_>>());
    if let (Some(table), Ok(key)) = (dataset.table(table), key) {
        write.lock_row(table, &key).await?;
    }
    Ok(())
}

pub(super) fn taken_out_each_time() -> ServiceError {
    ServiceError::TryAgain("the date was taken out of the database each time; try again".to_owned())
}

/// An error, told as one that passes by itself where the database takes no writes just now.
pub(in crate::services) async fn lasting(
    hub: &Hub,
    view: &SiteView,
    error: ServiceError,
) -> ServiceError {
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

pub(super) fn appointments(view: &SiteView) -> Result<&Table, ServiceError> {
    let table = view.dataset.table(APPOINTMENT);
    table.ok_or_else(|| ServiceError::NotFound(format!("site {} has no appointments", view.site)))
}

/// When it was changed, where that is declared.
fn updated(hub: &Hub, table: &Table, by: By<'_>) -> Option<(usize, Value<'static>)> {
    Some((table.column("updatedat")?, moment(hub, by)))
}

/// The time of a change, in the hub's zone and to the second.
pub(super) fn moment(hub: &Hub, by: By<'_>) -> Value<'static> {
    Value::Timestamp(local(hub, by.now))
}

/// The slot that is asked for; `None`: no consultant is named.
fn slot(table: &Table, row: &Fields) -> Option<SlotKey> {
    let key = SLOT_KEY.map(|name| value(table, row, name).and_then(canonical_text));
    key[0].is_some().then_some(key)
}

/// What no rule of a column says of a booking.
pub(super) fn problems(table: &Table, row: &Fields, today: Date) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    if let Some(Value::Date(date)) = value(table, row, "date")
        && *date < today
    {
        wrong.push(FieldError::new("date", Wrong::Past(today)));
    }
    if let Some(Value::Int(minutes)) = value(table, row, "duration")
        && !DURATIONS.contains(minutes)
    {
        let (least, most) = (DURATIONS.start(), DURATIONS.end());
        wrong.push(FieldError::new("duration", Wrong::Minutes(*least, *most)));
    }
    if let Some(Value::Text(url)) = value(table, row, "meetingurl")
        && !is_web_address(url)
    {
        wrong.push(FieldError::new("meetingurl", Wrong::NoWebAddress));
    }
    wrong
}

/// Whether a page may link to it.
pub(crate) fn is_web_address(url: &str) -> bool {
    let is_plain = !url.contains(|c: char| c.is_whitespace() || c.is_control());
    let host = url.split_once("://").filter(|(scheme, _)| {
        scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
    });
    is_plain && host.is_some_and(|(_, rest)| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
}

/// The appointment that has a slot.
pub(in crate::services) async fn in_the_way(
    hub: &Hub,
    view: &SiteView,
    slot: Option<&SlotKey>,
) -> Result<Option<Box<Record>>, ServiceError> {
    let Some(slot) = slot else { return Ok(None) };
    let [consultant, date, time] = slot.clone();
    let mut found = read(hub, &view.site, OF_SLOT, &[consultant, date, time, None]).await?;
    Ok(found.pop().map(Box::new))
}

/// What is answered of a change that is in the database.
pub(in crate::services) async fn written(hub: &Hub, record: Record, now: Timestamp) -> Written {
    Written {
        flushed: hub.flush_soon(&record.site, now).await,
        record,
    }
}
