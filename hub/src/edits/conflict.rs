//! What lost, while a row is settled. A column is lost by the side that lost it last.

use std::collections::BTreeSet;

use causeway_shared::dataset::Table;
use causeway_shared::edits_object::{Conflict, Loser, Texts};

use super::unit::Unit;

/// The site's values of some columns lost.
pub(super) fn site_lost(conflict: &mut Conflict, columns: Texts) {
    forget(&mut conflict.cloud, |name, _| columns.contains_key(name));
    add(&mut conflict.site, columns);
}

/// The cloud's values of some columns lost.
pub(super) fn cloud_lost(conflict: &mut Conflict, columns: Texts) {
    forget(&mut conflict.site, |name, _| columns.contains_key(name));
    add(&mut conflict.cloud, columns);
}

/// Both sides have these values in a unit now.
pub(super) fn agreed(conflict: &mut Conflict, unit: &Unit<'_>, values: &Texts) {
    let is_of_unit = |name: &str| unit.names().any(|of_unit| of_unit == name);
    forget(&mut conflict.site, |name, _| is_of_unit(name));
    if let Some(Loser::Columns(columns)) = &conflict.cloud
        && unit.is_in(columns)
        && unit.is_same(columns, values)
    {
        forget(&mut conflict.cloud, |name, _| is_of_unit(name));
    }
}

/// Somebody took a side of what had lost then. What a side has lost since stays open.
pub(super) fn close(conflict: &mut Conflict, seen: &Conflict, table: &Table) {
    let sides = [
        (&mut conflict.site, &seen.site),
        (&mut conflict.cloud, &seen.cloud),
    ];
    for (lost, seen) in sides {
        match (&*lost, seen) {
            (Some(now), Some(then)) if now == then => *lost = None,
            (Some(now), Some(Loser::Columns(then))) if !is_whole(now, table) => {
                forget_same(lost, then);
            }
            _ => {}
        }
    }
}

/// A side lost nothing where the row has the same.
pub(super) fn forget_same(loser: &mut Option<Loser>, row: &Texts) {
    forget(loser, |name, text| row.get(name) == Some(text));
}

/// The columns that a conflict is about: of those that a side lost, those in which the row has something else.
/// Where there are none, since the row as a whole is in another place, all of them.
pub(crate) fn disputed_columns<'c>(
    conflict: &'c Conflict,
    row: Option<&Texts>,
) -> BTreeSet<&'c str> {
    let losers = [&conflict.site, &conflict.cloud].into_iter().flatten();
    let (mut lost, mut differing) = (BTreeSet::new(), BTreeSet::new());
    for loser in losers {
        let Loser::Columns(columns) = loser else {
            continue;
        };
        for (name, text) in columns {
            lost.insert(name.as_str());
            if row.is_none_or(|row| row.get(name) != Some(text)) {
                differing.insert(name.as_str());
            }
        }
    }
    match differing.is_empty() {
        true => lost,
        false => differing,
    }
}

/// Whether a side lost a whole row or a deletion, and not some columns.
pub(super) fn is_whole(loser: &Loser, table: &Table) -> bool {
    match loser {
        Loser::Columns(columns) => columns.len() == table.columns.len(),
        Loser::Deletion => true,
    }
}

fn add(loser: &mut Option<Loser>, more: Texts) {
    match loser {
        Some(Loser::Columns(columns)) => columns.extend(more),
        _ => *loser = Some(Loser::Columns(more)),
    }
}

fn forget(loser: &mut Option<Loser>, which: impl Fn(&str, &Option<String>) -> bool) {
    if let Some(Loser::Columns(columns)) = loser {
        columns.retain(|name, text| !which(name, text));
        if columns.is_empty() {
            *loser = None;
        }
    }
}
