//! A database's copy of such a file, for a hub that cannot read the store.

use causeway_shared::store::Version;

use super::{Content, Document, DocumentError, encode};
use crate::db::{Database, DbError};

/// How often it is tried when others write the copy at the same time; each of them writes what the store has.
const ATTEMPTS: u32 = 8;

/// Why a database may have no copy of a file, or an older one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    /// The store does not say what the newest is.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl<T: Content> Document<T> {
    /// Has a database keep a copy of what was read or written, or of what the store has since: `content` and
    /// `version` are that then. A copy that is the same is left as it is.
    ///
    /// Of several who copy at once none puts an older copy in the place of a newer one: each looks at the copy, then
    /// at the store, and replaces no other copy than the one that it saw.
    ///
    /// # Errors
    /// [`CopyError`]
    pub(crate) async fn copy_to(
        &self,
        database: &dyn Database,
        content: &mut T,
        version: &mut Option<Version>,
    ) -> Result<(), CopyError> {
        for _ in 0..ATTEMPTS {
            let seen = database.copied(T::KEY).await?;
            if seen.as_ref() == Some(&encode(content)?) {
                break;
            }
            if let Some(newer) = self.read_if_changed(version.as_ref()).await? {
                (*content, *version) = newer;
            }
            let seen = seen.unwrap_or_default();
            let copy = encode(content)?;
            if database.replace_copy(T::KEY, &seen, &copy).await? {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causeway_shared::store::Store;
    use causeway_shared::store::failing::{FailingStore, Fault};
    use causeway_shared::store::memory::MemoryStore;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::db::sqlite::SqliteDatabase;
    use crate::document::decode;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Note {
        text: String,
    }

    impl Content for Note {
        const KEY: &'static str = "hub/note.json";
        const FORMAT: u32 = 1;
        const MAX_BYTES: u64 = 1_000;
        const REMEDY: &'static str = "remove it";
    }

    async fn write(store: &Store, text: &str) {
        let document = Document::<Note>::new(Arc::clone(store));
        let write = |note: &mut Note| {
            text.clone_into(&mut note.text);
            Ok::<_, DocumentError>(())
        };
        document.change(write).await.unwrap();
    }

    #[tokio::test]
    async fn what_was_read_before_a_change_takes_no_newer_copy_s_place() {
        let store: Store = Arc::new(MemoryStore::new());
        let folder = tempfile::tempdir().unwrap();
        let database = SqliteDatabase::open(folder.path(), String::new());
        database.init().await.unwrap();
        let document = Document::<Note>::new(Arc::clone(&store));
        let copied = async || {
            let copy = database.copied(Note::KEY).await.unwrap().unwrap();
            decode::<Note>(&copy).unwrap().text
        };

        write(&store, "older").await;
        let (mut older, mut of_older) = document.read().await.unwrap();
        write(&store, "newer").await;
        let (mut newer, mut of_newer) = document.read().await.unwrap();
        let copying = document.copy_to(&database, &mut newer, &mut of_newer);
        copying.await.unwrap();
        assert_eq!(copied().await, "newer");

        let silent = FailingStore::new(Arc::clone(&store), [Fault::StopAt(1)]);
        let silent = Document::<Note>::new(Arc::new(silent));
        let copying = silent.copy_to(&database, &mut older, &mut of_older);
        assert!(matches!(copying.await, Err(CopyError::Document(_))));
        assert_eq!(copied().await, "newer");

        let copying = document.copy_to(&database, &mut older, &mut of_older);
        copying.await.unwrap();
        assert_eq!(copied().await, "newer");
        assert_eq!((older, of_older), (newer, of_newer));

        // A file that cannot be used is removed.
        store.delete(Note::KEY).await.unwrap();
        let (mut none, mut of_none) = document.read().await.unwrap();
        let copying = document.copy_to(&database, &mut none, &mut of_none);
        copying.await.unwrap();
        assert_eq!(copied().await, "");
    }
}
