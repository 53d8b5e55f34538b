//! Slots, generated for a range of dates.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use causeway_shared::commit::RowKey;
use causeway_shared::ids::SiteName;
use causeway_shared::value::{Type, Value};
use jiff::SignedDuration;
use jiff::civil::{Date, Time, Weekday};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::{ATTEMPTS, changing, declared, taken_out_each_time};
use crate::db::SiteWrite;
use crate::services::appointments::{By, lasting, the_site, today};
use crate::services::consultants::CONSULTANTS;
use crate::services::days::require_readable;
use crate::services::error::{NotAllowed, ServiceError};
use crate::services::field_error::{FieldError, Wrong};
use crate::services::fields;
use crate::services::record::{Record, Statement, read_within};
use crate::stats::meetassist::{CONSULTANT, SCHEDULE};
use crate::sync::{DateRange, Hub, LoadedDates, SiteView};

/// How many minutes a slot may have.
pub(crate) const MINUTES: RangeInclusive<i64> = 5..=24 * 60;
/// Most slots that are generated at a time.
const MAX_GENERATED: usize = 2_000;
const HOLD: Statement = changing(include_str!("../sql/slots_hold.sql"));
const OF_CONSULTANT: Statement = Statement {
    sql: include_str!("../sql/slots_of_consultant.sql"),
    columns: &[
        ("date", Type::Date),
        ("starttime", Type::Time),
        ("endtime", Type::Time),
    ],
};
const APPOINTMENTS: Statement = Statement {
    sql: include_str!("../sql/appointments_of_consultant.sql"),
    columns: &[("date", Type::Date), ("time", Type::Time)],
};

/// What became of slots that were to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Generated {
    pub created: usize,
    /// Those that were not made, since the consultant has a slot at that time.
    pub kept: usize,
    /// Whether they are in the store already.
    pub flushed: bool,
}

/// Makes slots of a consultant one behind the other on each of some days, and leaves alone what there is.
///
/// # Errors
/// [`ServiceError`]: nothing was changed.
pub(crate) async fn generate(
    hub: &Hub,
    site: Option<&SiteName>,
    consultant: &str,
    given: &Map<String, Json>,
    by: By<'_>,
) -> Result<Generated, ServiceError> {
    let consultant = CONSULTANTS.one(hub, site, consultant).await?;
    let view = the_site(hub, Some(&consultant.site)).await?;
    let Value::Int(consultant) = consultant.value("consultantid") else {
        return Err(ServiceError::invalid("consultantid", "is no number"));
    };
    let plan = Plan::read(given, today(hub, by.now))?;
    require_readable(hub, plan.dates)?;
    if let Err(error) = hub.ensure_keys(by.now).await {
        // There may be some left; if not, the insert says so.
        tracing::warn!(%error, "the database has few keys for new rows, and gets no more");
    }
    let mut loaded = hub.bring(&view.site, plan.dates, by.now).await?;
    for _ in 0..ATTEMPTS {
        match plan.make(hub, &view, *consultant, &loaded, by).await {
            Ok(Some((created, kept))) => {
                return Ok(Generated {
                    created,
                    kept,
                    flushed: hub.flush_soon(&view.site, by.now).await,
                });
            }
            Ok(None) => loaded = hub.bring_again(loaded, by.now).await?,
            // Whoever made one of them by SQL is seen the next time.
            Err(ServiceError::NotUnique(_)) => {}
            Err(error) => return Err(lasting(hub, &view, error).await),
        }
    }
    Err(taken_out_each_time())
}

/// Which slots are to be made.
#[derive(Debug, PartialEq)]
struct Plan {
    dates: DateRange,
    /// Whether Saturdays and Sundays get slots, too.
    weekends: bool,
    /// Start and end of each slot of a day.
    times: Vec<(Time, Time)>,
}

impl Plan {
    fn read(given: &Map<String, Json>, today: Date) -> Result<Self, ServiceError> {
        let taken = [
            ("from", Type::Date, None),
            ("to", Type::Date, None),
            ("start", Type::Time, None),
            ("end", Type::Time, None),
            ("minutes", Type::Int, None),
            ("weekends", Type::Bool, Some(Value::Bool(false))),
        ];
        let read = fields::members(taken, given).map_err(ServiceError::Invalid)?;
        let [
            Value::Date(from),
            Value::Date(to),
            Value::Time(start),
            Value::Time(end),
            Value::Int(minutes),
            Value::Bool(weekends),
        ] = read
        else {
            return Err(ServiceError::invalid("", "cannot be read"));
        };
        let mut wrong = Vec::new();
        let mut add = |is_wrong: bool, field: &str, why: Wrong| {
            if is_wrong {
                wrong.push(FieldError::new(field, why));
            }
        };
        add(from < today, "from", Wrong::Past(today));
        add(to < from, "to", Wrong::BeforeFrom);
        let (least, most) = (MINUTES.start(), MINUTES.end());
        add(
            !MINUTES.contains(&minutes),
            "minutes",
            Wrong::Minutes(*least, *most),
        );
        let times = times(start, end, minutes);
        let is_too_short = MINUTES.contains(&minutes) && times.is_empty();
        add(is_too_short, "end", Wrong::TooSoon(minutes));
        let dates = DateRange::new(from, to).ok().filter(|_| wrong.is_empty());
        let dates = dates.ok_or(ServiceError::Invalid(wrong))?;
        let plan = Self {
            dates,
            weekends,
            times,
        };
        let days = plan.days().take(MAX_GENERATED + 1).count();
        if days * plan.times.len() > MAX_GENERATED {
            let wrong = Wrong::TooManySlots(MAX_GENERATED);
            return Err(ServiceError::invalid("minutes", wrong));
        }
        Ok(plan)
    }

    /// The days that get slots.
    fn days(&self) -> impl Iterator<Item = Date> {
        let is_weekend =
            |date: &Date| matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        self.dates
            .dates()
            .filter(move |date| self.weekends || !is_weekend(date))
    }

    /// Makes what is missing: how many slots were made, and how many not. `None`: a date was taken out of
    /// the database meanwhile.
    async fn make(
        &self,
        hub: &Hub,
        view: &SiteView,
        consultant: i64,
        loaded: &LoadedDates,
        by: By<'_>,
    ) -> Result<Option<(usize, usize)>, ServiceError> {
        let table = declared(view, SCHEDULE)?;
        let refused = |error| ServiceError::of_write(table, error);
        let begun = hub
            .database()
            .begin_write(&view.site, &view.dataset, by.actor);
        let mut write = begun.await.map_err(refused)?;
        lock_consultant(&mut *write, view, consultant).await?;
        let held = read_within(&mut *write, &view.site, HOLD, &[]).await;
        held.map_err(refused)?;
        // From the statement above on no load takes slots out.
        if !write.are_loaded(&loaded.parts).await? {
            return Ok(None);
        }
        let [from, to] = [self.dates.from(), self.dates.to()].map(|date| Some(date.to_string()));
        let of = [Some(consultant.to_string()), from, to];
        let there = read_within(&mut *write, &view.site, OF_CONSULTANT, &of).await?;
        let there = by_date(&there, "starttime", "endtime");
        let appointments = read_within(&mut *write, &view.site, APPOINTMENTS, &of).await?;
        let appointments = by_date(&appointments, "time", "time");
        let (mut created, mut kept) = (0, 0);
        for date in self.days() {
            let has = there.get(&date).map_or(&[][..], Vec::as_slice);
            let booked = appointments.get(&date).map_or(&[][..], Vec::as_slice);
            for (start, end) in &self.times {
                if has.iter().any(|(from, to)| from < end && start < to) {
                    kept += 1;
                    continue;
                }
                let is_booked = booked.iter().any(|(time, _)| time == start);
                let row = [
                    ("consultantid", Value::Int(consultant)),
                    ("date", Value::Date(date)),
                    ("starttime", Value::Time(*start)),
                    ("endtime", Value::Time(*end)),
                    ("isavailable", Value::Bool(!is_booked)),
                ];
                let row = row.map(|(name, value)| Some((table.column(name)?, value)));
                let row: Vec<_> = row.into_iter().flatten().collect();
                write.insert(table, &row).await.map_err(refused)?;
                created += 1;
            }
        }
        write.commit().await.map_err(refused)?;
        Ok(Some((created, kept)))
    }
}

/// Start and end of slots of some minutes, one behind the other.
fn times(start: Time, end: Time, minutes: i64) -> Vec<(Time, Time)> {
    if !MINUTES.contains(&minutes) {
        return Vec::new();
    }
    let slot = |from: Time| {
        let to = from.checked_add(SignedDuration::from_mins(minutes)).ok()?;
        (to <= end).then_some((from, to))
    };
    std::iter::successors(slot(start), |(_, from)| slot(*from)).collect()
}

/// Whoever makes slots of the same consultant waits until the transaction ends.
async fn lock_consultant(
    write: &mut dyn SiteWrite,
    view: &SiteView,
    consultant: i64,
) -> Result<(), ServiceError> {
    let table = declared(view, CONSULTANT)?;
    let unknown = || ServiceError::NotFound(format!("there is no consultant \"{consultant}\""));
    let key = RowKey::try_from(vec![consultant.to_string()]).map_err(|_| unknown())?;
    let locked = write.lock_row(table, &key).await;
    let locked = locked.map_err(|error| ServiceError::of_write(table, error))?;
    let (_, row) = locked.ok_or_else(unknown)?;
    match row.get("isdisabled") {
        Some(Some(is)) if is == "true" => Err(ServiceError::NotAllowed(
            NotAllowed::ConsultantDisabled,
            None,
        )),
        _ => Ok(()),
    }
}

/// Times of rows, by date.
fn by_date(rows: &[Record], from: &str, to: &str) -> BTreeMap<Date, Vec<(Time, Time)>> {
    let mut dates: BTreeMap<Date, Vec<(Time, Time)>> = BTreeMap::new();
    for row in rows {
        if let (Value::Date(date), Value::Time(from), Value::Time(to)) =
            (row.value("date"), row.value(from), row.value(to))
        {
            dates.entry(*date).or_default().push((*from, *to));
        }
    }
    dates
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};
    use serde_json::json;

    use super::*;

    const TODAY: Date = date(2025, 11, 28);

    fn plan(change: &Json) -> Result<Plan, ServiceError> {
        let mut given = json!({"from": "2025-11-28", "to": "2025-12-01", "start": "09:00",
            "end": "11:30", "minutes": 60});
        let changes = change.as_object().cloned().unwrap_or_default();
        given.as_object_mut().unwrap().extend(changes);
        Plan::read(given.as_object().unwrap(), TODAY)
    }

    #[test]
    fn slots_follow_one_another_within_working_hours() {
        let working = plan(&json!({})).unwrap();
        let hour = |from| (time(from, 0, 0, 0), time(from + 1, 0, 0, 0));
        assert_eq!(working.times, [hour(9), hour(10)]);
        // Friday and Monday.
        let days: Vec<Date> = working.days().collect();
        assert_eq!(days, [TODAY, date(2025, 12, 1)]);
        assert_eq!(plan(&json!({"weekends": true})).unwrap().days().count(), 4);
        let late = json!({"start": "23:00", "end": "23:59:59", "minutes": 30});
        assert_eq!(plan(&late).unwrap().times.len(), 1);
    }

    #[test]
    fn what_makes_no_slots_is_named() {
        for (change, fields) in [
            (json!({"from": "2025-11-27"}), "from"),
            (json!({"to": "2025-11-27"}), "to"),
            (json!({"end": "09:59"}), "end"),
            (json!({"end": "08:00"}), "end"),
            (json!({"minutes": 4}), "minutes"),
            (json!({"minutes": -60}), "minutes"),
            (json!({"minutes": i64::MAX}), "minutes"),
            (
                json!({"start": "00:00", "end": "23:59", "minutes": 5, "to": "2026-01-28"}),
                "minutes",
            ),
            (
                json!({"from": "28.11.2025", "minutes": "60"}),
                "from minutes",
            ),
            (
                json!({"weekends": 1, "x": 1, "start": null}),
                "x start weekends",
            ),
        ] {
            let Err(ServiceError::Invalid(errors)) = plan(&change) else {
                panic!("{change} is taken");
            };
            let named: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!(named.join(" "), fields, "{change}");
        }
    }
}
