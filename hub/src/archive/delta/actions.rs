//! What a Delta log's commits say: one action a line, as Delta's protocol writes it.

use std::collections::BTreeMap;

use causeway_shared::ids::{Md5, Seq, SiteName};
use causeway_shared::layout::DeltaFile;
use serde::{Deserialize, Serialize};

use super::super::report::Commits;
use super::schema::{PARTITION_COLUMNS, Schema};

/// What a transaction's name begins with; a site's follows.
const APP: &str = "causeway/";

/// What the name of the transaction ends with that counts the commits of a site's edits.
const EDITS: &str = "/edits";

/// The feature of tables that have timestamps without a zone.
const TIMESTAMPS: &str = "timestampNtz";

/// An action. One that is not among these is none of ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Action {
    CommitInfo(CommitInfo),
    Protocol(Protocol),
    MetaData(MetaData),
    Txn(Txn),
    Add(Add),
    Remove(Remove),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommitInfo {
    /// Milliseconds.
    pub(super) timestamp: i64,
    pub(super) operation: String,
    pub(super) engine_info: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Protocol {
    min_reader_version: i32,
    min_writer_version: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reader_features: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    writer_features: Option<Vec<String>>,
}

impl Protocol {
    /// The oldest that a table with these columns can have.
    pub(super) fn of(schema: &Schema) -> Self {
        let features = schema.has_timestamps().then(|| vec![TIMESTAMPS.to_owned()]);
        let (min_reader_version, min_writer_version) = match features {
            Some(_) => (3, 7),
            None => (1, 2),
        };
        Self {
            min_reader_version,
            min_writer_version,
            reader_features: features.clone(),
            writer_features: features,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetaData {
    pub(super) id: String,
    pub(super) name: String,
    format: Format,
    pub(super) schema_string: String,
    partition_columns: Vec<String>,
    configuration: BTreeMap<String, String>,
    /// Milliseconds.
    pub(super) created_time: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Format {
    provider: String,
    options: BTreeMap<String, String>,
}

impl MetaData {
    pub(super) fn new(
        (id, name): (&str, &str),
        schema: &Schema,
        created_time: i64,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: id.to_owned(),
            name: name.to_owned(),
            format: Format {
                provider: "parquet".to_owned(),
                options: BTreeMap::new(),
            },
            schema_string: schema.to_text()?,
            partition_columns: PARTITION_COLUMNS.map(str::to_owned).to_vec(),
            configuration: BTreeMap::new(),
            created_time,
        })
    }
}

/// How far a writer has come; ours are the sites, and their numbers those of the sites' commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Txn {
    app_id: String,
    version: i64,
}

impl Txn {
    pub(super) fn of(site: &SiteName, commits: Commits) -> [Self; 2] {
        // Numbers of commits have 63 bits.
        let version = |Seq(seq)| i64::try_from(seq).unwrap_or(i64::MAX);
        [
            Self {
                app_id: format!("{APP}{site}"),
                version: version(commits.commit),
            },
            Self {
                app_id: format!("{APP}{site}{EDITS}"),
                version: version(commits.edits_commit.unwrap_or(Seq::NONE)),
            },
        ]
    }

    /// Notes it; `false`: it is none of ours.
    pub(super) fn note(&self, commits: &mut BTreeMap<SiteName, Commits>) -> bool {
        let Some(rest) = self.app_id.strip_prefix(APP) else {
            return false;
        };
        let (site, is_edits) = match rest.strip_suffix(EDITS) {
            Some(site) => (site, true),
            None => (rest, false),
        };
        let (Ok(site), Ok(seq)) = (SiteName::new(site), u64::try_from(self.version)) else {
            return false;
        };
        let commits = commits.entry(site).or_default();
        match is_edits {
            true => commits.edits_commit = Some(Seq(seq)).filter(|seq| *seq != Seq::NONE),
            false => commits.commit = Seq(seq),
        }
        true
    }
}

/// What a file was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MadeOf {
    /// The site's object; none where only the cloud has the partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) object: Option<Md5>,
    /// The edits object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) edits: Option<Md5>,
    pub(crate) dataset: Md5,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Add {
    pub(super) path: String,
    partition_values: BTreeMap<String, String>,
    pub(super) size: u64,
    /// Milliseconds.
    pub(super) modification_time: i64,
    data_change: bool,
    pub(super) stats: String,
    pub(super) tags: MadeOf,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remove {
    pub(super) path: String,
    /// Milliseconds.
    pub(super) deletion_timestamp: i64,
    data_change: bool,
    extended_file_metadata: bool,
    partition_values: BTreeMap<String, String>,
    pub(super) size: u64,
}

fn partition_values(file: &DeltaFile) -> BTreeMap<String, String> {
    let values = [file.site.to_string(), file.part_value()];
    PARTITION_COLUMNS
        .map(str::to_owned)
        .into_iter()
        .zip(values)
        .collect()
}

impl Add {
    pub(super) fn new(
        file: &DeltaFile,
        size: u64,
        modification_time: i64,
        (stats, tags): (&str, MadeOf),
    ) -> Self {
        Self {
            // Letters, digits, `-`, `=` and `/`: a URI has them as they are.
            path: file.to_string(),
            partition_values: partition_values(file),
            size,
            modification_time,
            data_change: true,
            stats: stats.to_owned(),
            tags,
        }
    }
}

impl Remove {
    pub(super) fn new(file: &DeltaFile, size: u64, deletion_timestamp: i64) -> Self {
        Self {
            path: file.to_string(),
            deletion_timestamp,
            data_change: true,
            extended_file_metadata: true,
            partition_values: partition_values(file),
            size,
        }
    }
}
