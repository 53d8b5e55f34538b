//! The demo: a believable site, its agent and this hub, all on one machine.

mod diary;
mod dirt;
mod people;
mod plan;
mod population;
mod programs;
mod site;

pub use plan::{DemoPlan, MAX_APPOINTMENTS};
pub use site::SiteFilesError;
