//! What `init` cannot know of a column or a key: it asks, shows two values, and lists the question.

use super::*;

/// What a column's line says behind its type.
fn column<'p>(proposal: &'p Proposal, table_name: &str, name: &str) -> &'p str {
    let lines = table(proposal, table_name).lines();
    let start = format!("  {{ name = \"{name}\"");
    let mut found = lines.filter(|line| line.starts_with(&start));
    found.next().unwrap().trim_start()
}

#[test]
fn commas_that_may_part_thousands_are_asked_about() {
    let sales = "id,amount,total,price\n1,\"1,250\",\"1,000,000\",\"1,5\"\n2,\"2,500\",\"9,000.50\",\"2,25\"\n3,\"13,000\",12,3\n";
    let proposal = Site::new().with_file("sales.csv", sales).propose();
    insta::assert_snapshot!(column(&proposal, "sales", "amount"), @r#"{ name = "amount", type = "text" },  # text, longest 6; PLEASE DECIDE: do commas part thousands or decimals? Every comma has three digits behind it ("1,250" in line 2 and "2,500" in line 3); text keeps them as they are written; if decimals, write "decimal(3)"; to have thousands as numbers, let the file say 1250"#);
    insta::assert_snapshot!(column(&proposal, "sales", "total"), @r#"{ name = "total", type = "text" },  # text, longest 9; PLEASE CHECK: commas part thousands ("1,000,000" in line 2 and "9,000.50" in line 3), and a number with them is not read; text keeps them as they are written; to have numbers, let the file say 1000000"#);
    insta::assert_snapshot!(column(&proposal, "sales", "price"), @r#"{ name = "price", type = "decimal(2)" },  # all 3 values are numbers with up to 2 decimals behind a comma"#);
    insta::assert_snapshot!(proposal.notes.join("\n"), @r#"
    1 table, 3 rows: 0 by date, 0 via a parent, 1 in buckets
    sales.amount: PLEASE DECIDE: do commas part thousands or decimals? Every comma has three digits behind it ("1,250" in line 2 and "2,500" in line 3); text keeps them as they are written; if decimals, write "decimal(3)"; to have thousands as numbers, let the file say 1250
    sales: key: PLEASE CHECK: no declared key; in all 3 rows it is there and differs
    sales.total: PLEASE CHECK: commas part thousands ("1,000,000" in line 2 and "9,000.50" in line 3), and a number with them is not read; text keeps them as they are written; to have numbers, let the file say 1000000
    6 places ask for a look or a decision: search for PLEASE
    "#);
}

#[test]
fn a_file_with_nothing_but_such_commas_has_no_decimal_comma() {
    let sales = "id,amount\n1,\"1,250\"\n2,\"2,500\"\n3,\"13,000\"\n";
    let proposal = Site::new().with_file("sales.csv", sales).propose();
    insta::assert_snapshot!(column(&proposal, "sales", "amount"), @r#"{ name = "amount", type = "text" },  # text, longest 6; PLEASE DECIDE: do commas part thousands or decimals? Every comma has three digits behind it ("1,250" in line 2 and "2,500" in line 3); text keeps them as they are written; if decimals, write "decimal(3)", and `decimals = "comma"` for the source; to have thousands as numbers, let the file say 1250"#);
    assert!(!sources(&proposal).contains("decimals"));
}

#[test]
fn spaces_and_apostrophes_part_thousands() {
    let sales = "id;paid;owed\n1;1 250,50;1'250.50\n2;2\u{a0}500;17'000\n3;13\u{202f}000;12\n";
    let proposal = Site::new().with_file("sales.csv", sales).propose();
    insta::assert_snapshot!(column(&proposal, "sales", "paid"), @r#"{ name = "paid", type = "text" },  # text, longest 8; PLEASE CHECK: spaces part thousands ("1 250,50" in line 2 and "2\u{a0}500" in line 3), and a number with them is not read; text keeps them as they are written; to have numbers, let the file say 1250.50"#);
    insta::assert_snapshot!(column(&proposal, "sales", "owed"), @r#"{ name = "owed", type = "text" },  # text, longest 8; PLEASE CHECK: apostrophes part thousands ("1'250.50" in line 2 and "17'000" in line 3), and a number with them is not read; text keeps them as they are written; to have numbers, let the file say 1250.50"#);
}

#[test]
fn two_columns_of_one_name_are_asked_about() {
    let people = "id,id,name\n1,7,An\n2,8,Binh\n3,9,Chi\n";
    let proposal = Site::new().with_file("people.csv", people).propose();
    insta::assert_snapshot!(proposal.notes.join("\n"), @r#"
    0 tables, 0 rows: 0 by date, 0 via a parent, 0 in buckets
    "people" is left out, behind comment signs in dataset.toml: no declared key, and two columns are called id, one of which is the likeliest key: give each a name of its own in the first line and run `init` again, or take name, which differs in all 3 rows. PLEASE DECIDE: if some columns will always tell its rows apart, name them as `key` and take the comment signs away; else give the table a PRIMARY KEY in its application, or the file a column of numbers that stay with their rows.
    people.id is left out: PLEASE DECIDE: another column has the same name, and which is which cannot be declared ("1" in line 2 and "2" in line 3); give each a name of its own in the first line
    people.id is left out: PLEASE DECIDE: another column has the same name, and which is which cannot be declared ("7" in line 2 and "8" in line 3); give each a name of its own in the first line
    6 places ask for a look or a decision: search for PLEASE
    "#);
}

#[test]
fn no_other_key_is_taken_where_two_columns_have_its_name() {
    let people = "id,id,name\n1,7,An\n2,8,Binh\n3,9,Chi\n";
    let notes = "id,note,note\n1,a,b\n2,c,d\n";
    let proposal = Site::new()
        .with_file("people.csv", people)
        .with_file("notes.csv", notes)
        .propose();
    let dataset = proposal.dataset_toml.as_deref().unwrap();
    insta::assert_snapshot!(&dataset[dataset.find("[[table]]").unwrap()..], @r#"
    [[table]]
    name = "notes"
    key = ["id"]  # PLEASE CHECK: no declared key; in all 2 rows it is there and differs
    partition = { buckets = 1 }  # 2 rows, about 5000 a bucket
    column = [
      { name = "id", type = "int", not_null = true },  # all 2 values are whole numbers
      # Left out: "note": PLEASE DECIDE: another column has the same name, and which is which cannot be
      # declared ("a" in line 2 and "c" in line 3); give each a name of its own in the first line.
      # Left out: "note": PLEASE DECIDE: another column has the same name, and which is which cannot be
      # declared ("b" in line 2 and "d" in line 3); give each a name of its own in the first line.
    ]

    # LEFT OUT: "people": no declared key, and two columns are called id, one of which is the likeliest
    # key: give each a name of its own in the first line and run `init` again, or take name, which
    # differs in all 3 rows. PLEASE DECIDE: if some columns will always tell its rows apart, name them
    # as `key` and take the comment signs away; else give the table a PRIMARY KEY in its application, or
    # the file a column of numbers that stay with their rows.
    # [[table]]
    # name = "people"
    # key = []  # no declared key, and two columns are called id, one of which is the likeliest key: give each a name of its own in the first line and run `init` again, or take name, which differs in all 3 rows
    # partition = { buckets = 1 }  # 3 rows, about 5000 a bucket
    # column = [
    #   # Left out: "id": PLEASE DECIDE: another column has the same name, and which is which cannot be
    #   # declared ("1" in line 2 and "2" in line 3); give each a name of its own in the first line.
    #   # Left out: "id": PLEASE DECIDE: another column has the same name, and which is which cannot be
    #   # declared ("7" in line 2 and "8" in line 3); give each a name of its own in the first line.
    #   { name = "name", type = "text" },  # text, longest 4
    # ]
    "#);
}

#[test]
fn an_order_of_dates_that_nothing_tells_is_not_decided() {
    let proposal = Site::new()
        .with_file("b.csv", "id,seen\n1,03/04/2025\n2,04/05/2025\n")
        .with_file("a.csv", "id,day\n1,2025-11-28\n2,2025-11-29\n")
        .propose();
    insta::assert_snapshot!(sources(&proposal), @r#"
    [[source]]
    kind = "csv"
    path = "./"
    # An empty name: the table is not to be taken from here.
    tables = { b = "" }

    [[source]]
    kind = "csv"
    path = "./"
    # An empty name: the table is not to be taken from here.
    tables = { a = "" }
    # PLEASE DECIDE: in b.seen ("03/04/2025" in line 2 and "04/05/2025" in line 3) every day and month
    # is 1 to 12, so that their order cannot be told: dmy (28/11) or mdy (11/28); take the comment sign
    # away from one of these lines, else rows with such dates go to quarantine.
    # dates = "dmy"
    # dates = "mdy"
    "#);
    assert!(column(&proposal, "b", "seen").contains("type = \"date\""));
}

#[test]
fn an_order_of_dates_is_not_taken_from_another_file_unsaid() {
    let proposal = Site::new()
        .with_file("a.csv", "id,day\n1,28/11/2025\n2,29/11/2025\n")
        .with_file("b.csv", "id,seen\n1,01/02/2025\n2,03/04/2025\n")
        .propose();
    insta::assert_snapshot!(sources(&proposal), @r#"
    [[source]]
    kind = "csv"
    path = "./"
    # certain: a.day can only be DD/MM/YYYY; PLEASE DECIDE: in b.seen ("01/02/2025" in line 2 and
    # "03/04/2025" in line 3) every day and month is 1 to 12, so that their order cannot be told, and
    # they are read as DD/MM/YYYY too; if that is wrong, give their files a source of their own.
    dates = "dmy"
    "#);
}

#[test]
fn a_declared_datetime_stays_one() {
    let proposal = Site::new()
        .with_sqlite(
            "visits.db",
            "CREATE TABLE visit (id INTEGER PRIMARY KEY, birth_date DATETIME, updated DATETIME);
             INSERT INTO visit VALUES (1, '1990-11-01 00:00:00', '2025-11-01 00:00:00'),
               (2, '1991-11-02 00:00:00', '2025-11-02'), (3, NULL, NULL)",
        )
        .propose();
    insta::assert_snapshot!(column(&proposal, "visit", "birth_date"), @r#"{ name = "birth_date", type = "timestamp" },  # declared DATETIME, all 2 values are dates with or without a time; PLEASE CHECK: no value has a time of day but midnight ("1990-11-01 00:00:00" and "1991-11-02 00:00:00"); write date if none will"#);
    insta::assert_snapshot!(column(&proposal, "visit", "updated"), @r#"{ name = "updated", type = "timestamp" },  # declared DATETIME, all 2 values are dates with or without a time; PLEASE CHECK: no value has a time of day but midnight ("2025-11-01 00:00:00" and "2025-11-02"); write date if none will"#);
    insta::assert_snapshot!(proposal.notes.join("\n"), @r#"
    1 table, 3 rows: 0 by date, 0 via a parent, 1 in buckets
    visit.birth_date: PLEASE CHECK: no value has a time of day but midnight ("1990-11-01 00:00:00" and "1991-11-02 00:00:00"); write date if none will
    visit.updated: PLEASE CHECK: no value has a time of day but midnight ("2025-11-01 00:00:00" and "2025-11-02"); write date if none will
    5 places ask for a look or a decision: search for PLEASE
    "#);
}

#[test]
fn a_declared_key_stays_the_key_though_rows_lack_it() {
    let proposal = Site::new()
        .with_sqlite(
            "members.db",
            "CREATE TABLE member (code TEXT PRIMARY KEY, email TEXT, name TEXT);
             INSERT INTO member VALUES ('M1', 'an@x.org', 'An'), (NULL, 'binh@x.org', 'Binh'),
               ('M3', 'chi@x.org', 'Chi'), (NULL, 'dung@x.org', 'Dung');",
        )
        .propose();
    insta::assert_snapshot!(table(&proposal, "member"), @r#"
    [[table]]
    name = "member"
    key = ["code"]  # declared PRIMARY KEY; PLEASE DECIDE: it is empty in 2 rows, such as (nothing, "binh@x.org", "Binh") and (nothing, "dung@x.org", "Dung"): such rows go to quarantine, unless other columns are named as `key`, or the rows are mended in the source
    partition = { buckets = 1 }  # 4 rows, about 5000 a bucket
    column = [
      { name = "code", type = "text", not_null = true },  # declared TEXT, longest 2
      { name = "email", type = "text" },  # declared TEXT, longest 10
      { name = "name", type = "text" },  # declared TEXT, longest 4
    ]
    "#);
    insta::assert_snapshot!(proposal.notes.join("\n"), @r#"
    1 table, 4 rows: 0 by date, 0 via a parent, 1 in buckets
    member: key: declared PRIMARY KEY; PLEASE DECIDE: it is empty in 2 rows, such as (nothing, "binh@x.org", "Binh") and (nothing, "dung@x.org", "Dung"): such rows go to quarantine, unless other columns are named as `key`, or the rows are mended in the source
    4 places ask for a look or a decision: search for PLEASE
    "#);
}

#[test]
fn a_declared_key_that_cannot_be_carried_is_named() {
    let proposal = Site::new()
        .with_sqlite(
            "files.db",
            "CREATE TABLE file (hash BLOB PRIMARY KEY, path TEXT);
             INSERT INTO file VALUES (x'0102', 'a'), (x'0304', 'b')",
        )
        .propose();
    insta::assert_snapshot!(table(&proposal, "file"), @r#"
    [[table]]
    name = "file"
    key = ["path"]  # PLEASE CHECK: the declared PRIMARY KEY (hash) cannot be carried; in all 2 rows it is there and differs
    partition = { buckets = 1 }  # 2 rows, about 5000 a bucket
    column = [
      # Left out: "hash": 2 of 2 values cannot be carried (the first: a BLOB of 2 bytes is not taken).
      { name = "path", type = "text", not_null = true },  # declared TEXT, longest 1
    ]
    "#);
}

#[test]
fn what_only_the_application_can_read_is_left_out_by_name() {
    let proposal = Site::new()
        .with_sqlite(
            "app.db",
            "CREATE VIEW recent AS SELECT own_age(1) AS id;
             CREATE TABLE word (w TEXT COLLATE NOCASE PRIMARY KEY) WITHOUT ROWID;
             CREATE TABLE kept (id INTEGER PRIMARY KEY);
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, 'NOCASE', 'vietnamese')",
        )
        .propose();
    insta::assert_snapshot!(proposal.notes[1..3].join("\n"), @r#"
    "recent" in /srv/HCM 01/app.db is left out: recent calls the function own_age, which only its application has; let the application write what it gives into a table, and declare that one
    "word" in /srv/HCM 01/app.db is left out: word is sorted by the collation vietnamese, which only its application has; declare its columns there with NOCASE or without a collation, or, if it is a table, make it one with a rowid
    "#);
}

#[test]
fn where_nothing_is_found_it_is_said_what_was_looked_for() {
    let nothing = Site::new()
        .with_file("readme.md", "x")
        .inspect()
        .unwrap_err();
    insta::assert_snapshot!(nothing.to_string(), @"no table was found that can be carried; it looks for SQLite files, whatever their names, and for files that are named .csv, in each folder and in the folders in it");
}
