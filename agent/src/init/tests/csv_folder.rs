//! CSV folders: encodings, delimiters, dates, names, and no declarations at all.

use super::*;

fn visits() -> Site {
    let mut text = String::from("Mã lượt;Ngày;Giờ;Khách hàng;SĐT;Số tiền;Thanh toán;Ghi chú\n");
    for i in 0..40 {
        text += &format!(
            "{};{:02}/11/2025;{}:30;K{:03};09{:08};{},50;{};\n",
            i + 1,
            1 + i % 28,
            8 + i % 9,
            i % 7,
            i * 37,
            i,
            if i % 2 == 0 { "có" } else { "không" }
        );
    }
    Site::new().with_file("csv/lượt khám.csv", format!("\u{feff}{text}"))
}

#[test]
fn a_spreadsheets_export() {
    let proposal = visits().propose();
    dataset(&proposal);
    insta::assert_snapshot!(table(&proposal, "luot_kham"), @r#"
    [[table]]
    name = "luot_kham"
    source = "lượt khám"
    key = ["ma_luot"]  # PLEASE CHECK: no declared key; in all 40 rows it is there and differs
    partition = { by = "ngay" }  # 40 rows on 28 dates from 2025-11-01 to 2025-11-28, at most 2 on one
    summary = { count_by = ["khach_hang", "thanh_toan"], sum = ["so_tien"] }
    lookup = { ma_luot = 1 }  # finds a row by its key without loading its date
    column = [
      { name = "ma_luot", source = "Mã lượt", type = "int", not_null = true },  # all 40 values are whole numbers
      { name = "ngay", source = "Ngày", type = "date", not_null = true },  # all 40 values are dates (DD/MM/YYYY)
      { name = "gio", source = "Giờ", type = "time" },  # all 40 values are times of day
      { name = "khach_hang", source = "Khách hàng", type = "text" },  # text, longest 4
      { name = "sdt", source = "SĐT", type = "phone" },  # telephone numbers, kept as text
      { name = "so_tien", source = "Số tiền", type = "decimal(2)" },  # all 40 values are numbers with up to 2 decimals behind a comma
      { name = "thanh_toan", source = "Thanh toán", type = "text" },  # text, longest 5
      { name = "ghi_chu", source = "Ghi chú", type = "text" },  # no values yet
    ]
    "#);
    insta::assert_snapshot!(sources(&proposal), @r#"
    [[source]]
    kind = "csv"
    path = "csv/"
    # certain: lượt khám.Ngày can only be DD/MM/YYYY.
    dates = "dmy"
    # certain: the numbers of lượt khám.Số tiền can only have a decimal comma.
    decimals = "comma"
    "#);
}

/// Sales as a Vietnamese spreadsheet exports them, with `odd` in the place of the last rows' values.
fn sales(odd: &str) -> Site {
    let mut text = String::from("id;day;total\n");
    for i in 1..=40 {
        text += &format!("{i};{:02}/11/2025;{}.500,50\n", 1 + i % 28, 10 + i);
    }
    Site::new().with_file("sales.csv", text + odd)
}

#[test]
fn thousands_and_a_decimal_comma() {
    let proposal = sales("41;30/11/2025;1.234.567,5\n").propose();
    dataset(&proposal);
    insta::assert_snapshot!(table(&proposal, "sales"), @r#"
    [[table]]
    name = "sales"
    key = ["id"]  # PLEASE CHECK: no declared key; in all 41 rows it is there and differs
    partition = { by = "day" }  # 41 rows on 29 dates from 2025-11-01 to 2025-11-30, at most 2 on one
    summary = { sum = ["total"] }
    lookup = { id = 1 }  # finds a row by its key without loading its date
    column = [
      { name = "id", type = "int", not_null = true },  # all 41 values are whole numbers
      { name = "day", type = "date", not_null = true },  # all 41 values are dates (DD/MM/YYYY)
      { name = "total", type = "decimal(2)" },  # all 41 values are numbers with up to 2 decimals behind a comma
    ]
    "#);
    insta::assert_snapshot!(sources(&proposal), @r#"
    [[source]]
    kind = "csv"
    path = "./"
    # certain: sales.day can only be DD/MM/YYYY.
    dates = "dmy"
    # certain: the numbers of sales.total can only have a decimal comma.
    decimals = "comma"
    "#);
}

#[test]
fn a_few_odd_values_are_named_and_settings_stay() {
    let proposal = sales("41;31/02/2026;5,5\n42;30/11/2025;free\n").propose();
    dataset(&proposal);
    insta::assert_snapshot!(table(&proposal, "sales"), @r#"
    [[table]]
    name = "sales"
    key = ["id"]  # PLEASE CHECK: no declared key; in all 42 rows it is there and differs
    partition = { buckets = 1 }  # 42 rows, about 5000 a bucket
    column = [
      { name = "id", type = "int", not_null = true },  # all 42 values are whole numbers
      { name = "day", type = "text" },  # text, longest 10; PLEASE CHECK: 1 of 42 values are not of type date (the first: "31/02/2026"); write "date" to have their rows in quarantine instead; if rows belong to that day, also not_null = true, and the column as partition = { by = … }
      { name = "total", type = "text" },  # text, longest 9; PLEASE CHECK: 1 of 42 values are no numbers with a decimal comma (the first: "free"); write "decimal(2)" to have their rows in quarantine instead
    ]
    "#);
    insta::assert_snapshot!(sources(&proposal), @r#"
    [[source]]
    kind = "csv"
    path = "./"
    # certain: sales.day (but for 1 value) can only be DD/MM/YYYY.
    dates = "dmy"
    # certain: the numbers of sales.total can only have a decimal comma.
    decimals = "comma"
    "#);
}

#[test]
fn files_with_another_mark_are_another_source() {
    let proposal = sales("")
        .with_file("weights.csv", "id;weight\n1;0.846\n2;1.5\n")
        .propose();
    insta::assert_snapshot!(sources(&proposal), @r#"
    [[source]]
    kind = "csv"
    path = "./"
    # An empty name: the table is not to be taken from here.
    tables = { weights = "" }
    # certain: sales.day can only be DD/MM/YYYY.
    dates = "dmy"
    # certain: the numbers of sales.total can only have a decimal comma.
    decimals = "comma"

    [[source]]
    kind = "csv"
    path = "./"
    # An empty name: the table is not to be taken from here.
    tables = { sales = "" }
    "#);
}

#[test]
fn points_that_may_part_thousands_are_asked_about() {
    let paid = "id,amount,total\n1,150.000,1.250.000\n2,20.500,900.000\n,,\n3,75.250,500\n";
    let proposal = Site::new().with_file("paid.csv", paid).propose();
    dataset(&proposal);
    insta::assert_snapshot!(table(&proposal, "paid"), @r#"
    [[table]]
    name = "paid"
    # PLEASE CHECK: 1 row of nothing but delimiters (the first in line 4); such rows go to quarantine.
    key = ["id"]  # PLEASE CHECK: no declared key; in all 3 rows it is there and differs
    partition = { buckets = 1 }  # 3 rows, about 5000 a bucket
    column = [
      { name = "id", type = "int", not_null = true },  # all 3 values are whole numbers
      { name = "amount", type = "decimal(3)" },  # all 3 values are numbers with up to 3 decimals; PLEASE DECIDE: do points part thousands or decimals? Every point has three digits behind it ("150.000"); if decimals, leave the type, and name the column in the summary's `sum` if its sum is wanted; if thousands, write "text" to have them as they are written; to have thousands as numbers, let the file say 150000
      { name = "total", type = "text" },  # text, longest 9; PLEASE DECIDE: do points part thousands or decimals? Every point has three digits behind it ("1.250.000"); text keeps them as they are written; to have thousands as numbers, let the file say 1250000
    ]
    "#);
}

#[test]
fn a_short_list_with_dates_asks_whether_it_goes_by_day() {
    let days = "day,name\n2026-01-01,New Year\n2026-04-30,Liberation\n2026-05-01,Labour\n";
    let proposal = Site::new().with_file("holidays.csv", days).propose();
    insta::assert_snapshot!(table(&proposal, "holidays"), @r#"
    [[table]]
    name = "holidays"
    key = ["name"]  # PLEASE CHECK: no declared key; in all 3 rows it is there and differs
    partition = { by = "day" }  # 3 rows on 3 dates from 2026-01-01 to 2026-05-01, at most 1 on one; PLEASE DECIDE: these are few to tell by; if it is a list that is wanted whole whatever the day is, write { buckets = 1 }
    lookup = { name = 1 }  # finds a row by its key without loading its date
    column = [
      { name = "day", type = "date", not_null = true },  # all 3 values are dates (YYYY-MM-DD)
      { name = "name", type = "text", not_null = true },  # text, longest 10
    ]
    "#);
}

#[test]
fn as_many_places_are_counted_as_a_search_finds() {
    let days = "day,name\n2026-01-01,New Year\n2026-04-30,Liberation\n2026-05-01,Labour\n";
    let proposal = Site::new().with_file("holidays.csv", days).propose();
    let found = proposal.agent_toml.clone() + proposal.dataset_toml.as_deref().unwrap();
    let lines = found.lines().filter(|line| line.contains("PLEASE"));
    let lines: Vec<&str> = lines.collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    site = "hcm-01"                       # PLEASE DECIDE: the name of this installation, for good
    timezone = "Asia/Ho_Chi_Minh"         # PLEASE CHECK: of timestamps without an offset
    url = "file:///srv/HCM 01/causeway-store" # PLEASE DECIDE: make this folder, to try it out; for good s3://bucket/prefix
    key = ["name"]  # PLEASE CHECK: no declared key; in all 3 rows it is there and differs
    partition = { by = "day" }  # 3 rows on 3 dates from 2026-01-01 to 2026-05-01, at most 1 on one; PLEASE DECIDE: these are few to tell by; if it is a list that is wanted whole whatever the day is, write { buckets = 1 }
    "#);
    insta::assert_snapshot!(proposal.notes.last().unwrap(), @"5 places ask for a look or a decision: search for PLEASE");
}

#[test]
fn files_that_refer_to_each_other() {
    let proposal = Site::new()
        .with_file("customers.csv", "customer_id,name\n1,An\n2,Bình\n3,Chi\n")
        .with_file(
            "orders.csv",
            "order_id,date,customer_id\n10,2025-11-27,1\n11,2025-11-28,1\n12,2025-11-28,3\n",
        )
        .with_file(
            "order_lines.csv",
            "order_id,line,sku,qty\n10,1,A,2\n10,2,B,1\n11,1,A,5\n12,1,C,1\n",
        )
        .propose();
    dataset(&proposal);
    insta::assert_snapshot!(table(&proposal, "order_lines"), @r#"
    [[table]]
    name = "order_lines"
    key = ["order_id", "sku"]  # PLEASE CHECK: no declared key; in all 4 rows the two together differ, and no column does alone
    partition = { via = "orders", on = "order_id" }  # its name says so, and each of its 3 different values is a key of "orders", which is dated: rows are where their parent is
    summary = { sum = ["qty"] }
    column = [
      { name = "order_id", type = "int", not_null = true, references = "orders" },  # all 4 values are whole numbers; all 3 different values are keys there
      { name = "line", type = "int" },  # all 4 values are whole numbers
      { name = "sku", type = "text", not_null = true },  # text, longest 1
      { name = "qty", type = "int" },  # all 4 values are whole numbers
    ]
    "#);
    insta::assert_snapshot!(table(&proposal, "orders"), @r#"
    [[table]]
    name = "orders"
    key = ["order_id"]  # PLEASE CHECK: no declared key; in all 3 rows it is there and differs
    partition = { by = "date" }  # 3 rows on 2 dates from 2025-11-27 to 2025-11-28, at most 2 on one; PLEASE DECIDE: these are few to tell by; if it is a list that is wanted whole whatever the day is, write { buckets = 1 }
    lookup = { order_id = 1 }  # finds a row by its key without loading its date
    column = [
      { name = "order_id", type = "int", not_null = true },  # all 3 values are whole numbers
      { name = "date", type = "date", not_null = true },  # all 3 values are dates (YYYY-MM-DD)
      { name = "customer_id", type = "int", references = "customers" },  # all 3 values are whole numbers; all 2 different values are keys there
    ]
    "#);
}

#[test]
fn what_auto_cannot_find_out_is_written() {
    let proposal = Site::new()
        .with_file(
            "a/people.csv",
            b"id,name\n1,Nguy\xea\xden V\xe3n \xd0\xf4ng\n2,Tr\xe2\xecn\n",
        )
        .with_file("a/cities.csv", "id,name\n1,Đà Nẵng\n2,Huế\n")
        .with_file("a/days.csv", "id,day\n1,01/02/2025\n2,03/04/2025\n")
        .propose();
    insta::assert_snapshot!(sources(&proposal), @r#"
    [[source]]
    kind = "csv"
    path = "a/"
    # An empty name: the table is not to be taken from here.
    tables = { people = "" }
    # PLEASE DECIDE: in days.day every day and month is 1 to 12, so that their order cannot be told: dmy
    # (28/11) or mdy (11/28).
    dates = "dmy"

    [[source]]
    kind = "csv"
    path = "a/"
    # An empty name: the table is not to be taken from here.
    tables = { cities = "", days = "" }
    # PLEASE CHECK: it is not UTF-8, and its bytes make Vietnamese words as Windows-1258.
    encoding = "windows-1258"
    "#);
}

#[test]
fn files_that_cannot_be_carried_are_named() {
    let proposal = Site::new()
        .with_file("empty.csv", "")
        .with_file("header.csv", "id,name\n")
        .with_file("values.csv", "1,An,2026-01-05\n2,Bình,2026-01-06\n")
        .with_file("title.csv", "Title: members 2026\nid,name\n1,a\n")
        .with_file("pipes.csv", "id|name\n1|a\n")
        .with_file("named.csv", "sep=;\r\nid;name\r1;\"a\rb\"\r")
        .with_file("twice.csv", "id,name,name,\n1,a,b,\n,,,\n2,a,b,c,d\n")
        .with_file("list.xlsx", "PK")
        .with_file("broken.db", "SQLite format 3\0 and then nothing")
        .propose();
    insta::assert_snapshot!(table(&proposal, "twice"), @r#"
    [[table]]
    name = "twice"
    # PLEASE CHECK: 1 row with another number of fields than the header (the first in line 4); such rows
    # go to quarantine.
    # PLEASE CHECK: 1 row of nothing but delimiters (the first in line 3); such rows go to quarantine.
    key = ["id"]  # PLEASE CHECK: no declared key, and only one row to find one by
    partition = { buckets = 1 }  # 1 row, about 5000 a bucket
    column = [
      { name = "id", type = "int", not_null = true },  # 1 value: whole numbers
      # Left out: "name": another column has the same name.
      # Left out: "name": another column has the same name.
      # Left out: "": it has no name in the header.
    ]
    "#);
    for (name, longest) in [("pipes", 1), ("named", 3)] {
        let column =
            format!("{{ name = \"name\", type = \"text\" }},  # text, longest {longest}\n");
        let table = table(&proposal, name);
        assert!(table.contains(&column), "{table}");
    }
    insta::assert_snapshot!(sources(&proposal), @r#"
    [[source]]
    kind = "csv"
    path = "./"

    # Found and left out:
    # - list.xlsx: it is neither SQLite nor named .csv
    # - broken.db: it is not a SQLite database, or is encrypted
    # - empty.csv: it is empty; a table without rows still has its header
    # - title.csv: PLEASE DECIDE: its first line ("Title: members 2026") has 1 field, and the lines
    # below have 2 with "," between them; if it is a title, take it away: the first line has to name
    # every column; if the file has but one column, put its values in quotes
    # - values.csv: PLEASE DECIDE: "1" in its first line ("1, An, 2026-01-05") reads as a number, so
    # that the line may be a row; if it is, write a first line with the columns' names above it; if not,
    # give that column another name
    "#);
}

#[test]
fn one_table_in_two_files() {
    let proposal = Site::new()
        .with_sqlite("a.db", "CREATE TABLE Orders (id INTEGER PRIMARY KEY); CREATE TABLE notes (id INTEGER PRIMARY KEY, a);")
        .with_sqlite("b.db", "CREATE TABLE ORDERS (Id INTEGER PRIMARY KEY); CREATE TABLE Notes (id INTEGER PRIMARY KEY, b);")
        .propose();
    let names: Vec<String> = dataset(&proposal)
        .tables
        .iter()
        .map(|t| t.name.to_string())
        .collect();
    assert_eq!(names, ["orders", "notes", "notes_2"]);
    insta::assert_snapshot!(sources(&proposal), @r#"
    [[source]]
    kind = "sqlite"
    path = "a.db"
    # An empty name: the table is not to be taken from here.
    tables = { notes_2 = "" }

    [[source]]
    kind = "sqlite"
    path = "b.db"
    # An empty name: the table is not to be taken from here.
    tables = { notes = "", orders = "" }

    # Found and left out:
    # - "ORDERS" in b.db: a.db has a table of that name with the same columns
    "#);
}

#[test]
fn nothing_to_carry_is_an_error_that_says_why() {
    let site = Site::new()
        .with_file("a.csv", "state\nopen\nopen\n")
        .with_file("b.csv", "");
    let error = site.inspect().unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(site.folder.to_str().unwrap(), "/srv"), @r#"no table was found that can be carried; /srv/b.csv: it is empty; a table without rows still has its header; "a" in /srv/a.csv: no declared key, and no column or pair of columns differs in all rows"#);
}
