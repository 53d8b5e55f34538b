//! Random CSV files, see [`crate::fuzz`].

use causeway_shared::dataset::Dataset;
use proptest::sample::select;

use super::reader::read_all;
use super::repair::raw;
use crate::fuzz::{fuzz, words};
use crate::source::SourceConfig;

/// A file's text as bytes of an encoding.
fn encoded(text: &[u8], encoding: usize) -> Vec<u8> {
    let units = || {
        String::from_utf8_lossy(text)
            .encode_utf16()
            .collect::<Vec<u16>>()
    };
    match encoding {
        0 => units().into_iter().flat_map(u16::to_le_bytes).collect(),
        1 => units().into_iter().flat_map(u16::to_be_bytes).collect(),
        _ => text.to_vec(),
    }
}

#[test]
fn csv_files() {
    let dataset = Dataset::meetassist().unwrap();
    let table = dataset.table("appointmentfeedback").unwrap();
    let text = words(
        &[
            "appointmentid",
            "Rating",
            "Họ tên",
            "customerfeedback",
            ",",
            ",",
            ";",
            "\t",
            "|",
            "\"",
            "\"\"",
            "\n",
            "\n",
            "\r\n",
            "\r",
            " ",
            "=\"",
            "1",
            "4,5",
            "\0",
            "\u{feff}",
            "sep=;\n",
            "đ",
        ],
        80,
    );
    let header = select(vec![
        "",
        "appointmentid,rating\n",
        "appointmentid;rating\r\n",
    ]);
    let settings = select(vec![
        "",
        "encoding = \"utf-8\"",
        "encoding = \"utf-16le\"",
        "encoding = \"utf-16be\"",
        "encoding = \"windows-1258\"",
        "delimiter = \";\"",
    ]);
    let input = (header, text, 0usize..5, settings, 1usize..40);
    fuzz(&input, |(header, text, encoding, settings, piece_bytes)| {
        let bytes = encoded(&[header.as_bytes(), &text].concat(), encoding);
        let config = format!("kind = \"csv\"\npath = \"\"\n{settings}");
        let config: SourceConfig = toml::from_str(&config).unwrap();
        let whole = read_all(&bytes, usize::MAX, &config, table);
        let pieces = read_all(&bytes, piece_bytes, &config, table);
        assert_eq!(whole, pieces, "pieces made a difference");
        for field in whole.unwrap_or_default().into_iter().flatten() {
            let _ = raw(&field);
        }
    });
}
