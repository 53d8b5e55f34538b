//! Histories of what is published as Delta tables. After runs that end well it is noted which rows each table's
//! version has to hold, for readers that share no code with this one.

mod edges;
mod kills;
mod long;
mod random;
mod rows;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use causeway_shared::canonical_csv::{RecordSplitter, split_fields};
use causeway_shared::ids::{Md5, Name};
use causeway_shared::layout::{self, ArchiveFile, DeltaFile};
use causeway_shared::store::memory::MemoryStore;
use causeway_shared::store::{Store, list_all};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Outcome, archive_as};
use crate::archive::Archive;

pub use edges::play_edges;
pub use kills::play_kills;
pub use long::play_long;
pub use random::play;

/// What `[archive] keep` is where nobody says otherwise.
const KEEP: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A row's canonical texts by column; its site and partition among them.
pub type Row = BTreeMap<String, Option<String>>;

/// What a version of a table holds.
#[derive(Debug, Clone, Serialize)]
pub struct Expected {
    /// The table.
    pub table: Name,
    /// Its version.
    pub version: u64,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// What the versions of tables have to hold, and when each was seen last to be the newest.
#[derive(Debug, Default)]
pub(crate) struct Noted(BTreeMap<(Name, u64), (Timestamp, Vec<Row>)>);

impl Noted {
    /// Notes that the newest versions hold these rows.
    pub(crate) async fn note(
        &mut self,
        archive: &Archive,
        mut rows: BTreeMap<Name, Vec<Row>>,
        now: Timestamp,
    ) -> Outcome {
        for (table, info) in archive.status().await?.info.tables {
            let delta = info
                .delta
                .ok_or_else(|| format!("{table} is no Delta table"))?;
            let rows = rows.remove(&table).unwrap_or_default();
            let (version, records) = (delta.version, delta.records);
            if records != rows.len() as u64 {
                let found = rows.len();
                return Err(
                    format!("{table} has {found} rows, and is said to have {records}").into(),
                );
            }
            let is_other = |(_, was): &(Timestamp, Vec<Row>)| *was != rows;
            if self.0.get(&(table.clone(), version)).is_some_and(is_other) {
                return Err(format!("{table} changed, and is version {version} still").into());
            }
            self.0.insert((table, version), (now, rows));
        }
        match rows.keys().next() {
            Some(table) => Err(format!("{table} is not published").into()),
            None => Ok(()),
        }
    }

    /// What has to be readable: the newest versions, and those that were the newest within [`KEEP`].
    pub(crate) fn readable(&self, now: Timestamp) -> Vec<Expected> {
        let kept = self.0.iter();
        let kept = kept.filter(|(_, (at, _))| now.duration_since(*at) < KEEP);
        let expected = kept.map(|((table, version), (_, rows))| Expected {
            table: table.clone(),
            version: *version,
            rows: rows.clone(),
        });
        expected.collect()
    }
}

/// What the logs of a store say, as a run of the archive into an empty store publishes it in CSV.
async fn merged_rows(store: &Store, now: Timestamp) -> Outcome<BTreeMap<Name, Vec<Row>>> {
    let fresh = copy(store, layout::SITES).await?;
    archive_as(&fresh, &["csv"])?.run(now).await?;
    published_rows(&fresh).await
}

/// A store with the same objects under a prefix.
async fn copy(store: &Store, prefix: &str) -> Outcome<Store> {
    let copy: Store = Arc::new(MemoryStore::new());
    for object in list_all(&**store, prefix, None).await? {
        let body = store.get(&object.key).await?.bytes(1_000_000).await?;
        copy.put(&object.key, body.into()).await?;
    }
    Ok(copy)
}

/// What a store has as CSV.
pub(crate) async fn published_rows(store: &Store) -> Outcome<BTreeMap<Name, Vec<Row>>> {
    let mut tables: BTreeMap<Name, Vec<Row>> = BTreeMap::new();
    for object in list_all(&**store, layout::ARCHIVE, None).await? {
        let Some(file) = ArchiveFile::parse(&object.key) else {
            continue;
        };
        let csv = store.get(&object.key).await?.bytes(1_000_000).await?;
        let rows = tables.entry(file.table.clone()).or_default();
        rows.extend(rows_of(&file, &csv)?);
    }
    Ok(tables)
}

/// The rows of a published CSV file.
///
/// # Errors
/// If it is none.
pub fn rows_of(file: &ArchiveFile, csv: &[u8]) -> Outcome<Vec<Row>> {
    let place = DeltaFile {
        site: file.site.clone(),
        part: file.part,
        version: 0,
        md5: Md5([0; 16]),
    };
    let (mut names, mut rows) = (Vec::new(), Vec::new());
    RecordSplitter::default().push(csv, |number, record| {
        let mut fields = Vec::new();
        split_fields(record, &mut fields)?;
        let fields = fields.into_iter().map(|field| field.map(String::from));
        if number == 0 {
            names = fields.map(Option::unwrap_or_default).collect();
            return Outcome::Ok(());
        }
        let mut row: Row = names.iter().cloned().zip(fields).collect();
        row.insert("site".to_owned(), Some(place.site.to_string()));
        row.insert("part".to_owned(), Some(place.part_value()));
        rows.push(row);
        Ok(())
    })?;
    Ok(rows)
}

/// Copies the Delta tables of a store to `tables` in a folder, and what they have to hold to `expected.json`.
pub(crate) async fn export(store: &Store, expected: &[Expected], folder: &Path) -> Outcome {
    let tables = folder.join("tables");
    fs::create_dir_all(&tables)?;
    fs::write(folder.join("expected.json"), serde_json::to_vec(expected)?)?;
    for object in list_all(&**store, layout::ARCHIVE_DELTA, None).await? {
        let path = tables.join(object.key.trim_start_matches(layout::ARCHIVE_DELTA));
        fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        let body = store.get(&object.key).await?.bytes(10_000_000).await?;
        fs::write(path, body)?;
    }
    Ok(())
}
