//! Digits that are no numbers: postal codes, rooms, versions and ids in CSV files.

use super::*;

/// The column lines of a table, and what is listed when `init` ends.
fn columns(csv: &str) -> String {
    let proposal = Site::new().with_file("list.csv", csv).propose();
    dataset(&proposal);
    let lines = table(&proposal, "list").lines();
    let lines = lines.filter(|line| line.starts_with("  {"));
    let listed = proposal
        .notes
        .iter()
        .filter(|note| note.starts_with("list."));
    let lines: Vec<&str> = lines.chain(listed.map(String::as_str)).collect();
    lines.join("\n")
}

#[test]
fn what_is_called_a_code_is_text() {
    insta::assert_snapshot!(columns("postal_code,zip,Phone ext,status-code,TaxCode,version\n90402,1067,123,200,12,1.5\n10115,90402,124,404,13,1.6\n"), @r#"
    { name = "postal_code", type = "text", not_null = true },  # all 2 values are numbers, but called a code: text, longest 5
    { name = "zip", type = "text" },  # all 2 values are numbers, but called a code: text, longest 5
    { name = "phone_ext", source = "Phone ext", type = "text" },  # all 2 values are numbers, but called a code: text, longest 3
    { name = "status_code", source = "status-code", type = "text" },  # all 2 values are numbers, but called a code: text, longest 3
    { name = "taxcode", type = "text" },  # all 2 values are numbers, but called a code: text, longest 2
    { name = "version", type = "text" },  # all 2 values are numbers, but called a code: text, longest 3
    "#);
}

#[test]
fn ids_of_one_length_are_asked_about() {
    insta::assert_snapshot!(columns("customer_id,OrderID,userid,id,paid,nr\n90402,10248,100,1,200,1\n10115,10249,101,2,300,20\n10116,10250,102,30,400,300\n"), @r#"
      { name = "customer_id", type = "int", not_null = true },  # all 3 values are whole numbers; PLEASE CHECK: every value has 5 digits or more ("90402" in line 2 and "10115" in line 3); if some begin with a zero one day, write "text", since as int they go to quarantine
      { name = "orderid", type = "int" },  # all 3 values are whole numbers; PLEASE CHECK: every value has 5 digits or more ("10248" in line 2 and "10249" in line 3); if some begin with a zero one day, write "text", since as int they go to quarantine
      { name = "userid", type = "int" },  # all 3 values are whole numbers; PLEASE CHECK: every value has 3 digits or more ("100" in line 2 and "101" in line 3); if some begin with a zero one day, write "text", since as int they go to quarantine
      { name = "id", type = "int" },  # all 3 values are whole numbers
      { name = "paid", type = "int" },  # all 3 values are whole numbers
      { name = "nr", type = "int" },  # all 3 values are whole numbers
    list.customer_id: PLEASE CHECK: every value has 5 digits or more ("90402" in line 2 and "10115" in line 3); if some begin with a zero one day, write "text", since as int they go to quarantine
    list.OrderID: PLEASE CHECK: every value has 5 digits or more ("10248" in line 2 and "10249" in line 3); if some begin with a zero one day, write "text", since as int they go to quarantine
    list.userid: PLEASE CHECK: every value has 3 digits or more ("100" in line 2 and "101" in line 3); if some begin with a zero one day, write "text", since as int they go to quarantine
    "#);
}

#[test]
fn leading_zeros_and_pluses_are_asked_about() {
    insta::assert_snapshot!(columns("room,change,share\n007,+15,+1.50\n010,-3,02.25\n112,+4,3\n"), @r#"
      { name = "room", type = "text", not_null = true },  # text, longest 3; PLEASE DECIDE: numbers, of which leading zeros or a plus would be lost ("007" in line 2 and "010" in line 3); text keeps them; if they say nothing, write type = "int", leading_zeros = "drop"
      { name = "change", type = "text" },  # text, longest 3; PLEASE DECIDE: numbers, of which leading zeros or a plus would be lost ("+15" in line 2 and "+4" in line 4); text keeps them; if they say nothing, write type = "int", leading_zeros = "drop"
      { name = "share", type = "text" },  # text, longest 5; PLEASE DECIDE: numbers, of which leading zeros or a plus would be lost ("+1.50" in line 2 and "02.25" in line 3); text keeps them; if they say nothing, write type = "decimal(2)"
    list.room: PLEASE DECIDE: numbers, of which leading zeros or a plus would be lost ("007" in line 2 and "010" in line 3); text keeps them; if they say nothing, write type = "int", leading_zeros = "drop"
    list.change: PLEASE DECIDE: numbers, of which leading zeros or a plus would be lost ("+15" in line 2 and "+4" in line 4); text keeps them; if they say nothing, write type = "int", leading_zeros = "drop"
    list.share: PLEASE DECIDE: numbers, of which leading zeros or a plus would be lost ("+1.50" in line 2 and "02.25" in line 3); text keeps them; if they say nothing, write type = "decimal(2)"
    "#);
}

#[test]
fn rooms_and_versions_are_no_numbers() {
    insta::assert_snapshot!(columns("room,release_no,mass,share,part\n1E2,1.1,1.5E2,2.50,1.1\n2E1,1.10,2e-3,1.25,1.10\n100,1.2,100,3.00,1.2\n"), @r#"
      { name = "room", type = "text" },  # text, longest 3; PLEASE DECIDE: codes, or numbers with an exponent ("1E2" in line 2 and "2E1" in line 3)? Text keeps them as they are written; if they are numbers, write "float"
      { name = "release_no", type = "text", not_null = true },  # all 3 values are numbers, but called a code: text, longest 4
      { name = "mass", type = "float" },  # all 3 values are numbers
      { name = "share", type = "decimal(2)" },  # all 3 values are numbers with up to 2 decimals
      { name = "part", type = "text" },  # text, longest 4; PLEASE DECIDE: versions, or numbers with zeros at the end ("1.10" in line 3 and "1.1" in line 2)? Text keeps them as they are written; if they are numbers, write "decimal(2)"
    list.room: PLEASE DECIDE: codes, or numbers with an exponent ("1E2" in line 2 and "2E1" in line 3)? Text keeps them as they are written; if they are numbers, write "float"
    list.part: PLEASE DECIDE: versions, or numbers with zeros at the end ("1.10" in line 3 and "1.1" in line 2)? Text keeps them as they are written; if they are numbers, write "decimal(2)"
    "#);
}

#[test]
fn what_sqlite_holds_as_a_number_is_one() {
    let proposal = Site::new()
        .with_sqlite(
            "list.db",
            "CREATE TABLE list (id INTEGER PRIMARY KEY, postal_code INTEGER, room NUMERIC, plz TEXT);
             INSERT INTO list VALUES (10001, '01067', '1E2', '01067'), (10002, 90402, '1.10', '90402')",
        )
        .propose();
    insta::assert_snapshot!(table(&proposal, "list"), @r#"
    [[table]]
    name = "list"
    key = ["id"]  # declared PRIMARY KEY
    partition = { buckets = 1 }  # 2 rows, about 5000 a bucket
    column = [
      { name = "id", type = "int", not_null = true },  # declared INTEGER, all 2 values are whole numbers
      { name = "postal_code", type = "int" },  # declared INTEGER, all 2 values are whole numbers
      { name = "room", type = "decimal(2)" },  # declared NUMERIC, all 2 values are numbers with up to 2 decimals
      { name = "plz", type = "text" },  # declared TEXT, longest 5
    ]
    "#);
}

#[test]
fn digits_that_are_a_date_or_more_than_a_float_holds_are_asked_about() {
    insta::assert_snapshot!(columns("id,start_date,lat,size\n1,20200914,-17.1023664474487293,20200914\n2,20201101,-6.0816898345900015,20201101\n"), @r#"
      { name = "id", type = "int", not_null = true },  # all 2 values are whole numbers
      { name = "start_date", type = "int" },  # all 2 values are whole numbers; PLEASE CHECK: the values could be dates, written as YYYYMMDD ("20200914" in line 2 and "20201101" in line 3); if they are, write "date", and `date_numbers = "yyyymmdd"` for the source
      { name = "lat", type = "text" },  # text, longest 20; PLEASE CHECK: numbers, some of more digits than a float holds ("-17.1023664474487293" in line 2 and "-6.0816898345900015" in line 3); text keeps them as they are written; to have numbers, write "decimal(16)"
      { name = "size", type = "int" },  # all 2 values are whole numbers
    list.start_date: PLEASE CHECK: the values could be dates, written as YYYYMMDD ("20200914" in line 2 and "20201101" in line 3); if they are, write "date", and `date_numbers = "yyyymmdd"` for the source
    list.lat: PLEASE CHECK: numbers, some of more digits than a float holds ("-17.1023664474487293" in line 2 and "-6.0816898345900015" in line 3); text keeps them as they are written; to have numbers, write "decimal(16)"
    "#);
    // The last is no date.
    insta::assert_snapshot!(columns("id,date,updated_at\n1,20200914,1764297000\n2,20201301,1764297001\n"), @r#"
      { name = "id", type = "int", not_null = true },  # all 2 values are whole numbers
      { name = "date", type = "int" },  # all 2 values are whole numbers
      { name = "updated_at", type = "int" },  # all 2 values are whole numbers; PLEASE CHECK: the values could be seconds since 1970; if they are, write timestamp, and `date_numbers = "unix"` for the source
    list.updated_at: PLEASE CHECK: the values could be seconds since 1970; if they are, write timestamp, and `date_numbers = "unix"` for the source
    "#);
}
