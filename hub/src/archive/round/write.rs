//! What a round writes beside the files: `MD5SUMS`, the manifest, `archive_info.json`.

use causeway_shared::ids::Md5;
use causeway_shared::layout;
use causeway_shared::store::{Store, StoreError};

use super::super::info::ArchiveInfo;
use super::super::manifest::{Manifest, Sums};
use super::super::publish::lies_there;
use super::{ArchiveError, Round};
use crate::document::Document;

impl Round<'_> {
    /// Writes `MD5SUMS` and the manifest where they say something else now; `false` if another run wrote
    /// one of them meanwhile.
    pub(super) async fn write(&mut self) -> Result<bool, ArchiveError> {
        if self.manifest == self.stored {
            return Ok(true);
        }
        if self.archive.formats().csv && !self.write_sums().await? {
            return Ok(false);
        }
        let document = Document::<Manifest>::new(Store::clone(&self.archive.store));
        let written = document.replace(&self.manifest, self.stored_version.as_ref());
        let Some(version) = written.await? else {
            return Ok(false);
        };
        self.stored = self.manifest.clone();
        self.stored_version = Some(version);
        Ok(true)
    }

    async fn write_sums(&mut self) -> Result<bool, ArchiveError> {
        let text = self.manifest.sums();
        let md5 = Md5::of(text.as_bytes());
        let was = self.manifest.sums.as_ref();
        let is_same = was.is_some_and(|sums| sums.md5 == md5);
        if is_same || (self.sums_version.is_none() && text.is_empty()) {
            return Ok(true);
        }
        let store = &self.archive.store;
        let body = text.into_bytes().into();
        let written = match &self.sums_version {
            Some(version) => store.replace(layout::MD5SUMS, body, version).await,
            None => store.create(layout::MD5SUMS, body).await,
        };
        let version = match written {
            Ok(version) => version,
            Err(StoreError::Changed { .. } | StoreError::AlreadyExists { .. }) => {
                match lies_there(store, layout::MD5SUMS, md5).await? {
                    Some(version) => version,
                    None => return Ok(false),
                }
            }
            Err(error) => return Err(error.into()),
        };
        self.sums_version = Some(version.clone());
        self.manifest.sums = Some(Sums { md5, version });
        Ok(true)
    }

    /// As [`write`](Self::write).
    pub(super) async fn write_info(&self) -> Result<bool, ArchiveError> {
        let enabled = self.archive.is_enabled().await?;
        let after = (enabled, self.archive.formats().csv, self.now);
        let info = self.info.after(&self.manifest, &self.report, after);
        if info == self.info {
            return Ok(true);
        }
        let document = Document::<ArchiveInfo>::new(Store::clone(&self.archive.store));
        let written = document.replace(&info, self.info_version.as_ref());
        Ok(written.await?.is_some())
    }
}
