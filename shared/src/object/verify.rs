//! What an object holds, told from its bytes alone, and whether that is what the log says.

use futures_util::StreamExt as _;

use super::RecordDecoder;
use crate::commit::PartitionObject;
use crate::ids::Md5;
use crate::store::{ObjectStore, StoreError};

/// What an object holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The MD5 of its bytes, uncompressed.
    pub md5: Md5,
    /// Its records, without the header.
    pub rows: u64,
    /// Its size in bytes, compressed.
    pub bytes: u64,
}

/// Reads an object; `None` where it cannot be decompressed or is not CSV to its end.
///
/// # Errors
/// What the store says.
pub async fn contents(store: &dyn ObjectStore, key: &str) -> Result<Option<Contents>, StoreError> {
    let mut fetched = store.get(key).await?;
    let bytes = fetched.meta.bytes;
    let Ok(mut records) = RecordDecoder::new() else {
        return Ok(None);
    };
    while let Some(chunk) = fetched.body.next().await {
        records.give(chunk?);
        loop {
            match records.step(|_, _| Ok(())) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => return Ok(None),
            }
        }
    }
    let (md5, records) = records.finish();
    let rows = records.ok().and_then(|records| records.checked_sub(1));
    Ok(rows.map(|rows| Contents { md5, rows, bytes }))
}

/// What is wrong with an object that a log names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectFault {
    /// It is not there.
    #[error("object {key} is missing")]
    Missing {
        /// Its key.
        key: String,
    },
    /// Its bytes are not what its name says.
    #[error("object {key} is damaged")]
    Damaged {
        /// Its key.
        key: String,
    },
    /// It is whole, and the log says otherwise of it.
    #[error("object {key} holds {found} rows, and the log says {said}")]
    Rows {
        /// Its key.
        key: String,
        /// Its rows.
        found: u64,
        /// The rows that the log says it has.
        said: u64,
    },
}

/// Reads the object that a log names for a partition, to its end; what is wrong with it.
///
/// # Errors
/// What the store says, other than that it is not there.
pub async fn fault(
    store: &dyn ObjectStore,
    key: String,
    object: &PartitionObject,
) -> Result<Option<ObjectFault>, StoreError> {
    Ok(match contents(store, &key).await {
        Err(StoreError::NotFound { .. }) => Some(ObjectFault::Missing { key }),
        // The store's own checksum speaks against it, or its body broke off.
        Err(StoreError::Damaged { .. }) | Ok(None) => Some(ObjectFault::Damaged { key }),
        Err(error) => return Err(error),
        Ok(Some(read)) if read.md5 != object.md5 => Some(ObjectFault::Damaged { key }),
        Ok(Some(read)) if read.rows != object.rows => Some(ObjectFault::Rows {
            key,
            found: read.rows,
            said: object.rows,
        }),
        Ok(Some(_)) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;

    async fn read(change: impl FnOnce(&mut Vec<u8>)) -> Option<Contents> {
        let mut object = zstd::bulk::compress(b"a\n1\n2\n", 3).unwrap();
        change(&mut object);
        let store = MemoryStore::new();
        store.put("k", object.into()).await.unwrap();
        contents(&store, "k").await.unwrap()
    }

    #[tokio::test]
    async fn an_object_says_what_it_holds() {
        let read = read(|_| ()).await.unwrap();
        assert_eq!((read.md5, read.rows), (Md5::of(b"a\n1\n2\n"), 2));
    }

    #[tokio::test]
    async fn a_damaged_object_does_not_pass_for_another() {
        let whole = read(|_| ()).await;
        assert_ne!(
            read(|object| object.truncate(object.len() - 1)).await,
            whole
        );
        assert_ne!(read(|object| object[10] ^= 1).await, whole);
        assert_eq!(read(|object| object.clear()).await, None);
        assert_eq!(read(|object| object[0] ^= 1).await, None);
    }
}
