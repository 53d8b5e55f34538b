//! The sites' logs brought into the database, in the order in which data flows: discover finds
//! the sites and the heads of their logs; the window says which dates are wanted; the load plan
//! compares them with what is loaded; the load executes it in one transaction; the pass does so
//! for every site.

mod cache;
mod dataset_change;
mod discover;
mod hub;
mod load;
mod load_plan;
mod looks;
mod pass;
mod quarantine;
mod report;
mod sites;
mod status;
mod window;

pub use hub::{Hub, LoadRequest};
pub(crate) use pass::Repair;
pub(crate) use quarantine::Quarantine;
pub use report::{
    KnownAndLoaded, LoadReport, PartName, PartitionCounts, PlannedPart, RowCounts, SiteLoaded,
    SitePlan, SiteStatus, StatusReport,
};
pub use sites::{LoadedPart, SiteView};
pub use window::{DateRange, InvalidRange, Window};
