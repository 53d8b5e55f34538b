//! `archive_info.json`: what is published, and how the last runs went, for people and programs.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::canonical_csv::Digest;
use causeway_shared::ids::{Md5, Name, Seq, SiteName};
use causeway_shared::layout;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::manifest::Manifest;
use super::report::{ArchiveReport, DeltaInfo, TableArchived};
use crate::document::Content;

/// Most runs that are remembered.
const MAX_HISTORY: usize = 100;

/// What is published.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ArchiveInfo {
    /// When a run last found something to say.
    pub last_updated: Option<Timestamp>,
    /// When the last run ended that changed something, and published everything.
    pub last_full_archive: Option<Timestamp>,
    /// Whether it runs by itself.
    pub enabled: bool,
    pub total_records: u64,
    pub tables: BTreeMap<Name, TableInfo>,
    pub sites: BTreeMap<SiteName, SiteInfo>,
    /// The last runs that changed something, or failed in another way than the one before; the newest
    /// is the last.
    pub archive_history: Vec<Run>,
}

/// What is published of a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct TableInfo {
    pub record_count: u64,
    /// MD5 over the MD5s of its files, as texts, in the order of `MD5SUMS`; none without a file.
    pub checksum: Option<Md5>,
    pub partitions: u64,
    /// When one of its files was last written or removed.
    pub last_archived: Option<Timestamp>,
    /// Files that the last run wrote.
    pub uploaded: u64,
    /// Files that it left as they were.
    pub skipped: u64,
    pub last_error: Option<String>,
    pub last_error_time: Option<Timestamp>,
    /// The Delta table, where tables are published as such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<DeltaInfo>,
}

/// The commits of a site that are published whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct SiteInfo {
    pub commit: Option<Seq>,
    pub edits_commit: Option<Seq>,
    /// Why what the site has now is not published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Run {
    pub timestamp: Timestamp,
    pub tables_count: u64,
    pub total_records: u64,
    /// Files written.
    pub uploaded_count: u64,
    /// Files left as they were.
    pub skipped_count: u64,
    /// Tables without an error.
    pub success_count: u64,
    /// Tables and sites with one.
    pub error_count: u64,
}

impl Content for ArchiveInfo {
    const KEY: &'static str = layout::ARCHIVE_INFO;
    const FORMAT: u32 = 1;
    const MAX_BYTES: u64 = 16 * 1024 * 1024;
    const REMEDY: &'static str = "remove it, and the next run writes it anew";
}

impl ArchiveInfo {
    /// The same after a run that left the manifest as given.
    #[must_use]
    pub(super) fn after(
        &self,
        manifest: &Manifest,
        report: &ArchiveReport,
        (enabled, csv, now): (bool, bool, Timestamp),
    ) -> Self {
        let mut tables = BTreeMap::new();
        let ran = report.tables.iter();
        let has_something = |(name, ran): &(&Name, &TableArchived)| {
            ran.partitions > 0 || ran.error.is_some() || manifest.delta.contains_key(*name)
        };
        for (name, ran) in ran.filter(has_something) {
            let was = self.tables.get(name).cloned().unwrap_or_default();
            let mut digest = Digest::default();
            for published in manifest.table(name) {
                digest.update(published.md5.to_string().as_bytes());
            }
            let checksum = (csv && ran.partitions > 0).then(|| digest.finish());
            let delta = manifest.delta.get(name).cloned();
            let changed =
                ran.published + ran.removed > 0 || (checksum, &delta) != (was.checksum, &was.delta);
            let info = TableInfo {
                record_count: ran.records,
                checksum,
                partitions: ran.partitions,
                last_archived: if changed {
                    Some(now)
                } else {
                    was.last_archived
                },
                uploaded: ran.published,
                skipped: ran.skipped,
                last_error_time: match &ran.error {
                    error if *error == was.last_error => was.last_error_time,
                    error => error.is_some().then_some(now),
                },
                last_error: ran.error.clone(),
                delta,
            };
            tables.insert(name.clone(), info);
        }
        let names: BTreeSet<&SiteName> = manifest.sites.keys().chain(report.sites.keys()).collect();
        let sites = names.into_iter().map(|site| {
            let record = manifest.sites.get(site);
            let at = record.and_then(|record| record.whole.as_ref());
            let info = SiteInfo {
                commit: at.map(|at| at.commit),
                edits_commit: at.map(|at| at.edits_commit).filter(|seq| *seq != Seq::NONE),
                last_error: report.sites.get(site).and_then(|ran| ran.error.clone()),
            };
            (site.clone(), info)
        });
        let mut after = Self {
            enabled,
            total_records: tables.values().map(|table| table.record_count).sum(),
            sites: sites.collect(),
            tables,
            ..self.clone()
        };
        if after.says_the_same(self) {
            return self.clone();
        }
        after.last_updated = Some(now);
        if !report.has_errors() {
            after.last_full_archive = Some(now);
        }
        let failed = report.tables.values().filter(|ran| ran.error.is_some());
        let failed = failed.count() as u64;
        let failed_sites = report.sites.values().filter(|ran| ran.error.is_some());
        after.archive_history.push(Run {
            timestamp: now,
            tables_count: after.tables.len() as u64,
            total_records: after.total_records,
            uploaded_count: after.tables.values().map(|table| table.uploaded).sum(),
            skipped_count: after.tables.values().map(|table| table.skipped).sum(),
            success_count: after.tables.len() as u64 - failed,
            error_count: failed + failed_sites.count() as u64,
        });
        let past = after.archive_history.len().saturating_sub(MAX_HISTORY);
        after.archive_history.drain(..past);
        after
    }

    /// Whether nothing differs but the counts of a run's work.
    fn says_the_same(&self, other: &Self) -> bool {
        let table = |(name, info): (&Name, &TableInfo)| {
            other.tables.get(name).is_some_and(|was| {
                (
                    info.record_count,
                    info.checksum,
                    info.partitions,
                    &info.last_error,
                    &info.delta,
                ) == (
                    was.record_count,
                    was.checksum,
                    was.partitions,
                    &was.last_error,
                    &was.delta,
                )
            })
        };
        self.enabled == other.enabled
            && self.sites == other.sites
            && self.tables.len() == other.tables.len()
            && self.tables.iter().all(table)
    }
}
