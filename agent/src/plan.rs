//! What a cycle would commit, as a pure function of what was scanned and what the log says.

pub(crate) mod affected;
pub(crate) mod diff;
pub(crate) mod guard;

pub(crate) use diff::{Plan, PlannedChange, plan};
