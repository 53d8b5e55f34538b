//! The object store: the few operations of S3 that Causeway relies on, and what each promises.
//!
//! Three implementations pass one conformance suite: [`s3`] (AWS and compatible servers),
//! [`folder`] (`file://`) and [`memory`]. What the rest of Causeway builds on is exactly this:
//!
//! - [`create`](ObjectStore::create) has one winner, however many try at once;
//! - [`replace`](ObjectStore::replace) succeeds only against the version it names;
//! - a reader sees a whole body or none: an interrupted write leaves nothing under its key;
//! - a body that does not arrive as it was sent is an error, not an object;
//! - every request is counted, so that "unchanged costs nothing" can be tested.

#[cfg(any(test, feature = "testing"))]
pub mod breaking;
pub mod check;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod error;
#[cfg(any(test, feature = "testing"))]
pub mod failing;
pub mod folder;
mod key;
pub mod memory;
mod requests;
pub mod s3;
pub mod throttle;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::ids::Md5;
pub use error::StoreError;
pub use requests::{Counters, Request, RequestCounts};

/// A store that is shared by the tasks of one program.
pub type Store = Arc<dyn ObjectStore>;

/// What Causeway asks of an object store. Keys are relative to the store's prefix, `/`-separated,
/// without a leading slash.
#[async_trait]
pub trait ObjectStore: Send + Sync + fmt::Debug {
    /// Opens an object for reading. Its body arrives in chunks, so that memory stays bounded.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or a failure of the store.
    async fn get(&self, key: &str) -> Result<Fetched, StoreError>;

    /// As [`get`](Self::get), but `None` when the object still is the version named.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or a failure of the store.
    async fn get_if_changed(
        &self,
        key: &str,
        version: &Version,
    ) -> Result<Option<Fetched>, StoreError>;

    /// Size, version and time of an object, without its body.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or a failure of the store.
    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError>;

    /// Writes an object that must not exist yet (`If-None-Match: *`).
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] if it is there, also when it was this caller's own earlier
    /// attempt whose answer was lost: look at what is there before calling it somebody else's.
    async fn create(&self, key: &str, body: Body) -> Result<Version, StoreError>;

    /// Writes an object whether or not it exists.
    ///
    /// # Errors
    /// A failure of the store.
    async fn put(&self, key: &str, body: Body) -> Result<Version, StoreError>;

    /// Replaces an object if it still is the version named (`If-Match`).
    ///
    /// # Errors
    /// [`StoreError::Changed`] if it is another version or gone.
    async fn replace(&self, key: &str, body: Body, was: &Version) -> Result<Version, StoreError>;

    /// Removes an object; removing one that is not there is no error.
    ///
    /// # Errors
    /// A failure of the store.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// One page of the keys that begin with `prefix` and sort after `after`, in byte order.
    /// (S3-compatible servers may sort `a/b` before `a-b`; pages go on rightly all the same.)
    ///
    /// # Errors
    /// A failure of the store.
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<ListPage, StoreError>;

    /// As [`list`](Self::list), for whoever wants the first keys alone: a page of a few, where the store
    /// can give that for less.
    ///
    /// # Errors
    /// A failure of the store.
    async fn list_few(&self, prefix: &str, after: Option<&str>) -> Result<ListPage, StoreError> {
        self.list(prefix, after).await
    }

    /// Whether the store can be seen, without a request that costs, to hold nothing at all: a disk
    /// that is not mounted, or a new store. `false` where only a request would tell.
    ///
    /// # Errors
    /// A failure of the store.
    async fn is_blank(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// A request by which somebody without credentials may [create](Self::create) an object, of exactly
    /// these bytes, for a while. `None` where the store has no such thing.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where there are no credentials to sign it with.
    async fn sign_upload(
        &self,
        _key: &str,
        _content: (u64, Md5),
        _valid_for: Duration,
    ) -> Result<Option<SignedUpload>, StoreError> {
        Ok(None)
    }

    /// The requests sent so far.
    fn requests(&self) -> RequestCounts;

    /// The store as a person would name it in a message: its URL, without credentials.
    fn describe(&self) -> String;
}

/// What to write: bytes in memory, or a file that is streamed from disk.
#[derive(Debug, Clone)]
pub enum Body {
    /// A body held in memory.
    Bytes(Bytes),
    /// A body read from this file while it is sent; the file must not change meanwhile.
    File(PathBuf),
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// One version of an object, as the store names it (S3's `ETag`). Only comparable, never an MD5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version(pub String);

/// A request that uploads an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedUpload {
    /// Where to PUT the object.
    pub url: String,
    /// The headers that the request has to have; `content-length` and `host` a client sets by itself.
    pub headers: Vec<(String, String)>,
}

/// What the store knows of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// The object's key.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its version.
    pub version: Version,
    /// When it was last written, by the store's clock.
    pub modified: jiff::Timestamp,
}

/// An object opened for reading.
pub struct Fetched {
    /// What the store says of it.
    pub meta: ObjectMeta,
    /// Its body, in order. The last item is an error if the body did not arrive whole.
    pub body: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("meta", &self.meta)
            .finish_non_exhaustive()
    }
}

impl Fetched {
    /// The whole body, if it is no longer than `limit_bytes`.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], or the body's own error.
    pub async fn bytes(mut self, limit_bytes: u64) -> Result<Vec<u8>, StoreError> {
        let too_large = |key: &str| StoreError::TooLarge {
            key: key.to_owned(),
            limit_bytes,
        };
        if self.meta.bytes > limit_bytes {
            return Err(too_large(&self.meta.key));
        }
        let mut whole = Vec::with_capacity(usize::try_from(self.meta.bytes).unwrap_or(0));
        while let Some(chunk) = self.body.next().await {
            let chunk = chunk?;
            if (whole.len() + chunk.len()) as u64 > limit_bytes {
                return Err(too_large(&self.meta.key));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    }
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// The objects found, in key order.
    pub objects: Vec<ObjectMeta>,
    /// Where to go on: pass it as `after`. `None` at the end.
    pub next: Option<String>,
}

/// Every object under a prefix, page by page.
///
/// # Errors
/// A failure of the store.
pub async fn list_all(
    store: &dyn ObjectStore,
    prefix: &str,
    after: Option<&str>,
) -> Result<Vec<ObjectMeta>, StoreError> {
    let mut found = Vec::new();
    let mut after = after.map(str::to_owned);
    loop {
        let page = store.list(prefix, after.as_deref()).await?;
        found.extend(page.objects);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

/// Where the store is: the `[store]` table of both configuration files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// `s3://bucket/prefix` or `file:///folder`.
    pub url: String,
    /// Base URL of an S3-compatible server; empty for AWS.
    #[serde(default)]
    pub endpoint: String,
    /// AWS region; empty for the default chain's.
    #[serde(default)]
    pub region: String,
    /// `http://host/bucket/key` instead of `http://bucket.host/key`.
    #[serde(default)]
    pub path_style: bool,
    /// Whether CRC checksums are sent always (`true`) or only where S3 requires them: some
    /// compatible servers refuse them.
    #[serde(default = "yes")]
    pub checksums: bool,
}

fn yes() -> bool {
    true
}

/// As [`open_existing`], for a process that may be frozen between two requests: of a connection that is gone
/// meanwhile it hears nothing.
///
/// # Errors
/// As [`open_existing`].
pub async fn open_frozen_between(config: &StoreConfig) -> Result<Store, StoreError> {
    match config.url.strip_prefix("s3://") {
        Some(location) => {
            let store = s3::S3Store::open(location, config).await?;
            Ok(Arc::new(store.frozen_between().await?))
        }
        None => open_existing(config).await,
    }
}

/// Opens the store that a configuration names, for whoever has no use for one that is not there:
/// a folder has to be.
///
/// # Errors
/// [`StoreError::Config`] if the URL has another form or the folder is not there, or the store's
/// own refusal.
pub async fn open_existing(config: &StoreConfig) -> Result<Store, StoreError> {
    if let Some(path) = config.url.strip_prefix("file://") {
        let path = std::path::Path::new(path);
        return Ok(Arc::new(folder::FolderStore::existing(path)?));
    }
    open(config, None).await
}

/// What commented configurations and the documentation write for a store.
const PLACEHOLDER: &str = "s3://bucket/prefix";

/// Opens the store that a configuration names, also before its folder exists. Writes'
/// bodies together may be held to a number of bytes per second: see [`throttle`]; a folder takes
/// them as fast as they come.
///
/// # Errors
/// [`StoreError::Config`] if the URL has another form or the limit is lower than can be kept, or
/// the store's own refusal.
pub async fn open(
    config: &StoreConfig,
    bytes_per_second: Option<u64>,
) -> Result<Store, StoreError> {
    if bytes_per_second.is_some_and(|limit| limit < throttle::LOWEST_BYTES_PER_SECOND) {
        return Err(StoreError::Config {
            url: config.url.clone(),
            detail: "the bandwidth is too low; write at least 16KiB, or 0 for no limit".to_owned(),
        });
    }
    if config.url.trim_end_matches('/') == PLACEHOLDER {
        return Err(StoreError::Config {
            url: config.url.clone(),
            detail:
                "this is a placeholder; write the name of your bucket and a prefix in it, or a \
                     folder as file:///folder"
                    .to_owned(),
        });
    }
    if let Some(rest) = config.url.strip_prefix("s3://") {
        let store = s3::S3Store::open(rest, config).await?;
        Ok(Arc::new(match bytes_per_second {
            Some(limit) => store.limited(limit),
            None => store,
        }))
    } else if let Some(path) = config.url.strip_prefix("file://") {
        Ok(Arc::new(folder::FolderStore::open(std::path::Path::new(
            path,
        ))?))
    } else {
        Err(StoreError::Config {
            url: config.url.clone(),
            detail: "write s3://bucket/prefix or file:///folder".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_placeholder_is_refused_as_one() {
        let config = StoreConfig {
            url: "s3://bucket/prefix".to_owned(),
            endpoint: String::new(),
            region: String::new(),
            path_style: false,
            checksums: true,
        };
        let refused = open_existing(&config).await.err().map(|e| e.to_string());
        let refused = refused.unwrap_or_default();
        assert!(refused.contains("this is a placeholder"), "{refused}");
    }
}
