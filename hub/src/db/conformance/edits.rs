//! What was changed in the database, taken to the store and back.

use std::sync::Arc;

use causeway_shared::dataset::Table;
use causeway_shared::ids::{Part, Seq};
use causeway_shared::store::Store;
use causeway_shared::store::failing::{FailingStore, Fault};
use causeway_shared::value::Value;

use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

/// Two sales on a day, and one apple.
pub(super) async fn shop(test: &TestHub) -> Outcome<TestSite> {
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("item", "b=0of2", &["1,apple"]).await?;
    let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
    site.put("sale", "dt=2025-11-28", &sales).await?;
    site.commit().await?;
    test.load_one().await?;
    Ok(site)
}

pub(super) fn sale(site: &TestSite) -> Outcome<&Table> {
    Ok(site.dataset().table("sale").ok_or("no such table")?)
}

/// A sale that is born in the cloud. Its id.
pub(super) async fn sell(test: &TestHub, site: &TestSite, day: &str, slot: &str) -> Outcome<i64> {
    let mut write = test
        .database
        .begin_write(site.name(), site.dataset(), "admin/lan")
        .await?;
    let text = |text: &str| Value::Text(text.to_owned().into());
    let values = [
        (1, Value::Date(day.parse()?)),
        (2, text(slot)),
        (3, text("open")),
    ];
    let row = write.insert(sale(site)?, &values).await?;
    write.commit().await?;
    match row[0] {
        Value::Int(id) => Ok(id),
        ref other => Err(format!("{other:?} is no id").into()),
    }
}

/// A change, a deletion and a birth are in the store after a flush, and in every database that loads
/// it; totals count them.
pub async fn a_flush_takes_changes_to_the_store(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let site = shop(&test).await?;
    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
        .await?;
    test.change(&site, "DELETE FROM sale WHERE id = 2").await?;
    let id = sell(&test, &site, "2025-11-29", "c").await?;
    assert_eq!(test.database.sites().await?[0].edits_waiting, 3);

    let flushed = test.flush(&site).await?;
    assert_eq!(
        (flushed.edits, flushed.commit, flushed.owner),
        (3, Some(Seq(2)), true)
    );
    let state = test.database.sites().await?.remove(0);
    assert_eq!(
        (state.edits_waiting, state.edits_head.map(|head| head.seq)),
        (0, Some(Seq(2)))
    );
    let expected = [
        "dt=2025-11-28 1,2025-11-28,a,void".to_owned(),
        format!("dt=2025-11-29 {id},2025-11-29,c,open"),
    ];
    assert_eq!(test.rows(&site, "sale").await?, expected);
    assert_eq!(test.verify(false).await?.differences, []);
    // Nothing waits, so nothing is written.
    let requests = test.store.requests();
    assert_eq!(test.flush(&site).await?.edits, 0);
    assert_eq!(test.store.requests().since(&requests).put, 0);

    let folder = tempfile::tempdir()?;
    let copy = test.in_another_folder(folder.path()).await?;
    copy.load_one().await?;
    assert_eq!(copy.rows(&site, "sale").await?, expected);
    assert_eq!(copy.verify(false).await?.differences, []);
    for hub in [&test, &copy] {
        let view = hub.hub.sites(None).await?.remove(0);
        let summary = view.catalog.total("sale");
        assert_eq!(
            serde_json::to_string(&summary)?,
            r#"{"count_by":{"state":{"values":{"open":1,"void":1},"null":0}}}"#
        );
    }
    Ok(())
}

/// A load finds what waits, and takes it along; the site's own changes meet it.
pub async fn a_load_keeps_what_waits_in_the_journal(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = shop(&test).await?;
    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
        .await?;
    // The site changes another column of that row, moves the other to a day and bears a third.
    site.put("sale", "dt=2025-11-28", &["1,2025-11-28,x,paid"])
        .await?;
    let moved = ["2,2025-11-29,b,paid", "3,2025-11-29,c,paid"];
    site.put("sale", "dt=2025-11-29", &moved).await?;
    site.commit().await?;
    test.load_one().await?;
    let expected = [
        "dt=2025-11-28 1,2025-11-28,x,void",
        "dt=2025-11-29 2,2025-11-29,b,paid",
        "dt=2025-11-29 3,2025-11-29,c,paid",
    ];
    assert_eq!(test.rows(&site, "sale").await?, expected);
    assert_eq!(test.verify(false).await?.differences, []);

    // An edit goes along with a row that the site moves.
    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 3")
        .await?;
    site.put(
        "sale",
        "dt=2025-11-28",
        &["1,2025-11-28,x,paid", "3,2025-11-28,c,paid"],
    )
    .await?;
    site.put("sale", "dt=2025-11-29", &moved[..1]).await?;
    site.commit().await?;
    test.load_one().await?;
    let expected = [
        "dt=2025-11-28 1,2025-11-28,x,void",
        "dt=2025-11-28 3,2025-11-28,c,void",
        "dt=2025-11-29 2,2025-11-29,b,paid",
    ];
    assert_eq!(test.rows(&site, "sale").await?, expected);
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

/// A second database over the same store takes no writes and says who the owner is. After it takes over,
/// the first keeps what it had not flushed, and brings it in when it takes over again.
pub async fn one_database_owns_the_edits(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let site = shop(&test).await?;
    let folder = tempfile::tempdir()?;
    let other = test.in_another_folder(folder.path()).await?;
    other.load_one().await?;
    let owner = test.database.identity().await?;
    let refused = other
        .change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
        .await;
    let refused = refused.err().ok_or("it was taken")?.to_string();
    assert!(refused.contains(&owner.address), "{refused}");
    assert!(refused.contains("--take-over"), "{refused}");

    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
        .await?;
    other.hub.take_over(None, other.request.now).await?;
    other.load_one().await?;
    other
        .change(&site, "UPDATE sale SET slot = 'z' WHERE id = 1")
        .await?;
    other.flush(&site).await?;

    // The former owner's row is kept, counted, and not in the way of its loads.
    let flushed = test.flush(&site).await?;
    assert_eq!((flushed.edits, flushed.owner), (0, false));
    test.load_one().await?;
    assert_eq!(
        test.rows(&site, "sale").await?[0],
        "dt=2025-11-28 1,2025-11-28,z,paid"
    );
    let status = test.hub.status(test.request.now).await?.sites.remove(0);
    assert_eq!((status.edits_waiting, status.read_only), (1, true));
    assert_eq!(status.owner, Some(other.database.identity().await?));
    let refused = test
        .change(&site, "UPDATE sale SET state = 'x' WHERE id = 1")
        .await;
    assert!(refused.is_err());

    test.hub.take_over(None, test.request.now).await?;
    test.load_one().await?;
    other.load_one().await?;
    for hub in [&test, &other] {
        assert_eq!(
            hub.rows(&site, "sale").await?[0],
            "dt=2025-11-28 1,2025-11-28,z,void"
        );
        assert_eq!(hub.verify(false).await?.differences, []);
    }
    assert_eq!(test.database.sites().await?[0].edits_waiting, 0);
    Ok(())
}

/// A hub that stops at each call to the store, and one whose answers are lost: nothing is lost, nothing
/// is there twice.
pub async fn a_flush_that_stops_anywhere_is_made_good(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let site = shop(&test).await?;
    let mut states = 0;
    for fault in [
        Fault::StopAt,
        Fault::StopAfter,
        Fault::LoseAnswerAt,
        Fault::UnavailableAt,
    ] {
        for step in 1.. {
            states += 1;
            let sql = format!("UPDATE sale SET state = 's{states}' WHERE id = 1");
            test.change(&site, &sql).await?;
            let failing = Arc::new(FailingStore::new(Arc::clone(&test.store), [fault(step)]));
            let hub = test.with_store(Arc::clone(&failing) as Store)?;
            // It may succeed or fail; what matters is what the next one finds.
            let _ = hub.flush(&site).await;
            let is_over = failing.calls() < step;
            test.flush(&site).await?;
            let row = format!("dt=2025-11-28 1,2025-11-28,a,s{states}");
            test.load_one().await?;
            assert_eq!(
                test.rows(&site, "sale").await?[0],
                row,
                "{fault:?}",
                fault = fault(step)
            );
            assert_eq!(test.verify(false).await?.differences, []);
            if is_over {
                break;
            }
        }
    }
    let mut seen = Vec::new();
    let log = test.hub.edits_log(site.name());
    let mut seq = Seq(1);
    while let Some(commit) = log.commit(seq).await? {
        seen.extend(commit.more.journal.into_iter().map(|row| row.id));
        seq = seq.next();
    }
    let rows = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(
        (rows, seen.len()),
        (states, states),
        "each change is in the log once"
    );
    Ok(())
}

/// A date that no site's object has, and one that is not loaded afterwards.
pub async fn rows_in_dates_of_the_cloud_alone_are_kept(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let site = shop(&test).await?;
    let id = sell(&test, &site, "2025-12-19", "a").await?;
    test.flush(&site).await?;
    test.load_one().await?;
    // Somebody writes there, so the date counts as asked for.
    let rows = test.rows(&site, "sale").await?;
    assert_eq!(rows[2], format!("dt=2025-12-19 {id},2025-12-19,a,open"));
    let day = Part::new("dt=2025-12-19")?.date();
    let stored = test.database.stored(site.name()).await?;
    assert_eq!(
        stored.asked.keys().copied().map(Some).collect::<Vec<_>>(),
        [day]
    );
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

/// A database that never loaded a site takes it over, and loads it with all edits.
pub async fn a_site_that_was_never_loaded_is_taken_over(database: &HubDatabase) -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::new(database).await?;
    let other = test.in_another_folder(folder.path()).await?;
    let site = shop(&other).await?;
    other
        .change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
        .await?;
    other.flush(&site).await?;
    let taken = test.hub.take_over(None, test.request.now).await?;
    let former = other.hub.identity().await?;
    let taken: Vec<_> = taken.into_iter().map(|of| (of.site, of.former)).collect();
    assert_eq!(taken, [(site.name().clone(), Some(former))]);
    test.load_one().await?;
    assert_eq!(
        test.rows(&site, "sale").await?[0],
        "dt=2025-11-28 1,2025-11-28,a,void"
    );
    test.change(&site, "UPDATE sale SET state = 'open' WHERE id = 1")
        .await?;
    assert_eq!(test.flush(&site).await?.edits, 1);
    Ok(())
}

/// What the cloud bore on a date that the site does not have is deleted again: nothing of the date counts as loaded.
pub async fn a_date_of_the_cloud_alone_that_a_flush_empties_is_none(
    database: &HubDatabase,
) -> Outcome {
    let test = TestHub::new(database).await?;
    let site = shop(&test).await?;
    let loaded = async || Outcome::Ok(test.database.stored(site.name()).await?.loaded.len());
    assert_eq!(loaded().await?, 2);
    let id = sell(&test, &site, "2025-11-29", "a").await?;
    test.flush(&site).await?;
    assert_eq!(test.load_one().await?.partitions.wanted, 3);
    let delete = format!("DELETE FROM sale WHERE id = {id}");
    test.change(&site, &delete).await?;
    test.flush(&site).await?;
    assert_eq!(loaded().await?, 2);
    // With all catalogs, and without.
    for _ in 0..2 {
        assert_eq!(test.load_one().await?.partitions.wanted, 2);
    }
    sell(&test, &site, "2025-11-29", "a").await?;
    test.flush(&site).await?;
    test.load_one().await?;
    assert_eq!(loaded().await?, 3);
    assert_eq!(test.rows(&site, "sale").await?.len(), 3);
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}
