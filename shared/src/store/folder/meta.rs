//! What a file's metadata says of the object in it.

use std::fs::{self, File, FileType, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use jiff::Timestamp;

use super::super::{ObjectMeta, Version};
use crate::runtime::regular_file;

/// Opens the file of an object for reading, and nothing else that lies there.
pub(super) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    check_regular(&fs::metadata(path)?)?;
    let file = regular_file::open(path)?;
    let meta = file.metadata()?;
    Ok((file, meta))
}

/// A folder is no object; anything else that is not a regular file has no place in a store.
fn check_regular(meta: &Metadata) -> io::Result<()> {
    let kind = meta.file_type();
    if kind.is_file() {
        Ok(())
    } else if kind.is_dir() {
        Err(io::ErrorKind::NotFound.into())
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} lies there and no file; remove it", name(kind)),
        ))
    }
}

fn name(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// What the store knows of the object behind a file's metadata.
pub(super) fn object_meta(key: &str, meta: &Metadata) -> io::Result<ObjectMeta> {
    check_regular(meta)?;
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
