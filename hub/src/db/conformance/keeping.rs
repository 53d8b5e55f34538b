//! What the hub writes down, and what is left when something goes wrong.

use causeway_shared::commit::Head;
use causeway_shared::dataset::TableId;
use causeway_shared::ids::{Part, Seq, SiteName};
use causeway_shared::store::Body;

use super::unchanged;
use crate::db::{DbError, SLEEP, SiteChange};
use crate::testing::{HubDatabase, NOON, Outcome, SHOP, TestHub, TestSite};

/// `init` may be repeated, also over data.
pub async fn the_hub_is_made_any_number_of_times(database: &HubDatabase) -> Outcome {
    database.0.init().await?;
    database.0.init().await?;
    let test = TestHub::new(database).await?;
    let site = TestSite::with_an_apple(&test.store).await?;
    test.load_one().await?;
    database.0.init().await?;
    assert_eq!(test.rows(&site, "item").await?, ["b=0of2 1,apple"]);
    Ok(())
}

/// Before `init`, everything says to run it.
pub async fn a_database_without_the_hub_says_so(database: &HubDatabase) -> Outcome {
    let site = SiteName::new("here")?;
    for error in [
        database.0.sites().await.err(),
        database.0.stored(&site).await.err(),
        database.0.note(&site, None, None).await.err(),
        database.0.begin_load(&site).await.err(),
        database.0.copied("a").await.err(),
        database.0.copy("a", b"").await.err(),
    ] {
        assert!(
            matches!(error, Some(DbError::NotInitialised { .. })),
            "{error:?}"
        );
    }
    Ok(())
}

/// Any bytes; each file's own.
pub async fn the_last_copy_of_a_file_is_kept(database: &HubDatabase) -> Outcome {
    database.0.init().await?;
    assert_eq!(database.0.copied("a").await?, None);
    for body in [&b"{}"[..], b"{}", b"\0\xff'", b""] {
        database.0.copy("a", body).await?;
        database.0.copy("b", b"other").await?;
        assert_eq!(database.0.copied("a").await?.as_deref(), Some(body));
    }
    Ok(())
}

/// Nobody's copy is overwritten by whoever has seen another; done again it is done.
pub async fn a_copy_is_replaced_while_it_is_the_one_seen(database: &HubDatabase) -> Outcome {
    database.0.init().await?;
    assert!(!database.0.replace_copy("a", b"1", b"2").await?);
    database.0.copy("a", b"1").await?;
    for (was, now, replaced) in [(b"2", b"3", false), (b"1", b"2", true), (b"1", b"2", true)] {
        let done = database.0.replace_copy("a", was, now).await?;
        assert_eq!(done, replaced, "{was:?} {now:?}");
    }
    assert_eq!(database.0.copied("a").await?.as_deref(), Some(&b"2"[..]));

    // Of two who have seen none, one is first.
    assert!(database.0.replace_copy("b", b"", b"one's").await?);
    assert!(!database.0.replace_copy("b", b"", b"other's").await?);
    let kept = database.0.copied("b").await?;
    assert_eq!(kept.as_deref(), Some(&b"one's"[..]));
    Ok(())
}

/// Of two who put a new database to sleep, one sees the other's seal.
pub async fn a_new_database_is_sealed_by_one_at_a_time(database: &HubDatabase) -> Outcome {
    database.0.init().await?;
    assert_eq!(database.0.copied(SLEEP).await?.as_deref(), Some(&b""[..]));
    assert!(database.0.replace_copy(SLEEP, b"", b"one's").await?);
    assert!(!database.0.replace_copy(SLEEP, b"", b"other's").await?);
    // What it was told it does not forget.
    database.0.init().await?;
    let told = database.0.copied(SLEEP).await?;
    assert_eq!(told.as_deref(), Some(&b"one's"[..]));
    Ok(())
}

/// The catalog, the dataset and the marks come back as they were.
pub async fn what_was_committed_is_read_back(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("item", "b=0of2", &["1,apple"]).await?;
    site.put("sale", "dt=2025-12-24", &["9,2025-12-24,a,paid"])
        .await?
        .commit()
        .await?;
    test.load_one().await?;
    let stored = database.0.stored(site.name()).await?;
    assert_eq!(stored.catalog, *site.catalog());
    assert_eq!(stored.dataset.as_deref(), Some(site.dataset()));
    assert_eq!(stored.loaded.len(), 1);
    assert_eq!(stored.state.loaded_at, Some(NOON.parse()?));

    let mut now = stored.catalog.clone();
    now.partitions.pop_first();
    // What a commit says never changes.
    now.head = now.head.map(|head| Head {
        seq: head.seq.next(),
        ..head
    });
    let evicted: Vec<_> = stored.loaded.keys().cloned().collect();
    let mut load = database.0.begin_load(site.name()).await?;
    load.begin(&[]).await?;
    let change = SiteChange {
        now: &now,
        loaded: &[],
        evicted: &evicted,
        ..unchanged(&stored, site.dataset())?
    };
    load.commit(&change).await?;
    let again = database.0.stored(site.name()).await?;
    assert_eq!(again.catalog, now);
    assert!(again.loaded.is_empty());
    assert_eq!(again.state.revision, stored.state.revision + 1);

    let mut load = database.0.begin_load(site.name()).await?;
    load.begin(&[]).await?;
    let change = SiteChange {
        was: &now,
        now: &stored.catalog,
        ..change
    };
    load.commit(&change).await?;
    assert_eq!(
        database.0.stored(site.name()).await?.catalog,
        stored.catalog
    );
    Ok(())
}

/// Notes of a site that was never loaded, and of several looks.
pub async fn a_note_keeps_the_newest_commit_seen(database: &HubDatabase) -> Outcome {
    database.0.init().await?;
    let site = SiteName::new("here")?;
    database
        .0
        .note(&site, None, Some("it's \"broken\""))
        .await?;
    database.0.note(&site, Some(Seq(7)), Some("still")).await?;
    database.0.note(&site, Some(Seq(5)), None).await?;
    database.0.note(&site, None, Some("again")).await?;
    let states = database.0.sites().await?;
    assert_eq!(states.len(), 1);
    assert_eq!(states[0].log_head, Some(Seq(7)));
    assert_eq!(states[0].last_error.as_deref(), Some("again"));
    assert_eq!(states[0].head, None);
    Ok(())
}

/// In a table that holds rows and in one that is empty.
pub async fn a_damaged_object_leaves_the_last_good_data(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::with_an_apple(&test.store).await?;
    test.load_one().await?;
    site.put("item", "b=0of2", &["1,pear"]).await?;
    site.put("item", "b=1of2", &["2,plum"]).await?;
    site.put("sale", "dt=2025-11-28", &["1,2025-11-28,a,paid"])
        .await?;
    site.commit().await?;
    for (table, part, record) in [
        ("item", "b=1of2", "2,plum"),
        ("sale", "dt=2025-11-28", "1,2025-11-28,a,paid"),
    ] {
        let key = site.key(table, part, &[record])?;
        let whole = test.store.get(&key).await?.bytes(1 << 20).await?;
        let cut = Body::Bytes(whole[..whole.len() - 2].to_vec().into());
        test.store.put(&key, cut).await?;

        let report = test.load().await?;
        assert!(report.needs_a_look());
        let error = report.sites[0].error.clone().unwrap_or_default();
        for named in [
            "here",
            table,
            part,
            key.as_str(),
            "causeway-agent verify --repair",
        ] {
            assert!(error.contains(named), "{error}");
        }
        let states = database.0.sites().await?;
        assert_eq!(states[0].last_error.as_deref(), Some(error.as_str()));
        assert_eq!(states[0].log_head, Some(Seq(2)));
        assert_eq!(states[0].head.as_ref().map(|head| head.seq), Some(Seq(1)));
        assert_eq!(test.rows(&site, "item").await?, ["b=0of2 1,apple"]);
        test.store.put(&key, Body::Bytes(whole.into())).await?;
    }
    assert_eq!(test.load_one().await?.rows.inserted, 3);
    assert_eq!(database.0.sites().await?[0].last_error, None);
    assert_eq!(
        test.rows(&site, "item").await?,
        ["b=0of2 1,pear", "b=1of2 2,plum"]
    );
    Ok(())
}

/// Whichever answer of the database comes first.
pub async fn a_key_that_is_there_already_is_told_as_that(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let site = TestSite::with_an_apple(&test.store).await?;
    test.load_one().await?;
    let item = &site.dataset().tables[TableId(0)];
    for _ in 0..50 {
        let mut load = database.0.begin_load(site.name()).await?;
        let mut staged = load.stage(item).await?;
        staged.write("1,plum,b=0of2,f\n".into()).await?;
        staged.finish().await?;
        load.begin(&[item]).await?;
        let inserted = load.insert_staged(item).await;
        assert!(
            matches!(inserted, Err(DbError::Clash { .. })),
            "{inserted:?}"
        );
    }
    assert_eq!(test.rows(&site, "item").await?, ["b=0of2 1,apple"]);
    Ok(())
}

/// Each site's load is its own.
pub async fn a_damaged_site_does_not_stop_the_others(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    for name in ["a-1", "b-2", "c-3"] {
        let mut site = TestSite::new(&test.store, name, SHOP)?;
        site.put("item", "b=0of2", &["1,apple"])
            .await?
            .commit()
            .await?;
        if name == "b-2" {
            test.store
                .delete(&site.key("item", "b=0of2", &["1,apple"])?)
                .await?;
        }
    }
    let report = test.load().await?;
    let outcome = report
        .sites
        .iter()
        .map(|site| (site.site.as_str(), site.error.is_some()));
    assert_eq!(
        outcome.collect::<Vec<_>>(),
        [("a-1", false), ("b-2", true), ("c-3", false)]
    );
    Ok(())
}

/// A load that ends before its commit, at whatever point.
pub async fn a_dropped_load_leaves_nothing(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let site = TestSite::with_an_apple(&test.store).await?;
    test.load_one().await?;
    let (item, sale) = (
        &site.dataset().tables[TableId(0)],
        &site.dataset().tables[TableId(1)],
    );
    for step in 0..4 {
        let mut load = database.0.begin_load(site.name()).await?;
        let mut staged = load.stage(item).await?;
        staged.write("3,plum,b=1of2,f\n".into()).await?;
        if step == 0 {
            continue;
        }
        staged.finish().await?;
        load.begin(&[item, sale]).await?;
        assert_eq!(load.delete_parts(item, &[Part::Bucket(0, 2)]).await?, 1);
        if step == 1 {
            continue;
        }
        assert_eq!(load.insert_staged(item).await?, 1);
        let mut filled = load.fill(sale).await?;
        filled
            .write("1,2025-11-28,a,paid,dt=2025-11-28,f\n".into())
            .await?;
        if step == 2 {
            continue;
        }
        assert_eq!(filled.finish().await?, 1);
    }
    assert_eq!(test.rows(&site, "item").await?, ["b=0of2 1,apple"]);
    assert_eq!(database.0.part_counts(site.name(), sale).await?, []);
    assert_eq!(
        database.0.part_counts(site.name(), item).await?,
        [(Some("b=0of2".to_owned()), 1)]
    );
    Ok(())
}

/// A hub that starts over a database that another made reads what is there.
pub async fn another_hub_reads_what_one_loaded(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::with_an_apple(&test.store).await?;
    test.load_one().await?;
    site.put("item", "b=0of2", &["1,pear"])
        .await?
        .commit()
        .await?;
    let again = test.another()?;
    assert_eq!(again.load_one().await?.commit, Some(Seq(2)));
    let views = again.hub.sites(None).await?;
    assert_eq!(*views[0].catalog, *site.catalog());
    assert_eq!(views[0].loaded.len(), 1);
    // The first hub's memory is out of date, and it notices.
    assert_eq!(*test.hub.sites(None).await?[0].catalog, *site.catalog());
    Ok(())
}
