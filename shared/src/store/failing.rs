//! A store that fails on purpose, at a step that a test chooses: for crashes, lost answers and
//! outages.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use super::{
    Body, Fetched, ListPage, ObjectMeta, ObjectStore, RequestCounts, Store, StoreError, Version,
};

/// Which calls fail, and how. Calls are numbered from 1, in the order in which they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This call and all after it fail, and none of them reaches the store: the process or its
    /// network died just before it.
    StopAt(u64),
    /// This call does its work, but its answer is lost: the caller sees a failure. From the next
    /// one on all is well.
    LoseAnswerAt(u64),
    /// As [`LoseAnswerAt`](Self::LoseAnswerAt), and nothing works afterwards: the process died
    /// just after it.
    StopAfter(u64),
    /// This call fails and does not reach the store; the next one is well.
    UnavailableAt(u64),
    /// The first write to a key that contains this text does its work, but its answer is lost.
    LoseFirstWriteOf(&'static str),
    /// Every write to a key that contains this text does its work, and its answer is lost.
    LoseWritesOf(&'static str),
    /// No write to a key that contains this text reaches the store.
    RefuseWritesOf(&'static str),
    /// Somebody else writes the same right before every write to a key that contains this text.
    BeatWritesOf(&'static str),
}

/// Wraps a store and lets some of its calls fail. The same plan fails the same calls.
pub struct FailingStore {
    inner: Store,
    faults: Vec<Fault>,
    /// Calls for keys that contain this are neither counted nor failed.
    left_out: Option<&'static str>,
    calls: AtomicU64,
    failures: AtomicU64,
    named_writes: AtomicU64,
    in_flight: AtomicU64,
    most_in_flight: AtomicU64,
}

/// What is to happen to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Pass,
    Refuse,
    LoseAnswer,
    /// Somebody else was first, with the same.
    Beat,
}

impl FailingStore {
    /// Lets calls of `inner` fail as `faults` say.
    #[must_use]
    pub fn new(inner: Store, faults: impl IntoIterator<Item = Fault>) -> Self {
        Self {
            inner,
            faults: faults.into_iter().collect(),
            left_out: None,
            calls: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            named_writes: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            most_in_flight: AtomicU64::new(0),
        }
    }

    /// Neither counts nor fails calls for keys that contain this text.
    #[must_use]
    pub fn leave_out(mut self, part: &'static str) -> Self {
        self.left_out = Some(part);
        self
    }

    /// How many calls were made. A test that fails each of them in turn ends when a run makes
    /// fewer calls than the step it chose.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// How many calls were made to fail.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// How many calls were under way at once when most were.
    #[must_use]
    pub fn most_in_flight(&self) -> u64 {
        self.most_in_flight.load(Ordering::Relaxed)
    }

    async fn run<T>(
        &self,
        action: &'static str,
        key: &str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if self.left_out.is_some_and(|part| key.contains(part)) {
            return call.await;
        }
        let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_in_flight.fetch_max(in_flight, Ordering::Relaxed);
        // An answer takes time, in which others may be asked for.
        tokio::task::yield_now().await;
        let outcome = self.decided(action, key, call).await;
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        outcome
    }

    async fn decided<T>(
        &self,
        action: &'static str,
        key: &str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        match self.fate(number, action, key) {
            Fate::Pass => return call.await,
            Fate::Refuse => {}
            // A refusal is lost as well.
            Fate::LoseAnswer => drop(call.await),
            Fate::Beat => {
                drop(call.await);
                let key = key.to_owned();
                return Err(StoreError::AlreadyExists { key });
            }
        }
        self.failures.fetch_add(1, Ordering::Relaxed);
        Err(StoreError::Unavailable {
            action,
            key: key.to_owned(),
            detail: format!("call {number} was made to fail"),
            source: None,
        })
    }

    fn fate(&self, number: u64, action: &'static str, key: &str) -> Fate {
        let fates = self.faults.iter().map(|fault| match *fault {
            Fault::StopAt(step) if number >= step => Fate::Refuse,
            Fault::StopAfter(step) if number > step => Fate::Refuse,
            Fault::UnavailableAt(step) if number == step => Fate::Refuse,
            Fault::LoseAnswerAt(step) | Fault::StopAfter(step) if number == step => {
                Fate::LoseAnswer
            }
            Fault::LoseFirstWriteOf(part) if action == "write" && key.contains(part) => {
                match self.named_writes.fetch_add(1, Ordering::Relaxed) {
                    0 => Fate::LoseAnswer,
                    _ => Fate::Pass,
                }
            }
            Fault::LoseWritesOf(part) if action == "write" && key.contains(part) => {
                Fate::LoseAnswer
            }
            Fault::RefuseWritesOf(part) if action == "write" && key.contains(part) => Fate::Refuse,
            Fault::BeatWritesOf(part) if action == "write" && key.contains(part) => Fate::Beat,
            _ => Fate::Pass,
        });
        fates
            .max_by_key(|fate| match fate {
                Fate::Pass => 0,
                Fate::Beat => 1,
                Fate::LoseAnswer => 2,
                Fate::Refuse => 3,
            })
            .unwrap_or(Fate::Pass)
    }
}

impl fmt::Debug for FailingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailingStore")
            .field("inner", &self.inner)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ObjectStore for FailingStore {
    async fn get(&self, key: &str) -> Result<Fetched, StoreError> {
        self.run("read", key, self.inner.get(key)).await
    }

    async fn get_if_changed(
        &self,
        key: &str,
        version: &Version,
    ) -> Result<Option<Fetched>, StoreError> {
        self.run("read", key, self.inner.get_if_changed(key, version))
            .await
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        self.run("look-up", key, self.inner.head(key)).await
    }

    async fn create(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        self.run("write", key, self.inner.create(key, body)).await
    }

    async fn put(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        self.run("write", key, self.inner.put(key, body)).await
    }

    async fn replace(&self, key: &str, body: Body, was: &Version) -> Result<Version, StoreError> {
        self.run("write", key, self.inner.replace(key, body, was))
            .await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.run("removal", key, self.inner.delete(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<ListPage, StoreError> {
        self.run("listing", prefix, self.inner.list(prefix, after))
            .await
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use super::super::memory::MemoryStore;
    use super::*;

    fn failing(fault: Fault) -> (FailingStore, Store) {
        let inner: Store = Arc::new(MemoryStore::new());
        (FailingStore::new(Arc::clone(&inner), [fault]), inner)
    }

    async fn write_three(store: &FailingStore) -> [bool; 3] {
        let mut written = [false; 3];
        for (n, written) in written.iter_mut().enumerate() {
            *written = store.put(&format!("k{n}"), vec![0].into()).await.is_ok();
        }
        written
    }

    async fn keys(store: &Store) -> Vec<String> {
        store
            .list("", None)
            .await
            .unwrap()
            .objects
            .into_iter()
            .map(|object| object.key)
            .collect()
    }

    #[tokio::test]
    async fn stopped_nothing_reaches_the_store() {
        let (store, inner) = failing(Fault::StopAt(2));
        assert_eq!(write_three(&store).await, [true, false, false]);
        assert_eq!(keys(&inner).await, ["k0"]);
        assert_eq!((store.calls(), store.failures()), (3, 2));
    }

    #[tokio::test]
    async fn a_lost_answer_hides_a_write_that_happened() {
        let (store, inner) = failing(Fault::LoseAnswerAt(2));
        assert_eq!(write_three(&store).await, [true, false, true]);
        assert_eq!(keys(&inner).await, ["k0", "k1", "k2"]);
    }

    #[tokio::test]
    async fn stopped_after_a_write_it_is_the_last() {
        let (store, inner) = failing(Fault::StopAfter(2));
        assert_eq!(write_three(&store).await, [true, false, false]);
        assert_eq!(keys(&inner).await, ["k0", "k1"]);
    }

    #[tokio::test]
    async fn an_outage_passes() {
        let (store, inner) = failing(Fault::UnavailableAt(1));
        assert_eq!(write_three(&store).await, [false, true, true]);
        assert_eq!(keys(&inner).await, ["k1", "k2"]);
    }

    #[tokio::test]
    async fn a_named_write_loses_its_answer_once() {
        let (store, inner) = failing(Fault::LoseFirstWriteOf("k1"));
        assert_eq!(write_three(&store).await, [true, false, true]);
        assert_eq!(write_three(&store).await, [true, true, true]);
        assert_eq!(keys(&inner).await.len(), 3);
    }
}
