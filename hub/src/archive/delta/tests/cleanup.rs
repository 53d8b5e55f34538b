//! What is deleted, and when: never a file that a version within `[archive] keep` needs.

use std::collections::BTreeSet;

use super::*;
use crate::testing::pausing_store::{PausingStore, Stop};

const KEEP_HOURS: i64 = 7 * 24;

/// Files that are not there though the newest version has them, or one that was replaced later than this.
async fn missing(store: &Store, since: Timestamp) -> Outcome<Vec<String>> {
    let there: BTreeSet<String> = keys(store, "archive/delta/").await?.into_iter().collect();
    let mut missing = Vec::new();
    for name in ["item", "sale"].map(name) {
        let newest = table(store, &name).await?;
        let mut at_version = DeltaTable::default();
        for version in 0..newest.next_version() {
            let needed = at_version.files.iter();
            let needed = needed.map(|(at, live)| DeltaKey::Data(live.file(at)).of(&name));
            let needed: Vec<String> = needed.collect();
            let commit = bytes(store, &DeltaKey::Commit(version).of(&name)).await?;
            at_version = at_version.after(&commit)?;
            let replaced = at_version.head.map_or(0, |head| head.at);
            if replaced > since.as_millisecond() {
                missing.extend(needed.into_iter().filter(|key| !there.contains(key)));
            }
        }
        let live = at_version.files.iter();
        let live = live.map(|(at, live)| DeltaKey::Data(live.file(at)).of(&name));
        missing.extend(live.filter(|key| !there.contains(key)));
    }
    Ok(missing)
}

#[tokio::test]
async fn a_version_stays_for_as_long_as_it_is_kept() -> Outcome {
    let (store, mut site) = shop().await?;
    for hours in (0..30 * 24).step_by(31) {
        let now = noon() + Span::new().hours(hours);
        let record = format!("2,2025-11-28,a,{hours}");
        site.put("sale", "dt=2025-11-28", &[&record]).await?;
        site.commit().await?;
        archive(&store).run(now).await?;
        let since = now - Span::new().hours(KEEP_HOURS);
        assert_eq!(
            missing(&store, since).await?,
            Vec::<String>::new(),
            "after {hours} h"
        );
    }
    let files = keys(&store, "archive/delta/sale/site=").await?.len();
    assert!(files < 10, "{files}: the others are cleaned up");
    Ok(())
}

/// What another hub does while one is stopped in its run.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Other {
    CleansUp,
    Publishes,
}

#[tokio::test]
async fn cleaning_up_beside_a_run_that_publishes_does_no_harm() -> Outcome {
    for other in [Other::CleansUp, Other::Publishes] {
        for call in 1.. {
            let (store, mut site) = shop_at(1).await?;
            let later = noon() + Span::new().hours(KEEP_HOURS + 1);
            site.put("sale", "dt=2025-11-27", &["1,2025-11-27,a,void"])
                .await?;
            site.commit().await?;
            let is_done = false;
            let stop = Stop { call, is_done };
            let pausing = Arc::new(PausingStore::new(Arc::clone(&store), stop));
            let one = archive(&(Arc::clone(&pausing) as Store));
            let mut running = Box::pin(one.run(later));
            let is_stopped = tokio::select! {
                biased;
                done = &mut running => {
                    assert!(!done?.has_errors());
                    false
                }
                () = pausing.reached() => true,
            };
            if !is_stopped {
                assert!(call > 10, "{call}");
                break;
            }
            if other == Other::Publishes {
                site.put("sale", "dt=2025-11-28", &["2,2025-11-28,a,void"])
                    .await?;
                site.commit().await?;
            }
            assert!(!run_at(&store, later).await?.has_errors());
            // What it has committed is left over, or is not, by then.
            assert!(!run_at(&store, later).await?.has_errors());
            pausing.go_on();
            assert!(!running.await?.has_errors(), "{other:?} at {stop:?}");
            let since = later - Span::new().hours(KEEP_HOURS);
            let missing = missing(&store, since).await?;
            assert_eq!(missing, Vec::<String>::new(), "{other:?} at {stop:?}");
            assert_eq!(published(&store).await?, expected(&store).await?);
        }
    }
    Ok(())
}

async fn run_at(store: &Store, now: Timestamp) -> Outcome<ArchiveReport> {
    Ok(archive(store).run(now).await?)
}

#[tokio::test]
async fn a_hub_whose_clock_is_wrong_costs_earlier_versions_at_most() -> Outcome {
    let (store, mut site) = shop().await?;
    let month = Span::new().hours(30 * 24);
    let mut at = Vec::new();
    for (turn, now) in [noon(), noon() + month, noon(), noon() - month]
        .into_iter()
        .enumerate()
    {
        let record = format!("2,2025-11-28,a,{turn}");
        site.put("sale", "dt=2025-11-28", &[&record]).await?;
        site.commit().await?;
        for _ in 0..2 {
            assert!(!run_at(&store, now).await?.has_errors());
            assert_eq!(published(&store).await?, expected(&store).await?);
        }
        at.extend(table(&store, &name("sale")).await?.head.map(|head| head.at));
    }
    assert!(at.is_sorted_by(|a, b| a < b), "one after another: {at:?}");
    Ok(())
}
