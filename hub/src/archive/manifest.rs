//! `archive_manifest.json.zst`: which version of its partition each published file is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use causeway_shared::ids::{Md5, Name, Seq, SiteName};
use causeway_shared::layout::{self, ArchiveFile};
use causeway_shared::store::Version;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::report::DeltaInfo;
use crate::document::Content;

/// What is published.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) sites: BTreeMap<SiteName, SiteRecord>,
    /// `MD5SUMS` as it was written last.
    pub(super) sums: Option<Sums>,
    /// The Delta tables as they were committed last.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) delta: BTreeMap<Name, DeltaInfo>,
    #[serde(with = "records")]
    pub(super) files: BTreeMap<ArchiveFile, Published>,
}

/// How far a site is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SiteRecord {
    /// The newest that files were made of.
    pub(super) seen: SiteAt,
    /// The newest of which nothing is missing.
    pub(super) whole: Option<SiteAt>,
}

impl SiteRecord {
    /// Of a site of which nothing is published whole yet.
    pub(super) fn of(seen: SiteAt) -> Self {
        Self { seen, whole: None }
    }
}

/// The heads of a site's logs, and how the files are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SiteAt {
    pub(super) commit: Seq,
    /// When that commit was made, by which another log of the same length is told.
    pub(super) at: Timestamp,
    /// [`Seq::NONE`]: nothing was ever changed in the cloud.
    pub(super) edits_commit: Seq,
    pub(super) bom: bool,
    #[serde(default, skip_serializing_if = "Formats::is_csv_alone")]
    pub(super) formats: Formats,
}

/// As what it is published. What is not among them stays as it was published last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Formats {
    pub(super) csv: bool,
    pub(super) delta: bool,
}

impl Default for Formats {
    fn default() -> Self {
        Self {
            csv: true,
            delta: false,
        }
    }
}

impl Formats {
    fn is_csv_alone(&self) -> bool {
        *self == Self::default()
    }
}

/// A published file, and what it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Published {
    /// The site's object; none where only the cloud has the partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) object: Option<Md5>,
    /// The edits object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) edits: Option<Md5>,
    pub(super) dataset: Md5,
    /// Whether it begins with a byte-order mark.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) bom: bool,
    /// Of its bytes.
    pub(super) md5: Md5,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// The columns in which a value holds a line break.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) breaks: Vec<Name>,
    /// As the store calls what lies there.
    pub(super) version: Version,
}

/// `MD5SUMS`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sums {
    pub(super) md5: Md5,
    pub(super) version: Version,
}

impl Content for Manifest {
    const KEY: &'static str = layout::ARCHIVE_MANIFEST;
    const FORMAT: u32 = 1;
    const MAX_BYTES: u64 = 256 * 1024 * 1024;
    const REMEDY: &'static str = "remove it, and the next run publishes everything again";
    const COMPRESSED: bool = true;
}

impl Manifest {
    /// The text of `MD5SUMS`, as `md5sum` writes it in the archive's folder.
    pub(super) fn sums(&self) -> String {
        let mut text = String::new();
        for (file, published) in &self.files {
            let _ = writeln!(text, "{}  {}", published.md5, file.path());
        }
        text
    }

    /// The files of a table.
    pub(super) fn table(&self, table: &Name) -> impl Iterator<Item = &Published> {
        let files = self.files.iter();
        let of_table = files.filter(move |(file, _)| file.table == *table);
        of_table.map(|(_, published)| published)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Files as a list, since JSON's names are texts.
mod records {
    use std::collections::BTreeMap;

    use causeway_shared::ids::{Name, Part, SiteName};
    use causeway_shared::layout::ArchiveFile;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Published;

    #[derive(Serialize)]
    struct Written<'r> {
        table: &'r Name,
        part: &'r Part,
        site: &'r SiteName,
        published: &'r Published,
    }

    #[derive(Deserialize)]
    struct Read {
        table: Name,
        part: Part,
        site: SiteName,
        published: Published,
    }

    pub(super) fn serialize<S: Serializer>(
        files: &BTreeMap<ArchiveFile, Published>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(files.iter().map(|(file, published)| Written {
            table: &file.table,
            part: &file.part,
            site: &file.site,
            published,
        }))
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(
        deserializer: D,
    ) -> Result<BTreeMap<ArchiveFile, Published>, D::Error> {
        let read = Vec::<Read>::deserialize(deserializer)?;
        let file = |read: Read| {
            let Read {
                table,
                part,
                site,
                published,
            } = read;
            (ArchiveFile { table, part, site }, published)
        };
        Ok(read.into_iter().map(file).collect())
    }
}
