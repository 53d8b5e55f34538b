//! CSV files that are no UTF-8: which code page is proposed, and the lines that are shown with it.

use encoding_rs::{GBK, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252};

use super::*;

/// What is proposed for a file `people.csv` of these bytes.
fn proposed(bytes: &[u8]) -> Proposal {
    Site::new()
        .with_file("days.csv", "id,day\n1,2025-11-28\n")
        .with_file("people.csv", bytes)
        .propose()
}

fn encoded(encoding: &'static encoding_rs::Encoding, text: &str) -> Vec<u8> {
    encoding.encode(text).0.into_owned()
}

/// The lines above and with the encoding that is proposed.
fn setting(proposal: &Proposal) -> String {
    let lines: Vec<&str> = sources(proposal).lines().collect();
    let at = lines.iter().position(|l| l.starts_with("encoding = "));
    let before = lines[..at.unwrap()].iter().rev();
    let comments = before.take_while(|line| line.starts_with("# ") && !line.contains("empty name"));
    let mut found: Vec<&str> = comments.copied().collect();
    found.reverse();
    found.push(lines[at.unwrap()]);
    found.join("\n")
}

#[test]
fn cyrillic_is_windows_1251() {
    let text = "id,город\n1,Москва\n2,Тверь\n";
    let proposal = proposed(&encoded(WINDOWS_1251, text));
    insta::assert_snapshot!(setting(&proposal), @r#"
    # people: PLEASE DECIDE: it is not UTF-8; as windows-1251 two of its lines read "id,город" and
    # "1,Москва"; if that is not right, write another code page, such as windows-1252, windows-1250,
    # windows-1251, iso-8859-2 or macintosh.
    encoding = "windows-1251"
    "#);
    insta::assert_snapshot!(table(&proposal, "people"), @r#"
    [[table]]
    name = "people"
    key = ["id"]  # PLEASE CHECK: no declared key; in all 2 rows it is there and differs
    partition = { buckets = 1 }  # 2 rows, about 5000 a bucket
    column = [
      { name = "id", type = "int", not_null = true },  # all 2 values are whole numbers
      { name = "column_2", source = "город", type = "text" },  # text, longest 6
    ]
    "#);
    insta::assert_snapshot!(proposal.notes.join("\n"), @r#"
    2 tables, 3 rows: 1 by date, 0 via a parent, 1 in buckets
    /srv/HCM 01: people: PLEASE DECIDE: it is not UTF-8; as windows-1251 two of its lines read "id,город" and "1,Москва"; if that is not right, write another code page, such as windows-1252, windows-1250, windows-1251, iso-8859-2 or macintosh
    days: partition: 1 row, all on 2025-11-28; PLEASE DECIDE: these are few to tell by; if it is a list that is wanted whole whatever the day is, write { buckets = 1 }
    days: key: PLEASE CHECK: no declared key, and only one row to find one by
    people: key: PLEASE CHECK: no declared key; in all 2 rows it is there and differs
    7 places ask for a look or a decision: search for PLEASE
    "#);
}

#[test]
fn central_european_is_windows_1250() {
    let text = "id,imię\n1,Łukasz Wiśniewski\n2,Agnieszka Dąbrowska\n";
    insta::assert_snapshot!(setting(&proposed(&encoded(WINDOWS_1250, text))), @r#"
    # people: PLEASE DECIDE: it is not UTF-8; as windows-1250 two of its lines read "id,imię" and
    # "1,Łukasz Wiśniewski"; if that is not right, write another code page, such as windows-1252,
    # windows-1250, windows-1251, iso-8859-2 or macintosh.
    encoding = "windows-1250"
    "#);
}

#[test]
fn what_western_and_central_european_read_differently_is_shown_in_both() {
    let text = "id,město\n1,Plzeň\n2,Dvůr Králové\n3,Třebíč\n";
    insta::assert_snapshot!(setting(&proposed(&encoded(WINDOWS_1250, text))), @r#"
    # people: PLEASE DECIDE: it is not UTF-8; as windows-1252 two of its lines read "id,mìsto" and
    # "1,Plzeò", as windows-1250 "id,město" and "1,Plzeň"; if that is not right, write another code
    # page, such as windows-1252, windows-1250, windows-1251, iso-8859-2 or macintosh.
    encoding = "windows-1252"
    "#);
    let text = "id,name\n1,André\n2,Müller\n";
    insta::assert_snapshot!(setting(&proposed(&encoded(WINDOWS_1252, text))), @r#"
    # people: PLEASE DECIDE: it is not UTF-8; as windows-1252 two of its lines read "1,André" and
    # "2,Müller"; if that is not right, write another code page, such as windows-1252, windows-1250,
    # windows-1251, iso-8859-2 or macintosh.
    encoding = "windows-1252"
    "#);
}

#[test]
fn mac_roman_loses_no_column() {
    let text = b"id,name\n1,Fran\x8dois M\x9fller\n2,Jos\x8e Ni\x96o\n3,Zo\x91 Bront\x91\n";
    let proposal = proposed(text);
    insta::assert_snapshot!(setting(&proposal), @r#"
    # people: PLEASE DECIDE: it is not UTF-8; as macintosh two of its lines read "1,François Müller" and
    # "2,José Niño"; if that is not right, write another code page, such as windows-1252, windows-1250,
    # windows-1251, iso-8859-2 or macintosh.
    encoding = "macintosh"
    "#);
    insta::assert_snapshot!(table(&proposal, "people"), @r#"
    [[table]]
    name = "people"
    key = ["id"]  # PLEASE CHECK: no declared key; in all 3 rows it is there and differs
    partition = { buckets = 1 }  # 3 rows, about 5000 a bucket
    column = [
      { name = "id", type = "int", not_null = true },  # all 3 values are whole numbers
      { name = "name", type = "text" },  # text, longest 15
    ]
    "#);
}

#[test]
fn what_no_code_page_makes_words_of_is_left_out() {
    let dos = proposed(b"id,name\n1,Fran\x87ois M\x81ller\n2,Jos\x82\n");
    insta::assert_snapshot!(dos.notes[1], @r#"/srv/HCM 01/people.csv is left out: PLEASE DECIDE: it is not UTF-8, and makes no words in any code page that is known: as windows-1252 two of its lines read "1,Fran‡ois M�ller" and "2,Jos‚"; save it as UTF-8"#);
    let chinese = proposed(&encoded(GBK, "id,姓名\n1,王小明\n2,李丽\n"));
    insta::assert_snapshot!(chinese.notes[1], @r#"/srv/HCM 01/people.csv is left out: PLEASE DECIDE: it is not UTF-8, but perhaps GBK, which is not read, and as which two of its lines read "id,姓名" and "1,王小明"; save it as UTF-8"#);
}

#[test]
fn damaged_utf8_is_read_but_for_its_damaged_rows() {
    let text = "id,name\n1,André Müller\n2,Zoé Brontë\n3,Nguyễn Văn An\n";
    let damaged = [text.as_bytes(), b"4,Chlo\xeb\n"].concat();
    let proposal = proposed(&damaged);
    insta::assert_snapshot!(setting(&proposal), @r#"
    # people: PLEASE DECIDE: it is UTF-8 but for some bytes, and such lines read "4,Chlo�"; their rows
    # go to quarantine until they are mended in the file.
    encoding = "utf-8"
    "#);
    insta::assert_snapshot!(table(&proposal, "people"), @r#"
    [[table]]
    name = "people"
    key = ["id"]  # PLEASE CHECK: no declared key; in all 4 rows it is there and differs
    partition = { buckets = 1 }  # 4 rows, about 5000 a bucket
    column = [
      { name = "id", type = "int", not_null = true },  # all 4 values are whole numbers
      { name = "name", type = "text" },  # text, longest 13; PLEASE CHECK: 1 of 4 values cannot be carried (the first: "Chlo�" has bytes that are no character in its encoding): those rows go to quarantine
    ]
    "#);
}

#[test]
fn a_long_line_is_shown_with_the_letters_that_tell() {
    let long = format!(
        "id,text\n1,{} Caf\u{e9} M\u{fc}ller {}\n",
        "plain ".repeat(30),
        "more ".repeat(30)
    );
    let proposal = proposed(&encoded(WINDOWS_1252, &long));
    insta::assert_snapshot!(setting(&proposal), @r#"
    # people: PLEASE DECIDE: it is not UTF-8; as windows-1252 two of its lines read "…plain plain plain
    # plain plain plain Café Müller more more more more more more m…"; if that is not right, write
    # another code page, such as windows-1252, windows-1250, windows-1251, iso-8859-2 or macintosh.
    encoding = "windows-1252"
    "#);
}
