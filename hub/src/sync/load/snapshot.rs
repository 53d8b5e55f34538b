//! What a load goes by of a site's logs.

use std::sync::Arc;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::EditsLog;
use causeway_shared::dataset::Dataset;
use causeway_shared::log::SiteLog;
use causeway_shared::store::Store;

use crate::error::SiteError;
use crate::sync::discover::{catalog_at_head, edits_at_head};

/// A site's logs as they were read.
#[derive(Debug, Clone)]
pub(crate) struct LogSnapshot {
    /// The agent's catalog at the head of its log.
    pub(crate) catalog: Catalog,
    /// The catalog of edits at the head of theirs.
    pub(crate) edits: Catalog<EditsLog>,
    /// The dataset of the agent's head, each table divided into the buckets that the catalog has of it.
    pub(crate) dataset: Arc<Dataset>,
}

impl LogSnapshot {
    /// Reads the logs of a site from where somebody knows them. `None`: the site has not committed.
    pub(crate) async fn read(
        store: &Store,
        (catalog, edits, dataset): (&Catalog, &Catalog<EditsLog>, Option<&Dataset>),
        thorough: bool,
    ) -> Result<Option<Self>, SiteError> {
        let site = &catalog.site;
        // Edits first: the agent's log then reaches at least to the commit that they know.
        let log = SiteLog::of_kind(Store::clone(store), site.clone());
        let edits = edits_at_head(&log, edits, thorough).await?;
        let log = SiteLog::new(Store::clone(store), site.clone());
        let catalog = catalog_at_head(&log, catalog, thorough).await?;
        let Some(head) = &catalog.head else {
            return Ok(None);
        };
        let mut dataset = match dataset {
            Some(dataset) if dataset.md5() == head.dataset => dataset.clone(),
            _ => log.dataset(head.dataset).await?,
        };
        dataset.take_bucket_counts(&catalog);
        Ok(Some(Self {
            catalog,
            edits,
            dataset: Arc::new(dataset),
        }))
    }
}
