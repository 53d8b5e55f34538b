//! What consultants did on one day: a share of their figures over any range.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::canonical_csv::Field;
use causeway_shared::dataset::{Dataset, Table};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{APPOINTMENT, FEEDBACK, SCHEDULE, STATUS};

/// A day's share, by the consultant's number.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct DayShare(pub(crate) BTreeMap<i64, Share>);

/// What a consultant did.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Share {
    /// Appointments.
    pub(crate) by_status: BTreeMap<String, u64>,
    pub(crate) rating_sum: f64,
    pub(crate) ratings: u64,
    pub(crate) slots: Slots,
}

/// A consultant's slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct Slots {
    /// All that there are, available or not.
    pub(crate) offered: u64,
    /// Those that have an appointment which is not cancelled.
    pub(crate) used: u64,
}

impl Share {
    pub(crate) fn add(&mut self, other: &Self) {
        for (status, rows) in &other.by_status {
            let known = self.by_status.entry(status.clone()).or_default();
            *known = known.saturating_add(*rows);
        }
        self.rating_sum += other.rating_sum;
        self.ratings = self.ratings.saturating_add(other.ratings);
        self.slots.offered = self.slots.offered.saturating_add(other.slots.offered);
        self.slots.used = self.slots.used.saturating_add(other.slots.used);
    }
}

/// The tables that a share is made from, where a dataset has them.
#[must_use]
pub(crate) fn tables(dataset: &Dataset) -> Option<[&Table; 3]> {
    let table = |name| dataset.table(name);
    Some([table(APPOINTMENT)?, table(FEEDBACK)?, table(SCHEDULE)?])
}

/// A day's rows while they are read: all appointments first.
#[derive(Debug, Default)]
pub(crate) struct DayRows {
    share: DayShare,
    /// Whose each appointment is, by its number.
    consultants: BTreeMap<String, i64>,
    /// Consultant and time of those that are not cancelled.
    booked: BTreeSet<(i64, String)>,
}

impl DayRows {
    /// Takes a row of one of the [tables]. What is nobody's is left out.
    pub(crate) fn add(&mut self, table: &Table, row: &[Field<'_>]) {
        let text = |column: &str| {
            let at = table.column(column)?;
            row.get(at)?.as_deref()
        };
        let number = |column: &str| text(column).and_then(|text| text.parse::<i64>().ok());
        match table.name.as_str() {
            APPOINTMENT => {
                let Some(consultant) = number("consultantid") else {
                    return;
                };
                if let Some(id) = text("appointmentid") {
                    self.consultants.insert(id.to_owned(), consultant);
                }
                let status = text(STATUS).unwrap_or_default();
                let share = self.share.0.entry(consultant).or_default();
                *share.by_status.entry(status.to_owned()).or_default() += 1;
                if status != "cancelled"
                    && let Some(time) = text("time")
                {
                    self.booked.insert((consultant, time.to_owned()));
                }
            }
            FEEDBACK => {
                let of = text("appointmentid").and_then(|id| self.consultants.get(id));
                let rating = text("rating").and_then(|rating| rating.parse::<f64>().ok());
                if let (Some(consultant), Some(rating)) = (of, rating) {
                    let share = self.share.0.entry(*consultant).or_default();
                    share.rating_sum += rating;
                    share.ratings += 1;
                }
            }
            _ => {
                let (Some(consultant), Some(time)) = (number("consultantid"), text("starttime"))
                else {
                    return;
                };
                let is_used = self.booked.contains(&(consultant, time.to_owned()));
                let slots = &mut self.share.0.entry(consultant).or_default().slots;
                slots.offered += 1;
                slots.used += u64::from(is_used);
            }
        }
    }

    pub(crate) fn finish(self) -> DayShare {
        self.share
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::stats::samples::json;

    #[test]
    fn a_day_is_shared_out() {
        let dataset = Dataset::meetassist().unwrap();
        let [appointment, feedback, schedule] = tables(&dataset).unwrap();
        let mut rows = DayRows::default();
        let mut add = |table: &Table, texts: &[(&str, &str)]| {
            let field = |column: &causeway_shared::dataset::Column| {
                let mut texts = texts.iter();
                let found = texts.find(|(name, _)| *name == column.name.as_str());
                found.map(|(_, text)| Cow::Borrowed(*text))
            };
            let row: Vec<_> = table.columns.iter().map(field).collect();
            rows.add(table, &row);
        };
        for (id, consultant, time, status) in [
            ("1", Some("7"), "09:00:00", "completed"),
            ("2", Some("7"), "10:00:00", "cancelled"),
            ("3", Some("8"), "09:00:00", "pending"),
            ("4", None, "09:00:00", "pending"),
        ] {
            let row = [("appointmentid", id), ("time", time), ("status", status)];
            let of = consultant.map(|of| ("consultantid", of));
            add(appointment, &row.into_iter().chain(of).collect::<Vec<_>>());
        }
        for (id, rating) in [("1", "4.5"), ("2", "3"), ("4", "1"), ("9", "1")] {
            add(feedback, &[("appointmentid", id), ("rating", rating)]);
        }
        for (consultant, time) in [("7", "09:00:00"), ("7", "10:00:00"), ("9", "09:00:00")] {
            add(
                schedule,
                &[("consultantid", consultant), ("starttime", time)],
            );
        }
        insta::assert_snapshot!(json(&rows.finish()), @r#"
                {"7":{"by_status":{"cancelled":1,"completed":1},
                "rating_sum":7.5,"ratings":2,"slots":{"offered":2,"used":1}},
                "8":{"by_status":{"pending":1},
                "rating_sum":0.0,"ratings":0,"slots":{"offered":0,"used":0}},
                "9":{"by_status":{},
                "rating_sum":0.0,"ratings":0,"slots":{"offered":1,"used":0}}}
                "#);
    }
}
