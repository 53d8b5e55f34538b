//! What applications do to SQLite files: the rows that come of it, or the refusal.

use insta::assert_snapshot;
use rusqlite::Connection;

use super::*;

const PEOPLE: &str = r#"
    name = "people"
    version = 1
    [[table]]
    name = "person"
    key = ["id"]
    partition = { buckets = 1 }
    column = [
      { name = "id", type = "int" },
      { name = "name", type = "text" },
      { name = "born", type = "date" },
      { name = "seen", type = "timestamp" },
      { name = "height", type = "float" },
      { name = "active", type = "bool" },
    ]
    [[table]]
    name = "pair"
    key = ["a", "b"]
    partition = { buckets = 1 }
    column = [{ name = "a", type = "int" }, { name = "b", type = "text" }]
"#;

/// What becomes of a database's tables.
fn shown(site: &Site) -> String {
    let found = site.scan();
    let folder = site.folder.path().canonicalize().unwrap();
    let shown = found.show(&site.dataset);
    let shown = shown.replace('\0', "␀");
    shown.replace(folder.to_str().unwrap(), "")
}

fn of(sql: &str, settings: &'static str) -> String {
    shown(&Site::new(PEOPLE).declared(settings).sqlite(sql))
}

#[test]
fn values_of_any_type_are_taken_where_they_are_exact() {
    let sql = "CREATE TABLE person (id INTEGER PRIMARY KEY, name, born, seen, height, active);
        INSERT INTO person VALUES
          (1, 'An', '1990-01-02', '2025-11-28 09:30:00', 1.5, 1),
          (2, 12, '1990-01-02 00:00:00', '2025-11-28T02:30:00Z', '1.5', 'true'),
          (3, 1.5, NULL, '2025-11-28', 2, 'No'),
          (4, 'D', '1990-01-02 10:00', NULL, NULL, NULL),
          (5, 'E', NULL, NULL, 'tall', NULL),
          (6, 'F', NULL, NULL, NULL, 2),
          (7, 'G', NULL, NULL, 1e999, NULL)";
    assert_snapshot!(of(sql, ""), @r#"
    person b=0of1
      1,An,1990-01-02,2025-11-28T09:30:00,1.5,true
      2,12,1990-01-02,2025-11-28T09:30:00,1.5,true
      3,1.5,,2025-11-28T00:00:00,2,false
    refused person.born key 4: "1990-01-02 10:00" is not a value of type date [4,D,1990-01-02 10:00,,,]
    refused person.height key 5: "tall" is not a value of type float [5,E,,,tall,]
    refused person.active key 6: 2 is not a value of type bool [6,F,,,,2]
    refused person.height key 7: inf is not a value of type float [7,G,,,inf,]
    "#);
    let sql = "CREATE TABLE pair (a, b);
        INSERT INTO pair VALUES (1.0, 'x'), ('2', 'x'), ('3.0', 'x'), (4.5, 'x'), ('five', 'x'),
          (9223372036854775807, 'x'), (9223372036854775808, 'x')";
    assert_snapshot!(of(sql, ""), @r#"
    pair b=0of1
      1,x
      2,x
      3,x
      9223372036854775807,x
    refused pair.a key 4.5,x: 4.5 does not fit type int exactly [4.5,x]
    refused pair.a key five,x: "five" is not a value of type int [five,x]
    refused pair.a key 9223372036854776000,x: 9223372036854776000 does not fit type int exactly [9223372036854776000,x]
    "#);
}

#[test]
fn numbers_for_dates_have_to_be_declared() {
    let sql = "CREATE TABLE person (id INTEGER PRIMARY KEY, born, seen);
        INSERT INTO person VALUES (1, 631238400, 1764297000), (2, NULL, 1764297000.25),
          (3, '1990-01-02', '2025-11-28 09:30'), (4, 631238401, NULL)";
    assert_snapshot!(of(sql, ""), @r#"
    person b=0of1
      3,,1990-01-02,2025-11-28T09:30:00,,
    refused person.born key 1: 631238400 is a value of type date only where that is declared: write `date_numbers = "unix"` (1990-01-02T07:00:00) for its source [1,,631238400,1764297000,,]
    refused person.seen key 2: 1764297000.25 is a value of type timestamp only where that is declared: write `date_numbers = "unix"` (2025-11-28T09:30:00.25) for its source [2,,,1764297000.25,,]
    refused person.born key 4: 631238401 is a value of type date only where that is declared: write `date_numbers = "unix"` (1990-01-02T07:00:01) for its source [4,,631238401,,,]
    "#);
    assert_snapshot!(of(sql, "date_numbers = \"unix\""), @r"
    person b=0of1
      1,,1990-01-02,2025-11-28T09:30:00,,
      2,,,2025-11-28T09:30:00.250000,,
      3,,1990-01-02,2025-11-28T09:30:00,,
    refused person.born key 4: 631238401 does not fit type date exactly [4,,631238401,,,]
    ");
    let sql = "CREATE TABLE person (id INTEGER PRIMARY KEY, born, seen);
        INSERT INTO person VALUES (1, julianday('1990-01-02'), julianday('2025-11-28 02:30'))";
    assert_snapshot!(of(sql, "date_numbers = \"julian\""), @r"
    person b=0of1
      1,,1990-01-02,2025-11-28T09:30:00,,
    ");
}

#[test]
fn views_tables_without_rowid_and_generated_columns_are_tables() {
    let sql = "CREATE TABLE base (id, first, last);
        INSERT INTO base VALUES (2, 'B', 'Lê'), (1, 'An', 'Vũ');
        CREATE VIEW Person AS SELECT id, first || ' ' || last AS Name FROM base;
        CREATE TABLE pair (a INTEGER, b TEXT AS ('b' || a) STORED, PRIMARY KEY (a)) WITHOUT ROWID;
        INSERT INTO pair (a) VALUES (20), (3)";
    assert_snapshot!(of(sql, ""), @r"
    pair b=0of1
      3,b3
      20,b20
    person b=0of1
      1,An Vũ,,,,
      2,B Lê,,,,
    ");
    let sql = "CREATE TABLE pair (a INTEGER PRIMARY KEY DESC, b TEXT AS ('b' || a) VIRTUAL);
        INSERT INTO pair (a) VALUES (20), (3)";
    assert_snapshot!(of(sql, ""), @r"
    pair b=0of1
      3,b3
      20,b20
    ");
}

#[test]
fn a_view_that_fails_fails_alone() {
    let sql = "CREATE VIEW person AS SELECT id FROM gone;
        CREATE TABLE pair (a, b); INSERT INTO pair VALUES (1, 'x')";
    assert_snapshot!(of(sql, ""), @r#"
    pair b=0of1
      1,x
    person Failed { why: "/site.db: the view person cannot be computed: no such table: main.gone" }
    "#);
}

#[test]
fn what_only_the_application_has_is_named_with_what_to_do() {
    let sql = "CREATE VIEW person AS SELECT own_id(1) AS id;
        CREATE TABLE pair (a INTEGER, b TEXT COLLATE NOCASE, PRIMARY KEY (a, b)) WITHOUT ROWID;
        INSERT INTO pair VALUES (1, 'x');
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql, 'NOCASE', 'vietnamese')";
    assert_snapshot!(of(sql, ""), @r#"
    person Failed { why: "/site.db: person calls the function own_id, which only its application has; let the application write what it gives into a table, and declare that one" }
    pair Failed { why: "/site.db: pair is sorted by the collation vietnamese, which only its application has; declare its columns there with NOCASE or without a collation, or, if it is a table, make it one with a rowid" }
    "#);
    let sql = "CREATE VIEW person AS SELECT id FROM base ORDER BY id COLLATE vietnamese;
        CREATE TABLE base (id TEXT);
        CREATE TABLE pair (a INTEGER, b TEXT COLLATE NOCASE); INSERT INTO pair VALUES (1, 'x');
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql, 'NOCASE', 'vietnamese')";
    assert_snapshot!(of(sql, ""), @r#"
    pair b=0of1
      1,x
    person Failed { why: "/site.db: person is sorted by the collation vietnamese, which only its application has; declare its columns there with NOCASE or without a collation, or, if it is a table, make it one with a rowid" }
    "#);
}

#[test]
fn a_table_called_as_a_pragma_hides_none() {
    let sql = "CREATE TABLE pragma_table_info (x); CREATE TABLE pragma_index_list (x);
        CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO person VALUES (2, 'B'), (1, 'A')";
    assert_snapshot!(of(sql, ""), @r"
    person b=0of1
      1,A,,,,
      2,B,,,,
    ");
}

#[test]
fn a_utf16_database_is_read_and_what_is_no_text_is_refused() {
    for encoding in ["UTF-16le", "UTF-16be"] {
        let sql = format!(
            "PRAGMA encoding = '{encoding}'; CREATE TABLE pair (a, b);
            INSERT INTO pair VALUES (1, 'Nguyễn 😀')"
        );
        insta::allow_duplicates! {
            assert_snapshot!(of(&sql, ""), @r"
            pair b=0of1
              1,Nguyễn 😀
            ");
        }
    }
    let sql = "PRAGMA encoding = 'UTF-16le'; CREATE TABLE pair (a, b);
        INSERT INTO pair VALUES (1, CAST(x'3dd8' AS TEXT)), (2, 'b'), (3, x'0102'),
          (4, CAST(x'3dd86100' AS TEXT)), (6, NULL), (7, 1.5)";
    assert_snapshot!(of(sql, ""), @r#"
    pair b=0of1
      2,b
      7,1.5
    refused pair.b key 1,"�": "�" has bytes that are no character in its encoding [1,�]
    refused pair.b key 3,a BLOB of 2 bytes: a BLOB of 2 bytes is not taken [3,a BLOB of 2 bytes]
    refused pair.b key 4,"�a": "�a" has bytes that are no character in its encoding [4,�a]
    refused pair.b key 6,NULL: a value is required [6,]
    "#);
    let sql = "CREATE TABLE pair (a, b);
        INSERT INTO pair VALUES (1, CAST(x'61ff62' AS TEXT)), (2, 'a' || char(0)),
          (3, x'0102'), (4, NULL), (NULL, 'd'), (6, 'e')";
    assert_snapshot!(of(sql, ""), @r#"
    pair b=0of1
      6,e
    refused pair.b key 1,"a�b": "a�b" has bytes that are no character in its encoding [1,a�b]
    refused pair.b key 2,a␀: the text holds a U+0000 character [2,a␀]
    refused pair.b key 3,a BLOB of 2 bytes: a BLOB of 2 bytes is not taken [3,a BLOB of 2 bytes]
    refused pair.b key 4,NULL: a value is required [4,]
    refused pair.a key NULL,d: a value is required [,d]
    "#);
}

#[test]
fn keys_that_a_table_does_not_enforce_are_judged() {
    let sql = "CREATE TABLE pair (a, b);
        INSERT INTO pair VALUES (1, 'x'), (1.0, 'x'), ('1', 'x'), (1, 'y'), (NULL, NULL)";
    assert_snapshot!(of(sql, ""), @r"
    pair b=0of1
      1,x
      1,y
    refused pair.a key NULL,NULL: a value is required [,]
    refused pair.a key 1,x: another row has the same key, and stays [1,x]
    refused pair.a key 1,x: another row has the same key, and stays [1,x]
    ");
}

#[test]
fn a_table_whose_only_key_is_the_rowid_says_why_it_is_refused() {
    let no_key = PEOPLE.replace("key = [\"a\", \"b\"]", "key = []");
    assert_snapshot!(Dataset::from_toml(&no_key).unwrap_err(), @"dataset, table pair: needs a `key`: the columns that tell its rows apart");
    let dataset = PEOPLE.replace("\"a\"", "\"rowid\"");
    let site = Site::new(&dataset).sqlite("CREATE TABLE pair (b); INSERT INTO pair VALUES ('x')");
    assert_snapshot!(shown(&site), @r#"pair Failed { why: "/site.db: table pair has no column rowid; SQLite's own rowid is no key, since VACUUM gives rows other ones" }"#);
}

#[test]
fn columns_are_found_in_any_order_and_case_and_others_are_listed_once() {
    let site = Site::new(PEOPLE).sqlite(
        "CREATE TABLE PAIR (B, extra, A); INSERT INTO PAIR VALUES ('x', 0, 1), ('y', 0, 2)",
    );
    assert_snapshot!(shown(&site), @r"
    pair b=0of1
      1,x
      2,y
    ");
    let found = site.scan();
    let unknown: Vec<_> = found
        .tables()
        .flat_map(|table| &table.unknown_columns)
        .collect();
    assert_eq!(unknown, ["extra"]);
}

#[test]
fn columns_are_found_as_in_a_csv_header() {
    let sql =
        "CREATE TABLE person (\"ID \", \"N-ame\", BORN); INSERT INTO person VALUES (1, 'An', NULL)";
    assert_snapshot!(of(sql, ""), @r"
    person b=0of1
      1,An,,,,
    ");
    let sql = "CREATE TABLE pair (a, \"B \", \"b-\"); INSERT INTO pair VALUES (1, 'x', 'y')";
    assert_snapshot!(of(sql, ""), @r#"pair Failed { why: "/site.db, pair: its columns \"B \" and \"b-\" both fit column b of table pair; take one of them away, or declare the right one as the column's `source` in the dataset" }"#);
    // One column cannot be two.
    let dataset = PEOPLE.replace("{ name = \"a\",", "{ name = \"a\", source = \"B\",");
    let site = Site::new(&dataset).sqlite("CREATE TABLE pair (b); INSERT INTO pair VALUES (1)");
    assert_snapshot!(shown(&site), @r#"pair Failed { why: "/site.db: table pair has no column a; add it, or give it a default in the dataset" }"#);
}

#[test]
fn a_damaged_page_fails_its_table_and_no_other() {
    let rows: String = (0..2_000)
        .map(|a| format!("({a}, 'a row of some length'),"))
        .collect();
    let site = Site::new(PEOPLE).sqlite(&format!(
        "PRAGMA page_size = 1024; CREATE TABLE person (id INTEGER PRIMARY KEY, name);
         INSERT INTO person VALUES (1, 'An'); CREATE TABLE pair (a, b);
         INSERT INTO pair VALUES {} (-1, 'x')",
        rows
    ));
    let mut bytes = std::fs::read(site.path("site.db")).unwrap();
    bytes[20 * 1024..21 * 1024].fill(0xee);
    std::fs::write(site.path("site.db"), bytes).unwrap();
    assert_snapshot!(shown(&site), @r#"
    person b=0of1
      1,An,,,,
    pair Failed { why: "/site.db is damaged (database disk image is malformed); run `PRAGMA integrity_check` on it" }
    "#);
}

#[test]
fn a_file_that_is_cut_or_encrypted_is_named() {
    let site =
        Site::new(PEOPLE).sqlite("CREATE TABLE pair (a, b); INSERT INTO pair VALUES (1, 'x')");
    let bytes = std::fs::read(site.path("site.db")).unwrap();
    let encrypted: Vec<u8> = bytes
        .iter()
        .zip(0..)
        .map(|(byte, at): (_, u32)| byte ^ at.wrapping_mul(167).to_le_bytes()[0])
        .collect();
    let of = |bytes: &[u8]| {
        std::fs::write(site.path("site.db"), bytes).unwrap();
        let found = site.scan_tables(&site.sources(), &BTreeSet::from([TableId(1)]));
        let folder = site.folder.path().canonicalize().unwrap();
        let shown = found.show(&site.dataset);
        shown.replace(folder.to_str().unwrap(), "")
    };
    assert_snapshot!(of(&encrypted), @r#"pair Failed { why: "/site.db is not a SQLite database, or is encrypted; correct `path`" }"#);
    assert_snapshot!(of(&bytes[..4_096]), @r#"pair Failed { why: "/site.db is damaged (database disk image is malformed); run `PRAGMA integrity_check` on it" }"#);
    assert_snapshot!(of(&bytes[..5_000]), @r#"pair NotReady { why: "/site.db ends in the middle of a page: it is still being copied, or was cut" }"#);
    assert_snapshot!(of(b""), @r#"pair Missing { why: "no source holds table pair", remedy: "put it back; if it has another name there, write that under `tables` of its source; if it is gone for good, take it out of the dataset" }"#);
}

#[test]
fn a_file_that_cannot_be_written_is_read() {
    for mode in ["delete", "wal"] {
        let site = Site::new(PEOPLE).sqlite(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE pair (a, b); INSERT INTO pair VALUES (1, 'x')"
        ));
        let mut permissions = std::fs::metadata(site.path("site.db"))
            .unwrap()
            .permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(site.path("site.db"), permissions).unwrap();
        assert_eq!(site.scan().parts.len(), 1, "{mode}");
    }
}

#[test]
fn a_table_that_is_written_to_while_it_is_read_is_read_at_one_moment() {
    let rows: String = (0..10_000).map(|a| format!("({a}, 'x'),")).collect();
    let site = Site::new(PEOPLE).sqlite(&format!(
        "PRAGMA journal_mode = wal; CREATE TABLE pair (a, b); INSERT INTO pair VALUES {rows} (-1, 'x')"
    ));
    let writer = Connection::open(site.path("site.db")).unwrap();
    writer.execute("UPDATE pair SET b = 'y'", []).unwrap();
    let on_rows = |_, _| {
        writer.execute("UPDATE pair SET b = b || 'z'", []).unwrap();
        ControlFlow::Continue(())
    };
    let found = site.scan_with(&site.sources(), &BTreeSet::from([TableId(1)]), &on_rows);
    let csv: String = found.parts.into_values().collect();
    assert_eq!(csv.matches(",y\n").count(), 10_001);
}
