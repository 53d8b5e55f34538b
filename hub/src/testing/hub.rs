//! A hub over a store and a database of its own.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use causeway_shared::canonical_csv::write_record;
use causeway_shared::dataset::Table;
use causeway_shared::store::Store;
use causeway_shared::store::memory::MemoryStore;
use causeway_shared::value::{Type, Value};
use futures_util::StreamExt as _;
use jiff::civil::Date;

#[cfg(doc)]
use super::SHOP;
use super::{NOON, Outcome, TestSite};
use crate::config::{DatabaseConfig, HubConfig, WindowConfig};
use crate::db::postgres::PostgresDatabase;
use crate::db::sqlite::SqliteDatabase;
use crate::db::{Database, Query};
use crate::sync::{DateRange, Flushed, Hub, LoadReport, LoadRequest, Repair, SiteLoaded, Teller};
use crate::verify::{VerifyReport, VerifyRequest};

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
        let id = [Type::Int];
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
    pub(crate) async fn flush(&self, site: &TestSite) -> Outcome<Flushed> {
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
        let id = [Type::Int];
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
                Value::Int(id) => id.to_string(),
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
                .keys()
                .cloned()
                .collect(),
            remove_strays: true,
        };
        let wanted = self.hub.wanted(&self.request).await?;
        let now = self.request.now;
        let load = self
            .hub
            .load_site(Teller::Command, &state, &wanted, now, &repair);
        let loaded = load.await;
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
