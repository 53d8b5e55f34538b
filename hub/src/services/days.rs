//! The days whose rows are in the database, and what keeps them there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::error::ServiceError;
use crate::error::HubError;
use crate::sync::{DateRange, Hub, LoadRequest};

/// Most days of an answer of figures: ten years and a little.
pub(crate) const MAX_FIGURE_DAYS: u32 = 3_700;

/// The days that are loaded, or are to be.
#[derive(Debug)]
pub(crate) struct Days {
    pub today: Date,
    pub window: DateRange,
    pub days: BTreeMap<Date, Day>,
}

/// A day at all sites.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Day {
    /// How many rows are in the database; `None`: none of its partitions is.
    pub rows: Option<u64>,
    pub is_pinned: bool,
    /// Whether somebody asked for it, and it is kept for now.
    pub is_asked: bool,
}

/// How many dates can be read at a time: as many as are kept beside the window, and always one, which need not
/// be kept.
pub(crate) fn most_readable(hub: &Hub) -> u16 {
    hub.window_config().on_demand_days.max(1)
}

/// Refuses dates that cannot all be read at a time.
///
/// # Errors
/// [`ServiceError::RangeTooLong`]
pub(crate) fn require_readable(hub: &Hub, dates: DateRange) -> Result<(), ServiceError> {
    require_at_most(most_readable(hub), dates)
}

/// Refuses dates that would not all be kept beside the window.
///
/// # Errors
/// [`ServiceError::RangeTooLong`]
pub(crate) fn require_kept(hub: &Hub, dates: DateRange) -> Result<(), ServiceError> {
    require_at_most(hub.window_config().on_demand_days, dates)
}

fn require_at_most(most: u16, dates: DateRange) -> Result<(), ServiceError> {
    let days = dates.days();
    match days > u32::from(most) {
        true => Err(ServiceError::RangeTooLong { days, most }),
        false => Ok(()),
    }
}

/// Reads which days are loaded, asked for and pinned.
///
/// # Errors
/// A failure of the database.
pub(crate) async fn read(hub: &Hub, now: Timestamp) -> Result<Days, HubError> {
    let wanted = hub.wanted(&LoadRequest::at(now)).await?;
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    for view in hub.sites(None).await? {
        for part in view.loaded.iter() {
            if let Some(date) = part.part.date() {
                *days.entry(date).or_default().rows.get_or_insert(0) += part.rows;
            }
        }
        for date in wanted.kept(&view.asked) {
            days.entry(date).or_default().is_asked = true;
        }
    }
    for date in &wanted.pinned {
        days.entry(*date).or_default().is_pinned = true;
    }
    Ok(Days {
        today: super::appointments::today(hub, now),
        window: wanted.window.0,
        days,
    })
}

/// Pins a day, and loads it at every site. Returns all that are pinned.
///
/// # Errors
/// [`HubError::TooManyPins`], or a failure of store or database. The day may be pinned nevertheless.
pub(crate) async fn pin(hub: &Hub, date: Date, now: Timestamp) -> Result<BTreeSet<Date>, HubError> {
    let pinned = hub.pin(date).await?;
    for view in hub.sites(None).await? {
        hub.bring(&view.site, DateRange::day(date), now).await?;
    }
    Ok(pinned)
}
