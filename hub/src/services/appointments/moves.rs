//! Appointments, moved to another date, time or consultant.

use causeway_shared::canonical_csv::canonical_text;
use causeway_shared::dataset::Table;
use causeway_shared::ids::SiteName;
use causeway_shared::value::Value;
use serde_json::{Map, Value as Json};

use super::history::{bring, by_id};
use super::slots::{
    Holder, SLOT_KEY, SlotKey, fit, free, require_ahead, require_not_over, take, value,
};
use super::statements::{BY_ID, MOVE, OWN};
use super::write::{
    ATTEMPTS, By, Written, appointments, hold, in_the_way, lasting, moment, problems,
    taken_out_each_time, written,
};
use super::{local, the_site};
use crate::services::error::{NotAllowed, ServiceError};
use crate::services::fields::{self, Fields, Needs};
use crate::services::precondition::{Precondition, tag};
use crate::services::record::{Record, read_within};
use crate::sync::{DateRange, Hub, LoadedDates, SiteView};

/// What may be changed of an appointment. What is not given stays as it is.
pub(crate) const MOVABLE: [&str; 3] = ["consultantid", "date", "time"];

/// A move of one appointment.
struct Move<'m> {
    hub: &'m Hub,
    view: &'m SiteView,
    id: i64,
    given: &'m Fields,
    precondition: &'m Precondition,
    by: By<'m>,
}

/// Moves an appointment that is pending or confirmed: its new slot, if a consultant is named, has to be free
/// and is taken, and the one that it had becomes free. Both dates are loaded first.
///
/// # Errors
/// [`ServiceError`]: nothing was changed.
pub(crate) async fn move_to(
    hub: &Hub,
    (site, id): (Option<&SiteName>, i64),
    given: &Map<String, Json>,
    precondition: &Precondition,
    by: By<'_>,
) -> Result<Written, ServiceError> {
    let view = the_site(hub, site).await?;
    let table = appointments(&view)?;
    let row = fields::read(table, &MOVABLE, given, Needs::Given).map_err(ServiceError::Invalid)?;
    let wrong = problems(table, &row, local(hub, by.now).date());
    if !wrong.is_empty() {
        return Err(ServiceError::Invalid(wrong));
    }
    let task = Move {
        hub,
        view: &view,
        id,
        given: &row,
        precondition,
        by,
    };
    for _ in 0..ATTEMPTS {
        let (before, here) = bring(hub, &view, id, by.now).await?;
        let there = match value(table, &row, "date") {
            Some(Value::Date(date)) => {
                let there = hub.bring(&view.site, DateRange::day(*date), by.now);
                Some(there.await?)
            }
            _ => None,
        };
        match task.run(table, &before, (&here, there.as_ref())).await {
            Ok(Some(record)) => return Ok(written(hub, record, by.now).await),
            Ok(None) => {}
            Err(error) => return Err(lasting(hub, &view, error).await),
        }
    }
    Err(taken_out_each_time())
}

/// Consultant, date and time of an appointment.
fn slot_of(row: &Record) -> SlotKey {
    SLOT_KEY.map(|name| canonical_text(row.value(name)))
}

impl Move<'_> {
    /// `None`: another change or load came in between.
    async fn run(
        &self,
        table: &Table,
        before: &Record,
        (here, there): (&LoadedDates, Option<&LoadedDates>),
    ) -> Result<Option<Record>, ServiceError> {
        self.precondition.check(before, OWN)?;
        if !matches!(before.text("status").as_str(), "pending" | "confirmed") {
            let before = Some(Box::new(before.clone()));
            return Err(ServiceError::NotAllowed(NotAllowed::NotMovable, before));
        }
        let was = slot_of(before);
        let slot = self.slot(table, &was);
        if slot == was {
            // With the names, which a row that was not loaded comes without.
            let here = Some(&self.view.site);
            return by_id(self.hub, here, self.id, self.by.now).await.map(Some);
        }
        // Who it was with may be noted afterwards, when it was not.
        let is_at_another_time = slot[1..] != was[1..];
        let now = local(self.hub, self.by.now);
        if is_at_another_time && slot[0].is_none() {
            let [_, date, time] = slot.clone().map(Option::unwrap_or_default);
            if let Ok(start) = format!("{date}T{time}").parse() {
                require_ahead(table, start, Some(before.value("duration")), now)?;
            }
        }
        let refused = |error| ServiceError::of_write(table, error);
        let (site, database) = (&self.view.site, self.hub.database());
        let begun = database.begin_write(site, &self.view.dataset, self.by.actor);
        let mut write = begun.await.map_err(refused)?;
        hold(&mut *write, self.view, before)
            .await
            .map_err(refused)?;
        if slot[0].is_some() {
            let there = there.unwrap_or(here);
            let taken = take(&mut *write, self.view, &slot, Holder::New, there).await?;
            let Some(taken) = taken else {
                return Ok(None);
            };
            if is_at_another_time {
                require_not_over(&taken, now)?;
            }
            let duration = table.column("duration");
            let duration = duration.map(|at| (at, before.value("duration").clone()));
            fit(table, &duration.into_iter().collect(), &taken)?;
        }
        let key = Some(self.id.to_string());
        let at = canonical_text(&moment(self.hub, self.by));
        let mut parameters = vec![key.clone()];
        parameters.extend(slot.iter().cloned().chain([at]).chain(was.iter().cloned()));
        let moved = match read_within(&mut *write, site, MOVE, &parameters).await {
            Ok(moved) => moved,
            Err(error) => {
                drop(write);
                return match refused(error) {
                    ServiceError::Clash(None) => self.clash(&slot).await,
                    error => Err(error),
                };
            }
        };
        // From the statement above on no load takes rows out, or slots.
        if moved.is_empty() || !write.are_loaded(&here.parts).await? {
            return Ok(None);
        }
        if let Some(there) = there
            && !write.are_loaded(&there.parts).await?
        {
            return Ok(None);
        }
        let Some(record) = read_within(&mut *write, site, BY_ID, &[key]).await?.pop() else {
            return Ok(None);
        };
        // Another column may have changed since the row was read.
        let mut unmoved = record.clone();
        for name in SLOT_KEY.into_iter().chain(["updatedat"]) {
            unmoved.set(name, before.value(name).clone());
        }
        if *self.precondition != Precondition::Any && tag(&unmoved, OWN) != tag(before, OWN) {
            return Ok(None);
        }
        if was[0].is_some() {
            free(&mut *write, self.view, &was).await?;
        }
        write.commit().await.map_err(refused)?;
        Ok(Some(record))
    }

    /// Consultant, date and time as they are to be.
    fn slot(&self, table: &Table, was: &SlotKey) -> SlotKey {
        let mut slot = was.clone();
        for (text, name) in slot.iter_mut().zip(SLOT_KEY) {
            let column = table.column(name);
            if let Some((_, given)) = self.given.iter().find(|(at, _)| Some(*at) == column) {
                *text = canonical_text(given);
            }
        }
        slot
    }

    /// The refusal of a slot that another appointment has. The transaction is over: what stands there is
    /// read in another.
    async fn clash(&self, slot: &SlotKey) -> Result<Option<Record>, ServiceError> {
        let there = in_the_way(self.hub, self.view, Some(slot)).await?;
        Err(ServiceError::Clash(there))
    }
}
