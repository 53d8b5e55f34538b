//! Rows that the cloud moves to another date, with those that follow them.

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_shared::store::Store;
use causeway_shared::store::failing::{FailingStore, Fault};
use causeway_shared::value::{Type, Value};
use jiff::civil::date;

use super::clinic::{CLINIC, Clinic, DAY, refused};
use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

pub(super) const NOTES: &str = "\n[[table]]\nname = 'note'\nkey = ['id']\n\
    partition = { via = 'sale', on = 'id' }\n\
    column = [{ name = 'id', type = 'int' }, { name = 'body', type = 'text' }]";

/// Two sales on a day, one with a note, in a database whose window has that day in its middle.
pub(super) async fn shop(database: &HubDatabase) -> Outcome<(TestHub, TestSite)> {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", &format!("{SHOP}{NOTES}"))?;
    let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
    site.put_summed("sale", DAY, &sales).await?;
    site.put("note", DAY, &["1,good"]).await?;
    site.commit().await?;
    test.load_one().await?;
    Ok((test, site))
}

/// How many sales each date has, loaded or not, by the catalogs of the database.
pub(super) async fn sales_per_day(test: &TestHub) -> Outcome<BTreeMap<String, u64>> {
    let view = test.hub.sites(None).await?.remove(0);
    let parts = view.catalog.table("sale");
    let per_day = parts.map(|(part, entry)| (part.to_string()[3..].to_owned(), entry.object.rows));
    let mut per_day: BTreeMap<String, u64> = per_day.collect();
    per_day.retain(|_, rows| *rows > 0);
    let totals = view.totals.table("sale").cloned().unwrap_or_default();
    let states = &totals.summary.count_by["state"];
    let counted = states.values.values().sum::<u64>() + states.null;
    let all: u64 = per_day.values().sum();
    assert_eq!((totals.rows, counted), (all, all));
    Ok(per_day)
}

pub(super) fn days(days: &[(&str, u64)]) -> BTreeMap<String, u64> {
    let days = days.iter();
    days.map(|(day, rows)| ((*day).to_owned(), *rows)).collect()
}

/// The sales and notes that are loaded.
pub(super) async fn rows(test: &TestHub, site: &TestSite) -> Outcome<Vec<String>> {
    let mut rows = test.rows(site, "sale").await?;
    rows.extend(test.rows(site, "note").await?);
    Ok(rows)
}

/// The same in a database that is made anew and has loaded all dates.
pub(super) async fn rows_elsewhere(test: &TestHub, site: &TestSite) -> Outcome<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let mut other = test.in_another_folder(folder.path()).await?;
    other.ask_for(&[date(2025, 12, 19), date(2026, 1, 15), date(2026, 1, 16)]);
    other.load_one().await?;
    assert_eq!(other.verify(false).await?.differences, []);
    assert_eq!(sales_per_day(&other).await?, sales_per_day(test).await?);
    rows(&other, site).await
}

/// The journal has the old and the new part of the row and of each that follows it.
pub async fn a_row_that_is_moved_takes_along_what_follows_it(database: &HubDatabase) -> Outcome {
    let visits = [
        "7,1,2025-11-28,09:00:00,10:00:00,open,,,",
        "8,1,2025-11-28,11:00:00,12:00:00,open,,,",
    ];
    let doctor = ["1,Ada,9.50,2020-01-01T00:00:00,false"];
    let partitions: [(&str, &str, &[&str]); 3] = [
        ("doctor", "b=0of1", &doctor),
        ("visit", DAY, &visits),
        ("remark", DAY, &["7,well", "8,ill"]),
    ];
    let clinic = Clinic::with(database, CLINIC, &partitions).await?;
    let moved = "UPDATE visit SET day = $1, score = 1 WHERE id = 7";
    clinic.run(moved, &[Some("2025-12-19")]).await?;
    // Nothing is moved a second time.
    clinic.run(moved, &[Some("2025-12-19")]).await?;
    clinic
        .run("UPDATE remark SET body = 'worse' WHERE visit = 8", &[])
        .await?;
    let mut journal = clinic.journal().await?;
    journal[..2].sort();
    assert_eq!(
        journal,
        [
            "remark dt=2025-11-28 well|7 > dt=2025-12-19 well|7",
            "visit dt=2025-11-28 2025-11-28|1|10:00:00|7|NULL|NULL|NULL|09:00:00|open > \
             dt=2025-12-19 2025-12-19|1|10:00:00|7|NULL|1|NULL|09:00:00|open",
            "remark dt=2025-11-28 ill|8 > dt=2025-11-28 worse|8",
        ]
    );
    let parts = "SELECT r.causeway_part, v.causeway_part FROM remark AS r, visit AS v \
        WHERE v.id = r.visit ORDER BY v.id";
    let parts = clinic.query(parts, &[Type::Text, Type::Text]).await?;
    let both = |part: &'static str| vec![Value::Text(part.into()); 2];
    assert_eq!(parts, [both("dt=2025-12-19"), both(DAY)]);

    // A date that is none, and one that is taken.
    let state = refused(clinic.run(moved, &[Some("2200-01-01")]).await).0;
    assert_eq!(state, "23514");
    let state = refused(
        clinic
            .run(
                "UPDATE visit SET day = '2025-12-19', starts = '09:00:00' WHERE id = 8",
                &[],
            )
            .await,
    )
    .0;
    assert_eq!(state, "23505");
    assert_eq!(clinic.journal().await?.len(), 3);
    Ok(())
}

/// A row whose parent is another one now goes where that lies, and takes along what follows it.
pub async fn a_row_that_follows_another_parent_goes_there(database: &HubDatabase) -> Outcome {
    let chain = "name = 'chain'\nversion = 1\n\
        [[table]]\nname = 'a'\nkey = ['id']\npartition = { by = 'day' }\n\
        column = [{ name = 'id', type = 'int' }, { name = 'day', type = 'date', not_null = true }]\n\
        [[table]]\nname = 'b'\nkey = ['id']\npartition = { via = 'a', on = 'a' }\n\
        column = [{ name = 'id', type = 'int' }, { name = 'a', type = 'int', not_null = true }]\n\
        [[table]]\nname = 'c'\nkey = ['id']\npartition = { via = 'b', on = 'b' }\n\
        column = [{ name = 'id', type = 'int' }, { name = 'b', type = 'int', not_null = true }]";
    let partitions: [(&str, &str, &[&str]); 4] = [
        ("a", DAY, &["1,2025-11-28"]),
        ("a", "dt=2025-11-29", &["2,2025-11-29"]),
        ("b", DAY, &["5,1", "6,1"]),
        ("c", DAY, &["8,5", "9,6"]),
    ];
    let clinic = Clinic::with(database, chain, &partitions).await?;
    clinic.run("UPDATE b SET a = 2 WHERE id = 5", &[]).await?;
    let parts = "SELECT b.causeway_part, c.causeway_part FROM b, c WHERE c.b = b.id ORDER BY b.id";
    let both = |part: &'static str| vec![Value::Text(part.into()); 2];
    let types = [Type::Text, Type::Text];
    assert_eq!(
        clinic.query(parts, &types).await?,
        [both("dt=2025-11-29"), both(DAY)]
    );
    clinic
        .run("UPDATE a SET day = '2025-11-27' WHERE id = 1", &[])
        .await?;
    assert_eq!(
        clinic.query(parts, &types).await?,
        [both("dt=2025-11-29"), both("dt=2025-11-27")]
    );
    // Nobody puts a row where its parent does not lie.
    let stray = clinic.run(
        "UPDATE b SET causeway_part = 'dt=2025-11-28' WHERE id = 6",
        &[],
    );
    if let Err(error) = stray.await {
        assert_eq!(refused(Err::<(), _>(error)).0, "0A000");
    }
    assert_eq!(
        clinic.query(parts, &types).await?,
        [both("dt=2025-11-29"), both("dt=2025-11-27")]
    );
    let moved = clinic.entries().await?;
    let moved = moved.iter().filter_map(|entry| {
        let (old, new) = (entry.old.as_ref()?.0, entry.new.as_ref()?.0);
        (old != new).then(|| format!("{} {old} {new}", entry.table))
    });
    let mut moved: Vec<_> = moved.collect();
    moved.sort();
    assert_eq!(
        moved,
        [
            "a dt=2025-11-28 dt=2025-11-27",
            "b dt=2025-11-28 dt=2025-11-27",
            "b dt=2025-11-28 dt=2025-11-29",
            "c dt=2025-11-28 dt=2025-11-27",
            "c dt=2025-11-28 dt=2025-11-29",
        ]
    );
    Ok(())
}

/// A row is moved to a date that is loaded, and to one that is not, and on: it is there once with its note,
/// here and in every database, and all totals follow.
pub async fn a_moved_row_is_at_its_new_date_alone(database: &HubDatabase) -> Outcome {
    let (test, site) = shop(database).await?;
    for day in ["2025-11-29", "2025-12-19", "2025-11-27"] {
        let change = format!("UPDATE sale SET day = '{day}' WHERE id = 1");
        test.change(&site, &change).await?;
        assert_eq!(test.flush(&site).await?.edits, 2, "{day}");
        let expected = days(&[("2025-11-28", 1), (day, 1)]);
        assert_eq!(sales_per_day(&test).await?, expected);
        test.load_one().await?;
        let mut expected_rows = [
            "dt=2025-11-28 2,2025-11-28,b,paid".to_owned(),
            format!("dt={day} 1,{day},a,paid"),
        ];
        expected_rows.sort();
        let mut expected_rows = expected_rows.to_vec();
        expected_rows.push(format!("dt={day} 1,good"));
        assert_eq!(rows(&test, &site).await?, expected_rows);
        assert_eq!(test.verify(false).await?.differences, []);
        assert_eq!(sales_per_day(&test).await?, expected);
        assert_eq!(rows_elsewhere(&test, &site).await?, expected_rows);
    }
    // Where both partitions are loaded, nothing has to be read again.
    test.change(&site, "UPDATE sale SET day = '2025-11-27' WHERE id = 2")
        .await?;
    test.flush(&site).await?;
    assert_eq!(test.load_one().await?.partitions.loaded, 0);
    // A moved row that is deleted is gone everywhere.
    test.change(&site, "DELETE FROM note WHERE id = 1").await?;
    test.change(&site, "DELETE FROM sale WHERE id = 1").await?;
    test.flush(&site).await?;
    assert_eq!(test.load_one().await?.partitions.loaded, 0);
    assert_eq!(
        rows(&test, &site).await?,
        ["dt=2025-11-27 2,2025-11-27,b,paid"]
    );
    assert_eq!(
        rows_elsewhere(&test, &site).await?,
        rows(&test, &site).await?
    );
    Ok(())
}

/// Moved away and back, in one flush or in two: nothing is left of it, and what else was changed stands.
pub async fn a_row_that_is_moved_back_is_as_the_site_has_it(database: &HubDatabase) -> Outcome {
    let (test, site) = shop(database).await?;
    for (state, edits) in [("paid", 0), ("void", 1)] {
        for (day, flushes) in [
            ("2025-11-29", false),
            ("2025-11-29", true),
            ("2025-12-19", false),
            ("2025-12-19", true),
        ] {
            let away = format!("UPDATE sale SET day = '{day}', state = '{state}' WHERE id = 1");
            test.change(&site, &away).await?;
            if flushes {
                test.flush(&site).await?;
                test.load_one().await?;
            }
            let back = "UPDATE sale SET day = '2025-11-28' WHERE id = 1";
            test.change(&site, back).await?;
            test.flush(&site).await?;
            let stored = test.database.stored(site.name()).await?;
            let left = stored.edits.partitions.values();
            let left: u64 = left.map(|entry| entry.object.edits).sum();
            assert_eq!(left, edits, "{day} {flushes}");
            test.load_one().await?;
            let expected = [
                format!("dt=2025-11-28 1,2025-11-28,a,{state}"),
                "dt=2025-11-28 2,2025-11-28,b,paid".to_owned(),
                "dt=2025-11-28 1,good".to_owned(),
            ];
            assert_eq!(rows(&test, &site).await?, expected);
            assert_eq!(rows_elsewhere(&test, &site).await?, expected);
            assert_eq!(test.verify(false).await?.differences, []);
        }
    }
    Ok(())
}

/// A hub that stops at each call to the store while it flushes a move, and one whose answers are lost.
pub async fn a_flush_of_moves_that_stops_anywhere_is_made_good(database: &HubDatabase) -> Outcome {
    let (test, site) = shop(database).await?;
    let targets = ["2025-11-29", "2025-12-19", "2025-11-28", "2025-11-27"];
    let mut targets = targets.iter().cycle();
    for fault in [
        Fault::StopAt,
        Fault::StopAfter,
        Fault::LoseAnswerAt,
        Fault::UnavailableAt,
    ] {
        for step in 1.. {
            let day = targets.next().ok_or("it never ends")?;
            let away = format!("UPDATE sale SET day = '{day}' WHERE id = 1");
            test.change(&site, &away).await?;
            let failing = Arc::new(FailingStore::new(Arc::clone(&test.store), [fault(step)]));
            let hub = test.with_store(Arc::clone(&failing) as Store)?;
            // It may succeed or fail; what matters is what the next one finds.
            let _ = hub.flush(&site).await;
            let is_over = failing.calls() < step;
            test.flush(&site).await?;
            test.load_one().await?;
            let moved: Vec<String> = rows(&test, &site).await?;
            let moved: Vec<&str> = moved
                .iter()
                .filter(|row| row.contains(" 1,"))
                .map(String::as_str)
                .collect();
            let expected = [
                format!("dt={day} 1,{day},a,paid"),
                format!("dt={day} 1,good"),
            ];
            assert_eq!(moved, expected, "{:?}", fault(step));
            assert_eq!(sales_per_day(&test).await?.values().sum::<u64>(), 2);
            assert_eq!(test.verify(false).await?.differences, []);
            if is_over {
                break;
            }
        }
    }
    assert_eq!(
        rows_elsewhere(&test, &site).await?,
        rows(&test, &site).await?
    );
    Ok(())
}
