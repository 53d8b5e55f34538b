//! What a vacuum deletes of a site's edits, and spares.

use std::sync::Arc;

use causeway_shared::store::failing::{FailingStore, Fault};
use causeway_shared::store::{Store, list_all};
use jiff::ToSpan as _;

use super::*;
use crate::db;
use crate::sync::AsOf;
use crate::testing::{Outcome, SHOP, TestHub, TestSite};

/// Everything is old to a vacuum that compares no clocks: the store's begins in 1970.
async fn vacuum(test: &TestHub, before: Timestamp, dry_run: bool) -> Outcome<SiteVacuumed> {
    let cut = Cut { before, now: None };
    let report = test.hub.vacuum_before(None, cut, dry_run).await?;
    Ok(report.sites.into_iter().next().ok_or("no site")?)
}

/// A site whose one sale was changed on each of so many days, each time by one commit; the first commit
/// is the owner's, of the first day.
async fn changed(test: &mut TestHub, days: u32) -> Outcome<TestSite> {
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("sale", "dt=2025-11-28", &["1,2025-11-28,a,paid"])
        .await?;
    site.commit().await?;
    test.load_one().await?;
    for day in 1..=days {
        let sql = format!("UPDATE sale SET state = '{day}'");
        test.change(&site, &sql).await?;
        test.flush(&site).await?;
        test.request.now = test.request.now.checked_add(24.hours())?;
    }
    Ok(site)
}

async fn objects(test: &TestHub, site: &TestSite) -> Outcome<Vec<String>> {
    let prefix = WhichLog::Edits.objects(site.name());
    let objects = list_all(&*test.store, &prefix, None).await?;
    Ok(objects.into_iter().map(|object| object.key).collect())
}

/// Fails unless every object that the catalog at a commit names is there.
async fn assert_whole(test: &TestHub, site: &TestSite, seq: Seq) -> Outcome {
    let catalog = test.hub.edits_log(site.name()).catalog_at(seq).await?;
    let there = objects(test, site).await?;
    for ((table, part), entry) in &catalog.partitions {
        let key = LogKey::Object(table.clone(), *part, entry.object.md5);
        let key = key.of(WhichLog::Edits, site.name());
        assert!(there.contains(&key), "commit {seq}: {key}");
    }
    Ok(())
}

/// The time of a commit.
async fn at(test: &TestHub, site: &TestSite, seq: u64) -> Outcome<Timestamp> {
    let commit = test.hub.edits_log(site.name()).commit(Seq(seq)).await?;
    Ok(commit.ok_or("no such commit")?.head.at)
}

#[tokio::test]
async fn what_was_replaced_before_the_cut_goes_and_the_rest_can_be_read() -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut test = TestHub::in_folder(&folder.path().join("own")).await?;
    let site = changed(&mut test, 5).await?;
    let before = at(&test, &site, 4).await?;
    let counted = vacuum(&test, before, true).await?;
    assert_eq!(objects(&test, &site).await?.len(), 5);
    let done = vacuum(&test, before, false).await?;
    assert_eq!((done.objects, done.retained_from), (2, Some(Seq(4))));
    assert_eq!(counted, done, "a dry run counts the same");
    for seq in 4..=6 {
        assert_whole(&test, &site, Seq(seq)).await?;
    }
    assert_eq!(vacuum(&test, before, false).await?.objects, 0);
    assert_eq!(test.differences().await?, Vec::<String>::new());

    // A past state from before is refused by name, one from after is loaded.
    for (seq, is_there) in [(3, false), (4, true)] {
        let time = AsOf::Time(at(&test, &site, seq).await?);
        let url = format!("sqlite:{}", folder.path().join(seq.to_string()).display());
        let config = crate::config::DatabaseConfig {
            url,
            ..Default::default()
        };
        let past = db::open(&config).await?;
        let report = test.hub.load_past(time, past, &test.request).await?;
        match &report.sites[0].error {
            None => assert!(is_there, "commit {seq}"),
            Some(error) => {
                assert!(!is_there, "commit {seq}: {error}");
                assert!(error.contains("is not there any more"), "{error}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_young_or_anothers_stays() -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut test = TestHub::in_folder(&folder.path().join("own")).await?;
    let site = changed(&mut test, 3).await?;
    // A flush is about to name it.
    let written = LogKey::Object("sale".parse()?, "dt=2025-11-28".parse()?, {
        causeway_shared::ids::Md5::of(b"new")
    });
    let written = written.of(WhichLog::Edits, site.name());
    test.store.put(&written, b"new".to_vec().into()).await?;
    let young = test.store.head(&written).await?.modified;
    let just_before = young.checked_sub(1.nanosecond())?;
    assert_eq!(vacuum(&test, just_before, false).await?.objects, 0);
    assert!(objects(&test, &site).await?.contains(&written));

    let other = test.in_another_folder(&folder.path().join("other")).await?;
    other.load().await?;
    let done = vacuum(&other, other.request.now, false).await?;
    assert_eq!((done.objects, done.owner.is_some()), (0, true));
    assert_eq!(vacuum(&test, test.request.now, false).await?.objects, 3);
    assert_whole(&test, &site, Seq(4)).await
}

#[tokio::test]
async fn a_clock_that_is_wrong_deletes_nothing() -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut test = TestHub::in_folder(folder.path()).await?;
    let site = changed(&mut test, 40).await?;
    let report = test.hub.vacuum(None, test.request.now, false).await?;
    let error = report.sites[0].error.clone().unwrap_or_default();
    assert!(error.contains("set the clock that is wrong"), "{error}");
    assert!(report.needs_a_look());
    assert_eq!(objects(&test, &site).await?.len(), 40);
    // Nobody has to know the time to count.
    let counted = test.hub.vacuum(None, test.request.now, true).await?;
    assert_eq!(
        (counted.sites[0].objects, &counted.sites[0].error),
        (10, &None)
    );
    Ok(())
}

#[tokio::test]
async fn checkpoints_go_but_for_the_newest_two() -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut test = TestHub::in_folder(folder.path()).await?;
    let site = changed(&mut test, 3 * 64).await?;
    let log = test.hub.edits_log(site.name());
    let done = vacuum(&test, test.request.now, false).await?;
    assert_eq!((done.objects, done.checkpoints), (3 * 64 - 1, 1));
    assert_eq!(log.checkpoints().await?, [Seq(128), Seq(192)]);
    assert_eq!(log.read_catalog().await?.seq(), Seq(193));
    assert_whole(&test, &site, Seq(193)).await
}

#[tokio::test]
async fn a_vacuum_that_stops_anywhere_is_made_good_by_the_next() -> Outcome {
    let mut stopped = 0;
    for step in 1.. {
        let folder = tempfile::tempdir()?;
        let mut test = TestHub::in_folder(folder.path()).await?;
        let site = changed(&mut test, 6).await?;
        let before = at(&test, &site, 5).await?;
        let failing = FailingStore::new(Arc::clone(&test.store), [Fault::StopAt(step)]);
        let broken = test.with_store(Arc::new(failing) as Store)?;
        let cut = Cut { before, now: None };
        let report = broken.hub.vacuum_before(None, cut, false).await;
        let failed = match report {
            Ok(report) => report.sites.iter().any(|site| site.error.is_some()),
            Err(_) => true,
        };
        for seq in 5..=7 {
            assert_whole(&test, &site, Seq(seq)).await?;
        }
        vacuum(&test, before, false).await?;
        assert_eq!(objects(&test, &site).await?.len(), 3, "stopped at {step}");
        if !failed {
            break;
        }
        stopped += 1;
    }
    assert!(stopped >= 6, "{stopped}");
    Ok(())
}
