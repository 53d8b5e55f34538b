//! What brings the sites' logs into the database, in the order in which data flows: `find_sites`
//! and `discover` find the sites and the heads of their logs; `window` says which dates are wanted; `load_plan`
//! compares them with what is loaded; `load` executes the plan in one transaction; `pass` does so
//! for every site. `sites` and `status` tell the others what is there.

mod as_of;
mod bounded_cache;
mod cache;
mod dataset_change;
mod discover;
mod edits_history;
mod edits_log;
mod edits_objects;
mod failed_sites;
mod failures;
mod find_sites;
mod flush;
mod flushes;
mod history;
mod hub;
mod load;
mod load_plan;
mod loads;
mod merged;
mod merged_site;
mod on_demand;
mod owner;
mod partials;
mod pass;
mod pins;
mod preview;
mod quarantine;
mod report;
mod seen_owners;
mod seen_triggers;
mod settle;
mod shared_window;
mod site_rows;
mod sites;
mod status;
mod totals;
mod vacuum;
mod watchlist;
mod window;

pub(crate) use as_of::AsOf;
pub(crate) use discover::{discover, refuse_another_log};
pub(crate) use edits_history::{CommittedEdits, WaitingEdits};
#[cfg(any(test, feature = "testing"))]
pub(crate) use flush::Flushed;
pub(crate) use flushes::FlushReport;
pub(crate) use history::{ClashingRow, Disputed, FoundRow, SiteHistory, Wanted};
#[cfg(feature = "import")]
pub(crate) use hub::read_dataset;
pub(crate) use hub::{Hub, LoadRequest, open_store};
pub(crate) use load::LogSnapshot;
pub(crate) use loads::Loads;
pub(crate) use merged::StoredPart;
pub(crate) use merged_site::{MergedSite, SitePart};
pub(crate) use on_demand::LoadedDates;
pub(crate) use owner::TakenOver;
pub(crate) use partials::Keeper;
pub(crate) use pass::Repair;
pub(crate) use quarantine::Quarantine;
pub(crate) use report::{
    KnownAndLoaded, LoadReport, NewConflict, SiteLoaded, SitePlan, SiteStatus, StatusReport,
    StoreProblem,
};
pub(crate) use shared_window::Teller;
pub(crate) use sites::SiteView;
#[cfg(test)]
pub(crate) use sites::{LoadedPart, SiteEdits};
#[cfg(test)]
pub(crate) use totals::SiteTotals;
pub(crate) use totals::TableTotals;
pub(crate) use vacuum::VacuumReport;
pub(crate) use window::{DateRange, InvalidRange, Window};
