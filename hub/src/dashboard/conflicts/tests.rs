//! The page of the conflicts, as visitors see it.

use axum::http::{StatusCode, header};

use crate::serve::testbed::{Answer, Testbed};
use crate::services::conflicts::tests::{bed, change, page_of, say};
use crate::sync::LoadRequest;
use crate::testing::Outcome;

/// The cookies of somebody who may change things.
async fn admin(bed: &Testbed, language: &str) -> String {
    let session = bed.cookie_of(&bed.admin).await;
    format!("{session}; causeway_lang={language}")
}

async fn visit(bed: &Testbed, path: &str, language: &str) -> Answer {
    bed.visit(path, &admin(bed, language).await).await
}

/// What a form sends.
async fn send(bed: &Testbed, cookie: &str, body: String) -> Answer {
    let request = axum::http::Request::post("/conflicts/take")
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin");
    bed.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn both_sides_are_shown_and_one_is_taken() -> Outcome {
    let (bed, _) = bed(&[1, 2]).await?;
    let page = visit(&bed, "/conflicts", "en").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for part in [
        "<b data-figure=\"conflicts\">2</b>",
        ">sale 1</a> · 28 Nov 2025</h2>",
        "<tr><th scope=\"row\">state</th><td>held</td><td class=\"stands\">void <small>(shown now)</small></td></tr>",
        "<button type=\"submit\" name=\"take\" value=\"site\">Take the site&#39;s</button>",
    ] {
        assert!(page.body.contains(part), "{part}\n{}", page.body);
    }
    let viewer = format!("{}; causeway_lang=en", bed.cookie_of(&bed.viewer).await);
    let seen = bed.visit("/conflicts", &viewer).await;
    assert!(seen.body.contains("sale 1</a>") && !seen.body.contains("/conflicts/take"));
    let in_vietnamese = visit(&bed, "/conflicts", "vi").await;
    assert!(in_vietnamese.body.contains("<h1>Xung đột</h1>"));
    let overview = visit(&bed, "/", "en").await;
    let link =
        "<a href=\"/conflicts?site=here\"><b data-figure=\"conflicts-here\">2</b> conflicts</a>";
    assert!(overview.body.contains(link), "{}", overview.body);

    let listed = page_of(&bed, "").await?;
    let id = listed["items"][0]["id"].as_str().ok_or("no id")?.to_owned();
    let refused = send(&bed, &viewer, format!("id={id}&take=site")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let cookie = admin(&bed, "en").await;
    let taken = send(&bed, &cookie, format!("id={id}&take=site&site=here")).await;
    assert_eq!(taken.status, StatusCode::SEE_OTHER, "{}", taken.body);
    let to = "/conflicts?site=here&taken=site";
    assert_eq!(taken.header(header::LOCATION), to);
    let left = bed.visit(to, &cookie).await;
    for part in [
        "The site&#39;s values stand.",
        "<b data-figure=\"conflicts\">1</b>",
    ] {
        assert!(left.body.contains(part), "{part}\n{}", left.body);
    }
    assert!(!left.body.contains("sale 1</a>"), "{}", left.body);
    for id in [&*id, "x"] {
        let again = send(&bed, &cookie, format!("id={id}&take=site")).await;
        assert_eq!(again.status, StatusCode::NOT_FOUND);
        assert!(
            again.body.contains("This conflict is over."),
            "{}",
            again.body
        );
    }
    Ok(())
}

#[tokio::test]
async fn of_a_row_that_the_cloud_moved_the_columns_are_shown_that_differ() -> Outcome {
    let (bed, mut site) = bed(&[1]).await?;
    let moves = "UPDATE sale SET day = '2025-11-29' WHERE id = 1";
    change(&bed, &site, moves).await?;
    let hub = &bed.app.hub;
    hub.flush_site(site.name(), (bed.app.clock)()).await?;
    say(&mut site, &[1], "paid").await?;
    hub.load(&LoadRequest::at((bed.app.clock)())).await?;
    let page = visit(&bed, "/conflicts", "en").await.body;
    let shown = |column: &str| page.contains(&format!("<th scope=\"row\">{column}</th>"));
    let columns = ["id", "day", "slot", "state"];
    assert_eq!(columns.map(shown), [false, true, false, true], "{page}");
    Ok(())
}

#[tokio::test]
async fn a_row_that_is_deleted_on_one_side_and_one_that_clashes_are_told() -> Outcome {
    let (bed, mut site) = bed(&[1, 2]).await?;
    let hub = &bed.app.hub;
    change(
        &bed,
        &site,
        "UPDATE sale SET slot = 'x', state = 'open' WHERE id = 1",
    )
    .await?;
    hub.flush_site(site.name(), (bed.app.clock)()).await?;
    say(&mut site, &[1], "held").await?;
    let rows = ["1,2025-11-28,s1,held", "3,2025-11-28,x,<new>"];
    let put = site.put("sale", "dt=2025-11-28", &rows).await?;
    put.commit().await?;
    hub.load(&LoadRequest::at((bed.app.clock)())).await?;
    let page = visit(&bed, "/conflicts", "en").await;
    for part in [
        // The site deleted it, and the cloud's stays.
        "<tr><th scope=\"row\">Row</th><td>deleted</td><td class=\"stands\">there <small>(shown now)</small></td></tr>",
        "<p>Two rows have the same values where only one row may have them: <b>day, slot</b></p>",
        "<tr><th scope=\"row\">slot</th><td class=\"stands\">x</td><td class=\"stands\">x</td></tr>",
        "<tr><th scope=\"row\">state</th><td>&#60;new&#62;</td><td>open</td></tr>",
        "There is no side to take",
    ] {
        assert!(page.body.contains(part), "{part}\n{}", page.body);
    }
    let listed = page_of(&bed, "").await?;
    let items = listed["items"].as_array().ok_or("no items")?;
    let clash = items.iter().find(|item| item["kind"] == "clash");
    let id = clash
        .and_then(|item| item["id"].as_str())
        .ok_or("no clash")?;
    let cookie = admin(&bed, "en").await;
    let refused = send(&bed, &cookie, format!("id={id}&take=site")).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(
        refused.body.contains("change these values"),
        "{}",
        refused.body
    );
    let some = visit(&bed, "/conflicts?cursor=7", "en").await;
    assert_eq!(some.status, StatusCode::BAD_REQUEST);
    Ok(())
}
