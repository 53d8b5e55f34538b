//! The hub's own rows as both databases hold them, and what they are made into.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;

use causeway_shared::catalog::{Catalog, Entry};
use causeway_shared::commit::{Head, PartitionObject, Writer};
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Name, Part, Seq};

use super::{DbError, Mark, SiteState, StoredSite};

/// A site's row.
#[derive(Debug)]
pub(super) struct SiteRecord {
    pub(super) site: String,
    pub(super) revision: i64,
    pub(super) seq: Option<i64>,
    pub(super) at: Option<String>,
    pub(super) epoch: Option<i64>,
    pub(super) writer_id: Option<String>,
    pub(super) writer_host: Option<String>,
    pub(super) dataset: Option<String>,
    pub(super) loaded_at: Option<String>,
    pub(super) log_head: Option<i64>,
    pub(super) last_error: Option<String>,
}

/// A partition's row in the catalog.
#[derive(Debug)]
pub(super) struct PartitionRecord {
    pub(super) table: String,
    pub(super) part: String,
    pub(super) md5: String,
    pub(super) rows: i64,
    pub(super) bytes: i64,
    /// JSON.
    pub(super) summary: String,
    pub(super) dataset: String,
    pub(super) seq: i64,
}

/// A load mark's row.
#[derive(Debug)]
pub(super) struct MarkRecord {
    pub(super) table: String,
    pub(super) part: String,
    pub(super) md5: String,
    pub(super) rows: i64,
}

/// All that is held of a site besides its rows.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) site: SiteRecord,
    /// The canonical JSON of the loaded commit's dataset.
    pub(super) dataset: Option<String>,
    pub(super) partitions: Vec<PartitionRecord>,
    pub(super) marks: Vec<MarkRecord>,
}

impl SiteRecord {
    /// How the site stands.
    pub(super) fn state(self, database: &str) -> Result<SiteState, DbError> {
        let site = self.site.clone();
        self.read()
            .map_err(|what| unreadable(database, &site, what))
    }

    fn read(self) -> Result<SiteState, String> {
        let head = match self.seq {
            None => None,
            Some(seq) => Some(Head {
                seq: Seq(count(seq)?),
                at: text("at", &self.at.ok_or("at is missing")?)?,
                epoch: count(self.epoch.ok_or("epoch is missing")?)?,
                writer: Writer {
                    id: self.writer_id.unwrap_or_default(),
                    host: self.writer_host.unwrap_or_default(),
                },
                dataset: text("dataset", &self.dataset.ok_or("dataset is missing")?)?,
            }),
        };
        Ok(SiteState {
            site: text("site", &self.site)?,
            revision: count(self.revision)?,
            head,
            loaded_at: match self.loaded_at {
                Some(at) => Some(text::<Timestamp>("loaded_at", &at)?),
                None => None,
            },
            log_head: match self.log_head {
                Some(seq) => Some(Seq(count(seq)?)),
                None => None,
            },
            last_error: self.last_error,
        })
    }
}

impl Records {
    /// What is held of the site.
    pub(super) fn stored(self, database: &str) -> Result<StoredSite, DbError> {
        let site = self.site.site.clone();
        let state = self.site.state(database)?;
        let read = || -> Result<StoredSite, String> {
            let mut catalog = Catalog::empty(state.site.clone());
            catalog.head.clone_from(&state.head);
            for record in &self.partitions {
                let (key, entry) = record.partition()?;
                catalog.partitions.insert(key, entry);
            }
            let dataset = self
                .dataset
                .as_deref()
                .map(|json| Dataset::from_json(json.as_bytes()));
            Ok(StoredSite {
                catalog,
                dataset: dataset.transpose().map_err(|error| error.to_string())?,
                loaded: self
                    .marks
                    .iter()
                    .map(MarkRecord::mark)
                    .collect::<Result<_, _>>()?,
                state,
            })
        };
        read().map_err(|what| unreadable(database, &site, what))
    }
}

impl PartitionRecord {
    fn partition(&self) -> Result<((Name, Part), Entry), String> {
        let entry = Entry {
            object: PartitionObject {
                md5: text("md5", &self.md5)?,
                rows: count(self.rows)?,
                bytes: count(self.bytes)?,
                summary: serde_json::from_str(&self.summary)
                    .map_err(|error| format!("summary: {error}"))?,
            },
            dataset: text("dataset", &self.dataset)?,
            seq: Seq(count(self.seq)?),
        };
        Ok((
            (text("table", &self.table)?, text("part", &self.part)?),
            entry,
        ))
    }
}

impl MarkRecord {
    fn mark(&self) -> Result<((Name, Part), Mark), String> {
        let mark = Mark {
            md5: text("md5", &self.md5)?,
            rows: count(self.rows)?,
        };
        Ok((
            (text("table", &self.table)?, text("part", &self.part)?),
            mark,
        ))
    }
}

/// A number as the databases hold it.
pub(super) fn stored_count(n: u64) -> i64 {
    // Rows, bytes and commit numbers are far below 2^63.
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A count as it was stored.
pub(super) fn count(n: i64) -> Result<u64, String> {
    u64::try_from(n).map_err(|_| format!("{n} is below zero"))
}

fn text<T: FromStr<Err: Display>>(column: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{column}: {error}"))
}

fn unreadable(database: &str, site: &str, what: String) -> DbError {
    DbError::Unreadable {
        database: database.to_owned(),
        site: site.to_owned(),
        what,
    }
}
