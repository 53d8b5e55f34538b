//! Which database owns the edits of a site, and what that takes: a block of keys, and a commit that
//! says so.

use std::sync::Arc;
use std::time::Duration;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{EditsLog, Owner};
use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::log::SiteLog;
use causeway_shared::runtime::chance;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::discover::discover;
use super::edits_log::{NewCommit, Written, append, catch_up, owns};
use super::hub::Hub;
use crate::db::DbError;
use crate::document::{Content, Document, DocumentError};
use crate::error::{HubError, SiteError};

/// The first key that a database gives.
const FIRST_KEY: i64 = 1_000_000_000;
/// How many keys are in a block.
const BLOCK: i64 = 1_000_000;
/// How long `init` waits for the store, which it needs for nothing else.
const PATIENCE: Duration = Duration::from_secs(3);
/// A block with fewer keys left is replaced.
const FEW_KEYS: u64 = 10_000;

/// Which keys were given to databases, so that none is given twice.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Keys {
    /// The first key of the next block.
    next: i64,
}

impl Default for Keys {
    fn default() -> Self {
        Self { next: FIRST_KEY }
    }
}

/// A site whose edits this database owns now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TakenOver {
    pub(crate) site: SiteName,
    /// The database that owned them until now, if it was another one.
    pub(crate) former: Option<Owner>,
}

impl Content for Keys {
    const KEY: &'static str = "hub/keys.json";
    const FORMAT: u32 = 1;
    const MAX_BYTES: u64 = 1_000;
    const REMEDY: &'static str = "delete it: keys then begin above all that were given";
}

/// A random name of a database.
pub(super) fn new_id() -> Result<String, DbError> {
    chance::random_id().map_err(|error| DbError::Refused {
        database: "the system".to_owned(),
        action: "giving randomness",
        detail: error.to_string(),
        source: Some(Box::new(error)),
    })
}

impl Hub {
    /// Takes a block of keys where the database has few left, if it is to write edits.
    ///
    /// # Errors
    /// A failure of store or database.
    pub(crate) async fn ensure_keys(&self, now: Timestamp) -> Result<(), HubError> {
        if !self.config().edits.write {
            return Ok(());
        }
        match self.database().keys_left().await? {
            FEW_KEYS.. => Ok(()),
            _ => self.take_keys(now).await,
        }
    }

    /// Takes a block of keys in place of the present one. A database that is to write no edits has none, and
    /// leaves nothing in the store.
    pub(super) async fn take_keys(&self, now: Timestamp) -> Result<(), HubError> {
        if !self.config().edits.write {
            return Ok(self.database().drop_keys().await?);
        }
        let document = Document::<Keys>::new(Arc::clone(self.store()));
        let least = match document.read().await? {
            (_, Some(_)) => FIRST_KEY,
            (_, None) => self.first_key_anew(now).await?,
        };
        let mut first = FIRST_KEY;
        let taken = document.change(|keys| {
            first = keys.next.max(least);
            keys.next = first.checked_add(BLOCK).ok_or_else(exhausted)?;
            Ok::<_, DocumentError>(())
        });
        taken.await?;
        Ok(self.database().set_keys(first..=first + BLOCK - 1).await?)
    }

    /// The first key to give where nothing says which were given. Where edits were made, some were: then
    /// one so high that databases would have had to take a block in each second since 1970 to reach it,
    /// and one with each commit.
    async fn first_key_anew(&self, now: Timestamp) -> Result<i64, HubError> {
        let (mut newest, mut commits) = (None, 0_u64);
        for site in discover(self.store()).await? {
            let at = match self.edits_log(&site).read_catalog().await {
                Ok(edits) => {
                    commits = commits.saturating_add(edits.seq().0);
                    edits.head.map(|head| head.at)
                }
                Err(error) if error.is_retryable() => return Err(SiteError::Log(error).into()),
                // There are edits, whatever is wrong with their log.
                Err(_) => Some(Timestamp::UNIX_EPOCH),
            };
            newest = newest.max(at);
        }
        let Some(newest) = newest else {
            return Ok(FIRST_KEY);
        };
        // A clock may be wrong. Commits are never dated back.
        let seconds = newest.max(now).as_second().max(0);
        let blocks = seconds.saturating_add_unsigned(commits);
        let first = blocks.checked_mul(BLOCK).ok_or_else(exhausted)?;
        let first = first.saturating_add(FIRST_KEY);
        tracing::warn!(
            first,
            "hub/keys.json is missing; keys are given from here on"
        );
        Ok(first)
    }

    /// Makes this database the owner of a site's edits, where none is yet.
    pub(super) async fn claim_unowned(
        &self,
        catalog: &Catalog,
        edits: &mut Catalog<EditsLog>,
        now: Timestamp,
    ) -> Result<(), HubError> {
        self.ensure_keys(now).await?;
        self.claim(catalog, edits, now).await
    }

    /// Makes this database the owner of the edits, of all sites or of one. It may own some already.
    ///
    /// # Errors
    /// A failure of store or database. Sites that were taken over stay so.
    pub(crate) async fn take_over(
        &self,
        only: Option<&SiteName>,
        now: Timestamp,
    ) -> Result<Vec<TakenOver>, HubError> {
        if !self.config().edits.write {
            return Err(HubError::Configuration {
                key: "edits.write",
                problem: "it is false, so that this database is read-only; set it to true to take \
                          the edits over"
                    .into(),
            });
        }
        self.refuse_past().await?;
        let mut taken = Vec::new();
        for state in self.states(only).await? {
            let agent = SiteLog::new(Arc::clone(self.store()), state.site.clone());
            let catalog = agent.read_catalog().await.map_err(SiteError::Log)?;
            if catalog.head.is_none() {
                continue;
            }
            // A copy of another database gets an id of its own first, and what waits is marked.
            self.flush_site(&state.site, now).await?;
            let log = self.edits_log(&state.site);
            let mut edits = log.read_catalog().await.map_err(SiteError::Log)?;
            self.ensure_keys(now).await?;
            let identity = self.identity().await?;
            let mut former = None;
            while !owns(&edits, &identity) {
                former = edits.head.as_ref().map(|head| head.writer.clone());
                self.claim(&catalog, &mut edits, now).await?;
            }
            taken.push(TakenOver {
                site: state.site,
                former,
            });
        }
        Ok(taken)
    }

    /// Writes a checkpoint of the edits that the database stands at, so that nobody has to read the
    /// commits before it.
    ///
    /// # Errors
    /// [`HubError::NotOwner`], or a failure of store or database.
    pub(crate) async fn bridge_edits_log(&self, site: &SiteName) -> Result<(), HubError> {
        let stored = self.database().stored(site).await?;
        let log = self.edits_log(site);
        if !owns(&stored.edits, &self.identity().await?) {
            return Err(HubError::NotOwner { site: site.clone() });
        }
        let written = log.write_checkpoint(&stored.edits).await;
        Ok(written.map_err(SiteError::Log)?)
    }

    /// The sites whose edits another database owns, as far as the store says so within a few seconds.
    pub(crate) async fn owned_elsewhere(&self) -> Vec<(SiteName, Owner)> {
        let look = async {
            let mut owned = Vec::new();
            let identity = self.identity().await?;
            for site in discover(self.store()).await? {
                let edits = self.edits_log(&site).read_catalog().await;
                // What is wrong with a log, the load says.
                let owner = edits.ok().and_then(|edits| Some(edits.head?.writer));
                let owner = owner.filter(|owner| *owner != identity);
                owned.extend(owner.map(|owner| (site, owner)));
            }
            Ok::<_, HubError>(owned)
        };
        timeout(PATIENCE, look)
            .await
            .unwrap_or(Ok(Vec::new()))
            .unwrap_or_default()
    }

    /// Tries to become the owner by the commit that follows a catalog of edits.
    async fn claim(
        &self,
        catalog: &Catalog,
        edits: &mut Catalog<EditsLog>,
        now: Timestamp,
    ) -> Result<(), HubError> {
        let Some(agent_head) = &catalog.head else {
            return Ok(());
        };
        let identity = self.identity().await?;
        let log = self.edits_log(&catalog.site);
        let head = edits.head.as_ref();
        let claim = NewCommit {
            writer: &identity,
            epoch: head.map_or(1, |head| head.epoch.saturating_add(1)),
            dataset: agent_head.dataset,
            site_seq: head
                .map_or(Seq::NONE, |head| head.site_seq)
                .max(agent_head.seq),
            changes: Vec::new(),
            journal: Vec::new(),
            now,
        };
        if append(&log, edits, claim).await? != Written::Yes {
            catch_up(&log, edits).await?;
        }
        Ok(())
    }

    pub(crate) fn edits_log(&self, site: &SiteName) -> SiteLog<EditsLog> {
        SiteLog::of_kind(Arc::clone(self.store()), site.clone())
    }
}

fn exhausted() -> DocumentError {
    DocumentError::Damaged {
        key: Keys::KEY,
        detail: "no keys are left".to_owned(),
        remedy: Keys::REMEDY,
    }
}
