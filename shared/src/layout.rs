//! Where everything lies in the store: the only place that makes and parses its keys.

mod delta;

use crate::ids::{Md5, Name, Part, Seq, SiteName};

pub use delta::{
    DeltaFile, DeltaKey, delta_data_prefix, delta_end, delta_log_from, delta_log_prefix,
};

/// The logs of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhichLog {
    /// What the site's data is; its agent writes it.
    Agent,
    /// What was changed in the cloud; the hubs of the owning database write it.
    Edits,
}

/// A key of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogKey {
    /// Commit n, create-only.
    Commit(Seq),
    /// The catalog at n.
    Checkpoint(Seq),
    /// The hint that names the newest checkpoint.
    Latest,
    /// What the log says of one partition: its rows, or its edits.
    Object(Name, Part, Md5),
}

/// A key of a site's own part of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteKey {
    /// A key of one of its logs.
    Log(WhichLog, LogKey),
    /// The canonical JSON of a dataset.
    Dataset(Md5),
    /// The refused rows of one table.
    Quarantine(Name),
}

impl WhichLog {
    /// The log's folder under the site's, with the `/` at its end.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Agent => "",
            Self::Edits => "edits/",
        }
    }

    /// How the names of its objects end.
    fn object_suffix(self) -> &'static str {
        match self {
            Self::Agent => ".csv.zst",
            Self::Edits => ".jsonl.zst",
        }
    }

    /// The prefix of its commits; nothing else has it.
    #[must_use]
    pub fn commits(self, site: &SiteName) -> String {
        format!("{SITES}{site}/{}log/", self.folder())
    }

    /// The prefix of its checkpoints.
    #[must_use]
    pub fn checkpoints(self, site: &SiteName) -> String {
        format!("{SITES}{site}/{}checkpoint/", self.folder())
    }

    /// The prefix of its objects.
    #[must_use]
    pub fn objects(self, site: &SiteName) -> String {
        format!("{SITES}{site}/{}data/", self.folder())
    }

    /// The prefix of a table's objects.
    #[must_use]
    pub fn objects_of(self, site: &SiteName, table: &Name) -> String {
        format!("{}{table}/", self.objects(site))
    }

    fn parse(self, path: &[&str]) -> Option<LogKey> {
        Some(match *path {
            ["log", name] => LogKey::Commit(numbered(name, ".json")?),
            ["checkpoint", name] => LogKey::Checkpoint(numbered(name, ".json.zst")?),
            ["latest.json"] => LogKey::Latest,
            ["data", table, part, name] => LogKey::Object(
                Name::new(table).ok()?,
                Part::new(part).ok()?,
                Md5::new(name.strip_suffix(self.object_suffix())?).ok()?,
            ),
            _ => return None,
        })
    }
}

impl LogKey {
    /// The key in the store, of a site's log.
    #[must_use]
    pub fn of(&self, log: WhichLog, site: &SiteName) -> String {
        match self {
            Self::Commit(seq) => format!("{}{:020}.json", log.commits(site), seq.0),
            Self::Checkpoint(seq) => format!("{}{:020}.json.zst", log.checkpoints(site), seq.0),
            Self::Latest => format!("{SITES}{site}/{}latest.json", log.folder()),
            Self::Object(table, part, md5) => format!(
                "{}{part}/{md5}{}",
                log.objects_of(site, table),
                log.object_suffix()
            ),
        }
    }
}

impl SiteKey {
    /// The key in the store.
    #[must_use]
    pub fn of(&self, site: &SiteName) -> String {
        match self {
            Self::Log(log, key) => key.of(*log, site),
            Self::Dataset(md5) => format!("{}{md5}.json", dataset_prefix(site)),
            Self::Quarantine(table) => format!("{}{table}.csv", quarantine_prefix(site)),
        }
    }

    /// Reads a key back. `None` for keys that are not of this form.
    #[must_use]
    pub fn parse(key: &str) -> Option<(SiteName, Self)> {
        let (site, rest) = key.strip_prefix(SITES)?.split_once('/')?;
        let site = SiteName::new(site).ok()?;
        let segments: Vec<&str> = rest.split('/').collect();
        let parsed = match segments[..] {
            ["dataset", name] => Self::Dataset(Md5::new(name.strip_suffix(".json")?).ok()?),
            ["quarantine", name] => Self::Quarantine(Name::new(name.strip_suffix(".csv")?).ok()?),
            ["edits", ref path @ ..] => Self::Log(WhichLog::Edits, WhichLog::Edits.parse(path)?),
            ref path => Self::Log(WhichLog::Agent, WhichLog::Agent.parse(path)?),
        };
        Some((site, parsed))
    }
}

/// The prefix of all sites.
pub const SITES: &str = "sites/";

/// The store's hashed API tokens.
pub const TOKENS: &str = "hub/tokens.json";

/// The sessions of browsers, hashed as well.
pub const SESSIONS: &str = "hub/sessions.json";

/// The dates that are pinned.
pub const PINS: &str = "hub/pins.json";

/// The prefix of what hubs write outside any site.
pub const HUB: &str = "hub/";

/// How the database is to stand, and what the keeper is to do.
pub const WAKE: &str = "hub/wake.json";

/// The archive's switch.
pub const ARCHIVE_SWITCH: &str = "hub/archive.json";
/// Imports that wait for a function's tick, and what came of earlier ones.
pub const QUEUED_IMPORTS: &str = "hub/imports.json";

/// The prefix of what is published.
pub const ARCHIVE: &str = "archive/";

/// The prefix of what is published as Delta tables.
pub const ARCHIVE_DELTA: &str = "archive/delta/";

/// What the Delta tables hold.
pub const ARCHIVE_DELTA_STATE: &str = "archive_delta.json.zst";

/// The MD5 of each published file, for `md5sum -c`.
pub const MD5SUMS: &str = "archive/MD5SUMS";

/// Which version of its partition each published file is.
pub const ARCHIVE_MANIFEST: &str = "archive_manifest.json.zst";

/// What is published, and how the last runs went.
pub const ARCHIVE_INFO: &str = "archive_info.json";

/// A published file: one partition of one site.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArchiveFile {
    /// The table.
    pub table: Name,
    /// The partition.
    pub part: Part,
    /// The site.
    pub site: SiteName,
}

impl ArchiveFile {
    /// Its path under the archive's prefix, as `MD5SUMS` names it.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}/{}.csv", self.table, self.part, self.site)
    }

    /// The key in the store.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{ARCHIVE}{}", self.path())
    }

    /// Reads a key back. `None` for keys that are not of this form.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let mut segments = key.strip_prefix(ARCHIVE)?.split('/');
        let file = Self {
            table: Name::new(segments.next()?).ok()?,
            part: Part::new(segments.next()?).ok()?,
            site: SiteName::new(segments.next()?.strip_suffix(".csv")?).ok()?,
        };
        segments.next().is_none().then_some(file)
    }
}

/// The prefix of a hub's store check.
pub const HUB_CHECK: &str = "hub/check/";

/// The prefix of the store check of a site's agent.
#[must_use]
pub fn check_prefix(site: &SiteName) -> String {
    format!("{SITES}{site}/check/")
}

/// The prefix of the datasets that a site's objects are written with.
#[must_use]
pub fn dataset_prefix(site: &SiteName) -> String {
    format!("{SITES}{site}/dataset/")
}

/// The prefix of a site's refused rows.
#[must_use]
pub fn quarantine_prefix(site: &SiteName) -> String {
    format!("{SITES}{site}/quarantine/")
}

/// Comes after all keys of a site's edits, and before those that follow.
#[must_use]
pub fn edits_end(site: &SiteName) -> String {
    format!("{SITES}{site}/edits0")
}

/// A file that was imported into a site, as it came.
#[must_use]
pub fn import_file(site: &SiteName, md5: Md5, extension: &str) -> String {
    format!("imports/{site}/{md5}.{extension}")
}

/// The site, MD5 and extension in the key of a file that was imported, or is to be.
#[must_use]
pub fn parse_import_file(key: &str) -> Option<(SiteName, Md5, &str)> {
    let (site, name) = key.strip_prefix("imports/")?.split_once('/')?;
    let (md5, extension) = name.split_once('.')?;
    let found = (SiteName::new(site).ok()?, Md5::new(md5).ok()?, extension);
    (import_file(&found.0, found.1, extension) == key).then_some(found)
}

/// The number in a name of exactly twenty digits.
fn numbered(name: &str, suffix: &str) -> Option<Seq> {
    let digits = name.strip_suffix(suffix)?;
    let well_formed = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    well_formed
        .then(|| Seq::try_from(digits.parse::<u64>().ok()?).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_imported_files_are_read_as_they_are_made() {
        let (site, md5) = (SiteName::new("hcm-02").unwrap(), Md5::of(b"a"));
        let key = import_file(&site, md5, "sql");
        assert_eq!(parse_import_file(&key), Some((site, md5, "sql")));
        let upper = key.to_uppercase().replace("IMPORTS", "imports");
        for other in [
            &upper,
            "imports/hcm-02/x.sql",
            "sites/hcm-02/latest.json",
            "imports/../a.sql",
        ] {
            assert_eq!(parse_import_file(other), None, "{other}");
        }
    }

    #[test]
    fn published_files_lie_as_hive_has_them() {
        let file = ArchiveFile {
            table: Name::new("appointment").unwrap(),
            part: Part::new("dt=2025-11-28").unwrap(),
            site: SiteName::new("hcm-01").unwrap(),
        };
        let key = "archive/appointment/dt=2025-11-28/hcm-01.csv";
        assert_eq!(file.key(), key);
        assert_eq!(ArchiveFile::parse(key), Some(file));
        for none in [
            MD5SUMS,
            "archive/delta/appointment/_delta_log/0.json",
            "archive/appointment/dt=2025-11-28/hcm-01.csv/x",
            "archive/appointment/dt=2025-11-28/hcm-01.txt",
            "appointment/dt=2025-11-28/hcm-01.csv",
        ] {
            assert_eq!(ArchiveFile::parse(none), None);
        }
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        let site = SiteName::new("hcm-01").unwrap();
        let table = Name::new("appointment").unwrap();
        let md5 = Md5::of(b"");
        let part = Part::new("dt=2025-11-28").unwrap();
        let object = LogKey::Object(table.clone(), part, md5);
        let agent = |key| SiteKey::Log(WhichLog::Agent, key);
        let edits = |key| SiteKey::Log(WhichLog::Edits, key);
        for (key, text) in [
            (
                agent(LogKey::Commit(Seq(42))),
                "log/00000000000000000042.json",
            ),
            (
                agent(LogKey::Checkpoint(Seq(64))),
                "checkpoint/00000000000000000064.json.zst",
            ),
            (agent(LogKey::Latest), "latest.json"),
            (
                agent(object.clone()),
                "data/appointment/dt=2025-11-28/d41d8cd98f00b204e9800998ecf8427e.csv.zst",
            ),
            (
                edits(LogKey::Commit(Seq(42))),
                "edits/log/00000000000000000042.json",
            ),
            (
                edits(LogKey::Checkpoint(Seq(64))),
                "edits/checkpoint/00000000000000000064.json.zst",
            ),
            (edits(LogKey::Latest), "edits/latest.json"),
            (
                edits(object),
                "edits/data/appointment/dt=2025-11-28/d41d8cd98f00b204e9800998ecf8427e.jsonl.zst",
            ),
            (
                SiteKey::Dataset(md5),
                "dataset/d41d8cd98f00b204e9800998ecf8427e.json",
            ),
            (
                SiteKey::Quarantine(table.clone()),
                "quarantine/appointment.csv",
            ),
        ] {
            assert_eq!(key.of(&site), format!("sites/hcm-01/{text}"));
            assert_eq!(SiteKey::parse(&key.of(&site)), Some((site.clone(), key)));
        }
        for none in ["1", "18446744073709551615", "99999999999999999999"] {
            assert_eq!(
                SiteKey::parse(&format!("sites/hcm-01/log/{none}.json")),
                None
            );
        }
        assert_eq!(SiteKey::parse("archive/x"), None);
    }
}
