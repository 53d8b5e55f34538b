//! The catalog: which object is current for each partition of a site, after a given commit.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::commit::{
    CatalogPartition, Checkpoint, Commit, FORMAT, NoLookups, Now, PartitionObject, Writer,
};
use crate::ids::{Md5, Name, Part, Seq, SiteName};
use crate::summary::Summary;

/// A site's catalog at one commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    /// The site.
    pub site: SiteName,
    /// The last commit taken in; `None` for a site that has committed nothing yet.
    pub head: Option<Head>,
    /// Every partition.
    pub partitions: BTreeMap<(Name, Part), Entry>,
}

/// The commit that a catalog stands at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its number.
    pub seq: Seq,
    /// Its time.
    pub at: Timestamp,
    /// Its epoch.
    pub epoch: u64,
    /// Its writer.
    pub writer: Writer,
    /// Its dataset.
    pub dataset: Md5,
}

/// A partition's current object.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The object.
    pub object: PartitionObject,
    /// The dataset that it was written with.
    pub dataset: Md5,
}

impl Catalog {
    /// The catalog before the first commit.
    #[must_use]
    pub fn empty(site: SiteName) -> Self {
        Self {
            site,
            head: None,
            partitions: BTreeMap::new(),
        }
    }

    /// The number of the last commit taken in; [`Seq::NONE`] before the first.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.head.as_ref().map_or(Seq::NONE, |head| head.seq)
    }

    /// Takes in the next commit.
    ///
    /// # Panics
    /// Never; a commit of another number is a caller's mistake that debug builds assert.
    pub fn apply(&mut self, commit: &Commit) {
        debug_assert_eq!(commit.seq, self.seq().next(), "commits are taken in order");
        for change in &commit.changes {
            let key = (change.table.clone(), change.part);
            match &change.now {
                Now::Object(object) => {
                    let entry = Entry {
                        object: object.clone(),
                        dataset: commit.dataset,
                    };
                    self.partitions.insert(key, entry);
                }
                Now::Removed { .. } => {
                    self.partitions.remove(&key);
                }
            }
        }
        self.head = Some(commit.into());
    }

    /// The partitions of one table, in part order.
    pub fn table<'c>(&'c self, table: &'c str) -> impl Iterator<Item = (Part, &'c Entry)> + 'c {
        self.partitions
            .iter()
            .filter(move |((name, _), _)| name.as_str() == table)
            .map(|((_, part), entry)| (*part, entry))
    }

    /// A table's rows over all history.
    #[must_use]
    pub fn rows(&self, table: &str) -> u64 {
        self.table(table).map(|(_, entry)| entry.object.rows).sum()
    }

    /// A table's summary over all history.
    #[must_use]
    pub fn total(&self, table: &str) -> Summary {
        let mut total = Summary::default();
        self.table(table)
            .for_each(|(_, entry)| total.add(&entry.object.summary));
        total
    }

    /// As a checkpoint; `None` before the first commit.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        let head = self.head.clone()?;
        let partitions = self
            .partitions
            .iter()
            .map(|((table, part), entry)| CatalogPartition {
                table: table.clone(),
                part: *part,
                object: entry.object.clone(),
                dataset: entry.dataset,
            });
        Some(Checkpoint {
            format: FORMAT,
            site: self.site.clone(),
            seq: head.seq,
            at: head.at,
            epoch: head.epoch,
            writer: head.writer,
            dataset: head.dataset,
            partitions: partitions.collect(),
            lookups: NoLookups,
        })
    }
}

impl From<&Commit> for Head {
    fn from(commit: &Commit) -> Self {
        Self {
            seq: commit.seq,
            at: commit.at,
            epoch: commit.epoch,
            writer: commit.writer.clone(),
            dataset: commit.dataset,
        }
    }
}

impl From<Checkpoint> for Catalog {
    fn from(checkpoint: Checkpoint) -> Self {
        let partitions = checkpoint.partitions.into_iter().map(|partition| {
            let entry = Entry {
                object: partition.object,
                dataset: partition.dataset,
            };
            ((partition.table, partition.part), entry)
        });
        Self {
            head: Some(Head {
                seq: checkpoint.seq,
                at: checkpoint.at,
                epoch: checkpoint.epoch,
                writer: checkpoint.writer,
                dataset: checkpoint.dataset,
            }),
            partitions: partitions.collect(),
            site: checkpoint.site,
        }
    }
}
