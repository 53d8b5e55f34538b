//! Small JSON files that hubs keep in the store: read whole, changed by compare-and-swap.

mod copy;

use std::borrow::Cow;
use std::io::Read as _;
use std::marker::PhantomData;
use std::sync::Arc;

use causeway_shared::layout;
use causeway_shared::log::ZSTD_LEVEL;
use causeway_shared::store::check::{CheckError, require};
use causeway_shared::store::{Fetched, Store, StoreError, Version};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(crate) use copy::CopyError;

/// How often a change is tried when others change the file at the same time.
const ATTEMPTS: u32 = 8;

/// What such a file holds; the default is what it holds before it is written.
pub(crate) trait Content: Default + PartialEq + Serialize + DeserializeOwned {
    /// Where it lies.
    const KEY: &'static str;
    /// The version of its form; a file of another one is refused.
    const FORMAT: u32;
    /// Its largest size.
    const MAX_BYTES: u64;
    /// What to do about a file that cannot be read.
    const REMEDY: &'static str;
    /// Whether it is stored compressed (zstd); its largest size counts both ways.
    const COMPRESSED: bool = false;
}

/// Why a file cannot be read or changed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DocumentError {
    /// The store failed.
    #[error("{key} cannot be used: {source}")]
    Store {
        key: &'static str,
        #[source]
        source: Arc<StoreError>,
    },
    /// The store must not be written to.
    #[error(transparent)]
    Unfit(Arc<CheckError>),
    /// The store is silent.
    #[error("{key} cannot be used: the store does not answer")]
    Silent { key: &'static str },
    /// The file is not what this version writes.
    #[error("{key} cannot be used: {detail}; {remedy}")]
    Damaged {
        key: &'static str,
        detail: String,
        remedy: &'static str,
    },
}

impl DocumentError {
    /// Whether the same call may succeed later without anybody's help.
    #[must_use]
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Store { source, .. } => source.is_retryable(),
            Self::Silent { .. } => true,
            Self::Unfit(_) | Self::Damaged { .. } => false,
        }
    }
}

/// A file as it is written.
#[derive(Serialize)]
struct File<T> {
    format: u32,
    #[serde(flatten)]
    content: T,
}

/// What every file says.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// The bytes of a file with this content.
///
/// # Errors
/// [`DocumentError::Damaged`] for what cannot be written as JSON.
pub(crate) fn encode<T: Content>(content: &T) -> Result<Vec<u8>, DocumentError> {
    let file = File {
        format: T::FORMAT,
        content,
    };
    let json = match T::COMPRESSED {
        true => serde_json::to_vec(&file),
        false => serde_json::to_vec_pretty(&file),
    };
    let json = json.map_err(damaged::<T>)?;
    if json.len() as u64 > T::MAX_BYTES {
        let most = T::MAX_BYTES;
        return Err(damaged::<T>(format!(
            "it would hold more than {most} bytes"
        )));
    }
    if !T::COMPRESSED {
        return Ok(json);
    }
    zstd::bulk::compress(&json, ZSTD_LEVEL).map_err(damaged::<T>)
}

/// The content of a file.
///
/// # Errors
/// [`DocumentError::Damaged`]
pub(crate) fn decode<T: Content>(bytes: &[u8]) -> Result<T, DocumentError> {
    let json = match T::COMPRESSED {
        true => Cow::Owned(decompressed::<T>(bytes)?),
        false => Cow::Borrowed(bytes),
    };
    let Format { format: found } = serde_json::from_slice(&json).map_err(damaged::<T>)?;
    if found != T::FORMAT {
        let known = T::FORMAT;
        let detail = format!("it has format {found}, this version reads {known}");
        return Err(damaged::<T>(detail));
    }
    // Apart from the format: a flattened struct would be read into a tree first.
    serde_json::from_slice(&json).map_err(damaged::<T>)
}

fn decompressed<T: Content>(bytes: &[u8]) -> Result<Vec<u8>, DocumentError> {
    let mut json = Vec::new();
    let decoder = zstd::Decoder::new(bytes).map_err(damaged::<T>)?;
    let read = decoder.take(T::MAX_BYTES + 1).read_to_end(&mut json);
    if read.map_err(damaged::<T>)? as u64 > T::MAX_BYTES {
        let most = T::MAX_BYTES;
        return Err(damaged::<T>(format!("it holds more than {most} bytes")));
    }
    Ok(json)
}

/// One such file of a store.
#[derive(Debug)]
pub(crate) struct Document<T> {
    store: Store,
    content: PhantomData<fn() -> T>,
}

impl<T> Clone for Document<T> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            content: PhantomData,
        }
    }
}

impl<T: Content> Document<T> {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            content: PhantomData,
        }
    }

    /// The content and its version; the default where there is no file yet.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub(crate) async fn read(&self) -> Result<(T, Option<Version>), DocumentError> {
        match self.store.get(T::KEY).await {
            Ok(fetched) => fetched_content(fetched).await,
            Err(error) if error.is_not_found() => Ok((T::default(), None)),
            Err(error) => Err(failed::<T>(error)),
        }
    }

    /// As [`read`](Self::read), but `None` where it still is the version named.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub(crate) async fn read_if_changed(
        &self,
        version: Option<&Version>,
    ) -> Result<Option<(T, Option<Version>)>, DocumentError> {
        let Some(version) = version else {
            return self.read().await.map(Some);
        };
        match self.store.get_if_changed(T::KEY, version).await {
            Ok(None) => Ok(None),
            Ok(Some(fetched)) => fetched_content(fetched).await.map(Some),
            Err(error) if error.is_not_found() => Ok(Some((T::default(), None))),
            Err(error) => Err(failed::<T>(error)),
        }
    }

    /// Reads, changes and writes the file, again if somebody else wrote it meanwhile; what is not
    /// changed is not written. Returns the content and its version.
    ///
    /// # Errors
    /// What `change` answers with, or a [`DocumentError`]; nothing was changed then, unless the
    /// store's answer was lost.
    pub(crate) async fn change<E: From<DocumentError>>(
        &self,
        mut change: impl FnMut(&mut T) -> Result<(), E>,
    ) -> Result<(T, Option<Version>), E> {
        let mut attempt = 1;
        loop {
            let (mut content, version) = self.read().await?;
            let before = encode(&content)?;
            change(&mut content)?;
            let body = encode(&content)?;
            if body == before {
                return Ok((content, version));
            }
            match self.write(body, version.as_ref()).await {
                Ok(version) => return Ok((content, Some(version))),
                Err(DocumentError::Store { source, .. })
                    if is_overtaken(&source) && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes the file if it still is the version that was read; `None` where somebody else wrote it.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub(crate) async fn replace(
        &self,
        content: &T,
        was: Option<&Version>,
    ) -> Result<Option<Version>, DocumentError> {
        match self.write(encode(content)?, was).await {
            Ok(version) => Ok(Some(version)),
            Err(DocumentError::Store { source, .. }) if is_overtaken(&source) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Tries a store that no hub has written to.
    ///
    /// # Errors
    /// [`DocumentError::Unfit`], or a failure of the store.
    pub(crate) async fn check_new_store(&self) -> Result<(), DocumentError> {
        check_new_store::<T>(&self.store).await
    }

    async fn write(&self, body: Vec<u8>, was: Option<&Version>) -> Result<Version, DocumentError> {
        let written = match was {
            Some(version) => self.store.replace(T::KEY, body.into(), version).await,
            None => {
                check_new_store::<T>(&self.store).await?;
                self.store.create(T::KEY, body.into()).await
            }
        };
        written.map_err(failed::<T>)
    }
}

/// Whether somebody else wrote first.
fn is_overtaken(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Changed { .. } | StoreError::AlreadyExists { .. }
    )
}

/// Tries a store that no hub has written to.
async fn check_new_store<T: Content>(store: &Store) -> Result<(), DocumentError> {
    let written = store.list(layout::HUB, None).await.map_err(failed::<T>)?;
    // What a check that was stopped left behind does not say that the store passed.
    let mut keys = written.objects.iter().map(|object| &object.key);
    if keys.any(|key| !key.starts_with(layout::HUB_CHECK)) {
        return Ok(());
    }
    match require(store, layout::HUB_CHECK).await {
        Ok(_) => Ok(()),
        Err(CheckError::Store(error)) => Err(failed::<T>(error)),
        Err(unfit) => Err(DocumentError::Unfit(Arc::new(unfit))),
    }
}

async fn fetched_content<T: Content>(
    fetched: Fetched,
) -> Result<(T, Option<Version>), DocumentError> {
    let version = fetched.meta.version.clone();
    let bytes = fetched.bytes(T::MAX_BYTES).await.map_err(failed::<T>)?;
    Ok((decode(&bytes)?, Some(version)))
}

fn failed<T: Content>(source: StoreError) -> DocumentError {
    DocumentError::Store {
        key: T::KEY,
        source: Arc::new(source),
    }
}

fn damaged<T: Content>(detail: impl ToString) -> DocumentError {
    DocumentError::Damaged {
        key: T::KEY,
        detail: detail.to_string(),
        remedy: T::REMEDY,
    }
}

#[cfg(test)]
mod tests {
    use causeway_shared::store::breaking::{BreakingStore, Flaw};
    use causeway_shared::store::list_all;
    use causeway_shared::store::memory::MemoryStore;

    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Pins {
        dates: Vec<String>,
    }

    impl Content for Pins {
        const KEY: &'static str = "hub/pins.json";
        const FORMAT: u32 = 1;
        const MAX_BYTES: u64 = 1_000;
        const REMEDY: &'static str = "remove it";
    }

    async fn pin(store: &Store, date: &str) -> Result<(), DocumentError> {
        let document = Document::<Pins>::new(Arc::clone(store));
        let pinned = document.change(|pins| {
            pins.dates.push(date.to_owned());
            Ok::<_, DocumentError>(())
        });
        pinned.await.map(drop)
    }

    #[tokio::test]
    async fn a_store_is_tried_before_a_hub_first_writes_to_it() {
        let inner: Store = Arc::new(MemoryStore::new());
        let flawed = BreakingStore::new(Arc::clone(&inner), Flaw::ReplacesAnyVersion);
        let refused = pin(&(Arc::new(flawed) as Store), "2025-11-28").await;
        insta::assert_snapshot!(refused.unwrap_err(), @"memory: does not keep what Causeway relies on: a replacement of another version must be refused (If-Match): it was taken. Commits would be lost on it without an error; use another store, or a newer version of its server");
        assert_eq!(list_all(&*inner, "", None).await.unwrap(), []);

        // What is left of a check that was stopped is no mark of one that passed.
        let left = format!("{}{}-mark", layout::HUB_CHECK, "0".repeat(32));
        inner.put(&left, vec![1].into()).await.unwrap();
        let flawed = BreakingStore::new(Arc::clone(&inner), Flaw::ReplacesAnyVersion);
        let refused = pin(&(Arc::new(flawed) as Store), "2025-11-28").await;
        assert!(matches!(refused, Err(DocumentError::Unfit(_))));

        pin(&inner, "2025-11-28").await.unwrap();
        let requests = inner.requests();
        pin(&inner, "2025-11-29").await.unwrap();
        inner.delete(Pins::KEY).await.unwrap();
        inner.put("hub/tokens.json", vec![1].into()).await.unwrap();
        pin(&inner, "2025-11-30").await.unwrap();
        let sent = inner.requests().since(&requests);
        assert_eq!(
            (sent.put, sent.list),
            (1 + 1 + 1, 1),
            "it is not tried again"
        );
    }
}
