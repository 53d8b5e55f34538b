//! What becomes of an appointment: confirmed, completed, cancelled, given to a consultant.
//!
//! A step reads the row, holds it with its customer, takes the slot that it needs, changes the row if it is
//! still as it was read, and frees the slot that is not needed any more: in this order, so that no two who
//! want the same wait for each other.

#[cfg(test)]
mod tests;

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::ids::SiteName;
use causeway_shared::value::Value;

use super::history::bring;
use super::slots::{self, Holder, SlotKey};
use super::statements::{BY_ID, STEP};
use super::the_site;
use super::write::{
    ATTEMPTS, By, Written, appointments, hold, lasting, moment, taken_out_each_time, written,
};
use crate::services::error::{NotAllowed, ServiceError};
use crate::services::record::{Record, read_within};
use crate::sync::{Hub, LoadedDates, SiteView};

/// A change of an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Of a pending one; takes its consultant's slot.
    Confirm,
    /// Of a confirmed one.
    Complete,
    /// Of one that is pending or confirmed; frees its consultant's slot.
    Cancel,
    /// Gives one that is pending or confirmed to a consultant, whose slot is taken; another consultant's is
    /// freed.
    Assign(i64),
}

impl Step {
    /// The status that an appointment gets; `None`: it does not allow the step.
    fn status(self, now: &str) -> Option<&'static str> {
        match (self, now) {
            (Self::Confirm, "pending") => Some("confirmed"),
            (Self::Complete, "confirmed") => Some("completed"),
            (Self::Cancel, "pending" | "confirmed") => Some("cancelled"),
            (Self::Assign(_), "pending") => Some("pending"),
            (Self::Assign(_), "confirmed") => Some("confirmed"),
            _ => None,
        }
    }

    fn not_allowed(self) -> NotAllowed {
        match self {
            Self::Confirm => NotAllowed::NotPending,
            Self::Complete => NotAllowed::NotConfirmed,
            Self::Cancel => NotAllowed::Closed,
            Self::Assign(_) => NotAllowed::NotOpen,
        }
    }

    /// The slot that has to be taken, and for whom.
    fn takes(self, before: &Record, after: Option<&SlotKey>) -> Option<(SlotKey, Holder)> {
        let own = match before.value("appointmentid") {
            Value::Int(id) => Holder::Present(*id),
            _ => Holder::New,
        };
        let holder = match self {
            Self::Complete | Self::Cancel => return None,
            Self::Confirm => own,
            Self::Assign(_) if slots::of(before).as_ref() == after => own,
            Self::Assign(_) => Holder::New,
        };
        Some((after?.clone(), holder))
    }

    /// The slot that is not needed any more.
    fn frees(self, before: &Record, after: Option<&SlotKey>) -> Option<SlotKey> {
        let had = slots::of(before)?;
        let is_left = match self {
            Self::Cancel => true,
            Self::Assign(_) => Some(&had) != after,
            Self::Confirm | Self::Complete => false,
        };
        is_left.then_some(had)
    }
}

/// Takes an appointment a step on. A date that is not in the database is loaded first.
///
/// # Errors
/// [`ServiceError`]: nothing was changed.
pub(crate) async fn step(
    hub: &Hub,
    site: Option<&SiteName>,
    id: i64,
    step: Step,
    by: By<'_>,
) -> Result<Written, ServiceError> {
    let view = the_site(hub, site).await?;
    for _ in 0..ATTEMPTS {
        let (before, loaded) = bring(hub, &view, id, by.now).await?;
        match step_row(hub, &view, &before, &loaded, step, by).await {
            Ok(Some(record)) => return Ok(written(hub, record, by.now).await),
            Ok(None) => {}
            Err(error) => return Err(lasting(hub, &view, error).await),
        }
    }
    Err(taken_out_each_time())
}

/// `None`: its date was taken out again, or the row has changed so that the step has to look again.
async fn step_row(
    hub: &Hub,
    view: &SiteView,
    before: &Record,
    loaded: &LoadedDates,
    step: Step,
    by: By<'_>,
) -> Result<Option<Record>, ServiceError> {
    let refuse = |why, record| Err(ServiceError::NotAllowed(why, Some(Box::new(record))));
    let Some(status) = step.status(&before.text("status")) else {
        return refuse(step.not_allowed(), before.clone());
    };
    let mut after = before.clone();
    if let Step::Assign(consultant) = step {
        after.set("consultantid", Value::Int(consultant));
    }
    let slot = slots::of(&after);
    let table = appointments(view)?;
    let refused = |error| ServiceError::of_write(table, error);
    let database = hub.database();
    let begun = database.begin_write(&view.site, &view.dataset, by.actor);
    let mut write = begun.await.map_err(refused)?;
    hold(&mut *write, view, before).await.map_err(refused)?;
    if let Some((slot, holder)) = step.takes(before, slot.as_ref())
        && slots::take(&mut *write, view, &slot, holder, loaded)
            .await?
            .is_none()
    {
        return Ok(None);
    }
    let text = |record: &Record, name| canonical_text(record.value(name));
    let key = text(before, "appointmentid");
    let parameters = [
        key.clone(),
        Some(status.to_owned()),
        text(&after, "consultantid"),
        canonical_text(&moment(hub, by)),
        text(before, "status"),
        text(before, "consultantid"),
        text(before, "date"),
        text(before, "time"),
    ];
    let changed = read_within(&mut *write, &view.site, STEP, &parameters).await;
    let is_changed = !changed.map_err(refused)?.is_empty();
    // From the statement above on no load puts rows in or takes them out.
    let mut present = read_within(&mut *write, &view.site, BY_ID, &[key]).await?;
    let Some(record) = present.pop() else {
        return Ok(None);
    };
    if !is_changed {
        return match step {
            Step::Assign(_) => refuse(NotAllowed::ChangedMeanwhile, record),
            // Which may allow the step all the same.
            _ => Ok(None),
        };
    }
    if let Some(slot) = step.frees(before, slot.as_ref()) {
        slots::free(&mut *write, view, &slot).await?;
    }
    write.commit().await.map_err(refused)?;
    Ok(Some(record))
}
