//! After every load the rows are those of the commit, whatever the change was.

use jiff::ToSpan as _;
use jiff::civil::date;

use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

/// A hub, and a site of the shop that has committed two items and a sale on each of three days.
async fn shop(database: &HubDatabase) -> Outcome<(TestHub, TestSite)> {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("item", "b=0of2", &["1,apple"]).await?;
    site.put("item", "b=1of2", &["2,pear"]).await?;
    site.put("sale", "dt=2025-11-27", &["1,2025-11-27,a,paid"])
        .await?;
    site.put(
        "sale",
        "dt=2025-11-28",
        &["2,2025-11-28,a,paid", "3,2025-11-28,b,paid"],
    )
    .await?;
    site.put("sale", "dt=2025-12-24", &["9,2025-12-24,a,paid"])
        .await?;
    site.commit().await?;
    test.load_one().await?;
    Ok((test, site))
}

/// Inserted, changed and deleted rows, an emptied date and a new one.
pub async fn rows_follow_the_commits(database: &HubDatabase) -> Outcome {
    let (test, mut site) = shop(database).await?;
    assert_eq!(
        test.rows(&site, "sale").await?,
        [
            "dt=2025-11-27 1,2025-11-27,a,paid",
            "dt=2025-11-28 2,2025-11-28,a,paid",
            "dt=2025-11-28 3,2025-11-28,b,paid",
        ]
    );
    site.remove("sale", "dt=2025-11-27")?;
    site.put(
        "sale",
        "dt=2025-11-28",
        &["3,2025-11-28,b,void", "4,2025-11-28,b,paid"],
    )
    .await?;
    site.put("sale", "dt=2025-11-29", &["5,2025-11-29,,"])
        .await?;
    site.put("item", "b=0of2", &["1,\"apple, red\""]).await?;
    site.commit().await?;
    let loaded = test.load_one().await?;
    assert_eq!((loaded.rows.inserted, loaded.rows.deleted), (4, 4));
    assert_eq!(
        (
            loaded.partitions.wanted,
            loaded.partitions.loaded,
            loaded.partitions.evicted
        ),
        (4, 3, 1)
    );
    assert_eq!(
        test.rows(&site, "sale").await?,
        [
            "dt=2025-11-28 3,2025-11-28,b,void",
            "dt=2025-11-28 4,2025-11-28,b,paid",
            "dt=2025-11-29 5,2025-11-29,,",
        ]
    );
    assert_eq!(
        test.rows(&site, "item").await?,
        ["b=0of2 1,\"apple, red\"", "b=1of2 2,pear"]
    );
    Ok(())
}

/// One key, first on one date, then on another.
pub async fn a_row_moves_between_dates(database: &HubDatabase) -> Outcome {
    let (test, mut site) = shop(database).await?;
    site.put("sale", "dt=2025-11-28", &["3,2025-11-28,b,paid"])
        .await?;
    site.put(
        "sale",
        "dt=2025-11-27",
        &["1,2025-11-27,a,paid", "2,2025-11-27,b,paid"],
    )
    .await?;
    site.commit().await?;
    test.load_one().await?;
    assert_eq!(
        test.rows(&site, "sale").await?,
        [
            "dt=2025-11-27 1,2025-11-27,a,paid",
            "dt=2025-11-27 2,2025-11-27,b,paid",
            "dt=2025-11-28 3,2025-11-28,b,paid",
        ]
    );
    Ok(())
}

/// Each has what the other had, under a rule that no two may have the same.
pub async fn two_rows_swap_a_unique_value(database: &HubDatabase) -> Outcome {
    let (test, mut site) = shop(database).await?;
    site.put(
        "sale",
        "dt=2025-11-28",
        &["2,2025-11-28,b,paid", "3,2025-11-28,a,paid"],
    )
    .await?;
    site.commit().await?;
    test.load_one().await?;
    // What a rule leaves out may be there twice.
    site.put(
        "sale",
        "dt=2025-11-28",
        &[
            "2,2025-11-28,b,void",
            "3,2025-11-28,b,paid",
            "4,2025-11-28,b,void",
        ],
    )
    .await?;
    site.commit().await?;
    assert_eq!(test.load_one().await?.rows.inserted, 3);
    Ok(())
}

/// Two rows exchange their keys across partitions.
pub async fn keys_move_between_rows(database: &HubDatabase) -> Outcome {
    let (test, mut site) = shop(database).await?;
    site.put("item", "b=0of2", &["2,apple"]).await?;
    site.put("item", "b=1of2", &["1,pear"]).await?;
    site.commit().await?;
    test.load_one().await?;
    assert_eq!(
        test.rows(&site, "item").await?,
        ["b=0of2 2,apple", "b=1of2 1,pear"]
    );
    Ok(())
}

/// A day later another date is in the window, and one is not.
pub async fn the_window_rolls(database: &HubDatabase) -> Outcome {
    let (mut test, site) = shop(database).await?;
    test.request.now = "2025-11-28T17:00:00Z".parse()?;
    let loaded = test.load_one().await?;
    assert_eq!(
        (loaded.partitions.loaded, loaded.partitions.evicted),
        (0, 1)
    );
    test.request.now = "2025-12-23T17:00:00Z".parse()?;
    let loaded = test.load_one().await?;
    assert_eq!(
        (loaded.partitions.loaded, loaded.partitions.evicted),
        (1, 1)
    );
    assert_eq!(
        test.rows(&site, "sale").await?,
        ["dt=2025-12-24 9,2025-12-24,a,paid"]
    );
    Ok(())
}

/// Rows of a timestamp lie on its date, and the window brings and takes them by that.
pub async fn a_table_by_a_timestamp_follows_the_window(database: &HubDatabase) -> Outcome {
    let visits = "name = 'd'\nversion = 1\n[[table]]\nname = 'visit'\nkey = ['id']\n\
        partition = { by = 'at' }\nunique = [{ columns = ['at', 'room'] }]\n\
        column = [{ name = 'id', type = 'int' }, \
        { name = 'at', type = 'timestamp', not_null = true }, { name = 'room', type = 'text' }]";
    let mut test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", visits)?;
    for day in 26..=30 {
        let records = [
            format!("{day}1,2025-11-{day}T00:00:00,a"),
            format!("{day}2,2025-11-{day}T23:59:59.999999,a"),
        ];
        let records = records.each_ref().map(String::as_str);
        site.put("visit", &format!("dt=2025-11-{day}"), &records)
            .await?;
    }
    site.commit().await?;
    assert_eq!(test.load_one().await?.rows.inserted, 6);
    test.request.now = "2025-11-28T17:00:00Z".parse()?;
    let rolled = test.load_one().await?;
    assert_eq!((rolled.rows.inserted, rolled.rows.deleted), (2, 2));
    // One visit is put off to the next day, and another takes its moment.
    site.put("visit", "dt=2025-11-29", &["291,2025-11-29T00:00:00,a"])
        .await?;
    site.put(
        "visit",
        "dt=2025-11-30",
        &[
            "292,2025-11-30T00:00:00,a",
            "301,2025-11-30T08:15:00,a",
            "302,2025-11-30T23:59:59.999999,a",
        ],
    )
    .await?;
    site.commit().await?;
    test.load_one().await?;
    assert_eq!(
        test.rows(&site, "visit").await?,
        [
            "dt=2025-11-28 281,2025-11-28T00:00:00,a",
            "dt=2025-11-28 282,2025-11-28T23:59:59.999999,a",
            "dt=2025-11-29 291,2025-11-29T00:00:00,a",
            "dt=2025-11-30 292,2025-11-30T00:00:00,a",
            "dt=2025-11-30 301,2025-11-30T08:15:00,a",
            "dt=2025-11-30 302,2025-11-30T23:59:59.999999,a",
        ]
    );
    Ok(())
}

/// Beside the window, until a load that does not ask for them.
pub async fn dates_that_were_asked_for_are_loaded(database: &HubDatabase) -> Outcome {
    let (mut test, site) = shop(database).await?;
    test.ask_for(&[date(2025, 12, 24)]);
    assert_eq!(test.load_one().await?.rows.inserted, 1);
    assert_eq!(test.rows(&site, "sale").await?.len(), 4);
    // They stay, as many as are kept, and those go first that were asked for least recently.
    test.ask_for(&[]);
    assert_eq!(test.load_one().await?.rows.deleted, 0);
    test.another()?.load_one().await?;
    assert_eq!(test.rows(&site, "sale").await?.len(), 4);
    test.request.now += jiff::SignedDuration::from_hours(1);
    let others: Vec<_> = (1..=62)
        .map(|n| date(2026, 1, 1).saturating_add(n.days()))
        .collect();
    test.ask_for(&others);
    test.load_one().await?;
    test.ask_for(&[]);
    test.load_one().await?;
    assert_eq!(test.rows(&site, "sale").await?.len(), 3);
    Ok(())
}

/// Somebody reads a date that is not loaded: it is loaded from the catalogs at hand, once, with others
/// that are asked for meanwhile.
pub async fn a_date_that_somebody_reads_is_loaded(database: &HubDatabase) -> Outcome {
    let (test, site) = shop(database).await?;
    let requests = test.store.requests();
    let asked = date(2025, 12, 24);
    let bring = |on| {
        let day = crate::sync::DateRange::day(on);
        test.hub.bring(site.name(), day, test.request.now)
    };
    let days = (0..20).map(|n| bring(asked.saturating_sub(n.days())));
    for brought in futures_util::future::join_all(days).await {
        brought?;
    }
    assert_eq!(test.rows(&site, "sale").await?.len(), 4);
    let sent = test.store.requests().since(&requests);
    assert_eq!((sent.total(), sent.get), (1, 1), "the object alone");
    let loads = test.database.sites().await?[0].revision;
    bring(asked).await?;
    assert_eq!(test.database.sites().await?[0].revision, loads);
    assert!(loads < 6, "{loads} loads");
    // Within the hour a date is not written down again, after it it is.
    let later = test.request.now + jiff::SignedDuration::from_hours(1);
    let day = crate::sync::DateRange::day(asked);
    test.hub.bring(site.name(), day, later).await?;
    assert_eq!(test.database.sites().await?[0].revision, loads + 1);
    Ok(())
}

/// No commit, nothing to load: the database is not written to.
pub async fn a_load_without_change_writes_nothing(database: &HubDatabase) -> Outcome {
    let (test, _) = shop(database).await?;
    let before = database.0.sites().await?;
    let report = test.load().await?;
    assert_eq!(database.0.sites().await?, before);
    assert_eq!(
        report.requests.total(),
        2,
        "only: has either log a next commit?"
    );
    Ok(())
}

/// The tables follow the site's newest commit.
pub async fn a_table_that_is_new_in_the_dataset_is_made(database: &HubDatabase) -> Outcome {
    let (test, mut site) = shop(database).await?;
    let table = "\n[[table]]\nname = 'note'\nkey = ['id']\npartition = { buckets = 1 }\n\
        column = [{ name = 'id', type = 'int' }]";
    site.declare(&format!("{SHOP}{table}"))?;
    site.put("note", "b=0of1", &["7"]).await?.commit().await?;
    assert_eq!(test.load_one().await?.rows.inserted, 1);
    assert_eq!(test.rows(&site, "note").await?, ["b=0of1 7"]);
    assert_eq!(test.rows(&site, "item").await?.len(), 2);
    Ok(())
}

/// Until the tables can follow, the last good data stays.
pub async fn a_dataset_that_does_not_fit_is_refused(database: &HubDatabase) -> Outcome {
    let (test, mut site) = shop(database).await?;
    site.declare(&SHOP.replace(
        "name = \"name\", type = \"text\"",
        "name = \"name\", type = \"int\"",
    ))?;
    site.put("item", "b=0of2", &["1,1"]).await?.commit().await?;
    let error = test.load_one().await.err().map(|error| error.to_string());
    let error = error.unwrap_or_default();
    assert!(
        error.contains("table item: column name was text and is int now"),
        "{error}"
    );
    site.declare(SHOP)?;
    assert_eq!(
        test.rows(&site, "item").await?,
        ["b=0of2 1,apple", "b=1of2 2,pear"]
    );
    Ok(())
}
