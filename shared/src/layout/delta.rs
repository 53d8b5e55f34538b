//! The keys of the published Delta tables: `archive/delta/<table>/…`.

use std::fmt;

use super::{ARCHIVE_DELTA, numbered};
use crate::ids::{Md5, Name, Part, Seq, SiteName};

/// An object of one Delta table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeltaKey {
    /// `_delta_log/<20 digits>.json`: the commit of a version.
    Commit(u64),
    /// `_delta_log/<20 digits>.checkpoint.parquet`: the table at a version.
    Checkpoint(u64),
    /// `_delta_log/_last_checkpoint`: which checkpoint is the newest.
    LastCheckpoint,
    /// Rows.
    Data(DeltaFile),
}

/// A Parquet file: one partition of one site.
///
/// It is named by the version whose commit adds it and by its bytes: a commit that is tried again writes
/// the same keys, and no key comes back once that version is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeltaFile {
    /// The site.
    pub site: SiteName,
    /// The partition.
    pub part: Part,
    /// The version that adds it.
    pub version: u64,
    /// Of its bytes.
    pub md5: Md5,
}

impl DeltaKey {
    /// The key in the store.
    #[must_use]
    pub fn of(&self, table: &Name) -> String {
        match self {
            Self::Commit(version) => format!("{}.json", delta_log_from(table, *version)),
            Self::Checkpoint(version) => {
                format!("{}.checkpoint.parquet", delta_log_from(table, *version))
            }
            Self::LastCheckpoint => format!("{}_last_checkpoint", delta_log_prefix(table)),
            Self::Data(file) => format!("{ARCHIVE_DELTA}{table}/{file}"),
        }
    }

    /// Reads a key back. `None` for keys that are not of this form.
    #[must_use]
    pub fn parse(key: &str) -> Option<(Name, Self)> {
        let (table, path) = key.strip_prefix(ARCHIVE_DELTA)?.split_once('/')?;
        let table = Name::new(table).ok()?;
        let version = |name, suffix| numbered(name, suffix).map(|Seq(version)| version);
        let key = match path.strip_prefix("_delta_log/") {
            Some("_last_checkpoint") => Self::LastCheckpoint,
            Some(name) => version(name, ".json")
                .map(Self::Commit)
                .or_else(|| version(name, ".checkpoint.parquet").map(Self::Checkpoint))?,
            None => Self::Data(DeltaFile::parse(path)?),
        };
        Some((table, key))
    }
}

impl DeltaFile {
    /// Reads a path back that [`fmt::Display`] wrote.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let mut segments = path.split('/');
        let site = segments.next()?.strip_prefix("site=")?;
        let part = segments.next()?.strip_prefix("part=")?;
        let (version, md5) = segments.next()?.strip_suffix(".parquet")?.split_once('-')?;
        let file = Self {
            site: SiteName::new(site).ok()?,
            part: part_of(part)?,
            version: version.parse().ok()?,
            md5: Md5::new(md5).ok()?,
        };
        (segments.next().is_none() && file.to_string() == path).then_some(file)
    }

    /// The partition as the table's column `part` has it: `2025-11-28` or `07of16`.
    #[must_use]
    pub fn part_value(&self) -> String {
        let part = self.part.to_string();
        part.split_once('=')
            .map_or(String::new(), |(_, value)| value.to_owned())
    }
}

fn part_of(value: &str) -> Option<Part> {
    let kind = if value.contains("of") { "b" } else { "dt" };
    Part::new(&format!("{kind}={value}")).ok()
}

impl fmt::Display for DeltaFile {
    /// Its path in the table's folder.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (site, part) = (&self.site, self.part_value());
        write!(
            f,
            "site={site}/part={part}/{}-{}.parquet",
            self.version, self.md5
        )
    }
}

/// What lies under a table's folder and is rows.
#[must_use]
pub fn delta_data_prefix(table: &Name) -> String {
    format!("{ARCHIVE_DELTA}{table}/site=")
}

/// A table's log.
#[must_use]
pub fn delta_log_prefix(table: &Name) -> String {
    format!("{ARCHIVE_DELTA}{table}/_delta_log/")
}

/// Comes before all keys of a version in a table's log, and after those of the versions before it.
#[must_use]
pub fn delta_log_from(table: &Name, version: u64) -> String {
    format!("{}{version:020}", delta_log_prefix(table))
}

/// Comes after all keys of a table, and before those of the next.
#[must_use]
pub fn delta_end(table: &Name) -> String {
    format!("{ARCHIVE_DELTA}{table}/~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back() {
        let table = Name::new("sale").unwrap();
        let file = |part: &str| {
            DeltaKey::Data(DeltaFile {
                site: SiteName::new("hcm-01").unwrap(),
                part: Part::new(part).unwrap(),
                version: 7,
                md5: Md5([0; 16]),
            })
        };
        let keys = [
            (
                DeltaKey::Commit(7),
                "_delta_log/00000000000000000007.json".to_owned(),
            ),
            (
                DeltaKey::Checkpoint(64),
                "_delta_log/00000000000000000064.checkpoint.parquet".to_owned(),
            ),
            (
                DeltaKey::LastCheckpoint,
                "_delta_log/_last_checkpoint".to_owned(),
            ),
            (
                file("dt=2025-11-28"),
                format!("site=hcm-01/part=2025-11-28/7-{}.parquet", "0".repeat(32)),
            ),
            (
                file("b=07of16"),
                format!("site=hcm-01/part=07of16/7-{}.parquet", "0".repeat(32)),
            ),
        ];
        for (key, path) in keys {
            let whole = format!("archive/delta/sale/{path}");
            assert_eq!(key.of(&table), whole);
            assert_eq!(DeltaKey::parse(&whole), Some((table.clone(), key)));
        }
    }

    #[test]
    fn other_keys_are_none() {
        let md5 = "0".repeat(32);
        for path in [
            "archive/sale/dt=2025-11-28/here.csv",
            "archive/delta/dt=2025-11-28/here.csv",
            "archive/delta/sale/_delta_log/7.json",
            &format!("archive/delta/sale/site=here/part=2025-11-28/07-{md5}.parquet"),
            &format!("archive/delta/sale/site=here/part=dt=2025-11-28/7-{md5}.parquet"),
            &format!("archive/delta/sale/site=here/part=2025-11-28/7-{md5}.parquet/x"),
        ] {
            assert_eq!(DeltaKey::parse(path), None, "{path}");
        }
    }
}
