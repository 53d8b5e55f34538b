//! A site's partitions, merged and written as Parquet files of a table's next version.

use std::collections::BTreeMap;

use causeway_shared::dataset::Table;
use causeway_shared::ids::{Name, Part, SiteName};
use causeway_shared::layout::DeltaKey;
use causeway_shared::store::{Store, StoreError};
use futures_util::{StreamExt as _, stream};

use super::super::spool::Spool;
use super::actions::MadeOf;
use super::error::DeltaError;
use super::parquet_file::{FileFormat, ParquetError, ParquetFile};
use super::table::{DeltaTable, LiveFile, NewFile};
use crate::db::PartVersion;
use crate::edits::MergedRow;
use crate::sync::{MergedSite, SitePart};

/// Files that are made at once.
const FILES_AT_ONCE: usize = 4;

/// Files that were sent for a commit that could not be made: a table that fails is not sent again each time.
#[derive(Debug, Default)]
pub(in super::super) struct Uploaded(BTreeMap<(Name, SiteName, Part), (u64, NewFile)>);

impl Uploaded {
    /// Remembers a file that was sent for a version of a table.
    fn note(
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

/// What a site's partitions bring to a table's next version.
#[derive(Debug, Default)]
pub(super) struct SiteFiles {
    pub(super) written: Vec<((SiteName, Part), NewFile)>,
    /// Partitions whose rows are those of the files that are there, and what they are made of now.
    pub(super) same: Vec<((SiteName, Part), MadeOf)>,
}

/// Writes a site's partitions for a table's next version, several at once. Where one fails, the files of the others are
/// noted as uploaded.
pub(super) async fn write_files(
    store: &Store,
    (site, parts): (&MergedSite, &[&SitePart<'_>]),
    (declared, table): (&Table, &DeltaTable),
    uploaded: &mut Uploaded,
) -> Result<SiteFiles, DeltaError> {
    let (name, version) = (&declared.name, table.next_version());
    let format = FileFormat::of(declared).map_err(ParquetError::from)?;
    let writer = FileWriter {
        store,
        site,
        table: name,
        format: &format,
        version,
        uploaded,
    };
    let key = |part: &SitePart<'_>| (site.site().clone(), part.part);
    let jobs = parts.iter().map(|part| {
        let was = table.files.get(&key(part));
        async move { (*part, writer.write(**part, was).await) }
    });
    let jobs: Vec<_> = jobs.collect();
    let mut jobs = stream::iter(jobs).buffered(FILES_AT_ONCE);
    let (mut files, mut failed) = (SiteFiles::default(), None);
    while let Some((part, wrote)) = jobs.next().await {
        match wrote {
            Ok(Some(new)) => files.written.push((key(part), new)),
            Ok(None) => files.same.push((key(part), made_of(site, part))),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    drop(jobs);
    let Some(error) = failed else {
        return Ok(files);
    };
    for (key, new) in files.written {
        uploaded.note(name, key, (version, new));
    }
    Err(error)
}

/// Writes a site's files for a version of a table.
#[derive(Debug, Clone, Copy)]
struct FileWriter<'a> {
    store: &'a Store,
    site: &'a MergedSite,
    table: &'a Name,
    format: &'a FileFormat<'a>,
    version: u64,
    /// What an earlier run has sent.
    uploaded: &'a Uploaded,
}

impl FileWriter<'_> {
    /// A partition's file, in the store. `None`: its rows are those of the file that is there.
    async fn write(
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
