//! A few odd values among many: a line of totals, a header in the middle of a file.

use super::*;

/// Forty rows, and more lines in the middle and at the end.
fn list(middle: &str, end: &str) -> Proposal {
    let mut text = String::from("id,day,amount\n");
    for i in 1..=40 {
        text += &format!("{i},2025-11-{:02},{}.50\n", 1 + i % 28, i * 10);
        if i == 20 {
            text += middle;
        }
    }
    Site::new().with_file("list.csv", text + end).propose()
}

#[test]
fn a_line_of_totals_leaves_key_and_date_as_they_are() {
    let proposal = list("", "Total,,8220.00\n");
    dataset(&proposal);
    insta::assert_snapshot!(table(&proposal, "list"), @r#"
    [[table]]
    name = "list"
    key = ["id"]  # PLEASE CHECK: no declared key; in all 41 rows it is there and differs
    partition = { by = "day" }  # 41 rows on 28 dates from 2025-11-01 to 2025-11-28, at most 2 on one
    summary = { sum = ["amount"] }
    lookup = ["id"]  # finds a row by its key without loading its date
    column = [
      { name = "id", type = "int", not_null = true },  # 40 of 41 values are whole numbers; PLEASE DECIDE: 1 of 41 values is not of type int ("Total" in line 42): such rows go to quarantine, which is right for a line of totals; to carry them, write "text"
      { name = "day", type = "date", not_null = true },  # all 40 values are dates (YYYY-MM-DD)
      { name = "amount", type = "decimal(2)" },  # all 41 values are numbers with up to 2 decimals
    ]
    "#);
    insta::assert_snapshot!(proposal.notes.join("\n"), @r#"
    1 table, 41 rows: 1 by date, 0 via a parent, 0 in buckets
    list.id: PLEASE DECIDE: 1 of 41 values is not of type int ("Total" in line 42): such rows go to quarantine, which is right for a line of totals; to carry them, write "text"
    list: key: PLEASE CHECK: no declared key; in all 41 rows it is there and differs
    5 places ask for a look or a decision: search for PLEASE
    "#);
    let proposal = list("", ",Total,8220.00\n");
    insta::assert_snapshot!(table(&proposal, "list"), @r#"
    [[table]]
    name = "list"
    key = ["id"]  # PLEASE CHECK: no declared key; in all 41 rows it is there and differs
    partition = { by = "day" }  # 41 rows on 28 dates from 2025-11-01 to 2025-11-28, at most 2 on one
    summary = { sum = ["amount"] }
    lookup = ["id"]  # finds a row by its key without loading its date
    column = [
      { name = "id", type = "int", not_null = true },  # all 40 values are whole numbers
      { name = "day", type = "date", not_null = true },  # 40 of 41 values are dates (YYYY-MM-DD); PLEASE DECIDE: 1 of 41 values is not of type date ("Total" in line 42): such rows go to quarantine, which is right for a line of totals; to carry them, write "text"
      { name = "amount", type = "decimal(2)" },  # all 41 values are numbers with up to 2 decimals
    ]
    "#);
}

#[test]
fn a_header_in_the_middle_is_no_row() {
    insta::assert_snapshot!(table(&list("id,day,amount\n", ""), "list"), @r#"
    [[table]]
    name = "list"
    # PLEASE CHECK: 1 row of nothing but the header's names (the first in line 22); such rows go to
    # quarantine.
    key = ["id"]  # PLEASE CHECK: no declared key; in all 40 rows it is there and differs
    partition = { by = "day" }  # 40 rows on 28 dates from 2025-11-01 to 2025-11-28, at most 2 on one
    summary = { sum = ["amount"] }
    lookup = ["id"]  # finds a row by its key without loading its date
    column = [
      { name = "id", type = "int", not_null = true },  # all 40 values are whole numbers
      { name = "day", type = "date", not_null = true },  # all 40 values are dates (YYYY-MM-DD)
      { name = "amount", type = "decimal(2)" },  # all 40 values are numbers with up to 2 decimals
    ]
    "#);
    insta::assert_snapshot!(table(&list("\u{feff}id, day,amount\n", ""), "list"), @r#"
    [[table]]
    name = "list"
    # PLEASE CHECK: 1 row of nothing but the header's names (the first in line 22); such rows go to
    # quarantine.
    key = ["id"]  # PLEASE CHECK: no declared key; in all 40 rows it is there and differs
    partition = { by = "day" }  # 40 rows on 28 dates from 2025-11-01 to 2025-11-28, at most 2 on one
    summary = { sum = ["amount"] }
    lookup = ["id"]  # finds a row by its key without loading its date
    column = [
      { name = "id", type = "int", not_null = true },  # all 40 values are whole numbers
      { name = "day", type = "date", not_null = true },  # all 40 values are dates (YYYY-MM-DD)
      { name = "amount", type = "decimal(2)" },  # all 40 values are numbers with up to 2 decimals
    ]
    "#);
}

#[test]
fn a_header_in_another_order_is_another_table() {
    let site = Site::new().with_file(
        "list.csv",
        "id,day,amount\n1,2025-11-28,5\nday,id,amount\n2025-11-29,2,5\n",
    );
    let error = site.inspect().unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(site.folder.to_str().unwrap(), "/srv"), @r#"no table was found that can be carried; "list" in /srv/list.csv: PLEASE DECIDE: line 3 names its columns once more and in another order ("day,id,amount"), so that the file is refused: take it apart"#);
}

#[test]
fn values_with_digits_may_be_numbers_of_their_kind() {
    let rows: String = (1..=40).map(|i| format!("{i},{i}\n")).collect();
    let houses = format!("id,house\n{rows}41,12a\n");
    let proposal = Site::new().with_file("houses.csv", houses).propose();
    insta::assert_snapshot!(table(&proposal, "houses"), @r#"
    [[table]]
    name = "houses"
    key = ["id"]  # PLEASE CHECK: no declared key; in all 41 rows it is there and differs
    partition = { buckets = 1 }  # 41 rows, about 5000 a bucket
    column = [
      { name = "id", type = "int", not_null = true },  # all 41 values are whole numbers
      { name = "house", type = "text" },  # text, longest 3; PLEASE CHECK: 1 of 41 values is not of type int (such as "12a" in line 42); write "int" to have their rows in quarantine instead
    ]
    "#);
}

#[test]
fn many_odd_values_make_a_text() {
    let rows: String = (1..=80).map(|i| format!("{i},{i}.5\n")).collect();
    let odd: String = (81..=84).map(|i| format!("{i},n/a\n")).collect();
    let proposal = Site::new()
        .with_file("list.csv", format!("id,share\n{rows}{odd}"))
        .propose();
    insta::assert_snapshot!(table(&proposal, "list"), @r#"
    [[table]]
    name = "list"
    key = ["id"]  # PLEASE CHECK: no declared key; in all 84 rows it is there and differs
    partition = { buckets = 1 }  # 84 rows, about 5000 a bucket
    column = [
      { name = "id", type = "int", not_null = true },  # all 84 values are whole numbers
      { name = "share", type = "text" },  # text, longest 4; PLEASE CHECK: 4 of 84 values are not of type float (such as "n/a" in line 82); write "float" to have their rows in quarantine instead
    ]
    "#);
}
