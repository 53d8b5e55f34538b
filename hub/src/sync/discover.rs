//! Which sites there are in the store, and where their logs end.

use std::collections::BTreeSet;

use causeway_shared::catalog::Catalog;
use causeway_shared::commit::{AgentLog, Commit, EditsLog, LogHead as _, LogKind};
use causeway_shared::dataset::Dataset;
use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::layout::{self, WhichLog};
use causeway_shared::log::{LogError, SiteLog};
use causeway_shared::store::{Store, StoreError};

use crate::error::SiteError;

/// Most commits whose changes are looked at one by one.
const MOST_COMMITS: usize = 32;

/// The sites that have anything in the store. Costs one listing per site and one more.
pub(crate) async fn discover(store: &Store) -> Result<BTreeSet<SiteName>, StoreError> {
    find_sites(store, |_| true).await
}

/// The sites that have more in the store than edits: a hub that wrote to a wrong store may have left some there.
pub(crate) async fn discover_carried(store: &Store) -> Result<BTreeSet<SiteName>, StoreError> {
    let is_of_agent = |key: &str| {
        let of_site = key
            .strip_prefix(layout::SITES)
            .and_then(|key| key.split_once('/'));
        of_site.is_some_and(|(_, key)| !key.starts_with(WhichLog::Edits.folder()))
    };
    find_sites(store, is_of_agent).await
}

/// The sites that have a key which counts.
async fn find_sites(
    store: &Store,
    counts: impl Fn(&str) -> bool,
) -> Result<BTreeSet<SiteName>, StoreError> {
    let mut sites = BTreeSet::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list_few(layout::SITES, after.as_deref()).await?;
        let mut last = None;
        for object in &page.objects {
            let Some(name) = site_segment(&object.key) else {
                continue;
            };
            let site = SiteName::new(name).ok();
            sites.extend(site.clone().filter(|_| counts(&object.key)));
            last = Some((name, site.filter(|site| !sites.contains(site))));
        }
        match (last, page.next) {
            // Every key of a site sorts before its folder's name with `0`, which follows `/`.
            (Some((name, None)), _) => after = Some(format!("{}{name}0", layout::SITES)),
            // Nothing of it counts yet.
            (Some((_, Some(site))), _) => after = Some(layout::edits_end(&site)),
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
/// A thorough look costs one more GET and one more LIST. It makes sure that the log is still the one
/// that was loaded, and tells the log's end from a gap. Another look makes sure of the log where it
/// finds news, since what follows may be the next commit of another log.
pub(crate) async fn catalog_at_head<K: LogKind>(
    log: &SiteLog<K>,
    stored: &Catalog<K>,
    thorough: bool,
) -> Result<Catalog<K>, SiteError> {
    let Some(head) = &stored.head else {
        return Ok(log.read_catalog().await?);
    };
    if thorough && let Some(catalog) = read_anew(log, head).await? {
        return Ok(catalog);
    }
    let mut catalog = stored.clone();
    log.catch_up(&mut catalog, thorough).await?;
    if !thorough
        && catalog.seq() > head.seq()
        && let Some(catalog) = read_anew(log, head).await?
    {
        return Ok(catalog);
    }
    Ok(catalog)
}

/// The commits after the one that a database stands at, as closely looked at as by [`catalog_at_head`].
/// `None`: it takes a whole catalog to say where the log leads.
pub(super) async fn commits_after<K: LogKind>(
    log: &SiteLog<K>,
    head: &K::Head,
    thorough: bool,
) -> Result<Option<Vec<Commit<K>>>, SiteError> {
    let mut commits = Vec::new();
    let mut seq = head.seq();
    while let Some(commit) = log.commit(seq.next()).await? {
        seq = seq.next();
        commits.push(commit);
        if commits.len() > MOST_COMMITS {
            return Ok(None);
        }
    }
    if thorough || !commits.is_empty() {
        let found = match log.commit(head.seq()).await {
            Err(error) if !error.is_retryable() => None,
            commit => commit?,
        };
        if !found.is_some_and(|commit| is_head::<K>(&commit.head, head)) {
            return Ok(None);
        }
    }
    let ends = !thorough || log.ends_at(seq).await?;
    Ok(ends.then_some(commits))
}

/// Reads a site's log on to a commit, and no further: what the site committed after the one that edits
/// were settled with, they do not know yet.
pub(super) async fn read_on_to(
    store: &Store,
    catalog: &mut Catalog,
    to: Seq,
) -> Result<(), LogError> {
    let log = SiteLog::new(Store::clone(store), catalog.site.clone());
    while catalog.seq() < to {
        match log.commit(catalog.seq().next()).await? {
            Some(commit) => catalog.apply(&commit),
            // A checkpoint bridges the gap, as far as the log goes.
            None => return log.catch_up(catalog, false).await,
        }
    }
    Ok(())
}

/// The dataset of a site's catalog, where that is another than the one that is loaded: its edits were
/// settled with it by a load that ended before it committed, or by another hub.
pub(super) async fn newer_dataset(
    store: &Store,
    loaded: &Dataset,
    catalog: &Catalog,
) -> Result<Option<Dataset>, LogError> {
    let head = catalog.head.as_ref().map(|head| head.dataset);
    let Some(md5) = head.filter(|md5| *md5 != loaded.md5()) else {
        return Ok(None);
    };
    let log = SiteLog::<AgentLog>::new(Store::clone(store), catalog.site.clone());
    let mut dataset = log.dataset(md5).await?;
    dataset.take_bucket_counts(catalog);
    Ok(Some(dataset))
}

/// The catalog of a site's edits at the head of their log. Of a site that nobody edits, a plain look
/// costs one request.
pub(crate) async fn edits_at_head(
    log: &SiteLog<EditsLog>,
    stored: &Catalog<EditsLog>,
    thorough: bool,
) -> Result<Catalog<EditsLog>, SiteError> {
    if stored.head.is_none() && !thorough && log.commit(Seq(1)).await?.is_none() {
        return Ok(stored.clone());
    }
    catalog_at_head(log, stored, thorough).await
}

/// `None` where the log holds the commit that the database stands at. Where that commit is lost, and
/// the log goes on after it, the catalog at its head.
async fn read_anew<K: LogKind>(
    log: &SiteLog<K>,
    head: &K::Head,
) -> Result<Option<Catalog<K>>, SiteError> {
    let another = |found| SiteError::AnotherLog {
        site: log.site().clone(),
        which: K::LOG,
        seq: head.seq(),
        found,
    };
    let commit = match log.commit(head.seq()).await {
        // A checkpoint may bridge a commit that is damaged as one that is missing.
        Err(error) if !error.is_retryable() => None,
        commit => commit?,
    };
    match commit {
        Some(commit) if is_head::<K>(&commit.head, head) => Ok(None),
        Some(_) => Err(another("holds as another commit")),
        None => {
            // An emptied log holds less than what is loaded: to follow it would throw good data away.
            let catalog = log.read_catalog().await?;
            match catalog.seq() >= head.seq() {
                true => Ok(Some(catalog)),
                false => Err(another("does not hold")),
            }
        }
    }
}

/// Refuses a log that lacks the commit that a database stands at, or holds another one in its place.
pub(crate) async fn refuse_another_log<K: LogKind>(
    log: &SiteLog<K>,
    head: &K::Head,
) -> Result<(), SiteError> {
    read_anew(log, head).await.map(drop)
}

/// Whether a commit is the one that the database stands at. The database keeps microseconds, and
/// a commit's time has no more than milliseconds.
fn is_head<K: LogKind>(commit: &K::Head, head: &K::Head) -> bool {
    commit.writer() == head.writer() && commit.at().as_microsecond() == head.at().as_microsecond()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causeway_shared::ids::Seq;
    use causeway_shared::layout::LogKey;
    use causeway_shared::store::memory::MemoryStore;

    use super::*;
    use crate::testing::{Outcome, SHOP, TestSite};

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

    #[tokio::test]
    async fn a_site_that_has_only_edits_is_not_carried() {
        let store: Store = Arc::new(MemoryStore::default());
        let site = |name| SiteName::new(name).unwrap();
        let edits = |name| LogKey::Commit(Seq(7)).of(WhichLog::Edits, &site(name));
        for key in [
            edits("a"),
            edits("b"),
            LogKey::Latest.of(WhichLog::Agent, &site("b")),
            edits("c"),
            LogKey::Commit(Seq(1)).of(WhichLog::Agent, &site("d")),
        ] {
            store.put(&key, b"x".to_vec().into()).await.unwrap();
        }
        let carried = discover_carried(&store).await.unwrap();
        assert_eq!(carried, BTreeSet::from([site("b"), site("d")]));
        assert_eq!(discover(&store).await.unwrap().len(), 4);
    }

    async fn commits(store: &Store, commits: &[&str]) -> Outcome<(SiteLog, TestSite)> {
        let mut site = TestSite::new(store, "here", SHOP)?;
        for record in commits {
            site.put("item", "b=0of2", &[record])
                .await?
                .commit()
                .await?;
        }
        let log = SiteLog::new(Store::clone(store), site.name().clone());
        Ok((log, site))
    }

    async fn remove(log: &SiteLog, seq: u64) -> Outcome {
        Ok(log
            .store()
            .delete(&LogKey::Commit(Seq(seq)).of(WhichLog::Agent, log.site()))
            .await?)
    }

    #[tokio::test]
    async fn a_log_that_was_emptied_or_replaced_is_not_followed() -> Outcome {
        let store: Store = Arc::new(MemoryStore::new());
        let (log, site) = commits(&store, &["1,a", "1,b"]).await?;
        let stored = site.catalog();
        assert_eq!(catalog_at_head(&log, stored, true).await?, *stored);

        remove(&log, 2).await?;
        let error = catalog_at_head(&log, stored, true)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("stands at commit 2, which the log does not hold"),
            "{error}"
        );
        // A plain look does not see it, and changes nothing.
        assert_eq!(catalog_at_head(&log, stored, false).await?, *stored);

        let elsewhere: Store = Arc::new(MemoryStore::new());
        let mut replaced = stored.clone();
        if let Some(head) = &mut replaced.head {
            head.writer.id = "another".to_owned();
        }
        let (log, _) = commits(&elsewhere, &["1,a", "1,b"]).await?;
        let error = catalog_at_head(&log, &replaced, true)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("which the log holds as another commit"),
            "{error}"
        );

        // A plain look that finds news makes sure of what they follow.
        let elsewhere: Store = Arc::new(MemoryStore::new());
        let (log, _) = commits(&elsewhere, &["1,a", "1,b", "1,c"]).await?;
        let error = catalog_at_head(&log, &replaced, false)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("which the log holds as another commit"),
            "{error}"
        );
        Ok(())
    }

    #[tokio::test]
    async fn commits_that_were_vacuumed_are_bridged_by_a_checkpoint() -> Outcome {
        let store: Store = Arc::new(MemoryStore::new());
        let (log, mut site) = commits(&store, &["1,a"]).await?;
        let stored = site.catalog().clone();
        for record in ["1,b", "1,c"] {
            site.put("item", "b=0of2", &[record])
                .await?
                .commit()
                .await?;
        }
        log.write_checkpoint(site.catalog()).await?;
        for seq in 1..=2 {
            remove(&log, seq).await?;
        }
        assert_eq!(catalog_at_head(&log, &stored, true).await?, *site.catalog());
        Ok(())
    }
}
