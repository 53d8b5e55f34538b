//! The upload of objects: several at once, none that is there already. The store itself keeps to the
//! configured bandwidth.

use std::path::{Path, PathBuf};
use std::time::Duration;

use causeway_shared::ids::{Md5, SiteName};
use causeway_shared::layout::{LogKey, WhichLog};
use causeway_shared::object::contents;
use causeway_shared::store::{Body, Store, StoreError, Version};
use jiff::{SignedDuration, Timestamp};

use crate::agent::blocking;
use crate::error::AgentError;
use crate::scan::ObjectId;
use crate::source::gate::file_md5;

/// An object that waits in the spool.
#[derive(Debug, Clone)]
pub(crate) struct SpooledObject {
    /// What it holds.
    pub object: ObjectId,
    pub path: PathBuf,
    pub bytes: u64,
}

/// Sends objects of one site.
#[derive(Debug)]
pub(crate) struct Uploader {
    store: Store,
    site: SiteName,
    /// A vacuum may soon delete an object written before this.
    stale: Timestamp,
}

/// An object that is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// What it holds.
    pub object: ObjectId,
    /// Its size in bytes as it lies there.
    pub bytes: u64,
    /// The bytes sent for it; 0 where it was there.
    pub sent: u64,
}

/// An object that no commit names and that was written before this is written again: half of `keep`,
/// the time for which a vacuum spares it, has passed.
pub(crate) fn stale_before(keep: Duration, now: Timestamp) -> Timestamp {
    let half = SignedDuration::try_from(keep / 2).unwrap_or(SignedDuration::MAX);
    now.checked_sub(half).unwrap_or(Timestamp::MIN)
}

impl Uploader {
    /// `keep` is how long a vacuum spares what nothing names.
    #[must_use]
    pub(crate) fn new(store: Store, site: SiteName, keep: Duration, now: Timestamp) -> Self {
        Self {
            store,
            site,
            stale: stale_before(keep, now),
        }
    }

    /// Makes sure that an object is in the store, whole, and that no vacuum deletes it soon.
    ///
    /// One that is there already stays if it has the MD5 in its key, whoever wrote it. Where size and
    /// version do not prove that, its content is read.
    ///
    /// # Errors
    /// [`AgentError::Store`], naming the key.
    pub(crate) async fn deliver(
        &self,
        spooled_object: SpooledObject,
    ) -> Result<Delivered, AgentError> {
        let (table, part, md5) = spooled_object.object.clone();
        let key = LogKey::Object(table, part, md5).of(WhichLog::Agent, &self.site);
        self.deliver_to(&key, &spooled_object)
            .await
            .map_err(|source| AgentError::Store {
                site: self.site.clone(),
                source,
            })
    }

    async fn deliver_to(
        &self,
        key: &str,
        spooled_object: &SpooledObject,
    ) -> Result<Delivered, StoreError> {
        let sent = Delivered {
            object: spooled_object.object.clone(),
            bytes: spooled_object.bytes,
            sent: spooled_object.bytes,
        };
        match self
            .store
            .create(key, Body::File(spooled_object.path.clone()))
            .await
        {
            Ok(_) => return Ok(sent),
            Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(error),
        }
        match self.found_whole(key, spooled_object).await? {
            Some(bytes) => Ok(Delivered {
                bytes,
                sent: 0,
                ..sent
            }),
            None => {
                self.store
                    .put(key, Body::File(spooled_object.path.clone()))
                    .await?;
                Ok(sent)
            }
        }
    }

    /// The size of the object there, if it may stay as it is.
    async fn found_whole(
        &self,
        key: &str,
        spooled_object: &SpooledObject,
    ) -> Result<Option<u64>, StoreError> {
        let meta = match self.store.head(key).await {
            Ok(meta) => meta,
            // It was deleted after it refused the write.
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if meta.modified < self.stale {
            return Ok(None);
        }
        if meta.bytes == spooled_object.bytes
            && is_md5_of(&meta.version, &spooled_object.path).await
        {
            return Ok(Some(meta.bytes));
        }
        match contents(&*self.store, key).await {
            Ok(read) => Ok(read
                .filter(|read| read.md5 == spooled_object.object.2)
                .map(|read| read.bytes)),
            Err(StoreError::NotFound { .. } | StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether a version proves that the object has a file's bytes. S3's version is the MD5 of a body
/// that was sent in one piece and without KMS; any other proves nothing.
async fn is_md5_of(version: &Version, path: &Path) -> bool {
    let path = path.to_owned();
    let stated = Md5::new(version.0.trim_matches('"'));
    match stated {
        Ok(stated) => {
            matches!(blocking(move || file_md5(&path)).await, Ok(Ok(md5)) if md5 == stated)
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causeway_shared::ids::{Name, Part};
    use causeway_shared::store::memory::MemoryStore;
    use causeway_shared::store::{ObjectStore, RequestCounts};
    use tempfile::NamedTempFile;

    use super::*;

    const CSV: &[u8] = b"a\n1\n";

    /// Delivers one object to a store whose clock stands 100 s before now and where vacuum spares
    /// objects for `keep` seconds, after `before` was written to its key.
    async fn delivered(before: Option<&[u8]>, keep: u64) -> (Delivered, RequestCounts) {
        let store = Arc::new(MemoryStore::new());
        let (table, part) = (Name::new("t").unwrap(), Part::new("b=0of1").unwrap());
        let object = (table.clone(), part, Md5::of(CSV));
        let site = SiteName::new("a").unwrap();
        if let Some(bytes) = before {
            let key = LogKey::Object(table, part, Md5::of(CSV)).of(WhichLog::Agent, &site);
            store.put(&key, bytes.to_vec().into()).await.unwrap();
        }
        let earlier = store.requests();
        let file = NamedTempFile::new().unwrap();
        let compressed = zstd::bulk::compress(CSV, 3).unwrap();
        std::fs::write(file.path(), &compressed).unwrap();
        let spooled_object = SpooledObject {
            object,
            path: file.path().into(),
            bytes: compressed.len() as u64,
        };
        let now = Timestamp::from_second(100).unwrap();
        let uploader = Uploader::new(
            Arc::clone(&store) as Store,
            site,
            Duration::from_secs(keep),
            now,
        );
        let delivered = uploader.deliver(spooled_object).await.unwrap();
        (delivered, store.requests().since(&earlier))
    }

    fn counts(put: u64, head: u64, get: u64) -> RequestCounts {
        RequestCounts {
            put,
            head,
            get,
            ..RequestCounts::default()
        }
    }

    #[tokio::test]
    async fn a_new_object_costs_one_request() {
        let (delivered, requests) = delivered(None, 1_000).await;
        assert_eq!(delivered.sent, delivered.bytes);
        assert_eq!(requests, counts(1, 0, 0));
    }

    #[tokio::test]
    async fn what_is_there_stays() {
        let there = zstd::bulk::compress(CSV, 3).unwrap();
        let (delivered, requests) = delivered(Some(&there), 1_000).await;
        assert_eq!((delivered.sent, requests), (0, counts(1, 1, 1)));
    }

    #[tokio::test]
    async fn of_the_same_size_its_content_decides_as_well() {
        let mut there = zstd::bulk::compress(CSV, 3).unwrap();
        let last = there.len() - 1;
        there[last] ^= 1;
        let (delivered, requests) = delivered(Some(&there), 1_000).await;
        assert_eq!(
            (delivered.sent, requests),
            (there.len() as u64, counts(2, 1, 1))
        );
    }

    #[tokio::test]
    async fn a_version_that_is_the_md5_proves_the_content() {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), CSV).unwrap();
        let proves = async |version: String| is_md5_of(&Version(version), file.path()).await;
        assert!(proves(format!("\"{}\"", Md5::of(CSV))).await);
        assert!(!proves(format!("\"{}\"", Md5::of(b"a"))).await);
        assert!(!proves(format!("\"{}-2\"", Md5::of(CSV))).await);
    }

    #[tokio::test]
    async fn of_another_size_its_content_decides() {
        let mut there = zstd::bulk::compress(CSV, 3).unwrap();
        there.extend(zstd::bulk::compress(b"", 3).unwrap());
        let (same, requests) = delivered(Some(&there), 1_000).await;
        assert_eq!((same.sent, same.bytes), (0, there.len() as u64));
        assert_eq!(requests, counts(1, 1, 1));
        let (damaged, requests) = delivered(Some(b"half"), 1_000).await;
        assert_ne!(damaged.sent, 0);
        assert_eq!(requests, counts(2, 1, 1));
    }

    #[tokio::test]
    async fn what_a_vacuum_may_take_is_written_again() {
        let there = zstd::bulk::compress(CSV, 3).unwrap();
        let (delivered, requests) = delivered(Some(&there), 100).await;
        assert_ne!(delivered.sent, 0);
        assert_eq!(requests, counts(2, 1, 0));
    }
}
