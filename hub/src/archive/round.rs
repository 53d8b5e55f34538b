//! One round of a run: from the manifest and the logs to the manifest.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::catalog::Catalog;
use causeway_shared::ids::{Md5, Name, Seq, SiteName};
use causeway_shared::layout::{self, ArchiveFile};
use causeway_shared::store::{Store, StoreError, Version, list_all};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::info::ArchiveInfo;
use super::manifest::{Manifest, Published, SiteAt, Sums};
use super::publish::{Outcome, PublishError, There, publish};
use super::report::{ArchiveReport, SiteArchived, TableArchived};
use super::{Archive, ArchiveError, Memory};
use crate::document::Document;
use crate::error::SiteError;
use crate::sync::{LogSnapshot, MergedSite, SitePart, discover};

/// Files that are made at once.
const FILES_AT_ONCE: usize = 4;

/// A round that has read what is published.
pub(super) struct Round<'a> {
    archive: &'a Archive,
    memory: &'a mut Memory,
    now: Timestamp,
    thorough: bool,
    manifest: Manifest,
    /// The manifest as it was read.
    stored: Manifest,
    stored_version: Option<Version>,
    info: ArchiveInfo,
    info_version: Option<Version>,
    /// What lies there, from before the logs were read.
    there: BTreeMap<ArchiveFile, Version>,
    sums_there: Option<Version>,
    report: ArchiveReport,
    /// Whether another run wrote a file meanwhile.
    overtaken: bool,
}

/// How a round ended.
pub(super) enum Rounded {
    Done(ArchiveReport),
    /// Another run was at work.
    Overtaken,
}

impl<'a> Round<'a> {
    /// Reads what is published; a thorough round also lists what lies there.
    pub(super) async fn begin(
        archive: &'a Archive,
        memory: &'a mut Memory,
        thorough: bool,
        now: Timestamp,
    ) -> Result<Self, ArchiveError> {
        let store = &archive.store;
        let manifest = Document::<Manifest>::new(Store::clone(store));
        let (stored, stored_version) = manifest.read().await?;
        let info = Document::<ArchiveInfo>::new(Store::clone(store));
        let (info, info_version) = info.read().await?;
        let mut manifest = stored.clone();
        let (there, sums_there) = match thorough {
            true => look(store, &mut manifest).await?,
            false => manifest.versions(),
        };
        Ok(Self {
            archive,
            memory,
            now,
            thorough,
            manifest,
            stored,
            stored_version,
            info,
            info_version,
            there,
            sums_there,
            report: ArchiveReport::default(),
            overtaken: false,
        })
    }

    /// Publishes.
    pub(super) async fn run(mut self) -> Result<Rounded, ArchiveError> {
        let mut sites = discover(&self.archive.store).await?;
        sites.extend(self.manifest.sites.keys().cloned());
        for site in &sites {
            let archived = self.site(site).await.unwrap_or_else(|error| {
                // Its log may be another now: the next run reads it from its beginning.
                self.memory.logs.remove(site);
                SiteArchived {
                    error: Some(error.to_string()),
                    retryable: error.is_retryable(),
                    ..published_of(self.manifest.sites.get(site))
                }
            });
            self.report.sites.insert(site.clone(), archived);
        }
        self.count();
        let written =
            self.write_sums().await? && self.write_manifest().await? && self.write_info().await?;
        match written && !self.overtaken {
            true => Ok(Rounded::Done(self.report)),
            false => Ok(Rounded::Overtaken),
        }
    }

    /// Publishes a site.
    async fn site(&mut self, site: &SiteName) -> Result<SiteArchived, SiteError> {
        let known = self.memory.logs.get(site);
        let was = self.manifest.sites.get(site);
        let Some(logs) = read_logs(&self.archive.store, site, known, self.thorough).await? else {
            return match was {
                // Somebody has made a folder, and committed nothing yet.
                None => Ok(SiteArchived::default()),
                Some(was) => Err(SiteError::ArchivedLog {
                    site: site.clone(),
                    seq: was.commit,
                }),
            };
        };
        self.memory.logs.insert(site.clone(), logs.clone());
        for table in &logs.dataset.tables {
            self.table(&table.name);
        }
        let at = self.at(&logs);
        if let Some(was) = self.manifest.sites.get(site) {
            refuse_older(site, was, &at)?;
            if *was == at && !self.thorough {
                self.skip_all(site);
                return Ok(published_of(Some(&at)));
            }
        }
        let kept_since = self.archive.config.edits.kept_since(self.now);
        let merged = MergedSite::settle(&self.archive.store, logs, kept_since).await?;
        if self.publish(&merged).await? {
            self.manifest.sites.insert(site.clone(), at);
        }
        Ok(published_of(self.manifest.sites.get(site)))
    }

    fn skip_all(&mut self, site: &SiteName) {
        let files = self.manifest.files.keys().filter(|file| file.site == *site);
        for file in files {
            let table = self.report.tables.entry(file.table.clone()).or_default();
            table.skipped += 1;
        }
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

    /// Publishes the partitions of a site that are another version now, and removes those that are
    /// gone. Whether all of it is published.
    async fn publish(&mut self, site: &MergedSite) -> Result<bool, SiteError> {
        let store = &self.archive.store;
        let bom = self.archive.config.archive.excel;
        let mut wanted = BTreeSet::new();
        let mut todo: Vec<(ArchiveFile, SitePart<'_>)> = Vec::new();
        for part in site.parts().into_iter().filter(|part| part.rows() > 0) {
            let file = ArchiveFile {
                table: part.table.name.clone(),
                part: part.part,
                site: site.site().clone(),
            };
            let published = self.manifest.files.get(&file);
            if published.is_some_and(|published| is_of(published, site, &part, bom)) {
                self.table(&file.table).skipped += 1;
            } else {
                todo.push((file.clone(), part));
            }
            wanted.insert(file);
        }
        let jobs = todo.iter().map(|(file, part)| {
            let there = There {
                published: self.manifest.files.get(file),
                version: self.there.get(file),
            };
            async move { (file, publish(store, site, *part, (file, there), bom).await) }
        });
        let jobs: Vec<_> = jobs.collect();
        let mut jobs = stream::iter(jobs).buffered(FILES_AT_ONCE);
        let (mut done, mut stopped) = (Vec::new(), None);
        while let Some((file, outcome)) = jobs.next().await {
            match outcome.map_err(|error| error.of_all(site.site())) {
                Ok(outcome) => done.push((file.clone(), Ok(outcome))),
                Err(Err(error)) => done.push((file.clone(), Err(error))),
                Err(Ok(error)) => {
                    stopped = Some(error);
                    break;
                }
            }
        }
        drop(jobs);
        let mut is_whole = true;
        for (file, outcome) in done {
            is_whole &= self.note(file, outcome);
        }
        if let Some(error) = stopped {
            return Err(error);
        }
        self.remove_gone(site, &wanted).await?;
        Ok(is_whole)
    }

    /// Notes what became of a partition; whether it is published now.
    fn note(&mut self, file: ArchiveFile, outcome: Result<Outcome, PublishError>) -> bool {
        match outcome {
            Ok(Outcome::Same(published)) => {
                self.table(&file.table).skipped += 1;
                self.manifest.files.insert(file, published);
                true
            }
            Ok(Outcome::Written(published)) => {
                self.table(&file.table).published += 1;
                self.there.insert(file.clone(), published.version.clone());
                self.manifest.files.insert(file, published);
                true
            }
            Ok(Outcome::Overtaken) => {
                self.overtaken = true;
                false
            }
            Err(error) => {
                self.failed(&file, &error);
                false
            }
        }
    }

    /// Deletes the site's files that are not wanted any more.
    async fn remove_gone(
        &mut self,
        site: &MergedSite,
        wanted: &BTreeSet<ArchiveFile>,
    ) -> Result<(), SiteError> {
        let is_gone = |file: &&ArchiveFile| {
            file.site == *site.site()
                && !wanted.contains(*file)
                && !site.holds_back(&file.table, file.part)
        };
        let gone: Vec<ArchiveFile> = self.there.keys().filter(is_gone).cloned().collect();
        for file in gone {
            let deleted = self.archive.store.delete(&file.key()).await;
            deleted.map_err(|source| SiteError::Store {
                site: file.site.clone(),
                source,
            })?;
            self.there.remove(&file);
            self.table(&file.table).removed += 1;
            self.manifest.files.remove(&file);
        }
        Ok(())
    }

    fn table(&mut self, table: &Name) -> &mut TableArchived {
        self.report.tables.entry(table.clone()).or_default()
    }

    fn failed(&mut self, file: &ArchiveFile, error: &PublishError) {
        let (text, retryable) = (error.to_string(), error.is_retryable());
        let path = file.path();
        tracing::warn!(file = path, error = text, "the partition is not published");
        let table = self.table(&file.table);
        // One that lasts says more than one that passes.
        if table.error.is_none() || (table.retryable && !retryable) {
            table.error = Some(text);
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
    }

    /// Writes `MD5SUMS` if it says something else now; `false` if another run wrote it meanwhile.
    async fn write_sums(&mut self) -> Result<bool, ArchiveError> {
        let text = self.manifest.sums();
        let md5 = Md5::of(text.as_bytes());
        let is_same = self
            .manifest
            .sums
            .as_ref()
            .is_some_and(|sums| sums.md5 == md5);
        if is_same || (self.sums_there.is_none() && text.is_empty()) {
            return Ok(true);
        }
        let store = &self.archive.store;
        let body = text.into_bytes().into();
        let written = match &self.sums_there {
            Some(version) => store.replace(layout::MD5SUMS, body, version).await,
            None => store.create(layout::MD5SUMS, body).await,
        };
        match written {
            Ok(version) => self.manifest.sums = Some(Sums { md5, version }),
            Err(StoreError::Changed { .. } | StoreError::AlreadyExists { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    /// As [`write_sums`](Self::write_sums).
    async fn write_manifest(&self) -> Result<bool, ArchiveError> {
        if self.manifest == self.stored {
            return Ok(true);
        }
        let document = Document::<Manifest>::new(Store::clone(&self.archive.store));
        let written = document.replace(&self.manifest, self.stored_version.as_ref());
        Ok(written.await?.is_some())
    }

    /// As [`write_sums`](Self::write_sums).
    async fn write_info(&self) -> Result<bool, ArchiveError> {
        let enabled = self.archive.is_enabled().await?;
        let info = self
            .info
            .after(&self.manifest, &self.report, (enabled, self.now));
        if info == self.info {
            return Ok(true);
        }
        let document = Document::<ArchiveInfo>::new(Store::clone(&self.archive.store));
        let written = document.replace(&info, self.info_version.as_ref());
        Ok(written.await?.is_some())
    }
}

/// What lies under `archive/`. Of files that are not what the manifest says, it forgets what it says.
async fn look(
    store: &Store,
    manifest: &mut Manifest,
) -> Result<(BTreeMap<ArchiveFile, Version>, Option<Version>), StoreError> {
    let (mut files, mut sums) = (BTreeMap::new(), None);
    for object in list_all(&**store, layout::ARCHIVE, None).await? {
        if object.key == layout::MD5SUMS {
            sums = Some(object.version);
        } else if let Some(file) = ArchiveFile::parse(&object.key) {
            files.insert(file, object.version);
        }
    }
    let is_there = |file: &ArchiveFile, was: &Published| files.get(file) == Some(&was.version);
    manifest.files.retain(|file, was| is_there(file, was));
    manifest
        .sums
        .take_if(|was| sums.as_ref() != Some(&was.version));
    Ok((files, sums))
}

/// Reads a site's logs from where they were read last. `None`: it has not committed.
async fn read_logs(
    store: &Store,
    site: &SiteName,
    known: Option<&LogSnapshot>,
    thorough: bool,
) -> Result<Option<LogSnapshot>, SiteError> {
    match known {
        Some(known) => {
            let from = (&known.catalog, &known.edits, Some(&*known.dataset));
            LogSnapshot::read(store, from, thorough).await
        }
        None => {
            let (catalog, edits) = (Catalog::empty(site.clone()), Catalog::empty(site.clone()));
            LogSnapshot::read(store, (&catalog, &edits, None), true).await
        }
    }
}

/// Refuses logs that hold less than what is published of them, or are others.
fn refuse_older(site: &SiteName, was: &SiteAt, at: &SiteAt) -> Result<(), SiteError> {
    let is_another = at.commit == was.commit && at.at != was.at;
    if at.commit < was.commit || at.edits_commit < was.edits_commit || is_another {
        return Err(SiteError::ArchivedLog {
            site: site.clone(),
            seq: was.commit,
        });
    }
    Ok(())
}

/// Whether a published file is a partition as it is now.
fn is_of(published: &Published, site: &MergedSite, part: &SitePart<'_>, bom: bool) -> bool {
    let version = part.version();
    (published.object, published.edits) == (version.object, version.edits)
        && (published.dataset, published.bom) == (site.dataset_md5(), bom)
}

fn published_of(at: Option<&SiteAt>) -> SiteArchived {
    SiteArchived {
        commit: at.map(|at| at.commit),
        edits_commit: at.map(|at| at.edits_commit).filter(|seq| *seq != Seq::NONE),
        ..SiteArchived::default()
    }
}
