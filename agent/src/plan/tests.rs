use causeway_shared::catalog::Entry;
use causeway_shared::commit::{Head, PartitionObject, Writer};
use causeway_shared::dataset::TableId;
use causeway_shared::ids::{Md5, Part, Seq, SiteName};
use causeway_shared::summary::Summary;
use jiff::Timestamp;
use proptest::prelude::*;

use super::guard::Reason;
use super::*;
use crate::scan::ScannedTable;

const STRICT: Rules = Rules {
    shrink: 0.2,
    allow_shrink: false,
};
const ACCEPTING: Rules = Rules {
    shrink: 0.2,
    allow_shrink: true,
};
/// Positions in MeetAssist's dataset.
const CONSULTANT: TableId = TableId(1);
const APPOINTMENT: TableId = TableId(3);
const FEEDBACK: TableId = TableId(4);

fn dataset() -> Dataset {
    Dataset::meetassist().unwrap()
}

fn content(rows: u64) -> PartitionContent {
    PartitionContent {
        md5: Md5::of(&rows.to_be_bytes()),
        rows,
        summary: Summary::default(),
    }
}

type Outcome = Result<ScannedTable, Unreadable>;

fn scanned(parts: impl IntoIterator<Item = (Part, PartitionContent)>) -> Outcome {
    Ok(ScannedTable {
        parts: parts.into_iter().collect(),
        ..ScannedTable::default()
    })
}

fn rows(parts: &[(&str, u64)]) -> Outcome {
    let part = |(part, rows): &(&str, u64)| (Part::new(part).unwrap(), content(*rows));
    scanned(parts.iter().map(part))
}

fn missing() -> Outcome {
    Err(Unreadable::Missing {
        why: "no file".into(),
        remedy: "put it back".into(),
    })
}

fn not_ready() -> Unreadable {
    Unreadable::NotReady {
        why: "hot journal".into(),
    }
}

/// A catalog that holds these partitions.
fn catalog(parts: &[(&str, &str, u64)]) -> Catalog {
    let dataset = dataset().md5();
    let mut catalog = Catalog::empty(SiteName::new("a").unwrap());
    for (table, part, rows) in parts {
        let PartitionContent { md5, rows, summary } = content(*rows);
        let object = PartitionObject {
            md5,
            rows,
            bytes: 1,
            summary,
        };
        let key = (Name::new(table).unwrap(), Part::new(part).unwrap());
        catalog.partitions.insert(
            key,
            Entry {
                object,
                dataset,
                seq: Seq(1),
            },
        );
    }
    let writer = Writer {
        id: "w".into(),
        host: "h".into(),
    };
    let at = jiff::Timestamp::UNIX_EPOCH;
    catalog.head = Some(Head {
        seq: Seq(1),
        at,
        epoch: 1,
        writer,
        dataset,
    });
    catalog
}

/// A plan in short: `table part was→now`, then `table: reason` of those held.
fn planned(was: &[(&str, &str, u64)], found: Vec<(TableId, Outcome)>, rules: Rules) -> String {
    let plan = plan(
        &dataset(),
        &catalog(was),
        &found.into_iter().collect(),
        rules,
    );
    let change = |change: &PlannedChange| {
        let was = change.was.as_ref();
        let was = was.map_or("-".into(), |was| was.rows.to_string());
        let now = change
            .now
            .as_ref()
            .map_or("-".into(), |now| now.rows.to_string());
        format!("{} {} {was}→{now}", change.table, change.part)
    };
    let lines = plan.changes.iter().map(change);
    lines
        .chain(plan.held.iter().map(ToString::to_string))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn only_what_differs_is_planned() {
    let was = [
        ("appointment", "dt=2025-01-01", 5),
        ("appointment", "dt=2025-01-02", 6),
        ("appointment", "dt=2025-01-03", 7),
        ("customer", "b=00of16", 9),
    ];
    let found = rows(&[
        ("dt=2025-01-01", 5),
        ("dt=2025-01-02", 8),
        ("dt=2025-01-04", 1),
    ]);
    insta::assert_snapshot!(planned(&was, vec![(APPOINTMENT, found)], STRICT), @r"
    appointment dt=2025-01-02 6→8
    appointment dt=2025-01-03 7→-
    appointment dt=2025-01-04 -→1
    ");
}

#[test]
fn a_large_removal_holds_the_table_and_its_family() {
    let was = [
        ("appointment", "dt=2025-01-01", 100),
        ("appointmentfeedback", "dt=2025-01-01", 3),
    ];
    let found = |now| {
        vec![
            (CONSULTANT, rows(&[("b=0of1", 2)])),
            (APPOINTMENT, rows(&[("dt=2025-01-01", now)])),
            (FEEDBACK, rows(&[("dt=2025-01-01", 1)])),
        ]
    };
    insta::assert_snapshot!(planned(&was, found(79), STRICT), @r"
    consultant b=0of1 -→2
    table appointment is held back: it would shrink from 100 rows to 79
    table appointmentfeedback is held back: its rows lie where those of appointment do, which is
    ");
    insta::assert_snapshot!(planned(&was, found(80), STRICT), @r"
    appointment dt=2025-01-01 100→80
    appointmentfeedback dt=2025-01-01 3→1
    consultant b=0of1 -→2
    ");
    insta::assert_snapshot!(planned(&was, found(79), ACCEPTING), @r"
    appointment dt=2025-01-01 100→79
    appointmentfeedback dt=2025-01-01 3→1
    consultant b=0of1 -→2
    ");
}

#[test]
fn rows_that_move_between_dates_do_not_shrink_a_table() {
    let was = [("appointment", "dt=2025-01-01", 200)];
    let found = vec![(APPOINTMENT, rows(&[("dt=2025-01-02", 200)]))];
    insta::assert_snapshot!(planned(&was, found, STRICT), @r"
    appointment dt=2025-01-01 200→-
    appointment dt=2025-01-02 -→200
    ");
}

#[test]
fn a_small_table_may_be_emptied() {
    let found = vec![(CONSULTANT, rows(&[]))];
    insta::assert_snapshot!(planned(&[("consultant", "b=0of1", 99)], found, STRICT), @"consultant b=0of1 99→-");
}

#[test]
fn a_missing_table_is_held_whatever_a_person_accepts() {
    let was = [("consultant", "b=0of1", 1)];
    let found = vec![(CONSULTANT, missing())];
    insta::assert_snapshot!(planned(&was, found, ACCEPTING), @"table consultant is held back: no file");
}

#[test]
fn a_table_that_never_was_there_is_absent_and_holds_nothing() {
    let found = [
        (APPOINTMENT, rows(&[("dt=2025-01-01", 1)])),
        (FEEDBACK, missing()),
    ]
    .into_iter()
    .collect();
    let plan = plan(&dataset(), &catalog(&[]), &found, STRICT);
    assert_eq!(plan.absent, [Name::new("appointmentfeedback").unwrap()]);
    assert_eq!((plan.changes.len(), plan.held.len()), (1, 0));
}

#[test]
fn a_source_that_is_not_ready_waits_for_no_person() {
    let found = [(CONSULTANT, Err(not_ready()))].into_iter().collect();
    let held = plan(&dataset(), &catalog(&[]), &found, STRICT).held;
    assert_eq!(held[0].reason, Reason::Unreadable(not_ready()));
    assert!(!held[0].needs_person());
}

#[test]
fn reports_and_state_tell_what_is_held_in_one_flat_object() {
    let not_ready = HeldTable {
        since: Some(Timestamp::UNIX_EPOCH),
        overdue: true,
        ..HeldTable::new(Name::new("t").unwrap(), Reason::Unreadable(not_ready()))
    };
    let shrunk = HeldTable::new(Name::new("t").unwrap(), Reason::Shrunk { was: 9, now: 1 });
    for (held, json) in [
        (
            not_ready,
            r#"{"table":"t","reason":"not_ready","why":"hot journal","since":"1970-01-01T00:00:00Z","overdue":true}"#,
        ),
        (shrunk, r#"{"table":"t","reason":"shrunk","was":9,"now":1}"#),
    ] {
        assert_eq!(serde_json::to_string(&held).unwrap(), json);
        assert_eq!(serde_json::from_str::<HeldTable>(json).unwrap(), held);
    }
    let locked = Reason::Unreadable(Unreadable::Locked {
        why: "held up".into(),
    });
    let json = serde_json::to_string(&locked).unwrap();
    assert_eq!(json, r#"{"reason":"not_ready","why":"held up"}"#);
}

#[test]
fn what_is_not_ready_for_ten_minutes_waits_for_a_person() {
    let found = [(CONSULTANT, Err(not_ready()))].into_iter().collect();
    let planned = || plan(&dataset(), &catalog(&[]), &found, STRICT).held;
    let at = |minute: i64| Timestamp::from_second(60 * minute).unwrap();
    let mut held = Vec::new();
    let mut waits = Vec::new();
    for minute in [0, 9, 10, 11] {
        held = planned()
            .into_iter()
            .map(|now| now.after(&held, at(minute)))
            .collect::<Vec<HeldTable>>();
        waits.push(held[0].needs_person());
    }
    assert_eq!(waits, [false, false, true, true]);
}

#[test]
fn a_table_that_is_no_longer_declared_goes_unless_it_is_large() {
    let none = || vec![];
    insta::assert_snapshot!(planned(&[("old", "b=0of1", 9)], none(), STRICT), @"old b=0of1 9→-");
    insta::assert_snapshot!(planned(&[("old", "b=0of1", 100)], none(), STRICT), @"table old is held back: the dataset no longer declares it, and it has 100 rows");
}

#[test]
fn a_changed_summary_sends_no_object() {
    let mut now = content(5);
    now.summary.sum.entry("rating".into()).or_default().count = 1;
    let found = scanned([(Part::new("b=0of1").unwrap(), now)]);
    let found = [(CONSULTANT, found)].into_iter().collect();
    let plan = plan(
        &dataset(),
        &catalog(&[("consultant", "b=0of1", 5)]),
        &found,
        STRICT,
    );
    assert_eq!((plan.changes.len(), plan.objects().count()), (1, 0));
}

#[test]
fn another_dataset_is_announced() {
    let mut catalog = catalog(&[]);
    assert!(plan(&dataset(), &catalog, &BTreeMap::new(), STRICT).is_empty());
    catalog.head.as_mut().unwrap().dataset = Md5::of(b"another");
    assert!(!plan(&dataset(), &catalog, &BTreeMap::new(), STRICT).is_empty());
}

proptest! {
    #[test]
    fn a_plan_applied_leaves_nothing_to_plan(
        was in prop::collection::btree_map(1i8..9, 1u64..4, 0..8),
        now in prop::collection::btree_map(1i8..9, 1u64..4, 0..8),
    ) {
        let part = |day: &i8| format!("dt=2025-01-0{day}");
        let names: Vec<_> = was.iter().map(|(d, n)| (part(d), *n)).collect();
        let was: Vec<_> = names.iter().map(|(p, n)| ("appointment", p.as_str(), *n)).collect();
        let names: Vec<_> = now.iter().map(|(d, n)| (part(d), *n)).collect();
        let parts: Vec<_> = names.iter().map(|(p, n)| (p.as_str(), *n)).collect();
        let found = [(APPOINTMENT, rows(&parts))].into_iter().collect();
        let after: Vec<_> = parts.iter().map(|(p, n)| ("appointment", *p, *n)).collect();

        let first = plan(&dataset(), &catalog(&was), &found, STRICT);
        let differing = was.iter().filter(|w| !after.contains(w)).map(|w| w.1)
            .chain(after.iter().filter(|a| !was.contains(a)).map(|a| a.1))
            .collect::<BTreeSet<_>>();
        prop_assert_eq!(first.changes.len(), differing.len());
        prop_assert!(plan(&dataset(), &catalog(&after), &found, STRICT).is_empty());
    }
}
