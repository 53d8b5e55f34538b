//! A site's log: read it, append to it, keep its checkpoints.
//!
//! # Order of writes, and what a crash leaves
//! 1. The dataset and the objects that a commit names. A crash leaves objects that no commit
//!    names; the next cycle finds and uses them.
//! 2. The commit, create-only: from here on every reader sees the change, whole.
//! 3. The checkpoint, when due. A crash leaves it out; the next due commit writes one.
//! 4. `latest.json`. A crash leaves an older hint, from which a reader only replays more commits.

mod checkpoints;
mod error;

use crate::catalog::Catalog;
use crate::commit::{Commit, FormatError, Latest, MAX_BYTES, MAX_HINT_BYTES, decode, encode};
use crate::dataset::{self, Dataset, DatasetError};
use crate::ids::{Md5, Seq, SiteName};
use crate::layout::{self, SiteKey};
use crate::limits;
use crate::store::{Store, StoreError};

pub use error::LogError;

/// Compression of checkpoints and objects: zstd's default, good for text at little cost.
pub const ZSTD_LEVEL: i32 = 3;

/// The log of one site.
#[derive(Debug, Clone)]
pub struct SiteLog {
    store: Store,
    site: SiteName,
}

/// What a small object turns out to be.
enum Read {
    Whole(Vec<u8>),
    Missing,
    /// Longer than its kind may be.
    TooLong,
}

/// What became of an appended commit.
#[derive(Debug)]
pub enum Appended {
    /// It is in the log.
    Written,
    /// That number is taken, by this commit.
    Taken(Box<Commit>),
}

impl SiteLog {
    /// The log of a site in a store.
    #[must_use]
    pub fn new(store: Store, site: SiteName) -> Self {
        Self { store, site }
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &SiteName {
        &self.site
    }

    /// The store that the log lies in.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Reads commit n; `None` where there is none.
    ///
    /// # Errors
    /// [`LogError`], naming the key, when it is there but cannot be used.
    pub async fn commit(&self, seq: Seq) -> Result<Option<Commit>, LogError> {
        let key = SiteKey::Commit(seq).of(&self.site);
        let Some(commit) = self.object::<Commit>(&key, MAX_BYTES, decode).await? else {
            return Ok(None);
        };
        if commit.seq == seq && commit.site == self.site {
            return Ok(Some(commit));
        }
        Err(self.misplaced(key, format!("commit {} of {}", commit.seq, commit.site)))
    }

    /// Writes a commit, create-only. Its objects and its dataset must be there already.
    ///
    /// # Errors
    /// A failure of the store: the commit may or may not be there, so ask for it before anything
    /// else is written.
    pub async fn append(&self, commit: &Commit) -> Result<Appended, LogError> {
        let key = SiteKey::Commit(commit.seq).of(&self.site);
        let bytes = encode(commit).map_err(|source| self.unwritable(&key, source))?;
        match self.store.create(&key, bytes.into()).await {
            Ok(_) => Ok(Appended::Written),
            Err(StoreError::AlreadyExists { .. }) => match self.commit(commit.seq).await? {
                Some(there) => Ok(Appended::Taken(Box::new(there))),
                None => Err(self.failed(StoreError::NotFound { key })),
            },
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Whether the log ends at a commit that was its last one before. One LIST tells.
    ///
    /// # Errors
    /// [`LogError::Lost`] where neither that commit nor a later one is there: following such a log
    /// would write a commit that nothing leads to. [`LogError::Blank`] where nothing else is there
    /// either.
    pub async fn ends_at(&self, seq: Seq) -> Result<bool, LogError> {
        let found = self.first_after(Seq(seq.0.saturating_sub(1))).await?;
        match found.as_slice() {
            [] => {
                let page = self.store.list("", None).await;
                let page = page.map_err(|source| self.failed(source))?;
                Err(if page.objects.is_empty() {
                    self.blank(seq)
                } else {
                    LogError::Lost {
                        site: self.site.clone(),
                        seq,
                        key: SiteKey::Commit(seq).of(&self.site),
                    }
                })
            }
            [only] => Ok(*only == seq),
            _ => Ok(false),
        }
    }

    /// The number of the last commit of the log, if one is later than `known`; reads neither commits
    /// nor checkpoints. One GET and one LIST tell.
    ///
    /// # Errors
    /// A failure of the store. A hint that is damaged is not needed.
    pub async fn head_after(&self, known: Seq) -> Result<Seq, LogError> {
        let key = SiteKey::Latest.of(&self.site);
        let hinted = match self.object::<Latest>(&key, MAX_HINT_BYTES, decode).await {
            Err(LogError::Damaged { .. }) => None,
            hinted => hinted?,
        };
        let mut head = hinted.map_or(known, |latest| latest.checkpoint.max(known));
        // A page holds more commits than lie between two checkpoints.
        while let Some(last) = self.first_after(head).await?.last() {
            head = *last;
        }
        Ok(head)
    }

    /// Makes sure, without a request, that a store which a commit was written to is not empty now:
    /// a disk that is not mounted is not to be written to.
    ///
    /// # Errors
    /// [`LogError::Blank`], or a failure of the store.
    pub async fn check_holds_something(&self, seq: Seq) -> Result<(), LogError> {
        match self.store.is_blank().await {
            Ok(false) => Ok(()),
            Ok(true) => Err(self.blank(seq)),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Brings a catalog to the head of the log: takes in commit after commit until there is none.
    ///
    /// `look_for_gap` asks the store once whether later commits are there all the same. A gap is
    /// bridged by a later checkpoint, if there is one.
    ///
    /// # Errors
    /// [`LogError`]; the catalog then stands at the last commit that could be taken in.
    pub async fn catch_up(
        &self,
        catalog: &mut Catalog,
        look_for_gap: bool,
    ) -> Result<(), LogError> {
        loop {
            let next = catalog.seq().next();
            match self.commit(next).await? {
                Some(commit) => catalog.apply(&commit),
                None if !look_for_gap => return Ok(()),
                None if self.pass(catalog, next).await? => {}
                None => return Ok(()),
            }
        }
    }

    /// Goes on past a commit that was not there when it was asked for; `false` where no later one
    /// is.
    async fn pass(&self, catalog: &mut Catalog, missing: Seq) -> Result<bool, LogError> {
        let Some(later) = self.first_after(missing).await?.first().copied() else {
            return Ok(false);
        };
        // Its writer may have written both meanwhile.
        if let Some(commit) = self.commit(missing).await? {
            catalog.apply(&commit);
            return Ok(true);
        }
        let Some(checkpoint) = self.newest_checkpoint(missing).await? else {
            return Err(self.gap(missing, later));
        };
        *catalog = checkpoint.into();
        Ok(true)
    }

    /// The catalog at the head of the log, from its newest usable checkpoint on.
    ///
    /// # Errors
    /// [`LogError`], naming the object that cannot be used.
    pub async fn load(&self) -> Result<Catalog, LogError> {
        let mut catalog = match self.hinted_checkpoint().await? {
            Some(checkpoint) => checkpoint.into(),
            None => match self.newest_checkpoint(Seq(1)).await? {
                Some(checkpoint) => checkpoint.into(),
                None => Catalog::empty(self.site.clone()),
            },
        };
        self.catch_up(&mut catalog, true).await?;
        Ok(catalog)
    }

    /// Reads a dataset that a commit names.
    ///
    /// # Errors
    /// [`LogError::Dataset`] where it is missing, damaged or not valid.
    pub async fn dataset(&self, md5: Md5) -> Result<Dataset, LogError> {
        let key = SiteKey::Dataset(md5).of(&self.site);
        let unusable = |detail: String| LogError::Dataset {
            site: self.site.clone(),
            key: key.clone(),
            detail,
        };
        let bytes = self.read(&key, dataset::MAX_BYTES as u64).await;
        let bytes = match bytes.map_err(|source| self.failed(source))? {
            Read::Whole(bytes) => bytes,
            Read::Missing => return Err(unusable("it is missing".into())),
            Read::TooLong => {
                let limit = dataset::MAX_BYTES;
                return Err(unusable(format!("it is longer than {limit} bytes")));
            }
        };
        if Md5::of(&bytes) != md5 {
            return Err(unusable("its bytes changed".into()));
        }
        Dataset::from_json(&bytes).map_err(|error: DatasetError| unusable(limits::cut(error)))
    }

    /// Writes a dataset, if it is not there.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn write_dataset(&self, dataset: &Dataset) -> Result<(), LogError> {
        let key = SiteKey::Dataset(dataset.md5()).of(&self.site);
        let body = dataset.canonical_json().as_bytes().to_vec().into();
        match self.store.create(&key, body).await {
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// The commits that are there after a number, in order, as many as a page of a listing holds.
    async fn first_after(&self, seq: Seq) -> Result<Vec<Seq>, LogError> {
        let prefix = layout::log_prefix(&self.site);
        let after = SiteKey::Commit(seq).of(&self.site);
        let page = self.store.list(&prefix, Some(&after)).await;
        let found = page.map_err(|source| self.failed(source))?.objects;
        let seq = |key: &str| match SiteKey::parse(key) {
            Some((_, SiteKey::Commit(seq))) => Some(seq),
            _ => None,
        };
        Ok(found.iter().filter_map(|object| seq(&object.key)).collect())
    }

    /// An object of the log; `None` where there is none.
    async fn object<T>(
        &self,
        key: &str,
        limit: u64,
        decode: fn(&[u8]) -> Result<T, FormatError>,
    ) -> Result<Option<T>, LogError> {
        let read = self.read(key, limit).await;
        match read.map_err(|source| self.failed(source))? {
            Read::Missing => Ok(None),
            Read::TooLong => Err(self.damaged(key, FormatError::Unbounded { limit })),
            Read::Whole(bytes) => {
                let decoded = decode(&bytes);
                decoded
                    .map(Some)
                    .map_err(|source| self.damaged(key, source))
            }
        }
    }

    async fn read(&self, key: &str, limit: u64) -> Result<Read, StoreError> {
        let read = match self.store.get(key).await {
            Ok(fetched) => fetched.bytes(limit).await,
            Err(error) => Err(error),
        };
        match read {
            Ok(bytes) => Ok(Read::Whole(bytes)),
            Err(StoreError::NotFound { .. }) => Ok(Read::Missing),
            Err(StoreError::TooLarge { .. }) => Ok(Read::TooLong),
            Err(error) => Err(error),
        }
    }

    fn failed(&self, source: StoreError) -> LogError {
        LogError::Store {
            site: self.site.clone(),
            source,
        }
    }

    fn damaged(&self, key: &str, source: FormatError) -> LogError {
        LogError::Damaged {
            site: self.site.clone(),
            key: key.to_owned(),
            source,
        }
    }

    fn unwritable(&self, key: &str, source: FormatError) -> LogError {
        LogError::Unwritable {
            site: self.site.clone(),
            key: key.to_owned(),
            source,
        }
    }

    fn misplaced(&self, key: String, found: String) -> LogError {
        LogError::Misplaced {
            site: self.site.clone(),
            key,
            found,
        }
    }

    fn blank(&self, seq: Seq) -> LogError {
        LogError::Blank {
            site: self.site.clone(),
            store: self.store.describe(),
            seq,
        }
    }

    fn gap(&self, missing: Seq, later: Seq) -> LogError {
        let key = SiteKey::Commit(missing).of(&self.site);
        LogError::Gap {
            site: self.site.clone(),
            missing,
            key,
            later,
        }
    }
}

#[cfg(test)]
mod tests;
