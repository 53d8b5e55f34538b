//! Files that somebody may still be writing, and files that nobody finishes.

use insta::assert_snapshot;
use rusqlite::Connection;

use super::rules::{ROOM, VISIT, VISITS};
use super::troubles::{TABLES, outcomes};
use super::*;

/// What becomes of a `visit.csv` that ends so, some time after it was written.
fn ends(text: &str, later: SignedDuration, filled: &[TableId]) -> String {
    let mut site = Site::new(VISITS)
        .csv("visit.csv", text)
        .scanned_after(later);
    site.filled = filled.iter().copied().collect();
    outcomes(&site, &[VISIT])
}

const NOW: SignedDuration = SignedDuration::ZERO;
const SOON: SignedDuration = SignedDuration::from_secs(7);
const LATER: SignedDuration = SignedDuration::from_mins(11);

#[test]
fn a_line_without_an_end_is_waited_for_a_few_seconds() {
    let text = "visitid,day\n1,2025-01-01\n2,2025-01-0";
    assert_snapshot!(ends(&format!("{text}2"), NOW, &[]), @r#"visit NotReady { why: "/csv/visit.csv was written to in the last 5 seconds, and its last line has no end: it may still be written" }"#);
    assert_snapshot!(ends("visitid,day", NOW, &[]), @r#"visit NotReady { why: "/csv/visit.csv was written to in the last 5 seconds, and its last line has no end: it may still be written" }"#);
    assert_snapshot!(ends(&format!("{text}2"), SOON, &[]), @r"
    visit dt=2025-01-01
      1,2025-01-01,,on,,
    visit dt=2025-01-02
      2,2025-01-02,,on,,
    ");
    assert_snapshot!(ends(&format!("{text}2\n"), NOW, &[]), @r"
    visit dt=2025-01-01
      1,2025-01-01,,on,,
    visit dt=2025-01-02
      2,2025-01-02,,on,,
    ");
}

#[test]
fn a_header_alone_is_waited_for_where_there_were_rows() {
    assert_snapshot!(ends("visitid,day\n", NOW, &[VISIT]), @r#"visit NotReady { why: "/csv/visit.csv was written to in the last 5 seconds, and it holds nothing but its header, where there were rows: it may still be written" }"#);
    assert_snapshot!(ends("visitid,day\n", SOON, &[VISIT]), @"");
    assert_snapshot!(ends("visitid,day\n", NOW, &[ROOM]), @"");
}

#[test]
fn what_is_never_finished_is_a_failure() {
    assert_snapshot!(ends("", LATER, &[VISIT]), @r#"visit Failed { why: "/csv/visit.csv: it is empty; a table without rows still has its header; it has not changed for 10 minutes, so nobody is about to finish it" }"#);
    assert_snapshot!(ends("visitid,day\n1,\"2025-01-01\n", LATER, &[]), @r#"visit Failed { why: "/csv/visit.csv: a quote that opens in the row of line 2 is never closed: the file is still being written, or a quote is missing; it has not changed for 10 minutes, so nobody is about to finish it" }"#);
    let site = Site::new(VISITS).sqlite("CREATE TABLE room (roomid)");
    let whole = std::fs::read(site.path("site.db")).unwrap();
    std::fs::write(site.path("site.db"), [&whole[..], b"half a page"].concat()).unwrap();
    assert_snapshot!(outcomes(&site.scanned_after(LATER), &[ROOM]), @r#"room Failed { why: "/site.db ends in the middle of a page: it is still being copied, or was cut; it has not changed for 10 minutes, so nobody is about to finish it" }"#);
}

#[test]
fn a_lock_is_waited_for_however_old_the_file_is() {
    let site = Site::new(VISITS).sqlite(TABLES).scanned_after(LATER);
    let writer = Connection::open(site.path("site.db")).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let outcomes = outcomes(&site, &[VISIT]);
    assert!(outcomes.starts_with("visit Locked"), "{outcomes}");
}
