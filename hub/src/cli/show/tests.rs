use causeway_shared::ids::Name;
use causeway_shared::layout::SiteKey;
use causeway_shared::quarantine::RefusedRows;
use causeway_shared::store::memory::MemoryStore;

use super::*;
use crate::testing::{NOON, Outcome, SHOP, TestHub, TestSite};

#[tokio::test]
async fn verify_says_that_nothing_is_loaded() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    let report = test.verify(false).await?;
    insta::assert_snapshot!(verify(&report), @"no site has committed anything yet");
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("item", "b=0of2", &["1,apple"])
        .await?
        .commit()
        .await?;
    let report = test.another()?.verify(false).await?;
    insta::assert_snapshot!(verify(&report), @r#"
    no site is loaded
      here: nothing is loaded; `causeway-hub load` loads it
    "#);
    Ok(())
}

#[tokio::test]
async fn what_people_read() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    site.put("item", "b=0of2", &["1,apple"]).await?;
    site.put("sale", "dt=2025-12-24", &["1,2025-12-24,a,"])
        .await?
        .commit()
        .await?;

    insta::assert_snapshot!(plan(&test.hub.plan(&test.request).await?), @r"
    here: commit 1, 1 partition to load, 0 to take out, 0 to keep
      load item b=0of2: - → 1
    ");
    let mut report = test.load().await?;
    report.seconds = 0.25;
    insta::assert_snapshot!(load(&report, &[]), @r#"
    here: commit 1, 1 partition in and 0 out, 1 row in and 0 out; 1 partition loaded
    78 requests, 0.2 s
    "#);
    report = test.load().await?;
    report.seconds = 0.25;
    insta::assert_snapshot!(load(&report, &[]), @r#"
    here: commit 1, 1 partition loaded, nothing to do
    2 requests, 0.2 s
    "#);
    let loaded = status(&test.another()?.hub.full_status(NOON.parse()?).await?);
    let of_site = loaded.lines().skip(5).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(of_site, @r#"
    1 of 2 partitions and 1 of 2 rows loaded
    the others lie on dates outside the window; `causeway-hub load --from DATE --to DATE` brings up to window.on_demand_days of them
    no edits
    "#);
    let dates = ["2025-12-24", "2025-12-25"].map(|date| date.parse());
    let [first, last] = dates;
    let besides = [
        DateRange::day(first.clone()?),
        DateRange::new(first?, last?)?,
    ];
    insta::assert_snapshot!(load(&report, &besides), @r#"
    here: commit 1, 1 partition loaded, nothing to do
    2 requests, 0.2 s
    2025-12-24 stays until `[window] on_demand_days` dates were asked for after
    2025-12-24 to 2025-12-25 stay until `[window] on_demand_days` dates were asked for after
    "#);
    insta::assert_snapshot!(
        verify(&test.verify(false).await?), @"1 row in 1 partition compared, no difference");

    site.put("item", "b=0of2", &["1,pear"])
        .await?
        .commit()
        .await?;
    test.store
        .delete(&site.key("item", "b=0of2", &["1,pear"])?)
        .await?;
    report = test.load().await?;
    insta::assert_snapshot!(load(&report, &[]).lines().next().unwrap_or_default(), @"here: not loaded, commit 1 keeps serving");
    let now = NOON.parse()?;
    let refused = RefusedRows {
        total: 3,
        listed: Vec::new(),
    };
    let key = SiteKey::Quarantine(Name::new("sale")?).of(site.name());
    let csv = refused.encode().unwrap_or_default();
    test.store.put(&key, csv.into()).await?;
    let status = status(&test.hub.full_status(now).await?);
    let status = status.replace(&folder.path().display().to_string(), "<folder>");
    insta::assert_snapshot!(status, @r#"
    store     memory:
    database  sqlite:<folder>
    window    2025-11-27 to 2025-11-29

    here: commit 1 of 2025-11-24T16:00:01Z, loaded 2025-11-28T05:00:00Z
      1 of 2 partitions and 1 of 2 rows loaded
      1 commit behind the log
      no edits
      3 rows of sale in quarantine
      the last load failed: site here, table item, partition b=0of2: sites/here/data/item/b=0of2/77283ea90be393c96a66564da95b72d6.csv.zst is missing; run `causeway-agent verify --repair` at the site
    "#);
    Ok(())
}

#[tokio::test]
async fn verify_advises_no_repair_from_another_store() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    TestSite::with_an_apple(&test.store).await?;
    test.load_one().await?;
    let unmounted = test.with_store(std::sync::Arc::new(MemoryStore::new()))?;
    let said = verify(&unmounted.verify(false).await?);
    assert!(
        said.contains("if `[store] url` names another store"),
        "{said}"
    );
    assert!(!said.contains("loads again"), "{said}");
    Ok(())
}
