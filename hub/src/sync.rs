//! What brings the sites' logs into the database, in the order in which data flows: `discover`
//! finds the sites and the heads of their logs; `window` says which dates are wanted; `load_plan`
//! compares them with what is loaded; `load` executes the plan in one transaction; `pass` does so
//! for every site. `sites` and `status` tell the others what is there.

mod cache;
mod dataset_change;
mod discover;
mod failed_sites;
mod failures;
mod hub;
mod load;
mod load_plan;
mod loads;
mod pass;
mod quarantine;
mod report;
mod sites;
mod status;
mod watchlist;
mod window;

pub(crate) use hub::{Hub, LoadRequest, open_store};
pub(crate) use loads::Loads;
pub(crate) use pass::Repair;
pub(crate) use quarantine::Quarantine;
pub(crate) use report::{LoadReport, SiteLoaded, SitePlan, SiteStatus, StatusReport};
#[cfg(test)]
pub(crate) use sites::LoadedPart;
pub(crate) use sites::SiteView;
pub(crate) use window::{DateRange, InvalidRange, Window};
