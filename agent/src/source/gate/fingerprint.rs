//! A file's fingerprint: what of its outside moves when its content does.

use std::fs::Metadata;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use causeway_shared::canonical_csv::Digest;
use causeway_shared::ids::Md5;
use causeway_shared::runtime::regular_file;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::source::companion;

/// A file written this shortly before the look may be written again within the same tick of its
/// file system's clock (2 s on FAT), which its outside would not show.
const RACY: SignedDuration = SignedDuration::from_secs(2);

/// Where a WAL's two salts stand in its header; they change when it starts anew
/// (sqlite.org/fileformat2.html, "WAL file format").
const WAL_SALTS: u64 = 16;

/// How much of a file is read at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// What of a file's outside moves when its content does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileFingerprint {
    /// The file is not there.
    Absent,
    /// The file system does not say.
    Unreadable,
    /// Something other than a regular file is there: a folder, a named pipe, a device.
    NotAFile,
    /// A SQLite file and the files beside it.
    Sqlite {
        /// The file.
        file: Outside,
        /// Its write-ahead log, and the salts in its header.
        wal: Option<(Outside, [u8; 8])>,
        /// Its rollback journal.
        journal: Option<Outside>,
    },
    /// A CSV file.
    Csv {
        /// The file.
        file: Outside,
        /// The MD5 of its bytes.
        md5: Md5,
    },
}

/// What the file system says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outside {
    device: u64,
    inode: u64,
    bytes: u64,
    modified_ns: i128,
    /// The inode's last change, which no program can set back; 0 where it does not count, and in a
    /// fingerprint of an older version.
    #[serde(default)]
    changed_ns: i128,
    /// Whether it was written so shortly before that the rest proves nothing.
    racy: bool,
}

impl FileFingerprint {
    /// The fingerprint of a SQLite file. Where the path is a link, what SQLite writes beside the file
    /// lies where the link leads.
    pub(super) fn of_sqlite(path: &Path, now: Timestamp) -> io::Result<Self> {
        let path = match path.canonicalize() {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Absent),
            Err(error) => return Err(error),
        };
        let file = match there(&path)? {
            None => return Ok(Self::Absent),
            Some(metadata) if !metadata.is_file() => return Ok(Self::NotAFile),
            Some(metadata) => Outside::of(&metadata, now),
        };
        let (wal, journal) = (companion(&path, "-wal"), companion(&path, "-journal"));
        let wal = match there(&wal)? {
            Some(metadata) => Some((Outside::of_companion(&metadata, now), salts(&wal)?)),
            None => None,
        };
        let journal = there(&journal)?;
        Ok(Self::Sqlite {
            file,
            wal,
            journal: journal.map(|metadata| Outside::of_companion(&metadata, now)),
        })
    }

    /// The fingerprint of a CSV file. Where its outside is as it `was`, so is its content.
    pub(super) fn of_csv(path: &Path, was: Option<&Self>, now: Timestamp) -> io::Result<Self> {
        let file = match there(path)? {
            None => return Ok(Self::Absent),
            Some(metadata) if !metadata.is_file() => return Ok(Self::NotAFile),
            Some(metadata) => Outside::of(&metadata, now),
        };
        match was {
            Some(Self::Csv { file: before, md5 }) if file.is_as(before) => {
                Ok(Self::Csv { file, md5: *md5 })
            }
            _ => Ok(Self::Csv {
                file,
                md5: file_md5(path)?,
            }),
        }
    }

    /// Whether the content certainly is what it was.
    pub(super) fn is_as(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Csv { md5, .. }, Self::Csv { md5: before, .. }) => md5 == before,
            (Self::Unreadable, _) => false,
            _ => !before.is_racy() && self.shows_the_same_as(before),
        }
    }

    /// Whether the outside is the same.
    pub(super) fn shows_the_same_as(&self, other: &Self) -> bool {
        self.settled() == other.settled()
    }

    /// Whether a CSV file was written to in the `age` before `now`, or, by a wrong clock, after it.
    pub(crate) fn is_younger_than(&self, age: SignedDuration, now: Timestamp) -> bool {
        match self {
            Self::Csv { file, .. } => file.is_younger_than(age, now),
            Self::Absent | Self::Unreadable | Self::NotAFile | Self::Sqlite { .. } => false,
        }
    }

    fn is_racy(&self) -> bool {
        match self {
            Self::Absent | Self::Unreadable | Self::NotAFile => false,
            Self::Csv { file, .. } => file.racy,
            Self::Sqlite { file, wal, journal } => {
                file.racy
                    || wal.as_ref().is_some_and(|(wal, _)| wal.racy)
                    || journal.as_ref().is_some_and(|journal| journal.racy)
            }
        }
    }

    /// The same fingerprint as it would be taken later.
    fn settled(&self) -> Self {
        match self {
            Self::Absent => Self::Absent,
            Self::Unreadable => Self::Unreadable,
            Self::NotAFile => Self::NotAFile,
            Self::Csv { file, md5 } => Self::Csv {
                file: file.settled(),
                md5: *md5,
            },
            Self::Sqlite { file, wal, journal } => Self::Sqlite {
                file: file.settled(),
                wal: wal.as_ref().map(|(wal, salts)| (wal.settled(), *salts)),
                journal: journal.as_ref().map(Outside::settled),
            },
        }
    }
}

/// The metadata of what is at a path, symbolic links followed; `None` where there is nothing.
fn there(path: &Path) -> io::Result<Option<Metadata>> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Outside {
    fn of(metadata: &Metadata, now: Timestamp) -> Self {
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        Self::with(metadata, now, changed)
    }

    /// Of a file that SQLite keeps beside a database. Whoever opens one as root touches its inode,
    /// since SQLite then gives it the database's owner; what is written moves the other time too.
    fn of_companion(metadata: &Metadata, now: Timestamp) -> Self {
        Self::with(metadata, now, (0, 0))
    }

    fn with(metadata: &Metadata, now: Timestamp, changed: (i64, i64)) -> Self {
        let ns = |(seconds, ns): (i64, i64)| i128::from(seconds) * 1_000_000_000 + i128::from(ns);
        let modified_ns = ns((metadata.mtime(), metadata.mtime_nsec()));
        let changed_ns = ns(changed);
        let is_near = |then: i128| (now.as_nanosecond() - then).abs() <= RACY.as_nanos();
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified_ns,
            changed_ns,
            racy: is_near(modified_ns) || is_near(changed_ns),
        }
    }

    fn is_younger_than(&self, age: SignedDuration, now: Timestamp) -> bool {
        let last = self.modified_ns.max(self.changed_ns);
        (now.as_nanosecond() - last).abs() < age.as_nanos()
    }

    /// The same as it would be taken later.
    fn settled(&self) -> Self {
        Self {
            racy: false,
            ..*self
        }
    }

    fn is_as(&self, before: &Self) -> bool {
        !before.racy && self.settled() == before.settled()
    }
}

/// The salts in a write-ahead log's header; zeros while it has none, or is gone meanwhile.
fn salts(wal: &Path) -> io::Result<[u8; 8]> {
    let mut salts = [0; 8];
    let read = regular_file::open(wal).and_then(|mut file| {
        file.seek(SeekFrom::Start(WAL_SALTS))?;
        file.read_exact(&mut salts)
    });
    match read {
        Ok(()) => Ok(salts),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound
            ) =>
        {
            Ok([0; 8])
        }
        Err(error) => Err(error),
    }
}

pub(crate) fn file_md5(path: &Path) -> io::Result<Md5> {
    let mut file = regular_file::open(path)?;
    let mut digest = Digest::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(digest.finish()),
            n => digest.update(&chunk[..n]),
        }
    }
}
