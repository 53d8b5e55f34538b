//! What a load does about edits before it stages: flush, claim, settle.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{Change, EditsLog};
use causeway_shared::edits_object::Entry;
use causeway_shared::ids::{Name, Part};

use super::{LogSnapshot, SiteTask};
use crate::db::{SiteLoad, StoredSite, with_settled};
use crate::error::SiteError;
use crate::sync::edits_log::{NewCommit, Written, append, catch_up, news_between, owns};
use crate::sync::settle::{Seal, SettledParts, Settling, changes};

/// The edits that the rows are merged with.
#[derive(Debug)]
pub(super) struct EditsInEffect {
    /// Settled with the site's current objects.
    pub(super) edits: Catalog<EditsLog>,
    /// The entries of partitions that were settled just now.
    pub(super) entries: BTreeMap<(Name, Part), Vec<Entry>>,
    /// What differs from the log, where this database does not write it.
    pub(super) settled: Vec<Change<EditsLog>>,
    /// Whether this database owns the edits.
    pub(super) owner: bool,
    /// Rows of the journal that the log holds: a flush wrote them there and got no further.
    pub(super) flushed: Vec<String>,
    /// Partitions whose rows are loaded again, since changes were made to them that were not committed.
    pub(super) again: BTreeSet<(Name, Part)>,
    /// What the log held before this load settled anything, where nothing of the site was loaded yet: a database
    /// that is made anew finds no new conflicts in what was known.
    pub(super) known: Option<Catalog<EditsLog>>,
    /// Why what waits in the journal is not in the store. A load that needs it there fails with this.
    pub(super) unflushed: Option<SiteError>,
}

impl EditsInEffect {
    /// Where this database owns the edits, and none of them is to be settled.
    pub(super) fn as_they_are(snapshot: &LogSnapshot) -> Self {
        in_effect(snapshot, SettledParts::new(), true)
    }

    /// Whether the load itself did nothing to the edits, nor brings rows for their sake.
    pub(super) fn is_as_stored(&self, stored: &StoredSite) -> bool {
        self.settled.is_empty()
            && stored.settled.is_empty()
            && self.flushed.is_empty()
            && self.again.is_empty()
            && self.owner
    }

    /// The partitions with conflicts that were not there before, and how many.
    pub(super) fn new_conflicts(&self, stored: &StoredSite) -> BTreeMap<(Name, Part), u64> {
        let was = match &self.known {
            Some(known) => Cow::Borrowed(known),
            None => stored.edits_in_effect(),
        };
        let new = self.edits.partitions.iter().map(|(key, entry)| {
            let before = was.partitions.get(key);
            let before = before.map_or(0, |entry| entry.object.conflicts);
            (key.clone(), entry.object.conflicts.saturating_sub(before))
        });
        new.filter(|(_, conflicts)| *conflicts > 0).collect()
    }
}

impl SiteTask<'_> {
    /// Flushes what waits, reads on where others have read further, and settles the edits. `None`:
    /// the site's log is gone.
    pub(super) async fn ready(
        &self,
        session: &mut dyn SiteLoad,
        snapshot: &mut LogSnapshot,
        doubts_blocks: bool,
    ) -> Result<Option<(StoredSite, EditsInEffect)>, SiteError> {
        let failed = |source| self.database_error(source);
        let mut stored = session.stored().await.map_err(failed)?;
        let is_loaded = stored.catalog.head.is_some();
        let has_news = stored.state.edits_waiting > 0 || !stored.state.start_known;
        let mut unflushed = None;
        if is_loaded && has_news && !self.hub.is_past().await.map_err(failed)? {
            match self.hub.flush_site(self.site, self.now).await {
                Ok(_) => {}
                // A load of other rows than those that wait needs nothing of them.
                Err(error) if stored.state.start_known && !error.is_of_database() => {
                    let what = "what waits in the journal cannot be flushed; other rows are loaded";
                    self.hub.log_failure(self.site, what, &error);
                    unflushed = Some(error);
                }
                Err(error) => return Err(error),
            }
            stored = session.stored().await.map_err(failed)?;
        }
        let settled = snapshot.edits.head.as_ref().map(|head| head.site_seq);
        if stored.catalog.seq() > snapshot.catalog.seq()
            || stored.edits.seq() > snapshot.edits.seq()
            || settled > Some(snapshot.catalog.seq())
        {
            // Another load or a flush has read further than this snapshot, or a load that got no further
            // has settled the edits with what the site committed later.
            let task = SiteTask {
                known: &stored,
                ..*self
            };
            match task.read_log().await? {
                Some(further) => *snapshot = further,
                None => return Ok(None),
            }
        }
        // Before anything is settled, and committed, with what the tables cannot become.
        self.refuse_another_dataset(snapshot, &stored)?;
        self.refuse_unreadable(snapshot, &stored).await?;
        let write = self.hub.config().edits.write;
        if write && snapshot.edits.head.is_none() {
            let claimed = self
                .hub
                .claim_unowned(&snapshot.catalog, &mut snapshot.edits, self.now);
            if let Err(error) = claimed.await {
                let what = "the site's edits are not claimed: its tables take no writes";
                self.hub.log_failure(self.site, what, error);
            }
        }
        let identity = session.identity().await.map_err(failed)?;
        let identity = self.hub.identity_of(identity).await.map_err(failed)?;
        let known = (!is_loaded).then(|| snapshot.edits.clone());
        let mut owner = write && owns(&snapshot.edits, &identity);
        if owner && !is_loaded && self.hub.database().gives_keys() {
            // An older self that knew nothing of the site may have given some of its block already.
            let taken = self.hub.take_keys(self.now).await;
            taken.map_err(|error| self.not_opened(error))?;
        }
        let in_effect = loop {
            let settled = self.settle(snapshot, &stored, owner, doubts_blocks).await?;
            if !owner || settled.is_empty() {
                break in_effect(snapshot, settled, owner);
            }
            let new = NewCommit {
                writer: &identity,
                epoch: snapshot.edits.head.as_ref().map_or(1, |head| head.epoch),
                dataset: snapshot.dataset.md5(),
                site_seq: snapshot.catalog.seq(),
                changes: changes(&settled, &snapshot.edits),
                journal: Vec::new(),
                now: self.now,
            };
            let log = self.hub.edits_log(self.site);
            match append(&log, &mut snapshot.edits, new).await? {
                Written::Yes => break in_effect(snapshot, settled, owner),
                Written::Behind | Written::Fenced => {
                    catch_up(&log, &mut snapshot.edits).await?;
                    owner = owns(&snapshot.edits, &identity);
                }
            }
        };
        self.hub
            .note_owner(&stored.edits, &snapshot.edits, &identity);
        let mut in_effect = self
            .with_journal(session, &stored, snapshot, in_effect)
            .await?;
        in_effect.unflushed = unflushed;
        in_effect.known = known;
        Ok(Some((stored, in_effect)))
    }

    /// What the journal adds: rows that the log holds already, and partitions with changes that this
    /// load brings nothing of.
    async fn with_journal(
        &self,
        session: &mut dyn SiteLoad,
        stored: &StoredSite,
        snapshot: &LogSnapshot,
        mut in_effect: EditsInEffect,
    ) -> Result<EditsInEffect, SiteError> {
        let look = session.look().await;
        let look = look.map_err(|source| self.database_error(source))?;
        if look.journaled.is_empty() && look.held.is_empty() {
            return Ok(in_effect);
        }
        if snapshot.edits.seq() > stored.edits.seq() {
            let log = self.hub.edits_log(self.site);
            let news = news_between(&log, stored.edits.seq(), snapshot.edits.seq()).await?;
            let loaded = |key: &&(Name, Part)| stored.loaded.contains_key(*key);
            in_effect
                .again
                .extend(news.parts.iter().filter(loaded).cloned());
            in_effect.flushed = news.journal;
        }
        if !in_effect.owner {
            in_effect
                .again
                .extend(look.journaled.into_iter().chain(look.held));
        }
        Ok(in_effect)
    }

    /// Settles the edits that were merged with another object than the site's current one, and looks
    /// for kept keys in what the site changed.
    async fn settle(
        &self,
        snapshot: &LogSnapshot,
        stored: &StoredSite,
        owner: bool,
        doubts_blocks: bool,
    ) -> Result<SettledParts, SiteError> {
        let at = (self.store(), self.site);
        let mut settling = Settling::new(
            at,
            &snapshot.dataset,
            &snapshot.catalog,
            &snapshot.edits,
            stored,
        );
        settling.forget_gone_before(self.hub.config().edits.kept_since(self.now));
        settling.settle_parts(&settling.outdated()).await?;
        if doubts_blocks {
            settling.settle_blocks().await?;
        }
        let seal = if owner { Seal::InStore } else { Seal::InMemory };
        settling.seal(seal).await
    }
}

fn in_effect(snapshot: &LogSnapshot, parts: SettledParts, owner: bool) -> EditsInEffect {
    let settled = match owner {
        true => Vec::new(),
        false => changes(&parts, &snapshot.edits),
    };
    EditsInEffect {
        edits: with_settled(&snapshot.edits, &settled),
        entries: parts
            .into_iter()
            .map(|(key, part)| (key, part.entries))
            .collect(),
        settled,
        owner,
        flushed: Vec::new(),
        again: BTreeSet::new(),
        known: None,
        unflushed: None,
    }
}
