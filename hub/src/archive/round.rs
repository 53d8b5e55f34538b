//! One round of a run: from the manifest and the logs to the manifest.
//!
//! A round that does not list what lies under `archive/` only tells whether any site has news. Whatever
//! is written is written by one that listed first, and read the logs after that: what a run that was
//! stopped has left behind is seen then.

mod csv;
mod read;
mod write;

use std::collections::BTreeMap;

use causeway_shared::ids::{Name, Seq, SiteName};
use causeway_shared::layout::ArchiveFile;
use causeway_shared::store::{Store, Version};
use jiff::{SignedDuration, Timestamp};

use super::delta::DeltaRound;
use super::info::ArchiveInfo;
use super::manifest::{Formats, Manifest, SiteAt, SiteRecord};
use super::report::{
    ArchiveReport, ChangedFiles, DeltaArchived, SiteArchived, TableArchived, TableFailure,
};
use super::{Archive, ArchiveError, Memory};
use crate::document::Document;
use crate::error::SiteError;
use crate::sync::{LogSnapshot, MergedSite, discover};
use read::{Listed, list_published, lost_log, read_logs, refuse_older};

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
    /// The Delta tables, where the round writes and they are wanted.
    delta: Option<DeltaRound<'a>>,
    report: ArchiveReport,
    /// Whether the manifest says something else of the files of the site in hand.
    is_changed: bool,
    /// The sites whose files are written.
    written: Vec<WrittenSite>,
    /// Whether another run wrote something meanwhile.
    overtaken: bool,
}

/// A site whose files are written. It is published when the Delta tables are committed.
struct WrittenSite {
    site: SiteName,
    at: SiteAt,
    is_whole: bool,
    is_changed: bool,
}

/// What a round does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    /// Whether it lists what lies there, and writes.
    pub(super) listed: bool,
    /// Whether it looks at the files of the Delta tables.
    #[cfg_attr(not(feature = "delta"), expect(dead_code, reason = "there are none"))]
    pub(super) thorough: bool,
    pub(super) now: Timestamp,
    /// How long the files of earlier versions of Delta tables stay.
    #[cfg_attr(not(feature = "delta"), expect(dead_code, reason = "there are none"))]
    pub(super) keep: SignedDuration,
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
        scope: Scope,
        so_far: ArchiveReport,
    ) -> Result<Self, ArchiveError> {
        let Scope { listed, now, .. } = scope;
        let store = &archive.store;
        let document = Document::<Manifest>::new(Store::clone(store));
        let (stored, stored_version) = document.read().await?;
        if listed && stored_version.is_none() {
            document.check_new_store().await?;
        }
        let info = Document::<ArchiveInfo>::new(Store::clone(store));
        let (info, info_version) = info.read().await?;
        let mut manifest = stored.clone();
        let formats = archive.formats();
        let there = match listed {
            true => list_published(store, formats).await?,
            false => Listed::default(),
        };
        if listed && formats.csv {
            there.forget_others(&mut manifest);
        }
        let delta = match listed && formats.delta {
            true => Some(DeltaRound::begin(store, there.delta, scope).await?),
            false => None,
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
            versions: there.files,
            sums_version: there.sums,
            delta,
            report: so_far,
            is_changed: false,
            written: Vec::new(),
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
        if news || self.overtaken || !self.commit().await? || !self.write().await? {
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
        let mut is_whole = true;
        for (table, error) in merged.unsettled() {
            self.failed(table, error.to_string(), error.is_retryable());
            is_whole = false;
        }
        self.is_changed = false;
        if self.archive.formats().csv {
            is_whole &= self.publish_csv(&merged).await?;
        }
        if self.overtaken {
            return Ok(Some(SiteArchived::default()));
        }
        is_whole &= self.write_delta(&merged).await?;
        self.written.push(WrittenSite {
            site: site.clone(),
            at,
            is_whole,
            is_changed: self.is_changed,
        });
        Ok(Some(SiteArchived::default()))
    }

    /// Writes a site's files of the Delta tables; whether nothing is missing.
    async fn write_delta(&mut self, site: &MergedSite) -> Result<bool, SiteError> {
        let Some(delta) = &mut self.delta else {
            return Ok(true);
        };
        let (failed, is_changed) = delta.site(site, &mut self.memory.uploaded).await?;
        self.is_changed |= is_changed;
        let is_whole = failed.is_empty();
        for (table, TableFailure { error, retryable }) in failed {
            self.failed(&table, error, retryable);
        }
        Ok(is_whole)
    }

    /// Commits the Delta tables, and notes how far each site is published; `false` if another run was at
    /// work.
    async fn commit(&mut self) -> Result<bool, ArchiveError> {
        let mut is_whole = true;
        if let Some(delta) = &mut self.delta {
            let committed = delta.commit(self.now, &mut self.memory.uploaded).await?;
            for (name, ChangedFiles { written, removed }) in committed.changed_files {
                let archived = self.table(&name).delta.get_or_insert_default();
                archived.written += written;
                archived.removed += removed;
            }
            if committed.overtaken {
                return Ok(false);
            }
            self.manifest.delta = committed.tables;
            is_whole = committed.failed.is_empty();
            for (table, TableFailure { error, retryable }) in committed.failed {
                self.failed(&table, error, retryable);
            }
        }
        for mut written in std::mem::take(&mut self.written) {
            written.is_whole &= is_whole;
            self.note_site(written);
        }
        Ok(true)
    }

    fn note_site(&mut self, written: WrittenSite) {
        let WrittenSite {
            site,
            at,
            is_whole,
            is_changed,
        } = written;
        if is_whole {
            self.memory.whole.insert(site.clone(), at.clone());
        }
        let was = self.manifest.sites.get(&site);
        let was_whole = was.and_then(|was| was.whole.as_ref());
        // Where no file is of another version, the commit that was published before is as true.
        let is_as_true = was_whole.is_some_and(|whole| whole.formats == at.formats);
        if is_changed || !is_whole || !is_as_true {
            let record = self.manifest.sites.entry(site.clone());
            let record = record.or_insert_with(|| SiteRecord::of(at.clone()));
            if is_whole {
                record.whole = Some(at.clone());
            }
            record.seen = at;
        }
        let published = published_of(self.manifest.sites.get(&site));
        self.report.sites.insert(site, published);
    }

    /// The heads of a site's logs, as the manifest names them.
    fn at(&self, logs: &LogSnapshot) -> SiteAt {
        let head = logs.catalog.head.as_ref();
        SiteAt {
            commit: logs.catalog.seq(),
            at: head.map_or(Timestamp::UNIX_EPOCH, |head| head.at),
            edits_commit: logs.edits.seq(),
            bom: self.archive.config.archive.excel,
            formats: self.archive.formats(),
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

    /// Counts what is published now: files of CSV, or of Delta tables where there are none.
    fn count(&mut self) {
        let Formats { csv, .. } = self.archive.formats();
        if csv {
            for (file, published) in &self.manifest.files {
                let table = self.report.tables.entry(file.table.clone()).or_default();
                table.partitions += 1;
                table.records += published.rows;
            }
        }
        for (name, info) in &self.manifest.delta {
            let table = self.report.tables.entry(name.clone()).or_default();
            let archived = table.delta.take().unwrap_or_default();
            let (written, removed) = (archived.written, archived.removed);
            if !csv {
                (table.partitions, table.records) = (info.files, info.records);
                (table.published, table.removed) = (written, removed);
            }
            table.delta = Some(DeltaArchived {
                version: info.version,
                files: info.files,
                records: info.records,
                written,
                removed,
                commits: info.commits.clone(),
            });
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
