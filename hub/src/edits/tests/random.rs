//! What holds for any edits.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::canonical_csv::write_record;
use causeway_shared::dataset::Merge;
use causeway_shared::ids::Name;
use proptest::prelude::*;

use super::*;
use crate::edits::texts::values_of;
use crate::edits::{Edits, MergedRow, RowMerge, fold, settle, site_row};

const DAYS: [&str; 3] = ["28", "29", "30"];

/// A visit of any of three days; few values, so that they meet.
fn any_visit() -> impl Strategy<Value = String> {
    (0..3_usize, 0..3, "[abc-]", "(open|void)")
        .prop_map(|(on, slot, note, state)| format!("{} {slot} {note} {state}", DAYS[on]))
}

fn any_merge() -> impl Strategy<Value = Merge> {
    prop_oneof![Just(Merge::Cloud), Just(Merge::Site)]
}

type Rows = BTreeMap<u8, PlacedRow>;

fn any_site() -> impl Strategy<Value = Rows> {
    prop::collection::btree_map(0..5_u8, any_visit(), 0..5).prop_map(|rows| {
        let row = |(id, words): (u8, String)| (id, visit(&id.to_string(), &words));
        rows.into_iter().map(row).collect()
    })
}

/// A journal: keys, each with its row from then on.
fn any_journal() -> impl Strategy<Value = Vec<(u8, Option<String>)>> {
    prop::collection::vec((0..7_u8, prop::option::weighted(0.75, any_visit())), 0..25)
}

/// Rows by key, as they are shown.
type Shown = BTreeMap<u8, Texts>;

/// No edits of the three days.
fn no_edits(table: &Table) -> Edits {
    let mut edits = Edits::default();
    for on in DAYS {
        edits.put(&table.name, day(on), Vec::new()).unwrap();
    }
    edits
}

/// Folds a journal whose writer sees these rows, and changes them.
fn write(
    table: &Table,
    edits: &mut Edits,
    rows: &mut Shown,
    site: &Rows,
    journal: &[(u8, Option<String>)],
) {
    let placed = |row: Texts| PlacedRow {
        part: Part::new(&format!("dt={}", row["day"].as_ref().unwrap())).unwrap(),
        row,
    };
    for (id, words) in journal {
        let new = words.as_ref().map(|words| visit(&id.to_string(), words));
        let old = match &new {
            Some(new) => rows.insert(*id, new.row.clone()),
            None => rows.remove(id),
        };
        if old.is_none() && new.is_none() {
            continue;
        }
        let change = change(old.map(placed), new, site.get(id));
        let before = edits.row(&table.name, &change.key).unwrap();
        let folded = fold(table, before, &change).unwrap();
        edits.set(&table.name, &change.key, folded).unwrap();
    }
}

/// A merged row, and whether it is edited and clashes.
type Marked = (u8, Texts, [bool; 2]);

/// The merged rows of a day.
fn merged(table: &Table, edits: &Edits, site: &Rows, on: &str) -> Vec<Marked> {
    let mut rows = Vec::new();
    let mut each = |merged: MergedRow<'_>| {
        let (key, row) = site_row(table, merged.record).unwrap();
        let id = key.texts()[0].parse().unwrap();
        rows.push((id, row, [merged.is_edited, merged.is_clash]));
    };
    let entries = edits.entries(table, day(on)).unwrap();
    let mut merge = RowMerge::new(table, &entries).unwrap();
    for (id, site) in site.iter().filter(|(_, site)| site.part == day(on)) {
        let mut record = Vec::new();
        write_record(
            &values_of(table, &key(&id.to_string()), &site.row).unwrap(),
            &mut record,
        );
        merge.push(record.trim_ascii_end(), &mut each).unwrap();
    }
    merge.finish(each).unwrap();
    rows
}

/// The edits settled with the site, and all merged rows.
fn settled(table: &Table, edits: &Edits, site: &Rows) -> (Edits, Shown) {
    let mut settled = edits.clone();
    for id in 0..7_u8 {
        let key = key(&id.to_string());
        let edit = edits.row(&table.name, &key).unwrap();
        let edit = edit.and_then(|edit| settle(table, &key, edit, site.get(&id), None).unwrap());
        settled.set(&table.name, &key, edit).unwrap();
    }
    let rows: Vec<_> = DAYS
        .iter()
        .flat_map(|on| merged(table, &settled, site, on))
        .collect();
    let shown: Shown = rows.iter().map(|(id, row, _)| (*id, row.clone())).collect();
    assert_eq!(shown.len(), rows.len(), "a row is shown twice");
    (settled, shown)
}

fn edits_of(edits: &Edits) -> Vec<Option<RowEdit>> {
    let table = Name::new("visit").unwrap();
    (0..7_u8)
        .map(|id| edits.row(&table, &key(&id.to_string())).unwrap())
        .collect()
}

proptest! {
    #[test]
    fn with_the_site_unchanged_the_merged_rows_are_the_journal_applied_in_order(
        site in any_site(),
        journal in any_journal(),
        merge in any_merge(),
    ) {
        let table = table("visit", merge);
        let mut edits = no_edits(&table);
        let mut rows: Shown = site.iter().map(|(id, site)| (*id, site.row.clone())).collect();
        write(&table, &mut edits, &mut rows, &site, &journal);
        let (same, shown) = settled(&table, &edits, &site);
        prop_assert_eq!(shown, rows);
        prop_assert_eq!(edits_of(&same), edits_of(&edits));
        for edit in edits_of(&edits).into_iter().flatten() {
            prop_assert!(edit.conflict.is_none());
        }
    }

    #[test]
    fn whatever_both_sides_do_nothing_is_lost_and_what_is_settled_is_at_rest(
        steps in prop::collection::vec((any_site(), any_journal()), 2..6),
        merge in any_merge(),
    ) {
        let table = table("visit", merge);
        let mut edits = no_edits(&table);
        for (site, journal) in &steps {
            let (at_rest, mut rows) = settled(&table, &edits, site);
            let pairs = edits_of(&edits).into_iter().zip(edits_of(&at_rest));
            for (id, (before, after)) in (0_u8..).zip(pairs) {
                nothing_is_lost(before.as_ref(), after.as_ref(), site.get(&id), rows.get(&id))?;
            }
            let (again, same) = settled(&table, &at_rest, site);
            prop_assert_eq!(edits_of(&again), edits_of(&at_rest));
            prop_assert_eq!(&same, &rows);
            edits = at_rest;
            write(&table, &mut edits, &mut rows, site, journal);
            prop_assert_eq!(settled(&table, &edits, site).1, rows);
        }
    }
}

/// A row's day and slot; `None`: the unique rule leaves it out.
fn place(row: &Texts) -> Option<(String, String)> {
    let is_void = row["state"].as_deref() == Some("void");
    let taken = row["day"].clone().zip(row["slot"].clone());
    taken.filter(|_| !is_void)
}

proptest! {
    #[test]
    fn of_rows_that_share_unique_values_all_but_one_are_marked(
        site in any_site(),
        journal in any_journal(),
    ) {
        let mut taken = BTreeSet::new();
        // As the agent judges them.
        let is_free = |(_, site): &(u8, PlacedRow)| place(&site.row).is_none_or(|at| taken.insert(at));
        let site: Rows = site.into_iter().filter(is_free).collect();
        let table = visits();
        let mut edits = no_edits(&table);
        let mut rows: Shown = site.iter().map(|(id, site)| (*id, site.row.clone())).collect();
        write(&table, &mut edits, &mut rows, &site, &journal);
        let rows: Vec<_> = DAYS.iter().flat_map(|on| merged(&table, &edits, &site, on)).collect();
        for (id, row, [is_edited, is_clash]) in &rows {
            let is_first = rows.iter().all(|(other, theirs, [theirs_edited, _])| {
                let shares = place(row).is_some() && place(theirs) == place(row);
                !shares || (!is_edited, id) <= (!theirs_edited, other)
            });
            prop_assert_eq!(*is_clash, !is_first);
        }
    }
}

/// Each value that either side wants is shown or lost in the conflict; the site's may also be what
/// an edit replaced.
fn nothing_is_lost(
    before: Option<&RowEdit>,
    after: Option<&RowEdit>,
    site: Option<&PlacedRow>,
    row: Option<&Texts>,
) -> Result<(), TestCaseError> {
    let cloud_lost = after.and_then(|after| after.conflict.cloud.as_ref());
    let wanted = match before.map(|before| &before.state) {
        Some(RowState::Changed { row, was, .. }) => row
            .iter()
            .filter(|(name, _)| was.contains_key(*name))
            .collect(),
        Some(RowState::Born { row, .. }) => row.iter().collect(),
        Some(RowState::Moved { row, was, .. }) => row
            .iter()
            .filter(|(name, text)| was[*name] != **text)
            .collect(),
        _ => Vec::new(),
    };
    for (name, text) in wanted {
        let is_shown = row.is_some_and(|row| row[name] == *text);
        let is_lost =
            matches!(cloud_lost, Some(Loser::Columns(lost)) if lost.get(name) == Some(text));
        prop_assert!(is_shown || is_lost, "{} is lost", name);
    }
    let is_deleted = matches!(
        before.map(|before| &before.state),
        Some(RowState::Deleted { .. })
    );
    let has_lost = matches!(before, Some(before) if before.conflict.cloud.is_some());
    if is_deleted && !has_lost && row.is_some() {
        prop_assert_eq!(cloud_lost, Some(&Loser::Deletion));
    }
    let was = match after.map(|after| &after.state) {
        Some(RowState::Changed { was, .. } | RowState::Moved { was, .. }) => was.clone(),
        Some(RowState::Deleted { was, .. }) => was.clone().unwrap_or_default(),
        _ => Texts::new(),
    };
    for (name, text) in site.iter().flat_map(|site| &site.row) {
        let is_shown = row.is_some_and(|row| row[name] == *text);
        prop_assert!(
            is_shown || was.get(name) == Some(text),
            "the site's {} is lost",
            name
        );
    }
    if site.is_none() && row.is_some() {
        let state = after.map(|after| &after.state);
        let is_born = matches!(state, Some(RowState::Born { .. }));
        prop_assert!(is_born, "a row that the site does not have is {:?}", state);
    }
    Ok(())
}
