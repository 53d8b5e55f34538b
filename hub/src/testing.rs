//! For tests: a site that commits whatever it is told to, and a hub that loads it.
//!
//! The hub of a test that is not about a database has SQLite; the suite that both databases pass is
//! `db/conformance.rs`.

pub mod model;

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{
    Change, Commit, FORMAT, Head, NoLookups, Now, PartitionObject, Writer,
};
use causeway_shared::dataset::{Dataset, Table};
use causeway_shared::ids::{Md5, Name, Part, SiteName};
use causeway_shared::layout::{LogKey, WhichLog};
use causeway_shared::log::{Appended, SiteLog};
use causeway_shared::store::Store;
use causeway_shared::store::memory::MemoryStore;
use causeway_shared::summary::Summary;
use causeway_shared::value::Value;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::config::{DatabaseConfig, HubConfig, WindowConfig};
use crate::db::postgres::PostgresDatabase;
use crate::db::sqlite::SqliteDatabase;
use crate::db::{Database, Query};
use crate::edits::RowMerge;
use crate::sync::{DateRange, Hub, LoadReport, LoadRequest, Repair, SiteLoaded};
use crate::verify::{VerifyReport, VerifyRequest};

pub use crate::db::conformance;

/// How a test ends; what it does not expect is an error, not a panic.
pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Noon of 2025-11-28 in Ho Chi Minh City, so that the default window is the 27th to the 29th.
pub const NOON: &str = "2025-11-28T05:00:00Z";

/// A dataset with one dated table, one bucketed one, and a unique rule.
pub const SHOP: &str = r#"
name = "shop"
version = 1
[[table]]
name = "item"
key = ["id"]
partition = { buckets = 2 }
column = [
  { name = "id", type = "int" },
  { name = "name", type = "text" },
]
[[table]]
name = "sale"
key = ["id"]
partition = { by = "day" }
unique = [{ columns = ["day", "slot"], unless = { state = ["void"] } }]
summary = { count_by = ["state"] }
column = [
  { name = "id", type = "int" },
  { name = "day", type = "date", not_null = true },
  { name = "slot", type = "text" },
  { name = "state", type = "text" },
]
"#;

/// A site in a store, which commits what it is told to.
#[derive(Debug)]
pub struct TestSite {
    store: Store,
    log: SiteLog,
    dataset: Dataset,
    catalog: Catalog,
    waiting: Vec<Change>,
}

impl TestSite {
    /// A site that has committed nothing.
    ///
    /// # Errors
    /// If the name or the dataset is none.
    pub fn new(store: &Store, site: &str, dataset: &str) -> Outcome<Self> {
        Self::of(store, site, Dataset::from_toml(dataset)?)
    }

    pub(crate) fn of(store: &Store, site: &str, dataset: Dataset) -> Outcome<Self> {
        let site = SiteName::new(site)?;
        Ok(Self {
            store: Arc::clone(store),
            log: SiteLog::new(Arc::clone(store), site.clone()),
            dataset,
            catalog: Catalog::empty(site),
            waiting: Vec::new(),
        })
    }

    /// A site `here` of the [`SHOP`], which has committed one item: an apple.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn with_an_apple(store: &Store) -> Outcome<Self> {
        let mut site = Self::new(store, "here", SHOP)?;
        site.put("item", "b=0of2", &["1,apple"])
            .await?
            .commit()
            .await?;
        Ok(site)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &SiteName {
        &self.catalog.site
    }

    /// Its dataset.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Its catalog.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Declares another dataset, from the next commit on.
    ///
    /// # Errors
    /// If it is none.
    pub fn declare(&mut self, dataset: &str) -> Outcome {
        self.dataset = Dataset::from_toml(dataset)?;
        Ok(())
    }

    /// The canonical CSV of a partition with these records.
    ///
    /// # Errors
    /// If there is no such table.
    pub fn csv(&self, table: &str, records: &[&str]) -> Outcome<String> {
        let table = self.dataset.table(table).ok_or("no such table")?;
        let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        let lines = std::iter::once(names.join(",")).chain(records.iter().map(ToString::to_string));
        Ok(lines.map(|line| line + "\n").collect())
    }

    /// Where the object of a partition with these records lies.
    ///
    /// # Errors
    /// If a name is none.
    pub fn key(&self, table: &str, part: &str, records: &[&str]) -> Outcome<String> {
        let md5 = Md5::of(self.csv(table, records)?.as_bytes());
        Ok(LogKey::Object(Name::new(table)?, Part::new(part)?, md5)
            .of(WhichLog::Agent, self.name()))
    }

    /// Writes a partition's object; the next commit names it.
    ///
    /// # Errors
    /// If a name is none, or a failure of the store.
    pub async fn put(&mut self, table: &str, part: &str, records: &[&str]) -> Outcome<&mut Self> {
        let csv = self.csv(table, records)?;
        let compressed = zstd::bulk::compress(csv.as_bytes(), 3)?;
        let object = PartitionObject {
            md5: Md5::of(csv.as_bytes()),
            rows: records.len() as u64,
            bytes: compressed.len() as u64,
            summary: Summary::default(),
        };
        let key = self.key(table, part, records)?;
        self.store.put(&key, compressed.into()).await?;
        self.change(table, part, Now::Object(object))
    }

    /// As [`put`](Self::put), with the summary that an agent gives.
    pub(crate) async fn put_summed(
        &mut self,
        table: &str,
        part: &str,
        records: &[&str],
    ) -> Outcome {
        self.put(table, part, records).await?;
        let table = self.dataset.table(table).ok_or("no such table")?;
        let mut merge = RowMerge::new(table, &[])?;
        for record in records {
            merge.push(record.as_bytes(), |_| ())?;
        }
        let summed = merge.finish(|_| ())?.summary;
        if let Some(Change {
            now: Now::Object(object),
            ..
        }) = self.waiting.last_mut()
        {
            object.summary = summed;
        }
        Ok(())
    }

    /// Lets the next commit say that a partition is gone.
    ///
    /// # Errors
    /// If a name is none.
    pub fn remove(&mut self, table: &str, part: &str) -> Outcome<&mut Self> {
        self.change(table, part, Now::removed())
    }

    fn change(&mut self, table: &str, part: &str, now: Now<PartitionObject>) -> Outcome<&mut Self> {
        self.waiting.push(Change {
            table: Name::new(table)?,
            part: Part::new(part)?,
            now,
        });
        Ok(self)
    }

    /// Commits what was put and removed.
    ///
    /// # Errors
    /// A failure of the store, or a commit of that number that is there already.
    pub async fn commit(&mut self) -> Outcome {
        let seq = self.catalog.seq().next();
        let at = Timestamp::from_second(1_764_000_000 + i64::try_from(seq.0)?)?;
        let commit = Commit {
            format: FORMAT,
            site: self.name().clone(),
            head: Head {
                seq,
                at,
                epoch: 1,
                writer: Writer {
                    id: "writer".to_owned(),
                    host: "host".to_owned(),
                },
                dataset: self.dataset.md5(),
            },
            changes: std::mem::take(&mut self.waiting),
            more: NoLookups::default(),
        };
        self.log.write_dataset(&self.dataset).await?;
        match self.log.append(commit).await? {
            Appended::Written(commit) => self.catalog.apply(&commit),
            taken => return Err(format!("the commit is there already: {taken:?}").into()),
        }
        Ok(())
    }
}

/// A database of the hub's, whichever it is.
#[derive(Debug, Clone)]
pub struct HubDatabase(pub(crate) Arc<dyn Database>);

impl HubDatabase {
    /// A PostgreSQL database.
    ///
    /// # Errors
    /// If the URL is none, or the certificate cannot be read.
    pub fn postgres(url: &str, root_certificate: Option<&Path>) -> Outcome<Self> {
        let root_certificate = root_certificate.map(|file| file.display().to_string());
        Self::of(DatabaseConfig {
            url: url.to_owned(),
            root_certificate: root_certificate.unwrap_or_default(),
            ..DatabaseConfig::default()
        })
    }

    /// A PostgreSQL database that these roles may read, or read and write, by SQL of their own.
    ///
    /// # Errors
    /// If the URL is none.
    pub fn postgres_with_roles(url: &str, readers: &[&str], writers: &[&str]) -> Outcome<Self> {
        let names = |roles: &[&str]| roles.iter().map(ToString::to_string).collect();
        Self::of(DatabaseConfig {
            url: url.to_owned(),
            readers: names(readers),
            writers: names(writers),
            ..DatabaseConfig::default()
        })
    }

    /// A PostgreSQL database with at most so many connections.
    ///
    /// # Errors
    /// If the URL is none, or they are too few.
    pub fn postgres_with_connections(url: &str, connections: u16) -> Outcome<Self> {
        Self::of(DatabaseConfig {
            url: url.to_owned(),
            connections,
            ..DatabaseConfig::default()
        })
    }

    /// A database in a folder.
    #[must_use]
    pub fn sqlite(folder: &Path) -> Self {
        let database = SqliteDatabase::open(folder, folder.display().to_string());
        Self(Arc::new(database))
    }

    fn of(config: DatabaseConfig) -> Outcome<Self> {
        let database = PostgresDatabase::open(&config, config.url.clone())?;
        Ok(Self(Arc::new(database)))
    }

    /// Creates or upgrades the hub's own tables.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn init(&self) -> Outcome {
        Ok(self.0.init().await?)
    }

    /// How many sites it knows.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn count_sites(&self) -> Outcome<usize> {
        Ok(self.0.sites().await?.len())
    }
}

/// A hub over a store in memory and a database.
#[derive(Debug)]
pub struct TestHub {
    pub(crate) hub: Hub,
    /// Its store.
    pub store: Store,
    pub(crate) database: Arc<dyn Database>,
    pub(crate) request: LoadRequest,
}

impl TestHub {
    /// A hub with its database made, at [`NOON`].
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn new(database: &HubDatabase) -> Outcome<Self> {
        let store: Store = Arc::new(MemoryStore::new());
        let test = Self::over(store, &database.0)?;
        test.hub.init().await?;
        Ok(test)
    }

    /// A hub with its database made in a folder, at [`NOON`].
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn in_folder(folder: &Path) -> Outcome<Self> {
        Self::new(&HubDatabase::sqlite(folder)).await
    }

    /// A hub over the same store with another database, which is made.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn with_database(&self, database: &HubDatabase) -> Outcome<Self> {
        let test = Self::over(Arc::clone(&self.store), &database.0)?;
        test.hub.init().await?;
        Ok(test)
    }

    /// Another hub over the same store and database.
    pub(crate) fn another(&self) -> Outcome<Self> {
        Self::over(Arc::clone(&self.store), &self.database)
    }

    fn over(store: Store, database: &Arc<dyn Database>) -> Outcome<Self> {
        let config = HubConfig::default();
        let hub = Hub::with(config, Arc::clone(&store), Arc::clone(database))?;
        Ok(Self {
            hub,
            store,
            database: Arc::clone(database),
            request: LoadRequest::at(NOON.parse()?),
        })
    }

    /// Another hub over the same store and database, with another window.
    pub(crate) fn with_window(&self, window: WindowConfig) -> Outcome<Self> {
        let config = HubConfig {
            window,
            ..HubConfig::default()
        };
        let hub = Hub::with(config, Arc::clone(&self.store), Arc::clone(&self.database))?;
        Ok(Self {
            hub,
            store: Arc::clone(&self.store),
            database: Arc::clone(&self.database),
            request: self.request.clone(),
        })
    }

    /// A hub over the same store with a database of its own in a folder.
    pub(crate) async fn in_another_folder(&self, folder: &Path) -> Outcome<Self> {
        self.with_database(&HubDatabase::sqlite(folder)).await
    }

    /// A hub over another store and the same database.
    pub(crate) fn with_store(&self, store: Store) -> Outcome<Self> {
        Self::over(store, &self.database)
    }

    /// Changes rows of a site, as a service does.
    ///
    /// # Errors
    /// If a rule forbids it, or a failure of the database.
    pub async fn change(&self, site: &TestSite, sql: &str) -> Outcome {
        let database = &self.database;
        let mut write = database
            .begin_write(site.name(), site.dataset(), "admin/lan")
            .await?;
        let id = [causeway_shared::value::Type::Int];
        write
            .query(&format!("{sql} RETURNING id"), &[], &id)
            .await?;
        Ok(write.commit().await?)
    }

    /// Inserts a sale into a [`SHOP`]. Returns the key that it was given.
    pub(crate) async fn sell(&self, site: &TestSite, day: &str, slot: &str) -> Outcome<i64> {
        let sale = site.dataset().table("sale").ok_or("no such table")?;
        self.hub.ensure_keys(self.request.now).await?;
        let write = self
            .database
            .begin_write(site.name(), site.dataset(), "lan");
        let mut write = write.await?;
        let values = [
            (1, Value::Date(day.parse()?)),
            (2, Value::Text(slot.to_owned().into())),
        ];
        let row = write.insert(sale, &values).await?;
        write.commit().await?;
        match row[0] {
            Value::Int(id) => Ok(id),
            ref other => Err(format!("{other:?} is no id").into()),
        }
    }

    /// Takes what waits of a site to the store.
    pub(crate) async fn flush(&self, site: &TestSite) -> Outcome<crate::sync::Flushed> {
        Ok(self.hub.flush_site(site.name(), self.request.now).await?)
    }

    /// Takes what waits of a site to the store. Returns how many rows of the journal.
    ///
    /// # Errors
    /// A failure of store or database.
    pub async fn flush_rows(&self, site: &TestSite) -> Outcome<u64> {
        Ok(self.flush(site).await?.edits)
    }

    /// Makes its database the owner of every site's edits.
    ///
    /// # Errors
    /// A failure of store or database.
    pub async fn take_over(&self) -> Outcome {
        self.hub.take_over(None, self.request.now).await?;
        Ok(())
    }

    /// What `verify` finds.
    ///
    /// # Errors
    /// A failure of store or database.
    pub async fn differences(&self) -> Outcome<Vec<String>> {
        let found = self.verify(false).await?.differences;
        Ok(found.iter().map(|found| found.what.clone()).collect())
    }

    /// The ids of the rows that bear the clash mark.
    pub(crate) async fn marked(&self, site: &TestSite, table: &Table) -> Outcome<Vec<String>> {
        let sql = format!(
            "SELECT id FROM {} WHERE causeway_clash ORDER BY id",
            table.name
        );
        let id = [causeway_shared::value::Type::Int];
        let query = Query {
            sql: sql.into(),
            parameters: Vec::new(),
            types: id.to_vec(),
        };
        let nothing = BTreeSet::new();
        let found = self.database.query(site.name(), &[query], &nothing).await?;
        let ids = found.into_iter().flatten().flatten().flatten();
        Ok(ids
            .map(|id| match id {
                causeway_shared::value::Value::Int(id) => id.to_string(),
                other => format!("{other:?}"),
            })
            .collect())
    }

    /// Asks for these dates beside the window from the next load on, and for no others.
    pub fn ask_for(&mut self, dates: &[Date]) {
        self.request.dates = dates.iter().copied().map(DateRange::day).collect();
    }

    /// Compares the database with the store.
    pub(crate) async fn verify(&self, repair: bool) -> Outcome<VerifyReport> {
        let request = VerifyRequest {
            now: self.request.now,
            site: None,
            repair,
        };
        Ok(self.hub.verify(&request).await?)
    }

    /// Loads again all that is loaded of the only site, and takes out what no load has brought.
    pub(crate) async fn repair(&self) -> Outcome {
        let state = self
            .hub
            .states(None)
            .await?
            .pop()
            .ok_or("there is no site")?;
        let repair = Repair {
            again: self
                .database
                .stored(&state.site)
                .await?
                .loaded
                .into_keys()
                .collect(),
            remove_strays: true,
        };
        let wanted = self.hub.wanted(&self.request).await?;
        let now = self.request.now;
        let loaded = self.hub.load_site(&state, &wanted, now, &repair).await;
        match loaded.and_then(|loaded| loaded.error) {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Loads the window of all sites.
    pub(crate) async fn load(&self) -> Outcome<LoadReport> {
        Ok(self.hub.load(&self.request).await?)
    }

    /// Loads the window of the only site. Returns how many rows were inserted.
    ///
    /// # Errors
    /// Its error, or if there is more than one site.
    pub async fn load_rows(&self) -> Outcome<u64> {
        Ok(self.load_one().await?.rows.inserted)
    }

    /// Loads the window of all sites.
    ///
    /// # Errors
    /// The first error of a site.
    pub async fn load_all(&self) -> Outcome {
        let sites = self.load().await?.sites;
        match sites.into_iter().find_map(|site| site.error) {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Loads the window of the only site, without an error.
    pub(crate) async fn load_one(&self) -> Outcome<SiteLoaded> {
        let mut sites = self.load().await?.sites;
        match (sites.pop(), sites.len()) {
            (
                Some(SiteLoaded {
                    error: Some(error), ..
                }),
                _,
            ) => Err(error.into()),
            (Some(loaded), 0) => Ok(loaded),
            (other, _) => Err(format!("not one site but {other:?} and {sites:?}").into()),
        }
    }

    /// All loaded rows of a table as canonical records, each behind the part that it is in, by
    /// part and key.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn rows(&self, site: &TestSite, table: &str) -> Outcome<Vec<String>> {
        use causeway_shared::canonical_csv::write_record;
        use futures_util::StreamExt as _;
        let declared = site.dataset().table(table).ok_or("no such table")?;
        let stored = self.database.stored(site.name()).await?;
        let mut rows = Vec::new();
        for (name, part) in stored.loaded.keys() {
            if name.as_str() != table {
                continue;
            }
            let mut batches = self.database.rows(site.name(), declared, *part).await?;
            while let Some(batch) = batches.next().await {
                for row in batch? {
                    let mut record = Vec::new();
                    write_record(&row, &mut record);
                    let record = String::from_utf8(record)?;
                    rows.push(format!("{part} {}", record.trim_end_matches('\n')));
                }
            }
        }
        Ok(rows)
    }
}
