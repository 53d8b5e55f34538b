//! A site that commits whatever it is told to.

use std::sync::Arc;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{
    Change, Commit, FORMAT, Head, NoLookups, Now, PartitionObject, Writer,
};
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Md5, Name, Part, SiteName};
use causeway_shared::layout::{LogKey, WhichLog};
use causeway_shared::log::{Appended, SiteLog};
use causeway_shared::store::Store;
use causeway_shared::summary::Summary;
use jiff::Timestamp;

use super::{Outcome, SHOP};
use crate::edits::RowMerge;

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
