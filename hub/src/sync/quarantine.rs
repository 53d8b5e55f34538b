//! The sites' refused rows, as their agents list them in the store.
//!
//! They are read when somebody asks: at most twice a minute, and only the files that changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causeway_shared::ids::{Name, SiteName};
use causeway_shared::layout::{self, SiteKey};
use causeway_shared::quarantine::{MAX_BYTES, RefusedRows};
use causeway_shared::store::{Store, StoreError, Version, list_all};
use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout_at};

use super::failures::Failures;
use crate::error::SiteError;

/// How long an answer is used again.
const FRESH: SignedDuration = SignedDuration::from_secs(30);

/// How long a page waits for the store, however many sites it shows.
const STORE_TIME_LIMIT: Duration = Duration::from_secs(2);

/// How many sites' lists are read at once.
const ASKED_AT_ONCE: usize = 16;

/// The refused rows of a site's tables, by table; an error where a file cannot be read.
pub(crate) type Quarantine = BTreeMap<Name, Result<RefusedRows, String>>;

/// What was read of each site.
#[derive(Debug, Default)]
pub(super) struct QuarantineCache {
    sites: Mutex<HashMap<SiteName, CachedQuarantine>>,
}

/// What was read of a site, and when.
#[derive(Debug, Clone)]
struct CachedQuarantine {
    at: Timestamp,
    versions: BTreeMap<Name, Version>,
    /// `None` where the store did not answer.
    quarantine: Option<Arc<Quarantine>>,
}

impl CachedQuarantine {
    fn is_fresh(&self, now: Timestamp) -> bool {
        // The clock may have been set back meanwhile.
        now.duration_since(self.at).abs() < FRESH
    }
}

impl QuarantineCache {
    fn lock(&self) -> MutexGuard<'_, HashMap<SiteName, CachedQuarantine>> {
        // The map is whole between any two of its operations, also if a holder panicked.
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The refused rows of a site, as of half a minute ago at most.
    ///
    /// # Errors
    /// [`SiteError::Store`]
    pub(super) async fn get(
        &self,
        store: &Store,
        site: &SiteName,
        now: Timestamp,
    ) -> Result<Arc<Quarantine>, SiteError> {
        let kept = self.lock().get(site).cloned();
        if let Some(kept) = &kept
            && kept.is_fresh(now)
            && let Some(quarantine) = &kept.quarantine
        {
            return Ok(Arc::clone(quarantine));
        }
        let read = read(store, site, kept.as_ref(), now).await;
        let read = read.map_err(|source| SiteError::Store {
            site: site.clone(),
            source,
        })?;
        let (kept, quarantine) = read;
        self.lock().insert(site.clone(), kept);
        Ok(quarantine)
    }

    /// The refused rows of each of some sites, `None` where the store does not answer within two
    /// seconds, all together.
    pub(super) async fn get_at_once(
        &self,
        store: &Store,
        sites: &[&SiteName],
        now: Timestamp,
        failures: &Failures,
    ) -> Vec<Option<Arc<Quarantine>>> {
        let deadline = Instant::now() + STORE_TIME_LIMIT;
        let asked = sites
            .iter()
            .map(|site| self.get_by(store, site, now, (deadline, failures)));
        // Collected first: a lazy iterator would borrow across the await point.
        let asked: Vec<_> = asked.collect();
        stream::iter(asked).buffered(ASKED_AT_ONCE).collect().await
    }

    async fn get_by(
        &self,
        store: &Store,
        site: &SiteName,
        now: Timestamp,
        (deadline, failures): (Instant, &Failures),
    ) -> Option<Arc<Quarantine>> {
        let kept = self.lock().get(site).cloned();
        if let Some(kept) = kept.filter(|kept| kept.is_fresh(now)) {
            return kept.quarantine;
        }
        let problem = match timeout_at(deadline, self.get(store, site, now)).await {
            Ok(Ok(quarantine)) => return Some(quarantine),
            Ok(Err(error)) => error.to_string(),
            Err(late) => late.to_string(),
        };
        failures.log(
            Some(site),
            "the list of refused rows cannot be read",
            problem,
        );
        let silent = CachedQuarantine {
            at: now,
            versions: BTreeMap::new(),
            quarantine: None,
        };
        self.lock().insert(site.clone(), silent);
        None
    }
}

async fn read(
    store: &Store,
    site: &SiteName,
    kept: Option<&CachedQuarantine>,
    now: Timestamp,
) -> Result<(CachedQuarantine, Arc<Quarantine>), StoreError> {
    let mut versions = BTreeMap::new();
    let mut quarantine = Quarantine::new();
    for object in list_all(&**store, &layout::quarantine_prefix(site), None).await? {
        let Some((_, SiteKey::Quarantine(table))) = SiteKey::parse(&object.key) else {
            continue;
        };
        let same = kept.filter(|kept| kept.versions.get(&table) == Some(&object.version));
        let before = same.and_then(|kept| kept.quarantine.as_ref()?.get(&table));
        let rows = match before {
            Some(rows) => rows.clone(),
            None => match file(store, &object.key).await {
                // The agent deleted it after the listing: no row of the table is refused now.
                Err(StoreError::NotFound { .. }) => continue,
                Err(StoreError::Damaged { detail, .. }) => Err(detail),
                // It is this table's alone.
                Err(error @ (StoreError::TooLarge { .. } | StoreError::Refused { .. })) => {
                    Err(error.to_string())
                }
                read => read?,
            },
        };
        versions.insert(table.clone(), object.version);
        quarantine.insert(table, rows);
    }
    let quarantine = Arc::new(quarantine);
    let kept = CachedQuarantine {
        at: now,
        versions,
        quarantine: Some(Arc::clone(&quarantine)),
    };
    Ok((kept, quarantine))
}

async fn file(store: &Store, key: &str) -> Result<Result<RefusedRows, String>, StoreError> {
    let csv = store.get(key).await?.bytes(MAX_BYTES).await?;
    Ok(RefusedRows::decode(&csv).map_err(|error| format!("{key} is damaged: {error}")))
}

// On SQLite alone: the SQL of both databases is held to one suite (db/conformance.rs), and
// these tests are about what is done with its answers.
#[cfg(test)]
mod tests {
    use causeway_shared::quarantine::RefusedRow;

    use super::*;
    use crate::serve::testbed::{Testbed, now};

    fn rows(total: u64) -> RefusedRows {
        RefusedRows {
            total,
            listed: vec![RefusedRow {
                since: now(),
                source: "a.csv".into(),
                place: "line 2".into(),
                column: None,
                reason: "no".into(),
                row: "x".into(),
            }],
        }
    }

    async fn write(store: &Store, table: &str, bytes: Vec<u8>) {
        let table = Name::new(table).unwrap();
        let key = SiteKey::Quarantine(table).of(&SiteName::new("hcm-01").unwrap());
        store.put(&key, bytes.into()).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_is_read_again_when_it_changed_and_asked_for_after_a_while() {
        let bed = Testbed::new().await;
        let (hub, site) = (&bed.app.hub, SiteName::new("hcm-01").unwrap());
        let store = hub.store();
        write(store, "customer", rows(3).encode().unwrap()).await;
        write(store, "appointment", b"id\n".to_vec()).await;
        let first = hub.quarantine(&site, now()).await.unwrap();
        assert_eq!(first[&Name::new("customer").unwrap()], Ok(rows(3)));
        insta::assert_snapshot!(first[&Name::new("appointment").unwrap()].as_ref().unwrap_err(), @"sites/hcm-01/quarantine/appointment.csv is damaged: record 0: it has 1 field");

        let requests = store.requests();
        write(store, "customer", rows(4).encode().unwrap()).await;
        let soon = hub.quarantine(&site, now()).await.unwrap();
        assert_eq!(soon, first);
        let later = hub.quarantine(&site, now() + FRESH).await.unwrap();
        assert_eq!(later[&Name::new("customer").unwrap()], Ok(rows(4)));
        let sent = store.requests().since(&requests);
        assert_eq!(
            (sent.list, sent.get),
            (1, 1),
            "the damaged file did not change"
        );
    }

    #[tokio::test]
    async fn a_file_that_is_too_large_is_named_and_hides_no_other() {
        let bed = Testbed::new().await;
        let (hub, site) = (&bed.app.hub, SiteName::new("hcm-01").unwrap());
        let store = hub.store();
        write(store, "customer", rows(3).encode().unwrap()).await;
        write(store, "appointment", vec![b'x'; (16 << 20) + 1]).await;
        let read = hub.quarantine(&site, now()).await.unwrap();
        assert_eq!(read[&Name::new("customer").unwrap()], Ok(rows(3)));
        insta::assert_snapshot!(read[&Name::new("appointment").unwrap()].as_ref().unwrap_err(), @"object sites/hcm-01/quarantine/appointment.csv is longer than 16777216 bytes");
    }
}
