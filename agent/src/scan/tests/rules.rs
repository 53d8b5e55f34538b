//! Each rule of the scan on a few rows.

use insta::assert_snapshot;

use super::*;

/// Visits on a date, their notes (via the visit), the notes' marks (via the note), and rooms.
/// The tables of [`VISITS`].
pub(super) const NOTE: TableId = TableId(0);
pub(super) const MARK: TableId = TableId(1);
pub(super) const VISIT: TableId = TableId(2);
pub(super) const ROOM: TableId = TableId(3);

pub(super) const VISITS: &str = r#"
    name = "visits"
    version = 1
    [[table]]
    name = "note"
    key = ["noteid"]
    partition = { via = "visit", on = "visitid" }
    column = [
      { name = "noteid", type = "int" },
      { name = "visitid", type = "int", not_null = true, references = "visit" },
      { name = "text", type = "text" },
    ]
    [[table]]
    name = "mark"
    key = ["noteid", "rank"]
    partition = { via = "note", on = "noteid" }
    column = [
      { name = "noteid", type = "int" },
      { name = "rank", type = "text" },
    ]
    [[table]]
    name = "visit"
    key = ["visitid"]
    partition = { by = "day" }
    unique = [
      { columns = ["room", "day"], unless = { state = ["off"] } },
      { columns = ["day", "code"] },
    ]
    summary = { count_by = ["state"], sum = ["price"] }
    column = [
      { name = "visitid", type = "int" },
      { name = "day", type = "date", not_null = true },
      { name = "room", type = "text", references = "room" },
      { name = "state", type = "text", values = ["on", "off"], default = "on" },
      { name = "code", type = "text" },
      { name = "price", type = "decimal(2)" },
    ]
    [[table]]
    name = "room"
    key = ["roomid"]
    partition = { buckets = 3 }
    column = [{ name = "roomid", type = "text" }, { name = "size", type = "int" }]
"#;

fn visits() -> Site {
    Site::new(VISITS)
}

fn shown(site: &Site) -> String {
    site.scan().show(&site.dataset)
}

#[test]
fn rows_go_to_their_parts_in_key_order() {
    let site = visits()
        .csv(
            "visit.csv",
            "visitid,day,room\n10,2025-01-02,b\n9,2025-01-02,a\n1,2025-01-01,a\n",
        )
        .csv("Room.CSV", "ROOMID,Size\na,1\nb,\nc,3\n");
    assert_snapshot!(shown(&site), @r#"
    room b=0of3
      a,1
    room b=1of3
      b,
      c,3
    visit dt=2025-01-01
      1,2025-01-01,a,on,,
    visit dt=2025-01-02
      9,2025-01-02,a,on,,
      10,2025-01-02,b,on,,
    "#);
}

#[test]
fn children_are_where_their_parents_are() {
    let site = visits()
        .csv(
            "visit.csv",
            "visitid,day\n1,2025-01-01\n2,2025-01-02\n3,2025-13-01\n",
        )
        .csv(
            "note.csv",
            "noteid,visitid,text\n7,2,x\n8,1,y\n9,3,orphan\n6,2,z\n",
        )
        .csv("mark.csv", "noteid,rank\n6,a\n9,b\n7,c\n");
    assert_snapshot!(shown(&site), @r#"
    mark dt=2025-01-02
      6,a
      7,c
    note dt=2025-01-01
      8,1,y
    note dt=2025-01-02
      6,2,z
      7,2,x
    visit dt=2025-01-01
      1,2025-01-01,,on,,
    visit dt=2025-01-02
      2,2025-01-02,,on,,
    refused visit.day line 4: "2025-13-01" is not a value of type date [3,2025-13-01,,,,]
    refused note.visitid line 4: visit 3 is not in the source, or is itself refused [9,3,orphan]
    refused mark.noteid line 3: note 9 is not in the source, or is itself refused [9,b]
    "#);
}

/// Visits by the moment at which they begin, with their notes.
const MOMENTS: &str = r#"
    name = "visits"
    version = 1
    [[table]]
    name = "note"
    key = ["noteid"]
    partition = { via = "visit", on = "visitid" }
    column = [
      { name = "noteid", type = "int" },
      { name = "visitid", type = "int", not_null = true },
    ]
    [[table]]
    name = "visit"
    key = ["visitid"]
    partition = { by = "at" }
    unique = [{ columns = ["at", "room"] }]
    column = [
      { name = "visitid", type = "int" },
      { name = "at", type = "timestamp", not_null = true },
      { name = "room", type = "text" },
    ]
"#;

#[test]
fn a_timestamp_is_on_its_date_in_the_zone_of_the_site() {
    let site = Site::new(MOMENTS)
        .csv(
            "visit.csv",
            "visitid,at,room\n\
             1,2025-01-01 23:59:59.999999,a\n\
             2,2025-01-02,a\n\
             3,2025-01-01T16:59:59Z,b\n\
             4,2025-01-01T17:00:00Z,b\n\
             5,2025-01-02T00:30:00+09:00,c\n\
             6,,c\n\
             7,2199-12-31T20:00:00Z,c\n\
             8,2025-01-02 00:00,b\n",
        )
        .csv("note.csv", "noteid,visitid\n1,4\n2,3\n3,6\n");
    assert_snapshot!(shown(&site), @r#"
    note dt=2025-01-01
      2,3
    note dt=2025-01-02
      1,4
    visit dt=2025-01-01
      1,2025-01-01T23:59:59.999999,a
      3,2025-01-01T23:59:59,b
      5,2025-01-01T22:30:00,c
    visit dt=2025-01-02
      2,2025-01-02T00:00:00,a
      4,2025-01-02T00:00:00,b
    refused visit.at line 7: a value is required [6,,c]
    refused visit.at line 8: "2199-12-31T20:00:00Z" is outside the years 1900 to 2199 [7,2199-12-31T20:00:00Z,c]
    refused visit.at line 9: the row of line 5 has the same at, room, and stays [8,2025-01-02T00:00:00,b]
    refused note.visitid line 4: visit 6 is not in the source, or is itself refused [3,6]
    "#);
}

#[test]
fn of_rows_with_one_key_the_lowest_record_stays() {
    let site = visits().csv(
        "visit.csv",
        "visitid,day\n1,2025-01-02\n 1 ,2025-01-01\n1.0,2025-01-03\n",
    );
    assert_snapshot!(shown(&site), @r#"
    visit dt=2025-01-01
      1,2025-01-01,,on,,
    refused visit.visitid line 2: the row of line 3 has the same key, and stays [1,2025-01-02,,on,,]
    refused visit.visitid line 4: the row of line 3 has the same key, and stays [1,2025-01-03,,on,,]
    "#);
}

#[test]
fn of_rows_that_share_a_unique_value_the_lowest_key_stays() {
    let site = visits().sqlite(
        "CREATE TABLE visit (visitid INTEGER PRIMARY KEY, day, room, state, code);
         INSERT INTO visit VALUES
           (5, '2025-01-01', 'a', 'on', 'p'), (4, '2025-01-01', 'a', 'on', 'q'),
           (3, '2025-01-01', 'a', 'off', 'p'), (6, '2025-01-01', NULL, 'on', 'q'),
           (7, '2025-01-01', NULL, 'on', NULL), (8, '2025-01-01', NULL, 'on', NULL);",
    );
    // 5 loses its room to 4, so it does not count for the codes, where 3 and 6 would meet it.
    assert_snapshot!(shown(&site), @r#"
    visit dt=2025-01-01
      3,2025-01-01,a,off,p,
      4,2025-01-01,a,on,q,
      7,2025-01-01,,on,,
      8,2025-01-01,,on,,
    refused visit.room key 5: the row with key 4 has the same room, day, and stays [5,2025-01-01,a,on,p,]
    refused visit.day key 6: the row with key 4 has the same day, code, and stays [6,2025-01-01,,on,q,]
    "#);
}

#[test]
fn rows_whose_lines_cannot_be_counted_are_told_apart() {
    let site = visits().csv(
        "visit.csv",
        "visitid,day\r1,2025-01-01\r1,2025-01-02\r2,2025-01-03\r",
    );
    assert_snapshot!(shown(&site), @r#"
    visit dt=2025-01-01
      1,2025-01-01,,on,,
    visit dt=2025-01-03
      2,2025-01-03,,on,,
    refused visit.visitid line 3: the row of line 2 has the same key, and stays [1,2025-01-02,,on,,]
    "#);
}

#[test]
fn names_of_the_source_are_declared_or_configured() {
    let dataset = VISITS.replace(
        "{ name = \"size\", type = \"int\" }",
        "{ name = \"size\", type = \"int\", source = \"Kích thước\" }",
    );
    let site = Site::new(&dataset).csv("Phòng.csv", "KÍCH THƯỚC;size;RoomID\n1;2;a\n");
    let mut config = site.configs();
    config[0]
        .tables
        .insert("room".to_owned(), "phòng.CSV".to_owned());
    let sources = Sources::resolve(&config, site.folder.path(), &site.dataset, site.now()).unwrap();
    let found = site.scan_tables(&sources, &BTreeSet::from([ROOM]));
    assert_snapshot!(found.show(&site.dataset), @r#"
    room b=0of3
      a,1
    "#);
    assert_eq!(found.tables().next().unwrap().unknown_columns, ["size"]);
}

#[test]
fn references_that_dangle_are_reported_and_committed() {
    let site = visits()
        .csv(
            "visit.csv",
            "visitid,day,room\n1,2025-01-01,a\n2,2025-01-02,z\n3,2025-01-03,z\n",
        )
        .csv("room.csv", "roomid,size\na,1\nz,big\n");
    assert_snapshot!(shown(&site), @r#"
    room b=0of3
      a,1
    visit dt=2025-01-01
      1,2025-01-01,a,on,,
    visit dt=2025-01-02
      2,2025-01-02,z,on,,
    visit dt=2025-01-03
      3,2025-01-03,z,on,,
    refused room.size line 3: "big" is not a value of type int [z,big]
    dangling visit.room: 2 ["z"]
    "#);
}

#[test]
fn a_reference_is_judged_only_with_its_target() {
    let site = visits().csv("visit.csv", "visitid,day,room\n1,2025-01-01,z\n");
    assert_snapshot!(shown(&site), @r#"
    visit dt=2025-01-01
      1,2025-01-01,z,on,,
    "#);
}

#[test]
fn rows_that_cannot_be_read_are_refused_where_they_stand() {
    let mut csv = b"visitid,day,code\n1,2025-01-01,\"two\nlines\"\n2,2025-01-01\n".to_vec();
    csv.extend_from_slice(b"3,2025-01-01,\xff\n,2025-01-01,x\n4,2025-01-01,\"\"\r\n");
    let site = visits().declared("encoding = \"utf-8\"");
    assert_snapshot!(shown(&site.csv("visit.csv", csv)), @r#"
    visit dt=2025-01-01
      1,2025-01-01,,on,"two
      lines",
      4,2025-01-01,,on,,
    refused visit line 4: the row has 2 fields, the header 3 [2,2025-01-01]
    refused visit.code line 5: "�" has bytes that are no character in its encoding [3,2025-01-01,,,�,]
    refused visit.visitid line 6: a value is required [,2025-01-01,,,x,]
    "#);
}

#[test]
fn sqlite_values_of_any_type_are_normalised_or_refused() {
    let site = visits().sqlite(
        "CREATE TABLE Visit (day, visitid, price, extra);
         INSERT INTO Visit VALUES ('2025-01-01', '1', 1.5, 0), ('2025-01-01 00:00:00', 2.0, 2, 0),
           ('2025-01-01', x'01', 1, 0), ('2025-01-01', 3, 0.125, 0), (20250101, 4, 1, 0),
           ('2025-01-01', NULL, 1, 0);
         CREATE VIEW room AS SELECT 'a' AS ROOMID, 2 AS size;
         CREATE TABLE other (x);",
    );
    let found = site.scan();
    assert_snapshot!(found.show(&site.dataset), @r#"
    room b=0of3
      a,2
    visit dt=2025-01-01
      1,2025-01-01,,on,,1.50
      2,2025-01-01,,on,,2.00
    refused visit.visitid key a BLOB of 1 byte: a BLOB of 1 byte is not taken [a BLOB of 1 byte,2025-01-01,,,,1]
    refused visit.price key 3: 0.125 does not fit type decimal(2) exactly [3,2025-01-01,,,,0.125]
    refused visit.day key 4: 20250101 is a value of type date only where that is declared: write `date_numbers = "yyyymmdd"` (2025-01-01T00:00:00) for its source [4,20250101,,,,1]
    refused visit.visitid key NULL: a value is required [,2025-01-01,,,,1]
    "#);
    let unknown: Vec<_> = found
        .outcome
        .unknown_tables
        .iter()
        .map(|t| t.name.as_str())
        .collect();
    assert_eq!(unknown, ["other"]);
    let visits = found.outcome.tables[&VISIT].as_ref().unwrap();
    assert_eq!(visits.unknown_columns, ["extra"]);
    let columns: Vec<_> = visits.columns.iter().map(Name::as_str).collect();
    assert_eq!(columns, ["day", "price", "visitid"]);
}

#[test]
fn summaries_count_and_sum_each_part() {
    let site = visits().csv(
        "visit.csv",
        "visitid,day,state,price\n1,2025-01-01,on,1.10\n2,2025-01-01,,2\n3,2025-01-01,off,\n",
    );
    let found = site.scan_tables(&site.sources(), &BTreeSet::from([VISIT]));
    let parts = found.tables().flat_map(|table| table.parts.values());
    let summaries: Vec<_> = parts
        .map(|content| serde_json::to_string(&content.summary).unwrap())
        .collect();
    assert_snapshot!(summaries.join("\n"), @r#"{"count_by":{"state":{"values":{"off":1,"on":2},"null":0}},"sum":{"price":{"sum":"3.10","count":2}}}"#);
}

#[test]
fn a_sum_of_floats_does_not_depend_on_the_order_of_the_rows() {
    // Added from the first to the last, these come to 0.2; backwards to 0.1.
    let mut rows = [
        "1,2025-01-01,0.1",
        "2,2025-01-01,1e16",
        "3,2025-01-01,-1e16",
        "4,2025-01-01,0.2",
    ];
    let dataset = VISITS.replace("decimal(2)", "float");
    let sums = [(); 2].map(|()| {
        let text = format!("visitid,day,price\n{}\n", rows.join("\n"));
        rows.reverse();
        let site = Site::new(&dataset).csv("visit.csv", text);
        let found = site.scan_tables(&site.sources(), &BTreeSet::from([VISIT]));
        let mut parts = found.tables().flat_map(|table| table.parts.values());
        serde_json::to_string(&parts.next().unwrap().summary.sum["price"]).unwrap()
    });
    assert_eq!(sums, [r#"{"sum":0.2,"count":4}"#; 2]);
}

#[test]
fn a_large_part_goes_to_a_file() {
    let mut site = visits().csv("room.csv", format!("roomid\n{}\n", "r".repeat(1_999)));
    site.memory = 800;
    let found = site.scan();
    assert_eq!((found.parts.len(), found.in_files), (1, 1));
}

const READINGS: &str = r#"
    name = "readings"
    version = 1
    [[table]]
    name = "reading"
    key = ["at"]
    partition = { buckets = 1 }
    column = [{ name = "at", type = "timestamp" }, { name = "x", type = "int" }]
"#;

#[test]
fn two_instants_in_the_hour_that_comes_twice_are_named_as_such() {
    let readings = "at,x\n2024-11-03T05:30:00Z,1\n2024-11-03T06:30:00Z,2\n2024-11-03T07:30:00Z,3\n2024-11-03T07:30:00Z,4\n";
    let site = Site::new(READINGS).in_zone("America/New_York");
    let site = site.csv("reading.csv", readings);
    assert_snapshot!(site.scan().show(&site.dataset), @r#"
    reading b=0of1
      2024-11-03T01:30:00,1
      2024-11-03T02:30:00,3
    refused reading.at line 3: the row of line 2 has the same key, and stays; 2024-11-03T01:30:00 comes twice in America/New_York, when clocks go back: if the source has two instants there, declare at as text, or write `timezone = "UTC"` [2024-11-03T01:30:00,2]
    refused reading.at line 5: the row of line 4 has the same key, and stays [2024-11-03T02:30:00,4]
    "#);
}
