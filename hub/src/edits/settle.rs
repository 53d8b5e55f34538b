//! An edit made to fit what the site says now.

use causeway_shared::commit::RowKey;
use causeway_shared::dataset::{Merge, Partitioning, Table};
use causeway_shared::edits_object::{Conflict, Loser, Texts};
use causeway_shared::ids::Part;

use super::conflict::{agreed, cloud_lost, forget_same, is_whole, site_lost};
use super::earlier::{is_as_known, learned};
use super::error::EditsError;
use super::row_edit::{PlacedRow, RowEdit, RowState, changed};
use super::texts::{bucket_of, values_of};
use super::unit::{Unit, differing, units, whole_units};

/// How many rounds an edit may need: a round can turn it into another kind, which is then settled.
const MOST_ROUNDS: usize = 5;

/// Settles a row's edit with the site's row (`None`: the site does not have it) by the table's
/// rule. `parent` is where the parent of a row lies that follows one. `None`: nothing is left of
/// the edit.
///
/// The result settles to itself as long as the site stays as it is.
///
/// # Errors
/// [`EditsError::Row`] for a row that is none of the table, [`EditsError::Endless`].
pub(crate) fn settle(
    table: &Table,
    key: &RowKey,
    edit: RowEdit,
    site: Option<&PlacedRow>,
    parent: Option<Part>,
) -> Result<Option<RowEdit>, EditsError> {
    let rows = [site.map(|site| &site.row), edit.state.row()];
    for row in rows.into_iter().flatten() {
        values_of(table, key, row)?;
    }
    let bucket = match table.partition {
        Partitioning::Buckets { count } => Some(bucket_of(table, key, count)?),
        _ => None,
    };
    let parent = parent.filter(|_| matches!(table.partition, Partitioning::Via { .. }));
    let mut edit = edit;
    if let Some(bucket) = bucket {
        edit.state = in_bucket(table, edit.state, bucket);
    }
    for _ in 0..MOST_ROUNDS {
        let Some(next) = round(table, edit.clone(), site, parent) else {
            return Ok(None);
        };
        if next == edit {
            return Ok(Some(next));
        }
        edit = next;
    }
    Err(EditsError::endless(table, key))
}

/// The number of buckets may have changed since the entry was written.
fn in_bucket(table: &Table, state: RowState, bucket: Part) -> RowState {
    match state {
        RowState::Changed { row, was, .. } => RowState::Changed {
            home: bucket,
            row,
            was,
        },
        RowState::Born { row, .. } => RowState::Born { place: bucket, row },
        RowState::Deleted { was, .. } => RowState::Deleted { home: bucket, was },
        RowState::Moved { was, row, .. } => changed(table, bucket, row, &was),
    }
}

fn round(
    table: &Table,
    edit: RowEdit,
    site: Option<&PlacedRow>,
    parent: Option<Part>,
) -> Option<RowEdit> {
    let RowEdit {
        state,
        mut conflict,
        actor,
        at,
    } = edit;
    let state = match site {
        Some(site) => with_site(table, state, site, &mut conflict),
        None => without_site(table, state, &mut conflict)?,
    };
    let state = match parent {
        Some(parent) => beside_parent(table, state, parent),
        None => state,
    };
    let edit = RowEdit {
        state,
        conflict,
        actor,
        at,
    };
    (!edit.is_nothing()).then_some(edit)
}

/// The site does not have the row.
fn without_site(table: &Table, state: RowState, conflict: &mut Conflict) -> Option<RowState> {
    let has_lost_values = matches!(conflict.cloud, Some(Loser::Columns(_)));
    Some(match state {
        RowState::Changed { home, was, .. } if was.is_empty() => {
            if !has_lost_values {
                return None;
            }
            conflict.site = None;
            RowState::Deleted { home, was: None }
        }
        RowState::Changed { home, mut row, was } => match table.merge {
            Merge::Cloud => {
                conflict.site = Some(Loser::Deletion);
                RowState::Born { place: home, row }
            }
            Merge::Site => {
                // What the cloud lost earlier, and did not change since, is part of what it loses.
                if let Some(Loser::Columns(mut earlier)) = conflict.cloud.take() {
                    earlier.retain(|name, _| !was.contains_key(name));
                    row.extend(earlier);
                }
                *conflict = Conflict {
                    site: None,
                    cloud: Some(Loser::Columns(row)),
                };
                RowState::Deleted { home, was: None }
            }
        },
        RowState::Deleted { home, .. } => {
            if !has_lost_values {
                *conflict = Conflict::default();
            }
            RowState::Deleted { home, was: None }
        }
        RowState::Moved { place, row, .. } => {
            conflict.site = Some(Loser::Deletion);
            RowState::Born { place, row }
        }
        born @ RowState::Born { .. } => born,
    })
}

/// The site has the row.
fn with_site(
    table: &Table,
    state: RowState,
    site: &PlacedRow,
    conflict: &mut Conflict,
) -> RowState {
    match state {
        RowState::Changed { home, row, was } => {
            // A row that lost as a whole lost nothing where the row has the same.
            if conflict
                .site
                .as_ref()
                .is_some_and(|lost| is_whole(lost, table))
            {
                forget_same(&mut conflict.site, &row);
            }
            let was = whole_units(table, was, &row);
            let was = without_moved(table, home, &row, was, site, conflict);
            merge_columns(table, &row, &was, site, conflict)
        }
        RowState::Born { place, row } if place == site.part => {
            born_on_both_sides(table, &row, site, conflict)
        }
        RowState::Born { place, row } => {
            conflict.site = Some(Loser::Columns(site.row.clone()));
            RowState::Moved {
                home: site.part,
                was: site.row.clone(),
                place,
                row,
            }
        }
        RowState::Deleted { was: Some(was), .. } if is_as_known(&was, &site.row) => {
            RowState::Deleted {
                home: site.part,
                was: Some(learned(table, was, &site.row)),
            }
        }
        RowState::Deleted { was, .. } => deleted_in_the_cloud(table, was, site, conflict),
        RowState::Moved {
            was, place, row, ..
        } if place == site.part => changed(table, place, row, &was),
        RowState::Moved {
            was, place, row, ..
        } => {
            if !is_as_known(&was, &site.row) {
                conflict.site = Some(Loser::Columns(site.row.clone()));
            }
            RowState::Moved {
                home: site.part,
                was: site.row.clone(),
                place,
                row,
            }
        }
    }
}

/// `was` of a changed row, without what a move of the site's takes from the cloud whatever the
/// rule: the date, and what is merged together with it.
fn without_moved(
    table: &Table,
    home: Part,
    row: &Texts,
    mut was: Texts,
    site: &PlacedRow,
    conflict: &mut Conflict,
) -> Texts {
    if home == site.part {
        return was;
    }
    for unit in units(table).filter(Unit::is_of_date) {
        if unit.is_in(&was) && !unit.is_same(row, &site.row) {
            cloud_lost(conflict, unit.of(row));
        }
        unit.remove(&mut was);
    }
    was
}

/// The site's row with the cloud's values over it, column by column.
fn merge_columns(
    table: &Table,
    row: &Texts,
    was: &Texts,
    site: &PlacedRow,
    conflict: &mut Conflict,
) -> RowState {
    let (mut merged, mut stands) = (site.row.clone(), Texts::new());
    for unit in units(table).filter(|unit| unit.is_in(was)) {
        let (ours, theirs) = (unit.of(row), unit.of(&site.row));
        if ours == theirs {
            agreed(conflict, &unit, row);
            continue;
        }
        if !unit.is_same(was, &site.row) {
            match table.merge {
                Merge::Cloud => site_lost(conflict, theirs.clone()),
                Merge::Site => {
                    cloud_lost(conflict, ours);
                    continue;
                }
            }
        }
        merged.extend(ours);
        stands.extend(theirs);
    }
    RowState::Changed {
        home: site.part,
        row: merged,
        was: stands,
    }
}

/// A row that both sides have, each its own: every column in which they differ is a conflict.
fn born_on_both_sides(
    table: &Table,
    row: &Texts,
    site: &PlacedRow,
    conflict: &mut Conflict,
) -> RowState {
    conflict.site = None;
    let (mut merged, mut was) = (site.row.clone(), Texts::new());
    for unit in differing(table, row, &site.row) {
        match table.merge {
            Merge::Cloud => {
                unit.copy(&site.row, &mut was);
                site_lost(conflict, unit.of(&site.row));
                unit.copy(row, &mut merged);
            }
            Merge::Site => cloud_lost(conflict, unit.of(row)),
        }
    }
    RowState::Changed {
        home: site.part,
        row: merged,
        was,
    }
}

/// A row that the cloud deleted, and that is not at the site as it was then.
fn deleted_in_the_cloud(
    table: &Table,
    was: Option<Texts>,
    site: &PlacedRow,
    conflict: &mut Conflict,
) -> RowState {
    let is_back = RowState::Changed {
        home: site.part,
        row: site.row.clone(),
        was: Texts::new(),
    };
    // The site had deleted it, and the cloud had lost values with that: nobody wants it gone now.
    if was.is_none() && matches!(conflict.cloud, Some(Loser::Columns(_))) {
        return is_back;
    }
    match table.merge {
        Merge::Site => {
            *conflict = Conflict {
                site: None,
                cloud: Some(Loser::Deletion),
            };
            is_back
        }
        Merge::Cloud => {
            conflict.site = Some(Loser::Columns(site.row.clone()));
            RowState::Deleted {
                home: site.part,
                was: Some(site.row.clone()),
            }
        }
    }
}

/// A row that the cloud bore or moved lies where its parent lies.
fn beside_parent(table: &Table, state: RowState, parent: Part) -> RowState {
    match state {
        RowState::Born { row, .. } => RowState::Born { place: parent, row },
        RowState::Moved { home, was, row, .. } if home == parent => changed(table, home, row, &was),
        RowState::Moved { home, was, row, .. } => RowState::Moved {
            home,
            was,
            place: parent,
            row,
        },
        // A row that is not there is not revived, and the site's own lies where the site has it.
        other => other,
    }
}
