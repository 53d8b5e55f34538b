//! A store in a folder (`file://`), for one machine or a share between a few.
//!
//! What makes it an object store:
//!
//! - A body is written to a file of its own in `<root>/.tmp/` and flushed to disk before it gets
//!   its name, so that a reader, a listing or a crash sees all of it or nothing.
//! - [`create`](ObjectStore::create) gives the name with a hard link, which the file system grants
//!   to exactly one of many.
//! - [`put`](ObjectStore::put), [`replace`](ObjectStore::replace) and
//!   [`delete`](ObjectStore::delete) rename or remove under one advisory lock, `<root>/.lock`, so
//!   that a comparison still holds when its replacement lands.
//! - The folder is flushed as well before a write is reported as done.
//!
//! A read that takes longer than a minute (a dead mount, a failing disk) is given up, and until it
//! ends nothing else is read of that key, so that few threads wait for it.
//!
//! A process that has seen `.tmp` there once takes a folder without it for an unmounted disk.
//!
//! Names that begin with a dot are no keys and never listed. Unlike in S3, a key cannot continue
//! another one (`a` and `a/b`), because a file is no folder.

mod disk;
mod failure;
mod meta;
mod unanswered;
mod walk;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::{
    Body, Counters, Fetched, ListPage, ObjectMeta, ObjectStore, Request, RequestCounts, StoreError,
    Version, key,
};
use crate::runtime::blocking;
use disk::Disk;
use unanswered::Unanswered;

/// How much of a body one item of its stream holds.
const CHUNK_BYTES: u64 = 256 * 1_024;
/// How many objects a page of a listing holds; S3's number.
const PAGE_OBJECTS: usize = 1_000;
const FEW_OBJECTS: usize = 10;

/// An object store in a folder.
#[derive(Debug)]
pub struct FolderStore {
    disk: Arc<Disk>,
    counters: Counters,
    unanswered: Arc<Unanswered>,
}

impl FolderStore {
    /// Opens the store in a folder, which need not be there yet: until it is, all that is asked of
    /// the store is unavailable. It is not made, since an unmounted disk must not look like an empty
    /// store, and nothing is made in it before the first write, which also removes what writers
    /// that crashed more than a day ago left in its `.tmp`.
    ///
    /// # Errors
    /// [`StoreError::Config`] if the path is not absolute.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            disk: Arc::new(Disk::open(root)?),
            counters: Counters::default(),
            unanswered: Arc::default(),
        })
    }

    /// As [`open`](Self::open), of a folder that has to be there.
    ///
    /// # Errors
    /// [`StoreError::Config`] if it is not.
    pub fn existing(root: &Path) -> Result<Self, StoreError> {
        let store = Self::open(root)?;
        store.disk.check_exists()?;
        Ok(store)
    }

    async fn page(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<ListPage, StoreError> {
        key::check_prefix(prefix)?;
        self.counters.count(Request::List);
        let after = after.map(str::to_owned);
        let list = move |disk: &Disk, prefix: &str| disk.list(prefix, after.as_deref(), most);
        self.reading("listing", prefix, list).await
    }

    /// Reads files where that may block, for a limited time.
    async fn reading<T: Send + 'static>(
        &self,
        action: &'static str,
        key: &str,
        work: impl FnOnce(&Disk, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let disk = Arc::clone(&self.disk);
        let task_key = key.to_owned();
        let work = move || work(&disk, &task_key);
        unanswered::limited(&self.unanswered, action, key, work).await
    }

    /// Writes files where that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        action: &'static str,
        key: &str,
        work: impl FnOnce(&Disk, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let disk = Arc::clone(&self.disk);
        let task_key = key.to_owned();
        let task = blocking::spawn(move || work(&disk, &task_key));
        task.await
            .unwrap_or_else(|stopped| Err(failure::stopped(action, key, stopped)))
    }
}

#[async_trait]
impl ObjectStore for FolderStore {
    async fn get(&self, key: &str) -> Result<Fetched, StoreError> {
        key::check("read", key)?;
        self.counters.count(Request::Get);
        let unanswered = Arc::clone(&self.unanswered);
        self.reading("read", key, |disk, key| {
            let (file, meta) = disk.open_object(key)?;
            fetched(file, meta, unanswered)
        })
        .await
    }

    async fn get_if_changed(
        &self,
        key: &str,
        version: &Version,
    ) -> Result<Option<Fetched>, StoreError> {
        key::check("read", key)?;
        self.counters.count(Request::Get);
        let (was, unanswered) = (version.clone(), Arc::clone(&self.unanswered));
        self.reading("read", key, move |disk, key| {
            let (file, meta) = disk.open_object(key)?;
            if meta.version == was {
                return Ok(None);
            }
            fetched(file, meta, unanswered).map(Some)
        })
        .await
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        key::check("look-up", key)?;
        self.counters.count(Request::Head);
        self.reading("look-up", key, Disk::look_up).await
    }

    async fn create(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        key::check("write", key)?;
        self.counters.count(Request::Put);
        self.blocking("write", key, move |disk, key| disk.create(key, &body))
            .await
    }

    async fn put(&self, key: &str, body: Body) -> Result<Version, StoreError> {
        key::check("write", key)?;
        self.counters.count(Request::Put);
        self.blocking("write", key, move |disk, key| disk.put(key, &body))
            .await
    }

    async fn replace(&self, key: &str, body: Body, was: &Version) -> Result<Version, StoreError> {
        key::check("write", key)?;
        self.counters.count(Request::Put);
        let was = was.clone();
        self.blocking("write", key, move |disk, key| {
            disk.replace(key, &body, &was)
        })
        .await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        key::check("removal", key)?;
        self.counters.count(Request::Delete);
        self.blocking("removal", key, Disk::delete).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<ListPage, StoreError> {
        self.page(prefix, after, PAGE_OBJECTS).await
    }

    async fn list_few(&self, prefix: &str, after: Option<&str>) -> Result<ListPage, StoreError> {
        self.page(prefix, after, FEW_OBJECTS).await
    }

    async fn is_blank(&self) -> Result<bool, StoreError> {
        self.reading("listing", "", |disk, _| disk.is_blank()).await
    }

    fn requests(&self) -> RequestCounts {
        self.counters.read()
    }

    fn describe(&self) -> String {
        self.disk.describe()
    }
}

/// Streams an open file. It stays the object that was looked up even if the key is written or
/// removed meanwhile, since both leave the file behind the name alone.
///
/// Its first chunk is read here, where blocking is allowed: most objects have no other, and are
/// spared a second wait for a thread.
fn fetched(
    mut file: File,
    meta: ObjectMeta,
    unanswered: Arc<Unanswered>,
) -> Result<Fetched, StoreError> {
    let first = next_chunk(&mut file, meta.bytes, &meta.key)?;
    let rest_bytes = meta.bytes - first.len() as u64;
    let key = meta.key.clone();
    let rest = stream::try_unfold(
        (file, rest_bytes, key, unanswered),
        |(mut file, rest_bytes, key, unanswered)| async move {
            if rest_bytes == 0 {
                return Ok(None);
            }
            let task_key = key.clone();
            let read = move || {
                let chunk = next_chunk(&mut file, rest_bytes, &task_key)?;
                Ok((file, chunk))
            };
            let (file, chunk) = unanswered::limited(&unanswered, "read", &key, read).await?;
            let rest_bytes = rest_bytes - chunk.len() as u64;
            Ok(Some((chunk, (file, rest_bytes, key, unanswered))))
        },
    );
    Ok(Fetched {
        meta,
        body: stream::iter([Ok(first)]).chain(rest).boxed(),
    })
}

/// The next bytes of a file that has `rest_bytes` left; none where that is none.
fn next_chunk(file: &mut File, rest_bytes: u64, key: &str) -> Result<Bytes, StoreError> {
    let mut chunk = Vec::new();
    let wanted_bytes = rest_bytes.min(CHUNK_BYTES);
    match file.take(wanted_bytes).read_to_end(&mut chunk) {
        Ok(0) if wanted_bytes > 0 => Err(StoreError::Damaged {
            key: key.to_owned(),
            detail: format!("it ends {rest_bytes} bytes early"),
        }),
        Ok(_) => Ok(chunk.into()),
        Err(error) => Err(failure::unavailable(
            "read",
            key,
            "the file cannot be read",
            error,
        )),
    }
}

#[cfg(test)]
mod tests;
