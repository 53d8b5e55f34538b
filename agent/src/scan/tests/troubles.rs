//! Sources that cannot be read, and sources that must not be disturbed.

use std::cell::Cell;
use std::time::Duration;

use insta::assert_snapshot;
use rusqlite::Connection;

use super::rules::{MARK, NOTE, ROOM, VISIT, VISITS};
use super::*;
use crate::source::SourceError;

pub(super) const TABLES: &str = "CREATE TABLE visit (visitid INTEGER PRIMARY KEY, day);
                      INSERT INTO visit VALUES (1, '2025-01-01'), (2, '2025-01-02');";

/// The names and bytes of the files beside the database.
fn folder(site: &Site) -> BTreeMap<String, Vec<u8>> {
    std::fs::read_dir(site.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect()
}

pub(super) fn outcomes(site: &Site, tables: &[TableId]) -> String {
    let found = site.scan_tables(&site.sources(), &tables.iter().copied().collect());
    let here = site.folder.path().canonicalize().unwrap();
    found
        .show(&site.dataset)
        .replace(here.to_str().unwrap(), "")
}

#[test]
fn sqlite_is_new_enough() {
    // The first SQLite without the bug that corrupts WAL databases when two connections write or
    // checkpoint at once (sqlite.org/wal.html, "the WAL-reset bug").
    let oldest = 3_051_003;
    let linked = rusqlite::version_number();
    assert!(linked >= oldest, "{linked}");
}

#[test]
fn a_closed_file_is_left_as_it_was() {
    for mode in ["delete", "persist", "truncate", "wal"] {
        let site = Site::new(VISITS).sqlite(&format!("PRAGMA journal_mode = {mode}; {TABLES}"));
        let before = folder(&site);
        assert_eq!(site.scan().parts.len(), 2, "{mode}");
        assert_eq!(folder(&site), before, "{mode}");
    }
}

#[test]
fn a_file_in_use_is_read_as_committed_and_left_as_it_was() {
    for mode in ["delete", "wal"] {
        let site = Site::new(VISITS).sqlite(&format!("PRAGMA journal_mode = {mode}; {TABLES}"));
        let writer = Connection::open(site.path("site.db")).unwrap();
        writer
            .execute_batch("INSERT INTO visit VALUES (3, '2025-01-03'); BEGIN IMMEDIATE")
            .unwrap();
        writer
            .execute_batch("INSERT INTO visit VALUES (4, '2025-01-04')")
            .unwrap();
        let mut before = folder(&site);
        assert_eq!(site.scan().parts.len(), 3, "{mode}");
        let mut after = folder(&site);
        // Readers note in it how far they have read; it is rebuilt whenever it is missing.
        assert_eq!(
            before.remove("site.db-shm").is_some(),
            after.remove("site.db-shm").is_some()
        );
        assert_eq!(after, before, "{mode}");
    }
}

#[test]
fn a_file_is_let_go_of_after_its_last_table() {
    let rooms: String = (0..5_000).map(|n| format!("{n}\n")).collect();
    let site = Site::new(VISITS)
        .sqlite(TABLES)
        .csv("room.csv", format!("roomid\n{rooms}"));
    let application = Connection::open(site.path("site.db")).unwrap();
    application.busy_timeout(Duration::ZERO).unwrap();
    let committed = Cell::new(0);
    let commit_while_rooms_are_read = |table: TableId, _| {
        assert_eq!(site.dataset.tables[table].name.as_str(), "room");
        let insert = "INSERT INTO visit VALUES (3, '2025-01-03')";
        committed.set(application.execute(insert, []).unwrap());
        ControlFlow::Continue(())
    };
    let tables = BTreeSet::from([VISIT, ROOM]);
    let found = site.scan_with(&site.sources(), &tables, &commit_while_rooms_are_read);
    assert_eq!(committed.get(), 1);
    let visits = found.parts.keys().filter(|(table, _)| table == "visit");
    assert_eq!(visits.count(), 2);
}

#[test]
fn a_wal_is_not_checkpointed() {
    let site =
        Site::new(VISITS).sqlite("PRAGMA journal_mode = wal; CREATE TABLE visit (visitid, day)");
    let writer = Connection::open(site.path("site.db")).unwrap();
    writer
        .execute_batch("INSERT INTO visit VALUES (3, '2025-01-03')")
        .unwrap();
    let before = folder(&site);
    assert_eq!(site.scan().parts.len(), 1);
    let after = folder(&site);
    assert_eq!(after["site.db"], before["site.db"]);
    assert_eq!(after["site.db-wal"], before["site.db-wal"]);
}

#[test]
fn a_copy_with_its_wal_is_read_and_left_as_it_is() {
    let site = Site::new(VISITS).sqlite(&format!("PRAGMA journal_mode = wal; {TABLES}"));
    let writer = Connection::open(site.path("site.db")).unwrap();
    writer
        .execute_batch("INSERT INTO visit VALUES (3, '2025-01-03'); PRAGMA cache_size = 1; BEGIN")
        .unwrap();
    // Behind what is committed the log holds some of a transaction that is not.
    writer
        .execute_batch("INSERT INTO visit SELECT value, '2025-01-04' FROM json_each('[4,5,6,7]')")
        .unwrap();
    writer.cache_flush().unwrap();
    let copy = Site::new(VISITS);
    for name in ["site.db", "site.db-wal"] {
        std::fs::copy(site.path(name), copy.path(name)).unwrap();
    }
    let before = folder(&copy);
    assert_snapshot!(outcomes(&copy, &[VISIT]), @r"
    visit dt=2025-01-01
      1,2025-01-01,,on,,
    visit dt=2025-01-02
      2,2025-01-02,,on,,
    visit dt=2025-01-03
      3,2025-01-03,,on,,
    ");
    assert_eq!(folder(&copy), before);
}

#[test]
fn a_locked_file_is_not_ready() {
    let site = Site::new(VISITS).sqlite(TABLES);
    let writer = Connection::open(site.path("site.db")).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert_snapshot!(outcomes(&site, &[VISIT]), @r#"visit Locked { why: "/site.db is locked by another program" }"#);
}

#[test]
fn a_hot_journal_is_not_ready_and_left_alone() {
    let site = Site::new(VISITS).sqlite(TABLES);
    let crashed = Site::new(VISITS);
    let writer = Connection::open(site.path("site.db")).unwrap();
    writer
        .execute_batch("PRAGMA cache_size = 1; BEGIN; UPDATE visit SET day = 'x'")
        .unwrap();
    // What a crash in the middle of a write leaves.
    writer.cache_flush().unwrap();
    for name in ["site.db", "site.db-journal"] {
        std::fs::copy(site.path(name), crashed.path(name)).unwrap();
    }
    let before = folder(&crashed);
    assert_snapshot!(outcomes(&crashed, &[VISIT]), @r#"visit NotReady { why: "/site.db has a hot journal: its application ended in the middle of a write, and has to be started once to undo it" }"#);
    assert_eq!(folder(&crashed), before);
}

#[test]
fn files_that_are_no_database_are_named() {
    let site = Site::new(VISITS);
    std::fs::write(site.path("site.db"), "visitid,day\n".repeat(100)).unwrap();
    assert_snapshot!(outcomes(&site, &[VISIT]), @r#"visit Failed { why: "/site.db is not a SQLite database, or is encrypted; correct `path`" }"#);
}

#[test]
fn what_is_not_there_is_missing() {
    let site = Site::new(VISITS);
    assert_snapshot!(outcomes(&site, &[MARK, VISIT, NOTE]), @r#"
    note Missing { why: "table visit, which tells its parts, cannot be read: no source holds table visit", remedy: "put it back; if it has another name there, write that under `tables` of its source; if it is gone for good, take it out of the dataset" }
    mark Missing { why: "table note, which tells its parts, cannot be read: table visit, which tells its parts, cannot be read: no source holds table visit", remedy: "put it back; if it has another name there, write that under `tables` of its source; if it is gone for good, take it out of the dataset" }
    visit Missing { why: "no source holds table visit", remedy: "put it back; if it has another name there, write that under `tables` of its source; if it is gone for good, take it out of the dataset" }
    "#);
    std::fs::remove_dir(site.path("csv")).unwrap();
    assert_snapshot!(outcomes(&site, &[ROOM]), @r#"room Missing { why: "the CSV folder /csv is not there", remedy: "put it back, or correct `path` of this source" }"#);
}

#[test]
fn a_file_that_goes_after_it_was_listed_is_missing() {
    let site = Site::new(VISITS).csv("room.csv", "roomid\na\n");
    let sources = site.sources();
    std::fs::remove_file(site.path("csv/room.csv")).unwrap();
    let found = site.scan_tables(&sources, &BTreeSet::from([ROOM]));
    assert!(matches!(
        found.outcome.tables[&ROOM],
        Err(Unreadable::Missing { .. })
    ));
}

#[test]
fn headers_that_do_not_fit_fail_their_table_only() {
    let site = Site::new(VISITS)
        .csv("visit.csv", "visitid;room\n1;a\n")
        .csv("note.csv", "noteid,visitid\n1,1\n")
        .csv("room.csv", "roomid\na\n");
    assert_snapshot!(outcomes(&site, &[NOTE, VISIT, ROOM]), @r#"
    room b=0of3
      a,
    note Failed { why: "table visit, which tells its parts, cannot be read: /csv/visit.csv: table visit has no column day; add it, or give it a default in the dataset" }
    visit Failed { why: "/csv/visit.csv: table visit has no column day; add it, or give it a default in the dataset" }
    "#);
}

#[test]
fn a_quote_that_is_not_closed_is_not_ready_however_much_follows() {
    let text = format!("roomid\n\"{}", "x\n".repeat(20 << 20));
    let site = Site::new(VISITS).csv("room.csv", text);
    assert_snapshot!(outcomes(&site, &[ROOM]), @r#"room NotReady { why: "/csv/room.csv: a quote that opens in the row of line 2 is never closed: the file is still being written, or a quote is missing" }"#);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_header() {
    let site = Site::new(VISITS).csv("room.csv", "\u{feff}roomid\tsize\r\na\t1\r\n");
    assert_snapshot!(outcomes(&site, &[ROOM]), @r#"
    room b=0of3
      a,1
    "#);
}

#[test]
fn a_table_in_two_sources_fails_with_its_family_unless_one_is_left_out() {
    let site = Site::new(VISITS)
        .sqlite(TABLES)
        .csv("visit.csv", "visitid,day\n1,2025-01-01\n")
        .csv("note.csv", "noteid,visitid\n1,1\n")
        .csv("room.csv", "roomid\na\n");
    assert_snapshot!(outcomes(&site, &[NOTE, VISIT, ROOM]), @r#"
    room b=0of3
      a,
    note Failed { why: "table visit, which tells its parts, cannot be read: table visit is in /csv and in /site.db; where it should not be read, write `tables = { visit = \"\" }` for that source" }
    visit Failed { why: "table visit is in /csv and in /site.db; where it should not be read, write `tables = { visit = \"\" }` for that source" }
    "#);
    let found = site.scan_tables(&site.sources(), &BTreeSet::new());
    assert_eq!(found.outcome.unknown_tables, []);
    let resolve = |configs: &[SourceConfig]| {
        Sources::resolve(configs, Path::new(""), &site.dataset, site.now())
    };
    let mut configs = site.configs();
    configs
        .iter_mut()
        .for_each(|config| config.path = site.folder.path().join(&config.path));
    assert_eq!(resolve(&configs).unwrap().home(VISIT), None);
    configs[0].tables.insert("visit".to_owned(), String::new());
    assert_eq!(
        resolve(&configs)
            .unwrap()
            .home(VISIT)
            .map(|home| home.source),
        Some(1)
    );
    configs[0]
        .tables
        .insert("nothing".to_owned(), "x".to_owned());
    assert!(matches!(
        resolve(&configs),
        Err(SourceError::UnknownTable { .. })
    ));
}

/// Scans while something happens to the source, and tells the outcome and the number of parts.
fn scan_while(site: &Site, table: TableId, happens: impl Fn()) -> (Result<(), Unreadable>, usize) {
    let request = ScanRequest {
        dataset: &site.dataset,
        sources: &site.sources(),
        import: None,
        tables: &BTreeSet::from([table]),
        filled: &site.filled,
        now: site.now(),
        zone: TimeZone::UTC,
        spill_dir: &site.path("spill"),
        memory: 1 << 20,
        on_rows: &|_, _| {
            happens();
            ControlFlow::Continue(())
        },
    };
    let mut parts = 0;
    let outcome = scan(&request, &mut |_, _| {
        parts += 1;
        Ok(())
    });
    let scanned = outcome.unwrap().tables.remove(&table).unwrap();
    (scanned.map(drop), parts)
}

#[test]
fn a_csv_file_that_grows_meanwhile_is_not_ready() {
    let rows: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
    let site = Site::new(VISITS).csv("room.csv", format!("roomid\n{}\n", rows.join("\n")));
    let file = std::fs::OpenOptions::new()
        .append(true)
        .open(site.path("csv/room.csv"))
        .unwrap();
    let grown = scan_while(&site, ROOM, || {
        std::io::Write::write_all(&mut &file, b"x\n").unwrap()
    });
    assert!(
        matches!(grown, (Err(Unreadable::NotReady { .. }), 0)),
        "{grown:?}"
    );
}

#[test]
fn a_file_read_without_locks_that_changes_meanwhile_is_not_ready() {
    let site = Site::new(VISITS).sqlite(
        "PRAGMA journal_mode = wal; CREATE TABLE room (roomid PRIMARY KEY);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO room SELECT i FROM n;",
    );
    let path = site.path("site.db");
    let changed = scan_while(&site, ROOM, || {
        let writer = Connection::open(&path).unwrap();
        writer
            .execute("INSERT INTO room VALUES (hex(randomblob(8)))", [])
            .unwrap();
    });
    assert!(
        matches!(changed, (Err(Unreadable::NotReady { .. }), 0)),
        "{changed:?}"
    );
}

#[test]
fn a_file_that_changes_under_a_lock_is_read_as_it_was() {
    let site = Site::new(VISITS).sqlite(
        "PRAGMA journal_mode = wal; CREATE TABLE room (roomid PRIMARY KEY);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO room SELECT i FROM n;",
    );
    let writer = Connection::open(site.path("site.db")).unwrap();
    writer
        .execute_batch("INSERT INTO room VALUES ('before')")
        .unwrap();
    let changed = scan_while(&site, ROOM, || {
        writer
            .execute("INSERT INTO room VALUES (hex(randomblob(8)))", [])
            .unwrap();
    });
    assert_eq!(changed, (Ok(()), 3));
}

#[test]
fn a_scan_can_be_stopped() {
    let site = Site::new(VISITS).csv("room.csv", format!("roomid\n{}", "a\n".repeat(10_000)));
    let request = ScanRequest {
        dataset: &site.dataset,
        sources: &site.sources(),
        import: None,
        tables: &BTreeSet::from([ROOM]),
        filled: &site.filled,
        now: site.now(),
        zone: TimeZone::UTC,
        spill_dir: &site.path("spill"),
        memory: 1 << 20,
        on_rows: &|_, _| ControlFlow::Break(()),
    };
    let stopped = scan(&request, &mut |_, _| Ok(()));
    assert!(matches!(stopped, Err(ScanError::Stopped)));
}

#[test]
fn a_repeated_key_takes_no_other_row_with_it_where_lines_end_in_cr() {
    let site = Site::new(VISITS).csv("room.csv", "roomid,size\ra,1\ra,2\rb,3\r");
    assert_snapshot!(site.scan().show(&site.dataset), @r"
    room b=0of3
      a,1
    room b=1of3
      b,3
    refused room.roomid line 3: the row of line 2 has the same key, and stays [a,2]
    ");
}
