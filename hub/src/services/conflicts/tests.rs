//! Conflicts by the API, as callers see them.

use std::sync::Arc;

use axum::http::StatusCode;
use causeway_shared::store::Store;
use causeway_shared::store::memory::MemoryStore;
use serde_json::Value;

use super::*;
use crate::config::AuthMode;
use crate::serve::testbed::{Answer, Testbed, now};
use crate::sync::LoadRequest;
use crate::testing::{Outcome, SHOP, TestSite};

const DAY: &str = "dt=2025-11-28";
const PATH: &str = "/api/v1/sync/conflicts";

/// A service of a shop in which site and cloud have changed these sales.
async fn bed(ids: &[u8]) -> Outcome<(Testbed, TestSite)> {
    let store: Store = Arc::new(MemoryStore::new());
    let mut site = TestSite::new(&store, "here", SHOP)?;
    say(&mut site, ids, "paid").await?;
    let bed = Testbed::over(AuthMode::Token, store).await;
    change(&bed, &site, "UPDATE sale SET state = 'void'").await?;
    bed.app.hub.flush_site(site.name(), now()).await?;
    say(&mut site, ids, "held").await?;
    bed.app.hub.load(&LoadRequest::at(now())).await?;
    Ok((bed, site))
}

async fn say(site: &mut TestSite, ids: &[u8], state: &str) -> Outcome {
    let rows: Vec<String> = ids
        .iter()
        .map(|id| format!("{id},2025-11-28,s{id},{state}"))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    site.put("sale", DAY, &rows).await?.commit().await
}

async fn change(bed: &Testbed, site: &TestSite, sql: &str) -> Outcome {
    let database = bed.app.hub.database();
    let mut write = database
        .begin_write(site.name(), site.dataset(), "lan")
        .await?;
    write.query(sql, &[], &[]).await?;
    Ok(write.commit().await?)
}

async fn page(bed: &Testbed, query: &str) -> Outcome<Value> {
    Ok(serde_json::from_str(
        &bed.get(&format!("{PATH}{query}")).await.body,
    )?)
}

async fn take(bed: &Testbed, conflict: &Value, side: &str) -> Outcome<(Answer, Value)> {
    let path = format!("{PATH}/{}", conflict["id"].as_str().ok_or("no id")?);
    let answer = bed
        .post(&bed.admin, &path, &format!("{{\"take\":\"{side}\"}}"))
        .await;
    let body = serde_json::from_str(&answer.body)?;
    Ok((answer, body))
}

#[tokio::test]
async fn conflicts_are_listed_page_by_page() -> Outcome {
    let (bed, _) = bed(&[1, 2, 10]).await?;
    let all = page(&bed, "").await?;
    assert_eq!((&all["total"], &all["next"]), (&3.into(), &Value::Null));
    let first = &all["items"][0];
    let members = |value: &Value, names: &[&str]| {
        names
            .iter()
            .map(|name| value[*name].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        members(first, &["site", "table", "part", "key", "kind", "actor"]),
        [
            "here".into(),
            "sale".into(),
            DAY.into(),
            vec!["1"].into(),
            "edit".into(),
            Value::from("lan")
        ]
    );
    assert_eq!(first["row"]["state"], "void");
    assert_eq!(
        first["lost"],
        serde_json::json!({"site": {"state": "held"}})
    );
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let some = page(&bed, &format!("?limit=1&site=here{cursor}")).await?;
        assert_eq!(some["total"], 3);
        seen.extend(some["items"].as_array().ok_or("no items")?.clone());
        let Some(next) = some["next"].as_str() else {
            break;
        };
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        cursor = format!("&cursor={next}");
    }
    assert_eq!(Value::from(seen), all["items"]);
    assert_eq!(
        bed.get(&format!("{PATH}?cursor=7")).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        bed.get(&format!("{PATH}?site=there")).await.status,
        StatusCode::NOT_FOUND
    );
    Ok(())
}

#[tokio::test]
async fn a_side_is_taken_once_by_whoever_may_change_rows() -> Outcome {
    let (bed, site) = bed(&[1, 2]).await?;
    let all = page(&bed, "").await?;
    let (first, second) = (&all["items"][0], &all["items"][1]);
    let path = format!("{PATH}/{}", first["id"].as_str().ok_or("no id")?);
    let by_viewer = bed.post(&bed.viewer, &path, r#"{"take":"site"}"#).await;
    assert_eq!(by_viewer.status, StatusCode::FORBIDDEN);
    let neither = bed.post(&bed.admin, &path, r#"{"take":"both"}"#).await;
    assert_eq!(neither.status, StatusCode::BAD_REQUEST);

    let (answer, taken) = take(&bed, first, "site").await?;
    assert_eq!(answer.status, StatusCode::OK, "{taken}");
    assert_eq!(
        (&taken["row"]["state"], &taken["flushed"]),
        (&"held".into(), &true.into())
    );
    let (answer, _) = take(&bed, first, "site").await?;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let (answer, taken) = take(&bed, second, "cloud").await?;
    assert_eq!(
        (answer.status, &taken["row"]["state"]),
        (StatusCode::OK, &"void".into())
    );
    assert_eq!(page(&bed, "").await?["total"], 0);
    let edits: Value = serde_json::from_str(&bed.get("/api/v1/sync/edits").await.body)?;
    let ops: Vec<_> = (0..3).map(|at| edits["items"][at]["op"].clone()).collect();
    assert_eq!(ops, ["take", "take", "update"]);
    assert_eq!(
        edits["items"][1]["columns"]["state"],
        serde_json::json!(["void", "held"])
    );
    assert_eq!(edits["items"][1]["actor"], "admin/ann");
    bed.app.hub.load(&LoadRequest::at(now())).await?;
    let view = bed.app.hub.sites(Some(site.name())).await?.remove(0);
    assert_eq!(view.edits.conflicts, 0);
    Ok(())
}

#[tokio::test]
async fn a_conflict_that_went_on_is_refused_with_what_it_is_now() -> Outcome {
    let (bed, mut site) = bed(&[1, 2]).await?;
    let all = page(&bed, "").await?;
    let (first, second) = (&all["items"][0], &all["items"][1]);
    // Somebody changes the row, and the site changes the other one again.
    change(&bed, &site, "UPDATE sale SET state = 'open' WHERE id = 1").await?;
    let (answer, problem) = take(&bed, first, "site").await?;
    assert_eq!(
        (answer.status.as_u16(), &problem["code"]),
        (412, &"changed".into())
    );
    assert_eq!(problem["present"]["row"]["state"], "open");
    let fresh = problem["present"].clone();
    say(&mut site, &[1, 2], "lent").await?;
    bed.app.hub.load(&LoadRequest::at(now())).await?;
    for stale in [second, &fresh] {
        let (answer, problem) = take(&bed, stale, "cloud").await?;
        assert_eq!(answer.status.as_u16(), 412, "{problem}");
        assert_eq!(problem["present"]["lost"]["site"]["state"], "lent");
    }
    assert_eq!(page(&bed, "").await?["total"], 2);
    let nobody = bed
        .post(&bed.admin, &format!("{PATH}/x"), r#"{"take":"site"}"#)
        .await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
    Ok(())
}

#[test]
fn a_cursor_is_read_as_it_was_written() {
    for cursor in [
        "here~sale~dt=2025-11-28~[\"1\"]",
        "a~b~b=0of1~[\"~\",\"2\"]",
    ] {
        assert_eq!(cursor.parse::<Place>().unwrap().to_string(), cursor);
    }
    for wrong in [
        "",
        "here~sale~dt=2025-11-28",
        "here~sale~x~[\"1\"]",
        "here~sale~b=0of1~1",
    ] {
        assert!(wrong.parse::<Place>().is_err(), "{wrong:?}");
    }
}
