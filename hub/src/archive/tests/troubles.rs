//! Runs that are stopped, damaged partitions, two runs at once, and files that others changed.

use causeway_shared::ids::Md5;
use causeway_shared::store::failing::{FailingStore, Fault};

use super::super::manifest::Manifest;
use super::*;

/// Whether the manifest names nothing that is newer than what lies there, once the site has made a
/// sale void and removed a day.
async fn assert_nothing_newer_is_named(store: &Store) -> Outcome {
    let (manifest, _) = Document::<Manifest>::new(Arc::clone(store)).read().await?;
    let files = published(store).await?;
    for (file, named) in &manifest.files {
        match files.get(&file.key()) {
            Some(there) if Md5::of(there) == named.md5 => {}
            Some(there) => assert!(String::from_utf8_lossy(there).contains("void"), "{file:?}"),
            None => assert_eq!(file.part.to_string(), "dt=2025-11-27"),
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_stopped_at_any_step_is_made_good_by_the_next() -> Outcome {
    for lose_answer in [false, true] {
        for step in 1.. {
            let store: Store = Arc::new(MemoryStore::new());
            let mut site = shop(&store).await?;
            // A service that has run before, and knows the manifest.
            let other = archive(&store);
            other.run(noon()).await?;
            site.put("sale", "dt=2025-11-28", &["2,2025-11-28,a,void"])
                .await?;
            site.put("sale", "dt=2025-11-30", &["3,2025-11-30,a,paid"])
                .await?;
            site.remove("sale", "dt=2025-11-27")?.commit().await?;
            let fault = match lose_answer {
                true => Fault::StopAfter(step),
                false => Fault::StopAt(step),
            };
            let failing = Arc::new(FailingStore::new(Arc::clone(&store), [fault]));
            let stopped = run(&(Arc::clone(&failing) as Store)).await;
            if failing.calls() < step {
                assert!(!stopped?.has_errors());
                assert!(step > 10, "{step}");
                break;
            }
            if !matches!(&stopped, Ok(report) if report.has_errors()) {
                stopped.expect_err("it went on without a store");
            }
            assert_nothing_newer_is_named(&store).await?;
            if step % 2 == 0 {
                // All of it is taken back before anybody looks.
                site.put("sale", "dt=2025-11-28", &["2,2025-11-28,a,paid"])
                    .await?;
                site.put("sale", "dt=2025-11-27", &["1,2025-11-27,a,paid"])
                    .await?;
                site.remove("sale", "dt=2025-11-30")?.commit().await?;
            }
            assert!(!other.run(noon()).await?.has_errors());
            assert_eq!(
                published(&store).await?,
                expected(&store).await?,
                "step {step}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn one_tables_damage_stops_no_other_table() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    let mut site = shop(&store).await?;
    run(&store).await?;
    site.put("item", "b=0of2", &["1,pear"]).await?;
    site.put("sale", "dt=2025-11-28", &["2,2025-11-28,a,void"])
        .await?;
    site.commit().await?;
    let key = site.key("item", "b=0of2", &["1,pear"])?;
    let whole = bytes(&store, &key).await?;
    store.put(&key, b"damaged".to_vec().into()).await?;

    let report = run(&store).await?;
    let item = &report.tables[&table_name("item")];
    let error = item.error.as_deref().unwrap_or_default();
    assert!(error.contains("causeway-agent verify --repair"), "{error}");
    assert_eq!(
        (item.partitions, item.records),
        (1, 1),
        "the last good file stays"
    );
    assert_eq!(report.tables[&table_name("sale")].published, 1);
    assert!(report.needs_a_look());
    let status = archive(&store).status().await?;
    assert!(status.needs_a_look());
    let before = store.requests();
    run(&store).await?;
    assert_eq!(sent(&store, &before), (0, 0), "it fails in the same way");

    store.put(&key, whole.into()).await?;
    assert!(!run(&store).await?.has_errors());
    assert!(!archive(&store).status().await?.needs_a_look());
    assert_eq!(published(&store).await?, expected(&store).await?);
    Ok(())
}

#[tokio::test]
async fn a_damaged_partition_with_edits_stops_no_other_table() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    let store = &test.store;
    let mut site = shop(store).await?;
    test.load_one().await?;
    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 2")
        .await?;
    test.flush(&site).await?;
    run(store).await?;
    let moved = ["2,2025-11-28,b,paid"];
    site.put("sale", "dt=2025-11-28", &moved).await?;
    site.remove("sale", "dt=2025-11-27")?;
    site.put("item", "b=0of2", &["1,pear"]).await?;
    site.commit().await?;
    let key = site.key("sale", "dt=2025-11-28", &moved)?;
    let whole = bytes(store, &key).await?;
    store.delete(&key).await?;

    let report = run(store).await?;
    let sale = &report.tables[&table_name("sale")];
    assert!(sale.error.is_some());
    assert_eq!((sale.partitions, sale.removed), (2, 0), "its files stay");
    assert_eq!(report.tables[&table_name("item")].published, 1);

    store.put(&key, whole.into()).await?;
    assert!(!run(store).await?.has_errors());
    assert_eq!(published(store).await?, expected(store).await?);
    Ok(())
}

/// A site that sold something on each of so many days.
async fn busy_shop(store: &Store, days: usize) -> Outcome {
    let mut site = TestSite::new(store, "here", SHOP)?;
    let first: jiff::civil::Date = "2024-01-01".parse()?;
    for (id, day) in first
        .series(jiff::Span::new().days(1))
        .take(days)
        .enumerate()
    {
        let record = format!("{id},{day},a,paid");
        site.put("sale", &format!("dt={day}"), &[&record]).await?;
    }
    site.commit().await?;
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_stopped_has_done_something() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    busy_shop(&store, 600).await?;
    let failing = FailingStore::new(Arc::clone(&store), [Fault::StopAt(1_150)]);
    let stopped = run(&(Arc::new(failing) as Store)).await;
    assert!(stopped.is_err() || stopped.is_ok_and(|report| report.has_errors()));
    let report = run(&store).await?;
    let sale = &report.tables[&table_name("sale")];
    assert_eq!(sale.partitions, 600);
    assert!(sale.published < 300, "{}", sale.published);
    Ok(())
}

#[tokio::test]
async fn a_log_that_went_back_leaves_what_is_published() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    let mut site = shop(&store).await?;
    site.put("item", "b=1of2", &["2,pear"])
        .await?
        .commit()
        .await?;
    run(&store).await?;
    let before = published(&store).await?;
    let newest = layout::LogKey::Commit(causeway_shared::ids::Seq(2));
    store
        .delete(&newest.of(layout::WhichLog::Agent, site.name()))
        .await?;
    let report = run(&store).await?;
    let error = report.sites[site.name()].error.clone().unwrap_or_default();
    assert!(
        error.contains("what is published is of commit 2"),
        "{error}"
    );
    assert_eq!(published(&store).await?, before);

    // A disk that is not mounted.
    for object in list_all(&*store, layout::SITES, None).await? {
        store.delete(&object.key).await?;
    }
    assert!(run(&store).await?.needs_a_look());
    assert_eq!(published(&store).await?, before);
    Ok(())
}

#[tokio::test]
async fn runs_at_once_leave_what_one_would() -> Outcome {
    for seed in 0..8 {
        let memory: Store = Arc::new(MemoryStore::new());
        let mut site = shop(&memory).await?;
        // Each call of it lets others go on.
        let store: Store = Arc::new(FailingStore::new(Arc::clone(&memory), []));
        let (one, two) = (archive(&store), archive(&store));
        for change in 0..4 {
            let record = format!("2,2025-11-28,a,void{seed}{change}");
            site.put("sale", "dt=2025-11-28", &[&record]).await?;
            if change % 2 == 0 {
                site.put("sale", "dt=2025-11-30", &["3,2025-11-30,a,paid"])
                    .await?;
            } else {
                site.remove("sale", "dt=2025-11-30")?;
            }
            // One begins before the commit, the other after it.
            let (first, second) = tokio::join!(one.run(noon()), async {
                for _ in 0..seed * 4 {
                    tokio::task::yield_now().await;
                }
                site.commit().await.unwrap();
                two.run(noon()).await
            });
            assert!(!first?.has_errors() && !second?.has_errors());
            // One that has nothing left to do lists nothing, and mends nothing.
            assert!(!one.run(noon()).await?.has_errors());
            assert_eq!(published(&memory).await?, expected(&memory).await?);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_another_one_is_ahead_of_at_every_file_takes_its_files() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    busy_shop(&store, 50).await?;
    let beaten = FailingStore::new(Arc::clone(&store), [Fault::BeatWritesOf(layout::ARCHIVE)]);
    let report = run(&(Arc::new(beaten) as Store)).await?;
    assert_eq!(report.tables[&table_name("sale")].published, 0);
    assert_eq!(published(&store).await?, expected(&store).await?);
    let idle = run(&store).await?;
    assert_eq!(idle.requests.put, 0, "nothing is left to do");
    Ok(())
}

#[tokio::test]
async fn what_others_did_to_the_files_is_found() -> Outcome {
    let store: Store = Arc::new(MemoryStore::new());
    let site = shop(&store).await?;
    run(&store).await?;
    let before = published(&store).await?;
    store.delete("archive/sale/dt=2025-11-27/here.csv").await?;
    store
        .put("archive/item/b=0of2/here.csv", b"changed".to_vec().into())
        .await?;
    store
        .put(
            "archive/sale/dt=2020-01-01/here.csv",
            b"left".to_vec().into(),
        )
        .await?;
    let others = ["archive/README.txt", "archive/sale/dt=2025-11-27/there.csv"];
    for key in others {
        store.put(key, b"somebody's".to_vec().into()).await?;
    }
    let report = run(&store).await?;
    assert_eq!(report.tables[&table_name("sale")].removed, 1);
    let mut after = published(&store).await?;
    others.iter().for_each(|key| {
        assert!(
            after.remove(*key).is_some(),
            "{key} is not of {}",
            site.name()
        );
    });
    assert_eq!(after, before);
    Ok(())
}
