//! Conflicts and clashes of what the site and the cloud changed.

use causeway_shared::ids::Name;

use super::edits::{sale, sell, shop};
use crate::services::conflicts::{self, Conflict, ConflictKind, ConflictsQuery};
use crate::testing::{HubDatabase, Outcome, TestHub, TestSite};

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

/// A database that is made anew finds conflicts that are new, beside others that were known, of either kind: it
/// names the new ones.
pub async fn a_database_made_anew_names_new_conflicts_alone(database: &HubDatabase) -> Outcome {
    let folder = tempfile::tempdir()?;
    let owner = TestHub::in_folder(folder.path()).await?;
    let mut site = shop(&owner).await?;
    let day = "dt=2025-11-28";
    let void = |id: u8| format!("UPDATE sale SET state = 'void' WHERE id = {id}");
    owner.change(&site, &void(1)).await?;
    owner.sell(&site, "2025-11-28", "c").await?;
    owner.flush(&site).await?;
    let known = [
        "1,2025-11-28,a,open",
        "2,2025-11-28,b,paid",
        "3,2025-11-28,c,paid",
    ];
    site.put("sale", day, &known).await?.commit().await?;
    assert_eq!(owner.load_one().await?.conflicts, 2);
    owner.change(&site, &void(2)).await?;
    owner.sell(&site, "2025-11-28", "d").await?;
    owner.flush(&site).await?;
    let new = ["2,2025-11-28,b,open", "4,2025-11-28,d,paid"];
    site.put("sale", day, &[known[0], new[0], known[2], new[1]])
        .await?
        .commit()
        .await?;

    let loaded = owner.with_database(database).await?.load_one().await?;
    let named = loaded
        .conflicting
        .iter()
        .map(|new| new.key.texts().concat());
    assert_eq!(
        (loaded.conflicts, named.collect()),
        (2, vec!["2".to_owned(), "4".to_owned()])
    );
    Ok(())
}
