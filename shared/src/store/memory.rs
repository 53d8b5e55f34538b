//! A store in this process's memory: for tests, with the semantics of the others.
//!
//! Its clock is a counter, so that what a test sees does not depend on when it runs.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};

use super::{
    Body, Counters, Fetched, ListPage, ObjectMeta, ObjectStore, Request, RequestCounts, StoreError,
    Version, key,
};

/// How much of a body one item of its stream holds.
const CHUNK_BYTES: usize = 256 * 1_024;
/// How many objects a page of a listing holds; S3's number.
const PAGE_OBJECTS: usize = 1_000;

/// An object store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    counters: Counters,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, StoredObject>,
    /// Writes so far: the next version, and what the clock adds to its start.
    writes: u32,
    /// What the clock began with; the Unix epoch unless a test sets it.
    clock_start: Timestamp,
}

#[derive(Debug, Clone)]
struct StoredObject {
    content: Bytes,
    version: Version,
    modified: Timestamp,
}

impl MemoryStore {
    /// An empty store, whose clock begins at the Unix epoch and moves 1 ms with every write.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the store's clock: the next write is a millisecond or more after `now`.
    pub fn set_clock(&self, now: Timestamp) {
        self.state().clock_start = now;
    }

    /// The state; a task that panicked while holding it left it whole, since every change to it
    /// is a single insertion or removal.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found(&self, key: &str) -> Result<StoredObject, StoreError> {
        let found = self.state().objects.get(key).cloned();
        found.ok_or_else(|| StoreError::NotFound {
            key: key.to_owned(),
        })
    }
}

impl State {
    fn write(&mut self, key: &str, content: Bytes) -> Version {
        self.writes += 1;
        let version = Version(format!("{:08x}", self.writes));
        let age = SignedDuration::from_millis(i64::from(self.writes));
        let modified = self
            .clock_start
            .saturating_add(age)
            .unwrap_or(self.clock_start);
        let object = StoredObject {
            content,
            version: version.clone(),
            modified,
        };
        self.objects.insert(key.to_owned(), object);
        version
    }
}

#[async_trait]
impl ObjectStore for MemoryStore {
    async fn get(&self, key: &str) -> Result<Fetched, StoreError> {
        key::check("read", key)?;
        self.counters.count(Request::Get);
        Ok(fetched(key, self.found(key)?))
    }

    async fn get_if_changed(
        &self,
        key: &str,
        version: &Version,
    ) -> Result<Option<Fetched>, StoreError> {
        let fetched = self.get(key).await?;
        Ok((fetched.meta.version != *version).then_some(fetched))
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        key::check("look-up", key)?;
        self.counters.count(Request::Head);
        Ok(meta(key, &self.found(key)?))
    }

    async fn create(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        key::check("write", key)?;
        let content = content(key, body).await?;
        self.counters.count(Request::Put);
        let mut state = self.state();
        if state.objects.contains_key(key) {
            return Err(StoreError::AlreadyExists {
                key: key.to_owned(),
            });
        }
        Ok(state.write(key, content))
    }

    async fn put(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        key::check("write", key)?;
        let content = content(key, body).await?;
        self.counters.count(Request::Put);
        Ok(self.state().write(key, content))
    }

    async fn replace(&self, key: &str, body: Body, was: &Version) -> Result<Version, StoreError> {
        key::check("write", key)?;
        let content = content(key, body).await?;
        self.counters.count(Request::Put);
        let mut state = self.state();
        if state
            .objects
            .get(key)
            .is_none_or(|object| object.version != *was)
        {
            return Err(StoreError::Changed {
                key: key.to_owned(),
            });
        }
        Ok(state.write(key, content))
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        key::check("removal", key)?;
        self.counters.count(Request::Delete);
        self.state().objects.remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<ListPage, StoreError> {
        key::check_prefix(prefix)?;
        self.counters.count(Request::List);
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let state = self.state();
        let mut matching = state
            .objects
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, object)| meta(key, object));
        let objects: Vec<_> = matching.by_ref().take(PAGE_OBJECTS).collect();
        let more = matching.next().is_some();
        let next = objects.last().filter(|_| more).map(|last| last.key.clone());
        Ok(ListPage { objects, next })
    }

    fn requests(&self) -> RequestCounts {
        self.counters.read()
    }

    fn describe(&self) -> String {
        "memory:".to_owned()
    }
}

async fn content(key: &str, body: Body) -> Result<Bytes, StoreError> {
    match body {
        Body::Bytes(bytes) => Ok(bytes),
        Body::File(path) => match tokio::fs::read(&path).await {
            Ok(content) => Ok(content.into()),
            Err(error) => Err(StoreError::Unavailable {
                action: "write",
                key: key.to_owned(),
                detail: format!("{} cannot be read", path.display()),
                source: Some(error.into()),
            }),
        },
    }
}

fn meta(key: &str, object: &StoredObject) -> ObjectMeta {
    ObjectMeta {
        key: key.to_owned(),
        bytes: object.content.len() as u64,
        version: object.version.clone(),
        modified: object.modified,
    }
}

fn fetched(key: &str, object: StoredObject) -> Fetched {
    let meta = meta(key, &object);
    let mut rest = object.content;
    let chunks = std::iter::from_fn(move || {
        let chunk = rest.split_to(rest.len().min(CHUNK_BYTES));
        (!chunk.is_empty()).then_some(Ok(chunk))
    });
    Fetched {
        meta,
        body: stream::iter(chunks).boxed(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::Store;

    crate::store_conformance!(async { (Arc::new(MemoryStore::new()) as Store, ()) });
}
