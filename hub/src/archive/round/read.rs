//! What a round finds: the files that lie there, and the sites' logs.

use std::collections::BTreeMap;

use causeway_shared::catalog::Catalog;
use causeway_shared::ids::SiteName;
use causeway_shared::layout::{self, ArchiveFile};
use causeway_shared::store::{Store, StoreError, Version, list_all};

use super::super::manifest::{Manifest, Published, SiteAt, SiteRecord, Sums};
use crate::error::SiteError;
use crate::sync::LogSnapshot;

/// What lies under `archive/`, and its `MD5SUMS`. Of files that are not what the manifest says, it
/// forgets what it says.
pub(super) async fn list_published(
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
    let is_other = |was: &mut Sums| sums.as_ref() != Some(&was.version);
    manifest.sums.take_if(is_other);
    Ok((files, sums))
}

/// Reads a site's logs from where they were read last. `None`: it has not committed.
pub(super) async fn read_logs(
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

/// Refuses logs that hold less than what was published of them, or are others.
pub(super) fn refuse_older(
    site: &SiteName,
    was: &SiteRecord,
    at: &SiteAt,
) -> Result<(), SiteError> {
    let seen = &was.seen;
    let is_another = at.commit == seen.commit && at.at != seen.at;
    if at.commit < seen.commit || at.edits_commit < seen.edits_commit || is_another {
        return Err(lost_log(site, was));
    }
    Ok(())
}

pub(super) fn lost_log(site: &SiteName, was: &SiteRecord) -> SiteError {
    SiteError::ArchivedLog {
        site: site.clone(),
        seq: was.seen.commit,
    }
}
