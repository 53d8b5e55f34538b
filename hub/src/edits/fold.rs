//! One row of the journal, added to a row's edit.
//!
//! Folding is pure. A journal row is folded once: whoever calls knows by its id whether it was.

use std::collections::BTreeMap;

use causeway_shared::commit::RowKey;
use causeway_shared::dataset::{Partitioning, Table};
use causeway_shared::edits_object::{Conflict, Texts};
use causeway_shared::ids::Part;
use jiff::Timestamp;

use super::conflict::{close, is_whole};
use super::error::EditsError;
use super::row_edit::{PlacedRow, RowEdit, RowState, changed};
use super::texts::{bucket_of, canonical, date_part};
use super::unit::{differing, units, whole_units};

/// What a row of the journal says of a row.
#[derive(Debug, Clone)]
pub(crate) struct RowChange {
    pub(crate) key: RowKey,
    /// The row as the writer saw it; `None`: inserted.
    pub(crate) old: Option<PlacedRow>,
    /// `None`: deleted.
    pub(crate) new: Option<PlacedRow>,
    /// The site's row in the object that the writer's database had loaded.
    pub(crate) base: Option<Texts>,
    /// Whether the site has a row of this key now, wherever.
    pub(crate) is_at_site: bool,
    /// The conflict that a side was taken of, as it was seen: it is closed. A change that is this alone has
    /// no row before or after.
    pub(crate) taken: Conflict,
    pub(crate) actor: String,
    pub(crate) at: Timestamp,
}

/// The changed columns of a change, each with its text before and after, as a commit lists them.
/// Of a row that was inserted or deleted: those that are not NULL.
pub(crate) fn journal_columns(
    old: Option<&Texts>,
    new: Option<&Texts>,
) -> BTreeMap<String, [Option<String>; 2]> {
    let text =
        |row: Option<&Texts>, name: &str| row.and_then(|row| row.get(name)).cloned().flatten();
    let names = old.into_iter().chain(new).flat_map(BTreeMap::keys);
    names
        .map(|name| (name.clone(), [text(old, name), text(new, name)]))
        .filter(|(_, [old, new])| old != new)
        .collect()
}

/// Adds a change to what the cloud did to the row before. `None`: nothing is left.
///
/// # Errors
/// [`EditsError::Row`] for a row that is none of the table.
pub(crate) fn fold(
    table: &Table,
    edit: Option<RowEdit>,
    change: &RowChange,
) -> Result<Option<RowEdit>, EditsError> {
    let key = &change.key;
    let bucket = match table.partition {
        Partitioning::Buckets { count } => Some(bucket_of(table, key, count)?),
        _ => None,
    };
    let placed = |row: &Option<PlacedRow>| {
        let placed = row.as_ref().map(|PlacedRow { part, row }| {
            let (part, row) = (bucket.unwrap_or(*part), canonical(table, key, row)?);
            Ok::<_, EditsError>(PlacedRow { part, row })
        });
        placed.transpose()
    };
    let (old, new) = (placed(&change.old)?, placed(&change.new)?);
    if let (Some(old), Some(new)) = (&old, &new)
        && old.row == new.row
        && matches!(table.partition, Partitioning::Via { .. })
        && !is_there(edit.as_ref(), change)
    {
        // Its parent was moved where this row is not there any more: nothing revives it.
        return Ok(edit);
    }
    let changed = match (old, new) {
        (None, None) => edit,
        (old, new) => folded(table, edit, change, old, new)?,
    };
    let closed = changed.map(|mut edit| {
        close(&mut edit.conflict, &change.taken, table);
        edit
    });
    Ok(closed.filter(|edit| !edit.is_nothing()))
}

/// A row that was changed, inserted or deleted.
fn folded(
    table: &Table,
    edit: Option<RowEdit>,
    change: &RowChange,
    old: Option<PlacedRow>,
    new: Option<PlacedRow>,
) -> Result<Option<RowEdit>, EditsError> {
    let (before, mut conflict) = match edit {
        Some(edit) => (Some(whole(table, edit.state)), edit.conflict),
        None => (None, Conflict::default()),
    };
    let folding = Folding { table, change };
    let state = match (old, new) {
        (Some(old), Some(new)) => Some(folding.updated(before, &old, new)?),
        (None, Some(new)) => Some(folding.inserted(before, new, &mut conflict)?),
        (Some(old), None) => folding.deleted(before, old, &mut conflict),
        (None, None) => before,
    };
    Ok(state.map(|state| RowEdit {
        state,
        conflict,
        actor: change.actor.clone(),
        at: change.at,
    }))
}

/// A deleted row with the columns that were declared since.
fn whole(table: &Table, mut state: RowState) -> RowState {
    if let RowState::Deleted { was: Some(was), .. } | RowState::Moved { was, .. } = &mut state {
        table.complete(was);
    }
    state
}

fn is_there(edit: Option<&RowEdit>, change: &RowChange) -> bool {
    match edit {
        Some(edit) => edit.state.row().is_some(),
        None => change.is_at_site,
    }
}

struct Folding<'t> {
    table: &'t Table,
    change: &'t RowChange,
}

impl Folding<'_> {
    /// The site's row as far as the writer could know it.
    fn site<'r>(&'r self, old: &'r Texts) -> &'r Texts {
        self.change.base.as_ref().unwrap_or(old)
    }

    /// The site's whole row under a changed one.
    fn whole_site(&self, mut old: Texts, was: Texts) -> Texts {
        match &self.change.base {
            Some(base) => base.clone(),
            None => {
                old.extend(was);
                old
            }
        }
    }

    fn inserted(
        &self,
        before: Option<RowState>,
        new: PlacedRow,
        conflict: &mut Conflict,
    ) -> Result<RowState, EditsError> {
        let in_the_way = before.as_ref().and_then(RowState::placed);
        let born = |PlacedRow { part, row }| RowState::Born { place: part, row };
        match (before, in_the_way) {
            // What another database did to the same key: its row, changed.
            (state @ Some(RowState::Born { .. } | RowState::Moved { .. }), Some(old)) => {
                self.updated(state, &old, new)
            }
            // The writer saw no row: this one is settled with the site's as any that is born.
            (Some(RowState::Changed { .. }), _) => Ok(born(new)),
            (
                Some(RowState::Deleted {
                    home,
                    was: Some(was),
                }),
                _,
            ) => Ok(self.moved(home, was, new)),
            _ => {
                for loser in [&mut conflict.site, &mut conflict.cloud] {
                    loser.take_if(|loser| is_whole(loser, self.table));
                }
                Ok(born(new))
            }
        }
    }

    fn updated(
        &self,
        before: Option<RowState>,
        old: &PlacedRow,
        new: PlacedRow,
    ) -> Result<RowState, EditsError> {
        let site = self.site(&old.row);
        match before {
            None | Some(RowState::Deleted { was: None, .. }) if old.part != new.part => {
                Ok(RowState::Moved {
                    home: old.part,
                    was: site.clone(),
                    place: new.part,
                    row: new.row,
                })
            }
            None | Some(RowState::Deleted { was: None, .. }) => {
                let changed = differing(self.table, &old.row, &new.row);
                let from_site = changed.filter(|unit| !unit.is_same(site, &new.row));
                let was = from_site.flat_map(|unit| unit.of(site)).collect();
                Ok(RowState::Changed {
                    home: old.part,
                    row: new.row,
                    was,
                })
            }
            Some(RowState::Deleted {
                home,
                was: Some(was),
            }) => Ok(self.moved(home, was, new)),
            Some(RowState::Changed { home, row, was }) => {
                let was = whole_units(self.table, was, &row);
                self.changed_again(home, row, was, old, &new)
            }
            Some(RowState::Born { place, mut row }) => {
                let place = self.apply(&mut row, place, old, &new)?;
                Ok(RowState::Born { place, row })
            }
            Some(RowState::Moved {
                home,
                mut was,
                place,
                mut row,
            }) => {
                // The writer saw what the site had in the meantime.
                if let Some(base) = &self.change.base {
                    for unit in differing(self.table, &old.row, &new.row) {
                        if unit.is_same(&row, &was) {
                            unit.copy(base, &mut was);
                        }
                    }
                }
                let part = self.apply(&mut row, place, old, &new)?;
                Ok(self.moved(home, was, PlacedRow { part, row }))
            }
        }
    }

    fn changed_again(
        &self,
        home: Part,
        mut row: Texts,
        mut was: Texts,
        old: &PlacedRow,
        new: &PlacedRow,
    ) -> Result<RowState, EditsError> {
        for unit in differing(self.table, &old.row, &new.row) {
            if !unit.is_in(&was) {
                unit.copy(self.site(&old.row), &mut was);
            }
        }
        let place = self.apply(&mut row, home, old, new)?;
        if place != home {
            return Ok(RowState::Moved {
                home,
                was: self.whole_site(old.row.clone(), was),
                place,
                row,
            });
        }
        for unit in units(self.table) {
            if unit.is_same(&was, &row) {
                unit.remove(&mut was);
            }
        }
        Ok(RowState::Changed { home, row, was })
    }

    fn deleted(
        &self,
        before: Option<RowState>,
        old: PlacedRow,
        conflict: &mut Conflict,
    ) -> Option<RowState> {
        match before {
            None | Some(RowState::Deleted { was: None, .. }) => Some(RowState::Deleted {
                home: old.part,
                was: Some(self.site(&old.row).clone()),
            }),
            Some(RowState::Changed { home, row, was }) => {
                let was = whole_units(self.table, was, &row);
                Some(RowState::Deleted {
                    home,
                    was: Some(self.whole_site(old.row, was)),
                })
            }
            Some(RowState::Moved { home, was, .. }) => Some(RowState::Deleted {
                home,
                was: Some(self.change.base.clone().unwrap_or(was)),
            }),
            Some(RowState::Born { place, .. }) => {
                conflict.site = None;
                // A row of the site's of the same key is not what was deleted: that is a conflict.
                let was = self.change.is_at_site.then_some(old.row);
                let is_needed = was.is_some() || conflict.cloud.is_some();
                is_needed.then_some(RowState::Deleted { home: place, was })
            }
            deleted @ Some(RowState::Deleted { was: Some(_), .. }) => deleted,
        }
    }

    /// The site's row, which lies at `home`, as the cloud has it now.
    fn moved(&self, home: Part, was: Texts, new: PlacedRow) -> RowState {
        if new.part == home {
            return changed(self.table, home, new.row, &was);
        }
        RowState::Moved {
            home,
            was,
            place: new.part,
            row: new.row,
        }
    }

    /// Changes a row in what the writer changed, and says where it lies then.
    fn apply(
        &self,
        row: &mut Texts,
        place: Part,
        old: &PlacedRow,
        new: &PlacedRow,
    ) -> Result<Part, EditsError> {
        for unit in differing(self.table, &old.row, &new.row) {
            unit.copy(&new.row, row);
        }
        match date_part(self.table, &self.change.key, row)? {
            Some(date) => Ok(date),
            None if old.part != new.part => Ok(new.part),
            None => Ok(place),
        }
    }
}
