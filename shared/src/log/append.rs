//! Appending a commit: the one place where two writers meet.

use backon::Retryable as _;
use bytes::Bytes;

use super::fence::{TakenBy, judge};
use super::{LogError, SiteLog};
use crate::commit::{Commit, LogHead as _, LogKind, encode};
use crate::layout::LogKey;
use crate::runtime::retry;
use crate::store::{Body, StoreError};

/// What became of a commit.
#[derive(Debug, PartialEq)]
pub enum Appended<K: LogKind> {
    /// It is in the log, as it stands here: written now, or by an earlier try whose answer was lost.
    Written(Box<Commit<K>>),
    /// An equal or earlier writer at the same place wrote on meanwhile: read the log and make the
    /// commit again.
    Behind,
    /// Another writer has replaced this one: the head of its commit.
    Fenced(K::Head),
}

impl<K: LogKind> SiteLog<K> {
    /// Writes a commit, create-only. Its objects and its dataset must be there already.
    ///
    /// After a failure the commit may be there or not. So each try that fails asks for it, and
    /// only where it is not there the next one follows.
    ///
    /// # Errors
    /// A failure of the store that lasted: the commit may or may not be there. The same commit
    /// appended again finds out.
    pub async fn append(&self, commit: Commit<K>) -> Result<Appended<K>, LogError> {
        let seq = commit.head.seq();
        let key = self.key(&LogKey::Commit(seq));
        let bytes = encode(&commit).map_err(|source| self.unwritable(&key, source))?;
        let body = Bytes::from(bytes);
        let create = async || match self.store.create(&key, Body::Bytes(body.clone())).await {
            Ok(_) => Ok(None),
            Err(StoreError::AlreadyExists { .. }) => match self.commit(seq).await? {
                Some(there) => Ok(Some(there)),
                None => Err(self.failed(StoreError::NotFound { key: key.clone() })),
            },
            Err(source) => match self.failed(source) {
                // What the store says to this second question adds nothing to its first answer.
                error if error.is_retryable() => match self.commit(seq).await {
                    Ok(Some(there)) => Ok(Some(there)),
                    _ => Err(error),
                },
                error => Err(error),
            },
        };
        let there = create
            .retry(retry::a_few_times())
            .when(LogError::is_retryable)
            .notify(|error, _| tracing::warn!(site = %self.site, %seq, %error, "trying again"))
            .await?;
        let Some(there) = there else {
            return Ok(Appended::Written(commit.into()));
        };
        Ok(match judge(&commit, &there) {
            TakenBy::ThisCommit => Appended::Written(there.into()),
            TakenBy::OwnPlace => Appended::Behind,
            TakenBy::Another => Appended::Fenced(there.head),
        })
    }
}
