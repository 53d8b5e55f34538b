//! The object of a partition, fetched, and named in errors.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout};

use causeway_shared::commit::PartitionObject;
use causeway_shared::dataset::Table;
use causeway_shared::ids::{Md5, Name, Part, SiteName};
use causeway_shared::layout::{LogKey, WhichLog};
use causeway_shared::object::{ObjectError, ObjectReader};
use causeway_shared::store::{Store, StoreError};

use crate::error::SiteError;

/// An object of up to this size is fetched whole as soon as it is its turn to be fetched ahead.
const FETCH_WHOLE_BYTES: u64 = 256 * 1024;

/// How long an object may be waited for altogether: this long, and a second more for each so many of
/// its bytes. A store that sends a byte now and then keeps within the limits of its single answers.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
const SLOWEST_BYTES_PER_SECOND: u64 = 8 * 1024;

/// Which object, for errors.
#[derive(Debug, Clone)]
pub(crate) struct ObjectName {
    pub(crate) site: SiteName,
    pub(crate) table: Name,
    pub(crate) part: Part,
    pub(crate) md5: Md5,
}

impl ObjectName {
    /// The object's key in the store.
    pub(crate) fn key(&self) -> String {
        LogKey::Object(self.table.clone(), self.part, self.md5).of(WhichLog::Agent, &self.site)
    }

    /// The error that this object causes.
    pub(crate) fn error(&self, source: ObjectError) -> SiteError {
        SiteError::Object {
            site: self.site.clone(),
            table: self.table.clone(),
            part: self.part,
            key: self.key(),
            source,
        }
    }

    fn store_error(&self, error: StoreError) -> SiteError {
        match error {
            StoreError::NotFound { .. } => self.error(ObjectError::Missing),
            StoreError::Damaged { detail, .. } => self.error(ObjectError::Arrived(detail)),
            source => SiteError::Store {
                site: self.site.clone(),
                source,
            },
        }
    }
}

/// An object's compressed bytes.
pub(crate) struct Body {
    name: ObjectName,
    chunks: BoxStream<'static, Result<Bytes, StoreError>>,
    patience: Duration,
}

impl Body {
    /// Begins fetching an object; a small one arrives whole.
    pub(crate) async fn open(store: Store, name: ObjectName) -> Result<Self, SiteError> {
        let fetched = store.get(&name.key()).await;
        let fetched = fetched.map_err(|error| name.store_error(error))?;
        let bytes = fetched.meta.bytes;
        let chunks = if fetched.meta.bytes <= FETCH_WHOLE_BYTES {
            let whole = fetched.bytes(FETCH_WHOLE_BYTES).await;
            let whole = whole.map_err(|error| name.store_error(error))?;
            stream::iter([Ok(Bytes::from(whole))]).boxed()
        } else {
            fetched.body
        };
        let patience = PATIENCE + Duration::from_secs(bytes / SLOWEST_BYTES_PER_SECOND);
        Ok(Self {
            name,
            chunks,
            patience,
        })
    }

    /// Which object it is.
    pub(crate) fn name(&self) -> &ObjectName {
        &self.name
    }

    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, SiteError> {
        let asked = Instant::now();
        let Ok(chunk) = timeout(self.patience, self.chunks.next()).await else {
            return Err(self.name.store_error(StoreError::Unavailable {
                action: "read",
                key: self.name.key(),
                detail: "it arrives too slowly".to_owned(),
                source: None,
            }));
        };
        self.patience = self.patience.saturating_sub(asked.elapsed());
        let chunk = chunk.transpose();
        chunk.map_err(|error| self.name.store_error(error))
    }
}

/// Reads an object's records, in key order and without their line feeds. All of them were checked
/// against its commit when this ends well.
///
/// # Errors
/// [`SiteError::Object`], what `each` says of a record, or a failure of the store.
pub(crate) async fn read_records(
    store: &Store,
    name: ObjectName,
    table: &Table,
    object: &PartitionObject,
    mut each: impl FnMut(&[u8]) -> Result<(), SiteError>,
) -> Result<(), SiteError> {
    let mut body = Body::open(Store::clone(store), name).await?;
    let mut reader =
        ObjectReader::new(table, object).map_err(|problem| body.name().error(problem))?;
    while let Some(compressed) = body.next().await? {
        reader.give(compressed);
        let mut more = true;
        while more {
            let mut refused = Ok(());
            let step = reader.step(|record| {
                if refused.is_ok() {
                    refused = each(record);
                }
            });
            more = step.map_err(|problem| body.name().error(problem))?;
            refused?;
        }
    }
    let ended = reader.finish();
    ended.map_err(|problem| body.name().error(problem))?;
    Ok(())
}
