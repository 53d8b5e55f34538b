//! Runs that publish Delta tables of a store in memory. Random histories, and readers that share no code with
//! this one, are tested end to end.

mod cleanup;
mod log;
mod troubles;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use causeway_shared::canonical_csv::Field;
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::Name;
use causeway_shared::layout::{self, DeltaKey};
use causeway_shared::store::memory::MemoryStore;
use causeway_shared::store::{Store, list_all};
use jiff::{Span, Timestamp};
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use super::super::{Archive, ArchiveReport};
use super::parquet_file::{FileFormat, ParquetFile};
use super::table::DeltaTable;
use crate::testing::{NOON, Outcome, SHOP, TestSite, archive_as};

fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

fn name(table: &str) -> Name {
    Name::new(table).unwrap()
}

fn archive(store: &Store) -> Archive {
    archive_as(store, &["delta"]).unwrap()
}

async fn run(store: &Store) -> Outcome<ArchiveReport> {
    Ok(archive(store).run(noon()).await?)
}

/// A store with what a site sold on two days, and an apple.
async fn shop() -> Outcome<(Store, TestSite)> {
    let store: Store = Arc::new(MemoryStore::new());
    let mut site = TestSite::new(&store, "here", SHOP)?;
    site.put("item", "b=0of2", &["1,apple"]).await?;
    site.put("sale", "dt=2025-11-27", &["1,2025-11-27,a,paid"])
        .await?;
    site.put("sale", "dt=2025-11-28", &["2,2025-11-28,a,paid"])
        .await?;
    site.commit().await?;
    Ok((store, site))
}

async fn keys(store: &Store, prefix: &str) -> Outcome<Vec<String>> {
    let objects = list_all(&**store, prefix, None).await?;
    Ok(objects.into_iter().map(|object| object.key).collect())
}

async fn bytes(store: &Store, key: &str) -> Outcome<Vec<u8>> {
    Ok(store.get(key).await?.bytes(10_000_000).await?)
}

/// A table as its log says it.
async fn table(store: &Store, name: &Name) -> Outcome<DeltaTable> {
    let mut table = DeltaTable::default();
    loop {
        let key = DeltaKey::Commit(table.next_version()).of(name);
        match store.get(&key).await {
            Ok(commit) => table = table.after(&commit.bytes(10_000_000).await?)?,
            Err(error) if error.is_not_found() => return Ok(table),
            Err(error) => return Err(error.into()),
        }
    }
}

/// A store with the same objects.
async fn copy(store: &Store) -> Outcome<Store> {
    let copy: Store = Arc::new(MemoryStore::new());
    for key in keys(store, "").await? {
        copy.put(&key, bytes(store, &key).await?.into()).await?;
    }
    Ok(copy)
}

/// A shop that is published, its sales at this version.
async fn shop_at(version: u64) -> Outcome<(Store, TestSite)> {
    let (store, mut site) = shop().await?;
    let archive = archive(&store);
    archive.run(noon()).await?;
    for change in 0..version {
        let record = format!("2,2025-11-28,a,{change}");
        site.put("sale", "dt=2025-11-28", &[&record]).await?;
        site.commit().await?;
        archive.run(noon()).await?;
    }
    Ok((store, site))
}

/// The rows of all tables, by table, site and partition.
async fn published(store: &Store) -> Outcome<BTreeMap<String, Vec<String>>> {
    let mut rows = BTreeMap::new();
    for table_name in ["item", "sale"].map(name) {
        let table = table(store, &table_name).await?;
        for (at, live) in &table.files {
            let key = DeltaKey::Data(live.file(at)).of(&table_name);
            let file = SerializedFileReader::new(Bytes::from(bytes(store, &key).await?))?;
            let of_file = file.get_row_iter(None)?.map(|row| Ok(row?.to_string()));
            let of_file: Outcome<Vec<String>> = of_file.collect();
            rows.insert(format!("{table_name} {} {}", at.0, at.1), of_file?);
        }
    }
    Ok(rows)
}

/// What a run over a store with the same logs, and nothing published, publishes.
async fn expected(store: &Store) -> Outcome<BTreeMap<String, Vec<String>>> {
    let fresh: Store = Arc::new(MemoryStore::new());
    for key in keys(store, layout::SITES).await? {
        fresh.put(&key, bytes(store, &key).await?.into()).await?;
    }
    run(&fresh).await?;
    published(&fresh).await
}

#[test]
fn what_is_no_value_of_its_column_is_refused() {
    let dataset = "name = 'd'\nversion = 1\n[[table]]\nname = 't'\nkey = ['id']\n\
        partition = { buckets = 1 }\ncolumn = [{ name = 'id', type = 'int' }, \
        { name = 'weight', type = 'float' }, { name = 'day', type = 'date' }]";
    let dataset = Dataset::from_toml(dataset).unwrap();
    let format = FileFormat::of(dataset.table("t").unwrap()).unwrap();
    for (record, column) in [
        ("1,NaN,", "weight"),
        ("1,inf,", "weight"),
        ("9223372036854775808,,", "id"),
        ("1,,1899-12-31", "day"),
        ("1,,2025-02-29", "day"),
        ("1,2", "another number of fields"),
    ] {
        let fields = |record: &'static str| -> Vec<Field<'static>> {
            let fields = record
                .split(',')
                .map(|field| (!field.is_empty()).then(|| field.into()));
            fields.collect()
        };
        let mut file = ParquetFile::new(&format, 2, Vec::new());
        file.push(&fields("1,2.5,2025-11-28")).unwrap();
        let error = file.push(&fields(record)).unwrap_err().to_string();
        assert!(error.starts_with("row 2 cannot be written"), "{error}");
        assert!(error.contains(column), "{error}");
    }
}

#[tokio::test]
async fn a_changed_partition_is_one_file_and_one_commit() -> Outcome {
    let (store, mut site) = shop_at(0).await?;
    let before = keys(&store, layout::ARCHIVE).await?;
    site.put("sale", "dt=2025-11-28", &["2,2025-11-28,a,void"])
        .await?
        .commit()
        .await?;
    let report = run(&store).await?;
    let after = keys(&store, layout::ARCHIVE).await?;
    let new = after.iter().filter(|key| !before.contains(key));
    let new: Vec<_> = new.filter_map(|key| DeltaKey::parse(key)).collect();
    let [(of, DeltaKey::Commit(1)), (_, DeltaKey::Data(file))] = &new[..] else {
        panic!("{new:?}");
    };
    assert_eq!(
        (of.as_str(), file.part.to_string(), file.version),
        ("sale", "dt=2025-11-28".to_owned(), 1)
    );
    let sale = &report.tables[&name("sale")];
    assert_eq!((sale.partitions, sale.published, sale.records), (2, 1, 2));
    insta::assert_debug_snapshot!(sale.delta, @r#"
    Some(
        DeltaArchived {
            version: 1,
            files: 2,
            records: 2,
            written: 1,
            removed: 0,
            commits: {
                SiteName(
                    "here",
                ): Commits {
                    commit: Seq(
                        2,
                    ),
                    edits_commit: None,
                },
            },
        },
    )
    "#);
    let commit = bytes(&store, &DeltaKey::Commit(1).of(&name("sale"))).await?;
    let commit = String::from_utf8(commit)?;
    let actions: Vec<_> = commit.lines().map(|line| line.split('"').nth(1)).collect();
    let expected_actions = ["commitInfo", "txn", "txn", "remove", "add"];
    assert_eq!(actions, expected_actions.map(Some), "{commit}");
    assert_eq!(published(&store).await?, expected(&store).await?);
    Ok(())
}

#[tokio::test]
async fn unchanged_costs_what_csv_costs() -> Outcome {
    let (store, _) = shop().await?;
    let mut idle = Vec::new();
    for formats in [&["csv"][..], &["csv", "delta"], &["delta"]] {
        let archive = archive_as(&store, formats)?;
        archive.run(noon()).await?;
        let before = store.requests();
        archive.run(noon()).await?;
        idle.push(store.requests().since(&before));
    }
    assert_eq!(idle[0], idle[1]);
    assert_eq!(idle[0], idle[2]);
    assert_eq!((idle[2].put, idle[2].delete, idle[2].head), (0, 0, 0));
    Ok(())
}

#[tokio::test]
async fn a_look_at_all_files_costs_two_reads_and_two_lists_a_table() -> Outcome {
    let (store, _) = shop().await?;
    let mut looks = Vec::new();
    for formats in [&["csv"][..], &["csv", "delta"]] {
        archive_as(&store, formats)?.run(noon()).await?;
        let before = store.requests();
        archive_as(&store, formats)?.run(noon()).await?;
        looks.push(store.requests().since(&before));
    }
    let [csv, both] = looks[..] else { panic!() };
    let tables = 2;
    let more = (both.get - csv.get, both.list - csv.list);
    assert_eq!(more, (1 + 2 * tables, 2 * tables), "and what is kept");
    assert_eq!((both.put, both.head, both.delete), (0, 0, 0));
    Ok(())
}

#[tokio::test]
async fn csv_that_is_not_asked_for_is_not_listed() -> Outcome {
    let (store, _) = shop_at(0).await?;
    let mut lists = Vec::new();
    for files in [2_500, 0] {
        let before = store.requests();
        run(&store).await?;
        lists.push(store.requests().since(&before).list);
        for file in 0..files {
            let key = format!("archive/sale/dt=2025-11-28/site-{file}.csv");
            store.put(&key, b"id".to_vec().into()).await?;
        }
    }
    assert_eq!(lists[0], lists[1]);
    Ok(())
}

#[tokio::test]
async fn each_format_is_taken_up_where_it_stopped() -> Outcome {
    let (store, mut site) = shop().await?;
    let turns = [
        &["csv"][..],
        &["delta"],
        &["csv"],
        &["csv", "delta"],
        &["delta"],
    ];
    for (turn, formats) in turns.into_iter().enumerate() {
        let record = format!("2,2025-11-28,a,{turn}");
        site.put("sale", "dt=2025-11-28", &[&record]).await?;
        site.commit().await?;
        let report = archive_as(&store, formats)?.run(noon()).await?;
        assert!(!report.has_errors());
        let csv = store.get("archive/sale/dt=2025-11-28/here.csv").await?;
        let csv = String::from_utf8(csv.bytes(1_000).await?)?;
        let is_now = csv.ends_with(&format!("{record}\n"));
        assert_eq!(
            is_now,
            formats.contains(&"csv"),
            "what is not asked for stays"
        );
        if formats.contains(&"delta") {
            assert_eq!(published(&store).await?, expected(&store).await?);
        }
    }
    assert_eq!(table(&store, &name("sale")).await?.next_version(), 3);
    Ok(())
}

#[tokio::test]
async fn a_checkpoint_is_written_after_64_commits() -> Outcome {
    let (store, _) = shop_at(66).await?;
    let log = keys(&store, "archive/delta/sale/_delta_log/").await?;
    let checkpoints = log.iter().filter(|key| !key.ends_with(".json"));
    let checkpoints: Vec<_> = checkpoints.map(|key| key.rsplit('/').next()).collect();
    let expected = [
        "00000000000000000064.checkpoint.parquet",
        "_last_checkpoint",
    ];
    assert_eq!(checkpoints, expected.map(Some));
    let hint = bytes(&store, &DeltaKey::LastCheckpoint.of(&name("sale"))).await?;
    insta::assert_snapshot!(String::from_utf8(hint)?, @r#"{"size":70,"version":64}"#);
    Ok(())
}

#[tokio::test]
async fn replaced_files_stay_for_a_while() -> Outcome {
    let (store, mut site) = shop_at(0).await?;
    let first = keys(&store, "archive/delta/sale/site=").await?;
    site.put("sale", "dt=2025-11-28", &["2,2025-11-28,a,void"])
        .await?;
    site.remove("sale", "dt=2025-11-27")?.commit().await?;
    run(&store).await?;
    for (hours, left) in [(7 * 24 - 1, 3), (7 * 24 + 1, 1)] {
        archive(&store)
            .run(noon() + Span::new().hours(hours))
            .await?;
        let files = keys(&store, "archive/delta/sale/site=").await?;
        assert_eq!(files.len(), left, "after {hours} h");
        assert_eq!(files.iter().any(|key| first.contains(key)), left == 3);
    }
    assert_eq!(published(&store).await?, expected(&store).await?);
    Ok(())
}

#[tokio::test]
async fn a_dataset_that_changes_changes_the_columns() -> Outcome {
    let (store, mut site) = shop().await?;
    let mut other = TestSite::new(&store, "there", SHOP)?;
    other
        .put("sale", "dt=2025-11-28", &["7,2025-11-28,c,paid"])
        .await?
        .commit()
        .await?;
    run(&store).await?;
    let later = SHOP.replace(
        "{ name = \"state\", type = \"text\" },",
        "{ name = \"paid\", type = \"timestamp\" },\n  { name = \"state\", type = \"text\" },",
    );
    site.declare(&later)?;
    site.put(
        "sale",
        "dt=2025-11-28",
        &["2,2025-11-28,a,2025-11-28T09:30:00,paid"],
    )
    .await?
    .commit()
    .await?;
    run(&store).await?;
    let commit = bytes(&store, &DeltaKey::Commit(1).of(&name("sale"))).await?;
    let commit = String::from_utf8(commit)?;
    let lines = commit
        .lines()
        .filter(|line| line.contains("protocol") || line.contains("metaData"));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    {"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["timestampNtz"],"writerFeatures":["timestampNtz"]}}
    {"metaData":{"id":"882dec45-66d2-4f14-ae2c-c9e82b1db82a","name":"sale","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}},{\"name\":\"day\",\"type\":\"date\",\"nullable\":true,\"metadata\":{}},{\"name\":\"slot\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}},{\"name\":\"state\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}},{\"name\":\"paid\",\"type\":\"timestamp_ntz\",\"nullable\":true,\"metadata\":{}},{\"name\":\"site\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}},{\"name\":\"part\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}}]}","partitionColumns":["site","part"],"configuration":{},"createdTime":1764306000000}}
    "#);
    assert_eq!(published(&store).await?, expected(&store).await?);
    let item = table(&store, &name("item")).await?;
    assert_eq!(item.next_version(), 1, "its columns are what they were");
    Ok(())
}
