//! How the text is written.

use insta::assert_snapshot;

use super::*;

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
