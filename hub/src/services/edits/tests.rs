//! Lists of the edits of some sites, page by page.
//!
//! On SQLite alone: what waits in a journal is held to one suite (`db/conformance.rs`).

use std::sync::Arc;

use causeway_shared::ids::{Seq, SiteName};
use causeway_shared::layout::{LogKey, WhichLog};
use causeway_shared::store::Store;
use causeway_shared::store::failing::FailingStore;
use jiff::ToSpan as _;

use super::*;
use crate::testing::{Outcome, SHOP, TestHub, TestSite};

/// Sites of a sale each.
async fn shops(test: &TestHub, names: &[&str]) -> Outcome<Vec<TestSite>> {
    let mut sites = Vec::new();
    for name in names {
        let mut site = TestSite::new(&test.store, name, SHOP)?;
        let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
        site.put("sale", "dt=2025-11-28", &sales).await?;
        site.commit().await?;
        sites.push(site);
    }
    test.load().await?;
    Ok(sites)
}

fn asked(limit: usize) -> EditsQuery {
    EditsQuery {
        limit,
        ..EditsQuery::default()
    }
}

/// An edit in a few words: the site, its commit, the row, and what its state became.
fn line(edit: &Edit) -> String {
    let commit = edit.commit.map_or("-".to_owned(), |seq| seq.to_string());
    let state = edit.row.columns.get("state");
    let state = state.and_then(|[_, new]| new.clone()).unwrap_or_default();
    format!(
        "{} {commit} {} {state}",
        edit.site,
        edit.row.key.texts().join("+")
    )
}

fn lines(page: &EditsPage) -> Vec<String> {
    page.items.iter().map(line).collect()
}

/// All edits by pages of so many.
async fn by_pages(hub: &Hub, mut query: EditsQuery) -> Outcome<Vec<String>> {
    let mut all = Vec::new();
    loop {
        // As a caller sends it back.
        let page = list(hub, &query).await?;
        assert!(page.items.len() <= query.limit);
        all.extend(lines(&page));
        let Some(next) = page.next else {
            return Ok(all);
        };
        query.after = Some(next.to_string().parse()?);
    }
}

#[tokio::test]
async fn the_edits_of_all_sites_are_listed_in_the_order_of_their_commits() -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut test = TestHub::in_folder(folder.path()).await?;
    let sites = shops(&test, &["east", "west"]).await?;
    for (site, state) in [(0, "a"), (1, "b"), (1, "c"), (0, "d"), (1, "e")] {
        test.request.now = test.request.now.checked_add(1.second())?;
        let sql = format!("UPDATE sale SET state = '{state}'");
        test.change(&sites[site], &sql).await?;
        test.flush(&sites[site]).await?;
    }
    let all = list(&test.hub, &asked(500)).await?;
    let listed = [
        "west 4 2 e",
        "west 4 1 e",
        "east 3 2 d",
        "east 3 1 d",
        "west 3 2 c",
        "west 3 1 c",
        "west 2 2 b",
        "west 2 1 b",
        "east 2 2 a",
        "east 2 1 a",
    ];
    assert_eq!(lines(&all), listed);
    assert_eq!((all.total, all.next), (Some(10), None));
    for limit in 1..=10 {
        let pages = by_pages(&test.hub, asked(limit)).await?;
        assert_eq!(pages, listed, "pages of {limit}");
    }
    let of_one = EditsQuery {
        site: Some(SiteName::new("east")?),
        key: Some(vec!["1".to_owned()]),
        ..asked(1)
    };
    assert_eq!(list(&test.hub, &of_one).await?.total, Some(2));
    assert_eq!(
        by_pages(&test.hub, of_one).await?,
        ["east 3 1 d", "east 2 1 a"]
    );
    let of_none = EditsQuery {
        actor: Some("nobody".to_owned()),
        ..asked(5)
    };
    assert_eq!(by_pages(&test.hub, of_none).await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn what_waits_comes_first_and_is_listed_again_once_it_is_committed() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    let sites = shops(&test, &["here"]).await?;
    test.change(&sites[0], "UPDATE sale SET state = 'a'")
        .await?;
    test.flush(&sites[0]).await?;
    for state in ["b", "c"] {
        let sql = format!("UPDATE sale SET state = '{state}'");
        test.change(&sites[0], &sql).await?;
    }
    let listed = [
        "here - 2 c",
        "here - 1 c",
        "here - 2 b",
        "here - 1 b",
        "here 2 2 a",
        "here 2 1 a",
    ];
    for limit in 1..=7 {
        let pages = by_pages(&test.hub, asked(limit)).await?;
        assert_eq!(pages, listed, "pages of {limit}");
    }
    let mut query = asked(2);
    query.after = list(&test.hub, &query).await?.next;
    test.flush(&sites[0]).await?;
    assert_eq!(
        by_pages(&test.hub, query).await?,
        [
            "here 3 2 c",
            "here 3 1 c",
            "here 3 2 b",
            "here 3 1 b",
            "here 2 2 a",
            "here 2 1 a"
        ]
    );
    Ok(())
}

#[tokio::test]
async fn an_answer_reads_a_bounded_number_of_commits_and_none_twice() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    let sites = shops(&test, &["here"]).await?;
    let commits = 450;
    test.change(&sites[0], "UPDATE sale SET state = '0' WHERE id = 1")
        .await?;
    for n in 1..=commits {
        test.flush(&sites[0]).await?;
        let sql = format!("UPDATE sale SET state = '{n}' WHERE id = 2");
        test.change(&sites[0], &sql).await?;
    }
    test.flush(&sites[0]).await?;

    let store = FailingStore::new(Arc::clone(&test.store), []);
    let store = Arc::new(store);
    let counted = test.with_store(Arc::clone(&store) as Store)?;
    let page = list(&counted.hub, &asked(50)).await?;
    assert_eq!(line(&page.items[49]), format!("here {} 2 401", 401 + 2));
    assert_eq!(page.total, None);
    assert!(store.calls() < 80, "{}", store.calls());

    let mut query = EditsQuery {
        key: Some(vec!["1".to_owned()]),
        ..asked(50)
    };
    let mut answers = 0;
    let found = loop {
        let before = store.calls();
        let page = list(&counted.hub, &query).await?;
        let calls = store.calls() - before;
        assert!(calls <= 210, "{calls}");
        answers += 1;
        if !page.items.is_empty() {
            break page;
        }
        query.after = page.next;
    };
    assert_eq!((lines(&found), answers), (vec!["here 2 1 0".to_owned()], 3));
    assert_eq!(found.next, None);
    let before = store.calls();
    assert_eq!(by_pages(&counted.hub, asked(500)).await?.len(), 451);
    assert_eq!(store.calls(), before);
    Ok(())
}

#[tokio::test]
async fn a_damaged_log_does_not_hide_the_others() -> Outcome {
    let folder = tempfile::tempdir()?;
    let test = TestHub::in_folder(folder.path()).await?;
    let sites = shops(&test, &["east", "west"]).await?;
    for site in &sites {
        test.change(site, "UPDATE sale SET state = 'a'").await?;
        test.flush(site).await?;
    }
    let key = LogKey::Commit(Seq(2)).of(WhichLog::Edits, sites[0].name());
    test.store.put(&key, b"{}".to_vec().into()).await?;
    let page = list(&test.hub, &asked(50)).await?;
    assert_eq!(lines(&page), ["west 2 2 a", "west 2 1 a"]);
    assert_eq!((page.total, page.unreadable.len()), (None, 1));
    let error = &page.unreadable[0].error;
    assert!(error.contains(&key), "{error}");
    // Where it alone is asked for, that is the answer.
    let alone = EditsQuery {
        site: Some(sites[0].name().clone()),
        ..asked(50)
    };
    let error = list(&test.hub, &alone).await.unwrap_err();
    assert!(error.to_string().contains(&key), "{error}");
    Ok(())
}

#[test]
fn a_key_is_written_as_it_is_read() {
    for texts in [vec!["7"], vec!["[7]"], vec!["a", "b"], vec!["a,b"]] {
        let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
        assert_eq!(key_of_text(&text_of_key(&texts)), texts);
    }
}
