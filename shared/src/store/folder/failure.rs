//! What a file system's error means for a store, and what to do about it.

use std::error::Error;
use std::io;
use std::path::Path;

use tokio::task::JoinError;

use super::super::StoreError;

/// An error of the file system, for an operation on a key of the store in `root`.
pub(super) fn from_io(
    action: &'static str,
    key: &str,
    root: &Path,
    error: io::Error,
) -> StoreError {
    let folder = root.display();
    let refused = |detail: String| StoreError::Refused {
        action,
        key: key.to_owned(),
        detail,
    };
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => refused(format!(
            "{error}; the user who runs this program needs to read and write {folder}, on a file \
             system with hard links"
        )),
        io::ErrorKind::Unsupported | io::ErrorKind::CrossesDevices => refused(format!(
            "{error}; {folder} must lie on one file system, with hard links and file locks"
        )),
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => refused(format!(
            "{error}; in a folder store a key cannot continue another key"
        )),
        _ if error.raw_os_error() == Some(libc::ELOOP) => refused(format!(
            "{error}; a link lies there that leads to itself; remove it"
        )),
        // What lies there is not a file: see `meta::open`.
        io::ErrorKind::InvalidInput => refused(error.to_string()),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => unavailable(
            action,
            key,
            &format!("no space is left for {folder}"),
            error,
        ),
        _ => unavailable(action, key, &format!("{folder}: {error}"), error),
    }
}

/// A failure that may pass.
pub(super) fn unavailable(
    action: &'static str,
    key: &str,
    detail: &str,
    error: impl Error + Send + Sync + 'static,
) -> StoreError {
    StoreError::Unavailable {
        action,
        key: key.to_owned(),
        detail: detail.to_owned(),
        source: Some(Box::new(error)),
    }
}

/// File work that ended without a result: the runtime is shutting down.
pub(super) fn stopped(action: &'static str, key: &str, error: JoinError) -> StoreError {
    unavailable(action, key, "it was abandoned", error)
}
