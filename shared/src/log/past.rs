//! A log as it was at an earlier commit. Checkpoints that are newer are not needed: no commit is ever
//! deleted.

use super::{LogError, SiteLog};
use crate::catalog::Catalog;
use crate::commit::LogKind;
use crate::ids::Seq;

impl<K: LogKind> SiteLog<K> {
    /// The catalog at a commit of the log, from the newest usable checkpoint that is not later.
    ///
    /// # Errors
    /// [`LogError`], naming the object that cannot be used, or the commit that is missing.
    pub async fn catalog_at(&self, seq: Seq) -> Result<Catalog<K>, LogError> {
        let mut catalog = Catalog::empty(self.site.clone());
        let checkpoints = self.checkpoints().await?.into_iter().rev();
        for earlier in checkpoints.filter(|checkpoint| *checkpoint <= seq) {
            if let Some(checkpoint) = self.checkpoint(earlier).await? {
                catalog = checkpoint.into();
                break;
            }
        }
        while catalog.seq() < seq {
            let next = catalog.seq().next();
            let commit = self.commit(next).await?;
            catalog.apply(&commit.ok_or_else(|| self.gap(next, seq))?);
        }
        Ok(catalog)
    }

    /// The last commit up to `head` that is early; all before it are, and none after it is. Asks for as many
    /// commits as `head` has binary digits. [`Seq::NONE`]: none is.
    ///
    /// # Errors
    /// As [`catalog_at`](Self::catalog_at).
    pub async fn last_early(
        &self,
        head: Seq,
        is_early: impl Fn(&K::Head) -> bool,
    ) -> Result<Seq, LogError> {
        let (mut early, mut latest) = (0, head.0);
        while early < latest {
            let middle = Seq(early + (latest - early).div_ceil(2));
            let commit = self.commit(middle).await?;
            match is_early(&commit.ok_or_else(|| self.gap(middle, head))?.head) {
                true => early = middle.0,
                false => latest = middle.0 - 1,
            }
        }
        Ok(Seq(early))
    }
}
