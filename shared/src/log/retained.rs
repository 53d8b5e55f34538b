//! What a vacuum of a log has to leave: all that the commits which can still be asked for name.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::{LogError, SiteLog};
use crate::catalog::Catalog;
use crate::commit::{AgentLog, Commit, LogHead as _, LogKind, LogObject as _, Now};
use crate::ids::{Md5, Name, Part, Seq};
use crate::layout::{LogKey, SiteKey};
use crate::store::{ObjectMeta, list_all};

/// Commits read at once.
const READ_AT_ONCE: usize = 8;

/// The newest checkpoints that stay whatever their age: the one that readers take, and the one they
/// fall back to.
const CHECKPOINTS_KEPT: usize = 2;

/// What has to stay.
#[derive(Debug)]
pub struct Retained<K: LogKind = AgentLog> {
    /// The oldest commit that stays whole.
    pub from: Option<Seq>,
    /// The newest.
    pub head: Seq,
    /// The checkpoint that a reader of the oldest commit begins with; older ones may go.
    pub checkpoint: Seq,
    /// All checkpoints, ascending.
    pub checkpoints: Vec<Seq>,
    /// The datasets that the objects are written with.
    pub datasets: BTreeSet<Md5>,
    objects: BTreeSet<(Name, Part, Md5)>,
    /// Whether the commits that are read now are retained.
    has_begun: bool,
    kind: PhantomData<K>,
}

impl<K: LogKind> Retained<K> {
    /// Reads the log from the last checkpoint before `cut` to its head: retained are the catalog
    /// then, and every commit since.
    ///
    /// # Errors
    /// A log that is not whole, or a failure of the store.
    pub async fn read(log: &SiteLog<K>, cut: Timestamp) -> Result<Self, LogError> {
        let checkpoints = log.checkpoints().await?;
        let start = start(log, &checkpoints, cut).await?;
        let mut retained = Self {
            checkpoint: start.seq(),
            checkpoints,
            from: None,
            head: Seq::NONE,
            datasets: BTreeSet::new(),
            objects: BTreeSet::new(),
            has_begun: false,
            kind: PhantomData,
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
            while commit.head.seq() > catalog.seq().next() {
                let missing = catalog.seq().next();
                if !retained.pass(log, &mut catalog, cut).await? {
                    return Err(log.gap(missing, commit.head.seq()));
                }
            }
            if commit.head.at() > cut {
                retained.begin(&catalog);
            }
            // A commit that the bridging checkpoint covers already is not applied again.
            if commit.head.seq() == catalog.seq().next() {
                catalog.apply(&commit);
            }
            if retained.has_begun {
                retained.named_by(&commit);
            }
        }
        // Where the last commits are lost, readers still stand at a checkpoint after them.
        while retained.pass(log, &mut catalog, cut).await? {}
        retained.begin(&catalog);
        retained.head = catalog.seq();
        Ok(retained)
    }

    /// Passes the commits after a catalog that are lost, by the first usable checkpoint after them;
    /// `false` where there is none.
    async fn pass(
        &mut self,
        log: &SiteLog<K>,
        catalog: &mut Catalog<K>,
        cut: Timestamp,
    ) -> Result<bool, LogError> {
        let at = self
            .checkpoints
            .partition_point(|seq| *seq <= catalog.seq());
        for seq in self.checkpoints[at..].iter().copied() {
            let Some(checkpoint) = log.checkpoint(seq).await? else {
                continue;
            };
            if checkpoint.head.at() > cut {
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
    fn begin(&mut self, catalog: &Catalog<K>) {
        if !self.has_begun {
            self.whole(catalog);
            self.has_begun = true;
        }
    }

    /// Retains all that a catalog names.
    fn whole(&mut self, catalog: &Catalog<K>) {
        self.from = self
            .from
            .or_else(|| catalog.head.as_ref().map(K::Head::seq));
        self.datasets
            .extend(catalog.head.iter().map(K::Head::dataset));
        for ((table, part), entry) in &catalog.partitions {
            self.objects
                .insert((table.clone(), *part, entry.object.md5()));
            self.datasets.insert(entry.dataset);
        }
    }

    fn named_by(&mut self, commit: &Commit<K>) {
        self.from.get_or_insert(commit.head.seq());
        self.datasets.insert(commit.head.dataset());
        for change in &commit.changes {
            if let Now::Object(object) = &change.now {
                self.objects
                    .insert((change.table.clone(), change.part, object.md5()));
            }
        }
    }

    /// The checkpoints that nobody needs any more.
    pub fn spare_checkpoints(&self) -> impl Iterator<Item = Seq> {
        let old = self.checkpoints.len().saturating_sub(CHECKPOINTS_KEPT);
        let old = self.checkpoints[..old].iter().copied();
        old.filter(|seq| *seq < self.checkpoint)
    }

    /// Whether the object at a key has to stay, however old it is.
    #[must_use]
    pub fn names(&self, key: &str) -> bool {
        match SiteKey::parse(key) {
            Some((_, SiteKey::Log(log, LogKey::Object(table, part, md5)))) if log == K::LOG => {
                self.objects.contains(&(table, part, md5))
            }
            Some((_, SiteKey::Dataset(md5))) => self.datasets.contains(&md5),
            // An unknown object is not deleted.
            _ => true,
        }
    }
}

/// The numbers of the commits after `seq` that are there.
async fn listed<K: LogKind>(log: &SiteLog<K>, seq: Seq) -> Result<Vec<Seq>, LogError> {
    let after = log.key(&LogKey::Commit(seq));
    let prefix = K::LOG.commits(log.site());
    let objects = list_all(&**log.store(), &prefix, Some(&after)).await;
    let objects = objects.map_err(|source| log.failed(source))?;
    let seq = |object: &ObjectMeta| match SiteKey::parse(&object.key) {
        Some((_, SiteKey::Log(_, LogKey::Commit(seq)))) => Some(seq),
        _ => None,
    };
    Ok(objects.iter().filter_map(seq).collect())
}

/// The catalog of the newest usable checkpoint whose commit was made before `cut`; an empty one
/// where there is none.
async fn start<K: LogKind>(
    log: &SiteLog<K>,
    checkpoints: &[Seq],
    cut: Timestamp,
) -> Result<Catalog<K>, LogError> {
    // Commits are small and their times ascend, so few of them tell which checkpoint it is.
    let (mut older, mut newer) = (0, checkpoints.len());
    while older < newer {
        let middle = older.midpoint(newer);
        let seq = checkpoints[middle];
        let at = match log.commit(seq).await? {
            Some(commit) => Some(commit.head.at()),
            // Lost, and bridged by this very checkpoint.
            None => log
                .checkpoint(seq)
                .await?
                .map(|checkpoint| checkpoint.head.at()),
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
