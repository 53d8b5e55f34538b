//! Consultants' slots, taken and freed by conditional updates.

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::dataset::{Default, Table};
use causeway_shared::edits_object::Texts;
use causeway_shared::value::Value;
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};

use super::has_appointments;
use super::statements::{CONSULTANT, FREE_SLOT, OF_SLOT, SLOT, TAKE_SLOT};
use super::write::appointments;
use crate::db::SiteWrite;
use crate::services::error::{NotAllowed, ServiceError};
use crate::services::field_error::Wrong;
use crate::services::fields::Fields;
use crate::services::record::{Record, read_within};
use crate::stats::meetassist::APPOINTMENT;
use crate::sync::{LoadedDates, SiteView};

/// No appointment takes longer.
const DAY_MINUTES: i64 = 24 * 60;

/// What an appointment shares with no other, and with its slot.
pub(crate) const SLOT_KEY: [&str; 3] = ["consultantid", "date", "time"];

/// Their values as parameters of a statement.
pub(in crate::services) type SlotKey = [Option<String>; 3];

/// For whom a slot is taken.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holder {
    /// An appointment that did not have it.
    New,
    /// One that has it already, by its number: whoever wrote it may have left the slot as it was.
    Present(i64),
}

/// The slot of an appointment; `None`: it has no consultant.
pub(super) fn of(record: &Record) -> Option<SlotKey> {
    let key = SLOT_KEY.map(|name| canonical_text(record.value(name)));
    key.iter().all(Option::is_some).then_some(key)
}

/// Takes a slot, if it is free, and answers it. `None`: its date is not loaded, so that nothing is known
/// of it.
pub(super) async fn take(
    write: &mut dyn SiteWrite,
    view: &SiteView,
    slot: &SlotKey,
    holder: Holder,
    date: &LoadedDates,
) -> Result<Option<Record>, ServiceError> {
    let table = appointments(view)?;
    let refused = |error| ServiceError::of_write(table, error);
    let consultant = read_within(write, &view.site, CONSULTANT, &slot[..1]).await?;
    match consultant.first().map(|row| row.value("isdisabled")) {
        None => {
            return Err(ServiceError::invalid("consultantid", Wrong::NoConsultant));
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
    let own = match holder {
        Holder::New => None,
        Holder::Present(id) => Some(id.to_string()),
    };
    let [consultant, date, time] = slot.clone();
    let of_slot = [consultant, date, time, own];
    let other = read_within(write, &view.site, OF_SLOT, &of_slot)
        .await?
        .pop();
    if let Some(other) = other {
        return Err(ServiceError::Clash(Some(Box::new(other))));
    }
    let there = read_within(write, &view.site, SLOT, slot).await?.pop();
    match there {
        Some(slot) if is_taken || matches!(holder, Holder::Present(_)) => Ok(Some(slot)),
        Some(there) => Err(ServiceError::NotAllowed(
            NotAllowed::SlotTaken,
            Some(Box::new(there)),
        )),
        None => Err(ServiceError::NotAllowed(NotAllowed::NoSlot, None)),
    }
}

/// Makes a slot available again that no appointment has any more.
pub(in crate::services) async fn free(
    write: &mut dyn SiteWrite,
    view: &SiteView,
    slot: &SlotKey,
) -> Result<(), ServiceError> {
    let table = appointments(view)?;
    let freed = read_within(write, &view.site, FREE_SLOT, slot).await;
    freed.map_err(|error| ServiceError::of_write(table, error))?;
    Ok(())
}

/// What becomes of slots where a row becomes another one.
#[derive(Debug, Default)]
pub(in crate::services) struct SlotChange {
    /// Needed by the row as it was.
    pub(in crate::services) left: Option<SlotKey>,
    /// Needed by the row as it will be.
    pub(in crate::services) taken: Option<HeldSlot>,
}

/// The slot of an appointment that is not cancelled.
#[derive(Debug)]
pub(in crate::services) struct HeldSlot {
    pub(in crate::services) date: Date,
    slot: SlotKey,
    appointment: i64,
}

impl HeldSlot {
    fn of(row: &Texts) -> Option<Self> {
        let text = |name: &str| row.get(name).cloned().flatten();
        let slot = SLOT_KEY.map(text);
        let is_held = text("status").as_deref() != Some("cancelled");
        Some(Self {
            date: slot[1].as_ref()?.parse().ok()?,
            appointment: text("appointmentid")?.parse().ok()?,
            slot,
        })
        .filter(|held| is_held && held.slot.iter().all(Option::is_some))
    }
}

/// Which slots change with a row of a table; none, where it is no appointment.
pub(in crate::services) fn change(
    view: &SiteView,
    table: &Table,
    rows: [Option<&Texts>; 2],
) -> SlotChange {
    if table.name.as_str() != APPOINTMENT || !has_appointments(view) {
        return SlotChange::default();
    }
    let [had, has] = rows.map(|row| row.and_then(HeldSlot::of));
    let slot = |held: &Option<HeldSlot>| held.as_ref().map(|held| held.slot.clone());
    match slot(&had) == slot(&has) {
        true => SlotChange::default(),
        false => SlotChange {
            left: slot(&had),
            taken: has,
        },
    }
}

/// Takes the slot of an appointment that is as it was before: where there is none it needs none, and whoever
/// cancelled it may have left the slot as it was. `false`: its date is not loaded.
pub(in crate::services) async fn take_again(
    write: &mut dyn SiteWrite,
    view: &SiteView,
    held: &HeldSlot,
    date: &LoadedDates,
) -> Result<bool, ServiceError> {
    let holder = Holder::Present(held.appointment);
    match take(write, view, &held.slot, holder, date).await {
        Ok(taken) => Ok(taken.is_some()),
        Err(ServiceError::NotAllowed(NotAllowed::NoSlot, _)) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Holds a booking to the length of its slot: one that does not say how long it takes has the usual
/// length, or the slot's where that is shorter.
pub(super) fn fit(
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
            let wrong = Wrong::LongerThanSlot(minutes);
            Err(ServiceError::invalid("duration", wrong))
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

/// Refuses a slot that is over. One that has begun is still taken, for somebody who is there already.
pub(super) fn require_not_over(slot: &Record, now: DateTime) -> Result<(), ServiceError> {
    match (slot.value("date"), slot.value("endtime")) {
        (Value::Date(date), Value::Time(end)) if date.to_datetime(*end) <= now => {
            // As it was, and will be, since what took it is not committed.
            let mut slot = slot.clone();
            slot.set("isavailable", Value::Bool(true));
            let slot = Some(Box::new(slot));
            Err(ServiceError::NotAllowed(NotAllowed::SlotOver, slot))
        }
        _ => Ok(()),
    }
}

/// The same of an appointment that needs no slot and takes so many minutes, else the usual ones.
pub(super) fn require_ahead(
    table: &Table,
    start: DateTime,
    minutes: Option<&Value<'_>>,
    now: DateTime,
) -> Result<(), ServiceError> {
    let usual = table
        .column("duration")
        .and_then(|at| match &table.columns[at].default {
            Some(Default::Constant(usual)) => Some(usual),
            _ => None,
        });
    let minutes = match minutes.or(usual) {
        Some(Value::Int(minutes)) => (*minutes).clamp(0, DAY_MINUTES),
        _ => 0,
    };
    let end = start.checked_add(SignedDuration::from_mins(minutes));
    if end.is_ok_and(|end| end <= now) {
        return Err(ServiceError::invalid("time", Wrong::Over(now)));
    }
    Ok(())
}

/// A column's value, where one is given.
pub(super) fn value<'r>(table: &Table, row: &'r Fields, name: &str) -> Option<&'r Value<'static>> {
    let at = table.column(name)?;
    let (_, value) = row.iter().find(|(column, _)| *column == at)?;
    Some(value).filter(|value| !value.is_null())
}
