//! What the site does to rows that the cloud moved or changed, and where that leaves them.

use super::clinic::DAY;
use super::moves::{days, rows, rows_elsewhere, sales_per_day, shop};
use crate::testing::{HubDatabase, Outcome, TestSite};

/// The cloud's row stays at its new date as a whole, whatever the site does to it later, and each of that
/// is a conflict.
pub async fn what_the_site_does_to_a_moved_row_is_a_conflict(database: &HubDatabase) -> Outcome {
    the_site_changes_a_row_moved_to(database, "2025-11-29").await
}

/// The same where its new date was not loaded.
pub async fn so_is_what_it_does_to_one_that_was_moved_far(database: &HubDatabase) -> Outcome {
    the_site_changes_a_row_moved_to(database, "2025-12-19").await
}

async fn the_site_changes_a_row_moved_to(database: &HubDatabase, day: &str) -> Outcome {
    let (test, mut site) = shop(database).await?;
    let away = format!("UPDATE sale SET day = '{day}' WHERE id = 1");
    test.change(&site, &away).await?;
    test.flush(&site).await?;
    let other = "2,2025-11-28,b,paid";
    let moved = [
        format!("dt={day} 1,{day},a,paid"),
        format!("dt={day} 1,good"),
    ];
    let expected = [
        "dt=2025-11-28 2,2025-11-28,b,paid".to_owned(),
        moved[0].clone(),
        moved[1].clone(),
    ];
    let check = async |site: &TestSite, what: &str| -> Outcome {
        assert_eq!(rows(&test, site).await?, expected, "{what}");
        assert_eq!(rows_elsewhere(&test, site).await?, expected, "{what}");
        let per_day = days(&[("2025-11-28", 1), (day, 1)]);
        assert_eq!(sales_per_day(&test).await?, per_day, "{what}");
        assert_eq!(test.verify(false).await?.differences, [], "{what}");
        Ok(())
    };
    test.load_one().await?;
    check(&site, "moved").await?;

    site.put_summed("sale", DAY, &["1,2025-11-28,x,open", other])
        .await?;
    site.commit().await?;
    assert_eq!(test.load_one().await?.conflicts, 1, "{day}");
    check(&site, "changed").await?;

    site.put_summed("sale", DAY, &[other]).await?;
    site.put("note", DAY, &[]).await?;
    site.put_summed("sale", "dt=2025-11-27", &["1,2025-11-27,x,open"])
        .await?;
    site.put("note", "dt=2025-11-27", &["1,good"]).await?;
    site.commit().await?;
    assert_eq!(test.load_one().await?.conflicts, 0, "it is the same one");
    check(&site, "moved by the site").await?;

    site.put_summed("sale", "dt=2025-11-27", &[]).await?;
    site.put("note", "dt=2025-11-27", &[]).await?;
    site.commit().await?;
    // The note is one more.
    assert_eq!(test.load_one().await?.conflicts, 1);
    check(&site, "deleted by the site").await?;

    site.put_summed("sale", "dt=2025-11-27", &["1,2025-11-27,a,paid"])
        .await?;
    site.put("note", "dt=2025-11-27", &["1,good"]).await?;
    site.commit().await?;
    test.load_one().await?;
    check(&site, "brought back by the site").await?;
    Ok(())
}

/// A row that the cloud changed and the site moves keeps the change and is nowhere twice, whether its old,
/// its new, both dates or neither is loaded.
pub async fn an_edit_goes_along_wherever_the_site_moves_its_row(database: &HubDatabase) -> Outcome {
    const LATER: &str = "2026-01-15T05:00:00Z";
    let (mut test, mut site) = shop(database).await?;
    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
        .await?;
    test.change(&site, "UPDATE note SET body = 'bad' WHERE id = 1")
        .await?;
    test.flush(&site).await?;
    let noon = test.request.now;
    let mut was = "2025-11-28";
    for (now, day, loaded) in [
        (noon, "2025-11-29", 2),
        (noon, "2025-12-19", 0),
        (noon, "2025-11-27", 2),
        (LATER.parse()?, "2026-01-15", 2),
        (LATER.parse()?, "2025-11-29", 0),
        (LATER.parse()?, "2025-12-19", 0),
        (LATER.parse()?, "2026-01-16", 2),
    ] {
        // What is loaded before the site moves the row.
        test.request.now = now;
        test.load_one().await?;
        let part = format!("dt={was}");
        let left: &[&str] = match was {
            "2025-11-28" => &["2,2025-11-28,b,paid"],
            _ => &[],
        };
        site.put_summed("sale", &part, left).await?;
        site.put("note", &part, &[]).await?;
        let part = format!("dt={day}");
        site.put_summed("sale", &part, &[&format!("1,{day},a,paid")])
            .await?;
        site.put("note", &part, &["1,good"]).await?;
        site.commit().await?;
        assert_eq!(test.load_one().await?.conflicts, 0, "{day}");
        let here = rows(&test, &site).await?;
        let moved = [format!("{part} 1,{day},a,void"), format!("{part} 1,bad")];
        let of_row = here.iter().filter(|row| row.contains(" 1,"));
        let of_row: Vec<&String> = of_row.collect();
        assert_eq!(
            of_row,
            moved.iter().take(loaded).collect::<Vec<_>>(),
            "{day}"
        );
        let mut elsewhere = rows_elsewhere(&test, &site).await?;
        elsewhere.retain(|row| row.contains(" 1,"));
        assert_eq!(elsewhere, moved, "{day}");
        assert_eq!(
            sales_per_day(&test).await?,
            days(&[("2025-11-28", 1), (day, 1)])
        );
        assert_eq!(test.verify(false).await?.differences, []);
        was = day;
    }
    Ok(())
}
