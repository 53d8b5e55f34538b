//! Runs that are stopped, two at once, damaged partitions, and what others did to the files.

use causeway_shared::store::failing::{FailingStore, Fault};

use super::*;

#[tokio::test]
async fn a_run_that_is_stopped_at_any_step_is_made_good_by_the_next() -> Outcome {
    for fault in [Fault::StopAt, Fault::StopAfter, Fault::LoseAnswerAt] {
        for step in 1.. {
            let (store, mut site) = shop().await?;
            // A service that has run before.
            let other = archive(&store);
            other.run(noon()).await?;
            site.put("sale", "dt=2025-11-28", &["2,2025-11-28,a,void"])
                .await?;
            site.put("sale", "dt=2025-11-30", &["3,2025-11-30,a,paid"])
                .await?;
            site.remove("sale", "dt=2025-11-27")?.commit().await?;
            let wanted = expected(&store).await?;
            let failing = FailingStore::new(Arc::clone(&store), [fault(step)]);
            let failing = Arc::new(failing);
            let before = published(&store).await?;
            let stopped = run(&(Arc::clone(&failing) as Store)).await;
            if failing.calls() < step {
                assert!(!stopped?.has_errors());
                assert!(step > 10, "{step}");
                break;
            }
            let seen = published(&store).await?;
            assert!(seen == before || seen == wanted, "step {step}: half of it");
            other.run(noon()).await?;
            assert_eq!(published(&store).await?, wanted, "step {step}");
            let sale = table(&store, &name("sale")).await?;
            assert_eq!(
                sale.next_version(),
                2,
                "step {step}: each change is made once"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn runs_at_once_leave_what_one_would() -> Outcome {
    for seed in 0..8 {
        let (memory, mut site) = shop().await?;
        // Each call of it lets others go on.
        let store: Store = Arc::new(FailingStore::new(Arc::clone(&memory), []));
        let (one, two) = (archive(&store), archive(&store));
        one.run(noon()).await?;
        for change in 0..4 {
            let record = format!("2,2025-11-28,a,void{seed}{change}");
            site.put("sale", "dt=2025-11-28", &[&record]).await?;
            // One begins before the commit, the other after it.
            let (first, second) = tokio::join!(one.run(noon()), async {
                for _ in 0..seed * 4 {
                    tokio::task::yield_now().await;
                }
                site.commit().await.unwrap();
                two.run(noon()).await
            });
            assert!(!first?.has_errors() && !second?.has_errors());
            assert_eq!(published(&memory).await?, expected(&memory).await?);
            let sale = table(&memory, &name("sale")).await?;
            assert_eq!(sale.next_version(), change + 2, "each change is made once");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_sites_damaged_table_stays_as_it_was() -> Outcome {
    let (store, mut site) = shop().await?;
    let mut other = TestSite::new(&store, "there", SHOP)?;
    run(&store).await?;
    let before = published(&store).await?;
    // A sale moves from a day that can be read to one that cannot.
    let moved = ["1,2025-11-28,b,paid", "2,2025-11-28,a,paid"];
    site.put("sale", "dt=2025-11-28", &moved).await?;
    site.put("sale", "dt=2025-11-27", &["9,2025-11-27,a,paid"])
        .await?;
    site.commit().await?;
    other
        .put("sale", "dt=2025-11-28", &["7,2025-11-28,c,paid"])
        .await?
        .commit()
        .await?;
    let key = site.key("sale", "dt=2025-11-28", &moved)?;
    let whole = bytes(&store, &key).await?;
    store.put(&key, b"damaged".to_vec().into()).await?;

    let service = archive(&store);
    let report = service.run(noon()).await?;
    assert!(report.tables[&name("sale")].error.is_some());
    let mut now = published(&store).await?;
    assert!(now.remove("sale there dt=2025-11-28").is_some());
    assert_eq!(now, before, "all of the table's days, or none");
    let requests = store.requests();
    service.run(noon()).await?;
    let again = store.requests().since(&requests);
    assert_eq!(
        (again.put, again.delete),
        (1, 0),
        "the day that can be read, for the next version"
    );
    let requests = store.requests();
    service.run(noon()).await?;
    assert_eq!(store.requests().since(&requests).put, 0, "it was sent");

    store.put(&key, whole.into()).await?;
    assert!(!service.run(noon()).await?.has_errors());
    assert_eq!(published(&store).await?, expected(&store).await?);
    Ok(())
}

#[tokio::test]
async fn what_others_did_to_the_files_is_made_good() -> Outcome {
    let (store, _) = shop_at(0).await?;
    let wanted = published(&store).await?;
    let versions = async || -> Outcome<[u64; 2]> {
        let [item, sale] = ["item", "sale"].map(name);
        let item = table(&store, &item).await?.next_version();
        Ok([item, table(&store, &sale).await?.next_version()])
    };

    // What is kept of the tables is lost: the logs have it.
    store.delete(layout::ARCHIVE_DELTA_STATE).await?;
    run(&store).await?;
    assert_eq!(versions().await?, [1, 1]);

    // A file is lost.
    let files = keys(&store, "archive/delta/sale/site=").await?;
    store.delete(&files[0]).await?;
    run(&store).await?;
    assert_eq!(versions().await?, [1, 2]);
    assert_eq!(published(&store).await?, wanted);

    // One has another size.
    let files = keys(&store, "archive/delta/item/site=").await?;
    store.put(&files[0], b"x".to_vec().into()).await?;
    run(&store).await?;
    assert_eq!(versions().await?, [2, 2]);
    assert_eq!(published(&store).await?, wanted);

    // A whole table is lost: it begins anew.
    for key in keys(&store, "archive/delta/sale/").await? {
        store.delete(&key).await?;
    }
    run(&store).await?;
    assert_eq!(versions().await?, [2, 1]);
    assert_eq!(published(&store).await?, wanted);

    // Something else is left there, and a file of a run that was overtaken.
    let others = ["archive/delta/sale/README", "archive/delta/notes.txt"];
    let left = format!(
        "archive/delta/sale/site=here/part=2025-11-27/0-{}.parquet",
        "0".repeat(32)
    );
    for key in others.into_iter().chain([left.as_str()]) {
        store.put(key, b"x".to_vec().into()).await?;
    }
    run(&store).await?;
    let there = keys(&store, "archive/delta/").await?;
    assert!(others.iter().all(|key| there.contains(&(*key).to_owned())));
    assert!(!there.contains(&left));
    Ok(())
}

#[tokio::test]
async fn columns_that_do_not_fit_are_refused() -> Outcome {
    let (store, mut site) = shop_at(0).await?;
    let before = published(&store).await?;
    let state = "{ name = \"state\", type = \"text\" }";
    let site_column = "{ name = \"site\", type = \"text\" }";
    let mut errors = Vec::new();
    for (was, now, record) in [
        (
            state,
            "{ name = \"state\", type = \"int\" }",
            "2,2025-11-28,a,1",
        ),
        (
            "{ name = \"slot\", type = \"text\" }",
            site_column,
            "2,2025-11-28,a,b",
        ),
    ] {
        let dataset = SHOP.replace(was, now).replace("count_by = [\"state\"]", "");
        let dataset = dataset.replace(
            "unique = [{ columns = [\"day\", \"slot\"], unless = { state = [\"void\"] } }]",
            "",
        );
        site.declare(&dataset)?;
        site.put("sale", "dt=2025-11-28", &[record]).await?;
        site.remove("sale", "dt=2025-11-27")?.commit().await?;
        let report = run(&store).await?;
        errors.extend(report.tables[&name("sale")].error.clone());
        assert_eq!(published(&store).await?, before);
    }
    insta::assert_snapshot!(errors.join("\n"), @r#"
    not published as a Delta table: its column state is long, and the published Delta table has it as string; remove archive/delta/sale/, and the next run publishes it anew
    not published as a Delta table: its column site has the name of one that Delta tables add; declare another, with source = "site"
    "#);
    Ok(())
}

#[tokio::test]
async fn what_was_sent_for_a_commit_that_failed_is_sent_again_where_it_is_gone() -> Outcome {
    let (store, site) = shop().await?;
    let key = site.key("sale", "dt=2025-11-28", &["2,2025-11-28,a,paid"])?;
    let whole = bytes(&store, &key).await?;
    store.put(&key, b"damaged".to_vec().into()).await?;
    let service = archive(&store);
    assert!(service.run(noon()).await?.has_errors());
    let sent = keys(&store, "archive/delta/sale/").await?;
    assert_eq!(sent.len(), 1, "the day that can be read");

    store.delete(&sent[0]).await?;
    store.put(&key, whole.into()).await?;
    assert!(!service.run(noon()).await?.has_errors());
    assert_eq!(published(&store).await?, expected(&store).await?);
    Ok(())
}

#[tokio::test]
async fn what_was_sent_is_known_still_after_a_look_at_it_that_failed() -> Outcome {
    for step in 1.. {
        let (store, mut site) = shop().await?;
        for day in ["2025-11-25", "2025-11-26"] {
            let record = format!("{day},{day},a,paid").replacen("2025-11-", "", 1);
            site.put("sale", &format!("dt={day}"), &[&record]).await?;
        }
        site.commit().await?;
        let damaged = site.key("sale", "dt=2025-11-28", &["2,2025-11-28,a,paid"])?;
        store.put(&damaged, b"damaged".to_vec().into()).await?;
        let mut service = archive(&store);
        assert!(service.run(noon()).await?.has_errors());

        let failing = FailingStore::new(Arc::clone(&store), [Fault::UnavailableAt(step)]);
        let failing = Arc::new(failing);
        service.store = Arc::clone(&failing) as Store;
        let _ = service.run(noon()).await;
        service.store = Arc::clone(&store);
        let before = store.requests();
        assert!(service.run(noon()).await?.has_errors());
        let looks = store.requests().since(&before).head;
        assert_eq!(looks, 3, "step {step}: one at each day that can be read");
        if failing.calls() < step {
            assert_eq!(failing.most_in_flight(), 4, "they are made at once");
            break;
        }
    }
    Ok(())
}
