//! Reading a log: one commit, all of them, and where it ends.

use super::{LogError, SiteLog};
use crate::catalog::Catalog;
use crate::commit::{Commit, Latest, LogHead as _, LogKind, MAX_BYTES, MAX_HINT_BYTES, decode};
use crate::ids::Seq;
use crate::layout::{LogKey, SiteKey};

impl<K: LogKind> SiteLog<K> {
    /// Reads commit n; `None` where there is none.
    ///
    /// # Errors
    /// [`LogError`], naming the key, when it is there but cannot be used.
    pub async fn commit(&self, seq: Seq) -> Result<Option<Commit<K>>, LogError> {
        let key = self.key(&LogKey::Commit(seq));
        let Some(commit) = self.object::<Commit<K>>(&key, MAX_BYTES, decode).await? else {
            return Ok(None);
        };
        let found = commit.head.seq();
        if found == seq && commit.site == self.site {
            return Ok(Some(commit));
        }
        Err(self.misplaced(key, format!("commit {found} of {}", commit.site)))
    }

    /// Whether the log ends at a commit that was its last one before. One LIST tells.
    ///
    /// # Errors
    /// [`LogError::Lost`] where neither that commit, nor its checkpoint, nor a later commit is there:
    /// following such a log would write a commit that nothing leads to. [`LogError::Blank`] where
    /// nothing else is there either.
    pub async fn ends_at(&self, seq: Seq) -> Result<bool, LogError> {
        let found = self.first_from(seq).await?;
        Ok(found.iter().all(|there| *there == seq))
    }

    /// Brings a catalog that stood at the log's head before to where the head is now. One LIST tells
    /// whether its commit is still there, and whether later ones are.
    ///
    /// # Errors
    /// As [`ends_at`](Self::ends_at) and [`catch_up`](Self::catch_up), and [`LogError::Gap`] where the
    /// catalog's own commit is missing before a later one and no checkpoint bridges it.
    pub async fn follow(&self, catalog: &mut Catalog<K>) -> Result<(), LogError> {
        let seq = catalog.seq();
        let found = self.first_from(seq).await?;
        match found.as_slice() {
            [] => return Ok(()),
            [first, ..] if *first != seq => {
                self.bridge_gap(catalog, seq).await?;
            }
            [_] => return Ok(()),
            _ => {}
        }
        self.catch_up(catalog, true).await
    }

    /// The commits that are there from one on that was there before.
    async fn first_from(&self, seq: Seq) -> Result<Vec<Seq>, LogError> {
        let found = self.first_after(Seq(seq.0.saturating_sub(1))).await?;
        // A repair leaves the checkpoint of a commit that is lost for good.
        if !found.is_empty() || self.checkpoint(seq).await?.is_some() {
            return Ok(found);
        }
        let page = self.store.list("", None).await;
        let page = page.map_err(|source| self.failed(source))?;
        Err(if page.objects.is_empty() {
            self.blank(seq)
        } else {
            self.lost(seq)
        })
    }

    /// The number of the last commit of the log, if one is later than `known`; reads neither commits
    /// nor checkpoints. One GET and one LIST tell, or two where a checkpoint is later.
    ///
    /// # Errors
    /// A failure of the store. A hint that is damaged is not needed.
    pub async fn head_after(&self, known: Seq) -> Result<Seq, LogError> {
        let key = self.key(&LogKey::Latest);
        let hinted = match self.object::<Latest>(&key, MAX_HINT_BYTES, decode).await {
            Err(LogError::Damaged { .. }) => None,
            hinted => hinted?,
        };
        let mut head = known;
        if let Some(hinted) = hinted.map(|latest| latest.checkpoint)
            && hinted > known
        {
            // A hint that names a commit which is not there leads nowhere.
            let before = Seq(hinted.0.saturating_sub(1));
            head = head.max(
                self.first_after(before)
                    .await?
                    .last()
                    .copied()
                    .unwrap_or(known),
            );
        }
        // A page holds more commits than lie between two checkpoints.
        while let Some(last) = self.first_after(head).await?.last() {
            head = *last;
        }
        Ok(head)
    }

    /// Makes sure, without a request, that a store which a commit was written to is not empty now:
    /// a disk that is not mounted is not to be written to.
    ///
    /// # Errors
    /// [`LogError::Blank`], or a failure of the store.
    pub async fn check_holds_something(&self, seq: Seq) -> Result<(), LogError> {
        match self.store.is_blank().await {
            Ok(false) => Ok(()),
            Ok(true) => Err(self.blank(seq)),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Brings a catalog to the head of the log: takes in commit after commit until there is none.
    ///
    /// `look_for_gap` asks the store once whether later commits are there although the next one is
    /// not. A later checkpoint, if there is one, bridges such a gap.
    ///
    /// # Errors
    /// [`LogError`]; the catalog then stands at the last commit that could be taken in.
    pub async fn catch_up(
        &self,
        catalog: &mut Catalog<K>,
        look_for_gap: bool,
    ) -> Result<(), LogError> {
        loop {
            let next = catalog.seq().next();
            match self.commit(next).await? {
                Some(commit) => catalog.apply(&commit),
                None if !look_for_gap => return Ok(()),
                None if self.bridge_gap(catalog, next).await? => {}
                None => return Ok(()),
            }
        }
    }

    /// Goes on past a commit that was not there when it was asked for; `false` where no later one
    /// is.
    pub(super) async fn bridge_gap(
        &self,
        catalog: &mut Catalog<K>,
        missing: Seq,
    ) -> Result<bool, LogError> {
        let Some(later) = self.first_after(missing).await?.first().copied() else {
            return Ok(false);
        };
        // Its writer may have written both meanwhile.
        if let Some(commit) = self.commit(missing).await? {
            catalog.apply(&commit);
            return Ok(true);
        }
        let Some(checkpoint) = self.newest_checkpoint(missing).await? else {
            return Err(self.gap(missing, later));
        };
        *catalog = checkpoint.into();
        Ok(true)
    }

    /// The catalog at the head of the log, from its newest usable checkpoint on.
    ///
    /// # Errors
    /// [`LogError`], naming the object that cannot be used.
    pub async fn read_catalog(&self) -> Result<Catalog<K>, LogError> {
        let mut catalog = match self.hinted_checkpoint().await? {
            Some(checkpoint) => checkpoint.into(),
            None => match self.newest_checkpoint(Seq(1)).await? {
                Some(checkpoint) => checkpoint.into(),
                None => Catalog::empty(self.site.clone()),
            },
        };
        self.catch_up(&mut catalog, true).await?;
        Ok(catalog)
    }

    /// The commits that are there after a number, in order, as many as a page of a listing holds.
    async fn first_after(&self, seq: Seq) -> Result<Vec<Seq>, LogError> {
        let prefix = K::LOG.commits(&self.site);
        let after = self.key(&LogKey::Commit(seq));
        let page = self.store.list(&prefix, Some(&after)).await;
        let found = page.map_err(|source| self.failed(source))?.objects;
        let seq = |key: &str| match SiteKey::parse(key) {
            Some((_, SiteKey::Log(_, LogKey::Commit(seq)))) => Some(seq),
            _ => None,
        };
        Ok(found.iter().filter_map(|object| seq(&object.key)).collect())
    }
}
