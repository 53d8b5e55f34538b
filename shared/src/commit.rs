//! The stored formats of a site's log: commit, checkpoint and the hint that names one.
//!
//! Each is one JSON object that says its `format` and ends in `"check"`, the MD5 of all that
//! stands before it, so that a changed byte is seen. A reader takes an object without a check
//! (written by hand, say) and fields that it does not know; it refuses another format.

use jiff::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{Md5, Name, Part, Seq, SiteName};
use crate::limits;
use crate::summary::Summary;

/// The version of the formats in this file.
pub const FORMAT: u32 = 1;

/// Every so many commits there is a checkpoint.
pub const CHECKPOINT_EVERY: u64 = 64;

/// Most bytes of a commit or a checkpoint (uncompressed) that a reader takes.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Most bytes of a hint that a reader takes.
pub const MAX_HINT_BYTES: u64 = 4 * 1024;

/// How the check stands at an object's end.
const CHECK: &[u8] = b",\"check\":\"";

/// Commit n of a site's log: the partitions that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// The version of the format.
    pub format: u32,
    /// The site.
    pub site: SiteName,
    /// Its number.
    pub seq: Seq,
    /// When it was made: no earlier than 1 ms after the commit before.
    pub at: Timestamp,
    /// Grows by one with each new writer.
    #[serde(deserialize_with = "limits::count")]
    pub epoch: u64,
    /// Who wrote it.
    pub writer: Writer,
    /// The MD5 of the dataset that its objects are written with.
    pub dataset: Md5,
    /// The partitions that changed, in table and part order.
    pub changes: Vec<Change>,
    /// Always empty.
    #[serde(default)]
    pub lookups: NoLookups,
}

/// Where a log names lookup objects: none are written, and those that an older one names are
/// not read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoLookups;

impl Serialize for NoLookups {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(std::iter::empty::<()>())
    }
}

impl<'de> Deserialize<'de> for NoLookups {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(from).map(|_| Self)
    }
}

/// Who writes a site's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// One state's life: made anew when the state is lost.
    #[serde(deserialize_with = "limits::name")]
    pub id: String,
    /// The machine.
    #[serde(deserialize_with = "limits::name")]
    pub host: String,
}

/// A partition that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredChange")]
pub struct Change {
    /// The table.
    pub table: Name,
    /// The partition.
    pub part: Part,
    /// What it is now.
    #[serde(flatten)]
    pub now: Now<PartitionObject>,
}

/// A change as it is stored, so that an error names the field that is wrong.
#[derive(Deserialize)]
struct StoredChange {
    table: Name,
    part: Part,
    md5: Option<Md5>,
    #[serde(default, deserialize_with = "limits::some_count")]
    rows: Option<u64>,
    #[serde(default, deserialize_with = "limits::some_count")]
    bytes: Option<u64>,
    #[serde(default)]
    summary: Summary,
    removed: Option<True>,
}

impl TryFrom<StoredChange> for Change {
    type Error = String;

    fn try_from(stored: StoredChange) -> Result<Self, String> {
        let StoredChange { table, part, .. } = stored;
        let now = match (stored.md5, stored.rows, stored.bytes, stored.removed) {
            (Some(md5), Some(rows), Some(bytes), _) => Now::Object(PartitionObject {
                md5,
                rows,
                bytes,
                summary: stored.summary,
            }),
            (.., Some(True)) => Now::removed(),
            _ => {
                return Err(format!(
                    "{table}, {part}: `md5`, `rows` or `bytes` is missing"
                ));
            }
        };
        Ok(Self { table, part, now })
    }
}

/// What something is after a commit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Now<T> {
    /// This object.
    Object(T),
    /// No longer there.
    Removed {
        /// Always true.
        removed: True,
    },
}

impl<T> Now<T> {
    /// No longer there.
    #[must_use]
    pub fn removed() -> Self {
        Self::Removed { removed: True }
    }

    /// The object, if there is one.
    pub fn object(&self) -> Option<&T> {
        match self {
            Self::Object(object) => Some(object),
            Self::Removed { .. } => None,
        }
    }
}

/// The JSON value `true` and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
pub struct True;

impl TryFrom<bool> for True {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Ok(Self) } else { Err("must be true") }
    }
}

impl From<True> for bool {
    fn from(_: True) -> Self {
        true
    }
}

/// The object of a partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartitionObject {
    /// The MD5 of its canonical CSV, uncompressed.
    pub md5: Md5,
    /// Its rows.
    #[serde(deserialize_with = "limits::count")]
    pub rows: u64,
    /// Its size in bytes, compressed.
    #[serde(deserialize_with = "limits::count")]
    pub bytes: u64,
    /// What its rows add up to.
    #[serde(default)]
    pub summary: Summary,
}

/// The whole catalog at one commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The version of the format.
    pub format: u32,
    /// The site.
    pub site: SiteName,
    /// The commit that it stands at.
    pub seq: Seq,
    /// That commit's time.
    pub at: Timestamp,
    /// That commit's epoch.
    #[serde(deserialize_with = "limits::count")]
    pub epoch: u64,
    /// That commit's writer.
    pub writer: Writer,
    /// That commit's dataset.
    pub dataset: Md5,
    /// Every partition, in table and part order.
    pub partitions: Vec<CatalogPartition>,
    /// Always empty.
    #[serde(default)]
    pub lookups: NoLookups,
}

/// A partition in a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CatalogPartition {
    /// The table.
    pub table: Name,
    /// The partition.
    pub part: Part,
    /// Its object.
    #[serde(flatten)]
    pub object: PartitionObject,
    /// The dataset that the object was written with.
    pub dataset: Md5,
}

/// The hint that names the newest checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    /// The version of the format.
    pub format: u32,
    /// The commit that the newest checkpoint stands at.
    pub checkpoint: Seq,
}

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
/// [`FormatError::TooLong`]; none else for the types of this module, whose keys are all strings.
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
fn readable(bytes: u64) -> Result<(), FormatError> {
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
pub fn decode_checkpoint(compressed: &[u8]) -> Result<Checkpoint, FormatError> {
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

#[cfg(test)]
mod tests;
