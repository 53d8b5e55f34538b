//! No row of a file is lost, whatever is in it.

use causeway_shared::canonical_csv::{Malformed, RecordSplitter};
use proptest::prelude::*;

use super::csv_in_the_wild::PEOPLE;
use super::*;

/// A header, and rows with everything in them that matters to a reader of CSV.
fn file() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let words = [
        "1",
        "2",
        "id",
        "fullname",
        "An",
        "Đức",
        ",",
        ",",
        ";",
        "\t",
        "\"",
        "\"\"",
        "\n",
        "\n",
        "\r\n",
        "\r",
        " ",
        "=\"",
        "\0",
        "\u{feff}",
        "2025-01-01",
        "03/04/2025",
        "1,5",
        "1,An\n",
        "2;B\r\n",
    ];
    let word = prop_oneof![
        40 => prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    let header = prop::sample::select(vec![
        "id,fullname\n",
        "id;Họ tên\r",
        "sep=\t\nid\tho ten\r\n",
        "",
    ]);
    (header, prop::collection::vec(word, 0..60))
        .prop_map(|(header, words)| (header, words.concat()))
}

/// How many lines have something on them.
fn lines_in(text: &[u8]) -> usize {
    let lines = text.split(|byte| matches!(byte, b'\r' | b'\n'));
    lines.filter(|line| !line.is_empty()).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn every_row_is_in_a_part_or_in_quarantine(
        (header, text) in file(),
        settings in prop::sample::select(vec![
            "", "encoding = \"utf-8\"", "encoding = \"windows-1258\"", "delimiter = \";\"",
        ]),
    ) {
        let whole = [header.as_bytes(), &text].concat();
        let site = Site::new(PEOPLE).declared(settings).csv("person.csv", whole);
        let found = site.scan();
        let stored: usize = found.parts.values().map(|csv| rows_in(csv)).sum();
        if let Some(scanned) = found.tables().next() {
            let refused = &scanned.findings.refused;
            prop_assert_eq!(refused.listed.len() as u64, refused.total);
            prop_assert_eq!(scanned.rows(), stored as u64);
            prop_assert_eq!(scanned.rows_read, scanned.rows() + refused.total);
            // Without quotes, every line is a row.
            if !header.is_empty() && !text.contains(&b'"') {
                prop_assert_eq!(scanned.rows_read, lines_in(&text) as u64);
            }
        } else {
            prop_assert_eq!(stored, 0);
        }
    }
}

/// How many rows canonical CSV has.
fn rows_in(csv: &str) -> usize {
    let mut rows = 0;
    let mut splitter = RecordSplitter::default();
    let counted = splitter.push(csv.as_bytes(), |record, _| {
        rows += usize::from(record > 0);
        Ok::<_, Malformed>(())
    });
    counted.unwrap();
    rows
}
