//! Entries that an earlier dataset wrote, as entries of the newest.
//!
//! Rows and losers that are whole rows get the columns that were declared since. The site's row under one
//! that the cloud deleted does not: what the site has in a new column, nobody saw who deleted the row,
//! so that it is no change of the site's.

use causeway_shared::dataset::Table;
use causeway_shared::edits_object::{Entry, EntryState, Loser, Texts};

/// An entry as the newest dataset has it.
pub(crate) fn entry_of_now(table: &Table, mut entry: Entry) -> Entry {
    match &mut entry.state {
        EntryState::Changed { row, .. } | EntryState::Born { row, .. } => table.complete(row),
        EntryState::Gone { .. } => {}
    }
    let losers = [&mut entry.conflict.site, &mut entry.conflict.cloud];
    for loser in losers.into_iter().flatten() {
        if let Loser::Columns(columns) = loser
            && is_row(table, columns)
        {
            table.complete(columns);
        }
    }
    entry
}

/// Whether these are all columns that a row had: a key never differs, so that it is lost with a row alone.
fn is_row(table: &Table, columns: &Texts) -> bool {
    let mut key = table.key.iter().map(|at| table.columns[*at].name.as_str());
    key.all(|name| columns.contains_key(name))
}

/// Whether the site's row still is as far as is known what it was.
pub(super) fn is_as_known(was: &Texts, site: &Texts) -> bool {
    was.iter().all(|(name, text)| site.get(name) == Some(text))
}

/// `was` with what the site has in columns that were declared since.
pub(super) fn learned(table: &Table, was: Texts, site: &Texts) -> Texts {
    if was.len() == table.columns.len() {
        return was;
    }
    let mut assumed = was.clone();
    table.complete(&mut assumed);
    let seen = site
        .iter()
        .filter(|(name, text)| assumed.get(*name) != Some(text));
    let seen: Vec<_> = seen
        .map(|(name, text)| (name.clone(), text.clone()))
        .collect();
    was.into_iter().chain(seen).collect()
}
