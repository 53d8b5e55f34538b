//! One partition, merged and written as a Parquet file.

use causeway_shared::ids::{Name, Part, SiteName};
use causeway_shared::layout::DeltaKey;
use causeway_shared::store::{Store, StoreError};

use super::super::spool::Spool;
use super::actions::MadeOf;
use super::error::DeltaError;
use super::parquet_file::ParquetFile;
use super::table::{LiveFile, NewFile};
use crate::db::PartVersion;
use crate::edits::MergedRow;
use crate::sync::{MergedSite, SitePart};

/// What a partition is made of now.
pub(super) fn made_of(site: &MergedSite, part: &SitePart<'_>) -> MadeOf {
    let PartVersion { object, edits } = part.version();
    MadeOf {
        object,
        edits,
        dataset: site.dataset_md5(),
    }
}

/// Writes a partition's file for a version. `None`: its rows are those of the file that is there.
pub(super) async fn write(
    store: &Store,
    site: &MergedSite,
    part: SitePart<'_>,
    (table, version): (&Name, u64),
    was: Option<&LiveFile>,
) -> Result<Option<NewFile>, DeltaError> {
    let mut file = ParquetFile::new(part.table, Spool::default());
    let mut pushed = Ok(());
    let push = |row: MergedRow<'_>| {
        if pushed.is_ok() {
            pushed = file.push(row.record);
        }
    };
    site.read(store, part, push).await?;
    pushed?;
    let (spool, stats) = file.finish()?;
    let whole = spool.finish()?;
    if was.is_some_and(|was| was.made_of.is_some() && was.md5() == whole.md5) {
        return Ok(None);
    }
    let new = NewFile {
        md5: whole.md5,
        bytes: whole.bytes,
        stats,
        made_of: made_of(site, &part),
    };
    let key = DeltaKey::Data(new.file(site.site(), part.part, version)).of(table);
    match store.create(&key, whole.body.clone()).await {
        // Its name holds the MD5 of its bytes: another try, or another hub, has written the same.
        Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(Some(new)),
        Err(error) => Err(error.into()),
    }
}

/// Whether a file that was sent for a version lies there.
pub(super) async fn is_there(
    store: &Store,
    (site, part): &(SiteName, Part),
    (table, version): (&Name, u64),
    new: &NewFile,
) -> Result<bool, DeltaError> {
    let key = DeltaKey::Data(new.file(site, *part, version)).of(table);
    match store.head(&key).await {
        Ok(there) => Ok(there.bytes == new.bytes),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error.into()),
    }
}
