//! The store of a running agent: each call is progress.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use causeway_shared::store::{
    Body, Fetched, ListPage, ObjectMeta, ObjectStore, RequestCounts, Store, StoreError, Version,
};

use super::{Allowance, Watchdog};

/// The slowest a body may go before its call counts as hanging, in bytes per second. S3 tries four
/// times, at 8 KiB or more each.
const SLOWEST_BYTES_PER_SECOND: u64 = 2 * 1_024;

/// A store that reports each call to a watchdog.
#[derive(Debug)]
pub(in crate::daemon) struct WatchdogStore {
    inner: Store,
    watchdog: Arc<Watchdog>,
}

impl WatchdogStore {
    pub(in crate::daemon) fn new(inner: Store, watchdog: Arc<Watchdog>) -> Self {
        Self { inner, watchdog }
    }

    /// The time for a call that sends nothing.
    fn call(&self) -> Allowance {
        self.watchdog.allow(Duration::ZERO)
    }

    /// The time for a call that sends a body.
    async fn sending(&self, body: &Body) -> Allowance {
        let bytes = match body {
            Body::Bytes(bytes) => bytes.len() as u64,
            // One that cannot be read needs no time.
            Body::File(path) => tokio::fs::metadata(path).await.map_or(0, |file| file.len()),
        };
        self.watchdog
            .allow(Duration::from_secs(bytes / SLOWEST_BYTES_PER_SECOND))
    }
}

#[async_trait]
impl ObjectStore for WatchdogStore {
    async fn get(&self, key: &str) -> Result<Fetched, StoreError> {
        let _time = self.call();
        self.inner.get(key).await
    }

    async fn get_if_changed(
        &self,
        key: &str,
        version: &Version,
    ) -> Result<Option<Fetched>, StoreError> {
        let _time = self.call();
        self.inner.get_if_changed(key, version).await
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        let _time = self.call();
        self.inner.head(key).await
    }

    async fn create(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        let _time = self.sending(&body).await;
        self.inner.create(key, body).await
    }

    async fn put(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        let _time = self.sending(&body).await;
        self.inner.put(key, body).await
    }

    async fn replace(&self, key: &str, body: Body, was: &Version) -> Result<Version, StoreError> {
        let _time = self.sending(&body).await;
        self.inner.replace(key, body, was).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let _time = self.call();
        self.inner.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<ListPage, StoreError> {
        let _time = self.call();
        self.inner.list(prefix, after).await
    }

    async fn is_blank(&self) -> Result<bool, StoreError> {
        let _time = self.call();
        self.inner.is_blank().await
    }

    fn requests(&self) -> RequestCounts {
        self.inner.requests()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}
