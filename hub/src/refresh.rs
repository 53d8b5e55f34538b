//! Looking at the store: which sites there are, and where their logs end.

use std::collections::BTreeSet;

use causeway_shared::catalog::Catalog;
use causeway_shared::ids::SiteName;
use causeway_shared::layout;
use causeway_shared::log::SiteLog;
use causeway_shared::store::{Store, StoreError};

use crate::error::SiteError;

/// Every so many refreshes in which nothing was found, a refresh looks for what a plain one does
/// not see: new sites, gaps, a log that is another one.
pub(crate) const THOROUGH_EVERY: u32 = 20;

/// The sites that have anything in the store. Costs one listing per site and one more.
pub(crate) async fn discover(store: &Store) -> Result<BTreeSet<SiteName>, StoreError> {
    let mut sites = BTreeSet::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list(layout::SITES, after.as_deref()).await?;
        let mut last = None;
        for object in &page.objects {
            let name = site_segment(&object.key);
            sites.extend(name.and_then(|name| SiteName::new(name).ok()));
            last = name;
        }
        match (last, page.next) {
            // Every key of a site sorts before its folder's name with `0`, which follows `/`.
            (Some(name), _) => after = Some(format!("{}{name}0", layout::SITES)),
            // Nothing but strange keys on this page.
            (None, Some(next)) => after = Some(next),
            (None, None) => return Ok(sites),
        }
    }
}

/// The folder under `sites/` that a key lies in.
fn site_segment(key: &str) -> Option<&str> {
    let (name, _) = key.strip_prefix(layout::SITES)?.split_once('/')?;
    Some(name)
}

/// A site's catalog at the head of its log, starting from the one that the database holds.
///
/// A thorough look costs a GET and a LIST more: it makes sure that the log still is the one that
/// was loaded, and tells its end from a gap.
pub(crate) async fn catalog_at_head(
    log: &SiteLog,
    stored: &Catalog,
    thorough: bool,
) -> Result<Catalog, SiteError> {
    if stored.head.is_none() {
        return Ok(log.load().await?);
    }
    if thorough {
        check_same_log(log, stored).await?;
    }
    let mut catalog = stored.clone();
    log.catch_up(&mut catalog, thorough).await?;
    Ok(catalog)
}

/// Refuses a log that does not hold the commit that the database stands at: the store was emptied
/// or replaced, and what it holds now may be less than what is loaded.
async fn check_same_log(log: &SiteLog, stored: &Catalog) -> Result<(), SiteError> {
    let Some(head) = &stored.head else {
        return Ok(());
    };
    let found = match log.commit(head.seq).await? {
        // The database keeps microseconds; a commit's time has milliseconds.
        Some(commit)
            if commit.at.as_microsecond() == head.at.as_microsecond()
                && commit.writer == head.writer =>
        {
            return Ok(());
        }
        Some(_) => "holds as another commit",
        None => "does not hold",
    };
    Err(SiteError::AnotherLog {
        site: log.site().clone(),
        seq: head.seq,
        found,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causeway_shared::store::memory::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn sites_are_found_without_listing_their_objects() {
        let store: Store = Arc::new(MemoryStore::default());
        for key in [
            "a/log/1",
            "a/log/2",
            "a-b/log/1",
            "a0/log/1",
            "NOT-A-SITE/x",
            "b/data/x",
        ] {
            let key = format!("sites/{key}");
            store.put(&key, b"x".to_vec().into()).await.unwrap();
        }
        store.put("archive/x", b"x".to_vec().into()).await.unwrap();
        let found = discover(&store).await.unwrap();
        let names: Vec<&str> = found.iter().map(SiteName::as_str).collect();
        assert_eq!(names, ["a", "a-b", "a0", "b"]);
    }
}
