//! What a load has to know of a site that it knows nothing of: of thousands of partitions those that it
//! may have to change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use causeway_shared::ids::{Name, Part};
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Mark, PartVersion, StoredSite};

/// Which partitions a load may have to change.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// The dates that are wanted.
    pub(crate) dates: BTreeSet<Date>,
    /// Where a commit changed something, whatever is wanted.
    pub(crate) changed: BTreeSet<Part>,
}

/// The scope of a load, with the dates that were asked for before it.
pub(crate) type ScopeOf<'s> = dyn Fn(&BTreeMap<Date, Timestamp>) -> Scope + Send + Sync + 's;

/// What is held of a site besides its rows, as far as a load has to know it.
#[derive(Debug, PartialEq)]
pub(crate) struct Outline {
    /// With the partitions of the scope in its catalogs, and no others: those in buckets, where a commit
    /// changed something, wanted and not loaded as the catalogs have them, or loaded and not wanted. And those
    /// that keep keys which are looked for wherever the site changes something.
    pub(crate) stored: StoredSite,
    /// How many others are loaded.
    pub(crate) others: u64,
}

impl Scope {
    /// What of a site lies in it.
    pub(super) fn outline(&self, whole: StoredSite) -> Outline {
        let (catalog, edits) = (&whole.catalog.partitions, &whole.edits.partitions);
        let version = |key: &(Name, Part)| PartVersion {
            object: catalog.get(key).map(|entry| entry.object.md5),
            edits: edits.get(key).map(|entry| entry.object.md5),
        };
        let is_in = |key: &(Name, Part)| {
            let mark = whole.loaded.get(key);
            let keeps = edits.get(key).is_some_and(|e| !e.object.kept.is_empty());
            keeps || self.contains(key.1, version(key), mark)
        };
        let in_catalog = catalog.iter().filter(|(key, _)| is_in(key));
        let in_edits = edits.iter().filter(|(key, _)| is_in(key));
        let loaded = whole.loaded.iter().filter(|(key, _)| is_in(key));
        let loaded: BTreeMap<_, _> = loaded.map(|(key, mark)| (key.clone(), *mark)).collect();
        let others = (whole.loaded.len() - loaded.len()) as u64;
        let in_catalog = in_catalog.map(|(key, entry)| (key.clone(), entry.clone()));
        let in_edits = in_edits.map(|(key, entry)| (key.clone(), entry.clone()));
        let (in_catalog, in_edits) = (in_catalog.collect(), in_edits.collect());
        let mut stored = whole;
        stored.catalog.partitions = in_catalog;
        stored.edits.partitions = in_edits;
        stored.loaded = Arc::new(loaded);
        Outline { stored, others }
    }

    fn contains(&self, part: Part, version: PartVersion, mark: Option<&Mark>) -> bool {
        let Some(date) = part.date() else {
            return true;
        };
        self.changed.contains(&part)
            || match self.dates.contains(&date) {
                true => mark.is_none_or(|mark| mark.version != Some(version)),
                false => mark.is_some(),
            }
    }
}
