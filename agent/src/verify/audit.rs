//! Reads a site's whole log, and finds what is missing or damaged in it.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{
    AgentLog, Checkpoint, Commit, FormatError, Head, Latest, MAX_BYTES, decode, decode_checkpoint,
};
use causeway_shared::ids::{Md5, Seq};
use causeway_shared::layout::{LogKey, SiteKey, WhichLog};
use causeway_shared::log::{LogError, SiteLog};
use causeway_shared::store::{StoreError, list_all};
use futures_util::{StreamExt as _, stream};

use super::report::Difference;
use crate::error::AgentError;

const READ_AT_ONCE: usize = 8;

/// How many of the newest checkpoints are read: the one that readers take, and the one they fall
/// back to.
const CHECKPOINTS: usize = 2;

/// What reading a log found.
#[derive(Debug)]
pub(super) struct Audit {
    /// What the commits add up to, as far as they could be read.
    pub(super) catalog: Catalog,
    /// Whether that is all that was committed.
    pub(super) whole: bool,
    /// What is wrong with it.
    pub(super) troubles: Vec<LogTrouble>,
    /// The catalogs that the damaged checkpoints should hold, where they are known.
    pub(super) checkpoints: BTreeMap<Seq, Catalog>,
}

/// Something wrong with a log.
#[derive(Debug)]
pub(super) enum LogTrouble {
    /// A commit is not there.
    MissingCommit(Seq, String),
    /// A commit cannot be used; `newer` if only because this program is too old for it.
    DamagedCommit {
        seq: Seq,
        error: LogError,
        newer: bool,
    },
    /// A checkpoint cannot be used, or does not say what the commits do.
    Checkpoint(Seq, String),
    /// The hint is missing, damaged or names no checkpoint.
    Hint(String),
    /// A dataset that partitions were written with cannot be used.
    Dataset(Md5, LogError),
    /// A newer program wrote a checkpoint or the hint; this one must not replace it.
    Newer(String),
    /// Something among the commits is not a commit.
    Stray(String),
}

/// Why a checkpoint cannot be used.
struct Unusable {
    what: String,
    newer: bool,
}

impl Unusable {
    fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            newer: false,
        }
    }

    fn damaged(error: &FormatError) -> Self {
        Self {
            what: format!("is damaged: {error}"),
            newer: matches!(error, FormatError::Version { .. }),
        }
    }
}

impl LogTrouble {
    /// The trouble in words.
    pub(super) fn difference(&self) -> Difference {
        Difference::of_log(match self {
            Self::MissingCommit(seq, key) => format!("commit {seq} ({key}) is missing"),
            Self::DamagedCommit { error, .. } | Self::Dataset(_, error) => error.to_string(),
            Self::Checkpoint(_, what) | Self::Hint(what) | Self::Newer(what) => what.clone(),
            Self::Stray(key) => format!("{key} lies in the log and is no commit"),
        })
    }
}

impl Audit {
    /// All troubles in words.
    pub(super) fn differences(&self) -> Vec<Difference> {
        self.troubles.iter().map(LogTrouble::difference).collect()
    }
}

/// Reads a log from its first commit on. `known` is what the agent's state says it is.
///
/// # Errors
/// A failure of the store.
pub(super) async fn audit(log: &SiteLog, known: Option<&Catalog>) -> Result<Audit, AgentError> {
    let (seqs, strays) = listed(log, &WhichLog::Agent.commits(log.site())).await?;
    let mut reading = LogReading {
        log,
        catalog: Catalog::empty(log.site().clone()),
        whole: true,
        troubles: strays.into_iter().map(LogTrouble::Stray).collect(),
        wanted: BTreeMap::new(),
    };
    let checkpoints = reading.checkpoints().await?;
    let found = [seqs.last(), checkpoints.keys().next_back()];
    let found = found.into_iter().flatten().copied();
    let last = found.chain(known.map(Catalog::seq)).max();
    let last = last.unwrap_or(Seq::NONE);
    let mut commits =
        stream::iter((1..=last.0).map(|seq| async move { (Seq(seq), log.commit(Seq(seq)).await) }))
            .buffered(READ_AT_ONCE);
    while let Some((seq, commit)) = commits.next().await {
        reading.take(seq, commit, checkpoints.get(&seq))?;
    }
    drop(commits);
    if let Some(known) = known.filter(|known| !reading.whole && known.seq() == last) {
        reading.catalog = known.clone();
        reading.whole = true;
    }
    if let Some(head) = &mut reading.catalog.head {
        // The number of a commit that is lost stays taken: a reader may stand at it, and would never
        // see another commit of that number.
        head.seq = head.seq.max(last);
    }
    reading.datasets().await?;
    let LogReading {
        catalog,
        whole,
        troubles,
        wanted,
        ..
    } = reading;
    Ok(Audit {
        catalog,
        whole,
        troubles,
        checkpoints: wanted,
    })
}

/// A log while it is read.
struct LogReading<'l> {
    log: &'l SiteLog,
    catalog: Catalog,
    /// Whether the catalog is what the log said, without a hole.
    whole: bool,
    troubles: Vec<LogTrouble>,
    wanted: BTreeMap<Seq, Catalog>,
}

impl LogReading<'_> {
    /// Applies the next commit, or notes why it cannot, and compares the checkpoint at that number.
    fn take(
        &mut self,
        seq: Seq,
        commit: Result<Option<Commit>, LogError>,
        checkpoint: Option<&Result<Checkpoint, Unusable>>,
    ) -> Result<(), AgentError> {
        match commit {
            Ok(Some(commit)) => self.apply(&commit),
            Ok(None) => {
                let key = self.log.key(&LogKey::Commit(seq));
                self.trouble(LogTrouble::MissingCommit(seq, key));
            }
            Err(
                error @ LogError::Damaged {
                    source: FormatError::Version { .. },
                    ..
                },
            ) => {
                self.trouble(LogTrouble::DamagedCommit {
                    seq,
                    error,
                    newer: true,
                });
            }
            Err(error @ (LogError::Damaged { .. } | LogError::Misplaced { .. })) => {
                self.trouble(LogTrouble::DamagedCommit {
                    seq,
                    error,
                    newer: false,
                });
            }
            Err(LogError::Store {
                source: StoreError::Damaged { key, detail },
                site,
            }) => {
                let source = StoreError::Damaged { key, detail };
                let error = LogError::Store { site, source };
                self.trouble(LogTrouble::DamagedCommit {
                    seq,
                    error,
                    newer: false,
                });
            }
            Err(error) => return Err(error.into()),
        }
        match checkpoint {
            None => {}
            // Every reader begins at it, whatever is missing before it.
            Some(Ok(checkpoint)) if !self.whole => {
                self.troubles
                    .retain(|trouble| !matches!(trouble, LogTrouble::MissingCommit(..)));
                self.catalog = checkpoint.clone().into();
                self.whole = true;
            }
            Some(Ok(checkpoint)) if self.catalog.agrees_with(&checkpoint.clone().into()) => {}
            Some(Ok(_)) => {
                let other = Unusable::new("does not say what the commits do");
                self.wrong_checkpoint(seq, &other);
            }
            Some(Err(why)) => self.wrong_checkpoint(seq, why),
        }
        Ok(())
    }

    fn trouble(&mut self, trouble: LogTrouble) {
        self.whole = false;
        self.troubles.push(trouble);
    }

    fn wrong_checkpoint(&mut self, seq: Seq, why: &Unusable) {
        let key = self.log.key(&LogKey::Checkpoint(seq));
        let what = format!("checkpoint {key} {}", why.what);
        if why.newer {
            self.troubles.push(LogTrouble::Newer(what));
            return;
        }
        self.troubles.push(LogTrouble::Checkpoint(seq, what));
        if self.whole {
            self.wanted.insert(seq, self.catalog.clone());
        }
    }

    /// Applies a commit, also after a hole.
    fn apply(&mut self, commit: &Commit) {
        if self.catalog.seq().next() != commit.head.seq {
            self.catalog.head = Some(Head {
                seq: Seq(commit.head.seq.0 - 1),
                ..commit.head.clone()
            });
        }
        self.catalog.apply(commit);
    }

    /// Reads the newest checkpoints, and whether the hint names one that is there.
    async fn checkpoints(
        &mut self,
    ) -> Result<BTreeMap<Seq, Result<Checkpoint, Unusable>>, AgentError> {
        let (seqs, _) = listed(self.log, &WhichLog::Agent.checkpoints(self.log.site())).await?;
        let mut checkpoints = BTreeMap::new();
        for seq in seqs.iter().rev().take(CHECKPOINTS) {
            checkpoints.insert(*seq, self.checkpoint(*seq).await?);
        }
        if let Some(newest) = seqs.last()
            && let Some(wrong) = self.hint(&seqs).await?
        {
            let what = format!("{}; the newest is {newest}", wrong.what);
            self.troubles.push(match wrong.newer {
                true => LogTrouble::Newer(what),
                false => LogTrouble::Hint(what),
            });
        }
        Ok(checkpoints)
    }

    async fn checkpoint(&self, seq: Seq) -> Result<Result<Checkpoint, Unusable>, AgentError> {
        let key = self.log.key(&LogKey::Checkpoint(seq));
        let Some(compressed) = read(self.log, &key).await? else {
            return Ok(Err(Unusable::new("is missing")));
        };
        Ok(match decode_checkpoint::<AgentLog>(&compressed) {
            Ok(checkpoint) if checkpoint.head.seq == seq && checkpoint.site == *self.log.site() => {
                Ok(checkpoint)
            }
            Ok(other) => {
                let what = format!(
                    "says that it is checkpoint {} of {}",
                    other.head.seq, other.site
                );
                Err(Unusable::new(what))
            }
            Err(error) => Err(Unusable::damaged(&error)),
        })
    }

    async fn hint(&self, seqs: &BTreeSet<Seq>) -> Result<Option<Unusable>, AgentError> {
        let key = self.log.key(&LogKey::Latest);
        let Some(bytes) = read(self.log, &key).await? else {
            return Ok(Some(Unusable::new(format!("{key} is missing"))));
        };
        Ok(match decode::<Latest>(&bytes) {
            Ok(latest) if seqs.contains(&latest.checkpoint) => None,
            Ok(Latest { checkpoint, .. }) => {
                let what = format!("{key} names checkpoint {checkpoint}, which is missing");
                Some(Unusable::new(what))
            }
            Err(error) => {
                let damaged = Unusable::damaged(&error);
                let what = format!("{key} {}", damaged.what);
                Some(Unusable { what, ..damaged })
            }
        })
    }

    /// Reads every dataset that a partition was written with.
    async fn datasets(&mut self) -> Result<(), AgentError> {
        let head = self.catalog.head.iter().map(|head| head.dataset);
        let entries = self.catalog.partitions.values().map(|entry| entry.dataset);
        for md5 in head.chain(entries).collect::<BTreeSet<Md5>>() {
            match self.log.dataset(md5).await {
                Ok(_) => {}
                Err(error @ LogError::Dataset { .. }) => {
                    self.troubles.push(LogTrouble::Dataset(md5, error));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// The numbers under a prefix of numbered objects, and the keys that are none.
async fn listed(log: &SiteLog, prefix: &str) -> Result<(BTreeSet<Seq>, Vec<String>), AgentError> {
    let objects = list_all(&**log.store(), prefix, None)
        .await
        .map_err(|source| AgentError::Store {
            site: log.site().clone(),
            source,
        })?;
    let mut seqs = BTreeSet::new();
    let mut strays = Vec::new();
    for object in objects {
        match SiteKey::parse(&object.key) {
            Some((_, SiteKey::Log(_, LogKey::Commit(seq) | LogKey::Checkpoint(seq)))) => {
                seqs.insert(seq);
            }
            _ => strays.push(object.key),
        }
    }
    Ok((seqs, strays))
}

/// A small object; `None` where there is none, empty where the store itself finds it damaged.
async fn read(log: &SiteLog, key: &str) -> Result<Option<Vec<u8>>, AgentError> {
    let bytes = match log.store().get(key).await {
        Ok(fetched) => fetched.bytes(MAX_BYTES).await,
        Err(error) => Err(error),
    };
    match bytes {
        Ok(bytes) => Ok(Some(bytes)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(StoreError::Damaged { .. }) => Ok(Some(Vec::new())),
        Err(source) => Err(AgentError::Store {
            site: log.site().clone(),
            source,
        }),
    }
}
