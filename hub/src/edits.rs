//! What the cloud changes in a site's rows, as pure functions: no store, no database, no clock.
//!
//! `row_edit` says how a row that the cloud changed stands over all partitions of its table, and
//! `in_hand` holds the entries of some partitions. `fold` adds one row of the journal to a row's
//! edit; `settle` makes an edit fit what the site says now; `merge` streams a partition's merged
//! rows. `texts` turns the stored texts into typed values and back; `earlier` reads what
//! an earlier dataset wrote.

mod clash;
mod conflict;
mod earlier;
mod error;
mod fold;
mod in_hand;
mod merge;
mod row_edit;
mod settle;
mod texts;
mod unit;

pub(crate) use clash::SharedValues;
pub(crate) use conflict::disputed_columns;
pub(crate) use earlier::entry_of_now;
pub(crate) use error::EditsError;
pub(crate) use fold::{RowChange, fold, journal_columns};
pub(crate) use in_hand::Edits;
pub(crate) use merge::{MergedPart, MergedRow, RowMerge};
pub(crate) use row_edit::{PlacedRow, RowEdit, RowState, is_kept, is_of_block};
pub(crate) use settle::settle;
pub(crate) use texts::{bucket_of, key_order, site_row};

#[cfg(test)]
mod tests;
