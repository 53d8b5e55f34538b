use causeway_shared::dataset::{Dataset, TableId};
use insta::assert_snapshot;

use super::*;

/// The dialect of a file of feedback, or why there is none.
fn feedback(head: &str, wanted: Delimiter) -> String {
    let dataset = Dataset::meetassist().unwrap();
    let table = dataset.table("appointmentfeedback").unwrap();
    match prove(head.as_bytes(), true, wanted, table) {
        Ok(Dialect {
            delimiter,
            first_line_bytes,
            columns,
        }) => format!(
            "{:?} after {first_line_bytes} bytes, found {:?}, unknown {:?}",
            char::from(delimiter),
            columns.found,
            columns.unknown
        ),
        Err(error) => error.to_string(),
    }
}

fn auto(head: &str) -> String {
    feedback(head, Delimiter::Auto)
}

#[test]
fn the_header_proves_the_delimiter() {
    for (head, delimiter) in [
        ("Rating,AppointmentID,customerfeedback,createdat\n", ','),
        (
            "rating;appointmentid;\"CustomerFeedback\";createdat\r\n1,5;2;3;4",
            ';',
        ),
        ("rating\tappointmentid\t customerfeedback\tcreatedat", '\t'),
        (
            "\n\nrating|Appointment ID|Customer-Feedback|created_at\r1|2|3|4\r",
            '|',
        ),
    ] {
        let proven = format!(
            "{delimiter:?} after 0 bytes, found [Some(1), Some(0), Some(2), Some(3)], \
             unknown []"
        );
        assert_eq!(auto(head), proven, "{head}");
    }
}

#[test]
fn a_single_name_needs_no_delimiter() {
    assert_snapshot!(auto("appointmentid\n1\n"), @"',' after 0 bytes, found [Some(0), None, None, None], unknown []");
}

#[test]
fn a_spreadsheet_may_name_the_delimiter() {
    assert_snapshot!(auto("sep=;\r\nappointmentid;rating\r\n"), @"';' after 7 bytes, found [Some(0), Some(1), None, None], unknown []");
    assert_snapshot!(auto("SEP=\t\nappointmentid\trating\n"), @r"'\t' after 6 bytes, found [Some(0), Some(1), None, None], unknown []");
    assert_snapshot!(auto("sep=#\nappointmentid#rating\n"), @"its first line says that '#' stands between the fields, which is not read; use `,` `;` `|` or a tab");
    assert_snapshot!(feedback("sep=;\nappointmentid,rating\n", Delimiter::Comma), @"',' after 6 bytes, found [Some(0), Some(1), None, None], unknown []");
    assert_snapshot!(auto("sep=;\nappointmentid,rating\n"), @r#"with `delimiter = ";"` its first line names no column of table appointmentfeedback; it begins "appointmentid,rating"; write `delimiter = ","` for this source"#);
}

#[test]
fn what_is_not_certain_is_refused_with_the_settings_to_write() {
    assert_snapshot!(auto("appointmentid,x;rating\n1,2;3\n"), @r#"what stands between its fields is not certain; it begins "appointmentid,x;rating" and "1,2;3"; write `delimiter = ","` or `delimiter = ";"` for this source"#);
    assert_snapshot!(feedback("appointmentid,rating\n1,4.5\n", Delimiter::Semicolon), @r#"with `delimiter = ";"` its first line names no column of table appointmentfeedback; it begins "appointmentid,rating" and "1,4.5"; write `delimiter = ","` for this source"#);
}

#[test]
fn a_first_line_that_is_no_header_is_refused() {
    assert_snapshot!(auto("1,4.5,good\n2,5,better\n3,3,worse\n"), @r#"its first line names no column of table appointmentfeedback, with `,` `;` `|` or a tab between the names; it begins "1,4.5,good" and "2,5,better"; write the columns' names into the first line, or declare what they are called there as the columns' `source` in the dataset"#);
    assert_snapshot!(auto("Phản hồi tháng 11\nappointmentid,rating\n"), @r#"its first line names no column of table appointmentfeedback, with `,` `;` `|` or a tab between the names; it begins "Phản hồi tháng 11" and "appointmentid,rating"; write the columns' names into the first line, or declare what they are called there as the columns' `source` in the dataset"#);
    assert_snapshot!(auto(""), @"it is empty; a table without rows still has its header");
    assert_snapshot!(auto("\r\n\r\n"), @"it is empty; a table without rows still has its header");
    assert_snapshot!(auto("appointmentid,\"rating\n1,2\n"), @"its first line opens a quote that is never closed: the file is still being written, or a quote is missing");
    assert_snapshot!(auto("rating,Rating,RATING\n"), @r#"',' after 0 bytes, found [None, Some(0), None, None], unknown ["Rating", "RATING"]"#);
    assert_snapshot!(auto("rating,appointmentid,rating\n"), @r#"its columns "rating" and "rating" both fit column rating of table appointmentfeedback; take one of them away, or declare the right one as the column's `source` in the dataset"#);
    let dataset = Dataset::meetassist().unwrap();
    let endless = prove(
        &[b'a'; 10],
        false,
        Delimiter::Auto,
        &dataset.tables[TableId(0)],
    );
    assert_snapshot!(endless.unwrap_err(), @"its first line has more than 65536 bytes; it has to be a header, with a line end behind it");
}
