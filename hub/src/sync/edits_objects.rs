//! The edits objects of a site, read and written.

use causeway_shared::commit::EditsObject;
use causeway_shared::dataset::Table;
use causeway_shared::edits_object::{self, Entry};
use causeway_shared::ids::{Md5, Name, Part, SiteName};
use causeway_shared::layout::{LogKey, WhichLog};
use causeway_shared::runtime::chance;
use causeway_shared::store::{Store, StoreError};

use crate::edits::entry_of_now;
use crate::error::SiteError;

/// Most bytes of an edits object as it is stored, compressed.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Where a site's edits objects lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct EditsObjects<'a> {
    pub(super) store: &'a Store,
    pub(super) site: &'a SiteName,
}

impl EditsObjects<'_> {
    /// The entries of a partition, as rows of the table whichever dataset they were written with.
    pub(super) async fn read(
        &self,
        (declared, part): (&Table, Part),
        object: &EditsObject,
    ) -> Result<Vec<Entry>, SiteError> {
        let table = &declared.name;
        let key = self.key(table, part, object.md5);
        let damaged = |problem: String| SiteError::EditsObject {
            site: self.site.clone(),
            table: table.clone(),
            part,
            key: key.clone(),
            problem,
        };
        let fetched = match self.store.get(&key).await {
            Ok(fetched) => fetched.bytes(MAX_BYTES).await,
            Err(error) => Err(error),
        };
        let bytes = fetched.map_err(|error| match error {
            StoreError::NotFound { .. } => damaged("is missing".to_owned()),
            StoreError::Damaged { detail, .. } => damaged(detail),
            StoreError::TooLarge { .. } => damaged(format!("is longer than {MAX_BYTES} bytes")),
            source => self.failed(source),
        })?;
        let entries = edits_object::decode(&bytes, object.md5);
        let entries = entries.map_err(|problem| damaged(problem.to_string()))?;
        let entries = entries.into_iter();
        Ok(entries.map(|entry| entry_of_now(declared, entry)).collect())
    }

    /// Writes the entries of a partition, under a name that no object ever had.
    pub(super) async fn write(
        &self,
        (table, part): (&Name, Part),
        entries: &[Entry],
    ) -> Result<Md5, SiteError> {
        let unwritable = |problem: String| SiteError::EditsObject {
            site: self.site.clone(),
            table: table.clone(),
            part,
            // The object has no name yet.
            key: format!("of {table}, {part}"),
            problem,
        };
        let nonce = chance::random_id().map_err(|error| unwritable(error.to_string()))?;
        let encoded = edits_object::encode(&nonce, entries);
        let (bytes, compressed) = encoded.map_err(|error| unwritable(error.to_string()))?;
        if compressed.len() as u64 > MAX_BYTES {
            return Err(unwritable(format!("are longer than {MAX_BYTES} bytes")));
        }
        let md5 = Md5::of(&bytes);
        let key = self.key(table, part, md5);
        let written = self.store.put(&key, compressed.into()).await;
        written.map_err(|source| self.failed(source))?;
        Ok(md5)
    }

    fn key(&self, table: &Name, part: Part, md5: Md5) -> String {
        LogKey::Object(table.clone(), part, md5).of(WhichLog::Edits, self.site)
    }

    fn failed(&self, source: StoreError) -> SiteError {
        SiteError::Store {
            site: self.site.clone(),
            source,
        }
    }
}

/// What names entries that no store holds: the same entries have the same name.
///
/// # Errors
/// In words, where they are too long for an object.
pub(super) fn name_in_memory(entries: &[Entry]) -> Result<Md5, String> {
    let encoded = edits_object::encode("", entries);
    let (bytes, _) = encoded.map_err(|error| error.to_string())?;
    Ok(Md5::of(&bytes))
}
