//! One partition, merged and written as plain CSV where that is not what lies there.

use std::io;

use causeway_shared::ids::{Md5, SiteName};
use causeway_shared::layout::ArchiveFile;
use causeway_shared::store::{Store, StoreError, Version};

use super::csv_file::CsvFile;
use super::manifest::Published;
use crate::error::SiteError;
use crate::sync::{MergedSite, SitePart};

/// What lies where the file goes, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct There<'a> {
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
    /// Another run wrote it meanwhile.
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
            Self::Site(error @ SiteError::Store { .. }) if error.is_retryable() => Ok(error),
            Self::Store(source) if source.is_retryable() => Ok(SiteError::Store {
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
    (file, there): (&ArchiveFile, There<'_>),
    bom: bool,
) -> Result<Outcome, PublishError> {
    let version = part.version();
    let made_of = |was: Published| Published {
        object: version.object,
        edits: version.edits,
        dataset: site.dataset_md5(),
        bom,
        ..was
    };
    let same = |md5| there.published.filter(|published| published.md5 == md5);
    if let Some(published) = known_md5(site, part, bom).and_then(same) {
        return Ok(Outcome::Same(made_of(published.clone())));
    }
    let mut csv = CsvFile::new(part.table, bom);
    let merged = site.read(store, part, |row| csv.push(row.record)).await?;
    let whole = csv.finish()?;
    if let Some(published) = same(whole.md5) {
        return Ok(Outcome::Same(made_of(published.clone())));
    }
    let key = file.key();
    let written = match there.version {
        Some(version) => store.replace(&key, whole.body.clone(), version).await,
        None => store.create(&key, whole.body.clone()).await,
    };
    match written {
        Ok(written) => Ok(Outcome::Written(made_of(Published {
            object: None,
            edits: None,
            dataset: site.dataset_md5(),
            bom,
            md5: whole.md5,
            rows: merged.rows,
            bytes: whole.bytes,
            breaks: whole.breaks,
            version: written,
        }))),
        Err(StoreError::Changed { .. } | StoreError::AlreadyExists { .. }) => {
            Ok(Outcome::Overtaken)
        }
        Err(error) => Err(error.into()),
    }
}

/// The MD5 that the file has, where that can be told without reading a row: a partition that nobody
/// edited is published as the site wrote it.
fn known_md5(site: &MergedSite, part: SitePart<'_>, bom: bool) -> Option<Md5> {
    let entry = part
        .site
        .filter(|entry| entry.dataset == site.dataset_md5())?;
    (part.edits.is_none() && !bom).then_some(entry.object.md5)
}
