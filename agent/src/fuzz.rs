//! Random input for a given time: whatever bytes come, nothing panics, and nothing is lost.
//!
//! The targets share a minute; `CAUSEWAY_FUZZ_SECONDS` gives each of them another time. What is
//! found becomes a test beside the code that it was found in. The target for CSV files is beside
//! their reader, in `source/csv/fuzz.rs`.

use std::time::{Duration, Instant};

use causeway_shared::canonical_csv::{
    Malformed, RecordSplitter, split_fields, write_record, write_value,
};
use causeway_shared::commit::{Checkpoint, Commit, Latest, decode, encode};
use causeway_shared::value::{
    DateNumbers, DateOrder, DecimalMark, Forms, PhoneCountry, Raw, Type, Value, parse,
};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

const SECONDS: u64 = 15;

/// Runs a test on random input until its time is up.
#[expect(
    clippy::disallowed_methods,
    reason = "how long it runs is for whoever starts it to say"
)]
pub(crate) fn fuzz<S: Strategy>(input: &S, test: impl Fn(S::Value)) {
    let seconds = std::env::var("CAUSEWAY_FUZZ_SECONDS").ok();
    let seconds = seconds.map_or(SECONDS, |seconds| seconds.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let config = Config {
            cases: 256,
            failure_persistence: None,
            ..Config::default()
        };
        let run = TestRunner::new(config).run(input, |input| {
            test(input);
            Ok(())
        });
        run.unwrap();
    }
}

/// Bytes made of words, with a foreign byte here and there.
pub(crate) fn words(words: &[&'static str], most: usize) -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    let word = prop_oneof![
        30 => select(words),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(word, 0..most).prop_map(|words| words.concat())
}

/// All records of canonical CSV, if it is that.
fn canonical(bytes: &[u8], piece_bytes: usize) -> Result<Vec<Vec<Option<String>>>, Malformed> {
    let mut splitter = RecordSplitter::default();
    let mut records = Vec::new();
    for piece in bytes.chunks(piece_bytes) {
        splitter.push(piece, |record, bytes| {
            let mut fields = Vec::new();
            split_fields(bytes, &mut fields).map_err(|problem| Malformed { record, problem })?;
            let owned = fields.into_iter().map(|field| field.map(Into::into));
            records.push(owned.collect());
            Ok::<_, Malformed>(())
        })?;
    }
    splitter.finish()?;
    Ok(records)
}

#[test]
fn canonical_csv() {
    let text = words(
        &["a", "é", ",", ",", "\"", "\"\"", "\n", "\r", "\\.", "1.5"],
        60,
    );
    fuzz(&(text, 1usize..20), |(bytes, piece_bytes)| {
        let read = canonical(&bytes, piece_bytes);
        assert_eq!(read, canonical(&bytes, 1_000), "pieces made a difference");
        let Ok(records) = read else { return };
        let mut written = Vec::new();
        for record in &records {
            let values: Vec<Value<'_>> = record
                .iter()
                .map(|field| {
                    field
                        .as_deref()
                        .map_or(Value::Null, |t| Value::Text(t.into()))
                })
                .collect();
            write_record(&values, &mut written);
        }
        assert_eq!(canonical(&written, piece_bytes), Ok(records));
    });
}

#[test]
fn stored_objects() {
    const COMMIT: &str = include_str!("../../tests/fixtures/v1/commit.json");
    const CHECKPOINT: &str = include_str!("../../tests/fixtures/v1/checkpoint.json");
    const LATEST: &str = include_str!("../../tests/fixtures/v1/latest.json");
    let tokens = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "null",
        "true",
        "-1",
        "1",
        "0.5",
        "1e999",
        "18446744073709551616",
        "\"\"",
        "\"format\"",
        "\"removed\"",
        "\"b=1of0\"",
        "\"dt=2025-02-30\"",
        "\"..\"",
        "\\u0000",
    ];
    let edit = (any::<prop::sample::Index>(), 0usize..9, words(&tokens, 4));
    let edits = prop::collection::vec(edit, 0..4);
    let whole = select(vec![COMMIT, CHECKPOINT, LATEST]);
    fuzz(&(whole, edits), |(whole, edits)| {
        // Without its check, so that what is behind it is reached.
        let mut bytes = whole.trim_end().as_bytes().to_vec();
        if let Some(check) = whole.find(",\"check\":") {
            bytes.truncate(check);
            bytes.push(b'}');
        }
        for (place, removed, inserted) in edits {
            let start = place.index(bytes.len() + 1);
            let end = bytes.len().min(start + removed);
            bytes.splice(start..end, inserted);
        }
        if let Ok(commit) = decode::<Commit>(&bytes) {
            assert_eq!(decode::<Commit>(&encode(&commit).unwrap()).unwrap(), commit);
        }
        if let Ok(checkpoint) = decode::<Checkpoint>(&bytes) {
            let written = encode(&checkpoint).unwrap();
            assert_eq!(decode::<Checkpoint>(&written).unwrap(), checkpoint);
        }
        if let Ok(latest) = decode::<Latest>(&bytes) {
            assert_eq!(decode::<Latest>(&encode(&latest).unwrap()).unwrap(), latest);
        }
    });
}

/// Every type, `decimal` with some scale.
fn types() -> impl Strategy<Value = Type> {
    select(vec![
        Type::Int,
        Type::Float,
        Type::Decimal(3),
        Type::Bool,
        Type::Text,
        Type::Phone,
        Type::Date,
        Type::Time,
        Type::Timestamp,
    ])
}

fn forms() -> impl Strategy<Value = Forms> {
    let dates = [
        DateOrder::Iso,
        DateOrder::Ymd,
        DateOrder::Dmy,
        DateOrder::Mdy,
    ];
    let numbers = [
        None,
        Some(DateNumbers::Unix),
        Some(DateNumbers::UnixMs),
        Some(DateNumbers::Julian),
        Some(DateNumbers::Excel),
        Some(DateNumbers::Digits),
    ];
    let decimals = [DecimalMark::Point, DecimalMark::Comma];
    let countries = [None, Some(PhoneCountry::Vn), Some(PhoneCountry::Gb)];
    (
        select(dates.to_vec()),
        select(numbers.to_vec()),
        select(decimals.to_vec()),
        select(countries.to_vec()),
    )
        .prop_map(|(dates, date_numbers, decimals, phone_country)| Forms {
            zone: TimeZone::get("Asia/Ho_Chi_Minh").unwrap(),
            dates,
            date_numbers,
            decimals,
            phone_country,
            refuse_cut_phones: true,
            ..Forms::default()
        })
}

#[test]
fn values() {
    let parts = [
        "0",
        "1",
        "28",
        "2025",
        "99",
        "-",
        "/",
        ":",
        ".",
        ",",
        " ",
        "T",
        "Z",
        "+07",
        "e",
        "AM",
        "CH",
        "true",
        "yes",
        "đ",
        "\0",
        "912345678",
        "1764297000",
        "inf",
    ];
    let text = words(&parts, 12);
    let numbers = (any::<i64>(), any::<f64>());
    fuzz(
        &(text, numbers, types(), forms()),
        |(bytes, (int, real), ty, forms)| {
            let text = std::str::from_utf8(&bytes).map_or(Raw::NotUtf8(&bytes), Raw::Text);
            for raw in [text, Raw::Int(int), Raw::Real(real), Raw::Blob(&bytes)] {
                let Ok(value) = parse(raw, ty, &forms) else {
                    continue;
                };
                if value.is_null() || value == Value::Text("".into()) {
                    continue;
                }
                // What the agent commits, every reader has to take back as the same.
                let mut written = Vec::new();
                write_record(std::slice::from_ref(&value), &mut written);
                let read = canonical(&written, 7).unwrap();
                let field = read[0][0].as_deref().unwrap();
                let again = parse(Raw::Text(field), ty, &Forms::default());
                let mut canonical = Vec::new();
                write_value(&value, &mut canonical);
                assert_eq!(again, Ok(value), "{raw:?} became {canonical:?}");
            }
        },
    );
}
