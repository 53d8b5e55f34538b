//! What Causeway's agent and hub agree on.
//!
//! In the order in which data flows: a [`dataset`] declares tables; a source's raw values become
//! typed [`value`]s; rows go to [`partition`]s, each with its [`summary`], and are written as
//! [`canonical_csv`]; [`layout`] says where objects lie in the [`store`]; [`commit`]s in the
//! [`log`] say which are current, and the [`catalog`] is what they add up to. [`object`] writes, reads
//! and verifies one object, and [`row_diff`] compares two ordered streams of rows. Rows that were
//! refused lie beside the objects, in [`quarantine`]. [`runtime`] is what both programs need around
//! that.

pub mod canonical_csv;
pub mod catalog;
pub mod commit;
pub mod dataset;
pub mod edits_object;
pub mod ids;
pub mod layout;
pub mod limits;
pub mod log;
pub mod object;
#[cfg(feature = "openapi")]
mod openapi;
pub mod partition;
pub mod quarantine;
pub mod row_diff;
pub mod runtime;
pub mod spreadsheet;
pub mod store;
pub mod summary;
pub mod value;
