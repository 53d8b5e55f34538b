//! The datasets that commits name. Both logs of a site share them.

use super::{LogError, SiteLog, SmallObject};
use crate::commit::LogKind;
use crate::dataset::{self, Dataset, DatasetError};
use crate::ids::Md5;
use crate::layout::SiteKey;
use crate::limits;
use crate::store::StoreError;

impl<K: LogKind> SiteLog<K> {
    /// Reads a dataset that a commit names.
    ///
    /// # Errors
    /// [`LogError::Dataset`] where it is missing, damaged or not valid.
    pub async fn dataset(&self, md5: Md5) -> Result<Dataset, LogError> {
        let key = SiteKey::Dataset(md5).of(&self.site);
        let unusable = |detail: String| LogError::Dataset {
            site: self.site.clone(),
            key: key.clone(),
            detail,
        };
        let bytes = self.read(&key, dataset::MAX_BYTES as u64).await;
        let bytes = match bytes.map_err(|source| self.failed(source))? {
            SmallObject::Whole(bytes) => bytes,
            SmallObject::Missing => return Err(unusable("it is missing".into())),
            SmallObject::TooLong => {
                let limit = dataset::MAX_BYTES;
                return Err(unusable(format!("it is longer than {limit} bytes")));
            }
        };
        if Md5::of(&bytes) != md5 {
            return Err(unusable("its bytes changed".into()));
        }
        Dataset::from_json(&bytes).map_err(|error: DatasetError| unusable(limits::cut(error)))
    }

    /// Writes a dataset, if it is not there.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn write_dataset(&self, dataset: &Dataset) -> Result<(), LogError> {
        let key = SiteKey::Dataset(dataset.md5()).of(&self.site);
        let body = dataset.canonical_json().as_bytes().to_vec().into();
        match self.store.create(&key, body).await {
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
            Err(source) => Err(self.failed(source)),
        }
    }
}
