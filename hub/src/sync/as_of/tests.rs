use causeway_shared::ids::Seq;

use super::*;
use crate::testing::{HubDatabase, Outcome, TestHub, TestSite};

#[tokio::test]
async fn a_database_is_made_for_a_commit_that_is_there_and_for_no_other() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(&folder.path().join("own")).await?;
    TestSite::with_an_apple(&test.store).await?;
    let past = folder.path().join("past");
    let url = format!("sqlite:{}", past.display());
    let load = async |seq| {
        let as_of = AsOf::Commit(Seq(seq));
        let report = test.hub.load_as_of(as_of, &url, &test.request).await?;
        Outcome::Ok(report.sites.into_iter().find_map(|site| site.error))
    };
    let refused = load(7).await?.unwrap_or_default();
    insta::assert_snapshot!(refused, @"site here: there is no commit 7: its last one is 1");
    assert!(!past.exists());
    assert_eq!(load(1).await?, None);
    assert!(past.join("here.db").exists());
    Ok(())
}

#[tokio::test]
async fn no_database_is_made_for_a_time_before_the_first_commit() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(&folder.path().join("own")).await?;
    let past = folder.path().join("past");
    let url = format!("sqlite:{}", past.display());
    let load = async |time: &str| {
        let as_of = AsOf::Time(time.parse()?);
        Outcome::Ok(test.hub.load_as_of(as_of, &url, &test.request).await)
    };
    let refused = load("2025-11-28T01:00:00Z").await?.unwrap_err();
    insta::assert_snapshot!(refused, @"configuration, --as-of: no site has committed anything yet");
    let site = TestSite::with_an_apple(&test.store).await?;
    let Some(head) = &site.catalog().head else {
        return Err("it has committed".into());
    };
    let refused = load("2020-01-01T00:00:00Z").await?.unwrap_err().to_string();
    let says = format!(
        "no site had committed anything then: the first commit is of {}",
        head.at
    );
    assert!(refused.ends_with(&says), "{refused}");
    assert!(!past.exists());
    let loaded = load(&head.at.to_string()).await??;
    assert_eq!(loaded.sites.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_status_of_a_past_state_names_its_time_and_advises_no_load_that_is_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(&folder.path().join("own")).await?;
    let site = TestSite::with_an_apple(&test.store).await?;
    let Some(at) = site.catalog().head.as_ref().map(|head| head.at) else {
        return Err("it has committed".into());
    };
    let past = HubDatabase::sqlite(&folder.path().join("past"));
    let as_of = AsOf::Time(at);
    let into = Arc::clone(&past.0);
    test.hub.load_past(as_of, into, &test.request).await?;
    let hub = Hub::with(test.hub.config().clone(), test.store.clone(), past.0)?;
    let status = hub.full_status(test.request.now).await?;
    let times = status.sites.iter().map(|of| (of.as_of, of.loaded_at));
    assert_eq!(times.collect::<Vec<_>>(), [(Some(at), None)]);
    Ok(())
}
