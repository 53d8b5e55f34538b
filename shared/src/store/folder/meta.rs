//! What a file's metadata says of the object in it.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use jiff::Timestamp;

use super::super::{ObjectMeta, Version};

/// What the store knows of the object behind a file's metadata.
pub(super) fn object_meta(key: &str, meta: &Metadata) -> io::Result<ObjectMeta> {
    if !meta.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(ObjectMeta {
        key: key.to_owned(),
        bytes: meta.len(),
        version: version(meta),
        modified: Timestamp::try_from(meta.modified()?).map_err(io::Error::other)?,
    })
}

/// A version is what the file system knows of a file, so that telling it does not cost a read of
/// the body. Writes to one key never repeat it, see `Disk::rename`.
pub(super) fn version(meta: &Metadata) -> Version {
    Version(format!(
        "{:x}-{:x}-{:x}",
        modified_nanos(meta),
        meta.ino(),
        meta.len()
    ))
}

/// When a file was written, in nanoseconds since 1970.
pub(super) fn modified_nanos(meta: &Metadata) -> i128 {
    i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec())
}
