//! Everything that a history works on, and what it does to databases as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use causeway_shared::store::Store;
use causeway_shared::store::memory::MemoryStore;
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

use super::rows::{Rule, Rules};
use super::servers::Servers;
use super::site::{Fresh, Site};
use super::truth::Truth;
use crate::config::HubConfig;
use crate::db::StoredSite;
use crate::sync::Hub;
#[cfg(feature = "delta")]
use crate::testing::delta::Noted;
use crate::testing::{NOON, Outcome, TestHub};

pub(super) struct World<'s> {
    pub(super) rng: Rng,
    pub(super) store: Store,
    pub(super) servers: &'s dyn Servers,
    pub(super) site: Site,
    pub(super) truth: Truth,
    pub(super) fresh: Fresh,
    pub(super) now: Timestamp,
    pub(super) places: BTreeMap<usize, Place>,
    /// What was set aside of each place.
    backups: BTreeMap<usize, Backup>,
    pub(super) transactions: usize,
    /// What the published Delta tables have to hold.
    #[cfg(feature = "delta")]
    pub(super) noted: Noted,
    /// Keys that databases gave.
    pub(super) keys: BTreeSet<i64>,
    /// What was done, for whoever has to find out.
    pub(super) told: Vec<String>,
    /// How often what was done.
    pub(super) counted: BTreeMap<&'static str, u32>,
}

/// A database that is there.
pub(super) struct Place {
    pub(super) test: TestHub,
    /// The site's commit that its rows stand at.
    pub(super) stand: u64,
    /// Whether it has to take changes: it owns the edits, and was loaded since it started.
    pub(super) takes_changes: bool,
}

struct Backup {
    /// The changes in its journal.
    changes: BTreeSet<usize>,
    stand: u64,
}

impl<'s> World<'s> {
    pub(super) async fn new(seed: u64, servers: &'s dyn Servers) -> Outcome<Self> {
        let mut rng = Rng::with_seed(seed);
        let store: Store = Arc::new(MemoryStore::new());
        let rules: Rules = std::array::from_fn(|_| match rng.bool() {
            true => Rule::Cloud,
            false => Rule::Site,
        });
        let mut fresh = Fresh::default();
        let mut site = Site::new(&store, rules)?;
        let mut truth = Truth::new(rules, site.agent.catalog().clone());
        site.fill(&mut rng, &mut fresh);
        site.commit(&mut truth).await?;
        let mut world = Self {
            rng,
            store,
            servers,
            site,
            truth,
            fresh,
            now: NOON.parse()?,
            places: BTreeMap::new(),
            backups: BTreeMap::new(),
            transactions: 0,
            #[cfg(feature = "delta")]
            noted: Noted::default(),
            keys: BTreeSet::new(),
            told: vec![format!("rules {rules:?}")],
            counted: BTreeMap::new(),
        };
        world.open(0).await?;
        Ok(world)
    }

    pub(super) fn tell(&mut self, what: String) {
        self.told.push(what);
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.counted.entry(what).or_default() += 1;
    }

    pub(super) fn how_many_places(&self) -> usize {
        self.servers.count()
    }

    fn hub(&self, database: &crate::testing::HubDatabase, store: &Store) -> Outcome<TestHub> {
        let hub = Hub::with(
            HubConfig::default(),
            Arc::clone(store),
            Arc::clone(&database.0),
        )?;
        Ok(TestHub {
            hub,
            store: Arc::clone(store),
            database: Arc::clone(&database.0),
            request: crate::sync::LoadRequest::at(self.now),
        })
    }

    /// A hub over a place's database and another store.
    pub(super) fn another(&self, at: usize, store: &Store) -> Outcome<TestHub> {
        let database = Arc::clone(&self.places[&at].test.database);
        self.hub(&crate::testing::HubDatabase(database), store)
    }

    /// The hub of a place.
    pub(super) fn same(&self, at: usize) -> TestHub {
        let test = &self.places[&at].test;
        TestHub {
            hub: test.hub.clone(),
            store: Arc::clone(&test.store),
            database: Arc::clone(&test.database),
            request: test.request.clone(),
        }
    }

    /// A process starts over a place's database, and one before it is gone.
    pub(super) async fn open(&mut self, at: usize) -> Outcome {
        let stand = self.close(at);
        let database = self.servers.open(at).await?;
        let test = self.hub(&database, &self.store)?;
        test.hub.init().await?;
        let place = Place {
            test,
            stand,
            takes_changes: false,
        };
        self.places.insert(at, place);
        Ok(())
    }

    fn close(&mut self, at: usize) -> u64 {
        self.places.remove(&at).map_or(0, |place| place.stand)
    }

    /// What is in no journal any more.
    fn lose_journal(&mut self, at: usize) {
        for change in &mut self.truth.changes {
            change.holders.remove(&at);
        }
    }

    pub(super) async fn drop_database(&mut self, at: usize) -> Outcome {
        self.close(at);
        self.lose_journal(at);
        self.servers.remove(at).await?;
        self.open(at).await
    }

    pub(super) async fn back_up(&mut self, at: usize) -> Outcome {
        let stand = self.close(at);
        self.servers.back_up(at).await?;
        let changes = self.truth.changes.iter().enumerate();
        let held = changes.filter(|(_, change)| change.holders.contains(&at));
        let backup = Backup {
            changes: held.map(|(n, _)| n).collect(),
            stand,
        };
        self.backups.insert(at, backup);
        self.open(at).await?;
        self.at(at)?.stand = stand;
        Ok(())
    }

    pub(super) fn has_backup(&self, of: usize) -> bool {
        self.backups.contains_key(&of)
    }

    pub(super) async fn restore(&mut self, from: usize, to: usize) -> Outcome {
        self.close(to);
        self.lose_journal(to);
        self.servers.restore(from, to).await?;
        let backup = &self.backups[&from];
        for n in &backup.changes {
            self.truth.changes[*n].holders.insert(to);
        }
        let stand = backup.stand;
        self.open(to).await?;
        self.at(to)?.stand = stand;
        Ok(())
    }

    pub(super) fn at(&mut self, at: usize) -> Outcome<&mut Place> {
        Ok(self.places.get_mut(&at).ok_or("no such place")?)
    }

    pub(super) fn midnight(&mut self) -> Outcome {
        self.now = self.now.checked_add(SignedDuration::from_hours(24))?;
        for place in self.places.values_mut() {
            place.test.request.now = self.now;
        }
        Ok(())
    }

    pub(super) async fn stored(&self, at: usize) -> Outcome<StoredSite> {
        let place = &self.places[&at];
        Ok(place.test.database.stored(self.site.agent.name()).await?)
    }

    /// Takes note of what the log of edits says since, and where the databases stand.
    pub(super) async fn follow(&mut self) -> Outcome {
        let stands: BTreeMap<usize, u64> = self
            .places
            .iter()
            .map(|(at, place)| (*at, place.stand))
            .collect();
        let log = causeway_shared::log::SiteLog::of_kind(
            Arc::clone(&self.store),
            self.site.agent.name().clone(),
        );
        let owner = self.truth.owner.clone();
        let told = self.truth.follow(&log, &stands).await?;
        self.told.extend(told);
        if owner != self.truth.owner {
            for place in self.places.values_mut() {
                place.takes_changes = false;
            }
        }
        for at in stands.into_keys() {
            let stand = self.stored(at).await?.catalog.seq().0;
            self.at(at)?.stand = stand;
        }
        Ok(())
    }

    pub(super) async fn owns(&self, at: usize) -> Outcome<bool> {
        let identity = self.places[&at].test.database.identity().await?;
        Ok(self.truth.owner.as_ref() == Some(&identity))
    }
}
