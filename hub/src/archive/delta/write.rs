//! A site's partitions, merged and written as Parquet files of a table's next version.

use std::collections::BTreeMap;

use causeway_shared::ids::{Name, Part, SiteName};
use causeway_shared::layout::DeltaKey;
use causeway_shared::store::{Store, StoreError};

use super::super::spool::Spool;
use super::actions::MadeOf;
use super::error::DeltaError;
use super::parquet_file::{FileFormat, ParquetFile};
use super::table::{LiveFile, NewFile};
use crate::db::PartVersion;
use crate::edits::MergedRow;
use crate::sync::{MergedSite, SitePart};

/// Files that were sent for a commit that could not be made: a table that fails is not sent again each time.
#[derive(Debug, Default)]
pub(in super::super) struct Uploaded(BTreeMap<(Name, SiteName, Part), (u64, NewFile)>);

impl Uploaded {
    /// Remembers a file that was sent for a version of a table.
    pub(super) fn note(
        &mut self,
        table: &Name,
        (site, part): (SiteName, Part),
        (version, new): (u64, NewFile),
    ) {
        self.0.insert((table.clone(), site, part), (version, new));
    }

    /// Forgets what was sent for other versions of a table than its next.
    pub(super) fn forget_all_but(&mut self, table: &Name, next: u64) {
        self.0
            .retain(|(of, ..), (version, _)| of != table || *version == next);
    }
}

/// What a partition is made of now.
pub(super) fn made_of(site: &MergedSite, part: &SitePart<'_>) -> MadeOf {
    let PartVersion { object, edits } = part.version();
    MadeOf {
        object,
        edits,
        dataset: site.dataset_md5(),
    }
}

/// Writes a site's files for a version of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileWriter<'a> {
    pub(super) store: &'a Store,
    pub(super) site: &'a MergedSite,
    pub(super) table: &'a Name,
    pub(super) format: &'a FileFormat<'a>,
    pub(super) version: u64,
    /// What an earlier run has sent.
    pub(super) uploaded: &'a Uploaded,
}

impl FileWriter<'_> {
    /// A partition's file, in the store. `None`: its rows are those of the file that is there.
    pub(super) async fn write(
        self,
        part: SitePart<'_>,
        was: Option<&LiveFile>,
    ) -> Result<Option<NewFile>, DeltaError> {
        if let Some(sent) = self.sent(part).await? {
            return Ok(Some(sent));
        }
        let mut file = ParquetFile::new(self.format, part.rows(), Spool::default());
        let mut pushed = Ok(());
        let push = |row: MergedRow<'_>| {
            if pushed.is_ok() {
                pushed = file.push(row.fields);
            }
        };
        self.site.read(self.store, part, push).await?;
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
            made_of: made_of(self.site, &part),
        };
        let key = self.key(part, &new);
        match self.store.create(&key, whole.body.clone()).await {
            // Its name holds the MD5 of its bytes: another try, or another hub, has written the same.
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(Some(new)),
            Err(error) => Err(error.into()),
        }
    }

    /// What an earlier run has sent for this version of what the partition is made of, if it lies there still:
    /// somebody may have removed the table's folder meanwhile.
    async fn sent(self, part: SitePart<'_>) -> Result<Option<NewFile>, DeltaError> {
        let key = (self.table.clone(), self.site.site().clone(), part.part);
        let Some((version, sent)) = self.uploaded.0.get(&key) else {
            return Ok(None);
        };
        if *version != self.version || sent.made_of != made_of(self.site, &part) {
            return Ok(None);
        }
        match self.store.head(&self.key(part, sent)).await {
            Ok(there) => Ok((there.bytes == sent.bytes).then(|| sent.clone())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn key(self, part: SitePart<'_>, new: &NewFile) -> String {
        let file = new.file(self.site.site(), part.part, self.version);
        DeltaKey::Data(file).of(self.table)
    }
}
