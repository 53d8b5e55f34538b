use super::*;
use crate::edits::{fold, journal_columns};

/// Changes of visit 1, one after the other, by writers that had loaded the site's row `base`:
/// each is its row before and after, `None` where there is none.
fn folded(base: Option<&str>, changes: &[(Option<&str>, Option<&str>)]) -> Option<RowEdit> {
    let base = base.map(|words| visit("1", words));
    changes.iter().fold(None, |edit, (old, new)| {
        let placed = |words: &Option<&str>| words.map(|words| visit("1", words));
        let change = change(placed(old), placed(new), base.as_ref());
        fold(&visits(), edit, &change).unwrap()
    })
}

fn shown(base: Option<&str>, changes: &[(Option<&str>, Option<&str>)]) -> String {
    show(folded(base, changes).as_ref())
}

const A: Option<&str> = Some("28 9 a open");
const B: Option<&str> = Some("28 9 b open");
const C: Option<&str> = Some("28 9 c open");

#[test]
fn the_first_was_of_a_column_stays() {
    assert_eq!(
        shown(A, &[(A, B), (B, C)]),
        "changed on 28: 28 9 c open, was note=a"
    );
}

#[test]
fn a_column_that_comes_back_is_dropped() {
    assert_eq!(shown(A, &[(A, B), (B, A)]), "nothing");
    let void = Some("28 9 b void");
    let back = Some("28 9 a void");
    let changes = [(A, B), (B, void), (void, back)];
    assert_eq!(
        shown(A, &changes),
        "changed on 28: 28 9 a void, was state=open"
    );
}

#[test]
fn was_is_what_the_writers_database_had_loaded() {
    // The row as the writer saw it had another's edit, which is not folded yet.
    assert_eq!(
        shown(A, &[(B, C)]),
        "changed on 28: 28 9 c open, was note=a"
    );
    assert_eq!(
        shown(None, &[(B, C)]),
        "changed on 28: 28 9 c open, was note=b"
    );
}

#[test]
fn a_row_born_and_deleted_leaves_nothing() {
    assert_eq!(shown(None, &[(None, A), (A, B)]), "born on 28: 28 9 b open");
    assert_eq!(shown(None, &[(None, A), (A, None)]), "nothing");
    // Unless the site has the key: then `gone`.
    let gone = shown(C, &[(None, A), (A, None)]);
    assert_eq!(gone, "deleted on 28, was 28 9 a open");
}

#[test]
fn a_deletion_holds_the_site_row_whole() {
    assert_eq!(shown(A, &[(A, None)]), "deleted on 28, was 28 9 a open");
    assert_eq!(
        shown(A, &[(A, B), (B, None)]),
        "deleted on 28, was 28 9 a open"
    );
    // Also where the object that the writer had loaded is not known any more.
    assert_eq!(
        shown(None, &[(A, B), (B, None)]),
        "deleted on 28, was 28 9 a open"
    );
}

#[test]
fn a_move_leaves_the_site_row_behind_and_ends_where_it_began() {
    let there = Some("30 9 a open");
    let moved = "moved 28 to 30: 30 9 a open, was 28 9 a open";
    assert_eq!(shown(A, &[(A, there)]), moved);
    assert_eq!(
        shown(A, &[(A, B), (B, Some("30 9 b open"))]),
        moved.replace("30 9 a", "30 9 b")
    );
    assert_eq!(shown(A, &[(A, there), (there, A)]), "nothing");
    assert_eq!(
        shown(A, &[(A, there), (there, None)]),
        "deleted on 28, was 28 9 a open"
    );
    let born = [(None, A), (A, there)];
    assert_eq!(shown(None, &born), "born on 30: 30 9 a open");
}

#[test]
fn a_deleted_row_that_is_inserted_again_is_the_sites_changed() {
    let again = [(A, None), (None, B)];
    assert_eq!(shown(A, &again), "changed on 28: 28 9 b open, was note=a");
    let elsewhere = [(A, None), (None, Some("30 9 a open"))];
    let moved = "moved 28 to 30: 30 9 a open, was 28 9 a open";
    assert_eq!(shown(A, &elsewhere), moved);
}

/// One more change, by a writer who had loaded the site's row `base`.
fn then(edit: RowEdit, old: Option<&str>, new: Option<&str>, base: Option<&str>) -> String {
    let placed = |words: Option<&str>| words.map(|words| visit("1", words));
    let mut change = change(placed(old), placed(new), placed(base).as_ref());
    change.is_at_site = false;
    show(fold(&visits(), Some(edit), &change).unwrap().as_ref())
}

#[test]
fn a_later_edit_does_not_remove_the_losers_of_an_open_conflict() {
    let edit = changed("28 9 b open", "note=a", lost("note=z"), None);
    let expected = "changed on 28: 28 9 a open, was ; the site lost note=z";
    assert_eq!(then(edit, B, A, None), expected);
}

#[test]
fn a_row_that_is_inserted_where_both_sides_deleted_it_is_born() {
    let deleted = |cloud| RowEdit {
        conflict: Conflict { site: None, cloud },
        ..edit(RowState::Deleted {
            home: day("28"),
            was: None,
        })
    };
    let row = Some(Loser::Columns(visit("1", "28 9 z open").row));
    assert_eq!(then(deleted(row), None, B, None), "born on 28: 28 9 b open");
    let column = then(deleted(lost("note=z")), None, B, None);
    assert_eq!(column, "born on 28: 28 9 b open; the cloud lost note=z");
    // A deletion of what the writer saw before holds.
    assert_eq!(
        then(deleted(None), A, None, C),
        "deleted on 28, was 28 9 c open"
    );
}

#[test]
fn of_a_row_born_and_deleted_only_what_the_cloud_lost_stays_listed() {
    let born = |cloud| RowEdit {
        conflict: Conflict {
            site: Some(Loser::Deletion),
            cloud,
        },
        ..edit(RowState::Born {
            place: day("28"),
            row: visit("1", "28 9 b open").row,
        })
    };
    let expected = "deleted on 28, both; the cloud lost note=z";
    assert_eq!(then(born(lost("note=z")), B, None, None), expected);
    assert_eq!(then(born(None), B, None, None), "nothing");
}

#[test]
fn what_the_writer_saw_of_the_site_under_a_moved_row_is_what_it_replaced() {
    let moved = || folded(A, &[(A, Some("30 9 a open"))]).unwrap();
    let (seen, new) = (Some("30 9 c open"), Some("30 9 b open"));
    assert_eq!(
        then(moved(), seen, new, C),
        "moved 28 to 30: 30 9 b open, was 28 9 c open"
    );
    assert_eq!(
        then(moved(), seen, None, C),
        "deleted on 28, was 28 9 c open"
    );
    assert_eq!(
        then(moved(), seen, None, None),
        "deleted on 28, was 28 9 a open"
    );
}

#[test]
fn a_row_that_follows_its_parent_is_not_revived() {
    let table = table("report", causeway_shared::dataset::Merge::Cloud);
    let (here, there) = (report("1", "28", "a"), report("1", "29", "a"));
    let mut along = change(Some(here.clone()), Some(there), None);
    assert_eq!(fold(&table, None, &along), Ok(None));
    let deleted = fold(&table, None, &change(Some(here), None, None)).unwrap();
    assert_eq!(fold(&table, deleted.clone(), &along), Ok(deleted));
    along.is_at_site = true;
    let moved = fold(&table, None, &along).unwrap();
    assert_eq!(show(moved.as_ref()), "moved 28 to 29: a, was a");
}

#[test]
fn the_last_writer_is_named_and_texts_become_canonical() {
    let mut new = visit("1", "28 9 b open");
    new.row.insert("price".into(), Some("4.50".into()));
    let mut change = change(A.map(|a| visit("1", a)), Some(new), None);
    change.actor = "admin/minh".into();
    let edit = fold(&visits(), folded(A, &[(A, C)]), &change)
        .unwrap()
        .unwrap();
    assert_eq!(edit.actor, "admin/minh");
    assert_eq!(edit.state.row().unwrap()["price"].as_deref(), Some("4.5"));
}

#[test]
fn what_is_no_change_of_a_row_is_refused() {
    let mut change = change(A.map(|a| visit("1", a)), B.map(|b| visit("1", b)), None);
    let refused = |change: &RowChange| fold(&visits(), None, change).unwrap_err().to_string();
    change.key = key("2");
    assert_eq!(
        refused(&change),
        "table visit, row 2: its columns hold another key"
    );
}

#[test]
fn a_commit_lists_the_columns_that_a_change_changed() {
    let a = visit("1", "28 9 a open").row;
    let b = visit("1", "28 - b open").row;
    let listed = |old, new| format!("{:?}", journal_columns(old, new));
    assert_eq!(
        listed(Some(&a), Some(&b)),
        r#"{"note": [Some("a"), Some("b")], "slot": [Some("9"), None]}"#
    );
    let texts = r#"{"day": [None, Some("2025-11-28")], "id": [None, Some("1")], "note": [None, Some("b")], "state": [None, Some("open")]}"#;
    assert_eq!(listed(None, Some(&b)), texts);
    assert_eq!(journal_columns(Some(&b), None).len(), 4);
}
