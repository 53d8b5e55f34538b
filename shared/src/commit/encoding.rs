//! How the log's objects are written as bytes: JSON that ends in a check.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Checkpoint, FORMAT, LogKind};
use crate::ids::Md5;
use crate::limits;

/// Most bytes of a commit or a checkpoint (uncompressed) that a reader takes.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Most bytes of a hint that a reader takes.
pub const MAX_HINT_BYTES: u64 = 4 * 1024;

/// How the check stands at an object's end.
const CHECK: &[u8] = b",\"check\":\"";

/// Why bytes are not a stored object of the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// Not JSON of the right shape, or past a limit.
    #[error("it is not what it should be: {}", limits::cut(.0))]
    Shape(#[from] serde_json::Error),
    /// Not compressed as it should be.
    #[error("it cannot be decompressed: {0}")]
    Compression(#[source] std::io::Error),
    /// No memory to compress it, say.
    #[error("it cannot be compressed: {0}")]
    Uncompressed(#[source] std::io::Error),
    /// Of a format that this program does not know.
    #[error("it is of format {found}, and this program knows format {FORMAT}: upgrade causeway")]
    Version {
        /// The format found.
        found: u64,
    },
    /// Longer than a reader takes.
    #[error(
        "it would be {bytes} bytes long, and readers take {MAX_BYTES}: count fewer values \
         (`count_by`), or partition into fewer parts"
    )]
    TooLong {
        /// Its length.
        bytes: u64,
    },
    /// Longer than a reader takes: no program of this format wrote it.
    #[error("it is longer than {limit} bytes")]
    Unbounded {
        /// The most that a reader takes.
        limit: u64,
    },
    /// The check does not agree with what stands before it.
    #[error("its bytes changed: check {written} is written, {computed} is computed")]
    Check {
        /// The check in the object.
        written: String,
        /// The MD5 of the bytes.
        computed: Md5,
    },
}

/// The bytes of a stored object, with its check.
///
/// # Errors
/// [`FormatError::TooLong`]; none else for the types of these modules, whose keys are all strings.
pub fn encode<T: Serialize>(object: &T) -> Result<Vec<u8>, FormatError> {
    let mut bytes = serde_json::to_vec(object)?;
    let check = Md5::of(&bytes);
    bytes.pop();
    bytes.extend_from_slice(CHECK);
    bytes.extend_from_slice(check.to_string().as_bytes());
    bytes.extend_from_slice(b"\"}");
    readable(bytes.len() as u64)?;
    Ok(bytes)
}

/// Whether a reader takes so many bytes: a commit that is there and cannot be read would end the
/// log for good.
pub(super) fn readable(bytes: u64) -> Result<(), FormatError> {
    if bytes > MAX_BYTES {
        return Err(FormatError::TooLong { bytes });
    }
    Ok(())
}

/// Reads a stored object: its format first, then its check, then the rest.
///
/// # Errors
/// [`FormatError`] that says what is wrong.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FormatError> {
    #[derive(Deserialize)]
    struct OnlyFormat {
        format: u64,
    }
    let OnlyFormat { format } = serde_json::from_slice(bytes)?;
    if format != u64::from(FORMAT) {
        return Err(FormatError::Version { found: format });
    }
    verify_check(bytes)?;
    Ok(serde_json::from_slice(bytes)?)
}

/// Reads a checkpoint as it is stored, compressed; at most [`MAX_BYTES`] of it.
///
/// # Errors
/// [`FormatError`] that says what is wrong.
pub fn decode_checkpoint<K: LogKind>(compressed: &[u8]) -> Result<Checkpoint<K>, FormatError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    zstd::Decoder::new(compressed)
        .and_then(|decoder| decoder.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(FormatError::Compression)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(FormatError::Unbounded { limit: MAX_BYTES });
    }
    decode(&bytes)
}

fn verify_check(bytes: &[u8]) -> Result<(), FormatError> {
    let end = CHECK.len() + 32 + 2;
    let Some(start) = bytes.trim_ascii_end().len().checked_sub(end) else {
        return Ok(());
    };
    let (before, check) = bytes.split_at(start);
    let Some(written) = check.strip_prefix(CHECK) else {
        return Ok(());
    };
    let mut digest = md5::Context::new();
    digest.consume(before);
    digest.consume(b"}");
    let computed = Md5(digest.finalize().0);
    let written = String::from_utf8_lossy(&written[..32]).into_owned();
    if written == computed.to_string() {
        Ok(())
    } else {
        Err(FormatError::Check { written, computed })
    }
}
