//! What holds for any edits.

use std::collections::BTreeMap;

use causeway_shared::canonical_csv::write_record;
use causeway_shared::dataset::Merge;
use causeway_shared::ids::Name;
use proptest::prelude::*;

use super::*;
use crate::edits::texts::values_of;
use crate::edits::{Edits, RowMerge, fold, settle, site_row};

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

/// The edits of the three days that a journal makes, and the rows that it leaves.
fn applied(table: &Table, site: &Rows, journal: &[(u8, Option<String>)]) -> (Edits, Rows) {
    let (mut edits, mut rows) = (Edits::default(), site.clone());
    for on in DAYS {
        edits.put(&table.name, day(on), Vec::new()).unwrap();
    }
    for (id, words) in journal {
        let new = words.as_ref().map(|words| visit(&id.to_string(), words));
        let old = match &new {
            Some(new) => rows.insert(*id, new.clone()),
            None => rows.remove(id),
        };
        if old.is_none() && new.is_none() {
            continue;
        }
        let change = change(old, new, site.get(id));
        let before = edits.row(&table.name, &change.key).unwrap();
        let folded = fold(table, before, &change).unwrap();
        edits.set(&table.name, &change.key, folded).unwrap();
    }
    (edits, rows)
}

/// The merged rows of a day.
fn merged(table: &Table, edits: &Edits, site: &Rows, on: &str) -> Vec<(u8, Texts)> {
    let mut rows = Vec::new();
    let mut each = |record: &[u8]| {
        let (key, row) = site_row(table, record).unwrap();
        rows.push((key.texts()[0].parse().unwrap(), row));
    };
    let entries = edits.entries(table, day(on)).unwrap();
    let mut merge = RowMerge::new(table, &entries).unwrap();
    for (id, site) in site.iter().filter(|(_, site)| site.part == day(on)) {
        let mut record = Vec::new();
        write_record(
            &values_of(table, &key(&id.to_string()), &site.row).unwrap(),
            &mut record,
        );
        merge
            .push(record.trim_ascii_end(), |row| each(row.record))
            .unwrap();
    }
    merge.finish(|row| each(row.record)).unwrap();
    rows
}

/// All merged rows, settled with the site first.
fn shown(table: &Table, edits: &Edits, site: &Rows) -> (Edits, Vec<(u8, Texts)>) {
    let mut settled = edits.clone();
    for id in 0..7_u8 {
        let key = key(&id.to_string());
        let edit = edits.row(&table.name, &key).unwrap();
        let edit = edit.and_then(|edit| settle(table, &key, edit, site.get(&id), None).unwrap());
        settled.set(&table.name, &key, edit).unwrap();
    }
    let rows = DAYS.iter().flat_map(|on| merged(table, &settled, site, on));
    let rows = rows.collect();
    (settled, rows)
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
        let (edits, rows) = applied(&table, &site, &journal);
        // A key that is born though the site had it is met by the site's row: that is a change.
        let (settled, mut shown) = shown(&table, &edits, &site);
        prop_assert_eq!(edits_of(&settled), edits_of(&edits));
        for edit in edits_of(&edits).into_iter().flatten() {
            prop_assert!(edit.conflict.is_none());
        }
        shown.sort_by_key(|(id, _)| *id);
        let rows: Vec<_> = rows.into_iter().map(|(id, placed)| (id, placed.row)).collect();
        prop_assert_eq!(shown, rows);
    }

    #[test]
    fn what_is_settled_settles_to_itself_and_nothing_is_lost(
        site in any_site(),
        journal in any_journal(),
        later in prop::collection::vec(any_site(), 1..4),
        merge in any_merge(),
    ) {
        let table = table("visit", merge);
        let (mut edits, _) = applied(&table, &site, &journal);
        for site in &later {
            let (settled, rows) = shown(&table, &edits, site);
            let (again, same) = shown(&table, &settled, site);
            prop_assert_eq!(edits_of(&again), edits_of(&settled));
            prop_assert_eq!(&same, &rows);
            let rows: BTreeMap<u8, Texts> = rows.into_iter().collect();
            let pairs = edits_of(&edits).into_iter().zip(edits_of(&settled));
            for (id, (before, after)) in (0_u8..).zip(pairs) {
                nothing_is_lost(before.as_ref(), after.as_ref(), site.get(&id), rows.get(&id))?;
            }
            edits = settled;
        }
    }
}

/// Each value that either side wants is in the row, or lost in the conflict.
fn nothing_is_lost(
    before: Option<&RowEdit>,
    after: Option<&RowEdit>,
    site: Option<&PlacedRow>,
    row: Option<&Texts>,
) -> Result<(), TestCaseError> {
    let conflict = after
        .map(|after| after.conflict.clone())
        .unwrap_or_default();
    let is_lost = |loser: &Option<Loser>, name: &str, text: &Option<String>| match loser {
        Some(Loser::Columns(lost)) => lost.get(name) == Some(text),
        _ => false,
    };
    if let Some(RowState::Changed { row: ours, was, .. }) = before.map(|edit| &edit.state) {
        for name in was.keys() {
            let is_shown = row.is_some_and(|row| row[name] == ours[name]);
            prop_assert!(is_shown || is_lost(&conflict.cloud, name, &ours[name]));
        }
    }
    match (site, row) {
        (Some(site), Some(row)) => {
            let was = match after.map(|edit| &edit.state) {
                Some(RowState::Changed { was, .. } | RowState::Moved { was, .. }) => was.clone(),
                _ => Texts::new(),
            };
            for (name, text) in &site.row {
                let is_known = was.get(name) == Some(text);
                prop_assert!(row[name] == *text || is_known);
            }
        }
        (Some(site), None) => {
            let was = match after.map(|edit| &edit.state) {
                Some(RowState::Deleted { was, .. }) => was.as_ref(),
                _ => None,
            };
            prop_assert_eq!(was, Some(&site.row));
        }
        (None, Some(_)) => {
            let is_born = matches!(after.map(|edit| &edit.state), Some(RowState::Born { .. }));
            prop_assert!(is_born);
        }
        (None, None) => {}
    }
    Ok(())
}
