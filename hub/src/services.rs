//! What API and pages answer with: one file per resource, and no HTTP in it.

pub(crate) mod appointments;
pub(crate) mod archive;
pub(crate) mod conflicts;
pub(crate) mod consultants;
pub(crate) mod customers;
pub(crate) mod database;
pub(crate) mod days;
pub(crate) mod edits;
pub(crate) mod error;
pub(crate) mod field_error;
pub(crate) mod fields;
pub(crate) mod figures;
pub(crate) mod list;
pub(crate) mod overview;
pub(crate) mod partials;
pub(crate) mod precondition;
pub(crate) mod programs;
pub(crate) mod quarantine;
pub(crate) mod record;
pub(crate) mod rows;
pub(crate) mod schedule;
pub(crate) mod search;
mod sites;
