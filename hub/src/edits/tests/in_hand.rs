use causeway_shared::ids::Name;

use super::*;
use crate::edits::{Edits, is_kept};

fn visit_name() -> Name {
    Name::new("visit").unwrap()
}

/// The edits of some days, none yet.
fn in_hand(days: &[&str]) -> Edits {
    let mut edits = Edits::default();
    for of in days {
        edits.put(&visit_name(), day(of), Vec::new()).unwrap();
    }
    edits
}

fn moved(from: &str, to: &str) -> RowEdit {
    edit(RowState::Moved {
        home: day(from),
        was: visit("1", &format!("{from} 9 a open")).row,
        place: day(to),
        row: visit("1", &format!("{to} 9 a open")).row,
    })
}

fn born(id: &str, on: &str) -> RowEdit {
    edit(RowState::Born {
        place: day(on),
        row: visit(id, &format!("{on} 9 a open")).row,
    })
}

fn changed(edits: &Edits) -> Vec<String> {
    edits.changed().map(|(_, part)| date(part)).collect()
}

#[test]
fn a_moved_row_has_an_entry_in_both_partitions() {
    let (table, mut edits) = (visit_name(), in_hand(&["28", "29", "30"]));
    edits
        .set(&table, &key("1"), Some(moved("28", "30")))
        .unwrap();
    assert_eq!(edits.row(&table, &key("1")), Ok(Some(moved("28", "30"))));
    assert_eq!(changed(&edits), ["28", "30"]);
    // It is moved on: the entry of the 30th goes.
    edits
        .set(&table, &key("1"), Some(moved("28", "29")))
        .unwrap();
    assert_eq!(changed(&edits), ["28", "29"]);
    assert_eq!(edits.keys(&table, day("30")), Ok(vec![]));
    edits.set(&table, &key("1"), None).unwrap();
    assert_eq!(changed(&edits), [""; 0]);
}

#[test]
fn a_partition_is_changed_as_long_as_it_differs_from_what_was_put_in() {
    let (table, mut first) = (visit_name(), in_hand(&["28"]));
    first.set(&table, &key("1"), Some(born("1", "28"))).unwrap();
    let mut edits = Edits::default();
    edits
        .put(
            &table,
            day("28"),
            first.entries(&visits(), day("28")).unwrap(),
        )
        .unwrap();
    edits.set(&table, &key("1"), Some(born("1", "28"))).unwrap();
    edits.set(&table, &key("2"), Some(born("2", "28"))).unwrap();
    assert_eq!(changed(&edits), ["28"]);
    edits.set(&table, &key("2"), None).unwrap();
    assert_eq!(changed(&edits), [""; 0]);
    edits.set(&table, &key("1"), None).unwrap();
    assert_eq!(changed(&edits), ["28"]);
}

#[test]
fn no_entry_is_lost_for_a_partition_that_is_not_in_hand() {
    let (table, mut edits) = (visit_name(), in_hand(&["28"]));
    let problem = "the edits of table visit, partition dt=2025-11-30, are not in hand";
    edits.set(&table, &key("1"), Some(born("1", "28"))).unwrap();
    let refused = edits.set(&table, &key("1"), Some(moved("28", "30")));
    assert_eq!(refused.unwrap_err().to_string(), problem);
    assert_eq!(edits.row(&table, &key("1")), Ok(Some(born("1", "28"))));
    // An entry that leads there.
    let mut both = in_hand(&["28", "30"]);
    both.set(&table, &key("1"), Some(moved("28", "30")))
        .unwrap();
    let mut one = Edits::default();
    one.put(
        &table,
        day("28"),
        both.entries(&visits(), day("28")).unwrap(),
    )
    .unwrap();
    assert_eq!(one.row(&table, &key("1")).unwrap_err().to_string(), problem);
    assert!(!one.holds(&table, day("30")) && one.holds(&table, day("28")));
    assert_eq!(
        one.keys(&table, day("30")).unwrap_err().to_string(),
        problem
    );
    let problem = "the edits of table visit, partition dt=2025-11-28, are in hand already";
    let again = one.put(&table, day("28"), Vec::new()).unwrap_err();
    assert_eq!(again.to_string(), problem);
}

#[test]
fn entries_that_contradict_each_other_are_named() {
    let table = visit_name();
    let entries = |edit: RowEdit, on: &str| {
        let mut edits = in_hand(&["28", "29", "30"]);
        edits.set(&table, &key("1"), Some(edit)).unwrap();
        edits.entries(&visits(), day(on)).unwrap()
    };
    let refused = |parts: &[(&str, Vec<_>)]| {
        let mut edits = in_hand(&["27"]);
        for (on, entries) in parts {
            edits.put(&table, day(on), entries.clone())?;
        }
        for on in ["28", "29", "30"] {
            if !edits.holds(&table, day(on)) {
                edits.put(&table, day(on), Vec::new())?;
            }
        }
        edits.row(&table, &key("1"))
    };
    let refused = |parts: &[_]| refused(parts).unwrap_err().to_string();
    let here = entries(born("1", "28"), "28");
    let left = entries(moved("28", "30"), "28");
    let arrived = entries(moved("28", "30"), "30");
    let it = |problem: &str| format!("table visit, row 1: {problem}");
    assert_eq!(
        refused(&[("28", here.clone()), ("29", here.clone())]),
        it("it has two entries of one kind")
    );
    assert_eq!(
        refused(&[("28", [here.clone(), here.clone()].concat())]),
        it("the partition has two entries for it")
    );
    assert_eq!(
        refused(&[("28", left.clone())]),
        it("it was moved to a partition that has no entry for it")
    );
    assert_eq!(
        refused(&[("30", arrived.clone())]),
        it("it was moved from a partition that has no entry for it")
    );
    let apart = it("it is gone from one partition and in another without having been moved there");
    assert_eq!(refused(&[("28", left.clone()), ("30", here)]), apart);
    assert_eq!(refused(&[("28", left), ("29", arrived)]), apart);
}

#[test]
fn keys_are_kept_that_the_site_may_bear() {
    let (table, mut edits) = (visit_name(), in_hand(&["28", "30"]));
    let mut lost = born("1000000002", "28");
    lost.conflict.site = Some(Loser::Deletion);
    let gone = |was| {
        edit(RowState::Deleted {
            home: day("28"),
            was,
        })
    };
    let was = visit("10", "28 9 a open").row;
    for (id, edit) in [
        ("1000000000", born("1000000000", "28")),
        ("999999999", born("999999999", "28")),
        ("1000000002", lost),
        ("3", gone(None)),
        ("10", gone(Some(was))),
        ("1", moved("28", "30")),
    ] {
        edits.set(&table, &key(id), Some(edit)).unwrap();
    }
    let kept = |on| {
        let entries = edits.entries(&visits(), day(on)).unwrap().into_iter();
        let kept = entries.filter(|entry| is_kept(&visits(), entry));
        kept.map(|entry| entry.key).collect::<Vec<_>>()
    };
    assert_eq!(kept("28"), ["3", "999999999", "1000000002"].map(key));
    assert_eq!(kept("30"), []);
}
