//! What a cycle would commit, as a pure function of what was scanned and what the log says.

pub mod affected;
pub mod diff;
pub mod guard;

pub use diff::{Plan, PlannedChange, plan};
