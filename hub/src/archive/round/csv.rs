//! The CSV files of a site.

use std::collections::BTreeSet;

use causeway_shared::layout::ArchiveFile;
use futures_util::{StreamExt as _, stream};

use super::super::manifest::Published;
use super::super::publish::{Outcome, PublishError, StoredFile, publish};
use super::{Failed, Round};
use crate::error::SiteError;
use crate::sync::{MergedSite, SitePart};

/// Files that are made at once.
const FILES_AT_ONCE: usize = 4;

/// So many files, and the manifest is written, so that a run that is stopped is not made again.
const FILES_A_MANIFEST: usize = 256;

impl Round<'_> {
    /// Publishes the partitions of a site that are another version now, and removes those that are
    /// gone. Whether all of it is published.
    pub(super) async fn publish_csv(&mut self, site: &MergedSite) -> Result<bool, Failed> {
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
}

/// Whether a published file is a partition as it is now.
fn is_of(published: &Published, site: &MergedSite, part: &SitePart<'_>, bom: bool) -> bool {
    let version = part.version();
    (published.object, published.edits) == (version.object, version.edits)
        && (published.dataset, published.bom) == (site.dataset_md5(), bom)
}
