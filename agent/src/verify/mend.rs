//! Mends a log, in an order in which a kill leaves it no worse.
//!
//! It writes a commit that the state still has again, byte for byte. It bridges any other lost
//! commit: first it writes a checkpoint at the last number of the log, then it deletes what remains of
//! the commit, since readers pass a gap that a checkpoint bridges, but stop at a damaged commit. The
//! number of a lost commit is never free again: readers that took that commit in would not see another.

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{Head, Writer, encode};
use causeway_shared::ids::Seq;
use causeway_shared::layout::{LogKey, SiteKey, WhichLog};
use causeway_shared::log::LogError;
use causeway_shared::runtime::chance::random_id;
use causeway_shared::runtime::clock;
use causeway_shared::store::StoreError;

use super::audit::{self, Audit, LogTrouble};
use super::report::Difference;
use crate::agent::Agent;
use crate::error::AgentError;
use crate::state::AgentState;

/// Mends what can be mended. Returns every trouble, and whether it was mended.
///
/// # Errors
/// A failure of store or state.
pub(super) async fn mend(
    agent: &Agent,
    state: Option<&AgentState>,
    known: Option<&Catalog>,
    audit: Audit,
) -> Result<Vec<Difference>, AgentError> {
    let mender = Mender { agent };
    let mut again = false;
    for trouble in &audit.troubles {
        again |= mender.write_again(trouble, state).await?;
    }
    let mut differences = audit.differences();
    let mut audit = if again {
        audit::audit(agent.log(), known).await?
    } else {
        audit
    };
    let left: Vec<Difference> = audit.differences();
    for difference in &mut differences {
        difference.repaired = !left.contains(difference);
    }
    mender.bridge(state, &mut audit, &mut differences).await?;
    Ok(differences)
}

/// What to say of a trouble that stays because a newer program wrote a commit.
const UPGRADE: &str = "; it stays until a newer causeway-agent can read the whole log";

struct Mender<'m> {
    agent: &'m Agent,
}

impl Mender<'_> {
    /// Writes a commit or a dataset again that the state or the configuration has; `false` where
    /// neither does.
    async fn write_again(
        &self,
        trouble: &LogTrouble,
        state: Option<&AgentState>,
    ) -> Result<bool, AgentError> {
        match trouble {
            LogTrouble::MissingCommit(seq, _)
            | LogTrouble::DamagedCommit {
                seq, newer: false, ..
            } => self.write_commit(*seq, state).await,
            LogTrouble::Dataset(md5, _) if *md5 == self.agent.dataset_md5() => {
                self.write_dataset().await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Writes the checkpoints that are due, and one that bridges lost commits.
    ///
    /// It publishes no catalog without a commit that a newer program can read. It does publish one
    /// without a commit that nobody has any more, since the log cannot go on otherwise. Where the
    /// state does not have that commit either, it is forgotten first, so that the next cycle reads
    /// every source and commits what differs.
    async fn bridge(
        &self,
        state: Option<&AgentState>,
        audit: &mut Audit,
        differences: &mut [Difference],
    ) -> Result<(), AgentError> {
        let mut lost = Vec::new();
        let mut due = Vec::new();
        let mut newer = false;
        for trouble in &audit.troubles {
            match trouble {
                LogTrouble::MissingCommit(seq, _)
                | LogTrouble::DamagedCommit {
                    seq, newer: false, ..
                } => lost.push((*seq, trouble.difference())),
                LogTrouble::DamagedCommit { newer: true, .. } | LogTrouble::Newer(_) => {
                    newer = true
                }
                LogTrouble::Checkpoint(..) | LogTrouble::Hint(_) => due.push(trouble.difference()),
                LogTrouble::Dataset(..) | LogTrouble::Stray(_) => {}
            }
        }
        if lost.is_empty() && due.is_empty() {
            return Ok(());
        }
        let mut tell = |of: &[Difference], repaired: bool, what: &str| {
            for difference in differences
                .iter_mut()
                .filter(|difference| of.contains(difference))
            {
                difference.what += what;
                difference.repaired = repaired;
            }
        };
        if newer {
            let lost: Vec<Difference> =
                lost.into_iter().map(|(_, difference)| difference).collect();
            tell(&lost, false, UPGRADE);
            tell(&due, false, UPGRADE);
            return Ok(());
        }
        if !audit.whole && state.is_some() {
            self.agent.state()?.forget_writer()?;
        }
        if let (None, Some((last, _))) = (&audit.catalog.head, lost.last()) {
            audit.catalog.head = Some(self.head_of_nothing(*last)?);
            self.write_dataset().await?;
        }
        self.write_checkpoints(audit).await?;
        tell(&due, true, "");
        for (seq, difference) in lost {
            self.remove(SiteKey::Log(WhichLog::Agent, LogKey::Commit(seq)))
                .await?;
            let what = if audit.whole {
                "; a checkpoint bridges it"
            } else {
                "; a checkpoint bridges it without what it changed, which the next `sync` writes"
            };
            tell(&[difference], true, what);
        }
        Ok(())
    }

    /// The head of a log of which no commit can be read.
    fn head_of_nothing(&self, seq: Seq) -> Result<Head, AgentError> {
        Ok(Head {
            seq,
            at: clock::commit_time(clock::now(), None),
            epoch: 1,
            writer: Writer {
                id: random_id().map_err(|source| AgentError::System { source })?,
                host: self.agent.config().machine.host.clone(),
            },
            dataset: self.agent.dataset_md5(),
        })
    }

    /// Writes a commit again, if the state has it.
    async fn write_commit(&self, seq: Seq, state: Option<&AgentState>) -> Result<bool, AgentError> {
        let commit = match state {
            Some(state) => state.recent_commit(seq)?,
            None => None,
        };
        let Some(commit) = commit.filter(|commit| commit.site == self.agent.config().site) else {
            return Ok(false);
        };
        let key = SiteKey::Log(WhichLog::Agent, LogKey::Commit(seq));
        let bytes = encode(&commit).map_err(|source| LogError::Unwritable {
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

    /// Writes the damaged checkpoints whose catalog is known, then one at the head, which the hint
    /// names afterwards, then deletes the others.
    async fn write_checkpoints(&self, audit: &Audit) -> Result<(), AgentError> {
        let log = self.agent.log();
        for catalog in audit.checkpoints.values() {
            log.write_checkpoint(catalog).await?;
        }
        log.write_checkpoint(&audit.catalog).await?;
        for trouble in &audit.troubles {
            if let LogTrouble::Checkpoint(seq, _) = trouble {
                let known = audit.checkpoints.contains_key(seq);
                if !known && *seq != audit.catalog.seq() {
                    self.remove(SiteKey::Log(WhichLog::Agent, LogKey::Checkpoint(*seq)))
                        .await?;
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
