//! What a round finds: the files that lie there, and the sites' logs.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::catalog::Catalog;
use causeway_shared::ids::{Name, SiteName};
use causeway_shared::layout::{self, ArchiveFile, DeltaKey};
use causeway_shared::store::{Store, StoreError, Version};

use super::super::manifest::{Formats, Manifest, Published, SiteAt, SiteRecord, Sums};
use crate::error::SiteError;
use crate::sync::LogSnapshot;

/// What lies under `archive/`.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) files: BTreeMap<ArchiveFile, Version>,
    /// `MD5SUMS`.
    pub(super) sums: Option<Version>,
    /// The Delta tables.
    pub(super) delta: BTreeSet<Name>,
}

impl Listed {
    /// Of files that are not what the manifest says, it forgets what it says.
    pub(super) fn forget_others(&self, manifest: &mut Manifest) {
        let is_there =
            |file: &ArchiveFile, was: &Published| self.files.get(file) == Some(&was.version);
        manifest.files.retain(|file, was| is_there(file, was));
        let is_other = |was: &mut Sums| self.sums.as_ref() != Some(&was.version);
        manifest.sums.take_if(is_other);
    }
}

/// Lists what lies under `archive/` of what is published. Of a Delta table, which has a commit for each of its
/// versions, only that it is there.
pub(super) async fn list_published(store: &Store, formats: Formats) -> Result<Listed, StoreError> {
    let prefix = match formats.csv {
        true => layout::ARCHIVE,
        false => layout::ARCHIVE_DELTA,
    };
    let mut listed = Listed::default();
    let mut after: Option<String> = None;
    loop {
        let page = store.list(prefix, after.as_deref()).await?;
        after = page.next;
        for object in page.objects {
            if object.key == layout::MD5SUMS {
                listed.sums = Some(object.version);
            } else if let Some(file) = ArchiveFile::parse(&object.key) {
                listed.files.insert(file, object.version);
            } else if let Some((table, _)) = DeltaKey::parse(&object.key) {
                after = after.map(|next| next.max(layout::delta_end(&table)));
                listed.delta.insert(table);
            }
        }
        if after.is_none() {
            return Ok(listed);
        }
    }
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
