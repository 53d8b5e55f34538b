//! The first page of figures, for the API, the dashboard and the demo.

use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Seq, SiteName};
use jiff::{Timestamp, Zoned};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::quarantine::{self, RefusedTotals};
use crate::db::LoadedCount;
use crate::error::HubError;
use crate::stats::any_table::{TableFigures, per_table};
use crate::stats::meetassist::{
    self, APPOINTMENT, Day, MeetAssistFigures, STATUS, appointments_per_day, is_meetassist,
};
use crate::sync::{DateRange, Hub, SiteView};

/// The overview, in the form of `GET /api/v1/overview`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Overview {
    /// When the figures were read, in the hub's zone.
    #[serde(serialize_with = "with_offset")]
    #[schema(value_type = String, format = DateTime)]
    pub now: Zoned,
    /// The dates whose rows are loaded.
    pub window: DateRange,
    /// Where a site's dataset is MeetAssist's, or no site is known and the hub's is.
    #[serde(flatten)]
    pub meetassist: Option<MeetAssistFigures>,
    /// Every declared table, MeetAssist's or not, with the days of the window.
    pub tables: Vec<TableFigures>,
    /// How fresh the figures are, site by site.
    pub fresh: Vec<SiteFreshness>,
}

/// How fresh one site's figures are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SiteFreshness {
    pub site: SiteName,
    /// The commit that its figures stand at; `None` before the first.
    pub commit: Option<Seq>,
    /// When the site committed it.
    pub committed_at: Option<Timestamp>,
    /// When it was loaded.
    pub loaded_at: Option<Timestamp>,
    /// The newest commit seen in the site's log, loaded or not.
    pub log_head: Option<Seq>,
    /// Why the last load failed, if it did; the figures are the last good ones.
    pub last_error: Option<String>,
    /// How many conflicts are open; `GET /sync` has it.
    #[serde(skip)]
    pub conflicts: u64,
}

/// What the dashboard's first page shows.
#[derive(Debug)]
pub(crate) struct OverviewPage {
    pub overview: Overview,
    /// MeetAssist's appointments on the days around today, where the overview has its figures.
    pub appointments: Option<Vec<Day>>,
    /// The tables besides MeetAssist's, on the days around today.
    pub tables: Vec<TableFigures>,
    pub refused: RefusedTotals,
}

/// Reads the overview of a site or all of them.
///
/// # Errors
/// [`HubError::UnknownSite`], or a failure of the database.
pub(crate) async fn read(
    hub: &Hub,
    only: Option<&SiteName>,
    now: Timestamp,
) -> Result<Overview, HubError> {
    let sites = hub.sites_with_counts(only, APPOINTMENT, STATUS).await?;
    Ok(overview(
        zoned(hub, now),
        hub.window(now).0,
        hub.dataset(),
        &sites,
    ))
}

/// Reads what the dashboard's first page shows, with this many days before and after today.
///
/// # Errors
/// A failure of the database.
pub(crate) async fn read_page(
    hub: &Hub,
    days: u16,
    now: Timestamp,
) -> Result<OverviewPage, HubError> {
    let sites = hub.sites_with_counts(None, APPOINTMENT, STATUS).await?;
    let refused = quarantine::totals_at_once(hub, sites.iter().map(|(view, _)| view), now).await;
    let (now, window) = (zoned(hub, now), hub.window(now).0);
    Ok(page((now, window), days, hub.dataset(), &sites, refused))
}

fn zoned(hub: &Hub, now: Timestamp) -> Zoned {
    now.to_zoned(hub.zone())
}

/// A site and its loaded appointments by status.
type CountedSite = (SiteView, Vec<LoadedCount>);

fn overview(now: Zoned, window: DateRange, declared: &Dataset, sites: &[CountedSite]) -> Overview {
    let of_meetassist: Vec<&CountedSite> = sites
        .iter()
        .filter(|(view, _)| is_meetassist(&view.dataset))
        .collect();
    let has_figures = match sites {
        [] => is_meetassist(declared),
        _ => !of_meetassist.is_empty(),
    };
    let meetassist = has_figures.then(|| {
        let views: Vec<&SiteView> = of_meetassist.iter().map(|(view, _)| view).collect();
        let counts = of_meetassist.iter().flat_map(|(_, counts)| counts).cloned();
        let counts: Vec<LoadedCount> = counts.collect();
        meetassist::figures((now.date(), window), declared, &views, &counts)
    });
    let views: Vec<&SiteView> = sites.iter().map(|(view, _)| view).collect();
    Overview {
        now,
        window,
        meetassist,
        tables: per_table(window, declared, &views),
        fresh: views.into_iter().map(fresh).collect(),
    }
}

fn page(
    (now, window): (Zoned, DateRange),
    days: u16,
    declared: &Dataset,
    sites: &[CountedSite],
    refused: RefusedTotals,
) -> OverviewPage {
    let around = DateRange::around(now.date(), days, days);
    let overview = overview(now, window, declared, sites);
    let views: Vec<&SiteView> = sites.iter().map(|(view, _)| view).collect();
    let (of_meetassist, others): (Vec<&SiteView>, Vec<&SiteView>) =
        views.iter().partition(|view| is_meetassist(&view.dataset));
    let mut tables = per_table(around, declared, &views);
    // Another dataset may have a table of the same name.
    let is_others = |name: &str| others.iter().any(|view| view.dataset.table(name).is_some());
    if overview.meetassist.is_some() {
        tables.retain(|figures| {
            let name = figures.table.as_str();
            !meetassist::is_table(name) || is_others(name)
        });
    }
    OverviewPage {
        appointments: overview
            .meetassist
            .is_some()
            .then(|| appointments_per_day(around, declared, &of_meetassist)),
        overview,
        tables,
        refused,
    }
}

fn fresh(view: &SiteView) -> SiteFreshness {
    let head = view.catalog.head.as_ref();
    SiteFreshness {
        site: view.site.clone(),
        commit: head.map(|head| head.seq),
        committed_at: head.map(|head| head.at),
        loaded_at: view.loaded_at,
        log_head: view.log_head,
        last_error: view.last_error.clone(),
        conflicts: view.edits.conflicts,
    }
}

/// RFC 3339 with the zone's offset and without its name, to the second.
fn with_offset<S: Serializer>(now: &Zoned, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&now.strftime("%Y-%m-%dT%H:%M:%S%:z"))
}

/// A page for tests, of the hub that has MeetAssist's dataset.
#[cfg(test)]
pub(crate) fn sample_page(
    now: Zoned,
    sites: &[CountedSite],
    refused: RefusedTotals,
) -> OverviewPage {
    let window = DateRange::around(now.date(), 1, 1);
    let declared = Dataset::meetassist().unwrap();
    page((now, window), 14, &declared, sites, refused)
}

#[cfg(test)]
mod tests;
