//! Partials, kept in the database and in memory: whoever needs one that is missing makes it.
//!
//! Nothing depends on their being there. A database that cannot keep them costs requests to the store,
//! and its failure is logged.

mod keys;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_shared::ids::{Md5, Part, SiteName};

use super::hub::Hub;
use crate::db::Partial;

pub(super) use keys::{KeyFilter, KeyFilterBuilder};

/// Most bytes of partials in memory: two lookup columns of ten million rows.
const MAX_BYTES: usize = 64 << 20;
/// What a partial takes beside its body.
const OVERHEAD: usize = 96;

/// The partials that were used last, of all sites.
#[derive(Debug, Default)]
pub(super) struct PartialCache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// By site and name.
    of: HashMap<(SiteName, String), Partials>,
    bytes: usize,
    /// Counts uses.
    clock: u64,
}

#[derive(Debug, Default)]
struct Partials {
    parts: BTreeMap<Part, (Md5, Arc<[u8]>)>,
    bytes: usize,
    used: u64,
}

impl PartialCache {
    /// Those of the versions wanted.
    fn get(
        &self,
        of: &(SiteName, String),
        wanted: &BTreeMap<Part, Md5>,
    ) -> BTreeMap<Part, Arc<[u8]>> {
        let mut kept = self.lock();
        kept.clock += 1;
        let clock = kept.clock;
        let Some(partials) = kept.of.get_mut(of) else {
            return BTreeMap::new();
        };
        partials.used = clock;
        let found = wanted.iter().filter_map(|(part, version)| {
            let (of, body) = partials.parts.get(part)?;
            (of == version).then(|| (*part, Arc::clone(body)))
        });
        found.collect()
    }

    fn put(&self, of: &(SiteName, String), new: &[Partial]) {
        let mut kept = self.lock();
        kept.clock += 1;
        let clock = kept.clock;
        let partials = kept.of.entry(of.clone()).or_default();
        partials.used = clock;
        let before = partials.bytes;
        for partial in new {
            let (version, body) = (partial.version, Arc::clone(&partial.body));
            partials.bytes += body.len() + OVERHEAD;
            if let Some((_, was)) = partials.parts.insert(partial.part, (version, body)) {
                partials.bytes -= was.len() + OVERHEAD;
            }
        }
        let after = partials.bytes;
        kept.bytes = kept.bytes - before + after;
        kept.make_room(of);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Sizes and maps agree between any two operations; no code in one of them panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Forgets those used least recently, and at last the newest ones too.
    fn make_room(&mut self, newest: &(SiteName, String)) {
        while self.bytes > MAX_BYTES {
            let others = self.of.iter().filter(|(of, _)| *of != newest);
            let oldest = others.min_by_key(|(_, partials)| partials.used);
            let gone = oldest.map_or_else(|| newest.clone(), |(of, _)| of.clone());
            match self.of.remove(&gone) {
                Some(partials) => self.bytes -= partials.bytes,
                None => return,
            }
        }
    }
}

impl Hub {
    /// The partials of a site under a name that are there, of the versions wanted.
    pub(crate) async fn partials(
        &self,
        site: &SiteName,
        what: &str,
        wanted: &BTreeMap<Part, Md5>,
    ) -> BTreeMap<Part, Arc<[u8]>> {
        let of = (site.clone(), what.to_owned());
        let mut found = self.inner.partials.get(&of, wanted);
        let missing = wanted.keys().filter(|part| !found.contains_key(*part));
        let missing: Vec<Part> = missing.copied().collect();
        if missing.is_empty() {
            return found;
        }
        match self.database().partials(site, what, &missing).await {
            Ok(mut read) => {
                read.retain(|partial| wanted.get(&partial.part) == Some(&partial.version));
                self.inner.partials.put(&of, &read);
                found.extend(read.into_iter().map(|read| (read.part, read.body)));
            }
            Err(error) => {
                let what = "what is known of the site's history cannot be read, and is read anew";
                self.log_failure(site, what, error);
            }
        }
        found
    }

    /// Keeps partials of a site that were made.
    pub(crate) async fn keep_partials(&self, site: &SiteName, what: &str, made: &[Partial]) {
        if made.is_empty() {
            return;
        }
        self.inner
            .partials
            .put(&(site.clone(), what.to_owned()), made);
        if let Err(error) = self.database().put_partials(site, what, made).await {
            let what = "what was read of the site's history cannot be kept in the database";
            self.log_failure(site, what, error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(site: &str) -> (SiteName, String) {
        (SiteName::new(site).unwrap(), "keys".to_owned())
    }

    fn partial(part: u32, version: &str, bytes: usize) -> Partial {
        Partial {
            part: Part::Bucket(part, 9),
            version: Md5::of(version.as_bytes()),
            body: vec![0; bytes].into(),
        }
    }

    fn wanted(partials: &[Partial]) -> BTreeMap<Part, Md5> {
        let wanted = partials.iter().map(|one| (one.part, one.version));
        wanted.collect()
    }

    #[test]
    fn a_partial_of_another_version_is_none() {
        let cache = PartialCache::default();
        let old = [partial(0, "old", 4), partial(1, "same", 4)];
        cache.put(&of("a"), &old);
        cache.put(&of("a"), &[partial(0, "new", 5)]);
        let parts = |wanted| cache.get(&of("a"), &wanted).into_keys().collect::<Vec<_>>();
        assert_eq!(parts(wanted(&old)), [Part::Bucket(1, 9)]);
        assert_eq!(parts(wanted(&[partial(0, "new", 0)])), [Part::Bucket(0, 9)]);
        assert_eq!(cache.lock().bytes, 9 + 2 * OVERHEAD);
    }

    #[test]
    fn what_was_used_least_recently_goes_first() {
        let cache = PartialCache::default();
        let large = [partial(0, "v", MAX_BYTES / 3)];
        for site in ["a", "b"] {
            cache.put(&of(site), &large);
        }
        cache.get(&of("a"), &BTreeMap::new());
        cache.put(&of("c"), &large);
        let is_there = |site: &str| !cache.get(&of(site), &wanted(&large)).is_empty();
        assert_eq!(["a", "b", "c"].map(is_there), [true, false, true]);
        cache.put(&of("d"), &[partial(0, "v", MAX_BYTES)]);
        let kept = cache.lock();
        assert_eq!((kept.of.len(), kept.bytes), (0, 0));
    }
}
