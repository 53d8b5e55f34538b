//! The stored formats against frozen files: what version 1 wrote must be read for ever.

use std::collections::BTreeMap;

use insta::assert_snapshot;

use super::*;
use crate::canonical_csv::{RecordSplitter, split_fields, write_header, write_record};
use crate::dataset::Dataset;
use crate::summary::{Amount, Counts, Sum, Summary};
use crate::value::{Forms, Raw, parse};

const COMMIT: &[u8] = include_bytes!("../../../tests/fixtures/v1/commit.json");
const CHECKPOINT: &[u8] = include_bytes!("../../../tests/fixtures/v1/checkpoint.json");
const STORED_CHECKPOINT: &[u8] = include_bytes!("../../../tests/fixtures/v1/checkpoint.json.zst");
const DATASET: &[u8] = include_bytes!("../../../tests/fixtures/v1/dataset.json");
/// The consultants of a site, as an object's key names them.
const OBJECT: &[u8] = include_bytes!("../../../tests/fixtures/v1/object.csv.zst");
const OBJECT_MD5: &str = "92aa6970c0e67f8b71f672426ca12e05";
const LATEST: &[u8] = include_bytes!("../../../tests/fixtures/v1/latest.json");

fn object() -> PartitionObject {
    let counts = Counts {
        values: BTreeMap::from([("pending".into(), 3)]),
        null: 1,
        other: 0,
    };
    let summary = Summary {
        count_by: BTreeMap::from([("status".into(), counts)]),
        sum: BTreeMap::from([(
            "rating".into(),
            Sum {
                sum: Amount::Float(12.5),
                count: 3,
            },
        )]),
    };
    PartitionObject {
        md5: Md5::of(b"rows"),
        rows: 4,
        bytes: 120,
        summary,
    }
}

fn commit() -> Commit {
    let table = Name::new("appointment").unwrap();
    Commit {
        format: FORMAT,
        site: SiteName::new("hcm-01").unwrap(),
        head: Head {
            seq: Seq(42),
            at: "2025-11-28T02:30:00.123Z".parse().unwrap(),
            epoch: 1,
            writer: Writer {
                id: "w1".into(),
                host: "h1".into(),
            },
            dataset: Md5::of(b"dataset"),
        },
        changes: vec![
            Change {
                table: table.clone(),
                part: Part::new("dt=2025-11-28").unwrap(),
                now: Now::Object(object()),
            },
            Change {
                table,
                part: Part::new("dt=2025-11-29").unwrap(),
                now: Now::removed(),
            },
        ],
        more: NoLookups::default(),
    }
}

fn checkpoint() -> Checkpoint {
    let commit = commit();
    Checkpoint {
        format: FORMAT,
        site: commit.site,
        head: commit.head,
        partitions: vec![CatalogPartition {
            table: Name::new("appointment").unwrap(),
            part: Part::new("dt=2025-11-28").unwrap(),
            object: object(),
            dataset: Md5::of(b"dataset"),
            seq: None,
        }],
    }
}

#[test]
fn what_is_written_is_the_frozen_file() {
    let latest = Latest {
        format: FORMAT,
        checkpoint: Seq(64),
    };
    // The frozen commit names a lookup object, and the checkpoint none; neither is written now.
    let after = |frozen: &[u8], written: Vec<u8>| {
        let (frozen, _) = std::str::from_utf8(frozen)
            .unwrap()
            .split_once(",\"lookups\"")
            .unwrap();
        String::from_utf8(written)
            .unwrap()
            .strip_prefix(frozen)
            .unwrap()
            .to_owned()
    };
    assert_snapshot!(after(COMMIT, encode(&commit()).unwrap()), @r#","lookups":[],"check":"565badc1cf382c7487faf837e12e6d03"}"#);
    assert_snapshot!(after(CHECKPOINT, encode(&checkpoint()).unwrap()), @r#","check":"1f9d6e3c7a58b1747ecf0126f6d8c7b1"}"#);
    assert_eq!(encode(&latest).unwrap(), LATEST.trim_ascii_end());
}

#[test]
fn the_frozen_files_are_read() {
    assert_eq!(decode::<Commit>(COMMIT).unwrap(), commit());
    assert_eq!(decode::<Checkpoint>(CHECKPOINT).unwrap(), checkpoint());
    assert_eq!(decode::<Latest>(LATEST).unwrap().checkpoint, Seq(64));
}

#[test]
fn every_flipped_bit_is_seen() {
    let intact = encode(&commit()).unwrap();
    for at in 0..intact.len() * 8 {
        let mut flipped = intact.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        // A bit in the check's own name only hides the check: what it guards is unchanged.
        if let Ok(read) = decode::<Commit>(&flipped) {
            assert_eq!(read, commit(), "bit {at}");
        }
    }
}

#[test]
fn every_truncation_is_seen() {
    let intact = encode(&commit()).unwrap();
    assert!((0..intact.len()).all(|len| decode::<Commit>(&intact[..len]).is_err()));
}

#[test]
fn another_format_is_refused_by_name() {
    let newer = String::from_utf8(encode(&commit()).unwrap()).unwrap();
    let newer = newer.replace("\"format\":1", "\"format\":2");
    assert_snapshot!(
        decode::<Commit>(newer.as_bytes()).unwrap_err().to_string(),
        @"it is of format 2, and this program knows format 1: upgrade causeway"
    );
}

/// What is said of a commit in which a value stands that no program of this format writes.
fn refused(pointer: &str, value: serde_json::Value) -> String {
    let mut hostile = serde_json::to_value(commit()).unwrap();
    *hostile.pointer_mut(pointer).unwrap() = value;
    let error = decode::<Commit>(hostile.to_string().as_bytes()).unwrap_err();
    let error = error.to_string();
    assert!(error.len() < 1_000, "{} bytes", error.len());
    match error.split_once(" at line 1 column ") {
        Some((error, _)) => error.to_owned(),
        None => error,
    }
}

#[test]
fn numbers_and_texts_have_limits() {
    let long = "x".repeat(1 << 20);
    assert_snapshot!(refused("/seq", u64::MAX.into()), @r#"it is not what it should be: "18446744073709551615" is not a commit number: a number up to 9223372036854775807"#);
    assert_snapshot!(refused("/epoch", u64::MAX.into()), @"it is not what it should be: 18446744073709551615 is more than 1099511627776");
    assert_snapshot!(refused("/writer/id", long.as_str().into()), @"it is not what it should be: a text of 1048576 bytes is longer than 256");
    assert_snapshot!(refused("/writer/host", long.as_str().into()), @"it is not what it should be: a text of 1048576 bytes is longer than 256");
    assert_snapshot!(refused("/site", long.as_str().into()), @r#"it is not what it should be: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" is not a site name: a lower-case letter, then up to 39 lower-case letters, digits or `-`"#);
    assert_snapshot!(refused("/dataset", long.as_str().into()), @r#"it is not what it should be: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" is not a MD5: 32 lower-case hexadecimal digits"#);
    assert_snapshot!(refused("/epoch", long.as_str().into()), @r#"it is not what it should be: invalid type: string "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"#);
    let of_change = |of: &str, value| refused(&format!("/changes/0/{of}"), value);
    assert_snapshot!(of_change("rows", (u64::MAX / 2).into()), @"it is not what it should be: appointment, dt=2025-11-28: 9223372036854775807 is more than 1099511627776");
    assert_snapshot!(of_change("bytes", u64::MAX.into()), @"it is not what it should be: appointment, dt=2025-11-28: 18446744073709551615 is more than 1099511627776");
    assert_snapshot!(of_change("rows", (-1).into()), @"it is not what it should be: appointment, dt=2025-11-28: invalid value: integer `-1`, expected u64");
    assert_snapshot!(of_change("rows", 1.5.into()), @"it is not what it should be: appointment, dt=2025-11-28: invalid type: floating point `1.5`, expected u64");
    assert_snapshot!(of_change("rows", serde_json::Value::Null), @"it is not what it should be: appointment, dt=2025-11-28: invalid type: null, expected u64");
    assert_snapshot!(of_change("part", "b=0of4294967295".into()), @r#"it is not what it should be: "b=0of4294967295" is not a partition: `dt=YYYY-MM-DD`, of the years 1900 to 2199, or `b=<i>of<N>`, i padded to the width of N, N at most 4096"#);
    assert_snapshot!(of_change("summary/count_by/status/values/pending", u64::MAX.into()), @"it is not what it should be: appointment, dt=2025-11-28: 18446744073709551615 is more than 1099511627776");
    assert_snapshot!(of_change("summary/count_by/status/null", u64::MAX.into()), @"it is not what it should be: appointment, dt=2025-11-28: 18446744073709551615 is more than 1099511627776");
    assert_snapshot!(of_change("summary/sum/rating/count", u64::MAX.into()), @"it is not what it should be: appointment, dt=2025-11-28: 18446744073709551615 is more than 1099511627776");
}

#[test]
fn a_summary_has_limits() {
    let refused = |summary: serde_json::Value| {
        serde_json::from_value::<Summary>(summary)
            .unwrap_err()
            .to_string()
    };
    let values: serde_json::Map<_, _> = (0..257).map(|n| (n.to_string(), 1.into())).collect();
    assert_snapshot!(refused(serde_json::json!({"count_by": {"a": {"values": values}}})), @"257 entries are more than 256");
    let values = serde_json::json!({"x".repeat(257): 1});
    assert_snapshot!(refused(serde_json::json!({"count_by": {"a": {"values": values}}})), @"a text of 257 bytes is longer than 256");
    assert_snapshot!(refused(serde_json::json!({"sum": {"a": {"sum": 1, "count": 1_u64 << 41}}})), @"2199023255552 is more than 1099511627776");
    assert_snapshot!(refused(serde_json::json!({"sum": {"x".repeat(64): {"sum": 1, "count": 1}}})), @"a text of 64 bytes is longer than 63");
}

#[test]
fn unknown_fields_and_a_missing_check_are_taken() {
    let mut by_hand = serde_json::to_value(commit()).unwrap();
    by_hand["comment"] = "made by hand".into();
    assert_eq!(
        decode::<Commit>(by_hand.to_string().as_bytes()).unwrap(),
        commit()
    );
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)) {
        let _ = decode::<Commit>(&bytes);
    }
}

#[test]
fn what_no_reader_takes_is_not_written() {
    assert!(encoding::readable(MAX_BYTES).is_ok());
    let error = encoding::readable(MAX_BYTES + 1).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("it would be 268435457 bytes long"),
        "{error}"
    );
}

#[test]
fn a_checkpoint_is_read_as_it_is_stored() {
    let checkpoint = decode_checkpoint::<AgentLog>(STORED_CHECKPOINT).unwrap();
    let parts = checkpoint.partitions.iter();
    let parts = parts.map(|entry| format!("{} {} {}", entry.table, entry.part, entry.object.md5));
    assert_eq!(
        (checkpoint.site.as_str(), checkpoint.head.seq),
        ("hcm-01", Seq(64))
    );
    assert_eq!(
        parts.collect::<Vec<_>>(),
        [
            "communityprogram b=0of1 93102db4e1a8b8cd568074d09a750ba0",
            "consultant b=0of1 92aa6970c0e67f8b71f672426ca12e05",
        ]
    );
}

#[test]
fn a_dataset_is_read_and_keeps_its_name() {
    let dataset = Dataset::from_json(DATASET).unwrap();
    assert_eq!(dataset.canonical_json().as_bytes(), DATASET);
    assert_eq!(
        dataset.md5().to_string(),
        "d96ceea918b78901d1539ed4e895dd12"
    );
    // Its rows are read as those of the embedded dataset, which says more of merging.
    let embedded = Dataset::meetassist().unwrap();
    for (frozen, now) in dataset.tables.iter().zip(&embedded.tables) {
        assert_eq!(
            (
                &frozen.columns,
                &frozen.key,
                frozen.partition,
                &frozen.unique
            ),
            (&now.columns, &now.key, now.partition, &now.unique),
        );
    }
    assert_eq!(dataset.tables.len(), embedded.tables.len());
}

/// Read field by field, and written again from its values to the same bytes.
#[test]
fn an_object_is_read_as_it_is_stored() {
    let csv = zstd::bulk::decompress(OBJECT, 1 << 20).unwrap();
    assert_eq!(Md5::of(&csv).to_string(), OBJECT_MD5);
    let dataset = Dataset::meetassist().unwrap();
    let columns = &dataset.table("consultant").unwrap().columns;
    let mut again = Vec::new();
    write_header(
        columns.iter().map(|column| column.name.as_str()),
        &mut again,
    );
    let mut records = Vec::new();
    let forms = Forms::default();
    let mut splitter = RecordSplitter::default();
    splitter
        .push(&csv, |number, record| {
            let mut fields = Vec::new();
            split_fields(record, &mut fields).unwrap();
            if number > 0 {
                let values = columns.iter().zip(&fields);
                let values: Vec<_> = values
                    .map(|(column, field)| {
                        let raw = field.as_deref().map_or(Raw::Null, Raw::Text);
                        parse(raw, column.ty, &forms).unwrap()
                    })
                    .collect();
                write_record(&values, &mut again);
            }
            records.push(format!("{fields:?}"));
            Ok::<_, crate::canonical_csv::Malformed>(())
        })
        .unwrap();
    assert_eq!(splitter.finish(), Ok(3));
    assert_eq!(again, csv);
    assert_snapshot!(records[1..].join("\n"), @r#"
    [Some("9"), Some("Nguyễn Văn An"), Some("a@x"), None, None, Some("\\."), None, Some("2020-01-01"), Some("2020-01-01T00:00:00"), Some("false")]
    [Some("10"), Some("Trần, Thị \"Bê\""), Some("b@x"), Some("0912345678"), None, Some("dòng một\ndòng hai"), None, Some("2020-02-29"), Some("2020-02-29T00:00:00"), Some("false")]
    "#);
}

#[test]
fn an_edit_has_limits() {
    let refused = |member: &str, value: serde_json::Value| {
        let mut row = serde_json::json!({
            "id": "1", "table": "customer", "part": "b=0of1", "key": ["7"], "op": "update",
            "columns": {"name": [null, "An"]}, "actor": "admin", "at": "2025-11-28T02:30:00Z",
        });
        assert!(serde_json::from_value::<JournalRow>(row.clone()).is_ok());
        row[member] = value;
        let error = serde_json::from_value::<JournalRow>(row).unwrap_err();
        error.to_string()
    };
    let long = "x".repeat(1 << 24);
    assert_snapshot!(refused("id", long[..300].into()), @"a text of 300 bytes is longer than 256");
    assert_snapshot!(refused("key", serde_json::json!([])), @"a key of 0 bytes; keys have 1 to 2000");
    assert_snapshot!(refused("key", serde_json::json!([long[..2_001]])), @"a key of 2001 bytes; keys have 1 to 2000");
    assert_snapshot!(refused("key", serde_json::json!(vec![""; 2_001])), @"a key of 2001 bytes; keys have 1 to 2000");
    assert_snapshot!(refused("columns", serde_json::json!({"name": [null, long]})), @"a value of 16777216 bytes is longer than 1048576");
    assert_snapshot!(refused("columns", serde_json::json!({"name": [null]})), @"invalid length 1, expected an array of length 2");
    assert_snapshot!(refused("op", "drop".into()), @"unknown variant `drop`, expected one of `insert`, `update`, `delete`, `take`, `undo`");
}
