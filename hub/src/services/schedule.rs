//! Consultants' slots: listed, generated for a range of dates, opened and closed.

mod generate;

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::dataset::Table;
use causeway_shared::ids::SiteName;
use causeway_shared::value::{Type, Value};
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::{Map, Value as Json};

pub(crate) use self::generate::{Generated, MINUTES, generate};
use super::appointments::{
    ATTEMPTS, By, SLOT_COLUMNS, Written, in_the_way, lasting, local, the_site, written,
};
use super::consultants::CONSULTANTS;
use super::days::require_readable;
use super::error::ServiceError;
use super::field_error::Wrong;
use super::fields::{self, Needs};
use super::list::{List, Listing};
use super::record::{Columns, Record, Statement, find, read, read_within};
use crate::stats::meetassist::SCHEDULE;
use crate::sync::{DateRange, Hub, LoadedDates, SiteView};

const LISTED_COLUMNS: Columns = &[
    ("total", Type::Int),
    ("scheduleid", Type::Int),
    ("consultantid", Type::Int),
    ("date", Type::Date),
    ("starttime", Type::Time),
    ("endtime", Type::Time),
    ("isavailable", Type::Bool),
    // Whether it can be booked by whoever plans ahead.
    ("isfree", Type::Bool),
    // `free`; `begun`: it can still be booked, for somebody who is there; `over`, `closed`, or `held`.
    ("state", Type::Text),
    ("consultantname", Type::Text),
    // The appointment that has it.
    ("appointmentid", Type::Int),
    ("status", Type::Text),
    ("customerid", Type::Text),
    ("customername", Type::Text),
];

/// What is listed of a slot.
pub(crate) const COLUMNS: Columns = LISTED_COLUMNS.split_at(1).1;

/// Slots by date, start and number. Its filters are the first and the last date, a consultant, and the present
/// date and time.
pub(super) static SLOTS: List = List {
    statement: Statement {
        sql: include_str!("sql/slots_list.sql"),
        columns: LISTED_COLUMNS,
    },
    order: &["date", "starttime", "scheduleid"],
};

const BY_ID: Statement = Statement {
    sql: include_str!("sql/slot_by_id.sql"),
    columns: SLOT_COLUMNS,
};
const CLOSE: Statement = changing(include_str!("sql/slot_close.sql"));
/// Opens a slot that no appointment has.
const OPEN: Statement = changing(include_str!("sql/slot_open.sql"));

const fn changing(sql: &'static str) -> Statement {
    Statement {
        sql,
        columns: &[("scheduleid", Type::Int)],
    }
}

/// The slots of a consultant, and the appointment that has each.
///
/// # Errors
/// [`ServiceError`]
pub(crate) async fn listing(
    hub: &Hub,
    site: Option<&SiteName>,
    consultant: &str,
    dates: DateRange,
    now: Timestamp,
) -> Result<Listing, ServiceError> {
    require_readable(hub, dates)?;
    let consultant = CONSULTANTS.one(hub, site, consultant).await?;
    let view = the_site(hub, Some(&consultant.site)).await?;
    let key = canonical_text(consultant.value("consultantid"));
    Ok(Listing {
        list: &SLOTS,
        sites: vec![view],
        dates: Some(dates),
        filters: filters(dates, key, local(hub, now)),
    })
}

/// The filters of [`SLOTS`].
pub(super) fn filters(
    dates: DateRange,
    consultant: Option<String>,
    now: DateTime,
) -> Vec<Option<String>> {
    let [from, to, today] =
        [dates.from(), dates.to(), now.date()].map(|date| Some(date.to_string()));
    let time = now.strftime("%H:%M:%S").to_string();
    vec![from, to, consultant, today, Some(time)]
}

/// For whoever books: whether a slot can be booked, or still can.
pub(crate) fn is_bookable(slot: &Record) -> bool {
    matches!(slot.text("state").as_str(), "free" | "begun")
}

/// Closes a slot, or opens one that no appointment has.
///
/// # Errors
/// [`ServiceError`]: nothing was changed.
pub(crate) async fn set(
    hub: &Hub,
    site: Option<&SiteName>,
    id: i64,
    given: &Map<String, Json>,
    by: By<'_>,
) -> Result<Written, ServiceError> {
    let view = the_site(hub, site).await?;
    let table = declared(&view, SCHEDULE)?;
    let row = fields::read(table, &["isavailable"], given, Needs::Given)
        .map_err(ServiceError::Invalid)?;
    let opens = match row.first() {
        Some((_, Value::Bool(opens))) => *opens,
        _ => return Err(ServiceError::invalid("isavailable", Wrong::Needed)),
    };
    for _ in 0..ATTEMPTS {
        let loaded = bring(hub, &view, id, by).await?;
        match set_row(hub, &view, id, &loaded, opens, by).await {
            Ok(Some(record)) => return Ok(written(hub, record, by.now).await),
            Ok(None) => {}
            Err(error) => return Err(lasting(hub, &view, error).await),
        }
    }
    Err(taken_out_each_time())
}

/// `None`: its date was taken out of the database meanwhile, or the slot is gone.
async fn set_row(
    hub: &Hub,
    view: &SiteView,
    id: i64,
    loaded: &LoadedDates,
    opens: bool,
    by: By<'_>,
) -> Result<Option<Record>, ServiceError> {
    let table = declared(view, SCHEDULE)?;
    let refused = |error| ServiceError::of_write(table, error);
    let begun = hub
        .database()
        .begin_write(&view.site, &view.dataset, by.actor);
    let mut write = begun.await.map_err(refused)?;
    let key = [Some(id.to_string())];
    let change = if opens { OPEN } else { CLOSE };
    let changed = read_within(&mut *write, &view.site, change, &key).await;
    changed.map_err(refused)?;
    // From the statement above on no load takes slots out.
    if !write.are_loaded(&loaded.parts).await? {
        return Ok(None);
    }
    let Some(record) = read_within(&mut *write, &view.site, BY_ID, &key)
        .await?
        .pop()
    else {
        return Ok(None);
    };
    if *record.value("isavailable") != Value::Bool(opens) {
        drop(write);
        let of_slot = ["consultantid", "date", "starttime"];
        let of_slot = of_slot.map(|name| canonical_text(record.value(name)));
        let there = in_the_way(hub, view, Some(&of_slot)).await?;
        return Err(ServiceError::Clash(there));
    }
    write.commit().await.map_err(refused)?;
    Ok(Some(record))
}

/// Loads the date of a slot.
async fn bring(
    hub: &Hub,
    view: &SiteView,
    id: i64,
    by: By<'_>,
) -> Result<LoadedDates, ServiceError> {
    let key = [Some(id.to_string())];
    let mut rows = read(hub, &view.site, BY_ID, &key).await?;
    if rows.is_empty() {
        let of = ("scheduleid", &*id.to_string());
        rows = find(hub, view, (SCHEDULE, SLOT_COLUMNS), of, by.now).await?;
    }
    let date = rows.first().map(|slot| slot.value("date"));
    let Some(Value::Date(date)) = date else {
        return Err(ServiceError::NotFound(format!("there is no slot {id}")));
    };
    Ok(hub.bring(&view.site, DateRange::day(*date), by.now).await?)
}

fn taken_out_each_time() -> ServiceError {
    ServiceError::TryAgain("somebody else changes the same slots; try again".to_owned())
}

fn declared<'v>(view: &'v SiteView, name: &str) -> Result<&'v Table, ServiceError> {
    let table = view.dataset.table(name);
    table.ok_or_else(|| ServiceError::NotFound(format!("site {} has no {name}", view.site)))
}
