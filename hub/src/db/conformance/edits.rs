//! What was changed in the database, taken to the store and back.

use std::sync::Arc;

use causeway_shared::dataset::Table;
use causeway_shared::ids::{Name, Part, Seq};
use causeway_shared::store::Store;
use causeway_shared::store::failing::{FailingStore, Fault};
use causeway_shared::value::Value;

use crate::services::conflicts::{self, Conflict, ConflictKind, ConflictsQuery};
use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

/// Two sales on a day, and one apple.
async fn shop(test: &TestHub) -> Outcome<TestSite> {
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("item", "b=0of2", &["1,apple"]).await?;
    let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
    site.put("sale", "dt=2025-11-28", &sales).await?;
    site.commit().await?;
    test.load_one().await?;
    Ok(site)
}

fn sale(site: &TestSite) -> Outcome<&Table> {
    Ok(site.dataset().table("sale").ok_or("no such table")?)
}

/// A sale that is born in the cloud. Its id.
async fn sell(test: &TestHub, site: &TestSite, day: &str, slot: &str) -> Outcome<i64> {
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

/// Where site and cloud changed one column, the table's rule says whose value stands, and both are
/// kept.
pub async fn a_conflict_is_settled_by_rule_and_counted(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = shop(&test).await?;
    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
        .await?;
    test.flush(&site).await?;
    let sales = ["1,2025-11-28,a,open", "2,2025-11-28,b,paid"];
    site.put("sale", "dt=2025-11-28", &sales)
        .await?
        .commit()
        .await?;
    assert_eq!(test.load_one().await?.conflicts, 1);
    let state = match sale(&site)?.merge {
        causeway_shared::dataset::Merge::Cloud => "void",
        causeway_shared::dataset::Merge::Site => "open",
    };
    assert_eq!(
        test.rows(&site, "sale").await?[0],
        format!("dt=2025-11-28 1,2025-11-28,a,{state}")
    );
    assert_eq!(
        test.hub.status(test.request.now).await?.sites[0].conflicts,
        1
    );
    assert_eq!(test.load_one().await?.conflicts, 0, "it is no new one");
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

/// A row that the cloud changed, and that the site then uses the place of: the site's is loaded all the
/// same.
pub async fn rows_that_clash_are_loaded_and_marked(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = shop(&test).await?;
    let id = sell(&test, &site, "2025-11-28", "c").await?;
    test.flush(&site).await?;
    let sales = [
        "1,2025-11-28,a,paid",
        "2,2025-11-28,b,paid",
        "3,2025-11-28,c,paid",
    ];
    site.put("sale", "dt=2025-11-28", &sales)
        .await?
        .commit()
        .await?;
    test.load_one().await?;
    let rows = test.rows(&site, "sale").await?;
    assert_eq!(rows.len(), 4);
    let clashing = test.marked(&site, sale(&site)?).await?;
    assert_eq!(clashing, ["3"]);
    // The place is free again: the mark goes with the next load.
    test.change(
        &site,
        &format!("UPDATE sale SET state = 'void' WHERE id = {id}"),
    )
    .await?;
    test.flush(&site).await?;
    test.load_one().await?;
    assert_eq!(test.marked(&site, sale(&site)?).await?, [] as [&str; 0]);
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

/// The keys of the clashing rows that are listed, and nothing else is.
async fn clashes(test: &TestHub) -> Outcome<Vec<String>> {
    let query = ConflictsQuery {
        limit: 100,
        ..ConflictsQuery::default()
    };
    let listed = conflicts::list(&test.hub, &query, test.request.now).await?;
    assert_eq!(listed.total, listed.items.len() as u64);
    let of_clash = |conflict: &Conflict| match &*conflict.clashes {
        [clash] if conflict.kind == ConflictKind::Clash => {
            let first = clash.row.as_ref().ok_or("no row")?;
            let row = conflict.row.as_ref().ok_or("no row")?;
            let unique: Vec<&str> = clash.unique.iter().map(Name::as_str).collect();
            assert_eq!(unique, ["day", "slot"]);
            assert_eq!((&row["day"], &row["slot"]), (&first["day"], &first["slot"]));
            assert_eq!(
                (clash.key.texts(), &*conflict.actor),
                (&["1".to_owned()][..], "admin/lan")
            );
            Ok(conflict.key.texts()[0].clone())
        }
        _ => Err(format!("{conflict:?}").into()),
    };
    listed.items.iter().map(of_clash).collect()
}

/// A row that clashes counts as a conflict, wherever its edits are settled, and is judged again when the
/// site or the cloud changes either row, on a date that was not loaded too.
pub async fn a_clash_is_a_conflict_until_one_of_the_rows_goes(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = shop(&test).await?;
    let far = "dt=2025-12-19";
    site.put("sale", far, &["5,2025-12-19,a,paid"]).await?;
    site.commit().await?;
    test.load_one().await?;
    let folder = tempfile::tempdir()?;
    let mut other = test.in_another_folder(folder.path()).await?;
    other.ask_for(&["2025-12-19".parse()?]);
    let stands = async |site: &TestSite, conflicts: u64, marked: &[&str]| -> Outcome {
        for hub in [&test, &other] {
            hub.load_one().await?;
            let status = hub.hub.status(hub.request.now).await?.sites.remove(0);
            assert_eq!(status.conflicts, conflicts, "{}", status.read_only);
            assert_eq!(hub.marked(site, sale(site)?).await?, marked);
            assert_eq!(clashes(hub).await?, marked, "{}", status.read_only);
            assert_eq!(hub.verify(false).await?.differences, []);
        }
        Ok(())
    };
    let away = |day: &str| format!("UPDATE sale SET day = '{day}' WHERE id = 1");
    stands(&site, 0, &[]).await?;
    // The cloud moves a row onto one that it does not see.
    test.change(&site, &away("2025-12-19")).await?;
    test.flush(&site).await?;
    stands(&site, 1, &["5"]).await?;
    // It moves on, comes back while the other is there, which takes its place first, and is void.
    test.change(&site, &away("2025-11-29")).await?;
    test.flush(&site).await?;
    stands(&site, 0, &[]).await?;
    let taken = test.change(&site, &away("2025-12-19")).await;
    assert!(
        taken.is_err(),
        "the site's row is loaded and keeps its place"
    );
    site.put("sale", "dt=2025-11-29", &["6,2025-11-29,a,paid"])
        .await?;
    site.commit().await?;
    assert_eq!(test.load_one().await?.conflicts, 1);
    assert_eq!(test.load_one().await?.conflicts, 0, "it is no new one");
    stands(&site, 1, &["6"]).await?;
    // The site's row gives way.
    site.put("sale", "dt=2025-11-29", &["6,2025-11-29,z,paid"])
        .await?;
    site.commit().await?;
    stands(&site, 0, &[]).await?;
    site.put("sale", "dt=2025-11-29", &["6,2025-11-29,a,paid"])
        .await?;
    site.commit().await?;
    stands(&site, 1, &["6"]).await?;
    // The cloud's does: the list follows at once, the mark with the next load.
    let void = "UPDATE sale SET state = 'void' WHERE id = 1";
    test.change(&site, void).await?;
    test.flush(&site).await?;
    assert_eq!(clashes(&test).await?, [""; 0]);
    stands(&site, 0, &[]).await?;
    // A row of the site's that is not marked keeps its place.
    let back = "UPDATE sale SET slot = 'b', state = 'open', day = '2025-11-28' WHERE id = 1";
    assert!(
        test.change(&site, back).await.is_err(),
        "sale 2 has the place"
    );
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

/// The number of buckets changes under an edit and a deletion.
pub async fn edits_follow_another_number_of_buckets(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("item", "b=0of2", &["1,apple", "3,plum"]).await?;
    site.put("item", "b=1of2", &["2,pear"]).await?;
    site.commit().await?;
    test.load_one().await?;
    test.change(&site, "UPDATE item SET name = 'Apple' WHERE id = 1")
        .await?;
    test.change(&site, "DELETE FROM item WHERE id = 2").await?;
    test.flush(&site).await?;
    site.declare(&SHOP.replace("buckets = 2", "buckets = 1"))?;
    site.remove("item", "b=0of2")?.remove("item", "b=1of2")?;
    site.put("item", "b=0of1", &["1,apple", "2,pear", "3,plum"])
        .await?
        .commit()
        .await?;
    assert_eq!(test.load_one().await?.conflicts, 0);
    let expected = ["b=0of1 1,Apple", "b=0of1 3,plum"];
    assert_eq!(test.rows(&site, "item").await?, expected);
    test.change(&site, "UPDATE item SET name = 'Plum' WHERE id = 3")
        .await?;
    test.flush(&site).await?;
    test.load_one().await?;
    assert_eq!(test.rows(&site, "item").await?[1], "b=0of1 3,Plum");
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

/// A row that the cloud bore beside a parent of the site's goes along when the site moves the parent.
pub async fn a_child_of_the_cloud_follows_its_parent(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let note = "\n[[table]]\nname = 'note'\nkey = ['id']\npartition = { via = 'sale', on = 'id' }\n\
        column = [{ name = 'id', type = 'int' }, { name = 'body', type = 'text' }]";
    let mut site = TestSite::new(&test.store, "here", &format!("{SHOP}{note}"))?;
    let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
    site.put("sale", "dt=2025-11-28", &sales).await?;
    site.commit().await?;
    test.load_one().await?;
    let mut write = test
        .database
        .begin_write(site.name(), site.dataset(), "admin/lan")
        .await?;
    let table = site.dataset().table("note").ok_or("no such table")?;
    let values = [(0, Value::Int(2)), (1, Value::Text("late".into()))];
    write.insert(table, &values).await?;
    write.commit().await?;
    test.flush(&site).await?;
    assert_eq!(test.rows(&site, "note").await?, ["dt=2025-11-28 2,late"]);

    site.put("sale", "dt=2025-11-28", &sales[..1]).await?;
    site.put("sale", "dt=2025-11-29", &["2,2025-11-29,b,paid"])
        .await?;
    site.commit().await?;
    test.load_one().await?;
    assert_eq!(test.rows(&site, "note").await?, ["dt=2025-11-29 2,late"]);
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

/// A row that the cloud keeps though the site deleted it goes along with its parent, which the site moved in
/// the same commit.
pub async fn a_child_that_is_kept_follows_its_parent(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let note = "\n[[table]]\nname = 'note'\nkey = ['id']\npartition = { via = 'sale', on = 'id' }\n\
        column = [{ name = 'id', type = 'int' }, { name = 'body', type = 'text' }]";
    let mut site = TestSite::new(&test.store, "here", &format!("{SHOP}{note}"))?;
    site.put("sale", "dt=2025-11-28", &["1,2025-11-28,a,paid"])
        .await?;
    site.put("note", "dt=2025-11-28", &["1,late"]).await?;
    site.commit().await?;
    test.load_one().await?;
    test.change(&site, "UPDATE note SET body = 'very late' WHERE id = 1")
        .await?;
    test.flush(&site).await?;

    site.remove("sale", "dt=2025-11-28")?
        .remove("note", "dt=2025-11-28")?;
    site.put("sale", "dt=2025-11-29", &["1,2025-11-29,a,paid"])
        .await?;
    site.commit().await?;
    assert_eq!(test.load_one().await?.conflicts, 1);
    assert_eq!(
        test.rows(&site, "note").await?,
        ["dt=2025-11-29 1,very late"]
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
    assert_eq!(taken, [site.name().clone()]);
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
