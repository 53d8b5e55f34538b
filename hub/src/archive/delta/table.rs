//! What a Delta table holds at a version: its log, replayed.
//!
//! A commit is made as bytes ([`DeltaTable::commit`]) and taken over by the same code whoever wrote it
//! ([`DeltaTable::after`]), so that what a hub keeps of a table is what any reader of its log sees.

use std::collections::BTreeMap;

use causeway_shared::ids::{Md5, Name, Part, SiteName};
use causeway_shared::layout::DeltaFile;
use causeway_shared::store::Version;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::report::Commits;
use super::actions::{Action, Add, CommitInfo, MadeOf, MetaData, Protocol, Remove, Txn};
use super::schema::Schema;

/// A checkpoint is written after so many commits.
const COMMITS_A_CHECKPOINT: u64 = 64;

/// A table. The default is one that is not there yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DeltaTable {
    /// The newest commit; none before the first.
    pub(super) head: Option<Head>,
    /// Delta's own name of it.
    pub(super) id: String,
    /// When it was made, in milliseconds.
    pub(super) created: i64,
    pub(super) schema: Schema,
    /// The commits that its rows are of.
    pub(super) commits: BTreeMap<SiteName, Commits>,
    pub(super) checkpoint: Option<Checkpoint>,
    #[serde(with = "files")]
    pub(super) files: BTreeMap<(SiteName, Part), LiveFile>,
    /// Files that a version that is no longer the newest has, and when they were removed, in milliseconds.
    #[serde(with = "removed")]
    pub(super) removed: BTreeMap<DeltaFile, Removed>,
}

/// The newest commit of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) version: u64,
    /// Of its bytes: by it a log that somebody has begun anew is told.
    pub(super) md5: Md5,
    /// Milliseconds.
    pub(super) at: i64,
}

/// The newest checkpoint of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    pub(super) version: u64,
    /// As the store calls what was written.
    pub(super) file: Version,
    /// As the store calls the hint that names it.
    pub(super) hint: Version,
}

/// A file of the newest version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LiveFile {
    /// The version that added it.
    version: u64,
    md5: Md5,
    pub(super) bytes: u64,
    /// When it was added, in milliseconds.
    at: i64,
    /// None where it is not what was written: it is to be written again.
    pub(super) made_of: Option<MadeOf>,
    stats: String,
}

/// A file of an earlier version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Removed {
    pub(super) at: i64,
    bytes: u64,
}

/// What a commit changes.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) schema: Schema,
    /// What partitions hold now.
    pub(super) written: BTreeMap<(SiteName, Part), NewFile>,
    /// Partitions that are gone.
    pub(super) gone: Vec<(SiteName, Part)>,
    /// How far the sites have come that it is about.
    pub(super) commits: BTreeMap<SiteName, Commits>,
}

/// A file that a commit adds.
#[derive(Debug, Clone)]
pub(super) struct NewFile {
    pub(super) md5: Md5,
    pub(super) bytes: u64,
    pub(super) stats: String,
    pub(super) made_of: MadeOf,
}

/// Why a commit cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub(super) enum ForeignCommit {
    #[error("it is not what Causeway writes: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it is not what Causeway writes: {0}")]
    Action(&'static str),
}

impl LiveFile {
    /// Where it lies.
    pub(super) fn file(&self, (site, part): &(SiteName, Part)) -> DeltaFile {
        DeltaFile {
            site: site.clone(),
            part: *part,
            version: self.version,
            md5: self.md5,
        }
    }

    pub(super) fn md5(&self) -> Md5 {
        self.md5
    }
}

impl DeltaTable {
    /// The version that the next commit makes.
    pub(super) fn next_version(&self) -> u64 {
        self.head.map_or(0, |head| head.version + 1)
    }

    /// Whether a commit would say something.
    pub(super) fn would_change(&self, change: &Change) -> bool {
        self.head.is_none()
            || change.schema != self.schema
            || !change.written.is_empty()
            || !change.gone.is_empty()
    }

    /// The bytes of the commit that makes the next version.
    pub(super) fn commit(
        &self,
        table: &Name,
        change: &Change,
        now: Timestamp,
    ) -> Result<Vec<u8>, serde_json::Error> {
        let version = self.next_version();
        // Readers look for the version of an instant, so that no two have the same.
        let after = self.head.map_or(i64::MIN, |head| head.at + 1);
        let at = now.as_millisecond().max(after);
        let mut actions = vec![Action::CommitInfo(CommitInfo {
            timestamp: at,
            operation: "WRITE".to_owned(),
            engine_info: concat!("causeway-hub/", env!("CARGO_PKG_VERSION")).to_owned(),
        })];
        let protocol = Protocol::of(&change.schema);
        let is_new = self.head.is_none();
        if is_new || protocol != Protocol::of(&self.schema) {
            actions.push(Action::Protocol(protocol));
        }
        if is_new || change.schema != self.schema {
            let (id, created) = match is_new {
                true => (new_id(table, now), at),
                false => (self.id.clone(), self.created),
            };
            let meta = MetaData::new((&id, table.as_str()), &change.schema, created)?;
            actions.push(Action::MetaData(meta));
        }
        let commits = change.commits.iter();
        let changed = commits.filter(|(site, now)| self.commits.get(*site) != Some(now));
        let txns = changed.flat_map(|(site, now)| Txn::of(site, *now));
        actions.extend(txns.map(Action::Txn));
        let replaced = change.written.keys().chain(&change.gone);
        let replaced = replaced.filter_map(|at| Some((at, self.files.get(at)?)));
        actions.extend(
            replaced.map(|(key, was)| Action::Remove(Remove::new(&was.file(key), was.bytes, at))),
        );
        actions.extend(change.written.iter().map(|((site, part), new)| {
            let file = new.file(site, *part, version);
            Action::Add(Add::new(&file, new.bytes, at, (&new.stats, new.made_of)))
        }));
        lines(&actions)
    }

    /// The table after a commit, that of the next version.
    pub(super) fn after(mut self, bytes: &[u8]) -> Result<Self, ForeignCommit> {
        let mut at = None;
        for action in serde_json::Deserializer::from_slice(bytes).into_iter() {
            match action? {
                Action::CommitInfo(info) => at = Some(info.timestamp),
                action => self.take(action)?,
            }
        }
        self.head = Some(Head {
            version: self.next_version(),
            md5: Md5::of(bytes),
            at: at.ok_or(ForeignCommit::Action("it has no commitInfo"))?,
        });
        Ok(self)
    }

    fn take(&mut self, action: Action) -> Result<(), ForeignCommit> {
        let file_of = |path: &str| {
            DeltaFile::parse(path).ok_or(ForeignCommit::Action("a path is none of its own"))
        };
        match action {
            Action::CommitInfo(_) | Action::Protocol(_) => {}
            Action::MetaData(meta) => {
                self.schema = Schema::from_text(&meta.schema_string)?;
                (self.id, self.created) = (meta.id, meta.created_time);
            }
            Action::Txn(txn) => {
                if !txn.note(&mut self.commits) {
                    return Err(ForeignCommit::Action("a transaction is none of its own"));
                }
            }
            Action::Remove(remove) => {
                let file = file_of(&remove.path)?;
                let key = (file.site.clone(), file.part);
                let live = self.files.get(&key);
                if live.is_some_and(|live| live.file(&key) == file) {
                    self.files.remove(&key);
                }
                let removed = Removed {
                    at: remove.deletion_timestamp,
                    bytes: remove.size,
                };
                self.removed.insert(file, removed);
            }
            Action::Add(add) => {
                let file = file_of(&add.path)?;
                let live = LiveFile {
                    version: file.version,
                    md5: file.md5,
                    bytes: add.size,
                    at: add.modification_time,
                    made_of: Some(add.tags),
                    stats: add.stats,
                };
                self.files.insert((file.site, file.part), live);
            }
        }
        Ok(())
    }

    /// The version of its newest checkpoint; 0: it has none.
    pub(super) fn checkpoint_version(&self) -> u64 {
        self.checkpoint.as_ref().map_or(0, |newest| newest.version)
    }

    /// Whether it is time for a checkpoint.
    pub(super) fn wants_checkpoint(&self) -> bool {
        let version = self.head.map_or(0, |head| head.version);
        version >= self.checkpoint_version() + COMMITS_A_CHECKPOINT
    }

    /// The actions that the table's state comes to: what a checkpoint holds.
    pub(super) fn actions(&self, table: &Name) -> Result<Vec<Action>, serde_json::Error> {
        let meta = MetaData::new((&self.id, table.as_str()), &self.schema, self.created)?;
        let mut actions = vec![
            Action::Protocol(Protocol::of(&self.schema)),
            Action::MetaData(meta),
        ];
        let txns = self.commits.iter();
        let txns = txns.flat_map(|(site, commits)| Txn::of(site, *commits));
        actions.extend(txns.map(Action::Txn));
        actions.extend(
            self.removed.iter().map(|(file, removed)| {
                Action::Remove(Remove::new(file, removed.bytes, removed.at))
            }),
        );
        let unknown = MadeOf {
            object: None,
            edits: None,
            dataset: Md5([0; 16]),
        };
        actions.extend(self.files.iter().map(|(key, live)| {
            let tags = (live.stats.as_str(), live.made_of.unwrap_or(unknown));
            Action::Add(Add::new(&live.file(key), live.bytes, live.at, tags))
        }));
        Ok(actions)
    }

    /// Forgets files that were removed so long ago that nobody reads them any more: from then on they are
    /// files that nothing names.
    pub(super) fn forget_removed_before(&mut self, limit: i64) {
        self.removed.retain(|_, removed| removed.at > limit);
    }

    /// Whether a file of a version up to the newest is one that nothing names: it was removed, or its
    /// commit was never made, and can not be made any more.
    pub(super) fn is_left_over(&self, file: &DeltaFile) -> bool {
        let is_decided = self.head.is_some_and(|head| file.version <= head.version);
        let key = (file.site.clone(), file.part);
        let is_live = self
            .files
            .get(&key)
            .is_some_and(|live| live.file(&key) == *file);
        is_decided && !is_live && !self.removed.contains_key(file)
    }

    /// Rows of the newest version, as its files' statistics count them.
    pub(crate) fn rows(&self) -> u64 {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Stats {
            num_records: u64,
        }
        let files = self.files.values();
        let rows = files.filter_map(|live| serde_json::from_str::<Stats>(&live.stats).ok());
        rows.map(|stats| stats.num_records).sum()
    }
}

impl NewFile {
    pub(super) fn file(&self, site: &SiteName, part: Part, version: u64) -> DeltaFile {
        DeltaFile {
            site: site.clone(),
            part,
            version,
            md5: self.md5,
        }
    }
}

/// A new table's name: a UUID, by which readers that follow a table know that it was made anew.
fn new_id(table: &Name, now: Timestamp) -> String {
    let hex = Md5::of(format!("{table} {now}").as_bytes()).to_string();
    format!(
        "{}-{}-4{}-a{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}

/// One action a line.
fn lines(actions: &[Action]) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::new();
    for action in actions {
        serde_json::to_writer(&mut bytes, action)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// Files as a list, since JSON's names are texts.
mod files {
    use std::collections::BTreeMap;

    use causeway_shared::ids::{Part, SiteName};
    use serde::{Deserialize, Deserializer, Serializer};

    use super::LiveFile;

    pub(super) fn serialize<S: Serializer>(
        files: &BTreeMap<(SiteName, Part), LiveFile>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(files)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(
        deserializer: D,
    ) -> Result<BTreeMap<(SiteName, Part), LiveFile>, D::Error> {
        let files = Vec::<((SiteName, Part), LiveFile)>::deserialize(deserializer)?;
        Ok(files.into_iter().collect())
    }
}

/// Files by their paths.
mod removed {
    use std::collections::BTreeMap;

    use causeway_shared::layout::DeltaFile;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Removed;

    pub(super) fn serialize<S: Serializer>(
        removed: &BTreeMap<DeltaFile, Removed>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let removed = removed.iter();
        serializer.collect_map(removed.map(|(file, removed)| (file.to_string(), removed)))
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(
        deserializer: D,
    ) -> Result<BTreeMap<DeltaFile, Removed>, D::Error> {
        let removed = BTreeMap::<String, Removed>::deserialize(deserializer)?;
        let file = |(path, removed): (String, Removed)| {
            let file = DeltaFile::parse(&path).ok_or_else(|| D::Error::custom("no such path"))?;
            Ok((file, removed))
        };
        removed.into_iter().map(file).collect()
    }
}
