//! Figures for people: pure functions of the sites' catalogs and the loaded rows' counts.
//!
//! Totals over all history come from the catalogs' summaries, so that they are right whatever is
//! loaded; only what is said to be of the window counts loaded rows. Several sites add up.

pub(crate) mod any_table;
pub(crate) mod meetassist;
#[cfg(test)]
pub(crate) mod samples;
