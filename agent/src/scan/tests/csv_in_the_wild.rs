//! What people do to CSV files: the rows that come of it, or the refusal.

use insta::assert_snapshot;

use super::*;

pub(super) const PEOPLE: &str = r#"
    name = "people"
    version = 1
    [[table]]
    name = "person"
    key = ["id"]
    partition = { buckets = 1 }
    column = [
      { name = "id", type = "int" },
      { name = "fullname", type = "text", not_null = true, source = "Họ tên" },
      { name = "phone", type = "phone" },
      { name = "born", type = "date" },
      { name = "height", type = "float" },
      { name = "seen", type = "timestamp" },
      { name = "active", type = "bool", default = true },
    ]
"#;

/// What becomes of a file `person.csv`.
fn person(text: impl AsRef<[u8]>, settings: &'static str) -> String {
    let site = Site::new(PEOPLE).declared(settings).csv("person.csv", text);
    shown(&site)
}

/// Everything about a site's tables, without the folder's name.
fn shown(site: &Site) -> String {
    let found = site.scan_tables(&site.sources(), &BTreeSet::from([0]));
    let mut shown = found.show(&site.dataset);
    for (_, column) in &found.report.unknown_columns {
        writeln!(shown, "unknown column {column:?}").unwrap();
    }
    let shown = shown.replace('\0', "␀");
    shown.replace(site.folder.path().to_str().unwrap(), "")
}

fn utf16(text: &str, bytes_of: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes_of).collect()
}

#[test]
fn marked_files_are_read() {
    let text = "\u{feff}id;fullname\r\n1;Nguyễn Văn A\r\n2;\"Trần; B\"\r\n";
    let rows = person(text, "");
    assert_snapshot!(rows, @r"
    person b=0of1
      1,Nguyễn Văn A,,,,,true
      2,Trần; B,,,,,true
    ");
    assert_eq!(person(utf16(text, u16::to_le_bytes), ""), rows);
    assert_eq!(
        person(utf16(text, u16::to_be_bytes), "encoding = \"windows-1258\""),
        rows
    );
}

#[test]
fn utf16_without_a_mark_has_to_be_declared() {
    let text = utf16("id\tfullname\n1\tNguyễn Văn A\n", u16::to_le_bytes);
    assert_snapshot!(person(&text, ""), @r#"person Failed { why: "/csv/person.csv: it looks like utf-16le without a byte order mark, in which its first lines are \"id\tfullname\" and \"1\tNguyễn Văn A\"; if that is right, write `encoding = \"utf-16le\"` for this source" }"#);
    assert_snapshot!(person(&text, "encoding = \"utf-16le\""), @r"
    person b=0of1
      1,Nguyễn Văn A,,,,,true
    ");
}

#[test]
fn windows_encodings_have_to_be_declared() {
    let vietnamese = b"id,fullname\n1,An\n2,Tr\xe2\xccn Th\xf2 B\xecch\n3,\xd0\xf5\n";
    assert_snapshot!(person(vietnamese, ""), @r#"person Failed { why: "/csv/person.csv: line 3 is not UTF-8; the file looks like windows-1258, in which that line and the next are \"2,Trâ\u{300}n Th\u{323} B\u{301}ch\" and \"3,Đơ\"; if that is right, write `encoding = \"windows-1258\"` for this source" }"#);
    assert_snapshot!(person(vietnamese, "encoding = \"windows-1258\""), @r"
    person b=0of1
      1,An,,,,,true
      2,Trần Tḥ B́ch,,,,,true
      3,Đơ,,,,,true
    ");
    let french = b"id,fullname\n1,Andr\xe9\n2,Zo\xeb\n";
    assert_snapshot!(person(french, ""), @r#"person Failed { why: "/csv/person.csv: line 2 is not UTF-8; the file looks like windows-1252, in which that line and the next are \"1,André\" and \"2,Zoë\"; if that is right, write `encoding = \"windows-1252\"` for this source" }"#);
    assert_snapshot!(person(french, "encoding = \"windows-1252\""), @r"
    person b=0of1
      1,André,,,,,true
      2,Zoë,,,,,true
    ");
}

#[test]
fn a_row_with_bytes_that_are_no_text_is_refused() {
    let damaged = b"id,fullname\n1,Andr\xc3\xa9\n2,Zo\xeb\n3,Eve\n";
    assert_snapshot!(person(damaged, ""), @r#"person Failed { why: "/csv/person.csv: line 3 is not UTF-8; what stands before it is; it reads \"2,Zo�\" and \"3,Eve\"; mend it, or write `encoding = \"utf-8\"` for this source, which puts such rows into quarantine" }"#);
    assert_snapshot!(person(damaged, "encoding = \"utf-8\""), @r#"
    person b=0of1
      1,André,,,,,true
      3,Eve,,,,,true
    refused person.fullname line 3: "Zo�" has bytes that are no character in its encoding [2,Zo�,,,,,]
    "#);
    assert_snapshot!(person(b"id,fullname\n1,a\x81b\n", "encoding = \"windows-1252\""), @r#"refused person.fullname line 2: "a�b" has bytes that are no character in its encoding [1,a�b,,,,,]"#);
    assert_snapshot!(person("id,fullname\n1,a\0b\n", ""), @"refused person.fullname line 2: the text holds a U+0000 character [1,a␀b,,,,,]");
    assert_snapshot!(person("id,fullname\n1,Đức\n", "encoding = \"windows-1258\""), @r#"person Failed { why: "/csv/person.csv: all of it is UTF-8, and not windows-1258, which is declared; write `encoding = \"utf-8\"` for this source" }"#);
}

#[test]
fn any_of_four_delimiters_is_proven_by_the_header() {
    let rows = person("id,fullname,phone\n1,An,2\n", "");
    assert_snapshot!(rows, @r"
    person b=0of1
      1,An,2,,,,true
    ");
    for text in [
        "id;fullname;phone\n1;An;2\n",
        "id\tfullname\tphone\n1\tAn\t2\n",
        "id|fullname|phone\n1|An|2\n",
        "sep=;\nid;fullname;phone\n1;An;2\n",
    ] {
        assert_eq!(person(text, ""), rows, "{text:?}");
    }
    assert_snapshot!(person("id,x;fullname\n1,2;An\n", ""), @r#"person Failed { why: "/csv/person.csv: what stands between its fields is not certain; it begins \"id,x;fullname\" and \"1,2;An\"; write `delimiter = \",\"` or `delimiter = \";\"` for this source" }"#);
    assert_snapshot!(person("id,fullname\n1,An\n", "delimiter = \";\""), @r#"person Failed { why: "/csv/person.csv: with `delimiter = \";\"` its first line names no column of table person; it begins \"id,fullname\" and \"1,An\"; write `delimiter = \",\"` for this source" }"#);
}

#[test]
fn every_line_end_is_read_and_those_in_quotes_are_kept() {
    let rows = person("id,fullname\n1,An\n2,\"B\r\nC\"\n", "");
    assert_snapshot!(rows, @r#"
    person b=0of1
      1,An,,,,,true
      2,"B
      C",,,,,true
    "#);
    assert_eq!(person("id,fullname\r\n1,An\r\n\r\n2,\"B\r\nC\"", ""), rows);
    assert_eq!(person("id,fullname\r1,An\r2,\"B\r\nC\"\r", ""), rows);
}

#[test]
fn a_file_that_ends_within_quotes_is_not_ready() {
    assert_snapshot!(person("id,fullname\n1,An\n2,\"B", ""), @r#"person NotReady { why: "/csv/person.csv: a quote that opens in the row of line 3 is never closed: the file is still being written, or a quote is missing" }"#);
    assert_snapshot!(person("id,fullname\n1,\"An\n2,B\n3,C\n", ""), @r#"person NotReady { why: "/csv/person.csv: a quote that opens in the row of line 2 is never closed: the file is still being written, or a quote is missing" }"#);
    assert_snapshot!(person("id,\"fullname\n1,An\n", ""), @r#"person NotReady { why: "/csv/person.csv: its first line opens a quote that is never closed: the file is still being written, or a quote is missing" }"#);
    assert_snapshot!(person(b"id,fullname\n1,An\n2,\xe1\xbb", ""), @r#"person NotReady { why: "/csv/person.csv: it ends in the middle of a character; it is still being written, or was cut" }"#);
}

#[test]
fn malformed_rows_are_refused_and_the_others_stay() {
    let text = "id,fullname,phone\n1,An\n2,B,3,4\n3,\"Th\"is\",5\n4,D,6\n,,\n4,E,7\nfive,F,8\n";
    assert_snapshot!(person(text, ""), @r#"
    person b=0of1
      4,D,6,,,,true
    refused person line 2: the row has 2 fields, the header 3 [1,An]
    refused person line 3: the row has 4 fields, the header 3 [2,B,3,4]
    refused person line 4: something stands behind the quote that closes field 2; a quote within quotes is written twice [3,This",5]
    refused person.id line 6: a value is required [,,,,,,]
    refused person.id line 8: "five" is not a value of type int [five,F,8,,,,]
    refused person.id line 7: the row of line 5 has the same key, and stays [4,E,7,,,,true]
    "#);
}

#[test]
fn spreadsheets_are_forgiven_where_it_is_certain_or_declared() {
    let text = "id,fullname,phone\n=\"1\",\"=\"\"An\"\"\",=\"0912345678\"\n2,B,912345678\n3,C,+84 912 345 678\n4,D,9.12E+08\n";
    assert_snapshot!(person(text, ""), @r#"
    person b=0of1
      1,An,0912345678,,,,true
      2,B,912345678,,,,true
      3,C,+84 912 345 678,,,,true
    refused person.phone line 5: "9.12E+08" is a telephone number that a spreadsheet cut; give the column the format text there, type the number again and export the file [4,D,9.12E+08,,,,]
    "#);
    assert_snapshot!(person(text, "phone_country = \"VN\""), @r#"
    person b=0of1
      1,An,0912345678,,,,true
      2,B,0912345678,,,,true
      3,C,+84 912 345 678,,,,true
    refused person.phone line 5: "9.12E+08" is a telephone number that a spreadsheet cut; give the column the format text there, type the number again and export the file [4,D,9.12E+08,,,,]
    "#);
}

#[test]
fn dates_are_never_guessed() {
    let text = "id,fullname,born,seen\n1,An,03/04/2025,2025-11-28 09:30\n2,B,2025-04-03,28/11/2025 9:30\n3,C,45989,\n";
    assert_snapshot!(person(text, ""), @r#"
    refused person.born line 2: "03/04/2025" is a value of type date only where that is declared: write `dates = "dmy"` (2025-04-03) or `dates = "mdy"` (2025-03-04) for its source [1,An,,03/04/2025,,2025-11-28 09:30,]
    refused person.seen line 3: "28/11/2025 9:30" is a value of type timestamp only where that is declared: write `dates = "dmy"` (2025-11-28) for its source [2,B,,2025-04-03,,28/11/2025 9:30,]
    refused person.born line 4: "45989" is a value of type date only where that is declared: write `date_numbers = "excel"` (2025-11-28T00:00:00) for its source [3,C,,45989,,,]
    "#);
    assert_snapshot!(person(text, "dates = \"dmy\"\ndate_numbers = \"excel\""), @r"
    person b=0of1
      1,An,,2025-04-03,,2025-11-28T09:30:00,true
      2,B,,2025-04-03,,2025-11-28T09:30:00,true
      3,C,,2025-11-28,,,true
    ");
}

#[test]
fn a_decimal_comma_has_to_be_declared() {
    let text = "id;fullname;height\n1;An;1,65\n2;B;1.70\n";
    assert_snapshot!(person(text, ""), @r#"
    person b=0of1
      2,B,,,1.7,,true
    refused person.height line 2: "1,65" is a value of type float only where that is declared: write `decimals = "comma"` for its source [1,An,,,"1,65",,]
    "#);
    assert_snapshot!(person(text, "decimals = \"comma\""), @r#"
    person b=0of1
      1,An,,,1.65,,true
    refused person.height line 3: "1.70" is not a value of type float where `decimals = "comma"`, since its point may part thousands or be a decimal mark; write 1234,5 or 1.234,5 there, or, where its source writes 1234.5 throughout, take `decimals` away [2,B,,,1.70,,]
    "#);
}

#[test]
fn booleans_have_many_words() {
    let text = "id,fullname,active\n1,A,TRUE\n2,B,no\n3,C,0\n4,D,1.0\n5,E,\n6,F,maybe\n";
    assert_snapshot!(person(text, ""), @r#"
    person b=0of1
      1,A,,,,,true
      2,B,,,,,false
      3,C,,,,,false
      4,D,,,,,true
      5,E,,,,,true
    refused person.active line 7: "maybe" is not a value of type bool [6,F,,,,,maybe]
    "#);
}

#[test]
fn a_header_is_read_however_it_is_written() {
    assert_snapshot!(person("\"PHONE\", Ho-Ten ,ghi chú,ID,,\n5,An,x,1,,\n6,B,y,2,,\n", ""), @r#"
    person b=0of1
      1,An,5,,,,true
      2,B,6,,,,true
    unknown column "ghi chú"
    "#);
    assert_snapshot!(person("id,phone\n1,2\n", ""), @r#"person Failed { why: "/csv/person.csv: table person has no column fullname; add it, or give it a default in the dataset" }"#);
    assert_snapshot!(person("id,ho ten,Họ_tên\n1,2,3\n", ""), @r#"person Failed { why: "/csv/person.csv: its columns \"ho ten\" and \"Họ_tên\" both fit column fullname of table person; take one of them away, or declare the right one as the column's `source` in the dataset" }"#);
    assert_snapshot!(person("1,An\n2,B\n", ""), @r#"person Failed { why: "/csv/person.csv: its first line names no column of table person, with `,` `;` `|` or a tab between the names; it begins \"1,An\" and \"2,B\"; write the columns' names into the first line, or declare what they are called there as the columns' `source` in the dataset" }"#);
}

#[test]
fn an_empty_file_is_not_ready_and_a_header_alone_is_no_rows() {
    assert_snapshot!(person("", ""), @r#"person NotReady { why: "/csv/person.csv: it is empty; a table without rows still has its header" }"#);
    assert_snapshot!(person("\u{feff}\r\n", ""), @r#"person NotReady { why: "/csv/person.csv: it is empty; a table without rows still has its header" }"#);
    assert_snapshot!(person("id,fullname\n", ""), @"");
    assert_snapshot!(shown(&Site::new(PEOPLE)), @r#"person Missing { why: "no source holds table person", remedy: "if it has another name there, write it under `tables` of the source" }"#);
}

#[test]
fn file_names_may_be_in_another_case_and_other_files_are_left_alone() {
    let site = Site::new(PEOPLE)
        .csv("PERSON.CSV", "id,fullname\n1,An\n")
        .csv("person.csv.bak", "id,fullname\n2,B\n")
        .csv("~$person.xlsx", "x")
        .csv("notes.csv", "a\n");
    std::fs::create_dir(site.path("csv/old")).unwrap();
    assert_snapshot!(shown(&site), @r"
    person b=0of1
      1,An,,,,,true
    ");
    let unknown: Vec<String> = site
        .sources()
        .unknown()
        .iter()
        .map(|table| table.name.clone())
        .collect();
    assert_eq!(unknown, ["notes"]);
}

#[test]
fn two_files_that_differ_in_case_only_are_an_error() {
    let site = Site::new(PEOPLE)
        .csv("PERSON.CSV", "id,fullname\n1,An\n")
        .csv("Person.csv", "id,fullname\n2,B\n");
    let refused = Sources::resolve(&site.configs(), site.folder.path(), &site.dataset);
    let refused = refused.unwrap_err().to_string();
    assert_snapshot!(refused.replace(site.folder.path().to_str().unwrap(), ""), @r#"in /csv, "PERSON" and "Person" both fit table person; write the right one under `tables` of that source"#);
}

#[test]
fn a_file_that_grows_or_is_replaced_while_it_is_read_is_not_ready() {
    let rows: String = (0..10_000).map(|id| format!("{id},An\n")).collect();
    let grow = |path: &Path| {
        let mut text = std::fs::read(path).unwrap();
        text.extend(b"10000,B");
        std::fs::write(path, text).unwrap();
    };
    let replace = |path: &Path| {
        let other = path.with_extension("new");
        std::fs::write(&other, std::fs::read(path).unwrap()).unwrap();
        std::fs::rename(other, path).unwrap();
    };
    let remove = |path: &Path| std::fs::remove_file(path).unwrap();
    let changes: [&dyn Fn(&Path); 3] = [&grow, &replace, &remove];
    for change in changes {
        let site = Site::new(PEOPLE).csv("person.csv", format!("id,fullname\n{rows}"));
        let is_changed = std::cell::Cell::new(false);
        let pulse = |_| {
            if !is_changed.replace(true) {
                change(&site.path("csv/person.csv"));
            }
            ControlFlow::Continue(())
        };
        let found = site.scan_with_pulse(&site.sources(), &BTreeSet::from([0]), &pulse);
        assert!(is_changed.get() && found.parts.is_empty());
        let shown = found.show(&site.dataset);
        let shown = shown.replace(site.folder.path().to_str().unwrap(), "");
        insta::allow_duplicates! {
            assert_snapshot!(shown, @r#"person NotReady { why: "/csv/person.csv was changed while it was read" }"#);
        }
    }
}
