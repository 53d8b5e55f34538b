//! A file that comes with a request: on disk until nobody needs it any more.

use std::fmt::Display;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tempfile::TempDir;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::GivenFile;

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
    _folder: TempDir,
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
    #[error("the file cannot be put by; see the hub's log")]
    Disk(#[from] io::Error),
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

    /// Takes a file as it comes.
    ///
    /// # Errors
    /// [`UploadError`]; nothing of it is left.
    pub(crate) async fn receive<E: Display>(
        name: String,
        pieces: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<Self, UploadError> {
        let folder = TempDir::with_prefix("causeway-upload-")?;
        let path = folder.path().join("file");
        let mut file = File::create(&path).await?;
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
            file.write_all(&piece).await?;
        }
        file.flush().await?;
        Ok(Self {
            path,
            name,
            _folder: folder,
        })
    }
}
