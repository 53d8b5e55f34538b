//! A store that stops at a call which a test chooses: the process is killed there, or others do
//! something meanwhile.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use causeway_shared::store::{
    Body, Fetched, ListPage, ObjectMeta, ObjectStore, RequestCounts, Store, StoreError, Version,
};
use tokio::sync::Semaphore;

/// Where a call is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stop {
    /// Calls are counted from 1.
    pub(crate) call: u64,
    /// Whether it has done its work by then.
    pub(crate) is_done: bool,
}

pub(crate) struct PausingStore {
    inner: Store,
    stop: Stop,
    calls: AtomicU64,
    reached: Semaphore,
    go: Semaphore,
}

impl PausingStore {
    pub(crate) fn new(inner: Store, stop: Stop) -> Self {
        Self {
            inner,
            stop,
            calls: AtomicU64::new(0),
            reached: Semaphore::new(0),
            go: Semaphore::new(0),
        }
    }

    /// Waits until somebody has come to the call that is stopped.
    pub(crate) async fn reached(&self) {
        drop(self.reached.acquire().await);
    }

    /// Lets the call that was stopped go on.
    pub(crate) fn go_on(&self) {
        self.go.add_permits(1);
    }

    async fn run<T>(&self, call: impl Future<Output = T>) -> T {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if number != self.stop.call {
            return call.await;
        }
        if self.stop.is_done {
            let answer = call.await;
            self.pause().await;
            return answer;
        }
        self.pause().await;
        call.await
    }

    async fn pause(&self) {
        self.reached.add_permits(1);
        drop(self.go.acquire().await);
    }
}

impl fmt::Debug for PausingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PausingStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl ObjectStore for PausingStore {
    async fn get(&self, key: &str) -> Result<Fetched, StoreError> {
        self.run(self.inner.get(key)).await
    }

    async fn get_if_changed(
        &self,
        key: &str,
        version: &Version,
    ) -> Result<Option<Fetched>, StoreError> {
        self.run(self.inner.get_if_changed(key, version)).await
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        self.run(self.inner.head(key)).await
    }

    async fn create(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        self.run(self.inner.create(key, body)).await
    }

    async fn put(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        self.run(self.inner.put(key, body)).await
    }

    async fn replace(&self, key: &str, body: Body, was: &Version) -> Result<Version, StoreError> {
        self.run(self.inner.replace(key, body, was)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.run(self.inner.delete(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<ListPage, StoreError> {
        self.run(self.inner.list(prefix, after)).await
    }

    fn requests(&self) -> RequestCounts {
        self.inner.requests()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}
