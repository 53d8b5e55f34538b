//! What a vacuum has to leave: all that the commits which can still be asked for name.

use std::collections::BTreeSet;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{Commit, Now};
use causeway_shared::ids::{Md5, Seq};
use causeway_shared::layout::{LogKey, SiteKey, WhichLog};
use causeway_shared::log::{LogError, SiteLog};
use causeway_shared::store::{ObjectMeta, list_all};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use crate::error::AgentError;
use crate::scan::ObjectId;

/// Commits read at once.
const READ_AT_ONCE: usize = 8;

/// What has to stay.
#[derive(Debug, Default)]
pub(super) struct Retained {
    /// The oldest commit that stays whole.
    pub(super) from: Option<Seq>,
    /// The newest.
    pub(super) head: Seq,
    /// The checkpoint that a reader of the oldest commit begins with; older ones may go.
    pub(super) checkpoint: Seq,
    /// Whether the commits that are read now are retained.
    has_begun: bool,
    objects: BTreeSet<ObjectId>,
    datasets: BTreeSet<Md5>,
    /// All checkpoints, ascending.
    pub(super) checkpoints: Vec<Seq>,
}

impl Retained {
    /// Reads the log from the last checkpoint before `cut` to its head.
    pub(super) async fn read(log: &SiteLog, cut: Timestamp) -> Result<Self, AgentError> {
        let checkpoints = log.checkpoints().await?;
        let start = start(log, &checkpoints, cut).await?;
        let mut retained = Self {
            checkpoint: start.seq(),
            checkpoints,
            ..Self::default()
        };
        let mut catalog = start;
        let seqs = listed(log, catalog.seq()).await?;
        let mut commits = stream::iter(seqs)
            .map(|seq| async move {
                log.commit(seq)
                    .await?
                    .ok_or_else(|| log.gap(seq, seq.next()))
            })
            .buffered(READ_AT_ONCE);
        while let Some(commit) = commits.try_next().await? {
            while commit.head.seq > catalog.seq().next() {
                let missing = catalog.seq().next();
                if !retained.pass(log, &mut catalog, cut).await? {
                    return Err(log.gap(missing, commit.head.seq).into());
                }
            }
            if commit.head.at > cut {
                retained.begin(&catalog);
            }
            // Of one before the bridge's end nobody knows what it added to.
            if commit.head.seq == catalog.seq().next() {
                catalog.apply(&commit);
            }
            if retained.has_begun {
                retained.named_by(&commit);
            }
        }
        // Where the last commits are lost, readers stand at a checkpoint all the same.
        while retained.pass(log, &mut catalog, cut).await? {}
        retained.begin(&catalog);
        retained.head = catalog.seq();
        Ok(retained)
    }

    /// Passes the commits after a catalog that are lost, by the first usable checkpoint after them;
    /// `false` where there is none.
    async fn pass(
        &mut self,
        log: &SiteLog,
        catalog: &mut Catalog,
        cut: Timestamp,
    ) -> Result<bool, LogError> {
        let at = self
            .checkpoints
            .partition_point(|seq| *seq <= catalog.seq());
        for seq in self.checkpoints[at..].iter().copied() {
            let Some(checkpoint) = log.checkpoint(seq).await? else {
                continue;
            };
            if checkpoint.head.at > cut {
                self.begin(catalog);
            }
            *catalog = checkpoint.into();
            if self.has_begun {
                self.whole(catalog);
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// From this catalog on all is retained.
    fn begin(&mut self, catalog: &Catalog) {
        if !self.has_begun {
            self.whole(catalog);
            self.has_begun = true;
        }
    }

    /// Retains all that a catalog names.
    fn whole(&mut self, catalog: &Catalog) {
        self.from = self
            .from
            .or_else(|| catalog.head.as_ref().map(|head| head.seq));
        self.datasets
            .extend(catalog.head.iter().map(|head| head.dataset));
        for ((table, part), entry) in &catalog.partitions {
            self.objects
                .insert((table.clone(), *part, entry.object.md5));
            self.datasets.insert(entry.dataset);
        }
    }

    fn named_by(&mut self, commit: &Commit) {
        self.from.get_or_insert(commit.head.seq);
        self.datasets.insert(commit.head.dataset);
        for change in &commit.changes {
            if let Now::Object(object) = &change.now {
                self.objects
                    .insert((change.table.clone(), change.part, object.md5));
            }
        }
    }

    /// Whether what lies at a key has to stay, whatever its age.
    pub(super) fn names(&self, key: &str) -> bool {
        match SiteKey::parse(key) {
            Some((_, SiteKey::Log(WhichLog::Agent, LogKey::Object(table, part, md5)))) => {
                self.objects.contains(&(table, part, md5))
            }
            Some((_, SiteKey::Dataset(md5))) => self.datasets.contains(&md5),
            // Nobody knows what it is, so it is nobody's to delete.
            _ => true,
        }
    }
}

/// The numbers of the commits after `seq` that are there.
async fn listed(log: &SiteLog, seq: Seq) -> Result<Vec<Seq>, AgentError> {
    let after = log.key(&LogKey::Commit(seq));
    let prefix = WhichLog::Agent.commits(log.site());
    let objects = list_all(&**log.store(), &prefix, Some(&after)).await;
    let objects = objects.map_err(|source| AgentError::Store {
        site: log.site().clone(),
        source,
    })?;
    let seq = |object: &ObjectMeta| match SiteKey::parse(&object.key) {
        Some((_, SiteKey::Log(_, LogKey::Commit(seq)))) => Some(seq),
        _ => None,
    };
    Ok(objects.iter().filter_map(seq).collect())
}

/// The catalog of the newest usable checkpoint whose commit was made before `cut`; an empty one
/// where there is none.
async fn start(log: &SiteLog, checkpoints: &[Seq], cut: Timestamp) -> Result<Catalog, LogError> {
    // Commits are small and their times ascend, so few of them tell which checkpoint it is.
    let (mut older, mut newer) = (0, checkpoints.len());
    while older < newer {
        let middle = older.midpoint(newer);
        let seq = checkpoints[middle];
        let at = match log.commit(seq).await? {
            Some(commit) => Some(commit.head.at),
            // Lost, and bridged by this very checkpoint.
            None => log
                .checkpoint(seq)
                .await?
                .map(|checkpoint| checkpoint.head.at),
        };
        // Where neither tells, an earlier start only retains more.
        if at.is_some_and(|at| at <= cut) {
            older = middle + 1;
        } else {
            newer = middle;
        }
    }
    for seq in checkpoints[..older].iter().rev() {
        if let Some(checkpoint) = log.checkpoint(*seq).await? {
            return Ok(checkpoint.into());
        }
    }
    Ok(Catalog::empty(log.site().clone()))
}
