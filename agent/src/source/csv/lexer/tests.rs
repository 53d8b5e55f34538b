use std::fmt::Write as _;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

/// A record: its line, its fields, its problem.
type Cut = (u64, Vec<Vec<u8>>, Option<RecordProblem>);

/// All records of a text that arrives in pieces of a given size.
fn cut(text: &[u8], delimiter: u8, piece_bytes: usize) -> Result<Vec<Cut>, OpenQuote> {
    let mut lexer = Lexer::new(delimiter);
    let mut records = Vec::new();
    let mut note = |lexer: &mut Lexer| {
        let record = lexer.record();
        let fields = record.fields().map(<[u8]>::to_vec).collect();
        records.push((record.line, fields, record.problem));
        lexer.begin();
    };
    for mut piece in text.chunks(piece_bytes) {
        while !piece.is_empty() {
            let (taken, ended) = lexer.feed(piece);
            piece = &piece[taken..];
            if ended {
                note(&mut lexer);
            }
        }
    }
    if lexer.finish()? {
        note(&mut lexer);
    }
    Ok(records)
}

/// The records, one a line.
fn shown(text: &str) -> String {
    let records = match cut(text.as_bytes(), b',', 64) {
        Ok(records) => records,
        Err(OpenQuote { line }) => return format!("open quote in the row of line {line}"),
    };
    let mut shown = String::new();
    for (line, fields, problem) in records {
        let fields: Vec<_> = fields.iter().map(|f| String::from_utf8_lossy(f)).collect();
        let problem = problem
            .map(|problem| format!(" {problem:?}"))
            .unwrap_or_default();
        writeln!(shown, "{line}: {fields:?}{problem}").unwrap();
    }
    shown
}

#[test]
fn every_line_end_is_one() {
    for text in [
        "a,b\nc,\n",
        "a,b\r\nc,\r\n",
        "a,b\rc,\r",
        "a,b\nc,",
        "\n\na,b\r\n\n\rc,",
    ] {
        let rows: Vec<_> = cut(text.as_bytes(), b',', 3).unwrap();
        let fields: Vec<_> = rows.into_iter().map(|(_, fields, _)| fields).collect();
        assert_eq!(fields, [[&b"a"[..], b"b"], [b"c", b""]], "{text:?}");
    }
}

#[test]
fn quotes_hold_line_ends_delimiters_and_quotes() {
    assert_snapshot!(shown("1,\"a\r\nb,\"\"c\"\"\"\n2, \"d\" ,\"\"\n3,e\"f\",g h \n"), @r#"
    1: ["1", "a\r\nb,\"c\""]
    3: ["2", "d", ""]
    4: ["3", "e\"f\"", "g h "]
    "#);
}

#[test]
fn lines_are_counted_where_rows_begin() {
    assert_snapshot!(shown("a\r\n\"b\r\nb\rb\n\"\r\n\r\nc\rd"), @r#"
    1: ["a"]
    2: ["b\r\nb\rb\n"]
    7: ["c"]
    8: ["d"]
    "#);
}

#[test]
fn what_stands_behind_a_closing_quote_is_a_problem_of_its_row() {
    assert_snapshot!(shown("1,\"He said \"hi\" to me\",x\n2,ok,y\n"), @r#"
    1: ["1", "He said hi\" to me\"", "x"] BehindQuote { field: 2 }
    2: ["2", "ok", "y"]
    "#);
}

#[test]
fn a_quote_that_stays_open_is_no_row() {
    assert_snapshot!(shown("1,a\n2,\"b\n3,c\n"), @"open quote in the row of line 2");
}

#[test]
fn a_row_that_is_too_long_is_given_out_without_its_text() {
    let text = format!("\"{}\",x\n2,y\n", "a\n".repeat(MAX_RECORD_BYTES / 2));
    let rows = cut(text.as_bytes(), b',', 64 * 1024).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].0, rows[0].2), (1, Some(RecordProblem::TooLong)));
    assert_eq!(rows[1].0, 1 + MAX_RECORD_BYTES as u64 / 2 + 1);
    let rows = cut(",".repeat(MAX_FIELDS).as_bytes(), b',', 64 * 1024).unwrap();
    assert_eq!(rows[0].2, Some(RecordProblem::TooLong));
    let rows = cut(",".repeat(MAX_FIELDS - 1).as_bytes(), b',', 64 * 1024).unwrap();
    assert_eq!((rows[0].1.len(), rows[0].2), (MAX_FIELDS, None));
}

/// Text made of what matters.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(
        prop::sample::select(b"ab,,;\"\"\r\n\n \xff".to_vec()),
        0..80,
    )
}

fn letters(bytes: impl IntoIterator<Item = u8>) -> Vec<u8> {
    bytes
        .into_iter()
        .filter(|byte| matches!(byte, b'a' | b'b' | b';' | 0xff))
        .collect()
}

proptest! {
    #[test]
    fn pieces_make_no_difference(text in text(), piece_bytes in 1usize..20) {
        prop_assert_eq!(cut(&text, b',', piece_bytes), cut(&text, b',', 1000));
    }

    #[test]
    fn no_two_rows_begin_on_one_line(text in text()) {
        if let Ok(records) = cut(&text, b',', 7) {
            let lines: Vec<u64> = records.into_iter().map(|(line, _, _)| line).collect();
            prop_assert!(lines.is_sorted_by(|one, next| one < next), "{:?}", lines);
        }
    }

    #[test]
    fn nothing_is_lost(text in text()) {
        if let Ok(records) = cut(&text, b',', 7) {
            let given = records.into_iter().flat_map(|(_, fields, _)| fields).flatten();
            prop_assert_eq!(letters(given), letters(text));
        }
    }

    #[test]
    fn without_quotes_every_line_with_something_on_it_is_a_row(text in text()) {
        let text: Vec<u8> = text.into_iter().filter(|byte| *byte != b'"').collect();
        let lines = text.split(|byte| matches!(byte, b'\r' | b'\n'));
        let rows = lines.filter(|line| !line.is_empty()).count();
        prop_assert_eq!(cut(&text, b',', 7).map(|records| records.len()), Ok(rows));
    }

    #[test]
    fn rows_that_are_written_are_read(
        rows in prop::collection::vec(prop::collection::vec("[a,\"\r\n;é]{1,6}", 2), 0..5),
        line_end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
        let line = |row: &Vec<String>| row.iter().map(quoted).collect::<Vec<_>>().join(";") + line_end;
        let text: String = rows.iter().map(line).collect();
        let read = cut(text.as_bytes(), b';', 5).unwrap();
        let read: Vec<Vec<Vec<u8>>> = read.into_iter().map(|(_, fields, _)| fields).collect();
        let rows: Vec<Vec<Vec<u8>>> =
            rows.into_iter().map(|row| row.into_iter().map(String::into_bytes).collect()).collect();
        prop_assert_eq!(read, rows);
    }
}
