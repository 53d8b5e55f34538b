//! What a load has to know of a site that it knows nothing of, where commits changed something and nothing else is
//! to be loaded: a few of thousands of partitions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use causeway_shared::ids::{Name, Part};

use super::StoredSite;

/// What is held of a site besides its rows, as far as such a load has to know it.
#[derive(Debug, PartialEq)]
pub(crate) struct Outline {
    /// With the partitions in buckets and those where a commit changed something, and no others; of what is loaded
    /// also those whose rows are not known.
    pub(crate) stored: StoredSite,
    /// How many others are loaded.
    pub(crate) others: u64,
    /// Whether edits of some partition keep keys, which are looked for wherever the site changes something.
    pub(crate) keeps: bool,
}

impl Outline {
    /// That of a site which is known as a whole.
    pub(super) fn of(mut whole: StoredSite, changed: &BTreeSet<Part>) -> Self {
        let is_in = |(_, part): &(Name, Part)| part.date().is_none() || changed.contains(part);
        let catalog = whole.catalog.partitions.iter();
        let catalog = catalog.filter(|(key, _)| is_in(key));
        let catalog = catalog.map(|(key, entry)| (key.clone(), entry.clone()));
        let mut edits = whole.edits.partitions.values();
        let keeps = edits.any(|entry| !entry.object.kept.is_empty());
        let edits = whole.edits.partitions.iter();
        let edits = edits.filter(|(key, _)| is_in(key));
        let edits = edits.map(|(key, entry)| (key.clone(), entry.clone()));
        let loaded = whole.loaded.iter();
        let loaded = loaded.filter(|(key, mark)| is_in(key) || mark.version.is_none());
        let loaded: BTreeMap<_, _> = loaded.map(|(key, mark)| (key.clone(), *mark)).collect();
        let others = (whole.loaded.len() - loaded.len()) as u64;
        let (catalog, edits) = (catalog.collect(), edits.collect());
        whole.catalog.partitions = catalog;
        whole.edits.partitions = edits;
        whole.loaded = Arc::new(loaded);
        Self {
            stored: whole,
            others,
            keeps,
        }
    }
}
