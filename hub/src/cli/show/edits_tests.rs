//! What a load says of edits.

use super::{load, status};
use crate::cli::init;
use crate::testing::{Outcome, SHOP, TestHub, TestSite};

#[tokio::test]
async fn new_conflicts_are_named_by_row_and_columns() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    let day = "dt=2025-11-28";
    let put = site.put("sale", day, &["1,2025-11-28,a,paid"]).await?;
    put.commit().await?;
    test.load_one().await?;
    test.change(&site, "UPDATE sale SET state = 'open' WHERE id = 1")
        .await?;
    test.flush(&site).await?;
    let put = site.put("sale", day, &["1,2025-11-28,a,held"]).await?;
    put.commit().await?;
    let report = test.load().await?;
    assert!(report.needs_a_look());
    let text = load(&report, &[]);
    let line = "\n  1 new conflict of the site's changes with the cloud's; the page /conflicts lists all that are open\n    \
                sale dt=2025-11-28 1: state\n";
    assert!(text.contains(line), "{text}");
    // They are new once.
    assert!(!load(&test.load().await?, &[]).contains("conflict"));

    // Many more, of which one clashes and one is deleted at the site.
    let rows = (2..30).map(|id| format!("{id},2025-11-28,s{id},paid"));
    let mut rows: Vec<String> = std::iter::once("1,2025-11-28,a,held".to_owned())
        .chain(rows)
        .collect();
    let put = async |site: &mut TestSite, rows: &[String]| -> Outcome {
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        site.put("sale", day, &rows).await?.commit().await
    };
    put(&mut site, &rows).await?;
    test.load_one().await?;
    test.change(
        &site,
        "UPDATE sale SET state = 'open', slot = 'x' || id WHERE id > 1",
    )
    .await?;
    test.flush(&site).await?;
    rows = rows.iter().map(|row| row.replace("paid", "held")).collect();
    rows.remove(1);
    rows.push("90,2025-11-28,x5,new".to_owned());
    put(&mut site, &rows).await?;
    let report = test.load().await?;
    let text = load(&report, &[]);
    let named: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("    "))
        .collect();
    assert_eq!(named.len(), 21, "{text}");
    assert_eq!(
        (named[0], named[1], named[20]),
        (
            "    sale dt=2025-11-28 2: deleted on one side",
            "    sale dt=2025-11-28 3: state",
            "    and 9 more"
        )
    );
    rows.push("91,2025-11-28,x6,new".to_owned());
    put(&mut site, &rows).await?;
    let text = load(&test.load().await?, &[]);
    let line = "    sale dt=2025-11-28 91: clashes with 6 in day, slot\n";
    assert!(text.contains(line), "{text}");
    Ok(())
}

#[tokio::test]
async fn of_a_row_that_the_cloud_moved_the_columns_are_named_that_differ() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    let day = "dt=2025-11-28";
    let put = site.put("sale", day, &["1,2025-11-28,a,paid"]).await?;
    put.commit().await?;
    test.load_one().await?;
    assert!(status(&test.hub.full_status(test.request.now).await?).contains("\n  no edits\n"));
    test.change(&site, "UPDATE sale SET day = '2025-11-29' WHERE id = 1")
        .await?;
    test.flush(&site).await?;
    let put = site.put("sale", day, &["1,2025-11-28,a,held"]).await?;
    put.commit().await?;
    let text = load(&test.load().await?, &[]);
    assert!(
        text.contains("\n    sale dt=2025-11-29 1: day, state\n"),
        "{text}"
    );
    let text = status(&test.hub.full_status(test.request.now).await?);
    assert!(
        text.contains("\n  edits at commit 3, 1 conflict\n"),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn a_database_that_is_read_only_names_the_owner() -> Outcome {
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let owner = TestHub::in_folder(folders[0].path()).await?;
    TestSite::with_an_apple(&owner.store).await?;
    assert!(!load(&owner.load().await?, &[]).contains("read-only"));
    let identity = owner.hub.identity().await?;
    let words = format!(
        "read-only here: the database {} at {} owns its edits; `causeway-hub init --take-over` \
         makes this one their owner",
        identity.id, identity.address
    );
    let other = owner.in_another_folder(folders[1].path()).await?;
    let elsewhere = other.hub.owned_elsewhere().await;
    let ready = init::ready(("it", "sqlite:it"), &[], &elsewhere);
    assert_eq!(ready, format!("it is ready\nhere: {words}\n"));
    for _ in 0..2 {
        let text = load(&other.load().await?, &[]);
        assert!(text.contains(&format!("\n  {words}\n")), "{text}");
    }
    assert_eq!(owner.hub.owned_elsewhere().await, []);
    Ok(())
}
