//! MeetAssist's appointments: listed, booked, moved, and taken from step to step.
//!
//! A write is one transaction, in the caller's name: the slot is taken or freed by a conditional
//! update, and what the columns' rules say is left to the database.

mod day;
mod history;
mod list;
mod moves;
pub(super) mod slots;
mod statements;
mod steps;
mod write;

pub(crate) use day::{DayPage, DayQuery, DayRows, MAX_CUSTOMERS, Writes, day};
pub(crate) use history::{CustomerQuery, OfCustomer, Opened, by_id, of_customer, open};
pub(crate) use list::{ListQuery, listing};
pub(crate) use moves::{MOVABLE, move_to};
pub(crate) use slots::SLOT_KEY;
pub(crate) use statements::{COLUMNS, SLOT_COLUMNS};
pub(crate) use steps::{Step, step};
pub(super) use write::{ATTEMPTS, hold_customers, in_the_way, lasting, written};
pub(crate) use write::{BOOKED, By, DURATIONS, Written, book, is_web_address};

use causeway_shared::ids::{Md5, SiteName};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

use super::error::ServiceError;
use super::precondition;
use super::record::{Record, read};
use super::sites::{has, having, the_one};
use crate::db::value::present;
use crate::error::HubError;
use crate::stats::meetassist::{Day, appointments_per_day, is_meetassist};
use crate::sync::{DateRange, Hub, SiteView};
pub(super) use statements::CONSULTANT_NAMES;
use statements::{NEEDED, OWN};

/// As messages name them.
const WHAT: &str = "appointments";

/// The sites that have appointments in the database, or one of them.
///
/// # Errors
/// [`ServiceError::NotFound`], or a failure of the database.
pub(crate) async fn sites(
    hub: &Hub,
    only: Option<&SiteName>,
) -> Result<Vec<SiteView>, ServiceError> {
    having(hub, only, &NEEDED, WHAT).await
}

/// The one site that a change is meant for.
///
/// # Errors
/// [`ServiceError::SiteRequired`] where there are several, [`ServiceError::NotFound`], or a failure
/// of the database.
pub(super) async fn the_site(
    hub: &Hub,
    named: Option<&SiteName>,
) -> Result<SiteView, ServiceError> {
    the_one(hub, named, &NEEDED, WHAT).await
}

/// Whether rows are loaded, of tables that have all that the statements here name.
fn has_appointments(view: &SiteView) -> bool {
    has(view, &NEEDED)
}

/// The entity tag of an appointment.
pub(crate) fn tag(row: &Record) -> Md5 {
    precondition::tag(row, OWN)
}

/// A time in the hub's zone, to the second.
pub(crate) fn local(hub: &Hub, now: Timestamp) -> DateTime {
    present(now, &hub.zone())
}

/// A day in the hub's zone.
pub(crate) fn today(hub: &Hub, now: Timestamp) -> Date {
    local(hub, now).date()
}

/// The sites that have appointments, and the consultants of all of them, or of one.
///
/// # Errors
/// [`ServiceError::NotFound`], or a failure of the database.
pub(crate) async fn consultants(
    hub: &Hub,
    only: Option<&SiteName>,
) -> Result<(Vec<SiteName>, Vec<Record>), ServiceError> {
    let sites = sites(hub, None).await?.into_iter().map(|view| view.site);
    let sites: Vec<SiteName> = sites.collect();
    let mut named = Vec::new();
    for site in sites
        .iter()
        .filter(|site| only.is_none_or(|only| only == *site))
    {
        named.extend(read(hub, site, CONSULTANT_NAMES, &[]).await?);
    }
    Ok((sites, named))
}

/// Appointments of every day of a range, loaded or not, of one site or all.
///
/// # Errors
/// [`HubError::UnknownSite`], or a failure of the database.
pub(crate) async fn per_day(
    hub: &Hub,
    only: Option<&SiteName>,
    range: DateRange,
) -> Result<Vec<Day>, HubError> {
    let sites = hub.sites(only).await?;
    let sites = sites.iter().filter(|view| is_meetassist(&view.dataset));
    let sites: Vec<&SiteView> = sites.collect();
    Ok(appointments_per_day(range, hub.dataset(), &sites))
}
