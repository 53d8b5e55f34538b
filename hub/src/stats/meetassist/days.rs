//! Appointments per day over any range of dates, loaded or not: summaries know them.

use causeway_shared::dataset::Dataset;
use jiff::civil::Date;
use serde::Serialize;

use super::{StatusCounts, tables};
use crate::sync::DateRange;
use crate::sync::SiteView;

/// Most days of one answer: ten years and a little.
pub(crate) const MAX_DAYS: u32 = 3_700;

/// A range that is too long for one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{days} days are too many for one answer; ask for at most {MAX_DAYS} at a time")]
pub(crate) struct DaysError {
    /// The days asked for.
    pub days: u32,
}

/// One day's appointments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Day {
    /// The day.
    pub date: Date,
    /// Its appointments.
    pub total: u64,
    /// How they stand.
    pub by_status: StatusCounts,
}

/// Appointments of every day of a range, days without any included.
///
/// # Errors
/// [`DaysError`] if there are more than [`MAX_DAYS`].
pub(crate) fn appointments_per_day(
    range: DateRange,
    declared: &Dataset,
    sites: &[SiteView],
) -> Result<Vec<Day>, DaysError> {
    if range.days() > MAX_DAYS {
        return Err(DaysError { days: range.days() });
    }
    let none = StatusCounts::declared(declared, sites, tables::APPOINTMENT);
    let mut days: Vec<Day> = range
        .dates()
        .map(|date| Day {
            date,
            total: 0,
            by_status: none.clone(),
        })
        .collect();
    let partitions = sites
        .iter()
        .flat_map(|view| view.catalog.table(tables::APPOINTMENT));
    for (part, entry) in partitions {
        let Some(date) = part.date() else { continue };
        // Every day is listed, so that a date's place follows from the first.
        let Ok(place) = days.binary_search_by_key(&date, |day| day.date) else {
            continue;
        };
        days[place].total += entry.object.rows;
        days[place].by_status.add_summary(&entry.object.summary);
    }
    Ok(days)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::stats::samples::{json, site};

    fn days(from: Date, to: Date) -> Result<Vec<Day>, DaysError> {
        let sites = [site(
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
        )];
        let declared = Dataset::meetassist().unwrap();
        appointments_per_day(DateRange::new(from, to).unwrap(), &declared, &sites)
    }

    #[test]
    fn every_day_is_listed() {
        let days = days(date(2024, 2, 28), date(2024, 3, 1)).unwrap();
        insta::assert_snapshot!(json(&days), @r#"
        [{"date":"2024-02-28","total":0,"by_status":{"pending":0,"confirmed":0,"completed":0,"cancelled":0}},
        {"date":"2024-02-29","total":3,"by_status":{"pending":0,"confirmed":0,"completed":3,"cancelled":0}},
        {"date":"2024-03-01","total":0,"by_status":{"pending":0,"confirmed":0,"completed":0,"cancelled":0}}]
        "#);
    }

    #[test]
    fn a_range_has_a_limit() {
        assert_eq!(
            days(date(2000, 1, 1), date(2010, 2, 16)).map(|days| days.len()),
            Ok(3_700)
        );
        assert_eq!(
            days(date(2000, 1, 1), date(2010, 2, 17)),
            Err(DaysError { days: 3_701 })
        );
    }
}
