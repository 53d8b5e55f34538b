//! What a load makes of a dataset that is another than the one of the load before.

use std::collections::{BTreeMap, BTreeSet};

use causeway_shared::commit::AgentLog;
use causeway_shared::ids::{Md5, Name, Part};
use causeway_shared::log::SiteLog;
use causeway_shared::store::Store;

use super::{LogSnapshot, SiteTask};
use crate::db::StoredSite;
use crate::error::SiteError;
use crate::sync::dataset_change::{first_obstacle, first_unreadable, with_other_defaults};

/// The partitions whose rows lack a column of which the default is another now: they take that.
pub(super) fn with_other_values(
    snapshot: &LogSnapshot,
    stored: &StoredSite,
) -> impl Iterator<Item = (Name, Part)> {
    let was = stored.dataset.as_ref();
    let tables = was.map(|was| with_other_defaults(was, &snapshot.dataset));
    let tables: BTreeSet<&Name> = tables
        .into_iter()
        .flatten()
        .map(|table| &table.name)
        .collect();
    let newest = snapshot.catalog.head.as_ref().map(|head| head.dataset);
    let of_site = snapshot.catalog.partitions.iter();
    let of_site = of_site.map(|(key, entry)| (key, entry.dataset));
    let edits = snapshot.edits.partitions.iter();
    let all = of_site.chain(edits.map(|(key, entry)| (key, entry.dataset)));
    let earlier = all.filter(|(key, dataset)| tables.contains(&key.0) && Some(*dataset) != newest);
    let earlier: BTreeSet<_> = earlier.map(|(key, _)| key.clone()).collect();
    earlier.into_iter()
}

impl SiteTask<'_> {
    /// Refuses a dataset whose rows the existing tables cannot hold.
    pub(crate) fn refuse_another_dataset(
        &self,
        snapshot: &LogSnapshot,
        stored: &StoredSite,
    ) -> Result<(), SiteError> {
        let was = stored.dataset.as_deref();
        match was.and_then(|was| first_obstacle(was, &snapshot.dataset)) {
            None => Ok(()),
            Some(detail) => Err(SiteError::DatasetChanged {
                site: self.site.clone(),
                detail,
            }),
        }
    }

    /// Refuses what the site wrote with an earlier dataset and has not carried since, where it cannot be
    /// read with the newest. What is loaded was looked at before.
    pub(super) async fn refuse_unreadable(
        &self,
        snapshot: &LogSnapshot,
        stored: &StoredSite,
    ) -> Result<(), SiteError> {
        let newest = snapshot.dataset.md5();
        let mut earlier: BTreeMap<Md5, BTreeSet<&Name>> = BTreeMap::new();
        let (was, now) = (&stored.catalog.partitions, &snapshot.catalog.partitions);
        for (key, entry) in now.iter().filter(|_| !was.are_shared(now)) {
            if stored.catalog.partitions.get(key) != Some(entry) {
                earlier.entry(entry.dataset).or_default().insert(&key.0);
            }
        }
        for (key, entry) in &snapshot.edits.partitions {
            if stored.edits.partitions.get(key) != Some(entry) {
                earlier.entry(entry.dataset).or_default().insert(&key.0);
            }
        }
        earlier.remove(&newest);
        let log = SiteLog::<AgentLog>::new(Store::clone(self.store()), self.site.clone());
        for (md5, tables) in earlier {
            let dataset = log.dataset(md5).await?;
            let mut tables = tables.into_iter();
            let detail = tables
                .find_map(|table| first_unreadable(&dataset, &snapshot.dataset, table.as_str()));
            if let Some(detail) = detail {
                let site = self.site.clone();
                return Err(SiteError::HeldTable { site, detail });
            }
        }
        Ok(())
    }
}
