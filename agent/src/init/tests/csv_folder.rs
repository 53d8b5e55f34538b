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
    summary = { count_by = ["thanh_toan"], sum = ["so_tien"] }
    lookup = ["ma_luot"]  # finds a row by its key without loading its date
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
    lookup = ["id"]  # finds a row by its key without loading its date
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
    partition = { by = "day" }  # 42 rows on 28 dates from 2025-11-01 to 2025-11-28, at most 2 on one
    summary = { sum = ["total"] }
    lookup = ["id"]  # finds a row by its key without loading its date
    column = [
      { name = "id", type = "int", not_null = true },  # all 42 values are whole numbers
      { name = "day", type = "date", not_null = true },  # 41 of 42 values are dates (DD/MM/YYYY); PLEASE DECIDE: 1 of 42 values is not of type date ("31/02/2026" in line 42): such rows go to quarantine, which is right for a line of totals; to carry them, write "text"
      { name = "total", type = "decimal(2)" },  # 41 of 42 values are numbers with up to 2 decimals behind a comma; PLEASE DECIDE: 1 of 42 values is not of type decimal(2) ("free" in line 43): such rows go to quarantine, which is right for a line of totals; to carry them, write "text"
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
    key = ["order_id", "sku"]  # PLEASE CHECK: no declared key; in all 4 rows the two together differ, and neither does alone
    partition = { via = "orders", on = "order_id" }  # its name says so, and each of its 3 different values is a key of "orders", which is dated: rows are where their parent is
    summary = { sum = ["qty"] }
    column = [
      { name = "order_id", type = "int", not_null = true, references = "orders" },  # all 4 values are whole numbers; PLEASE CHECK: every value has 2 digits or more ("10" in line 2 and "11" in line 4); if some begin with a zero one day, write "text", since as int they go to quarantine; all 3 different values are keys there
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
    lookup = ["order_id"]  # finds a row by its key without loading its date
    column = [
      { name = "order_id", type = "int", not_null = true },  # all 3 values are whole numbers; PLEASE CHECK: every value has 2 digits or more ("10" in line 2 and "11" in line 3); if some begin with a zero one day, write "text", since as int they go to quarantine
      { name = "date", type = "date", not_null = true },  # all 3 values are dates (YYYY-MM-DD)
      { name = "customer_id", type = "int", references = "customers" },  # all 3 values are whole numbers; all 2 different values are keys there
    ]
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
