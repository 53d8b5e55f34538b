use causeway_shared::dataset::Merge;
use causeway_shared::edits_object::Loser;
use causeway_shared::ids::Part;

use super::*;
use crate::edits::{fold, settle};

/// A row of the site's (`None`: there is none), what the cloud made of it (`None`: deleted), and
/// what the site has then: what becomes of the edit.
fn became(merge: Merge, before: Option<&str>, cloud: Option<&str>, site: Option<&str>) -> String {
    let table = table("visit", merge);
    let before = before.map(|words| visit("1", words));
    let change = change(
        before.clone(),
        cloud.map(|words| visit("1", words)),
        before.as_ref(),
    );
    let edit = fold(&table, None, &change).unwrap().unwrap();
    let site = site.map(|words| visit("1", words));
    let settled = settle(&table, &key("1"), edit, site.as_ref(), None).unwrap();
    show(settled.as_ref())
}

/// As [`became`], the rules being `cloud` and `site`.
fn by_rule(before: Option<&str>, cloud: Option<&str>, site: Option<&str>) -> [String; 2] {
    [Merge::Cloud, Merge::Site].map(|merge| became(merge, before, cloud, site))
}

#[track_caller]
fn whatever_the_rule(became: [String; 2], expected: &str) {
    assert_eq!(became, [expected, expected]);
}

const BEFORE: Option<&str> = Some("28 9 a open");

#[test]
fn site_unchanged_updated_in_the_cloud_columns_stand() {
    let became = by_rule(BEFORE, Some("28 9 b open"), BEFORE);
    whatever_the_rule(became, "changed on 28: 28 9 b open, was note=a");
}

#[test]
fn site_unchanged_deleted_in_the_cloud_stays_gone() {
    whatever_the_rule(
        by_rule(BEFORE, None, BEFORE),
        "deleted on 28, was 28 9 a open",
    );
}

#[test]
fn site_unchanged_born_in_the_cloud_stands() {
    let became = by_rule(None, Some("28 9 b open"), None);
    whatever_the_rule(became, "born on 28: 28 9 b open");
}

#[test]
fn site_changed_updated_in_the_cloud_per_column_conflict_where_both_did() {
    let became = by_rule(BEFORE, Some("28 9 b open"), Some("28 9 a done"));
    whatever_the_rule(became, "changed on 28: 28 9 b done, was note=a");
    assert_eq!(
        by_rule(BEFORE, Some("28 9 b void"), Some("28 9 c open")),
        [
            "changed on 28: 28 9 b void, was note=c state=open; the site lost note=c",
            "changed on 28: 28 9 c void, was state=open; the cloud lost note=b",
        ]
    );
    whatever_the_rule(
        by_rule(BEFORE, Some("28 9 b open"), Some("28 9 b done")),
        "nothing",
    );
}

#[test]
fn a_group_counts_as_one_value() {
    let table = visits();
    let (before, moved) = (visit("1", "28 9 a open"), visit("1", "28 10 a open"));
    let change = change(Some(before.clone()), Some(moved), Some(&before));
    let folded = fold(&table, None, &change).unwrap();
    let whole = "changed on 28: 28 10 a open, was day=28 slot=9";
    assert_eq!(show(folded.as_ref()), whole);
    assert_eq!(
        by_rule(BEFORE, Some("28 10 a open"), Some("28 11 a open")),
        [
            "changed on 28: 28 10 a open, was day=28 slot=11; the site lost day=28 slot=11",
            "changed on 28: 28 11 a open, was ; the cloud lost day=28 slot=10",
        ]
    );
}

#[test]
fn a_group_that_was_declared_later_is_completed() {
    let state = RowState::Changed {
        home: day("28"),
        row: visit("1", "28 10 a open").row,
        was: [("slot".to_owned(), Some("9".to_owned()))].into(),
    };
    let site = visit("1", "28 9 c open");
    let settled = settle(&visits(), &key("1"), edit(state), Some(&site), None).unwrap();
    let expected = "changed on 28: 28 10 c open, was day=28 slot=9";
    assert_eq!(show(settled.as_ref()), expected);
}

#[test]
fn site_changed_deleted_in_the_cloud_gone_conflict_site_back() {
    assert_eq!(
        by_rule(BEFORE, None, Some("28 9 c open")),
        [
            "deleted on 28, was 28 9 c open; the site lost the row 28 9 c open",
            "changed on 28: 28 9 c open, was ; the cloud lost its deletion",
        ]
    );
}

#[test]
fn site_deleted_updated_in_the_cloud_cloud_kept_as_born_site_gone_and_a_loser() {
    assert_eq!(
        by_rule(BEFORE, Some("28 9 b open"), None),
        [
            "born on 28: 28 9 b open; the site lost its deletion",
            "deleted on 28, both; the cloud lost the row 28 9 b open",
        ]
    );
}

#[test]
fn site_deleted_deleted_in_the_cloud_stays_gone_under_kept() {
    whatever_the_rule(by_rule(BEFORE, None, None), "deleted on 28, both");
}

#[test]
fn site_has_the_key_too_born_in_the_cloud_a_conflict_per_differing_column() {
    assert_eq!(
        by_rule(None, Some("28 9 b open"), Some("28 9 c open")),
        [
            "changed on 28: 28 9 b open, was note=c; the site lost note=c",
            "changed on 28: 28 9 c open, was ; the cloud lost note=b",
        ]
    );
    let became = by_rule(None, Some("28 9 b open"), Some("29 9 c open"));
    let moved = "moved 29 to 28: 28 9 b open, was 29 9 c open; the site lost the row 29 9 c open";
    whatever_the_rule(became, moved);
}

#[test]
fn site_moved_updated_in_the_cloud_the_entry_goes_along() {
    let became = by_rule(BEFORE, Some("28 9 b open"), Some("29 9 a open"));
    whatever_the_rule(became, "changed on 29: 29 9 b open, was note=a");
    let became = by_rule(BEFORE, Some("28 10 b open"), Some("29 9 a open"));
    let group = "changed on 29: 29 9 b open, was note=a; the cloud lost day=28 slot=10";
    whatever_the_rule(became, group);
}

#[test]
fn site_moved_deleted_in_the_cloud_the_entry_goes_along_stays_gone() {
    assert_eq!(
        became(Merge::Cloud, BEFORE, None, Some("29 9 a open")),
        "deleted on 29, was 29 9 a open; the site lost the row 29 9 a open"
    );
}

#[test]
fn moved_in_the_cloud_the_cloud_row_as_a_whole_whatever_the_rule() {
    let moved = Some("30 9 a open");
    let became = by_rule(BEFORE, moved, Some("28 9 c open"));
    let conflict =
        "moved 28 to 30: 30 9 a open, was 28 9 c open; the site lost the row 28 9 c open";
    whatever_the_rule(became, conflict);
    let became = by_rule(BEFORE, moved, Some("29 9 a open"));
    let along = "moved 29 to 30: 30 9 a open, was 29 9 a open; the site lost the row 29 9 a open";
    whatever_the_rule(became, along);
    let became = by_rule(BEFORE, moved, None);
    whatever_the_rule(
        became,
        "born on 30: 30 9 a open; the site lost its deletion",
    );
    whatever_the_rule(by_rule(BEFORE, moved, Some("30 9 a open")), "nothing");
}

/// Settles an edit again, with what the site has next.
fn then(merge: Merge, edit: RowEdit, site: Option<&str>) -> Option<RowEdit> {
    let site = site.map(|words| visit("1", words));
    settle(&table("visit", merge), &key("1"), edit, site.as_ref(), None).unwrap()
}

#[test]
fn a_row_that_the_site_deleted_and_bears_again_is_met_by_what_was_kept() {
    let both = edit(RowState::Deleted {
        home: day("28"),
        was: None,
    });
    let again = Some("29 9 a open");
    assert_eq!(
        [Merge::Cloud, Merge::Site].map(|merge| show(then(merge, both.clone(), again).as_ref())),
        [
            "deleted on 29, was 29 9 a open; the site lost the row 29 9 a open",
            "changed on 29: 29 9 a open, was ; the cloud lost its deletion",
        ]
    );
    let mut lost = both;
    lost.conflict.cloud = Some(Loser::Columns(visit("1", "28 9 b open").row));
    let back = then(Merge::Site, lost, again);
    let expected = "changed on 29: 29 9 a open, was ; the cloud lost the row 28 9 b open";
    assert_eq!(show(back.as_ref()), expected);
    let mut kept = edit(RowState::Born {
        place: day("28"),
        row: visit("1", "28 9 b open").row,
    });
    kept.conflict.site = Some(Loser::Deletion);
    let met = then(Merge::Cloud, kept, Some("28 9 a open"));
    let expected = "changed on 28: 28 9 b open, was note=a; the site lost note=a";
    assert_eq!(show(met.as_ref()), expected);
}

#[test]
fn what_the_cloud_lost_earlier_is_part_of_what_it_loses_with_the_row() {
    // Of the state there is a later edit.
    let both = changed("28 9 c void", "state=open", None, lost("note=b state=done"));
    let deleted = then(Merge::Site, both, None);
    let expected = "deleted on 28, both; the cloud lost the row 28 9 b void";
    assert_eq!(show(deleted.as_ref()), expected);
}

#[test]
fn a_column_is_lost_by_the_side_that_lost_it_last() {
    let settled = |merge, site, cloud| {
        let edit = changed("28 9 b open", "note=a", site, cloud);
        show(then(merge, edit, Some("28 9 c open")).as_ref())
    };
    assert_eq!(
        settled(Merge::Cloud, None, lost("note=z state=done")),
        "changed on 28: 28 9 b open, was note=c; the site lost note=c; the cloud lost state=done"
    );
    assert_eq!(
        settled(Merge::Site, lost("note=z state=done"), None),
        "changed on 28: 28 9 c open, was ; the site lost state=done; the cloud lost note=b"
    );
}

#[test]
fn where_both_sides_come_to_agree_only_what_still_differs_is_lost() {
    let agreed = |cloud: &str| {
        let edit = changed("28 9 b open", "note=a", lost("note=c"), lost(cloud));
        show(then(Merge::Cloud, edit, Some("28 9 b open")).as_ref())
    };
    let still = "changed on 28: 28 9 b open, was ; the cloud lost note=z";
    assert_eq!([agreed("note=z"), agreed("note=b")], [still, "nothing"]);
    let mut born = edit(RowState::Born {
        place: day("28"),
        row: visit("1", "28 9 b open").row,
    });
    born.conflict.site = lost("note=c");
    assert_eq!(then(Merge::Cloud, born, Some("28 9 b open")), None);
}

#[test]
fn of_a_row_that_the_site_deletes_only_what_the_cloud_lost_stays_listed() {
    let with = |cloud| changed("28 9 b open", "", lost("state=done"), cloud);
    let deleted = then(Merge::Cloud, with(lost("note=z")), None);
    let expected = "deleted on 28, both; the cloud lost note=z";
    assert_eq!(show(deleted.as_ref()), expected);
    assert_eq!(then(Merge::Cloud, with(None), None), None);
    assert_eq!(then(Merge::Cloud, with(Some(Loser::Deletion)), None), None);
}

#[test]
fn a_site_row_that_lost_to_a_move_is_compared_by_column_where_both_meet() {
    let moved = edit(RowState::Moved {
        home: day("28"),
        was: visit("1", "28 9 a open").row,
        place: day("30"),
        row: visit("1", "30 9 b open").row,
    });
    let lost = then(Merge::Cloud, moved, Some("28 9 c void")).unwrap();
    assert_eq!(
        show(Some(&lost)),
        "moved 28 to 30: 30 9 b open, was 28 9 c void; the site lost the row 28 9 c void"
    );
    let met = then(Merge::Cloud, lost, Some("30 9 c void")).unwrap();
    let expected =
        "changed on 30: 30 9 b open, was note=c state=void; the site lost note=c state=void";
    assert_eq!(show(Some(&met)), expected);
    // Both sides have the same in the end.
    assert_eq!(then(Merge::Cloud, met, Some("30 9 b open")), None);
}

#[test]
fn a_child_that_the_cloud_bore_or_moved_lies_where_its_parent_lies() {
    let table = table("report", Merge::Cloud);
    let settled = |state, site: Option<&PlacedRow>| {
        let settled = settle(&table, &key("1"), edit(state), site, Some(day("29"))).unwrap();
        show(settled.as_ref())
    };
    let row = report("1", "28", "b").row;
    let born = RowState::Born {
        place: day("28"),
        row: row.clone(),
    };
    assert_eq!(settled(born, None), "born on 29: b");
    let moved = |home: &str| RowState::Moved {
        home: day(home),
        was: report("1", home, "a").row,
        place: day("28"),
        row: row.clone(),
    };
    let site = |on| report("1", on, "a");
    assert_eq!(
        settled(moved("27"), Some(&site("27"))),
        "moved 27 to 29: b, was a"
    );
    assert_eq!(
        settled(moved("29"), Some(&site("29"))),
        "changed on 29: b, was note=a"
    );
    let gone = RowState::Deleted {
        home: day("28"),
        was: Some(site("28").row),
    };
    assert_eq!(settled(gone, Some(&site("28"))), "deleted on 28, was a");
}

#[test]
fn an_entry_of_an_old_number_of_buckets_lies_by_its_key() {
    let table = table("item", Merge::Cloud);
    let row: Texts = [
        ("code".to_owned(), Some("x".to_owned())),
        ("note".to_owned(), None),
    ]
    .into();
    let before = Part::new("b=2of3").unwrap();
    let deleted = RowState::Deleted {
        home: before,
        was: Some(row.clone()),
    };
    let place = before;
    for (state, expected) in [
        (RowState::Born { place, row }, "born on b=1of4: -"),
        (deleted, "deleted on b=1of4, both"),
    ] {
        let settled = settle(&table, &key("x"), edit(state), None, None).unwrap();
        assert_eq!(show(settled.as_ref()), expected);
    }
}

#[test]
fn a_row_that_is_none_of_the_table_is_refused() {
    let refused = |column: &str, text: Option<&str>| {
        let mut row = visit("1", "28 9 a open").row;
        match text {
            Some(text) => row.insert(column.to_owned(), Some(text.to_owned())),
            None => row.remove(column),
        };
        let born = RowState::Born {
            place: day("28"),
            row,
        };
        let error = settle(&visits(), &key("1"), edit(born), None, None).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        refused("note", None),
        "table visit, row 1: it lacks the column note"
    );
    assert_eq!(
        refused("slot", Some("late")),
        "table visit, row 1: column slot: \"late\" is not a value of type int"
    );
    assert_eq!(
        refused("id", Some("2")),
        "table visit, row 1: its columns hold another key"
    );
    assert_eq!(
        refused("more", Some("x")),
        "table visit, row 1: it has a column that the table does not have"
    );
}
