//! Mending a log, in an order in which a kill leaves it no worse.
//!
//! A commit that the state still has is written again, byte for byte. Any other lost one is
//! bridged: a checkpoint after it says what it added up to, and only then is what remains of it
//! taken away, since readers pass a gap that a checkpoint bridges, but stop at a damaged commit.

use causeway_shared::commit::encode;
use causeway_shared::ids::Seq;
use causeway_shared::layout::SiteKey;
use causeway_shared::log::LogError;
use causeway_shared::store::StoreError;

use super::Difference;
use super::audit::{Audit, Trouble};
use crate::agent::Agent;
use crate::error::AgentError;
use crate::state::State;

/// Mends what can be mended; every trouble, and whether it was.
///
/// # Errors
/// A failure of store or state.
pub(super) async fn mend(
    agent: &Agent,
    state: Option<&mut State>,
    audit: &Audit,
) -> Result<Vec<Difference>, AgentError> {
    let mender = Mender { agent, audit };
    let mut told = Vec::new();
    let mut bridged = Vec::new();
    let mut checkpoint_due = false;
    for trouble in &audit.troubles {
        let mut difference = trouble.difference();
        difference.repaired = match trouble {
            Trouble::MissingCommit(seq, _)
            | Trouble::DamagedCommit {
                seq, newer: false, ..
            } => {
                let again = mender.write_commit(*seq, state.as_deref()).await?;
                if !again {
                    bridged.push((told.len(), *seq));
                }
                again
            }
            Trouble::Checkpoint(..) | Trouble::Hint(_) => {
                checkpoint_due = true;
                true
            }
            Trouble::Dataset(md5, _) if *md5 == agent.dataset_md5() => {
                mender.write_dataset().await?;
                true
            }
            Trouble::DamagedCommit { newer: true, .. }
            | Trouble::Dataset(..)
            | Trouble::Stray(_) => false,
        };
        told.push(difference);
    }
    if checkpoint_due || !bridged.is_empty() {
        mender.write_checkpoints().await?;
    }
    for (at, seq) in bridged {
        mender.remove(SiteKey::Commit(seq)).await?;
        told[at].repaired = true;
        told[at].what += "; a checkpoint bridges it, and the next `sync` writes what differs";
    }
    Ok(told)
}

struct Mender<'m> {
    agent: &'m Agent,
    audit: &'m Audit,
}

impl Mender<'_> {
    /// Writes a commit again, if the state has it.
    async fn write_commit(&self, seq: Seq, state: Option<&State>) -> Result<bool, AgentError> {
        let commit = match state {
            Some(state) => state.recent_commit(seq)?,
            None => None,
        };
        let Some(commit) = commit.filter(|commit| commit.site == self.agent.config().site) else {
            return Ok(false);
        };
        let key = SiteKey::Commit(seq);
        let bytes = encode(&commit).map_err(|source| LogError::Damaged {
            site: commit.site.clone(),
            key: key.of(&commit.site),
            source,
        })?;
        self.put(key, bytes).await?;
        Ok(true)
    }

    async fn write_dataset(&self) -> Result<(), AgentError> {
        let json = self
            .agent
            .config()
            .dataset
            .canonical_json()
            .as_bytes()
            .to_vec();
        self.put(SiteKey::Dataset(self.agent.dataset_md5()), json)
            .await
    }

    /// Writes the damaged checkpoints that are known, then one at the head, which the hint names
    /// afterwards, then takes away those that are not known.
    async fn write_checkpoints(&self) -> Result<(), AgentError> {
        let log = self.agent.log();
        for catalog in self.audit.checkpoints.values() {
            log.write_checkpoint(catalog).await?;
        }
        log.write_checkpoint(&self.audit.catalog).await?;
        for trouble in &self.audit.troubles {
            if let Trouble::Checkpoint(seq, _) = trouble {
                let known = self.audit.checkpoints.contains_key(seq);
                if !known && *seq != self.audit.catalog.seq() {
                    self.remove(SiteKey::Checkpoint(*seq)).await?;
                }
            }
        }
        Ok(())
    }

    async fn put(&self, key: SiteKey, bytes: Vec<u8>) -> Result<(), AgentError> {
        let key = key.of(&self.agent.config().site);
        self.agent
            .store()
            .put(&key, bytes.into())
            .await
            .map(drop)
            .map_err(|e| self.failed(e))
    }

    async fn remove(&self, key: SiteKey) -> Result<(), AgentError> {
        let key = key.of(&self.agent.config().site);
        self.agent
            .store()
            .delete(&key)
            .await
            .map_err(|error| self.failed(error))
    }

    fn failed(&self, source: StoreError) -> AgentError {
        AgentError::Store {
            site: self.agent.config().site.clone(),
            source,
        }
    }
}
