//! What a load says of edits.

use super::load;
use crate::cli::init;
use crate::testing::{Outcome, SHOP, TestHub, TestSite};

#[tokio::test]
async fn new_conflicts_are_named_with_their_partitions() -> Outcome {
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
    let line = "\n  1 new conflict of the site's changes with the cloud's, in sale dt=2025-11-28; \
                `causeway-hub status` counts all\n";
    assert!(text.contains(line), "{text}");
    // They are new once.
    assert!(!load(&test.load().await?, &[]).contains("conflict"));
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
    let ready = init::ready("it", &[], &elsewhere);
    assert_eq!(ready, format!("it is ready\nhere: {words}\n"));
    for _ in 0..2 {
        let text = load(&other.load().await?, &[]);
        assert!(text.contains(&format!("\n  {words}\n")), "{text}");
    }
    assert_eq!(owner.hub.owned_elsewhere().await, []);
    Ok(())
}
