//! Appointments, booked and cancelled.

use causeway_shared::dataset::Table;
use causeway_shared::ids::SiteName;
use causeway_shared::value::Value;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::day::{Writes, writes};
use super::history::{bring, unknown};
use super::statements::{BY_ID, CANCEL, CONSULTANT, FREE_SLOT, OF_SLOT, SLOT, TAKE_SLOT};
use super::the_site;
use crate::db::SiteWrite;
use crate::services::error::{NotAllowed, ServiceError};
use crate::services::fields::{self, Fields};
use crate::services::record::{Record, read, read_within, text};
use crate::stats::meetassist::APPOINTMENT;
use crate::sync::{DateRange, Hub, SiteView};

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
    let slot = slot(hub, &view, table, &row, by).await?;
    row.extend(updated(hub, table, by));
    if let Err(error) = hub.ensure_keys(by.now).await {
        // There may be some left; if not, the insert says so.
        tracing::warn!(%error, "the database has few keys for new rows, and gets no more");
    }
    match book_row(hub, &view, table, &row, slot.as_ref(), by).await {
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
    row: &Fields,
    slot: Option<&SlotKey>,
    by: By<'_>,
) -> Result<Record, ServiceError> {
    let refused = |error| ServiceError::of_write(table, error);
    let begun = hub
        .database()
        .begin_write(&view.site, &view.dataset, by.actor);
    let mut write = begun.await.map_err(refused)?;
    if let Some(slot) = slot {
        take(&mut *write, view, table, slot).await?;
    }
    let inserted = write.insert(table, row).await.map_err(refused)?;
    let key = table.key_of(&inserted).next().and_then(text);
    let mut read = read_within(&mut *write, &view.site, BY_ID, &[key]).await?;
    let record = read.pop().ok_or(ServiceError::Clash(None))?;
    write.commit().await.map_err(refused)?;
    Ok(record)
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
    bring(hub, &view, id, by.now).await?;
    match cancel_row(hub, &view, id, by).await {
        Ok(record) => Ok(written(hub, record, by.now).await),
        Err(error) => Err(lasting(hub, &view, error).await),
    }
}

async fn cancel_row(
    hub: &Hub,
    view: &SiteView,
    id: i64,
    by: By<'_>,
) -> Result<Record, ServiceError> {
    let table = appointments(view)?;
    let refused = |error| ServiceError::of_write(table, error);
    let begun = hub
        .database()
        .begin_write(&view.site, &view.dataset, by.actor);
    let mut write = begun.await.map_err(refused)?;
    let key = Some(id.to_string());
    let at = updated(hub, table, by).and_then(|(_, at)| text(&at));
    let cancelled = read_within(&mut *write, &view.site, CANCEL, &[key.clone(), at]).await;
    let is_cancelled = !cancelled.map_err(refused)?.is_empty();
    let mut present = read_within(&mut *write, &view.site, BY_ID, &[key]).await?;
    let record = present.pop().ok_or_else(|| unknown(id))?;
    if !is_cancelled {
        return Err(ServiceError::NotAllowed(
            NotAllowed::Closed,
            Some(Box::new(record)),
        ));
    }
    let slot = ["consultantid", "date", "time"].map(|name| text(record.value(name)));
    if slot.iter().all(Option::is_some) {
        let freed = read_within(&mut *write, &view.site, FREE_SLOT, &slot).await;
        freed.map_err(refused)?;
    }
    write.commit().await.map_err(refused)?;
    Ok(record)
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
    let zone = hub.config().window.timezone.0.clone();
    let at = by.now.to_zoned(zone).datetime();
    let seconds = at.with().subsec_nanosecond(0).build().unwrap_or(at);
    Some((table.column("updatedat")?, Value::Timestamp(seconds)))
}

/// The slot that is asked for, on a date that is loaded for it; `None`: no consultant is named.
async fn slot(
    hub: &Hub,
    view: &SiteView,
    table: &Table,
    row: &Fields,
    by: By<'_>,
) -> Result<Option<SlotKey>, ServiceError> {
    let value = |name: &str| {
        let at = table.column(name)?;
        let (_, value) = row.iter().find(|(column, _)| *column == at)?;
        Some(value).filter(|value| !value.is_null())
    };
    if let Some(Value::Date(date)) = value("date") {
        let day = DateRange::day(*date);
        hub.bring(&view.site, day, by.now).await?;
    }
    let key = ["consultantid", "date", "time"].map(|name| value(name).and_then(text));
    Ok(key[0].is_some().then_some(key))
}

/// Takes a slot, if it is free.
async fn take(
    write: &mut dyn SiteWrite,
    view: &SiteView,
    table: &Table,
    slot: &SlotKey,
) -> Result<(), ServiceError> {
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
    // Others write appointments and leave the slots as they are.
    let other = read_within(write, &view.site, OF_SLOT, slot).await?.pop();
    if let Some(other) = other {
        return Err(ServiceError::Clash(Some(Box::new(other))));
    }
    if is_taken {
        return Ok(());
    }
    let there = read_within(write, &view.site, SLOT, slot).await?.pop();
    let why = match there {
        Some(_) => NotAllowed::SlotTaken,
        None => NotAllowed::NoSlot,
    };
    Err(ServiceError::NotAllowed(why, there.map(Box::new)))
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
