//! Appointments per day over any range of dates, loaded or not: summaries know them.

use causeway_shared::dataset::Dataset;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::{APPOINTMENT, StatusCounts};
use crate::sync::DateRange;
use crate::sync::SiteView;

/// One day's appointments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Day {
    pub date: Date,
    /// Its appointments.
    pub total: u64,
    /// How they stand.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub by_status: StatusCounts,
}

/// Appointments of every day of a range, days without any included.
#[must_use]
pub(crate) fn appointments_per_day(
    range: DateRange,
    declared: &Dataset,
    sites: &[&SiteView],
) -> Vec<Day> {
    let none = StatusCounts::declared(declared, sites, APPOINTMENT);
    let mut days: Vec<Day> = range
        .dates()
        .map(|date| Day {
            date,
            total: 0,
            by_status: none.clone(),
        })
        .collect();
    let (from, to) = (range.from(), range.to());
    let partitions = sites
        .iter()
        .flat_map(|view| view.catalog.dates(APPOINTMENT, from, to));
    for (date, entry) in partitions {
        // Every day is listed, so that a date's place follows from the first.
        let Ok(place) = days.binary_search_by_key(&date, |day| day.date) else {
            continue;
        };
        let total = &mut days[place].total;
        *total = total.saturating_add(entry.object.rows);
        days[place].by_status.add_summary(&entry.object.summary);
    }
    days
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::stats::samples::{json, site};

    fn days(from: Date, to: Date) -> Vec<Day> {
        let site = site(
            "a",
            &[
                (
                    "appointment",
                    "dt=2024-02-29",
                    r#"{"count_by":{"status":{"values":{"completed":3}}}}"#,
                    3,
                ),
                ("customer", "b=00of16", "{}", 4),
            ],
        );
        let declared = Dataset::meetassist().unwrap();
        appointments_per_day(DateRange::new(from, to).unwrap(), &declared, &[&site])
    }

    #[test]
    fn every_day_is_listed() {
        let days = days(date(2024, 2, 28), date(2024, 3, 1));
        insta::assert_snapshot!(json(&days), @r#"
        [{"date":"2024-02-28","total":0,"by_status":{"pending":0,"confirmed":0,"completed":0,"cancelled":0}},
        {"date":"2024-02-29","total":3,"by_status":{"pending":0,"confirmed":0,"completed":3,"cancelled":0}},
        {"date":"2024-03-01","total":0,"by_status":{"pending":0,"confirmed":0,"completed":0,"cancelled":0}}]
        "#);
    }
}
