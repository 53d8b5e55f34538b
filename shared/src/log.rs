//! A site's log: read it, append to it, keep its checkpoints, vacuum it. The code is one for both
//! kinds of log: the agent's, and the log of edits.
//!
//! # Order of writes, and what a crash leaves
//! 1. The dataset and the objects that a commit names. A crash leaves objects that no commit
//!    names; the writer finds and uses them when it comes back, or a vacuum deletes them.
//! 2. The commit, create-only: from here on every reader sees the change, whole.
//! 3. The checkpoint, when due. A crash leaves it out; the next due commit writes one.
//! 4. `latest.json`. A crash leaves an older hint, from which a reader only replays more commits.

mod append;
mod checkpoints;
mod datasets;
mod error;
mod fence;
mod past;
mod replay;
mod retained;

use std::marker::PhantomData;

use crate::commit::{AgentLog, FormatError, LogKind};
use crate::ids::{Seq, SiteName};
use crate::layout::LogKey;
use crate::store::{Store, StoreError};

pub use append::Appended;
pub use error::LogError;
pub use fence::{Claim, claim};
pub use retained::Retained;

/// Compression of checkpoints and objects: zstd's default, good for text at little cost.
pub const ZSTD_LEVEL: i32 = 3;

/// A log of one site.
#[derive(Debug, Clone)]
pub struct SiteLog<K: LogKind = AgentLog> {
    store: Store,
    site: SiteName,
    kind: PhantomData<K>,
}

/// A small object as it was read.
enum SmallObject {
    Whole(Vec<u8>),
    Missing,
    /// Longer than its kind may be.
    TooLong,
}

impl SiteLog {
    /// The agent's log of a site in a store.
    #[must_use]
    pub fn new(store: Store, site: SiteName) -> Self {
        Self::of_kind(store, site)
    }
}

impl<K: LogKind> SiteLog<K> {
    /// The log of a kind of a site in a store.
    #[must_use]
    pub fn of_kind(store: Store, site: SiteName) -> Self {
        Self {
            store,
            site,
            kind: PhantomData,
        }
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

    /// Where one of its objects lies.
    #[must_use]
    pub fn key(&self, key: &LogKey) -> String {
        key.of(K::LOG, &self.site)
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
            SmallObject::Missing => Ok(None),
            SmallObject::TooLong => Err(self.damaged(key, FormatError::Unbounded { limit })),
            SmallObject::Whole(bytes) => {
                let decoded = decode(&bytes);
                decoded
                    .map(Some)
                    .map_err(|source| self.damaged(key, source))
            }
        }
    }

    async fn read(&self, key: &str, limit: u64) -> Result<SmallObject, StoreError> {
        let read = match self.store.get(key).await {
            Ok(fetched) => fetched.bytes(limit).await,
            Err(error) => Err(error),
        };
        match read {
            Ok(bytes) => Ok(SmallObject::Whole(bytes)),
            Err(StoreError::NotFound { .. }) => Ok(SmallObject::Missing),
            Err(StoreError::TooLarge { .. }) => Ok(SmallObject::TooLong),
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
            repair: K::REPAIR,
        }
    }

    fn lost(&self, seq: Seq) -> LogError {
        LogError::Lost {
            site: self.site.clone(),
            seq,
            key: self.key(&LogKey::Commit(seq)),
            repair: K::REPAIR,
            restart: K::RESTART,
        }
    }

    /// The error of a commit that is missing, though a later one is there.
    #[must_use]
    pub fn gap(&self, missing: Seq, later: Seq) -> LogError {
        LogError::Gap {
            site: self.site.clone(),
            missing,
            key: self.key(&LogKey::Commit(missing)),
            later,
            repair: K::REPAIR,
        }
    }
}

#[cfg(test)]
mod tests;
