//! A log's checkpoints, and the hint that names the newest.

use super::{LogError, SiteLog, ZSTD_LEVEL};
use crate::catalog::Catalog;
use crate::commit::{
    CHECKPOINT_EVERY, Checkpoint, FORMAT, FormatError, Latest, LogHead as _, LogKind, MAX_BYTES,
    MAX_HINT_BYTES, decode, decode_checkpoint, encode,
};
use crate::ids::Seq;
use crate::layout::{LogKey, SiteKey};
use crate::store::list_all;

impl<K: LogKind> SiteLog<K> {
    /// Writes the checkpoint of a catalog if one is due there. Its failure harms nobody, since
    /// readers replay more commits: it is only logged.
    pub async fn write_due_checkpoint(&self, catalog: &Catalog<K>) {
        let seq = catalog.seq();
        if seq.0.is_multiple_of(CHECKPOINT_EVERY)
            && let Err(error) = self.write_checkpoint(catalog).await
        {
            tracing::warn!(site = %self.site, %seq, %error, "no checkpoint");
        }
    }

    /// Writes the checkpoint of a catalog, then the hint that names it.
    ///
    /// # Errors
    /// A failure of the store; the log is whole without either.
    pub async fn write_checkpoint(&self, catalog: &Catalog<K>) -> Result<(), LogError> {
        let Some(checkpoint) = catalog.checkpoint() else {
            return Ok(());
        };
        let seq = checkpoint.head.seq();
        let key = self.key(&LogKey::Checkpoint(seq));
        let bytes = encode(&checkpoint).map_err(|source| self.unwritable(&key, source))?;
        let compressed = zstd::bulk::compress(&bytes, ZSTD_LEVEL)
            .map_err(|error| self.unwritable(&key, FormatError::Uncompressed(error)))?;
        self.store
            .put(&key, compressed.into())
            .await
            .map_err(|source| self.failed(source))?;
        let key = self.key(&LogKey::Latest);
        let latest = Latest {
            format: FORMAT,
            checkpoint: seq,
        };
        let bytes = encode(&latest).map_err(|source| self.unwritable(&key, source))?;
        self.store
            .put(&key, bytes.into())
            .await
            .map_err(|source| self.failed(source))?;
        Ok(())
    }

    /// The checkpoint that `latest.json` names. The hint, and what it names, may be missing or
    /// damaged: then there is none, since a listing finds the same.
    pub(super) async fn hinted_checkpoint(&self) -> Result<Option<Checkpoint<K>>, LogError> {
        let key = self.key(&LogKey::Latest);
        match self.object::<Latest>(&key, MAX_HINT_BYTES, decode).await {
            Ok(Some(latest)) => self.checkpoint(latest.checkpoint).await,
            Ok(None) => Ok(None),
            Err(LogError::Damaged { source, .. }) => {
                tracing::warn!(
                    site = %self.site, key, error = %source, "the hint is damaged; listing"
                );
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The newest usable checkpoint at or after a commit.
    pub(super) async fn newest_checkpoint(
        &self,
        from: Seq,
    ) -> Result<Option<Checkpoint<K>>, LogError> {
        for seq in self.checkpoints().await?.into_iter().rev() {
            if seq < from {
                break;
            }
            if let Some(checkpoint) = self.checkpoint(seq).await? {
                return Ok(Some(checkpoint));
            }
        }
        Ok(None)
    }

    /// The numbers of its checkpoints, ascending.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn checkpoints(&self) -> Result<Vec<Seq>, LogError> {
        let prefix = K::LOG.checkpoints(&self.site);
        let listed = list_all(&*self.store, &prefix, None).await;
        let mut seqs: Vec<Seq> = listed
            .map_err(|source| self.failed(source))?
            .iter()
            .filter_map(|object| match SiteKey::parse(&object.key) {
                Some((_, SiteKey::Log(_, LogKey::Checkpoint(seq)))) => Some(seq),
                _ => None,
            })
            .collect();
        seqs.sort_unstable();
        Ok(seqs)
    }

    /// Reads a checkpoint; `None` if it is missing or damaged, since an older one and the commits
    /// after it say the same. Only a newer format is an error: this program is too old.
    ///
    /// # Errors
    /// [`LogError`]
    pub async fn checkpoint(&self, seq: Seq) -> Result<Option<Checkpoint<K>>, LogError> {
        let key = self.key(&LogKey::Checkpoint(seq));
        let read = self.object(&key, MAX_BYTES, decode_checkpoint::<K>).await;
        match read {
            Ok(None) => Ok(None),
            Ok(Some(checkpoint))
                if checkpoint.head.seq() == seq && checkpoint.site == self.site =>
            {
                Ok(Some(checkpoint))
            }
            Ok(Some(other)) => {
                tracing::warn!(
                    site = %self.site, key, found = %other.head.seq(),
                    "the checkpoint is another's; falling back to an older one"
                );
                Ok(None)
            }
            Err(LogError::Damaged { source, .. })
                if !matches!(source, FormatError::Version { .. }) =>
            {
                tracing::warn!(
                    site = %self.site, key, error = %source,
                    "the checkpoint is damaged; falling back to an older one"
                );
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
