//! Conflicts by the API, as callers see them.

use std::sync::Arc;

use axum::http::StatusCode;
use causeway_shared::store::Store;
use causeway_shared::store::memory::MemoryStore;
use serde_json::Value;

use super::*;
use crate::config::AuthMode;
use crate::serve::testbed::{Answer, Testbed, now};
use crate::services::appointments::By;
use crate::services::error::ServiceError;
use crate::sync::LoadRequest;
use crate::testing::{Outcome, SHOP, TestSite};

const DAY: &str = "dt=2025-11-28";
const PATH: &str = "/api/v1/sync/conflicts";

/// A service of a shop in which site and cloud have changed these sales.
pub(crate) async fn bed(ids: &[u8]) -> Outcome<(Testbed, TestSite)> {
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

pub(crate) async fn say(site: &mut TestSite, ids: &[u8], state: &str) -> Outcome {
    let rows: Vec<String> = ids
        .iter()
        .map(|id| format!("{id},2025-11-28,s{id},{state}"))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    site.put("sale", DAY, &rows).await?.commit().await
}

pub(crate) async fn change(bed: &Testbed, site: &TestSite, sql: &str) -> Outcome {
    let database = bed.app.hub.database();
    let mut write = database
        .begin_write(site.name(), site.dataset(), "lan")
        .await?;
    write.query(sql, &[], &[]).await?;
    Ok(write.commit().await?)
}

pub(crate) async fn page_of(bed: &Testbed, query: &str) -> Outcome<Value> {
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
    let all = page_of(&bed, "").await?;
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
        let some = page_of(&bed, &format!("?limit=1&site=here{cursor}")).await?;
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
    let all = page_of(&bed, "").await?;
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
    assert_eq!(page_of(&bed, "").await?["total"], 0);
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
async fn of_two_who_take_a_side_at_once_one_does() -> Outcome {
    let (bed, _) = bed(&[1, 2, 3, 4, 5, 6]).await?;
    let all = page_of(&bed, "").await?;
    for conflict in all["items"].as_array().ok_or("no items")? {
        // The cloud's side changes nothing in the row.
        let (site, cloud) =
            tokio::join!(take(&bed, conflict, "site"), take(&bed, conflict, "cloud"));
        let statuses = [site?, cloud?].map(|(answer, _)| answer.status.as_u16());
        let taken = statuses.iter().filter(|status| **status == 200).count();
        let refused = statuses.iter().any(|status| [404, 412].contains(status));
        assert!(taken == 1 && refused, "{statuses:?}");
    }
    assert_eq!(page_of(&bed, "").await?["total"], 0);
    Ok(())
}

#[tokio::test]
async fn no_side_is_taken_before_a_hub_that_starts_has_read_the_store() -> Outcome {
    let (bed, _) = bed(&[1]).await?;
    let config = bed.app.hub.config().clone();
    // Another start of the database.
    let database = crate::db::open(&config.database).await?;
    let hub = Hub::with(config, Arc::clone(bed.app.hub.store()), database)?;
    let query = ConflictsQuery {
        limit: 1,
        ..ConflictsQuery::default()
    };
    let listed = list(&hub, &query, now()).await?.items.remove(0);
    let by = By {
        actor: "admin/ann",
        now: now(),
    };
    let early = super::take(&hub, &listed.id, Side::Site, by).await;
    assert!(matches!(early, Err(ServiceError::TryAgain(_))), "{early:?}");
    hub.load(&LoadRequest::at(now())).await?;
    let taken = super::take(&hub, &listed.id, Side::Site, by).await?;
    assert!(taken.flushed, "{taken:?}");
    Ok(())
}

#[tokio::test]
async fn a_conflict_that_went_on_is_refused_with_what_it_is_now() -> Outcome {
    let (bed, mut site) = bed(&[1, 2]).await?;
    let all = page_of(&bed, "").await?;
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
    assert_eq!(page_of(&bed, "").await?["total"], 2);
    let nobody = bed
        .post(&bed.admin, &format!("{PATH}/x"), r#"{"take":"site"}"#)
        .await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn a_clash_has_no_sides_and_ends_when_one_row_gives_way() -> Outcome {
    // Of both kinds: sale 1 is in the way of sale 3, and its state is the cloud's and the site's.
    let (bed, mut site) = bed(&[1, 2]).await?;
    let hub = &bed.app.hub;
    change(
        &bed,
        &site,
        "UPDATE sale SET slot = 'x', state = 'open' WHERE id = 1",
    )
    .await?;
    hub.flush_site(site.name(), now()).await?;
    let rows = [
        "1,2025-11-28,s1,held",
        "2,2025-11-28,s2,held",
        "3,2025-11-28,x,new",
    ];
    site.put("sale", DAY, &rows).await?.commit().await?;
    let loaded = hub.load(&LoadRequest::at(now())).await?.sites.remove(0);
    assert_eq!(loaded.conflicts, 1);
    let named = serde_json::to_value(&loaded.conflicting)?;
    let expected = serde_json::json!([{"table": "sale", "part": DAY, "key": ["3"],
        "columns": ["day", "slot"], "clashes_with": [["1"]]}]);
    assert_eq!(named, expected);

    let all = page_of(&bed, "").await?;
    assert_eq!(all["total"], 3);
    let items = all["items"].as_array().ok_or("no items")?;
    let kinds: Vec<_> = items
        .iter()
        .map(|item| (&item["key"][0], &item["kind"]))
        .collect();
    let text = |text: &'static str| Value::from(text);
    let (edit, clash) = (&text("edit"), &text("clash"));
    let keys = ["1", "2", "3"].map(text);
    assert_eq!(
        kinds,
        [(&keys[0], edit), (&keys[1], edit), (&keys[2], clash)]
    );
    let clashing = &items[2];
    assert_eq!(clashing["row"]["state"], "new");
    assert_eq!(clashing["lost"], serde_json::json!({}));
    let first = &clashing["clashes"][0];
    assert_eq!(first["unique"], serde_json::json!(["day", "slot"]));
    assert_eq!(
        (&first["key"][0], &first["row"]["state"]),
        (&keys[0], &text("open"))
    );

    for side in ["site", "cloud"] {
        let (answer, problem) = take(&bed, clashing, side).await?;
        assert_eq!(
            (answer.status.as_u16(), &problem["code"]),
            (409, &text("not_allowed_now"))
        );
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(
            detail.contains("change these values in one of the two rows"),
            "{detail}"
        );
    }
    // It is another conflict once the other row is: and none when it is out of the way.
    change(&bed, &site, "UPDATE sale SET slot = 'y' WHERE id = 1").await?;
    let (answer, _) = take(&bed, clashing, "site").await?;
    assert_eq!(answer.status.as_u16(), 404);
    let left = page_of(&bed, "").await?;
    assert_eq!(left["total"], 2);
    assert_eq!(left["items"].as_array().map(Vec::len), Some(2));
    Ok(())
}

#[tokio::test]
async fn a_row_may_be_in_conflict_and_clash() -> Outcome {
    let (bed, mut site) = bed(&[1, 2]).await?;
    let hub = &bed.app.hub;
    // The site and the cloud give one slot to two edited rows.
    change(&bed, &site, "UPDATE sale SET state = 'open'").await?;
    change(&bed, &site, "UPDATE sale SET slot = 'its' WHERE id = 2").await?;
    hub.flush_site(site.name(), now()).await?;
    let rows = ["1,2025-11-28,its,lent", "2,2025-11-28,s2,lent"];
    site.put("sale", DAY, &rows).await?.commit().await?;
    hub.load(&LoadRequest::at(now())).await?;
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let some = page_of(&bed, &format!("?limit=1{cursor}")).await?;
        assert_eq!(some["total"], 3);
        let items = some["items"].as_array().ok_or("no items")?;
        seen.extend(items.iter().map(|item| {
            let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            format!(
                "{} {}",
                item["key"][0].as_str().unwrap_or_default(),
                text("kind")
            )
        }));
        let Some(next) = some["next"].as_str() else {
            break;
        };
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ["1 edit", "2 edit", "2 clash"]);
    Ok(())
}

#[test]
fn a_cursor_is_read_as_it_was_written() {
    for cursor in [
        "here~sale~dt=2025-11-28~edit~[\"1\"]",
        "a~b~b=0of1~clash~[\"~\",\"2\"]",
    ] {
        assert_eq!(
            cursor.parse::<ConflictPosition>().unwrap().to_string(),
            cursor
        );
    }
    for wrong in [
        "",
        "here~sale~dt=2025-11-28~edit",
        "here~sale~x~edit~[\"1\"]",
        "here~sale~b=0of1~edit~1",
        "here~sale~b=0of1~[\"1\"]",
    ] {
        assert!(wrong.parse::<ConflictPosition>().is_err(), "{wrong:?}");
    }
}
