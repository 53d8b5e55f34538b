//! The first page of figures, for the API, the dashboard and the demo.

use causeway_shared::ids::SiteName;
use jiff::Timestamp;

use crate::error::HubError;
use crate::stats::{self, Overview, STATUS, tables};
use crate::sync::{Hub, SiteView};

/// Reads what the overview of a site or all of them needs, and makes it; the sites as it shows them.
///
/// # Errors
/// [`HubError::UnknownSite`], or a failure of the database.
pub(crate) async fn read(
    hub: &Hub,
    only: Option<&SiteName>,
    now: Timestamp,
) -> Result<(Overview, Vec<SiteView>), HubError> {
    let read = hub.sites_with_counts(only, tables::APPOINTMENT, STATUS);
    let (sites, counts): (Vec<_>, Vec<_>) = read.await?.into_iter().unzip();
    let overview = stats::overview(
        now.to_zoned(hub.config().window.timezone.0.clone()),
        hub.window(now),
        hub.dataset(),
        &sites,
        &counts.concat(),
    );
    Ok((overview, sites))
}
