//! Partials, kept in the database and in memory: whoever needs one that is missing makes it.
//!
//! Nothing depends on their being there. A database that cannot keep them costs requests to the store,
//! and its failure is logged.

mod keys;

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use causeway_shared::ids::{Md5, Part, SiteName};
use tokio::task::JoinHandle;

use super::hub::Hub;
use crate::db::Partial;
use crate::tasks;

pub(super) use keys::{KeyFilter, KeyFilterBuilder};

/// Most bytes of partials in memory: two lookup columns of ten million rows.
const MAX_BYTES: usize = 64 << 20;
/// How many are kept at a time, so that a reader that stops has not read for nothing.
const KEPT_AT_ONCE: usize = 64;
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
    /// Forgets those used least recently. Of one name's that are too many the first partitions go, the
    /// oldest dates: whoever reads all of them finds the others again.
    fn make_room(&mut self, newest: &(SiteName, String)) {
        while self.bytes > MAX_BYTES {
            let others = self.of.iter().filter(|(of, _)| *of != newest);
            let oldest = others.min_by_key(|(_, partials)| partials.used);
            if let Some(gone) = oldest.map(|(of, _)| of.clone()) {
                let partials = self.of.remove(&gone);
                self.bytes -= partials.map_or(0, |partials| partials.bytes);
                continue;
            }
            let Some(partials) = self.of.get_mut(newest) else {
                return;
            };
            let Some((_, (_, body))) = partials.parts.pop_first() else {
                return;
            };
            partials.bytes -= body.len() + OVERHEAD;
            self.bytes -= body.len() + OVERHEAD;
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

    /// The versions wanted that no partial of a site under a name is of.
    pub(crate) async fn without_partials(
        &self,
        site: &SiteName,
        what: &str,
        mut wanted: BTreeMap<Part, Md5>,
    ) -> BTreeMap<Part, Md5> {
        let of = (site.clone(), what.to_owned());
        let known = self.inner.partials.get(&of, &wanted);
        wanted.retain(|part, _| !known.contains_key(part));
        if wanted.is_empty() {
            return wanted;
        }
        match self.database().partial_versions(site, what).await {
            Ok(kept) => wanted.retain(|part, version| kept.get(part) != Some(version)),
            Err(error) => {
                let what = "what is known of the site's history cannot be read, and is read anew";
                self.log_failure(site, what, error);
            }
        }
        wanted
    }

    /// Keeps partials of a site that were made.
    async fn keep_partials(&self, site: &SiteName, what: &str, made: &[Partial]) {
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

/// Keeps partials of a site under a name beside the reads that they are made by: these do not wait for
/// the database, unless it has not taken the last ones yet.
#[derive(Debug)]
pub(crate) struct Keeper {
    hub: Hub,
    site: SiteName,
    what: String,
    made: Vec<Partial>,
    keeping: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn new(hub: &Hub, site: &SiteName, what: &str) -> Self {
        Self {
            hub: hub.clone(),
            site: site.clone(),
            what: what.to_owned(),
            made: Vec::new(),
            keeping: None,
        }
    }

    pub(crate) async fn add(&mut self, made: Partial) {
        self.made.push(made);
        if self.made.len() >= KEPT_AT_ONCE {
            self.keep().await;
        }
    }

    async fn keep(&mut self) {
        self.wait().await;
        if self.made.is_empty() {
            return;
        }
        let (hub, site, what) = (self.hub.clone(), self.site.clone(), self.what.clone());
        let made = mem::take(&mut self.made);
        let keep = async move { hub.keep_partials(&site, &what, &made).await };
        self.keeping = Some(tasks::spawn(keep));
    }

    async fn wait(&mut self) {
        if let Some(keeping) = self.keeping.take() {
            // It fails only if it panics; the partials are made again then.
            let _ = keeping.await;
        }
    }

    /// Keeps the rest.
    pub(crate) async fn finish(mut self) {
        self.keep().await;
        self.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rusqlite::Connection;
    use tokio::time::timeout;

    use super::*;
    use crate::testing::{Outcome, TestHub, TestSite};

    #[tokio::test]
    async fn reads_go_on_while_the_database_takes_partials() -> Outcome {
        let folder = tempfile::tempdir()?;
        let test = TestHub::in_folder(folder.path()).await?;
        let site = TestSite::with_an_apple(&test.store).await?;
        test.load_one().await?;
        let mut keeper = Keeper::new(&test.hub, site.name(), "keys");
        keeper.add(partial(0, "v", 1)).await;
        keeper.keep().await;
        keeper.wait().await;
        let other = Connection::open(folder.path().join("here.partials.db"))?;
        other.execute_batch("BEGIN IMMEDIATE")?;
        for part in 1..=KEPT_AT_ONCE {
            let add = keeper.add(partial(u32::try_from(part)?, "v", 1));
            timeout(Duration::from_secs(5), add).await?;
        }
        other.execute_batch("COMMIT")?;
        keeper.finish().await;
        let kept = test.database.partial_versions(site.name(), "keys").await?;
        assert_eq!(kept.len(), KEPT_AT_ONCE + 1);
        Ok(())
    }

    fn of(site: &str) -> (SiteName, String) {
        (SiteName::new(site).unwrap(), "keys".to_owned())
    }

    fn partial(part: u32, version: &str, bytes: usize) -> Partial {
        Partial {
            part: Part::Bucket(part, 99),
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
        assert_eq!(parts(wanted(&old)), [Part::Bucket(1, 99)]);
        assert_eq!(
            parts(wanted(&[partial(0, "new", 0)])),
            [Part::Bucket(0, 99)]
        );
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
        assert_eq!(cache.lock().bytes, 0);
    }

    #[test]
    fn of_more_than_there_is_room_for_the_last_parts_stay() {
        let cache = PartialCache::default();
        let all: Vec<Partial> = (0..5)
            .map(|part| partial(part, "v", MAX_BYTES / 4))
            .collect();
        // Read one after another, and all of them again.
        for partials in [&all[..2], &all[2..], &all[..2]] {
            cache.put(&of("a"), partials);
        }
        let kept: Vec<Part> = cache.get(&of("a"), &wanted(&all)).into_keys().collect();
        assert_eq!(kept, [2, 3, 4].map(|part| Part::Bucket(part, 99)));
    }
}
