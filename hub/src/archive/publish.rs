//! One partition, merged and written as plain CSV where that is not what lies there.

use std::io;

use causeway_shared::canonical_csv::Digest;
use causeway_shared::ids::{Md5, SiteName};
use causeway_shared::layout::ArchiveFile;
use causeway_shared::store::{Fetched, Store, StoreError, Version};
use futures_util::StreamExt as _;

use super::csv_file::{Contents, CsvFile, WholeFile};
use super::manifest::Published;
use crate::db::PartVersion;
use crate::error::SiteError;
use crate::sync::{MergedSite, SitePart};

/// What lies where the file goes, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredFile<'a> {
    /// What the manifest says of it.
    pub(super) published: Option<&'a Published>,
    /// Its version, from before the logs were read; `None`: nothing is there.
    pub(super) version: Option<&'a Version>,
}

/// What became of a partition.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Its file is what it was.
    Same(Published),
    Written(Published),
    /// Another run wrote something else meanwhile.
    Overtaken,
}

/// Why a partition is not published.
#[derive(Debug, thiserror::Error)]
pub(super) enum PublishError {
    #[error(transparent)]
    Site(#[from] SiteError),
    #[error("cannot be written: {0}")]
    Store(#[from] StoreError),
    #[error("cannot be written to the temporary folder: {0}; make room there")]
    Spool(#[from] io::Error),
}

impl PublishError {
    /// The failure of the site where all its partitions would fail in the same way, or the error.
    pub(super) fn of_all(self, site: &SiteName) -> Result<SiteError, Self> {
        match self {
            Self::Site(error @ SiteError::Store { .. }) => Ok(error),
            Self::Store(source) => Ok(SiteError::Store {
                site: site.clone(),
                source,
            }),
            error => Err(error),
        }
    }

    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Self::Site(error) => error.is_retryable(),
            Self::Store(error) => error.is_retryable(),
            Self::Spool(_) => true,
        }
    }
}

/// Writes a partition's file, unless that would leave it as it is.
pub(super) async fn publish(
    store: &Store,
    site: &MergedSite,
    part: SitePart<'_>,
    (file, stored): (&ArchiveFile, StoredFile<'_>),
    bom: bool,
) -> Result<Outcome, PublishError> {
    let made_of = |csv: Contents, version: Version| {
        let PartVersion { object, edits } = part.version();
        Published {
            object,
            edits,
            dataset: site.dataset_md5(),
            bom,
            md5: csv.md5,
            rows: csv.rows,
            bytes: csv.bytes,
            breaks: csv.breaks,
            version,
        }
    };
    let same = |md5| {
        let published = stored.published.filter(|published| published.md5 == md5)?;
        Some(made_of(Contents::of(published), published.version.clone()))
    };
    if let Some(published) = known_md5(site, part, bom).and_then(same) {
        return Ok(Outcome::Same(published));
    }
    let mut csv = CsvFile::new(part.table, bom);
    let merged = site.read(store, part, |row| csv.push(row.record)).await?;
    let WholeFile { contents, spooled } = &csv.finish(merged.rows)?;
    let body = &spooled.body;
    if let Some(published) = same(contents.md5) {
        return Ok(Outcome::Same(published));
    }
    let key = file.key();
    if stored.version.is_some() && stored.published.is_none() {
        // A run that was stopped may have written it, or its answer was lost.
        if let Some(version) = lies_there(store, &key, contents.md5).await? {
            return Ok(Outcome::Same(made_of(contents.clone(), version)));
        }
    }
    let written = match stored.version {
        Some(version) => store.replace(&key, body.clone(), version).await,
        None => store.create(&key, body.clone()).await,
    };
    match written {
        Ok(version) => Ok(Outcome::Written(made_of(contents.clone(), version))),
        Err(StoreError::Changed { .. } | StoreError::AlreadyExists { .. }) => {
            // Another run that is as far writes the same: two at once share the work.
            let there = lies_there(store, &key, contents.md5).await?;
            let same = there.map(|version| Outcome::Same(made_of(contents.clone(), version)));
            Ok(same.unwrap_or(Outcome::Overtaken))
        }
        Err(error) => Err(error.into()),
    }
}

/// The version of an object whose bytes have this MD5; `None` where others lie there, or none.
pub(super) async fn lies_there(
    store: &Store,
    key: &str,
    md5: Md5,
) -> Result<Option<Version>, StoreError> {
    let Fetched { meta, mut body } = match store.get(key).await {
        Ok(fetched) => fetched,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut digest = Digest::default();
    while let Some(chunk) = body.next().await {
        digest.update(&chunk?);
    }
    Ok((digest.finish() == md5).then_some(meta.version))
}

/// The MD5 that the file has, where that can be told without reading a row: a partition that nobody
/// edited is published as the site wrote it.
fn known_md5(site: &MergedSite, part: SitePart<'_>, bom: bool) -> Option<Md5> {
    let entry = part
        .site
        .filter(|entry| entry.dataset == site.dataset_md5())?;
    (part.edits.is_none() && !bom).then_some(entry.object.md5)
}
