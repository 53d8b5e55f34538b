//! References to rows of tables that are not in the file.

use super::*;

const CONSULTANTS: &str = "consultantid,fullname,email,joindate\n";

/// Consultants of these numbers.
fn consultants(ids: std::ops::Range<u32>) -> String {
    let rows: String = ids
        .map(|id| format!("{id},An,{id}@x,2020-01-01\n"))
        .collect();
    format!("{CONSULTANTS}{rows}")
}

/// A slot of each of these consultants.
fn slots(of: &[u32]) -> String {
    let row = |(at, of): (usize, &u32)| format!("{at},{of},2025-11-28,1{at}:00,1{at}:30\n");
    let rows: String = of.iter().enumerate().map(row).collect();
    format!("scheduleid,consultantid,date,starttime,endtime\n{rows}")
}

fn told(report: &ImportReport) -> Vec<String> {
    report.dangling.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn references_are_looked_for_among_the_rows_of_the_store_too() {
    let cloud = Cloud::new();
    cloud
        .replace(&[("consultant", &consultants(1..2_000))])
        .await;
    let rows = slots(&[1, 1_999, 2_000, 7_000, 2_000]);
    let dangling =
        ["3 rows of consultantschedule whose consultantid is not in consultant: 2000, 7000"];
    for (add, dry_run) in [(false, true), (false, false), (true, true), (true, false)] {
        let request = ImportRequest {
            add,
            dry_run,
            ..cloud.request(&[("consultantschedule", &rows)])
        };
        let report = cloud.run(&request).await.unwrap();
        assert_eq!(told(&report), dangling, "add {add}, dry_run {dry_run}");
        assert_eq!((report.exit(), report.rows.scanned), (Exit::Done, 5));
    }
    // A table in the file counts as it is there, and one of which the store has nothing is empty.
    let both = [
        ("consultant", consultants(1..3_000)),
        ("consultantschedule", rows),
        (
            "appointment",
            appointments(&["1,c,2025-11-28,09:00,pending"]),
        ),
    ];
    let both = both.each_ref().map(|(table, text)| (*table, text.as_str()));
    let report = cloud.replace(&both).await;
    assert_eq!(
        told(&report),
        [
            "1 row of appointment whose customerid is not in customer: c",
            "1 row of consultantschedule whose consultantid is not in consultant: 7000",
        ]
    );
}
