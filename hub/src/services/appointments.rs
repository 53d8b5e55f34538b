//! MeetAssist's appointments.

use causeway_shared::ids::SiteName;

use crate::error::HubError;
use crate::stats::meetassist::{Day, appointments_per_day, is_meetassist};
use crate::sync::{DateRange, Hub, SiteView};

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
