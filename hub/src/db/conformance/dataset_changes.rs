//! A site whose dataset changes: its tables follow in place, with what the cloud changed in them.

use causeway_shared::ids::Seq;
use jiff::civil::date;

use crate::sync::DateRange;
use crate::testing::{HubDatabase, Outcome, TestHub, TestSite};

/// Items, and sales by day. `item` and `sale` are what follows their first columns.
fn shop(buckets: u32, name: &str, item: &str, sale: &str, more: &str) -> String {
    format!(
        "name = 'shop'\nversion = 1\n\
         [[table]]\nname = 'item'\nkey = ['id']\nmerge = 'site'\npartition = {{ buckets = {buckets} }}\n\
         column = [{{ name = 'id', type = 'int' }}, {{ name = 'name', type = 'text'{name} }}{item}]\n\
         [[table]]\nname = 'sale'\nkey = ['id']\npartition = {{ by = 'day' }}\n\
         unique = [{{ columns = ['day', 'slot'] }}]\n\
         column = [{{ name = 'id', type = 'int' }}, {{ name = 'day', type = 'date', not_null = true }}, \
         {{ name = 'slot', type = 'text' }}{sale}]\n{more}"
    )
}

const GRADE: &str = ", { name = 'grade', type = 'text', not_null = true, default = 'b' }, \
                     { name = 'note', type = 'text' }";
const SOLD: &str = ", { name = 'sold', type = 'timestamp', not_null = true, \
                    default = { column = 'day' } }, { name = 'paid', type = 'bool', default = false }";
const VISIT: &str = "[[table]]\nname = 'visit'\nkey = ['id']\npartition = { buckets = 1 }\n\
                     column = [{ name = 'id', type = 'int' }]";

async fn loaded(test: &TestHub) -> Outcome<TestSite> {
    let mut site = TestSite::new(&test.store, "here", &shop(2, ", max = 9", "", "", ""))?;
    site.put("item", "b=0of2", &["1,apple", "3,plum"]).await?;
    site.put("item", "b=1of2", &["2,pear", "4,fig"]).await?;
    let sales = ["1,2025-11-28,a", "2,2025-11-28,b", "3,2025-11-28,c"];
    site.put("sale", "dt=2025-11-28", &sales).await?;
    site.commit().await?;
    test.load_one().await?;
    Ok(site)
}

/// What the newest dataset has of the items, in one bucket.
async fn carry_items(site: &mut TestSite, sale: &str) -> Outcome {
    site.declare(&shop(1, ", max = 20", GRADE, sale, VISIT))?;
    let items = ["1,apple,a,", "2,pear,b,ripe", "3,plum,c,", "4,fig,b,"];
    site.remove("item", "b=0of2")?.remove("item", "b=1of2")?;
    site.put("item", "b=0of1", &items).await?;
    site.put("visit", "b=0of1", &["7"]).await?.commit().await
}

/// Columns, a longer text, a table and another number of buckets, with rows changed and deleted in the
/// cloud, flushed and not, and the sales held back at the site. A database that is made anew has the same.
pub async fn a_dataset_change_is_followed_in_place(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = loaded(&test).await?;
    test.change(&site, "UPDATE item SET name = 'Apple' WHERE id = 1")
        .await?;
    test.change(&site, "DELETE FROM item WHERE id = 3").await?;
    test.change(&site, "UPDATE sale SET slot = 'x' WHERE id = 1")
        .await?;
    test.change(&site, "DELETE FROM sale WHERE id = 3").await?;
    test.flush(&site).await?;
    test.change(&site, "UPDATE item SET name = 'Pear' WHERE id = 2")
        .await?;
    test.change(&site, "UPDATE sale SET slot = 'y' WHERE id = 2")
        .await?;

    carry_items(&mut site, SOLD).await?;
    let loaded = test.load_one().await?;
    assert_eq!(loaded.conflicts, 0, "a new column is no change of a row");
    let items = [
        "b=0of1 1,Apple,a,",
        "b=0of1 2,Pear,b,ripe",
        "b=0of1 4,fig,b,",
    ];
    let sales = [
        "dt=2025-11-28 1,2025-11-28,x,2025-11-28T00:00:00,false",
        "dt=2025-11-28 2,2025-11-28,y,2025-11-28T00:00:00,false",
    ];
    assert_eq!(test.rows(&site, "item").await?, items);
    assert_eq!(test.rows(&site, "sale").await?, sales);
    assert_eq!(test.rows(&site, "visit").await?, ["b=0of1 7"]);
    assert_eq!(test.verify(false).await?.differences, []);

    // What is new is written like the rest, and what was loaded before stays as it was.
    let long = "UPDATE item SET name = 'a ripe green pear', note = 'new' WHERE id = 2";
    test.change(&site, long).await?;
    test.change(&site, "UPDATE sale SET paid = true WHERE id = 1")
        .await?;
    test.flush(&site).await?;
    assert_eq!(test.load_one().await?.conflicts, 0);
    assert_eq!(
        test.rows(&site, "item").await?[1],
        "b=0of1 2,a ripe green pear,b,new"
    );
    assert_eq!(
        test.rows(&site, "sale").await?[0],
        "dt=2025-11-28 1,2025-11-28,x,2025-11-28T00:00:00,true"
    );
    assert_eq!(test.verify(false).await?.differences, []);
    same_in_a_new_database(&test, &site).await?;

    // The site carries the sales again, with what it has in the new columns.
    let carried = [
        "1,2025-11-28,a,2025-11-28T09:00:00,false",
        "2,2025-11-28,b,2025-11-28T10:00:00,false",
        "3,2025-11-28,c,2025-11-28T11:00:00,true",
    ];
    site.put("sale", "dt=2025-11-28", &carried).await?;
    site.commit().await?;
    assert_eq!(test.load_one().await?.conflicts, 0);
    let sales = [
        "dt=2025-11-28 1,2025-11-28,x,2025-11-28T09:00:00,true",
        "dt=2025-11-28 2,2025-11-28,y,2025-11-28T10:00:00,false",
    ];
    assert_eq!(test.rows(&site, "sale").await?, sales);
    assert_eq!(test.verify(false).await?.differences, []);
    same_in_a_new_database(&test, &site).await
}

async fn same_in_a_new_database(test: &TestHub, site: &TestSite) -> Outcome {
    let folder = tempfile::tempdir()?;
    let anew = test.in_another_folder(folder.path()).await?;
    anew.load_one().await?;
    for table in ["item", "sale", "visit"] {
        assert_eq!(anew.rows(site, table).await?, test.rows(site, table).await?);
    }
    Ok(())
}

/// Dates that were asked for stay where the number of buckets changes, and others come: no row twice, none
/// missing.
pub async fn asked_dates_outlive_another_number_of_buckets(database: &HubDatabase) -> Outcome {
    let mut test = TestHub::new(database).await?;
    let mut site = loaded(&test).await?;
    site.put("sale", "dt=2025-12-24", &["4,2025-12-24,a"])
        .await?;
    site.put("sale", "dt=2026-01-05", &["5,2026-01-05,a"])
        .await?;
    site.commit().await?;
    test.ask_for(&[date(2025, 12, 24)]);
    test.load_one().await?;
    test.change(&site, "UPDATE sale SET slot = 'x' WHERE id = 4")
        .await?;
    test.ask_for(&[]);
    carry_items(&mut site, SOLD).await?;
    test.load_one().await?;
    let moment = |day: &str| format!("{day}T00:00:00,false");
    let mut sales: Vec<String> = ["1,2025-11-28,a", "2,2025-11-28,b", "3,2025-11-28,c"]
        .map(|sale| format!("dt=2025-11-28 {sale},{}", moment("2025-11-28")))
        .into();
    let christmas = moment("2025-12-24");
    sales.push(format!("dt=2025-12-24 4,2025-12-24,x,{christmas}"));
    assert_eq!(test.rows(&site, "sale").await?, sales);
    let day = DateRange::new(date(2025, 12, 24), date(2026, 1, 5))?;
    test.hub.bring(site.name(), day, test.request.now).await?;
    test.load_one().await?;
    let epiphany = moment("2026-01-05");
    sales.push(format!("dt=2026-01-05 5,2026-01-05,a,{epiphany}"));
    assert_eq!(test.rows(&site, "sale").await?, sales);
    assert_eq!(test.rows(&site, "item").await?.len(), 4);
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

/// A table that the site holds back keeps its buckets, its edits among them, until it is carried again.
pub async fn a_held_table_keeps_its_buckets(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = loaded(&test).await?;
    test.change(&site, "UPDATE item SET name = 'Apple' WHERE id = 1")
        .await?;
    test.flush(&site).await?;
    let newest = shop(1, ", max = 20", GRADE, "", "");
    site.declare(&newest)?;
    let sales = ["1,2025-11-28,a", "2,2025-11-28,b"];
    site.put("sale", "dt=2025-11-28", &sales).await?;
    site.commit().await?;
    test.load_one().await?;
    test.change(&site, "UPDATE item SET note = 'held' WHERE id = 2")
        .await?;
    test.flush(&site).await?;
    assert_eq!(test.load_one().await?.conflicts, 0);
    let held = [
        "b=0of2 1,Apple,b,",
        "b=0of2 3,plum,b,",
        "b=1of2 2,pear,b,held",
        "b=1of2 4,fig,b,",
    ];
    assert_eq!(test.rows(&site, "item").await?, held);
    assert_eq!(test.verify(false).await?.differences, []);

    site.remove("item", "b=0of2")?.remove("item", "b=1of2")?;
    let items = ["1,apple,a,", "2,pear,b,", "3,plum,c,", "4,fig,b,"];
    site.put("item", "b=0of1", &items).await?.commit().await?;
    assert_eq!(test.load_one().await?.conflicts, 0);
    let carried = [
        "b=0of1 1,Apple,a,",
        "b=0of1 2,pear,b,held",
        "b=0of1 3,plum,c,",
        "b=0of1 4,fig,b,",
    ];
    assert_eq!(test.rows(&site, "item").await?, carried);
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

/// A column's default changes: rows whose objects lack the column take the new one.
pub async fn rows_without_a_column_take_its_new_default(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = loaded(&test).await?;
    site.declare(&shop(2, ", max = 9", GRADE, "", ""))?;
    let items = ["2,pear,a,", "4,fig,b,"];
    site.put("item", "b=1of2", &items).await?;
    site.commit().await?;
    test.load_one().await?;
    test.change(&site, "UPDATE item SET name = 'Apple' WHERE id = 1")
        .await?;
    test.flush(&site).await?;
    test.load_one().await?;
    let of_first = ["b=0of2 1,Apple,b,", "b=0of2 3,plum,b,"];
    assert_eq!(test.rows(&site, "item").await?[..2], of_first);

    let other = GRADE.replace("default = 'b'", "default = 'c'");
    site.declare(&shop(2, ", max = 9", &other, "", ""))?;
    let sales = ["1,2025-11-28,a", "2,2025-11-28,b"];
    site.put("sale", "dt=2025-11-28", &sales).await?;
    site.commit().await?;
    assert_eq!(test.load_one().await?.conflicts, 0);
    let items = [
        // Edits have the row as it was merged last, until the site carries it again.
        "b=0of2 1,Apple,b,",
        "b=0of2 3,plum,c,",
        "b=1of2 2,pear,a,",
        "b=1of2 4,fig,b,",
    ];
    assert_eq!(test.rows(&site, "item").await?, items);
    assert_eq!(test.verify(false).await?.differences, []);
    let revision = test.database.sites().await?[0].revision;
    test.load_one().await?;
    assert_eq!(test.database.sites().await?[0].revision, revision);
    let folder = tempfile::tempdir()?;
    let anew = test.in_another_folder(folder.path()).await?;
    anew.load_one().await?;
    assert_eq!(anew.rows(&site, "item").await?, items);
    Ok(())
}

/// Rows that a former owner kept are folded with the columns that were declared since.
pub async fn kept_rows_outlive_a_dataset_change(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = loaded(&test).await?;
    let folder = tempfile::tempdir()?;
    let other = test.in_another_folder(folder.path()).await?;
    other.load_one().await?;
    test.change(&site, "UPDATE item SET name = 'Apple' WHERE id = 1")
        .await?;
    test.change(&site, "DELETE FROM item WHERE id = 3").await?;
    other.hub.take_over(None, other.request.now).await?;
    other.load_one().await?;
    assert!(!test.flush(&site).await?.owner);

    carry_items(&mut site, "").await?;
    other.load_one().await?;
    test.load_one().await?;
    assert_eq!(test.rows(&site, "item").await?[0], "b=0of1 1,apple,a,");
    test.hub.take_over(None, test.request.now).await?;
    assert_eq!(test.load_one().await?.conflicts, 0);
    let items = [
        "b=0of1 1,Apple,a,",
        "b=0of1 2,pear,b,ripe",
        "b=0of1 4,fig,b,",
    ];
    assert_eq!(test.rows(&site, "item").await?, items);
    assert_eq!(test.database.sites().await?[0].edits_waiting, 0);
    assert_eq!(test.verify(false).await?.differences, []);
    Ok(())
}

/// What the tables cannot follow is refused before anything is settled with it, changes go on, and the next
/// dataset that they can follow is taken.
pub async fn a_dataset_that_cannot_be_followed_changes_nothing(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = loaded(&test).await?;
    test.change(&site, "UPDATE item SET name = 'Apple' WHERE id = 1")
        .await?;
    test.flush(&site).await?;
    site.declare(&shop(2, ", max = 3", "", "", ""))?;
    site.put("item", "b=0of2", &["1,app", "3,plu"]).await?;
    site.commit().await?;
    let refused = test.load_one().await.err().ok_or("it was taken")?;
    let refused = refused.to_string();
    assert!(
        refused.contains("table item: column name is shorter"),
        "{refused}"
    );
    assert!(refused.contains("last good data stays"), "{refused}");
    let state = test.database.sites().await?.remove(0);
    assert_eq!(state.head.map(|head| head.seq), Some(Seq(1)));
    site.declare(&shop(2, ", max = 9", "", "", ""))?;
    test.change(&site, "UPDATE item SET name = 'APPLE' WHERE id = 1")
        .await?;
    test.flush(&site).await?;
    assert_eq!(test.rows(&site, "item").await?[0], "b=0of2 1,APPLE");

    carry_items(&mut site, SOLD).await?;
    test.load_one().await?;
    assert_eq!(test.rows(&site, "item").await?[0], "b=0of1 1,APPLE,a,");
    Ok(())
}

/// A table that was held back while one of its columns became another is named, also where nothing was
/// loaded before.
pub async fn a_held_table_that_cannot_be_read_is_named(database: &HubDatabase) -> Outcome {
    let test = TestHub::new(database).await?;
    let mut site = TestSite::new(&test.store, "here", &shop(1, "", "", "", ""))?;
    site.put("item", "b=0of1", &["1,7"]).await?.commit().await?;
    let newest = shop(1, "", "", "", "").replace("'name', type = 'text'", "'name', type = 'int'");
    site.declare(&newest)?;
    site.put("sale", "dt=2025-11-28", &["1,2025-11-28,a"])
        .await?;
    site.commit().await?;
    let refused = test.load_one().await.err().ok_or("it was taken")?;
    let refused = refused.to_string();
    assert!(
        refused.contains("column name was text and is int now"),
        "{refused}"
    );
    assert!(refused.contains("held back"), "{refused}");
    site.put("item", "b=0of1", &["1,7"]).await?.commit().await?;
    test.load_one().await?;
    assert_eq!(test.rows(&site, "item").await?, ["b=0of1 1,7"]);
    Ok(())
}
