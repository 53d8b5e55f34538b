//! Writing an object to a file, from where it is sent.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write as _};
use std::path::Path;

use crate::log::ZSTD_LEVEL;

/// Compresses to a file, with a checksum in the frame; its size in bytes.
///
/// # Errors
/// What reading or the file system says.
pub fn compress(mut from: impl Read, len: u64, path: &Path) -> io::Result<u64> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut encoder = zstd::Encoder::new(BufWriter::new(File::create(path)?), ZSTD_LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(len))?;
    io::copy(&mut from, &mut encoder)?;
    let mut file = encoder.finish()?;
    file.flush()?;
    Ok(file.get_ref().metadata()?.len())
}
