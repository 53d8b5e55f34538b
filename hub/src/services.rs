//! What API and dashboard answer with, one file per resource and no HTTP in it.

pub(crate) mod overview;
