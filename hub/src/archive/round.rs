//! One round of a run: from the manifest and the logs to the manifest.
//!
//! A round that does not list what lies under `archive/` only tells whether any site has news. Whatever
//! is written is written by one that listed first, and read the logs after that: what a run that was
//! stopped has left behind is seen then.

mod read;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::ids::{Name, Seq, SiteName};
use causeway_shared::layout::ArchiveFile;
use causeway_shared::store::{Store, Version};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::info::ArchiveInfo;
use super::manifest::{Manifest, Published, SiteAt, SiteRecord};
use super::publish::{Outcome, PublishError, StoredFile, publish};
use super::report::{ArchiveReport, SiteArchived, TableArchived};
use super::{Archive, ArchiveError, Memory};
use crate::document::Document;
use crate::error::SiteError;
use crate::sync::{LogSnapshot, MergedSite, SitePart, discover};
use read::{list_published, lost_log, read_logs, refuse_older};

/// Files that are made at once.
const FILES_AT_ONCE: usize = 4;

/// So many files, and the manifest is written, so that a run that is stopped is not made again.
const FILES_A_MANIFEST: usize = 256;

/// A round that has read what is published.
pub(super) struct Round<'a> {
    archive: &'a Archive,
    memory: &'a mut Memory,
    now: Timestamp,
    listed: bool,
    manifest: Manifest,
    /// The manifest as it is in the store.
    stored: Manifest,
    stored_version: Option<Version>,
    info: ArchiveInfo,
    info_version: Option<Version>,
    /// The versions of what lies there, from before the logs were read.
    versions: BTreeMap<ArchiveFile, Version>,
    sums_version: Option<Version>,
    report: ArchiveReport,
    /// Whether the manifest says something else of the files of the site in hand.
    is_changed: bool,
    /// Whether another run wrote something meanwhile.
    overtaken: bool,
}

/// How a round ended.
pub(super) enum Ended {
    Done(ArchiveReport),
    /// There is news, or another run was at work: a round that lists begins, with what this one wrote.
    Again(ArchiveReport),
}

impl<'a> Round<'a> {
    /// Reads what is published. `so_far` counts what earlier rounds of the run wrote.
    pub(super) async fn begin(
        archive: &'a Archive,
        memory: &'a mut Memory,
        (listed, now): (bool, Timestamp),
        so_far: ArchiveReport,
    ) -> Result<Self, ArchiveError> {
        let store = &archive.store;
        let document = Document::<Manifest>::new(Store::clone(store));
        let (stored, stored_version) = document.read().await?;
        if listed && stored_version.is_none() {
            document.check_new_store().await?;
        }
        let info = Document::<ArchiveInfo>::new(Store::clone(store));
        let (info, info_version) = info.read().await?;
        let mut manifest = stored.clone();
        let (versions, sums_version) = match listed {
            true => list_published(store, &mut manifest).await?,
            false => (BTreeMap::new(), None),
        };
        Ok(Self {
            archive,
            memory,
            now,
            listed,
            manifest,
            stored,
            stored_version,
            info,
            info_version,
            versions,
            sums_version,
            report: so_far,
            is_changed: false,
            overtaken: false,
        })
    }

    /// Publishes.
    pub(super) async fn run(mut self) -> Result<Ended, ArchiveError> {
        let mut sites = discover(&self.archive.store).await?;
        sites.extend(self.manifest.sites.keys().cloned());
        let mut news = false;
        for site in &sites {
            let archived = match self.site(site).await {
                Ok(Some(archived)) => archived,
                Ok(None) => {
                    news = true;
                    break;
                }
                Err(Failed::Archive(error)) => return Err(error),
                Err(Failed::Site(error)) => {
                    // Its log may be another now: the next run reads it from its beginning.
                    self.memory.logs.remove(site);
                    SiteArchived {
                        error: Some(error.to_string()),
                        retryable: error.is_retryable(),
                        ..published_of(self.manifest.sites.get(site))
                    }
                }
            };
            if self.overtaken {
                break;
            }
            self.report.sites.insert(site.clone(), archived);
        }
        if news || self.overtaken || !self.write().await? {
            return Ok(Ended::Again(self.report));
        }
        self.count();
        match self.write_info().await? {
            true => Ok(Ended::Done(self.report)),
            false => Ok(Ended::Again(self.report)),
        }
    }

    /// Publishes a site. `None`: it has news, and nobody has listed what lies there.
    async fn site(&mut self, site: &SiteName) -> Result<Option<SiteArchived>, Failed> {
        let known = self.memory.logs.get(site);
        let logs = read_logs(&self.archive.store, site, known, self.listed).await?;
        let was = self.manifest.sites.get(site).cloned();
        let logs = match (logs, &was) {
            (Some(logs), _) => logs,
            // Somebody has made a folder, and committed nothing yet.
            (None, None) => return Ok(Some(SiteArchived::default())),
            (None, Some(was)) => return Err(lost_log(site, was).into()),
        };
        self.memory.logs.insert(site.clone(), logs.clone());
        for table in &logs.dataset.tables {
            self.table(&table.name);
        }
        let at = self.at(&logs);
        if let Some(was) = &was {
            refuse_older(site, was, &at)?;
            self.warn_of_other_bom(site, was);
        }
        let is_whole = was
            .as_ref()
            .is_some_and(|was| was.whole.as_ref() == Some(&at));
        let is_seen = self.memory.whole.get(site) == Some(&at);
        if !self.listed {
            return Ok((is_whole || is_seen).then(|| published_of(was.as_ref())));
        }
        let kept_since = self.archive.config.edits.kept_since(self.now);
        let merged = MergedSite::settle(&self.archive.store, logs, kept_since).await?;
        self.is_changed = false;
        let is_whole = self.publish(&merged).await?;
        if self.overtaken {
            return Ok(Some(SiteArchived::default()));
        }
        if is_whole {
            self.memory.whole.insert(site.clone(), at.clone());
        }
        let was_whole = was.is_some_and(|was| was.whole.is_some());
        // Where no file is of another version, the commit that was published before is as true.
        if self.is_changed || !is_whole || !was_whole {
            let record = self.manifest.sites.entry(site.clone());
            let record = record.or_insert_with(|| SiteRecord::of(at.clone()));
            if is_whole {
                record.whole = Some(at.clone());
            }
            record.seen = at;
        }
        Ok(Some(published_of(self.manifest.sites.get(site))))
    }

    /// The heads of a site's logs, as the manifest names them.
    fn at(&self, logs: &LogSnapshot) -> SiteAt {
        let head = logs.catalog.head.as_ref();
        SiteAt {
            commit: logs.catalog.seq(),
            at: head.map_or(Timestamp::UNIX_EPOCH, |head| head.at),
            edits_commit: logs.edits.seq(),
            bom: self.archive.config.archive.excel,
        }
    }

    /// Two hubs of one store with other settings would write all files anew in turn.
    fn warn_of_other_bom(&self, site: &SiteName, was: &SiteRecord) {
        if self.listed && was.seen.bom != self.archive.config.archive.excel {
            tracing::warn!(
                %site,
                "all files are written anew, since [archive] excel is not what it was; hubs of one \
                 store need the same"
            );
        }
    }

    /// Publishes the partitions of a site that are another version now, and removes those that are
    /// gone. Whether all of it is published.
    async fn publish(&mut self, site: &MergedSite) -> Result<bool, Failed> {
        let bom = self.archive.config.archive.excel;
        let (mut wanted, mut todo) = (BTreeSet::new(), Vec::new());
        for part in site.parts().into_iter().filter(|part| part.rows() > 0) {
            let file = ArchiveFile {
                table: part.table.name.clone(),
                part: part.part,
                site: site.site().clone(),
            };
            let published = self.manifest.files.get(&file);
            if !published.is_some_and(|published| is_of(published, site, &part, bom)) {
                todo.push((file.clone(), part));
            }
            wanted.insert(file);
        }
        let mut is_whole = true;
        for (table, error) in site.unsettled() {
            self.failed(table, error.to_string(), error.is_retryable());
            is_whole = false;
        }
        for (at, some) in todo.chunks(FILES_A_MANIFEST).enumerate() {
            if at > 0 && !self.write().await? {
                self.overtaken = true;
                return Ok(false);
            }
            is_whole &= self.publish_some(site, some).await?;
            if self.overtaken {
                return Ok(false);
            }
        }
        self.remove_gone(site, &wanted).await?;
        Ok(is_whole)
    }

    async fn publish_some(
        &mut self,
        site: &MergedSite,
        files: &[(ArchiveFile, SitePart<'_>)],
    ) -> Result<bool, SiteError> {
        let store = &self.archive.store;
        let bom = self.archive.config.archive.excel;
        let jobs = files.iter().map(|(file, part)| {
            let stored = StoredFile {
                published: self.manifest.files.get(file),
                version: self.versions.get(file),
            };
            async move { (file, publish(store, site, *part, (file, stored), bom).await) }
        });
        let jobs: Vec<_> = jobs.collect();
        let mut jobs = stream::iter(jobs).buffered(FILES_AT_ONCE);
        let (mut done, mut stopped) = (Vec::new(), None);
        while let Some((file, outcome)) = jobs.next().await {
            match outcome.map_err(|error| error.of_all(site.site())) {
                Err(Ok(error)) => stopped = Some(error),
                Err(Err(error)) => done.push((file, Err(error))),
                Ok(Outcome::Overtaken) => self.overtaken = true,
                Ok(outcome) => done.push((file, Ok(outcome))),
            }
            if stopped.is_some() || self.overtaken {
                break;
            }
        }
        drop(jobs);
        let mut is_whole = true;
        for (file, outcome) in done {
            is_whole &= self.note(file, outcome);
        }
        stopped.map_or(Ok(is_whole), Err)
    }

    /// Notes what became of a partition; whether it is published now.
    fn note(&mut self, file: &ArchiveFile, outcome: Result<Outcome, PublishError>) -> bool {
        let published = match outcome {
            Ok(Outcome::Same(published)) => published,
            Ok(Outcome::Written(published)) => {
                self.table(&file.table).published += 1;
                published
            }
            Ok(Outcome::Overtaken) => return false,
            Err(error) => {
                let text = format!("{}: {error}", file.path());
                self.failed(&file.table, text, error.is_retryable());
                return false;
            }
        };
        self.versions
            .insert(file.clone(), published.version.clone());
        let was = self.manifest.files.insert(file.clone(), published);
        self.is_changed |= was.as_ref() != self.manifest.files.get(file);
        true
    }

    /// Deletes the site's files that are not wanted any more. Of a table with an error they stay: a row
    /// may have moved from one of them to a partition that cannot be read.
    async fn remove_gone(
        &mut self,
        site: &MergedSite,
        wanted: &BTreeSet<ArchiveFile>,
    ) -> Result<(), SiteError> {
        let tables = &self.report.tables;
        let is_gone = |file: &&ArchiveFile| {
            file.site == *site.site()
                && !wanted.contains(*file)
                && !site.holds_back(&file.table)
                && tables
                    .get(&file.table)
                    .is_none_or(|table| table.error.is_none())
        };
        let gone: Vec<ArchiveFile> = self.versions.keys().filter(is_gone).cloned().collect();
        for file in gone {
            let deleted = self.archive.store.delete(&file.key()).await;
            deleted.map_err(|source| SiteError::Store {
                site: file.site.clone(),
                source,
            })?;
            self.versions.remove(&file);
            self.table(&file.table).removed += 1;
            self.is_changed |= self.manifest.files.remove(&file).is_some();
        }
        Ok(())
    }

    fn table(&mut self, table: &Name) -> &mut TableArchived {
        self.report.tables.entry(table.clone()).or_default()
    }

    fn failed(&mut self, table: &Name, error: String, retryable: bool) {
        let table = self.table(table);
        // One that lasts says more than one that passes.
        if table.error.is_none() || (table.retryable && !retryable) {
            table.error = Some(error);
            table.retryable = retryable;
        }
    }

    /// Counts what is published now.
    fn count(&mut self) {
        for (file, published) in &self.manifest.files {
            let table = self.report.tables.entry(file.table.clone()).or_default();
            table.partitions += 1;
            table.records += published.rows;
        }
        for table in self.report.tables.values_mut() {
            table.skipped = table.partitions.saturating_sub(table.published);
        }
    }
}

/// Why a site's part of a round failed.
enum Failed {
    /// It is the site's: the others go on.
    Site(SiteError),
    Archive(ArchiveError),
}

impl From<SiteError> for Failed {
    fn from(error: SiteError) -> Self {
        Self::Site(error)
    }
}

impl From<ArchiveError> for Failed {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

/// Whether a published file is a partition as it is now.
fn is_of(published: &Published, site: &MergedSite, part: &SitePart<'_>, bom: bool) -> bool {
    let version = part.version();
    (published.object, published.edits) == (version.object, version.edits)
        && (published.dataset, published.bom) == (site.dataset_md5(), bom)
}

fn published_of(record: Option<&SiteRecord>) -> SiteArchived {
    let whole = record.and_then(|record| record.whole.as_ref());
    SiteArchived {
        commit: whole.map(|at| at.commit),
        edits_commit: whole
            .map(|at| at.edits_commit)
            .filter(|seq| *seq != Seq::NONE),
        ..SiteArchived::default()
    }
}
