//! Edits that are taken back.

use causeway_shared::ids::Seq;

use super::steps::{available, practice};
use crate::services::appointments::{self, By, Step};
use crate::services::edits::{Edit, EditRef, EditsQuery, Undone, list, undo};
use crate::services::error::ServiceError;
use crate::testing::{HubDatabase, Outcome, SHOP, TestHub, TestSite};

const DAY: &str = "2025-11-28";

/// The sales, in order.
async fn sales_of(test: &TestHub, site: &TestSite) -> Outcome<Vec<String>> {
    let rows = test.rows(site, "sale").await?;
    let sale = |row: String| row.rsplit(' ').next().unwrap_or_default().to_owned();
    let mut sales: Vec<String> = rows.into_iter().map(sale).collect();
    sales.sort();
    Ok(sales)
}

/// The newest edit of a sale.
pub(super) async fn newest(test: &TestHub, id: i64) -> Outcome<Edit> {
    let query = EditsQuery {
        key: Some(vec![id.to_string()]),
        limit: 1,
        ..EditsQuery::default()
    };
    let page = list(&test.hub, &query).await?;
    Ok(page.items.into_iter().next().ok_or("no edit")?)
}

pub(super) async fn take_back(test: &TestHub, edit: &Edit) -> Result<Undone, ServiceError> {
    let which = EditRef {
        site: edit.site.clone(),
        commit: edit.commit,
        id: edit.row.id.clone(),
    };
    let by = By {
        actor: "admin/ann",
        now: test.request.now,
    };
    undo(&test.hub, &which, by).await
}

/// An update, an insert and a delete, each taken back and then that too, in the database and in the store.
pub async fn an_edit_is_taken_back_and_that_too(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,"];
    site.put("sale", &format!("dt={DAY}"), &sales).await?;
    site.commit().await?;
    test.load_one().await?;

    let born = test.sell(&site, DAY, "c").await?;
    let (sold, void) = (format!("{born},{DAY},c,"), "1,2025-11-28,a,void".to_owned());
    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
        .await?;
    test.change(&site, "DELETE FROM sale WHERE id = 2").await?;
    test.flush(&site).await?;
    let changed = [void.clone(), sold.clone()];
    assert_eq!(sales_of(&test, &site).await?, changed);

    for (id, was) in [(1, Some(sales[0])), (2, Some(sales[1])), (born, None)] {
        let edit = newest(&test, id).await?;
        assert!(edit.commit > Some(Seq::NONE), "{edit:?}");
        let undone = take_back(&test, &edit).await?;
        assert!(undone.flushed);
        assert_eq!(undone.row.is_some(), was.is_some(), "{undone:?}");
        let after = newest(&test, id).await?;
        assert_eq!(
            (after.row.actor.as_str(), format!("{:?}", after.row.op)),
            ("admin/ann", "Undo".to_owned())
        );
        for (name, [old, new]) in &edit.row.columns {
            let back = [new.clone(), old.clone()];
            assert_eq!(after.row.columns.get(name), Some(&back), "{name}");
        }
        // Once is enough.
        let again = take_back(&test, &edit).await;
        assert!(matches!(again, Err(ServiceError::Changed(..))), "{again:?}");
    }
    assert_eq!(sales_of(&test, &site).await?, sales);
    // The cloud changed nothing in the end.
    let edits = test.hub.edits_log(site.name()).read_catalog().await?;
    assert_eq!(edits.partitions.len(), 0, "{:?}", edits.partitions);
    assert_eq!(test.differences().await?, Vec::<String>::new());

    for id in [1, 2, born] {
        let edit = newest(&test, id).await?;
        take_back(&test, &edit).await?;
    }
    assert_eq!(sales_of(&test, &site).await?, changed);
    assert_eq!(test.differences().await?, Vec::<String>::new());
    Ok(())
}

/// A row that went on, a value that another row has by now, and an edit that nobody knows.
pub async fn what_went_on_is_not_taken_back(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", SHOP)?;
    let sales = ["1,2025-11-28,a,paid", "2,2025-11-28,b,paid"];
    site.put("sale", &format!("dt={DAY}"), &sales).await?;
    site.commit().await?;
    test.load_one().await?;
    test.change(&site, "UPDATE sale SET state = 'void' WHERE id = 1")
        .await?;
    // It waits for its commit.
    let waiting = newest(&test, 1).await?;
    assert_eq!(waiting.commit, None);
    test.change(&site, "UPDATE sale SET slot = 'z' WHERE id = 1")
        .await?;
    // Another column is no matter.
    take_back(&test, &waiting).await?;
    let back = newest(&test, 1).await?;
    test.change(&site, "UPDATE sale SET state = 'open' WHERE id = 1")
        .await?;
    match take_back(&test, &back).await {
        Err(ServiceError::Changed(_, Some(present))) => {
            assert_eq!(
                (&present["id"], &present["state"]),
                (&1.into(), &"open".into())
            );
            assert_eq!(present["site"], "here");
        }
        other => return Err(format!("{other:?}").into()),
    }
    assert!(matches!(
        take_back(&test, &waiting).await,
        Err(ServiceError::NotFound(_))
    ));

    test.change(&site, "DELETE FROM sale WHERE id = 2").await?;
    test.flush(&site).await?;
    let deleted = newest(&test, 2).await?;
    let other = test.sell(&site, DAY, "b").await?;
    let clash = take_back(&test, &deleted).await;
    assert!(
        matches!(clash, Err(ServiceError::NotUnique(_))),
        "{clash:?}"
    );
    test.change(&site, &format!("DELETE FROM sale WHERE id = {other}"))
        .await?;
    take_back(&test, &deleted).await?;
    assert_eq!(
        sales_of(&test, &site).await?,
        ["1,2025-11-28,z,open", "2,2025-11-28,b,paid"]
    );
    assert_eq!(test.differences().await?, Vec::<String>::new());

    let mut unknown = deleted;
    unknown.commit = Some(Seq(99));
    let refused = take_back(&test, &unknown).await;
    assert!(matches!(refused, Err(ServiceError::NotFound(_))));
    Ok(())
}

/// The slot of an appointment goes and comes with it, also where whoever cancelled it left the slot as it was;
/// not where another appointment has it by now.
pub async fn an_appointment_comes_back_with_its_slot(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let site = practice(&test).await?;
    let by = By {
        actor: "ann",
        now: test.request.now,
    };
    let step = async |step| appointments::step(&test.hub, None, 1, step, by).await;
    let newest = async |key: &str| -> Outcome<Edit> {
        let query = EditsQuery {
            table: Some("appointment".parse()?),
            key: Some(vec![key.to_owned()]),
            limit: 1,
            ..EditsQuery::default()
        };
        let page = list(&test.hub, &query).await?;
        Ok(page.items.into_iter().next().ok_or("no edit")?)
    };
    let available = async || available(&test, &site).await;

    step(Step::Confirm).await?;
    step(Step::Cancel).await?;
    assert_eq!(available().await?, "1 2 3");
    let cancelled = newest("1").await?;
    let row = take_back(&test, &cancelled).await?.row.ok_or("no row")?;
    assert_eq!(row["status"], "confirmed");
    assert_eq!(available().await?, "2 3");
    step(Step::Assign(2)).await?;
    assert_eq!(available().await?, "1 3");
    take_back(&test, &newest("1").await?).await?;
    assert_eq!(available().await?, "2 3");

    // A program cancels it and leaves the slot; another books it then.
    let write = async |sql: &str| -> Outcome {
        let mut write = test
            .database
            .begin_write(site.name(), site.dataset(), "bot")
            .await?;
        write.query(sql, &[], &[]).await?;
        write.commit().await?;
        test.flush(&site).await?;
        Ok(())
    };
    write("UPDATE appointment SET status = 'cancelled' WHERE appointmentid = 1").await?;
    assert_eq!(available().await?, "2 3");
    let cancelled = newest("1").await?;
    write("UPDATE appointment SET consultantid = 1, \"time\" = '09:00:00' WHERE appointmentid = 2")
        .await?;
    match take_back(&test, &cancelled).await {
        Err(ServiceError::Clash(Some(other))) => assert_eq!(other.text("appointmentid"), "2"),
        other => return Err(format!("{other:?}").into()),
    }
    assert_eq!(available().await?, "2 3");
    take_back(&test, &newest("2").await?).await?;
    assert_eq!(available().await?, "1 2 3");
    take_back(&test, &cancelled).await?;
    assert_eq!(available().await?, "2 3");

    // What is deleted needs no slot any more, and takes it again; where there is none it needs none.
    write("DELETE FROM appointment WHERE appointmentid = 1").await?;
    let deleted = newest("1").await?;
    write("UPDATE consultantschedule SET isavailable = true WHERE scheduleid = 1").await?;
    take_back(&test, &deleted).await?;
    assert_eq!(available().await?, "2 3");
    write("UPDATE appointment SET status = 'cancelled' WHERE appointmentid = 4").await?;
    take_back(&test, &newest("4").await?).await?;
    assert_eq!(test.differences().await?, [""; 0]);
    Ok(())
}
