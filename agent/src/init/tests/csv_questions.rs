//! CSV files that leave something open: what is asked of a person, and what is left out.

use super::*;

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
      { name = "amount", type = "decimal(3)" },  # all 3 values are numbers with up to 3 decimals; PLEASE DECIDE: do points part thousands or decimals? Every point has three digits behind it ("150.000" in line 2 and "20.500" in line 3); if decimals, leave the type, and name the column in the summary's `sum` if its sum is wanted; if thousands, write "text" to have them as they are written; to have thousands as numbers, let the file say 150000
      { name = "total", type = "text" },  # text, longest 9; PLEASE DECIDE: do points part thousands or decimals? Every point has three digits behind it ("1.250.000" in line 2 and "900.000" in line 3); text keeps them as they are written; to have thousands as numbers, let the file say 1250000
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
    key = ["day"]  # PLEASE CHECK: no declared key; in all 3 rows it is there and differs
    partition = { by = "day" }  # 3 rows on 3 dates from 2026-01-01 to 2026-05-01, at most 1 on one; PLEASE DECIDE: these are few to tell by; if it is a list that is wanted whole whatever the day is, write { buckets = 1 }
    column = [
      { name = "day", type = "date", not_null = true },  # all 3 values are dates (YYYY-MM-DD)
      { name = "name", type = "text" },  # text, longest 10
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
    timezone = "Asia/Ho_Chi_Minh"         # PLEASE CHECK: of timestamps, and of the dates that they are partitioned by
    url = "file:///srv/HCM 01/causeway-store" # PLEASE DECIDE: make this folder, to try it out; for good s3://bucket/prefix
    key = ["day"]  # PLEASE CHECK: no declared key; in all 3 rows it is there and differs
    partition = { by = "day" }  # 3 rows on 3 dates from 2026-01-01 to 2026-05-01, at most 1 on one; PLEASE DECIDE: these are few to tell by; if it is a list that is wanted whole whatever the day is, write { buckets = 1 }
    "#);
    insta::assert_snapshot!(proposal.notes.last().unwrap(), @"5 places ask for a look or a decision: search for PLEASE");
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
    # PLEASE DECIDE: in days.day ("01/02/2025" in line 2 and "03/04/2025" in line 3) every day and month
    # is 1 to 12, so that their order cannot be told: dmy (28/11) or mdy (11/28); take the comment sign
    # away from one of these lines, else rows with such dates go to quarantine.
    # dates = "dmy"
    # dates = "mdy"

    [[source]]
    kind = "csv"
    path = "a/"
    # An empty name: the table is not to be taken from here.
    tables = { cities = "", days = "" }
    # people: PLEASE DECIDE: it is not UTF-8; as windows-1258 two of its lines read "1,Nguyễn Văn Đông"
    # and "2,Trấn"; if that is not right, write another code page, such as windows-1252, windows-1250,
    # windows-1251, iso-8859-2 or macintosh.
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
      # Left out: "name": PLEASE DECIDE: another column has the same name, and which is which cannot be
      # declared ("a" in line 2); give each a name of its own in the first line.
      # Left out: "name": PLEASE DECIDE: another column has the same name, and which is which cannot be
      # declared ("b" in line 2); give each a name of its own in the first line.
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
    # - list.xlsx: it is neither SQLite nor CSV; export it as CSV
    # - broken.db: it is not a SQLite database, or is encrypted
    # - empty.csv: it is empty; a table without rows still has its header
    # - title.csv: PLEASE DECIDE: its first line ("Title: members 2026") has 1 field, and the lines
    # below, such as "id,name", have 2 with "," between them; if it is a title, take it away: the first
    # line has to name every column; if the file has but one column, put its values in quotes
    # - values.csv: PLEASE DECIDE: "1" in its first line reads as a number, so that the line may be a
    # row (its lines begin "1,An,2026-01-05" and "2,Bình,2026-01-06"); if it is, write a first line with
    # the columns' names above it; if not, give that column another name
    "#);
}

#[test]
fn nothing_to_carry_is_an_error_that_says_why() {
    let site = Site::new()
        .with_file("a.csv", "1,2\n3,4\n")
        .with_file("b.csv", "");
    let error = site.inspect().unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(site.folder.to_str().unwrap(), "/srv"), @r#"no table was found that can be carried; /srv/a.csv: PLEASE DECIDE: "1" in its first line reads as a number, so that the line may be a row (its lines begin "1,2" and "3,4"); if it is, write a first line with the columns' names above it; if not, give that column another name; /srv/b.csv: it is empty; a table without rows still has its header"#);
}
