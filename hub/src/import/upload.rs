//! A file that comes with a request: on disk until nobody needs it any more.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;
use std::{env, io};

use bytes::Bytes;
use causeway_shared::canonical_csv::Digest;
use causeway_shared::ids::{Md5, SiteName};
use causeway_shared::layout;
use causeway_shared::store::{Body, Store, StoreError};
use futures_util::{Stream, StreamExt as _};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::GivenFile;
use crate::temporary_folder::TemporaryFolder;

/// The largest file that is taken.
pub(crate) const MAX_FILE_BYTES: u64 = 1 << 30;
/// How long the next piece of a file may take to come.
const PIECE_WITHIN: Duration = Duration::from_secs(30);

/// A file that came with a request, until it is dropped.
#[derive(Debug)]
pub(crate) struct Upload {
    path: PathBuf,
    /// As a person knows it.
    pub(crate) name: String,
    _folder: TemporaryFolder,
}

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("no more of the file within {} seconds", PIECE_WITHIN.as_secs())]
    Stalled,
    #[error("the file did not come whole: {0}")]
    Broken(String),
    #[error("the file is larger than 1 GiB; use `causeway-hub import`")]
    TooLarge,
    #[error("the uploaded file cannot be read: {0}")]
    Store(#[source] StoreError),
    #[error("{key} does not hold the file that it is named by; upload it again")]
    Another { key: String },
    #[error(
        "the file cannot be put into {folder}: {source}; it takes room for the file and for its rows as CSV: \
         free space there, or let the hub's TMPDIR name another folder",
        folder = folder.display()
    )]
    NoRoom {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl UploadError {
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::Stalled | Self::Broken(_) | Self::NoRoom { .. } => true,
            Self::TooLarge | Self::Another { .. } => false,
        }
    }
}

impl Upload {
    /// Takes a file that was uploaded to the store.
    ///
    /// # Errors
    /// [`UploadError`]; nothing of it is left here.
    pub(crate) async fn fetch(
        store: &Store,
        (key, md5): (&str, Md5),
        name: String,
    ) -> Result<Self, UploadError> {
        let fetched = store.get(key).await.map_err(UploadError::Store)?;
        let mut digest = Digest::default();
        let pieces = fetched.body.inspect(|piece| {
            if let Ok(piece) = piece {
                digest.update(piece);
            }
        });
        let upload = Self::receive(name, Some(fetched.meta.bytes), pieces).await?;
        match digest.finish() == md5 {
            true => Ok(upload),
            false => Err(UploadError::Another {
                key: key.to_owned(),
            }),
        }
    }

    /// Puts it into the store, named by its MD5, as a file that is imported into a site: its key.
    ///
    /// # Errors
    /// [`UploadError::Store`], or a file that cannot be read.
    pub(crate) async fn keep(
        &self,
        store: &Store,
        site: &SiteName,
        extension: &str,
    ) -> Result<String, UploadError> {
        let mut file = File::open(&self.path).await.map_err(unread)?;
        let (mut digest, mut buffer) = (Digest::default(), vec![0; 64 * 1024]);
        loop {
            match file.read(&mut buffer).await.map_err(unread)? {
                0 => break,
                read => digest.update(&buffer[..read]),
            }
        }
        let key = layout::import_file(site, digest.finish(), extension);
        match store.create(&key, Body::File(self.path.clone())).await {
            // It bears its MD5: it is this file.
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(key),
            Err(error) => Err(UploadError::Store(error)),
        }
    }

    /// `is_last`: nobody needs it after.
    pub(crate) fn given(&self, is_last: bool) -> GivenFile {
        GivenFile {
            path: self.path.clone(),
            name: self.name.clone(),
            is_upload: is_last,
        }
    }

    /// Takes a file as it comes. `content_length`: how many bytes it is said to have.
    ///
    /// # Errors
    /// [`UploadError`]; nothing of it is left.
    pub(crate) async fn receive<E: Display>(
        name: String,
        content_length: Option<u64>,
        pieces: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<Self, UploadError> {
        if content_length.is_some_and(|bytes| bytes > MAX_FILE_BYTES) {
            return Err(UploadError::TooLarge);
        }
        let no_room = |folder: &Path| {
            let folder = folder.to_owned();
            |source| UploadError::NoRoom { folder, source }
        };
        let folder = TemporaryFolder::make().map_err(no_room(&env::temp_dir()))?;
        let path = folder.path().join("file");
        let created = File::create(&path).await;
        let mut file = created.map_err(no_room(folder.path()))?;
        let mut pieces = pin!(pieces);
        let mut bytes = 0;
        loop {
            let piece = timeout(PIECE_WITHIN, pieces.next()).await;
            let Some(piece) = piece.map_err(|_| UploadError::Stalled)? else {
                break;
            };
            let piece = piece.map_err(|error| UploadError::Broken(error.to_string()))?;
            bytes += piece.len() as u64;
            if bytes > MAX_FILE_BYTES {
                return Err(UploadError::TooLarge);
            }
            let written = file.write_all(&piece).await;
            written.map_err(no_room(folder.path()))?;
        }
        file.flush().await.map_err(no_room(folder.path()))?;
        Ok(Self {
            path,
            name,
            _folder: folder,
        })
    }
}

fn unread(error: io::Error) -> UploadError {
    UploadError::Broken(error.to_string())
}
