//! Random histories of what is published as Delta tables: what sites and the cloud change, datasets that
//! change, runs that are killed and runs side by side. After each run that ends well it is noted which rows each
//! table's version has to hold, for readers that share no code with this one.

mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use causeway_shared::canonical_csv::{RecordSplitter, split_fields};
use causeway_shared::ids::{Name, Part};
use causeway_shared::layout::{self, ArchiveFile, DeltaFile, DeltaKey};
use causeway_shared::store::failing::{FailingStore, Fault};
use causeway_shared::store::memory::MemoryStore;
use causeway_shared::store::{Store, list_all};
use fastrand::Rng;
use jiff::{Span, Timestamp};
use serde::Serialize;

use super::{NOON, Outcome, TestHub};
use crate::archive::Archive;
use crate::config::{ArchiveFormats, HubConfig};
use rows::Shop;

/// How many things happen in a history.
const STEPS: u32 = 24;

/// A row's canonical texts by column; its site and partition among them.
pub type Row = BTreeMap<String, Option<String>>;

/// What a version of a table holds.
#[derive(Debug, Serialize)]
pub struct Expected {
    /// The table.
    pub table: Name,
    /// Its version.
    pub version: u64,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// Plays the history of a seed, and leaves in a folder: `before/` with the tables before anything is cleaned
/// up, `after/` with the tables after it, and `expected.json` with what each version holds. Returns how many
/// versions there are.
///
/// # Errors
/// What is not as it should be.
pub async fn play(seed: u64, folder: &Path) -> Outcome<usize> {
    let database = tempfile::tempdir()?;
    let mut history = History::begin(seed, database.path()).await?;
    for _ in 0..STEPS {
        history
            .step()
            .await
            .map_err(|error| format!("seed {seed}: {error}"))?;
    }
    history.run().await?;
    export(&history.hub.store, &folder.join("before")).await?;
    let versions: Vec<_> = history.expected.into_values().collect();
    fs::write(folder.join("expected.json"), serde_json::to_vec(&versions)?)?;

    // Eight days later nobody reads what was replaced.
    let later = history.now.checked_add(Span::new().hours(8 * 24))?;
    archive(&history.hub.store)?.run(later).await?;
    assert_only_live(&history.hub.store).await?;
    export(&history.hub.store, &folder.join("after")).await?;
    Ok(versions.len())
}

/// One that publishes in both formats.
fn archive(store: &Store) -> Outcome<Archive> {
    let mut config = HubConfig::default();
    config.archive.formats = ArchiveFormats::try_from(vec!["csv".to_owned(), "delta".to_owned()])?;
    Ok(Archive::new(Arc::clone(store), config))
}

struct History {
    rng: Rng,
    now: Timestamp,
    hub: TestHub,
    shops: [Shop; 2],
    /// A service, which runs all the time.
    service: Archive,
    expected: BTreeMap<(Name, u64), Expected>,
}

impl History {
    async fn begin(seed: u64, database: &Path) -> Outcome<Self> {
        let hub = TestHub::in_folder(database).await?;
        let mut rng = Rng::with_seed(seed);
        let mut shops = [
            Shop::open(&hub.store, "here")?,
            Shop::open(&hub.store, "hcm-01")?,
        ];
        for shop in &mut shops {
            shop.change(&mut rng).await?;
        }
        let service = archive(&hub.store)?;
        Ok(Self {
            rng,
            now: NOON.parse()?,
            hub,
            shops,
            service,
            expected: BTreeMap::new(),
        })
    }

    async fn step(&mut self) -> Outcome {
        self.now = self
            .now
            .checked_add(Span::new().minutes(self.rng.i64(0..9)))?;
        let shop = self.rng.usize(0..2);
        match self.rng.u32(0..12) {
            0..4 => self.shops[shop].change(&mut self.rng).await?,
            4 => self.shops[shop].declare(&mut self.rng).await?,
            5..7 => self.edit().await?,
            7..9 => {
                self.stopped_run().await;
                self.run().await?;
            }
            9 => {
                self.runs_at_once().await?;
                self.run().await?;
            }
            10 => {
                // Somebody who wants CSV alone.
                let csv = Archive::new(Arc::clone(&self.hub.store), HubConfig::default());
                csv.run(self.now).await?;
            }
            _ => self.run().await?,
        }
        Ok(())
    }

    /// Changes a sale in the cloud, while its date is loaded.
    async fn edit(&mut self) -> Outcome {
        self.hub.load_all().await?;
        let day = format!("2025-11-{}", self.rng.i64(27..30));
        let site = &self.shops[0].site;
        let sql = match self.rng.u32(0..4) {
            0 => format!("UPDATE sale SET state = 'void' WHERE day = '{day}'"),
            1 => {
                let id = self.rng.u32(0..20);
                format!("UPDATE sale SET day = '{day}' WHERE id = {id}")
            }
            2 => format!("DELETE FROM sale WHERE id = {}", self.rng.u32(0..20)),
            _ => {
                self.hub.sell(site, &day, "đặt").await?;
                self.hub.flush(site).await?;
                return Ok(());
            }
        };
        self.hub.change(site, &sql).await?;
        self.hub.flush(site).await?;
        Ok(())
    }

    /// A run that is killed before or after any of its requests, or loses an answer.
    async fn stopped_run(&mut self) {
        let step = self.rng.u64(1..90);
        let fault = match self.rng.u32(0..3) {
            0 => Fault::StopAt(step),
            1 => Fault::StopAfter(step),
            _ => Fault::LoseAnswerAt(step),
        };
        let failing: Store = Arc::new(FailingStore::new(Arc::clone(&self.hub.store), [fault]));
        if let Ok(archive) = archive(&failing) {
            drop(archive.run(self.now).await);
        }
    }

    /// Two hubs at once, between which a site commits.
    async fn runs_at_once(&mut self) -> Outcome {
        let store: Store = Arc::new(FailingStore::new(Arc::clone(&self.hub.store), []));
        let (one, two) = (archive(&store)?, archive(&store)?);
        let (shop, turns) = (self.rng.usize(0..2), self.rng.u32(0..40));
        let (first, second) = tokio::join!(one.run(self.now), async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            self.shops[shop].change(&mut self.rng).await?;
            Outcome::Ok(two.run(self.now).await?)
        });
        for report in [first?, second?] {
            if let Some(error) = report.first_error() {
                return Err(error.to_owned().into());
            }
        }
        Ok(())
    }

    /// A run that ends well, and what the tables hold then.
    async fn run(&mut self) -> Outcome {
        let report = self.service.run(self.now).await?;
        if let Some(error) = report.first_error() {
            return Err(error.to_owned().into());
        }
        let mut rows = merged_rows(&self.hub.store).await?;
        let status = self.service.status().await?;
        for (table, info) in &status.info.tables {
            let version = info.delta.as_ref().ok_or("it is no Delta table")?.version;
            let rows = rows.remove(table).unwrap_or_default();
            let key = (table.clone(), version);
            let was = self.expected.get(&key);
            if was.is_some_and(|was| was.rows != rows) {
                return Err(format!("{table} changed, and is version {version} still").into());
            }
            let table = table.clone();
            let expected = Expected {
                table,
                version,
                rows,
            };
            self.expected.insert(key, expected);
        }
        Ok(())
    }
}

/// What the logs of a store say, as a run of the archive into an empty store publishes it in CSV.
async fn merged_rows(store: &Store) -> Outcome<BTreeMap<Name, Vec<Row>>> {
    let fresh: Store = Arc::new(MemoryStore::new());
    for object in list_all(&**store, layout::SITES, None).await? {
        let body = store.get(&object.key).await?.bytes(1_000_000).await?;
        fresh.put(&object.key, body.into()).await?;
    }
    Archive::new(Arc::clone(&fresh), HubConfig::default())
        .run(NOON.parse()?)
        .await?;
    let mut tables: BTreeMap<Name, Vec<Row>> = BTreeMap::new();
    for object in list_all(&*fresh, layout::ARCHIVE, None).await? {
        let Some(file) = ArchiveFile::parse(&object.key) else {
            continue;
        };
        let csv = fresh.get(&object.key).await?.bytes(1_000_000).await?;
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
        md5: causeway_shared::ids::Md5([0; 16]),
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

/// Copies the Delta tables of a store to a folder.
async fn export(store: &Store, folder: &Path) -> Outcome {
    for object in list_all(&**store, layout::ARCHIVE_DELTA, None).await? {
        let path = folder.join(object.key.trim_start_matches(layout::ARCHIVE_DELTA));
        fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        let body = store.get(&object.key).await?.bytes(10_000_000).await?;
        fs::write(path, body)?;
    }
    Ok(())
}

/// Whether there is one file for each partition, and no other.
async fn assert_only_live(store: &Store) -> Outcome {
    let mut seen: BTreeSet<(Name, String, Part)> = BTreeSet::new();
    for object in list_all(&**store, layout::ARCHIVE_DELTA, None).await? {
        if let Some((table, DeltaKey::Data(file))) = DeltaKey::parse(&object.key)
            && !seen.insert((table, file.site.to_string(), file.part))
        {
            return Err(format!("{} is left, or another of its partition", object.key).into());
        }
    }
    Ok(())
}
