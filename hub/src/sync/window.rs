//! Which dates are loaded: days around today, and dates that were asked for.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use causeway_shared::ids::{Md5, Part};

use crate::config::WindowConfig;
use crate::db::{StoredSite, is_asked_of_late};

/// A range of dates, both ends included; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub(crate) struct DateRange {
    from: Date,
    to: Date,
}

/// A range whose end lies before its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{from} to {to} is no range of dates: the first must not be after the second")]
pub(crate) struct InvalidRange {
    pub from: Date,
    pub to: Date,
}

impl DateRange {
    /// All dates from one to another, both included.
    ///
    /// # Errors
    /// [`InvalidRange`] if `to` is before `from`.
    pub(crate) fn new(from: Date, to: Date) -> Result<Self, InvalidRange> {
        if from <= to {
            Ok(Self { from, to })
        } else {
            Err(InvalidRange { from, to })
        }
    }

    /// A date and so many before and after it.
    #[must_use]
    pub(crate) fn around(date: Date, before: u16, after: u16) -> Self {
        Self {
            from: date.saturating_sub(Span::new().days(before)),
            to: date.saturating_add(Span::new().days(after)),
        }
    }

    #[must_use]
    pub(crate) fn day(date: Date) -> Self {
        Self {
            from: date,
            to: date,
        }
    }

    #[must_use]
    pub(crate) fn from(&self) -> Date {
        self.from
    }

    #[must_use]
    pub(crate) fn to(&self) -> Date {
        self.to
    }

    /// Whether a date lies in it.
    #[must_use]
    pub(crate) fn contains(&self, date: Date) -> bool {
        self.from <= date && date <= self.to
    }

    pub(crate) fn dates(self) -> impl Iterator<Item = Date> {
        self.from
            .series(Span::new().days(1))
            .take_while(move |date| *date <= self.to)
    }

    /// How many dates it holds; at least 1.
    #[must_use]
    pub(crate) fn days(&self) -> u32 {
        let days = (self.to - self.from).get_days();
        u32::try_from(days).unwrap_or(0) + 1
    }
}

/// The dates around today whose rows are always loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
pub(crate) struct Window(pub DateRange);

impl Window {
    /// The window at an instant: in the configured zone, so many days before and after that day.
    #[must_use]
    pub(crate) fn at(now: Timestamp, config: &WindowConfig) -> Self {
        let today = now.to_zoned(config.timezone.0.clone()).date();
        Self(DateRange::around(today, config.before, config.after))
    }
}

/// What is to be in the database: all that is not partitioned by date, the window, pinned dates, and
/// the dates asked for besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Days around today.
    pub(crate) window: Window,
    /// Dates that stay whatever is asked for.
    pub(crate) pinned: BTreeSet<Date>,
    /// Further dates.
    pub(super) dates: Vec<DateRange>,
    /// How many dates that were asked for are kept.
    pub(super) budget: usize,
}

/// Dates that were asked for, and when.
type Asked = BTreeMap<Date, Timestamp>;

impl Wanted {
    /// The dates that this load is asked for and that nothing else keeps.
    fn requested(&self) -> BTreeSet<Date> {
        let dates = self.dates.iter().flat_map(|range| range.dates());
        dates.filter(|date| !self.stays(*date)).collect()
    }

    /// The dates that were asked for: those that are kept, and the others, for which there is no room.
    /// The latest asked first.
    fn budgeted(&self, asked: &Asked) -> (Vec<Date>, Vec<Date>) {
        let requested = self.requested();
        let mut asked: Vec<_> = asked.iter().collect();
        asked.retain(|(date, _)| !self.stays(**date) && !requested.contains(date));
        asked.sort_by_key(|(date, at)| (Reverse(**at), Reverse(**date)));
        let asked = asked.into_iter().map(|(date, _)| *date);
        let mut kept: Vec<Date> = requested.iter().rev().copied().chain(asked).collect();
        let budget = self.budget.min(kept.len());
        let forgotten = kept.split_off(budget);
        (kept, forgotten)
    }

    /// The dates that this load is asked for and that the database does not know to be asked for of late:
    /// as many as are kept.
    pub(super) fn asked_now(&self, stored: &StoredSite, now: Timestamp) -> Vec<Date> {
        let (mut kept, _) = self.budgeted(&stored.asked);
        let requested = self.requested();
        kept.retain(|date| {
            let known = stored.asked.get(date);
            requested.contains(date) && known.is_none_or(|at| !is_asked_of_late(*at, now))
        });
        kept
    }

    /// The dates that were asked for before so many others that they need not be remembered.
    pub(super) fn forgotten(&self, stored: &StoredSite) -> Vec<Date> {
        let (_, mut forgotten) = self.budgeted(&stored.asked);
        forgotten.retain(|date| stored.asked.contains_key(date));
        forgotten
    }

    /// The dates that were asked for and are kept.
    pub(crate) fn kept(&self, asked: &Asked) -> BTreeSet<Date> {
        self.budgeted(asked).0.into_iter().collect()
    }

    /// With the dates that were asked for before, as many of them as are kept.
    pub(super) fn and_asked(&self, stored: &StoredSite) -> Self {
        let (kept, _) = self.budgeted(&stored.asked);
        let mut wanted = self.clone();
        wanted.dates.extend(kept.into_iter().map(DateRange::day));
        wanted
    }

    /// Tells apart what is loaded: of which dates, those that were asked for before among them, as many of them as
    /// are kept; and how many partitions.
    pub(super) fn md5(&self, asked: &Asked, partitions: u64) -> Md5 {
        let kept = self.budgeted(asked).0;
        let days = self.pinned.iter().copied().chain(kept);
        let ranges = self.dates.iter().chain([&self.window.0]).copied();
        let mut ranges: Vec<DateRange> = ranges.chain(days.map(DateRange::day)).collect();
        ranges.sort_unstable();
        let mut whole: Vec<DateRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match whole.last_mut() {
                Some(last) if range.from <= last.to.saturating_add(Span::new().days(1)) => {
                    last.to = last.to.max(range.to);
                }
                _ => whole.push(range),
            }
        }
        let ranges = whole.iter();
        let ranges = ranges.map(|range| format!("{} {}\n", range.from, range.to));
        let text: String = ranges.chain([partitions.to_string()]).collect();
        Md5::of(text.as_bytes())
    }

    /// Whether a date is loaded though nobody asks for it.
    fn stays(&self, date: Date) -> bool {
        self.window.0.contains(date) || self.pinned.contains(&date)
    }

    /// Whether a partition is to be loaded.
    #[must_use]
    pub(super) fn contains(&self, part: Part) -> bool {
        match part {
            Part::Bucket(..) => true,
            Part::Date(date) => {
                self.stays(date) || self.dates.iter().any(|range| range.contains(date))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn window(now: &str, before: u16, after: u16) -> (String, String) {
        let config = WindowConfig {
            before,
            after,
            ..WindowConfig::default()
        };
        let Window(range) = Window::at(now.parse().unwrap(), &config);
        (range.from().to_string(), range.to().to_string())
    }

    #[test]
    fn the_window_rolls_at_the_zones_midnight() {
        let expected = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(
            window("2025-11-28T16:59:59Z", 1, 1),
            expected("2025-11-27", "2025-11-29")
        );
        assert_eq!(
            window("2025-11-28T17:00:00Z", 1, 1),
            expected("2025-11-28", "2025-11-30")
        );
        assert_eq!(
            window("2025-11-28T17:00:00Z", 0, 0),
            expected("2025-11-29", "2025-11-29")
        );
    }

    #[test]
    fn a_range_cannot_end_before_it_begins() {
        let error = DateRange::new(date(2025, 1, 2), date(2025, 1, 1)).unwrap_err();
        insta::assert_snapshot!(
            error,
            @"2025-01-02 to 2025-01-01 is no range of dates: the first must not be after the second"
        );
    }

    /// A window of three days, with dates that were asked for now and before, and `pinned` ones.
    fn wanted(now: &[Date], pinned: &[Date]) -> Wanted {
        Wanted {
            window: Window(DateRange::around(date(2025, 11, 28), 1, 1)),
            pinned: pinned.iter().copied().collect(),
            dates: now.iter().copied().map(DateRange::day).collect(),
            budget: 2,
        }
    }

    fn wanted_md5(now: &[Date], before: &[Date], pinned: &[Date]) -> Md5 {
        let asked = before.iter().zip(1..);
        let asked = asked.map(|(day, at)| (*day, Timestamp::from_second(at).unwrap()));
        wanted(now, pinned).md5(&asked.collect(), 7)
    }

    #[test]
    fn a_partition_that_somebody_took_out_of_the_marks_is_noticed() {
        let wanted = wanted(&[], &[]);
        let asked = Asked::new();
        assert_ne!(wanted.md5(&asked, 7), wanted.md5(&asked, 6));
    }

    #[test]
    fn dates_are_the_same_however_they_came_to_be_wanted() {
        let (day, other, third) = (date(2025, 12, 1), date(2025, 10, 1), date(2025, 10, 3));
        let of_day = wanted_md5(&[day], &[], &[]);
        assert_eq!(wanted_md5(&[], &[day], &[]), of_day);
        assert_eq!(wanted_md5(&[], &[], &[day]), of_day);
        assert_eq!(
            wanted_md5(&[day, day], &[day], &[day, date(2025, 11, 28)]),
            of_day
        );
        assert_ne!(wanted_md5(&[other], &[], &[]), of_day);
        assert_ne!(wanted_md5(&[], &[], &[]), of_day);
        // The least recently asked for goes: no more than two are kept.
        assert_eq!(
            wanted_md5(&[], &[other, day, third], &[]),
            wanted_md5(&[], &[day, third], &[])
        );
        assert_ne!(
            wanted_md5(&[other, day, third], &[], &[]),
            wanted_md5(&[day, third], &[], &[])
        );
    }

    proptest! {
        #[test]
        fn the_window_holds_today_and_exactly_its_days(
            second in -2_000_000_000i64..4_000_000_000, before in 0u16..400, after in 0u16..400,
        ) {
            let config = WindowConfig { before, after, ..WindowConfig::default() };
            let now = Timestamp::from_second(second).unwrap();
            let today = now.to_zoned(config.timezone.0.clone()).date();
            let Window(range) = Window::at(now, &config);
            prop_assert!(range.contains(today));
            prop_assert_eq!(range.days(), u32::from(before) + u32::from(after) + 1);
        }
    }
}
