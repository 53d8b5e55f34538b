//! Reading an object back: what it holds, told from its bytes alone, in bounded memory.

use std::io::{self, Write};

use causeway_shared::canonical_csv::{Digest, Malformed, RecordSplitter};
use causeway_shared::commit::PartitionObject;
use causeway_shared::ids::Md5;
use causeway_shared::store::{ObjectStore, StoreError};
use futures_util::StreamExt as _;

/// What an object holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadBack {
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
pub async fn read_back(store: &dyn ObjectStore, key: &str) -> Result<Option<ReadBack>, StoreError> {
    let mut fetched = store.get(key).await?;
    let bytes = fetched.meta.bytes;
    let Ok(mut decoder) = zstd::stream::write::Decoder::new(Content::default()) else {
        return Ok(None);
    };
    while let Some(chunk) = fetched.body.next().await {
        if decoder.write_all(&chunk?).is_err() {
            return Ok(None);
        }
    }
    if decoder.flush().is_err() {
        return Ok(None);
    }
    let Content { digest, records } = decoder.into_inner();
    let rows = records
        .finish()
        .ok()
        .and_then(|records| records.checked_sub(1));
    Ok(rows.map(|rows| ReadBack {
        md5: digest.finish(),
        rows,
        bytes,
    }))
}

/// What is wrong with an object that a log names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
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
) -> Result<Option<Fault>, StoreError> {
    Ok(match read_back(store, &key).await {
        Err(StoreError::NotFound { .. }) => Some(Fault::Missing { key }),
        // The store's own checksum speaks against it, or its body broke off.
        Err(StoreError::Damaged { .. }) | Ok(None) => Some(Fault::Damaged { key }),
        Err(error) => return Err(error),
        Ok(Some(read)) if read.md5 != object.md5 => Some(Fault::Damaged { key }),
        Ok(Some(read)) if read.rows != object.rows => Some(Fault::Rows {
            key,
            found: read.rows,
            said: object.rows,
        }),
        Ok(Some(_)) => None,
    })
}

/// Takes decompressed bytes in.
#[derive(Default)]
struct Content {
    digest: Digest,
    records: RecordSplitter,
}

impl Write for Content {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.digest.update(bytes);
        self.records
            .push(bytes, |_, _| Ok::<_, Malformed>(()))
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use causeway_shared::store::memory::MemoryStore;

    use super::*;

    async fn read(change: impl FnOnce(&mut Vec<u8>)) -> Option<ReadBack> {
        let mut object = zstd::bulk::compress(b"a\n1\n2\n", 3).unwrap();
        change(&mut object);
        let store = MemoryStore::new();
        store.put("k", object.into()).await.unwrap();
        read_back(&store, "k").await.unwrap()
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
