//! A store that breaks one promise on purpose: for tests of what notices it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::{
    Body, Fetched, ListPage, ObjectMeta, ObjectStore, RequestCounts, Store, StoreError, Version,
};

/// Which promise is broken, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Creates look before they write, and others may write in between.
    CreatesRace,
    /// Creates are plain writes: `If-None-Match` is ignored.
    CreatesOverwrite,
    /// Replacements are plain writes: `If-Match` is ignored.
    ReplacesAnyVersion,
    /// Replacements of a key that is not there are taken.
    ReplacesNothing,
    /// Replacements are always refused.
    ReplacesNever,
    /// Conditional writes are not implemented.
    NoConditions,
    /// Writes are answered and lost.
    LosesWrites,
    /// A key is read as it was when it was read first.
    ReadsOldBodies,
    /// Listings show nothing.
    ListsNothing,
    /// Removals do nothing.
    KeepsRemoved,
    /// Removals are refused, as to a writer without the right: no flaw of the store's.
    RefusesRemovals,
}

/// Wraps a store that keeps its promises.
#[derive(Debug)]
pub struct BreakingStore {
    inner: Store,
    flaw: Flaw,
    first_read: Mutex<HashMap<String, (ObjectMeta, Vec<u8>)>>,
}

/// How often others get a turn between a look and the write after it.
const TURNS: u32 = 50;

impl BreakingStore {
    /// `inner`, less one promise.
    #[must_use]
    pub fn new(inner: Store, flaw: Flaw) -> Self {
        Self {
            inner,
            flaw,
            first_read: Mutex::default(),
        }
    }

    fn not_implemented(key: &str) -> StoreError {
        StoreError::Refused {
            action: "write",
            key: key.to_owned(),
            detail: "501 NotImplemented".to_owned(),
        }
    }

    async fn read_first(&self, key: &str) -> Result<Fetched, StoreError> {
        let lock = || {
            self.first_read
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let known = lock().get(key).cloned();
        let (meta, body) = match known {
            Some(known) => known,
            None => {
                let fetched = self.inner.get(key).await?;
                let meta = fetched.meta.clone();
                let read = (meta, fetched.bytes(u64::MAX).await?);
                lock().insert(key.to_owned(), read.clone());
                read
            }
        };
        let body = stream::iter([Ok(Bytes::from(body))]).boxed();
        Ok(Fetched { meta, body })
    }
}

#[async_trait]
impl ObjectStore for BreakingStore {
    async fn get(&self, key: &str) -> Result<Fetched, StoreError> {
        match self.flaw {
            Flaw::ReadsOldBodies => self.read_first(key).await,
            _ => self.inner.get(key).await,
        }
    }

    async fn get_if_changed(
        &self,
        key: &str,
        version: &Version,
    ) -> Result<Option<Fetched>, StoreError> {
        self.inner.get_if_changed(key, version).await
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        self.inner.head(key).await
    }

    async fn create(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        match self.flaw {
            Flaw::CreatesRace => match self.inner.head(key).await {
                Err(StoreError::NotFound { .. }) => {
                    for _ in 0..TURNS {
                        tokio::task::yield_now().await;
                    }
                    self.inner.put(key, body).await
                }
                _ => self.inner.create(key, body).await,
            },
            Flaw::CreatesOverwrite => self.inner.put(key, body).await,
            Flaw::NoConditions => Err(Self::not_implemented(key)),
            Flaw::LosesWrites => Ok(Version("lost".to_owned())),
            _ => self.inner.create(key, body).await,
        }
    }

    async fn put(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        match self.flaw {
            Flaw::LosesWrites => Ok(Version("lost".to_owned())),
            _ => self.inner.put(key, body).await,
        }
    }

    async fn replace(&self, key: &str, body: Body, was: &Version) -> Result<Version, StoreError> {
        let is_there = !matches!(self.inner.head(key).await, Err(StoreError::NotFound { .. }));
        match self.flaw {
            Flaw::ReplacesAnyVersion if is_there => self.inner.put(key, body).await,
            Flaw::ReplacesNothing if !is_there => self.inner.put(key, body).await,
            Flaw::ReplacesNever => Err(StoreError::Changed {
                key: key.to_owned(),
            }),
            Flaw::NoConditions => Err(Self::not_implemented(key)),
            _ => self.inner.replace(key, body, was).await,
        }
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match self.flaw {
            Flaw::KeepsRemoved => Ok(()),
            Flaw::RefusesRemovals => Err(StoreError::Refused {
                action: "removal",
                key: key.to_owned(),
                detail: "403 AccessDenied".to_owned(),
            }),
            _ => self.inner.delete(key).await,
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<ListPage, StoreError> {
        match self.flaw {
            Flaw::ListsNothing => Ok(ListPage {
                objects: Vec::new(),
                next: None,
            }),
            _ => self.inner.list(prefix, after).await,
        }
    }

    async fn is_blank(&self) -> Result<bool, StoreError> {
        self.inner.is_blank().await
    }

    fn requests(&self) -> RequestCounts {
        self.inner.requests()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}
