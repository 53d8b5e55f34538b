//! The catalog: which object is current for each partition of a site, after a given commit.

mod partitions;

use jiff::civil::Date;

pub use partitions::Partitions;

use crate::commit::{
    AgentLog, CatalogPartition, Checkpoint, Commit, FORMAT, LogHead as _, LogKind, Now,
};
use crate::ids::{Md5, Name, Part, Seq, SiteName};
use crate::limits;
use crate::summary::Summary;

/// A site's catalog at one commit of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog<K: LogKind = AgentLog> {
    /// The site.
    pub site: SiteName,
    /// The last commit taken in; `None` for a site that has committed nothing yet.
    pub head: Option<K::Head>,
    /// Every partition.
    pub partitions: Partitions<K>,
}

/// A partition's current object.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<K: LogKind = AgentLog> {
    /// The object.
    pub object: K::Object,
    /// The dataset that it was written with.
    pub dataset: Md5,
    /// The number of the commit that set it; an upper bound in catalogs that an earlier version
    /// wrote.
    pub seq: Seq,
}

impl<K: LogKind> Catalog<K> {
    /// The catalog before the first commit.
    #[must_use]
    pub fn empty(site: SiteName) -> Self {
        Self {
            site,
            head: None,
            partitions: Partitions::default(),
        }
    }

    /// The number of the last commit taken in; [`Seq::NONE`] before the first.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.head.as_ref().map_or(Seq::NONE, K::Head::seq)
    }

    /// Takes in the next commit.
    ///
    /// # Panics
    /// In debug builds, if the commit is not the next one.
    pub fn apply(&mut self, commit: &Commit<K>) {
        debug_assert_eq!(
            commit.head.seq(),
            self.seq().next(),
            "commits are taken in order"
        );
        for change in &commit.changes {
            let key = (change.table.clone(), change.part);
            match &change.now {
                Now::Object(object) => {
                    let entry = Entry {
                        object: object.clone(),
                        dataset: commit.head.dataset(),
                        seq: commit.head.seq(),
                    };
                    self.partitions.insert(key, entry);
                }
                Now::Removed { .. } => {
                    self.partitions.remove(&key);
                }
            }
        }
        self.head = Some(commit.head.clone());
    }

    /// The partitions of one table, in part order.
    pub fn table<'c>(&'c self, table: &'c str) -> impl Iterator<Item = (Part, &'c Entry<K>)> + 'c {
        // A date is before any bucket.
        let first = Name::new(table).map(|name| (name, Part::Date(Date::MIN)));
        let partitions = first.map(|first| self.partitions.range(first..));
        partitions
            .into_iter()
            .flatten()
            .take_while(move |((name, _), _)| name.as_str() == table)
            .map(|((_, part), entry)| (*part, entry))
    }

    /// The partitions of one table by date, of the dates from one to another, in order.
    pub fn dates<'c>(
        &'c self,
        table: &str,
        from: Date,
        to: Date,
    ) -> impl Iterator<Item = (Date, &'c Entry<K>)> + 'c {
        let name = Name::new(table).ok().filter(|_| from <= to);
        let partitions = name.map(|name| {
            let (first, last) = (Part::Date(from), Part::Date(to));
            self.partitions.range((name.clone(), first)..=(name, last))
        });
        let partitions = partitions.into_iter().flatten();
        partitions.filter_map(|((_, part), entry)| Some((part.date()?, entry)))
    }

    /// Whether another catalog says the same: the same objects at the same commit. Which commits set
    /// them is not compared, since a catalog of an earlier version does not know it.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        let same = |(key, entry): (&(Name, Part), &Entry<K>)| {
            let of_other = other.partitions.get(key);
            of_other.is_some_and(|o| (&o.object, o.dataset) == (&entry.object, entry.dataset))
        };
        (&self.site, &self.head) == (&other.site, &other.head)
            && self.partitions.len() == other.partitions.len()
            && self.partitions.iter().all(same)
    }

    /// As a checkpoint; `None` before the first commit.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Checkpoint<K>> {
        let head = self.head.clone()?;
        let partitions = self
            .partitions
            .iter()
            .map(|((table, part), entry)| CatalogPartition {
                table: table.clone(),
                part: *part,
                object: entry.object.clone(),
                dataset: entry.dataset,
                seq: Some(entry.seq),
            });
        Some(Checkpoint {
            format: FORMAT,
            site: self.site.clone(),
            head,
            partitions: partitions.collect(),
        })
    }
}

impl Catalog {
    /// A table's rows over all history.
    #[must_use]
    pub fn rows(&self, table: &str) -> u64 {
        limits::total(self.table(table).map(|(_, entry)| entry.object.rows))
    }

    /// The rows of all tables over all history.
    #[must_use]
    pub fn all_rows(&self) -> u64 {
        limits::total(self.partitions.values().map(|entry| entry.object.rows))
    }

    /// A table's summary over all history.
    #[must_use]
    pub fn total(&self, table: &str) -> Summary {
        let mut total = Summary::default();
        self.table(table)
            .for_each(|(_, entry)| total.add(&entry.object.summary));
        total
    }
}

impl<K: LogKind> From<Checkpoint<K>> for Catalog<K> {
    fn from(checkpoint: Checkpoint<K>) -> Self {
        let head = checkpoint.head.seq();
        let partitions = checkpoint.partitions.into_iter().map(|partition| {
            let entry = Entry {
                object: partition.object,
                dataset: partition.dataset,
                seq: partition.seq.map_or(head, |seq| seq.min(head)),
            };
            ((partition.table, partition.part), entry)
        });
        Self {
            head: Some(checkpoint.head),
            partitions: partitions.collect(),
            site: checkpoint.site,
        }
    }
}
