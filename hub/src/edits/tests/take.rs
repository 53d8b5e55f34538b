//! What becomes of a conflict when a side is taken of it: the row changes as the hub changes it, and the
//! conflict is closed.

use causeway_shared::dataset::Merge;

use super::*;
use crate::edits::{fold, settle};

/// A row that the cloud changed (`None`: deleted) and the site changed then (`None`: deleted), and the
/// edit that is left when somebody took a side: the row is `taken` then.
fn taken(merge: Merge, cloud: Option<&str>, site: Option<&str>, taken: Option<&str>) -> String {
    let table = table("visit", merge);
    let placed = |words: Option<&str>| words.map(|words| visit("1", words));
    let before = Some("28 9 a open");
    let change = change(placed(before), placed(cloud), placed(before).as_ref());
    let edit = fold(&table, None, &change).unwrap().unwrap();
    let site = placed(site);
    let edit = settle(&table, &key("1"), edit, site.as_ref(), None)
        .unwrap()
        .unwrap();
    let (old, new) = (edit.state.placed(), placed(taken));
    let is_change = old != new;
    let take = RowChange {
        key: key("1"),
        old: old.filter(|_| is_change),
        new: new.filter(|_| is_change),
        base: site.as_ref().map(|site| site.row.clone()),
        is_at_site: site.is_some(),
        taken: edit.conflict.clone(),
        ..change
    };
    assert!(!edit.conflict.is_none());
    let folded = fold(&table, Some(edit), &take).unwrap();
    // It is closed once and for all.
    assert_eq!(
        fold(
            &table,
            folded.clone(),
            &RowChange {
                old: None,
                new: None,
                ..take
            }
        )
        .unwrap(),
        folded
    );
    let settled = folded.clone();
    let settled =
        settled.and_then(|edit| settle(&table, &key("1"), edit, site.as_ref(), None).unwrap());
    assert_eq!(settled, folded, "it is at rest");
    show(folded.as_ref())
}

#[test]
fn of_columns_the_site_is_left_or_the_edit_stands() {
    let (cloud, site) = (Some("28 9 b open"), Some("28 9 c done"));
    let stands = "changed on 28: 28 9 b done, was note=c";
    for merge in [Merge::Cloud, Merge::Site] {
        assert_eq!(taken(merge, cloud, site, Some("28 9 c done")), "nothing");
        assert_eq!(taken(merge, cloud, site, Some("28 9 b done")), stands);
    }
}

#[test]
fn of_a_row_that_the_cloud_deleted_it_is_gone_or_the_sites() {
    let site = Some("28 9 c open");
    for merge in [Merge::Cloud, Merge::Site] {
        assert_eq!(taken(merge, None, site, site), "nothing");
        let gone = "deleted on 28, was 28 9 c open";
        assert_eq!(taken(merge, None, site, None), gone);
    }
}

#[test]
fn of_a_row_that_the_site_deleted_it_is_gone_or_the_clouds() {
    let cloud = Some("28 9 b open");
    let born = "born on 28: 28 9 b open";
    for (merge, gone) in [
        (Merge::Cloud, "nothing"),
        (Merge::Site, "deleted on 28, both"),
    ] {
        assert_eq!(taken(merge, cloud, None, None), gone);
        assert_eq!(taken(merge, cloud, None, cloud), born);
    }
}

#[test]
fn of_a_row_that_the_cloud_moved_it_is_where_the_site_or_the_cloud_has_it() {
    let (cloud, site) = (Some("30 9 a open"), Some("28 9 c open"));
    for merge in [Merge::Cloud, Merge::Site] {
        assert_eq!(taken(merge, cloud, site, site), "nothing");
        let moved = "moved 28 to 30: 30 9 a open, was 28 9 c open";
        assert_eq!(taken(merge, cloud, site, cloud), moved);
    }
}

#[test]
fn of_a_date_that_both_sides_changed_it_is_the_sites_or_the_clouds() {
    let (cloud, site) = (Some("28 10 b open"), Some("29 9 a open"));
    let kept = "changed on 29: 29 9 b open, was note=a";
    assert_eq!(taken(Merge::Cloud, cloud, site, Some("29 9 b open")), kept);
    let moved = "moved 29 to 28: 28 10 b open, was 29 9 a open";
    assert_eq!(
        taken(Merge::Cloud, cloud, site, Some("28 10 b open")),
        moved
    );
}

#[test]
fn what_was_lost_since_stays_open() {
    let take = |seen: Conflict, edit: RowEdit| {
        let change = RowChange {
            old: None,
            new: None,
            taken: seen,
            ..change(Some(visit("1", "28 9 a open")), None, None)
        };
        show(fold(&visits(), Some(edit), &change).unwrap().as_ref())
    };
    let seen = |site| Conflict { site, cloud: None };
    let now = || {
        changed(
            "28 9 b void",
            "note=c state=open",
            lost("note=c state=open"),
            None,
        )
    };
    assert_eq!(
        take(seen(lost("note=a state=open")), now()),
        "changed on 28: 28 9 b void, was note=c state=open; the site lost note=c"
    );
    let whole = |words| Some(Loser::Columns(visit("1", words).row));
    let gone = || RowEdit {
        conflict: seen(whole("28 9 c open")),
        ..edit(RowState::Deleted {
            home: day("28"),
            was: Some(visit("1", "28 9 c open").row),
        })
    };
    let open = "deleted on 28, was 28 9 c open; the site lost the row 28 9 c open";
    assert_eq!(take(seen(whole("28 9 a open")), gone()), open);
    assert_eq!(take(seen(lost("note=c")), gone()), open);
    assert_eq!(take(seen(Some(Loser::Deletion)), gone()), open);
    let closed = "deleted on 28, was 28 9 c open";
    assert_eq!(take(seen(whole("28 9 c open")), gone()), closed);
}
