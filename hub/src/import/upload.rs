//! A file that comes with a request: on disk until nobody needs it any more.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;
use std::{env, io};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::GivenFile;
use crate::temporary_folder::TemporaryFolder;

/// The largest file that is taken.
const MAX_FILE_BYTES: u64 = 1 << 30;
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

impl Upload {
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
