//! Edits of dates that are not loaded, taken back.
//!
//! On SQLite alone: the rest is held to one suite (`db/conformance.rs`).

use jiff::civil::date;

use super::*;
use crate::services::edits::{EditsQuery, list};
use crate::testing::{Outcome, SHOP, TestHub, TestSite};

#[tokio::test]
async fn the_date_of_an_edit_is_loaded_to_take_it_back() -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut test = TestHub::in_folder(&folder.path().join("one")).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    let sales = ["1,2025-12-20,a,paid", "2,2025-12-20,b,paid"];
    site.put("sale", "dt=2025-12-20", &sales).await?;
    site.commit().await?;
    test.ask_for(&[date(2025, 12, 20)]);
    test.load_one().await?;
    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
        .await?;
    test.change(&site, "DELETE FROM sale WHERE id = 2").await?;
    test.flush(&site).await?;

    // A database that is made anew has the window alone.
    let mut fresh = test.in_another_folder(&folder.path().join("two")).await?;
    fresh.take_over().await?;
    fresh.load_one().await?;
    assert_eq!(fresh.rows(&site, "sale").await?, Vec::<String>::new());
    let query = EditsQuery {
        limit: 9,
        ..EditsQuery::default()
    };
    let by = By {
        actor: "admin/ann",
        now: fresh.request.now,
    };
    for edit in list(&fresh.hub, &query).await?.items {
        let which = EditRef {
            site: edit.site,
            commit: edit.commit,
            id: edit.row.id,
        };
        undo(&fresh.hub, &which, by).await?;
    }
    let mut rows = fresh.rows(&site, "sale").await?;
    rows.sort();
    assert_eq!(rows, sales.map(|sale| format!("dt=2025-12-20 {sale}")));
    fresh.ask_for(&[date(2025, 12, 20)]);
    assert_eq!(fresh.differences().await?, Vec::<String>::new());
    Ok(())
}
