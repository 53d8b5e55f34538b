//! The merged rows of one partition, read from the store: the site's object with the entries over it.

use causeway_shared::commit::PartitionObject;
use causeway_shared::dataset::Table;
use causeway_shared::edits_object::Entry;
use causeway_shared::ids::{Part, SiteName};
use causeway_shared::store::Store;

use crate::edits::{EditsError, MergedPart, MergedRow, RowMerge};
use crate::error::SiteError;
use crate::object::{ObjectName, read_records};

/// A partition as the store holds it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredPart<'a> {
    pub(crate) site: &'a SiteName,
    pub(crate) table: &'a Table,
    pub(crate) part: Part,
    /// The site's object; `None` where only the cloud has the partition.
    pub(crate) object: Option<&'a PartitionObject>,
    /// Settled with that object.
    pub(crate) entries: &'a [Entry],
}

impl StoredPart<'_> {
    /// Gives the merged rows to `each`, in key order, and says what they add up to.
    ///
    /// # Errors
    /// [`SiteError::Object`], [`SiteError::Edits`], a failure of the store.
    pub(crate) async fn read(
        &self,
        store: &Store,
        mut each: impl FnMut(MergedRow<'_>),
    ) -> Result<MergedPart, SiteError> {
        let failed = |source| self.failed(source);
        let mut merge = RowMerge::new(self.table, self.entries).map_err(failed)?;
        if let (Some(object), Some(name)) = (self.object, self.object_name()) {
            let push = |record: &[u8]| merge.push(record, &mut each).map_err(failed);
            read_records(store, name, self.table, object, push).await?;
        }
        merge.finish(each).map_err(failed)
    }

    /// The error that its edits cause.
    pub(crate) fn failed(&self, source: EditsError) -> SiteError {
        SiteError::Edits {
            site: self.site.clone(),
            source,
        }
    }

    /// The name of the site's object.
    pub(crate) fn object_name(&self) -> Option<ObjectName> {
        Some(ObjectName {
            site: self.site.clone(),
            table: self.table.name.clone(),
            part: self.part,
            md5: self.object?.md5,
        })
    }
}
