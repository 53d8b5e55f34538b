//! Figures for people: pure functions of the sites' catalogs and the loaded rows' counts.
//!
//! Totals over all history come from the catalogs' summaries, so that they are right whatever is
//! loaded; only what is said to be of the window counts loaded rows. Several sites add up. A site
//! whose dataset has no such table adds nothing.

mod any_table;
mod meetassist;
#[cfg(test)]
pub(crate) mod samples;

#[cfg(test)]
pub(crate) use any_table::LoadedFigures;
pub(crate) use any_table::{TableDay, TableFigures, is_meetassist, per_table};
pub(crate) use meetassist::{
    Counted, Day, Fresh, Overview, STATUS, StatusCounts, appointments_per_day, overview, tables,
};
