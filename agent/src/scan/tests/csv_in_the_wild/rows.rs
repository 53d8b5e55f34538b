//! Where rows begin and end.

use insta::assert_snapshot;

use super::*;

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
fn a_header_that_is_repeated_is_refused_with_that_reason() {
    let refused = "it repeats the header, as where files were put together; take the line away";
    let text = "id,fullname\n1,An\nid,fullname\n2,B\n";
    let shown = person(text, "");
    assert_snapshot!(shown.replace(refused, "…"), @r"
    person b=0of1
      1,An,,,,,true
      2,B,,,,,true
    refused person line 3: … [id,fullname]
    ");
    for repeated in [
        "\u{feff}id,fullname",
        "\u{feff}\"id\",\"fullname\"",
        "\"id\", fullname ",
        "ï»¿id,fullname",
    ] {
        for text in [
            text.replace("\nid,fullname", &format!("\n{repeated}")),
            // Behind a row of which it is not certain where it ends.
            text.replace("An\nid,fullname", &format!("\"An\" X\n{repeated}")),
        ] {
            let shown = person(&text, "");
            assert!(shown.contains("2,B,,,,,true"), "{text}: {shown}");
            assert!(
                shown.contains(&format!("person line 3: {refused} [")),
                "{text}: {shown}"
            );
        }
    }
    let utf16 = [text, "\u{feff}id,fullname\n3,C\n"].concat();
    let utf16 = super::utf16(&format!("\u{feff}{utf16}"), u16::to_le_bytes);
    assert!(person(utf16, "").contains(&format!("person line 5: {refused} [")));
    // What only resembles it is a row.
    let shown = person(
        "fullname,phone,id\nname,phone,1\nfullname,phone,2\nid,phone,3\n",
        "",
    );
    assert_snapshot!(shown, @r"
    person b=0of1
      1,name,phone,,,,true
      2,fullname,phone,,,,true
      3,id,phone,,,,true
    ");
}

#[test]
fn the_header_of_another_file_fails_this_one() {
    let text = "id,fullname,phone\n1,An,2\nid,phone,fullname\n3,4,B\n";
    assert_snapshot!(person(text, ""), @r#"person Failed { why: "/csv/person.csv: line 3 has the header's names in another order: what stands behind it is of another file; take the file apart there" }"#);
}

#[test]
fn malformed_rows_are_refused_and_the_others_stay() {
    let text = "id,fullname,phone\n1,An\n2,B,3,4\n3,\"Th\"is\",5\n4,E,7\n,,\n4,D,6\nfive,F,8\n";
    assert_snapshot!(person(text, ""), @r#"
    person b=0of1
      4,D,6,,,,true
    refused person line 2: the row has 2 fields, the header 3 [1,An]
    refused person line 3: the row has 4 fields, the header 3 [2,B,3,4]
    refused person line 4: something stands behind the quote that closes field 2; a quote within quotes is written twice [3,This",5]
    refused person.id line 6: a value is required [,,,,,,]
    refused person.id line 8: "five" is not a value of type int [five,F,8,,,,]
    refused person.id line 5: the row of line 7 has the same key, and stays [4,E,7,,,,true]
    "#);
}

#[test]
fn rows_wait_for_a_quote_for_as_long_as_a_field_may_be() {
    let plain: String = (2..70_000)
        .map(|id| format!("{id},Nguyễn Văn An\n"))
        .collect();
    let site = Site::new(PEOPLE).csv("person.csv", format!("id,fullname\n1,\"a\"b\n{plain}"));
    let found = site.scan();
    let rows: u64 = found.tables().map(ScannedTable::rows).sum();
    assert_eq!((rows, found.refused(&site.dataset).len()), (69_998, 1));
}

#[test]
fn what_may_be_the_rest_of_a_row_is_no_row() {
    // The note of 1 goes over three lines, with quotes that are not written twice.
    let text = "id,fullname\n1,\"An said \"hi\n7,Bob\nand\" left\"\n2,B\n";
    assert_snapshot!(person(text, ""), @r#"
    person b=0of1
      2,B,,,,,true
    refused person line 2: something stands behind the quote that closes field 2; a quote within quotes is written twice [1,An said hi]
    refused person line 3: it may be the rest of the row of line 2, whose quotes do not match [7,Bob]
    refused person line 4: it may be the rest of the row of line 2, whose quotes do not match [and" left"]
    "#);
    // A quote too many, and rows behind it.
    let text = "id,fullname\n1,\"Big\" An\n2,B\n3,\"C, D\"\n4,E\n";
    assert_snapshot!(person(text, ""), @r#"
    person b=0of1
      2,B,,,,,true
      3,"C, D",,,,,true
      4,E,,,,,true
    refused person line 2: something stands behind the quote that closes field 2; a quote within quotes is written twice [1,BigAn]
    "#);
    let text = "id,fullname\n1,\"Big\" An\n2,B\n3,C,x\n4,E";
    assert_snapshot!(person(text, ""), @r"
    person b=0of1
      2,B,,,,,true
      4,E,,,,,true
    refused person line 2: something stands behind the quote that closes field 2; a quote within quotes is written twice [1,BigAn]
    refused person line 4: the row has 3 fields, the header 2 [3,C,x]
    ");
    // The closing quote stands at the beginning of a line.
    let text = "id,fullname\n1,\"An said \"hi\n\",x\n8,Lan\n9,\"Eve\"\n10,F\n";
    assert_snapshot!(person(text, ""), @r#"
    person b=0of1
      10,F,,,,,true
    refused person line 2: something stands behind the quote that closes field 2; a quote within quotes is written twice [1,An said hi]
    refused person line 3: something stands behind the quote that closes field 1; a quote within quotes is written twice [,x
    8,Lan
    9,Eve"]
    "#);
    let text = "id,fullname\n1,\"a\"b\n7,Bob\n,\"c\"d\n8,Lan\n9,5\" pipe\n10,F\n";
    assert_snapshot!(person(text, ""), @r#"
    person b=0of1
      10,F,,,,,true
    refused person line 2: something stands behind the quote that closes field 2; a quote within quotes is written twice [1,ab]
    refused person line 3: it may be the rest of the row of line 2, whose quotes do not match [7,Bob]
    refused person line 4: something stands behind the quote that closes field 2; a quote within quotes is written twice [,cd]
    refused person line 5: it may be the rest of the row of line 4, whose quotes do not match [8,Lan]
    refused person line 6: it may be the rest of the row of line 4, whose quotes do not match [9,5" pipe]
    "#);
}
